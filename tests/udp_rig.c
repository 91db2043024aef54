#include "tests/udp_rig.h"

#include <check.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#define PATIENCE_MS 5000

struct udp udp_rig_socket;
struct udp_batch udp_rig_batch;
struct address_pair udp_rig_pair;
int udp_rig_application = -1;
uint8_t udp_rig_pattern[UDP_RIG_PATTERN_BYTES];

socklen_t
udp_rig_loopback(struct sockaddr_storage *address, int family)
{
	struct sockaddr_in *in = (struct sockaddr_in *)address;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)address;

	memset(address, 0, sizeof(*address));
	address->ss_family = (sa_family_t)family;
	if (family == AF_INET)
		in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	else
		in6->sin6_addr = in6addr_loopback;
	return family == AF_INET ? sizeof(*in) : sizeof(*in6);
}

void
udp_rig_open_application(void)
{
	socklen_t length = address_length(&udp_rig_pair.remote);
	int bytes = 4 << 20;

	udp_rig_application = socket(udp_rig_pair.remote.ss_family, SOCK_DGRAM,
	    0);
	ck_assert_int_eq(bind(udp_rig_application,
			     (struct sockaddr *)&udp_rig_pair.remote, length),
	    0);
	ck_assert_int_eq(getsockname(udp_rig_application,
			     (struct sockaddr *)&udp_rig_pair.remote, &length),
	    0);
	if (setsockopt(udp_rig_application, SOL_SOCKET, SO_RCVBUFFORCE, &bytes,
		sizeof(bytes)) == -1)
		setsockopt(udp_rig_application, SOL_SOCKET, SO_RCVBUF, &bytes,
		    sizeof(bytes));
}

void
udp_rig_connect_application(void)
{
	struct sockaddr_storage local;
	socklen_t length = sizeof(local);

	ck_assert_int_eq(getsockname(udp_rig_socket.fd,
			     (struct sockaddr *)&local, &length),
	    0);
	ck_assert_int_eq(connect(udp_rig_application, (struct sockaddr *)&local,
			     length),
	    0);
}

void
udp_rig_begin(int family)
{
	size_t i;
	int fd;

	for (i = 0; i < sizeof(udp_rig_pattern); i++)
		udp_rig_pattern[i] = (uint8_t)(i * 7 + i / 256);
	udp_rig_loopback(&udp_rig_pair.local, family);
	udp_rig_loopback(&udp_rig_pair.remote, family);
	udp_rig_open_application();
	fd = udp_bind(&udp_rig_pair);
	ck_assert_int_ne(fd, -1);
	udp_init(&udp_rig_socket, fd);
	ck_assert_int_eq(udp_batch_init(&udp_rig_batch), 0);
	udp_rig_connect_application();
}

void
udp_rig_end(void)
{
	udp_batch_free(&udp_rig_batch);
	udp_close(&udp_rig_socket);
	ck_assert_int_eq(udp_rig_socket.fd, -1);
	close(udp_rig_application);
}

void
udp_rig_send(const void *bytes, size_t length)
{
	ck_assert_int_eq(send(udp_rig_application, bytes, length, 0),
	    (ssize_t)length);
}

void
udp_rig_wait(int fd)
{
	struct pollfd item = { .fd = fd, .events = POLLIN };

	ck_assert_int_eq(poll(&item, 1, PATIENCE_MS), 1);
}
