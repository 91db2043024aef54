/*
 * Ask a proxy to connect to the next hop: a state machine over one bounded
 * buffer, without I/O, memory of its own, or anything that the last filter
 * forbids. What the proxy sends after its answer stays in the buffer.
 */
#ifndef WORKER_PROXY_H
#define WORKER_PROXY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shm/message.h"

#define PROXY_INPUT_MAX 8192  /* no answer is longer */
#define PROXY_OUTPUT_MAX 2048 /* nor any request */

struct sockaddr;

enum proxy_result {
	PROXY_SEND,  /* send output[], all of it */
	PROXY_MORE,  /* append to input[]; there is room for a byte or more */
	PROXY_DONE,  /* connected; input[] holds what came after the answer */
	PROXY_FAILED /* reason, detail and text say why */
};

/* Where the proxy shall connect to. */
struct proxy_target {
	const char *host;
	uint32_t port;
	int family; /* of address; AF_UNSPEC: only the name */
	uint8_t address[16];
};

struct proxy {
	/* What takes the next bytes of the answer: the machine's state. */
	enum proxy_result (*next)(struct proxy *proxy);
	const struct job_hop *via;
	struct proxy_target target;

	enum event_reason reason;
	int detail;
	char text[MESSAGE_TEXT_MAX]; /* printable */

	struct {
		int status;	    /* of the present head, 0: unknown */
		unsigned int lines; /* so far, in all heads */
		size_t bytes;
		unsigned int interim; /* heads that were not the last */
	} http;

	size_t filled; /* bytes of input[] */
	uint8_t input[PROXY_INPUT_MAX];
	size_t output_bytes;
	uint8_t output[PROXY_OUTPUT_MAX];
};

/*
 * Must host be resolved here, because via cannot or shall not do it? *family
 * is then AF_UNSPEC or the only family that via can be asked for.
 */
bool
proxy_wants_address(const struct job_hop *via, const char *host, int *family);

/*
 * Begin to ask via, which is not HOP_TCP, for the next hop. address is what
 * host was resolved to where proxy_wants_address(), else it may be NULL and is
 * not looked at. via and host are used until the end. Before the first hop the
 * whole struct is 0; later, what the hop before has left in input[] is taken
 * for the beginning of this hop's answer.
 *
 * Returns PROXY_SEND or PROXY_FAILED.
 */
enum proxy_result proxy_begin(struct proxy *proxy, const struct job_hop *via,
    const char *host, uint32_t port, const struct sockaddr *address);

/*
 * Go on, after the output was sent or the input has grown. Wipes the output.
 * Not to be called after PROXY_DONE or PROXY_FAILED.
 */
enum proxy_result proxy_step(struct proxy *proxy);

/* For the machines: append to the output. */
void proxy_put(struct proxy *proxy, const void *bytes, size_t count);
void proxy_put_text(struct proxy *proxy, const char *text);

/* Take the first bytes of the input. */
void proxy_consume(struct proxy *proxy, size_t count);

/* Returns PROXY_FAILED; the text is cut and made printable. */
enum proxy_result proxy_fail(struct proxy *proxy, enum event_reason reason,
    int detail, const char *format, ...) __attribute__((format(printf, 4, 5)));

/* The same for an answer in another protocol, with its first line. */
enum proxy_result proxy_fail_foreign(struct proxy *proxy, const char *protocol);

#endif
