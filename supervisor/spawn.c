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
#include "supervisor/spawn_work.h"

/* How long names may take to be removed. */
#define OPENER_PAUSE_MS 5
#define OPENER_PAUSES 600

uint64_t
spawn_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void
spawn_finish(struct supervisor *supervisor, int status)
{
	supervisor->done = true;
	supervisor->status = status;
}

static void
engine_ended(struct supervisor *supervisor, int status)
{
	char words[SLOTS_WORDS_MAX];

	supervisor->engine_reaped = true;
	if (supervisor->stopping && WIFEXITED(status) &&
	    WEXITSTATUS(status) == 0) {
		spawn_finish(supervisor, 0);
		return;
	}
	log_error(NULL, "engine: %s", slots_describe(status, words));
	spawn_finish(supervisor, 1);
}

/*
 * The tunnels do without; the engine tells whoever wants to reload. One that
 * ends well was let go by the engine, which is at its end too.
 */
static bool
is_missed(const struct supervisor *supervisor, int status)
{
	return status != 0 && !supervisor->stopping &&
	    !supervisor->engine_reaped;
}

static void
tell_missing(const struct supervisor *supervisor)
{
	notify_send(supervisor->settings->notify, "STATUS=Serving%s",
	    spawn_missing(supervisor));
}

static void
loader_ended(struct supervisor *supervisor, int status)
{
	char words[SLOTS_WORDS_MAX];

	supervisor->loader_reaped = true;
	if (!is_missed(supervisor, status))
		return;
	log_error(NULL, "loader: %s: there is no reload any more",
	    slots_describe(status, words));
	tell_missing(supervisor);
}

static void
opener_ended(struct supervisor *supervisor, int status)
{
	char words[SLOTS_WORDS_MAX];

	supervisor->opener_reaped = true;
	if (!is_missed(supervisor, status))
		return;
	log_error(NULL, "opener: %s: no new log or named end any more",
	    slots_describe(status, words));
	tell_missing(supervisor);
}

static void
reap(struct supervisor *supervisor)
{
	int status;
	pid_t pid;

	while (!upgrade_holds_children(&supervisor->upgrade) &&
	    (pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == supervisor->settings->engine_pid)
			engine_ended(supervisor, status);
		else if (pid == supervisor->settings->loader_pid)
			loader_ended(supervisor, status);
		else if (pid == supervisor->settings->opener_pid)
			opener_ended(supervisor, status);
		else if (!upgrade_reaped(&supervisor->upgrade, pid, status,
			     spawn_now_ms()) &&
		    !slots_exited(&supervisor->slots, pid, status))
			log_warn(NULL, "process %d was nobody's", (int)pid);
	}
}

static void
stop(struct supervisor *supervisor, int signal)
{
	if (supervisor->stopping) {
		/* Asked twice: no more patience. */
		supervisor->end_by_ms = spawn_now_ms();
		return;
	}
	upgrade_abandon(&supervisor->upgrade);
	log_notice(NULL, "stopping (%s)", strsignal(signal));
	notify_send(supervisor->settings->notify,
	    "STOPPING=1\nSTATUS=Stopping");
	supervisor->stopping = true;
	supervisor->end_by_ms = spawn_now_ms() + SPAWN_STOP_MS;
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
			spawn_reload(supervisor);
			break;
		case SIGUSR2:
			spawn_upgrade(supervisor, false);
			break;
		case SIGINT:
		case SIGTERM:
			stop(supervisor, (int)info.ssi_signo);
			break;
		}
	}
}

static void
sooner(uint64_t *wait, uint64_t now, uint64_t limit_ms)
{
	uint64_t left = limit_ms > now ? limit_ms - now : 1;

	if (limit_ms != 0 && (*wait == 0 || *wait > left))
		*wait = left;
}

/* What has waited too long; returns the time to the next look, -1: none. */
static int
check_time(struct supervisor *supervisor)
{
	uint64_t now = spawn_now_ms(),
		 wait = slots_pause_ms(&supervisor->slots, now);

	if (supervisor->slots.deaf) {
		log_error(NULL, "engine: takes no reports");
		spawn_finish(supervisor, 1);
	}
	upgrade_check_time(&supervisor->upgrade, now);
	sooner(&wait, now, upgrade_limit_ms(&supervisor->upgrade));
	sooner(&wait, now, supervisor->end_by_ms);
	if (supervisor->end_by_ms != 0 && supervisor->end_by_ms <= now) {
		log_error(NULL, "engine: does not end");
		spawn_finish(supervisor, 1);
	}
	return wait > 0 ? (int)wait : -1;
}

/* The engine may have changed, and the supervisor is to. */
static void
look_at_upgrade(struct supervisor *supervisor, enum upgrade_stage before)
{
	struct upgrade *upgrade = &supervisor->upgrade;

	if (upgrade->stage == before)
		return;
	if (upgrade->stage == UPGRADE_DONE && !supervisor->done) {
		supervisor->engine_silent = false;
		supervisor->end_by_ms = 0;
		upgrade_succeed(upgrade, supervisor->serving,
		    supervisor->reloading);
	}
	/* Those that were left. */
	reap(supervisor);
	if (upgrade->stage == UPGRADE_NONE && supervisor->reloading)
		spawn_reload(supervisor);
}

static void
serve(struct supervisor *supervisor)
{
	struct pollfd poll_set[3] = { { .fd = supervisor->signals,
					  .events = POLLIN },
		{ .events = POLLIN }, { .events = POLLIN } };
	enum upgrade_stage before;
	bool listens;
	int wait;

	/* Children that ended before the signals were caught. */
	reap(supervisor);
	if (supervisor->reloading)
		spawn_reload(supervisor);
	for (;;) {
		wait = check_time(supervisor);
		if (supervisor->done)
			return;
		listens = !supervisor->engine_silent &&
		    slots_pause_ms(&supervisor->slots, spawn_now_ms()) == 0;
		poll_set[1].fd = listens ?
		    supervisor->settings->engine_channel :
		    -1;
		before = supervisor->upgrade.stage;
		poll_set[2].fd = upgrade_descriptor(&supervisor->upgrade);
		if (poll(poll_set, 3, wait) == -1 && errno != EINTR)
			log_fatal(NULL, "poll: %s", strerror(errno));
		if (poll_set[0].revents != 0)
			take_signals(supervisor);
		if (poll_set[1].revents != 0 && !supervisor->done)
			spawn_receive(supervisor);
		if (poll_set[2].revents != 0 &&
		    poll_set[2].fd == upgrade_descriptor(&supervisor->upgrade))
			upgrade_receive(&supervisor->upgrade, spawn_now_ms());
		look_at_upgrade(supervisor, before);
	}
}

int
spawn_hold_signals(sigset_t *held)
{
	sigemptyset(held);
	sigaddset(held, SIGCHLD);
	sigaddset(held, SIGHUP);
	sigaddset(held, SIGINT);
	sigaddset(held, SIGTERM);
	sigaddset(held, SIGUSR2);
	return sigprocmask(SIG_BLOCK, held, NULL);
}

/* From here on these signals are read, not caught. */
static int
catch_signals(void)
{
	sigset_t held;

	if (spawn_hold_signals(&held) == -1)
		return -1;
	return signalfd(-1, &held, SFD_CLOEXEC | SFD_NONBLOCK);
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

/* It removes the names when it sees that the engine is no more. */
static void
await_opener(const struct supervisor *supervisor)
{
	const struct timespec pause = { .tv_nsec = OPENER_PAUSE_MS * 1000000L };
	const pid_t pid = supervisor->settings->opener_pid;

	if (pid == 0 || supervisor->opener_reaped)
		return;
	for (int i = 0; i < OPENER_PAUSES; i++) {
		if (waitpid(pid, NULL, WNOHANG) == pid)
			return;
		nanosleep(&pause, NULL);
	}
	log_warn(NULL, "opener: does not end");
	end_child(pid, false);
}

/* Of a size that the stack should not bear. */
static struct supervisor the_supervisor;

static int
run(struct supervisor *supervisor, struct spawn_settings *settings,
    pid_t leaving)
{
	supervisor->settings = settings;
	supervisor->signals = catch_signals();
	supervisor->slots.settings = settings;
	supervisor->slots.null = open("/dev/null", O_RDWR | O_CLOEXEC);
	upgrade_init(&supervisor->upgrade, settings, &supervisor->slots);
	upgrade_await_leaving(&supervisor->upgrade, leaving, spawn_now_ms());
	if (supervisor->signals == -1 || supervisor->slots.null == -1) {
		log_error(NULL, "signals and /dev/null: %s", strerror(errno));
		spawn_finish(supervisor, 1);
	} else {
		serve(supervisor);
	}
	end_child(settings->engine_pid, supervisor->engine_reaped);
	end_child(settings->loader_pid, supervisor->loader_reaped);
	end_child(settings->keeper_pid, false);
	await_opener(supervisor);
	slots_clear(&supervisor->slots);
	close(supervisor->slots.null);
	close(supervisor->signals);
	return supervisor->status;
}

int
spawn_serve(struct spawn_settings *settings)
{
	the_supervisor = (struct supervisor){ .serving = false };
	return run(&the_supervisor, settings, 0);
}

/* Reaped by the supervisor before: its number may be somebody else's. */
static bool
is_gone(pid_t pid)
{
	return pid != 0 && waitpid(pid, NULL, WNOHANG) != 0;
}

int
spawn_continue(struct spawn_settings *settings, const struct slots *slots,
    const struct spawn_left *left)
{
	the_supervisor = (struct supervisor){ .serving = left->serving,
		.reloading = left->reload,
		.loader_reaped = is_gone(settings->loader_pid),
		.opener_reaped = is_gone(settings->opener_pid),
		.slots = *slots };
	return run(&the_supervisor, settings, left->leaving);
}
