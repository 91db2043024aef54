#include "supervisor/activation.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "supervisor/log.h"
#include "tests/suite.h"

/* A stream socket on a port of 127.0.0.1, as number `to`. */
static struct sockaddr_storage
pass(int to, int type, bool listens)
{
	struct sockaddr_storage address = { .ss_family = AF_UNSPEC };
	struct sockaddr_in *in = (struct sockaddr_in *)&address;
	socklen_t length = sizeof(*in);
	int fd = socket(AF_INET, type, 0);

	in->sin_family = AF_INET;
	in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)in, length), 0);
	if (listens)
		ck_assert_int_eq(listen(fd, 1), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)in, &length), 0);
	if (fd != to) {
		ck_assert_int_eq(dup2(fd, to), to);
		close(fd);
	}
	return address;
}

static void
open_with(struct activation *activation, const char *pid, const char *fds)
{
	char own[16];

	snprintf(own, sizeof(own), "%d", (int)getpid());
	setenv("LISTEN_PID", pid != NULL ? pid : own, 1);
	setenv("LISTEN_FDS", fds, 1);
	setenv("LISTEN_FDNAMES", "socktopus.socket", 1);
	activation_open(activation);
	ck_assert_ptr_null(getenv("LISTEN_PID"));
	ck_assert_ptr_null(getenv("LISTEN_FDS"));
	ck_assert_ptr_null(getenv("LISTEN_FDNAMES"));
}

START_TEST(nothing_is_passed)
{
	struct activation activation;
	struct sockaddr_storage address = { .ss_family = AF_INET };

	activation_open(&activation);
	ck_assert_uint_eq(activation.count, 0);
	ck_assert_int_eq(activation_take(&activation, &address), -1);
	activation_close(&activation);
}
END_TEST

START_TEST(each_is_found_by_its_address_once)
{
	struct activation activation;
	struct sockaddr_storage a = pass(3, SOCK_STREAM, true);
	struct sockaddr_storage b = pass(4, SOCK_STREAM, true);

	open_with(&activation, NULL, "2");
	ck_assert_uint_eq(activation.count, 2);
	ck_assert_int_eq(activation_take(&activation, &b), 4);
	ck_assert_int_eq(activation_take(&activation, &b), -1);
	ck_assert_int_eq(activation_take(&activation, &a), 3);
	ck_assert_int_eq(fcntl(3, F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(fcntl(3, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	activation_close(&activation);
	ck_assert_int_ne(fcntl(3, F_GETFD), -1);
}
END_TEST

START_TEST(another_address_is_not_taken)
{
	struct activation activation;
	struct sockaddr_storage a = pass(3, SOCK_STREAM, true), other = a;
	struct sockaddr_in6 mapped = { .sin6_family = AF_INET6 };

	open_with(&activation, NULL, "1");
	((struct sockaddr_in *)&other)->sin_addr.s_addr = htonl(INADDR_ANY);
	ck_assert_int_eq(activation_take(&activation, &other), -1);
	other = a;
	((struct sockaddr_in *)&other)->sin_port ^= htons(1);
	ck_assert_int_eq(activation_take(&activation, &other), -1);
	mapped.sin6_port = ((struct sockaddr_in *)&a)->sin_port;
	ck_assert_int_eq(inet_pton(AF_INET6, "::ffff:127.0.0.1",
			     &mapped.sin6_addr),
	    1);
	ck_assert_int_eq(activation_take(&activation,
			     (struct sockaddr_storage *)&mapped),
	    -1);
	/* What is left over is closed. */
	activation_close(&activation);
	ck_assert_int_eq(fcntl(3, F_GETFD), -1);
}
END_TEST

START_TEST(only_listening_streams_are_taken)
{
	struct activation activation;
	struct sockaddr_storage a = pass(3, SOCK_STREAM, false);
	struct sockaddr_storage b = pass(4, SOCK_DGRAM, false);

	ck_assert_int_eq(open("/dev/null", O_RDONLY), 5);
	open_with(&activation, NULL, "4"); /* the last one is not open */
	ck_assert_uint_eq(activation.count, 4);
	ck_assert_int_eq(activation_take(&activation, &a), -1);
	ck_assert_int_eq(activation_take(&activation, &b), -1);
	activation_close(&activation);
	for (int fd = 3; fd <= 6; fd++)
		ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
}
END_TEST

START_TEST(what_is_meant_for_others_is_left)
{
	static const struct {
		const char *pid, *fds;
	} cases[] = { { "1", "1" }, { "", "1" }, { "x", "1" }, { NULL, "0" },
		{ NULL, "" }, { NULL, "-1" }, { NULL, "1x" }, { NULL, "65" },
		{ NULL, "99999999999999999999" } };
	struct activation activation;
	struct sockaddr_storage a = pass(3, SOCK_STREAM, true);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		open_with(&activation, cases[i].pid, cases[i].fds);
		ck_assert_uint_eq(activation.count, 0);
		ck_assert_int_eq(activation_take(&activation, &a), -1);
	}
	ck_assert_int_ne(fcntl(3, F_GETFD), -1);
}
END_TEST

#define RESERVED_LAST 9

/* Check's own files are to lie above the numbers that the tests use. */
static void
reserve_numbers(void)
{
	while (open("/dev/null", O_RDONLY) < RESERVED_LAST)
		continue;
}

static void
free_numbers(void)
{
	close_range(ACTIVATION_FIRST, RESERVED_LAST, 0);
}

static Suite *
activation_suite(void)
{
	Suite *suite = suite_create("activation");
	TCase *tcase = tcase_create("core");

	tcase_add_checked_fixture(tcase, free_numbers, NULL);
	tcase_add_test(tcase, nothing_is_passed);
	tcase_add_test(tcase, each_is_found_by_its_address_once);
	tcase_add_test(tcase, another_address_is_not_taken);
	tcase_add_test(tcase, only_listening_streams_are_taken);
	tcase_add_test(tcase, what_is_meant_for_others_is_left);
	suite_add_tcase(suite, tcase);
	return suite;
}

int
main(void)
{
	reserve_numbers();
	log_set_level(LOG_FATAL_LEVEL);
	return suite_run(activation_suite());
}
