#include "tests/worker_rig.h"

#include <sys/socket.h>
#include <sys/wait.h>

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bsd/string.h>

#include "shm/bell.h"

#define PADDING_BYTES 255

void
rig_job(struct job *job, const char *host, uint16_t port)
{
	memset(job, 0, sizeof(*job));
	job->kind = JOB_DIAL;
	job->hops = 1;
	job->tx_bytes = RIG_RING_BYTES;
	job->rx_bytes = RIG_RING_BYTES;
	job->dial_timeout_ms = RIG_WAIT_MS;
	job->user_timeout_ms = 10000;
	job->notsent_lowat_bytes = 16384;
	job->hop[0].kind = HOP_TCP;
	job->hop[0].port = port;
	strlcpy(job->hop[0].host, host, sizeof(job->hop[0].host));
	strlcpy(job->title, "test via tcp://relay", sizeof(job->title));
}

void
rig_init(struct rig *rig, int accepted)
{
	struct layout_engine *ours;
	int pair[2];

	memset(rig, 0, sizeof(*rig));
	ck_assert_int_eq(region_create(&rig->engine, "tx", RIG_RING_BYTES,
			     REGION_CREATOR_WRITES),
	    0);
	ck_assert_int_eq(region_create(&rig->worker, "rx", RIG_RING_BYTES,
			     REGION_PEER_WRITES),
	    0);
	ours = rig->engine.control;
	ours->magic = LAYOUT_MAGIC;
	ours->version = LAYOUT_VERSION;
	rig->flags = rig->worker.control;
	ring_producer_init(&rig->tx, rig->engine.data, RIG_RING_BYTES,
	    &ours->tx_head, &rig->flags->tx_tail, 0);
	ring_consumer_init(&rig->rx, rig->worker.data, RIG_RING_BYTES,
	    &rig->flags->rx_head, &ours->rx_tail, 0);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0,
			     pair),
	    0);
	rig->channel = pair[0];
	rig->theirs[FD_CHANNEL - FD_CHANNEL] = pair[1];
	rig->theirs[FD_REGION_S - FD_CHANNEL] = rig->engine.fd;
	rig->theirs[FD_REGION_W - FD_CHANNEL] = rig->worker.fd;
	ck_assert_int_eq(bell_create(&rig->theirs[FD_BELL_IN - FD_CHANNEL],
			     &rig->bell_out),
	    0);
	ck_assert_int_eq(bell_create(&rig->bell_in,
			     &rig->theirs[FD_BELL_OUT - FD_CHANNEL]),
	    0);
	rig->theirs[FD_SOCKET - FD_CHANNEL] = accepted;
}

static int
open_worker(void)
{
	const char *folder = getenv("top_builddir");
	char path[4096];

	snprintf(path, sizeof(path), "%s/socktopus-worker",
	    folder != NULL ? folder : ".");
	return open(path, O_PATH | O_CLOEXEC);
}

static _Noreturn void
become_worker(const struct rig *rig)
{
	char padding[PADDING_BYTES + 1], name[] = "socktopus-worker", no[] = "";
	char *argv[] = { name, padding, NULL }, *envp[] = { NULL };
	int high[FD_END - FD_CHANNEL];
	int i, binary = fcntl(open_worker(), F_DUPFD_CLOEXEC, 100);

	memset(padding, ' ', PADDING_BYTES);
	padding[PADDING_BYTES] = '\0';
	for (i = 0; i < FD_END - FD_CHANNEL; i++)
		high[i] = fcntl(rig->theirs[i], F_DUPFD_CLOEXEC, 100);
	for (i = 0; i < FD_END - FD_CHANNEL; i++)
		if (high[i] != -1)
			dup2(high[i], FD_CHANNEL + i);
		else
			close(FD_CHANNEL + i);
	if (rig->uid != 0 &&
	    (setgroups(0, NULL) == -1 ||
		setresgid(rig->uid, rig->uid, rig->uid) == -1 ||
		setresuid(rig->uid, rig->uid, rig->uid) == -1))
		_exit(126);
	execveat(binary, no, argv, envp, AT_EMPTY_PATH);
	_exit(127);
}

void
rig_start(struct rig *rig)
{
	int i;

	rig->pid = fork();
	ck_assert_int_ne(rig->pid, -1);
	if (rig->pid == 0)
		become_worker(rig);
	for (i = 0; i < FD_END - FD_CHANNEL; i++)
		if (i != FD_REGION_S - FD_CHANNEL &&
		    i != FD_REGION_W - FD_CHANNEL && rig->theirs[i] != -1)
			close(rig->theirs[i]);
}

void
rig_run(struct rig *rig, const struct job *job, int accepted)
{
	rig_init(rig, accepted);
	rig_start(rig);
	ck_assert_int_eq(message_send_job(rig->channel, job), MESSAGE_OK);
}

void
rig_poll(int fd, short events)
{
	struct pollfd poll_fd = { .fd = fd, .events = events };

	ck_assert_int_eq(poll(&poll_fd, 1, RIG_WAIT_MS), 1);
}

bool
rig_event(struct rig *rig, struct worker_event *event)
{
	rig_poll(rig->channel, POLLIN);
	switch (message_receive_event(rig->channel, event)) {
	case MESSAGE_OK:
		return true;
	case MESSAGE_CLOSED:
		return false;
	case MESSAGE_NONE:
	case MESSAGE_BROKEN:
		break;
	}
	ck_abort_msg("a broken event");
	return false;
}

void
rig_await(struct rig *rig, enum event_kind kind, struct worker_event *event)
{
	do
		if (!rig_event(rig, event))
			ck_abort_msg("the worker ended (%d) before event %d",
			    rig_exit_code(rig), kind);
	while (event->kind != (uint32_t)kind);
}

void
rig_expect_failure(struct rig *rig, enum event_stage stage,
    enum event_reason reason, int detail, enum worker_exit code)
{
	struct worker_event event, next;

	rig_await(rig, EVENT_FAILED, &event);
	ck_assert_int_eq(event.reason, reason);
	ck_assert_int_eq(event.detail, detail);
	ck_assert_int_eq(event.stage, stage);
	ck_assert(!rig_event(rig, &next));
	ck_assert_int_eq(rig_exit_code(rig), code);
}

void
rig_send(struct rig *rig, const void *bytes, size_t count)
{
	const uint8_t *next = bytes;
	uint8_t *span;
	size_t room;

	while (count > 0) {
		if (ring_reserve(&rig->tx, 1, &span, &room) != RING_OK) {
			bell_arm(&rig->flags->engine_wants_room);
			if (ring_reserve(&rig->tx, 1, &span, &room) !=
			    RING_OK) {
				rig_poll(rig->bell_in, POLLIN);
				bell_drain(rig->bell_in);
			}
			continue;
		}
		if (room > count)
			room = count;
		memcpy(span, next, room);
		ring_commit(&rig->tx, room);
		bell_ring(&rig->flags->worker_sleeps, rig->bell_out);
		next += room;
		count -= room;
	}
}

void
rig_receive(struct rig *rig, void *bytes, size_t count)
{
	uint8_t *next = bytes;
	const uint8_t *span;
	size_t there;

	while (count > 0) {
		if (ring_peek(&rig->rx, &span, &there) != RING_OK) {
			bell_arm(&rig->flags->engine_wants_data);
			if (ring_peek(&rig->rx, &span, &there) != RING_OK) {
				rig_poll(rig->bell_in, POLLIN);
				bell_drain(rig->bell_in);
			}
			continue;
		}
		if (there > count)
			there = count;
		memcpy(next, span, there);
		ring_release(&rig->rx, there);
		bell_ring(&rig->flags->worker_wants_room, rig->bell_out);
		next += there;
		count -= there;
	}
}

void
rig_let_go(struct rig *rig)
{
	close(rig->channel);
	rig->channel = -1;
}

int
rig_exit_code(struct rig *rig)
{
	int status;

	/* Check's own timeout ends a worker that does not end. */
	ck_assert_int_eq(waitpid(rig->pid, &status, 0), rig->pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) :
				   1000 + WTERMSIG(status);
}

int
rig_listen(int family, uint16_t *port)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} address = { .any.sa_family = (sa_family_t)family };
	socklen_t length = sizeof(address);
	int fd;

	if (family == AF_INET)
		address.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	else
		address.v6.sin6_addr = in6addr_loopback;
	fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_ne(fd, -1);
	ck_assert_int_eq(bind(fd, &address.any, length), 0);
	ck_assert_int_eq(listen(fd, 16), 0);
	ck_assert_int_eq(getsockname(fd, &address.any, &length), 0);
	*port = ntohs(
	    family == AF_INET ? address.v4.sin_port : address.v6.sin6_port);
	return fd;
}

int
rig_accept(int listener)
{
	int fd;

	rig_poll(listener, POLLIN);
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	ck_assert_int_ne(fd, -1);
	return fd;
}

void
rig_tcp_pair(int pair[2])
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	uint16_t port;
	int listener;

	listener = rig_listen(AF_INET, &port);
	address.sin_port = htons(port);
	pair[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(connect(pair[0], (struct sockaddr *)&address,
			     sizeof(address)),
	    0);
	pair[1] = rig_accept(listener);
	close(listener);
}

void
rig_write(int fd, const void *bytes, size_t count)
{
	const char *next = bytes;
	ssize_t sent;

	for (; count > 0; next += sent, count -= (size_t)sent) {
		rig_poll(fd, POLLOUT);
		sent = send(fd, next, count, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (sent == -1 && errno == EAGAIN)
			sent = 0;
		ck_assert_int_ge(sent, 0);
	}
}

void
rig_read(int fd, void *bytes, size_t count)
{
	char *next = bytes;
	ssize_t got;

	for (; count > 0; next += got, count -= (size_t)got) {
		rig_poll(fd, POLLIN);
		got = read(fd, next, count);
		ck_assert_int_gt(got, 0);
	}
}
