#include "worker/recovery.h"

#include <sys/socket.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <stddef.h>
#include <time.h>

#define TELL_MS 5

static int64_t
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static uint32_t
ask(int socket)
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

void
recovery_tell(struct recovery *recovery, int socket, uint64_t sent,
    _Atomic uint32_t *held_bytes)
{
	int64_t time_ms;
	uint32_t bytes;

	if (sent == recovery->told_sent && !recovery->held)
		return;
	time_ms = now_ms();
	if (time_ms - recovery->told_ms < TELL_MS)
		return;
	bytes = ask(socket);
	atomic_store_explicit(held_bytes, bytes, memory_order_relaxed);
	recovery->told_ms = time_ms;
	recovery->told_sent = sent;
	recovery->held = bytes != 0;
}
