#include "supervisor/engine/spawner.h"

#include <sys/socket.h>

#include <errno.h>
#include <event2/event.h>
#include <string.h>
#include <unistd.h>

#include "shm/message.h"
#include "supervisor/log.h"

#define DESCRIPTORS_MAX (FD_END - FD_CHANNEL)

static int
send_valued(const struct spawner *spawner, enum spawn_request type, int slot,
    int64_t value, const int *descriptors, size_t count)
{
	struct spawn_record record = { .type = type,
		.slot = (uint32_t)slot,
		.value = value };
	struct iovec iov = { &record, sizeof(record) };
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(DESCRIPTORS_MAX * sizeof(int))];
	} control;
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (count > 0) {
		memset(&control, 0, sizeof(control));
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(count * sizeof(int));
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(&control.header), descriptors,
		    count * sizeof(int));
	}
	if (sendmsg(spawner->channel, &message, MSG_NOSIGNAL) == -1)
		return -1;
	return 0;
}

static int
send_record(const struct spawner *spawner, enum spawn_request type, int slot,
    const int *descriptors, size_t count)
{
	return send_valued(spawner, type, slot, 0, descriptors, count);
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

static void
handle_record(struct spawner *spawner, const struct spawn_record *record)
{
	switch ((enum spawn_report)record->type) {
	case SPAWN_STARTED:
	case SPAWN_EXITED:
		report_to_owner(spawner, record);
		return;
	case SPAWN_STOP:
		spawner->stop(spawner->argument);
		return;
	case SPAWN_RELOAD:
		if (log_reopen() == -1)
			log_warn(NULL, "log: cannot open it again: %s",
			    strerror(errno));
		spawner->reload(spawner->argument);
		return;
	}
	log_warn(NULL, "supervisor: unknown report %u", record->type);
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
	send_valued(spawner, SPAWN_READY, 0, faulty, NULL, 0);
}

void
spawner_wish(struct spawner *spawner)
{
	send_record(spawner, SPAWN_WISH, 0, NULL, 0);
}

void
spawner_level(struct spawner *spawner, int level)
{
	send_valued(spawner, SPAWN_LEVEL, 0, level, NULL, 0);
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
		errno = ENOSPC;
		return -1;
	}
	if (send_record(spawner, SPAWN_START, number, descriptors, count) == -1)
		return -1;
	slot = &spawner->slots[number];
	slot->used = true;
	slot->owner = owner;
	slot->argument = argument;
	return number;
}

void
spawner_kill(struct spawner *spawner, int slot)
{
	if (slot >= 0 && spawner->slots[slot].used)
		send_record(spawner, SPAWN_KILL, slot, NULL, 0);
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
	send_record(spawner, SPAWN_ALIVE, 0, NULL, 0);
}

void
spawner_tick(struct spawner *spawner, uint64_t now_us)
{
	struct spawner_slot *slot;

	show_life(spawner, now_us);
	for (int number = 0; number < SPAWN_SLOTS; number++) {
		slot = &spawner->slots[number];
		if (!slot->used || slot->kill_at_us == 0 ||
		    slot->kill_at_us > now_us)
			continue;
		slot->kill_at_us = 0;
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
