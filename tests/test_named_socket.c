/*
 * A name whose holder is at his end while a new socket wants it, and one at
 * which something else stands by now.
 */
#include "supervisor/named_socket.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "supervisor/named_file.h"
#include "tests/suite.h"

#define NEVER (-1)

static char folder[] = "/tmp/socktopus-test.XXXXXX";
static char path[64], why[NAMED_SOCKET_WHY_MAX];
static struct named_file file;
static int holder, looks;
static int removed_at, closed_at; /* before which look at it */

/* Whoever looks whether somebody answers comes by here. */
int
connect(int fd, const struct sockaddr *address, socklen_t length)
{
	looks++;
	if (looks == removed_at)
		unlink(path);
	if (looks == closed_at) {
		close(holder);
		holder = -1;
	}
	return (int)syscall(SYS_connect, fd, address, length);
}

static int
open_it(void)
{
	const struct named_socket named = { .path = path,
		.why = why,
		.file = &file,
		.type = SOCK_DGRAM,
		.mode = 0600,
		.owner = geteuid(),
		.group = getegid() };

	return named_socket_open(&named);
}

static void
setup(void)
{
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/name", folder);
	removed_at = closed_at = NEVER;
	holder = open_it();
	ck_assert_int_ne(holder, -1);
	looks = 0;
}

static void
teardown(void)
{
	if (holder != -1)
		close(holder);
	unlink(path);
	rmdir(folder);
	memset(folder + sizeof(folder) - 7, 'X', 6);
}

static void
expect_ours(void)
{
	int fd = open_it();

	ck_assert_msg(fd != -1, "%s", why);
	ck_assert_int_eq(access(path, F_OK), 0);
	close(fd);
}

START_TEST(who_answers_keeps_his_name)
{
	ck_assert_int_eq(open_it(), -1);
	ck_assert_ptr_nonnull(strstr(why, "in use by another process"));
	ck_assert_int_eq(access(path, F_OK), 0);
}
END_TEST

START_TEST(a_name_that_is_left_over_is_taken)
{
	closed_at = 1;
	expect_ours();
}
END_TEST

START_TEST(who_answers_a_moment_longer_is_waited_for)
{
	closed_at = 3;
	expect_ours();
}
END_TEST

/* By its holder, who closes it then. */
START_TEST(a_name_may_be_removed_meanwhile)
{
	removed_at = _i;
	closed_at = _i + 1;
	expect_ours();
}
END_TEST

static mode_t
mode_of(int fd)
{
	struct stat status;

	ck_assert_int_eq(fstat(fd, &status), 0);
	return status.st_mode & 07777;
}

START_TEST(its_file_is_changed)
{
	int fd = named_file_open(path, &file);

	ck_assert_int_ne(fd, -1);
	ck_assert_int_eq(named_file_give(fd, geteuid(), getegid()), 0);
	ck_assert_int_eq(named_file_set_mode(fd, 0640), 0);
	ck_assert_int_eq(mode_of(fd), 0640);
	close(fd);
	ck_assert_int_eq(named_file_remove(path, &file), 0);
	ck_assert_int_eq(named_file_remove(path, &file), -1);
	ck_assert_int_eq(errno, ENOENT);
}
END_TEST

/* A link to the very socket is another file too. */
START_TEST(another_file_is_left_alone)
{
	char aside[sizeof(path) + 8];

	snprintf(aside, sizeof(aside), "%s.aside", path);
	ck_assert_int_eq(rename(path, aside), 0);
	ck_assert_int_eq(symlink(aside, path), 0);
	ck_assert_int_eq(named_file_open(path, &file), -1);
	ck_assert_int_eq(errno, ESTALE);
	ck_assert_int_eq(named_file_remove(path, &file), -1);
	ck_assert_int_eq(errno, ESTALE);
	ck_assert_int_eq(access(path, F_OK), 0);
	unlink(aside);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("named_socket");
	TCase *all = tcase_create("all");

	tcase_add_checked_fixture(all, setup, teardown);
	tcase_add_test(all, who_answers_keeps_his_name);
	tcase_add_test(all, a_name_that_is_left_over_is_taken);
	tcase_add_test(all, who_answers_a_moment_longer_is_waited_for);
	tcase_add_loop_test(all, a_name_may_be_removed_meanwhile, 1, 4);
	tcase_add_test(all, its_file_is_changed);
	tcase_add_test(all, another_file_is_left_alone);
	suite_add_tcase(suite, all);
	return suite_run(suite);
}
