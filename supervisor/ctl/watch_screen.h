/*
 * The screen of watch; only this module sees ncurses.
 */
#ifndef CTL_WATCH_SCREEN_H
#define CTL_WATCH_SCREEN_H

#include <stdint.h>

struct gather;
struct watch_why;

/*
 * Take the terminal over. It is given back as it was by watch_screen_close(),
 * at exit, and while the process is stopped. -1 if it cannot be: what TERM
 * names is unknown or too simple.
 */
int watch_screen_open(void);
void watch_screen_close(void);

/* Draw what was answered and judged, and remember it for the next graphs. */
void
watch_screen_show(const struct gather *gather, const struct watch_why *why);

/*
 * Heed keys and changes of the size meanwhile. 0 when the time is over, -1 if
 * the user has had enough, or the number of a signal that is to end us: raised
 * after the terminal is given back, it does.
 */
int watch_screen_wait(int64_t period_ms);

#endif
