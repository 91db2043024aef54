#include <bsd/stdlib.h>
#include <bsd/sys/endian.h>

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/engine/frame.h"
#include "tests/suite.h"

#define SIZES_MAX 4096
#define SEQUENCE UINT64_C(0xfffffffffffffffe) /* it wraps: only a number */

static struct frame_writer writer;
static uint8_t frame[FRAME_PLAIN_MAX];
static uint8_t datagram[FRAME_DATAGRAM_MAX + 1];

/* Datagram i of a test: its size, and bytes that tell it from others. */
static size_t sizes[SIZES_MAX];

static const uint8_t *
fill(size_t i)
{
	memset(datagram, (int)(i % 251), sizes[i]);
	if (sizes[i] >= 8)
		be64enc(datagram, i);
	return datagram;
}

/* Write sizes[first..] until the frame is full or all are in. */
static size_t
write_frame(size_t first, size_t count, size_t capacity)
{
	size_t i;

	frame_writer_init(&writer, frame, capacity, SEQUENCE + first);
	for (i = first; i < count; i++)
		if (!frame_writer_add(&writer, fill(i), sizes[i]))
			break;
	ck_assert_uint_eq(writer.count, i - first);
	return frame_writer_finish(&writer);
}

/* Read a frame whose first datagram is sizes[first]; how many it held. */
static size_t
check_frame(size_t first, size_t bytes)
{
	struct frame_reader reader;
	struct frame_run run;
	enum frame_read result;
	const uint8_t *at;
	size_t i = first, j;

	ck_assert_uint_eq(frame[0], FRAME_DATA);
	ck_assert_int_eq(frame_reader_init(&reader, frame, bytes), 0);
	while ((result = frame_reader_next(&reader, &run)) == FRAME_RUN) {
		ck_assert_uint_eq(run.sequence, SEQUENCE + i);
		at = run.bytes;
		for (j = 0; j < run.count; j++, i++) {
			if (j + 1 < run.count)
				ck_assert_uint_eq(sizes[i], run.segment);
			ck_assert_uint_le(sizes[i], run.segment);
			ck_assert_int_eq(memcmp(at, fill(i), sizes[i]), 0);
			at += sizes[i];
		}
		ck_assert_ptr_eq(at, run.bytes + run.length);
	}
	ck_assert_int_eq(result, FRAME_END);
	return i - first;
}

static void
set_sizes(size_t from, size_t count, size_t bytes)
{
	while (count-- > 0)
		sizes[from++] = bytes;
}

/* The run headers of datagrams of these sizes, as "segment*count ...". */
struct shape {
	size_t sizes[8];
	size_t count;
	const char *runs;
};

static const struct shape shapes[] = {
	{ { 0 }, 0, "" },
	{ { 5 }, 1, "5*0 " },
	{ { 0 }, 1, "0*1 " },
	{ { 5, 5, 5 }, 3, "5*0 " },
	{ { 0, 0, 0 }, 3, "0*3 " },
	{ { 5, 5, 3 }, 3, "5*0 " },
	{ { 5, 3 }, 2, "5*0 " },
	{ { 5, 5, 7 }, 3, "5*2 7*0 " },
	{ { 5, 3, 3 }, 3, "5*1 3*0 " },
	{ { 5, 3, 5 }, 3, "5*1 3*1 5*0 " },
	{ { 5, 5, 0 }, 3, "5*2 0*1 " },
	{ { 0, 5 }, 2, "0*1 5*0 " },
	{ { 9, 5, 4 }, 3, "9*1 5*0 " },
	{ { 9, 9, 7, 7, 4, 8, 2 }, 7, "9*2 7*2 4*1 8*0 " },
};

#define SHAPES_COUNT (int)(sizeof(shapes) / sizeof(shapes[0]))

START_TEST(test_shapes)
{
	const struct shape *shape = &shapes[_i];
	struct frame_reader reader;
	struct frame_run run;
	char runs[64] = "";
	size_t bytes, length = 0;

	memcpy(sizes, shape->sizes, sizeof(shape->sizes));
	bytes = write_frame(0, shape->count, sizeof(frame));
	ck_assert_uint_eq(check_frame(0, bytes), shape->count);
	frame_reader_init(&reader, frame, bytes);
	while (frame_reader_next(&reader, &run) == FRAME_RUN)
		length += (size_t)snprintf(runs + length, sizeof(runs) - length,
		    "%zu*%d ", run.segment, run.bytes[-1]);
	ck_assert_str_eq(runs, shape->runs);
}
END_TEST

START_TEST(test_bytes)
{
	static const uint8_t expected[] = { 4, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 0xfe, 0, 2, 3, 0, 0, 1, 1, 2, 2, 0, 3, 0, 3, 3, 3,
		4 };

	set_sizes(0, 3, 2);
	sizes[3] = 3;
	sizes[4] = 1;
	ck_assert_uint_eq(write_frame(0, 5, sizeof(frame)), sizeof(expected));
	ck_assert_mem_eq(frame, expected, sizeof(expected));
}
END_TEST

/* 254 to 257 of one size, then another size, or the end, or a shorter one. */
START_TEST(test_long_runs)
{
	size_t count, bytes, kind;

	for (count = 254; count <= 257; count++)
		for (kind = 0; kind < 4; kind++) {
			set_sizes(0, count, kind == 3 ? 0 : 20);
			sizes[count] = kind == 1 ? 30 : 10;
			bytes = write_frame(0, count + (kind != 0),
			    sizeof(frame));
			ck_assert_uint_eq(check_frame(0, bytes),
			    count + (kind != 0));
		}
}
END_TEST

START_TEST(test_largest_datagram)
{
	sizes[0] = FRAME_DATAGRAM_MAX;
	ck_assert_uint_eq(write_frame(0, 1, sizeof(frame)), FRAME_PLAIN_MAX);
	ck_assert_uint_eq(check_frame(0, FRAME_PLAIN_MAX), 1);
	frame_writer_init(&writer, frame, sizeof(frame), 0);
	ck_assert(!frame_writer_add(&writer, datagram, FRAME_DATAGRAM_MAX + 1));
	ck_assert(!frame_writer_add(&writer, datagram, SIZE_MAX));
	ck_assert_uint_eq(frame_writer_finish(&writer),
	    FRAME_DATA_HEADER_BYTES);
}
END_TEST

/* A frame is filled to its last byte, and no byte further. */
START_TEST(test_capacity)
{
	size_t capacity, bytes, held;

	set_sizes(0, 40, 10);
	for (capacity = 13; capacity < 400; capacity++) {
		bytes = write_frame(0, 40, capacity);
		held = (capacity - 12) / 10;
		ck_assert_uint_eq(writer.count, held < 40 ? held : 40);
		ck_assert_uint_le(bytes, capacity);
		ck_assert_uint_eq(check_frame(0, bytes), writer.count);
	}
	/* Refused once, it still takes what does fit. */
	frame_writer_init(&writer, frame, 20, 0);
	ck_assert(!frame_writer_add(&writer, datagram, 9));
	ck_assert(frame_writer_add(&writer, datagram, 8));
	ck_assert(!frame_writer_add(&writer, NULL, 0));
	ck_assert_uint_eq(frame_writer_finish(&writer), 20);
}
END_TEST

static size_t
random_size(void)
{
	switch (random() % 8) {
	case 0:
		return 0;
	case 1:
		return (size_t)random() % 20;
	case 2:
		return (size_t)random() % 3000;
	default:
		return 1400;
	}
}

START_TEST(test_random)
{
	unsigned int seed = arc4random();
	size_t i, first, held, bytes;

	printf("test_random: seed %u\n", seed);
	srandom(seed);
	for (i = 0; i < SIZES_MAX; i++)
		sizes[i] = random_size();
	for (first = 0; first < SIZES_MAX; first += held) {
		bytes = write_frame(first, SIZES_MAX,
		    3012 + (size_t)random() % (FRAME_PLAIN_MAX - 3012));
		held = writer.count;
		ck_assert_uint_gt(held, 0);
		ck_assert_uint_eq(check_frame(first, bytes), held);
	}
}
END_TEST

/* What follows the header of a frame that must be refused. */
static const struct {
	uint8_t bytes[8];
	size_t count;
} bad_runs[] = {
	{ { 0 }, 1 },
	{ { 0, 5 }, 2 },
	{ { 0, 5, 1 }, 3 }, /* bytes are missing */
	{ { 0, 5, 1, 1, 2, 3, 4 }, 7 },
	{ { 0, 5, 0 }, 3 }, /* an empty last one */
	{ { 0, 0, 0 }, 3 }, /* none at all */
	{ { 0, 0, 0, 1 }, 4 },
	{ { 0, 2, 2, 1, 1, 1 }, 6 },
	{ { 0, 1, 1, 1, 0 }, 5 },    /* a good run, then a piece */
	{ { 0xff, 0xe4, 0, 1 }, 4 }, /* 65508 */
	{ { 0xff, 0xff, 255, 1 }, 4 },
};

#define BAD_RUNS_COUNT (int)(sizeof(bad_runs) / sizeof(bad_runs[0]))

START_TEST(test_bad_runs)
{
	struct frame_reader reader;
	struct frame_run run;
	enum frame_read result;
	size_t count = bad_runs[_i].count;
	uint8_t *exact = malloc(FRAME_DATA_HEADER_BYTES + count);

	memset(exact, 0, FRAME_DATA_HEADER_BYTES);
	memcpy(exact + FRAME_DATA_HEADER_BYTES, bad_runs[_i].bytes, count);
	ck_assert_int_eq(frame_reader_init(&reader, exact,
			     FRAME_DATA_HEADER_BYTES + count),
	    0);
	while ((result = frame_reader_next(&reader, &run)) == FRAME_RUN)
		continue;
	ck_assert_int_eq(result, FRAME_BAD);
	ck_assert_int_eq(frame_reader_next(&reader, &run), FRAME_BAD);
	free(exact);
}
END_TEST

START_TEST(test_too_many)
{
	struct frame_reader reader;
	struct frame_run run;
	size_t count = 0, bytes;

	frame_writer_init(&writer, frame, sizeof(frame), SEQUENCE);
	while (frame_writer_add(&writer, datagram, 0))
		count++;
	ck_assert_uint_eq(count, FRAME_DATAGRAMS_MAX);
	bytes = frame_writer_finish(&writer);
	ck_assert_int_eq(frame_reader_init(&reader, frame, bytes), 0);
	while (frame_reader_next(&reader, &run) == FRAME_RUN)
		count -= run.count;
	ck_assert_uint_eq(count, 0);
	/* One more, by hand: an empty one in a run of its own. */
	memcpy(frame + bytes, "\0\0\1", 3);
	ck_assert_int_eq(frame_reader_init(&reader, frame, bytes + 3), 0);
	while (frame_reader_next(&reader, &run) == FRAME_RUN)
		count++;
	ck_assert_int_eq(frame_reader_next(&reader, &run), FRAME_BAD);
}
END_TEST

START_TEST(test_short_header)
{
	struct frame_reader reader;
	struct frame_run run;
	size_t bytes;

	for (bytes = 0; bytes < FRAME_DATA_HEADER_BYTES; bytes++)
		ck_assert_int_eq(frame_reader_init(&reader, frame, bytes), -1);
	ck_assert_int_eq(frame_reader_init(&reader, frame, bytes), 0);
	ck_assert_int_eq(frame_reader_next(&reader, &run), FRAME_END);
}
END_TEST

/* Another writer may put more than 255 into the last run. */
START_TEST(test_run_to_the_end)
{
	struct frame_reader reader;
	struct frame_run run;

	memset(frame, 0, sizeof(frame));
	frame[10] = 2;
	ck_assert_int_eq(frame_reader_init(&reader, frame, 12 + 1999), 0);
	ck_assert_int_eq(frame_reader_next(&reader, &run), FRAME_RUN);
	ck_assert_uint_eq(run.segment, 2);
	ck_assert_uint_eq(run.count, 1000);
	ck_assert_uint_eq(run.length, 1999);
	ck_assert_int_eq(frame_reader_next(&reader, &run), FRAME_END);
}
END_TEST

START_TEST(clients_have_runs_of_their_own)
{
	static const struct {
		uint16_t client;
		size_t bytes;
	} sent[] = { { 7, 3 }, { 7, 3 }, { 9, 3 }, { 9, 2 }, { 7, 1 },
		{ 8, 0 } };
	static const struct {
		uint16_t client;
		size_t count, length;
	} got[] = { { 7, 2, 6 }, { 9, 1, 3 }, { 9, 1, 2 }, { 7, 1, 1 },
		{ 8, 1, 0 } };
	static uint8_t out[256], zeros[8];
	struct frame_reader reader;
	struct frame_run run;
	size_t bytes;

	frame_writer_init(&writer, out, sizeof(out), 5);
	frame_writer_tag(&writer);
	for (size_t i = 0; i < sizeof(sent) / sizeof(sent[0]); i++) {
		writer.client = sent[i].client;
		ck_assert(frame_writer_add(&writer, zeros, sent[i].bytes));
	}
	bytes = frame_writer_finish(&writer);
	ck_assert_uint_eq(out[0], FRAME_CLIENTS);
	ck_assert_int_eq(frame_reader_init(&reader, out, bytes), 0);
	ck_assert(reader.tagged);
	for (size_t i = 0; i < sizeof(got) / sizeof(got[0]); i++) {
		ck_assert_int_eq(frame_reader_next(&reader, &run), FRAME_RUN);
		ck_assert_uint_eq(run.client, got[i].client);
		ck_assert_uint_eq(run.count, got[i].count);
		ck_assert_uint_eq(run.length, got[i].length);
	}
	ck_assert_int_eq(frame_reader_next(&reader, &run), FRAME_END);
	/* A shorter last one of the same client joins its run. */
	frame_writer_init(&writer, out, sizeof(out), 5);
	frame_writer_tag(&writer);
	writer.client = 3;
	ck_assert(frame_writer_add(&writer, zeros, 4));
	ck_assert(frame_writer_add(&writer, zeros, 2));
	ck_assert_uint_eq(frame_writer_finish(&writer),
	    FRAME_DATA_HEADER_BYTES + FRAME_RUN_HEADER_BYTES +
		FRAME_CLIENT_BYTES + 6);
	/* Each header must be whole. */
	ck_assert_int_eq(frame_reader_init(&reader, out,
			     FRAME_DATA_HEADER_BYTES + FRAME_RUN_HEADER_BYTES),
	    0);
	ck_assert_int_eq(frame_reader_next(&reader, &run), FRAME_BAD);
}
END_TEST

static Suite *
data_suite(void)
{
	Suite *suite = suite_create("frame_data");
	TCase *tcase = tcase_create("data");

	tcase_add_loop_test(tcase, test_shapes, 0, SHAPES_COUNT);
	tcase_add_test(tcase, clients_have_runs_of_their_own);
	tcase_add_test(tcase, test_bytes);
	tcase_add_test(tcase, test_long_runs);
	tcase_add_test(tcase, test_largest_datagram);
	tcase_add_test(tcase, test_capacity);
	tcase_add_test(tcase, test_random);
	tcase_add_loop_test(tcase, test_bad_runs, 0, BAD_RUNS_COUNT);
	tcase_add_test(tcase, test_too_many);
	tcase_add_test(tcase, test_short_header);
	tcase_add_test(tcase, test_run_to_the_end);
	suite_add_tcase(suite, tcase);
	return suite;
}

int
main(void)
{
	return suite_run(data_suite());
}
