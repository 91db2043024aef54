/*
 * What stands at this side of a tunnel: where its datagrams come from and go
 * to. The kind is decided at the start; the calls are for batches.
 *
 * To UDP what the kernel does not take is lost. To a kind that has a name it
 * is held until the application takes it, and end_held_bytes() says how much
 * waits: the tunnel sees to it that no more comes.
 */
#ifndef ENGINE_END_H
#define ENGINE_END_H

#include <sys/socket.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "supervisor/address.h"
#include "supervisor/engine/hold.h"
#include "supervisor/engine/udp.h"

struct config_tunnel;
struct end_fan;
struct end_links;
struct frame_run;

struct end {
	enum address_kind kind;
	int fd;		/* readable when there is something to receive */
	struct udp udp; /* the socket, and what is counted of any kind */
	struct sockaddr_storage local;	/* the socket */
	struct sockaddr_storage remote; /* the application, or AF_UNSPEC */
	struct address_pair asked;	/* what was to be bound */
	struct hold hold;		/* for an application that is busy */
	size_t inherited;		/* of it, from a tunnel before */
	struct end_links *links;	/* of SEQPACKET */
	struct end_fan *fan; /* UDP: a socket for each client, instead */
	bool tagged;	     /* there are clients */
	bool tied;	     /* UNIX: connected to the application */
	int room;     /* of a kind that holds: see end_room_fd(); or -1 */
	bool stuck;   /* the application took no more at last */
	bool stamped; /* TUN: the time of reading is told */
	bool kept;    /* it does not end with its tunnel */
	bool taken;   /* by a tunnel */
};

/*
 * The end that was asked for, on a descriptor that was bound for it, which is
 * taken over, on failure too. NULL with errno.
 */
struct end *end_new(const struct address_pair *asked, int fd);

/* The same for a tunnel here, as it is configured. */
struct end *end_new_here(const struct config_tunnel *config, int fd);

/*
 * What listens there stands for another tunnel now, as that is configured: with
 * as many clients, none of them known. Takes end over, on failure too. NULL
 * with errno.
 */
struct end *end_renew(struct end *end, const struct config_tunnel *config);

/* Safe on NULL. */
void end_free(struct end *end);

/*
 * A tunnel begins with it: what is counted is the tunnel's. And is done with
 * it: free it, or keep it for the next.
 */
void end_take(struct end *end);
void end_release(struct end *end);

/* It is a UDP socket, or several. */
bool end_is_udp(const struct end *end);

/*
 * Tell up to limit applications apart: those that send, each known until it is
 * idle for so long, if the end learns; else each that is at the far end gets a
 * socket of its own here, towards the one application. Before the end is used.
 * limit is 1 to SOURCES_MAX. 0, or -1 with errno.
 */
int end_set_clients(struct end *end, size_t limit, uint64_t idle_us);
/* How many there are, and how many there may be; 0: none are told apart. */
size_t end_clients(const struct end *end);
size_t end_clients_max(const struct end *end);

/* Forget clients that are idle, hear newcomers again; now and then. */
void end_tick(struct end *end, uint64_t now_us);

/* Hear only those that one of these permits; they are kept. */
void
end_permit(struct end *end, const struct address_permit *permits, size_t count);

/*
 * Have it told when each datagram came: by the kernel, but for a device, where
 * it is known when it was read. 0, or -1 with errno.
 */
int end_stamp(struct end *end);

/* What may wait in the kernel, where that is ours to say: udp_limit_queue(). */
void end_limit_queue(struct end *end, uint64_t bytes);

/* Fill an empty batch. */
enum udp_result end_receive(struct end *end, struct udp_batch *batch);

/*
 * Give the runs to the application, in order, behind what is held. Returns the
 * datagrams of this tunnel that were given.
 */
size_t end_send(struct end *end, const struct frame_run *runs, size_t count);

/*
 * Give what is held, as far as it is taken, or much of it, and then there is no
 * need to wait: end->stuck is false. Returns as above.
 */
size_t end_drain(struct end *end);
/* Of all, and the datagrams of this tunnel. */
size_t end_held_bytes(const struct end *end);
size_t end_held(const struct end *end);
/*
 * What is readable when the application has taken something since it was stuck.
 * Now and then only time can tell, as when it takes what others have sent.
 */
int end_room_fd(const struct end *end);

/* Bring what is counted up to date. */
void end_count(struct end *end);

#endif
