/*
 * Lines for syslog's daemon, in the form of RFC 3164. syslog(3) would do, but
 * for what it does when the daemon was away: it makes a new socket, which a
 * lock-in forbids, and it blocks when the daemon has stopped to read.
 */
#ifndef SUPERVISOR_LOG_SYSLOG_H
#define SUPERVISOR_LOG_SYSLOG_H

#include <stdbool.h>
#include <stddef.h>

#define LOG_SYSLOG_SOCKET "/dev/log"

/*
 * A socket for the daemon, which need not be there yet; -1 with errno.
 */
int log_syslog_open(const char *path);

/*
 * One line of the facility daemon, without a newline. Connects again where the
 * daemon is another one than before. False with errno if it was not taken.
 */
bool log_syslog_send(int fd, const char *path, int priority, const char *text,
    size_t bytes);

#endif
