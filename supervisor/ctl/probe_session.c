#include "supervisor/ctl/probe_session.h"

#include <bsd/stdlib.h>

#include "supervisor/ctl/probe_link.h"
#include "supervisor/engine/clock.h"
#include "supervisor/engine/frame.h"
#include "supervisor/engine/noise.h"
#include "supervisor/engine/wire.h"

#define LOAD_QUEUE_BYTES ((size_t)64 * 1024)
#define PAD_BYTES 16000
#define PING_LEAST_BYTES ((uint64_t)32 * 1024)
/* A type that no version gives a meaning: see socktopus-protocol(7). */
#define PADDING_TYPE 255
#define MESSAGE1_BYTES NOISE_MESSAGE1_BYTES(FRAME_HELLO1_BYTES)

/* The message waits in the ring until the connection stands. */
static int
put_message1(struct probe_link *link)
{
	uint8_t message[MESSAGE1_BYTES], payload[FRAME_HELLO1_BYTES];
	struct frame_hello1 hello = { .path = link->id,
		.started_ms = clock_unix_ms(),
		.frame_max = FRAME_SEALED_MAX };

	arc4random_buf(hello.session, sizeof(hello.session));
	arc4random_buf(hello.instance, sizeof(hello.instance));
	link->handshake = noise_handshake_new(true, link->target->identity,
	    link->target->peer, true, (const uint8_t *)FRAME_PROLOGUE,
	    FRAME_PROLOGUE_BYTES);
	if (link->handshake == NULL)
		return -1;
	noise_handshake_set_psk(link->handshake, link->target->psk);
	frame_encode_hello1(&hello, payload);
	if (noise_write_message1(link->handshake, payload, sizeof(payload),
		message) == -1)
		return -1;
	return wire_put(&link->channel, message, sizeof(message)) == WIRE_OK ?
	    0 :
	    -1;
}

void
probe_session_begin(struct probe_link *link)
{
	if (put_message1(link) == -1)
		probe_link_fail(link,
		    "handshake: cannot begin: is that a public key?");
	channel_ring(&link->channel);
}

static bool
send_frame(struct probe_link *link, const uint8_t *plain, size_t bytes)
{
	size_t wire_bytes;

	switch (
	    wire_seal(&link->channel, link->tx, plain, bytes, &wire_bytes)) {
	case WIRE_OK:
		return true;
	case WIRE_FULL:
	case WIRE_EMPTY:
		return false;
	case WIRE_BROKEN_RING:
	case WIRE_BROKEN_LENGTH:
	case WIRE_BROKEN_SEAL:
		probe_link_fail(link, "worker: the ring is broken");
		return false;
	}
	return false;
}

void
probe_session_close(struct probe_link *link)
{
	uint8_t frame[FRAME_CONTROL_MAX];

	if (send_frame(link, frame,
		frame_encode_words(FRAME_CLOSE, "the probe is over", frame)))
		channel_ring(&link->channel);
}

void
probe_session_free(struct probe_link *link)
{
	noise_handshake_free(link->handshake);
	noise_cipher_free(link->tx);
	noise_cipher_free(link->rx);
	link->handshake = NULL;
	link->tx = link->rx = NULL;
}

static void
handle_message2(struct probe_link *link, const uint8_t *message, size_t bytes)
{
	uint8_t payload[FRAME_HELLO2_BYTES];
	struct frame_hello2 hello;

	if (noise_read_message2(link->handshake, message, bytes, payload) ==
		-1 ||
	    frame_decode_hello2(payload, &hello) == -1 ||
	    hello.path != link->id ||
	    noise_split(link->handshake, &link->tx, &link->rx) == -1) {
		probe_link_fail(link, "handshake: the answer does not verify");
		return;
	}
	link->ready_us = clock_now_us();
	link->state = PROBE_READY;
}

static void
count_ahead(struct probe_link *link, uint64_t arrived_bytes)
{
	uint64_t written;
	size_t queued;

	if (ring_queued(&link->channel.tx, &queued) != RING_OK)
		return;
	written = link->channel.tx.tail;
	if (written < FRAME_LENGTH_BYTES + MESSAGE1_BYTES)
		return;
	written -= FRAME_LENGTH_BYTES + MESSAGE1_BYTES;
	if (written > arrived_bytes &&
	    written - arrived_bytes > link->count.ahead_bytes)
		link->count.ahead_bytes = written - arrived_bytes;
}

static void
handle_pong(struct probe_link *link, const struct frame_pong *pong)
{
	struct probe_count *count = &link->count;
	uint64_t now_us = clock_now_us(), rtt_us = now_us - pong->time_us;

	if (pong->time_us > now_us || pong->bytes < count->last_bytes)
		return;
	if (count->pongs++ == 0) {
		count->first_us = now_us;
		count->first_bytes = pong->bytes;
		count->rtt_least_us = rtt_us;
	}
	if (rtt_us < count->rtt_least_us)
		count->rtt_least_us = rtt_us;
	if (rtt_us > count->rtt_most_us)
		count->rtt_most_us = rtt_us;
	count->rtt_sum_us += rtt_us;
	count->last_us = now_us;
	count->last_bytes = pong->bytes;
	count_ahead(link, pong->bytes);
}

static void
handle_frame(struct probe_link *link, const uint8_t *plain, size_t bytes)
{
	char words[FRAME_REASON_MAX];
	struct frame_pong pong;

	switch (plain[0]) {
	case FRAME_PONG:
		if (frame_decode_pong(plain, bytes, &pong) == 0)
			handle_pong(link, &pong);
		return;
	case FRAME_CLOSE:
	case FRAME_REFUSE:
		if (frame_decode_words(plain, bytes, words) == 0)
			probe_link_fail(link, "the listener closed: %s", words);
		return;
	}
}

void
probe_session_receive(struct probe_link *link)
{
	static uint8_t body[FRAME_SEALED_MAX];
	size_t bytes = 0, least, most, taken = 0;
	enum wire_result result = WIRE_OK;

	/* All that is there, but no more for a listener that never stops. */
	while (result == WIRE_OK && link->state != PROBE_FAILED &&
	    link->handshake != NULL && taken < CHANNEL_RING_BYTES) {
		least = most = NOISE_MESSAGE2_BYTES(FRAME_HELLO2_BYTES);
		if (link->rx != NULL) {
			least = FRAME_SEALED_MIN;
			most = FRAME_SEALED_MAX;
		}
		result = wire_take(&link->channel, body, least, most, &bytes);
		if (result == WIRE_EMPTY)
			break;
		taken += bytes;
		if (result != WIRE_OK)
			probe_link_fail(link,
			    "%s: not a listener of socktopus?",
			    wire_result_words(result));
		else if (link->rx == NULL)
			handle_message2(link, body, bytes);
		else if (noise_open(link->rx, body, bytes, body) == -1)
			probe_link_fail(link,
			    "%s: the relay changes what it carries",
			    wire_result_words(WIRE_BROKEN_SEAL));
		else
			handle_frame(link, body, bytes - FRAME_TAG_BYTES);
	}
	channel_ring(&link->channel);
}

/*
 * A slow relay swallows much at once and delivers little of it in time: there
 * must be PINGs among the first bytes, and fewer are enough later.
 */
static bool
is_ping_time(const struct probe_link *link, uint64_t now_us)
{
	uint64_t sent = link->channel.tx.head;
	uint64_t apart = sent / 16 > PING_LEAST_BYTES ? sent / 16 :
							PING_LEAST_BYTES;

	return link->ping_every_us != 0 &&
	    (now_us - link->pinged_us >= link->ping_every_us ||
		sent - link->pinged_at >= apart);
}

static void
send_ping(struct probe_link *link, uint64_t now_us)
{
	struct frame_ping ping = { .time_us = now_us };
	uint8_t frame[FRAME_CONTROL_MAX];

	if (!is_ping_time(link, now_us) ||
	    !send_frame(link, frame, frame_encode_ping(&ping, frame)))
		return;
	link->pinged_us = now_us;
	link->pinged_at = link->channel.tx.head;
}

/* No more in our ring than keeps the worker busy. */
void
probe_session_send(struct probe_link *link)
{
	static const uint8_t padding[PAD_BYTES] = { PADDING_TYPE };
	size_t queued;

	send_ping(link, clock_now_us());
	while (link->loading &&
	    ring_queued(&link->channel.tx, &queued) == RING_OK &&
	    queued < LOAD_QUEUE_BYTES &&
	    send_frame(link, padding, sizeof(padding)))
		send_ping(link, clock_now_us());
	channel_ring(&link->channel);
}
