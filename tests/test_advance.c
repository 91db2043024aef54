/*
 * What an heir is given in advance is what it takes later, unless it has changed
 * since: two engines in one process, which carry nothing.
 */
#include "supervisor/engine/advance.h"

#include <sys/socket.h>

#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/config.h"
#include "supervisor/engine/end.h"
#include "supervisor/engine/engine.h"
#include "supervisor/engine/leave_bundle.h"
#include "supervisor/engine/leave_tunnel.h"
#include "supervisor/engine/noise.h"
#include "supervisor/engine/noise_identity.h"
#include "supervisor/engine/tunnel.h"
#include "supervisor/state.h"
#include "tests/suite.h"

#define BYTES_MAX ((size_t)1 << 20)
#define FDS_MAX 16

static struct engine old, new;
static int ways[2];
static uint8_t bytes[BYTES_MAX];
static int fds[FDS_MAX];

static void
begin_engine(struct engine *engine)
{
	memset(engine, 0, sizeof(*engine));
	engine->base = event_base_new();
	ck_assert_ptr_nonnull(engine->base);
	TAILQ_INIT(&engine->tunnels);
	TAILQ_INIT(&engine->arriving);
	TAILQ_INIT(&engine->ended);
}

static void
configure(struct engine *engine)
{
	static const uint8_t key[NOISE_KEY_BYTES] = { 8 };
	struct config_peer *peer = calloc(1, sizeof(*peer));

	engine->config = config_new();
	engine->identity = noise_identity_new(key);
	engine->peers = calloc(1, sizeof(*engine->peers));
	ck_assert(engine->config != NULL && engine->identity != NULL &&
	    engine->peers != NULL && peer != NULL);
	strcpy(peer->name, "peer");
	engine->config->peers = peer;
	engine->config->peers_count = 1;
	engine->peers[0].config = peer;
}

static void
set_up(void)
{
	ck_assert_int_eq(noise_init(), 0);
	begin_engine(&old);
	begin_engine(&new);
	configure(&old);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ways), 0);
}

static struct sockaddr_storage
loopback(void)
{
	struct sockaddr_storage address = { .ss_family = AF_INET };

	((struct sockaddr_in *)&address)->sin_addr.s_addr = htonl(
	    INADDR_LOOPBACK);
	return address;
}

static struct tunnel *
begin_tunnel(const char *name)
{
	const struct frame_policy policy = { .copies = 1 };
	struct address_pair pair = { .kind = ADDRESS_LEARN,
		.local = loopback() };
	struct tunnel *tunnel;
	struct end *end;
	int fd = udp_bind(&pair);

	ck_assert_int_ne(fd, -1);
	end = end_new(&pair, fd);
	ck_assert_ptr_nonnull(end);
	tunnel = tunnel_allocate(&old, name, &old.peers[0], &policy,
	    HISTORY_BYTES_MIN, end);
	ck_assert_ptr_nonnull(tunnel);
	return tunnel;
}

static void
give_in_advance(void)
{
	ck_assert_int_eq(advance_send(&old, ways[0]), 0);
	ck_assert_int_eq(advance_receive(&new.upgrade.advance, &new, ways[1]),
	    0);
}

/* The tunnels, as in the pause; how many descriptors crossed with them. */
static size_t
cross(void)
{
	struct state state = { .way = STATE_WRITE,
		.bytes = bytes,
		.size = BYTES_MAX,
		.fds = fds,
		.fds_count = FDS_MAX };
	struct tunnel *tunnel;
	size_t count = 0, fds_count;

	TAILQ_FOREACH(tunnel, &old.tunnels, entry) {
		leave_tunnel(&state, tunnel);
		count++;
	}
	ck_assert(!state.broken);
	fds_count = state.fds_at;
	for (size_t i = 0; i < fds_count; i++)
		fds[i] = dup(fds[i]);
	state = (struct state){ .way = STATE_READ,
		.bytes = bytes,
		.size = state.at,
		.fds = fds,
		.fds_count = fds_count };
	while (count-- > 0)
		ck_assert(leave_tunnel_read(&state, &new));
	ck_assert_uint_eq(state.at, state.size);
	advance_free(new.upgrade.advance);
	return fds_count;
}

static in_port_t
port_of(const struct tunnel *tunnel)
{
	struct sockaddr_in address;
	socklen_t length = sizeof(address);

	ck_assert_int_eq(getsockname(tunnel->end->fd,
			     (struct sockaddr *)&address, &length),
	    0);
	return address.sin_port;
}

/* The new engine has this one next, on the same socket. */
static struct tunnel *
expect_next(struct tunnel *before, const struct tunnel *was)
{
	struct tunnel *tunnel = before == NULL ? TAILQ_FIRST(&new.tunnels) :
						 TAILQ_NEXT(before, entry);

	ck_assert_ptr_nonnull(tunnel);
	ck_assert_str_eq(tunnel->name, was->name);
	ck_assert_ptr_eq(tunnel->peer, &new.peers[0]);
	ck_assert_uint_eq(port_of(tunnel), port_of(was));
	ck_assert_int_ne(tunnel->end->fd, was->end->fd);
	ck_assert_uint_eq(tunnel->next_sequence, was->next_sequence);
	return tunnel;
}

START_TEST(tunnels_that_stay_need_no_descriptor_in_the_pause)
{
	struct tunnel *a, *b, *at;

	set_up();
	a = begin_tunnel("a");
	b = begin_tunnel("b");
	give_in_advance();
	ck_assert(TAILQ_EMPTY(&new.tunnels));
	a->next_sequence += 5;
	ck_assert_uint_eq(cross(), 0);
	at = expect_next(NULL, a);
	at = expect_next(at, b);
	ck_assert_ptr_null(TAILQ_NEXT(at, entry));
}
END_TEST

START_TEST(what_changes_meanwhile_crosses_as_it_is_then)
{
	struct tunnel *a, *b, *c, *at;

	set_up();
	a = begin_tunnel("a");
	b = begin_tunnel("b");
	give_in_advance();
	a->policy.reorder_ms = 50;
	ck_assert_int_eq(tunnel_change_reorder(a), 0);
	tunnel_free(b, "");
	c = begin_tunnel("c");
	ck_assert_uint_eq(cross(), 1);
	at = expect_next(NULL, a);
	ck_assert_uint_eq(at->reorder.hold_us, 50000);
	at = expect_next(at, c);
	ck_assert_ptr_null(TAILQ_NEXT(at, entry));
}
END_TEST

START_TEST(a_configuration_that_changes_is_told_again)
{
	struct state state = { .way = STATE_WRITE,
		.bytes = bytes,
		.size = BYTES_MAX };

	set_up();
	give_in_advance();
	ck_assert_str_eq(new.config->peers[0].name, "peer");
	ck_assert(leave_bundle_is(&old.upgrade.bundle, &old));
	strcpy(old.config->peers[0].name, "other");
	ck_assert(!leave_bundle_is(&old.upgrade.bundle, &old));
	leave_bundle_write(&state, &old);
	state = (struct state){ .way = STATE_READ,
		.bytes = bytes,
		.size = state.at };
	ck_assert(leave_bundle_read(&state, &new));
	ck_assert_str_eq(new.config->peers[0].name, "other");
	ck_assert_ptr_eq(new.peers[0].config, &new.config->peers[0]);
}
END_TEST

START_TEST(where_it_comes_to_nothing_no_mark_is_left)
{
	struct tunnel *a;

	set_up();
	a = begin_tunnel("a");
	ck_assert_int_eq(advance_send(&old, ways[0]), 0);
	ck_assert_uint_ne(a->advanced, 0);
	advance_forget(&old);
	ck_assert_uint_eq(a->advanced, 0);
	ck_assert(!leave_bundle_is(&old.upgrade.bundle, &old));
}
END_TEST

START_TEST(what_is_none_is_refused)
{
	set_up();
	ck_assert_int_eq(send(ways[0], "0123456789abcdef", 16, 0), 16);
	ck_assert_int_eq(advance_receive(&new.upgrade.advance, &new, ways[1]),
	    -1);
	ck_assert_int_eq(errno, EPROTO);
	advance_free(new.upgrade.advance);
	close(ways[0]);
	ck_assert_int_eq(advance_receive(&new.upgrade.advance, &new, ways[1]),
	    -1);
	advance_free(new.upgrade.advance);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("advance");
	TCase *t = tcase_create("advance");

	tcase_add_test(t, tunnels_that_stay_need_no_descriptor_in_the_pause);
	tcase_add_test(t, what_changes_meanwhile_crosses_as_it_is_then);
	tcase_add_test(t, a_configuration_that_changes_is_told_again);
	tcase_add_test(t, where_it_comes_to_nothing_no_mark_is_left);
	tcase_add_test(t, what_is_none_is_refused);
	suite_add_tcase(s, t);
	return suite_run(s);
}
