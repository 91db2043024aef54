/*
 * The engine's clock. Pure modules take it as an argument.
 */
#ifndef ENGINE_CLOCK_H
#define ENGINE_CLOCK_H

#include <stdint.h>

/* Microseconds of CLOCK_MONOTONIC; never 0. */
uint64_t clock_now_us(void);

/* What processors have worked for this process, ever. */
uint64_t clock_work_us(void);

/* Since 1970: between two hosts, or from the kernel's stamps to now. */
uint64_t clock_unix_us(void);
uint64_t clock_unix_ms(void);

#endif
