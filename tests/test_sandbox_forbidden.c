/*
 * Tries what the lock-ins of the engine and of the supervisor forbid.
 */
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <netinet/in.h>

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lock_rig.h"
#include "tests/suite.h"

#define X32_BIT 0x40000000L
#define FORK_FLAGS (CLONE_CHILD_CLEARTID | CLONE_CHILD_SETTID | SIGCHLD)

/* clang-format off */

static const struct lock_rig_attempt deadly_to_the_engine[] = {
	TRY(openat, AT_FDCWD, (long)"/etc/hosts", O_RDONLY), TRY(openat2),
	TRY(open_by_handle_at), TRY(execve), TRY(execveat),
	TRY(clone, FORK_FLAGS), TRY(clone3), TRY(kill, 1, 0), TRY(tgkill),
	TRY(rt_sigqueueinfo), TRY(pidfd_open, 1), TRY(pidfd_send_signal),
	TRY(pidfd_getfd), TRY(ptrace), TRY(process_vm_readv, 1),
	TRY(process_vm_writev, 1), TRY(prctl, PR_SET_DUMPABLE, 1),
	TRY(setuid, 0), TRY(setresuid), TRY(setgroups), TRY(capset),
	TRY(unshare, 0), TRY(setns), TRY(mount), TRY(chroot, (long)"/"),
	TRY(unlinkat), TRY(mkdirat), TRY(renameat2), TRY(fchmodat),
	TRY(bpf), TRY(perf_event_open), TRY(io_uring_setup),
	TRY(userfaultfd), TRY(keyctl), TRY(add_key), TRY(init_module),
	TRY(personality), TRY(prlimit64), TRY(landlock_create_ruleset),
	TRY(seccomp), TRY(dup, 0), TRY(listen, 0), TRY(shutdown, 0),
	TRY(mmap, 0, 4096, PROT_READ | PROT_EXEC,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1),
	TRY(mprotect, 0, 4096, PROT_READ | PROT_EXEC),
	TRY(socket, AF_INET, SOCK_STREAM), TRY(socket, AF_UNIX, SOCK_STREAM),
	TRY(socket, AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC),
	TRY(socket, AF_NETLINK, SOCK_RAW), TRY(socket, AF_PACKET, SOCK_RAW),
	TRY(socket, AF_INET, SOCK_RAW, IPPROTO_ICMP),
	TRY(socketpair, AF_UNIX, SOCK_STREAM), TRY(fchmod, 0, 0777),
	TRY(fcntl, 0, F_SETOWN, 1), TRY(fcntl, 0, F_DUPFD, 0),
	TRY(ioctl, 0, TIOCSTI), TRY(sendto, 0, 0, 0, MSG_FASTOPEN, 1, 16),
	TRY(setsockopt, 0, SOL_SOCKET, SO_BINDTODEVICE),
#ifdef __x86_64__
	{ "x32 read", X32_BIT | SYS_read, { 0 } },
#endif
};

static const struct lock_rig_attempt deadly_to_the_supervisor[] = {
	TRY(execve), TRY(ptrace), TRY(process_vm_readv, 1), TRY(tgkill),
	TRY(rt_sigqueueinfo), TRY(pidfd_open, 1), TRY(pidfd_send_signal),
	TRY(bpf), TRY(io_uring_setup), TRY(userfaultfd), TRY(unshare, 0),
	TRY(setns), TRY(mount), TRY(keyctl), TRY(chroot, (long)"/"),
	TRY(open_by_handle_at), TRY(init_module), TRY(listen), TRY(accept4),
	TRY(sendmsg),
#ifdef __x86_64__
	{ "x32 read", X32_BIT | SYS_read, { 0 } },
#endif
};

static const struct {
	struct lock_rig_attempt attempt;
	int error;
} refused_to_the_supervisor[] = {
	{ TRY(setuid, 0), ENOSYS },
	{ TRY(setresuid, 0, 0, 0), ENOSYS },
	{ TRY(setresuid, LOCK_RIG_WORKER_ID, 0, LOCK_RIG_WORKER_ID), ENOSYS },
	{ TRY(setresuid, -1, -1, -1), ENOSYS },
	{ TRY(setresuid, 1L << 32 | LOCK_RIG_WORKER_ID, LOCK_RIG_WORKER_ID, LOCK_RIG_WORKER_ID), ENOSYS },
	{ TRY(setresgid, LOCK_RIG_WORKER_ID, LOCK_RIG_WORKER_ID, 0), ENOSYS },
	{ TRY(setgroups, 1, (long)""), ENOSYS },
	{ TRY(setfsuid, 0), ENOSYS },
	{ TRY(clone, CLONE_NEWUSER | SIGCHLD), ENOSYS },
	{ TRY(clone, CLONE_VM | SIGCHLD), ENOSYS },
	{ TRY(clone3), ENOSYS },
	{ TRY(kill, 1, 0), ENOSYS },
	{ TRY(kill, 1, SIGSTOP), ENOSYS },
	{ TRY(prctl, PR_SET_DUMPABLE, 1), ENOSYS },
	{ TRY(prctl, PR_SET_PDEATHSIG, 0), ENOSYS },
	{ TRY(prctl, PR_SET_SECUREBITS, 0), ENOSYS },
	{ TRY(execveat, AT_FDCWD, (long)"/bin/true", 0, 0, 0), ENOSYS },
	{ TRY(openat, AT_FDCWD, (long)"/dev/null", O_WRONLY), ENOSYS },
	{ TRY(openat, AT_FDCWD, (long)"/tmp", O_RDWR | O_TMPFILE), ENOSYS },
	{ TRY(mkdirat), ENOSYS }, { TRY(renameat2), ENOSYS },
	{ TRY(linkat), ENOSYS }, { TRY(fchmodat), ENOSYS },
	{ TRY(fcntl, 0, F_SETOWN, 1), ENOSYS },
	{ TRY(sendto, 0, 0, 0, MSG_FASTOPEN, 1, 16), ENOSYS },
	{ TRY(socket, AF_INET, SOCK_RAW, IPPROTO_ICMP), ENOSYS },
	{ TRY(socket, AF_UNIX, SOCK_DGRAM), EAFNOSUPPORT },
	{ TRY(socket, AF_NETLINK, SOCK_RAW), EAFNOSUPPORT },
	{ TRY(mmap, 0, 4096, PROT_READ | PROT_EXEC,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1), ENOSYS },
	{ TRY(mprotect, 0, 4096, PROT_READ | PROT_EXEC), ENOSYS },
};

/* clang-format on */

START_TEST(the_engine_is_locked_in)
{
	for (size_t i = 0; i < COUNT(deadly_to_the_engine); i++)
		ck_assert_msg(lock_rig_try(lock_rig_engine,
				  &deadly_to_the_engine[i]) == LOCK_RIG_KILLED,
		    "%s got through", deadly_to_the_engine[i].name);
}
END_TEST

START_TEST(the_supervisor_is_refused_or_killed)
{
	int got;

	for (size_t i = 0; i < COUNT(deadly_to_the_supervisor); i++)
		ck_assert_msg(lock_rig_try(lock_rig_supervisor,
				  &deadly_to_the_supervisor[i]) ==
			LOCK_RIG_KILLED,
		    "%s got through", deadly_to_the_supervisor[i].name);
	for (size_t i = 0; i < COUNT(refused_to_the_supervisor); i++) {
		got = lock_rig_try(lock_rig_supervisor,
		    &refused_to_the_supervisor[i].attempt);
		ck_assert_msg(got == refused_to_the_supervisor[i].error,
		    "%s (%zu): %s", refused_to_the_supervisor[i].attempt.name,
		    i, got == LOCK_RIG_KILLED ? "killed" : strerror(got));
	}
}
END_TEST

static Suite *
suite(void)
{
	Suite *all = suite_create("sandbox_forbidden");
	TCase *t = tcase_create("lock-in");

	tcase_set_timeout(t, 30);
	tcase_add_checked_fixture(t, lock_rig_set_up, lock_rig_tear_down);
	tcase_add_test(t, the_engine_is_locked_in);
	tcase_add_test(t, the_supervisor_is_refused_or_killed);
	suite_add_tcase(all, t);
	return all;
}

int
main(void)
{
	return suite_run_locked(suite());
}
