/*
 * A device gives a header with every packet; one that says nothing does not
 * cross. The peer's are judged here for what TCP makes of them, and by the
 * kernel, which trusts nobody who writes to a device.
 */
#include "supervisor/engine/end_tun.h"

#include <sys/uio.h>

#include <bsd/sys/endian.h>
#include <linux/virtio_net.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/engine/clock.h"
#include "supervisor/engine/end.h"
#include "supervisor/engine/frame.h"
#include "supervisor/engine/packet.h"
#include "supervisor/engine/udp_batch.h"
#include "supervisor/tun.h"

/* Linux sends no smaller ones (tcp_min_snd_mss): one packet is not to become
 * any number of them. */
#define SEGMENT_MIN 48

/* A packet of any size. */
#define READ_BYTES (TUN_HEADER_BYTES + 65535)
_Static_assert(READ_BYTES <= UDP_SLOT_STRIDE, "it fits");
_Static_assert(sizeof(struct virtio_net_hdr) == TUN_HEADER_BYTES,
    "as the device was told");

static bool
is_packet(const uint8_t *datagram, size_t bytes)
{
	return bytes > 0 && (*datagram >> 4 == 4 || *datagram >> 4 == 6);
}

/* What is left of a packet once a header that says nothing is gone. */
static size_t
strip(uint8_t *datagram, size_t bytes)
{
	struct virtio_net_hdr header;

	if (bytes < sizeof(header))
		return bytes;
	memcpy(&header, datagram, sizeof(header));
	if ((header.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) != 0 ||
	    header.gso_type != VIRTIO_NET_HDR_GSO_NONE)
		return bytes;
	bytes -= sizeof(header);
	memmove(datagram, datagram + sizeof(header), bytes);
	return bytes;
}

/* What is in the next slot. */
static void
add(struct udp_batch *batch, size_t bytes, uint64_t now_us)
{
	/* The rest of what is too large either way. */
	uint32_t length = bytes < UDP_SLOT_BYTES ? (uint32_t)bytes :
						   UDP_SLOT_BYTES;

	batch->message[batch->count].slot = batch->count;
	batch->message[batch->count].length = length;
	batch->message[batch->count].segment = length;
	batch->message[batch->count].arrived_us = now_us;
	batch->message[batch->count].client = 0;
	batch->count++;
}

/* What is forwarded into a device may be a whole IP packet. */
static void
add_parts(struct udp_batch *batch, size_t bytes, uint64_t now_us)
{
	size_t second = 0;

	if (bytes > FRAME_DATAGRAM_MAX)
		second = packet_part(udp_batch_slot(batch, batch->count),
		    &bytes, udp_batch_slot(batch, batch->count + 1));
	add(batch, bytes, now_us);
	if (second > 0)
		add(batch, second, now_us);
}

enum udp_result
end_tun_receive(struct end *end, struct udp_batch *batch)
{
	uint64_t now_us = end->stamped ? clock_unix_us() : 0;
	ssize_t bytes = 0;
	uint8_t *slot;

	udp_batch_clear(batch);
	/* There is always one for a second part. */
	while (batch->count < UDP_BATCH - 1) {
		slot = udp_batch_slot(batch, batch->count);
		bytes = read(end->fd, slot, READ_BYTES);
		if (bytes <= 0)
			break;
		add_parts(batch, strip(slot, (size_t)bytes), now_us);
	}
	batch->more = batch->count >= UDP_BATCH - 1;
	end->udp.received += batch->count;
	if (batch->count > 0)
		return UDP_OK;
	/* EIO: it is down just now. */
	return bytes == -1 && errno != EAGAIN && errno != EINTR &&
		errno != EIO ?
	    UDP_FAILED :
	    UDP_NONE;
}

/* No other than the kernel gives here. */
static bool
is_acceptable(const uint8_t *datagram, size_t bytes)
{
	struct virtio_net_hdr header;

	if (bytes < sizeof(header) ||
	    !is_packet(datagram + sizeof(header), bytes - sizeof(header)))
		return false;
	memcpy(&header, datagram, sizeof(header));
	switch (header.gso_type & ~VIRTIO_NET_HDR_GSO_ECN) {
	case VIRTIO_NET_HDR_GSO_NONE:
		return true;
	case VIRTIO_NET_HDR_GSO_TCPV4:
	case VIRTIO_NET_HDR_GSO_TCPV6:
		return le16dec(datagram +
			   offsetof(struct virtio_net_hdr, gso_size)) >=
		    SEGMENT_MIN;
	}
	return false;
}

static bool
give(int fd, const uint8_t *datagram, size_t bytes)
{
	uint8_t nothing[TUN_HEADER_BYTES] = { 0 };
	struct iovec parts[] = { { nothing, sizeof(nothing) },
		{ (void *)(uintptr_t)datagram, bytes } };

	if (is_packet(datagram, bytes))
		return writev(fd, parts, 2) ==
		    (ssize_t)(sizeof(nothing) + bytes);
	return is_acceptable(datagram, bytes) &&
	    write(fd, datagram, bytes) == (ssize_t)bytes;
}

static size_t
send_run(struct end *end, const struct frame_run *run)
{
	size_t left = run->length, given = 0, bytes;

	for (size_t i = 0; i < run->count; i++) {
		bytes = left < run->segment ? left : run->segment;
		if (give(end->fd, run->bytes + run->length - left, bytes))
			given++;
		else
			end->udp.refused++;
		left -= bytes;
	}
	return given;
}

size_t
end_tun_send(struct end *end, const struct frame_run *runs, size_t count)
{
	size_t given = 0;

	for (size_t i = 0; i < count; i++)
		given += send_run(end, &runs[i]);
	end->udp.sent += given;
	return given;
}
