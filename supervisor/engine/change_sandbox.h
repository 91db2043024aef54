/*
 * What a change does about the lock-in: what runs keeps its own, so it decides
 * what a lack of the kernel's leads to where the next engine starts. For
 * change.c.
 *
 * Whoever takes the engine over can ask the supervisor for it too, and gains
 * nothing: where the kernel lacks nothing a lock-in is whole either way, and a
 * lack cannot be made by asking.
 */
#ifndef ENGINE_CHANGE_SANDBOX_H
#define ENGINE_CHANGE_SANDBOX_H

struct config;
struct engine;

/*
 * 0, or -1 with a line in error of CHANGE_WHY_MAX: the new configuration
 * requires what this process has gone on without.
 */
int change_check_sandbox(const struct engine *engine, const struct config *new,
    char *error);

/* If it is another: tell the supervisor and the log. */
void change_turn_sandbox(struct engine *engine, const struct config *new);

#endif
