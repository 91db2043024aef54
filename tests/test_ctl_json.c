/*
 * The JSON of socktopusctl status.
 */
#include "supervisor/ctl/json.h"

#include <check.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/ctl/reply.h"
#include "tests/ctl_answer.h"
#include "tests/suite.h"

static json_t *
to_json(const char *const *answers, size_t count)
{
	struct json_status *status = json_new();
	struct reply reply;
	const char *wrong;
	char *buffer;
	size_t bytes, i;
	FILE *stream = open_memstream(&buffer, &bytes);
	json_t *top;

	for (i = 0; i < count; i++) {
		char *text = strdup(answers[i]);

		ck_assert_int_eq(reply_parse(&reply, text, strlen(text),
				     &wrong),
		    0);
		ck_assert_int_eq(json_add(status, &reply, "/run/a.sock"), 0);
		reply_free(&reply);
		free(text);
	}
	ck_assert_int_eq(json_write(status, stream), 0);
	json_free(status);
	fclose(stream);
	top = json_loads(buffer, JSON_REJECT_DUPLICATES, NULL);
	ck_assert_ptr_nonnull(top);
	free(buffer);
	return top;
}

START_TEST(test_json)
{
	const char *const answers[] = { ctl_answer };
	json_t *top = to_json(answers, 1), *tunnel, *path;
	const char *name, *uri, *socket, *novel;
	json_int_t sent, dropped, tx, restarts, pid, under_way;
	double rtt, speed;

	tunnel = json_array_get(json_object_get(top, "tunnels"), 0);
	ck_assert_int_eq(json_unpack(top, "{s:{s:I,s:s}}", "process", "pid",
			     &pid, "socket", &socket),
	    0);
	ck_assert_int_eq(pid, 4711);
	ck_assert_str_eq(socket, "/run/a.sock");
	ck_assert_int_eq(json_unpack(tunnel, "{s:s,s:I,s:{s:I},s:s,s:f}",
			     "name", &name, "sent", &sent, "dropped", "kernel",
			     &dropped, "novel", &novel, "speed", &speed),
	    0);
	ck_assert_str_eq(name, "7");
	ck_assert_int_eq(sent, 100);
	ck_assert_int_eq(dropped, 3);
	ck_assert_int_eq(json_unpack(tunnel, "{s:{s:{s:I,s:s},s:{}}}", "ledger",
			     "out", "under_way", &under_way, "state", &name,
			     "in"),
	    0);
	ck_assert_int_eq(under_way, 7);
	ck_assert_str_eq(name, "open");
	ck_assert_str_eq(novel, "one more");
	ck_assert_double_eq(speed, 12.5);
	ck_assert_uint_eq(json_array_size(json_object_get(tunnel, "paths")), 2);
	path = json_array_get(json_object_get(tunnel, "paths"), 0);
	ck_assert_int_eq(json_unpack(path, "{s:s,s:f,s:I,s:I,s:n}", "uri", &uri,
			     "rtt_ms", &rtt, "tx_bytes", &tx, "restarts",
			     &restarts, "last_error"),
	    0);
	ck_assert_str_eq(uri, "tcp://relay1:23461");
	ck_assert_double_eq(rtt, 12.345);
	ck_assert_int_eq(tx, 1536);
	ck_assert_int_eq(restarts, 2);
	path = json_array_get(json_object_get(tunnel, "paths"), 1);
	ck_assert_str_eq(json_string_value(json_object_get(path, "last_error")),
	    "connect: Connection refused");
	json_decref(top);
}
END_TEST

/* What a script may name is there, even if the process said little. */
START_TEST(test_json_keys)
{
	static const char *const keys[] = { "uri", "state", "pid", "rtt_ms",
		"tx_bytes", "rx_bytes", "restarts", "last_error" };
	const char *const answers[] = {
		"process pid=1\ntunnel name=a\npath tunnel=a\nend\n"
	};
	json_t *top = to_json(answers, 1), *tunnel, *path;
	size_t i;

	tunnel = json_array_get(json_object_get(top, "tunnels"), 0);
	ck_assert(json_is_null(json_object_get(tunnel, "delivered")));
	ck_assert(json_is_object(json_object_get(tunnel, "dropped")));
	path = json_array_get(json_object_get(tunnel, "paths"), 0);
	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		ck_assert(json_is_null(json_object_get(path, keys[i])));
	json_decref(top);
}
END_TEST

START_TEST(test_json_of_several)
{
	const char *const answers[] = { ctl_answer,
		"process pid=2\ntunnel name=b\nend\n" };
	json_t *top = to_json(answers, 2);

	ck_assert_ptr_null(json_object_get(top, "process"));
	ck_assert_uint_eq(json_array_size(json_object_get(top, "processes")),
	    2);
	ck_assert_uint_eq(json_array_size(json_object_get(top, "tunnels")), 2);
	json_decref(top);
}
END_TEST

/* Keys that are ours, numbers that are none, bytes that are no text. */
START_TEST(test_json_of_hostile_records)
{
	const char *const answers[] = {
		"process socket=fake\ntunnel name=%ff%fe paths=1 dropped=2 "
		"socket=fake big=99999999999999999999 lead=007 hex=0x10 "
		"dash=- dot=1. exp=1e5 inf=inf minus=-5 esc=%1b[31m\n"
		"ledger direction=up\nledger\ndrop cause=%ff count=1\ndrop "
		"cause=x\npath uri=%22%5c%0a\n"
		"end\n"
	};
	json_t *top = to_json(answers, 1), *tunnel;

	tunnel = json_array_get(json_object_get(top, "tunnels"), 0);
	ck_assert_str_eq(json_string_value(json_object_get(tunnel, "name")),
	    "\?\?");
	ck_assert_str_eq(json_string_value(json_object_get(tunnel, "socket")),
	    "/run/a.sock");
	ck_assert_uint_eq(json_array_size(json_object_get(tunnel, "paths")), 1);
	ck_assert_uint_eq(json_object_size(json_object_get(tunnel, "dropped")),
	    1);
	ck_assert(json_is_string(json_object_get(tunnel, "big")));
	ck_assert(json_is_string(json_object_get(tunnel, "lead")));
	ck_assert(json_is_string(json_object_get(tunnel, "hex")));
	ck_assert(json_is_string(json_object_get(tunnel, "dash")));
	ck_assert(json_is_string(json_object_get(tunnel, "dot")));
	ck_assert(json_is_string(json_object_get(tunnel, "exp")));
	ck_assert(json_is_string(json_object_get(tunnel, "inf")));
	ck_assert_int_eq(json_integer_value(json_object_get(tunnel, "minus")),
	    -5);
	json_decref(top);
}
END_TEST

static Suite *
make_suite(void)
{
	Suite *suite = suite_create("ctl_json");
	TCase *tests = tcase_create("json");

	tcase_add_test(tests, test_json);
	tcase_add_test(tests, test_json_keys);
	tcase_add_test(tests, test_json_of_several);
	tcase_add_test(tests, test_json_of_hostile_records);
	suite_add_tcase(suite, tests);
	return suite;
}

int
main(void)
{
	return suite_run(make_suite());
}
