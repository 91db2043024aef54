/*
 * impostor: speaks the wire by hand with whatever keys it was given: its own,
 * stolen ones, or fewer than it would need. An agreement for which it has
 * neither secret key it leaves out, which is the best that a thief can do. Or
 * it has all that it needs, and means ill.
 */
#include <sys/socket.h>

#include <bsd/stdlib.h>
#include <bsd/string.h>
#include <err.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "supervisor/address.h"
#include "supervisor/engine/frame.h"
#include "supervisor/engine/key.h"
#include "supervisor/engine/noise.h"
#include "supervisor/engine/noise_ephemeral.h"
#include "supervisor/engine/noise_symmetric.h"
#include "tests/endpoint.h"
#include "tests/malice.h"
#include "tests/rave.h"

#define PROTOCOL "Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s"
#define MESSAGE1_BYTES NOISE_MESSAGE1_BYTES(FRAME_HELLO1_BYTES)
#define MESSAGE2_BYTES NOISE_MESSAGE2_BYTES(FRAME_HELLO2_BYTES)
#define SEALED_KEY_BYTES (NOISE_KEY_BYTES + NOISE_TAG_BYTES)
#define ANSWER_LIMIT_S 5

static const char usage_text[] =
    "usage: impostor [options] dial PORT TUPLE...\n"
    "       impostor [options] answer\n"
    "       impostor [options] read ASKED ANSWERED\n"
    "\n"
    "  dial: connect to 127.0.0.1, one connection for each TUPLE to OPEN\n"
    "  answer: be the listener of whoever connects\n"
    "  read: a recorded connection, one file for each direction\n"
    "\n"
    "  -i FILE   the initiator's secret key\n"
    "  -I KEY    its public key alone\n"
    "  -r FILE   the responder's secret key\n"
    "  -R KEY    its public key alone\n"
    "  -p FILE   the pre-shared key\n"
    "  -s HEX    the session to join, else new ones\n"
    "  -k        keep what was accepted open\n"
    "\n"
    "  -M SEED   its key is good, and its frames are evil\n"
    "  -n COUNT  dial: so many connections, for each TUPLE in turn\n"
    "  -c COUNT  dial: clients of every other tunnel\n"
    "  -t KIND   on and on what costs most to hear: empty, tiny, policy, "
    "jump,\n"
    "            lost, ping, totals\n";

/* Of these four keys the two sides agree. */
enum holder {
	INITIATOR,
	RESPONDER,
	DIALLER,  /* the initiator's ephemeral key */
	ANSWERER, /* the responder's */
	HOLDERS
};

static struct {
	struct noise_identity *secret; /* NULL: only the other one */
	uint8_t key[NOISE_KEY_BYTES];
} keys[HOLDERS];

static struct {
	struct noise_symmetric symmetric;
	struct noise_cipher *up;
	struct noise_cipher *down;
} talk;

static uint8_t psk[NOISE_KEY_BYTES];
static struct frame_hello1 hello1 = { .path = 1, .frame_max = 65535 };
static struct frame_hello2 hello2 = { .frame_max = 65535 };
static bool joins, keeps, evil;
static struct malice malice;
static unsigned int connections = 1, clients;

/* --- the handshake ---------------------------------------------------------*/

static void
know_secret(enum holder who, const uint8_t secret[NOISE_KEY_BYTES])
{
	noise_identity_free(keys[who].secret);
	keys[who].secret = noise_identity_new(secret);
	if (keys[who].secret == NULL)
		errx(1, "not a key");
	memcpy(keys[who].key, noise_identity_public(keys[who].secret),
	    NOISE_KEY_BYTES);
}

static void
make_ephemeral(enum holder who)
{
	uint8_t secret[NOISE_KEY_BYTES];

	if (!noise_ephemeral(secret))
		errx(1, "no randomness");
	know_secret(who, secret);
}

static void
forget_ephemerals(void)
{
	for (int who = DIALLER; who <= ANSWERER; who++) {
		noise_identity_free(keys[who].secret);
		keys[who].secret = NULL;
	}
}

static void
begin_talk(void)
{
	noise_symmetric_wipe(&talk.symmetric);
	noise_cipher_free(talk.up);
	noise_cipher_free(talk.down);
	memset(&talk, 0, sizeof(talk));
	talk.up = noise_cipher_new();
	talk.down = noise_cipher_new();
	if (!noise_symmetric_begin(&talk.symmetric, PROTOCOL) ||
	    !noise_symmetric_mix_hash(&talk.symmetric,
		(const uint8_t *)FRAME_PROLOGUE, FRAME_PROLOGUE_BYTES) ||
	    !noise_symmetric_mix_hash(&talk.symmetric, keys[RESPONDER].key,
		NOISE_KEY_BYTES))
		errx(1, "the handshake cannot begin");
}

static void
mix_ephemeral(enum holder who, bool ours, uint8_t *at)
{
	if (ours) {
		make_ephemeral(who);
		memcpy(at, keys[who].key, NOISE_KEY_BYTES);
	}
	memcpy(keys[who].key, at, NOISE_KEY_BYTES);
	noise_symmetric_mix_hash(&talk.symmetric, at, NOISE_KEY_BYTES);
	noise_symmetric_mix_key(&talk.symmetric, at);
}

static void
agree(enum holder a, enum holder b)
{
	uint8_t secret[NOISE_KEY_BYTES];
	bool known = false;

	if (keys[a].secret != NULL)
		known = noise_identity_agree(keys[a].secret, keys[b].key,
		    secret);
	else if (keys[b].secret != NULL)
		known = noise_identity_agree(keys[b].secret, keys[a].key,
		    secret);
	if (known)
		noise_symmetric_mix_key(&talk.symmetric, secret);
}

static bool
carry(bool ours, uint8_t *plain, size_t bytes, uint8_t *sealed)
{
	if (ours)
		return noise_symmetric_seal(&talk.symmetric, plain, bytes,
		    sealed);
	return noise_symmetric_open(&talk.symmetric, sealed,
	    bytes + NOISE_TAG_BYTES, plain);
}

/* Write our message, or read theirs. False: it does not open. */
static bool
message1(bool ours, uint8_t message[MESSAGE1_BYTES],
    uint8_t payload[FRAME_HELLO1_BYTES])
{
	uint8_t *at = message + NOISE_KEY_BYTES;

	begin_talk();
	mix_ephemeral(DIALLER, ours, message);
	agree(DIALLER, RESPONDER);
	if (!carry(ours, keys[INITIATOR].key, NOISE_KEY_BYTES, at))
		return false;
	agree(INITIATOR, RESPONDER);
	return carry(ours, payload, FRAME_HELLO1_BYTES, at + SEALED_KEY_BYTES);
}

static bool
message2(bool ours, uint8_t message[MESSAGE2_BYTES],
    uint8_t payload[FRAME_HELLO2_BYTES])
{
	bool opens;

	mix_ephemeral(ANSWERER, ours, message);
	agree(DIALLER, ANSWERER);
	agree(INITIATOR, ANSWERER);
	noise_symmetric_mix_key_and_hash(&talk.symmetric, psk);
	opens = carry(ours, payload, FRAME_HELLO2_BYTES,
	    message + NOISE_KEY_BYTES);
	noise_symmetric_split(&talk.symmetric, talk.up, talk.down);
	return opens;
}

/* --- frames ----------------------------------------------------------------*/

/* Its length, 0 at the end of the stream. */
static size_t
get_frame(FILE *stream, uint8_t frame[FRAME_SEALED_MAX])
{
	uint8_t length[FRAME_LENGTH_BYTES];
	size_t bytes;

	if (fread(length, sizeof(length), 1, stream) != 1)
		return 0;
	bytes = (size_t)length[0] << 8 | length[1];
	return fread(frame, 1, bytes, stream) == bytes ? bytes : 0;
}

static void
put_frame(FILE *stream, const uint8_t *frame, size_t bytes)
{
	fputc((int)(bytes >> 8), stream);
	fputc((int)(bytes & 0xff), stream);
	fwrite(frame, bytes, 1, stream);
	fflush(stream);
}

static void
put_sealed(FILE *stream, struct noise_cipher *cipher, const uint8_t *plain,
    size_t bytes)
{
	uint8_t sealed[FRAME_CONTROL_MAX + FRAME_TAG_BYTES];

	if (noise_seal(cipher, plain, bytes, sealed) == 0)
		put_frame(stream, sealed, bytes + FRAME_TAG_BYTES);
}

/* The plaintext's length; 0: it ended, -1: it does not open. */
static ssize_t
get_sealed(FILE *stream, struct noise_cipher *cipher,
    uint8_t plain[FRAME_SEALED_MAX])
{
	static uint8_t sealed[FRAME_SEALED_MAX];
	size_t bytes = get_frame(stream, sealed);

	if (bytes < FRAME_SEALED_MIN)
		return bytes == 0 ? 0 : -1;
	if (noise_open(cipher, sealed, bytes, plain) == -1)
		return -1;
	return (ssize_t)(bytes - FRAME_TAG_BYTES);
}

static void
say(const char *what, bool is)
{
	printf("%s=%s\n", what, is ? "yes" : "no");
	fflush(stdout);
}

/* --- an honest key, and evil frames ----------------------------------------*/

static void
plan_rave(struct rave_plan *plan)
{
	static const size_t lengths[] = { 0, 1, 30, 300, 3000 };

	plan->fair = lengths[malice_below(&malice, 5)];
	plan->foul = malice_below(&malice, 400);
	if (malice.only != 0)
		plan->fair = SIZE_MAX;
}

/* OPEN, too, may be evil. */
static void
rave_as_connector(FILE *stream, struct frame_open *open)
{
	uint8_t frame[FRAME_CONTROL_MAX];
	struct rave_plan plan = { .open = frame };

	malice.connector = true;
	malice.tagged = clients > 0 && malice_below(&malice, 2) == 0;
	if (malice.tagged) {
		open->clients = (uint16_t)clients;
		open->idle_s = (uint16_t)(1 + malice_below(&malice, 65535));
	}
	malice_policy(&malice, &open->policy);
	strlcpy(open->name, "\033[2J%s%n\r\n", sizeof(open->name));
	plan_rave(&plan);
	plan.open_bytes = frame_encode_open(open, frame);
	if (malice.only == 0 && malice_below(&malice, 16) == 0)
		frame[malice_below(&malice, plan.open_bytes)] ^= 0x10;
	rave(fileno(stream), talk.up, talk.down, &malice, &plan);
}

/* Each in a process of its own: they stand beside each other. */
static void
rave_as_listener(FILE *stream)
{
	struct rave_plan plan = { .open = NULL };

	malice.connector = false;
	plan_rave(&plan);
	rave(fileno(stream), talk.down, talk.up, &malice, &plan);
}

/* --- dial ------------------------------------------------------------------*/

static void
describe(const char *text, struct frame_open *open)
{
	struct address_tuple tuple;
	const char *error;

	*open = (struct frame_open){ .policy = { .copies = 1,
					 .max_queue_ms = 50 } };
	strlcpy(open->name, "impostor", sizeof(open->name));
	if (address_parse_tuple(text, &tuple, &error) == -1 ||
	    address_resolve_tuple(&tuple, &open->end, &error) == -1)
		errx(2, "%s: %s", text, error);
}

static void
fill_hello1(uint8_t payload[FRAME_HELLO1_BYTES])
{
	struct timespec now;

	if (!joins)
		arc4random_buf(hello1.session, sizeof(hello1.session));
	clock_gettime(CLOCK_REALTIME, &now);
	hello1.started_ms = (uint64_t)now.tv_sec * 1000;
	frame_encode_hello1(&hello1, payload);
}

/* What OPEN leads to. */
static void
report_answer(FILE *stream, const char *tuple)
{
	static uint8_t plain[FRAME_SEALED_MAX];
	char words[FRAME_REASON_MAX];
	ssize_t bytes;

	while ((bytes = get_sealed(stream, talk.down, plain)) > 0) {
		if (plain[0] == FRAME_ACCEPT) {
			printf("%s accepted\n", tuple);
			return;
		}
		if (plain[0] == FRAME_REFUSE &&
		    frame_decode_words(plain, (size_t)bytes, words) == 0) {
			printf("%s refused: %s\n", tuple, words);
			return;
		}
	}
	printf("%s %s\n", tuple, bytes == 0 ? "closed" : "unreadable");
}

static FILE *
connect_to(const char *port)
{
	const struct timeval limit = { .tv_sec = ANSWER_LIMIT_S };
	struct sockaddr_in to = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	FILE *stream;

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	to.sin_port = htons((uint16_t)atoi(port));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) == -1 ||
	    (stream = fdopen(fd, "r+")) == NULL)
		err(1, "port %s", port);
	setvbuf(stream, NULL, _IONBF, 0);
	return stream;
}

static void
dial(const char *port, const char *tuple)
{
	uint8_t payload[FRAME_HELLO1_BYTES], frame[FRAME_CONTROL_MAX];
	static uint8_t message[FRAME_SEALED_MAX];
	FILE *stream = connect_to(port);
	struct frame_open open;

	describe(tuple, &open);
	fill_hello1(payload);
	message1(true, message, payload);
	put_frame(stream, message, MESSAGE1_BYTES);
	if (get_frame(stream, message) != MESSAGE2_BYTES) {
		printf("%s unanswered\n", tuple);
	} else {
		if (!message2(false, message, payload))
			printf("%s message 2 does not open\n", tuple);
		if (evil) {
			rave_as_connector(stream, &open);
		} else {
			put_sealed(stream, talk.up, frame,
			    frame_encode_open(&open, frame));
			report_answer(stream, tuple);
		}
	}
	fflush(stdout);
	if (keeps)
		pause();
	fclose(stream);
	forget_ephemerals();
}

/* --- answer ----------------------------------------------------------------*/

static void
hear(FILE *stream)
{
	static uint8_t plain[FRAME_SEALED_MAX];
	struct frame_open open;
	ssize_t bytes = get_sealed(stream, talk.up, plain);
	unsigned int data = 0;

	say("opened",
	    bytes > 0 && plain[0] == FRAME_OPEN &&
		frame_decode_open(plain, (size_t)bytes, &open) == 0);
	if (bytes <= 0)
		return;
	put_sealed(stream, talk.down, plain, frame_encode_accept(plain));
	while (get_sealed(stream, talk.up, plain) > 0)
		if (plain[0] == FRAME_DATA && data++ == 0)
			say("data", true);
}

static void
answer_one(FILE *stream)
{
	static uint8_t message[FRAME_SEALED_MAX];
	uint8_t payload[FRAME_HELLO1_BYTES];
	bool reads;

	if (get_frame(stream, message) != MESSAGE1_BYTES)
		return;
	reads = message1(false, message, payload);
	say("read", reads);
	if (reads && frame_decode_hello1(payload, &hello1) == 0)
		hello2.path = hello1.path;
	frame_encode_hello2(&hello2, payload);
	message2(true, message, payload);
	put_frame(stream, message, MESSAGE2_BYTES);
	if (evil)
		rave_as_listener(stream);
	else
		hear(stream);
	forget_ephemerals();
}

static void
answer(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	FILE *stream;
	int fd;

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(listener, (struct sockaddr *)&at, sizeof(at)) == -1 ||
	    listen(listener, 16) == -1)
		err(1, "listen");
	printf("port=%u\n", endpoint_port(listener));
	fflush(stdout);
	while ((fd = accept(listener, NULL, NULL)) != -1) {
		malice_random(&malice);
		if (evil && fork() != 0) {
			close(fd);
			continue;
		}
		stream = fdopen(fd, "r+");
		if (stream == NULL)
			err(1, "fdopen");
		setvbuf(stream, NULL, _IONBF, 0);
		answer_one(stream);
		fclose(stream);
		if (evil)
			exit(0);
	}
}

/* --- read ------------------------------------------------------------------*/

static FILE *
open_record(const char *name)
{
	FILE *file = fopen(name, "re");

	if (file == NULL)
		err(1, "%s", name);
	return file;
}

static unsigned int
count_readable(FILE *stream, struct noise_cipher *cipher)
{
	static uint8_t plain[FRAME_SEALED_MAX];
	unsigned int count = 0;

	while (get_sealed(stream, cipher, plain) > 0)
		count++;
	return count;
}

static void
read_record(const char *asked, const char *answered)
{
	static uint8_t message[FRAME_SEALED_MAX];
	uint8_t payload[FRAME_HELLO1_BYTES];
	FILE *up = open_record(asked), *down = open_record(answered);
	bool reads;

	if (get_frame(up, message) != MESSAGE1_BYTES)
		errx(1, "%s: no first message", asked);
	reads = message1(false, message, payload);
	say("message1", reads);
	if (reads && frame_decode_hello1(payload, &hello1) == 0) {
		printf("session=");
		for (int i = 0; i < FRAME_SESSION_BYTES; i++)
			printf("%02x", hello1.session[i]);
		printf("\n");
	}
	if (get_frame(down, message) != MESSAGE2_BYTES)
		errx(1, "%s: no second message", answered);
	say("message2", message2(false, message, payload));
	printf("frames_up=%u\n", count_readable(up, talk.up));
	printf("frames_down=%u\n", count_readable(down, talk.down));
}

/* --- options ---------------------------------------------------------------*/

static void
read_key(const char *file, uint8_t key[NOISE_KEY_BYTES])
{
	char error[KEY_ERROR_MAX];

	if (key_read_file(file, key, error) == -1)
		errx(2, "%s", error);
}

static void
read_secret(const char *file, enum holder who)
{
	uint8_t secret[NOISE_KEY_BYTES];

	read_key(file, secret);
	know_secret(who, secret);
}

static void
read_session(const char *hex)
{
	unsigned int byte;

	for (int i = 0; i < FRAME_SESSION_BYTES; i++) {
		if (sscanf(hex + (size_t)2 * (size_t)i, "%2x", &byte) != 1)
			errx(2, "-s %s: no session", hex);
		hello1.session[i] = (uint8_t)byte;
	}
	joins = true;
}

static _Noreturn void
usage(void)
{
	fputs(usage_text, stderr);
	exit(2);
}

static void
set_option(int option, const char *value)
{
	enum holder who = option == 'i' || option == 'I' ? INITIATOR :
							   RESPONDER;

	switch (option) {
	case 'i':
	case 'r':
		read_secret(value, who);
		break;
	case 'I':
	case 'R':
		if (key_from_text(value, keys[who].key) == -1)
			errx(2, "-%c %s: not a key", option, value);
		break;
	case 'p':
		read_key(value, psk);
		break;
	case 's':
		read_session(value);
		break;
	case 'k':
		keeps = true;
		break;
	case 'M':
		evil = true;
		malice.state = strtoull(value, NULL, 0);
		break;
	case 'n':
		connections = (unsigned int)atoi(value);
		break;
	case 'c':
		clients = (unsigned int)atoi(value);
		break;
	case 't':
		malice.only = malice_parse(value);
		if (malice.only == -1)
			errx(2, "-t %s: no such kind", value);
		break;
	default:
		usage();
	}
}

int
main(int argc, char **argv)
{
	int option;

	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_IGN);
	if (noise_init() == -1)
		errx(1, "libcrypto lacks what Noise needs");
	arc4random_buf(hello1.instance, sizeof(hello1.instance));
	arc4random_buf(hello2.instance, sizeof(hello2.instance));
	while ((option = getopt(argc, argv, "i:I:r:R:p:s:kM:n:c:t:")) != -1)
		set_option(option, optarg);
	argv += optind;
	argc -= optind;
	if (argc >= 3 && strcmp(argv[0], "dial") == 0)
		for (unsigned int n = 0; n < connections; n++)
			for (int i = 2; i < argc; i++)
				dial(argv[1], argv[i]);
	else if (argc == 1 && strcmp(argv[0], "answer") == 0)
		answer();
	else if (argc == 3 && strcmp(argv[0], "read") == 0)
		read_record(argv[1], argv[2]);
	else
		usage();
	return 0;
}
