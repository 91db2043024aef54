#include "supervisor/engine/difference.h"

#include <bsd/string.h>

#include <check.h>
#include <stdlib.h>

#include "tests/suite.h"

static struct config *old, *new;

static struct config_path *
add_path(struct config_tunnel *tunnel, const char *text)
{
	struct config_path *path = config_add_path(tunnel);
	struct address_uri uri;
	const char *error;

	ck_assert_int_eq(address_parse_uri(text, &uri, &error), 0);
	ck_assert_ptr_nonnull(path);
	ck_assert_int_eq(config_path_set_hops(path, &uri, 1), 0);
	return path;
}

static struct config_tunnel *
add_tunnel(struct config *config, const char *name)
{
	struct config_tunnel *tunnel = config_add_tunnel(config);
	const char *error;

	ck_assert_ptr_nonnull(tunnel);
	strlcpy(tunnel->name, name, sizeof(tunnel->name));
	ck_assert_int_eq(address_parse_tuple("1000:2000", &tunnel->local,
			     &error),
	    0);
	ck_assert_int_eq(address_parse_tuple("3000:4000", &tunnel->remote,
			     &error),
	    0);
	ck_assert_int_eq(address_parse_uri("tcp://192.0.2.1",
			     &tunnel->destinations[0], &error),
	    0);
	tunnel->destinations_count = 1;
	return tunnel;
}

static struct config *
make_config(void)
{
	struct config *config = config_new();
	struct config_peer *peer;

	ck_assert_ptr_nonnull(config);
	peer = config_add_peer(config);
	ck_assert_ptr_nonnull(peer);
	strlcpy(peer->name, "peer", sizeof(peer->name));
	add_tunnel(config, "t");
	return config;
}

static void
set_up(void)
{
	old = make_config();
	new = make_config();
}

static void
tear_down(void)
{
	config_free(old);
	config_free(new);
}

static enum difference
compare(void)
{
	return difference_tunnel(old, &old->tunnels[0], new, &new->tunnels[0]);
}

START_TEST(what_is_the_same)
{
	ck_assert_int_eq(compare(), DIFFERENCE_NONE);
	add_path(&new->tunnels[0], "tcp://192.0.2.2");
	ck_assert_int_eq(compare(), DIFFERENCE_NONE);
}
END_TEST

START_TEST(numbers_go_on)
{
	struct config_tunnel *tunnel = &new->tunnels[0];

	tunnel->reorder_ms++;
	ck_assert_int_eq(compare(), DIFFERENCE_LIVE);
	tunnel->reorder_ms--;
	tunnel->scheduler = CONFIG_PRIMARY;
	ck_assert_int_eq(compare(), DIFFERENCE_LIVE);
	tunnel->scheduler = CONFIG_EARLIEST;
	tunnel->down = true;
	ck_assert_int_eq(compare(), DIFFERENCE_LIVE);
}
END_TEST

START_TEST(clients_begin_anew)
{
	struct config_tunnel *tunnel = &new->tunnels[0];

	tunnel->clients_idle_s++;
	ck_assert_int_eq(compare(), DIFFERENCE_NONE);
	tunnel->clients = 4;
	ck_assert_int_eq(compare(), DIFFERENCE_ANEW);
	old->tunnels[0].clients = 4;
	ck_assert_int_eq(compare(), DIFFERENCE_ANEW);
	tunnel->clients_idle_s--;
	ck_assert_int_eq(compare(), DIFFERENCE_NONE);
}
END_TEST

START_TEST(addresses_and_peers_begin_anew)
{
	new->tunnels[0].local.port++;
	ck_assert_int_eq(compare(), DIFFERENCE_ANEW);
	new->tunnels[0].local.port--;
	new->tunnels[0].local.kind = ADDRESS_LEARN;
	ck_assert_int_eq(compare(), DIFFERENCE_ANEW);
	new->tunnels[0].local.kind = ADDRESS_UDP;
	new->tunnels[0].remote.host[0] = 'x';
	ck_assert_int_eq(compare(), DIFFERENCE_ANEW);
	new->tunnels[0].remote = old->tunnels[0].remote;
	new->peers[0].key[31] = 1;
	ck_assert_int_eq(compare(), DIFFERENCE_ANEW);
}
END_TEST

/* A peer before it in the file is no change. */
START_TEST(peers_may_move)
{
	struct config_peer *peer = config_add_peer(new);

	ck_assert_ptr_nonnull(peer);
	strlcpy(peer->name, "peer", sizeof(peer->name));
	strlcpy(new->peers[0].name, "other", sizeof(new->peers[0].name));
	ck_assert_int_eq(compare(), DIFFERENCE_ANEW);
	new->tunnels[0].peer = 1;
	ck_assert_int_eq(compare(), DIFFERENCE_NONE);
}
END_TEST

static enum difference
compare_paths(void)
{
	return difference_path(&old->tunnels[0], &old->tunnels[0].paths[0],
	    &new->tunnels[0], &new->tunnels[0].paths[0]);
}

START_TEST(paths)
{
	struct config_path *path;

	add_path(&old->tunnels[0], "socks://u:p@192.0.2.2");
	path = add_path(&new->tunnels[0], "socks://u:p@192.0.2.2");
	ck_assert_int_eq(compare_paths(), DIFFERENCE_NONE);
	path->count = 4;
	ck_assert_int_eq(compare_paths(), DIFFERENCE_NONE);
	path->hops[0].password[0] = 'q';
	ck_assert_int_eq(compare_paths(), DIFFERENCE_ANEW);
	path->hops[0].password[0] = 'p';
	path->backup = true;
	ck_assert_int_eq(compare_paths(), DIFFERENCE_ANEW);
	path->backup = false;
	strlcpy(path->source, "192.0.2.9", sizeof(path->source));
	ck_assert_int_eq(compare_paths(), DIFFERENCE_ANEW);
	path->source[0] = '\0';
	new->tunnels[0].destinations[0].port++;
	ck_assert_int_eq(compare_paths(), DIFFERENCE_ANEW);
}
END_TEST

START_TEST(paths_are_matched)
{
	struct config_tunnel *before = &old->tunnels[0];
	struct config_tunnel *after = &new->tunnels[0];
	size_t from[4];

	add_path(before, "tcp://192.0.2.2")->rate_limit_bytes = 7;
	add_path(before, "tcp://192.0.2.2");
	add_path(before, "tcp://192.0.2.3");
	add_path(after, "tcp://192.0.2.4");
	add_path(after, "tcp://192.0.2.2");
	add_path(after, "tcp://192.0.2.2")->rate_limit_bytes = 8;
	add_path(after, "tcp://192.0.2.2");
	difference_match_paths(before, after, from);
	ck_assert_uint_eq(from[0], DIFFERENCE_NOTHING);
	/* The same before those that merely have its URI; each only once. */
	ck_assert_uint_eq(from[1], 1);
	ck_assert_uint_eq(from[2], 0);
	ck_assert_uint_eq(from[3], DIFFERENCE_NOTHING);
	after->paths[1].pooled = true;
	difference_match_paths(before, after, from);
	ck_assert_uint_eq(from[1], DIFFERENCE_NOTHING);
	ck_assert_uint_eq(from[3], 1);
}
END_TEST

START_TEST(lists)
{
	struct address_service *listen = config_add_listen(old);
	struct address_service other = { .host = "::", .port = 1 };

	ck_assert_ptr_nonnull(listen);
	*listen = other;
	ck_assert_uint_eq(difference_find_listen(old, &other), 0);
	other.port = 2;
	ck_assert_uint_eq(difference_find_listen(old, &other),
	    DIFFERENCE_NOTHING);
	ck_assert_uint_eq(difference_find_tunnel(old, "t"), 0);
	ck_assert_uint_eq(difference_find_tunnel(old, "tt"),
	    DIFFERENCE_NOTHING);
}
END_TEST

START_TEST(what_waits_for_a_restart)
{
	const char *names[DIFFERENCE_FIXED_MAX];

	ck_assert_uint_eq(difference_fixed(old, new, names), 0);
	new->log.level = LOG_TRACE;
	ck_assert_uint_eq(difference_fixed(old, new, names), 0);
	ck_assert(!difference_log(&old->log, &new->log));
	new->log.target = LOG_TO_SYSLOG;
	ck_assert(difference_log(&old->log, &new->log));
	ck_assert(!difference_control(old, new));
	strcpy(new->control_group, "monitors");
	ck_assert(difference_control(old, new));
	new->sandbox = CONFIG_SANDBOX_BEST_EFFORT;
	ck_assert_uint_eq(difference_fixed(old, new, names), 0);
	strcpy(new->worker_user, "somebody");
	ck_assert_uint_eq(difference_fixed(old, new, names), 1);
	ck_assert_str_eq(names[0], "worker_user");
}
END_TEST

int
main(void)
{
	TCase *tests = tcase_create("difference");
	Suite *suite = suite_create("difference");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, what_is_the_same);
	tcase_add_test(tests, numbers_go_on);
	tcase_add_test(tests, clients_begin_anew);
	tcase_add_test(tests, addresses_and_peers_begin_anew);
	tcase_add_test(tests, peers_may_move);
	tcase_add_test(tests, paths);
	tcase_add_test(tests, paths_are_matched);
	tcase_add_test(tests, lists);
	tcase_add_test(tests, what_waits_for_a_restart);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
