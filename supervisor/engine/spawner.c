#include "supervisor/engine/spawner.h"

#include <sys/socket.h>

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "shm/message.h"
#include "supervisor/descriptors.h"
#include "supervisor/engine/clock.h"
#include "supervisor/log.h"

/* For a worker whose engine has changed before it was up. */
#define ORPHAN_GRACE_US UINT64_C(2000000)
#define DESCRIPTORS_MAX (FD_END - FD_CHANNEL)

static int
send_record(const struct spawner *spawner, enum spawn_request type, int slot,
    int64_t value, const int *descriptors, size_t count)
{
	struct spawn_record record = { .type = type,
		.slot = (uint32_t)slot,
		.value = value };

	return descriptors_send(spawner->channel, &record, sizeof(record),
	    descriptors, count);
}

static void
send_requests(struct spawner *spawner)
{
	struct spawner_request *request;

	for (int type = SPAWN_START; type < SPAWN_REQUESTS_END; type++) {
		request = &spawner->requests[type];
		if (request->waits)
			request->waits = send_record(spawner,
					     (enum spawn_request)type, 0,
					     request->value, &request->fd,
					     request->fd != -1) == -1;
	}
}

static void
ask(struct spawner *spawner, enum spawn_request type, int64_t value, int fd)
{
	spawner->requests[type] = (struct spawner_request){ .waits = true,
		.value = value,
		.fd = fd };
	send_requests(spawner);
}

static void
report_to_owner(struct spawner *spawner, const struct spawn_record *record)
{
	struct spawner_slot *slot;
	const struct spawner_owner *owner;
	void *argument;

	if (record->slot >= SPAWN_SLOTS)
		return;
	slot = &spawner->slots[record->slot];
	owner = slot->owner;
	argument = slot->argument;
	if (record->type == SPAWN_EXITED)
		*slot = (struct spawner_slot){ .used = false };
	if (owner == NULL)
		return;
	if (record->type == SPAWN_EXITED)
		owner->exited(argument, (int)record->value);
	else
		owner->started(argument, (pid_t)record->value);
}

/* Whose slot nobody has claimed, the engine before us let go, or began with. */
static void
take_over(struct spawner *spawner, const struct spawn_record *record)
{
	struct spawner_slot *slot;

	if (record->slot > SPAWN_SLOTS - SPAWN_WORKERS_SLOTS)
		return;
	for (int i = 0; i < SPAWN_WORKERS_SLOTS; i++) {
		slot = &spawner->slots[record->slot + (uint32_t)i];
		if (((uint64_t)record->value >> i & 1) == 0 || slot->used)
			continue;
		slot->used = true;
		slot->kill_at_us = clock_now_us() + ORPHAN_GRACE_US;
	}
}

static void
handle_record(struct spawner *spawner, const struct spawn_record *record)
{
	switch ((enum spawn_report)record->type) {
	case SPAWN_STARTED:
	case SPAWN_EXITED:
		report_to_owner(spawner, record);
		return;
	case SPAWN_WORKERS:
		take_over(spawner, record);
		return;
	case SPAWN_STOP:
		spawner->stop(spawner->argument);
		return;
	case SPAWN_LEAVE:
	case SPAWN_GO_ON:
	case SPAWN_BUSY:
		spawner->upgrade(spawner->argument, record);
		spawner_catch_up(spawner);
		return;
	case SPAWN_END:
	case SPAWN_SERVE:
		break;
	case SPAWN_RELOAD:
		spawner->reload(spawner->argument);
		return;
	}
	log_warn(NULL, "supervisor: unknown report %u", record->type);
}

void
spawner_catch_up(struct spawner *spawner)
{
	size_t count = spawner->late_count;

	spawner->late_count = 0;
	for (size_t i = 0; i < count; i++)
		handle_record(spawner, &spawner->late[i]);
}

static bool
is_of_upgrade(const struct spawn_record *record)
{
	return record->type == SPAWN_GO_ON || record->type == SPAWN_END ||
	    record->type == SPAWN_SERVE;
}

static void
set_blocking(int fd, bool blocking)
{
	int flags = fcntl(fd, F_GETFL);

	flags = blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK;
	(void)fcntl(fd, F_SETFL, flags);
}

struct spawn_record
spawner_await(struct spawner *spawner)
{
	struct spawn_record record;
	ssize_t got;

	set_blocking(spawner->channel, true);
	send_requests(spawner);
	for (;;) {
		got = recv(spawner->channel, &record, sizeof(record), 0);
		/* Told once, and first, if what we said last was not read. */
		if (got == -1 && (errno == EINTR || errno == ECONNRESET))
			continue;
		if (got != (ssize_t)sizeof(record) ||
		    (!is_of_upgrade(&record) &&
			spawner->late_count == SPAWNER_LATE_MAX)) {
			record.type = SPAWN_STOP;
			break;
		}
		if (is_of_upgrade(&record))
			break;
		spawner->late[spawner->late_count++] = record;
	}
	set_blocking(spawner->channel, false);
	return record;
}

static void
handle_readable(evutil_socket_t fd, short what, void *argument)
{
	struct spawner *spawner = argument;
	struct spawn_record record;
	ssize_t got;

	(void)what;
	while ((got = recv(fd, &record, sizeof(record), MSG_DONTWAIT)) ==
	    (ssize_t)sizeof(record))
		handle_record(spawner, &record);
	if (got == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	event_del(spawner->readable);
	spawner->gone(spawner->argument);
}

int
spawner_init(struct spawner *spawner, struct event_base *base, int channel)
{
	spawner->channel = channel;
	spawner->readable = event_new(base, channel, EV_READ | EV_PERSIST,
	    handle_readable, spawner);
	if (spawner->readable == NULL)
		return -1;
	return event_add(spawner->readable, NULL);
}

void
spawner_close(struct spawner *spawner)
{
	if (spawner->readable != NULL)
		event_free(spawner->readable);
	spawner->readable = NULL;
	close(spawner->channel);
	spawner->channel = -1;
}

void
spawner_ready(struct spawner *spawner, bool faulty)
{
	ask(spawner, SPAWN_READY, faulty, -1);
}

void
spawner_wish(struct spawner *spawner)
{
	ask(spawner, SPAWN_WISH, 0, -1);
}

void
spawner_level(struct spawner *spawner, int level)
{
	ask(spawner, SPAWN_LEVEL, level, -1);
}

void
spawner_sandbox(struct spawner *spawner, int sandbox)
{
	ask(spawner, SPAWN_SANDBOX, sandbox, -1);
}

void
spawner_log(struct spawner *spawner, int target, int fd)
{
	ask(spawner, SPAWN_LOG, target, fd);
}

void
spawner_taken(struct spawner *spawner, uint64_t work_us)
{
	ask(spawner, SPAWN_TAKEN, (int64_t)work_us, -1);
}

void
spawner_say(struct spawner *spawner, enum spawn_request type)
{
	ask(spawner, type, 0, -1);
}

int
spawner_start(struct spawner *spawner, const int *descriptors, size_t count,
    const struct spawner_owner *owner, void *argument)
{
	struct spawner_slot *slot;
	int number;

	for (number = 0; number < SPAWN_SLOTS; number++)
		if (!spawner->slots[number].used)
			break;
	if (number == SPAWN_SLOTS || count > DESCRIPTORS_MAX) {
		errno = number == SPAWN_SLOTS ? EUSERS : EINVAL;
		return -1;
	}
	if (send_record(spawner, SPAWN_START, number, 0, descriptors, count) ==
	    -1)
		return -1;
	slot = &spawner->slots[number];
	slot->used = true;
	slot->owner = owner;
	slot->argument = argument;
	return number;
}

const char *
spawner_why(int error)
{
	if (error != EUSERS)
		return strerror(error);
	_Static_assert(SPAWN_SLOTS == 1024, "the words say so");
	return "1024 workers run, which is the limit";
}

bool
spawner_claim(struct spawner *spawner, int slot,
    const struct spawner_owner *owner, void *argument)
{
	if (slot < 0 || slot >= SPAWN_SLOTS || spawner->slots[slot].used)
		return false;
	spawner->slots[slot] = (struct spawner_slot){ .used = true,
		.owner = owner,
		.argument = argument };
	return true;
}

void
spawner_kill(struct spawner *spawner, int slot)
{
	if (slot < 0 || !spawner->slots[slot].used)
		return;
	/* Where there is no room now, spawner_tick() asks again. */
	spawner->slots[slot].kill_at_us = send_record(spawner, SPAWN_KILL, slot,
					      0, NULL, 0) == -1;
}

void
spawner_disown(struct spawner *spawner, int slot, uint64_t kill_at_us)
{
	if (slot < 0)
		return;
	spawner->slots[slot].owner = NULL;
	spawner->slots[slot].kill_at_us = kill_at_us;
}

static void
show_life(struct spawner *spawner, uint64_t now_us)
{
	if (spawner->alive_us == 0 || now_us < spawner->alive_due_us)
		return;
	spawner->alive_due_us = now_us + spawner->alive_us;
	/* Another one follows. */
	(void)send_record(spawner, SPAWN_ALIVE, 0, 0, NULL, 0);
}

void
spawner_tick(struct spawner *spawner, uint64_t now_us)
{
	struct spawner_slot *slot;

	send_requests(spawner);
	show_life(spawner, now_us);
	for (int number = 0; number < SPAWN_SLOTS; number++) {
		slot = &spawner->slots[number];
		if (slot->kill_at_us != 0 && slot->kill_at_us <= now_us)
			spawner_kill(spawner, number);
	}
}

size_t
spawner_used(const struct spawner *spawner)
{
	size_t used = 0;

	for (int number = 0; number < SPAWN_SLOTS; number++)
		used += spawner->slots[number].used;
	return used;
}
