/*
 * Lists of what is allowed, by name and where it matters by argument. Rules
 * only ever allow on equality: comparisons are 64 bits wide, and what a kernel
 * ignores in the high half would slip past a rule that forbids on equality.
 *
 * The calls that the pump makes all the time have no argument rule, because
 * the kernel keeps a bitmap of numbers that are always allowed.
 */
#include "worker/filter.h"

#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <linux/filter.h>
#include <linux/seccomp.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#define CONDITIONS_MAX 3
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct rule {
	int call;
	unsigned int conditions;
	struct scmp_arg_cmp condition[CONDITIONS_MAX];
};

struct list {
	const struct rule *rules;
	size_t count;
};

/* clang-format off */

#define CALL(name) { .call = SCMP_SYS(name) }
#define IS(argument, value) { (argument), SCMP_CMP_EQ, (value), 0 }
#define BITS(argument, mask, value)					\
	{ (argument), SCMP_CMP_MASKED_EQ, (uint64_t)(mask), (value) }
#define WHEN(name, one)							\
	{ SCMP_SYS(name), 1, { one } }
#define WHEN2(name, one, two)						\
	{ SCMP_SYS(name), 2, { one, two } }
#define WHEN3(name, one, two, three)					\
	{ SCMP_SYS(name), 3, { one, two, three } }

/* Every stage. */
static const struct rule pump_rules[] = {
	CALL(read), CALL(write), CALL(readv), CALL(writev), CALL(close),
	CALL(shutdown), CALL(ppoll), CALL(ppoll_time64), CALL(clock_gettime),
	CALL(clock_gettime64), CALL(exit), CALL(exit_group),
	CALL(rt_sigreturn), CALL(restart_syscall),
	WHEN2(getsockopt, IS(1, SOL_SOCKET), IS(2, SO_ERROR)),
	WHEN2(getsockopt, IS(1, IPPROTO_TCP), IS(2, TCP_INFO)),
	WHEN2(setsockopt, IS(1, IPPROTO_TCP), IS(2, TCP_QUICKACK)),
};

/* Until the connection stands. */
static const struct rule dial_rules[] = {
	CALL(connect), CALL(getsockopt), CALL(landlock_restrict_self),
	WHEN(seccomp, IS(0, SECCOMP_SET_MODE_FILTER)),
};

#define OPEN_BITS							\
	(O_ACCMODE | O_CREAT | O_TRUNC | (O_TMPFILE & ~O_DIRECTORY))
#define TYPE_BITS (~(uint64_t)(SOCK_CLOEXEC | SOCK_NONBLOCK))
#define SOCKET(family, type, protocol)					\
	WHEN3(socket, IS(0, family), BITS(1, TYPE_BITS, type), IS(2, protocol))

/* What getaddrinfo(3) and the modules of the name service switch do. */
static const struct rule resolver_rules[] = {
	CALL(lseek), CALL(newfstatat), CALL(fstat), CALL(fstat64),
	CALL(fstatat64), CALL(statx), CALL(stat), CALL(access),
	CALL(faccessat), CALL(uname), CALL(_llseek),
	WHEN(open, BITS(1, OPEN_BITS, O_RDONLY)),
	WHEN(openat, BITS(2, OPEN_BITS, O_RDONLY)),

	CALL(brk), CALL(munmap), CALL(mremap), CALL(madvise),
	WHEN(mmap, BITS(2, ~(uint64_t)(PROT_READ | PROT_WRITE), PROT_NONE)),
	WHEN(mmap2, BITS(2, ~(uint64_t)(PROT_READ | PROT_WRITE), PROT_NONE)),
	/* The text of a module. */
	WHEN2(mmap, IS(2, PROT_READ | PROT_EXEC),
	    BITS(3, MAP_ANONYMOUS | MAP_SHARED, 0)),
	WHEN2(mmap2, IS(2, PROT_READ | PROT_EXEC),
	    BITS(3, MAP_ANONYMOUS | MAP_SHARED, 0)),
	WHEN(mprotect, BITS(2, ~(uint64_t)(PROT_READ | PROT_WRITE),
	    PROT_NONE)),

	/* TCP by number alone: Landlock does not see MPTCP. */
	SOCKET(AF_INET, SOCK_STREAM, 0),
	SOCKET(AF_INET, SOCK_STREAM, IPPROTO_TCP),
	SOCKET(AF_INET, SOCK_DGRAM, 0),
	SOCKET(AF_INET, SOCK_DGRAM, IPPROTO_UDP),
	SOCKET(AF_INET6, SOCK_STREAM, 0),
	SOCKET(AF_INET6, SOCK_STREAM, IPPROTO_TCP),
	SOCKET(AF_INET6, SOCK_DGRAM, 0),
	SOCKET(AF_INET6, SOCK_DGRAM, IPPROTO_UDP),
	CALL(getsockname), CALL(getpeername), CALL(poll), CALL(recvfrom),
	CALL(sendmmsg),
	/* No destination: else TCP Fast Open connects past Landlock. */
	WHEN(sendto, IS(4, 0)),
	WHEN2(setsockopt, IS(1, IPPROTO_IP), IS(2, IP_RECVERR)),
	WHEN2(setsockopt, IS(1, IPPROTO_IPV6), IS(2, IPV6_RECVERR)),
	WHEN(ioctl, IS(1, FIONREAD)),

	CALL(futex), CALL(futex_time64), CALL(getrandom), CALL(gettimeofday),
	CALL(time), CALL(clock_nanosleep), CALL(clock_nanosleep_time64),
	CALL(nanosleep), CALL(getpid), CALL(gettid), CALL(rt_sigprocmask),
};

/*
 * The resolver's stage answers what it does not know with ENOSYS, since
 * modules vary and glibc falls back. Nothing honest gets to these.
 */
static const struct rule deadly_rules[] = {
	CALL(execve), CALL(execveat), CALL(fork), CALL(vfork), CALL(clone),
	CALL(ptrace), CALL(process_vm_readv), CALL(process_vm_writev),
	CALL(kill), CALL(tkill), CALL(tgkill), CALL(rt_sigqueueinfo),
	CALL(rt_tgsigqueueinfo), CALL(pidfd_open), CALL(pidfd_getfd),
	CALL(pidfd_send_signal), CALL(bpf), CALL(perf_event_open),
	CALL(io_uring_setup), CALL(userfaultfd), CALL(unshare), CALL(setns),
	CALL(mount), CALL(keyctl), CALL(add_key), CALL(request_key),
	CALL(setuid), CALL(setresuid), CALL(chroot), CALL(open_by_handle_at),
	CALL(init_module), CALL(finit_module), CALL(listen), CALL(accept4),
	CALL(memfd_create), CALL(sendmsg),
};

/*
 * nscd, varlink and netlink: refused in the way that makes glibc go on without
 * them. One argument takes one comparison, hence those below and those above.
 */
static const struct rule family_rules[] = {
	{ SCMP_SYS(socket), 1, { { 0, SCMP_CMP_LT, AF_INET, 0 } } },
	{ SCMP_SYS(socket), 1, { { 0, SCMP_CMP_GT, AF_INET6, 0 } } },
};

/* clang-format on */

static const struct list pump_list = { pump_rules, COUNT(pump_rules) };
static const struct list dial_list = { dial_rules, COUNT(dial_rules) };
static const struct list resolver_list = { resolver_rules,
	COUNT(resolver_rules) };
static const struct list deadly_list = { deadly_rules, COUNT(deadly_rules) };
static const struct list family_list = { family_rules, COUNT(family_rules) };

static int
add(scmp_filter_ctx context, uint32_t action, const struct list *list)
{
#ifndef SANDBOX_RELAXED
	const struct rule *rule;
	size_t i;
	int result;

	for (i = 0; i < list->count; i++) {
		rule = &list->rules[i];
		result = seccomp_rule_add_array(context, action, rule->call,
		    rule->conditions, rule->condition);
		if (result < 0) {
			errno = -result;
			return -1;
		}
	}
#else
	(void)context;
	(void)action;
	(void)list;
#endif
	return 0;
}

static int
add_lists(scmp_filter_ctx context, enum filter_kind kind)
{
	if (add(context, SCMP_ACT_ALLOW, &pump_list) == -1)
		return -1;
	switch (kind) {
	case FILTER_PUMP:
		return 0;
	case FILTER_LITERAL:
		return add(context, SCMP_ACT_ALLOW, &dial_list);
	case FILTER_NAMES:
		break;
	}
	if (add(context, SCMP_ACT_ALLOW, &dial_list) == -1 ||
	    add(context, SCMP_ACT_ALLOW, &resolver_list) == -1 ||
	    add(context, SCMP_ACT_ERRNO(EAFNOSUPPORT), &family_list) == -1)
		return -1;
	return add(context, SCMP_ACT_KILL_PROCESS, &deadly_list);
}

static uint32_t
other_calls(enum filter_kind kind)
{
#ifdef SANDBOX_RELAXED
	(void)kind;
	return SCMP_ACT_ALLOW;
#else
	return kind == FILTER_NAMES ? SCMP_ACT_ERRNO(ENOSYS) :
				      SCMP_ACT_KILL_PROCESS;
#endif
}

static int
read_program(int fd, struct sock_fprog *program)
{
	off_t bytes;

	bytes = lseek(fd, 0, SEEK_END);
	if (bytes <= 0 ||
	    bytes > BPF_MAXINSNS * (off_t)sizeof(*program->filter)) {
		errno = E2BIG;
		return -1;
	}
	program->filter = malloc((size_t)bytes);
	if (program->filter == NULL)
		return -1;
	program->len = (unsigned short)((size_t)bytes /
	    sizeof(*program->filter));
	return pread(fd, program->filter, (size_t)bytes, 0) == bytes ? 0 : -1;
}

static int
export_program(scmp_filter_ctx context, struct sock_fprog *program)
{
	int fd, result;

	fd = memfd_create("filter", MFD_CLOEXEC);
	if (fd == -1)
		return -1;
	result = seccomp_export_bpf(context, fd);
	if (result < 0) {
		errno = -result;
		result = -1;
	} else {
		result = read_program(fd, program);
	}
	close(fd);
	return result;
}

int
filter_build(struct sock_fprog *program, enum filter_kind kind)
{
	scmp_filter_ctx context;
	int result;

	context = seccomp_init(other_calls(kind));
	if (context == NULL) {
		errno = ENOMEM;
		return -1;
	}
	result = add_lists(context, kind);
	if (result == 0)
		result = export_program(context, program);
	seccomp_release(context);
	return result;
}

int
filter_load(const struct sock_fprog *program)
{
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, program);
}
