#include "supervisor/engine/end.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "supervisor/engine/udp_send.h"

static int
learn_addresses(struct end *end)
{
	socklen_t length = sizeof(end->local);

	if (getsockname(end->fd, (struct sockaddr *)&end->local, &length) == -1)
		return -1;
	length = sizeof(end->remote);
	return getpeername(end->fd, (struct sockaddr *)&end->remote, &length);
}

struct end *
end_new(int fd)
{
	struct end *end = calloc(1, sizeof(*end));
	int saved;

	if (end == NULL) {
		close(fd);
		return NULL;
	}
	end->fd = fd;
	end->udp.fd = -1;
	if (udp_init(&end->udp, fd) == 0 && learn_addresses(end) == 0)
		return end;
	saved = errno;
	end_free(end);
	errno = saved;
	return NULL;
}

void
end_free(struct end *end)
{
	if (end == NULL)
		return;
	close(end->fd);
	free(end);
}

enum udp_result
end_receive(struct end *end, struct udp_batch *batch)
{
	return udp_receive(&end->udp, batch);
}

size_t
end_send(struct end *end, const struct frame_run *runs, size_t count)
{
	return udp_send(&end->udp, runs, count);
}

void
end_count(struct end *end)
{
	udp_count_drops(&end->udp);
}
