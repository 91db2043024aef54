#include "supervisor/engine/channel.h"

#include <errno.h>
#include <event2/event.h>
#include <string.h>
#include <unistd.h>

#include "shm/bell.h"
#include "supervisor/engine/channel_ends.h"
#include "supervisor/engine/clock.h"
#include "supervisor/engine/spawner.h"

/* A bell that rings so often without any progress is an attack. */
#define IDLE_BELLS_MAX 1000
/* So much is worth a bell, or a frame. */
#define WORTH_BYTES 256
/* Bells that were not worth it: so many at once, and in a second. */
#define CREDIT_MAX 2000
#define CREDIT_PER_S 2000
/* What a worker has to write out its last bytes, before it is killed. */
#define CLOSE_GRACE_US UINT64_C(2000000)

static void
handle_started(void *argument, pid_t pid)
{
	struct channel *channel = argument;

	channel->pid = pid;
}

static void
handle_exited(void *argument, int status)
{
	struct channel *channel = argument;

	channel->slot = -1;
	channel->handler->exited(channel->argument, status);
}

static const struct spawner_owner owner = { handle_started, handle_exited };

/* It gets no grace. */
static void
break_off(struct channel *channel, const char *words)
{
	channel_kill(channel);
	channel->handler->broken(channel->argument, words);
}

static void
grow_credit(struct channel *channel)
{
	uint64_t now_us = clock_now_us();
	uint64_t grown = (now_us - channel->credit_us) * CREDIT_PER_S / 1000000;

	if (grown == 0)
		return;
	channel->credit_us = now_us;
	channel->credit = grown < CREDIT_MAX - channel->credit ?
	    channel->credit + (unsigned int)grown :
	    CREDIT_MAX;
}

/*
 * An honest worker rings twice for the same if both data and room were asked
 * for, so a bell that was worth it makes up for one that was not. False: there
 * were too many of those, and this one was for nothing.
 */
static bool
account(struct channel *channel, bool worth, bool idle)
{
	grow_credit(channel);
	if (worth) {
		if (channel->credit < CREDIT_MAX)
			channel->credit++;
		return true;
	}
	if (channel->credit > 0)
		channel->credit--;
	return channel->credit > 0 || !idle;
}

/* True while what a worker rings is what it may. */
static bool
count_bells(struct channel *channel, int rung)
{
	uint64_t moved = channel->rx.head + channel->tx.tail;
	bool idle = moved == channel->bell_moved;
	bool worth = channel->rx.tail != channel->bell_taken ||
	    moved - channel->bell_moved >= WORTH_BYTES;

	channel->bells_rung += (uint64_t)rung;
	if (channel->bells_rung > channel->bells_asked)
		return false;
	channel->idle_bells = rung > 0 && idle ? channel->idle_bells + 1 : 0;
	channel->bell_moved = moved;
	channel->bell_taken = channel->rx.tail;
	if (rung > 0 && !account(channel, worth, idle))
		return false;
	return channel->idle_bells <= IDLE_BELLS_MAX;
}

/*
 * Behind the work that it asks for, which waits for it, and before it is asked
 * for again: a bell from then on is another one.
 */
static void
read_bell(struct channel *channel)
{
	int rung;

	if (!channel->bell_waits)
		return;
	channel->bell_waits = false;
	rung = bell_drain(channel->bell_in);
	channel->bell_ended = rung == -1;
	channel->bell_foul = !count_bells(channel, rung > 0 ? rung : 0);
}

static void
handle_bell(evutil_socket_t fd, short what, void *argument)
{
	struct channel *channel = argument;

	(void)fd;
	(void)what;
	channel->bell_waits = true;
	channel->handler->bell(channel->argument);
	/* Nothing waits in one that was closed. */
	read_bell(channel);
	if (channel->bell_ended) {
		/* The exit status says the rest; or it will end. */
		event_del(channel->bell_readable);
		channel_kill(channel);
	}
	if (channel->bell_foul)
		break_off(channel, "worker rings for nothing");
}

static void
handle_message(evutil_socket_t fd, short what, void *argument)
{
	struct channel *channel = argument;
	struct worker_event message;

	(void)what;
	switch (message_receive_event(fd, &message)) {
	case MESSAGE_OK:
		if (++channel->messages > CHANNEL_MESSAGES_MAX)
			break_off(channel, "worker sends messages on and on");
		else
			channel->handler->event(channel->argument, &message);
		return;
	case MESSAGE_NONE:
		return;
	case MESSAGE_CLOSED:
		event_del(channel->socket_readable);
		channel_kill(channel);
		return;
	case MESSAGE_BROKEN:
		break_off(channel, "worker sent an impossible message");
		return;
	}
}

void
channel_init(struct channel *channel, const struct channel_handler *handler,
    void *argument)
{
	*channel = (struct channel){
		.engine = REGION_NONE,
		.worker = REGION_NONE,
		.socket = -1,
		.bell_in = -1,
		.bell_out = -1,
		.slot = -1,
		.credit = CREDIT_MAX,
		.handler = handler,
		.argument = argument,
	};
}

static int
watch_ends(struct channel *channel, struct event_base *base)
{
	channel->socket_readable = event_new(base, channel->socket,
	    EV_READ | EV_PERSIST, handle_message, channel);
	channel->bell_readable = event_new(base, channel->bell_in,
	    EV_READ | EV_PERSIST, handle_bell, channel);
	if (channel->socket_readable == NULL ||
	    channel->bell_readable == NULL ||
	    event_add(channel->socket_readable, NULL) == -1 ||
	    event_add(channel->bell_readable, NULL) == -1)
		return -1;
	return 0;
}

static int
spawn(struct channel *channel, const struct channel_handed *handed)
{
	size_t count = FD_END - FD_CHANNEL;

	if (handed->fd[FD_SOCKET - FD_CHANNEL] == -1)
		count--;
	channel->slot = spawner_start(channel->spawner, handed->fd, count,
	    &owner, channel);
	return channel->slot == -1 ? -1 : 0;
}

int
channel_open(struct channel *channel, struct event_base *base,
    struct spawner *spawner, struct job *job, int accepted)
{
	struct channel_handed handed;
	int saved_errno, result = -1;

	handed.fd[FD_SOCKET - FD_CHANNEL] = accepted;
	channel_init(channel, channel->handler, channel->argument);
	channel->spawner = spawner;
	if (channel_ends_open(channel, job, &handed) == 0 &&
	    watch_ends(channel, base) == 0 && spawn(channel, &handed) == 0)
		result = 0;
	saved_errno = errno;
	channel_ends_hand_over(&handed);
	if (result == -1)
		channel_close(channel, true);
	errno = saved_errno;
	return result;
}

static int
inherit_rings(struct channel *channel)
{
	struct ring_producer tx = channel->tx;
	struct ring_consumer rx = channel->rx;

	channel->flags = channel->worker.control;
	if (ring_producer_resume(&channel->tx, channel->worker.spare,
		CHANNEL_RING_BYTES, &channel->flags->heir_tx_head,
		&channel->flags->tx_tail, tx.head, tx.tail) == 0 &&
	    ring_consumer_resume(&channel->rx, channel->worker.data,
		CHANNEL_RING_BYTES, &channel->flags->rx_head,
		&channel->flags->heir_rx_tail, rx.head, rx.tail) == 0)
		return 0;
	errno = EPROTO;
	return -1;
}

int
channel_inherit_ends(struct channel *channel, struct event_base *base)
{
	if (channel->socket == -1 || channel->bell_in == -1 ||
	    channel->bell_out == -1 || channel->worker.fd == -1) {
		errno = EPROTO;
		return -1;
	}
	if (region_inherit(&channel->worker, channel->worker.fd,
		CHANNEL_RING_BYTES) == -1 ||
	    watch_ends(channel, base) == -1)
		return -1;
	channel->advanced = true;
	return 0;
}

int
channel_inherit(struct channel *channel, struct event_base *base,
    struct spawner *spawner)
{
	int slot = channel->slot;

	channel->spawner = spawner;
	channel->slot = -1;
	if (!spawner_claim(spawner, slot, &owner, channel)) {
		errno = EPROTO;
		return -1;
	}
	channel->slot = slot;
	if (!channel->advanced && channel_inherit_ends(channel, base) == -1)
		return -1;
	channel->advanced = false;
	return inherit_rings(channel);
}

void
channel_serve(struct channel *channel)
{
	/*
	 * Release, partner of the worker's acquire: it sees the last that was
	 * written to S, and our indexes. One that sleeps sees it when we ring
	 * for what it is to do: hundreds would take the processor from us.
	 */
	atomic_store_explicit(&channel->flags->heir, 1, memory_order_release);
}

bool
channel_is_heir(const struct channel *channel)
{
	return channel->engine.fd == -1;
}

bool
channel_is_open(const struct channel *channel)
{
	return channel->socket != -1;
}

void
channel_close(struct channel *channel, bool now)
{
	if (channel->slot != -1) {
		spawner_disown(channel->spawner, channel->slot,
		    clock_now_us() + (now ? 0 : CLOSE_GRACE_US));
		if (now)
			spawner_kill(channel->spawner, channel->slot);
	}
	if (channel->socket_readable != NULL)
		event_free(channel->socket_readable);
	if (channel->bell_readable != NULL)
		event_free(channel->bell_readable);
	channel_ends_close(channel);
	channel_init(channel, channel->handler, channel->argument);
}

void
channel_kill(struct channel *channel)
{
	if (channel->slot != -1)
		spawner_kill(channel->spawner, channel->slot);
}

bool
channel_is_busy(const struct channel *channel)
{
	return channel->tx.head != channel->rung_head ||
	    atomic_load(&channel->flags->worker_sleeps) == 0;
}

bool
channel_burns(struct channel *channel, uint64_t now_us)
{
	/* The clock is a system call, and hundreds may be asked for. */
	if (now_us - channel->burn.since_us < BURN_WINDOW_US)
		return false;
	return burn_is_too_much(&channel->burn, burn_cpu_us(channel->pid),
	    channel->rx.head + channel->tx.tail, now_us);
}

/* Who rings for next to nothing is not asked to; the tick looks instead. */
static bool
may_ring(struct channel *channel)
{
	grow_credit(channel);
	return channel->credit > 0;
}

static void
want(struct channel *channel, _Atomic uint32_t *flag)
{
	if (!may_ring(channel))
		return;
	read_bell(channel);
	channel->bells_asked++;
	bell_arm(flag);
}

void
channel_want_data(struct channel *channel)
{
	want(channel, &channel->flags->engine_wants_data);
}

void
channel_want_room(struct channel *channel)
{
	want(channel, &channel->flags->engine_wants_room);
}

void
channel_again(struct channel *channel)
{
	event_active(channel->bell_readable, EV_READ, 0);
}
