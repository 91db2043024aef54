/*
 * Jobs come from the engine, events from a worker that may have been taken
 * over. A message is read whole into the caller's struct and checked there; the
 * sender cannot change it afterwards. Events go out with write(2), the only
 * way left to a worker once its last filter is loaded; SIGPIPE is ignored
 * there.
 */
#include "shm/message.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

/* Both programs must see the same bytes, and no padding that leaks. */
static_assert(sizeof(struct job_hop) == 776, "message");
static_assert(sizeof(struct job) == 6808, "message");
static_assert(sizeof(struct worker_event) == 216, "message");

#define TERMINATED(array) (memchr((array), '\0', sizeof(array)) != NULL)

static enum message_result
sent(ssize_t written, size_t bytes)
{
	if (written == (ssize_t)bytes)
		return MESSAGE_OK;
	switch (errno) {
	case EAGAIN:
	case EINTR:
	case ENOBUFS:
	case ENOMEM:
		return MESSAGE_NONE;
	}
	return MESSAGE_CLOSED;
}

enum message_result
message_send_job(int channel, const struct job *job)
{
	const int flags = MSG_NOSIGNAL | MSG_DONTWAIT;

	return sent(send(channel, job, sizeof(*job), flags), sizeof(*job));
}

enum message_result
message_send_event(int channel, const struct worker_event *event)
{
	ssize_t written;

	do
		written = write(channel, event, sizeof(*event));
	while (written == -1 && errno == EINTR);
	return sent(written, sizeof(*event));
}

/*
 * No room for control data: the kernel closes descriptors that come along and
 * says MSG_CTRUNC. An empty message looks like the end, and is one: nobody
 * honest sends it.
 */
static enum message_result
receive(int channel, void *buffer, size_t bytes, int flags)
{
	struct iovec vector = { .iov_base = buffer, .iov_len = bytes };
	struct msghdr header = { .msg_iov = &vector, .msg_iovlen = 1 };
	ssize_t got;

	do
		got = recvmsg(channel, &header, flags);
	while (got == -1 && errno == EINTR);
	if (got == -1 && errno == EAGAIN)
		return MESSAGE_NONE;
	if (got <= 0)
		return MESSAGE_CLOSED;
	if ((header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0 ||
	    (size_t)got != bytes)
		return MESSAGE_BROKEN;
	return MESSAGE_OK;
}

static bool
valid_port(uint32_t port)
{
	return port >= 1 && port <= UINT16_MAX;
}

static bool
valid_ring_size(uint32_t bytes)
{
	return bytes != 0 && (bytes & (bytes - 1)) == 0;
}

static bool
valid_hop(const struct job_hop *hop)
{
	return hop->kind <= HOP_SRV && hop->host[0] != '\0' &&
	    (hop->kind == HOP_SRV ? hop->port == 0 : valid_port(hop->port));
}

static bool
strings_end(const struct job *job)
{
	size_t i;

	for (i = 0; i < MESSAGE_HOPS_MAX; i++)
		if (!TERMINATED(job->hop[i].host) ||
		    !TERMINATED(job->hop[i].user) ||
		    !TERMINATED(job->hop[i].password))
			return false;
	return TERMINATED(job->destination_host) && TERMINATED(job->source) &&
	    TERMINATED(job->interface) && TERMINATED(job->congestion) &&
	    TERMINATED(job->title);
}

static bool
valid_destination(const struct job *job)
{
	return job->destination_host[0] != '\0' &&
	    (job->destination_srv == 1 ? job->destination_port == 0 :
					 valid_port(job->destination_port));
}

/* A destination is needed where the last hop is asked for it. */
static bool
valid_route(const struct job *job)
{
	size_t i;

	if (job->hops < 1 || job->hops > MESSAGE_HOPS_MAX)
		return false;
	for (i = 0; i < job->hops; i++)
		if (!valid_hop(&job->hop[i]) ||
		    (job->hop[i].kind == HOP_SRV && job->hops != 1))
			return false;
	switch ((enum hop_kind)job->hop[job->hops - 1].kind) {
	case HOP_TCP:
	case HOP_SRV:
		return true;
	case HOP_SOCKS5:
	case HOP_SOCKS5H:
	case HOP_SOCKS4:
	case HOP_SOCKS4A:
	case HOP_HTTP:
		return valid_destination(job);
	}
	return false;
}

static bool
valid_job(const struct job *job)
{
	if (!strings_end(job) || !valid_ring_size(job->tx_bytes) ||
	    !valid_ring_size(job->rx_bytes) || job->mptcp > 1 ||
	    job->destination_port > UINT16_MAX || job->destination_srv > 1)
		return false;
	switch (job->kind) {
	case JOB_DIAL:
		return valid_route(job);
	case JOB_SERVE:
		return job->hops == 0;
	}
	return false;
}

enum message_result
message_receive_job(int channel, struct job *job)
{
	enum message_result result;

	result = receive(channel, job, sizeof(*job), 0);
	if (result == MESSAGE_OK && !valid_job(job))
		return MESSAGE_BROKEN;
	return result;
}

static bool
valid_event(const struct worker_event *event)
{
	return event->kind >= EVENT_STAGE && event->kind <= EVENT_NOTE &&
	    event->stage >= STAGE_START && event->stage <= STAGE_PUMP &&
	    event->hop < MESSAGE_HOPS_MAX && event->reason <= REASON_SANDBOX &&
	    event->reserved == 0 && TERMINATED(event->text);
}

enum message_result
message_receive_event(int channel, struct worker_event *event)
{
	enum message_result result;

	result = receive(channel, event, sizeof(*event), MSG_DONTWAIT);
	if (result != MESSAGE_OK)
		return result;
	if (!valid_event(event))
		return MESSAGE_BROKEN;
	message_make_printable(event->text);
	return MESSAGE_OK;
}

void
message_make_printable(char *text)
{
	for (; *text != '\0'; text++)
		if (*text < 0x20 || *text > 0x7e)
			*text = '?';
}

const char *
message_exit_name(int code)
{
	switch (code) {
	case WORKER_EXIT_OK:
		return "ok";
	case WORKER_EXIT_USAGE:
		return "usage";
	case WORKER_EXIT_JOB:
		return "job";
	case WORKER_EXIT_REGION:
		return "region";
	case WORKER_EXIT_SANDBOX:
		return "sandbox";
	case WORKER_EXIT_DIAL:
		return "dial";
	case WORKER_EXIT_PEER:
		return "peer";
	case WORKER_EXIT_RING:
		return "ring";
	}
	return "unknown";
}
