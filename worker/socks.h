/*
 * SOCKS5 (RFC 1928) with user and password (RFC 1929), SOCKS4 and SOCKS4a.
 */
#ifndef WORKER_SOCKS_H
#define WORKER_SOCKS_H

#include "worker/proxy.h"

/* The target is set: put the first output. PROXY_SEND or PROXY_FAILED. */
enum proxy_result socks_begin5(struct proxy *proxy);
enum proxy_result socks_begin4(struct proxy *proxy);

#endif
