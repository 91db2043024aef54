#include "supervisor/engine/end_tun.h"

#include <errno.h>
#include <unistd.h>

#include "supervisor/engine/clock.h"
#include "supervisor/engine/end.h"
#include "supervisor/engine/frame.h"
#include "supervisor/engine/udp_batch.h"

enum udp_result
end_tun_receive(struct end *end, struct udp_batch *batch)
{
	uint64_t now_us = end->stamped ? clock_unix_us() : 0;
	ssize_t bytes = 0;

	udp_batch_clear(batch);
	while (batch->count < UDP_BATCH) {
		bytes = read(end->fd, udp_batch_slot(batch, batch->count),
		    UDP_SLOT_BYTES);
		if (bytes <= 0)
			break;
		batch->message[batch->count].slot = batch->count;
		batch->message[batch->count].length = (uint32_t)bytes;
		batch->message[batch->count].segment = (uint32_t)bytes;
		batch->message[batch->count].arrived_us = now_us;
		batch->message[batch->count].client = 0;
		batch->count++;
	}
	batch->more = batch->count == UDP_BATCH;
	end->udp.received += batch->count;
	if (batch->count > 0)
		return UDP_OK;
	/* EIO: it is down just now. */
	return bytes == -1 && errno != EAGAIN && errno != EINTR &&
		errno != EIO ?
	    UDP_FAILED :
	    UDP_NONE;
}

static size_t
send_run(struct end *end, const struct frame_run *run)
{
	size_t left = run->length, given = 0, bytes;

	for (size_t i = 0; i < run->count; i++) {
		bytes = left < run->segment ? left : run->segment;
		if (write(end->fd, run->bytes + run->length - left, bytes) ==
		    (ssize_t)bytes)
			given++;
		else
			end->udp.refused++;
		left -= bytes;
	}
	return given;
}

size_t
end_tun_send(struct end *end, const struct frame_run *runs, size_t count)
{
	size_t given = 0;

	for (size_t i = 0; i < count; i++)
		given += send_run(end, &runs[i]);
	end->udp.sent += given;
	return given;
}
