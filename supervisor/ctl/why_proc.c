#include "supervisor/ctl/why_proc.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_BYTES 512
#define NS_PER_S 1e9

static bool
read_line(const char *name, char line[LINE_MAX_BYTES])
{
	FILE *file = fopen(name, "re");
	bool there;

	if (file == NULL)
		return false;
	there = fgets(line, LINE_MAX_BYTES, file) != NULL;
	fclose(file);
	return there;
}

/* proc(5): utime and stime are the 12th and 13th behind the command's name. */
static bool
parse_stat(const char *line, double *run_s)
{
	unsigned long user, system;
	const char *at = strrchr(line, ')');

	if (at == NULL ||
	    sscanf(at + 1,
		" %*c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %lu %lu", &user,
		&system) != 2)
		return false;
	*run_s = (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
	return true;
}

void
why_proc_read(int pid, struct why_proc *proc)
{
	char name[64], line[LINE_MAX_BYTES];
	unsigned long long run_ns, wait_ns;

	memset(proc, 0, sizeof(*proc));
	if (pid <= 0)
		return;
	snprintf(name, sizeof(name), "/proc/%d/schedstat", pid);
	if (read_line(name, line) &&
	    sscanf(line, "%llu %llu", &run_ns, &wait_ns) == 2 && run_ns > 0) {
		proc->known = proc->wait_known = true;
		proc->run_s = (double)run_ns / NS_PER_S;
		proc->wait_s = (double)wait_ns / NS_PER_S;
		return;
	}
	snprintf(name, sizeof(name), "/proc/%d/stat", pid);
	if (read_line(name, line))
		proc->known = parse_stat(line, &proc->run_s);
}

double
why_proc_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / NS_PER_S;
}

/* "127.0.0.1:514" or "[::1]:514": words of the host, as the kernel prints */
static bool
to_kernel(const char *address, char text[40])
{
	char host[INET6_ADDRSTRLEN + 2];
	const char *colon = strrchr(address, ':');
	size_t length = colon == NULL ? 0 : (size_t)(colon - address);
	uint32_t words[4];
	bool six = *address == '[';

	if (length < 2 || length >= sizeof(host))
		return false;
	memcpy(host, address + six, length - 2 * six);
	host[length - 2 * six] = '\0';
	if (inet_pton(six ? AF_INET6 : AF_INET, host, words) != 1)
		return false;
	if (six)
		snprintf(text, 40,
		    "%08" PRIX32 "%08" PRIX32 "%08" PRIX32 "%08" PRIX32,
		    words[0], words[1], words[2], words[3]);
	else
		snprintf(text, 40, "%08" PRIX32, words[0]);
	return true;
}

bool
why_proc_parse(const char *line, struct why_socket *socket)
{
	unsigned long long drops;

	if (sscanf(line,
		" %*[0-9]: %39[0-9A-F]:%x %*s %*s %*s %*s %*s %*s %*s %*s %*s "
		"%*s %llu",
		socket->bound, &socket->port, &drops) != 3)
		return false;
	socket->drops = drops;
	return true;
}

/* Room is made in powers of two. False without memory. */
static bool
add(struct why_sockets *sockets, const struct why_socket *socket)
{
	size_t count = sockets->count;
	struct why_socket *item = sockets->item;

	if ((count & (count - 1)) == 0)
		item = reallocarray(item, count == 0 ? 1 : 2 * count,
		    sizeof(*item));
	if (item == NULL)
		return false;
	item[sockets->count++] = *socket;
	sockets->item = item;
	return true;
}

static void
read_sockets(const char *name, struct why_sockets *sockets)
{
	FILE *file = fopen(name, "re");
	char line[LINE_MAX_BYTES];
	struct why_socket socket;

	if (file == NULL)
		return;
	while (fgets(line, sizeof(line), file) != NULL)
		if (why_proc_parse(line, &socket) && !add(sockets, &socket))
			break;
	fclose(file);
}

void
why_proc_sockets(struct why_sockets *sockets)
{
	memset(sockets, 0, sizeof(*sockets));
	read_sockets("/proc/net/udp", sockets);
	read_sockets("/proc/net/udp6", sockets);
}

void
why_proc_free(struct why_sockets *sockets)
{
	free(sockets->item);
	memset(sockets, 0, sizeof(*sockets));
}

uint64_t
why_proc_drops(const struct why_sockets *sockets, const char *address)
{
	const char *colon = strrchr(address, ':');
	const struct why_socket *socket = sockets->item;
	unsigned long port;
	char wanted[40];
	uint64_t sum = 0;

	if (colon == NULL || !to_kernel(address, wanted))
		return 0;
	port = strtoul(colon + 1, NULL, 10);
	for (size_t i = 0; i < sockets->count; i++, socket++)
		if (socket->port == port &&
		    (strcmp(socket->bound, wanted) == 0 ||
			socket->bound[strspn(socket->bound, "0")] == '\0'))
			sum += socket->drops;
	return sum;
}
