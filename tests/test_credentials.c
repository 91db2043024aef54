#include "supervisor/engine/credentials.h"

#include <sys/stat.h>

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bsd/string.h>

#include "supervisor/config.h"
#include "tests/suite.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static char file[] = "/tmp/test_credentials.XXXXXX";
static struct config *config;
static struct config_path *path;
static char error[KEY_ERROR_MAX];

static void
set_up(void)
{
	int fd;

	strcpy(file + sizeof(file) - 7, "XXXXXX");
	fd = mkstemp(file);
	ck_assert_int_ne(fd, -1);
	close(fd);
	config = config_new();
	path = config_add_path(config_add_tunnel(config));
	strlcpy(path->auth, file, sizeof(path->auth));
}

static void
tear_down(void)
{
	unlink(file);
	config_free(config);
}

static void
set_chain(const char *text)
{
	struct address_uri hops[MESSAGE_HOPS_MAX];
	const char *why;
	int count = address_parse_chain(text, hops, MESSAGE_HOPS_MAX, &why);

	ck_assert_int_gt(count, 0);
	ck_assert_int_eq(config_path_set_hops(path, hops, (size_t)count), 0);
}

static void
write_file(const char *text, size_t length)
{
	int fd = open(file, O_WRONLY | O_TRUNC);

	ck_assert_int_eq(write(fd, text, length), (ssize_t)length);
	close(fd);
}

static const struct {
	const char *chain;
	const char *text;
	size_t hop;
	const char *user;
	const char *password;
} good[] = {
	{ "socks://a", "u:p\n", 0, "u", "p" },
	{ "socks://a", "u:p", 0, "u", "p" },
	{ "http://a", "u:p:q %41 \n", 0, "u", "p:q %41 " },
	{ "http://a", "u\n", 0, "u", "" },
	{ "socks4://a", "u\n", 0, "u", "" },
	{ "socks://a", "\n", 0, "", "" },
	{ "tcp://r,http://a", "u:p\n", 1, "u", "p" },
	{ "tcp://r,http://a", "u:p\n", 0, "", "" },
	{ "socks://a,http://b", "u:p\nv:q\n", 0, "u", "p" },
	{ "socks://a,http://b", "u:p\nv:q\n", 1, "v", "q" },
	{ "socks://a,http://b", "\nv:q", 1, "v", "q" },
	{ "socks://a,http://b", "u:p\n\n", 0, "u", "p" },
};

START_TEST(lines_are_for_the_proxies)
{
	const struct address_uri *hop;

	set_chain(good[_i].chain);
	write_file(good[_i].text, strlen(good[_i].text));
	ck_assert_msg(credentials_read(path, error) == 0, "%s", error);
	hop = &path->hops[good[_i].hop];
	ck_assert_str_eq(hop->user, good[_i].user);
	ck_assert_str_eq(hop->password, good[_i].password);
}
END_TEST

static const struct {
	const char *chain;
	const char *text;
	const char *why;
} bad[] = {
	{ "socks://a", "", "fewer lines than proxies" },
	{ "socks://a,http://b", "u:p\n", "fewer lines than proxies" },
	{ "socks://a", "u:p\n\n", "more lines than proxies" },
	{ "tcp://a", "u:p\n", "more lines than proxies" },
	{ "socks://a", ":p\n", "the user is empty" },
	{ "socks://a", "u\n", "SOCKS5 needs a password with the user" },
	{ "socks4://a", "u:p\n", "SOCKS4 has no password" },
	{ "http://a", "u:p\r\n",
	    "there is a control byte in the user or password" },
};

START_TEST(bad_lines_are_refused)
{
	char expected[KEY_ERROR_MAX];

	set_chain(bad[_i].chain);
	write_file(bad[_i].text, strlen(bad[_i].text));
	ck_assert_int_eq(credentials_read(path, error), -1);
	snprintf(expected, sizeof(expected), "%s: %s", file, bad[_i].why);
	ck_assert_str_eq(error, expected);
}
END_TEST

START_TEST(lengths_are_bounded)
{
	char text[2 * MESSAGE_SECRET_MAX];

	set_chain("socks://a");
	memset(text, 'x', sizeof(text));
	text[255] = ':';
	write_file(text, 255 + 1 + 255);
	ck_assert_int_eq(credentials_read(path, error), 0);
	ck_assert_uint_eq(strlen(path->hops[0].user), 255);
	ck_assert_uint_eq(strlen(path->hops[0].password), 255);
	write_file(text, 255 + 1 + 256);
	ck_assert_int_eq(credentials_read(path, error), -1);
	ck_assert_ptr_nonnull(strstr(error, "longer than 255 bytes"));
}
END_TEST

START_TEST(huge_files_are_refused)
{
	static char text[65536];

	set_chain("socks://a");
	memset(text, 'x', sizeof(text));
	write_file(text, sizeof(text));
	ck_assert_int_eq(credentials_read(path, error), -1);
	ck_assert_ptr_nonnull(strstr(error, "File too large"));
}
END_TEST

START_TEST(zero_bytes_are_refused)
{
	set_chain("http://a");
	write_file("u:\0p\n", 5);
	ck_assert_int_eq(credentials_read(path, error), -1);
	ck_assert_ptr_nonnull(strstr(error, "control byte"));
}
END_TEST

START_TEST(open_files_are_refused)
{
	set_chain("socks://a");
	write_file("u:p\n", 4);
	ck_assert_int_eq(chmod(file, 0640), 0);
	ck_assert_int_eq(credentials_read(path, error), -1);
	ck_assert_ptr_nonnull(strstr(error, "mode 0640"));
	ck_assert_int_eq(unlink(file), 0);
	ck_assert_int_eq(credentials_read(path, error), -1);
	ck_assert_ptr_nonnull(strstr(error, "No such file"));
}
END_TEST

START_TEST(no_file_is_fine)
{
	set_chain("socks://u:p@a");
	path->auth[0] = '\0';
	ck_assert_int_eq(credentials_read(path, error), 0);
	ck_assert_str_eq(path->hops[0].user, "u");
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("credentials");
	TCase *t = tcase_create("credentials");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_loop_test(t, lines_are_for_the_proxies, 0, COUNT(good));
	tcase_add_loop_test(t, bad_lines_are_refused, 0, COUNT(bad));
	tcase_add_test(t, lengths_are_bounded);
	tcase_add_test(t, huge_files_are_refused);
	tcase_add_test(t, zero_bytes_are_refused);
	tcase_add_test(t, open_files_are_refused);
	tcase_add_test(t, no_file_is_fine);
	suite_add_tcase(s, t);
	return s;
}

int
main(void)
{
	return suite_run(suite());
}
