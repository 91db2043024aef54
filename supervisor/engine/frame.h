/*
 * Plaintext frames, and the payloads of the two handshake messages: pure
 * encoders and decoders, big-endian, described in socktopus-protocol(7).
 */
#ifndef ENGINE_FRAME_H
#define ENGINE_FRAME_H

#include <sys/socket.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "supervisor/address.h"

/* On the wire: u16 length, then the Noise message of that length. */
#define FRAME_LENGTH_BYTES 2
#define FRAME_TAG_BYTES 16
#define FRAME_SEALED_MAX 65535
#define FRAME_SEALED_MIN 17 /* a type byte and the tag */
#define FRAME_PLAIN_MAX (FRAME_SEALED_MAX - FRAME_TAG_BYTES)

#define FRAME_DATAGRAM_MAX 65507
/* type, sequence, one run header: a datagram of the largest size just fits. */
#define FRAME_DATA_HEADER_BYTES 9
#define FRAME_RUN_HEADER_BYTES 3
#define FRAME_CLIENT_BYTES 2 /* more in a run of CLIENTS */
/* Empty datagrams cost next to nothing on the wire and a system call each. */
#define FRAME_DATAGRAMS_MAX 4096

#define FRAME_PROLOGUE "socktopus/1\0\0\0\0" /* 16 bytes with its NUL */
#define FRAME_PROLOGUE_BYTES 16
#define FRAME_HELLO1_BYTES 64
#define FRAME_HELLO2_BYTES 64
#define FRAME_SESSION_BYTES 16
#define FRAME_INSTANCE_BYTES 8
#define FRAME_NAME_MAX 64
#define FRAME_REASON_MAX 192

enum frame_type {
	FRAME_OPEN = 1,
	FRAME_ACCEPT = 2,
	FRAME_REFUSE = 3,
	FRAME_DATA = 4,
	FRAME_PING = 5,
	FRAME_PONG = 6,
	FRAME_CLOSE = 7,
	FRAME_TOTALS = 8,
	FRAME_LOST = 9,
	FRAME_POLICY = 10,
	FRAME_HOLD = 11,
	FRAME_CLIENTS = 12, /* DATA of several applications */
	FRAME_PADDING = 255 /* means nothing, and counts */
};

/* Payload of message 1. */
struct frame_hello1 {
	uint16_t path; /* the connector's path id */
	uint8_t session[FRAME_SESSION_BYTES];
	uint8_t instance[FRAME_INSTANCE_BYTES]; /* of the process */
	uint64_t started_ms;			/* of the session, Unix time */
	uint16_t frame_max;			/* sealed bytes it accepts */
};

/* Payload of message 2. */
struct frame_hello2 {
	uint16_t path;
	uint8_t instance[FRAME_INSTANCE_BYTES];
	uint16_t frame_max;
};

enum frame_open_flags {
	FRAME_OPEN_BACKUP = 1 /* used only while no other is up */
};

/* How the connector wants a tunnel to be run, at both ends. */
struct frame_policy {
	uint8_t scheduler;     /* enum config_scheduler */
	uint8_t copies;	       /* 1 to 8, for redundant */
	bool resend;	       /* what a path that ended had not delivered */
	uint16_t max_queue_ms; /* 1 to 10000 */
	uint16_t max_age_ms;   /* 0: no limit */
	uint16_t reorder_ms;   /* 0: off; to 10000 */
};

struct frame_open {
	uint8_t flags;
	struct address_pair end; /* what the listener is to bind, send to */
	struct frame_policy policy;
	uint16_t clients;	   /* applications at one end, 0: no CLIENTS */
	uint16_t idle_s;	   /* how long each is known; 0 without them */
	char name[FRAME_NAME_MAX]; /* the tunnel's name at the connector */
};

struct frame_ping {
	uint64_t time_us; /* the sender's clock, returned as is */
};

struct frame_pong {
	uint64_t time_us;
	uint64_t frames; /* transport frames that arrived on the path */
	uint64_t bytes;	 /* of them, as on the wire */
};

/* Datagrams that the sender has given up. */
struct frame_lost {
	uint64_t sequence; /* of the first */
	uint32_t count;	   /* 1 to FRAME_DATAGRAMS_MAX */
};

/* Datagrams of one end of a tunnel. Later versions append to them. */
enum frame_total {
	/* What it takes in: */
	FRAME_CARRIED,	/* had, and not acknowledged, when the count began */
	FRAME_RECEIVED, /* read from the UDP socket */
	FRAME_KERNEL,	/* dropped by the kernel while they were read */
	FRAME_NO_ROOM,	/* and while no path had room */
	FRAME_TOO_LARGE,
	FRAME_TOO_OLD,
	FRAME_STRANGERS, /* from whom it does not know */
	FRAME_WAITING,	 /* now: read, and not numbered yet */
	FRAME_NUMBERED,	 /* carried ones too */
	FRAME_KEPT,	 /* now: neither acknowledged nor given up */
	FRAME_GIVEN_UP,
	FRAME_COPIES, /* given to paths */
	/* What it gives out: */
	FRAME_ARRIVED,	/* from paths, of which there were */
	FRAME_ACCEPTED, /* ones that had not come before, */
	FRAME_DUPLICATES,
	FRAME_LATE, /* and ones too far behind to tell */
	FRAME_HELD, /* now: accepted, and waiting for others */
	FRAME_DELIVERED,
	FRAME_REFUSED,	   /* by the UDP socket */
	FRAME_NOBODY,	   /* for whom it does not know */
	FRAME_UNREACHABLE, /* errors that came back for delivered ones */
	FRAME_TOTALS_COUNT
};

struct frame_totals {
	uint64_t first;	 /* the number of the sender's first datagram, ever */
	uint64_t least;	 /* of one that may still come for the first time */
	uint64_t echo;	 /* the receiver's, as the sender heard it, or 0 */
	uint64_t round;	 /* which count it is: the connector begins new ones */
	uint64_t serial; /* ascends */
	uint64_t counts[FRAME_TOTALS_COUNT];
};
#define FRAME_TOTALS_BYTES (1 + (5 + FRAME_TOTALS_COUNT) * 8)

struct frame_hold {
	uint16_t pause_ms; /* no DATA for so long; 0: go on */
};

/* A run: datagrams of one size, the last one perhaps shorter. */
struct frame_run {
	uint64_t sequence; /* of its first datagram */
	const uint8_t *bytes;
	size_t length;	 /* of all of them */
	size_t segment;	 /* size of each but the last; 0: empty ones */
	size_t count;	 /* datagrams, at least 1 */
	uint16_t client; /* whose they are; 0 in DATA */
};

/*
 * Hello payloads: fixed size, format version 1, padding of zeros that is
 * checked. Decoders return 0, or -1 for anything else.
 */
void frame_encode_hello1(const struct frame_hello1 *hello,
    uint8_t out[FRAME_HELLO1_BYTES]);
int frame_decode_hello1(const uint8_t in[FRAME_HELLO1_BYTES],
    struct frame_hello1 *hello);
void frame_encode_hello2(const struct frame_hello2 *hello,
    uint8_t out[FRAME_HELLO2_BYTES]);
int frame_decode_hello2(const uint8_t in[FRAME_HELLO2_BYTES],
    struct frame_hello2 *hello);

/*
 * Whole frames into out, which has room for 512 bytes; return the length.
 * ACCEPT is its type alone; REFUSE and CLOSE carry words (cut to
 * FRAME_REASON_MAX - 1 bytes).
 */
#define FRAME_CONTROL_MAX 512
size_t frame_encode_open(const struct frame_open *open, uint8_t *out);
size_t frame_encode_accept(uint8_t *out);
size_t
frame_encode_words(enum frame_type type, const char *words, uint8_t *out);
size_t frame_encode_policy(const struct frame_policy *policy, uint64_t serial,
    uint8_t *out);
size_t frame_encode_ping(const struct frame_ping *ping, uint8_t *out);
size_t frame_encode_pong(const struct frame_pong *pong, uint8_t *out);
size_t frame_encode_lost(const struct frame_lost *lost, uint8_t *out);
size_t frame_encode_totals(const struct frame_totals *totals, uint8_t *out);
size_t frame_encode_hold(const struct frame_hold *hold, uint8_t *out);

/*
 * Decode a frame's body by its first byte, which the caller has looked at.
 * 0, or -1 when it is malformed (short, trailing bytes, unknown family...).
 * PONG and TOTALS may be longer than known: later versions append to them.
 * Words and names are made printable.
 */
int
frame_decode_open(const uint8_t *frame, size_t bytes, struct frame_open *open);
int frame_decode_words(const uint8_t *frame, size_t bytes,
    char words[FRAME_REASON_MAX]);
/* May be longer than known, as PONG. */
int frame_decode_policy(const uint8_t *frame, size_t bytes,
    struct frame_policy *policy, uint64_t *serial);
int
frame_decode_ping(const uint8_t *frame, size_t bytes, struct frame_ping *ping);
int
frame_decode_pong(const uint8_t *frame, size_t bytes, struct frame_pong *pong);
int
frame_decode_lost(const uint8_t *frame, size_t bytes, struct frame_lost *lost);
int frame_decode_totals(const uint8_t *frame, size_t bytes,
    struct frame_totals *totals);
int
frame_decode_hold(const uint8_t *frame, size_t bytes, struct frame_hold *hold);

/*
 * DATA: type, u64 sequence of the first datagram, then runs. A run: u16
 * segment, u8 count, bytes. With count 1 to 255 it holds that many datagrams
 * of exactly segment bytes (segment 0: that many empty ones); with count 0 it
 * reaches to the end of the frame, segment is not 0, and the last datagram may
 * be shorter (not empty). A frame holds up to FRAME_DATAGRAMS_MAX. CLIENTS is
 * the same with a u16 in front of each run, the number of its application.
 *
 * Build a DATA frame in a private buffer. capacity is the largest plaintext
 * wanted (FRAME_DATA_HEADER_BYTES + FRAME_RUN_HEADER_BYTES + 1 at least, up to
 * FRAME_PLAIN_MAX). Datagrams are added in sequence; equal sizes share a run.
 */
struct frame_writer {
	uint8_t *buffer;
	size_t capacity;
	size_t used;
	size_t run;	    /* offset of the open run's header, 0: none */
	size_t before;	    /* of the run before it, 0: none */
	size_t segment;	    /* of the open run */
	size_t run_count;   /* datagrams in the open run */
	size_t count;	    /* datagrams in the frame */
	bool tagged;	    /* it is CLIENTS */
	uint16_t client;    /* the caller's: of the next datagram */
	uint16_t of_run;    /* of the open run, */
	uint16_t of_before; /* and of the one before */
};

void frame_writer_init(struct frame_writer *writer, uint8_t *buffer,
    size_t capacity, uint64_t sequence);
/* Make it CLIENTS, before anything is added. */
void frame_writer_tag(struct frame_writer *writer);
/* Append one datagram (0 to 65507 bytes, copied). False: it does not fit. */
bool frame_writer_add(struct frame_writer *writer, const uint8_t *datagram,
    size_t bytes);
/* Close the last run; returns the frame's plaintext length. */
size_t frame_writer_finish(struct frame_writer *writer);

/* Read the runs of a DATA frame. The bytes stay where they are. */
struct frame_reader {
	const uint8_t *at;
	const uint8_t *end;
	uint64_t sequence;
	size_t count; /* datagrams so far */
	bool tagged;  /* it is CLIENTS */
};

enum frame_read {
	FRAME_RUN, /* *run is set */
	FRAME_END,
	FRAME_BAD
};

/* Of DATA or CLIENTS. 0, or -1 if it is too short for the header. */
int frame_reader_init(struct frame_reader *reader, const uint8_t *frame,
    size_t bytes);
enum frame_read
frame_reader_next(struct frame_reader *reader, struct frame_run *run);

#endif
