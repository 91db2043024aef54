#include "supervisor/bundle.h"

#include <bsd/string.h>

#include <check.h>
#include <errno.h>
#include <stdlib.h>

#include "tests/suite.h"

static struct bundle bundle;

static void
fill(void)
{
	struct config *config = config_new();
	struct config_tunnel *tunnel;
	struct config_path *path;
	struct address_uri hops[2];
	const char *error;

	ck_assert_ptr_nonnull(config);
	ck_assert_ptr_nonnull(config_add_listen(config));
	ck_assert_ptr_nonnull(config_add_peer(config));
	ck_assert_ptr_nonnull(config_add_peer(config));
	strlcpy(config->peers[1].name, "second", CONFIG_NAME_MAX);
	tunnel = config_add_tunnel(config);
	ck_assert_ptr_nonnull(tunnel);
	path = config_add_path(tunnel);
	ck_assert_int_eq(address_parse_chain("tcp://a,socks://u:secret@b", hops,
			     2, &error),
	    2);
	ck_assert_int_eq(config_path_set_hops(path, hops, 2), 0);
	bundle.config = config;
	bundle.psks = calloc(3, sizeof(*bundle.psks));
	bundle.asked = calloc(2, sizeof(*bundle.asked));
	ck_assert(bundle.psks != NULL && bundle.asked != NULL);
	memset(bundle.identity, 7, sizeof(bundle.identity));
	memset(bundle.psks[1].key, 9, sizeof(bundle.psks[1].key));
	bundle.asked[0].local.ss_family = AF_INET6;
}

static void
clear(void)
{
	bundle_free(&bundle);
}

START_TEST(there_and_back)
{
	struct bundle other;
	size_t bytes;
	void *packed = bundle_pack(&bundle, &bytes);

	ck_assert_ptr_nonnull(packed);
	ck_assert_int_eq(bundle_unpack(&other, packed, bytes), 0);
	bundle_discard(packed, bytes);
	ck_assert_uint_eq(other.config->listens_count, 1);
	ck_assert_uint_eq(other.config->peers_count, 2);
	ck_assert_str_eq(other.config->peers[1].name, "second");
	ck_assert_uint_eq(other.config->peers[0].permits_count,
	    ADDRESS_LOOPBACK_PERMITS);
	ck_assert_str_eq(other.config->tunnels[0].paths[0].hops[1].password,
	    "secret");
	ck_assert_ptr_ne(other.config->tunnels[0].paths,
	    bundle.config->tunnels[0].paths);
	ck_assert_int_eq(other.identity[31], 7);
	ck_assert_int_eq(other.psks[0].key[0], 0);
	ck_assert_int_eq(other.psks[1].key[31], 9);
	ck_assert_int_eq(other.asked[0].local.ss_family, AF_INET6);
	bundle_free(&other);
}
END_TEST

/* Whatever length arrives, no pointer of the other process is used. */
START_TEST(cut_short)
{
	struct bundle other;
	size_t bytes;
	char *packed = bundle_pack(&bundle, &bytes);

	ck_assert_ptr_nonnull(packed);
	for (size_t i = 0; i < bytes; i += i < 64 ? 1 : 499) {
		char *part = malloc(i + 1);

		ck_assert_ptr_nonnull(part);
		memcpy(part, packed, i);
		ck_assert_int_eq(bundle_unpack(&other, part, i), -1);
		ck_assert_int_eq(errno, EPROTO);
		free(part);
	}
	bundle_discard(packed, bytes);
}
END_TEST

int
main(void)
{
	TCase *tests = tcase_create("bundle");
	Suite *suite = suite_create("bundle");

	tcase_add_checked_fixture(tests, fill, clear);
	tcase_add_test(tests, there_and_back);
	tcase_add_test(tests, cut_short);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
