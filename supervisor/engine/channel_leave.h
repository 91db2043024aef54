/*
 * A channel in an upgrade (state.h): its descriptors, and all that it has
 * counted. Of one that is marked as advanced at both ends the descriptors crossed
 * before.
 */
#ifndef ENGINE_CHANNEL_LEAVE_H
#define ENGINE_CHANNEL_LEAVE_H

struct channel;
struct state;

void channel_leave_ends(struct state *state, struct channel *channel);
void channel_leave(struct state *state, struct channel *channel);

#endif
