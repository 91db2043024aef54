/*
 * A filter goes on to what is executed, so this one holds the calls of a
 * worker from its first instruction to its own lock-in, which is tighter. They
 * vary with the C library and with what the resolver loads; hence the default
 * is a refusal, and death only for what neither process has a use for.
 */
#include "supervisor/sandbox.h"

#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <netinet/in.h>

#include <linux/landlock.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include "shm/message.h"
#include "supervisor/config.h"
#include "supervisor/sandbox_filter.h"
#include "supervisor/sandbox_landlock.h"
#include "supervisor/sandbox_lock.h"
#include "supervisor/spawn.h"
#include "supervisor/succession.h"

/* Younger than the headers of Debian 12's kernel. */
#ifndef PR_SET_MDWE
#define PR_SET_MDWE 65
#endif

/* clang-format off */

static const struct sandbox_filter_rule own_rules[] = {
	CALL(poll), CALL(recvmsg), CALL(wait4),
	WHEN(sendto, IS(4, 0)),
	WHEN(signalfd4, IS(3, SOCK_CLOEXEC | SOCK_NONBLOCK)),
	WHEN(kill, IS(1, SIGKILL)),
	/* The workers' /dev/null. */
	WHEN(openat, IS(2, O_RDWR | O_CLOEXEC)),
	/* fork(2) and nothing that shares or unshares. */
	WHEN(clone, IS(0, CLONE_CHILD_CLEARTID | CLONE_CHILD_SETTID | SIGCHLD)),
	WHEN(prctl, IS(0, PR_GET_SECCOMP)),
};

/* Between fork and exec. */
static const struct sandbox_filter_rule launch_rules[] = {
	CALL(rt_sigaction), CALL(rt_sigprocmask), CALL(set_robust_list),
	CALL(setsid), CALL(umask), CALL(chdir), CALL(getppid),
	WHEN(fcntl, IS(1, F_DUPFD_CLOEXEC)),
	CALL(dup2), CALL(dup3), CALL(close_range),
	CALL(getresuid), CALL(getresgid), CALL(getgroups), CALL(capset),
	WHEN2(prctl, IS(0, PR_CAP_AMBIENT), IS(1, PR_CAP_AMBIENT_CLEAR_ALL)),
	WHEN(prctl, IS(0, PR_SET_NO_NEW_PRIVS)),
	WHEN2(prctl, IS(0, PR_SET_PDEATHSIG), IS(1, SIGKILL)),
	WHEN2(execveat, IS(0, FD_END), IS(4, AT_EMPTY_PATH)),
};

/* Another program of ours on trial, and to become it. */
static const struct sandbox_filter_rule upgrade_rules[] = {
	WHEN(fcntl, IS(1, F_ADD_SEALS)),
	WHEN(prctl, IS(0, PR_GET_NO_NEW_PRIVS)),
	WHEN2(execveat, IS(0, SUCCESSION_FD_PROGRAM), IS(4, AT_EMPTY_PATH)),
};

/* The dynamic linker, and the worker up to its first stage. */
static const struct sandbox_filter_rule start_rules[] = {
	CALL(arch_prctl), CALL(set_tid_address), CALL(rseq), CALL(pread64),
	CALL(prlimit64), CALL(ugetrlimit), CALL(setrlimit), CALL(capget),
	WHEN(prctl, IS(0, PR_SET_NAME)),
	WHEN2(prctl, IS(0, PR_SET_DUMPABLE), IS(1, 0)),
	WHEN(prctl, IS(0, PR_SET_MDWE)),
	CALL(memfd_create),
	WHEN(fcntl, IS(1, F_GET_SEALS)),
	WHEN(fcntl, IS(1, F_GETFL)),
	WHEN(fcntl, IS(1, F_SETFL)),
	CALL(bind), CALL(seccomp), CALL(landlock_create_ruleset),
	CALL(landlock_add_rule), CALL(landlock_restrict_self),
	WHEN(openat, IS(2, O_PATH | O_CLOEXEC)),
};

#define TYPE_BITS (~(uint64_t)(SOCK_CLOEXEC | SOCK_NONBLOCK))
#define SOCKET(family, type, protocol)					\
	WHEN3(socket, IS(0, family), BITS(1, TYPE_BITS, type), IS(2, protocol))
#define OPTION(level, name)						\
	WHEN2(setsockopt, IS(1, level), IS(2, name))

static const struct sandbox_filter_rule socket_rules[] = {
	SOCKET(AF_INET, SOCK_STREAM, 0),
	SOCKET(AF_INET, SOCK_STREAM, IPPROTO_TCP),
	SOCKET(AF_INET, SOCK_STREAM, IPPROTO_MPTCP),
	SOCKET(AF_INET, SOCK_DGRAM, 0),
	SOCKET(AF_INET, SOCK_DGRAM, IPPROTO_UDP),
	SOCKET(AF_INET6, SOCK_STREAM, 0),
	SOCKET(AF_INET6, SOCK_STREAM, IPPROTO_TCP),
	SOCKET(AF_INET6, SOCK_STREAM, IPPROTO_MPTCP),
	SOCKET(AF_INET6, SOCK_DGRAM, 0),
	SOCKET(AF_INET6, SOCK_DGRAM, IPPROTO_UDP),
	CALL(connect), CALL(getsockname), CALL(getpeername),
	CALL(getsockopt), CALL(recvfrom), CALL(sendmmsg),
	/*
	 * All of TCP's: the worker's own filter is strict, and one that was
	 * forgotten here would be refused in silence.
	 */
	WHEN(setsockopt, IS(1, IPPROTO_TCP)),
	OPTION(SOL_SOCKET, SO_KEEPALIVE),
	OPTION(SOL_SOCKET, SO_MAX_PACING_RATE),
	OPTION(SOL_SOCKET, SO_BINDTODEVICE),
	OPTION(IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT),
	OPTION(IPPROTO_IP, IP_RECVERR),
	OPTION(IPPROTO_IPV6, IPV6_RECVERR),
	WHEN(ioctl, IS(1, FIONREAD)),
};

#define OPEN_BITS							\
	(O_ACCMODE | O_CREAT | O_TRUNC | O_PATH | (O_TMPFILE & ~O_DIRECTORY))
#define NOT_EXEC BITS(2, ~(uint64_t)(PROT_READ | PROT_WRITE), PROT_NONE)
/* The text of a library. */
#define TEXT(name)							\
	WHEN2(name, IS(2, PROT_READ | PROT_EXEC),			\
	    BITS(3, MAP_ANONYMOUS | MAP_SHARED, 0))

/* Of every process, and of the resolver. */
static const struct sandbox_filter_rule common_rules[] = {
	CALL(read), CALL(write), CALL(readv), CALL(writev), CALL(close),
	CALL(ppoll), CALL(ppoll_time64), CALL(shutdown), CALL(lseek),
	CALL(_llseek), CALL(newfstatat), CALL(fstat), CALL(fstat64),
	CALL(fstatat64), CALL(statx), CALL(stat), CALL(access),
	CALL(faccessat), CALL(uname),
	WHEN(open, BITS(1, OPEN_BITS, O_RDONLY)),
	WHEN(openat, BITS(2, OPEN_BITS, O_RDONLY)),
	CALL(brk), CALL(munmap), CALL(mremap), CALL(madvise),
	WHEN(mmap, NOT_EXEC), WHEN(mmap2, NOT_EXEC), WHEN(mprotect, NOT_EXEC),
	TEXT(mmap), TEXT(mmap2),
	CALL(futex), CALL(futex_time64), CALL(getrandom), CALL(gettimeofday),
	CALL(time), CALL(clock_gettime), CALL(clock_gettime64),
	CALL(clock_nanosleep), CALL(clock_nanosleep_time64), CALL(nanosleep),
	CALL(getpid), CALL(gettid), CALL(restart_syscall), CALL(rt_sigreturn),
	CALL(exit), CALL(exit_group),
};

/* Nothing honest gets to these. */
static const struct sandbox_filter_rule deadly_rules[] = {
	CALL(execve), CALL(fork), CALL(vfork), CALL(ptrace),
	CALL(process_vm_readv), CALL(process_vm_writev), CALL(tkill),
	CALL(tgkill), CALL(rt_sigqueueinfo), CALL(rt_tgsigqueueinfo),
	CALL(pidfd_open), CALL(pidfd_getfd), CALL(pidfd_send_signal),
	CALL(bpf), CALL(perf_event_open), CALL(io_uring_setup),
	CALL(userfaultfd), CALL(unshare), CALL(setns), CALL(mount),
	CALL(keyctl), CALL(add_key), CALL(request_key), CALL(chroot),
	CALL(open_by_handle_at), CALL(init_module), CALL(finit_module),
	CALL(listen), CALL(accept), CALL(accept4), CALL(sendmsg),
};

/* Refused in the way that makes the resolver go on without. */
static const struct sandbox_filter_rule family_rules[] = {
	{ SCMP_SYS(socket), 1, { { 0, SCMP_CMP_LT, AF_INET, 0 } } },
	{ SCMP_SYS(socket), 1, { { 0, SCMP_CMP_GT, AF_INET6, 0 } } },
};

/* clang-format on */

static bool
enter_filter(const struct config *config, const struct spawn_settings *settings)
{
	const uid_t uid = settings->worker_uid;
	const gid_t gid = settings->worker_gid;
	const struct sandbox_filter_rule ids_rules[] = {
		WHEN(setgroups, IS(0, 0)),
		WHEN3(setresgid, IS(0, gid), IS(1, gid), IS(2, gid)),
		WHEN3(setresuid, IS(0, uid), IS(1, uid), IS(2, uid)),
	};
	const struct sandbox_filter_list lists[] = {
		LIST(SCMP_ACT_ALLOW, own_rules),
		LIST(SCMP_ACT_ALLOW, launch_rules),
		LIST(SCMP_ACT_ALLOW, upgrade_rules),
		LIST(SCMP_ACT_ALLOW, start_rules),
		LIST(SCMP_ACT_ALLOW, socket_rules),
		LIST(SCMP_ACT_ALLOW, common_rules),
		LIST(SCMP_ACT_KILL_PROCESS, deadly_rules),
		LIST(SCMP_ACT_ERRNO(EAFNOSUPPORT), family_rules),
		LIST(SCMP_ACT_ALLOW, ids_rules),
	};
	size_t count = sizeof(lists) / sizeof(lists[0]);

	return sandbox_lock_filter(config, SCMP_ACT_ERRNO(ENOSYS), lists,
	    settings->change_user ? count : count - 1);
}

/*
 * By folder: a program or a library that is upgraded is another file.
 */
static int
grant_execution(int ruleset, const struct launch_programs *programs)
{
	return sandbox_landlock_grant_linker(ruleset) == 0 &&
		sandbox_landlock_grant_folder(ruleset, programs->own,
		    LANDLOCK_ACCESS_FS_EXECUTE) == 0 &&
		sandbox_landlock_grant_folder(ruleset, programs->worker,
		    LANDLOCK_ACCESS_FS_EXECUTE) == 0 ?
	    0 :
	    -1;
}

/*
 * Reading is left to the worker's own layer: what the resolver reads is
 * replaced in the course of time, and a rule would stick to the old file.
 * Signals are not confined, since the engine is outside.
 */
static void
enter_landlock(int level, const struct launch_programs *programs)
{
	int ruleset = sandbox_landlock_new(level, SANDBOX_LANDLOCK_CHANGE);

	sandbox_lock_must(ruleset != -1 &&
		grant_execution(ruleset, programs) == 0 &&
		sandbox_landlock_grant(ruleset, "/dev/null",
		    LANDLOCK_ACCESS_FS_WRITE_FILE) == 0 &&
		sandbox_landlock_enter(ruleset) == 0,
	    "Landlock");
	sandbox_lock_must(open("/dev/zero", O_WRONLY | O_CLOEXEC) == -1,
	    "Landlock is not in force");
}

/* Its own way back, and a socket by which ids could be claimed. */
static void
prove(void)
{
	sandbox_lock_must(setresuid(0, 0, 0) == -1 && errno == ENOSYS,
	    "root's user id can be had again");
	sandbox_lock_must(setresgid(0, 0, 0) == -1 && errno == ENOSYS,
	    "root's group id can be had again");
	sandbox_lock_must(socket(AF_UNIX, SOCK_DGRAM, 0) == -1 &&
		errno == EAFNOSUPPORT,
	    "a local socket can be had");
}

void
sandbox_enter_supervisor(const struct config *config,
    const struct spawn_settings *settings)
{
	bool filtered;
	int level;

	if (!sandbox_lock_begin(config, &level))
		return;
	if (level > 0)
		enter_landlock(level, &settings->programs);
	filtered = enter_filter(config, settings);
	if (filtered)
		prove();
	sandbox_lock_report(level, filtered);
}
