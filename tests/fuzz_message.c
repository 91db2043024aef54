/*
 * A message from the fuzzer: the first byte picks its kind (bit 0) and whether
 * zeros fill it up to the right size (bit 1). What is let through must be able
 * to make the same way again.
 */
#include "shm/message.h"

#include <sys/socket.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

static void
receive_job(const int ends[2])
{
	struct job job, again;

	if (message_receive_job(ends[1], &job) != MESSAGE_OK)
		return;
	if (job.hops > MESSAGE_HOPS_MAX ||
	    strlen(job.title) >= sizeof(job.title) ||
	    strlen(job.hop[0].password) >= MESSAGE_SECRET_MAX)
		abort();
	if (message_send_job(ends[0], &job) != MESSAGE_OK ||
	    message_receive_job(ends[1], &again) != MESSAGE_OK ||
	    memcmp(&job, &again, sizeof(job)) != 0)
		abort();
}

static void
receive_event(const int ends[2])
{
	struct worker_event event, again;
	const char *at;

	if (message_receive_event(ends[1], &event) != MESSAGE_OK)
		return;
	if (strlen(event.text) >= sizeof(event.text))
		abort();
	for (at = event.text; *at != '\0'; at++)
		if (*at < ' ' || *at > '~')
			abort();
	if (message_send_event(ends[0], &event) != MESSAGE_OK ||
	    message_receive_event(ends[1], &again) != MESSAGE_OK ||
	    memcmp(&event, &again, sizeof(event)) != 0)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	uint8_t message[sizeof(struct job) + 16] = { 0 };
	size_t bytes = size > 0 ? size - 1 : 0;
	bool is_job = size > 0 && (input[0] & 1) != 0;
	int ends[2];

	if (bytes > sizeof(message))
		bytes = sizeof(message);
	if (bytes > 0)
		memcpy(message, input + 1, bytes);
	if (size > 0 && (input[0] & 2) != 0)
		bytes = is_job ? sizeof(struct job) :
				 sizeof(struct worker_event);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, ends) == -1)
		abort();
	if (send(ends[0], message, bytes, 0) != (ssize_t)bytes)
		abort();
	if (is_job)
		receive_job(ends);
	else
		receive_event(ends);
	close(ends[0]);
	close(ends[1]);
	return 0;
}
