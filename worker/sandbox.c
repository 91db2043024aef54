/*
 * The order matters. Capabilities and limits first, while prctl(2) and
 * setrlimit(2) are there; no_new_privs before the first filter, since an
 * unprivileged process may not load one without; each Landlock layer before the
 * filter that forbids to take one on.
 *
 * Built with SANDBOX_RELAXED, for sanitizers and coverage, the steps are the
 * same but nothing is forbidden: their run-time code needs far more calls.
 */
#include "worker/sandbox.h"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <linux/capability.h>

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "worker/filter.h"
#include "worker/landlock.h"

/* Younger than the headers of Debian 12's kernel. */
#ifndef PR_SET_MDWE
#define PR_SET_MDWE 65
#define PR_MDWE_REFUSE_EXEC_GAIN 1
#endif

#ifdef SANDBOX_RELAXED
static const bool relaxed = true;
#else
static const bool relaxed = false;
#endif

/* Ours and those of the resolver. */
#define DESCRIPTORS_MAX 64
#define ADDRESS_SPACE_MAX ((rlim_t)1 << 30)

int
sandbox_harden(void)
{
	if (relaxed)
		return 0;
	return prctl(PR_SET_DUMPABLE, 0);
}

/*
 * The supervisor has emptied them unless it kept its own uid. A service
 * manager may forbid capset(2), so it is not called for nothing.
 */
static int
drop_capabilities(void)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3
	};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
	static const struct __user_cap_data_struct
	    none[_LINUX_CAPABILITY_U32S_3];

	if (syscall(SYS_capget, &header, data) == -1)
		return -1;
	if (memcmp(data, none, sizeof(none)) == 0)
		return 0;
	return (int)syscall(SYS_capset, &header, none);
}

static int
limit_resources(void)
{
	static const struct {
		__rlimit_resource_t resource;
		rlim_t limit;
	} limits[] = {
		{ RLIMIT_CORE, 0 },
		{ RLIMIT_FSIZE, 0 },
		{ RLIMIT_NPROC, 0 },
		{ RLIMIT_MEMLOCK, 0 },
		{ RLIMIT_NOFILE, DESCRIPTORS_MAX },
		{ RLIMIT_AS, ADDRESS_SPACE_MAX },
	};
	struct rlimit limit;
	size_t i;

	if (relaxed)
		return 0;
	for (i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		if (getrlimit(limits[i].resource, &limit) == -1)
			return -1;
		/* A lower hard limit stays: raising it takes privilege. */
		if (limits[i].limit < limit.rlim_max)
			limit.rlim_max = limits[i].limit;
		limit.rlim_cur = limit.rlim_max;
		if (setrlimit(limits[i].resource, &limit) == -1)
			return -1;
	}
	return 0;
}

static int
refuse_privileges(void)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
		return -1;
	if (!relaxed &&
	    prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0) == -1 &&
	    errno != EINVAL)
		return -1;
	return 0;
}

static int
build_landlock(struct sandbox *sandbox, enum sandbox_reach reach, uint32_t port)
{
	int level = relaxed ? 0 : landlock_level();

	if (level <= 0)
		return level;
	sandbox->landlock = true;
	sandbox->pump_rules = landlock_none(level);
	if (sandbox->pump_rules == -1)
		return -1;
	if (reach == SANDBOX_SERVE)
		return 0;
	sandbox->dial_rules = landlock_dial(level, reach == SANDBOX_NAMES,
	    port);
	return sandbox->dial_rules == -1 ? -1 : 0;
}

static int
build_filters(struct sandbox *sandbox, enum sandbox_reach reach)
{
	if (filter_build(&sandbox->pump, FILTER_PUMP) == -1)
		return -1;
	switch (reach) {
	case SANDBOX_SERVE:
		break;
	case SANDBOX_LITERAL:
		return filter_build(&sandbox->dial, FILTER_LITERAL);
	case SANDBOX_NAMES:
		return filter_build(&sandbox->dial, FILTER_NAMES);
	}
	return 0;
}

int
sandbox_prepare(struct sandbox *sandbox, enum sandbox_reach reach,
    uint32_t port)
{
	*sandbox = (struct sandbox){ .dial_rules = -1, .pump_rules = -1 };
	if (drop_capabilities() == -1 || refuse_privileges() == -1 ||
	    build_filters(sandbox, reach) == -1 ||
	    build_landlock(sandbox, reach, port) == -1)
		return -1;
	return limit_resources();
}

static int
enter(const struct sock_fprog *program, int *rules)
{
	if (*rules != -1 && landlock_enter(*rules) == -1)
		return -1;
	*rules = -1;
	return filter_load(program);
}

int
sandbox_enter_dial(struct sandbox *sandbox)
{
	if (sandbox->dial.filter == NULL)
		return 0;
	return enter(&sandbox->dial, &sandbox->dial_rules);
}

int
sandbox_enter_pump(struct sandbox *sandbox)
{
	return enter(&sandbox->pump, &sandbox->pump_rules);
}

const char *
sandbox_weakness(const struct sandbox *sandbox)
{
	if (relaxed)
		return "built with a relaxed lock-in";
	if (!sandbox->landlock)
		return "no Landlock in this kernel: locked in by seccomp alone";
	return NULL;
}
