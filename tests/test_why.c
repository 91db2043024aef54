#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/ctl/reply.h"
#include "supervisor/ctl/why.h"
#include "supervisor/ctl/why_input.h"
#include "supervisor/ctl/why_proc.h"
#include "tests/suite.h"

#define MBIT (1e6 / 8)

static struct why_path paths[4];
static struct why_input input;
static struct why_verdict verdict;

/* Two paths of 30 and 15 Mbit/s that carry 5 of it, and nothing is wrong. */
static void
setup(void)
{
	static const double rates[] = { 30, 15, 0, 0 };

	memset(paths, 0, sizeof(paths));
	memset(&input, 0, sizeof(input));
	for (int i = 0; i < 2; i++) {
		paths[i].uri = i == 0 ? "tcp://one" : "tcp://two";
		paths[i].error = "";
		paths[i].up = paths[i].measured = true;
		paths[i].rate_bytes_s = rates[i] * MBIT;
		paths[i].bytes_s = 2.5 * MBIT;
		paths[i].worker.pid = 200 + i;
		paths[i].worker.busy = 0.1;
	}
	input.seconds = 2;
	input.received = input.delivered = 10000;
	input.application = "127.0.0.1:514";
	input.buffer_bytes = 4194304;
	input.engine.pid = 100;
	input.engine.busy = 0.2;
	input.paths = paths;
	input.paths_count = 2;
}

static void
expect(enum why_limit limit, const char *words)
{
	why_judge(&input, &verdict);
	ck_assert_msg(verdict.limit == limit, "%s: %s",
	    why_limit_name(verdict.limit), verdict.limit_words);
	ck_assert_msg(strstr(verdict.limit_words, words) != NULL,
	    "no '%s' in: %s", words, verdict.limit_words);
}

START_TEST(test_nothing)
{
	expect(WHY_NOTHING,
	    "the 5.0 Mbit/s that are offered are below the "
	    "45.0");
	paths[1].measured = false;
	expect(WHY_NOTHING, "not all paths were ever full");
	paths[1].backup = true;
	expect(WHY_NOTHING, "below the 30.0");
}
END_TEST

START_TEST(test_down)
{
	paths[0].up = paths[1].up = false;
	expect(WHY_DOWN, "of 2 paths none is up.");
	paths[0].error = "connect: Connection refused";
	expect(WHY_DOWN,
	    "of 2 paths none is up, one of them: connect: Connection refused.");
	ck_assert_ptr_nonnull(strstr(verdict.pays_words, "no path is up"));
	input.paths_count = 1;
	expect(WHY_DOWN,
	    "the only path, tcp://one, is not up: connect: Connection "
	    "refused.");
	paths[0].stalled = true;
	expect(WHY_DOWN, "the only path, tcp://one, is up but silent");
	input.paths_count = 0;
	expect(WHY_DOWN, "there is no path");
}
END_TEST

START_TEST(test_receiver)
{
	input.ignored = 51;
	expect(WHY_RECEIVER,
	    "127.0.0.1:514 does not keep up, and its socket "
	    "dropped 51 of 10000");
	input.ignored = 50;
	expect(WHY_NOTHING, "");
	input.unreachable = 5000;
	expect(WHY_RECEIVER, "does an application listen there");
	input.unreachable = 0;
	input.refused = 100;
	expect(WHY_RECEIVER, "100 were refused");
}
END_TEST

START_TEST(test_strangers)
{
	input.strangers = 100;
	expect(WHY_NOTHING, "");
	input.strangers = 2000;
	expect(WHY_STRANGERS,
	    "2000 of 12000 datagrams were dropped, as the tunnel does not "
	    "hear");
	input.clients = 9;
	input.clients_max = 10;
	expect(WHY_STRANGERS, "Strangers");
	input.clients = 10;
	expect(WHY_STRANGERS, "all 10 are in use, and 2000 of 12000 datagrams");
	/* Few of them do not explain that; most would. */
	input.blocked = 0.5;
	expect(WHY_PATHS, "");
	input.strangers = 90000;
	expect(WHY_STRANGERS, "90000 of 100000");
}
END_TEST

START_TEST(test_cpu)
{
	/* It keeps up. */
	input.engine.busy = 0.99;
	expect(WHY_NOTHING, "");
	input.kernel = 100;
	expect(WHY_CPU, "the engine, process 100, uses 99 % of a core");
	input.kernel = 0;
	input.blocked = 0.5;
	expect(WHY_CPU, "the engine");
	input.engine.busy = 0.3;
	paths[1].worker.busy = 0.9;
	expect(WHY_CPU, "the worker of tcp://two, process 201, uses 90 %");
	paths[1].worker.busy = 0.3;
	paths[1].worker.waited = 0.5;
	expect(WHY_CPU, "has 30 % of a core and waits 50 %");
	paths[1].worker.waited = WHY_UNKNOWN;
	expect(WHY_PATHS, "");
	paths[1].worker.busy = input.engine.busy = WHY_UNKNOWN;
	expect(WHY_PATHS, "");
	/* At the end that receives nothing is dropped. */
	input.blocked = 0;
	input.received = 0;
	input.engine.busy = 0.9;
	expect(WHY_CPU, "the engine");
}
END_TEST

START_TEST(test_buffer)
{
	input.kernel = 10;
	expect(WHY_NOTHING, "");
	input.kernel = 1000;
	expect(WHY_BUFFER, "dropped 1000 of 11000 datagrams");
	ck_assert_ptr_nonnull(strstr(verdict.limit_words, "4096 KiB"));
	/* It is full because the paths are. */
	input.no_room = 5000;
	expect(WHY_PATHS, "");
}
END_TEST

START_TEST(test_paths)
{
	input.blocked = 0.98;
	input.no_room = 10000;
	paths[0].bytes_s = 29 * MBIT;
	paths[1].bytes_s = 14 * MBIT;
	expect(WHY_PATHS, "together they carry 43.0 Mbit/s of the 86.0");
	ck_assert_ptr_nonnull(strstr(verdict.limit_words,
	    "full for 98 % of the time; the fastest is tcp://one"));
	paths[0].up = false;
	paths[0].bytes_s = 0;
	expect(WHY_PATHS,
	    "The rate of tcp://two: it carries 14.0 Mbit/s of "
	    "the 28.0");
}
END_TEST

START_TEST(test_reorder)
{
	input.reorder_ms = 300;
	input.held_ms = 4.9;
	expect(WHY_NOTHING, "");
	input.held_ms = 38.2;
	expect(WHY_REORDER, "held for 38 ms in the mean, at most for 300");
}
END_TEST

START_TEST(test_pays)
{
	why_judge(&input, &verdict);
	ck_assert(!verdict.pays);
	ck_assert_ptr_nonnull(strstr(verdict.pays_words,
	    "tcp://one alone would carry 30.0 Mbit/s, and 5.0"));
	paths[0].bytes_s = 29 * MBIT;
	paths[1].bytes_s = 14 * MBIT;
	why_judge(&input, &verdict);
	ck_assert(verdict.pays);
	ck_assert_ptr_nonnull(strstr(verdict.pays_words,
	    "43.0 Mbit/s, 1.4 times what tcp://one alone"));
	/* It was once faster, it seems; now it is full. */
	paths[0].rate_bytes_s = 43 * MBIT;
	why_judge(&input, &verdict);
	ck_assert(!verdict.pays);
	input.blocked = 0.9;
	why_judge(&input, &verdict);
	ck_assert(verdict.pays);
	/* It stands still, which tells nothing of what it could carry. */
	paths[0].bytes_s = 0;
	why_judge(&input, &verdict);
	ck_assert(!verdict.pays);
	paths[0].measured = false;
	why_judge(&input, &verdict);
	ck_assert(!verdict.pays);
	ck_assert_ptr_nonnull(strstr(verdict.pays_words, "is not known"));
	input.redundant = true;
	why_judge(&input, &verdict);
	ck_assert_ptr_nonnull(strstr(verdict.pays_words, "certainty"));
	paths[0].up = false;
	why_judge(&input, &verdict);
	ck_assert_ptr_nonnull(strstr(verdict.pays_words, "only one path"));
}
END_TEST

/* --- bottlenecks ------------------------------------------------------------ */

/* Something slow that never repeats, around 0; each path has its own. */
static int
wander(int path, int step)
{
	return (step / 4 * (path * 97 + 41) % 101 - 50) * 100;
}

static void
fill(int path, int step, int bytes, int rtt_us)
{
	paths[path].uri = "tcp://x";
	paths[path].up = true;
	paths[path].steps = 100;
	paths[path].step_bytes[step] = (uint32_t)(50000 + bytes);
	paths[path].step_rtt_us[step] = (uint32_t)(50000 + rtt_us);
}

/* The first two share what they have, or change together; two do neither. */
static void
make_steps(enum why_tie tie)
{
	for (int i = 0; i < 100; i++) {
		fill(0, i, wander(1, i), wander(5, i));
		fill(1, i, tie == WHY_AGAINST ? -wander(1, i) : wander(1, i),
		    tie == WHY_AGAINST ? wander(6, i) : wander(5, i));
		fill(2, i, wander(3, i), wander(7, i));
		fill(3, i, wander(4, i), wander(8, i));
	}
	input.paths_count = 4;
	input.blocked = 0.99;
}

START_TEST(test_bottleneck)
{
	struct why_groups groups;
	enum why_tie tie = _i == 0 ? WHY_AGAINST : WHY_TOGETHER;

	make_steps(tie);
	why_group(&input, &groups);
	ck_assert_uint_eq(groups.count, 1);
	ck_assert_uint_eq(groups.of[0], 1);
	ck_assert_uint_eq(groups.of[1], 1);
	ck_assert_uint_eq(groups.of[2], 0);
	ck_assert_uint_eq(groups.of[3], 0);
	ck_assert_int_eq(groups.tie[1], tie);
}
END_TEST

/* Then nothing is concluded. */
START_TEST(test_no_bottleneck_to_see)
{
	struct why_groups groups;

	make_steps(WHY_AGAINST);
	switch (_i) {
	case 0: /* there is room */
		input.blocked = 0.7;
		break;
	case 1: /* not yet */
		paths[0].steps = 89;
		break;
	case 2:
		paths[0].up = false;
		break;
	case 3: /* the load comes and goes */
		for (int i = 0; i < 100; i += 10)
			paths[0].step_bytes[i] = 0;
		break;
	case 4: /* both are steady */
		for (int i = 0; i < 100; i++)
			paths[0].step_bytes[i] = paths[1].step_bytes[i] = 50000;
		break;
	case 5: /* rates alone may rise together by chance */
		for (int i = 0; i < 100; i++)
			fill(1, i, wander(1, i), wander(6, i));
		break;
	case 6: /* nothing of this system ran for a moment */
		for (int i = 0; i < 100; i++)
			fill(1, i, wander(2, i), wander(6, i));
		for (int i = 92; i < 98; i++)
			for (int path = 0; path < 4; path++)
				fill(path, i, -49000, 200000);
		break;
	}
	why_group(&input, &groups);
	ck_assert_uint_eq(groups.count, 0);
}
END_TEST

/* --- from answers ----------------------------------------------------------- */

/*
 * One path has a worker, which sends; two ended long ago, after as much; one is
 * silent since it came up again.
 */
#define ANSWER(sent)                                                        \
	"tunnel name=t local=127.0.0.1:1 remote=127.0.0.1:2 received=0 "    \
	"clients=3 clients_max=4\n"                                         \
	"ledger tunnel=t direction=in stranger=1\n"                         \
	"ledger tunnel=t direction=out stranger=" sent "\n"                 \
	"path tunnel=t uri=tcp://one state=waiting pid=0 tx_bytes=0\n"      \
	"path tunnel=t uri=tcp://two state=waiting pid=0 tx_bytes=9000\n"   \
	"path tunnel=t uri=tcp://three state=up pid=2147483647 "            \
	"tx_bytes=" sent "\n"                                               \
	"path tunnel=t uri=tcp://four state=stalled pid=7 last_error=old\n" \
	"end\n"

START_TEST(test_who_is_down_carries_nothing)
{
	static struct why_path read[WHY_PATHS_MAX];
	char first[] = ANSWER("1000"), second[] = ANSWER("3000");
	struct why_watch *watch = why_watch_new();
	struct reply before, after;
	const char *wrong;

	ck_assert_int_eq(reply_parse(&before, first, strlen(first), &wrong), 0);
	ck_assert_int_eq(reply_parse(&after, second, strlen(second), &wrong),
	    0);
	why_watch_begin(watch, &before);
	why_watch_end(watch);
	why_input_read(watch, &before, &after, 0, read, &input);
	ck_assert_uint_eq(input.paths_count, 4);
	ck_assert_double_eq(read[0].bytes_s, 0);
	ck_assert_double_eq(read[1].bytes_s, 0);
	ck_assert_double_gt(read[2].bytes_s, 0);
	ck_assert(read[3].stalled && !read[3].up);
	ck_assert_str_eq(read[3].error, "");
	ck_assert_uint_eq(input.strangers, 2000);
	ck_assert_uint_eq(input.clients, 3);
	ck_assert_uint_eq(input.clients_max, 4);
	why_watch_free(watch);
	reply_free(&before);
	reply_free(&after);
}
END_TEST

/* --- what /proc says -------------------------------------------------------- */

static uint64_t
drops_of(const char *line, const char *address)
{
	struct why_socket socket;
	struct why_sockets one = { &socket, why_proc_parse(line, &socket) };

	return why_proc_drops(&one, address);
}

START_TEST(test_drops)
{
	static const char line[] =
	    " 5307: 0100007F:1417 00000000:0000 07 00000000:00000000 "
	    "00:00000000 00000000     0        0 3141 2 00000000d06e5bdb 42  "
	    "      \n";
	static const char any[] =
	    "  12: 00000000:1417 00000000:0000 07 00000000:00000000 "
	    "00:00000000 00000000     0        0 3141 2 0000000000000000 7\n";
	static const char six[] =
	    " 5307: 00000000000000000000000001000000:1417 "
	    "00000000000000000000000000000000:0000 07 00000000:00000000 "
	    "00:00000000 00000000     0        0 3141 2 00000000d06e5bdb 9\n";

	ck_assert_uint_eq(drops_of(line, "127.0.0.1:5143"), 42);
	ck_assert_uint_eq(drops_of(line, "127.0.0.2:5143"), 0);
	ck_assert_uint_eq(drops_of(line, "127.0.0.1:5144"), 0);
	ck_assert_uint_eq(drops_of(any, "192.0.2.1:5143"), 7);
	ck_assert_uint_eq(drops_of(six, "[::1]:5143"), 9);
	ck_assert_uint_eq(drops_of(six, "127.0.0.1:5143"), 0);
	ck_assert_uint_eq(drops_of("  sl  local_address", "[::1]:5143"), 0);
	ck_assert_uint_eq(drops_of(line, ""), 0);
	ck_assert_uint_eq(drops_of(line, ":"), 0);
	ck_assert_uint_eq(drops_of(line, "learn"), 0);
}
END_TEST

START_TEST(test_own_process)
{
	struct why_proc proc;
	volatile unsigned int work = 0;

	for (unsigned int i = 0; i < 20000000; i++)
		work = work + i;
	why_proc_read((int)getpid(), &proc);
	ck_assert(proc.known);
	ck_assert_double_gt(proc.run_s, 0);
	why_proc_read(0, &proc);
	ck_assert(!proc.known);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("why");
	TCase *tests = tcase_create("why");

	tcase_add_checked_fixture(tests, setup, NULL);
	tcase_add_test(tests, test_nothing);
	tcase_add_test(tests, test_down);
	tcase_add_test(tests, test_receiver);
	tcase_add_test(tests, test_strangers);
	tcase_add_test(tests, test_cpu);
	tcase_add_test(tests, test_buffer);
	tcase_add_test(tests, test_paths);
	tcase_add_test(tests, test_reorder);
	tcase_add_test(tests, test_pays);
	tcase_add_loop_test(tests, test_bottleneck, 0, 2);
	tcase_add_loop_test(tests, test_no_bottleneck_to_see, 0, 7);
	tcase_add_test(tests, test_who_is_down_carries_nothing);
	tcase_add_test(tests, test_drops);
	tcase_add_test(tests, test_own_process);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
