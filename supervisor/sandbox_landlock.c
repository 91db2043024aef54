#include "supervisor/sandbox_landlock.h"

#include <sys/syscall.h>

#include <linux/landlock.h>

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <link.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

/*
 * Of linux/landlock.h, younger than the headers of Debian 12: what each ABI
 * level added. A kernel refuses bits that it does not know.
 */
#define FS_REFER (UINT64_C(1) << 13)	 /* level 2 */
#define FS_TRUNCATE (UINT64_C(1) << 14)	 /* level 3 */
#define FS_IOCTL_DEV (UINT64_C(1) << 15) /* level 5 */
#define NET_BIND_TCP (UINT64_C(1) << 0)	 /* level 4 */
#define NET_CONNECT_TCP (UINT64_C(1) << 1)
#define SCOPE_ABSTRACT_UNIX (UINT64_C(1) << 0) /* level 6 */
#define SCOPE_SIGNAL (UINT64_C(1) << 1)

#define FS_LEVEL_1 ((UINT64_C(1) << 13) - 1)
#define FS_READ                                       \
	(UINT64_C(0) | LANDLOCK_ACCESS_FS_READ_FILE | \
	    LANDLOCK_ACCESS_FS_READ_DIR)

struct attributes {
	uint64_t handled_fs;
	uint64_t handled_net;
	uint64_t scoped;
};

int
sandbox_landlock_level(void)
{
	long level;

	level = syscall(SYS_landlock_create_ruleset, NULL, 0,
	    LANDLOCK_CREATE_RULESET_VERSION);
	if (level == -1 && (errno == ENOSYS || errno == EOPNOTSUPP))
		return 0;
	return (int)level;
}

static uint64_t
known_fs(int level)
{
	uint64_t known = FS_LEVEL_1;

	if (level >= 2)
		known |= FS_REFER;
	if (level >= 3)
		known |= FS_TRUNCATE;
	if (level >= 5)
		known |= FS_IOCTL_DEV;
	return known;
}

/* An older kernel takes a shorter structure. */
static size_t
known_bytes(int level)
{
	if (level >= 6)
		return sizeof(struct attributes);
	return level >= 4 ? offsetof(struct attributes, scoped) :
			    offsetof(struct attributes, handled_net);
}

int
sandbox_landlock_new(int level, enum sandbox_landlock_reach reach)
{
	struct attributes handled = { .handled_fs = known_fs(level),
		.handled_net = NET_BIND_TCP | NET_CONNECT_TCP,
		.scoped = SCOPE_ABSTRACT_UNIX | SCOPE_SIGNAL };

	switch (reach) {
	case SANDBOX_LANDLOCK_ALL:
		break;
	case SANDBOX_LANDLOCK_CHANGE:
		handled.handled_fs &= ~FS_READ;
		handled.handled_net = 0;
		handled.scoped = SCOPE_ABSTRACT_UNIX;
		break;
	}
	return (int)syscall(SYS_landlock_create_ruleset, &handled,
	    known_bytes(level), 0);
}

static int
grant_fd(int ruleset, int fd, uint64_t allowed)
{
	struct landlock_path_beneath_attr rule = { .allowed_access = allowed,
		.parent_fd = fd };

	return (int)syscall(SYS_landlock_add_rule, ruleset,
	    LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
}

int
sandbox_landlock_grant(int ruleset, const char *path, uint64_t allowed)
{
	int fd, result, saved;

	fd = open(path, O_PATH | O_CLOEXEC);
	if (fd == -1)
		return 0;
	result = grant_fd(ruleset, fd, allowed);
	saved = errno;
	close(fd);
	errno = saved;
	return result;
}

int
sandbox_landlock_grant_folder(int ruleset, const char *file, uint64_t allowed)
{
	char path[PATH_MAX];

	/* The name may be a link; what it leads to is what is opened. */
	if (realpath(file, path) == NULL)
		return 0;
	return sandbox_landlock_grant(ruleset, dirname(path), allowed);
}

/* The program itself comes first. */
static int
find_linker(struct dl_phdr_info *info, size_t bytes, void *argument)
{
	const char **linker = argument;

	(void)bytes;
	for (size_t i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_INTERP)
			*linker = (const char *)(info->dlpi_addr +
			    info->dlpi_phdr[i].p_vaddr);
	return 1;
}

int
sandbox_landlock_grant_linker(int ruleset)
{
	const char *linker = NULL;

	dl_iterate_phdr(find_linker, &linker);
	return linker == NULL ? 0 :
				sandbox_landlock_grant_folder(ruleset, linker,
				    LANDLOCK_ACCESS_FS_EXECUTE);
}

int
sandbox_landlock_grant_names(int ruleset, int level)
{
	const uint64_t device = LANDLOCK_ACCESS_FS_WRITE_FILE |
	    (level >= 5 ? FS_IOCTL_DEV : 0);

	if (sandbox_landlock_grant(ruleset, "/dev/net/tun", device) == -1)
		return -1;
	return sandbox_landlock_grant(ruleset, "/",
	    UINT64_C(0) | LANDLOCK_ACCESS_FS_WRITE_FILE |
		LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK |
		LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE);
}

int
sandbox_landlock_enter(int ruleset)
{
	if (syscall(SYS_landlock_restrict_self, ruleset, 0) == -1)
		return -1;
	return close(ruleset);
}
