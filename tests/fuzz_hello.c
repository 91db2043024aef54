/*
 * A hello payload from the fuzzer: the first byte picks message 1 or 2. What
 * is let through is exactly what the encoder makes of it.
 */
#include "supervisor/engine/frame.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

static void
check_hello1(const uint8_t in[FRAME_HELLO1_BYTES])
{
	uint8_t again[FRAME_HELLO1_BYTES];
	struct frame_hello1 hello;

	if (frame_decode_hello1(in, &hello) != 0)
		return;
	frame_encode_hello1(&hello, again);
	if (memcmp(in, again, sizeof(again)) != 0)
		abort();
}

static void
check_hello2(const uint8_t in[FRAME_HELLO2_BYTES])
{
	uint8_t again[FRAME_HELLO2_BYTES];
	struct frame_hello2 hello;

	if (frame_decode_hello2(in, &hello) != 0)
		return;
	frame_encode_hello2(&hello, again);
	if (memcmp(in, again, sizeof(again)) != 0)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	if (size < 1)
		return 0;
	if (input[0] == 1 && size == 1 + FRAME_HELLO1_BYTES)
		check_hello1(input + 1);
	if (input[0] == 2 && size == 1 + FRAME_HELLO2_BYTES)
		check_hello2(input + 1);
	return 0;
}
