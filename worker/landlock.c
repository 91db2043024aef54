#include "worker/landlock.h"

#include <sys/syscall.h>

#include <linux/landlock.h>

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <unistd.h>

#define DNS_PORT 53

/*
 * Of linux/landlock.h, younger than the headers of Debian 12: what each ABI
 * level added. A kernel refuses bits that it does not know.
 */
#define FS_LEVEL_1 ((UINT64_C(1) << 13) - 1)
#define FS_REFER (UINT64_C(1) << 13)	 /* level 2 */
#define FS_TRUNCATE (UINT64_C(1) << 14)	 /* level 3 */
#define FS_IOCTL_DEV (UINT64_C(1) << 15) /* level 5 */
#define NET_BIND_TCP (UINT64_C(1) << 0)	 /* level 4 */
#define NET_CONNECT_TCP (UINT64_C(1) << 1)
#define SCOPE_ABSTRACT_UNIX (UINT64_C(1) << 0) /* level 6 */
#define SCOPE_SIGNAL (UINT64_C(1) << 1)
#define RULE_NET_PORT 2
#define LEVEL_NET 4
#define LEVEL_SCOPE 6

struct attributes {
	uint64_t handled_fs;
	uint64_t handled_net;
	uint64_t scoped;
};

struct port_rule {
	uint64_t allowed;
	uint64_t port;
};

int
landlock_level(void)
{
	long level;

	level = syscall(SYS_landlock_create_ruleset, NULL, 0,
	    LANDLOCK_CREATE_RULESET_VERSION);
	if (level == -1 && (errno == ENOSYS || errno == EOPNOTSUPP))
		return 0;
	return (int)level;
}

static int
make(int level, uint64_t net)
{
	struct attributes handled = { .handled_fs = FS_LEVEL_1 };
	size_t bytes = offsetof(struct attributes, handled_net);

	if (level >= 2)
		handled.handled_fs |= FS_REFER;
	if (level >= 3)
		handled.handled_fs |= FS_TRUNCATE;
	if (level >= LEVEL_NET) {
		handled.handled_net = net;
		bytes = offsetof(struct attributes, scoped);
	}
	if (level >= 5)
		handled.handled_fs |= FS_IOCTL_DEV;
	if (level >= LEVEL_SCOPE) {
		handled.scoped = SCOPE_ABSTRACT_UNIX | SCOPE_SIGNAL;
		bytes = sizeof(handled);
	}
	return (int)syscall(SYS_landlock_create_ruleset, &handled, bytes, 0);
}

int
landlock_none(int level)
{
	return make(level, NET_BIND_TCP | NET_CONNECT_TCP);
}

static int
grant_port(int ruleset, uint32_t port)
{
	struct port_rule rule = { .allowed = NET_CONNECT_TCP, .port = port };

	return (int)syscall(SYS_landlock_add_rule, ruleset, RULE_NET_PORT,
	    &rule, 0);
}

/* What we cannot open, the resolver cannot either. */
static int
grant_path(int ruleset, const char *path, uint64_t allowed)
{
	struct landlock_path_beneath_attr rule = { .allowed_access = allowed };
	int result;

	rule.parent_fd = open(path, O_PATH | O_CLOEXEC);
	if (rule.parent_fd == -1)
		return 0;
	result = (int)syscall(SYS_landlock_add_rule, ruleset,
	    LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
	close(rule.parent_fd);
	return result;
}

static int
grant_resolver(int ruleset)
{
	static const char *const files[] = { "/etc/hosts", "/etc/resolv.conf",
		"/etc/nsswitch.conf", "/etc/host.conf", "/etc/gai.conf",
		"/etc/services", "/etc/ld.so.cache" };
	/* Modules of the name service switch. */
	static const char *const folders[] = { "/lib", "/usr/lib", "/lib64",
		"/usr/lib64" };
	size_t i;

	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if (grant_path(ruleset, files[i],
			LANDLOCK_ACCESS_FS_READ_FILE) == -1)
			return -1;
	for (i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		if (grant_path(ruleset, folders[i],
			LANDLOCK_ACCESS_FS_READ_FILE |
			    LANDLOCK_ACCESS_FS_READ_DIR) == -1)
			return -1;
	return 0;
}

static int
grant_dial(int ruleset, int level, bool names, uint32_t port)
{
	bool ports = level >= LEVEL_NET && port != 0;

	if (ports && grant_port(ruleset, port) == -1)
		return -1;
	if (!names)
		return 0;
	if (ports && grant_port(ruleset, DNS_PORT) == -1)
		return -1;
	return grant_resolver(ruleset);
}

int
landlock_dial(int level, bool names, uint32_t port)
{
	int ruleset, saved;

	ruleset = port != 0 ? landlock_none(level) : make(level, NET_BIND_TCP);
	if (ruleset == -1 || grant_dial(ruleset, level, names, port) == 0)
		return ruleset;
	saved = errno;
	close(ruleset);
	errno = saved;
	return -1;
}

int
landlock_enter(int ruleset)
{
	if (syscall(SYS_landlock_restrict_self, ruleset, 0) == -1)
		return -1;
	return close(ruleset);
}
