#include "supervisor/engine/failure.h"

#include <sys/wait.h>

#include <bsd/string.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "shm/message.h"

void
failure_cause(const struct worker_event *event, char *cause, size_t size)
{
	switch ((enum event_reason)event->reason) {
	case REASON_ERRNO:
		strlcpy(cause, strerror(event->detail), size);
		return;
	case REASON_SANDBOX:
		snprintf(cause, size, "sandbox: %s", strerror(event->detail));
		return;
	case REASON_RESOLVE:
		/* A proxy's stage: it wants the name after it resolved here. */
		snprintf(cause, size, "%s%s",
		    event->stage == STAGE_PROXY ? "the name after it: " : "",
		    gai_strerror(event->detail));
		return;
	case REASON_TIMEOUT:
		snprintf(cause, size, "no answer in %d s",
		    event->detail / 1000);
		return;
	case REASON_CLOSED:
		strlcpy(cause, "closed by the other side", size);
		return;
	case REASON_RING:
		strlcpy(cause, "the ring is broken", size);
		return;
	case REASON_AUTH:
		strlcpy(cause, "authentication rejected", size);
		return;
	case REASON_NONE:
	case REASON_REFUSED:
	case REASON_PROTOCOL:
		strlcpy(cause, "unexpected answer", size);
		return;
	}
}

/* Real-time signals have no name. */
static void
say_signal(int signal, char *words, size_t size)
{
	const char *name = sigabbrev_np(signal);

	if (name != NULL)
		snprintf(words, size, "worker killed by SIG%s", name);
	else
		snprintf(words, size, "worker killed by signal %d", signal);
}

void
failure_exit(int status, char *words, size_t size)
{
	if (status < 0)
		snprintf(words, size, "worker: cannot fork: %s",
		    strerror(-status));
	else if (WIFSIGNALED(status))
		say_signal(WTERMSIG(status), words, size);
	else
		snprintf(words, size, "worker ended: %s",
		    message_exit_name(WEXITSTATUS(status)));
}

bool
failure_is_crash(int status)
{
	if (status < 0 || !WIFSIGNALED(status))
		return false;
	switch (WTERMSIG(status)) {
	case SIGSYS:
	case SIGSEGV:
	case SIGBUS:
	case SIGABRT:
	case SIGILL:
		return true;
	default:
		return false;
	}
}
