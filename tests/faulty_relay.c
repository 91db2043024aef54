/*
 * faulty_relay: a TCP relay with faults that no real relay has on command.
 */
#include <sys/socket.h>

#include <err.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/endpoint.h"
#include "tests/fault.h"
#include "tests/link.h"

#define LINKS_MAX 256

static const char usage_text[] =
    "usage: faulty_relay [options] HOST PORT\n"
    "\n"
    "  -a ADDRESS    local address (default 127.0.0.1)\n"
    "  -p PORT       local port (default: any, printed as port=)\n"
    "  -m MODE       pass, silent (accepts and says nothing), reset, garbage\n"
    "                (random bytes put in), flip (one bit), replay (one frame\n"
    "                twice), reorder (one frame after the next), echo (the "
    "rest\n"
    "                goes back), cross (the rest goes to the next "
    "connection's\n"
    "                end), splice (one frame goes there too), hold (the rest "
    "waits), half\n"
    "                (in the middle of a frame)\n"
    "  -d up|down|both  direction: towards HOST (default) or away from it\n"
    "  -n COUNT      bytes, from replay on frames, before the fault\n"
    "  -c COUNT      only so many connections are faulty, later ones are not\n"
    "  -t SECONDS    of hold and half\n"
    "  -r BYTES      forward so many bytes a second, in each direction\n"
    "\n"
    "SIGUSR1 freezes all forwarding without closing anything, SIGUSR2 goes "
    "on.\n"
    "Prints a line for each connection and each fault.\n";

static struct link *links[LINKS_MAX];
static volatile sig_atomic_t frozen, stopped;

static void
on_signal(int number)
{
	if (number == SIGUSR1 || number == SIGUSR2)
		frozen = number == SIGUSR1;
	else
		stopped = 1;
}

static int
listen_at(const struct link_settings *settings)
{
	struct addrinfo *local;
	int fd, on = 1;

	local = link_resolve(settings->address, settings->port, AI_PASSIVE);
	fd = socket(local->ai_family, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (fd == -1)
		err(1, "socket");
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, local->ai_addr, local->ai_addrlen) == -1 ||
	    listen(fd, 64) == -1)
		err(1, "%s port %s", settings->address, settings->port);
	freeaddrinfo(local);
	printf("port=%u\n", endpoint_port(fd));
	fflush(stdout);
	return fd;
}

static void
accept_link(const struct link_settings *settings, int listener)
{
	static uint64_t accepted;
	size_t i;
	int fd;

	fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
	if (fd == -1)
		return;
	printf("accepted %" PRIu64 "\n", ++accepted);
	fflush(stdout);
	for (i = 0; i < LINKS_MAX; i++) {
		if (links[i] == NULL) {
			links[i] = link_new(settings, fd, accepted);
			return;
		}
	}
	errx(1, "more than %d connections", LINKS_MAX);
}

static void
serve_link(struct link **slot, const struct pollfd polled[2])
{
	enum link_result result = link_serve(*slot, polled);

	if (result == LINK_GOES_ON)
		return;
	link_close(*slot, result == LINK_RESET);
	*slot = NULL;
}

static void
turn(const struct link_settings *settings, int listener,
    const sigset_t *open_mask)
{
	static struct pollfd polled[1 + 2 * LINKS_MAX];
	const struct timespec tick = { .tv_nsec = 5000000 };
	bool ticks = settings->rate > 0 || settings->hold_s > 0;
	size_t i;

	polled[0].fd = frozen ? -1 : listener;
	polled[0].events = POLLIN;
	for (i = 0; i < LINKS_MAX; i++) {
		polled[1 + 2 * i].fd = polled[2 + 2 * i].fd = -1;
		if (links[i] != NULL && !frozen)
			link_poll(links[i], &polled[1 + 2 * i]);
	}
	if (ppoll(polled, 1 + 2 * LINKS_MAX, ticks ? &tick : NULL, open_mask) ==
	    -1)
		return;
	for (i = 0; i < LINKS_MAX; i++) {
		if (links[i] != NULL)
			serve_link(&links[i], &polled[1 + 2 * i]);
	}
	if (polled[0].fd != -1 && polled[0].revents != 0)
		accept_link(settings, listener);
}

static void
catch_signals(sigset_t *open_mask)
{
	static const int numbers[] = { SIGUSR1, SIGUSR2, SIGTERM, SIGINT };
	struct sigaction action;
	sigset_t blocked;
	size_t i;

	memset(&action, 0, sizeof(action));
	action.sa_handler = on_signal;
	sigemptyset(&blocked);
	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		sigaction(numbers[i], &action, NULL);
		sigaddset(&blocked, numbers[i]);
	}
	/* Delivered in ppoll(2) alone, so that none is missed. */
	sigprocmask(SIG_BLOCK, &blocked, open_mask);
}

static _Noreturn void
usage(int status)
{
	fputs(usage_text, status == 0 ? stdout : stderr);
	exit(status);
}

static uint64_t
number(int option, const char *text)
{
	unsigned long long value;
	char *end;

	value = strtoull(text, &end, 10);
	if (*text < '0' || *text > '9' || *end != '\0')
		errx(2, "-%c %s: not a number", option, text);
	return value;
}

static int
direction(const char *name)
{
	static const char *const names[] = { "up", "down", "both" };

	for (int i = 0; i < 3; i++)
		if (strcmp(name, names[i]) == 0)
			return i;
	errx(2, "-d %s: no such direction", name);
}

static void
set_option(struct link_settings *settings, int option, const char *value)
{
	switch (option) {
	case 'a':
		settings->address = value;
		break;
	case 'p':
		settings->port = value;
		break;
	case 'm':
		if (fault_parse(value, &settings->mode) == -1)
			errx(2, "-m %s: no such mode", value);
		break;
	case 'd':
		settings->direction = direction(value);
		break;
	case 'n':
		settings->at = number(option, value);
		break;
	case 'c':
		settings->faulty = number(option, value);
		break;
	case 't':
		settings->hold_s = number(option, value);
		break;
	case 'r':
		settings->rate = number(option, value);
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
	struct link_settings settings = { .address = "127.0.0.1",
		.port = "0",
		.faulty = UINT64_MAX };
	sigset_t open_mask;
	int option, listener;
	size_t i;

	while ((option = getopt(argc, argv, "a:p:m:d:n:c:t:r:h")) != -1)
		set_option(&settings, option, optarg);
	if (argc - optind != 2)
		usage(2);
	settings.host = argv[optind];
	settings.service = argv[optind + 1];
	catch_signals(&open_mask);
	listener = listen_at(&settings);
	while (!stopped)
		turn(&settings, listener, &open_mask);
	for (i = 0; i < LINKS_MAX; i++) {
		if (links[i] != NULL)
			link_close(links[i], false);
	}
	close(listener);
	return 0;
}
