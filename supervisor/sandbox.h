/*
 * The lock-in of all processes but the workers, taken on when everything is
 * open and ready: seccomp by list, Landlock as high as the kernel has it, no
 * core dump, no new privileges. A step that fails ends the process with the
 * reason. What the kernel lacks ends it too, or is logged and done without, as
 * `sandbox` in the configuration says; EPERM is somebody's mistake, not a
 * kernel's lack, and always ends it.
 */
#ifndef SUPERVISOR_SANDBOX_H
#define SUPERVISOR_SANDBOX_H

#include <stdbool.h>

struct config;
struct spawn_settings;

/*
 * Where only Landlock keeps a worker that resolves names from the key file,
 * because it has the engine's user id, and the kernel has no Landlock, relays
 * must be given by number; config->numeric is set to that. The kernel is asked
 * the first time, which is to be before any lock-in. 0, or -1 having logged the
 * path that is not.
 */
int sandbox_check_config(struct config *config, bool shared_user);

/*
 * From here on any call that the engine's loop does not make kills it. It
 * opens no file.
 */
void sandbox_enter_engine(const struct config *config);

/*
 * The keeper's, which the engine of an upgrade inherits: another program than
 * this one is not executed, no file is changed, and what no process of ours
 * ever calls is death. The new engine locks itself in.
 */
void sandbox_enter_keeper(const struct config *config, const char *program);

/*
 * The workers inherit this, so it holds what they need until their own
 * lock-in, and so does the supervisor of an upgrade. Ids are changed to the
 * workers' alone, what is executed lies in the folders of the two programs, and
 * what is opened to be written is /dev/null.
 */
void sandbox_enter_supervisor(const struct config *config,
    const struct spawn_settings *settings);

/*
 * The loader reads files and binds sockets, and that is all: nothing is
 * changed, executed, traced or sent a signal.
 */
void sandbox_enter_loader(const struct config *config);

/*
 * The opener reads files, makes, owns and removes local sockets, log files and
 * devices, and that is all: nothing is executed, traced or sent a signal, and
 * it has no socket of a network.
 */
void sandbox_enter_opener(const struct config *config);

#endif
