/*
 * The list is what the loop was traced to do, and no more. Calls that are made
 * for every datagram have no argument rule: the kernel keeps a bitmap of what
 * is always allowed.
 *
 * connect(2) cannot be judged, since the address is behind a pointer. It can
 * only be made on what socket(2) gives, which is UDP, on the socket of a log's
 * daemon, which is a local one for datagrams, and Landlock refuses it on the
 * TCP sockets that were accepted.
 */
#include "supervisor/sandbox.h"

#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <netinet/in.h>
#include <netinet/udp.h>

#include <errno.h>
#include <fcntl.h>

#include "supervisor/config.h"
#include "supervisor/sandbox_filter.h"
#include "supervisor/sandbox_landlock.h"
#include "supervisor/sandbox_lock.h"

#define DATAGRAM (SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK)
#define CHANNEL (SOCK_SEQPACKET | SOCK_CLOEXEC)
#define NOT_EXEC BITS(2, ~(uint64_t)(PROT_READ | PROT_WRITE), PROT_NONE)

/* clang-format off */

static const struct sandbox_filter_rule loop_rules[] = {
	CALL(sched_yield), CALL(epoll_wait), CALL(epoll_pwait), CALL(epoll_ctl),
	CALL(read), CALL(write), CALL(readv), CALL(writev), CALL(close),
	CALL(recvmmsg), CALL(recvmmsg_time64), CALL(sendmmsg),
	CALL(recvmsg), CALL(sendmsg), CALL(recvfrom),
	WHEN(sendto, IS(4, 0)),
	CALL(clock_gettime), CALL(clock_gettime64), CALL(gettimeofday),
	CALL(getrandom), CALL(getpid), CALL(getppid), CALL(futex),
	CALL(futex_time64), CALL(restart_syscall), CALL(rt_sigreturn),
	CALL(exit), CALL(exit_group),
	/* Proves that the filter is there. */
	WHEN(prctl, IS(0, PR_GET_SECCOMP)),

	CALL(brk), CALL(munmap), CALL(mremap), CALL(madvise),
	WHEN(mmap, NOT_EXEC), WHEN(mmap2, NOT_EXEC),
};

/* A path comes up: its regions, channel and bells. */
static const struct sandbox_filter_rule path_rules[] = {
	CALL(memfd_create), CALL(ftruncate), CALL(ftruncate64),
	WHEN(fchmod, IS(1, 0600)),
	WHEN(fcntl, IS(1, F_ADD_SEALS)), WHEN(fcntl64, IS(1, F_ADD_SEALS)),
	WHEN(fcntl, IS(1, F_GETFL)), WHEN(fcntl64, IS(1, F_GETFL)),
	WHEN(fcntl, IS(1, F_SETFL)), WHEN(fcntl64, IS(1, F_SETFL)),
	WHEN2(socketpair, IS(0, AF_UNIX), IS(1, CHANNEL)),
	WHEN(pipe2, IS(1, O_CLOEXEC | O_NONBLOCK)),
};

/* A tunnel that a peer opens, a connection, a client of the control socket. */
static const struct sandbox_filter_rule socket_rules[] = {
	WHEN(accept4, IS(3, SOCK_CLOEXEC | SOCK_NONBLOCK)),
	WHEN3(socket, IS(0, AF_INET), IS(1, DATAGRAM), IS(2, 0)),
	WHEN3(socket, IS(0, AF_INET6), IS(1, DATAGRAM), IS(2, 0)),
	CALL(bind), CALL(connect), CALL(getsockname), CALL(getpeername),
	WHEN2(setsockopt, IS(1, IPPROTO_IPV6), IS(2, IPV6_V6ONLY)),
	WHEN2(setsockopt, IS(1, SOL_SOCKET), IS(2, SO_TIMESTAMPNS)),
	WHEN2(setsockopt, IS(1, SOL_SOCKET), IS(2, SO_RCVBUFFORCE)),
	WHEN2(setsockopt, IS(1, SOL_SOCKET), IS(2, SO_SNDBUFFORCE)),
	WHEN2(setsockopt, IS(1, SOL_SOCKET), IS(2, SO_RCVBUF)),
	WHEN2(setsockopt, IS(1, SOL_SOCKET), IS(2, SO_SNDBUF)),
	WHEN2(setsockopt, IS(1, SOL_UDP), IS(2, UDP_GRO)),
	WHEN2(getsockopt, IS(1, SOL_UDP), IS(2, UDP_SEGMENT)),
	WHEN2(getsockopt, IS(1, SOL_SOCKET), IS(2, SO_MEMINFO)),
	WHEN2(getsockopt, IS(1, SOL_SOCKET), IS(2, SO_PEERCRED)),
	/* The sockets of clients have one of their own. */
	WHEN(epoll_create1, IS(0, EPOLL_CLOEXEC)),
	CALL(geteuid), CALL(geteuid32),
	WHEN(ioctl, IS(1, FIONREAD)),
};

static const struct sandbox_filter_list lists[] = {
	LIST(SCMP_ACT_ALLOW, loop_rules),
	LIST(SCMP_ACT_ALLOW, path_rules),
	LIST(SCMP_ACT_ALLOW, socket_rules),
};

/* clang-format on */

static void
enter_landlock(int level)
{
	int ruleset = sandbox_landlock_new(level, SANDBOX_LANDLOCK_ALL);

	sandbox_lock_must(ruleset != -1 && sandbox_landlock_enter(ruleset) == 0,
	    "Landlock");
	sandbox_lock_must(open("/", O_RDONLY | O_CLOEXEC) == -1,
	    "Landlock is not in force");
}

void
sandbox_enter_engine(const struct config *config)
{
	bool filtered;
	int level;

	if (!sandbox_lock_begin(config, &level))
		return;
	if (level > 0)
		enter_landlock(level);
	filtered = sandbox_lock_filter(config, SCMP_ACT_KILL_PROCESS, lists,
	    sizeof(lists) / sizeof(lists[0]));
	sandbox_lock_report(level, filtered);
}
