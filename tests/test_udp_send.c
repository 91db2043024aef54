/*
 * Runs out of the tunnel's socket, and what the kernel may say to them:
 * sendmmsg is ours here, and fails when a test asks for it.
 */
#include "supervisor/engine/udp_send.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "supervisor/engine/frame.h"
#include "tests/suite.h"
#include "tests/udp_rig.h"

static struct {
	int joined_error;   /* of every message with UDP_SEGMENT */
	size_t joined_over; /* whose segments are longer than this */
	int error;	    /* of message fail_at, fail_times times */
	unsigned int fail_at;
	unsigned int fail_times;
	unsigned int calls;
	unsigned int messages; /* that the kernel took */
	unsigned int joined;   /* of them, with UDP_SEGMENT */
} faults;

static size_t
segment_of(const struct msghdr *header)
{
	uint16_t segment = 0;

	if (header->msg_controllen > 0)
		memcpy(&segment, CMSG_DATA(CMSG_FIRSTHDR(header)),
		    sizeof(segment));
	return segment;
}

static int
fault_of(const struct msghdr *header)
{
	if (faults.joined_error != 0 && segment_of(header) > faults.joined_over)
		return faults.joined_error;
	if (faults.fail_times > 0 && faults.messages == faults.fail_at)
		return faults.error;
	return 0;
}

/* As the kernel does: only an error of the first message shows. */
int
sendmmsg(int fd, struct mmsghdr *messages, unsigned int count, int flags)
{
	unsigned int i;

	faults.calls++;
	for (i = 0; i < count; i++) {
		errno = fault_of(&messages[i].msg_hdr);
		if (errno != 0 && i == 0 && faults.fail_times > 0)
			faults.fail_times--;
		if (errno != 0)
			return i > 0 ? (int)i : -1;
		if (syscall(SYS_sendmsg, fd, &messages[i].msg_hdr, flags) == -1)
			return i > 0 ? (int)i : -1;
		faults.messages++;
		faults.joined += segment_of(&messages[i].msg_hdr) > 0;
	}
	return (int)count;
}

static struct frame_run
make_run(size_t length, size_t segment, size_t count)
{
	return (struct frame_run){ .bytes = udp_rig_pattern,
		.length = length,
		.segment = segment,
		.count = count };
}

static void
expect(const uint8_t *bytes, size_t length)
{
	static uint8_t got[65536];

	udp_rig_wait(udp_rig_application);
	ck_assert_int_eq(recv(udp_rig_application, got, sizeof(got), 0),
	    (ssize_t)length);
	if (length > 0)
		ck_assert_mem_eq(got, bytes, length);
}

static void
expect_run(const struct frame_run *run)
{
	size_t i, length, offset = 0;

	for (i = 0; i < run->count; i++) {
		length = run->length - offset;
		if (length > run->segment)
			length = run->segment;
		expect(run->bytes + offset, length);
		offset += length;
	}
}

static void
expect_nothing(void)
{
	uint8_t byte;

	ck_assert_int_eq(recv(udp_rig_application, &byte, 1, MSG_DONTWAIT), -1);
}

START_TEST(test_sizes_out)
{
	static const size_t sizes[] = { 0, 1, 1400, 9000, 65507, 0, 7 };
	struct frame_run runs[7];
	size_t i;

	udp_rig_begin(_i == 0 ? AF_INET : AF_INET6);
	for (i = 0; i < 7; i++)
		runs[i] = make_run(sizes[i], sizes[i], 1);
	ck_assert_uint_eq(udp_send(&udp_rig_socket, runs, 7), 7);
	for (i = 0; i < 7; i++)
		expect_run(&runs[i]);
	ck_assert_uint_eq(udp_rig_socket.sent, 7);
	ck_assert_uint_eq(faults.calls, 1);
	udp_rig_end();
}
END_TEST

START_TEST(test_run_goes_out_as_one_message)
{
	struct frame_run run = make_run(39 * 1400 + 5, 1400, 40);

	udp_rig_begin(_i == 0 ? AF_INET : AF_INET6);
	ck_assert(udp_rig_socket.gso);
	ck_assert_uint_eq(udp_send(&udp_rig_socket, &run, 1), 40);
	expect_run(&run);
	expect_nothing();
	ck_assert_uint_eq(faults.messages, 1);
	udp_rig_end();
}
END_TEST

/* 64 segments are the most of old kernels, 65507 bytes of any. */
START_TEST(test_long_runs_are_split)
{
	struct frame_run runs[5] = { make_run(128 * 10, 10, 128),
		make_run(129 * 10, 10, 129), make_run(65507, 30000, 3),
		make_run(0, 0, 70), make_run(65000, 65000, 1) };
	size_t i;

	udp_rig_begin(AF_INET);
	ck_assert_uint_eq(udp_send(&udp_rig_socket, runs, 2), 257);
	ck_assert_uint_eq(faults.messages, 2 + 3);
	/* What the application's buffer holds as an ordinary user. */
	expect_run(&runs[0]);
	expect_run(&runs[1]);
	ck_assert_uint_eq(udp_send(&udp_rig_socket, runs + 2, 3), 74);
	ck_assert_uint_eq(faults.messages, 5 + 2 + 70 + 1);
	ck_assert_uint_eq(faults.calls, 1 + 2);
	for (i = 2; i < 5; i++)
		expect_run(&runs[i]);
	expect_nothing();
	udp_rig_end();
}
END_TEST

/* Those of several frames; a shorter datagram is the last of its message. */
START_TEST(test_runs_of_a_size_go_out_together)
{
	struct frame_run runs[9] = { make_run(1000, 100, 10),
		make_run(100, 100, 1), make_run(950, 100, 10),
		make_run(300, 100, 3), make_run(5400, 100, 54),
		make_run(1000, 100, 10), make_run(10, 10, 1), make_run(0, 0, 1),
		make_run(0, 0, 1) };
	size_t i;

	udp_rig_begin(AF_INET);
	ck_assert_uint_eq(udp_send(&udp_rig_socket, runs, 9), 91);
	for (i = 0; i < 9; i++)
		expect_run(&runs[i]);
	expect_nothing();
	/* 10 + 1 + 10, 3 + 54 + 7, 3, and one each. */
	ck_assert_uint_eq(faults.messages, 3 + 3);
	ck_assert_uint_eq(faults.calls, 1);
	udp_rig_end();
}
END_TEST

/* Far more parts than one system call takes. */
START_TEST(test_many_runs_of_one)
{
	static struct frame_run runs[300];
	size_t i;

	udp_rig_begin(AF_INET);
	for (i = 0; i < 300; i++) {
		runs[i] = make_run(20, 20, 1);
		runs[i].bytes += i;
	}
	ck_assert_uint_eq(udp_send(&udp_rig_socket, runs, 300), 300);
	for (i = 0; i < 300; i++)
		expect_run(&runs[i]);
	expect_nothing();
	ck_assert_uint_eq(faults.messages, 2 + 2 + 1);
	ck_assert_uint_eq(faults.calls, 3);
	udp_rig_end();
}
END_TEST

START_TEST(test_nothing)
{
	udp_rig_begin(AF_INET);
	ck_assert_uint_eq(udp_send(&udp_rig_socket, NULL, 0), 0);
	ck_assert_uint_eq(faults.calls, 0);
	udp_rig_end();
}
END_TEST

/* No checksum offload: UDP_SEGMENT is off from here on. */
START_TEST(test_eio_turns_joining_off)
{
	struct frame_run runs[3] = { make_run(100, 100, 1),
		make_run(1000, 100, 10), make_run(950, 100, 10) };
	size_t i;

	udp_rig_begin(AF_INET);
	faults.joined_error = EIO;
	ck_assert_uint_eq(udp_send(&udp_rig_socket, runs, 3), 21);
	for (i = 0; i < 3; i++)
		expect_run(&runs[i]);
	ck_assert(!udp_rig_socket.gso);
	ck_assert(udp_rig_socket.gso_lost);
	udp_rig_socket.gso_lost = false;
	ck_assert_uint_eq(udp_send(&udp_rig_socket, &runs[1], 1), 10);
	ck_assert(!udp_rig_socket.gso_lost);
	ck_assert_uint_eq(udp_rig_socket.refused, 0);
	udp_rig_end();
}
END_TEST

/* A segment over the MTU concerns its run alone. */
START_TEST(test_segment_over_the_mtu)
{
	static const int errors[] = { EINVAL, EMSGSIZE };
	struct frame_run runs[3] = { make_run(1000, 100, 10),
		make_run(9000 * 3, 9000, 3), make_run(950, 100, 10) };
	size_t i;

	udp_rig_begin(AF_INET);
	faults.joined_error = errors[_i];
	faults.joined_over = 1472;
	ck_assert_uint_eq(udp_send(&udp_rig_socket, runs, 3), 23);
	for (i = 0; i < 3; i++)
		expect_run(&runs[i]);
	ck_assert(udp_rig_socket.gso);
	ck_assert_uint_eq(faults.joined, 2);
	ck_assert_uint_eq(udp_rig_socket.refused, 0);
	ck_assert_uint_eq(udp_rig_socket.unreachable, 0);
	udp_rig_end();
}
END_TEST

START_TEST(test_full_buffer_loses_one_message)
{
	static const int errors[] = { EAGAIN, ENOBUFS, EPERM };
	struct frame_run runs[3] = { make_run(90, 90, 1),
		make_run(1000, 100, 10), make_run(200, 200, 1) };

	udp_rig_begin(AF_INET);
	faults.error = errors[_i];
	faults.fail_at = 1;
	faults.fail_times = 1;
	ck_assert_uint_eq(udp_send(&udp_rig_socket, runs, 3), 2);
	expect_run(&runs[0]);
	expect_run(&runs[2]);
	expect_nothing();
	ck_assert_uint_eq(udp_rig_socket.sent, 2);
	ck_assert_uint_eq(udp_rig_socket.refused, 10);
	udp_rig_end();
}
END_TEST

/* The pending error is that of an earlier datagram. */
START_TEST(test_pending_error_costs_nothing)
{
	struct frame_run run = make_run(100, 100, 1);

	udp_rig_begin(AF_INET);
	close(udp_rig_application);
	ck_assert_uint_eq(udp_send(&udp_rig_socket, &run, 1), 1);
	udp_rig_open_application();
	ck_assert_uint_eq(udp_send(&udp_rig_socket, &run, 1), 1);
	expect_run(&run);
	ck_assert_uint_eq(udp_rig_socket.unreachable, 1);
	ck_assert_uint_eq(udp_rig_socket.refused, 0);
	udp_rig_end();
}
END_TEST

START_TEST(test_lasting_error_costs_one)
{
	struct frame_run runs[2] = { make_run(100, 100, 1),
		make_run(200, 200, 1) };

	udp_rig_begin(AF_INET);
	faults.error = ENETUNREACH;
	faults.fail_times = 2;
	ck_assert_uint_eq(udp_send(&udp_rig_socket, runs, 2), 1);
	expect_run(&runs[1]);
	ck_assert_uint_eq(udp_rig_socket.refused, 1);
	udp_rig_end();
}
END_TEST

/* Nobody there at all: it neither spins nor says that it failed. */
START_TEST(test_closed_port)
{
	struct frame_run run = make_run(0, 0, 200);

	udp_rig_begin(AF_INET);
	close(udp_rig_application);
	ck_assert_uint_eq(udp_send(&udp_rig_socket, &run, 1), 200);
	ck_assert_uint_ge(udp_rig_socket.unreachable, 1);
	ck_assert_uint_le(faults.calls, 500);
	udp_rig_open_application();
	udp_rig_end();
}
END_TEST

static Suite *
make_suite(void)
{
	Suite *suite = suite_create("udp_send");
	TCase *tests = tcase_create("send");

	tcase_add_loop_test(tests, test_sizes_out, 0, 2);
	tcase_add_loop_test(tests, test_run_goes_out_as_one_message, 0, 2);
	tcase_add_test(tests, test_long_runs_are_split);
	tcase_add_test(tests, test_runs_of_a_size_go_out_together);
	tcase_add_test(tests, test_many_runs_of_one);
	tcase_add_test(tests, test_nothing);
	tcase_add_test(tests, test_eio_turns_joining_off);
	tcase_add_loop_test(tests, test_segment_over_the_mtu, 0, 2);
	tcase_add_loop_test(tests, test_full_buffer_loses_one_message, 0, 3);
	tcase_add_test(tests, test_pending_error_costs_nothing);
	tcase_add_test(tests, test_lasting_error_costs_one);
	tcase_add_test(tests, test_closed_port);
	suite_add_tcase(suite, tests);
	return suite;
}

int
main(void)
{
	return suite_run(make_suite());
}
