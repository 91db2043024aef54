/*
 * What a service manager is told, in the way of sd_notify(3): a datagram of
 * VARIABLE=VALUE lines to the socket that NOTIFY_SOCKET names. Without a
 * manager nothing is sent.
 */
#ifndef SUPERVISOR_NOTIFY_H
#define SUPERVISOR_NOTIFY_H

#include <stdint.h>

struct notify {
	int fd;		      /* connected; -1: nobody wants to know */
	uint64_t watchdog_us; /* signs of life are due so often; 0: none */
};

/*
 * Read what the manager has put into the environment, and remove it from
 * there. A socket that cannot be had is logged and done without.
 */
void notify_open(struct notify *notify);
void notify_close(struct notify *notify);

/* How often the engine is to say that it is alive; 0: not at all. */
uint64_t notify_alive_us(const struct notify *notify);

/*
 * Newlines separate assignments. Lost if the manager does not read; notify may
 * be NULL.
 */
void notify_send(const struct notify *notify, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
