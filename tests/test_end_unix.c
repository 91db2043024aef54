/* An application that takes nothing, and then one datagram. */
#include "supervisor/engine/end_unix.h"

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/address.h"
#include "supervisor/engine/end.h"
#include "supervisor/engine/frame.h"
#include "supervisor/engine/udp_batch.h"
#include "supervisor/state.h"
#include "tests/holder.h"
#include "tests/suite.h"

#define DATAGRAM_BYTES 1000
#define MORE_THAN_FITS 20000

static char folder[] = "/tmp/socktopus-test.XXXXXX";
static char ours[64], theirs[64];
static struct end *end;
static struct udp_batch batch;
static int application;

static struct sockaddr_un
name(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	return address;
}

static int
open_named(int type, const char *path)
{
	struct sockaddr_un address = name(path);
	int fd = socket(AF_UNIX, type | SOCK_NONBLOCK, 0);

	ck_assert_int_ne(fd, -1);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)),
	    0);
	return fd;
}

static void
open_end(enum address_kind kind, int type, const char *remote)
{
	struct address_pair pair = { .kind = kind };
	int fd = open_named(type, ours);

	if (type == SOCK_SEQPACKET)
		ck_assert_int_eq(listen(fd, 1), 0);
	address_name_pair(kind, ours, remote, &pair);
	end = end_new(&pair, fd);
	ck_assert_ptr_nonnull(end);
}

static void
setup(void)
{
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(ours, sizeof(ours), "%s/ours", folder);
	snprintf(theirs, sizeof(theirs), "%s/theirs", folder);
	ck_assert_int_eq(udp_batch_init(&batch), 0);
}

static void
teardown(void)
{
	udp_batch_free(&batch);
	end_free(end);
	close(application);
	unlink(ours);
	unlink(theirs);
	rmdir(folder);
	memset(folder + sizeof(folder) - 7, 'X', 6);
}

static size_t
give_more(void)
{
	static uint8_t bytes[DATAGRAM_BYTES];
	const struct frame_run run = { .bytes = bytes,
		.length = sizeof(bytes),
		.segment = sizeof(bytes),
		.count = 1 };

	return end_send(end, &run, 1);
}

static bool
is_told(void)
{
	struct pollfd room = { .fd = end_room_fd(end), .events = POLLIN };

	return poll(&room, 1, 0) == 1;
}

static void
take(size_t count)
{
	uint8_t bytes[DATAGRAM_BYTES];

	for (size_t i = 0; i < count; i++)
		ck_assert_int_eq(recv(application, bytes, sizeof(bytes), 0),
		    DATAGRAM_BYTES);
}

/* The queue is full: we hear of it when there is room, and not before. */
static void
expect_word_of_room(void)
{
	size_t given = 0;

	for (int i = 0; i < MORE_THAN_FITS; i++)
		given += give_more();
	ck_assert_uint_gt(end_held(end), 0);
	end_drain(end);
	ck_assert(end->stuck);
	ck_assert(!is_told());
	ck_assert_uint_eq(end_drain(end), 0);
	for (int i = 0; i < 5; i++) {
		take(given);
		ck_assert(is_told());
		given = end_drain(end);
		ck_assert_uint_gt(given, 0);
	}
	while (end_held(end) > 0) {
		take(given);
		given = end_drain(end);
	}
	take(given);
	ck_assert(!end->stuck);
}

START_TEST(one_who_was_learned_is_heard_of)
{
	struct sockaddr_un to = name(ours);

	open_end(ADDRESS_UNIX, SOCK_DGRAM, "");
	application = open_named(SOCK_DGRAM, theirs);
	ck_assert_int_eq(sendto(application, "", 1, 0, (struct sockaddr *)&to,
			     sizeof(to)),
	    1);
	ck_assert_int_eq(end_receive(end, &batch), UDP_OK);
	expect_word_of_room();
}
END_TEST

START_TEST(one_who_is_connected_to_us_is_heard_of)
{
	struct sockaddr_un to = name(ours);

	open_end(ADDRESS_UNIX, SOCK_DGRAM, "");
	application = open_named(SOCK_DGRAM, theirs);
	ck_assert_int_eq(connect(application, (struct sockaddr *)&to,
			     sizeof(to)),
	    0);
	ck_assert_int_eq(send(application, "", 1, 0), 1);
	ck_assert_int_eq(end_receive(end, &batch), UDP_OK);
	expect_word_of_room();
}
END_TEST

START_TEST(one_who_is_named_is_heard_of)
{
	open_end(ADDRESS_UNIX, SOCK_DGRAM, theirs);
	application = open_named(SOCK_DGRAM, theirs);
	expect_word_of_room();
}
END_TEST

static void
connect_application(void)
{
	struct sockaddr_un to = name(ours);

	open_end(ADDRESS_SEQPACKET, SOCK_SEQPACKET, "");
	application = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0);
	ck_assert_int_eq(connect(application, (struct sockaddr *)&to,
			     sizeof(to)),
	    0);
}

START_TEST(a_connection_is_heard_of)
{
	connect_application();
	expect_word_of_room();
}
END_TEST

START_TEST(nobody_is_waited_for)
{
	open_end(ADDRESS_UNIX, SOCK_DGRAM, theirs);
	application = -1;
	ck_assert_uint_eq(give_more(), 0);
	ck_assert(end->stuck);
	ck_assert_uint_eq(end_held(end), 1);
}
END_TEST

static bool
has_news(void)
{
	struct pollfd news = { .fd = end->fd, .events = POLLIN };

	return poll(&news, 1, 0) == 1;
}

START_TEST(a_newcomer_waits_for_a_descriptor)
{
	struct rlimit before, none;

	connect_application();
	ck_assert_int_eq(send(application, "x", 1, 0), 1);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = (struct rlimit){ .rlim_cur = 0, .rlim_max = before.rlim_max };
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	end_receive(end, &batch);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	ck_assert(!has_news());

	end_tick(end, 0);
	ck_assert(has_news());
	ck_assert_int_eq(end_receive(end, &batch), UDP_OK);
	ck_assert_int_eq(end_receive(end, &batch), UDP_OK);
	ck_assert_uint_eq(batch.count, 1);
}
END_TEST

static void
expect_newcomer(void)
{
	struct sockaddr_un to = name(ours);

	close(application);
	application = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0);
	ck_assert_int_eq(connect(application, (struct sockaddr *)&to,
			     sizeof(to)),
	    0);
	ck_assert_int_eq(send(application, "x", 1, 0), 1);
	ck_assert_int_eq(end_receive(end, &batch), UDP_OK);
	ck_assert_int_eq(end_receive(end, &batch), UDP_OK);
	ck_assert_uint_eq(batch.count, 1);
}

START_TEST(a_connection_ends_that_another_process_has_too)
{
	struct state state = { .way = STATE_MEASURE };
	pid_t other;

	connect_application();
	ck_assert_int_eq(end_receive(end, &batch), UDP_OK);
	other = holder_begin();
	ck_assert_int_eq(shutdown(application, SHUT_RDWR), 0);
	ck_assert(has_news());
	for (int i = 0; i < 3; i++)
		end_receive(end, &batch);
	ck_assert(!has_news());
	end_seqpacket_leave(&state, end);
	ck_assert(!state.broken);
	expect_newcomer();
	holder_end(other);
}
END_TEST

static int
connect_another(const char *says)
{
	struct sockaddr_un to = name(ours);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0);

	ck_assert_int_eq(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	ck_assert_int_eq(end_receive(end, &batch), UDP_OK);
	if (says == NULL)
		return fd;
	ck_assert_int_eq(send(fd, says, strlen(says), 0),
	    (ssize_t)strlen(says));
	ck_assert_int_eq(end_receive(end, &batch), UDP_OK);
	ck_assert_uint_eq(batch.count, 1);
	return fd;
}

static void
expect_answered(int fd)
{
	uint8_t bytes[DATAGRAM_BYTES];

	ck_assert_uint_eq(give_more(), 1);
	ck_assert_int_eq(recv(fd, bytes, sizeof(bytes), 0), DATAGRAM_BYTES);
}

/* All that there is to be read is read, and the end of connections. */
static void
receive_all(void)
{
	for (int i = 0; i < 5; i++)
		end_receive(end, &batch);
	ck_assert(!has_news());
}

START_TEST(who_was_answered_before_is_answered_again)
{
	int first, second, third;

	open_end(ADDRESS_SEQPACKET, SOCK_SEQPACKET, "");
	first = connect_another(NULL);
	second = connect_another(NULL);
	third = connect_another(NULL);
	application = connect_another(NULL);
	expect_answered(first);
	close(first);
	receive_all();
	expect_answered(second);
	close(connect_another("x"));
	receive_all();
	expect_answered(second);
	ck_assert_int_eq(send(application, "x", 1, 0), 1);
	receive_all();
	ck_assert_int_eq(send(third, "x", 1, 0), 1);
	receive_all();
	expect_answered(third);
	close(third);
	receive_all();
	expect_answered(application);
	close(second);
}
END_TEST

/* As an upgrade does; the end before goes. */
static void
pass_on(void)
{
	uint8_t bytes[64];
	int fds[8];
	struct state state = { .way = STATE_WRITE,
		.bytes = bytes,
		.size = sizeof(bytes),
		.fds = fds,
		.fds_count = sizeof(fds) / sizeof(fds[0]) };
	struct end *heir;

	heir = end_new(&end->asked, dup(end_seqpacket_listening(end)));
	ck_assert_ptr_nonnull(heir);
	end_seqpacket_leave(&state, end);
	ck_assert(!state.broken);
	for (size_t i = 0; i < state.fds_at; i++)
		fds[i] = dup(fds[i]);
	end_free(end);
	end = heir;
	state.way = STATE_READ;
	state.at = state.fds_at = 0;
	end_seqpacket_leave(&state, end);
	ck_assert(!state.broken);
}

START_TEST(an_upgrade_keeps_who_is_answered)
{
	int first, second;

	open_end(ADDRESS_SEQPACKET, SOCK_SEQPACKET, "");
	first = connect_another(NULL);
	second = connect_another("x");
	application = connect_another("y");
	pass_on();
	expect_answered(application);
	close(application);
	application = -1;
	receive_all();
	pass_on();
	expect_answered(second);
	close(second);
	receive_all();
	expect_answered(first);
	close(first);
}
END_TEST

START_TEST(one_who_sends_no_more_is_answered_until_it_closes)
{
	open_end(ADDRESS_SEQPACKET, SOCK_SEQPACKET, "");
	application = connect_another("request");
	ck_assert_int_eq(shutdown(application, SHUT_WR), 0);
	receive_all();
	expect_answered(application);
	close(application);
	receive_all();
	ck_assert_uint_eq(give_more(), 0);
	ck_assert(end->stuck);
	application = connect_another(NULL);
	ck_assert_uint_eq(end_drain(end), 1);
	take(1);
}
END_TEST

START_TEST(one_who_hears_no_more_is_heard)
{
	int other;

	open_end(ADDRESS_SEQPACKET, SOCK_SEQPACKET, "");
	other = connect_another(NULL);
	application = connect_another("x");
	ck_assert_int_eq(shutdown(application, SHUT_RD), 0);
	expect_answered(other);
	ck_assert_int_eq(send(application, "y", 1, 0), 1);
	ck_assert_int_eq(end_receive(end, &batch), UDP_OK);
	ck_assert_uint_eq(batch.count, 1);
	expect_answered(other);
	close(other);
}
END_TEST

/* It sent before it went, and an answer finds that it is gone. */
START_TEST(what_was_sent_last_is_read)
{
	open_end(ADDRESS_SEQPACKET, SOCK_SEQPACKET, "");
	application = connect_another("x");
	ck_assert_int_eq(send(application, "y", 1, 0), 1);
	close(application);
	application = -1;
	ck_assert_uint_eq(give_more(), 0);
	ck_assert_int_eq(end_receive(end, &batch), UDP_OK);
	ck_assert_uint_eq(batch.count, 1);
	ck_assert_uint_eq(batch.message[0].length, 1);
	receive_all();
}
END_TEST

START_TEST(an_empty_datagram_is_not_the_end)
{
	open_end(ADDRESS_SEQPACKET, SOCK_SEQPACKET, "");
	application = connect_another("x");
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(send(application, "yy", i == 1 ? 0 : 2, 0),
		    i == 1 ? 0 : 2);
	ck_assert_int_eq(send(application, "", 0, 0), 0);
	ck_assert_int_eq(shutdown(application, SHUT_WR), 0);
	ck_assert_int_eq(end_receive(end, &batch), UDP_OK);
	ck_assert_uint_eq(batch.count, 4);
	ck_assert_uint_eq(batch.message[1].length, 0);
	ck_assert_uint_eq(batch.message[2].length, 2);
	ck_assert_uint_eq(batch.message[3].length, 0);
	ck_assert_uint_eq(end->udp.received, 5);
	receive_all();
	ck_assert_uint_eq(end->udp.received, 5);
	expect_answered(application);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("end_unix");
	TCase *all = tcase_create("all");

	tcase_add_checked_fixture(all, setup, teardown);
	tcase_add_test(all, one_who_was_learned_is_heard_of);
	tcase_add_test(all, one_who_is_connected_to_us_is_heard_of);
	tcase_add_test(all, one_who_is_named_is_heard_of);
	tcase_add_test(all, a_connection_is_heard_of);
	tcase_add_test(all, nobody_is_waited_for);
	tcase_add_test(all, a_newcomer_waits_for_a_descriptor);
	tcase_add_test(all, a_connection_ends_that_another_process_has_too);
	tcase_add_test(all, who_was_answered_before_is_answered_again);
	tcase_add_test(all, an_upgrade_keeps_who_is_answered);
	tcase_add_test(all, one_who_sends_no_more_is_answered_until_it_closes);
	tcase_add_test(all, one_who_hears_no_more_is_heard);
	tcase_add_test(all, what_was_sent_last_is_read);
	tcase_add_test(all, an_empty_datagram_is_not_the_end);
	suite_add_tcase(suite, all);
	return suite_run(suite);
}
