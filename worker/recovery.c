#include "worker/recovery.h"

#include <sys/socket.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <stddef.h>

uint32_t
recovery_held_bytes(int socket)
{
	struct tcp_info info;
	socklen_t length = sizeof(info);
	uint64_t bytes;

	if (getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &length) == -1 ||
	    length < offsetof(struct tcp_info, tcpi_lost))
		return 0;
	bytes = (uint64_t)info.tcpi_sacked * info.tcpi_snd_mss;
	return bytes < UINT32_MAX ? (uint32_t)bytes : UINT32_MAX;
}
