#include "supervisor/slots.h"

#include <sys/socket.h>
#include <sys/wait.h>

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "shm/message.h"
#include "supervisor/launch.h"
#include "supervisor/log.h"

#define DESCRIPTORS_MAX (FD_END - FD_CHANNEL)
#define DESCRIPTORS_MIN (FD_SOCKET - FD_CHANNEL)
#define REPORT_MS 2000

#define START_INTERVAL_MS 10
#define START_BURST_MS 2560

enum slots_event {
	EVENT_START,
	EVENT_KILL,
	EVENT_EXIT,
	EVENTS
};

/* What came with an event. */
struct input {
	uint32_t number;
	const int *descriptors;
	size_t count;
	int status;
};

typedef bool
action(struct slots *slots, struct slots_slot *slot, const struct input *input);

const char *
slots_describe(int status, char text[SLOTS_WORDS_MAX])
{
	const char *name;
	int code;

	if (WIFSIGNALED(status)) {
		snprintf(text, SLOTS_WORDS_MAX, "killed by signal %d (%s)",
		    WTERMSIG(status), strsignal(WTERMSIG(status)));
		return text;
	}
	code = WEXITSTATUS(status);
	name = launch_exit_name(code);
	snprintf(text, SLOTS_WORDS_MAX, "exit status %d (%s)", code,
	    name != NULL ? name : message_exit_name(code));
	return text;
}

void
slots_report(struct slots *slots, enum spawn_report type, uint32_t number,
    int64_t value)
{
	struct spawn_record record = { .type = type,
		.slot = number,
		.value = value };
	struct pollfd room = { .fd = slots->settings->engine_channel,
		.events = POLLOUT };
	ssize_t sent;

	if (slots->deaf)
		return;
	do {
		sent = send(room.fd, &record, sizeof(record),
		    MSG_NOSIGNAL | MSG_DONTWAIT);
	} while (sent == -1 &&
	    (errno == EINTR ||
		(errno == EAGAIN && poll(&room, 1, REPORT_MS) == 1)));
	/* Of an engine that is gone the reaping tells. */
	if (sent == -1 && errno == EAGAIN)
		slots->deaf = true;
}

static bool
start(struct slots *slots, struct slots_slot *slot, const struct input *input)
{
	pid_t pid;
	int error;

	if (input->count < DESCRIPTORS_MIN || input->count > DESCRIPTORS_MAX)
		return false;
	pid = launch_worker(slots->settings, slots->null, input->descriptors,
	    input->count);
	if (pid == -1) {
		error = errno;
		log_error(NULL, "slot %" PRIu32 ": fork: %s", input->number,
		    strerror(error));
		slots_report(slots, SPAWN_EXITED, input->number, -error);
		return true;
	}
	slot->state = SLOTS_RUNNING;
	slot->pid = pid;
	log_debug(NULL, "slot %" PRIu32 ": worker %d", input->number, (int)pid);
	slots_report(slots, SPAWN_STARTED, input->number, pid);
	return true;
}

static bool
end(struct slots *slots, struct slots_slot *slot, const struct input *input)
{
	(void)slots;
	if (kill(slot->pid, SIGKILL) == -1)
		log_error(NULL, "slot %" PRIu32 ": kill %d: %s", input->number,
		    (int)slot->pid, strerror(errno));
	slot->state = SLOTS_KILLED;
	return true;
}

static bool
release(struct slots *slots, struct slots_slot *slot, const struct input *input)
{
	char words[SLOTS_WORDS_MAX];

	slots_describe(input->status, words);
	if (WIFEXITED(input->status) &&
	    launch_exit_name(WEXITSTATUS(input->status)) != NULL)
		log_error(NULL, "slot %" PRIu32 ": worker %d: %s",
		    input->number, (int)slot->pid, words);
	else
		log_debug(NULL, "slot %" PRIu32 ": worker %d: %s",
		    input->number, (int)slot->pid, words);
	*slot = (struct slots_slot){ .state = SLOTS_FREE };
	slots_report(slots, SPAWN_EXITED, input->number, input->status);
	return true;
}

/* A kill may cross the report of an exit, or be asked for twice. */
static bool
ignore(struct slots *slots, struct slots_slot *slot, const struct input *input)
{
	(void)slots;
	(void)slot;
	(void)input;
	return true;
}

static bool
refuse(struct slots *slots, struct slots_slot *slot, const struct input *input)
{
	(void)slots;
	(void)slot;
	(void)input;
	return false;
}

static action *const actions[SLOTS_STATES][EVENTS] = {
	/*                  start   kill    exit */
	[SLOTS_FREE] = { start, ignore, refuse },
	[SLOTS_RUNNING] = { refuse, end, release },
	[SLOTS_KILLED] = { refuse, ignore, release }
};

static bool
step(struct slots *slots, enum slots_event event, const struct input *input)
{
	struct slots_slot *slot;

	if (input->number >= SPAWN_SLOTS)
		return false;
	slot = &slots->slot[input->number];
	return actions[slot->state][event](slots, slot, input);
}

bool
slots_start(struct slots *slots, uint32_t number, const int *descriptors,
    size_t count)
{
	struct input input = { .number = number,
		.descriptors = descriptors,
		.count = count };

	return step(slots, EVENT_START, &input);
}

bool
slots_kill(struct slots *slots, uint32_t number)
{
	struct input input = { .number = number };

	return step(slots, EVENT_KILL, &input);
}

bool
slots_exited(struct slots *slots, pid_t pid, int status)
{
	struct input input = { .status = status };

	while (
	    input.number < SPAWN_SLOTS && slots->slot[input.number].pid != pid)
		input.number++;
	return step(slots, EVENT_EXIT, &input);
}

unsigned int
slots_count(const struct slots *slots)
{
	unsigned int count = 0;

	for (size_t i = 0; i < SPAWN_SLOTS; i++)
		count += slots->slot[i].state != SLOTS_FREE;
	return count;
}

void
slots_charge_start(struct slots *slots, uint64_t now_ms)
{
	if (slots->start_debt_ms < now_ms)
		slots->start_debt_ms = now_ms;
	slots->start_debt_ms += START_INTERVAL_MS;
}

uint64_t
slots_pause_ms(const struct slots *slots, uint64_t now_ms)
{
	if (slots->start_debt_ms <= now_ms + START_BURST_MS)
		return 0;
	return slots->start_debt_ms - now_ms - START_BURST_MS;
}

void
slots_clear(struct slots *slots)
{
	struct slots_slot *slot;

	for (size_t i = 0; i < SPAWN_SLOTS; i++)
		if (slots->slot[i].state != SLOTS_FREE)
			kill(slots->slot[i].pid, SIGKILL);
	for (size_t i = 0; i < SPAWN_SLOTS; i++) {
		slot = &slots->slot[i];
		if (slot->state == SLOTS_FREE)
			continue;
		while (waitpid(slot->pid, NULL, 0) == -1 && errno == EINTR)
			continue;
		*slot = (struct slots_slot){ .state = SLOTS_FREE };
	}
}
