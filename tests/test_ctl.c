/*
 * What socktopusctl makes of an answer: records, and text for people.
 */
#include "supervisor/ctl/reply.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/ctl/cell.h"
#include "supervisor/ctl/text.h"
#include "tests/ctl_answer.h"
#include "tests/suite.h"

static char *text;
static struct reply reply;
static const char *wrong;

/* Parses a copy, so that reading beyond it is noticed. */
static int
parse(const char *answer)
{
	free(text);
	text = strdup(answer);
	wrong = NULL;
	return reply_parse(&reply, text, strlen(text), &wrong);
}

static char *
to_text_in(const char *answer, struct text_form form)
{
	char *buffer;
	size_t bytes;
	FILE *stream = open_memstream(&buffer, &bytes);

	ck_assert_int_eq(parse(answer), 0);
	text_write(&reply, "/run/a.sock", &form, stream);
	reply_free(&reply);
	fclose(stream);
	return buffer;
}

static char *
to_text(const char *answer, bool colours)
{
	return to_text_in(answer, (struct text_form){ colours, 0 });
}

START_TEST(test_records)
{
	ck_assert_int_eq(parse(ctl_answer), 0);
	ck_assert_ptr_null(reply.error);
	ck_assert_uint_eq(reply.count, 9);
	ck_assert_str_eq(reply.records[0].kind, "process");
	ck_assert_str_eq(reply_get(&reply, &reply.records[1], "novel"),
	    "one more");
	ck_assert_ptr_null(reply_get(&reply, &reply.records[1], "cause"));
	ck_assert_str_eq(reply_get(&reply, &reply.records[6], "last_error"),
	    "");
	ck_assert_uint_eq(reply.records[0].tunnel, REPLY_NONE);
	ck_assert_uint_eq(reply.records[2].tunnel, 1);
	ck_assert_uint_eq(reply.records[7].tunnel, 1);
	reply_free(&reply);
}
END_TEST

/* Two tunnels of one name: the nearest is meant. */
START_TEST(test_records_of_namesakes)
{
	ck_assert_int_eq(
	    parse("path tunnel=a uri=0\ntunnel name=a\n"
		  "path tunnel=a uri=1\ntunnel name=b\ntunnel name=a\n"
		  "path tunnel=a uri=2\npath tunnel=b uri=3\npath uri=4\n"
		  "path tunnel=c uri=5\nend\n"),
	    0);
	ck_assert_uint_eq(reply.records[0].tunnel, REPLY_NONE);
	ck_assert_uint_eq(reply.records[2].tunnel, 1);
	ck_assert_uint_eq(reply.records[5].tunnel, 4);
	ck_assert_uint_eq(reply.records[6].tunnel, 3);
	ck_assert_uint_eq(reply.records[7].tunnel, 4);
	ck_assert_uint_eq(reply.records[8].tunnel, REPLY_NONE);
	reply_free(&reply);
}
END_TEST

START_TEST(test_refusal)
{
	ck_assert_int_eq(parse("error unknown%20request\n"), 0);
	ck_assert_str_eq(reply.error, "unknown request");
	reply_free(&reply);
}
END_TEST

static const char *const malformed[] = { "", "end", "tunnel name=a\n",
	"tunnel name=a", "\nend\n", "tunnel name\nend\n", "tunnel =a\nend\n",
	"tunnel na-me=a\nend\n", "tunnel name=%\nend\n",
	"tunnel name=%4\nend\n", "tunnel name=%4g\nend\n",
	"tunnel name=%00\nend\n", "Tunnel name=a\nend\n", " name=a\nend\n",
	"error %\n", "error words" };

START_TEST(test_malformed)
{
	ck_assert_int_eq(parse(malformed[_i]), -1);
	ck_assert_ptr_nonnull(wrong);
	ck_assert_ptr_null(reply.records);
}
END_TEST

START_TEST(test_nul_inside)
{
	char answer[] = "tunnel name=a\0\nend\n";

	ck_assert_int_eq(reply_parse(&reply, answer, sizeof(answer) - 1,
			     &wrong),
	    -1);
}
END_TEST

static void
refuse_repeated(const char *piece, size_t count, const char *before)
{
	size_t length = strlen(before), i;

	free(text);
	text = malloc(length + count * strlen(piece) + 8);
	strcpy(text, before);
	for (i = 0; i < count; i++) {
		strcpy(text + length, piece);
		length += strlen(piece);
	}
	strcpy(text + length, "\nend\n");
	ck_assert_int_eq(reply_parse(&reply, text, strlen(text), &wrong), -1);
}

START_TEST(test_limits)
{
	refuse_repeated("\na", REPLY_RECORDS_MAX, "a");
	refuse_repeated(" a=", REPLY_RECORD_FIELDS_MAX + 1, "a");
}
END_TEST

/* The most that is allowed, in the shape that costs the most to relate. */
START_TEST(test_most_records_are_quick)
{
	size_t i, length = 0;

	text = malloc(REPLY_RECORDS_MAX * 16 + 8);
	for (i = 0; i < REPLY_RECORDS_MAX; i++)
		length += (size_t)sprintf(text + length, "%s",
		    i < REPLY_RECORDS_MAX / 2 ? "tunnel name=a\n" :
						"path tunnel=b\n");
	strcpy(text + length, "end\n");
	ck_assert_int_eq(reply_parse(&reply, text, strlen(text), &wrong), 0);
	reply_free(&reply);
}
END_TEST

START_TEST(test_text)
{
	char *shown = to_text(ctl_answer, false);

	ck_assert_str_eq(shown,
	    "socktopus 0.1, pid 4711, file mode, up 2 min 3 s, at "
	    "/run/a.sock\n"
	    "\n"
	    "tunnel: 7\n"
	    "  role: connector\n"
	    "  state: up, 1 of 2 paths up\n"
	    "  peer: far\n"
	    "  local: [::1]:1234\n"
	    "  remote: 127.0.0.1:1235\n"
	    "  scheduler: earliest\n"
	    "  sent:          datagrams      resent\n"
	    "                       100           -\n"
	    "  delivered:     datagrams  duplicates        late     missing   "
	    "reordered\n"
	    "                        90           -           -           -   "
	    "        -\n"
	    "  came in here: 100 = 90 delivered + 7 under way + 3 dropped by "
	    "the UDP receive buffer, and 4 duplicates removed\n"
	    "  dropped: 3 kernel\n"
	    "\n"
	    "  PATH                STATE     PID     UPTIME       RTT     "
	    "TX RATE  RX RATE        TX   RX  TX DGRAMS  RX DGRAMS  RESTARTS\n"
	    "  tcp://relay1:23461  up       4712  1 min 1 s  12.35 ms  "
	    "2.00 KiB/s    0 B/s  1.50 KiB  0 B        100          0"
	    "         2\n"
	    "  socks://s           waiting     -          -         -  "
	    "         -        -       0 B  0 B          -          -"
	    "         9\n"
	    "      last error: connect: Connection refused\n");
	free(shown);
}
END_TEST

/* A count that is older than what has come is no sum. */
START_TEST(test_text_of_books_that_are_behind)
{
	char *shown = to_text("tunnel name=t role=listener state=up\n"
			      "ledger tunnel=t direction=in state=open "
			      "came_in=10 delivered=12 late=1\nend\n",
	    false);

	ck_assert_ptr_nonnull(strstr(shown,
	    "  came in at the other end: 10 as last heard; here 12 delivered "
	    "+ 1 too late\n"));
	free(shown);
}
END_TEST

static const char several[] = "process version=1 pid=1 mode=file uptime_ms=1\n"
			      "tunnel name=a role=connector state=up\n"
			      "path tunnel=a id=0 uri=tcp://a\n"
			      "tunnel name=b role=connector state=up\n"
			      "drop tunnel=b cause=kernel count=3\n"
			      "path tunnel=b id=0 uri=tcp://b\n"
			      "tunnel name=a role=listener state=up\n"
			      "path tunnel=a id=0 uri=tcp://c\nend\n";

START_TEST(test_tunnels_of_one_name)
{
	static const struct {
		const char *name;
		size_t tunnels, records;
	} kept[] = { { "a", 2, 5 }, { "b", 1, 4 }, { "c", 0, 1 } };
	const char *name;

	ck_assert_int_eq(parse(several), 0);
	ck_assert_uint_eq(reply_keep_tunnel(&reply, kept[_i].name),
	    kept[_i].tunnels);
	ck_assert_uint_eq(reply.count, kept[_i].records);
	for (size_t i = 1; i < reply.count; i++) {
		if (reply.records[i].tunnel == REPLY_NONE)
			continue;
		ck_assert_uint_lt(reply.records[i].tunnel, i);
		name = reply.records[reply.records[i].tunnel].name;
		ck_assert_str_eq(name, kept[_i].name);
	}
	reply_free(&reply);
}
END_TEST

/* What matters least goes first. */
START_TEST(test_text_on_a_narrow_terminal)
{
	char *shown = to_text_in(ctl_answer, (struct text_form){ false, 100 });

	ck_assert_ptr_nonnull(strstr(shown, "RESTARTS"));
	ck_assert_ptr_null(strstr(shown, "DGRAMS"));
	ck_assert_ptr_null(strstr(shown, "PID"));
	free(shown);
	shown = to_text_in(ctl_answer, (struct text_form){ false, 20 });
	ck_assert_ptr_null(strstr(shown, "RESTARTS"));
	ck_assert_ptr_nonnull(strstr(shown, "RTT"));
	free(shown);
}
END_TEST

START_TEST(test_text_in_colours)
{
	char *plain = to_text(ctl_answer, false),
	     *colours = to_text(ctl_answer, true);

	ck_assert_ptr_null(strchr(plain, '\033'));
	ck_assert_ptr_nonnull(strstr(colours, "\033[32mup"));
	ck_assert_ptr_nonnull(strstr(colours, "\033[31mwaiting"));
	free(plain);
	free(colours);
}
END_TEST

/* Nothing of what the other side says reaches the terminal raw. */
START_TEST(test_text_of_hostile_records)
{
	static const char *const kinds[] = { "process", "tunnel" };
	char *shown, *at;
	size_t i;

	for (i = 0; i < 2; i++) {
		char answer[512];

		snprintf(answer, sizeof(answer),
		    "%s name=%%1b[2J version=%%1b "
		    "pid=%%0a mode=%%9b peer=%%07\ndrop cause=%%1b count=1\n"
		    "path uri=%%1b%%0d state=%%1b pid=%%1b restarts=%%1b "
		    "last_error=%%1b]0;x%%07\nend\n",
		    kinds[i]);
		shown = to_text(answer, false);
		for (at = shown; *at != '\0'; at++)
			ck_assert(*at == '\n' || (*at >= 0x20 && *at <= 0x7e));
		free(shown);
	}
}
END_TEST

START_TEST(test_text_of_little)
{
	char *shown = to_text("end\n", false);

	ck_assert_str_eq(shown, "\nno tunnels\n");
	free(shown);
	shown = to_text("tunnel name=a\nend\n", false);
	ck_assert_ptr_nonnull(strstr(shown, "  dropped: none\n"));
	ck_assert_ptr_nonnull(strstr(shown, "  paths: none\n"));
	free(shown);
}
END_TEST

START_TEST(test_units)
{
	char cell[CELL_MAX];

	ck_assert_str_eq(cell_bytes(0, cell), "0 B");
	ck_assert_str_eq(cell_bytes(1023, cell), "1023 B");
	ck_assert_str_eq(cell_bytes(1024, cell), "1.00 KiB");
	ck_assert_str_eq(cell_bytes(1 << 20, cell), "1.00 MiB");
	ck_assert_str_eq(cell_bytes(UINT64_MAX, cell), "16.00 EiB");
	ck_assert_str_eq(cell_time(999, cell), "999 ms");
	ck_assert_str_eq(cell_time(59999, cell), "59 s");
	ck_assert_str_eq(cell_time(3599999, cell), "59 min 59 s");
	ck_assert_str_eq(cell_time(86399999, cell), "23 h 59 min");
	ck_assert_str_eq(cell_time(90000000, cell), "1 d 1 h");
}
END_TEST

static Suite *
make_suite(void)
{
	Suite *suite = suite_create("ctl");
	TCase *tests = tcase_create("answers");

	tcase_add_test(tests, test_records);
	tcase_add_test(tests, test_records_of_namesakes);
	tcase_add_test(tests, test_refusal);
	tcase_add_loop_test(tests, test_malformed, 0,
	    sizeof(malformed) / sizeof(malformed[0]));
	tcase_add_test(tests, test_nul_inside);
	tcase_add_test(tests, test_limits);
	tcase_add_test(tests, test_most_records_are_quick);
	tcase_add_test(tests, test_text);
	tcase_add_test(tests, test_text_on_a_narrow_terminal);
	tcase_add_test(tests, test_text_of_books_that_are_behind);
	tcase_add_loop_test(tests, test_tunnels_of_one_name, 0, 3);
	tcase_add_test(tests, test_text_in_colours);
	tcase_add_test(tests, test_text_of_hostile_records);
	tcase_add_test(tests, test_text_of_little);
	tcase_add_test(tests, test_units);
	suite_add_tcase(suite, tests);
	return suite;
}

int
main(void)
{
	free(text);
	return suite_run(make_suite());
}
