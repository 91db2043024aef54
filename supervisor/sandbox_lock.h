/*
 * The steps that all lock-ins share: each ends the process when it fails, and
 * as the configuration says when the kernel lacks it.
 */
#ifndef SUPERVISOR_SANDBOX_LOCK_H
#define SUPERVISOR_SANDBOX_LOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct config;
struct sandbox_filter_list;

/* The mode in which the log opens its file again. */
#define SANDBOX_LOCK_LOG_FLAGS \
	(O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)

/* Ends the process unless it held. */
void sandbox_lock_must(bool held, const char *what);

/* No core dump, nobody attaches, no new privileges. */
void sandbox_lock_harden(void);

/*
 * Harden, and look for Landlock: *level is its ABI version, 0: go on without.
 * False, having said so, in a build whose sanitizers cannot be locked in.
 */
bool sandbox_lock_begin(const struct config *config, int *level);

/* Load the filter and see that it is there. False: go on without. */
bool sandbox_lock_filter(const struct config *config, uint32_t others,
    const struct sandbox_filter_list *lists, size_t count);

/* The part that this process went on without, and why, in words, or NULL. */
const char *sandbox_lock_lack(void);

/* One line of what was achieved. */
void sandbox_lock_report(int level, bool filtered);

#endif
