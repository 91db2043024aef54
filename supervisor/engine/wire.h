/*
 * Frames on a channel: a u16 big-endian length and that many bytes. What comes
 * from the ring is copied to private memory before anybody looks at it.
 */
#ifndef ENGINE_WIRE_H
#define ENGINE_WIRE_H

#include <stddef.h>
#include <stdint.h>

struct channel;
struct noise_cipher;

/* Room that data leaves to PING, PONG and CLOSE. */
#define WIRE_RESERVE_BYTES ((size_t)4096)

enum wire_result {
	WIRE_OK,
	WIRE_FULL,	    /* no room in the transmit ring */
	WIRE_EMPTY,	    /* no whole frame in the receive ring */
	WIRE_BROKEN_RING,   /* the worker's index is impossible */
	WIRE_BROKEN_LENGTH, /* a frame that cannot be */
	WIRE_BROKEN_SEAL    /* a frame that does not open */
};

/* Write a handshake message as one frame. */
enum wire_result
wire_put(struct channel *channel, const uint8_t *bytes, size_t length);

/*
 * Seal plaintext from private memory into the transmit ring as one frame.
 * WIRE_BROKEN_SEAL: the cipher is used up. *wire_bytes gets the frame's size.
 */
enum wire_result wire_seal(struct channel *channel, struct noise_cipher *cipher,
    const uint8_t *plain, size_t length, size_t *wire_bytes);

/*
 * Copy the next whole frame's body into buffer (FRAME_SEALED_MAX bytes) and
 * release it. A body is length_min to length_max bytes long.
 */
enum wire_result wire_take(struct channel *channel, uint8_t *buffer,
    size_t length_min, size_t length_max, size_t *length);

/* Room in the transmit ring; 0 too when the ring is broken. */
size_t wire_room(struct channel *channel);

/* What a log says about a result that ends the path. */
const char *wire_result_words(enum wire_result result);

#endif
