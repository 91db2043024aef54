/*
 * What limits the tunnels, with all figures, as JSON.
 */
#ifndef CTL_WHY_JSON_H
#define CTL_WHY_JSON_H

#include <stdio.h>

struct json_t;
struct why_input;

/* Where the tunnels are gathered; NULL without memory. */
struct json_t *why_json_new(void);
void why_json_free(struct json_t *tunnels);

/* Judge one and append it. 0, or -1 without memory. */
int why_json_add(struct json_t *tunnels, const char *name, const char *socket,
    const struct why_input *input);

/* One object, whose member "tunnels" they are. 0, or -1. */
int why_json_write(struct json_t *tunnels, FILE *stream);

#endif
