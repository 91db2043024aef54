#include "worker/recovery.h"

#include <sys/socket.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <stddef.h>

#include "worker/clock.h"

#define TELL_MS 5
/* With fewer nothing is sent again for what has overtaken it (RFC 6675). */
#define UNDER_WAY_SEGMENTS 4

/* False: the kernel does not say. */
static bool
ask(int socket, struct tcp_info *info)
{
	socklen_t length = sizeof(*info);

	return getsockopt(socket, IPPROTO_TCP, TCP_INFO, info, &length) == 0 &&
	    length >= offsetof(struct tcp_info, tcpi_lost);
}

static uint32_t
held_bytes_of(const struct tcp_info *info)
{
	uint64_t bytes = (uint64_t)info->tcpi_sacked * info->tcpi_snd_mss;

	return bytes < UINT32_MAX ? (uint32_t)bytes : UINT32_MAX;
}

void
recovery_tell(struct recovery *recovery, int socket, uint64_t sent,
    _Atomic uint32_t *held_bytes)
{
	struct tcp_info info = { 0 };
	int64_t time_ms;
	bool known;

	if (sent == recovery->told_sent && !recovery->goes_on)
		return;
	time_ms = clock_now_ms();
	if (time_ms - recovery->told_ms < TELL_MS)
		return;
	known = ask(socket, &info);
	atomic_store_explicit(held_bytes, known ? held_bytes_of(&info) : 0,
	    memory_order_relaxed);
	recovery->told_ms = time_ms;
	recovery->told_sent = sent;
	recovery->goes_on = known &&
	    (info.tcpi_sacked > 0 || info.tcpi_unacked >= UNDER_WAY_SEGMENTS);
}

const struct timespec *
recovery_wait(const struct recovery *recovery)
{
	static const struct timespec soon = { 0, TELL_MS * 1000000L };

	return recovery->goes_on ? &soon : NULL;
}
