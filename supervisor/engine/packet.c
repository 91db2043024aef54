#include "supervisor/engine/packet.h"

#include <bsd/sys/endian.h>
#include <linux/virtio_net.h>
#include <netinet/tcp.h>

#include <stdbool.h>
#include <string.h>

#include "supervisor/tun.h"

#define IPV4_BYTES 20
#define IPV6_BYTES 40
#define TCP_BYTES 20
#define CWR 0x80

/* Where its parts begin, from the header on. */
struct layout {
	bool ipv4;
	size_t tcp;
	size_t data;
	size_t segment; /* bytes of data in each but the last */
};

static bool
find(const uint8_t *packet, size_t bytes, struct layout *at)
{
	if (bytes < TUN_HEADER_BYTES + IPV4_BYTES + TCP_BYTES ||
	    (packet[0] & VIRTIO_NET_HDR_F_NEEDS_CSUM) == 0)
		return false;
	at->ipv4 = packet[1] == VIRTIO_NET_HDR_GSO_TCPV4;
	if (!at->ipv4 && packet[1] != VIRTIO_NET_HDR_GSO_TCPV6)
		return false;
	at->segment = le16dec(packet + 4);
	at->tcp = TUN_HEADER_BYTES + (size_t)le16dec(packet + 6);
	if (at->tcp < TUN_HEADER_BYTES +
		    (size_t)(at->ipv4 ? IPV4_BYTES : IPV6_BYTES) ||
	    at->tcp + TCP_BYTES > bytes)
		return false;
	at->data = at->tcp + (size_t)(packet[at->tcp + 12] >> 4) * 4;
	return at->segment > 0 && at->data >= at->tcp + TCP_BYTES &&
	    at->data < bytes;
}

static uint16_t
fold(uint32_t sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)(sum + (sum >> 16));
}

/* RFC 791: of the header, with the checksum itself as 0. */
static void
sum_ipv4(uint8_t *ip, size_t bytes)
{
	uint32_t sum = 0;

	be16enc(ip + 10, 0);
	for (size_t i = 0; i < bytes; i += 2)
		sum += be16dec(ip + i);
	be16enc(ip + 10, (uint16_t)~fold(sum));
}

/*
 * What stands in TCP's checksum is the sum of its pseudo-header, which has the
 * length in it; it is changed as in RFC 1624.
 */
static void
set_bytes(uint8_t *packet, const struct layout *at, size_t before, size_t bytes)
{
	uint8_t *ip = packet + TUN_HEADER_BYTES, *sum = packet + at->tcp + 16;

	be16enc(sum,
	    fold((uint32_t)be16dec(sum) + (uint16_t) ~(before - at->tcp) +
		(uint16_t)(bytes - at->tcp)));
	/* The kernel's may reach into the data, and so beyond the end. */
	le16enc(packet + 2, (uint16_t)(at->data - TUN_HEADER_BYTES));
	bytes -= TUN_HEADER_BYTES;
	if (at->ipv4) {
		be16enc(ip + 2, (uint16_t)bytes);
		sum_ipv4(ip, at->tcp - TUN_HEADER_BYTES);
	} else
		be16enc(ip + 4, (uint16_t)(bytes - IPV6_BYTES));
}

size_t
packet_part(uint8_t *packet, size_t *bytes, uint8_t *second)
{
	size_t before = *bytes, segments, kept, moved;
	uint8_t *id = second + TUN_HEADER_BYTES + 4, *tcp;
	struct layout at;

	if (!find(packet, before, &at))
		return 0;
	segments = (before - at.data) / at.segment / 2;
	kept = at.data + segments * at.segment;
	moved = before - kept;
	if (segments == 0 || moved == 0)
		return 0;
	memcpy(second, packet, at.data);
	memcpy(second + at.data, packet + kept, moved);
	tcp = second + at.tcp;
	be32enc(tcp + 4, be32dec(tcp + 4) + (uint32_t)(kept - at.data));
	/* Of the first segment, and of the last ones. */
	tcp[13] &= (uint8_t)~CWR;
	packet[at.tcp + 13] &= (uint8_t) ~(TH_FIN | TH_PUSH);
	if (at.ipv4)
		be16enc(id, (uint16_t)(be16dec(id) + segments));
	set_bytes(second, &at, before, at.data + moved);
	set_bytes(packet, &at, before, kept);
	*bytes = kept;
	return at.data + moved;
}
