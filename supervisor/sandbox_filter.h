/*
 * A seccomp filter from lists of rules. Rules only ever allow on equality:
 * comparisons are 64 bits wide, and what a kernel ignores in the high half
 * would slip past a rule that forbids on equality.
 */
#ifndef SUPERVISOR_SANDBOX_FILTER_H
#define SUPERVISOR_SANDBOX_FILTER_H

#include <seccomp.h>
#include <stddef.h>
#include <stdint.h>

#define SANDBOX_FILTER_CONDITIONS_MAX 3

struct sandbox_filter_rule {
	int call;
	unsigned int conditions;
	struct scmp_arg_cmp condition[SANDBOX_FILTER_CONDITIONS_MAX];
};

struct sandbox_filter_list {
	uint32_t action; /* SCMP_ACT_... */
	const struct sandbox_filter_rule *rules;
	size_t count;
};

/* clang-format off */
#define CALL(name) { .call = SCMP_SYS(name) }
#define WHEN(name, one) { SCMP_SYS(name), 1, { one } }
#define WHEN2(name, one, two) { SCMP_SYS(name), 2, { one, two } }
#define WHEN3(name, one, two, three) { SCMP_SYS(name), 3, { one, two, three } }
#define IS(argument, value) { (argument), SCMP_CMP_EQ, (value), 0 }
#define BITS(argument, mask, value)					\
	{ (argument), SCMP_CMP_MASKED_EQ, (uint64_t)(mask), (value) }
#define LIST(action, rules)						\
	{ (action), (rules), sizeof(rules) / sizeof((rules)[0]) }
/* clang-format on */

/*
 * Load a filter of the lists; calls in none of them get the action others. 0,
 * or -1 with errno: ENOSYS, EINVAL or EOPNOTSUPP where the kernel has no
 * seccomp filters.
 */
int sandbox_filter_load(uint32_t others,
    const struct sandbox_filter_list *lists, size_t count);

#endif
