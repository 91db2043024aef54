/*
 * What a process cannot do any more on a reload, as a sentence for people.
 */
#ifndef CTL_TEXT_RELOAD_H
#define CTL_TEXT_RELOAD_H

struct reply;
struct reply_record;

/* Of a record of the kind "process"; NULL: nothing is missing. */
const char *
text_reload(const struct reply *reply, const struct reply_record *process);

#endif
