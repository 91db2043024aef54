/*
 * When a measuring tool's loop ends: after a time, after a silence, or on
 * SIGINT or SIGTERM.
 */
#ifndef TESTS_LIMIT_H
#define TESTS_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

/* A loop looks at its limits at least this often. */
#define LIMIT_LOOK_NS UINT64_C(50000000)

struct limit {
	uint64_t count; /* datagrams, 0: no limit */
	double seconds; /* 0: no limit */
	double idle_s;	/* of silence, 0: no limit */
	uint64_t begun_ns;
};

/* Start the clock; from here on the two signals only end the loop. */
void limit_begin(struct limit *limit, uint64_t now_ns);

bool limit_signalled(void);
bool limit_time_is_up(const struct limit *limit, uint64_t now_ns);

/*
 * True if the silence lasts since since_ns; 0 there: nothing came yet. now_ns is
 * of before the look that found nothing: who is late himself may find more.
 */
bool
limit_is_silent(const struct limit *limit, uint64_t now_ns, uint64_t since_ns);

/* All of it for a receiver: done datagrams, the last one at heard_ns. */
bool limit_reached(const struct limit *limit, uint64_t done, uint64_t now_ns,
    uint64_t heard_ns);

/* Wait for input, not longer than LIMIT_LOOK_NS. */
void limit_wait_input(int fd, uint64_t ns);

/* A number of the command line; ends the program if it is none. */
double limit_number(int option, const char *text);

/*
 * For a receiver: false once a limit is reached, of which was_told is whether
 * limit_signalled() was true before it looked for more. Who is told to end
 * takes what has come by then, until it finds nothing.
 */
bool limit_goes_on(const struct limit *limit, uint64_t done, uint64_t now_ns,
    uint64_t heard_ns, bool was_told, bool found);

#endif
