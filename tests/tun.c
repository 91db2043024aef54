#include "tests/tun.h"

#include <sys/ioctl.h>
#include <sys/socket.h>

#include <arpa/inet.h>
#include <bsd/string.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The emulated queue is to drop, not the one in front of the device. */
#define QUEUE_PACKETS 20000

static void
enter(int namespace)
{
	if (setns(namespace, CLONE_NEWNET) == -1)
		err(1, "setns");
}

static int
open_or_die(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC);

	if (fd == -1)
		err(1, "%s", path);
	return fd;
}

static void
control(int fd, unsigned long request, struct ifreq *argument)
{
	if (ioctl(fd, request, argument) == -1)
		err(1, "device %s", argument->ifr_name);
}

static void
set_address(int fd, unsigned long request, struct ifreq *argument,
    const char *text)
{
	struct sockaddr_in address = { .sin_family = AF_INET };

	if (inet_pton(AF_INET, text, &address.sin_addr) != 1)
		errx(2, "%s: not an IPv4 address", text);
	memcpy(&argument->ifr_addr, &address, sizeof(address));
	control(fd, request, argument);
}

static void
configure(const char *name, const char *address, const char *peer_address)
{
	struct ifreq argument;
	int fd;

	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd == -1)
		err(1, "socket");
	memset(&argument, 0, sizeof(argument));
	strlcpy(argument.ifr_name, name, sizeof(argument.ifr_name));
	set_address(fd, SIOCSIFADDR, &argument, address);
	set_address(fd, SIOCSIFDSTADDR, &argument, peer_address);
	argument.ifr_qlen = QUEUE_PACKETS;
	control(fd, SIOCSIFTXQLEN, &argument);
	control(fd, SIOCGIFFLAGS, &argument);
	argument.ifr_flags |= IFF_UP | IFF_RUNNING;
	control(fd, SIOCSIFFLAGS, &argument);
	close(fd);
}

static int
make(const char *name)
{
	struct ifreq argument;
	int fd;

	fd = open_or_die("/dev/net/tun", O_RDWR | O_NONBLOCK);
	memset(&argument, 0, sizeof(argument));
	strlcpy(argument.ifr_name, name, sizeof(argument.ifr_name));
	argument.ifr_flags = IFF_TUN | IFF_NO_PI;
	control(fd, TUNSETIFF, &argument);
	return fd;
}

int
tun_open(const char *namespace, const char *name, const char *address,
    const char *peer_address)
{
	int home, there, fd;
	char path[128];

	home = open_or_die("/proc/self/ns/net", O_RDONLY);
	if (*namespace != '\0') {
		snprintf(path, sizeof(path), "/run/netns/%s", namespace);
		there = open_or_die(path, O_RDONLY);
		enter(there);
		close(there);
	}
	fd = make(name);
	configure(name, address, peer_address);
	enter(home);
	close(home);
	return fd;
}

size_t
tun_read(int fd, uint8_t packet[TUN_PACKET_MAX])
{
	ssize_t bytes = read(fd, packet, TUN_PACKET_MAX);

	if (bytes == -1 && errno != EAGAIN && errno != EINTR)
		err(1, "reading from a TUN device");
	return bytes > 0 ? (size_t)bytes : 0;
}

void
tun_write(int fd, const uint8_t *packet, size_t bytes)
{
	/* The kernel refuses what it has no room or no device for. */
	(void)!write(fd, packet, bytes);
}
