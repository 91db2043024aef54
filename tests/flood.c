/*
 * flood: thousands of connections at once that are no peers. A quarter each
 * says nothing, half a first message, nonsense, and a first message that is
 * forged. Prints how they were taken, and what it had to wait for.
 */
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <bsd/stdlib.h>
#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "supervisor/engine/frame.h"
#include "supervisor/engine/noise.h"

#define HELLO_BYTES NOISE_MESSAGE1_BYTES(FRAME_HELLO1_BYTES)
#define EVENTS 256
#define SOURCES 250

enum kind {
	SILENT,
	HALF,
	NONSENSE,
	FORGED,
	KINDS
};

struct stranger {
	int fd; /* -1: not there */
	enum kind kind;
	bool connected;
};

static struct {
	unsigned int opened, connected, failed, closed, open, open_peak;
	uint64_t answered; /* bytes */
} tally;

static struct stranger *strangers;
static unsigned int count = 10000, wave = 4000;
static double seconds = 10;
static bool only_half;
/* What a peer once said, to be said again by all. */
static uint8_t record[FRAME_LENGTH_BYTES + HELLO_BYTES];
static bool only_record;
static struct sockaddr_in target = { .sin_family = AF_INET };

static double
now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void
allow_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == -1)
		err(1, "getrlimit");
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) == -1)
		err(1, "setrlimit");
	if (limit.rlim_cur < wave + 64)
		wave = (unsigned int)limit.rlim_cur - 64;
}

static void
forget(struct stranger *stranger, unsigned int *why)
{
	close(stranger->fd);
	stranger->fd = -1;
	(*why)++;
	tally.open--;
}

/* From many addresses, as a crowd has them. */
static void
open_one(int poller, unsigned int number)
{
	struct stranger *stranger = &strangers[number];
	struct sockaddr_in from = { .sin_family = AF_INET };
	struct epoll_event event = { .events = EPOLLIN | EPOLLOUT | EPOLLET,
		.data.u32 = number };
	int on = 1;

	tally.opened++;
	stranger->kind = only_half ? HALF : (enum kind)(number % KINDS);
	if (only_record)
		stranger->kind = FORGED;
	stranger->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (stranger->fd == -1)
		err(1, "socket");
	if (++tally.open > tally.open_peak)
		tally.open_peak = tally.open;
	from.sin_addr.s_addr = htonl(0x7f020000 + number / KINDS % SOURCES + 1);
	setsockopt(stranger->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on,
	    sizeof(on));
	if (bind(stranger->fd, (struct sockaddr *)&from, sizeof(from)) == -1 ||
	    (connect(stranger->fd, (struct sockaddr *)&target,
		 sizeof(target)) == -1 &&
		errno != EINPROGRESS) ||
	    epoll_ctl(poller, EPOLL_CTL_ADD, stranger->fd, &event) == -1)
		forget(stranger, &tally.failed);
}

static void
speak(struct stranger *stranger)
{
	uint8_t bytes[FRAME_LENGTH_BYTES + HELLO_BYTES];
	size_t length = sizeof(bytes);

	arc4random_buf(bytes, sizeof(bytes));
	if (only_record)
		memcpy(bytes, record, sizeof(bytes));
	switch (stranger->kind) {
	case SILENT:
	case KINDS:
		return;
	case HALF:
		length /= 2;
		break;
	case NONSENSE:
		bytes[0] |= 1;
		break;
	case FORGED:
		break;
	}
	if (stranger->kind != NONSENSE) {
		bytes[0] = HELLO_BYTES >> 8;
		bytes[1] = HELLO_BYTES & 0xff;
	}
	if (send(stranger->fd, bytes, length, MSG_NOSIGNAL) == -1)
		forget(stranger, &tally.closed);
}

static void
hear(struct stranger *stranger, uint32_t events)
{
	uint8_t bytes[4096];
	ssize_t got;

	if ((events & EPOLLOUT) != 0 && !stranger->connected) {
		stranger->connected = true;
		tally.connected++;
		speak(stranger);
	}
	if (stranger->fd == -1 || (events & ~(uint32_t)EPOLLOUT) == 0)
		return;
	while ((got = recv(stranger->fd, bytes, sizeof(bytes), 0)) > 0)
		tally.answered += (uint64_t)got;
	if (got == 0 || errno != EAGAIN)
		forget(stranger,
		    stranger->connected ? &tally.closed : &tally.failed);
}

static void
run(int poller)
{
	double begun = now_s(), over = begun + seconds;
	struct epoll_event events[EVENTS];
	struct stranger *stranger;
	int got;

	while (now_s() < over && (tally.opened < count || tally.open > 0)) {
		for (int burst = 0;
		     burst < 64 && tally.opened < count && tally.open < wave;
		     burst++)
			open_one(poller, tally.opened);
		got = epoll_wait(poller, events, EVENTS, 1);
		for (int i = 0; i < got; i++) {
			stranger = &strangers[events[i].data.u32];
			if (stranger->fd != -1)
				hear(stranger, events[i].events);
		}
	}
	printf("seconds=%.2f\n", now_s() - begun);
}

static void
read_record(const char *name)
{
	FILE *file = fopen(name, "re");

	if (file == NULL || fread(record, sizeof(record), 1, file) != 1)
		err(1, "%s", name);
	fclose(file);
	only_record = true;
}

static void
parse(int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, "f:hn:t:w:")) != -1) {
		switch (option) {
		case 'f':
			read_record(optarg);
			break;
		case 'h':
			only_half = true;
			break;
		case 'n':
			count = (unsigned int)atoi(optarg);
			break;
		case 't':
			seconds = atof(optarg);
			break;
		case 'w':
			wave = (unsigned int)atoi(optarg);
			break;
		default:
			errx(2,
			    "usage: flood [-f RECORD] [-h] [-n COUNT] [-t "
			    "SECONDS] "
			    "[-w AT_ONCE] PORT");
		}
	}
	if (optind != argc - 1)
		errx(2, "needs the PORT of a listener on 127.0.0.1");
	target.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	target.sin_port = htons((uint16_t)atoi(argv[optind]));
}

int
main(int argc, char **argv)
{
	int poller = epoll_create1(0);

	parse(argc, argv);
	signal(SIGPIPE, SIG_IGN);
	strangers = calloc(count, sizeof(*strangers));
	if (poller == -1 || strangers == NULL)
		err(1, "cannot begin");
	allow_descriptors();
	run(poller);
	printf("opened=%u\nconnected=%u\nfailed=%u\nclosed=%u\n"
	       "still_open=%u\nopen_peak=%u\nanswered_bytes=%" PRIu64 "\n",
	    tally.opened, tally.connected, tally.failed, tally.closed,
	    tally.open, tally.open_peak, tally.answered);
	return 0;
}
