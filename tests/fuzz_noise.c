/*
 * Handshake messages from the fuzzer. The first byte picks the message (bit 0)
 * and how the rest makes it: alone (bit 1 clear), or laid over a genuine one
 * by exclusive or, which keeps its length unless the rest is longer. Whatever
 * differs from the genuine message must be refused.
 */
#include "supervisor/engine/frame.h"
#include "supervisor/engine/noise.h"

#include <stdlib.h>
#include <string.h>

#define MESSAGE1_BYTES NOISE_MESSAGE1_BYTES(FRAME_HELLO1_BYTES)
#define MESSAGE2_BYTES NOISE_MESSAGE2_BYTES(FRAME_HELLO2_BYTES)
#define ROOM 512

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

static struct noise_identity *identity;

static struct noise_handshake *
make(bool initiator)
{
	struct noise_handshake *handshake;

	handshake = noise_handshake_new(initiator, identity,
	    initiator ? noise_identity_public(identity) : NULL, true,
	    (const uint8_t *)FRAME_PROLOGUE, FRAME_PROLOGUE_BYTES);
	if (handshake == NULL)
		abort();
	return handshake;
}

/* Lay input over the genuine message; the length of what comes out. */
static size_t
forge(uint8_t message[ROOM], size_t genuine, bool overlay, const uint8_t *input,
    size_t size)
{
	size_t i;

	if (size > ROOM)
		size = ROOM;
	if (!overlay)
		memset(message, 0, ROOM);
	for (i = 0; i < size; i++)
		message[i] ^= input[i];
	return overlay && size < genuine ? genuine : size;
}

static void
run(bool second, bool overlay, const uint8_t *input, size_t size)
{
	struct noise_handshake *initiator = make(true);
	struct noise_handshake *responder = make(false);
	uint8_t payload[FRAME_HELLO1_BYTES] = { 0 }, got[ROOM];
	uint8_t message[ROOM] = { 0 }, genuine[ROOM];
	size_t bytes = MESSAGE1_BYTES;
	int result;

	if (noise_write_message1(initiator, payload, sizeof(payload),
		message) != 0)
		abort();
	if (second) {
		bytes = MESSAGE2_BYTES;
		if (noise_read_message1(responder, message, MESSAGE1_BYTES,
			got) != 0 ||
		    noise_write_message2(responder, payload, sizeof(payload),
			message) != 0)
			abort();
		memset(message + bytes, 0, sizeof(message) - bytes);
	}
	memcpy(genuine, message, sizeof(genuine));
	size = forge(message, bytes, overlay, input, size);
	result = second ? noise_read_message2(initiator, message, size, got) :
			  noise_read_message1(responder, message, size, got);
	if ((result == 0) !=
	    (size == bytes && memcmp(message, genuine, bytes) == 0))
		abort();
	noise_handshake_free(initiator);
	noise_handshake_free(responder);
}

int
LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	static const uint8_t private_key[NOISE_KEY_BYTES] = { 0, 1 };

	if (identity == NULL &&
	    (noise_init() != 0 ||
		(identity = noise_identity_new(private_key)) == NULL))
		abort();
	if (size > 0)
		run((input[0] & 1) != 0, (input[0] & 2) != 0, input + 1,
		    size - 1);
	return 0;
}
