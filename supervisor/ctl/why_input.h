/*
 * From two answers of a process, some time apart, to what why.h judges.
 */
#ifndef CTL_WHY_INPUT_H
#define CTL_WHY_INPUT_H

#include <stddef.h>

struct reply;
struct why_input;
struct why_path;
struct why_watch;

/* What is watched from outside meanwhile. NULL with errno. */
struct why_watch *why_watch_new(void);
void why_watch_free(struct why_watch *watch);

/* The processes of a status, and the sockets of their applications. */
void why_watch_begin(struct why_watch *watch, const struct reply *status);
void why_watch_end(struct why_watch *watch);

/*
 * The tunnel that is this record of the later answer, one to "samples". paths
 * has room for WHY_PATHS_MAX and, like the answers, is pointed to by input.
 */
void why_input_read(const struct why_watch *watch, const struct reply *before,
    const struct reply *after, size_t tunnel, struct why_path *paths,
    struct why_input *input);

#endif
