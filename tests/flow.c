#include "tests/flow.h"

#include <sys/prctl.h>
#include <sys/resource.h>

#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/arrivals.h"
#include "tests/batch.h"
#include "tests/series.h"

#define NS_PER_S 1e9

/* What the four loops share. */
struct run {
	const struct flow *flow;
	struct payload payload;
	struct pace pace;
	struct batch *out;
	struct batch *in;
	int fd;
	struct limit limit;
	uint64_t heard_ns; /* of the last arrival, 0: none yet */
	uint64_t sent;
	uint64_t sent_bytes;
	uint64_t sent_ns;     /* when the last left, 0: none yet */
	uint64_t sent_gap_ns; /* the longest time in which none left */
	uint64_t warm_ns;     /* when the measure begins, UINT64_MAX: it has */
	struct arrivals arrivals;
	struct series series;
};

static void
run_init(struct run *run, const struct flow *flow)
{
	uint64_t now_ns;

	memset(run, 0, sizeof(*run));
	run->flow = flow;
	run->pace = flow->pace;
	run->limit = flow->limit;
	run->warm_ns = UINT64_MAX;
	run->fd = endpoint_open(&flow->endpoint);
	if (flow->joins && flow->endpoint.host != NULL)
		batch_cut_at(run->fd, flow->sizes.list[0]);
	else if (flow->joins)
		batch_join(run->fd);
	run->out = batch_new();
	run->in = batch_new();
	payload_init(&run->payload, flow->seed);
	/* The default slack of 50 us would blur every pause of the pacing. */
	(void)prctl(PR_SET_TIMERSLACK, 1000);
	now_ns = pace_now_ns();
	limit_begin(&run->limit, now_ns);
	pace_start(&run->pace, now_ns);
	printf("port=%u\n", endpoint_port(run->fd));
	fflush(stdout);
}

static double
seconds_of(const struct timeval *time)
{
	return (double)time->tv_sec + (double)time->tv_usec / 1e6;
}

static int
run_end(struct run *run, int status)
{
	struct rusage used;

	if (getrusage(RUSAGE_SELF, &used) == 0)
		printf("cpu_seconds=%.3f\n",
		    seconds_of(&used.ru_utime) + seconds_of(&used.ru_stime));
	batch_free(run->out);
	batch_free(run->in);
	payload_free(&run->payload);
	arrivals_free(&run->arrivals);
	close(run->fd);
	return status;
}

static void
add_next(struct run *run, uint64_t now_ns)
{
	size_t bytes, header_bytes;
	const uint8_t *body;

	bytes = payload_size(&run->payload, &run->flow->sizes, run->sent);
	body = payload_make(&run->payload, run->sent, now_ns, bytes,
	    run->out->header[run->out->count], &header_bytes);
	batch_add(run->out, header_bytes, body, bytes - header_bytes);
	pace_spend(&run->pace, now_ns, bytes);
	run->sent++;
	run->sent_bytes += bytes;
}

static bool
all_sent(const struct run *run)
{
	return run->limit.count > 0 && run->sent >= run->limit.count;
}

/*
 * Send what is due, a batch at most; where the kernel cuts, a whole one, since
 * what is due in the time of a call is too little to be worth cutting.
 */
static void
send_due(struct run *run, uint64_t now_ns)
{
	while (run->out->count < BATCH_SIZE && !all_sent(run) &&
	    (run->flow->joins || pace_wait_ns(&run->pace, now_ns) == 0))
		add_next(run, now_ns);
	if (run->flow->joins)
		batch_gather(run->out, run->flow->sizes.list[0]);
	batch_send(run->out, run->fd);
	if (run->sent_ns != 0 && now_ns - run->sent_ns > run->sent_gap_ns)
		run->sent_gap_ns = now_ns - run->sent_ns;
	run->sent_ns = now_ns;
}

static void
print_sent(const struct run *run)
{
	double seconds = (double)(pace_now_ns() - run->limit.begun_ns) /
	    NS_PER_S;

	printf("sent=%" PRIu64 "\nsent_bytes=%" PRIu64 "\n", run->sent,
	    run->sent_bytes);
	printf("send_seconds=%.3f\nsend_datagrams_per_s=%.0f\n", seconds,
	    (double)run->sent / seconds);
	printf("send_mbit_per_s=%.2f\nsend_refused=%" PRIu64 "\n",
	    (double)run->sent_bytes * 8 / seconds / 1e6, run->out->refused);
	printf("send_gap_max_ms=%.3f\n", (double)run->sent_gap_ns / 1e6);
}

int
flow_send(const struct flow *flow)
{
	uint64_t now_ns, wait_ns;
	struct run run;

	run_init(&run, flow);
	for (;;) {
		now_ns = pace_now_ns();
		if (limit_time_is_up(&run.limit, now_ns) || all_sent(&run))
			break;
		wait_ns = pace_wait_ns(&run.pace, now_ns);
		if (wait_ns > 0)
			pace_sleep_ns(
			    wait_ns < LIMIT_LOOK_NS ? wait_ns : LIMIT_LOOK_NS);
		else
			send_due(&run, now_ns);
	}
	print_sent(&run);
	return run_end(&run, 0);
}

static void
count_one(struct run *run, const uint8_t *datagram, size_t bytes,
    uint64_t now_ns)
{
	struct arrivals *arrivals = &run->arrivals;
	uint64_t sequence, stamp_ns, delay_ns;

	switch (payload_check(&run->payload, datagram, bytes, &sequence,
	    &stamp_ns)) {
	case PAYLOAD_NUMBERED:
		delay_ns = now_ns > stamp_ns ? now_ns - stamp_ns : 0;
		arrivals_add(arrivals, sequence, bytes, delay_ns, now_ns);
		series_add(&run->series, bytes, delay_ns, now_ns);
		break;
	case PAYLOAD_SHORT:
		arrivals_add_short(arrivals, bytes, now_ns);
		break;
	case PAYLOAD_CORRUPT:
		arrivals_add_corrupt(arrivals, bytes, now_ns);
		break;
	}
}

static void
count_message(struct run *run, unsigned int i, uint64_t now_ns)
{
	size_t left, segment = run->in->segment[i];
	const uint8_t *at = batch_message(run->in, i, &left);

	for (; left > segment; at += segment, left -= segment)
		count_one(run, at, segment, now_ns);
	count_one(run, at, left, now_ns);
}

/* Count what is there; the datagrams stay in run->in. */
static unsigned int
take_in(struct run *run)
{
	unsigned int i, count;
	uint64_t now_ns;

	count = batch_receive(run->in, run->fd);
	if (count == 0)
		return 0;
	now_ns = pace_now_ns();
	if (run->heard_ns == 0 && run->flow->warm_s > 0)
		run->warm_ns = now_ns +
		    (uint64_t)(run->flow->warm_s * NS_PER_S);
	run->heard_ns = now_ns;
	if (now_ns > run->warm_ns) {
		arrivals_restart(&run->arrivals);
		run->warm_ns = UINT64_MAX;
	}
	for (i = 0; i < count; i++)
		count_message(run, i, now_ns);
	return count;
}

static int
report(struct run *run, const char *label, uint64_t expected)
{
	char from[ENDPOINT_TEXT_MAX];

	if (run->arrivals.received > 0)
		printf("from=%s\n",
		    endpoint_format(&run->in->address[0], from));
	arrivals_print(&run->arrivals, label, expected);
	batch_count_drops(run->in, run->fd);
	printf("kernel_drops=%" PRIu32 "\n", run->in->kernel_drops);
	if (run->arrivals.corrupt > 0)
		return 1;
	return run->limit.count > arrivals_total(&run->arrivals) ? 1 : 0;
}

/* Its silence begins when it goes on. */
static void
rest_once(struct run *run, uint64_t *rest_at)
{
	if (*rest_at == 0 || arrivals_total(&run->arrivals) < *rest_at)
		return;
	*rest_at = 0;
	raise(SIGSTOP);
	run->heard_ns = pace_now_ns();
}

int
flow_sink(const struct flow *flow)
{
	uint64_t rest_at = flow->rest_at, now_ns;
	struct run run;
	bool was_told, found;

	run_init(&run, flow);
	series_open(&run.series, flow->series);
	do {
		was_told = limit_signalled();
		now_ns = pace_now_ns();
		found = take_in(&run) > 0;
		if (!found)
			limit_wait_input(run.fd, LIMIT_LOOK_NS);
		rest_once(&run, &rest_at);
	} while (limit_goes_on(&run.limit, arrivals_total(&run.arrivals),
	    now_ns, run.heard_ns, was_told, found));
	series_close(&run.series);
	return run_end(&run, report(&run, "delay", flow->limit.count));
}

int
flow_echo(const struct flow *flow)
{
	uint64_t echoed = 0;
	struct run run;

	run_init(&run, flow);
	while (
	    !limit_reached(&run.limit, echoed, pace_now_ns(), run.heard_ns)) {
		if (batch_receive(run.in, run.fd) == 0) {
			limit_wait_input(run.fd, LIMIT_LOOK_NS);
			continue;
		}
		run.heard_ns = pace_now_ns();
		echoed += run.in->count;
		batch_reflect(run.in);
		batch_send(run.in, run.fd);
	}
	printf("echoed=%" PRIu64 "\n", echoed);
	return run_end(&run, 0);
}

static bool
asks_more(const struct run *run, uint64_t now_ns)
{
	return !all_sent(run) && !limit_time_is_up(&run->limit, now_ns);
}

/* At rate 0 one datagram is under way at a time. */
static bool
may_ping(const struct run *run, uint64_t now_ns, uint64_t asked_ns)
{
	if (!asks_more(run, now_ns))
		return false;
	if (run->pace.per_second > 0)
		return pace_wait_ns(&run->pace, now_ns) == 0;
	return run->heard_ns >= asked_ns ||
	    limit_is_silent(&run->limit, now_ns, asked_ns);
}

/* While answers come, there may be more of them. */
static bool
ping_is_over(const struct run *run, uint64_t now_ns, uint64_t asked_ns)
{
	if (limit_signalled())
		return true;
	return !asks_more(run, now_ns) &&
	    (run->arrivals.distinct >= run->sent ||
		limit_is_silent(&run->limit, now_ns,
		    run->heard_ns > asked_ns ? run->heard_ns : asked_ns));
}

static uint64_t
ping_wait_ns(const struct run *run, uint64_t now_ns)
{
	if (!asks_more(run, now_ns) || run->pace.per_second <= 0)
		return LIMIT_LOOK_NS;
	return pace_wait_ns(&run->pace, now_ns);
}

int
flow_ping(const struct flow *flow)
{
	uint64_t now_ns, asked_ns = 0;
	struct run run;

	run_init(&run, flow);
	for (;;) {
		now_ns = pace_now_ns();
		if (may_ping(&run, now_ns, asked_ns)) {
			add_next(&run, now_ns);
			batch_send(run.out, run.fd);
			asked_ns = now_ns;
		}
		if (take_in(&run) > 0)
			continue;
		if (ping_is_over(&run, now_ns, asked_ns))
			break;
		limit_wait_input(run.fd, ping_wait_ns(&run, now_ns));
	}
	print_sent(&run);
	return run_end(&run, report(&run, "rtt", run.sent));
}
