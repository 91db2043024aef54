/*
 * What the keeper gives away the engine of an upgrade has, so it cannot be a
 * list of what is allowed: a new program's list is its own. Everything that no
 * program of ours calls is on this one.
 */
#include "supervisor/sandbox.h"

#include <linux/landlock.h>

#include <errno.h>
#include <fcntl.h>

#include "supervisor/config.h"
#include "supervisor/sandbox_filter.h"
#include "supervisor/sandbox_landlock.h"
#include "supervisor/sandbox_lock.h"

/* clang-format off */

static const struct sandbox_filter_rule deadly_rules[] = {
	CALL(execve), CALL(ptrace), CALL(process_vm_readv),
	CALL(process_vm_writev), CALL(process_madvise), CALL(kcmp),
	CALL(pidfd_open), CALL(pidfd_getfd), CALL(pidfd_send_signal),
	CALL(kill), CALL(tkill), CALL(rt_sigqueueinfo), CALL(rt_tgsigqueueinfo),
	CALL(bpf), CALL(perf_event_open), CALL(io_uring_setup),
	CALL(userfaultfd), CALL(unshare), CALL(setns), CALL(mount),
	CALL(umount2), CALL(move_mount), CALL(open_tree), CALL(fsopen),
	CALL(pivot_root), CALL(chroot), CALL(open_by_handle_at), CALL(keyctl),
	CALL(add_key), CALL(request_key), CALL(init_module),
	CALL(finit_module), CALL(delete_module), CALL(kexec_load),
	CALL(reboot), CALL(swapon), CALL(swapoff), CALL(listen),
	CALL(process_mrelease), CALL(personality),
};

static const struct sandbox_filter_list
    deadly_list = LIST(SCMP_ACT_KILL_PROCESS, deadly_rules);

/* clang-format on */

static void
enter_landlock(int level, const char *program)
{
	int ruleset = sandbox_landlock_new(level, SANDBOX_LANDLOCK_CHANGE);

	sandbox_lock_must(ruleset != -1 &&
		sandbox_landlock_grant_linker(ruleset) == 0 &&
		sandbox_landlock_grant_folder(ruleset, program,
		    LANDLOCK_ACCESS_FS_EXECUTE) == 0 &&
		sandbox_landlock_enter(ruleset) == 0,
	    "Landlock");
	sandbox_lock_must(open("/dev/zero", O_WRONLY | O_CLOEXEC) == -1,
	    "Landlock is not in force");
}

void
sandbox_enter_keeper(const struct config *config, const char *program)
{
	bool filtered;
	int level;

	if (!sandbox_lock_begin(config, &level))
		return;
	if (level > 0)
		enter_landlock(level, program);
	filtered = sandbox_lock_filter(config, SCMP_ACT_ALLOW, &deadly_list, 1);
	sandbox_lock_report(level, filtered);
}
