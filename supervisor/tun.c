#include "supervisor/tun.h"

#include <sys/ioctl.h>
#include <sys/socket.h>

#include <linux/if_tun.h>
#include <net/if.h>

#include <bsd/string.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int
tun_set_mtu(const char *name, uint32_t mtu)
{
	struct ifreq request = { .ifr_mtu = (int)mtu };
	int fd, result;

	strlcpy(request.ifr_name, name, sizeof(request.ifr_name));
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return -1;
	result = ioctl(fd, SIOCSIFMTU, &request);
	close(fd);
	return result;
}

/* What the kernel means. */
static const char *
explain(int error)
{
	switch (error) {
	case EBUSY:
		return "in use by another process";
	case EINVAL:
		return "another device has this name";
	case EPERM:
		return "not ours: root makes it for us with "
		       "ip tuntap add mode tun user";
	}
	return strerror(error);
}

static int refuse(char why[TUN_WHY_MAX], const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static int
refuse(char why[TUN_WHY_MAX], const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(why, TUN_WHY_MAX, format, arguments);
	va_end(arguments);
	return -1;
}

int
tun_set_offload(int fd, bool offload)
{
	unsigned long what = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6;

	return ioctl(fd, TUNSETOFFLOAD, offload ? what : 0);
}

/* All of it stays with a device that persists, whoever had it before. */
static int
prepare(int fd, bool offload)
{
	int bytes = TUN_HEADER_BYTES, little_endian = 1;

	return ioctl(fd, TUNSETVNETHDRSZ, &bytes) == 0 &&
		ioctl(fd, TUNSETVNETLE, &little_endian) == 0 &&
		tun_set_offload(fd, offload) == 0 ?
	    0 :
	    -1;
}

int
tun_open(const char *name, uint32_t mtu, bool offload, char why[TUN_WHY_MAX])
{
	struct ifreq request = { .ifr_flags = IFF_TUN | IFF_NO_PI |
		    IFF_VNET_HDR };
	int fd;

	strlcpy(request.ifr_name, name, sizeof(request.ifr_name));
	fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (fd == -1)
		return refuse(why, "/dev/net/tun: %s", strerror(errno));
	if (ioctl(fd, TUNSETIFF, &request) == -1)
		refuse(why, "device %s: %s", name, explain(errno));
	else if (prepare(fd, offload) == -1)
		refuse(why, "device %s: tun_offload: %s", name,
		    strerror(errno));
	else if (mtu != 0 && tun_set_mtu(name, mtu) == -1)
		refuse(why, "device %s: tun_mtu: %s", name, strerror(errno));
	else
		return fd;
	close(fd);
	return -1;
}
