/*
 * Sockets are made in advance, one for each address that the resolver may
 * give, because MPTCP, bind(2) and SO_BINDTODEVICE are out of reach in the
 * lock-in's first stage. A worker whose relay is a literal address makes one.
 */
#include "worker/dial.h"

#include <sys/time.h>

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "shm/message.h"
#include "worker/clock.h"
#include "worker/race.h"
#include "worker/report.h"
#include "worker/socket.h"
#include "worker/srv.h"

/* Whose resolver is running; only for the signal handler. */
static const struct dial *volatile resolving;

void
dial_fail(const struct dial *dial, enum event_reason reason, int detail,
    const char *what)
{
	report_fail(dial->report, WORKER_EXIT_DIAL, reason, detail, what);
}

static _Noreturn void
fail_late(const struct dial *dial)
{
	dial_fail(dial, REASON_TIMEOUT, (int)dial->job->dial_timeout_ms, NULL);
}

/*
 * getaddrinfo(3) has no deadline of its own. Left unmasked and never disarmed,
 * since a locked-in worker cannot: later it finds nothing to do.
 */
static void
handle_alarm(int number)
{
	(void)number;
	if (resolving != NULL)
		fail_late(resolving);
}

static void
arm_alarm(uint32_t timeout_ms)
{
	struct sigaction action = { .sa_handler = handle_alarm };
	struct itimerval timer = { 0 };

	timer.it_value.tv_sec = timeout_ms / 1000;
	/* All zero would mean never. */
	timer.it_value.tv_usec = timeout_ms % 1000 * 1000 + 1;
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
}

static void
prepare_sockets(struct dial *dial, int family, size_t count)
{
	int fd;

	if (dial->family != AF_UNSPEC && dial->family != family)
		return;
	for (; count > 0; count--) {
		fd = socket_open(family, dial->job, dial->report);
		if (fd == -1)
			return;
		dial->socket[dial->sockets].fd = fd;
		dial->socket[dial->sockets].family = family;
		dial->sockets++;
	}
}

static void
prepare_literal(struct dial *dial)
{
	size_t i;

	for (i = 0; i < dial->addresses.count; i++)
		prepare_sockets(dial, dial->addresses.item[i].address.ss_family,
		    1);
}

/* What a hop is asked for: the hop after it, or the destination. */
static const char *
next_host(const struct job *job, uint32_t hop)
{
	return hop + 1 < job->hops ? job->hop[hop + 1].host :
				     job->destination_host;
}

static uint32_t
next_port(const struct job *job, uint32_t hop)
{
	return hop + 1 < job->hops ? job->hop[hop + 1].port :
				     job->destination_port;
}

/* Does the proxy want an address that is not known yet? Of which family? */
static bool
lacks_address(const struct dial *dial, uint32_t hop, int *family)
{
	return dial->next[hop].ss_family == AF_UNSPEC &&
	    proxy_wants_address(&dial->job->hop[hop], next_host(dial->job, hop),
		family);
}

static void
prepare_next(struct dial *dial, uint32_t hop)
{
	struct resolve_list found;
	int family;

	if (!lacks_address(dial, hop, &family))
		return;
	if (resolve_literal(next_host(dial->job, hop),
		next_port(dial->job, hop), &found))
		dial->next[hop] = found.item[0].address;
	else
		dial->resolver = true;
}

void
dial_prepare(struct dial *dial, struct job *job, struct report *report)
{
	uint32_t hop;

	memset(dial, 0, sizeof(*dial));
	dial->job = job;
	dial->report = report;
	dial->deadline_ms = clock_now_ms() + job->dial_timeout_ms;
	dial->family = socket_family(job, report);
	dial->names = !resolve_literal(job->hop[0].host, job->hop[0].port,
	    &dial->addresses);
	if (!dial->names) {
		prepare_literal(dial);
	} else {
		prepare_sockets(dial, AF_INET, RESOLVE_FAMILY_MAX);
		prepare_sockets(dial, AF_INET6, RESOLVE_FAMILY_MAX);
	}
	dial->resolver = dial->names || job->destination_srv != 0;
	for (hop = 0; hop < job->hops; hop++)
		prepare_next(dial, hop);
	if (dial->resolver)
		arm_alarm(job->dial_timeout_ms);
}

static void
begin_resolving(const struct dial *dial)
{
	resolving = dial;
	if (clock_now_ms() >= dial->deadline_ms)
		fail_late(dial);
}

static void
resolve(const struct dial *dial, const char *host, uint32_t port, int family,
    struct resolve_list *list)
{
	int error;

	begin_resolving(dial);
	error = resolve_name(host, port, family, list);
	resolving = NULL;
	if (error == EAI_SYSTEM)
		dial_fail(dial, REASON_ERRNO, errno, NULL);
	if (error != 0)
		dial_fail(dial, REASON_RESOLVE, error, NULL);
}

/* Of the targets of a service the one that the engine chose by its number. */
static void
resolve_service(const struct dial *dial, char host[MESSAGE_HOST_MAX],
    uint32_t *port)
{
	char note[MESSAGE_TEXT_MAX];
	int error;

	begin_resolving(dial);
	error = srv_choose(host, port, dial->job->srv_choice,
	    dial->job->srv_seed);
	resolving = NULL;
	if (error != 0)
		dial_fail(dial, REASON_RESOLVE, error, NULL);
	snprintf(note, sizeof(note), "the listener is %.150s:%u", host, *port);
	report_note(dial->report, note);
}

static void
resolve_services(struct dial *dial)
{
	struct job *job = dial->job;

	if (job->hop[0].kind == HOP_SRV) {
		report_stage(dial->report, STAGE_RESOLVE, 0);
		resolve_service(dial, job->hop[0].host, &job->hop[0].port);
		job->hop[0].kind = HOP_TCP;
	}
	if (job->destination_srv == 0)
		return;
	report_stage(dial->report, STAGE_PROXY, job->hops - 1);
	resolve_service(dial, job->destination_host, &job->destination_port);
}

static void
resolve_first(struct dial *dial)
{
	const struct job_hop *hop = &dial->job->hop[0];

	if (!dial->names)
		return;
	report_stage(dial->report, STAGE_RESOLVE, 0);
	resolve(dial, hop->host, hop->port, dial->family, &dial->addresses);
}

/* Of several addresses a proxy is told the first. */
static void
resolve_next(struct dial *dial, uint32_t hop)
{
	struct resolve_list found;
	int family;

	if (!lacks_address(dial, hop, &family))
		return;
	report_stage(dial->report, STAGE_PROXY, hop);
	resolve(dial, next_host(dial->job, hop), next_port(dial->job, hop),
	    family, &found);
	dial->next[hop] = found.item[0].address;
}

/* The channel carries nothing down after the job but its end. */
static _Noreturn void
leave(void)
{
	_exit(WORKER_EXIT_OK);
}

void
dial_poll(const struct dial *dial, struct pollfd *polls, size_t count,
    int64_t until_ms)
{
	struct timespec timeout;
	int64_t left_ms;

	polls[0] = (struct pollfd){ .fd = dial->report->channel,
		.events = POLLIN | POLLRDHUP };
	if (until_ms > dial->deadline_ms)
		until_ms = dial->deadline_ms;
	left_ms = until_ms - clock_now_ms();
	if (left_ms < 0)
		left_ms = 0;
	timeout.tv_sec = left_ms / 1000;
	timeout.tv_nsec = left_ms % 1000 * 1000000;
	if (ppoll(polls, count, &timeout, NULL) == -1)
		for (; count > 0; count--)
			polls[count - 1].revents = 0;
	if (polls[0].revents != 0)
		leave();
	if (clock_now_ms() >= dial->deadline_ms)
		fail_late(dial);
}

int
dial_connect(struct dial *dial)
{
	uint32_t hop;
	int fd;

	resolve_services(dial);
	resolve_first(dial);
	for (hop = 0; hop < dial->job->hops; hop++)
		resolve_next(dial, hop);
	report_stage(dial->report, STAGE_CONNECT, 0);
	fd = race_run(dial);
	if (dial->job->mptcp != 0)
		report_note(dial->report, socket_mptcp_words(fd));
	return fd;
}

/*
 * dial_poll() for one descriptor, until one of the events of poll(2) is there.
 */
static void
wait_for(const struct dial *dial, int fd, short events)
{
	struct pollfd polls[2];

	do {
		polls[1] = (struct pollfd){ .fd = fd, .events = events };
		dial_poll(dial, polls, 2, dial->deadline_ms);
	} while (polls[1].revents == 0);
}

static void
send_request(struct dial *dial, int fd)
{
	const struct proxy *proxy = &dial->proxy;
	size_t sent = 0;
	ssize_t count;

	while (sent < proxy->output_bytes) {
		count = write(fd, proxy->output + sent,
		    proxy->output_bytes - sent);
		if (count >= 0)
			sent += (size_t)count;
		else if (errno == EAGAIN)
			wait_for(dial, fd, POLLOUT);
		else if (errno != EINTR)
			dial_fail(dial, REASON_ERRNO, errno, NULL);
	}
}

static void
read_answer(struct dial *dial, int fd)
{
	struct proxy *proxy = &dial->proxy;
	ssize_t count;

	wait_for(dial, fd, POLLIN);
	count = read(fd, proxy->input + proxy->filled,
	    sizeof(proxy->input) - proxy->filled);
	if (count > 0)
		proxy->filled += (size_t)count;
	else if (count == 0)
		dial_fail(dial, REASON_CLOSED, 0, NULL);
	else if (errno != EAGAIN && errno != EINTR)
		dial_fail(dial, REASON_ERRNO, errno, NULL);
}

static enum proxy_result
begin_request(struct dial *dial, uint32_t hop)
{
	const struct sockaddr_storage *next = &dial->next[hop];

	return proxy_begin(&dial->proxy, &dial->job->hop[hop],
	    next_host(dial->job, hop), next_port(dial->job, hop),
	    next->ss_family == AF_UNSPEC ? NULL :
					   (const struct sockaddr *)next);
}

/* Returns when the proxy has connected to the next hop. */
static void
ask_proxy(struct dial *dial, int fd, uint32_t hop)
{
	struct proxy *proxy = &dial->proxy;
	enum proxy_result result = begin_request(dial, hop);

	for (;; result = proxy_step(proxy))
		switch (result) {
		case PROXY_SEND:
			send_request(dial, fd);
			break;
		case PROXY_MORE:
			read_answer(dial, fd);
			break;
		case PROXY_DONE:
			return;
		case PROXY_FAILED:
			dial_fail(dial, proxy->reason, proxy->detail,
			    proxy->text);
		}
}

static void
forget_credentials(struct job_hop *hop)
{
	explicit_bzero(hop->user, sizeof(hop->user));
	explicit_bzero(hop->password, sizeof(hop->password));
}

void
dial_proxies(struct dial *dial, int fd)
{
	struct job *job = dial->job;
	uint32_t hop;

	for (hop = 0; hop < job->hops; hop++) {
		if (job->hop[hop].kind == HOP_TCP)
			continue;
		report_stage(dial->report, STAGE_PROXY, hop);
		ask_proxy(dial, fd, hop);
		forget_credentials(&job->hop[hop]);
	}
}
