#include "shm/message.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/suite.h"

static int engine, worker;
static struct job job;
static struct worker_event event;

/* Two hops, the second asked for the destination. */
static void
make_job(void)
{
	memset(&job, 0, sizeof(job));
	job.kind = JOB_DIAL;
	job.hops = 2;
	job.tx_bytes = 65536;
	job.rx_bytes = 131072;
	job.dial_timeout_ms = 10000;
	job.mptcp = 1;
	job.hop[0].kind = HOP_TCP;
	job.hop[0].port = 23461;
	strcpy(job.hop[0].host, "relay1.example.com");
	job.hop[1].kind = HOP_SOCKS5;
	job.hop[1].port = 65535;
	strcpy(job.hop[1].host, "relay2.example.com");
	strcpy(job.hop[1].user, "user");
	memset(job.hop[1].password, 'p', MESSAGE_SECRET_MAX - 1);
	strcpy(job.destination_host, "::1");
	job.destination_port = 1;
	strcpy(job.title, "logs via tcp://relay1.example.com:23461");
}

static void
make_event(void)
{
	memset(&event, 0, sizeof(event));
	event.kind = EVENT_FAILED;
	event.stage = STAGE_PROXY;
	event.hop = MESSAGE_HOPS_MAX - 1;
	event.reason = REASON_REFUSED;
	event.detail = -5;
	strcpy(event.text, "no, thank you ~");
}

static void
setup(void)
{
	int ends[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0,
			     ends),
	    0);
	engine = ends[0];
	worker = ends[1];
	make_job();
	make_event();
}

static void
teardown(void)
{
	close(engine);
	close(worker);
}

static enum message_result
pass_job(void)
{
	struct job got;

	ck_assert_int_eq(message_send_job(engine, &job), MESSAGE_OK);
	return message_receive_job(worker, &got);
}

static enum message_result
pass_event(void)
{
	struct worker_event got;

	ck_assert_int_eq(message_send_event(worker, &event), MESSAGE_OK);
	return message_receive_event(engine, &got);
}

START_TEST(a_job_arrives_as_it_was_sent)
{
	struct job got;

	memset(&got, 0xff, sizeof(got));
	ck_assert_int_eq(message_send_job(engine, &job), MESSAGE_OK);
	ck_assert_int_eq(message_receive_job(worker, &got), MESSAGE_OK);
	ck_assert_mem_eq(&got, &job, sizeof(job));
}
END_TEST

START_TEST(events_arrive_in_order)
{
	struct worker_event got;
	int i;

	for (i = 0; i < 3; i++) {
		event.detail = i;
		ck_assert_int_eq(message_send_event(worker, &event),
		    MESSAGE_OK);
	}
	for (i = 0; i < 3; i++) {
		event.detail = i;
		ck_assert_int_eq(message_receive_event(engine, &got),
		    MESSAGE_OK);
		ck_assert_mem_eq(&got, &event, sizeof(event));
	}
	ck_assert_int_eq(message_receive_event(engine, &got), MESSAGE_NONE);
}
END_TEST

START_TEST(jobs_that_are_possible)
{
	ck_assert_int_eq(pass_job(), MESSAGE_OK);
	/* Raw relays to the end: nobody asks for a destination. */
	job.hop[1].kind = HOP_TCP;
	job.destination_host[0] = '\0';
	job.destination_port = 0;
	ck_assert_int_eq(pass_job(), MESSAGE_OK);
	job.kind = JOB_SERVE;
	job.hops = 0;
	ck_assert_int_eq(pass_job(), MESSAGE_OK);
}
END_TEST

/* Each number in a job, with a value that it cannot have. */
static const struct {
	size_t offset;
	uint32_t value;
} bad_job_words[] = {
	{ offsetof(struct job, kind), 0 },
	{ offsetof(struct job, kind), JOB_SERVE + 1 },
	{ offsetof(struct job, kind), JOB_SERVE }, /* with hops */
	{ offsetof(struct job, hops), 0 },
	{ offsetof(struct job, hops), 3 }, /* the third is empty */
	{ offsetof(struct job, hops), MESSAGE_HOPS_MAX + 1 },
	{ offsetof(struct job, hops), UINT32_MAX },
	{ offsetof(struct job, tx_bytes), 0 },
	{ offsetof(struct job, tx_bytes), 65535 },
	{ offsetof(struct job, rx_bytes), 0 },
	{ offsetof(struct job, rx_bytes), UINT32_MAX },
	{ offsetof(struct job, mptcp), 2 },
	{ offsetof(struct job, hop[0].kind), HOP_SRV + 1 },
	{ offsetof(struct job, hop[1].kind), UINT32_MAX },
	{ offsetof(struct job, hop[0].kind), HOP_SRV },
	{ offsetof(struct job, hop[1].kind), HOP_SRV },
	{ offsetof(struct job, hop[0].port), 0 },
	{ offsetof(struct job, hop[1].port), 65536 },
	{ offsetof(struct job, hop[0].host), 0 },
	{ offsetof(struct job, destination_host), 0 },
	{ offsetof(struct job, destination_port), 0 },
	{ offsetof(struct job, destination_port), 65536 },
	{ offsetof(struct job, destination_srv), 1 }, /* and has a port */
	{ offsetof(struct job, destination_srv), 2 },
};
#define BAD_JOB_WORDS ((int)(sizeof(bad_job_words) / sizeof(bad_job_words[0])))

START_TEST(jobs_with_an_impossible_number)
{
	memcpy((uint8_t *)&job + bad_job_words[_i].offset,
	    &bad_job_words[_i].value, sizeof(uint32_t));
	ck_assert_int_eq(pass_job(), MESSAGE_BROKEN);
}
END_TEST

/* What follows the array looks like a hop: only the count can refuse it. */
START_TEST(a_ninth_hop)
{
	static const struct job_hop ninth = { .kind = HOP_TCP,
		.port = 1,
		.host = "x" };
	size_t i;

	for (i = 2; i < MESSAGE_HOPS_MAX; i++)
		job.hop[i] = job.hop[0];
	job.hops = MESSAGE_HOPS_MAX;
	ck_assert_int_eq(pass_job(), MESSAGE_OK);
	memcpy(job.destination_host, &ninth, 16);
	job.hops++;
	ck_assert_int_eq(pass_job(), MESSAGE_BROKEN);
}
END_TEST

/* Each string in a job, filled to its last byte. */
#define STRING(field)                                                         \
	{                                                                     \
		offsetof(struct job, field), sizeof(((struct job *)0)->field) \
	}
static const struct {
	size_t offset;
	size_t bytes;
} job_strings[] = {
	STRING(hop[0].host),
	STRING(hop[1].user),
	STRING(hop[1].password),
	STRING(hop[MESSAGE_HOPS_MAX - 1].host), /* not in use */
	STRING(destination_host),
	STRING(source),
	STRING(interface),
	STRING(congestion),
	STRING(title),
};
#define JOB_STRINGS ((int)(sizeof(job_strings) / sizeof(job_strings[0])))

START_TEST(job_strings_must_end)
{
	uint8_t *string = (uint8_t *)&job + job_strings[_i].offset;

	memset(string, 'x', job_strings[_i].bytes);
	ck_assert_int_eq(pass_job(), MESSAGE_BROKEN);
	string[job_strings[_i].bytes - 1] = '\0';
	ck_assert_int_eq(pass_job(), MESSAGE_OK);
}
END_TEST

static const struct {
	size_t offset;
	uint32_t value;
} bad_event_words[] = {
	{ offsetof(struct worker_event, kind), 0 },
	{ offsetof(struct worker_event, kind), EVENT_NOTE + 1 },
	{ offsetof(struct worker_event, stage), 0 },
	{ offsetof(struct worker_event, stage), STAGE_PUMP + 1 },
	{ offsetof(struct worker_event, hop), MESSAGE_HOPS_MAX },
	{ offsetof(struct worker_event, hop), UINT32_MAX },
	{ offsetof(struct worker_event, reason), REASON_SANDBOX + 1 },
	{ offsetof(struct worker_event, reason), UINT32_MAX },
	{ offsetof(struct worker_event, reserved), 1 },
};
#define BAD_EVENT_WORDS \
	((int)(sizeof(bad_event_words) / sizeof(bad_event_words[0])))

START_TEST(events_with_an_impossible_number)
{
	ck_assert_int_eq(pass_event(), MESSAGE_OK);
	memcpy((uint8_t *)&event + bad_event_words[_i].offset,
	    &bad_event_words[_i].value, sizeof(uint32_t));
	ck_assert_int_eq(pass_event(), MESSAGE_BROKEN);
}
END_TEST

START_TEST(an_event_text_must_end)
{
	memset(event.text, 'x', sizeof(event.text));
	ck_assert_int_eq(pass_event(), MESSAGE_BROKEN);
	event.text[sizeof(event.text) - 1] = '\0';
	ck_assert_int_eq(pass_event(), MESSAGE_OK);
}
END_TEST

START_TEST(an_event_text_is_made_printable)
{
	struct worker_event got;
	int i;

	memset(event.text, 0, sizeof(event.text));
	for (i = 0; i < 160; i++)
		event.text[i] = (char)(i + 1);
	message_send_event(worker, &event);
	ck_assert_int_eq(message_receive_event(engine, &got), MESSAGE_OK);
	ck_assert_uint_eq(strlen(got.text), 160);
	for (i = 0; i < 160; i++)
		ck_assert_int_eq(got.text[i],
		    i + 1 >= 0x20 && i + 1 <= 0x7e ? i + 1 : '?');
}
END_TEST

START_TEST(printable_text_stays)
{
	char text[] = "a\x1b[2Jb\xff\n ~";

	message_make_printable(text);
	ck_assert_str_eq(text, "a?[2Jb?? ~");
	text[0] = '\0';
	message_make_printable(text);
	ck_assert_str_eq(text, "");
}
END_TEST

/* Sizes around the right one, each with bytes of a good message. */
START_TEST(wrong_sizes)
{
	static const int off_by[] = { -216, -215, -100, -1, 1, 100 };
	uint8_t buffer[sizeof(struct job) + 100] = { 0 };
	size_t bytes;
	enum message_result expected;

	memcpy(buffer, &event, sizeof(event));
	bytes = (size_t)((int)sizeof(event) + off_by[_i]);
	expected = bytes == 0 ? MESSAGE_CLOSED : MESSAGE_BROKEN;
	ck_assert_int_eq(send(worker, buffer, bytes, 0), bytes);
	ck_assert_int_eq(message_receive_event(engine, &event), expected);

	memcpy(buffer, &job, sizeof(job));
	bytes = (size_t)((int)sizeof(job) + off_by[_i]);
	ck_assert_int_eq(send(engine, buffer, bytes, 0), bytes);
	ck_assert_int_eq(message_receive_job(worker, &job), MESSAGE_BROKEN);
}
END_TEST

/* One message with a descriptor of /dev/null beside it. */
static void
send_with_descriptor(int channel, const void *message, size_t bytes, int fd)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec vector;
	struct msghdr header = { .msg_iov = &vector,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };
	uint8_t copy[sizeof(struct job)];

	memset(&control, 0, sizeof(control));
	memcpy(copy, message, bytes);
	vector = (struct iovec){ .iov_base = copy, .iov_len = bytes };
	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	ck_assert_int_eq(sendmsg(channel, &header, 0), bytes);
}

START_TEST(descriptors_are_refused)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	send_with_descriptor(worker, &event, sizeof(event), fd);
	send_with_descriptor(engine, &job, sizeof(job), fd);
	close(fd);
	ck_assert_int_eq(message_receive_event(engine, &event), MESSAGE_BROKEN);
	ck_assert_int_eq(message_receive_job(worker, &job), MESSAGE_BROKEN);
	/* And nothing was let in. */
	ck_assert_int_eq(open("/dev/null", O_RDWR | O_CLOEXEC), fd);
	close(fd);
	ck_assert_int_eq(pass_event(), MESSAGE_OK);
}
END_TEST

START_TEST(nothing_there)
{
	ck_assert_int_eq(message_receive_event(engine, &event), MESSAGE_NONE);
	ck_assert_int_eq(fcntl(worker, F_SETFL, O_NONBLOCK), 0);
	ck_assert_int_eq(message_receive_job(worker, &job), MESSAGE_NONE);
}
END_TEST

START_TEST(a_full_channel_takes_whole_messages_only)
{
	struct worker_event got;
	int sent = 0, received = 0;

	ck_assert_int_eq(fcntl(worker, F_SETFL, O_NONBLOCK), 0);
	while (message_send_event(worker, &event) == MESSAGE_OK)
		sent++;
	ck_assert_int_eq(message_send_event(worker, &event), MESSAGE_NONE);
	while (message_receive_event(engine, &got) == MESSAGE_OK)
		received++;
	ck_assert_int_gt(sent, 0);
	ck_assert_int_eq(sent, received);

	while (message_send_job(engine, &job) == MESSAGE_OK)
		continue;
	ck_assert_int_eq(message_send_job(engine, &job), MESSAGE_NONE);
}
END_TEST

START_TEST(the_other_side_is_gone)
{
	/* The default action of SIGPIPE would end this test. */
	close(worker);
	ck_assert_int_eq(message_send_job(engine, &job), MESSAGE_CLOSED);
	ck_assert_int_eq(message_receive_event(engine, &event), MESSAGE_CLOSED);
	close(engine);
	ck_assert_int_eq(message_receive_event(engine, &event), MESSAGE_CLOSED);
	setup();
	signal(SIGPIPE, SIG_IGN);
	close(engine);
	ck_assert_int_eq(message_send_event(worker, &event), MESSAGE_CLOSED);
	ck_assert_int_eq(message_receive_job(worker, &job), MESSAGE_CLOSED);
}
END_TEST

/* The last words before the end are read before the end. */
START_TEST(the_last_event_outlives_its_sender)
{
	struct worker_event got;

	ck_assert_int_eq(message_send_event(worker, &event), MESSAGE_OK);
	close(worker);
	ck_assert_int_eq(message_receive_event(engine, &got), MESSAGE_OK);
	ck_assert_mem_eq(&got, &event, sizeof(event));
	ck_assert_int_eq(message_receive_event(engine, &got), MESSAGE_CLOSED);
}
END_TEST

/* A pipe knows write(2) and none of the socket calls. */
START_TEST(an_event_goes_out_with_write)
{
	struct worker_event got;
	int ends[2];

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	ck_assert_int_eq(message_send_event(ends[1], &event), MESSAGE_OK);
	ck_assert_int_eq(read(ends[0], &got, sizeof(got)), sizeof(got));
	ck_assert_mem_eq(&got, &event, sizeof(event));
	close(ends[0]);
	close(ends[1]);
}
END_TEST

START_TEST(exit_codes_have_names)
{
	ck_assert_str_eq(message_exit_name(WORKER_EXIT_OK), "ok");
	ck_assert_str_eq(message_exit_name(WORKER_EXIT_USAGE), "usage");
	ck_assert_str_eq(message_exit_name(WORKER_EXIT_JOB), "job");
	ck_assert_str_eq(message_exit_name(WORKER_EXIT_REGION), "region");
	ck_assert_str_eq(message_exit_name(WORKER_EXIT_SANDBOX), "sandbox");
	ck_assert_str_eq(message_exit_name(WORKER_EXIT_DIAL), "dial");
	ck_assert_str_eq(message_exit_name(WORKER_EXIT_PEER), "peer");
	ck_assert_str_eq(message_exit_name(WORKER_EXIT_RING), "ring");
	ck_assert_str_eq(message_exit_name(1), "unknown");
	ck_assert_str_eq(message_exit_name(-1), "unknown");
	ck_assert_str_eq(message_exit_name(WORKER_EXIT_RING + 1), "unknown");
}
END_TEST

static TCase *
make_cases(void)
{
	TCase *tcase = tcase_create("message");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, a_job_arrives_as_it_was_sent);
	tcase_add_test(tcase, events_arrive_in_order);
	tcase_add_test(tcase, jobs_that_are_possible);
	tcase_add_loop_test(tcase, jobs_with_an_impossible_number, 0,
	    BAD_JOB_WORDS);
	tcase_add_test(tcase, a_ninth_hop);
	tcase_add_loop_test(tcase, job_strings_must_end, 0, JOB_STRINGS);
	tcase_add_loop_test(tcase, events_with_an_impossible_number, 0,
	    BAD_EVENT_WORDS);
	tcase_add_test(tcase, an_event_text_must_end);
	tcase_add_test(tcase, an_event_text_is_made_printable);
	tcase_add_test(tcase, printable_text_stays);
	tcase_add_loop_test(tcase, wrong_sizes, 0, 6);
	tcase_add_test(tcase, descriptors_are_refused);
	tcase_add_test(tcase, nothing_there);
	tcase_add_test(tcase, a_full_channel_takes_whole_messages_only);
	tcase_add_test(tcase, the_other_side_is_gone);
	tcase_add_test(tcase, the_last_event_outlives_its_sender);
	tcase_add_test(tcase, an_event_goes_out_with_write);
	tcase_add_test(tcase, exit_codes_have_names);
	return tcase;
}

int
main(void)
{
	Suite *suite = suite_create("message");

	suite_add_tcase(suite, make_cases());
	return suite_run(suite);
}
