#include "tests/lock_rig.h"

#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/config.h"
#include "supervisor/sandbox.h"
#include "supervisor/sandbox_lock.h"
#include "supervisor/spawn.h"

#define NOT_ENTERED 255
#define TEMPLATE "/tmp/lock_rig.XXXXXX"

struct config *lock_rig_config;
struct spawn_settings lock_rig_settings;
char lock_rig_log[sizeof(TEMPLATE) + sizeof("/log")];
static char folder[sizeof(TEMPLATE)];
static char program[sizeof(TEMPLATE) + sizeof("/bin/true")];

void
lock_rig_engine(void)
{
	sandbox_enter_engine(lock_rig_config);
}

void
lock_rig_supervisor(void)
{
	sandbox_enter_supervisor(lock_rig_config, &lock_rig_settings);
}

void
lock_rig_opener(void)
{
	sandbox_enter_opener(lock_rig_config);
}

void
lock_rig_nothing(void)
{
}

/* 0, the errno, or LOCK_RIG_KILLED. */
int
lock_rig_outcome(pid_t pid)
{
	int status;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status)) {
		ck_assert_int_ne(WEXITSTATUS(status), NOT_ENTERED);
		return WEXITSTATUS(status);
	}
	ck_assert_int_eq(WTERMSIG(status), SIGSYS);
	return LOCK_RIG_KILLED;
}

/* A lock-in that fails leaves by exit(3). */
static void
say_not_entered(void)
{
	_exit(NOT_ENTERED);
}

int
lock_rig_try(lock_rig_enter *enter, const struct lock_rig_attempt *what)
{
	const long *a = what->arguments;
	pid_t pid = fork();

	if (pid == 0) {
		atexit(say_not_entered);
		enter();
		if (syscall(what->number, a[0], a[1], a[2], a[3], a[4], a[5]) ==
		    -1)
			_exit(errno);
		_exit(0);
	}
	return lock_rig_outcome(pid);
}

/* Call a function in the lock-in; its result is the exit status. */
pid_t
lock_rig_begin(lock_rig_enter *enter, int (*function)(void))
{
	pid_t pid = fork();

	if (pid == 0) {
		atexit(say_not_entered);
		enter();
		_exit(function());
	}
	return pid;
}

int
lock_rig_call(lock_rig_enter *enter, int (*function)(void))
{
	return lock_rig_outcome(lock_rig_begin(enter, function));
}

int
lock_rig_open(lock_rig_enter *enter, const char *path)
{
	const struct lock_rig_attempt what = { path, SYS_openat,
		{ AT_FDCWD, (long)path, SANDBOX_LOCK_LOG_FLAGS, 0600 } };

	return lock_rig_try(enter, &what);
}

void
lock_rig_log_to(enum log_target target)
{
	lock_rig_config->log.target = target;
	ck_assert_int_eq(log_open(&lock_rig_config->log), 0);
	log_set_level(LOG_FATAL_LEVEL);
}

/* What stands for both programs, in a folder where nothing else is. */
static void
make_program(void)
{
	struct launch_programs *programs = &lock_rig_settings.programs;
	int from, to;

	snprintf(program, sizeof(program), "%s/bin", folder);
	ck_assert_int_eq(mkdir(program, 0755), 0);
	strcat(program, "/true");
	from = open("/bin/true", O_RDONLY | O_CLOEXEC);
	to = open(program, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
	ck_assert_int_gt(sendfile(to, from, NULL, 1 << 24), 0);
	close(from);
	close(to);
	strcpy(programs->own, program);
	strcpy(programs->worker, program);
	lock_rig_settings.worker_binary = launch_open_program(program);
	ck_assert_int_ne(lock_rig_settings.worker_binary, -1);
}

void
lock_rig_set_up(void)
{
	strcpy(folder, TEMPLATE);
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(lock_rig_log, sizeof(lock_rig_log), "%s/log", folder);
	lock_rig_config = config_new();
	ck_assert_ptr_nonnull(lock_rig_config);
	strcpy(lock_rig_config->log.file, lock_rig_log);
	lock_rig_settings.change_user = geteuid() == 0;
	lock_rig_settings.worker_uid = LOCK_RIG_WORKER_ID;
	lock_rig_settings.worker_gid = LOCK_RIG_WORKER_ID;
	make_program();
	log_set_level(LOG_FATAL_LEVEL);
}

void
lock_rig_tear_down(void)
{
	config_free(lock_rig_config);
	unlink(lock_rig_log);
	unlink(program);
	*strrchr(program, '/') = '\0';
	rmdir(program);
	rmdir(folder);
}
