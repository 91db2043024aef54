/*
 * Both engines of an upgrade. The old one writes its state, and does nothing
 * more until the supervisor has decided: it goes on as if nothing had been, or
 * it ends. The new one reads the state and waits for its turn.
 */
#ifndef ENGINE_UPGRADE_H
#define ENGINE_UPGRADE_H

struct engine;
struct spawn_record;

/* What the supervisor says of an upgrade; returns when this engine goes on. */
void upgrade_decide(struct engine *engine, const struct spawn_record *record);

/*
 * The heir: locked in already. Returns 0 when it is to serve, or -1 having
 * logged why it cannot.
 */
int upgrade_inherit(struct engine *engine, int socket);

#endif
