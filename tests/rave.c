#include "tests/rave.h"

#include <sys/socket.h>

#include <bsd/string.h>
#include <bsd/sys/endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/engine/frame.h"
#include "supervisor/engine/noise_cipher.h"
#include "tests/malice.h"
#include "tests/pace.h"

#define RECORD_MAX (FRAME_LENGTH_BYTES + FRAME_SEALED_MAX)
#define ANSWER_LIMIT_S 40
#define FINALES 8

/* Large, and one at a time. */
static struct talk {
	int fd;
	struct noise_cipher *tx, *rx;
	struct malice *malice;
	bool over, refused, accepted;
	char words[FRAME_REASON_MAX]; /* it was ended with */
	struct frame_pong pong;
	bool pong_due;
	uint64_t asked, answered; /* times of PINGs of our own */
	uint64_t frames;
	size_t in_used, out_used;
	uint8_t in[RECORD_MAX];
	uint8_t out[4 * RECORD_MAX];
} talk;

/* --- the stream ------------------------------------------------------------*/

static void
put(const uint8_t *plain, size_t bytes)
{
	uint8_t *at = talk.out + talk.out_used;

	if (noise_seal(talk.tx, plain, bytes, at + FRAME_LENGTH_BYTES) == -1)
		return;
	be16enc(at, (uint16_t)(bytes + FRAME_TAG_BYTES));
	talk.out_used += FRAME_LENGTH_BYTES + bytes + FRAME_TAG_BYTES;
	talk.frames++;
}

static void
hear(const uint8_t *plain, size_t bytes)
{
	struct frame_ping ping;
	struct frame_pong pong;

	switch (plain[0]) {
	case FRAME_ACCEPT:
		talk.accepted = true;
		break;
	case FRAME_REFUSE:
		talk.refused = true;
		/* FALLTHROUGH */
	case FRAME_CLOSE:
		frame_decode_words(plain, bytes, talk.words);
		talk.over = true;
		break;
	case FRAME_PING:
		if (frame_decode_ping(plain, bytes, &ping) == 0) {
			talk.pong.time_us = ping.time_us;
			talk.pong_due = true;
		}
		break;
	case FRAME_PONG:
		if (frame_decode_pong(plain, bytes, &pong) == 0)
			talk.answered = pong.time_us;
		break;
	}
}

/* False: there is no whole record yet. */
static bool
take_record(void)
{
	static uint8_t plain[FRAME_SEALED_MAX];
	size_t bytes;

	if (talk.over || talk.in_used < FRAME_LENGTH_BYTES)
		return false;
	bytes = be16dec(talk.in);
	if (talk.in_used < FRAME_LENGTH_BYTES + bytes)
		return false;
	if (noise_open(talk.rx, talk.in + FRAME_LENGTH_BYTES, bytes, plain) ==
	    -1) {
		strlcpy(talk.words, "UNREADABLE", sizeof(talk.words));
		talk.over = true;
		return false;
	}
	talk.pong.frames++;
	talk.pong.bytes += FRAME_LENGTH_BYTES + bytes;
	hear(plain, bytes - FRAME_TAG_BYTES);
	talk.in_used -= FRAME_LENGTH_BYTES + bytes;
	memmove(talk.in, talk.in + FRAME_LENGTH_BYTES + bytes, talk.in_used);
	return true;
}

static void
read_some(void)
{
	ssize_t got = read(talk.fd, talk.in + talk.in_used,
	    sizeof(talk.in) - talk.in_used);

	if (got == 0 || (got == -1 && errno != EAGAIN && errno != EINTR)) {
		talk.over = true;
		return;
	}
	if (got > 0)
		talk.in_used += (size_t)got;
	while (take_record())
		;
}

static void
write_some(void)
{
	ssize_t put_bytes = send(talk.fd, talk.out, talk.out_used,
	    MSG_NOSIGNAL);

	if (put_bytes == -1) {
		/* What it had to say may still be there to be read. */
		if (errno != EAGAIN && errno != EINTR)
			talk.out_used = 0;
		return;
	}
	talk.out_used -= (size_t)put_bytes;
	memmove(talk.out, talk.out + put_bytes, talk.out_used);
}

static void
serve(void)
{
	struct pollfd polled = { .fd = talk.fd, .events = POLLIN };
	uint8_t frame[FRAME_CONTROL_MAX];

	if (talk.pong_due && talk.out_used + RECORD_MAX <= sizeof(talk.out)) {
		put(frame, frame_encode_pong(&talk.pong, frame));
		talk.pong_due = false;
	}
	if (talk.out_used > 0)
		polled.events |= POLLOUT;
	if (poll(&polled, 1, 100) <= 0)
		return;
	if (polled.revents & POLLOUT)
		write_some();
	if (polled.revents & (POLLIN | POLLHUP | POLLERR))
		read_some();
}

/* False: it is over. */
static bool
send_frame(const uint8_t *plain, size_t bytes)
{
	put(plain, bytes);
	do
		serve();
	while (!talk.over && talk.out_used + 2 * RECORD_MAX > sizeof(talk.out));
	return !talk.over;
}

/*
 * The other side left before it could say why: it has no keys until it has read
 * the handshake, and then speaks first.
 */
static bool
is_unheard(void)
{
	return talk.over && talk.pong.frames == 0 && talk.words[0] == '\0';
}

/* --- its parts -------------------------------------------------------------*/

static bool
is_answered(void)
{
	return talk.answered == talk.asked;
}

static bool
is_accepted(void)
{
	return talk.accepted;
}

static bool
await(bool (*is_so)(void))
{
	uint64_t limit_ns = pace_now_ns() +
	    ANSWER_LIMIT_S * UINT64_C(1000000000);

	while (!talk.over && !is_so() && pace_now_ns() < limit_ns)
		serve();
	return is_so() && !talk.over;
}

static bool
say_open(const struct rave_plan *plan)
{
	uint8_t frame[FRAME_CONTROL_MAX];

	if (plan->open == NULL)
		return send_frame(frame, frame_encode_accept(frame));
	return send_frame(plan->open, plan->open_bytes) && await(is_accepted);
}

static bool
be_fair(const struct rave_plan *plan)
{
	static uint8_t plain[FRAME_PLAIN_MAX];
	struct frame_ping ping;
	uint8_t frame[FRAME_CONTROL_MAX];

	for (size_t i = 0; i < plan->fair; i++)
		if (!send_frame(plain, malice_fair(talk.malice, plain)))
			return false;
	talk.asked = ping.time_us = malice_random(talk.malice);
	return send_frame(frame, frame_encode_ping(&ping, frame)) &&
	    await(is_answered);
}

static size_t
be_foul(const struct rave_plan *plan)
{
	static uint8_t plain[FRAME_PLAIN_MAX];
	size_t done = 0;

	while (done < plan->foul &&
	    send_frame(plain, malice_foul(talk.malice, plain)))
		done++;
	return done;
}

static void
put_garbage(size_t length, size_t bytes)
{
	uint8_t *at = talk.out + talk.out_used;

	be16enc(at, (uint16_t)length);
	memset(at + FRAME_LENGTH_BYTES, (int)length, bytes);
	talk.out_used += FRAME_LENGTH_BYTES + bytes;
}

/* Some of them are no more than the end of the connection. */
static void
leave(unsigned int finale)
{
	const struct linger reset = { .l_onoff = 1, .l_linger = 0 };
	uint8_t frame[FRAME_CONTROL_MAX];
	size_t bytes = malice_below(talk.malice, FRAME_SEALED_MAX);

	switch (finale) {
	case 0:
		memset(frame, (int)bytes, sizeof(frame));
		put(frame, 1 + bytes % FRAME_REASON_MAX);
		break;
	case 1: /* a record that is none */
		put_garbage(bytes % FRAME_SEALED_MIN, 0);
		break;
	case 2: /* one that does not open */
		put_garbage(FRAME_SEALED_MIN + bytes / 2,
		    FRAME_SEALED_MIN + bytes / 2);
		break;
	case 3: /* a part of one */
		put_garbage(FRAME_SEALED_MAX, bytes);
		break;
	case 4:
		setsockopt(talk.fd, SOL_SOCKET, SO_LINGER, &reset,
		    sizeof(reset));
		return;
	case 5:
		put(frame,
		    frame_encode_words(FRAME_CLOSE, "\r\n\033[2J%s%n", frame));
		break;
	}
	while (!talk.over && talk.out_used > 0)
		serve();
}

void
rave(int fd, struct noise_cipher *tx, struct noise_cipher *rx,
    struct malice *malice, const struct rave_plan *plan)
{
	const char *how = "over";
	unsigned int finale;
	size_t foul = 0;

	memset(&talk, 0, sizeof(talk));
	talk.fd = fd;
	talk.tx = tx;
	talk.rx = rx;
	talk.malice = malice;
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	finale = (unsigned int)malice_below(malice, FINALES);
	if (!say_open(plan)) {
		how = "refused";
	} else if (!be_fair(plan)) {
		how = is_unheard() ? "unheard" : "unfair";
	} else {
		foul = be_foul(plan);
		if (!talk.over)
			leave(finale);
	}
	printf("%s: %zu fair, %zu of %zu foul, end %u, %" PRIu64
	       " frames: %s\n",
	    how, plan->fair, foul, plan->foul, finale, talk.frames, talk.words);
	fflush(stdout);
}
