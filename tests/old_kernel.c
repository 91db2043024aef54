/*
 * old_kernel PROGRAM [ARGUMENT...]: runs it as on a kernel that has neither
 * seccomp filters nor Landlock.
 */
#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const int missing[] = { SCMP_SYS(seccomp),
	SCMP_SYS(landlock_create_ruleset), SCMP_SYS(landlock_add_rule),
	SCMP_SYS(landlock_restrict_self) };

/* Keeps the privileges of whoever has them: it is no lock-in. */
static int
forget_calls(void)
{
	scmp_filter_ctx context = seccomp_init(SCMP_ACT_ALLOW);
	int result;

	if (context == NULL)
		return -ENOMEM;
	result = seccomp_attr_set(context, SCMP_FLTATR_CTL_NNP, geteuid() != 0);
	for (size_t i = 0; i < sizeof(missing) / sizeof(missing[0]); i++)
		if (result == 0)
			result = seccomp_rule_add(context,
			    SCMP_ACT_ERRNO(ENOSYS), missing[i], 0);
	if (result == 0)
		result = seccomp_load(context);
	seccomp_release(context);
	return result;
}

int
main(int argc, char **argv)
{
	int result;

	if (argc < 2) {
		fputs("usage: old_kernel PROGRAM [ARGUMENT...]\n", stderr);
		return EXIT_FAILURE;
	}
	result = forget_calls();
	if (result != 0) {
		fprintf(stderr, "old_kernel: %s\n", strerror(-result));
		return EXIT_FAILURE;
	}
	execvp(argv[1], argv + 1);
	perror(argv[1]);
	return EXIT_FAILURE;
}
