/*
 * Whether it pays to wait for an application's answer rather than to sleep and
 * be woken, which takes longer than some applications need for it. Pure.
 */
#ifndef ENGINE_ANSWER_H
#define ENGINE_ANSWER_H

#include <stdbool.h>

/* So long at most: twice what a wake-up takes. */
#define ANSWER_WAIT_US 8

/* All zeros to begin with. */
struct answer {
	unsigned int hope;
	unsigned int passed;
};

/*
 * Something was delivered: is its answer to be waited for? While more than one
 * in five came in time, yes; else now and then, to find out.
 */
bool answer_is_likely(struct answer *answer);

/* It was waited for, and came in time or did not. */
void answer_note(struct answer *answer, bool came);

#endif
