#include "supervisor/engine/packet.h"

#include <bsd/sys/endian.h>
#include <linux/virtio_net.h>

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/suite.h"

#define HEADER 10
#define TCP_BYTES 32 /* with a timestamp */
#define SEGMENT 1364
#define SEGMENTS 48
#define LAST 1000  /* bytes in the last one */
#define FLAGS 0x99 /* CWR, ACK, PSH, FIN */

static uint8_t packet[65600], second[65600], whole[65600];
static size_t ip_bytes, bytes;

/* Of a pseudo-header, with lengths and all. */
static uint16_t
pseudo_sum(const uint8_t *of, size_t tcp_bytes)
{
	size_t from = ip_bytes == 20 ? 12 : 8, i;
	uint64_t sum = 6 + tcp_bytes;

	for (i = from; i < ip_bytes; i += 2)
		sum += be16dec(of + HEADER + i);
	while (sum > 0xffff)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static uint16_t
ip_sum(const uint8_t *of)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < 20; i += 2)
		sum += be16dec(of + HEADER + i);
	while (sum > 0xffff)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static void
make(uint8_t type, size_t size)
{
	uint8_t *ip = packet + HEADER, *tcp;

	for (size_t i = 0; i < sizeof(packet); i++)
		packet[i] = (uint8_t)(i * 7 + i / 251);
	ip_bytes = size;
	bytes = HEADER + size + TCP_BYTES + SEGMENT * (SEGMENTS - 1) + LAST;
	packet[0] = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	packet[1] = type;
	le16enc(packet + 2, 9000); /* a header and what lies behind it */
	le16enc(packet + 4, SEGMENT);
	le16enc(packet + 6, (uint16_t)size);
	le16enc(packet + 8, 16);
	ip[0] = size == 20 ? 0x45 : 0x60;
	be16enc(ip + 2, (uint16_t)(bytes - HEADER));
	be16enc(ip + 4, size == 20 ? 0xfff0 : (uint16_t)(bytes - HEADER - 40));
	tcp = ip + size;
	be32enc(tcp + 4, 0xffffff00);
	tcp[12] = TCP_BYTES / 4 << 4;
	tcp[13] = FLAGS;
	be16enc(tcp + 16, pseudo_sum(packet, bytes - HEADER - size));
	memcpy(whole, packet, sizeof(packet));
}

static void
expect_headers(const uint8_t *part, size_t part_bytes, uint8_t flags,
    uint32_t sequence)
{
	const uint8_t *ip = part + HEADER, *tcp = ip + ip_bytes;

	ck_assert_uint_eq(le16dec(part + 2), ip_bytes + TCP_BYTES);
	ck_assert_mem_eq(part + 4, whole + 4, HEADER - 4);
	if (ip_bytes == 20) {
		ck_assert_uint_eq(be16dec(ip + 2), part_bytes - HEADER);
		ck_assert_uint_eq(ip_sum(part), 0xffff);
	} else
		ck_assert_uint_eq(be16dec(ip + 4), part_bytes - HEADER - 40);
	ck_assert_uint_eq(be32dec(tcp + 4), sequence);
	ck_assert_uint_eq(tcp[13], flags);
	ck_assert_uint_eq(be16dec(tcp + 16),
	    pseudo_sum(part, part_bytes - HEADER - ip_bytes));
}

static void
expect_parts(void)
{
	size_t headers = HEADER + ip_bytes + TCP_BYTES, first = bytes, rest;
	size_t kept = SEGMENT * ((SEGMENTS - 1) / 2);

	rest = packet_part(packet, &first, second);
	ck_assert_uint_eq(first, headers + kept);
	ck_assert_uint_eq(rest, bytes - kept);
	expect_headers(packet, first, 0x90, 0xffffff00);
	expect_headers(second, rest, 0x19, 0xffffff00 + (uint32_t)kept);
	ck_assert_mem_eq(packet + headers, whole + headers, kept);
	ck_assert_mem_eq(second + headers, whole + first, rest - headers);
}

START_TEST(ipv4_is_parted)
{
	make(VIRTIO_NET_HDR_GSO_TCPV4, 20);
	expect_parts();
	ck_assert_uint_eq(be16dec(packet + HEADER + 4), 0xfff0);
	ck_assert_uint_eq(be16dec(second + HEADER + 4),
	    (0xfff0 + (SEGMENTS - 1) / 2) & 0xffff);
}
END_TEST

START_TEST(ipv6_is_parted)
{
	make(VIRTIO_NET_HDR_GSO_TCPV6, 40);
	expect_parts();
}
END_TEST

static void
expect_whole(size_t given)
{
	size_t first = given;

	memcpy(whole, packet, sizeof(packet));
	ck_assert_uint_eq(packet_part(packet, &first, second), 0);
	ck_assert_uint_eq(first, given);
	ck_assert_mem_eq(packet, whole, sizeof(packet));
}

START_TEST(others_stay_whole)
{
	make(VIRTIO_NET_HDR_GSO_TCPV4, 20);
	for (size_t given = 0; given <= HEADER + 20 + TCP_BYTES + SEGMENT;
	     given++)
		expect_whole(given);
	packet[0] = 0;
	expect_whole(bytes);
	make(VIRTIO_NET_HDR_GSO_NONE, 20);
	expect_whole(bytes);
	make(VIRTIO_NET_HDR_GSO_TCPV4, 20);
	le16enc(packet + 4, 0);
	expect_whole(bytes);
	le16enc(packet + 4, 40000);
	expect_whole(bytes);
	make(VIRTIO_NET_HDR_GSO_TCPV4, 20);
	le16enc(packet + 6, 65535);
	expect_whole(bytes);
	le16enc(packet + 6, 19);
	expect_whole(bytes);
	make(VIRTIO_NET_HDR_GSO_TCPV4, 20);
	packet[HEADER + 20 + 12] = 0x40;
	expect_whole(bytes);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("packet");
	TCase *all = tcase_create("all");

	tcase_add_test(all, ipv4_is_parted);
	tcase_add_test(all, ipv6_is_parted);
	tcase_add_test(all, others_stay_whole);
	suite_add_tcase(suite, all);
	return suite_run(suite);
}
