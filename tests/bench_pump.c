/*
 * The least that carries datagrams over TCP the way a tunnel does, to measure it
 * beside: batches in, frames of them, one connection, batches out, all with the
 * engine's own functions, but in one process at each end. There is no worker,
 * no ring, no scheduler, no handshake and nothing that could be hostile.
 *
 * From the loopback into a connection, and out of one to the loopback.
 */
#include <sys/socket.h>

#include <arpa/inet.h>
#include <bsd/stdlib.h>
#include <bsd/sys/endian.h>
#include <err.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/address.h"
#include "supervisor/engine/frame.h"
#include "supervisor/engine/noise_cipher.h"
#include "supervisor/engine/udp.h"
#include "supervisor/engine/udp_batch.h"
#include "supervisor/engine/udp_send.h"

#define READ_BYTES ((size_t)256 * 1024)
#define RUNS 64

static struct udp udp;
static struct udp_batch batch;
static struct noise_cipher *cipher; /* NULL: nothing is sealed */
static int tcp;

static uint16_t
port_of(const char *text)
{
	const char *error;
	long long port = strtonum(text, 1, UINT16_MAX, &error);

	if (error != NULL)
		errx(64, "port %s: %s", text, error);
	return (uint16_t)port;
}

static void
set_loopback(struct sockaddr_storage *address, const char *port)
{
	struct sockaddr_in *in = (struct sockaddr_in *)address;

	in->sin_family = AF_INET;
	in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	in->sin_port = htons(port_of(port));
}

static void
open_udp(const char *port, const char *application)
{
	struct address_pair pair = { 0 };
	int fd;

	set_loopback(&pair.local, port);
	set_loopback(&pair.remote, application);
	fd = udp_bind(&pair);
	if (fd == -1 || udp_batch_init(&batch) == -1)
		err(1, "port %s", port);
	udp_init(&udp, fd);
}

static void
open_tcp(void)
{
	int on = 1;

	tcp = socket(AF_INET, SOCK_STREAM, 0);
	if (tcp == -1 ||
	    setsockopt(tcp, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == -1 ||
	    setsockopt(tcp, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == -1)
		err(1, "socket");
}

static void
dial(const char *host, const char *port)
{
	struct sockaddr_in to = { .sin_family = AF_INET };

	open_tcp();
	to.sin_port = htons(port_of(port));
	if (inet_pton(AF_INET, host, &to.sin_addr) != 1)
		errx(64, "no address: %s", host);
	if (connect(tcp, (struct sockaddr *)&to, sizeof(to)) == -1)
		err(1, "%s", host);
}

static void
take_call(const char *port)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	int listening;

	open_tcp();
	listening = tcp;
	at.sin_port = htons(port_of(port));
	if (bind(listening, (struct sockaddr *)&at, sizeof(at)) == -1 ||
	    listen(listening, 1) == -1)
		err(1, "port %s", port);
	printf("port=%s\n", port);
	fflush(stdout);
	tcp = accept(listening, NULL, NULL);
	if (tcp == -1)
		err(1, "accept");
	close(listening);
}

/* --- in ---------------------------------------------------------------------*/

static void
write_all(const uint8_t *bytes, size_t count)
{
	ssize_t written;

	for (; count > 0; bytes += written, count -= (size_t)written) {
		written = write(tcp, bytes, count);
		if (written == -1)
			err(1, "write");
	}
}

static void
send_frame(const uint8_t *plain, size_t bytes)
{
	static uint8_t wire[FRAME_LENGTH_BYTES + FRAME_SEALED_MAX];

	be16enc(wire, (uint16_t)(bytes + FRAME_TAG_BYTES));
	if (cipher == NULL)
		memcpy(wire + FRAME_LENGTH_BYTES, plain, bytes);
	else if (noise_seal(cipher, plain, bytes, wire + FRAME_LENGTH_BYTES) ==
	    -1)
		errx(1, "cannot seal");
	write_all(wire, FRAME_LENGTH_BYTES + bytes + FRAME_TAG_BYTES);
}

static void
send_batch(uint64_t *sequence)
{
	static uint8_t plain[FRAME_PLAIN_MAX];
	struct frame_writer writer;
	const uint8_t *datagram;
	size_t bytes;

	frame_writer_init(&writer, plain, sizeof(plain), *sequence);
	while ((datagram = udp_batch_peek(&batch, &bytes)) != NULL &&
	    frame_writer_add(&writer, datagram, bytes))
		udp_batch_take(&batch);
	*sequence += writer.count;
	send_frame(plain, frame_writer_finish(&writer));
}

static void
pump_in(void)
{
	struct pollfd readable = { .fd = udp.fd, .events = POLLIN };
	uint64_t sequence = 0;

	for (;;) {
		if (udp_receive(&udp, &batch) == UDP_NONE)
			(void)poll(&readable, 1, -1);
		while (!udp_batch_empty(&batch))
			send_batch(&sequence);
	}
}

/* --- out --------------------------------------------------------------------*/

static void
take_frame(uint8_t *frame, size_t bytes)
{
	struct frame_run runs[RUNS];
	struct frame_reader reader;
	size_t count;

	if (cipher != NULL && noise_open(cipher, frame, bytes, frame) == -1)
		errx(1, "cannot open");
	if (frame_reader_init(&reader, frame, bytes - FRAME_TAG_BYTES) == -1)
		errx(1, "no frame");
	do {
		count = 0;
		while (count < RUNS &&
		    frame_reader_next(&reader, &runs[count]) == FRAME_RUN)
			count++;
		udp_send(&udp, runs, count);
	} while (count == RUNS);
}

/* Returns the bytes that are used up. */
static size_t
take_frames(uint8_t *bytes, size_t count)
{
	size_t used = 0, length;

	while (count - used >= FRAME_LENGTH_BYTES) {
		length = be16dec(bytes + used);
		if (count - used < FRAME_LENGTH_BYTES + length)
			break;
		take_frame(bytes + used + FRAME_LENGTH_BYTES, length);
		used += FRAME_LENGTH_BYTES + length;
	}
	return used;
}

static void
pump_out(void)
{
	static uint8_t bytes[READ_BYTES];
	size_t count = 0, used;
	ssize_t got;

	while ((got = read(tcp, bytes + count, sizeof(bytes) - count)) > 0) {
		count += (size_t)got;
		used = take_frames(bytes, count);
		count -= used;
		memmove(bytes, bytes + used, count);
	}
}

static void
make_cipher(void)
{
	static const uint8_t key[NOISE_KEY_BYTES];

	if (!noise_cipher_init() || (cipher = noise_cipher_new()) == NULL ||
	    !noise_cipher_set_key(cipher, key))
		errx(1, "no cipher");
}

int
main(int argc, char **argv)
{
	bool sealed = argc > 1 && strcmp(argv[1], "-s") == 0;

	argc -= sealed;
	argv += sealed;
	if (sealed)
		make_cipher();
	if (argc == 6 && strcmp(argv[1], "in") == 0) {
		open_udp(argv[2], argv[3]);
		dial(argv[4], argv[5]);
		pump_in();
	} else if (argc == 5 && strcmp(argv[1], "out") == 0) {
		open_udp(argv[2], argv[3]);
		take_call(argv[4]);
		pump_out();
	} else {
		errx(64,
		    "usage: bench_pump [-s] in PORT FROM HOST PORT\n"
		    "       bench_pump [-s] out PORT TO PORT");
	}
	return 0;
}
