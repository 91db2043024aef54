#include "supervisor/tun.h"

#include <sys/ioctl.h>
#include <sys/socket.h>

#include <linux/if_tun.h>
#include <net/if.h>

#include <bsd/string.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/log.h"

static int
set_mtu(const char *name, uint32_t mtu)
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

int
tun_open(const char *subject, const char *name, uint32_t mtu)
{
	struct ifreq request = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	int fd;

	strlcpy(request.ifr_name, name, sizeof(request.ifr_name));
	fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (fd == -1) {
		log_error(subject, "/dev/net/tun: %s", strerror(errno));
		return -1;
	}
	if (ioctl(fd, TUNSETIFF, &request) == -1) {
		log_error(subject, "device %s: %s", name, explain(errno));
		close(fd);
		return -1;
	}
	if (mtu != 0 && set_mtu(name, mtu) == -1) {
		log_error(subject, "device %s: tun_mtu: %s", name,
		    strerror(errno));
		close(fd);
		return -1;
	}
	return fd;
}
