/* A pair of sockets for datagrams stands for the device. */
#include "supervisor/engine/end_tun.h"

#include <sys/socket.h>

#include <bsd/sys/endian.h>
#include <linux/virtio_net.h>

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/engine/end.h"
#include "supervisor/engine/frame.h"
#include "supervisor/engine/udp_batch.h"
#include "supervisor/tun.h"
#include "tests/suite.h"

#define HEADER TUN_HEADER_BYTES
#define CSUM VIRTIO_NET_HDR_F_NEEDS_CSUM
#define GSO_UDP_L4 5 /* not in the headers of Debian 12 */

static struct end end;
static int kernel;
static uint8_t datagram[65536];
static uint8_t got[65536];

static void
setup(void)
{
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0,
			     pair),
	    0);
	memset(&end, 0, sizeof(end));
	end.fd = pair[0];
	kernel = pair[1];
	for (size_t i = 0; i < sizeof(datagram); i++)
		datagram[i] = (uint8_t)(i * 7);
}

static void
teardown(void)
{
	close(end.fd);
	close(kernel);
}

static void
set_header(uint8_t flags, uint8_t type, uint16_t segment, uint8_t version)
{
	memset(datagram, 0, HEADER);
	datagram[0] = flags;
	datagram[1] = type;
	le16enc(datagram + 4, segment);
	datagram[HEADER] = (uint8_t)(version << 4 | 5);
}

/* How many of the datagrams in it the device was given. */
static size_t
send_segments(size_t bytes, size_t segment, size_t count)
{
	struct frame_run run = { .bytes = datagram,
		.length = bytes,
		.segment = segment,
		.count = count };

	return end_tun_send(&end, &run, 1);
}

static bool
is_sent(size_t bytes)
{
	return send_segments(bytes, bytes, 1) == 1 &&
	    read(kernel, got, sizeof(got)) == (ssize_t)bytes &&
	    memcmp(got, datagram, bytes) == 0;
}

START_TEST(a_packet_gets_a_header_that_says_nothing)
{
	static const uint8_t zeros[HEADER];

	datagram[0] = datagram[100] = 0x45;
	datagram[200] = 0x60;
	ck_assert_uint_eq(send_segments(250, 100, 3), 3);
	ck_assert_int_eq(read(kernel, got, sizeof(got)), HEADER + 100);
	ck_assert_mem_eq(got, zeros, HEADER);
	ck_assert_mem_eq(got + HEADER, datagram, 100);
	ck_assert_int_eq(read(kernel, got, sizeof(got)), HEADER + 100);
	ck_assert_int_eq(read(kernel, got, sizeof(got)), HEADER + 50);
	ck_assert_mem_eq(got + HEADER, datagram + 200, 50);
	ck_assert_uint_eq(end.udp.sent, 3);
	ck_assert_uint_eq(end.udp.refused, 0);
}
END_TEST

START_TEST(headers_of_offloads_cross)
{
	set_header(CSUM, VIRTIO_NET_HDR_GSO_NONE, 0, 4);
	ck_assert(is_sent(HEADER + 40));
	set_header(CSUM, VIRTIO_NET_HDR_GSO_TCPV4, 1348, 4);
	ck_assert(is_sent(65507));
	set_header(CSUM, VIRTIO_NET_HDR_GSO_TCPV6 | VIRTIO_NET_HDR_GSO_ECN, 48,
	    6);
	ck_assert(is_sent(9000));
}
END_TEST

/* What a hostile peer may send and our kernel never does. */
START_TEST(no_other_header_gets_to_the_device)
{
	set_header(CSUM, VIRTIO_NET_HDR_GSO_TCPV4, 47, 4);
	ck_assert(!is_sent(9000));
	set_header(CSUM, VIRTIO_NET_HDR_GSO_UDP, 1348, 4);
	ck_assert(!is_sent(9000));
	set_header(CSUM, GSO_UDP_L4, 1348, 4);
	ck_assert(!is_sent(9000));
	set_header(CSUM, 0x7f, 1348, 4);
	ck_assert(!is_sent(9000));
	set_header(CSUM, VIRTIO_NET_HDR_GSO_NONE, 0, 4);
	ck_assert(!is_sent(HEADER));
	ck_assert(!is_sent(HEADER - 1));
	ck_assert(!is_sent(1));
	ck_assert_uint_eq(send_segments(0, 0, 1), 0);
	set_header(CSUM, VIRTIO_NET_HDR_GSO_NONE, 0, 5);
	ck_assert(!is_sent(HEADER + 40));
	ck_assert_int_eq(read(kernel, got, sizeof(got)), -1);
	ck_assert_uint_eq(end.udp.refused, 9);
	ck_assert_uint_eq(end.udp.sent, 0);
}
END_TEST

static void
expect(struct udp_batch *batch, size_t from, size_t bytes)
{
	const uint8_t *next;
	size_t length;

	next = udp_batch_peek(batch, &length);
	ck_assert_ptr_nonnull(next);
	ck_assert_uint_eq(length, bytes);
	ck_assert_mem_eq(next, datagram + from, bytes);
	udp_batch_take(batch);
}

START_TEST(headers_that_say_nothing_stay_here)
{
	struct udp_batch batch;

	ck_assert_int_eq(udp_batch_init(&batch), 0);
	ck_assert_int_eq(end_tun_receive(&end, &batch), UDP_NONE);
	set_header(0, VIRTIO_NET_HDR_GSO_NONE, 0, 4);
	ck_assert_int_eq(write(kernel, datagram, 1000), 1000);
	set_header(VIRTIO_NET_HDR_F_DATA_VALID, VIRTIO_NET_HDR_GSO_NONE, 0, 4);
	ck_assert_int_eq(write(kernel, datagram, 50), 50);
	ck_assert_int_eq(end_tun_receive(&end, &batch), UDP_OK);
	expect(&batch, HEADER, 1000 - HEADER);
	expect(&batch, HEADER, 50 - HEADER);
	set_header(CSUM, VIRTIO_NET_HDR_GSO_NONE, 0, 4);
	ck_assert_int_eq(write(kernel, datagram, 1000), 1000);
	ck_assert_int_eq(end_tun_receive(&end, &batch), UDP_OK);
	expect(&batch, 0, 1000);
	set_header(0, VIRTIO_NET_HDR_GSO_TCPV6, 1328, 6);
	ck_assert_int_eq(write(kernel, datagram, 60000), 60000);
	ck_assert_int_eq(end_tun_receive(&end, &batch), UDP_OK);
	expect(&batch, 0, 60000);
	ck_assert(udp_batch_empty(&batch));
	ck_assert_uint_eq(end.udp.received, 4);
	udp_batch_free(&batch);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("end_tun");
	TCase *all = tcase_create("all");

	tcase_add_checked_fixture(all, setup, teardown);
	tcase_add_test(all, a_packet_gets_a_header_that_says_nothing);
	tcase_add_test(all, headers_of_offloads_cross);
	tcase_add_test(all, no_other_header_gets_to_the_device);
	tcase_add_test(all, headers_that_say_nothing_stay_here);
	suite_add_tcase(suite, all);
	return suite_run(suite);
}
