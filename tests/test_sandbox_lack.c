/*
 * What is made of a kernel that lacks a part of the lock-in, or of somebody who
 * forbids it: played by a filter that was there before.
 */
#include <sys/wait.h>

#include <check.h>
#include <errno.h>
#include <seccomp.h>
#include <stdlib.h>
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

/* A chain, two destinations behind it, and whether nobody has to be asked. */
static const struct {
	const char *uri; /* NULL: a direct path */
	const char *first;
	const char *second;
	bool numeric;
} relays[] = {
	{ "socks://192.0.2.1", "tcp://a.example", "tcp://b.example", true },
	{ "socks://[2001:db8::1]", "tcp://a.example", "tcp://b.example", true },
	{ "socks://localhost", "tcp://a.example", "tcp://b.example", true },
	{ "socks://relay.example", "tcp://192.0.2.1", "tcp://192.0.2.2",
	    false },
	{ "tcp://192.0.2.1.example", "tcp://192.0.2.1", "tcp://192.0.2.2",
	    false },
	{ "tcp://192.0.2.1", "srv://_x._tcp.example", "tcp://b.example", true },
	{ "socks5://192.0.2.1", "tcp://192.0.2.2", "tcp://192.0.2.3", true },
	{ "socks5://192.0.2.1", "tcp://192.0.2.2", "tcp://b.example", false },
	{ "socks4://192.0.2.1", "tcp://a.example", "tcp://192.0.2.3", false },
	{ "http://192.0.2.1", "tcp://a.example", "srv://_x._tcp.example",
	    false },
	{ "socks5://192.0.2.1,http://p.example", "tcp://192.0.2.2",
	    "tcp://192.0.2.3", false },
	{ "http://192.0.2.1,socks5://p.example", "tcp://192.0.2.2",
	    "tcp://192.0.2.3", true },
	{ NULL, "tcp://192.0.2.1", "tcp://192.0.2.2", true },
	{ NULL, "tcp://192.0.2.1", "tcp://b.example", false },
	{ NULL, "tcp://192.0.2.1", "srv://_x._tcp.example", false },
};

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
	struct address_uri hops[MESSAGE_HOPS_MAX];
	struct config_tunnel *tunnel = config_add_tunnel(lock_rig_config);
	struct config_path *path = config_add_path(tunnel);
	const char *error, *uri = relays[_i].uri;
	int count;

	path->direct = uri == NULL;
	count = address_parse_chain(path->direct ? relays[_i].first : uri, hops,
	    MESSAGE_HOPS_MAX, &error);
	ck_assert_int_gt(count, 0);
	ck_assert_int_eq(config_path_set_hops(path, hops, (size_t)count), 0);
	tunnel->destinations_count = 2;
	ck_assert_int_eq(address_parse_uri(relays[_i].first,
			     &tunnel->destinations[0], &error),
	    0);
	ck_assert_int_eq(address_parse_uri(relays[_i].second,
			     &tunnel->destinations[1], &error),
	    0);
	ck_assert_int_eq(lock_rig_call(be_an_old_kernel, check_shared),
	    relays[_i].numeric ? 0 : 1);
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
	    COUNT(relays));
	suite_add_tcase(all, t);
	return all;
}

int
main(void)
{
	return suite_run_locked(suite());
}
