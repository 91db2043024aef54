/*
 * What is not listed is refused, not deadly: the HTTP library's calls vary
 * with its version. connect(2) cannot be judged, since the address is behind a
 * pointer: the only new sockets are of the file system, and Landlock, from
 * level 4 on, refuses it on the TCP sockets that were accepted.
 */
#include "supervisor/ctl/exporter_sandbox.h"

#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <linux/landlock.h>

#include <errno.h>
#include <fcntl.h>
#include <time.h>

#include "supervisor/config.h"
#include "supervisor/sandbox_filter.h"
#include "supervisor/sandbox_landlock.h"
#include "supervisor/sandbox_lock.h"

#define NOT_EXEC BITS(2, ~(uint64_t)(PROT_READ | PROT_WRITE), PROT_NONE)
#define FOLDER_BITS (O_ACCMODE | O_CREAT | O_TRUNC | O_DIRECTORY)

/* clang-format off */

static const struct sandbox_filter_rule serve_rules[] = {
	CALL(epoll_wait), CALL(epoll_pwait), CALL(epoll_ctl), CALL(accept4),
	CALL(recvfrom), CALL(recvmsg), CALL(sendmsg), CALL(shutdown),
	WHEN(sendto, IS(4, 0)),
	CALL(read), CALL(write), CALL(readv), CALL(writev), CALL(close),
	WHEN2(setsockopt, IS(1, IPPROTO_TCP), IS(2, TCP_NODELAY)),
	WHEN2(setsockopt, IS(1, IPPROTO_TCP), IS(2, TCP_CORK)),
	CALL(getsockopt), CALL(getsockname),
	WHEN(fcntl, IS(1, F_GETFL)), WHEN(fcntl64, IS(1, F_GETFL)),
	WHEN(fcntl, IS(1, F_SETFL)), WHEN(fcntl64, IS(1, F_SETFL)),
	WHEN(fcntl, IS(1, F_GETFD)), WHEN(fcntl64, IS(1, F_GETFD)),
	WHEN(fcntl, IS(1, F_SETFD)), WHEN(fcntl64, IS(1, F_SETFD)),
	WHEN(ioctl, IS(1, FIONREAD)),
};

/* Find the control sockets and ask them. */
static const struct sandbox_filter_rule ask_rules[] = {
	WHEN(openat, BITS(2, FOLDER_BITS, O_RDONLY | O_DIRECTORY)),
	CALL(newfstatat), CALL(fstatat64), CALL(fstat), CALL(fstat64),
	CALL(statx), CALL(getdents64), CALL(geteuid), CALL(geteuid32),
	WHEN3(socket, IS(0, AF_UNIX), IS(1, SOCK_STREAM | SOCK_CLOEXEC),
	    IS(2, 0)),
	WHEN2(setsockopt, IS(1, SOL_SOCKET), IS(2, SO_SNDTIMEO)),
	CALL(connect), CALL(poll), CALL(ppoll), CALL(ppoll_time64),
};

static const struct sandbox_filter_rule common_rules[] = {
	CALL(brk), CALL(munmap), CALL(mremap), CALL(madvise),
	WHEN(mmap, NOT_EXEC), WHEN(mmap2, NOT_EXEC),
	CALL(clock_gettime), CALL(clock_gettime64), CALL(gettimeofday),
	CALL(time), CALL(getrandom), CALL(getpid), CALL(futex),
	CALL(futex_time64), CALL(restart_syscall), CALL(rt_sigreturn),
	CALL(exit), CALL(exit_group),
	/* Proves that the filter is there. */
	WHEN(prctl, IS(0, PR_GET_SECCOMP)),
};

static const struct sandbox_filter_rule deadly_rules[] = {
	CALL(execve), CALL(execveat), CALL(fork), CALL(vfork), CALL(clone),
	CALL(clone3), CALL(ptrace), CALL(kill), CALL(tkill), CALL(bind),
	CALL(listen), CALL(process_vm_readv), CALL(process_vm_writev),
	CALL(pidfd_open), CALL(pidfd_getfd), CALL(pidfd_send_signal),
	CALL(bpf), CALL(io_uring_setup), CALL(userfaultfd), CALL(unshare),
	CALL(setns), CALL(mount), CALL(chroot), CALL(keyctl),
	CALL(open_by_handle_at),
};

static const struct sandbox_filter_list lists[] = {
	LIST(SCMP_ACT_ALLOW, serve_rules),
	LIST(SCMP_ACT_ALLOW, ask_rules),
	LIST(SCMP_ACT_ALLOW, common_rules),
	LIST(SCMP_ACT_KILL_PROCESS, deadly_rules),
};

/* clang-format on */

/* A folder of sockets may be made later: all of them may be listed. */
static void
enter_landlock(int level)
{
	int ruleset = sandbox_landlock_new(level, SANDBOX_LANDLOCK_ALL);

	sandbox_lock_must(ruleset != -1 &&
		sandbox_landlock_grant(ruleset, "/",
		    LANDLOCK_ACCESS_FS_READ_DIR) == 0 &&
		sandbox_landlock_enter(ruleset) == 0,
	    "Landlock");
	sandbox_lock_must(open("/dev/null", O_RDONLY | O_CLOEXEC) == -1,
	    "Landlock is not in force");
}

void
exporter_sandbox_enter(void)
{
	static struct config config = { .sandbox = CONFIG_SANDBOX_BEST_EFFORT };
	bool filtered;
	int level;

	if (!sandbox_lock_begin(&config, &level))
		return;
	/* The time zone's file, for the log. */
	tzset();
	if (level > 0)
		enter_landlock(level);
	config.sandbox = CONFIG_SANDBOX_REQUIRED;
	filtered = sandbox_lock_filter(&config, SCMP_ACT_ERRNO(EPERM), lists,
	    sizeof(lists) / sizeof(lists[0]));
	sandbox_lock_report(level, filtered);
}
