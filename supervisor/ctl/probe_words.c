#include "supervisor/ctl/probe_words.h"

#include <bsd/string.h>
#include <stdio.h>
#include <string.h>

#include "supervisor/ctl/probe_link.h"
#include "supervisor/engine/failure.h"

static const char *
stage_name(enum event_stage stage)
{
	switch (stage) {
	case STAGE_START:
		return "worker";
	case STAGE_RESOLVE:
		return "resolve";
	case STAGE_CONNECT:
		return "connect";
	case STAGE_PROXY:
		return "hop";
	case STAGE_PUMP:
		return "connection";
	}
	return "unknown stage";
}

void
probe_words_place(const struct probe_target *target, enum event_stage stage,
    uint32_t hop, char *place, size_t size)
{
	const char *display = "";

	if (hop < target->hops_count)
		display = target->hops[hop].display;
	switch (stage) {
	case STAGE_RESOLVE:
	case STAGE_CONNECT:
		snprintf(place, size, "%s %s", stage_name(stage), display);
		return;
	case STAGE_PROXY:
		snprintf(place, size, "hop %u %s", hop + 1, display);
		return;
	case STAGE_START:
	case STAGE_PUMP:
		strlcpy(place, stage_name(stage), size);
		return;
	}
}

void
probe_words_failure(const struct probe_target *target,
    const struct worker_event *event, bool connected, char *words, size_t size)
{
	char place[ADDRESS_URI_MAX + 32], cause[128];

	probe_words_place(target, (enum event_stage)event->stage, event->hop,
	    place, sizeof(place));
	failure_cause(event, cause, sizeof(cause));
	snprintf(words, size, "%s: %s%s", place,
	    event->text[0] != '\0' ? event->text : cause,
	    connected && target->identity != NULL &&
		    event->reason == REASON_CLOSED ?
		FAILURE_STRANGER :
		"");
}
