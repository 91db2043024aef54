/*
 * The tunnel's socket against an application's on loopback.
 */
#include "supervisor/engine/udp.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "supervisor/engine/clock.h"
#include "supervisor/engine/frame.h"
#include "tests/suite.h"
#include "tests/udp_rig.h"

/* Somebody who sends between bind and connect. */
static int stranger = -1;

int
connect(int fd, const struct sockaddr *address, socklen_t length)
{
	struct sockaddr_storage local;
	socklen_t local_length = sizeof(local);

	if (stranger != -1 &&
	    getsockname(fd, (struct sockaddr *)&local, &local_length) == 0)
		(void)sendto(stranger, "stranger", 8, 0,
		    (struct sockaddr *)&local, local_length);
	return (int)syscall(SYS_connect, fd, address, length);
}

/* The next datagram, from a new batch where the last one is used up. */
static const uint8_t *
next_datagram(size_t *bytes)
{
	const uint8_t *datagram;

	while (udp_batch_empty(&udp_rig_batch)) {
		udp_rig_wait(udp_rig_socket.fd);
		ck_assert_int_eq(udp_receive(&udp_rig_socket, &udp_rig_batch),
		    UDP_OK);
	}
	datagram = udp_batch_peek(&udp_rig_batch, bytes);
	ck_assert_ptr_nonnull(datagram);
	return datagram;
}

static void
expect_received(const void *bytes, size_t length)
{
	const uint8_t *datagram;
	size_t have;

	datagram = next_datagram(&have);
	ck_assert_uint_eq(have, length);
	if (length > 0)
		ck_assert_mem_eq(datagram, bytes, length);
	udp_batch_take(&udp_rig_batch);
}

START_TEST(test_sizes_in)
{
	static const size_t sizes[] = { 0, 1, 1400, 9000, 65507, 0, 0, 7 };
	size_t i;

	udp_rig_begin(_i == 0 ? AF_INET : AF_INET6);
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		udp_rig_send(udp_rig_pattern + i, sizes[i]);
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		expect_received(udp_rig_pattern + i, sizes[i]);
	ck_assert(udp_batch_empty(&udp_rig_batch));
	ck_assert_ptr_null(udp_batch_peek(&udp_rig_batch, &i));
	ck_assert_int_eq(udp_receive(&udp_rig_socket, &udp_rig_batch),
	    UDP_NONE);
	ck_assert_uint_eq(udp_rig_socket.received, 8);
	udp_rig_end();
}
END_TEST

START_TEST(test_more_than_a_batch)
{
	size_t i;

	udp_rig_begin(AF_INET);
	for (i = 0; i < 2 * UDP_BATCH + 1; i++)
		udp_rig_send(udp_rig_pattern + i, 100 + i);
	for (i = 0; i < 2 * UDP_BATCH + 1; i++)
		expect_received(udp_rig_pattern + i, 100 + i);
	ck_assert_uint_eq(udp_rig_socket.received, 2 * UDP_BATCH + 1);
	udp_rig_end();
}
END_TEST

static void
expect_batch(unsigned int count, bool more)
{
	ck_assert_int_eq(udp_receive(&udp_rig_socket, &udp_rig_batch), UDP_OK);
	ck_assert_uint_eq(udp_rig_batch.count, count);
	ck_assert(udp_rig_batch.more == more);
}

/*
 * Whether there is more shows without asking. Where many come, many are asked
 * for, but of long ones fewer.
 */
START_TEST(test_as_many_as_asked)
{
	size_t i, receives = 0;

	udp_rig_begin(AF_INET);
	for (i = 0; i < 4 + 16 + UDP_BATCH + 1; i++)
		udp_rig_send(udp_rig_pattern, 100);
	expect_batch(4, true);
	expect_batch(16, true);
	expect_batch(UDP_BATCH, true);
	expect_batch(1, false);
	udp_rig_send(udp_rig_pattern, 100);
	expect_batch(1, false);
	udp_rig_socket.typical_bytes = 60000;
	for (i = 0; i < 12; i++)
		udp_rig_send(udp_rig_pattern, 5000);
	do {
		ck_assert_int_eq(udp_receive(&udp_rig_socket, &udp_rig_batch),
		    UDP_OK);
		receives++;
	} while (udp_rig_batch.more);
	ck_assert_uint_ge(receives, 2);
	ck_assert_uint_eq(udp_rig_socket.received, 4 + 16 + UDP_BATCH + 2 + 12);
	ck_assert_int_eq(udp_receive(&udp_rig_socket, &udp_rig_batch),
	    UDP_NONE);
	ck_assert(!udp_rig_batch.more);
	udp_rig_end();
}
END_TEST

/* The kernel hands joined datagrams over as one message with their size. */
START_TEST(test_joined)
{
	int segment = 1000;
	size_t i;

	udp_rig_begin(_i == 0 ? AF_INET : AF_INET6);
	ck_assert(udp_rig_socket.gro);
	ck_assert_int_eq(setsockopt(udp_rig_application, SOL_UDP, UDP_SEGMENT,
			     &segment, sizeof(segment)),
	    0);
	udp_rig_send(udp_rig_pattern, 10500);
	for (i = 0; i < 10; i++)
		expect_received(udp_rig_pattern + i * 1000, 1000);
	ck_assert_uint_eq(udp_rig_batch.count, 1);
	ck_assert(!udp_batch_empty(&udp_rig_batch));
	expect_received(udp_rig_pattern + 10000, 500);
	ck_assert(udp_batch_empty(&udp_rig_batch));
	ck_assert_uint_eq(udp_rig_socket.received, 11);
	udp_rig_end();
}
END_TEST

/* IPv6 carries 20 bytes more than fit a frame. */
START_TEST(test_queue_is_limited)
{
	static const struct {
		uint64_t asked;
		int least, most; /* the kernel doubles it for its own needs */
	} limits[] = { { 0, 100000, 131072 }, { 200000, 131072, 400000 },
		{ UINT64_MAX, 200000, 8 << 20 } };
	socklen_t length = sizeof(int);
	int bytes;

	udp_rig_begin(AF_INET);
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		udp_limit_queue(&udp_rig_socket, limits[i].asked);
		ck_assert_int_eq(getsockopt(udp_rig_socket.fd, SOL_SOCKET,
				     SO_RCVBUF, &bytes, &length),
		    0);
		ck_assert_int_ge(bytes, limits[i].least);
		ck_assert_int_le(bytes, limits[i].most);
	}
	udp_rig_end();
}
END_TEST

START_TEST(test_stamps)
{
	uint64_t before_us, arrived_us;
	size_t bytes;

	udp_rig_begin(AF_INET);
	udp_rig_send("early", 5);
	next_datagram(&bytes);
	ck_assert_uint_eq(udp_batch_arrived_us(&udp_rig_batch), 0);
	udp_batch_take(&udp_rig_batch);
	ck_assert_int_eq(udp_stamp(&udp_rig_socket), 0);
	before_us = clock_unix_us();
	udp_rig_send("late", 4);
	next_datagram(&bytes);
	arrived_us = udp_batch_arrived_us(&udp_rig_batch);
	ck_assert_uint_ge(arrived_us, before_us);
	ck_assert_uint_le(arrived_us, clock_unix_us());
	udp_rig_end();
}
END_TEST

START_TEST(test_oversize)
{
	udp_rig_begin(AF_INET6);
	udp_rig_send(udp_rig_pattern, FRAME_DATAGRAM_MAX + 1);
	udp_rig_send("a", 1);
	udp_rig_send(udp_rig_pattern, 65527);
	udp_rig_send("b", 1);
	expect_received("a", 1);
	expect_received("b", 1);
	ck_assert_uint_eq(udp_rig_socket.oversize, 2);
	ck_assert_uint_eq(udp_rig_socket.received, 2);
	udp_rig_end();
}
END_TEST

static void
limit_buffer(void)
{
	int bytes = 16384;

	ck_assert_int_eq(setsockopt(udp_rig_socket.fd, SOL_SOCKET, SO_RCVBUF,
			     &bytes, sizeof(bytes)),
	    0);
}

static void
flood(size_t count)
{
	while (count-- > 0)
		udp_rig_send(udp_rig_pattern, 1000);
}

static void
drain(void)
{
	size_t bytes;

	while (udp_receive(&udp_rig_socket, &udp_rig_batch) == UDP_OK)
		while (udp_batch_peek(&udp_rig_batch, &bytes) != NULL)
			udp_batch_take(&udp_rig_batch);
}

START_TEST(test_drops_are_counted)
{
	udp_rig_begin(AF_INET);
	limit_buffer();
	flood(100);
	drain();
	ck_assert_uint_lt(udp_rig_socket.received, 100);
	udp_count_drops(&udp_rig_socket);
	ck_assert_uint_eq(udp_rig_socket.kernel_drops,
	    100 - udp_rig_socket.received);
	udp_rig_socket.starved = true;
	flood(100);
	udp_count_drops(&udp_rig_socket);
	drain();
	ck_assert_uint_eq(udp_rig_socket.kernel_drops + udp_rig_socket.no_room,
	    200 - udp_rig_socket.received);
	ck_assert_uint_gt(udp_rig_socket.no_room, 0);
	udp_rig_end();
}
END_TEST

START_TEST(test_drop_counter_wraps)
{
	udp_rig_begin(AF_INET);
	limit_buffer();
	udp_rig_socket.overflow = UINT32_MAX - 9;
	flood(100);
	drain();
	udp_count_drops(&udp_rig_socket);
	ck_assert_uint_eq(udp_rig_socket.kernel_drops,
	    100 - udp_rig_socket.received + 10);
	udp_rig_end();
}
END_TEST

/* An ICMP error is no reason to lose what comes or to give up. */
START_TEST(test_error_before_a_datagram)
{
	udp_rig_begin(AF_INET);
	close(udp_rig_application);
	ck_assert_int_eq(send(udp_rig_socket.fd, "x", 1, 0), 1);
	udp_rig_open_application();
	udp_rig_connect_application();
	udp_rig_send("back", 4);
	expect_received("back", 4);
	ck_assert_uint_eq(udp_rig_socket.unreachable, 1);
	udp_rig_end();
}
END_TEST

START_TEST(test_strangers_are_not_heard)
{
	struct sockaddr_storage address;
	socklen_t length = udp_rig_loopback(&address, AF_INET);

	stranger = socket(AF_INET, SOCK_DGRAM, 0);
	ck_assert_int_eq(bind(stranger, (struct sockaddr *)&address, length),
	    0);
	udp_rig_begin(AF_INET);
	ck_assert_int_eq(udp_receive(&udp_rig_socket, &udp_rig_batch),
	    UDP_NONE);
	ck_assert_int_eq(getsockname(udp_rig_socket.fd,
			     (struct sockaddr *)&address, &length),
	    0);
	/* Connected: the kernel answers that nobody is there for it. */
	ck_assert_int_eq(sendto(stranger, "again", 5, 0,
			     (struct sockaddr *)&address, length),
	    5);
	udp_rig_send("friend", 6);
	expect_received("friend", 6);
	ck_assert_uint_eq(udp_rig_socket.received, 1);
	close(stranger);
	udp_rig_end();
}
END_TEST

START_TEST(test_bind)
{
	struct address_pair taken;
	int fd, next;

	udp_rig_begin(AF_INET);
	ck_assert_int_ne(fcntl(udp_rig_socket.fd, F_GETFD) & FD_CLOEXEC, 0);
	ck_assert_int_ne(fcntl(udp_rig_socket.fd, F_GETFL) & O_NONBLOCK, 0);
	taken.local = udp_rig_pair.remote;
	taken.remote = udp_rig_pair.remote;
	fd = dup(0);
	errno = 0;
	ck_assert_int_eq(udp_bind(&taken), -1);
	ck_assert_int_eq(errno, EADDRINUSE);
	next = dup(0);
	ck_assert_int_eq(next, fd + 1);
	close(fd);
	close(next);
	udp_rig_end();
}
END_TEST

START_TEST(test_closed_socket_fails)
{
	udp_rig_begin(AF_INET);
	close(udp_rig_socket.fd);
	ck_assert_int_eq(udp_receive(&udp_rig_socket, &udp_rig_batch),
	    UDP_FAILED);
	udp_rig_end();
}
END_TEST

static Suite *
make_suite(void)
{
	Suite *suite = suite_create("udp");
	TCase *tests = tcase_create("receive");

	tcase_add_loop_test(tests, test_sizes_in, 0, 2);
	tcase_add_test(tests, test_more_than_a_batch);
	tcase_add_test(tests, test_as_many_as_asked);
	tcase_add_loop_test(tests, test_joined, 0, 2);
	tcase_add_test(tests, test_queue_is_limited);
	tcase_add_test(tests, test_stamps);
	tcase_add_test(tests, test_oversize);
	tcase_add_test(tests, test_drops_are_counted);
	tcase_add_test(tests, test_drop_counter_wraps);
	tcase_add_test(tests, test_error_before_a_datagram);
	tcase_add_test(tests, test_strangers_are_not_heard);
	tcase_add_test(tests, test_bind);
	tcase_add_test(tests, test_closed_socket_fails);
	suite_add_tcase(suite, tests);
	return suite;
}

int
main(void)
{
	return suite_run(make_suite());
}
