#include "worker/ack.h"

#include <sys/socket.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <stddef.h>

#define ANSWERED_LEAST 16
#define ANSWER_MS 5

/* The option wears off, so it is set each time. */
static void
acknowledge(struct ack *ack, int socket)
{
	static const int yes = 1;

	setsockopt(socket, IPPROTO_TCP, TCP_QUICKACK, &yes, sizeof(yes));
	ack->owed = false;
}

void
ack_read(struct ack *ack, int socket)
{
	if (ack->awaits)
		ack->answered = 0;
	ack->awaits = true;
	if (ack->answered < ANSWERED_LEAST)
		acknowledge(ack, socket);
	else
		ack->owed = true;
}

void
ack_written(struct ack *ack)
{
	if (ack->awaits && ack->answered < ANSWERED_LEAST)
		ack->answered++;
	ack->awaits = false;
	ack->owed = false;
}

const struct timespec *
ack_wait(const struct ack *ack)
{
	static const struct timespec wait = { 0, ANSWER_MS * 1000000L };

	return ack->owed ? &wait : NULL;
}

void
ack_late(struct ack *ack, int socket)
{
	ack->answered = 0;
	acknowledge(ack, socket);
}
