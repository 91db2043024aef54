#include "supervisor/spawn.h"

#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "supervisor/log.h"
#include "supervisor/notify.h"
#include "supervisor/request.h"
#include "supervisor/slots.h"

#define STOP_MS 2000

/* In the long run 100 starts a second, and 256 at once. */
#define START_INTERVAL_MS 10
#define START_BURST_MS 2560

/* Signs of life are passed on no more often. */
#define ALIVE_INTERVAL_MS 20

struct supervisor {
	const struct spawn_settings *settings;
	int signals; /* signalfd */
	bool engine_reaped;
	bool loader_reaped;
	bool engine_silent; /* its channel is closed */
	bool serving;	    /* the engine said so */
	bool reloading;	    /* it is to say so again */
	bool stopping;
	bool done;
	int status;
	uint64_t end_by_ms;	/* for the engine; 0: no limit */
	uint64_t start_debt_ms; /* the time that starts have used up */
	uint64_t alive_ms;	/* when the engine last said that it is */
	struct slots slots;
};

static uint64_t
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void
finish(struct supervisor *supervisor, int status)
{
	supervisor->done = true;
	supervisor->status = status;
}

/* Count a start against the limit. */
static void
charge_start(struct supervisor *supervisor)
{
	uint64_t now = now_ms();

	if (supervisor->start_debt_ms < now)
		supervisor->start_debt_ms = now;
	supervisor->start_debt_ms += START_INTERVAL_MS;
}

/* How long the engine's requests are left unread. */
static uint64_t
pause_ms(const struct supervisor *supervisor, uint64_t now)
{
	if (supervisor->start_debt_ms <= now + START_BURST_MS)
		return 0;
	return supervisor->start_debt_ms - now - START_BURST_MS;
}

static unsigned int
count_workers(const struct supervisor *supervisor)
{
	unsigned int count = 0;

	for (size_t i = 0; i < SPAWN_SLOTS; i++)
		count += supervisor->slots.slot[i].state != SLOTS_FREE;
	return count;
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
		    "READY=1\nSTATUS=Serving%s",
		    faulty ? "; the last reload failed" : "");
}

static void
reload(struct supervisor *supervisor)
{
	supervisor->reloading = true;
	notify_send(supervisor->settings->notify,
	    "RELOADING=1\nMONOTONIC_USEC=%" PRIu64, now_ms() * 1000);
	if (log_reopen() == -1)
		log_warn(NULL, "log: cannot open it again: %s",
		    strerror(errno));
	slots_report(&supervisor->slots, SPAWN_RELOAD, 0, 0);
}

/* Like a signal: what is under way is not begun again. */
static void
grant_wish(struct supervisor *supervisor)
{
	if (!supervisor->reloading)
		reload(supervisor);
}

/* An engine gone wild is not to flood the service manager. */
static void
pass_on_life(struct supervisor *supervisor)
{
	uint64_t now = now_ms();

	if (now < supervisor->alive_ms + ALIVE_INTERVAL_MS)
		return;
	supervisor->alive_ms = now;
	notify_send(supervisor->settings->notify,
	    "WATCHDOG=1\nSTATUS=Serving, workers: %u",
	    count_workers(supervisor));
}

static bool
handle_record(struct supervisor *supervisor, const struct spawn_record *record,
    const int *descriptors, size_t count)
{
	switch ((enum spawn_request)record->type) {
	case SPAWN_START:
		charge_start(supervisor);
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
		if (record->value < LOG_FATAL_LEVEL ||
		    record->value > LOG_TRACE)
			return false;
		log_set_level((enum log_level)record->value);
		return count == 0;
	case SPAWN_ALIVE:
		pass_on_life(supervisor);
		return count == 0;
	}
	return false;
}

/* How it ended is known when it is reaped, which must be soon. */
static void
channel_closed(struct supervisor *supervisor)
{
	supervisor->engine_silent = true;
	if (supervisor->end_by_ms == 0)
		supervisor->end_by_ms = now_ms() + STOP_MS;
}

/* One request of the engine. */
static void
receive(struct supervisor *supervisor)
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
		finish(supervisor, 1);
	}
}

static void
engine_ended(struct supervisor *supervisor, int status)
{
	char words[SLOTS_WORDS_MAX];

	supervisor->engine_reaped = true;
	if (supervisor->stopping && WIFEXITED(status) &&
	    WEXITSTATUS(status) == 0) {
		finish(supervisor, 0);
		return;
	}
	log_error(NULL, "engine: %s", slots_describe(status, words));
	finish(supervisor, 1);
}

/* The tunnels do without; the engine tells whoever wants to reload. */
static void
loader_ended(struct supervisor *supervisor, int status)
{
	char words[SLOTS_WORDS_MAX];

	supervisor->loader_reaped = true;
	if (!supervisor->stopping && !supervisor->engine_reaped)
		log_error(NULL, "loader: %s: there is no reload any more",
		    slots_describe(status, words));
}

static void
reap(struct supervisor *supervisor)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == supervisor->settings->engine_pid)
			engine_ended(supervisor, status);
		else if (pid == supervisor->settings->loader_pid)
			loader_ended(supervisor, status);
		else if (!slots_exited(&supervisor->slots, pid, status))
			log_warn(NULL, "process %d was nobody's", (int)pid);
	}
}

static void
stop(struct supervisor *supervisor, int signal)
{
	if (supervisor->stopping) {
		/* Asked twice: no more patience. */
		supervisor->end_by_ms = now_ms();
		return;
	}
	log_notice(NULL, "stopping (%s)", strsignal(signal));
	notify_send(supervisor->settings->notify,
	    "STOPPING=1\nSTATUS=Stopping");
	supervisor->stopping = true;
	supervisor->end_by_ms = now_ms() + STOP_MS;
	slots_report(&supervisor->slots, SPAWN_STOP, 0, 0);
}

static void
take_signals(struct supervisor *supervisor)
{
	struct signalfd_siginfo info;

	while (read(supervisor->signals, &info, sizeof(info)) ==
	    (ssize_t)sizeof(info)) {
		switch (info.ssi_signo) {
		case SIGCHLD:
			reap(supervisor);
			break;
		case SIGHUP:
			reload(supervisor);
			break;
		case SIGINT:
		case SIGTERM:
			stop(supervisor, (int)info.ssi_signo);
			break;
		}
	}
}

/* What has waited too long; returns the time to the next look, -1: none. */
static int
check_time(struct supervisor *supervisor)
{
	uint64_t now = now_ms(), wait = pause_ms(supervisor, now);

	if (supervisor->slots.deaf) {
		log_error(NULL, "engine: takes no reports");
		finish(supervisor, 1);
	}
	if (supervisor->end_by_ms == 0)
		return wait > 0 ? (int)wait : -1;
	if (supervisor->end_by_ms <= now) {
		log_error(NULL, "engine: does not end");
		finish(supervisor, 1);
		return 0;
	}
	if (wait == 0 || wait > supervisor->end_by_ms - now)
		wait = supervisor->end_by_ms - now;
	return (int)wait;
}

static void
serve(struct supervisor *supervisor)
{
	struct pollfd poll_set[2] = { { .fd = supervisor->signals,
					  .events = POLLIN },
		{ .events = POLLIN } };
	bool listens;
	int wait;

	/* Children that ended before the signals were caught. */
	reap(supervisor);
	for (;;) {
		wait = check_time(supervisor);
		if (supervisor->done)
			return;
		listens = !supervisor->engine_silent &&
		    pause_ms(supervisor, now_ms()) == 0;
		poll_set[1].fd = listens ?
		    supervisor->settings->engine_channel :
		    -1;
		if (poll(poll_set, 2, wait) == -1 && errno != EINTR)
			log_fatal(NULL, "poll: %s", strerror(errno));
		if (poll_set[0].revents != 0)
			take_signals(supervisor);
		if (poll_set[1].revents != 0 && !supervisor->done)
			receive(supervisor);
	}
}

/* From here on the four signals are read, not caught. */
static int
catch_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	if (sigprocmask(SIG_BLOCK, &set, NULL) == -1)
		return -1;
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void
end_child(pid_t pid, bool reaped)
{
	if (pid == 0 || reaped)
		return;
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) == -1 && errno == EINTR)
		continue;
}

int
spawn_serve(const struct spawn_settings *settings)
{
	/* Of a size that the stack should not bear. */
	static struct supervisor supervisor;

	supervisor = (struct supervisor){ .settings = settings,
		.signals = catch_signals(),
		.slots = { .settings = settings,
		    .null = open("/dev/null", O_RDWR | O_CLOEXEC) } };
	if (supervisor.signals == -1 || supervisor.slots.null == -1) {
		log_error(NULL, "signals and /dev/null: %s", strerror(errno));
		finish(&supervisor, 1);
	} else {
		serve(&supervisor);
	}
	end_child(settings->engine_pid, supervisor.engine_reaped);
	end_child(settings->loader_pid, supervisor.loader_reaped);
	slots_clear(&supervisor.slots);
	close(supervisor.slots.null);
	close(supervisor.signals);
	return supervisor.status;
}
