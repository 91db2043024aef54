#include <sys/stat.h>
#include <sys/wait.h>

#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/engine/key.h"
#include "tests/suite.h"

#define RACERS 8

static char folder[] = "/tmp/test_key.XXXXXX";
static char file[sizeof(folder) + 64];
static char error[KEY_ERROR_MAX];
static uint8_t key[KEY_BYTES], other[KEY_BYTES];

/* Bytes 00..1f. */
static const char private_text[] =
    "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

static void
set_up(void)
{
	strcpy(folder + sizeof(folder) - 7, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(file, sizeof(file), "%s/key", folder);
}

static void
tear_down(void)
{
	char command[sizeof(folder) + 16];

	snprintf(command, sizeof(command), "rm -rf %s", folder);
	ck_assert_int_eq(system(command), 0);
}

static void
write_file(const char *text, size_t bytes, mode_t mode)
{
	int fd;

	unlink(file);
	fd = open(file, O_WRONLY | O_CREAT | O_EXCL, 0600);
	ck_assert_int_ne(fd, -1);
	ck_assert_int_eq(write(fd, text, bytes), (ssize_t)bytes);
	ck_assert_int_eq(fchmod(fd, mode), 0);
	close(fd);
}

/* error must be "FILE: " and this. */
static void
check_error(const char *what)
{
	char expected[KEY_ERROR_MAX];

	snprintf(expected, sizeof(expected), "%s: %s", file, what);
	ck_assert_str_eq(error, expected);
}

START_TEST(test_read)
{
	char text[KEY_TEXT_MAX + 1];

	key_from_text(private_text, other);
	write_file(private_text, 44, _i == 0 ? 0600 : 0400);
	ck_assert_int_eq(key_read_file(file, key, error), 0);
	ck_assert_mem_eq(key, other, KEY_BYTES);
	snprintf(text, sizeof(text), "%s\n", private_text);
	write_file(text, 45, 0600);
	ck_assert_int_eq(key_read_file(file, key, error), 0);
	ck_assert_mem_eq(key, other, KEY_BYTES);
}
END_TEST

static const mode_t open_modes[] = { 0640, 0620, 0610, 0604, 0602, 0601, 0644,
	0666, 0700 | S_IRGRP };

#define OPEN_MODES_COUNT (int)(sizeof(open_modes) / sizeof(open_modes[0]))

START_TEST(test_read_open_to_others)
{
	char expected[128];

	write_file(private_text, 44, open_modes[_i]);
	ck_assert_int_eq(key_read_file(file, key, error), -1);
	snprintf(expected, sizeof(expected),
	    "readable by group or others "
	    "(mode %04o), want 0600",
	    (unsigned int)open_modes[_i]);
	check_error(expected);
}
END_TEST

START_TEST(test_read_foreign)
{
	if (geteuid() != 0)
		return;
	write_file(private_text, 44, 0600);
	ck_assert_int_eq(chown(file, 12345, 0), 0);
	ck_assert_int_eq(key_read_file(file, key, error), -1);
	check_error("owned by uid 12345, want root's or our own");
}
END_TEST

START_TEST(test_read_no_file)
{
	ck_assert_int_eq(key_read_file(file, key, error), -1);
	check_error("No such file or directory");
	ck_assert_int_eq(mkdir(file, 0700), 0);
	ck_assert_int_eq(key_read_file(file, key, error), -1);
	check_error("not a regular file");
	ck_assert_int_eq(rmdir(file), 0);
	ck_assert_int_eq(mkfifo(file, 0600), 0);
	ck_assert_int_eq(key_read_file(file, key, error), -1);
	check_error("not a regular file");
}
END_TEST

START_TEST(test_read_bad_text)
{
	static const char *const texts[] = { "", "\n", "junk\n",
		"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n\n",
		"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\r\n",
		"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=x",
		"\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
		"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9=\n" };
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		write_file(texts[i], strlen(texts[i]), 0600);
		ck_assert_int_eq(key_read_file(file, key, error), -1);
		check_error("not one line of 44 base64 characters");
	}
	write_file("AAECAwQF\0gcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", 44, 0600);
	ck_assert_int_eq(key_read_file(file, key, error), -1);
}
END_TEST

static int
count_entries(const char *path)
{
	DIR *entries = opendir(path);
	int count = 0;

	ck_assert_ptr_nonnull(entries);
	while (readdir(entries) != NULL)
		count++;
	closedir(entries);
	return count - 2;
}

START_TEST(test_make)
{
	struct stat status;
	char above[sizeof(file)];
	int made;

	umask(_i == 0 ? 0 : 077);
	snprintf(above, sizeof(above), "%s/a/b", folder);
	snprintf(file, sizeof(file), "%s/a/b/key", folder);
	ck_assert_int_eq(key_read_or_make_file(file, key, &made, error), 0);
	ck_assert_int_eq(made, 1);
	ck_assert_int_eq(stat(file, &status), 0);
	ck_assert_uint_eq(status.st_mode, S_IFREG | 0600);
	ck_assert_int_eq(status.st_size, 45);
	ck_assert_int_eq(stat(above, &status), 0);
	ck_assert_uint_eq(status.st_mode, S_IFDIR | 0700);
	ck_assert_int_eq(count_entries(above), 1);
	ck_assert_int_eq(key_read_or_make_file(file, other, &made, error), 0);
	ck_assert_int_eq(made, 0);
	ck_assert_mem_eq(key, other, KEY_BYTES);
	ck_assert_uint_eq(key[0] & 7, 0);
}
END_TEST

START_TEST(test_make_relative)
{
	int made;

	ck_assert_int_eq(chdir(folder), 0);
	ck_assert_int_eq(key_read_or_make_file("key", key, &made, error), 0);
	ck_assert_int_eq(made, 1);
	ck_assert_int_eq(count_entries(folder), 1);
}
END_TEST

START_TEST(test_make_keeps_a_bad_file)
{
	struct stat status;
	int made;

	write_file("junk\n", 5, 0600);
	ck_assert_int_eq(key_read_or_make_file(file, key, &made, error), -1);
	check_error("not one line of 44 base64 characters");
	ck_assert_int_eq(stat(file, &status), 0);
	ck_assert_int_eq(status.st_size, 5);
	write_file(private_text, 44, 0644);
	ck_assert_int_eq(key_read_or_make_file(file, key, &made, error), -1);
	check_error("readable by group or others (mode 0644), want 0600");
	ck_assert_int_eq(made, 0);
}
END_TEST

START_TEST(test_make_impossible)
{
	char nowhere[sizeof(file)];
	int made;

	snprintf(nowhere, sizeof(nowhere), "%s/nowhere", folder);
	ck_assert_int_eq(symlink(nowhere, file), 0);
	ck_assert_int_eq(key_read_or_make_file(file, key, &made, error), -1);
	check_error("No such file or directory");
	ck_assert_int_eq(count_entries(folder), 1);
	strcpy(file, "/proc/nowhere/key");
	ck_assert_int_eq(key_read_or_make_file(file, key, &made, error), -1);
	check_error("cannot make it: No such file or directory");
}
END_TEST

START_TEST(test_long_name)
{
	char name[2 * KEY_ERROR_MAX];
	int made;

	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	ck_assert_int_eq(key_read_or_make_file(name, key, &made, error), -1);
	ck_assert_uint_eq(strlen(error), KEY_ERROR_MAX - 1);
}
END_TEST

/* One of several processes that start at once: its key, and whether it made. */
static void
race(int start, int answer)
{
	uint8_t result[KEY_BYTES + 1];
	int made;
	char go;

	if (read(start, &go, 1) != 0 ||
	    key_read_or_make_file(file, result, &made, error) != 0)
		_exit(1);
	result[KEY_BYTES] = (uint8_t)made;
	_exit(write(answer, result, sizeof(result)) != sizeof(result));
}

START_TEST(test_make_at_once)
{
	uint8_t first[KEY_BYTES + 1], next[KEY_BYTES + 1];
	int start[2], answer[2], made = 0, i, status;

	ck_assert_int_eq(pipe(start), 0);
	ck_assert_int_eq(pipe(answer), 0);
	snprintf(file, sizeof(file), "%s/a/b/key", folder);
	for (i = 0; i < RACERS; i++)
		if (fork() == 0) {
			close(start[1]);
			race(start[0], answer[1]);
		}
	close(start[1]);
	for (i = 0; i < RACERS; i++) {
		ck_assert_int_eq(read(answer[0], next, sizeof(next)),
		    sizeof(next));
		made += next[KEY_BYTES];
		if (i == 0)
			memcpy(first, next, sizeof(first));
		ck_assert_mem_eq(first, next, KEY_BYTES);
	}
	ck_assert_int_eq(made, 1);
	for (i = 0; i < RACERS; i++) {
		ck_assert_int_ne(wait(&status), -1);
		ck_assert_int_eq(status, 0);
	}
}
END_TEST

static Suite *
key_file_suite(void)
{
	Suite *suite = suite_create("key_file");
	TCase *tcase = tcase_create("file");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_loop_test(tcase, test_read, 0, 2);
	tcase_add_loop_test(tcase, test_read_open_to_others, 0,
	    OPEN_MODES_COUNT);
	tcase_add_test(tcase, test_read_foreign);
	tcase_add_test(tcase, test_read_no_file);
	tcase_add_test(tcase, test_read_bad_text);
	tcase_add_loop_test(tcase, test_make, 0, 2);
	tcase_add_test(tcase, test_make_relative);
	tcase_add_test(tcase, test_make_keeps_a_bad_file);
	tcase_add_test(tcase, test_make_impossible);
	tcase_add_test(tcase, test_long_name);
	tcase_add_loop_test(tcase, test_make_at_once, 0, 20);
	suite_add_tcase(suite, tcase);
	return suite;
}

int
main(void)
{
	return suite_run(key_file_suite());
}
