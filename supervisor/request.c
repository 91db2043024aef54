#include "supervisor/request.h"

#include <sys/socket.h>

#include <errno.h>

#include "supervisor/descriptors.h"

enum request_result
request_receive(int channel, struct spawn_record *record,
    int descriptors[REQUEST_DESCRIPTORS_MAX], size_t *count)
{
	ssize_t got;

	got = descriptors_receive(channel, record, sizeof(*record),
	    MSG_DONTWAIT, descriptors, REQUEST_DESCRIPTORS_MAX, count);
	if (got == (ssize_t)sizeof(*record))
		return REQUEST_OK;
	if (got > 0 || (got == -1 && errno == EPROTO))
		return REQUEST_BROKEN;
	if (got == -1 && (errno == EAGAIN || errno == EINTR))
		return REQUEST_NONE;
	return REQUEST_CLOSED;
}
