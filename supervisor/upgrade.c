/*
 * The order is chosen for the pause: whatever takes time, two executions and a
 * lock-in, is done while the old engine serves. Then it waits only for as long
 * as the state takes to be written and read.
 *
 * A supervisor of another program serves any engine of the same STATE_VERSION,
 * so it may change last, when nothing waits for it. It was on trial before, in
 * a child that did the same.
 */
#include "supervisor/upgrade.h"

#include <sys/socket.h>
#include <sys/wait.h>

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/descriptors.h"
#include "supervisor/heir.h"
#include "supervisor/keeper.h"
#include "supervisor/log.h"
#include "supervisor/slots.h"
#include "supervisor/spawn.h"
#include "supervisor/succession.h"

/* Under load; an engine makes its room for keys, and locks itself in. */
#define STAGE_MS 5000
#define LEAVE_MS 1000

static void
enter(struct upgrade *upgrade, enum upgrade_stage stage, uint64_t limit_ms)
{
	upgrade->stage = stage;
	upgrade->limit_ms = limit_ms;
}

void
upgrade_init(struct upgrade *upgrade, struct spawn_settings *settings,
    struct slots *slots)
{
	*upgrade = (struct upgrade){ .settings = settings,
		.slots = slots,
		.program = -1,
		.channel = -1 };
}

static void
end_child(pid_t *pid, int *status)
{
	if (*pid == 0)
		return;
	kill(*pid, SIGKILL);
	while (waitpid(*pid, status, 0) == -1 && errno == EINTR)
		continue;
	*pid = 0;
}

static void
clear(struct upgrade *upgrade)
{
	int status;

	end_child(&upgrade->trial, &status);
	end_child(&upgrade->heir, &status);
	if (upgrade->channel != -1)
		close(upgrade->channel);
	if (upgrade->program != -1)
		close(upgrade->program);
	upgrade->channel = -1;
	upgrade->program = -1;
	enter(upgrade, UPGRADE_NONE, 0);
}

static void
tell(enum upgrade_failure failure, int64_t value)
{
	char words[UPGRADE_WORDS_MAX];

	log_error(NULL, "no upgrade: %s",
	    upgrade_describe(failure, value, words));
}

/* There is no heir any more by the time that the engine goes on. */
static void
fail(struct upgrade *upgrade, enum upgrade_failure failure, int64_t value)
{
	clear(upgrade);
	tell(failure, value);
	slots_report(upgrade->slots, SPAWN_GO_ON, (uint32_t)failure, value);
}

void
upgrade_refuse(const struct upgrade *upgrade, bool engine_asks)
{
	tell(UPGRADE_BUSY, 0);
	if (engine_asks)
		slots_report(upgrade->slots, SPAWN_BUSY, 0, 0);
}

void
upgrade_abandon(struct upgrade *upgrade)
{
	if (upgrade->stage != UPGRADE_NONE)
		fail(upgrade, UPGRADE_BUSY, 0);
}

/* 0, or -1 with errno. */
static int
try_program(struct upgrade *upgrade)
{
	const struct spawn_left left = { 0 };
	int saved, state;

	state = succession_write(upgrade->settings, upgrade->slots, &left);
	if (state == -1)
		return -1;
	upgrade->trial = succession_try(upgrade->settings, upgrade->program,
	    state);
	saved = errno;
	close(state);
	errno = saved;
	if (upgrade->trial != -1)
		return 0;
	upgrade->trial = 0;
	return -1;
}

void
upgrade_begin(struct upgrade *upgrade, uint64_t now_ms)
{
	if (upgrade->settings->keeper_pid == 0) {
		fail(upgrade, UPGRADE_NO_KEEPER, 0);
		return;
	}
	log_notice(NULL, "upgrade to %s", upgrade->settings->programs.own);
	upgrade->program = launch_open_program(upgrade->settings->programs.own);
	if (upgrade->program == -1) {
		fail(upgrade, UPGRADE_NO_FILE, errno);
		return;
	}
	if (try_program(upgrade) == -1)
		fail(upgrade, UPGRADE_SYSTEM, errno);
	else
		enter(upgrade, UPGRADE_ON_TRIAL, now_ms + STAGE_MS);
}

static void
tried(struct upgrade *upgrade, int status, uint64_t now_ms)
{
	upgrade->trial = 0;
	upgrade->asked = now_ms;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != UPGRADE_EXIT_GOOD)
		fail(upgrade, UPGRADE_TRIAL, status);
	else if (keeper_ask(upgrade->settings, upgrade->asked) == -1)
		fail(upgrade, UPGRADE_NO_KEEPER, 0);
	else
		enter(upgrade, UPGRADE_STARTING, now_ms + STAGE_MS);
}

bool
upgrade_reaped(struct upgrade *upgrade, pid_t pid, int status, uint64_t now_ms)
{
	if (pid == upgrade->trial) {
		tried(upgrade, status, now_ms);
	} else if (pid == upgrade->heir) {
		upgrade->heir = 0;
		fail(upgrade, UPGRADE_ENGINE, status);
	} else if (pid == upgrade->leaving) {
		upgrade_await_leaving(upgrade, 0, now_ms);
	} else if (pid == upgrade->settings->keeper_pid) {
		upgrade->settings->keeper_pid = 0;
		log_warn(NULL, "the keeper is gone: upgrades take a restart");
	} else {
		return false;
	}
	return true;
}

bool
upgrade_holds_children(const struct upgrade *upgrade)
{
	return upgrade->stage == UPGRADE_STARTING ||
	    upgrade->stage == UPGRADE_LEAVING;
}

int
upgrade_descriptor(const struct upgrade *upgrade)
{
	switch (upgrade->stage) {
	case UPGRADE_STARTING:
		return upgrade->settings->keeper;
	case UPGRADE_PREPARING:
	case UPGRADE_LEAVING:
		return upgrade->channel;
	case UPGRADE_NONE:
	case UPGRADE_ON_TRIAL:
	case UPGRADE_DONE:
		break;
	}
	return -1;
}

/* How the heir ended is known at once: it has closed its channel. */
static void
heir_is_gone(struct upgrade *upgrade)
{
	int status = 0;

	end_child(&upgrade->heir, &status);
	fail(upgrade, UPGRADE_ENGINE, status);
}

static void
hear_keeper(struct upgrade *upgrade, uint64_t now_ms)
{
	struct keeper_answer answer;

	if (keeper_hear(upgrade->settings, &answer, &upgrade->channel) == -1) {
		fail(upgrade, UPGRADE_NO_KEEPER, 0);
		return;
	}
	if (answer.number != upgrade->asked) {
		/* Of one that was given up: it ends without its channel. */
		if (upgrade->channel != -1)
			close(upgrade->channel);
		upgrade->channel = -1;
		return;
	}
	if (upgrade->channel == -1) {
		fail(upgrade, UPGRADE_NO_FILE, answer.error);
		return;
	}
	upgrade->heir = answer.pid;
	if (heir_send(upgrade->channel, upgrade->settings) == -1)
		heir_is_gone(upgrade);
	else
		enter(upgrade, UPGRADE_PREPARING, now_ms + STAGE_MS);
}

/* Many at once: a record each would be most of the pause. */
static void
tell_workers(struct slots *slots)
{
	uint64_t taken = 0, bit;

	for (uint32_t i = 0; i < SPAWN_SLOTS; i++) {
		bit = UINT64_C(1) << i % SPAWN_WORKERS_SLOTS;
		if (slots->slot[i].state != SLOTS_FREE)
			taken |= bit;
		if ((i + 1) % SPAWN_WORKERS_SLOTS != 0 || taken == 0)
			continue;
		slots_report(slots, SPAWN_WORKERS, i + 1 - SPAWN_WORKERS_SLOTS,
		    (int64_t)taken);
		taken = 0;
	}
}

/*
 * It is the new engine's turn. It hears of every worker there is before it may
 * ask for one: their slots are taken. The old one ends when nothing waits for
 * it.
 */
static void
change_engines(struct upgrade *upgrade, int64_t work_us, uint64_t now_ms)
{
	struct spawn_settings *settings = upgrade->settings;
	const struct spawn_record end = { .type = SPAWN_END, .value = work_us };
	int old = settings->engine_channel;

	upgrade_await_leaving(upgrade, settings->engine_pid, now_ms);
	settings->engine_channel = upgrade->channel;
	settings->engine_pid = upgrade->heir;
	upgrade->channel = -1;
	upgrade->heir = 0;
	upgrade->slots->deaf = false;
	tell_workers(upgrade->slots);
	slots_report(upgrade->slots, SPAWN_SERVE, 0, 0);
	/* What is full is not read any more: it is killed when it stays. */
	(void)send(old, &end, sizeof(end), MSG_NOSIGNAL | MSG_DONTWAIT);
	close(old);
	enter(upgrade, UPGRADE_DONE, 0);
}

/*
 * Before the pause: should the engine of an upgrade just before be there still,
 * it has had its time.
 */
static void
begin_leaving(struct upgrade *upgrade, uint64_t now_ms)
{
	int status;

	end_child(&upgrade->leaving, &status);
	upgrade_await_leaving(upgrade, 0, now_ms);
	enter(upgrade, UPGRADE_LEAVING, now_ms + STAGE_MS);
	slots_report(upgrade->slots, SPAWN_LEAVE, 0, 0);
}

/* Until now the old engine served. */
static void
begin_pause(struct upgrade *upgrade, uint64_t now_ms)
{
	if (upgrade->limit_ms > now_ms + LEAVE_MS)
		upgrade->limit_ms = now_ms + LEAVE_MS;
}

static void
hear_heir(struct upgrade *upgrade, uint64_t now_ms)
{
	struct spawn_record record;
	ssize_t got;

	got = recv(upgrade->channel, &record, sizeof(record), MSG_DONTWAIT);
	if (got == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got == (ssize_t)sizeof(record) && record.type == SPAWN_PREPARED &&
	    upgrade->stage == UPGRADE_PREPARING) {
		begin_leaving(upgrade, now_ms);
	} else if (got == (ssize_t)sizeof(record) &&
	    record.type == SPAWN_PREPARED &&
	    upgrade->stage == UPGRADE_LEAVING) {
		begin_pause(upgrade, now_ms);
	} else if (got == (ssize_t)sizeof(record) &&
	    record.type == SPAWN_TAKEN && upgrade->stage == UPGRADE_LEAVING) {
		change_engines(upgrade, record.value, now_ms);
	} else {
		heir_is_gone(upgrade);
	}
}

void
upgrade_receive(struct upgrade *upgrade, uint64_t now_ms)
{
	if (upgrade->stage == UPGRADE_STARTING)
		hear_keeper(upgrade, now_ms);
	else
		hear_heir(upgrade, now_ms);
}

uint64_t
upgrade_limit_ms(const struct upgrade *upgrade)
{
	if (upgrade->leave_by_ms != 0 &&
	    (upgrade->limit_ms == 0 ||
		upgrade->leave_by_ms < upgrade->limit_ms))
		return upgrade->leave_by_ms;
	return upgrade->limit_ms;
}

void
upgrade_await_leaving(struct upgrade *upgrade, pid_t leaving, uint64_t now_ms)
{
	upgrade->leaving = leaving;
	upgrade->leave_by_ms = leaving != 0 ? now_ms + LEAVE_MS : 0;
}

void
upgrade_check_time(struct upgrade *upgrade, uint64_t now_ms)
{
	if (upgrade->leave_by_ms != 0 && now_ms >= upgrade->leave_by_ms) {
		kill(upgrade->leaving, SIGKILL);
		upgrade->leave_by_ms = 0;
	}
	if (upgrade->limit_ms == 0 || now_ms < upgrade->limit_ms)
		return;
	if (upgrade->stage == UPGRADE_ON_TRIAL)
		fail(upgrade, UPGRADE_TRIAL_LATE, 0);
	else
		fail(upgrade, UPGRADE_ENGINE_LATE, 0);
}

void
upgrade_succeed(struct upgrade *upgrade, bool serving, bool reload)
{
	const struct spawn_left left = { .leaving = upgrade->leaving,
		.serving = serving,
		.reload = reload };
	int state;

	state = succession_write(upgrade->settings, upgrade->slots, &left);
	if (state != -1) {
		succession_execute(upgrade->settings, upgrade->program, state);
		log_error(NULL, "upgrade: the supervisor stays the old one: %s",
		    strerror(errno));
		close(state);
	}
	clear(upgrade);
}
