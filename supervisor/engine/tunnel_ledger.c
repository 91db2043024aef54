#include "supervisor/engine/tunnel_ledger.h"

#include "supervisor/engine/clock.h"
#include "supervisor/engine/end.h"
#include "supervisor/engine/path.h"
#include "supervisor/engine/tunnel.h"
#include "supervisor/log.h"

static void
gather(struct tunnel *tunnel, uint64_t all[FRAME_TOTALS_COUNT])
{
	const struct udp *udp = &tunnel->end->udp;

	end_count(tunnel->end);
	all[FRAME_CARRIED] = 0;
	all[FRAME_RECEIVED] = udp->received + udp->oversize + udp->strangers;
	all[FRAME_KERNEL] = udp->kernel_drops;
	all[FRAME_NO_ROOM] = udp->no_room;
	all[FRAME_TOO_LARGE] = tunnel->too_large + udp->oversize;
	all[FRAME_TOO_OLD] = tunnel->too_old;
	all[FRAME_STRANGERS] = udp->strangers;
	all[FRAME_WAITING] = udp_batch_left(&tunnel->batch);
	all[FRAME_NUMBERED] = tunnel->sent;
	all[FRAME_KEPT] = tunnel->history.kept;
	all[FRAME_GIVEN_UP] = tunnel->history.lost + tunnel->history.forgotten;
	all[FRAME_COPIES] = tunnel->copies;
	all[FRAME_ARRIVED] = tunnel->arrived;
	all[FRAME_ACCEPTED] = tunnel->arrival.received;
	all[FRAME_DUPLICATES] = tunnel->arrival.duplicates;
	all[FRAME_LATE] = tunnel->arrival.too_old;
	all[FRAME_HELD] = tunnel->reorder.holding + end_held(tunnel->end);
	all[FRAME_DELIVERED] = tunnel->delivered;
	all[FRAME_REFUSED] = udp->refused;
	all[FRAME_NOBODY] = udp->nobody;
	all[FRAME_UNREACHABLE] = udp->unreachable;
}

/* Records stand in the order of their numbers, which their frames begin with */
static uint64_t
least_sequence(const struct tunnel *tunnel)
{
	const struct arena *arena = &tunnel->history.arena;
	struct frame_reader reader;
	const uint8_t *plain;
	size_t bytes;

	if (arena_is_empty(arena))
		return tunnel->next_sequence;
	plain = arena_piece(arena, arena->oldest, &bytes);
	if (frame_reader_init(&reader, plain, bytes) == -1)
		return tunnel->next_sequence;
	return reader.sequence;
}

static bool
say(struct tunnel *tunnel, struct path *path,
    const uint64_t all[FRAME_TOTALS_COUNT])
{
	uint8_t frame[FRAME_CONTROL_MAX];
	struct frame_totals totals;

	ledger_say(&tunnel->ledger, all, clock_now_us(), &totals);
	totals.least = least_sequence(tunnel);
	return path_send(path, frame, frame_encode_totals(&totals, frame));
}

void
tunnel_ledger_say(struct tunnel *tunnel, struct path *path)
{
	uint64_t all[FRAME_TOTALS_COUNT];

	gather(tunnel, all);
	say(tunnel, path, all);
}

static enum ledger_role
role_on(const struct path *path)
{
	if (path->config == NULL)
		return LEDGER_FOLLOWS;
	return path->state == PATH_OPENING ? LEDGER_CONNECTS : LEDGER_LEADS;
}

void
tunnel_ledger_hear(struct tunnel *tunnel, struct path *path,
    const struct frame_totals *totals)
{
	uint64_t all[FRAME_TOTALS_COUNT];

	gather(tunnel, all);
	switch (ledger_hear(&tunnel->ledger, totals, role_on(path), all)) {
	case LEDGER_GOES_ON:
		return;
	case LEDGER_ANEW:
		log_notice(tunnel->name, "the far end has begun anew");
		break;
	case LEDGER_MET:
		break;
	case LEDGER_AGAIN:
		/* What went elsewhere meanwhile will not come. */
		reorder_skip(&tunnel->reorder, totals->least);
		return;
	}
	/*
	 * The first that comes need not be the first that was sent; and what
	 * a former process had sent must not be taken for this one's.
	 */
	reorder_skip(&tunnel->reorder, totals->least);
	arrival_restart(&tunnel->arrival, totals->least);
}

/* Another one each time: one may be dead and not known to be. */
static struct path *
pick(const struct tunnel *tunnel)
{
	uint64_t turn = tunnel->ledger.said.serial % tunnel->paths_up;
	struct path *path;

	TAILQ_FOREACH(path, &tunnel->paths, entry)
		if (path->state == PATH_UP && turn-- == 0)
			return path;
	return NULL;
}

void
tunnel_ledger_tick(struct tunnel *tunnel, uint64_t now_us)
{
	uint64_t all[FRAME_TOTALS_COUNT];
	struct path *path;

	if (tunnel->paths_up == 0 || !ledger_is_time(&tunnel->ledger, now_us))
		return;
	gather(tunnel, all);
	if (!ledger_has_news(&tunnel->ledger, all))
		return;
	path = pick(tunnel);
	if (path != NULL && say(tunnel, path, all))
		path_flush(path, now_us);
}

void
tunnel_ledger_read(struct tunnel *tunnel, struct ledger_account *out,
    struct ledger_account *in)
{
	uint64_t all[FRAME_TOTALS_COUNT];

	gather(tunnel, all);
	ledger_account_out(&tunnel->ledger, all, out);
	ledger_account_in(&tunnel->ledger, all, in);
}
