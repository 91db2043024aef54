/*
 * bulk: what plain TCP connections carry, all at once: the measure for
 * everything that puts something on top of them.
 */
#include <sys/socket.h>
#include <sys/types.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <err.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/endpoint.h"
#include "tests/limit.h"
#include "tests/pace.h"

#define FLOWS_MAX 256
#define CHUNK_BYTES ((size_t)1 << 20)
#define NS_PER_S 1e9

static const char usage_text[] =
    "usage: bulk sink [options]               take in and count\n"
    "       bulk send [options] HOST PORT...  send, as fast as TCP does\n"
    "\n"
    "  -a ADDRESS  sink: local address\n"
    "  -p PORT     sink: local port (default: any, printed as port=)\n"
    "  -n COUNT    sink: begin when so many connections stand (default 1)\n"
    "  -w SECONDS  sink: do not count what comes before (default 2)\n"
    "  -t SECONDS  sink: count for so long, then end (default 5);\n"
    "              send: end after this time at the latest (default 60)\n"
    "  -C NAME     send: congestion control\n"
    "\n"
    "The sink ends a measure by closing; the sender ends with its last\n"
    "connection. The sink prints a line flow= for each connection and\n"
    "mbit_per_s= for the sum, of payload.\n";

struct options {
	struct endpoint endpoint;
	unsigned int count;
	double warm_s;
	double seconds;
	const char *congestion;
};

struct flow {
	int fd;
	uint64_t bytes;
	char from[ENDPOINT_TEXT_MAX];
};

static struct flow flows[FLOWS_MAX];
static unsigned int flows_count;

static struct addrinfo *
resolve(const char *host, const char *port, int flags)
{
	const struct addrinfo hints = { .ai_flags = flags,
		.ai_socktype = SOCK_STREAM };
	struct addrinfo *list;
	int error = getaddrinfo(host, port, &hints, &list);

	if (error != 0)
		errx(1, "%s port %s: %s", host == NULL ? "" : host, port,
		    gai_strerror(error));
	return list;
}

static int
new_socket(const struct addrinfo *address)
{
	int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd == -1)
		err(1, "socket");
	return fd;
}

/* --- sink ------------------------------------------------------------------- */

static int
listen_at(const struct endpoint *endpoint)
{
	struct addrinfo *local;
	int fd, on = 1;

	local = resolve(endpoint->local_host,
	    endpoint->local_port == NULL ? "0" : endpoint->local_port,
	    AI_PASSIVE);
	fd = new_socket(local);
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, local->ai_addr, local->ai_addrlen) == -1 ||
	    listen(fd, FLOWS_MAX) == -1)
		err(1, "bind");
	freeaddrinfo(local);
	printf("port=%u\n", endpoint_port(fd));
	fflush(stdout);
	return fd;
}

static void
accept_flow(int listener)
{
	struct flow *flow = &flows[flows_count];
	struct sockaddr_storage from;
	socklen_t length = sizeof(from);

	flow->fd = accept4(listener, (struct sockaddr *)&from, &length,
	    SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (flow->fd == -1)
		return;
	endpoint_format(&from, flow->from);
	flows_count++;
}

/* The bytes are thrown away where they are: nobody needs a copy. */
static void
take_in(struct flow *flow)
{
	ssize_t bytes;

	while ((bytes = recv(flow->fd, NULL, CHUNK_BYTES, MSG_TRUNC)) > 0)
		flow->bytes += (uint64_t)bytes;
	if (bytes == 0 || (errno != EAGAIN && errno != EINTR)) {
		close(flow->fd);
		flow->fd = -1;
	}
}

/* Accept and receive until end_ns, or until count connections stand. */
static void
serve_until(int listener, unsigned int count, uint64_t end_ns)
{
	struct pollfd polled[1 + FLOWS_MAX];
	unsigned int i, had;

	while (!limit_signalled() && pace_now_ns() < end_ns &&
	    flows_count < count) {
		polled[0].fd = flows_count < FLOWS_MAX ? listener : -1;
		polled[0].events = POLLIN;
		had = flows_count;
		for (i = 0; i < had; i++) {
			polled[1 + i].fd = flows[i].fd;
			polled[1 + i].events = POLLIN;
		}
		if (poll(polled, 1 + had, 10) <= 0)
			continue;
		for (i = 0; i < had; i++)
			if (polled[1 + i].revents != 0)
				take_in(&flows[i]);
		if (polled[0].revents != 0)
			accept_flow(listener);
	}
}

static void
print_flows(double seconds)
{
	uint64_t sum = 0;
	unsigned int i;

	for (i = 0; i < flows_count; i++) {
		sum += flows[i].bytes;
		printf("flow=%s %.2f\n", flows[i].from,
		    (double)flows[i].bytes * 8 / seconds / 1e6);
	}
	printf("mbit_per_s=%.2f\n", (double)sum * 8 / seconds / 1e6);
}

static int
run_sink(const struct options *options)
{
	uint64_t begin_ns, end_ns;
	int listener = listen_at(&options->endpoint);
	unsigned int i;

	serve_until(listener, options->count, UINT64_MAX);
	serve_until(listener, FLOWS_MAX + 1,
	    pace_now_ns() + (uint64_t)(options->warm_s * NS_PER_S));
	for (i = 0; i < flows_count; i++)
		flows[i].bytes = 0;
	begin_ns = pace_now_ns();
	serve_until(listener, FLOWS_MAX + 1,
	    begin_ns + (uint64_t)(options->seconds * NS_PER_S));
	end_ns = pace_now_ns();
	print_flows((double)(end_ns - begin_ns) / NS_PER_S);
	return 0;
}

/* --- send ------------------------------------------------------------------- */

static void
connect_flow(const struct options *options, const char *host, const char *port)
{
	struct addrinfo *address = resolve(host, port, 0);
	struct flow *flow = &flows[flows_count++];

	flow->fd = new_socket(address);
	if (options->congestion != NULL &&
	    setsockopt(flow->fd, IPPROTO_TCP, TCP_CONGESTION,
		options->congestion,
		(socklen_t)strlen(options->congestion)) == -1)
		err(1, "congestion control %s", options->congestion);
	if (connect(flow->fd, address->ai_addr, address->ai_addrlen) == -1)
		err(1, "%s port %s", host, port);
	freeaddrinfo(address);
}

/* True while the connection stands. */
static bool
send_some(struct flow *flow, const char *chunk)
{
	ssize_t bytes = send(flow->fd, chunk, CHUNK_BYTES,
	    MSG_DONTWAIT | MSG_NOSIGNAL);

	if (bytes == -1 && errno != EAGAIN && errno != EINTR) {
		close(flow->fd);
		flow->fd = -1;
	}
	return flow->fd != -1;
}

static int
run_send(const struct options *options, int count, char **operands)
{
	static char chunk[CHUNK_BYTES];
	struct pollfd polled[FLOWS_MAX];
	unsigned int i, alive = 1;
	uint64_t end_ns;

	for (i = 0; i + 1 < (unsigned int)count; i += 2)
		connect_flow(options, operands[i], operands[i + 1]);
	end_ns = pace_now_ns() + (uint64_t)(options->seconds * NS_PER_S);
	while (alive > 0 && pace_now_ns() < end_ns && !limit_signalled()) {
		for (i = 0; i < flows_count; i++) {
			polled[i].fd = flows[i].fd;
			polled[i].events = POLLOUT;
		}
		if (poll(polled, flows_count, 100) == -1)
			continue;
		for (i = 0, alive = 0; i < flows_count; i++)
			if (flows[i].fd != -1 &&
			    (polled[i].revents == 0 ||
				send_some(&flows[i], chunk)))
				alive++;
	}
	return 0;
}

static _Noreturn void
usage(int status)
{
	fputs(usage_text, status == 0 ? stdout : stderr);
	exit(status);
}

static void
set_option(struct options *options, int option, const char *value)
{
	switch (option) {
	case 'a':
		options->endpoint.local_host = value;
		break;
	case 'p':
		options->endpoint.local_port = value;
		break;
	case 'n':
		options->count = (unsigned int)limit_number(option, value);
		break;
	case 'w':
		options->warm_s = limit_number(option, value);
		break;
	case 't':
		options->seconds = limit_number(option, value);
		break;
	case 'C':
		options->congestion = value;
		break;
	case 'h':
		usage(0);
	default:
		usage(2);
	}
}

int
main(int argc, char **argv)
{
	struct options options = { .count = 1, .warm_s = 2 };
	struct limit limit = { .count = 0 };
	bool sends;
	int option;

	if (argc < 2)
		usage(2);
	sends = strcmp(argv[1], "send") == 0;
	if (!sends && strcmp(argv[1], "sink") != 0)
		usage(strcmp(argv[1], "-h") == 0 ? 0 : 2);
	options.seconds = sends ? 60 : 5;
	argc--;
	argv++;
	while ((option = getopt(argc, argv, "a:p:n:w:t:C:h")) != -1)
		set_option(&options, option, optarg);
	argc -= optind;
	argv += optind;
	if (sends ? argc < 2 || argc % 2 != 0 || argc > 2 * FLOWS_MAX :
		    argc != 0 || options.count > FLOWS_MAX)
		usage(2);
	limit_begin(&limit, pace_now_ns());
	return sends ? run_send(&options, argc, argv) : run_sink(&options);
}
