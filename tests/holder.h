/*
 * Another process that has all our descriptors open, as the engine before an
 * upgrade has them until it has ended.
 */
#ifndef TESTS_HOLDER_H
#define TESTS_HOLDER_H

#include <sys/types.h>

pid_t holder_begin(void);
void holder_end(pid_t holder);

#endif
