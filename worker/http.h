/*
 * HTTP CONNECT (RFC 9110 section 9.3.6) with Basic credentials (RFC 7617).
 */
#ifndef WORKER_HTTP_H
#define WORKER_HTTP_H

#include "worker/proxy.h"

/* The target is set: put the request. PROXY_SEND or PROXY_FAILED. */
enum proxy_result http_begin(struct proxy *proxy);

#endif
