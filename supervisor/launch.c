/*
 * Between fork and exec stand system calls only, no allocation and no log: a
 * step that fails ends the child with an exit code that names it.
 */
#include "supervisor/launch.h"

#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "shm/message.h"
#include "supervisor/log.h"
#include "supervisor/spawn.h"

#define DESCRIPTORS_MAX (FD_END - FD_CHANNEL)
#define TITLE_ROOM 255

/* In a build with sanitizers their reports must be seen. */
#ifdef SANDBOX_RELAXED
#define STANDARD_LAST STDOUT_FILENO
#else
#define STANDARD_LAST STDERR_FILENO
#endif

/* The worker's setproctitle(3) can only use the room of its arguments. */
static char worker_name[] = "socktopus-worker";
static char title_room[TITLE_ROOM + 1];

static void
reset_signals(void)
{
	struct sigaction action = { .sa_handler = SIG_DFL };
	sigset_t none;

	sigaction(SIGPIPE, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/*
 * Descriptors to their fixed numbers, the program's to FD_END, all others
 * closed. First everything goes above, where nothing can be overwritten.
 */
static bool
place_descriptors(int binary, int null, const int *descriptors, size_t count)
{
	int above[DESCRIPTORS_MAX];

	binary = fcntl(binary, F_DUPFD_CLOEXEC, FD_END + 1);
	null = fcntl(null, F_DUPFD_CLOEXEC, FD_END + 1);
	if (binary == -1 || null == -1)
		return false;
	for (size_t i = 0; i < count; i++) {
		above[i] = fcntl(descriptors[i], F_DUPFD_CLOEXEC, FD_END + 1);
		if (above[i] == -1)
			return false;
	}
	for (int fd = STDIN_FILENO; fd <= STANDARD_LAST; fd++)
		if (dup2(null, fd) == -1)
			return false;
	for (size_t i = 0; i < count; i++)
		if (dup2(above[i], FD_CHANNEL + (int)i) == -1)
			return false;
	if (dup3(binary, FD_END, O_CLOEXEC) == -1)
		return false;
	for (int fd = FD_CHANNEL + (int)count; fd < FD_END; fd++)
		close(fd);
	return close_range(FD_END + 1, UINT_MAX, 0) == 0;
}

/* Become the worker's user, in all ids, and see that it holds. */
static bool
change_ids(uid_t uid, gid_t gid)
{
	uid_t real_uid, uid_now, saved_uid;
	gid_t real_gid, gid_now, saved_gid;

	if (setgroups(0, NULL) == -1 || setresgid(gid, gid, gid) == -1 ||
	    setresuid(uid, uid, uid) == -1)
		return false;
	if (getresuid(&real_uid, &uid_now, &saved_uid) == -1 ||
	    getresgid(&real_gid, &gid_now, &saved_gid) == -1)
		return false;
	return real_uid == uid && uid_now == uid && saved_uid == uid &&
	    real_gid == gid && gid_now == gid && saved_gid == gid &&
	    getgroups(0, NULL) == 0;
}

/* No capability survives, and none can be had again. */
static bool
drop_capabilities(void)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3
	};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { 0 };

	return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) == 0 &&
	    syscall(SYS_capset, &header, data) == 0 &&
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

static bool
cannot_climb(void)
{
	return setresuid(0, 0, 0) == -1 && setresgid(0, 0, 0) == -1;
}

/* The death signal is lost when ids change, hence after it. */
static bool
die_with(pid_t parent)
{
	return prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent;
}

static void become_worker(const struct spawn_settings *settings, pid_t parent,
    int null, const int *descriptors, size_t count) __attribute__((noreturn));

static void
become_worker(const struct spawn_settings *settings, pid_t parent, int null,
    const int *descriptors, size_t count)
{
	char *const arguments[] = { worker_name, title_room, NULL };
	char *const environment[] = { NULL };

	reset_signals();
	setsid();
	umask(077);
	if (!place_descriptors(settings->worker_binary, null, descriptors,
		count) ||
	    chdir("/") == -1)
		_exit(LAUNCH_EXIT_DESCRIPTORS);
	if (settings->change_user &&
	    !change_ids(settings->worker_uid, settings->worker_gid))
		_exit(LAUNCH_EXIT_IDS);
	if (!drop_capabilities() || (settings->change_user && !cannot_climb()))
		_exit(LAUNCH_EXIT_CAPABILITIES);
	if (!die_with(parent))
		_exit(LAUNCH_EXIT_PARENT);
	syscall(SYS_execveat, FD_END, "", arguments, environment,
	    AT_EMPTY_PATH);
	_exit(LAUNCH_EXIT_EXEC);
}

pid_t
launch_worker(const struct spawn_settings *settings, int null,
    const int *descriptors, size_t count)
{
	pid_t parent = getpid(), pid;

	if (count > DESCRIPTORS_MAX) {
		errno = EINVAL;
		return -1;
	}
	memset(title_room, ' ', TITLE_ROOM);
	pid = fork();
	if (pid == 0)
		become_worker(settings, parent, null, descriptors, count);
	return pid;
}

const char *
launch_exit_name(int code)
{
	switch (code) {
	case LAUNCH_EXIT_DESCRIPTORS:
		return "descriptors cannot be placed";
	case LAUNCH_EXIT_IDS:
		return "the user cannot be changed";
	case LAUNCH_EXIT_CAPABILITIES:
		return "capabilities cannot be dropped";
	case LAUNCH_EXIT_PARENT:
		return "the supervisor was gone";
	case LAUNCH_EXIT_EXEC:
	case LAUNCH_EXIT_PERMISSION:
		return "the program cannot be executed";
	}
	return NULL;
}

int
launch_open_program(const char *path)
{
	struct stat status;
	int fd;

	fd = open(path, O_PATH | O_CLOEXEC);
	if (fd == -1)
		return -1;
	if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) &&
	    (status.st_mode & 0111) != 0)
		return fd;
	close(fd);
	errno = EACCES;
	return -1;
}

/* "FOLDER/socktopus-worker" into path. */
static int
open_worker(const char *folder, char path[PATH_MAX])
{
	if ((size_t)snprintf(path, PATH_MAX, "%s/%s", folder, worker_name) >=
	    PATH_MAX)
		return -1;
	return launch_open_program(path);
}

/* Does it lead to the program that runs? */
static bool
is_own(const char *name)
{
	struct stat named, own;

	return stat(name, &named) == 0 && stat("/proc/self/exe", &own) == 0 &&
	    named.st_dev == own.st_dev && named.st_ino == own.st_ino;
}

/* From the root, with its links as they are. */
static bool
make_absolute(const char *name, char path[PATH_MAX])
{
	char folder[PATH_MAX] = "";

	if (name[0] != '/' && getcwd(folder, sizeof(folder)) == NULL)
		return false;
	return (size_t)snprintf(path, PATH_MAX, "%s%s%s", folder,
		   name[0] != '/' ? "/" : "", name) < PATH_MAX;
}

/*
 * By whichever of its names is one: the second is what PATH led to, and of a
 * program that was executed by descriptor it tells nothing.
 */
static void
find_name(char path[PATH_MAX])
{
	const char *const names[] = { program_invocation_name,
		(const char *)getauxval(AT_EXECFN) };
	char found[PATH_MAX];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i] != NULL && strchr(names[i], '/') != NULL &&
		    strncmp(names[i], "/dev/fd/", strlen("/dev/fd/")) != 0 &&
		    make_absolute(names[i], found) && is_own(found)) {
			memcpy(path, found, sizeof(found));
			return;
		}
}

int
launch_open_worker(struct launch_programs *programs)
{
	char folder[PATH_MAX], beside[PATH_MAX];
	ssize_t length;
	int fd;

	length = readlink("/proc/self/exe", programs->own,
	    sizeof(programs->own) - 1);
	if (length == -1) {
		log_error(NULL, "/proc/self/exe: %s", strerror(errno));
		return -1;
	}
	programs->own[length] = '\0';
	memcpy(folder, programs->own, sizeof(folder));
	*strrchr(folder, '/') = '\0';
	find_name(programs->own);
	fd = open_worker(folder, programs->worker);
	if (fd != -1)
		return fd;
	memcpy(beside, programs->worker, sizeof(beside));
	fd = open_worker(SOCKTOPUS_LIBEXECDIR, programs->worker);
	if (fd == -1)
		log_error(NULL, "no worker program: looked for %s and %s",
		    beside, programs->worker);
	return fd;
}
