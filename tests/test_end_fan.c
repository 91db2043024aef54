#include "supervisor/engine/end_fan.h"

#include <sys/socket.h>

#include <netinet/in.h>

#include <check.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "supervisor/address.h"
#include "supervisor/engine/clock.h"
#include "supervisor/engine/end.h"
#include "supervisor/engine/frame.h"
#include "supervisor/engine/udp_batch.h"
#include "tests/holder.h"
#include "tests/suite.h"

#define CLIENTS 4
#define IDLE_US 1000

static struct end *end;
static struct udp_batch batch;
static int application;

static void
set_loopback(struct sockaddr_storage *address)
{
	struct sockaddr_in *in = (struct sockaddr_in *)address;

	in->sin_family = AF_INET;
	in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
}

static void
setup(void)
{
	struct address_pair pair = { .kind = ADDRESS_UDP };
	socklen_t length = sizeof(pair.remote);
	int fd;

	set_loopback(&pair.local);
	application = udp_bind(&pair);
	ck_assert_int_ne(application, -1);
	ck_assert_int_eq(getsockname(application,
			     (struct sockaddr *)&pair.remote, &length),
	    0);
	fd = udp_bind(&pair);
	ck_assert_int_ne(fd, -1);
	end = end_new(&pair, fd);
	ck_assert_ptr_nonnull(end);
	ck_assert_int_eq(end_set_clients(end, CLIENTS, IDLE_US), 0);
	ck_assert_int_eq(udp_batch_init(&batch), 0);
}

static void
teardown(void)
{
	udp_batch_free(&batch);
	end_free(end);
	close(application);
}

static bool
has_news(void)
{
	struct pollfd news = { .fd = end->fd, .events = POLLIN };

	return poll(&news, 1, 0) == 1;
}

/* One datagram of a client; at the application it comes from this address. */
static void
give(uint16_t client, struct sockaddr_storage *from)
{
	const struct frame_run run = { .bytes = (const uint8_t *)"x",
		.length = 1,
		.segment = 1,
		.count = 1,
		.client = client };
	socklen_t length = sizeof(*from);
	char byte;

	ck_assert_uint_eq(end_send(end, &run, 1), 1);
	ck_assert_int_eq(recvfrom(application, &byte, 1, 0,
			     (struct sockaddr *)from, &length),
	    1);
}

static void
answer(const struct sockaddr_storage *to)
{
	ck_assert_int_eq(sendto(application, "y", 1, 0,
			     (const struct sockaddr *)to,
			     sizeof(struct sockaddr_in)),
	    1);
}

START_TEST(each_client_has_a_port)
{
	struct sockaddr_storage one, other;

	give(1, &one);
	give(2, &other);
	ck_assert_uint_eq(end_clients(end), 2);
	ck_assert(!address_same(&one, &other));
	answer(&other);
	ck_assert_int_eq(end_receive(end, &batch), UDP_OK);
	ck_assert_uint_eq(batch.count, 1);
	ck_assert_uint_eq(batch.message[0].client, 2);
	ck_assert(!has_news());
}
END_TEST

START_TEST(a_client_is_forgotten_that_another_process_has_too)
{
	struct sockaddr_storage from;
	pid_t other;

	give(1, &from);
	other = holder_begin();
	end_tick(end, clock_now_us() + 2 * IDLE_US);
	ck_assert_uint_eq(end_clients(end), 0);
	answer(&from);
	ck_assert(!has_news());
	holder_end(other);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("end_fan");
	TCase *all = tcase_create("all");

	tcase_add_checked_fixture(all, setup, teardown);
	tcase_add_test(all, each_client_has_a_port);
	tcase_add_test(all, a_client_is_forgotten_that_another_process_has_too);
	suite_add_tcase(suite, all);
	return suite_run(suite);
}
