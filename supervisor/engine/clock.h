/*
 * The engine's clock. Pure modules take it as an argument.
 */
#ifndef ENGINE_CLOCK_H
#define ENGINE_CLOCK_H

#include <stdint.h>

/* Microseconds of CLOCK_MONOTONIC; never 0. */
uint64_t clock_now_us(void);

/* Milliseconds since 1970, for the session's age between two hosts. */
uint64_t clock_unix_ms(void);

#endif
