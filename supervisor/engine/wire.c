#include "supervisor/engine/wire.h"

#include <string.h>

#include "supervisor/engine/channel.h"
#include "supervisor/engine/frame.h"
#include "supervisor/engine/noise.h"

static enum wire_result
reserve(struct channel *channel, size_t bytes, uint8_t **span)
{
	size_t room;

	switch (ring_reserve(&channel->tx, bytes, span, &room)) {
	case RING_OK:
		return WIRE_OK;
	case RING_FULL:
	case RING_EMPTY:
		return WIRE_FULL;
	case RING_BROKEN:
		return WIRE_BROKEN_RING;
	}
	return WIRE_BROKEN_RING;
}

static void
put_length(uint8_t *span, size_t length)
{
	span[0] = (uint8_t)(length >> 8);
	span[1] = (uint8_t)length;
}

enum wire_result
wire_put(struct channel *channel, const uint8_t *bytes, size_t length)
{
	enum wire_result result;
	uint8_t *span;

	result = reserve(channel, FRAME_LENGTH_BYTES + length, &span);
	if (result != WIRE_OK)
		return result;
	put_length(span, length);
	memcpy(span + FRAME_LENGTH_BYTES, bytes, length);
	ring_commit(&channel->tx, FRAME_LENGTH_BYTES + length);
	return WIRE_OK;
}

/*
 * Straight into the ring: the worker maps it read-only, and what is read here
 * is private plaintext. libcrypto reads the ciphertext back for the tag, which
 * is safe only while nobody else can write it. An heir's ring the worker can
 * write: there the frame is copied when it is done.
 */
static int
seal(const struct channel *channel, struct noise_cipher *cipher,
    const uint8_t *plain, size_t length, uint8_t *out)
{
	static uint8_t private[FRAME_SEALED_MAX];

	if (!channel_is_heir(channel))
		return noise_seal(cipher, plain, length, out);
	if (noise_seal(cipher, plain, length, private) == -1)
		return -1;
	memcpy(out, private, length + FRAME_TAG_BYTES);
	return 0;
}

enum wire_result
wire_seal(struct channel *channel, struct noise_cipher *cipher,
    const uint8_t *plain, size_t length, size_t *wire_bytes)
{
	enum wire_result result;
	size_t sealed = length + FRAME_TAG_BYTES;
	uint8_t *span;

	result = reserve(channel, FRAME_LENGTH_BYTES + sealed, &span);
	if (result != WIRE_OK)
		return result;
	put_length(span, sealed);
	if (seal(channel, cipher, plain, length, span + FRAME_LENGTH_BYTES) ==
	    -1)
		return WIRE_BROKEN_SEAL;
	*wire_bytes = FRAME_LENGTH_BYTES + sealed;
	ring_commit(&channel->tx, *wire_bytes);
	return WIRE_OK;
}

enum wire_result
wire_take(struct channel *channel, uint8_t *buffer, size_t length_min,
    size_t length_max, size_t *length)
{
	const uint8_t *span;
	size_t available, claimed;

	switch (ring_peek(&channel->rx, &span, &available)) {
	case RING_OK:
		break;
	case RING_EMPTY:
	case RING_FULL:
		return WIRE_EMPTY;
	case RING_BROKEN:
		return WIRE_BROKEN_RING;
	}
	if (available < FRAME_LENGTH_BYTES)
		return WIRE_EMPTY;
	/* Read once: the bytes may change under us. */
	memcpy(buffer, span, FRAME_LENGTH_BYTES);
	claimed = (size_t)buffer[0] << 8 | buffer[1];
	if (claimed < length_min || claimed > length_max)
		return WIRE_BROKEN_LENGTH;
	if (available < FRAME_LENGTH_BYTES + claimed)
		return WIRE_EMPTY;
	memcpy(buffer, span + FRAME_LENGTH_BYTES, claimed);
	ring_release(&channel->rx, FRAME_LENGTH_BYTES + claimed);
	*length = claimed;
	return WIRE_OK;
}

size_t
wire_room(struct channel *channel)
{
	size_t queued;

	if (ring_queued(&channel->tx, &queued) != RING_OK)
		return 0;
	return channel->tx.capacity - queued;
}

const char *
wire_result_words(enum wire_result result)
{
	switch (result) {
	case WIRE_OK:
		return "no error";
	case WIRE_FULL:
		return "transmit ring full";
	case WIRE_EMPTY:
		return "receive ring empty";
	case WIRE_BROKEN_RING:
		return "worker broke the ring";
	case WIRE_BROKEN_LENGTH:
		return "frame of an impossible length";
	case WIRE_BROKEN_SEAL:
		return "frame failed to open";
	}
	return "unknown";
}
