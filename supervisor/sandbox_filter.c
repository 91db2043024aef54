#include "supervisor/sandbox_filter.h"

#include <sys/syscall.h>

#include <linux/seccomp.h>

#include <errno.h>
#include <unistd.h>

static int
add_list(scmp_filter_ctx context, const struct sandbox_filter_list *list)
{
	const struct sandbox_filter_rule *rule;
	int result = 0;

	for (size_t i = 0; i < list->count && result == 0; i++) {
		rule = &list->rules[i];
		result = seccomp_rule_add_array(context, list->action,
		    rule->call, rule->conditions, rule->condition);
	}
	return result;
}

static int
build(scmp_filter_ctx context, const struct sandbox_filter_list *lists,
    size_t count)
{
	int result;

	/* Else every error of the kernel's is ECANCELED. */
	result = seccomp_attr_set(context, SCMP_FLTATR_API_SYSRAWRC, 1);
	if (result == 0)
		result = seccomp_attr_set(context, SCMP_FLTATR_ACT_BADARCH,
		    SCMP_ACT_KILL_PROCESS);
	for (size_t i = 0; i < count && result == 0; i++)
		result = add_list(context, &lists[i]);
	return result;
}

/* The library does not tell a lack from a ban; the kernel does. */
static int
ask_kernel(void)
{
	const uint32_t action = SECCOMP_RET_KILL_PROCESS;

	return (int)syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action);
}

int
sandbox_filter_load(uint32_t others, const struct sandbox_filter_list *lists,
    size_t count)
{
	scmp_filter_ctx context;
	int result;

	if (ask_kernel() == -1)
		return -1;
	context = seccomp_init(others);
	if (context == NULL) {
		errno = ENOMEM;
		return -1;
	}
	result = build(context, lists, count);
	if (result == 0)
		result = seccomp_load(context);
	seccomp_release(context);
	if (result == 0)
		return 0;
	errno = -result;
	return -1;
}
