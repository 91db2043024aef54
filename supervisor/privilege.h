/*
 * The descent. Started as root, the engine becomes an ordinary user without
 * capabilities, and the supervisor the same user with no more than it takes to
 * start and kill workers under yet another one. Started as a user, nobody
 * changes. A step that fails ends the process.
 */
#ifndef SUPERVISOR_PRIVILEGE_H
#define SUPERVISOR_PRIVILEGE_H

#include <sys/types.h>

#include <stdbool.h>

struct privilege {
	bool change; /* started as root: the ids below are taken */
	uid_t uid;   /* of engine and supervisor */
	gid_t gid;
	uid_t worker_uid;
	gid_t worker_gid;
	bool shared; /* one of them is other programs', too */
};

/*
 * Find the ids for the names; an empty one stands for the default, "socktopus"
 * and "socktopus-worker", or "nobody" where these do not exist. As a user: no
 * change, whatever the names. 0, or -1 having logged: a name that was given
 * does not exist, or is root.
 */
int privilege_find(struct privilege *privilege, const char *user,
    const char *worker_user);

/* Log what these ids leave to the lock-in; for a service with workers. */
void privilege_tell(const struct privilege *privilege);

/*
 * Would a start find these? As a user: yes, whatever the names. 0, or -1 having
 * logged.
 */
int privilege_check(const char *user, const char *worker_user);

/* No capability, no way back, no core dump. Or the process ends. */
void privilege_drop_engine(const struct privilege *privilege);

/*
 * CAP_SETUID, CAP_SETGID and CAP_KILL when ids are changed, nothing else;
 * bounding set empty, secure bits locked. Or the process ends.
 */
void privilege_drop_supervisor(const struct privilege *privilege);

/*
 * Root stays root, to read what is root's, with no capability but
 * CAP_DAC_READ_SEARCH and CAP_NET_BIND_SERVICE, so far as it has them, and no
 * way to more. Or the process ends.
 */
void privilege_drop_loader(const struct privilege *privilege);

/*
 * The same with what it takes to name, own and remove sockets and files
 * anywhere, and to make devices: CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE,
 * CAP_FOWNER, CAP_CHOWN, CAP_SETGID and CAP_NET_ADMIN.
 */
void privilege_drop_opener(const struct privilege *privilege);

#endif
