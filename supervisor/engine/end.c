#include "supervisor/engine/end.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "supervisor/engine/clock.h"
#include "supervisor/engine/frame.h"
#include "supervisor/engine/sources.h"
#include "supervisor/engine/udp_send.h"

static int
open_udp(struct end *end)
{
	socklen_t length = sizeof(end->local);

	if (udp_init(&end->udp, end->fd) == -1 ||
	    getsockname(end->fd, (struct sockaddr *)&end->local, &length) == -1)
		return -1;
	if (end->kind == ADDRESS_LEARN) {
		end->udp.sources = sources_new(1, 0);
		return end->udp.sources == NULL ? -1 : 0;
	}
	length = sizeof(end->remote);
	return getpeername(end->fd, (struct sockaddr *)&end->remote, &length);
}

struct end *
end_new(const struct address_pair *asked, int fd)
{
	struct end *end = calloc(1, sizeof(*end));
	int saved;

	if (end == NULL) {
		close(fd);
		return NULL;
	}
	end->kind = asked->kind;
	end->asked = *asked;
	end->fd = fd;
	if (open_udp(end) == 0)
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
	sources_free(end->udp.sources);
	free(end);
}

void
end_permit(struct end *end, const struct address_permit *permits, size_t count)
{
	if (end->udp.sources != NULL)
		sources_permit(end->udp.sources, permits, count);
}

enum udp_result
end_receive(struct end *end, struct udp_batch *batch)
{
	return udp_receive(&end->udp, batch);
}

static size_t
count_datagrams(const struct frame_run *runs, size_t count)
{
	size_t datagrams = 0;

	for (size_t i = 0; i < count; i++)
		datagrams += runs[i].count;
	return datagrams;
}

/* To the one who sent last. */
static size_t
send_learned(struct end *end, const struct frame_run *runs, size_t count)
{
	end->udp.to = sources_find(end->udp.sources, 0, clock_now_us(),
	    &end->udp.to_length);
	if (end->udp.to != NULL)
		return udp_send(&end->udp, runs, count);
	end->udp.nobody += count_datagrams(runs, count);
	return 0;
}

size_t
end_send(struct end *end, const struct frame_run *runs, size_t count)
{
	switch (end->kind) {
	case ADDRESS_UDP:
		break;
	case ADDRESS_LEARN:
		return send_learned(end, runs, count);
	}
	return udp_send(&end->udp, runs, count);
}

void
end_count(struct end *end)
{
	const struct sockaddr_storage *last;
	socklen_t length;

	udp_count_drops(&end->udp);
	if (end->kind != ADDRESS_LEARN)
		return;
	last = sources_find(end->udp.sources, 0, clock_now_us(), &length);
	if (last != NULL)
		end->remote = *last;
}
