/*
 * The test holds the engine's end of the channel; the engine that the
 * supervisor forked is a child that waits to be told how to end. The workers
 * are this program, executed under their name.
 */
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "shm/message.h"
#include "supervisor/launch.h"
#include "supervisor/log.h"
#include "supervisor/spawn.h"
#include "tests/suite.h"

#define DESCRIPTORS_MAX (FD_END - FD_CHANNEL)
#define PATIENCE_MS 10000
#define OTHER_ID 54321

extern char **environ;

/* What a worker finds, told over its channel. */
struct world {
	ino_t inode[FD_END]; /* 0: closed */
	bool more_open;	     /* a descriptor above those */
	size_t title_room;
	bool environment;
	bool own_session;
	bool signals_blocked;
	bool in_root_folder;
	int death_signal;
	int no_new_privileges;
	uint32_t capabilities;
	uid_t uid[3];
	gid_t gid[3];
	int groups;
};

struct rig {
	pid_t supervisor;
	int channel; /* the engine's end */
	int engine;  /* write its exit status here, or close */
};

static void
look_around(struct world *world, char **arguments)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3
	};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
	struct stat status;
	sigset_t blocked;
	char folder[4];

	memset(world, 0, sizeof(*world));
	for (int fd = 0; fd < FD_END; fd++)
		if (fstat(fd, &status) == 0)
			world->inode[fd] = status.st_ino;
	for (int fd = FD_END; fd < 1024; fd++)
		world->more_open |= fcntl(fd, F_GETFD) != -1;
	world->title_room = strlen(arguments[1]);
	world->environment = environ[0] != NULL;
	world->own_session = getsid(0) == getpid();
	sigprocmask(SIG_BLOCK, NULL, &blocked);
	world->signals_blocked = !sigisemptyset(&blocked);
	world->in_root_folder = getcwd(folder, sizeof(folder)) != NULL &&
	    strcmp(folder, "/") == 0;
	prctl(PR_GET_PDEATHSIG, &world->death_signal);
	world->no_new_privileges = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
	syscall(SYS_capget, &header, data);
	world->capabilities = data[0].effective | data[0].permitted |
	    data[0].inheritable | data[1].effective | data[1].permitted;
	getresuid(&world->uid[0], &world->uid[1], &world->uid[2]);
	getresgid(&world->gid[0], &world->gid[1], &world->gid[2]);
	world->groups = getgroups(0, NULL);
}

/* The worker: tell what is there, then end as told, or with the channel. */
static int
work(char **arguments)
{
	struct world world;
	unsigned char code;

	look_around(&world, arguments);
	if (send(FD_CHANNEL, &world, sizeof(world), MSG_NOSIGNAL) == -1 ||
	    recv(FD_CHANNEL, &code, 1, 0) != 1)
		_exit(WORKER_EXIT_OK);
	_exit(code);
}

static void
wait_to_end(int told)
{
	unsigned char code;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (read(told, &code, 1) != 1)
		raise(SIGKILL);
	_exit(code);
}

struct options {
	const char *binary; /* NULL: this program */
	bool change_user;
	bool cannot_fork;
};

/* Only the channel and the binary stay open, high, so that what is received
 * comes to lie on the numbers that the worker's descriptors will have. */
static void
supervise(const struct options *options, int channel, int told)
{
	struct spawn_settings settings = { .change_user = options->change_user,
		.worker_uid = OTHER_ID,
		.worker_gid = OTHER_ID };
	struct rlimit none = { 0, 0 };
	int binary, status;

	binary = open(options->binary != NULL ? options->binary :
						"/proc/self/exe",
	    O_PATH | O_CLOEXEC);
	settings.worker_binary = fcntl(binary, F_DUPFD_CLOEXEC, 100);
	settings.engine_channel = fcntl(channel, F_DUPFD_CLOEXEC, 100);
	/* A group to lose. */
	if (options->change_user && setgroups(1, &(gid_t){ 1 }) == -1)
		_exit(99);
	if (options->cannot_fork && geteuid() == 0 &&
	    setresuid(OTHER_ID, OTHER_ID, OTHER_ID) == -1)
		_exit(99);
	settings.engine_pid = fork();
	if (settings.engine_pid == 0) {
		close(settings.engine_channel);
		close(channel);
		wait_to_end(told);
	}
	close_range(3, 99, 0);
	if (options->cannot_fork)
		setrlimit(RLIMIT_NPROC, &none);
	log_set_level(LOG_FATAL_LEVEL);
	status = spawn_serve(&settings);
	/* Every child must have been reaped. */
	_exit(
	    waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD ? status : 98);
}

static struct rig
new_rig(const struct options *options)
{
	struct rig rig;
	int channel[2], told[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0,
			     channel),
	    0);
	ck_assert_int_eq(pipe2(told, O_CLOEXEC), 0);
	rig.supervisor = fork();
	ck_assert_int_ne(rig.supervisor, -1);
	if (rig.supervisor == 0) {
		close(channel[0]);
		close(told[1]);
		supervise(options, channel[1], told[0]);
	}
	close(channel[1]);
	close(told[0]);
	rig.channel = channel[0];
	rig.engine = told[1];
	return rig;
}

static struct rig
plain_rig(void)
{
	return new_rig(&(struct options){ 0 });
}

static void
await_readable(int fd)
{
	struct pollfd set = { .fd = fd, .events = POLLIN };

	ck_assert_int_eq(poll(&set, 1, PATIENCE_MS), 1);
}

/* Send bytes of a record with so many descriptors (of fd). */
static void
send_raw(const struct rig *rig, const void *bytes, size_t length, int fd,
    size_t count)
{
	struct iovec iov = { (void *)(uintptr_t)bytes, length };
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(16 * sizeof(int))];
	} control = { .space = { 0 } };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };
	int fds[16];

	if (count > 0) {
		for (size_t i = 0; i < count; i++)
			fds[i] = fd;
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(count * sizeof(int));
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(&control.header), fds, count * sizeof(int));
	}
	ck_assert_int_eq(sendmsg(rig->channel, &message, MSG_NOSIGNAL),
	    (int)length);
}

static void
request(const struct rig *rig, uint32_t type, uint32_t slot, int fd,
    size_t count)
{
	struct spawn_record record = { .type = type, .slot = slot };

	send_raw(rig, &record, sizeof(record), fd, count);
}

static int64_t
await_report(const struct rig *rig, uint32_t type, uint32_t slot)
{
	struct spawn_record record;

	await_readable(rig->channel);
	ck_assert_int_eq(recv(rig->channel, &record, sizeof(record), 0),
	    sizeof(record));
	ck_assert_uint_eq(record.type, type);
	ck_assert_uint_eq(record.slot, slot);
	return record.value;
}

/* Start a worker; returns the near end of its channel. */
static int
start(const struct rig *rig, uint32_t slot, struct world *world)
{
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0,
			     pair),
	    0);
	request(rig, SPAWN_START, slot, pair[1], 5);
	close(pair[1]);
	ck_assert_int_gt(await_report(rig, SPAWN_STARTED, slot), 0);
	await_readable(pair[0]);
	ck_assert_int_eq(recv(pair[0], world, sizeof(*world), 0),
	    sizeof(*world));
	return pair[0];
}

static void
await_worker_end(int worker)
{
	char byte;

	await_readable(worker);
	ck_assert_int_le(recv(worker, &byte, 1, 0), 0);
}

static int
await_supervisor(const struct rig *rig)
{
	int status;

	ck_assert_int_eq(waitpid(rig->supervisor, &status, 0), rig->supervisor);
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void
end_engine(const struct rig *rig, unsigned char code)
{
	ck_assert_int_eq(write(rig->engine, &code, 1), 1);
}

static void
stop(const struct rig *rig)
{
	kill(rig->supervisor, SIGTERM);
	await_report(rig, SPAWN_STOP, 0);
	end_engine(rig, 0);
	ck_assert_int_eq(await_supervisor(rig), 0);
}

START_TEST(reports_start_and_exit)
{
	struct rig rig = plain_rig();
	struct world world;
	unsigned char code = WORKER_EXIT_PEER;
	int worker, status;

	for (uint32_t slot = 0; slot < SPAWN_SLOTS; slot += SPAWN_SLOTS - 1) {
		worker = start(&rig, slot, &world);
		ck_assert_int_eq(send(worker, &code, 1, 0), 1);
		status = (int)await_report(&rig, SPAWN_EXITED, slot);
		ck_assert(WIFEXITED(status));
		ck_assert_int_eq(WEXITSTATUS(status), WORKER_EXIT_PEER);
		close(worker);
	}
	stop(&rig);
}
END_TEST

START_TEST(a_slot_is_used_again)
{
	struct rig rig = plain_rig();
	struct world world;
	int worker;

	for (int i = 0; i < 3; i++) {
		worker = start(&rig, 7, &world);
		close(worker);
		ck_assert_int_eq(await_report(&rig, SPAWN_EXITED, 7), 0);
	}
	stop(&rig);
}
END_TEST

START_TEST(worker_finds_its_world)
{
	struct rig rig = plain_rig();
	struct world world;
	int worker = start(&rig, 1, &world);
	struct stat null;

	ck_assert_int_eq(stat("/dev/null", &null), 0);
	ck_assert_uint_eq(world.inode[0], null.st_ino);
	ck_assert_uint_eq(world.inode[1], null.st_ino);
	for (int fd = FD_CHANNEL; fd < FD_SOCKET; fd++)
		ck_assert_uint_ne(world.inode[fd], 0);
	ck_assert_uint_eq(world.inode[FD_SOCKET], 0);
	ck_assert(!world.more_open);
	ck_assert_uint_eq(world.title_room, 255);
	ck_assert(!world.environment);
	ck_assert(world.own_session);
	ck_assert(!world.signals_blocked);
	ck_assert(world.in_root_folder);
	ck_assert_int_eq(world.death_signal, SIGKILL);
	ck_assert_int_eq(world.no_new_privileges, 1);
	ck_assert_uint_eq(world.capabilities, 0);
	close(worker);
	await_report(&rig, SPAWN_EXITED, 1);
	stop(&rig);
}
END_TEST

/* Each descriptor at its place, whatever numbers they came in on. */
START_TEST(descriptors_keep_their_order)
{
	struct rig rig = plain_rig();
	struct spawn_record record = { .type = SPAWN_START };
	struct iovec iov = { &record, sizeof(record) };
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(DESCRIPTORS_MAX * sizeof(int))];
	} control = { .space = { 0 } };
	struct msghdr message = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };
	int pair[2], fds[DESCRIPTORS_MAX];
	struct stat status[DESCRIPTORS_MAX];
	struct world world;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	fds[0] = pair[1];
	for (int i = 1; i < DESCRIPTORS_MAX; i++)
		fds[i] = memfd_create("order", MFD_CLOEXEC);
	for (int i = 0; i < DESCRIPTORS_MAX; i++)
		ck_assert_int_eq(fstat(fds[i], &status[i]), 0);
	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN(sizeof(fds));
	memcpy(CMSG_DATA(&control.header), fds, sizeof(fds));
	ck_assert_int_eq(sendmsg(rig.channel, &message, 0), sizeof(record));
	await_report(&rig, SPAWN_STARTED, 0);
	await_readable(pair[0]);
	ck_assert_int_eq(recv(pair[0], &world, sizeof(world), 0),
	    sizeof(world));
	for (int i = 0; i < DESCRIPTORS_MAX; i++)
		ck_assert_uint_eq(world.inode[FD_CHANNEL + i],
		    status[i].st_ino);
	ck_assert(!world.more_open);
	stop(&rig);
}
END_TEST

/* In the numbers of each other, and with a stray one that no exec closes. */
static void
launch_crossed(int fds[DESCRIPTORS_MAX], size_t count)
{
	struct spawn_settings settings = { 0 };
	int crossed[DESCRIPTORS_MAX], null;

	for (int i = 0; i < DESCRIPTORS_MAX; i++)
		fds[i] = fcntl(fds[i], F_DUPFD, 100);
	settings.worker_binary = open("/proc/self/exe", O_PATH);
	settings.worker_binary = fcntl(settings.worker_binary, F_DUPFD, 100);
	null = fcntl(open("/dev/null", O_RDWR), F_DUPFD, 100);
	for (int i = 0; i < DESCRIPTORS_MAX; i++)
		crossed[i] = dup2(fds[i], FD_END - 1 - i);
	dup2(null, FD_SOCKET + 1);
	if (launch_worker(&settings, null, crossed, count) == -1)
		_exit(1);
	wait(NULL);
	_exit(0);
}

START_TEST(descriptors_may_lie_crossed)
{
	const size_t count = (size_t)(DESCRIPTORS_MAX - _i);
	int pair[2], fds[DESCRIPTORS_MAX];
	struct stat status[DESCRIPTORS_MAX];
	struct world world;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	fds[0] = pair[1];
	for (int i = 1; i < DESCRIPTORS_MAX; i++)
		fds[i] = memfd_create("crossed", 0);
	for (int i = 0; i < DESCRIPTORS_MAX; i++)
		ck_assert_int_eq(fstat(fds[i], &status[i]), 0);
	if (fork() == 0)
		launch_crossed(fds, count);
	await_readable(pair[0]);
	ck_assert_int_eq(recv(pair[0], &world, sizeof(world), 0),
	    sizeof(world));
	for (size_t i = 0; i < count; i++)
		ck_assert_uint_eq(world.inode[FD_CHANNEL + i],
		    status[i].st_ino);
	if (count < DESCRIPTORS_MAX)
		ck_assert_uint_eq(world.inode[FD_SOCKET], 0);
	ck_assert(!world.more_open);
	send(pair[0], "", 1, 0);
	wait(NULL);
}
END_TEST

START_TEST(kill_ends_a_worker)
{
	struct rig rig = plain_rig();
	struct world world;
	int worker = start(&rig, 3, &world), status;

	request(&rig, SPAWN_KILL, 3, -1, 0);
	request(&rig, SPAWN_KILL, 3, -1, 0);
	status = (int)await_report(&rig, SPAWN_EXITED, 3);
	ck_assert(WIFSIGNALED(status));
	ck_assert_int_eq(WTERMSIG(status), SIGKILL);
	await_worker_end(worker);

	/* The slot is free: a late kill is no fault. */
	request(&rig, SPAWN_KILL, 3, -1, 0);
	start(&rig, 3, &world);
	stop(&rig);
}
END_TEST

/* One bad request each; the last ones need a worker in slot 0. */
static const struct {
	uint32_t type;
	uint32_t slot;
	size_t length;
	size_t descriptors;
} bad_requests[] = { { 0, 0, 16, 0 }, { 99, 0, 16, 0 },
	{ SPAWN_EXITED, 0, 16, 0 }, { SPAWN_START, SPAWN_SLOTS, 16, 5 },
	{ SPAWN_START, UINT32_MAX, 16, 5 }, { SPAWN_KILL, SPAWN_SLOTS, 16, 0 },
	{ SPAWN_KILL, 1, 15, 0 }, { SPAWN_KILL, 1, 17, 0 },
	{ SPAWN_KILL, 1, 1, 0 }, { SPAWN_KILL, 1, 16, 1 },
	{ SPAWN_READY, 0, 16, 1 }, { SPAWN_ALIVE, 0, 16, 1 },
	{ SPAWN_START, 1, 16, 0 }, { SPAWN_START, 1, 16, 4 },
	{ SPAWN_START, 1, 16, 7 }, { SPAWN_START, 1, 16, 16 },
	{ SPAWN_START, 1, 8, 5 }, { SPAWN_START, 0, 16, 5 } };

START_TEST(a_bad_request_ends_all)
{
	struct rig rig = plain_rig();
	struct spawn_record records[2] = { { .type = bad_requests[_i].type,
	    .slot = bad_requests[_i].slot } };
	struct world world;
	int worker = start(&rig, 0, &world), null;

	null = open("/dev/null", O_RDWR);
	send_raw(&rig, records, bad_requests[_i].length, null,
	    bad_requests[_i].descriptors);
	ck_assert_int_eq(await_supervisor(&rig), 1);
	await_worker_end(worker);
}
END_TEST

START_TEST(engine_death_ends_all)
{
	struct rig rig = plain_rig();
	struct world world;
	int worker = start(&rig, 0, &world);

	if (_i < 0)
		close(rig.engine); /* by a signal */
	else
		end_engine(&rig, (unsigned char)_i);
	ck_assert_int_eq(await_supervisor(&rig), 1);
	await_worker_end(worker);
}
END_TEST

START_TEST(closed_channel_ends_all)
{
	struct rig rig = plain_rig();
	struct world world;
	int worker = start(&rig, 0, &world);

	shutdown(rig.channel, SHUT_RDWR);
	ck_assert_int_eq(await_supervisor(&rig), 1);
	await_worker_end(worker);
}
END_TEST

START_TEST(signals_stop_it_in_order)
{
	static const int signals[] = { SIGTERM, SIGINT };
	struct rig rig = plain_rig();
	struct world world;
	int worker = start(&rig, 0, &world);

	kill(rig.supervisor, signals[_i]);
	await_report(&rig, SPAWN_STOP, 0);
	end_engine(&rig, 0);
	ck_assert_int_eq(await_supervisor(&rig), 0);
	await_worker_end(worker);
}
END_TEST

START_TEST(a_failing_stop_is_no_success)
{
	struct rig rig = plain_rig();

	request(&rig, SPAWN_READY, 0, -1, 0);
	start(&rig, 0, &(struct world){ 0 });
	kill(rig.supervisor, SIGTERM);
	await_report(&rig, SPAWN_STOP, 0);
	end_engine(&rig, 1);
	ck_assert_int_eq(await_supervisor(&rig), 1);
}
END_TEST

static uint64_t
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* How long a stop takes that the engine does not heed. */
static uint64_t
stop_in_vain(bool twice)
{
	struct rig rig = plain_rig();
	struct world world;
	int worker = start(&rig, 0, &world);
	uint64_t took_ms, began_ms = now_ms();

	kill(rig.supervisor, SIGTERM);
	await_report(&rig, SPAWN_STOP, 0);
	if (twice)
		kill(rig.supervisor, SIGTERM);
	ck_assert_int_eq(await_supervisor(&rig), 1);
	took_ms = now_ms() - began_ms;
	await_worker_end(worker);
	return took_ms;
}

START_TEST(patience_with_a_stop_is_limited)
{
	ck_assert_uint_ge(stop_in_vain(false), 4900);
}
END_TEST

/* A busy machine may spoil it now and then. */
START_TEST(asked_twice_it_has_no_patience)
{
	int tries = 1;

	while (stop_in_vain(true) >= 4900)
		ck_assert_int_lt(tries++, 3);
}
END_TEST

START_TEST(hangup_is_passed_on)
{
	struct rig rig = plain_rig();

	start(&rig, 0, &(struct world){ 0 });
	kill(rig.supervisor, SIGHUP);
	await_report(&rig, SPAWN_RELOAD, 0);
	stop(&rig);
}
END_TEST

/* Who asks by a signal hears of it in the log. */
START_TEST(an_upgrade_is_refused_to_the_one_who_asked)
{
	struct rig rig = plain_rig();

	request(&rig, SPAWN_WISH, 0, -1, 0);
	await_report(&rig, SPAWN_RELOAD, 0);
	request(&rig, SPAWN_UPGRADE, 0, -1, 0);
	await_report(&rig, SPAWN_BUSY, 0);
	kill(rig.supervisor, SIGUSR2);
	stop(&rig);
}
END_TEST

START_TEST(workers_die_with_the_supervisor)
{
	struct rig rig = plain_rig();
	struct world world;
	int worker = start(&rig, 0, &world);

	kill(rig.supervisor, SIGKILL);
	await_worker_end(worker);
	waitpid(rig.supervisor, NULL, 0);
}
END_TEST

START_TEST(a_program_that_is_none_is_reported)
{
	struct rig rig = new_rig(&(struct options){ .binary = "/dev/null" });
	int null = open("/dev/null", O_RDWR), status;

	request(&rig, SPAWN_START, 2, null, 5);
	ck_assert_int_gt(await_report(&rig, SPAWN_STARTED, 2), 0);
	status = (int)await_report(&rig, SPAWN_EXITED, 2);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), LAUNCH_EXIT_EXEC);
	stop(&rig);
}
END_TEST

START_TEST(starts_are_limited)
{
	struct rig rig = new_rig(&(struct options){ .binary = "/dev/null" });
	int null = open("/dev/null", O_RDWR);
	uint64_t began = now_ms();

	for (int i = 0; i < 300; i++) {
		request(&rig, SPAWN_START, 0, null, 5);
		await_report(&rig, SPAWN_STARTED, 0);
		await_report(&rig, SPAWN_EXITED, 0);
	}
	ck_assert_uint_ge(now_ms() - began, 400);
	stop(&rig);
}
END_TEST

START_TEST(a_failed_fork_is_reported)
{
	struct rig rig = new_rig(&(struct options){ .cannot_fork = true });
	int null = open("/dev/null", O_RDWR);

	request(&rig, SPAWN_START, 4, null, 5);
	ck_assert_int_eq(await_report(&rig, SPAWN_EXITED, 4), -EAGAIN);
	stop(&rig);
}
END_TEST

START_TEST(an_engine_that_reads_nothing_ends_all)
{
	struct rig rig = new_rig(&(struct options){ .binary = "/dev/null" });
	struct spawn_record record = { .type = SPAWN_KILL };
	int null = open("/dev/null", O_RDWR);

	for (uint32_t slot = 0; slot < 256; slot++)
		request(&rig, SPAWN_START, slot, null, 5);
	ck_assert_int_eq(await_supervisor(&rig), 1);
	ck_assert_int_eq(send(rig.channel, &record, sizeof(record),
			     MSG_NOSIGNAL),
	    -1);
}
END_TEST

START_TEST(worker_gets_its_own_ids)
{
	struct rig rig;
	struct world world;

	if (geteuid() != 0)
		return;
	rig = new_rig(&(struct options){ .change_user = true });
	start(&rig, 0, &world);
	for (int i = 0; i < 3; i++) {
		ck_assert_uint_eq(world.uid[i], OTHER_ID);
		ck_assert_uint_eq(world.gid[i], OTHER_ID);
	}
	ck_assert_int_eq(world.groups, 0);
	ck_assert_uint_eq(world.capabilities, 0);
	ck_assert_int_eq(world.death_signal, SIGKILL);
	stop(&rig);
}
END_TEST

static Suite *
suite(void)
{
	Suite *all = suite_create("spawn");
	TCase *slots = tcase_create("slots"), *ends = tcase_create("ends");
	TCase *limits = tcase_create("limits");

	tcase_set_timeout(slots, 30);
	tcase_set_timeout(ends, 30);
	tcase_set_timeout(limits, 30);
	tcase_add_test(slots, reports_start_and_exit);
	tcase_add_test(slots, a_slot_is_used_again);
	tcase_add_test(slots, worker_finds_its_world);
	tcase_add_test(slots, descriptors_keep_their_order);
	tcase_add_loop_test(slots, descriptors_may_lie_crossed, 0, 2);
	tcase_add_test(slots, kill_ends_a_worker);
	tcase_add_test(slots, worker_gets_its_own_ids);
	tcase_add_loop_test(ends, a_bad_request_ends_all, 0,
	    sizeof(bad_requests) / sizeof(bad_requests[0]));
	tcase_add_loop_test(ends, engine_death_ends_all, -1, 2);
	tcase_add_test(ends, closed_channel_ends_all);
	tcase_add_loop_test(ends, signals_stop_it_in_order, 0, 2);
	tcase_add_test(ends, a_failing_stop_is_no_success);
	tcase_add_test(ends, patience_with_a_stop_is_limited);
	tcase_add_test(ends, asked_twice_it_has_no_patience);
	tcase_add_test(ends, hangup_is_passed_on);
	tcase_add_test(ends, an_upgrade_is_refused_to_the_one_who_asked);
	tcase_add_test(ends, workers_die_with_the_supervisor);
	tcase_add_test(limits, a_program_that_is_none_is_reported);
	tcase_add_test(limits, starts_are_limited);
	tcase_add_test(limits, a_failed_fork_is_reported);
	tcase_add_test(limits, an_engine_that_reads_nothing_ends_all);
	suite_add_tcase(all, slots);
	suite_add_tcase(all, ends);
	suite_add_tcase(all, limits);
	return all;
}

int
main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[0], "socktopus-worker") == 0)
		return work(argv);
	return suite_run(suite());
}
