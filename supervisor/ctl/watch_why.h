/*
 * What limits each tunnel, for watch: judged anew every two seconds, from the
 * answers that it has anyway.
 */
#ifndef CTL_WATCH_WHY_H
#define CTL_WATCH_WHY_H

#include <stddef.h>

struct gather;
struct reply;
struct watch_why;

/* NULL without memory. */
struct watch_why *watch_why_new(void);
void watch_why_free(struct watch_why *why); /* safe on NULL */

/*
 * A round: see the answers, then ask for sentences, then end the round with
 * the same gathering, which is freed or kept for the next judgement.
 */
void watch_why_see(struct watch_why *why, const struct gather *gather);
void watch_why_end(struct watch_why *why, struct gather *gather);

/*
 * About the tunnel that is this record of what a socket answered; an empty one
 * before it was judged.
 */
const char *watch_why_sentence(const struct watch_why *why, const char *socket,
    const struct reply *reply, size_t record);

#endif
