#ifndef WORKER_CLOCK_H
#define WORKER_CLOCK_H

#include <stdint.h>

/* Milliseconds of CLOCK_MONOTONIC. */
int64_t clock_now_ms(void);

#endif
