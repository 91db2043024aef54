/*
 * The metrics: names and units, and what hostile records make of the lines.
 */
#include "supervisor/ctl/metrics.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/ctl/gather.h"
#include "supervisor/ctl/labels.h"
#include "tests/suite.h"

static struct gather gather;

static void
add_answer(const char *socket, const char *answer)
{
	struct gather_source *source = &gather.sources[gather.count++];
	const char *wrong;

	source->socket = strdup(socket);
	source->answer = strdup(answer);
	ck_assert_int_eq(reply_parse(&source->reply, source->answer,
			     strlen(answer), &wrong),
	    0);
	source->answered = source->reply.error == NULL;
	gather.answered += source->answered;
}

static char *
write_all(enum metrics_format format)
{
	char *text;
	size_t bytes;
	FILE *stream = open_memstream(&text, &bytes);

	ck_assert_int_eq(metrics_write(&gather, format, stream), 0);
	fclose(stream);
	return text;
}

static void
expect(const char *text, const char *line)
{
	char wanted[512];

	snprintf(wanted, sizeof(wanted), "\n%s\n", line);
	ck_assert_msg(strstr(text, wanted) != NULL, "no %s", line);
}

static const char whole[] =
    "process version=0.1 pid=4711 mode=file uptime_ms=123456\n"
    "tunnel name=logs role=connector state=up peer=far local=[::1]:1234 "
    "remote=127.0.0.1:1235 scheduler=earliest received=110 sent=100 "
    "blocked_us=1500000 "
    "delivered=90\n"
    "drop tunnel=logs cause=kernel count=3\n"
    "ledger tunnel=logs direction=out state=settled came_in=10 kernel=1 "
    "delivered=9 later=%20\n"
    "ledger tunnel=logs direction=in state=unknown came_in=0\n"
    "path tunnel=logs id=0 uri=tcp://relay1:23461 state=up pid=4712 "
    "uptime_ms=61000 rtt_ms=12.345 rtt_var_ms=1.5 rate=1000 tx_bytes=1536 "
    "restarts=2\n"
    "path tunnel=logs id=1 uri=socks://s state=waiting pid=0 rtt_ms=0.000 "
    "rate=0 tx_bytes=0 restarts=9\n"
    "tunnel name=in role=listener state=down peer=near received=0\n"
    "path tunnel=in id=7 uri=[2001:db8::1]:4567 state=opening rx_bytes=5\n"
    "end\n";

START_TEST(test_openmetrics)
{
	char *text;

	add_answer("/run/a.sock", whole);
	text = write_all(METRICS_OPENMETRICS);
	expect(text, "socktopus_up{socket=\"/run/a.sock\"} 1");
	expect(text, "# TYPE socktopus_process info");
	expect(text,
	    "socktopus_process_info{socket=\"/run/a.sock\",version=\"0.1\","
	    "mode=\"file\"} 1");
	expect(text,
	    "# TYPE socktopus_path_round_trip_seconds gauge\n"
	    "# UNIT socktopus_path_round_trip_seconds seconds");
	expect(text,
	    "socktopus_path_round_trip_seconds{socket=\"/run/a.sock\","
	    "tunnel=\"logs\",path=\"0\",uri=\"tcp://relay1:23461\"} 0.012345");
	expect(text,
	    "socktopus_path_round_trip_variation_seconds{"
	    "socket=\"/run/a.sock\",tunnel=\"logs\",path=\"0\","
	    "uri=\"tcp://relay1:23461\"} 0.001500");
	expect(text,
	    "# TYPE socktopus_path_transmitted_bytes counter\n"
	    "# UNIT socktopus_path_transmitted_bytes bytes");
	expect(text,
	    "socktopus_path_transmitted_bytes_total{socket=\"/run/a.sock\","
	    "tunnel=\"logs\",path=\"0\",uri=\"tcp://relay1:23461\"} 1536");
	expect(text,
	    "socktopus_tunnel_dropped_datagrams_total{socket=\"/run/a.sock\","
	    "tunnel=\"logs\",cause=\"kernel\"} 3");
	expect(text,
	    "socktopus_path_state{socket=\"/run/a.sock\",tunnel=\"logs\","
	    "path=\"1\",uri=\"socks://s\",socktopus_path_state=\"waiting\"} 1");
	expect(text,
	    "socktopus_tunnel_up{socket=\"/run/a.sock\","
	    "tunnel=\"in\"} 0");
	expect(text,
	    "socktopus_ledger_settled{socket=\"/run/a.sock\","
	    "tunnel=\"logs\",direction=\"out\"} 1");
	expect(text,
	    "socktopus_ledger_settled{socket=\"/run/a.sock\","
	    "tunnel=\"logs\",direction=\"in\"} 0");
	expect(text,
	    "socktopus_ledger_datagrams{socket=\"/run/a.sock\","
	    "tunnel=\"logs\",direction=\"out\",fate=\"kernel\"} 1\n"
	    "socktopus_ledger_datagrams{socket=\"/run/a.sock\","
	    "tunnel=\"logs\",direction=\"out\",fate=\"delivered\"} 9");
	expect(text,
	    "socktopus_tunnel_blocked_seconds_total{"
	    "socket=\"/run/a.sock\",tunnel=\"logs\"} 1.500000");
	/* A path that is not up has no round trip. */
	ck_assert_ptr_null(strstr(text,
	    "round_trip_seconds{socket=\"/run/a.sock\",tunnel=\"logs\","
	    "path=\"1\""));
	/* The port of a listener's path is another one each time. */
	expect(text,
	    "socktopus_path_received_bytes_total{socket=\"/run/a.sock\","
	    "tunnel=\"in\",path=\"7\",uri=\"[2001:db8::1]\"} 5");
	ck_assert_str_eq(text + strlen(text) - 7, "\n# EOF\n");
	free(text);
}
END_TEST

START_TEST(test_plain)
{
	char *text;

	add_answer("/run/a.sock", whole);
	text = write_all(METRICS_PLAIN);
	expect(text, "# TYPE socktopus_path_transmitted_bytes_total counter");
	expect(text, "# TYPE socktopus_process_info gauge");
	expect(text, "# TYPE socktopus_path_state gauge");
	ck_assert_ptr_null(strstr(text, "# UNIT"));
	ck_assert_ptr_null(strstr(text, "# EOF"));
	free(text);
}
END_TEST

START_TEST(test_nobody)
{
	char *text;

	text = write_all(METRICS_OPENMETRICS);
	expect(text, "socktopus_up 0");
	ck_assert_ptr_null(strchr(text, '{'));
	free(text);
	add_answer("/run/a.sock", "error not%20today\n");
	text = write_all(METRICS_OPENMETRICS);
	expect(text, "socktopus_up{socket=\"/run/a.sock\"} 0");
	free(text);
}
END_TEST

/* Two tunnels of one name are two series. */
START_TEST(test_namesakes)
{
	char *text;

	add_answer("/a",
	    "tunnel name=t sent=1\npath id=0 uri=u restarts=5\n"
	    "tunnel name=t sent=2\npath id=0 uri=u restarts=6\n"
	    "end\n");
	add_answer("/b", "tunnel name=t sent=3\nend\n");
	text = write_all(METRICS_OPENMETRICS);
	expect(text,
	    "socktopus_tunnel_sent_datagrams_total{socket=\"/a\","
	    "tunnel=\"t\"} 1");
	expect(text,
	    "socktopus_tunnel_sent_datagrams_total{socket=\"/a\","
	    "tunnel=\"t\",number=\"2\"} 2");
	expect(text,
	    "socktopus_tunnel_sent_datagrams_total{socket=\"/b\","
	    "tunnel=\"t\"} 3");
	expect(text,
	    "socktopus_path_restarts_total{socket=\"/a\","
	    "tunnel=\"t\",path=\"0\",uri=\"u\",number=\"2\"} 6");
	free(text);
}
END_TEST

START_TEST(test_hostile)
{
	char *text, *at;

	add_answer("/a",
	    "tunnel name=%22%7d%201%0aup%7bx=%22\\ state=down "
	    "sent=1%0aevil%201 "
	    "delivered=NaN resent=-1 late=0x10 missing=1e9 "
	    "duplicates=18446744073709551615 "
	    "reordered=999999999999999999999\n"
	    "path id=%0a uri=%ff%1b[2J state=up rtt_ms=inf rate=.5\nend\n");
	text = write_all(METRICS_OPENMETRICS);
	expect(text,
	    "socktopus_tunnel_up{socket=\"/a\","
	    "tunnel=\"\\\"} 1?up{x=\\\"\\\\\"} 0");
	ck_assert_ptr_null(strstr(text, "sent_datagrams_total{"));
	ck_assert_ptr_null(strstr(text, "delivered_datagrams_total{"));
	ck_assert_ptr_null(strstr(text, "late_datagrams_total{"));
	ck_assert_ptr_null(strstr(text, "missing_datagrams_total{"));
	ck_assert_ptr_null(strstr(text, "reordered_datagrams_total{"));
	ck_assert_ptr_null(strstr(text, "round_trip_seconds{"));
	ck_assert_ptr_null(strstr(text, "rate_bytes_per_second{"));
	ck_assert_ptr_nonnull(strstr(text, "} 18446744073709551615\n"));
	ck_assert_ptr_null(strstr(text, "\nup{"));
	for (at = text; *at != '\0'; at++)
		ck_assert(*at == '\n' || (*at >= 0x20 && *at <= 0x7e));
	free(text);
}
END_TEST

static void
forget(void)
{
	gather_free(&gather);
}

int
main(void)
{
	Suite *suite = suite_create("metrics");
	TCase *tests = tcase_create("metrics");

	tcase_add_checked_fixture(tests, NULL, forget);
	tcase_add_test(tests, test_openmetrics);
	tcase_add_test(tests, test_plain);
	tcase_add_test(tests, test_nobody);
	tcase_add_test(tests, test_namesakes);
	tcase_add_test(tests, test_hostile);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
