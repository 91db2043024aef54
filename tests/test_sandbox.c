/*
 * Tries what each stage of the lock-in forbids, every attempt in a process of
 * its own. What must go on working is shown by the other tests, which run the
 * real program in the real lock-in.
 */
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <linux/capability.h>
#include <linux/seccomp.h>

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "worker/landlock.h"
#include "worker/sandbox.h"
#include "tests/suite.h"

#define PORT 23461
#define KILLED 1000
#define X32_BIT 0x40000000L
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct attempt {
	const char *name;
	long number;
	long arguments[6];
};

/* clang-format off */

#define TRY(call, ...) { #call, SYS_##call, { __VA_ARGS__ } }

/* Of no use to a worker that pumps, or only connects. */
static const struct attempt forbidden[] = {
	TRY(openat, AT_FDCWD, (long)"/etc/hosts", O_RDONLY),
	TRY(openat2, AT_FDCWD), TRY(memfd_create, (long)"x"), TRY(dup, 0),
	TRY(pipe2), TRY(fcntl, 0, F_GETFL), TRY(ioctl, 0, FIONBIO),
	TRY(socket, AF_INET, SOCK_STREAM), TRY(socketpair), TRY(bind, 0),
	TRY(listen, 0), TRY(accept4, 0), TRY(sendto, 0), TRY(sendmsg, 0),
	TRY(recvmsg, 0), TRY(recvfrom, 0),
	TRY(setsockopt, 0, SOL_SOCKET, SO_KEEPALIVE),
	TRY(mmap, 0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1),
	TRY(mprotect, 0, 4096, PROT_READ | PROT_EXEC), TRY(mremap),
	TRY(madvise), TRY(brk), TRY(fallocate), TRY(ftruncate),
	TRY(clone, SIGCHLD), TRY(clone3), TRY(execve), TRY(execveat),
	TRY(kill, 1, 0), TRY(tgkill), TRY(rt_sigqueueinfo), TRY(pidfd_open, 1),
	TRY(pidfd_send_signal), TRY(ptrace), TRY(process_vm_readv, 1),
	TRY(process_vm_writev, 1), TRY(prctl, PR_SET_DUMPABLE, 1),
	TRY(setuid, 0), TRY(setresuid), TRY(setgroups), TRY(capset),
	TRY(unshare, 0), TRY(setns), TRY(mount), TRY(chroot, (long)"/"),
	TRY(chdir, (long)"/"), TRY(unlinkat), TRY(bpf), TRY(perf_event_open),
	TRY(io_uring_setup), TRY(userfaultfd), TRY(keyctl), TRY(add_key),
	TRY(init_module), TRY(getpid), TRY(futex), TRY(personality),
	TRY(prlimit64), TRY(landlock_create_ruleset),
	TRY(seccomp, SECCOMP_SET_MODE_STRICT),
	/* Files, by whatever way. */
	TRY(open_by_handle_at), TRY(name_to_handle_at), TRY(linkat),
	TRY(symlinkat), TRY(renameat2), TRY(mkdirat), TRY(mknodat),
	TRY(truncate, (long)"/tmp"), TRY(fchmod, 0), TRY(fchown, 0),
	TRY(getdents64, 0), TRY(readlinkat), TRY(newfstatat), TRY(statx),
	TRY(sendfile, 0), TRY(splice, 0), TRY(copy_file_range, 0),
	TRY(inotify_init1), TRY(fanotify_init), TRY(flock, 0),
	/* Memory and descriptors, ours and those of others. */
	TRY(munmap), TRY(shmget), TRY(memfd_secret), TRY(pkey_mprotect),
	TRY(process_madvise), TRY(pidfd_getfd), TRY(kcmp), TRY(mlock),
	TRY(dup3, 0, 9), TRY(epoll_create1), TRY(eventfd2), TRY(signalfd4),
	TRY(timerfd_create), TRY(msgget), TRY(semget),
	/* The process, its signals and its rights. */
	TRY(rt_sigaction, SIGSYS), TRY(rt_sigprocmask), TRY(setsid),
	TRY(setgid), TRY(setfsuid), TRY(setrlimit), TRY(setpriority),
	TRY(sched_setaffinity), TRY(setitimer), TRY(timer_create),
	TRY(capget), TRY(tkill), TRY(rt_tgsigqueueinfo), TRY(wait4),
	TRY(request_key), TRY(landlock_add_rule), TRY(nanosleep),
	/* The machine. */
	TRY(umount2), TRY(pivot_root), TRY(swapon), TRY(reboot),
	TRY(kexec_load), TRY(finit_module), TRY(sethostname), TRY(acct),
	TRY(settimeofday), TRY(clock_settime), TRY(syslog), TRY(quotactl),
	TRY(uname), TRY(sysinfo), TRY(getcwd),
#ifdef __x86_64__
	TRY(open, (long)"/etc/hosts", O_RDONLY), TRY(fork), TRY(vfork),
	TRY(ioperm), TRY(iopl), TRY(modify_ldt), TRY(arch_prctl),
	{ "x32 getpid", X32_BIT | SYS_getpid, { 0 } },
	{ "x32 read", X32_BIT | SYS_read, { 0 } },
#endif
};

/* What the first stage needs and the second has no more. */
static const struct attempt forbidden_at_last[] = {
	TRY(connect, 0), TRY(landlock_restrict_self),
	TRY(seccomp, SECCOMP_SET_MODE_FILTER),
	TRY(getsockopt, 0, SOL_SOCKET, SO_TYPE),
};

static const struct attempt forbidden_to_the_resolver[] = {
	TRY(execve), TRY(execveat), TRY(clone, SIGCHLD), TRY(kill, 1, 0),
	TRY(ptrace), TRY(process_vm_readv, 1), TRY(pidfd_open, 1), TRY(bpf),
	TRY(io_uring_setup), TRY(userfaultfd), TRY(unshare), TRY(mount),
	TRY(setuid, 0), TRY(listen), TRY(accept4), TRY(memfd_create),
	TRY(sendmsg), TRY(keyctl),
#ifdef __x86_64__
	{ "x32 getpid", X32_BIT | SYS_getpid, { 0 } },
#endif
};

static const struct {
	struct attempt attempt;
	int error;
} refused_to_the_resolver[] = {
	{ TRY(fcntl, 0, F_GETFL), ENOSYS },
	{ TRY(bind, 0), ENOSYS },
	{ TRY(prctl, PR_SET_DUMPABLE, 1), ENOSYS },
	{ TRY(clone3), ENOSYS },
	{ TRY(openat, AT_FDCWD, (long)"/dev/null", O_WRONLY), ENOSYS },
	{ TRY(openat, AT_FDCWD, (long)"/tmp", O_RDWR | O_TMPFILE), ENOSYS },
	{ TRY(socket, AF_UNIX, SOCK_STREAM), EAFNOSUPPORT },
	{ TRY(socket, AF_NETLINK, SOCK_RAW), EAFNOSUPPORT },
	{ TRY(socket, AF_INET, SOCK_RAW, IPPROTO_ICMP), ENOSYS },
	{ TRY(socket, AF_INET, SOCK_STREAM, IPPROTO_MPTCP), ENOSYS },
	/* With a destination, as TCP Fast Open has it. */
	{ TRY(sendto, 0, 0, 0, MSG_FASTOPEN, 1, 16), ENOSYS },
	{ TRY(setsockopt, 0, SOL_SOCKET, SO_BINDTODEVICE), ENOSYS },
	{ TRY(mprotect, 0, 4096, PROT_READ | PROT_EXEC), ENOSYS },
	{ TRY(mmap, 0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1), ENOSYS },
	{ TRY(mmap, 0, 4096, PROT_READ | PROT_EXEC,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1), ENOSYS },
	{ TRY(landlock_create_ruleset), ENOSYS },
	{ TRY(seccomp, SECCOMP_SET_MODE_STRICT), ENOSYS },
};

/* clang-format on */

static void
enter(enum sandbox_reach reach, bool pump)
{
	struct sandbox sandbox;

	if (sandbox_harden() == -1 ||
	    sandbox_prepare(&sandbox, reach, PORT) == -1 ||
	    sandbox_enter_dial(&sandbox) == -1 ||
	    (pump && sandbox_enter_pump(&sandbox) == -1))
		_exit(255);
}

/* 0, the errno, or KILLED. */
static int
outcome(pid_t pid)
{
	int status;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status)) {
		ck_assert_int_ne(WEXITSTATUS(status), 255);
		return WEXITSTATUS(status);
	}
	ck_assert_int_eq(WTERMSIG(status), SIGSYS);
	return KILLED;
}

static int
attempt(enum sandbox_reach reach, bool pump, const struct attempt *what)
{
	const long *a = what->arguments;
	pid_t pid = fork();

	if (pid == 0) {
		enter(reach, pump);
		if (syscall(what->number, a[0], a[1], a[2], a[3], a[4], a[5]) ==
		    -1)
			_exit(errno);
		_exit(0);
	}
	return outcome(pid);
}

static void
expect_killed(enum sandbox_reach reach, bool pump, const struct attempt *what)
{
	ck_assert_msg(attempt(reach, pump, what) == KILLED, "%s got through",
	    what->name);
}

START_TEST(the_pump_is_locked_in)
{
	size_t i;

	for (i = 0; i < COUNT(forbidden); i++) {
		expect_killed(SANDBOX_SERVE, true, &forbidden[i]);
		expect_killed(SANDBOX_LITERAL, true, &forbidden[i]);
	}
	for (i = 0; i < COUNT(forbidden_at_last); i++) {
		expect_killed(SANDBOX_SERVE, true, &forbidden_at_last[i]);
		expect_killed(SANDBOX_NAMES, true, &forbidden_at_last[i]);
	}
}
END_TEST

START_TEST(a_literal_can_only_be_connected)
{
	size_t i;

	for (i = 0; i < COUNT(forbidden); i++)
		expect_killed(SANDBOX_LITERAL, false, &forbidden[i]);
}
END_TEST

START_TEST(the_resolver_is_refused_or_killed)
{
	int got;
	size_t i;

	for (i = 0; i < COUNT(forbidden_to_the_resolver); i++)
		expect_killed(SANDBOX_NAMES, false,
		    &forbidden_to_the_resolver[i]);
	for (i = 0; i < COUNT(refused_to_the_resolver); i++) {
		got = attempt(SANDBOX_NAMES, false,
		    &refused_to_the_resolver[i].attempt);
		ck_assert_msg(got == refused_to_the_resolver[i].error, "%s: %s",
		    refused_to_the_resolver[i].attempt.name,
		    got == KILLED ? "killed" : strerror(got));
	}
}
END_TEST

static int
open_under_names(const char *path)
{
	const struct attempt what = { path, SYS_openat,
		{ AT_FDCWD, (long)path, O_RDONLY } };

	return attempt(SANDBOX_NAMES, false, &what);
}

START_TEST(the_resolver_reads_its_files_alone)
{
	if (landlock_level() == 0)
		return;
	ck_assert_int_eq(open_under_names("/etc/hosts"), 0);
	ck_assert_int_eq(open_under_names("/etc/resolv.conf"), 0);
	ck_assert_int_eq(open_under_names("/etc/passwd"), EACCES);
	ck_assert_int_eq(open_under_names("/proc/self/status"), EACCES);
	ck_assert_int_eq(open_under_names("/"), EACCES);
}
END_TEST

/* On a socket that was there before. */
static int
connect_to(enum sandbox_reach reach, uint16_t port)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct attempt what = { "connect", SYS_connect,
		{ 0, (long)&to, sizeof(to) } };
	int got;

	what.arguments[0] = socket(AF_INET, SOCK_STREAM, 0);
	ck_assert_int_ne(what.arguments[0], -1);
	got = attempt(reach, false, &what);
	close((int)what.arguments[0]);
	return got;
}

START_TEST(only_one_port_is_reached)
{
	if (landlock_level() < 4)
		return;
	ck_assert_int_ne(connect_to(SANDBOX_LITERAL, PORT), EACCES);
	ck_assert_int_eq(connect_to(SANDBOX_LITERAL, 53), EACCES);
	ck_assert_int_eq(connect_to(SANDBOX_LITERAL, PORT + 1), EACCES);
	ck_assert_int_ne(connect_to(SANDBOX_NAMES, PORT), EACCES);
	ck_assert_int_ne(connect_to(SANDBOX_NAMES, 53), EACCES);
	ck_assert_int_eq(connect_to(SANDBOX_NAMES, 22), EACCES);
}
END_TEST

static bool
limited(__rlimit_resource_t resource, rlim_t limit)
{
	struct rlimit got;

	return getrlimit(resource, &got) == 0 && got.rlim_cur <= limit &&
	    got.rlim_max <= limit;
}

static bool
without_capabilities(void)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3
	};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	return syscall(SYS_capget, &header, data) == 0 &&
	    data[0].permitted == 0 && data[1].permitted == 0 &&
	    data[0].effective == 0 && data[1].effective == 0 &&
	    data[0].inheritable == 0 && data[1].inheritable == 0;
}

START_TEST(the_process_is_stripped_before)
{
	struct sandbox sandbox;
	pid_t pid = fork();

	if (pid == 0)
		_exit(sandbox_harden() == 0 &&
			    sandbox_prepare(&sandbox, SANDBOX_NAMES, PORT) ==
				0 &&
			    prctl(PR_GET_DUMPABLE) == 0 &&
			    prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 &&
			    without_capabilities() && limited(RLIMIT_CORE, 0) &&
			    limited(RLIMIT_FSIZE, 0) &&
			    limited(RLIMIT_NPROC, 0) &&
			    limited(RLIMIT_MEMLOCK, 0) &&
			    limited(RLIMIT_NOFILE, 64) ?
			0 :
			1);
	ck_assert_int_eq(outcome(pid), 0);
}
END_TEST

/* A service manager may answer EPERM; going on without is no option. */
START_TEST(a_step_that_fails_is_an_error)
{
	struct sandbox sandbox;
	pid_t pid = fork();

	if (pid == 0) {
		if (sandbox_prepare(&sandbox, SANDBOX_SERVE, PORT) == -1)
			_exit(1);
		sandbox.pump.len = 0;
		_exit(sandbox_enter_pump(&sandbox) == -1 ? 0 : 1);
	}
	ck_assert_int_eq(outcome(pid), 0);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("sandbox");
	TCase *t = tcase_create("sandbox");

	tcase_set_timeout(t, 30);
	tcase_add_test(t, the_pump_is_locked_in);
	tcase_add_test(t, a_literal_can_only_be_connected);
	tcase_add_test(t, the_resolver_is_refused_or_killed);
	tcase_add_test(t, the_resolver_reads_its_files_alone);
	tcase_add_test(t, only_one_port_is_reached);
	tcase_add_test(t, the_process_is_stripped_before);
	tcase_add_test(t, a_step_that_fails_is_an_error);
	suite_add_tcase(s, t);
	return s;
}

int
main(void)
{
	return suite_run_locked(suite());
}
