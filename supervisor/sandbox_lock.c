#include "supervisor/sandbox_lock.h"

#include <sys/prctl.h>
#include <sys/resource.h>

#include <linux/seccomp.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "supervisor/config.h"
#include "supervisor/log.h"
#include "supervisor/sandbox_filter.h"
#include "supervisor/sandbox_landlock.h"

static char lack[128];

void
sandbox_lock_must(bool held, const char *what)
{
	if (!held)
		log_fatal(NULL, "lock-in: %s: %s", what, strerror(errno));
}

void
sandbox_lock_harden(void)
{
	const struct rlimit none = { 0 };

	sandbox_lock_must(setrlimit(RLIMIT_CORE, &none) == 0, "core limit");
	sandbox_lock_must(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0, "dumpable");
	sandbox_lock_must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0,
	    "no new privileges");
}

static bool
is_lack(int error)
{
	return error == ENOSYS || error == EINVAL || error == EOPNOTSUPP;
}

/* errno tells in which way the kernel lacks it. */
static void
do_without(const struct config *config, const char *part)
{
	switch (config->sandbox) {
	case CONFIG_SANDBOX_REQUIRED:
		log_fatal(NULL,
		    "lock-in: this kernel has no %s (%s), and "
		    "sandbox is not \"best-effort\"",
		    part, strerror(errno));
	case CONFIG_SANDBOX_BEST_EFFORT:
		snprintf(lack, sizeof(lack), "%s (%s)", part, strerror(errno));
		log_warn(NULL,
		    "lock-in: this kernel has no %s (%s), going on "
		    "without",
		    part, strerror(errno));
	}
}

const char *
sandbox_lock_lack(void)
{
	return lack[0] != '\0' ? lack : NULL;
}

static int
landlock_level(const struct config *config)
{
	int level = sandbox_landlock_level();

	sandbox_lock_must(level >= 0, "Landlock");
	if (level == 0)
		do_without(config, "Landlock");
	return level;
}

bool
sandbox_lock_begin(const struct config *config, int *level)
{
#ifdef SANDBOX_RELAXED
	log_notice(NULL, "built for tests: not locked in");
	return false;
#endif
	sandbox_lock_harden();
	*level = landlock_level(config);
	return true;
}

bool
sandbox_lock_filter(const struct config *config, uint32_t others,
    const struct sandbox_filter_list *lists, size_t count)
{
	if (sandbox_filter_load(others, lists, count) == -1) {
		sandbox_lock_must(is_lack(errno), "seccomp");
		do_without(config, "seccomp filters");
		return false;
	}
	sandbox_lock_must(prctl(PR_GET_SECCOMP, 0, 0, 0, 0) ==
		SECCOMP_MODE_FILTER,
	    "seccomp filter is not in force");
	return true;
}

void
sandbox_lock_report(int level, bool filtered)
{
	log_info(NULL, "locked in: seccomp %s, Landlock level %d",
	    filtered ? "filter" : "none", level);
}
