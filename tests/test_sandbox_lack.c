/*
 * What is made of a kernel that lacks a part of the lock-in, or of somebody who
 * forbids it: played by a filter that was there before.
 */
#include <sys/wait.h>

#include <check.h>
#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/config.h"
#include "supervisor/sandbox.h"
#include "supervisor/sandbox_landlock.h"
#include "tests/lock_rig.h"
#include "tests/suite.h"

#define NOT_PLAYED 254

/* Make a call fail as if the kernel, or a service manager, refused it. */
static void
refuse(int number, int error)
{
	scmp_filter_ctx context = seccomp_init(SCMP_ACT_ALLOW);

	if (seccomp_rule_add(context, SCMP_ACT_ERRNO((uint16_t)error), number,
		0) != 0 ||
	    seccomp_load(context) != 0)
		_exit(NOT_PLAYED);
	seccomp_release(context);
}

static int
nothing(void)
{
	return 0;
}

static int lacking, error_of_it;

static void
enter_engine_with_a_lack(void)
{
	close(STDERR_FILENO); /* the reason is no news */
	refuse(lacking, error_of_it);
	lock_rig_engine();
}

static void
enter_supervisor_with_a_lack(void)
{
	close(STDERR_FILENO); /* the reason is no news */
	refuse(lacking, error_of_it);
	lock_rig_supervisor();
}

static bool
goes_on(lock_rig_enter *enter)
{
	int status;
	pid_t pid = lock_rig_begin(enter, nothing);

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status) == 0;
}

static const struct {
	int number;
	int error;
	bool best_effort_goes_on;
} lacks[] = { { SCMP_SYS(landlock_create_ruleset), ENOSYS, true },
	{ SCMP_SYS(landlock_create_ruleset), EOPNOTSUPP, true },
	{ SCMP_SYS(landlock_create_ruleset), EPERM, false },
	{ SCMP_SYS(landlock_restrict_self), EPERM, false },
	{ SCMP_SYS(seccomp), ENOSYS, true },
	{ SCMP_SYS(seccomp), EPERM, false },
	{ SCMP_SYS(prlimit64), EPERM, false } };

START_TEST(what_is_lacking_ends_the_start_or_does_not)
{
	static lock_rig_enter *const with_a_lack[] = { enter_engine_with_a_lack,
		enter_supervisor_with_a_lack };

	lacking = lacks[_i].number;
	error_of_it = lacks[_i].error;
	for (size_t i = 0; i < COUNT(with_a_lack); i++) {
		lock_rig_config->sandbox = CONFIG_SANDBOX_REQUIRED;
		ck_assert(!goes_on(with_a_lack[i]));
		lock_rig_config->sandbox = CONFIG_SANDBOX_BEST_EFFORT;
		ck_assert_int_eq(goes_on(with_a_lack[i]),
		    lacks[_i].best_effort_goes_on);
	}
}
END_TEST

static const struct {
	const char *host;
	bool numeric;
} hosts[] = { { "192.0.2.1", true }, { "2001:db8::1", true },
	{ "localhost", true }, { "relay.example.com", false },
	{ "192.0.2.1.example", false } };

static int
check_config(bool shared_user)
{
	return sandbox_check_config(lock_rig_config, shared_user) == 0 ? 0 : 1;
}

static int
check_shared(void)
{
	return check_config(true);
}

static int
check_separate(void)
{
	return check_config(false);
}

static void
be_an_old_kernel(void)
{
	refuse(SCMP_SYS(landlock_create_ruleset), ENOSYS);
}

static void
be_forbidden(void)
{
	refuse(SCMP_SYS(landlock_create_ruleset), EPERM);
}

START_TEST(a_shared_user_without_landlock_names_no_relay)
{
	struct address_uri hops[2] = { { .kind = HOP_SOCKS5, .port = 1 },
		{ .kind = HOP_TCP, .port = 1, .host = "far.example.com" } };
	struct config_tunnel *tunnel = config_add_tunnel(lock_rig_config);
	struct config_path *path = config_add_path(tunnel);

	strcpy(hops[0].host, hosts[_i].host);
	ck_assert_int_eq(config_path_set_hops(path, hops, 2), 0);
	ck_assert_int_eq(lock_rig_call(be_an_old_kernel, check_shared),
	    hosts[_i].numeric ? 0 : 1);
	ck_assert_int_eq(lock_rig_call(be_an_old_kernel, check_separate), 0);
	ck_assert_int_eq(lock_rig_call(be_forbidden, check_separate), 1);
	if (sandbox_landlock_level() > 0)
		ck_assert_int_eq(lock_rig_call(lock_rig_nothing, check_shared),
		    0);
}
END_TEST

static Suite *
suite(void)
{
	Suite *all = suite_create("sandbox_lack");
	TCase *t = tcase_create("lock-in");

	tcase_set_timeout(t, 30);
	tcase_add_checked_fixture(t, lock_rig_set_up, lock_rig_tear_down);
	tcase_add_loop_test(t, what_is_lacking_ends_the_start_or_does_not, 0,
	    COUNT(lacks));
	tcase_add_loop_test(t, a_shared_user_without_landlock_names_no_relay, 0,
	    COUNT(hosts));
	suite_add_tcase(all, t);
	return all;
}

int
main(void)
{
#ifdef SANDBOX_RELAXED
	fputs("SKIPPED: built with a relaxed lock-in\n", stderr);
	return 77;
#endif
	return suite_run(suite());
}
