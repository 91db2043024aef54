#include "supervisor/keeper.h"

#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <bsd/unistd.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/config.h"
#include "supervisor/descriptors.h"
#include "supervisor/launch.h"
#include "supervisor/log.h"
#include "supervisor/privilege.h"
#include "supervisor/sandbox.h"
#include "supervisor/spawn.h"
#include "supervisor/succession.h"

#define LAST_FD KEEPER_FD_CHANNEL
/* Above what is open when it is forked. */
#define FIRST_FD 128

/* The ends of one upgrade. */
struct ends {
	int program;
	int handover[2]; /* old engine, new engine */
	int channel[2];	 /* supervisor, new engine */
};

struct keeper {
	const char *path;
	int supervisor;
	int engine;
	pid_t parent;
	char journal[SUCCESSION_JOURNAL_MAX];
};

static void be_engine(const struct keeper *keeper, const struct ends *ends)
    __attribute__((noreturn));

/* As in launch.c: system calls only. */
static void
be_engine(const struct keeper *keeper, const struct ends *ends)
{
	char *const environment[] = { (char *)(uintptr_t)keeper->journal,
		NULL };
	int program = fcntl(ends->program, F_DUPFD_CLOEXEC, LAST_FD + 1);
	int handover = fcntl(ends->handover[1], F_DUPFD_CLOEXEC, LAST_FD + 1);
	int channel = fcntl(ends->channel[1], F_DUPFD_CLOEXEC, LAST_FD + 1);

	if (program == -1 || dup2(handover, KEEPER_FD_HANDOVER) == -1 ||
	    dup2(channel, KEEPER_FD_CHANNEL) == -1 ||
	    dup3(program, LAST_FD + 1, O_CLOEXEC) == -1 ||
	    close_range(LAST_FD + 2, UINT_MAX, 0) == -1)
		_exit(LAUNCH_EXIT_DESCRIPTORS);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) == -1 ||
	    getppid() != keeper->parent)
		_exit(LAUNCH_EXIT_PARENT);
	syscall(SYS_execveat, LAST_FD + 1, "",
	    succession_arguments(SUCCESSION_ENGINE), environment,
	    AT_EMPTY_PATH);
	_exit(LAUNCH_EXIT_EXEC);
}

static bool
open_ends(const struct keeper *keeper, struct ends *ends)
{
	const int kind = SOCK_SEQPACKET | SOCK_CLOEXEC;

	ends->program = launch_open_program(keeper->path);
	return ends->program != -1 &&
	    socketpair(AF_UNIX, kind, 0, ends->handover) == 0 &&
	    socketpair(AF_UNIX, kind | SOCK_NONBLOCK, 0, ends->channel) == 0;
}

static void
close_ends(const struct ends *ends)
{
	const int all[] = { ends->program, ends->handover[0], ends->handover[1],
		ends->channel[0], ends->channel[1] };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (all[i] != -1)
			close(all[i]);
}

/* A brother, so that the supervisor hears how it ends. */
static pid_t
start_engine(const struct keeper *keeper, const struct ends *ends)
{
	pid_t pid = (pid_t)syscall(SYS_clone, CLONE_PARENT | SIGCHLD, NULL,
	    NULL, NULL, NULL);

	if (pid == 0)
		be_engine(keeper, ends);
	return pid;
}

static void
start(const struct keeper *keeper, uint64_t number)
{
	struct ends ends = { -1, { -1, -1 }, { -1, -1 } };
	struct keeper_answer answer = { .number = number, .pid = -1 };
	bool started;

	if (open_ends(keeper, &ends) &&
	    descriptors_send(keeper->engine, "", 1, ends.handover, 1) == 0)
		answer.pid = start_engine(keeper, &ends);
	started = answer.pid != -1;
	answer.error = started ? 0 : errno;
	(void)descriptors_send(keeper->supervisor, &answer, sizeof(answer),
	    ends.channel, started ? 1 : 0);
	close_ends(&ends);
}

/* Whatever else is open here would stay so for as long as we are. */
static bool
close_others(struct keeper *keeper)
{
	int supervisor = fcntl(keeper->supervisor, F_DUPFD_CLOEXEC, FIRST_FD);
	int engine = fcntl(keeper->engine, F_DUPFD_CLOEXEC, supervisor + 1);

	keeper->supervisor = supervisor;
	keeper->engine = engine;
	return supervisor != -1 && engine == supervisor + 1 &&
	    close_range(STDERR_FILENO + 1, (unsigned int)supervisor - 1, 0) ==
	    0 &&
	    close_range((unsigned int)engine + 1, UINT_MAX, 0) == 0;
}

static void
keep(const struct keeper *keeper)
{
	uint64_t number;
	ssize_t got;

	do {
		got = recv(keeper->supervisor, &number, sizeof(number), 0);
		if (got == (ssize_t)sizeof(number))
			start(keeper, number);
	} while (got > 0 || (got == -1 && errno == EINTR));
}

static void be_keeper(struct keeper *keeper, const struct config *config,
    const struct privilege *privilege) __attribute__((noreturn));

static void
be_keeper(struct keeper *keeper, const struct config *config,
    const struct privilege *privilege)
{
	log_role("keeper");
	setproctitle("keeper");
	setsid();
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	succession_find_journal(keeper->journal);
	privilege_drop_engine(privilege);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) == -1 ||
	    getppid() != keeper->parent)
		exit(EXIT_FAILURE);
	sandbox_enter_keeper(config, keeper->path);
	/* The log too: there is nothing more to say. */
	if (close_others(keeper))
		keep(keeper);
	exit(EXIT_SUCCESS);
}

void
keeper_start(struct spawn_settings *settings, const struct config *config,
    const struct privilege *privilege, int *engine_end)
{
	const int kind = SOCK_SEQPACKET | SOCK_CLOEXEC;
	struct keeper keeper = { .path = settings->programs.own,
		.parent = getpid() };
	int ours[2], engines[2];

	if (socketpair(AF_UNIX, kind, 0, ours) == -1 ||
	    socketpair(AF_UNIX, kind, 0, engines) == -1)
		log_fatal(NULL, "socketpair: %s", strerror(errno));
	settings->keeper_pid = fork();
	if (settings->keeper_pid == -1)
		log_fatal(NULL, "fork: %s", strerror(errno));
	if (settings->keeper_pid == 0) {
		close(ours[0]);
		close(engines[0]);
		keeper.supervisor = ours[1];
		keeper.engine = engines[1];
		be_keeper(&keeper, config, privilege);
	}
	close(ours[1]);
	close(engines[1]);
	settings->keeper = ours[0];
	*engine_end = engines[0];
}

int
keeper_ask(const struct spawn_settings *settings, uint64_t number)
{
	return send(settings->keeper, &number, sizeof(number),
		   MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)sizeof(number) ?
	    0 :
	    -1;
}

int
keeper_hear(const struct spawn_settings *settings, struct keeper_answer *answer,
    int *channel)
{
	int got = descriptors_receive_record(settings->keeper, answer,
	    sizeof(*answer), channel);

	if (got == 1 && (*channel != -1) == (answer->pid != -1))
		return 0;
	if (got >= 0)
		errno = EPROTO;
	return -1;
}
