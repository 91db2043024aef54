/*
 * DATA frames: runs of datagrams, packed and read in place.
 */
#include <bsd/sys/endian.h>

#include <assert.h>
#include <string.h>

#include "supervisor/engine/frame.h"

#define RUN_COUNT_MAX 255

void
frame_writer_init(struct frame_writer *writer, uint8_t *buffer, size_t capacity,
    uint64_t sequence)
{
	*writer = (struct frame_writer){
		.buffer = buffer,
		.capacity = capacity,
		.used = FRAME_DATA_HEADER_BYTES,
	};
	buffer[0] = FRAME_DATA;
	be64enc(buffer + 1, sequence);
}

void
frame_writer_tag(struct frame_writer *writer)
{
	writer->tagged = true;
	writer->buffer[0] = FRAME_CLIENTS;
}

static size_t
header_bytes(bool tagged)
{
	return FRAME_RUN_HEADER_BYTES + (tagged ? FRAME_CLIENT_BYTES : 0);
}

static void
open_run(struct frame_writer *writer, size_t segment)
{
	if (writer->run != 0)
		writer->buffer[writer->run + 2] = (uint8_t)writer->run_count;
	if (writer->tagged) {
		be16enc(writer->buffer + writer->used, writer->client);
		writer->used += FRAME_CLIENT_BYTES;
	}
	writer->of_before = writer->of_run;
	writer->of_run = writer->client;
	writer->before = writer->run;
	writer->run = writer->used;
	writer->segment = segment;
	writer->run_count = 0;
	be16enc(writer->buffer + writer->run, (uint16_t)segment);
	writer->used += FRAME_RUN_HEADER_BYTES;
}

bool
frame_writer_add(struct frame_writer *writer, const uint8_t *datagram,
    size_t bytes)
{
	bool joins = bytes == writer->segment && writer->run != 0 &&
	    writer->run_count < RUN_COUNT_MAX &&
	    writer->client == writer->of_run;
	size_t room = writer->capacity - writer->used;

	if (bytes > FRAME_DATAGRAM_MAX ||
	    writer->count == FRAME_DATAGRAMS_MAX ||
	    bytes + (joins ? 0 : header_bytes(writer->tagged)) > room)
		return false;
	if (!joins)
		open_run(writer, bytes);
	if (bytes != 0)
		memcpy(writer->buffer + writer->used, datagram, bytes);
	writer->used += bytes;
	writer->run_count++;
	writer->count++;
	return true;
}

/*
 * GRO hands over equal segments and a shorter last one: put that one back
 * into their run, so that they also leave in one piece at the other end.
 */
static void
merge_last(struct frame_writer *writer)
{
	size_t bytes = header_bytes(writer->tagged);
	uint8_t *header = writer->buffer + writer->run +
	    FRAME_RUN_HEADER_BYTES - bytes;

	if (writer->before == 0 || writer->run_count != 1 ||
	    writer->segment == 0 || writer->of_before != writer->of_run ||
	    writer->segment >= be16dec(writer->buffer + writer->before))
		return;
	memmove(header, header + bytes, writer->segment);
	writer->used -= bytes;
	writer->run = writer->before;
}

size_t
frame_writer_finish(struct frame_writer *writer)
{
	if (writer->run == 0)
		return writer->used;
	merge_last(writer);
	writer->buffer[writer->run + 2] = writer->segment == 0 ?
	    (uint8_t)writer->run_count :
	    0;
	return writer->used;
}

int
frame_reader_init(struct frame_reader *reader, const uint8_t *frame,
    size_t bytes)
{
	if (bytes < FRAME_DATA_HEADER_BYTES)
		return -1;
	reader->at = frame + FRAME_DATA_HEADER_BYTES;
	reader->end = frame + bytes;
	reader->sequence = be64dec(frame + 1);
	reader->count = 0;
	reader->tagged = frame[0] == FRAME_CLIENTS;
	return 0;
}

enum frame_read
frame_reader_next(struct frame_reader *reader, struct frame_run *run)
{
	size_t left = (size_t)(reader->end - reader->at);

	if (left == 0)
		return FRAME_END;
	if (left < header_bytes(reader->tagged))
		return FRAME_BAD;
	left -= header_bytes(reader->tagged);
	run->client = 0;
	if (reader->tagged) {
		run->client = be16dec(reader->at);
		reader->at += FRAME_CLIENT_BYTES;
	}
	run->segment = be16dec(reader->at);
	run->count = reader->at[2];
	run->length = run->segment * run->count;
	if (run->count == 0 && run->segment != 0) {
		run->length = left;
		run->count = (left + run->segment - 1) / run->segment;
	}
	if (run->count == 0 || run->length > left ||
	    run->segment > FRAME_DATAGRAM_MAX ||
	    run->count > FRAME_DATAGRAMS_MAX - reader->count)
		return FRAME_BAD;
	run->sequence = reader->sequence;
	run->bytes = reader->at + FRAME_RUN_HEADER_BYTES;
	reader->sequence += run->count;
	reader->count += run->count;
	reader->at = run->bytes + run->length;
	return FRAME_RUN;
}
