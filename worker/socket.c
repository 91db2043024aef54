/*
 * Two kinds of options: what the operator asked for (source, interface,
 * congestion, rate) must be met; what we think good is skipped where MPTCP
 * does not have it.
 */
#include "worker/socket.h"

#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <linux/mptcp.h>

#include "shm/message.h"
#include "worker/report.h"
#include "worker/resolve.h"

/* Seconds; they notice a dead relay on a path that has nothing to send. */
#define KEEPALIVE_IDLE 20
#define KEEPALIVE_INTERVAL 5
#define KEEPALIVE_COUNT 3

/* Younger than the headers of Debian 12's kernel. */
#ifndef MPTCP_INFO_FLAG_FALLBACK
#define MPTCP_INFO_FLAG_FALLBACK 1
#endif

/* A wish that was not met. */
struct refusal {
	int error;
	char text[MESSAGE_TEXT_MAX];
};

/* value is empty where the name says it all. */
static int
refuse(struct refusal *refusal, const char *what, const char *value)
{
	refusal->error = errno;
	snprintf(refusal->text, sizeof(refusal->text), "%s%s%s", what,
	    value[0] != '\0' ? " " : "", value);
	return -1;
}

static int
bind_source(int fd, const struct job *job, struct refusal *refusal)
{
	struct resolve_list source;
	const int on = 1;

	if (job->source[0] == '\0')
		return 0;
	/* The port is chosen at connect, when the destination is known. */
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
	errno = EINVAL;
	if (!resolve_literal(job->source, 0, &source) ||
	    bind(fd, (const struct sockaddr *)&source.item[0].address,
		source.item[0].length) == -1)
		return refuse(refusal, "source", job->source);
	return 0;
}

static int
set_text(int fd, int level, int name, const char *label, const char *text,
    struct refusal *refusal)
{
	if (text[0] == '\0' ||
	    setsockopt(fd, level, name, text, strlen(text)) == 0)
		return 0;
	return refuse(refusal, label, text);
}

static int
limit_rate(int fd, const struct job *job, struct refusal *refusal)
{
	/* The kernel takes as much as its words hold; all ones: no limit. */
	const unsigned long rate = job->rate_limit_bytes < ULONG_MAX ?
	    (unsigned long)job->rate_limit_bytes :
	    ULONG_MAX;

	if (rate == 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_MAX_PACING_RATE, &rate,
		sizeof(rate)) == 0)
		return 0;
	return refuse(refusal, "rate limit", "");
}

/* What works on an accepted connection as well. */
static int
grant_tuning(int fd, const struct job *job, struct refusal *refusal)
{
	if (set_text(fd, IPPROTO_TCP, TCP_CONGESTION, "congestion",
		job->congestion, refusal) == -1)
		return -1;
	return limit_rate(fd, job, refusal);
}

static int
grant_all(int fd, const struct job *job, struct refusal *refusal)
{
	if (set_text(fd, SOL_SOCKET, SO_BINDTODEVICE, "interface",
		job->interface, refusal) == -1 ||
	    bind_source(fd, job, refusal) == -1)
		return -1;
	return grant_tuning(fd, job, refusal);
}

/* MPTCP sockets of older kernels lack some of these. */
static void
improve(int fd, const struct job *job)
{
	const struct {
		int level;
		int name;
		uint32_t value; /* 0: leave it to the kernel */
	} options[] = {
		{ IPPROTO_TCP, TCP_NODELAY, 1 },
		{ IPPROTO_TCP, TCP_USER_TIMEOUT, job->user_timeout_ms },
		{ IPPROTO_TCP, TCP_NOTSENT_LOWAT, job->notsent_lowat_bytes },
		{ SOL_SOCKET, SO_KEEPALIVE, 1 },
		{ IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE },
		{ IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL },
		{ IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_COUNT },
	};
	size_t i;

	for (i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (options[i].value != 0)
			setsockopt(fd, options[i].level, options[i].name,
			    &options[i].value, sizeof(options[i].value));
}

static int
open_granted(int family, int protocol, const struct job *job,
    struct refusal *refusal)
{
	int fd;

	refusal->error = 0;
	fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
	    protocol);
	if (fd == -1)
		return refuse(refusal, "socket", "");
	if (grant_all(fd, job, refusal) == -1) {
		close(fd);
		return -1;
	}
	improve(fd, job);
	return fd;
}

int
socket_family(const struct job *job, const struct report *report)
{
	struct resolve_list source;

	if (job->source[0] == '\0')
		return AF_UNSPEC;
	if (!resolve_literal(job->source, 0, &source))
		report_fail(report, WORKER_EXIT_DIAL, REASON_PROTOCOL, 0,
		    "source is not an address");
	return source.item[0].address.ss_family;
}

int
socket_open(int family, const struct job *job, const struct report *report)
{
	struct refusal refusal;
	int fd = -1;

	if (job->mptcp != 0)
		fd = open_granted(family, IPPROTO_MPTCP, job, &refusal);
	if (fd == -1)
		fd = open_granted(family, IPPROTO_TCP, job, &refusal);
	if (fd == -1 && refusal.error != EAFNOSUPPORT)
		report_fail(report, WORKER_EXIT_DIAL, REASON_ERRNO,
		    refusal.error, refusal.text);
	return fd;
}

void
socket_adopt(int fd, const struct job *job, const struct report *report)
{
	struct refusal refusal;
	int flags;

	flags = fcntl(fd, F_GETFL);
	if (flags == -1 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) == -1)
		report_fail(report, WORKER_EXIT_DIAL, REASON_ERRNO, errno,
		    "accepted socket");
	if (grant_tuning(fd, job, &refusal) == -1)
		report_fail(report, WORKER_EXIT_DIAL, REASON_ERRNO,
		    refusal.error, refusal.text);
	improve(fd, job);
}

const char *
socket_mptcp_words(int fd)
{
	struct mptcp_info info = { 0 };
	socklen_t length = sizeof(int);
	int protocol = 0;

	getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &length);
	if (protocol != IPPROTO_MPTCP)
		return "plain TCP: MPTCP is not possible here";
	length = sizeof(info);
	/* After a fallback, old kernels refuse and new ones set the flag. */
	if (getsockopt(fd, SOL_MPTCP, MPTCP_INFO, &info, &length) == -1 ||
	    (info.mptcpi_flags & MPTCP_INFO_FLAG_FALLBACK) != 0)
		return "plain TCP: the other end has no MPTCP";
	return "connected with MPTCP";
}
