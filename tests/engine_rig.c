#include "tests/engine_rig.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <arpa/inet.h>
#include <bsd/string.h>
#include <err.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shm/bell.h"
#include "shm/layout.h"
#include "supervisor/engine/clock.h"
#include "supervisor/engine/end.h"
#include "supervisor/engine/noise.h"
#include "supervisor/engine/noise_cipher.h"
#include "supervisor/engine/path.h"
#include "supervisor/engine/tunnel.h"
#include "supervisor/log.h"

#define PATHS_MAX 64
#define DATAGRAM_MAX 65507
#define BURST_BYTES 90000
#define EXCHANGE_BYTES 200
#define ROUND_US 200 /* of the rig's clock, for a batch */
#define TICK_ROUNDS 250
#define BUFFER_BYTES (8 << 20)

/* One end: its application's socket and its tunnel. */
struct side {
	int application;
	struct tunnel *tunnel;
	struct path *path[PATHS_MAX];
};

/* The worker's end of a path's rings. */
struct hands {
	struct ring_consumer tx;
	struct ring_producer rx;
};

static struct engine engine;
static const struct config_peer peer_config = { .name = "rig" };
static const struct engine_peer peer = { .config = &peer_config };
static struct side near, far;
static struct hands near_hands[PATHS_MAX], far_hands[PATHS_MAX];
static size_t paths;
static uint64_t now_us = 1000000, rounds;

/* In place of the engine's. */
uint64_t
clock_now_us(void)
{
	return ++now_us;
}

uint64_t
clock_work_us(void)
{
	return clock_now_us();
}

uint64_t
clock_unix_us(void)
{
	return clock_now_us() + UINT64_C(1700000000000000);
}

uint64_t
clock_unix_ms(void)
{
	return clock_unix_us() / 1000;
}

static void
learn(int fd, struct sockaddr_storage *address)
{
	socklen_t length = sizeof(*address);

	memset(address, 0, sizeof(*address));
	if (getsockname(fd, (struct sockaddr *)address, &length) == -1)
		err(1, "getsockname");
}

static int
open_socket(struct sockaddr_storage *address)
{
	struct sockaddr_in loopback = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	int bytes = BUFFER_BYTES;

	if (fd == -1 ||
	    bind(fd, (struct sockaddr *)&loopback, sizeof(loopback)) == -1)
		err(1, "socket");
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	learn(fd, address);
	return fd;
}

static void
open_side(struct side *side, const char *name)
{
	struct frame_policy policy = { .scheduler = CONFIG_EARLIEST,
		.copies = 1,
		.resend = true,
		.max_queue_ms = 50 };
	struct address_pair pair;
	struct end *end;
	int fd;

	memset(&pair, 0, sizeof(pair));
	side->application = open_socket(&pair.remote);
	fd = open_socket(&pair.local);
	close(fd); /* the port is ours for a moment more */
	fd = udp_bind(&pair);
	if (fd == -1 || (end = end_new(&pair, fd)) == NULL)
		err(1, "the tunnel's socket");
	if (connect(side->application, (struct sockaddr *)&pair.local,
		sizeof(struct sockaddr_in)) == -1)
		err(1, "connect");
	side->tunnel = tunnel_allocate(&engine, name, NULL, &policy,
	    HISTORY_BYTES_DEFAULT, end);
	if (side->tunnel == NULL)
		err(1, "tunnel");
}

static struct noise_cipher *
make_cipher(uint8_t fill)
{
	struct noise_cipher *cipher = noise_cipher_new();
	uint8_t key[NOISE_KEY_BYTES];

	memset(key, fill, sizeof(key));
	if (cipher == NULL || !noise_cipher_set_key(cipher, key))
		errx(1, "cipher");
	return cipher;
}

/* What channel_open() does, and what the worker does at its start. */
static void
open_channel(struct channel *channel, struct hands *hands)
{
	struct layout_engine *ours;

	if (region_create(&channel->engine, "rig-tx", CHANNEL_RING_BYTES,
		REGION_CREATOR_WRITES) == -1 ||
	    region_create(&channel->worker, "rig-rx", CHANNEL_RING_BYTES,
		REGION_PEER_WRITES) == -1 ||
	    bell_create(&channel->bell_in, &channel->bell_out) == -1 ||
	    (channel->socket = dup(channel->bell_in)) == -1)
		err(1, "channel");
	channel->bell_readable = event_new(engine.base, channel->bell_in, 0,
	    NULL, NULL);
	ours = channel->engine.control;
	channel->flags = channel->worker.control;
	ring_producer_init(&channel->tx, channel->engine.data,
	    CHANNEL_RING_BYTES, &ours->tx_head, &channel->flags->tx_tail, 0);
	ring_consumer_init(&channel->rx, channel->worker.data,
	    CHANNEL_RING_BYTES, &channel->flags->rx_head, &ours->rx_tail, 0);
	ring_consumer_init(&hands->tx, channel->engine.data, CHANNEL_RING_BYTES,
	    &ours->tx_head, &channel->flags->tx_tail, 0);
	ring_producer_init(&hands->rx, channel->worker.data, CHANNEL_RING_BYTES,
	    &channel->flags->rx_head, &ours->rx_tail, 0);
}

static struct path *
open_path(struct side *side, struct hands *hands, uint8_t tx_key,
    uint8_t rx_key)
{
	struct path *path = calloc(1, sizeof(*path));

	if (path == NULL)
		err(1, NULL);
	path->engine = &engine;
	path->tunnel = side->tunnel;
	path->peer = &peer;
	path->peer_frame_max = FRAME_SEALED_MAX;
	strlcpy(path->subject, "rig", sizeof(path->subject));
	channel_init(&path->channel, NULL, path);
	open_channel(&path->channel, hands);
	path->tx = make_cipher(tx_key);
	path->rx = make_cipher(rx_key);
	estimate_init(&path->estimate, clock_now_us());
	TAILQ_INSERT_TAIL(&side->tunnel->paths, path, entry);
	side->tunnel->paths_count++;
	path_enter(path, PATH_UP);
	return path;
}

void
engine_rig_begin(size_t count)
{
	if (count < 1 || count > PATHS_MAX)
		errx(1, "1 to %d paths", PATHS_MAX);
	paths = count;
	log_set_level(LOG_WARN);
	engine.base = event_base_new();
	if (engine.base == NULL || noise_init() == -1)
		errx(1, "event loop or libcrypto");
	TAILQ_INIT(&engine.tunnels);
	TAILQ_INIT(&engine.arriving);
	TAILQ_INIT(&engine.ended);
	open_side(&near, "near");
	open_side(&far, "far");
	for (size_t i = 0; i < paths; i++) {
		near.path[i] = open_path(&near, &near_hands[i], 1, 2);
		far.path[i] = open_path(&far, &far_hands[i], 2, 1);
	}
}

/* True if something was moved. */
static bool
carry_ring(struct ring_consumer *from, struct ring_producer *to)
{
	const uint8_t *span;
	size_t bytes, room;
	uint8_t *place;

	if (ring_peek(from, &span, &bytes) != RING_OK ||
	    ring_reserve(to, 1, &place, &room) != RING_OK)
		return false;
	if (bytes > room)
		bytes = room;
	memcpy(place, span, bytes);
	ring_commit(to, bytes);
	ring_release(from, bytes);
	return true;
}

static bool
carry_paths(void)
{
	bool moved = false;

	for (size_t i = 0; i < paths; i++) {
		if (carry_ring(&near_hands[i].tx, &far_hands[i].rx)) {
			path_receive(far.path[i]);
			moved = true;
		}
		if (carry_ring(&far_hands[i].tx, &near_hands[i].rx)) {
			path_receive(near.path[i]);
			moved = true;
		}
	}
	return moved;
}

static void
tick(void)
{
	now_us += ROUND_US;
	if (++rounds % TICK_ROUNDS != 0)
		return;
	tunnel_tick(near.tunnel, clock_now_us());
	tunnel_tick(far.tunnel, clock_now_us());
}

static unsigned int
offer(const struct side *side, uint64_t count, size_t bytes)
{
	static uint8_t datagram[DATAGRAM_MAX];
	struct iovec span = { datagram, bytes };
	struct mmsghdr message[ENGINE_RIG_BURST];
	int sent;

	for (unsigned int i = 0; i < count; i++)
		message[i].msg_hdr = (struct msghdr){ .msg_iov = &span,
			.msg_iovlen = 1 };
	sent = sendmmsg(side->application, message, (unsigned int)count, 0);
	if (sent == -1)
		err(1, "sendmmsg");
	return (unsigned int)sent;
}

static uint64_t
take_in(const struct side *side)
{
	uint64_t count = 0;

	while (recv(side->application, NULL, 0, MSG_TRUNC) != -1)
		count++;
	return count;
}

static uint64_t
least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* No more than the smallest buffer that a kernel gives. */
static uint64_t
burst_of(size_t bytes)
{
	return least(BURST_BYTES / (bytes + 1) + 1, ENGINE_RIG_BURST);
}

uint64_t
engine_rig_carry(uint64_t datagrams, size_t bytes)
{
	uint64_t burst = burst_of(bytes), sent = 0, arrived = 0;

	while (sent < datagrams) {
		sent += offer(&near, least(datagrams - sent, burst), bytes);
		tunnel_pump(near.tunnel);
		while (carry_paths())
			arrived += take_in(&far);
		arrived += take_in(&far);
		tick();
	}
	return arrived;
}

void
engine_rig_press(uint64_t datagrams, size_t bytes)
{
	uint64_t burst = burst_of(bytes), sent = 0;

	while (sent < datagrams) {
		sent += offer(&near, least(datagrams - sent, burst), bytes);
		tunnel_pump(near.tunnel);
	}
}

bool
engine_rig_exchange(bool answered)
{
	offer(&near, 1, EXCHANGE_BYTES);
	if (answered)
		offer(&far, 1, EXCHANGE_BYTES);
	tunnel_pump(near.tunnel);
	while (carry_paths())
		continue;
	tick();
	(void)take_in(&far);
	if (take_in(&near) == 1)
		return true;
	tunnel_pump(far.tunnel);
	while (carry_paths())
		(void)take_in(&near);
	return false;
}

void
engine_rig_sleep(bool sleep)
{
	for (size_t i = 0; i < paths; i++)
		atomic_store(&near.path[i]->channel.flags->worker_sleeps,
		    sleep);
}

void
engine_rig_wait(uint64_t us)
{
	now_us += us;
}

void
engine_rig_turn(void)
{
	(void)event_base_loop(engine.base, EVLOOP_ONCE);
}

size_t
engine_rig_busy_paths(void)
{
	size_t busy = 0, bytes;

	for (size_t i = 0; i < paths; i++)
		busy += ring_queued(&near.path[i]->channel.tx, &bytes) ==
			RING_OK &&
		    bytes > 0;
	return busy;
}

uint64_t
engine_rig_frames(void)
{
	uint64_t frames = 0;

	for (size_t i = 0; i < paths; i++)
		frames += near.path[i]->estimate.sent_frames;
	return frames;
}

void
engine_rig_end(void)
{
	tunnel_free(near.tunnel, "end");
	tunnel_free(far.tunnel, "end");
	close(near.application);
	close(far.application);
	event_base_free(engine.base);
}
