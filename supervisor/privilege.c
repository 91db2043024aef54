#include "supervisor/privilege.h"

#include <sys/prctl.h>

#include <cap-ng.h>
#include <errno.h>
#include <grp.h>
#include <linux/securebits.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/log.h"

#define DEFAULT_USER "socktopus"
#define DEFAULT_WORKER "socktopus-worker"
#define LAST_RESORT "nobody"

/* Root's number gives nothing, and no bit of this can be taken back. */
#define LOCKED_BITS                                                      \
	(SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP | \
	    SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_KEEP_CAPS_LOCKED |    \
	    SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED)

static int
find_named(const char *name, uid_t *uid, gid_t *gid)
{
	const struct passwd *entry;

	errno = 0;
	entry = getpwnam(name);
	if (entry == NULL) {
		log_error(NULL, "user \"%s\": %s", name,
		    errno != 0 ? strerror(errno) : "does not exist");
		return -1;
	}
	if (entry->pw_uid == 0 || entry->pw_gid == 0) {
		log_error(NULL,
		    "user \"%s\": must not be root, nor of "
		    "root's group",
		    name);
		return -1;
	}
	*uid = entry->pw_uid;
	*gid = entry->pw_gid;
	return 0;
}

/* The name that was given, else the default, else nobody: *shared. */
static int
find_user(const char *given, const char *fallback, uid_t *uid, gid_t *gid,
    bool *shared)
{
	if (given[0] != '\0')
		return find_named(given, uid, gid);
	if (getpwnam(fallback) != NULL)
		return find_named(fallback, uid, gid);
	*shared = true;
	return find_named(LAST_RESORT, uid, gid);
}

void
privilege_tell(const struct privilege *privilege)
{
	if (!privilege->change)
		log_info(NULL,
		    "started as user %u: engine and workers share "
		    "it",
		    (unsigned int)privilege->uid);
	else if (privilege->uid == privilege->worker_uid)
		log_warn(NULL,
		    "engine and workers share user id %u: only the "
		    "lock-in keeps a worker from the engine; make the users "
		    "%s and %s",
		    (unsigned int)privilege->uid, DEFAULT_USER, DEFAULT_WORKER);
	else if (privilege->shared)
		log_warn(NULL,
		    "user %s is shared with other programs; make "
		    "the users %s and %s",
		    LAST_RESORT, DEFAULT_USER, DEFAULT_WORKER);
}

int
privilege_find(struct privilege *privilege, const char *user,
    const char *worker_user)
{
	*privilege = (struct privilege){ .uid = geteuid(),
		.gid = getegid(),
		.worker_uid = geteuid(),
		.worker_gid = getegid() };
	if (geteuid() != 0)
		return 0;
	privilege->change = true;
	if (find_user(user, DEFAULT_USER, &privilege->uid, &privilege->gid,
		&privilege->shared) == -1)
		return -1;
	return find_user(worker_user, DEFAULT_WORKER, &privilege->worker_uid,
	    &privilege->worker_gid, &privilege->shared);
}

int
privilege_check(const char *user, const char *worker_user)
{
	const char *names[] = { user, worker_user };
	uid_t uid;
	gid_t gid;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (geteuid() == 0 && names[i][0] != '\0' &&
		    find_named(names[i], &uid, &gid) == -1)
			return -1;
	return 0;
}

static void
must(bool held, const char *what)
{
	if (!held)
		log_fatal(NULL, "privileges: %s: %s", what, strerror(errno));
}

/* Take the ids in all their kinds, and see that they were taken. */
static void
change_ids(uid_t uid, gid_t gid)
{
	uid_t real_uid, uid_now, saved_uid;
	gid_t real_gid, gid_now, saved_gid;

	must(setgroups(0, NULL) == 0, "setgroups");
	must(setresgid(gid, gid, gid) == 0, "setresgid");
	must(setresuid(uid, uid, uid) == 0, "setresuid");
	must(getresuid(&real_uid, &uid_now, &saved_uid) == 0, "getresuid");
	must(getresgid(&real_gid, &gid_now, &saved_gid) == 0, "getresgid");
	must(real_uid == uid && uid_now == uid && saved_uid == uid,
	    "user id did not change");
	must(real_gid == gid && gid_now == gid && saved_gid == gid,
	    "group id did not change");
	must(getgroups(0, NULL) == 0, "groups remain");
}

/* Let permitted and effective hold what capng_update() collected. */
static void
apply_capabilities(void)
{
	must(capng_apply(CAPNG_SELECT_CAPS) == 0, "capset");
}

static void
clear_ambient(void)
{
	must(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) == 0,
	    "ambient capabilities");
}

static void
lock_process(void)
{
	must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "no new privileges");
#ifndef SANDBOX_RELAXED
	/* The leak sanitizer traces its own process. */
	must(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0, "dumpable");
#endif
}

void
privilege_drop_engine(const struct privilege *privilege)
{
	if (privilege->change)
		change_ids(privilege->uid, privilege->gid);
	clear_ambient();
	lock_process();
	capng_clear(CAPNG_SELECT_CAPS);
	apply_capabilities();

	if (!privilege->change)
		return;
	must(capng_get_caps_process() == 0, "capget");
	must(capng_have_capabilities(CAPNG_SELECT_CAPS) == CAPNG_NONE,
	    "a capability remains");
	must(setresuid(0, 0, 0) == -1, "root's user id can be had again");
	must(setresgid(0, 0, 0) == -1, "root's group id can be had again");
	must(setgroups(0, NULL) == -1, "groups can be set again");
}

static const unsigned int kept[] = { CAP_SETUID, CAP_SETGID, CAP_KILL };

#define KEPT (sizeof(kept) / sizeof(kept[0]))

static void
collect_kept(void)
{
	capng_clear(CAPNG_SELECT_CAPS);
	for (size_t i = 0; i < KEPT; i++)
		must(capng_update(CAPNG_ADD,
			 CAPNG_EFFECTIVE | CAPNG_PERMITTED | CAPNG_INHERITABLE,
			 kept[i]) == 0,
		    "capabilities");
}

/*
 * They are to outlive the execution of a new program, which no other rule lets
 * an ordinary user's: no file has them, and no root is there. A worker clears
 * them before it executes its own.
 */
static void
raise_kept(void)
{
	for (size_t i = 0; i < KEPT; i++)
		must(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, kept[i], 0,
			 0) == 0,
		    "ambient capabilities");
}

/*
 * Both need CAP_SETPCAP, which a container or a unit may have withheld. Then
 * it could not be used to climb either.
 */
static void
lock_bounds(void)
{
	must(prctl(PR_SET_SECUREBITS, LOCKED_BITS, 0, 0, 0) == 0,
	    "secure bits");
	for (int cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		must(prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == 0, "bounding set");
	must(prctl(PR_GET_SECUREBITS, 0, 0, 0, 0) == LOCKED_BITS,
	    "secure bits did not hold");
}

static void
prove_supervisor(void)
{
	unsigned int found = 0;

	must(capng_get_caps_process() == 0, "capget");
	for (unsigned int cap = 0; cap <= CAP_LAST_CAP; cap++)
		found += capng_have_capability(CAPNG_PERMITTED, cap) != 0;
	must(found == KEPT, "a capability remains");
	for (size_t i = 0; i < KEPT; i++)
		must(capng_have_capability(CAPNG_EFFECTIVE, kept[i]) != 0,
		    "a capability is missing");

	must(capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED,
		 CAP_SYS_ADMIN) == 0,
	    "capabilities");
	must(capng_apply(CAPNG_SELECT_CAPS) != 0,
	    "a capability can be had again");
	must(prctl(PR_SET_SECUREBITS, 0, 0, 0, 0) == -1,
	    "secure bits can be changed");
}

/* Of those that it has. */
static void
collect_some(const unsigned int *wanted, size_t count)
{
	bool has[CAP_LAST_CAP + 1];
	size_t i;

	for (i = 0; i < count; i++)
		has[i] = capng_have_capability(CAPNG_EFFECTIVE, wanted[i]) != 0;
	capng_clear(CAPNG_SELECT_CAPS);
	for (i = 0; i < count; i++)
		if (has[i])
			must(capng_update(CAPNG_ADD,
				 CAPNG_EFFECTIVE | CAPNG_PERMITTED,
				 wanted[i]) == 0,
			    "capabilities");
}

static void
drop_to(const struct privilege *privilege, const unsigned int *wanted,
    size_t count)
{
	lock_process();
	if (!privilege->change) {
		capng_clear(CAPNG_SELECT_CAPS);
		apply_capabilities();
		return;
	}
	must(capng_get_caps_process() == 0, "capget");
	if (capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP) != 0)
		lock_bounds();
	collect_some(wanted, count);
	apply_capabilities();

	must(capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED,
		 CAP_SYS_ADMIN) == 0,
	    "capabilities");
	must(capng_apply(CAPNG_SELECT_CAPS) != 0,
	    "a capability can be had again");
}

void
privilege_drop_loader(const struct privilege *privilege)
{
	static const unsigned int reading[] = { CAP_DAC_READ_SEARCH,
		CAP_NET_BIND_SERVICE };

	drop_to(privilege, reading, sizeof(reading) / sizeof(reading[0]));
}

void
privilege_drop_opener(const struct privilege *privilege)
{
	static const unsigned int opening[] = { CAP_DAC_READ_SEARCH,
		CAP_DAC_OVERRIDE, CAP_FOWNER, CAP_CHOWN, CAP_SETGID,
		CAP_NET_ADMIN };

	drop_to(privilege, opening, sizeof(opening) / sizeof(opening[0]));
}

void
privilege_drop_supervisor(const struct privilege *privilege)
{
	bool can_lock;

	clear_ambient();
	if (!privilege->change) {
		lock_process();
		capng_clear(CAPNG_SELECT_CAPS);
		apply_capabilities();
		return;
	}
	must(capng_get_caps_process() == 0, "capget");
	can_lock = capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP) != 0;
	must(prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) == 0, "keep capabilities");
	change_ids(privilege->uid, privilege->gid);

	/* Changing ids has emptied the effective set. */
	collect_kept();
	if (can_lock) {
		must(capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED,
			 CAP_SETPCAP) == 0,
		    "capabilities");
		apply_capabilities();
		raise_kept();
		lock_bounds();
		collect_kept();
		apply_capabilities();
	} else {
		apply_capabilities();
		raise_kept();
	}
	lock_process();
	prove_supervisor();
}
