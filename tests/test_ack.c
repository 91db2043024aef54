/* What is read is acknowledged at once, unless an answer does it. */
#include <sys/socket.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <arpa/inet.h>
#include <check.h>
#include <poll.h>
#include <unistd.h>

#include "tests/suite.h"
#include "worker/ack.h"
#include "worker/clock.h"

#define TURNS 16
#define SHORT_MS 20 /* well below the 40 that the kernel waits */
#define LATE_MS 30  /* from then on it may have been the kernel */

static int here, there;
static struct ack ack;
static int64_t sent_ms;

static void
begin(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	here = socket(AF_INET, SOCK_STREAM, 0);
	ck_assert_int_eq(bind(listener, (struct sockaddr *)&address, length),
	    0);
	ck_assert_int_eq(listen(listener, 1), 0);
	ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&address,
			     &length),
	    0);
	ck_assert_int_eq(connect(here, (struct sockaddr *)&address, length), 0);
	there = accept(listener, NULL, NULL);
	ck_assert_int_ne(there, -1);
	close(listener);
	setsockopt(here, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(there, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	ack = (struct ack){ 0 };
}

static void
end(void)
{
	close(here);
	close(there);
}

/* Without the help of a connection's first segments. */
static void
receive(void)
{
	static const int off = 0;
	char byte;

	setsockopt(here, IPPROTO_TCP, TCP_QUICKACK, &off, sizeof(off));
	sent_ms = clock_now_ms();
	ck_assert_int_eq(write(there, "", 1), 1);
	ck_assert_int_eq(read(here, &byte, 1), 1);
	ack_read(&ack, here);
}

static void
answer(void)
{
	char byte;

	ck_assert_int_eq(write(here, "", 1), 1);
	ack_written(&ack);
	ck_assert_int_eq(read(there, &byte, 1), 1);
}

static bool
is_acknowledged(void)
{
	struct tcp_info info;
	socklen_t length = sizeof(info);

	ck_assert_int_eq(getsockopt(there, IPPROTO_TCP, TCP_INFO, &info,
			     &length),
	    0);
	return info.tcpi_unacked == 0;
}

static void
expect_acknowledged(void)
{
	for (int tries = 0; tries < SHORT_MS && !is_acknowledged(); tries++)
		poll(NULL, 0, 1);
	ck_assert(is_acknowledged());
}

/* Who could not look in time has seen nothing. */
static void
expect_unacknowledged(void)
{
	int64_t since_ms = 0;

	for (; since_ms < SHORT_MS && !is_acknowledged(); poll(NULL, 0, 1))
		since_ms = clock_now_ms() - sent_ms;
	ck_assert(since_ms >= SHORT_MS || clock_now_ms() - sent_ms >= LATE_MS);
}

START_TEST(test_one_way)
{
	begin();
	for (int i = 0; i < 2 * TURNS; i++) {
		receive();
		expect_acknowledged();
		ck_assert_ptr_null(ack_wait(&ack));
	}
	end();
}
END_TEST

static void
take_turns(int turns)
{
	while (turns-- > 0) {
		receive();
		answer();
	}
}

START_TEST(test_in_turns)
{
	begin();
	take_turns(TURNS);
	receive();
	ck_assert_ptr_nonnull(ack_wait(&ack));
	expect_unacknowledged();
	answer();
	ck_assert_ptr_null(ack_wait(&ack));
	expect_acknowledged();
	end();
}
END_TEST

START_TEST(test_answer_that_does_not_come)
{
	begin();
	take_turns(TURNS);
	receive();
	ck_assert_int_le(ack_wait(&ack)->tv_nsec, SHORT_MS * 1000000L / 2);
	ack_late(&ack, here);
	ck_assert_ptr_null(ack_wait(&ack));
	expect_acknowledged();
	/* That was one time too many. */
	answer();
	receive();
	ck_assert_ptr_null(ack_wait(&ack));
	expect_acknowledged();
	end();
}
END_TEST

START_TEST(test_out_of_turn)
{
	begin();
	take_turns(TURNS);
	receive();
	receive();
	ck_assert_ptr_null(ack_wait(&ack));
	expect_acknowledged();
	end();
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("ack");
	TCase *tcase = tcase_create("ack");

	tcase_add_test(tcase, test_one_way);
	tcase_add_test(tcase, test_in_turns);
	tcase_add_test(tcase, test_answer_that_does_not_come);
	tcase_add_test(tcase, test_out_of_turn);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
