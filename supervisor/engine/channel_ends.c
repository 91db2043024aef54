#include "supervisor/engine/channel_ends.h"

#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "shm/bell.h"

static int
open_regions(struct channel *channel)
{
	struct layout_engine *ours;

	if (region_create(&channel->engine, "socktopus-tx", CHANNEL_RING_BYTES,
		REGION_CREATOR_WRITES) == -1 ||
	    region_create(&channel->worker, "socktopus-rx", CHANNEL_RING_BYTES,
		REGION_PEER_WRITES) == -1)
		return -1;
	ours = channel->engine.control;
	ours->magic = LAYOUT_MAGIC;
	ours->version = LAYOUT_VERSION;
	channel->flags = channel->worker.control;
	ring_producer_init(&channel->tx, channel->engine.data,
	    CHANNEL_RING_BYTES, &ours->tx_head, &channel->flags->tx_tail, 0);
	ring_consumer_init(&channel->rx, channel->worker.data,
	    CHANNEL_RING_BYTES, &channel->flags->rx_head, &ours->rx_tail, 0);
	return 0;
}

static int
open_socket_and_bells(struct channel *channel, struct channel_handed *handed)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == -1)
		return -1;
	channel->socket = pair[0];
	handed->fd[FD_CHANNEL - FD_CHANNEL] = pair[1];
	if (bell_create(&handed->fd[FD_BELL_IN - FD_CHANNEL],
		&channel->bell_out) == -1 ||
	    bell_create(&channel->bell_in,
		&handed->fd[FD_BELL_OUT - FD_CHANNEL]) == -1)
		return -1;
	return fcntl(channel->socket, F_SETFL, O_NONBLOCK);
}

int
channel_ends_open(struct channel *channel, struct job *job,
    struct channel_handed *handed)
{
	for (int i = 0; i < FD_SOCKET - FD_CHANNEL; i++)
		handed->fd[i] = -1;
	if (open_regions(channel) == -1 ||
	    open_socket_and_bells(channel, handed) == -1)
		return -1;
	handed->fd[FD_REGION_S - FD_CHANNEL] = channel->engine.fd;
	handed->fd[FD_REGION_W - FD_CHANNEL] = channel->worker.fd;
	job->tx_bytes = CHANNEL_RING_BYTES;
	job->rx_bytes = CHANNEL_RING_BYTES;
	if (message_send_job(channel->socket, job) == MESSAGE_OK)
		return 0;
	errno = EIO;
	return -1;
}

/* A bell for nothing would wake every idle worker at every tick. */
void
channel_ring(struct channel *channel)
{
	if (channel->tx.head != channel->rung_head) {
		channel->rung_head = channel->tx.head;
		bell_ring(&channel->flags->worker_sleeps, channel->bell_out);
	}
	if (channel->rx.tail != channel->rung_tail) {
		channel->rung_tail = channel->rx.tail;
		bell_ring(&channel->flags->worker_wants_room,
		    channel->bell_out);
	}
}

static void
close_descriptor(int descriptor)
{
	if (descriptor != -1)
		close(descriptor);
}

void
channel_ends_hand_over(const struct channel_handed *handed)
{
	close_descriptor(handed->fd[FD_CHANNEL - FD_CHANNEL]);
	close_descriptor(handed->fd[FD_BELL_IN - FD_CHANNEL]);
	close_descriptor(handed->fd[FD_BELL_OUT - FD_CHANNEL]);
	close_descriptor(handed->fd[FD_SOCKET - FD_CHANNEL]);
}

void
channel_ends_close(struct channel *channel)
{
	close_descriptor(channel->socket);
	close_descriptor(channel->bell_in);
	close_descriptor(channel->bell_out);
	channel->socket = channel->bell_in = channel->bell_out = -1;
	region_destroy(&channel->engine);
	region_destroy(&channel->worker);
}
