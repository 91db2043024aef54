/*
 * The control socket: a client sends one line, the engine answers records, one
 * a line, and closes. The format is described in socktopusctl(8).
 */
#ifndef ENGINE_CONTROL_H
#define ENGINE_CONTROL_H

#include <bsd/sys/queue.h>

#include <stdbool.h>

struct client;
TAILQ_HEAD(client_list, client);

struct engine;
struct evconnlistener;

struct control {
	struct engine *engine;
	struct evconnlistener *listener;
	struct client_list list;
	unsigned int clients;
	int fd;
};

/* Serve a bound, listening AF_UNIX socket; -1 as fd: none. 0, or -1. */
int control_open(struct control *control, struct engine *engine, int fd);
/*
 * Another socket in its place, or -1: none; clients that are there are answered
 * all the same. 0, or -1.
 */
int control_turn(struct control *control, int fd);
/* A reload is over; error is NULL if all went well. */
void control_reloaded(struct control *control, const char *error);
/*
 * What came of the upgrade that a client asked for; NULL: it is done, and this
 * process ends at once.
 */
void control_upgraded(struct control *control, const char *error);
/* Does a client wait for that? */
bool control_upgrades(const struct control *control);

void control_close(struct control *control);

#endif
