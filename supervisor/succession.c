#include "supervisor/succession.h"

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/log.h"
#include "supervisor/notify.h"
#include "supervisor/state.h"
#include "supervisor/upgrade_words.h"

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL)
#define STATE_BYTES_MAX ((size_t)1 << 20)
#define TITLE_ROOM 255
#define TEXT(state, array) state_text((state), (array), sizeof(array))

static char own_name[] = "socktopus";
static char title_room[TITLE_ROOM + 1];
static char role_names[][sizeof("--take-over=supervisor")] = {
	[SUCCESSION_ENGINE] = "--take-over=engine",
	[SUCCESSION_SUPERVISOR] = "--take-over=supervisor",
	[SUCCESSION_TRIAL] = "--take-over=trial",
};

char *const *
succession_arguments(enum succession_role role)
{
	static char *arguments[] = { own_name, NULL, title_room, NULL };

	memset(title_room, ' ', TITLE_ROOM);
	arguments[1] = role_names[role];
	return arguments;
}

bool
succession_is_asked(int argc, char *const *argv, enum succession_role *role)
{
	for (int i = SUCCESSION_ENGINE; i <= SUCCESSION_TRIAL; i++) {
		if (argc < 2 || strcmp(argv[1], role_names[i]) != 0)
			continue;
		*role = (enum succession_role)i;
		return true;
	}
	return false;
}

void
succession_find_journal(char text[SUCCESSION_JOURNAL_MAX])
{
	const char *stream = getenv("JOURNAL_STREAM");

	snprintf(text, SUCCESSION_JOURNAL_MAX, "JOURNAL_STREAM=%s",
	    stream != NULL ? stream : "");
}

static void
leave_log(struct state *state, struct log_settings *log)
{
	STATE_CHOICE(state, log->level, LOG_TRACE);
	STATE_CHOICE(state, log->target, LOG_TO_FILE);
}

static void
leave_settings(struct state *state, struct spawn_settings *settings)
{
	STATE_NUMBER(state, settings->engine_pid);
	STATE_NUMBER(state, settings->keeper_pid);
	STATE_NUMBER(state, settings->loader_pid);
	STATE_NUMBER(state, settings->opener_pid);
	state_flag(state, &settings->change_user);
	STATE_NUMBER(state, settings->worker_uid);
	STATE_NUMBER(state, settings->worker_gid);
	STATE_CHOICE(state, settings->sandbox, CONFIG_SANDBOX_BEST_EFFORT);
	leave_log(state, &settings->log);
	TEXT(state, settings->programs.own);
	TEXT(state, settings->programs.worker);
}

static void
leave_slots(struct state *state, struct slots *slots)
{
	for (size_t i = 0; i < SPAWN_SLOTS; i++) {
		STATE_CHOICE(state, slots->slot[i].state, SLOTS_STATES - 1);
		STATE_NUMBER(state, slots->slot[i].pid);
	}
}

static void
leave_all(struct state *state, struct succession *succession)
{
	leave_settings(state, &succession->settings);
	leave_slots(state, &succession->slots);
	STATE_NUMBER(state, succession->left.leaving);
	state_flag(state, &succession->left.serving);
	state_flag(state, &succession->left.reload);
	STATE_NUMBER(state, succession->slots.start_debt_ms);
	STATE_NUMBER(state, succession->notify.watchdog_us);
}

static bool
write_all(struct state *state, const struct spawn_settings *settings,
    const struct slots *slots, const struct spawn_left *left)
{
	static struct succession succession;

	succession.settings = *settings;
	succession.slots = *slots;
	succession.left = *left;
	if (settings->notify != NULL)
		succession.notify = *settings->notify;
	state_begin(state);
	leave_all(state, &succession);
	return !state->broken;
}

int
succession_write(const struct spawn_settings *settings,
    const struct slots *slots, const struct spawn_left *left)
{
	static uint8_t bytes[STATE_BYTES_MAX];
	struct state state = { .way = STATE_WRITE,
		.bytes = bytes,
		.size = sizeof(bytes) };
	int fd, saved;

	if (!write_all(&state, settings, slots, left)) {
		errno = EOVERFLOW;
		return -1;
	}
	fd = memfd_create("socktopus-supervisor",
	    MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd == -1)
		return -1;
	if (write(fd, bytes, state.at) == (ssize_t)state.at &&
	    fcntl(fd, F_ADD_SEALS, SEALS) == 0)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

static bool
place(int fd, int number)
{
	return fd == -1 || dup2(fd, number) == number;
}

static void
close_placed(void)
{
	close_range(SUCCESSION_FD_STATE, SUCCESSION_FD_END - 1, 0);
}

/* Nothing of ours may stand where the successor's are to be. */
static bool
is_vacant(void)
{
	for (int fd = SUCCESSION_FD_STATE; fd < SUCCESSION_FD_END; fd++)
		if (fcntl(fd, F_GETFL) != -1 || errno != EBADF)
			return false;
	return true;
}

static void
execute(const struct spawn_settings *settings, int program, int state,
    enum succession_role role)
{
	static char journal[SUCCESSION_JOURNAL_MAX];
	char *const environment[] = { journal, NULL };
	int saved;

	if (!is_vacant()) {
		errno = EBUSY;
		return;
	}
	succession_find_journal(journal);
	if (place(state, SUCCESSION_FD_STATE) &&
	    place(settings->engine_channel, SUCCESSION_FD_ENGINE) &&
	    place(settings->keeper, SUCCESSION_FD_KEEPER) &&
	    place(settings->notify != NULL ? settings->notify->fd : -1,
		SUCCESSION_FD_NOTIFY) &&
	    place(log_descriptor(), SUCCESSION_FD_LOG) &&
	    dup3(program, SUCCESSION_FD_PROGRAM, O_CLOEXEC) != -1)
		syscall(SYS_execveat, SUCCESSION_FD_PROGRAM, "",
		    succession_arguments(role), environment, AT_EMPTY_PATH);
	saved = errno;
	close_placed();
	errno = saved;
}

pid_t
succession_try(const struct spawn_settings *settings, int program, int state)
{
	pid_t parent = getpid(), pid;

	pid = fork();
	if (pid != 0)
		return pid;
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) == -1 || getppid() != parent)
		_exit(LAUNCH_EXIT_PARENT);
	execute(settings, program, state, SUCCESSION_TRIAL);
	_exit(errno == EACCES ? LAUNCH_EXIT_PERMISSION : LAUNCH_EXIT_EXEC);
}

void
succession_execute(const struct spawn_settings *settings, int program,
    int state)
{
	execute(settings, program, state, SUCCESSION_SUPERVISOR);
}

static void fail(enum upgrade_exit code) __attribute__((noreturn));

static void
fail(enum upgrade_exit code)
{
	_exit((int)code);
}

/* Our own again: not for the workers. A number that is not open is -1. */
static int
keep(int number)
{
	int fd = fcntl(number, F_DUPFD_CLOEXEC, 0);

	close(number);
	return fd;
}

static void
keep_descriptors(struct succession *succession)
{
	struct spawn_settings *settings = &succession->settings;

	settings->engine_channel = keep(SUCCESSION_FD_ENGINE);
	settings->keeper = keep(SUCCESSION_FD_KEEPER);
	succession->notify.fd = keep(SUCCESSION_FD_NOTIFY);
	settings->notify = &succession->notify;
	if (settings->engine_channel == -1 || settings->keeper == -1)
		fail(UPGRADE_EXIT_STATE);
}

static void
read_state(struct succession *succession)
{
	static uint8_t bytes[STATE_BYTES_MAX];
	struct state state = { .way = STATE_READ, .bytes = bytes };
	ssize_t got;

	got = pread(SUCCESSION_FD_STATE, bytes, sizeof(bytes), 0);
	close(SUCCESSION_FD_STATE);
	if (got <= 0)
		fail(UPGRADE_EXIT_STATE);
	state.size = (size_t)got;
	if (!state_begin(&state))
		fail(UPGRADE_EXIT_VERSION);
	leave_all(&state, succession);
	if (state.broken || state.at != state.size)
		fail(UPGRADE_EXIT_STATE);
}

/* The three that start workers, and no more: as before, or not at all. */
static bool
has_capabilities(bool change_user)
{
	const uint32_t wanted = change_user ?
	    1U << CAP_SETUID | 1U << CAP_SETGID | 1U << CAP_KILL :
	    0;
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3
	};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	return syscall(SYS_capget, &header, data) == 0 &&
	    data[0].effective == wanted && data[0].permitted == wanted &&
	    data[1].permitted == 0;
}

static void
check_rights(const struct spawn_settings *settings)
{
	if (!has_capabilities(settings->change_user))
		fail(UPGRADE_EXIT_RIGHTS);
#ifndef SANDBOX_RELAXED
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == -1 ||
	    prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		fail(UPGRADE_EXIT_RIGHTS);
#endif
}

void
succession_take(struct succession *succession, bool trial)
{
	struct spawn_settings *settings = &succession->settings;
	int log;

	log = keep(SUCCESSION_FD_LOG);
	keep_descriptors(succession);
	read_state(succession);
	check_rights(settings);
	settings->worker_binary = launch_open_program(
	    settings->programs.worker);
	if (settings->worker_binary == -1)
		fail(UPGRADE_EXIT_WORKER);
	if (trial)
		fail(UPGRADE_EXIT_GOOD);
	log_adopt(&settings->log, log);
}
