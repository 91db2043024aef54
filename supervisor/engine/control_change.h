/*
 * The commands that change what runs by hand. Each edits a copy of the
 * configuration and has change_apply() do the rest, so that only what differs
 * is touched. The next reload undoes what the file does not say.
 */
#ifndef ENGINE_CONTROL_CHANGE_H
#define ENGINE_CONTROL_CHANGE_H

#include "supervisor/engine/control_command.h"

/* The words behind the command and its verb. */
#define CONTROL_FIRST 2

struct change;

enum control_result control_path_add(struct control_call *call);
enum control_result control_path_del(struct control_call *call);
enum control_result control_path_drain(struct control_call *call);
enum control_result control_path_set(struct control_call *call);
enum control_result control_tunnel_add(struct control_call *call);
enum control_result control_tunnel_del(struct control_call *call);
enum control_result control_tunnel_up(struct control_call *call);
enum control_result control_tunnel_down(struct control_call *call);
enum control_result control_peer_add(struct control_call *call);
enum control_result control_peer_del(struct control_call *call);

/*
 * For the files of this module: edit a copy and apply it; edit returns 0, or
 * -1 with call->error. Say no. Find the tunnel that the first word names, NULL
 * having said no.
 */
enum control_result control_edit(struct control_call *call,
    int (*edit)(struct control_call *call, struct change *change));
enum control_result
control_deny(struct control_call *call, const char *what, const char *which);
struct config_tunnel *
control_find_tunnel(struct control_call *call, struct config *config);

#endif
