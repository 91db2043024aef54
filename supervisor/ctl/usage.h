/*
 * How each command is called, and what is said of a wrong call: the reason and
 * the command's forms on standard error, and the exit status 2.
 */
#ifndef CTL_USAGE_H
#define CTL_USAGE_H

#include <stdio.h>

#define USAGE_EXIT 2

/* The forms of a command, of all with NULL. */
void usage_write(FILE *stream, const char *command);

void usage_fail(const char *command, const char *format, ...)
    __attribute__((noreturn, format(printf, 2, 3)));

/* What getopt(3) or getopt_long(3), told to be silent, has refused in argv. */
void usage_fail_option(const char *command, int result, char **argv)
    __attribute__((noreturn));

#endif
