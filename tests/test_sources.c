#include "supervisor/engine/sources.h"

#include <netinet/in.h>

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/address.h"
#include "tests/suite.h"

#define IDLE_US 1000

static struct sockaddr_storage address;

/* The loopback address with that port. */
static int
admit(struct sources *sources, unsigned int port, uint64_t now_us)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	memset(&address, 0, sizeof(address));
	memcpy(&address, &in, sizeof(in));
	return sources_admit(sources, &address, sizeof(in), now_us);
}

static unsigned int
port_of(struct sources *sources, int client, uint64_t now_us)
{
	const struct sockaddr_storage *found;
	struct sockaddr_in in;
	socklen_t length;

	found = sources_find(sources, (uint16_t)client, now_us, &length);
	if (found == NULL)
		return 0;
	ck_assert_uint_eq(length, sizeof(in));
	memcpy(&in, found, sizeof(in));
	return ntohs(in.sin_port);
}

START_TEST(the_last_to_send_is_learned)
{
	struct sources *sources = sources_new(1, 0);

	ck_assert_uint_eq(port_of(sources, 0, 1), 0);
	ck_assert_int_eq(admit(sources, 7, 1), 0);
	ck_assert_uint_eq(port_of(sources, 0, 1), 7);
	ck_assert_int_eq(admit(sources, 8, 1), 0);
	ck_assert_int_eq(admit(sources, 8, 2), 0);
	ck_assert_uint_eq(port_of(sources, 0, 2), 8);
	ck_assert_int_eq(admit(sources, 7, 2), 0);
	ck_assert_uint_eq(port_of(sources, 0, 2), 7);
	ck_assert_uint_eq(port_of(sources, 1, 2), 0);
	sources_free(sources);
}
END_TEST

START_TEST(clients_are_told_apart)
{
	struct sources *sources = sources_new(SOURCES_MAX, IDLE_US);
	int numbers[SOURCES_MAX];

	for (unsigned int i = 0; i < SOURCES_MAX; i++) {
		numbers[i] = admit(sources, 1000 + i, 1);
		ck_assert_int_ge(numbers[i], 0);
	}
	ck_assert_int_eq(admit(sources, 1, 1), SOURCES_FULL);
	for (unsigned int i = 0; i < SOURCES_MAX; i++) {
		ck_assert_int_eq(admit(sources, 1000 + i, 1), numbers[i]);
		ck_assert_uint_eq(port_of(sources, numbers[i], 1), 1000 + i);
	}
	sources_expire(sources, 1);
	ck_assert_uint_eq(sources_known(sources), SOURCES_MAX);
	sources_free(sources);
}
END_TEST

START_TEST(strangers_displace_nobody_before_his_time)
{
	struct sources *sources = sources_new(2, IDLE_US);
	int first = admit(sources, 1, 1), second = admit(sources, 2, 1), third;

	ck_assert_int_eq(admit(sources, 3, 1 + IDLE_US), SOURCES_FULL);
	/* The first one was sent to, so it is not idle. */
	ck_assert_uint_eq(port_of(sources, first, 500), 1);
	third = admit(sources, 3, 2 + IDLE_US);
	ck_assert_int_ge(third, 0);
	ck_assert_int_ne(third, second);
	ck_assert_uint_eq(port_of(sources, second, 2 + IDLE_US), 0);
	ck_assert_uint_eq(port_of(sources, third, 2 + IDLE_US), 3);
	ck_assert_uint_eq(port_of(sources, first, 2 + IDLE_US), 1);
	/* The loop's time may be a little behind. */
	sources_expire(sources, 1);
	ck_assert_uint_eq(sources_known(sources), 2);
	sources_expire(sources, 10 * IDLE_US);
	ck_assert_uint_eq(sources_known(sources), 0);
	for (unsigned int number = 0; number <= UINT16_MAX; number++)
		ck_assert_uint_eq(port_of(sources, (int)number, 1), 0);
	sources_free(sources);
}
END_TEST

START_TEST(only_the_permitted_are_admitted)
{
	static const struct address_permit permit = { .family = AF_INET,
		.network = { 127 },
		.prefix = 8,
		.first_port = 5,
		.last_port = 9 };
	struct sources *sources = sources_new(1, 0);

	sources_permit(sources, &permit, 1);
	ck_assert_int_eq(admit(sources, 5, 1), 0);
	ck_assert_int_eq(admit(sources, 10, 1), SOURCES_STRANGER);
	ck_assert_uint_eq(port_of(sources, 0, 1), 5);
	sources_free(sources);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("sources");
	TCase *all = tcase_create("all");

	tcase_add_test(all, the_last_to_send_is_learned);
	tcase_add_test(all, clients_are_told_apart);
	tcase_add_test(all, strangers_displace_nobody_before_his_time);
	tcase_add_test(all, only_the_permitted_are_admitted);
	suite_add_tcase(suite, all);
	return suite_run(suite);
}
