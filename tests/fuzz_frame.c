/*
 * A plaintext frame from the fuzzer, as from a peer that is authenticated but
 * hostile. What is let through lies inside the frame, and says the same after
 * it was written and read again.
 */
#include "supervisor/engine/frame.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

static void
require(int holds)
{
	if (!holds)
		abort();
}

static void
check_open(const uint8_t *input, size_t size)
{
	struct frame_open open, second;
	uint8_t again[FRAME_CONTROL_MAX];

	if (frame_decode_open(input, size, &open) != 0)
		return;
	require(open.end.local.ss_family != AF_UNSPEC);
	require(address_is_named(open.end.kind) ==
	    (open.end.local.ss_family == AF_UNIX));
	require(frame_encode_open(&open, again) == size);
	require(frame_decode_open(again, size, &second) == 0);
	require(memcmp(&open, &second, sizeof(open)) == 0);
}

static void
check_words(const uint8_t *input, size_t size)
{
	char words[FRAME_REASON_MAX];
	size_t i;

	if (frame_decode_words(input, size, words) != 0)
		return;
	require(strlen(words) == size - 1);
	for (i = 0; i < size - 1; i++)
		require(words[i] >= ' ' && words[i] <= '~');
}

static void
check_clock(const uint8_t *input, size_t size)
{
	struct frame_ping ping;
	struct frame_pong pong;
	struct frame_hold hold;
	struct frame_lost lost;
	uint8_t again[FRAME_CONTROL_MAX];

	if (input[0] == FRAME_PING &&
	    frame_decode_ping(input, size, &ping) == 0) {
		require(frame_encode_ping(&ping, again) == size);
		require(memcmp(again, input, size) == 0);
	}
	if (input[0] == FRAME_HOLD &&
	    frame_decode_hold(input, size, &hold) == 0)
		require(frame_encode_hold(&hold, again) == size &&
		    memcmp(again, input, size) == 0);
	if (input[0] == FRAME_PONG &&
	    frame_decode_pong(input, size, &pong) == 0)
		require(
		    memcmp(again, input, frame_encode_pong(&pong, again)) == 0);
	if (input[0] == FRAME_LOST &&
	    frame_decode_lost(input, size, &lost) == 0) {
		require(frame_encode_lost(&lost, again) == size);
		require(memcmp(again, input, size) == 0);
	}
}

static void
check_totals(const uint8_t *input, size_t size)
{
	uint8_t again[FRAME_CONTROL_MAX];
	struct frame_totals totals;

	if (frame_decode_totals(input, size, &totals) == 0)
		require(memcmp(again, input,
			    frame_encode_totals(&totals, again)) == 0);
}

static void
check_policy(const uint8_t *input, size_t size)
{
	uint8_t again[FRAME_CONTROL_MAX];
	struct frame_policy policy;
	uint64_t serial;

	if (frame_decode_policy(input, size, &policy, &serial) == 0)
		require(memcmp(again, input,
			    frame_encode_policy(&policy, serial, again)) == 0);
}

/* Add a run's datagrams one by one; false when the frame is full. */
static bool
add_run(struct frame_writer *writer, const struct frame_run *run)
{
	const uint8_t *at = run->bytes, *end = run->bytes + run->length;
	size_t i, bytes;

	for (i = 0; i < run->count; i++) {
		bytes = run->segment;
		if (bytes > (size_t)(end - at))
			bytes = (size_t)(end - at);
		require(bytes != 0 || run->segment == 0);
		writer->client = run->client;
		if (!frame_writer_add(writer, at, bytes))
			return false;
		at += bytes;
	}
	require(at == end);
	return true;
}

/* Datagrams and bytes of a frame that our own writer made. */
static void
check_again(const uint8_t *frame, size_t size, size_t count, size_t length)
{
	struct frame_reader reader;
	struct frame_run run;
	enum frame_read result;

	require(frame_reader_init(&reader, frame, size) == 0);
	while ((result = frame_reader_next(&reader, &run)) == FRAME_RUN) {
		count -= run.count;
		length -= run.length;
	}
	require(result == FRAME_END && count == 0 && length == 0);
}

static void
check_data(const uint8_t *input, size_t size)
{
	static uint8_t again[FRAME_PLAIN_MAX];
	struct frame_writer writer;
	struct frame_reader reader;
	struct frame_run run;
	size_t count = 0, length = 0;

	if (frame_reader_init(&reader, input, size) != 0)
		return;
	frame_writer_init(&writer, again, sizeof(again), reader.sequence);
	if (reader.tagged)
		frame_writer_tag(&writer);
	while (frame_reader_next(&reader, &run) == FRAME_RUN) {
		require(run.count > 0 && run.bytes >= input &&
		    run.length <= (size_t)(input + size - run.bytes));
		if (!add_run(&writer, &run))
			return;
		count += run.count;
		length += run.length;
	}
	check_again(again, frame_writer_finish(&writer), count, length);
}

int
LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	if (size < 1 || size > FRAME_PLAIN_MAX)
		return 0;
	switch (input[0]) {
	case FRAME_OPEN:
		check_open(input, size);
		break;
	case FRAME_REFUSE:
	case FRAME_CLOSE:
		check_words(input, size);
		break;
	case FRAME_DATA:
	case FRAME_CLIENTS:
		check_data(input, size);
		break;
	case FRAME_TOTALS:
		check_totals(input, size);
		break;
	case FRAME_POLICY:
		check_policy(input, size);
		break;
	default:
		check_clock(input, size);
		break;
	}
	return 0;
}
