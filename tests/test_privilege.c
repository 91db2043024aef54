/*
 * Every descent is made in the child that Check forks for the test. As a user
 * the tests of a root start are left out.
 */
#include <sys/prctl.h>
#include <sys/wait.h>

#include <check.h>
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "supervisor/log.h"
#include "supervisor/privilege.h"
#include "tests/suite.h"

#define SERVICE_ID 54320
#define WORKER_ID 54321

static const struct privilege root_start = { .change = true,
	.uid = SERVICE_ID,
	.gid = SERVICE_ID,
	.worker_uid = WORKER_ID,
	.worker_gid = WORKER_ID };

static void
get_capabilities(uint64_t *effective, uint64_t *permitted)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3
	};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	ck_assert_int_eq(syscall(SYS_capget, &header, data), 0);
	*effective = data[0].effective | (uint64_t)data[1].effective << 32;
	*permitted = data[0].permitted | (uint64_t)data[1].permitted << 32;
}

static void
assert_ids(uid_t uid, gid_t gid)
{
	uid_t uids[3];
	gid_t gids[3];

	getresuid(&uids[0], &uids[1], &uids[2]);
	getresgid(&gids[0], &gids[1], &gids[2]);
	for (int i = 0; i < 3; i++) {
		ck_assert_uint_eq(uids[i], uid);
		ck_assert_uint_eq(gids[i], gid);
	}
	ck_assert_int_eq(getgroups(0, NULL), 0);
}

START_TEST(engine_keeps_nothing)
{
	uint64_t effective, permitted;

	ck_assert_int_eq(setgroups(1, &(gid_t){ 1 }), 0);
	privilege_drop_engine(&root_start);
	assert_ids(SERVICE_ID, SERVICE_ID);
	get_capabilities(&effective, &permitted);
	ck_assert_uint_eq(effective | permitted, 0);
	ck_assert_int_eq(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 1);
	ck_assert_int_eq(setresuid(0, 0, 0), -1);
	ck_assert_int_eq(setresuid(WORKER_ID, WORKER_ID, WORKER_ID), -1);
#ifndef SANDBOX_RELAXED
	ck_assert_int_eq(prctl(PR_GET_DUMPABLE), 0);
#endif
}
END_TEST

START_TEST(supervisor_keeps_three)
{
	const uint64_t kept = UINT64_C(1) << CAP_SETUID |
	    UINT64_C(1) << CAP_SETGID | UINT64_C(1) << CAP_KILL;
	uint64_t effective, permitted;

	ck_assert_int_eq(setgroups(1, &(gid_t){ 1 }), 0);
	privilege_drop_supervisor(&root_start);
	assert_ids(SERVICE_ID, SERVICE_ID);
	get_capabilities(&effective, &permitted);
	ck_assert_uint_eq(effective, kept);
	ck_assert_uint_eq(permitted, kept);
	for (int cap = 0; prctl(PR_CAPBSET_READ, cap) >= 0; cap++)
		ck_assert_int_eq(prctl(PR_CAPBSET_READ, cap), 0);
	ck_assert_int_ne(prctl(PR_GET_SECUREBITS) & SECBIT_NOROOT_LOCKED, 0);
	ck_assert_int_eq(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 1);
}
END_TEST

START_TEST(supervisor_can_start_and_kill)
{
	pid_t worker;
	int status;

	privilege_drop_supervisor(&root_start);
	worker = fork();
	if (worker == 0) {
		if (setgroups(0, NULL) == -1 ||
		    setresgid(WORKER_ID, WORKER_ID, WORKER_ID) == -1 ||
		    setresuid(WORKER_ID, WORKER_ID, WORKER_ID) == -1)
			_exit(1);
		pause();
	}
	ck_assert_int_eq(kill(worker, SIGKILL), 0);
	ck_assert_int_eq(waitpid(worker, &status, 0), worker);
	ck_assert(WIFSIGNALED(status));
}
END_TEST

/* Without CAP_SETPCAP, as some containers start us. */
START_TEST(supervisor_bears_a_small_bounding_set)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3
	};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {
		{ .effective = 1U << CAP_SETUID | 1U << CAP_SETGID |
			1U << CAP_KILL,
		    .permitted = 1U << CAP_SETUID | 1U << CAP_SETGID |
			1U << CAP_KILL }
	};

	ck_assert_int_eq(syscall(SYS_capset, &header, data), 0);
	privilege_drop_supervisor(&root_start);
	assert_ids(SERVICE_ID, SERVICE_ID);
}
END_TEST

/* A step that cannot be made ends the process: root without CAP_SETUID. */
START_TEST(a_descent_that_fails_is_fatal)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3
	};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {
		{ .effective = 1U << CAP_SETGID, .permitted = 1U << CAP_SETGID }
	};

	ck_assert_int_eq(syscall(SYS_capset, &header, data), 0);
	if (_i == 0)
		privilege_drop_engine(&root_start);
	else
		privilege_drop_supervisor(&root_start);
	exit(EXIT_SUCCESS);
}
END_TEST

START_TEST(names_are_looked_up)
{
	const struct passwd *entry = getpwnam("nobody");
	struct privilege privilege;

	ck_assert_ptr_nonnull(entry);
	ck_assert_int_eq(privilege_find(&privilege, "nobody", "nobody"), 0);
	ck_assert(privilege.change);
	ck_assert_uint_eq(privilege.uid, entry->pw_uid);
	ck_assert_uint_eq(privilege.gid, entry->pw_gid);
	ck_assert_uint_eq(privilege.worker_uid, entry->pw_uid);
	ck_assert_uint_eq(privilege.worker_gid, entry->pw_gid);
}
END_TEST

START_TEST(defaults_exist_everywhere)
{
	struct privilege privilege;

	ck_assert_int_eq(privilege_find(&privilege, "", ""), 0);
	ck_assert(privilege.change);
	ck_assert_uint_ne(privilege.uid, 0);
	ck_assert_uint_ne(privilege.worker_uid, 0);
}
END_TEST

static const char *const bad_names[][2] = { { "no-such-user-here", "" },
	{ "", "no-such-user-here" }, { "root", "" }, { "", "root" } };

START_TEST(bad_names_are_refused)
{
	struct privilege privilege;

	ck_assert_int_eq(privilege_find(&privilege, bad_names[_i][0],
			     bad_names[_i][1]),
	    -1);
}
END_TEST

static void
become_user(void)
{
	if (geteuid() == 0)
		ck_assert_int_eq(setresuid(SERVICE_ID, SERVICE_ID, SERVICE_ID),
		    0);
	/* Changing ids has cleared it. */
	ck_assert_int_eq(prctl(PR_SET_DUMPABLE, 1), 0);
}

START_TEST(a_user_changes_nothing)
{
	struct privilege privilege;
	uint64_t effective, permitted;
	uid_t uid;

	become_user();
	uid = geteuid();
	ck_assert_int_eq(privilege_find(&privilege, "no-such-user", ""), 0);
	ck_assert(!privilege.change);
	ck_assert_uint_eq(privilege.worker_uid, uid);
	if (_i == 0)
		privilege_drop_engine(&privilege);
	else
		privilege_drop_supervisor(&privilege);
	ck_assert_uint_eq(geteuid(), uid);
	get_capabilities(&effective, &permitted);
	ck_assert_uint_eq(effective | permitted, 0);
	ck_assert_int_eq(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 1);
#ifndef SANDBOX_RELAXED
	ck_assert_int_eq(prctl(PR_GET_DUMPABLE), 0);
#endif
}
END_TEST

static Suite *
suite(void)
{
	Suite *all = suite_create("privilege");
	TCase *root = tcase_create("root"), *user = tcase_create("user");

	tcase_add_test(root, engine_keeps_nothing);
	tcase_add_test(root, supervisor_keeps_three);
	tcase_add_test(root, supervisor_can_start_and_kill);
	tcase_add_test(root, supervisor_bears_a_small_bounding_set);
	tcase_add_loop_exit_test(root, a_descent_that_fails_is_fatal,
	    EXIT_FAILURE, 0, 2);
	tcase_add_test(root, names_are_looked_up);
	tcase_add_test(root, defaults_exist_everywhere);
	tcase_add_loop_test(root, bad_names_are_refused, 0,
	    sizeof(bad_names) / sizeof(bad_names[0]));
	tcase_add_loop_test(user, a_user_changes_nothing, 0, 2);
	suite_add_tcase(all, user);
	if (geteuid() == 0)
		suite_add_tcase(all, root);
	return all;
}

int
main(void)
{
	log_set_level(LOG_FATAL_LEVEL);
	return suite_run(suite());
}
