/*
 * A connector's tunnel goes on with other settings and other paths. A path
 * that is the same in both keeps its connection; one that is dialled otherwise
 * is replaced, make before break; one that is no more drains first.
 */
#ifndef ENGINE_TUNNEL_CHANGE_H
#define ENGINE_TUNNEL_CHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct config_tunnel;
struct path;
struct tunnel;

/*
 * config is of the same name, peer and addresses, and takes the place of
 * tunnel->config, which is still there.
 */
void tunnel_change(struct tunnel *tunnel, const struct config_tunnel *config);

/* Whether tunnel_change() ends at once what it removes. */
void tunnel_hurry(struct tunnel *tunnel, bool hurry);

/* A path came up: if the policy is not the one it asked for, tell it. */
void tunnel_tell_policy(struct tunnel *tunnel, struct path *path);

/* The connector has told another policy; an older one is ignored. 0, or
 * -1: the frame is malformed, or this is no listener. */
int
tunnel_hear_policy(struct tunnel *tunnel, const uint8_t *frame, size_t bytes);

#endif
