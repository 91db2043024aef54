/*
 * What stands at this side of a tunnel: where its datagrams come from and go
 * to. One kind is decided at the start; the calls are for batches.
 */
#ifndef ENGINE_END_H
#define ENGINE_END_H

#include <sys/socket.h>

#include <stddef.h>

#include "supervisor/address.h"
#include "supervisor/engine/udp.h"

struct frame_run;

struct end {
	enum address_kind kind;
	int fd;		/* readable when there is something to receive */
	struct udp udp; /* the socket, and what is counted of any kind */
	struct sockaddr_storage local;	/* the socket */
	struct sockaddr_storage remote; /* the application, or AF_UNSPEC */
	struct address_pair asked;	/* what was to be bound */
};

/*
 * The end that was asked for, on a descriptor of udp_bind(), which is taken
 * over, on failure too. NULL with errno.
 */
struct end *end_new(const struct address_pair *asked, int fd);

/* Hear only those that one of these permits; they are kept. */
void
end_permit(struct end *end, const struct address_permit *permits, size_t count);

/* Safe on NULL. */
void end_free(struct end *end);

/* Fill an empty batch. */
enum udp_result end_receive(struct end *end, struct udp_batch *batch);

/* Give the runs to the application, in order. Returns the datagrams given. */
size_t end_send(struct end *end, const struct frame_run *runs, size_t count);

/* Bring what is counted up to date. */
void end_count(struct end *end);

#endif
