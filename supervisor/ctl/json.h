/*
 * The status as JSON.
 */
#ifndef CTL_JSON_H
#define CTL_JSON_H

#include <stdio.h>

struct json_status;
struct json_t;
struct reply;

/* Before a lock-in: later nothing is opened, for the seed of its tables. */
void json_prepare(void);

/* A string; one that is no UTF-8 keeps its ASCII. NULL without memory. */
struct json_t *json_words(const char *text);

/* An empty status; NULL without memory. json_free() is safe on NULL. */
struct json_status *json_new(void);
void json_free(struct json_status *status);

/* Append what the process behind a socket answered. 0, or -1. */
int json_add(struct json_status *status, const struct reply *reply,
    const char *socket);

/* Append why a socket, or a folder of them, does not answer. 0, or -1. */
int json_add_error(struct json_status *status, const char *socket,
    const char *error);

/*
 * Write one object: "tunnels", of all processes in a row, "process", or
 * "processes" unless exactly one was added, and "errors". 0, or -1.
 */
int json_write(const struct json_status *status, FILE *stream);

#endif
