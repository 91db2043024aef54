/*
 * The receiver decides: a number that it has not accepted did not come, however
 * sure the sender is to have given it to a path, and one that the sender has
 * given up may have come all the same. So what was lost with a path is what is
 * missing there and given up here, and no more than either.
 */
#include "supervisor/engine/ledger.h"

#include <string.h>

#define SAY_EVERY_US UINT64_C(1000000)
#define REPEATS 8

/* What is there now, and no sum of what was. */
static bool
is_level(enum frame_total total)
{
	return total == FRAME_CARRIED || total == FRAME_WAITING ||
	    total == FRAME_KEPT || total == FRAME_HELD;
}

static uint64_t
least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* a - b, or 0: what the far end told is older than what is known here. */
static uint64_t
beyond(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

void
ledger_init(struct ledger *ledger, uint64_t first)
{
	memset(ledger, 0, sizeof(*ledger));
	ledger->first = first;
}

/*
 * From all that was ever counted (with 0 carried) to what the count at hand
 * has; counts may be all.
 */
static void
count_from_base(const struct ledger *ledger,
    const uint64_t all[FRAME_TOTALS_COUNT], uint64_t counts[FRAME_TOTALS_COUNT])
{
	for (int i = 0; i < FRAME_TOTALS_COUNT; i++)
		counts[i] = all[i] - ledger->base[i];
	counts[FRAME_CARRIED] = ledger->carried;
}

static void
begin(struct ledger *ledger, const uint64_t all[FRAME_TOTALS_COUNT])
{
	for (int i = 0; i < FRAME_TOTALS_COUNT; i++)
		ledger->base[i] = is_level((enum frame_total)i) ? 0 : all[i];
	/* The new end may get those that the former one had not confirmed. */
	ledger->base[FRAME_NUMBERED] -= all[FRAME_KEPT];
	ledger->carried = all[FRAME_WAITING] + all[FRAME_KEPT];
}

/* Somebody had them who did not tell. */
static bool
has_settled_some(const uint64_t all[FRAME_TOTALS_COUNT])
{
	return all[FRAME_NUMBERED] > all[FRAME_KEPT] + all[FRAME_GIVEN_UP];
}

static enum ledger_news
meet(struct ledger *ledger, const struct frame_totals *totals,
    enum ledger_role role, const uint64_t all[FRAME_TOTALS_COUNT])
{
	bool anew = ledger->peer_first != 0;

	if (totals->first == 0 || (anew && role != LEDGER_CONNECTS))
		return LEDGER_GOES_ON;
	if (anew || has_settled_some(all)) {
		begin(ledger, all);
		ledger->round++;
	}
	ledger->peer_first = totals->first;
	ledger->peer_serial = 0;
	ledger->known = false;
	return anew ? LEDGER_ANEW : LEDGER_MET;
}

static enum ledger_news
follow(struct ledger *ledger, const struct frame_totals *totals,
    const uint64_t all[FRAME_TOTALS_COUNT])
{
	begin(ledger, all);
	ledger->round = totals->round;
	ledger->known = false;
	return LEDGER_AGAIN;
}

enum ledger_news
ledger_hear(struct ledger *ledger, const struct frame_totals *totals,
    enum ledger_role role, const uint64_t all[FRAME_TOTALS_COUNT])
{
	enum ledger_news news = LEDGER_GOES_ON;

	if (totals->first != ledger->peer_first)
		news = meet(ledger, totals, role, all);
	if (totals->first != ledger->peer_first)
		return news;
	if (role == LEDGER_FOLLOWS && totals->round > ledger->round) {
		if (news == LEDGER_GOES_ON)
			news = follow(ledger, totals, all);
		else
			ledger->round = totals->round;
	}
	/* Paths overtake each other. */
	if (totals->echo != ledger->first || totals->round != ledger->round ||
	    totals->serial <= ledger->peer_serial)
		return news;
	ledger->peer_serial = totals->serial;
	ledger->known = true;
	memcpy(ledger->peer, totals->counts, sizeof(ledger->peer));
	return news;
}

bool
ledger_is_time(const struct ledger *ledger, uint64_t now_us)
{
	return now_us - ledger->said_us >= SAY_EVERY_US;
}

bool
ledger_has_news(struct ledger *ledger, const uint64_t all[FRAME_TOTALS_COUNT])
{
	uint64_t counts[FRAME_TOTALS_COUNT];

	count_from_base(ledger, all, counts);
	if (ledger->said.echo != ledger->peer_first ||
	    ledger->said.round != ledger->round ||
	    memcmp(counts, ledger->said.counts, sizeof(counts)) != 0)
		ledger->repeated = 0;
	return ledger->repeated <= REPEATS;
}

void
ledger_say(struct ledger *ledger, const uint64_t all[FRAME_TOTALS_COUNT],
    uint64_t now_us, struct frame_totals *totals)
{
	count_from_base(ledger, all, ledger->said.counts);
	ledger->said.first = ledger->first;
	ledger->said.echo = ledger->peer_first;
	ledger->said.round = ledger->round;
	ledger->said.serial++;
	ledger->said_us = now_us;
	ledger->repeated++;
	*totals = ledger->said;
}

static bool
is_settled(const struct ledger_account *account)
{
	uint64_t sum = 0;

	for (int i = 0; i < LEDGER_FATES; i++)
		sum += account->fates[i];
	return sum == account->came_in && account->fates[LEDGER_WAITING] == 0 &&
	    account->fates[LEDGER_UNDER_WAY] == 0 &&
	    account->fates[LEDGER_HELD] == 0;
}

/* The counts of the end where they came in, and of the one where they go. */
static void
close_books(const uint64_t out[FRAME_TOTALS_COUNT],
    const uint64_t in[FRAME_TOTALS_COUNT], bool known,
    struct ledger_account *account)
{
	uint64_t *fates = account->fates;
	uint64_t missing = beyond(out[FRAME_NUMBERED], in[FRAME_ACCEPTED]);
	uint64_t gone = beyond(missing, out[FRAME_KEPT]);

	memset(account, 0, sizeof(*account));
	account->came_in = out[FRAME_CARRIED] + out[FRAME_RECEIVED] +
	    out[FRAME_KERNEL] + out[FRAME_NO_ROOM];
	fates[LEDGER_KERNEL] = out[FRAME_KERNEL];
	fates[LEDGER_NO_ROOM] = out[FRAME_NO_ROOM];
	fates[LEDGER_TOO_LARGE] = out[FRAME_TOO_LARGE];
	fates[LEDGER_TOO_OLD] = out[FRAME_TOO_OLD];
	fates[LEDGER_STRANGER] = out[FRAME_STRANGERS];
	fates[LEDGER_WAITING] = out[FRAME_WAITING];
	fates[LEDGER_LOST_WITH_PATH] = least(gone, out[FRAME_GIVEN_UP]);
	fates[LEDGER_LATE] = least(gone - fates[LEDGER_LOST_WITH_PATH],
	    in[FRAME_LATE]);
	fates[LEDGER_UNDER_WAY] = missing - fates[LEDGER_LOST_WITH_PATH] -
	    fates[LEDGER_LATE];
	fates[LEDGER_HELD] = in[FRAME_HELD];
	fates[LEDGER_DELIVERED] = in[FRAME_DELIVERED];
	fates[LEDGER_REFUSED] = in[FRAME_REFUSED];
	fates[LEDGER_NOBODY] = in[FRAME_NOBODY];
	account->copies = out[FRAME_COPIES];
	account->arrived = in[FRAME_ARRIVED];
	account->duplicates = in[FRAME_DUPLICATES];
	if (known)
		account->state = is_settled(account) ? LEDGER_SETTLED :
						       LEDGER_OPEN;
}

void
ledger_account_out(const struct ledger *ledger,
    const uint64_t all[FRAME_TOTALS_COUNT], struct ledger_account *account)
{
	static const uint64_t none[FRAME_TOTALS_COUNT];
	uint64_t counts[FRAME_TOTALS_COUNT];

	count_from_base(ledger, all, counts);
	close_books(counts, ledger->known ? ledger->peer : none, ledger->known,
	    account);
}

void
ledger_account_in(const struct ledger *ledger,
    const uint64_t all[FRAME_TOTALS_COUNT], struct ledger_account *account)
{
	static const uint64_t none[FRAME_TOTALS_COUNT];
	uint64_t counts[FRAME_TOTALS_COUNT];

	count_from_base(ledger, all, counts);
	close_books(ledger->known ? ledger->peer : none, counts, ledger->known,
	    account);
}

const char *
ledger_fate_name(enum ledger_fate fate)
{
	static const char *const names[LEDGER_FATES] = {
		[LEDGER_KERNEL] = "kernel",
		[LEDGER_NO_ROOM] = "no_room",
		[LEDGER_TOO_LARGE] = "too_large",
		[LEDGER_TOO_OLD] = "too_old",
		[LEDGER_STRANGER] = "stranger",
		[LEDGER_WAITING] = "waiting",
		[LEDGER_UNDER_WAY] = "under_way",
		[LEDGER_LOST_WITH_PATH] = "lost_with_path",
		[LEDGER_LATE] = "late",
		[LEDGER_HELD] = "held",
		[LEDGER_DELIVERED] = "delivered",
		[LEDGER_REFUSED] = "refused",
		[LEDGER_NOBODY] = "nobody",
	};

	return names[fate];
}

const char *
ledger_state_name(enum ledger_state state)
{
	switch (state) {
	case LEDGER_UNKNOWN:
		return "unknown";
	case LEDGER_OPEN:
		return "open";
	case LEDGER_SETTLED:
		return "settled";
	}
	return "";
}
