/*
 * An event that cannot be sent is not worth a word: the engine is gone, and
 * the worker's end follows.
 */
#include "worker/report.h"

#include <string.h>
#include <unistd.h>

#include <bsd/string.h>

static void
send_event(const struct report *report, enum event_kind kind,
    enum event_reason reason, int detail, const char *text)
{
	struct worker_event event;

	memset(&event, 0, sizeof(event));
	event.kind = kind;
	event.stage = report->stage;
	event.hop = report->hop;
	event.reason = reason;
	event.detail = detail;
	if (text != NULL)
		strlcpy(event.text, text, sizeof(event.text));
	message_send_event(report->channel, &event);
}

void
report_stage(struct report *report, enum event_stage stage, uint32_t hop)
{
	report->stage = stage;
	report->hop = hop;
	send_event(report, EVENT_STAGE, REASON_NONE, 0, NULL);
}

void
report_up(struct report *report)
{
	report->stage = STAGE_PUMP;
	report->hop = 0;
	send_event(report, EVENT_UP, REASON_NONE, 0, NULL);
}

void
report_note(const struct report *report, const char *text)
{
	send_event(report, EVENT_NOTE, REASON_NONE, 0, text);
}

/* strerror(3) may take memory and read files; this is a table. */
static void
append_error(char *text, size_t size, int error)
{
	const char *words = strerrordesc_np(error);

	strlcat(text, ": ", size);
	strlcat(text, words != NULL ? words : "unknown error", size);
}

void
report_fail(const struct report *report, enum worker_exit code,
    enum event_reason reason, int detail, const char *what)
{
	char text[MESSAGE_TEXT_MAX] = "";

	if (what != NULL) {
		strlcpy(text, what, sizeof(text));
		if (reason == REASON_ERRNO || reason == REASON_SANDBOX)
			append_error(text, sizeof(text), detail);
	}
	send_event(report, EVENT_FAILED, reason, detail, text);
	_exit(code);
}
