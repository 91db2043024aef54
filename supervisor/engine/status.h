/*
 * What the control socket tells of the engine: records, one a line, `kind
 * key=value ...` with the values percent-encoded.
 */
#ifndef ENGINE_STATUS_H
#define ENGINE_STATUS_H

struct engine;
struct evbuffer;

/* The process, every tunnel, its drops and its paths. */
void status_write(struct engine *engine, struct evbuffer *out);

/* A value, %XX for what is not a plain character. */
void status_add_encoded(struct evbuffer *out, const char *value);

#endif
