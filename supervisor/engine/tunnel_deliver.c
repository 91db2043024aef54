/*
 * What arrives on a path leaves through the tunnel's UDP socket.
 */
#include "supervisor/engine/path.h"
#include "supervisor/engine/tunnel.h"
#include "supervisor/engine/udp_send.h"
#include "supervisor/log.h"

#define RUNS_MAX 64

static size_t
read_runs(struct frame_reader *reader, struct frame_run *runs,
    enum frame_read *last)
{
	size_t count = 0;

	while (count < RUNS_MAX &&
	    (*last = frame_reader_next(reader, &runs[count])) == FRAME_RUN)
		count++;
	return count;
}

int
tunnel_deliver(struct tunnel *tunnel, struct path *path, const uint8_t *frame,
    size_t bytes)
{
	struct frame_run runs[RUNS_MAX];
	struct frame_reader reader;
	enum frame_read last = FRAME_RUN;
	size_t count;

	if (frame_reader_init(&reader, frame, bytes) == -1)
		return -1;
	while (last == FRAME_RUN) {
		count = read_runs(&reader, runs, &last);
		for (size_t i = 0; i < count; i++)
			path->rx_datagrams += runs[i].count;
		tunnel->delivered += udp_send(&tunnel->udp, runs, count);
	}
	if (tunnel->udp.gso_lost) {
		tunnel->udp.gso_lost = false;
		log_notice(tunnel->name,
		    "udp: segmentation offload fails here, off for this "
		    "socket");
	}
	return last == FRAME_END ? 0 : -1;
}
