/*
 * What goes on working in the lock-ins of the engine, of the supervisor and of
 * the opener, and how far. The whole-program tests show the rest.
 */
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "shm/bell.h"
#include "shm/message.h"
#include "shm/region.h"
#include "supervisor/engine/udp.h"
#include "supervisor/launch.h"
#include "supervisor/named_file.h"
#include "supervisor/named_socket.h"
#include "supervisor/sandbox_landlock.h"
#include "supervisor/sandbox_lock.h"
#include "supervisor/spawn.h"
#include "tests/lock_rig.h"
#include "tests/suite.h"

#define FORBIDDEN "/tmp/test_supervisor_sandbox.forbidden"

static lock_rig_enter *const lock_ins[] = { lock_rig_engine,
	lock_rig_supervisor };

/* What comes with a path, a tunnel and a datagram. */
static int
work_as_the_engine(void)
{
	struct address_pair pair = { .local = { 0 } };
	struct sockaddr_in *local = (struct sockaddr_in *)&pair.local;
	struct sockaddr_in *remote = (struct sockaddr_in *)&pair.remote;
	struct region region;
	struct udp udp;
	int ends[2], fd;

	local->sin_family = remote->sin_family = AF_INET;
	local->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	remote->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	remote->sin_port = htons(9);
	if (region_create(&region, "S", 65536, REGION_CREATOR_WRITES) == -1)
		return 1;
	region_destroy(&region);
	if (bell_create(&ends[0], &ends[1]) == -1 ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == -1)
		return 2;
	fd = udp_bind(&pair);
	if (fd == -1)
		return 3;
	udp_init(&udp, fd);
	udp_close(&udp);
	return malloc(1 << 24) == NULL ? 4 : 0;
}

START_TEST(the_engine_can_work)
{
	ck_assert_int_eq(lock_rig_call(lock_rig_engine, work_as_the_engine), 0);
	lock_rig_log_to(LOG_TO_SYSLOG);
	ck_assert_int_eq(lock_rig_call(lock_rig_engine, work_as_the_engine), 0);
}
END_TEST

/* A log comes to them as a descriptor. */
START_TEST(no_file_can_be_written)
{
	const int refused = lock_ins[_i] == lock_rig_engine ? LOCK_RIG_KILLED :
							      ENOSYS;

	lock_rig_log_to(LOG_TO_FILE);
	ck_assert_int_eq(lock_rig_open(lock_ins[_i], lock_rig_log), refused);
	ck_assert_int_eq(lock_rig_open(lock_ins[_i], "/dev/null"), refused);
}
END_TEST

static int
work_as_the_opener(void)
{
	char why[NAMED_SOCKET_WHY_MAX], path[PATH_MAX];
	struct named_file file;
	struct named_socket named = { .path = path,
		.why = why,
		.file = &file,
		.type = SOCK_SEQPACKET,
		.mode = 0640,
		.owner = geteuid(),
		.group = getegid() };
	struct log_settings log = { .target = LOG_TO_FILE };
	struct stat status;
	int fd;

	snprintf(log.file, sizeof(log.file), "%s", lock_rig_log);
	if (log_open_target(&log) == -1)
		return 1;
	snprintf(path, sizeof(path), "%s.socket", lock_rig_log);
	fd = named_socket_open(&named);
	if (fd == -1 || stat(path, &status) == -1 ||
	    (status.st_mode & 0777) != 0640)
		return 2;
	fd = named_file_open(path, &file);
	if (fd == -1 || named_file_give(fd, geteuid(), getegid()) == -1 ||
	    named_file_set_mode(fd, 0600) == -1 || stat(path, &status) == -1 ||
	    (status.st_mode & 0777) != 0600)
		return 4;
	return named_file_remove(path, &file) == 0 &&
		symlink("log", path) == -1 ?
	    0 :
	    3;
}

static const struct lock_rig_attempt not_the_openers[] = {
	TRY(execve, (long)"/bin/true", 0, 0),
	TRY(kill, 1, 0),
	TRY(ptrace, 0, 0, 0, 0),
	TRY(setresuid, 0, 0, 0),
	TRY(fork),
};

START_TEST(the_opener_can_work_and_no_more)
{
	int got;

	ck_assert_int_eq(lock_rig_call(lock_rig_opener, work_as_the_opener), 0);
	for (size_t i = 0; i < COUNT(not_the_openers); i++) {
		got = lock_rig_try(lock_rig_opener, &not_the_openers[i]);
		ck_assert_msg(got == LOCK_RIG_KILLED, "%s: %d",
		    not_the_openers[i].name, got);
	}
}
END_TEST

/* An accepted connection is no way to a new one. */
static struct sockaddr_in elsewhere = { .sin_family = AF_INET };
static int accepted;

static int
connect_elsewhere(void)
{
	const struct sockaddr nowhere = { .sa_family = AF_UNSPEC };

	if (connect(accepted, &nowhere, sizeof(nowhere)) == -1)
		return -1;
	return connect(accepted, (struct sockaddr *)&elsewhere,
		   sizeof(elsewhere)) == 0 ?
	    0 :
	    errno;
}

START_TEST(the_engine_cannot_connect)
{
	socklen_t length = sizeof(elsewhere);
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	int client = socket(AF_INET, SOCK_STREAM, 0);

	if (sandbox_landlock_level() < 4)
		return;
	elsewhere.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(bind(listener, (struct sockaddr *)&elsewhere, length),
	    0);
	ck_assert_int_eq(listen(listener, 2), 0);
	ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&elsewhere,
			     &length),
	    0);
	ck_assert_int_eq(connect(client, (struct sockaddr *)&elsewhere, length),
	    0);
	accepted = accept(listener, NULL, NULL);
	ck_assert_int_ne(accepted, -1);
	ck_assert_int_eq(lock_rig_call(lock_rig_engine, connect_elsewhere),
	    EACCES);
}
END_TEST

static bool
core_is_off(void)
{
	struct rlimit limit;

	return getrlimit(RLIMIT_CORE, &limit) == 0 && limit.rlim_cur == 0 &&
	    limit.rlim_max == 0;
}

/* The engine's filter lets nobody ask, so it is asked without. */
static int
is_hardened(void)
{
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 &&
		prctl(PR_GET_DUMPABLE) == 0 && core_is_off() ?
	    0 :
	    1;
}

START_TEST(the_process_is_hardened)
{
	ck_assert_int_eq(lock_rig_call(sandbox_lock_harden, is_hardened), 0);
}
END_TEST

/* As the supervisor starts a worker: its exit status. */
static int
launch(const struct spawn_settings *by)
{
	int descriptors[FD_SOCKET - FD_CHANNEL], status;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	pid_t pid;

	for (size_t i = 0; i < COUNT(descriptors); i++)
		descriptors[i] = null;
	pid = launch_worker(by, null, descriptors, COUNT(descriptors));
	if (null == -1 || pid == -1 || waitpid(pid, &status, 0) != pid ||
	    !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

static int
launch_as_told(void)
{
	return launch(&lock_rig_settings);
}

static int another;

static int
launch_another(void)
{
	struct spawn_settings changed = lock_rig_settings;

	changed.worker_binary = another;
	return launch(&changed);
}

static int
launch_as_another(void)
{
	struct spawn_settings changed = lock_rig_settings;

	changed.worker_uid++;
	return launch(&changed);
}

START_TEST(the_supervisor_can_start_workers_alone)
{
	another = open("/bin/sh", O_PATH | O_CLOEXEC);
	ck_assert_int_ne(another, -1);
	ck_assert_int_eq(lock_rig_call(lock_rig_supervisor, launch_as_told), 0);
	if (sandbox_landlock_level() > 0)
		ck_assert_int_eq(lock_rig_call(lock_rig_supervisor,
				     launch_another),
		    LAUNCH_EXIT_EXEC);
	if (lock_rig_settings.change_user)
		ck_assert_int_eq(lock_rig_call(lock_rig_supervisor,
				     launch_as_another),
		    LAUNCH_EXIT_IDS);
}
END_TEST

/*
 * The worker inherits the filter, and does not say when an option is refused.
 */
static const struct lock_rig_attempt options[] = {
	{ "TCP_NODELAY", SYS_setsockopt, { -1, IPPROTO_TCP, TCP_NODELAY } },
	{ "TCP_QUICKACK", SYS_setsockopt, { -1, IPPROTO_TCP, TCP_QUICKACK } },
	{ "TCP_CONGESTION", SYS_setsockopt,
	    { -1, IPPROTO_TCP, TCP_CONGESTION } },
	{ "SO_KEEPALIVE", SYS_setsockopt, { -1, SOL_SOCKET, SO_KEEPALIVE } },
	{ "SO_MAX_PACING_RATE", SYS_setsockopt,
	    { -1, SOL_SOCKET, SO_MAX_PACING_RATE } },
	{ "SO_BINDTODEVICE", SYS_setsockopt,
	    { -1, SOL_SOCKET, SO_BINDTODEVICE } },
	{ "IP_BIND_ADDRESS_NO_PORT", SYS_setsockopt,
	    { -1, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT } }
};

START_TEST(the_workers_options_are_left_to_them)
{
	int got;

	for (size_t i = 0; i < COUNT(options); i++) {
		got = lock_rig_try(lock_rig_supervisor, &options[i]);
		ck_assert_msg(got == EBADF, "%s: %d", options[i].name, got);
	}
}
END_TEST

static Suite *
suite(void)
{
	Suite *all = suite_create("supervisor_sandbox");
	TCase *t = tcase_create("lock-in");

	tcase_set_timeout(t, 30);
	tcase_add_checked_fixture(t, lock_rig_set_up, lock_rig_tear_down);
	tcase_add_test(t, the_engine_can_work);
	tcase_add_loop_test(t, no_file_can_be_written, 0, COUNT(lock_ins));
	tcase_add_test(t, the_opener_can_work_and_no_more);
	tcase_add_test(t, the_engine_cannot_connect);
	tcase_add_test(t, the_process_is_hardened);
	tcase_add_test(t, the_supervisor_can_start_workers_alone);
	tcase_add_test(t, the_workers_options_are_left_to_them);
	suite_add_tcase(all, t);
	return all;
}

int
main(void)
{
	return suite_run_locked(suite());
}
