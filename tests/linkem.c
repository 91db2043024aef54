/*
 * linkem: links between network namespaces with the delay, the rate, the queue
 * and the faults of the real ones, for kernels without netem.
 */
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <bsd/string.h>
#include <err.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/emulation.h"

#define COMMAND_MAX 1024
#define TRIES 10

static const char usage_text[] =
    "usage: linkem run SOCKET LINK...              carry packets\n"
    "       linkem ctl SOCKET NAME SETTING...      change a link, or all\n"
    "       linkem ctl SOCKET status               counters of every lane\n"
    "\n"
    "A LINK is one argument of several words:\n"
    "  NAME near=NAMESPACE:ADDRESS far=NAMESPACE:ADDRESS [SETTING...]\n"
    "It makes a TUN device NAME in both namespaces (of `ip netns`; empty: the\n"
    "own one) with these IPv4 addresses, and joins the two.\n"
    "\n"
    "A SETTING holds for both directions, or with up. before it from near to\n"
    "far, with down. the other way:\n"
    "  delay=TIME    one way (10ms, 500us, 1s)\n"
    "  jitter=TIME   the delay wanders by this, up and down; no reordering\n"
    "  rate=RATE     of IP packets (512kbit, 50Mbit; 0, the default: no "
    "limit)\n"
    "  queue=SIZE    in front of the rate: 64kB, 20ms of it, or 1bdp, the\n"
    "                default: rate * 2 * delay\n"
    "  loss=PERCENT  by chance, before the queue (0.5%)\n"
    "  hole=on|off   swallow everything without a word\n"
    "  seed=N        draw all chances anew, for two measures to meet the "
    "same\n"
    "and, when a link is made, line=NAME: its packets wait in the queue of "
    "that\n"
    "earlier link, for its rate, in both directions.\n"
    "\n"
    "Prints \"ready\", then carries packets until SIGINT or SIGTERM. The same\n"
    "links given in the same order meet the same chances.\n";

static _Noreturn void
usage(int status)
{
	fputs(usage_text, status == 0 ? stdout : stderr);
	exit(status);
}

static struct sockaddr_un
socket_address(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	if (strlcpy(address.sun_path, path, sizeof(address.sun_path)) >=
	    sizeof(address.sun_path))
		errx(2, "%s: too long for a socket", path);
	return address;
}

static int
new_socket(void)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (fd == -1)
		err(1, "socket");
	return fd;
}

static int
listen_at(const char *path)
{
	struct sockaddr_un address = socket_address(path);
	int fd = new_socket();

	(void)unlink(path);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) == -1 ||
	    listen(fd, 16) == -1)
		err(1, "%s", path);
	return fd;
}

/* One command and its answer; nobody may keep the packets waiting. */
static void
serve_command(int listener)
{
	const struct timeval patience = { .tv_usec = 10000 };
	static char answer[EMULATION_ANSWER_MAX];
	char command[COMMAND_MAX];
	ssize_t length;
	int fd;

	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (fd == -1)
		return;
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
	    sizeof(patience));
	length = recv(fd, command, sizeof(command) - 1, 0);
	if (length > 0) {
		command[length] = '\0';
		emulation_command(command, answer);
		(void)send(fd, answer, strlen(answer),
		    MSG_NOSIGNAL | MSG_DONTWAIT);
	}
	close(fd);
}

static int
catch_signals(void)
{
	sigset_t signals;
	int fd;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	fd = signalfd(-1, &signals, SFD_CLOEXEC);
	if (fd == -1)
		err(1, "signalfd");
	return fd;
}

static int
run(const char *path, int count, char **descriptions)
{
	const struct sched_param priority = { .sched_priority = 1 };
	int i, end_fd, command_fd;

	for (i = 0; i < count; i++)
		emulation_add(descriptions[i]);
	end_fd = catch_signals();
	command_fd = listen_at(path);
	/* What is measured must not push the measure aside; a help only. */
	(void)sched_setscheduler(0, SCHED_RR, &priority);
	(void)prctl(PR_SET_TIMERSLACK, 1);
	puts("ready");
	fflush(stdout);
	emulation_run(end_fd, command_fd, serve_command);
	unlink(path);
	return 0;
}

/* The length of the answer, 0 if there is none. */
static size_t
ask(const char *path, const char *command, char answer[EMULATION_ANSWER_MAX])
{
	struct sockaddr_un address = socket_address(path);
	int fd = new_socket();
	ssize_t length = -1;

	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == -1)
		err(1, "%s", path);
	if (send(fd, command, strlen(command), MSG_NOSIGNAL) != -1)
		length = recv(fd, answer, EMULATION_ANSWER_MAX - 1, 0);
	close(fd);
	return length > 0 ? (size_t)length : 0;
}

static int
control(const char *path, int count, char **words)
{
	char command[COMMAND_MAX] = "", answer[EMULATION_ANSWER_MAX];
	size_t length = 0;
	int i;

	for (i = 0; i < count; i++) {
		if (i > 0)
			strlcat(command, " ", sizeof(command));
		if (strlcat(command, words[i], sizeof(command)) >=
		    sizeof(command))
			errx(2, "the command is too long");
	}
	/* Who was too slow to ask was not heard. */
	for (i = 0; i < TRIES && length == 0; i++)
		length = ask(path, command, answer);
	if (length == 0)
		errx(1, "%s: no answer", path);
	answer[length] = '\0';
	if (strncmp(answer, "error: ", 7) == 0) {
		fputs(answer, stderr);
		return 1;
	}
	if (strcmp(answer, "ok\n") != 0)
		fputs(answer, stdout);
	return 0;
}

int
main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "-h") == 0)
		usage(0);
	if (argc < 4)
		usage(2);
	if (strcmp(argv[1], "run") == 0)
		return run(argv[2], argc - 3, argv + 3);
	if (strcmp(argv[1], "ctl") == 0)
		return control(argv[2], argc - 3, argv + 3);
	usage(2);
}
