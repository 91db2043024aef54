#include "supervisor/spawn_work.h"

#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

#include "supervisor/log.h"
#include "supervisor/notify.h"
#include "supervisor/request.h"

/* Signs of life are passed on no more often. */
#define ALIVE_INTERVAL_MS 20

const char *
spawn_missing(const struct supervisor *supervisor)
{
	if (supervisor->loader_reaped)
		return "; no reload: the loader is gone, restart";
	if (supervisor->opener_reaped)
		return "; no new log or named end: the opener is gone, restart";
	return "";
}

/* The engine serves, for the first time or again after a reload. */
static void
ready(struct supervisor *supervisor, bool faulty)
{
	if (faulty)
		log_error(NULL, "not reloaded: all is as it was");
	else if (supervisor->serving)
		log_notice(NULL, "reloaded");
	else
		log_notice(NULL, "ready");
	supervisor->serving = true;
	supervisor->reloading = false;
	if (!supervisor->stopping)
		notify_send(supervisor->settings->notify,
		    "READY=1\nSTATUS=Serving%s%s",
		    faulty ? "; the last reload failed" : "",
		    spawn_missing(supervisor));
}

void
spawn_reload(struct supervisor *supervisor)
{
	supervisor->reloading = true;
	/* Not of an engine that leaves: the next one is asked. */
	if (supervisor->upgrade.stage != UPGRADE_NONE)
		return;
	notify_send(supervisor->settings->notify,
	    "RELOADING=1\nMONOTONIC_USEC=%" PRIu64, spawn_now_ms() * 1000);
	slots_report(&supervisor->slots, SPAWN_RELOAD, 0, 0);
}

/* Like a signal: what is under way is not begun again. */
static void
grant_wish(struct supervisor *supervisor)
{
	if (!supervisor->reloading)
		spawn_reload(supervisor);
}

/* An engine gone wild is not to flood the service manager. */
static void
pass_on_life(struct supervisor *supervisor)
{
	uint64_t now = spawn_now_ms();

	if (now < supervisor->alive_ms + ALIVE_INTERVAL_MS)
		return;
	supervisor->alive_ms = now;
	notify_send(supervisor->settings->notify,
	    "WATCHDOG=1\nSTATUS=Serving, workers: %u%s",
	    slots_count(&supervisor->slots), spawn_missing(supervisor));
}

void
spawn_upgrade(struct supervisor *supervisor, bool engine_asks)
{
	struct upgrade *upgrade = &supervisor->upgrade;

	if (supervisor->stopping || supervisor->engine_silent)
		return;
	if (supervisor->reloading || upgrade->stage != UPGRADE_NONE)
		upgrade_refuse(upgrade, engine_asks);
	else
		upgrade_begin(upgrade, spawn_now_ms());
}

static bool
set_level(struct supervisor *supervisor, int64_t value)
{
	if (value < LOG_FATAL_LEVEL || value > LOG_TRACE)
		return false;
	supervisor->settings->log.level = (enum log_level)value;
	log_set_level(supervisor->settings->log.level);
	return true;
}

/* It was opened for us, elsewhere: here its name does not matter. */
static bool
set_log(struct supervisor *supervisor, int64_t value, const int *descriptors,
    size_t count)
{
	struct log_settings *log = &supervisor->settings->log;
	int fd = -1;

	if (value < LOG_TO_STDERR || value > LOG_TO_FILE || count > 1 ||
	    (value != LOG_TO_STDERR && count == 0))
		return false;
	if (count == 1) {
		fd = fcntl(descriptors[0], F_DUPFD_CLOEXEC, 0);
		if (fd == -1)
			return false;
	}
	log->target = (enum log_target)value;
	log->file[0] = '\0';
	log_adopt(log, fd);
	return true;
}

static bool
set_sandbox(struct supervisor *supervisor, int64_t value)
{
	if (value != CONFIG_SANDBOX_REQUIRED &&
	    value != CONFIG_SANDBOX_BEST_EFFORT)
		return false;
	supervisor->settings->sandbox = (enum config_sandbox)value;
	return true;
}

static bool
handle_record(struct supervisor *supervisor, const struct spawn_record *record,
    const int *descriptors, size_t count)
{
	switch ((enum spawn_request)record->type) {
	case SPAWN_START:
		slots_charge_start(&supervisor->slots, spawn_now_ms());
		return slots_start(&supervisor->slots, record->slot,
		    descriptors, count);
	case SPAWN_KILL:
		return count == 0 &&
		    slots_kill(&supervisor->slots, record->slot);
	case SPAWN_READY:
		ready(supervisor, record->value != 0);
		return count == 0;
	case SPAWN_WISH:
		grant_wish(supervisor);
		return count == 0;
	case SPAWN_LEVEL:
		return count == 0 && set_level(supervisor, record->value);
	case SPAWN_LOG:
		return set_log(supervisor, record->value, descriptors, count);
	case SPAWN_ALIVE:
		pass_on_life(supervisor);
		return count == 0;
	case SPAWN_UPGRADE:
		spawn_upgrade(supervisor, true);
		return count == 0;
	case SPAWN_SANDBOX:
		return count == 0 && set_sandbox(supervisor, record->value);
	case SPAWN_PREPARED:
	case SPAWN_TAKEN:
		break;
	}
	return false;
}

/* How it ended is known when it is reaped, which must be soon. */
static void
channel_closed(struct supervisor *supervisor)
{
	supervisor->engine_silent = true;
	if (supervisor->end_by_ms == 0)
		supervisor->end_by_ms = spawn_now_ms() + SPAWN_STOP_MS;
}

void
spawn_receive(struct supervisor *supervisor)
{
	int descriptors[REQUEST_DESCRIPTORS_MAX];
	struct spawn_record record;
	bool good = false;
	size_t count;

	switch (request_receive(supervisor->settings->engine_channel, &record,
	    descriptors, &count)) {
	case REQUEST_OK:
		good = handle_record(supervisor, &record, descriptors, count);
		break;
	case REQUEST_NONE:
		return;
	case REQUEST_CLOSED:
		channel_closed(supervisor);
		return;
	case REQUEST_BROKEN:
		break;
	}
	for (size_t i = 0; i < count; i++)
		close(descriptors[i]);
	if (!good) {
		log_error(NULL, "engine: its request is none");
		spawn_finish(supervisor, 1);
	}
}
