/*
 * The loader and the opener may still be of root's number, so what they could
 * start or trace is taken from them, and from the loader what it could change:
 * it reads files and nothing else, by Landlock and by the filter. The resolver
 * is refused what it can go on without. The opener resolves nothing, and has
 * local sockets alone.
 */
#include "supervisor/sandbox.h"

#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <netinet/in.h>

#include <linux/if_tun.h>
#include <linux/landlock.h>
#include <linux/sockios.h>
#include <linux/un.h>

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "supervisor/config.h"
#include "supervisor/sandbox_filter.h"
#include "supervisor/sandbox_landlock.h"
#include "supervisor/sandbox_lock.h"

/* clang-format off */

#define OPEN_BITS							\
	(O_ACCMODE | O_CREAT | O_TRUNC | O_PATH | (O_TMPFILE & ~O_DIRECTORY))
#define NOT_EXEC BITS(2, ~(uint64_t)(PROT_READ | PROT_WRITE), PROT_NONE)
#define TYPE_BITS (~(uint64_t)(SOCK_CLOEXEC | SOCK_NONBLOCK))
#define SOCKET(family, type)						\
	WHEN2(socket, IS(0, family), BITS(1, TYPE_BITS, type))

static const struct sandbox_filter_rule channel_rules[] = {
	CALL(recvfrom), CALL(sendmsg), CALL(sendto), CALL(memfd_create),
	CALL(pwrite64), CALL(getppid), WHEN(prctl, IS(0, PR_GET_SECCOMP)),
};

/* The file, what it includes, keys, and what the resolver reads. */
static const struct sandbox_filter_rule file_rules[] = {
	WHEN(open, BITS(1, OPEN_BITS, O_RDONLY)),
	WHEN(openat, BITS(2, OPEN_BITS, O_RDONLY)),
	CALL(read), CALL(readv), CALL(pread64), CALL(write), CALL(writev),
	CALL(close), CALL(lseek), CALL(_llseek), CALL(newfstatat),
	CALL(fstat), CALL(fstat64), CALL(fstatat64), CALL(statx), CALL(stat),
	CALL(lstat), CALL(access), CALL(faccessat), CALL(faccessat2),
	CALL(getdents64), CALL(uname), CALL(geteuid), CALL(getegid),
	CALL(getuid), CALL(getgid), CALL(geteuid32), CALL(getegid32),
	CALL(fcntl), CALL(fcntl64),
	/* A name service's library. */
	WHEN2(mmap, IS(2, PROT_READ | PROT_EXEC),
	    BITS(3, MAP_ANONYMOUS | MAP_SHARED, 0)),
};

static const struct sandbox_filter_rule socket_rules[] = {
	SOCKET(AF_INET, SOCK_STREAM), SOCKET(AF_INET, SOCK_DGRAM),
	SOCKET(AF_INET6, SOCK_STREAM), SOCKET(AF_INET6, SOCK_DGRAM),
	CALL(bind), CALL(listen), CALL(connect), CALL(getsockname),
	CALL(getpeername), CALL(setsockopt), CALL(recvmsg), CALL(sendmmsg),
	CALL(poll), CALL(ppoll), CALL(ppoll_time64),
	WHEN(ioctl, IS(1, FIONREAD)),
};

static const struct sandbox_filter_rule process_rules[] = {
	CALL(brk), CALL(munmap), CALL(mremap), CALL(madvise),
	WHEN(mmap, NOT_EXEC), WHEN(mmap2, NOT_EXEC), WHEN(mprotect, NOT_EXEC),
	CALL(futex), CALL(futex_time64), CALL(getrandom), CALL(gettimeofday),
	CALL(time), CALL(clock_gettime), CALL(clock_gettime64),
	CALL(clock_nanosleep), CALL(clock_nanosleep_time64), CALL(nanosleep),
	CALL(getpid), CALL(gettid), CALL(restart_syscall), CALL(rt_sigreturn),
	CALL(rt_sigprocmask), CALL(exit), CALL(exit_group),
};

/* Nothing honest gets to these. */
static const struct sandbox_filter_rule deadly_rules[] = {
	CALL(execve), CALL(execveat), CALL(fork), CALL(vfork), CALL(clone3),
	CALL(ptrace), CALL(process_vm_readv), CALL(process_vm_writev),
	CALL(kill), CALL(tkill), CALL(tgkill), CALL(pidfd_open),
	CALL(pidfd_getfd), CALL(bpf), CALL(perf_event_open),
	CALL(io_uring_setup), CALL(userfaultfd), CALL(unshare), CALL(setns),
	CALL(mount), CALL(keyctl), CALL(chroot), CALL(open_by_handle_at),
	CALL(init_module), CALL(finit_module), CALL(setuid), CALL(setresuid),
};

/* Refused in the way that makes the resolver go on without. */
static const struct sandbox_filter_rule family_rules[] = {
	{ SCMP_SYS(socket), 1, { { 0, SCMP_CMP_LT, AF_INET, 0 } } },
	{ SCMP_SYS(socket), 1, { { 0, SCMP_CMP_GT, AF_INET6, 0 } } },
};

/* What has a name comes, goes, and gets its rights; a log is opened. */
static const struct sandbox_filter_rule name_rules[] = {
	SOCKET(AF_UNIX, SOCK_STREAM), SOCKET(AF_UNIX, SOCK_DGRAM),
	SOCKET(AF_UNIX, SOCK_SEQPACKET), SOCKET(AF_INET, SOCK_DGRAM),
	CALL(bind), CALL(listen), CALL(connect), CALL(recvmsg), CALL(poll),
	CALL(ppoll), CALL(mkdir), CALL(mkdirat), CALL(flock), CALL(umask),
	CALL(unlink), CALL(unlinkat), CALL(rename), CALL(renameat),
	CALL(renameat2), CALL(chmod), CALL(fchmod), CALL(fchmodat),
	CALL(fchown), CALL(fchownat),
	CALL(setresgid), CALL(setresgid32), CALL(getresgid),
	CALL(getgroups),
	/* A socket's own file, and to see which one has a name: no content. */
	WHEN(ioctl, IS(1, SIOCUNIXFILE)),
	WHEN(openat, IS(2, O_PATH | O_NOFOLLOW | O_CLOEXEC)),
	WHEN(openat, IS(2, SANDBOX_LOCK_LOG_FLAGS)),
	WHEN(openat, IS(2, O_RDWR | O_CLOEXEC | O_NONBLOCK)),
	WHEN(ioctl, IS(1, TUNSETIFF)), WHEN(ioctl, IS(1, TUNSETVNETHDRSZ)),
	WHEN(ioctl, IS(1, TUNSETVNETLE)), WHEN(ioctl, IS(1, TUNSETOFFLOAD)),
	WHEN(ioctl, IS(1, SIOCSIFMTU)),
};

static const struct sandbox_filter_list lists[] = {
	LIST(SCMP_ACT_ALLOW, channel_rules),
	LIST(SCMP_ACT_ALLOW, file_rules),
	LIST(SCMP_ACT_ALLOW, socket_rules),
	LIST(SCMP_ACT_ALLOW, process_rules),
	LIST(SCMP_ACT_KILL_PROCESS, deadly_rules),
	LIST(SCMP_ACT_ERRNO(EAFNOSUPPORT), family_rules),
};

static const struct sandbox_filter_list opener_lists[] = {
	LIST(SCMP_ACT_ALLOW, channel_rules),
	LIST(SCMP_ACT_ALLOW, file_rules),
	LIST(SCMP_ACT_ALLOW, name_rules),
	LIST(SCMP_ACT_ALLOW, process_rules),
	LIST(SCMP_ACT_KILL_PROCESS, deadly_rules),
};

/* clang-format on */

static void
enter_landlock(int level)
{
	int ruleset = sandbox_landlock_new(level, SANDBOX_LANDLOCK_CHANGE);

	sandbox_lock_must(ruleset != -1 && sandbox_landlock_enter(ruleset) == 0,
	    "Landlock");
	sandbox_lock_must(open("/dev/null", O_WRONLY | O_CLOEXEC) == -1,
	    "Landlock is not in force");
}

void
sandbox_enter_loader(const struct config *config)
{
	bool filtered;
	int level;

	if (!sandbox_lock_begin(config, &level))
		return;
	if (level > 0)
		enter_landlock(level);
	filtered = sandbox_lock_filter(config, SCMP_ACT_ERRNO(ENOSYS), lists,
	    sizeof(lists) / sizeof(lists[0]));
	if (filtered)
		sandbox_lock_must(socket(AF_UNIX, SOCK_DGRAM, 0) == -1 &&
			errno == EAFNOSUPPORT,
		    "a local socket can be had");
	sandbox_lock_report(level, filtered);
}

/* Any name will do, but what is no socket, file or folder cannot be made. */
static void
enter_opener_landlock(int level)
{
	int ruleset = sandbox_landlock_new(level, SANDBOX_LANDLOCK_CHANGE);

	sandbox_lock_must(ruleset != -1 &&
		sandbox_landlock_grant_names(ruleset, level) == 0 &&
		sandbox_landlock_enter(ruleset) == 0,
	    "Landlock");
}

void
sandbox_enter_opener(const struct config *config)
{
	bool filtered;
	int level;

	if (!sandbox_lock_begin(config, &level))
		return;
	if (level > 0)
		enter_opener_landlock(level);
	filtered = sandbox_lock_filter(config, SCMP_ACT_ERRNO(ENOSYS),
	    opener_lists, sizeof(opener_lists) / sizeof(opener_lists[0]));
	if (filtered)
		sandbox_lock_must(socket(AF_INET, SOCK_STREAM, 0) == -1 &&
			errno == ENOSYS,
		    "a TCP socket can be had");
	sandbox_lock_report(level, filtered);
}
