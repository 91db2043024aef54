#include "supervisor/upgrade_words.h"

#include <sys/wait.h>

#include <stdio.h>
#include <string.h>

#include "supervisor/launch.h"

static const char *
exit_words(int code)
{
	switch (code) {
	case UPGRADE_EXIT_VERSION:
		return "its state is of another version: restart instead";
	case UPGRADE_EXIT_STATE:
		return "it cannot take the state over, see the log";
	case UPGRADE_EXIT_WORKER:
		return "it has no worker program";
	case UPGRADE_EXIT_RIGHTS:
		return "its capabilities are missing";
	case LAUNCH_EXIT_PERMISSION:
		return "it is in a folder of which nothing may be executed: "
		       "restart instead";
	case LAUNCH_EXIT_EXEC:
		return "it is no program for this machine";
	}
	return launch_exit_name(code);
}

static void
describe_end(const char *what, int status, char text[UPGRADE_WORDS_MAX])
{
	const char *words;

	if (WIFSIGNALED(status)) {
		snprintf(text, UPGRADE_WORDS_MAX,
		    "%s: killed by signal %d (%s)", what, WTERMSIG(status),
		    strsignal(WTERMSIG(status)));
		return;
	}
	words = exit_words(WEXITSTATUS(status));
	if (words != NULL)
		snprintf(text, UPGRADE_WORDS_MAX, "%s: %s", what, words);
	else
		snprintf(text, UPGRADE_WORDS_MAX,
		    "%s: exit status %d, it does not know what to do", what,
		    WEXITSTATUS(status));
}

const char *
upgrade_describe(enum upgrade_failure failure, int64_t value,
    char text[UPGRADE_WORDS_MAX])
{
	static const char unknown[] = "unknown reason";

	snprintf(text, UPGRADE_WORDS_MAX, "%s", unknown);
	switch (failure) {
	case UPGRADE_BUSY:
		snprintf(text, UPGRADE_WORDS_MAX,
		    "another one or a reload is under way");
		break;
	case UPGRADE_NO_KEEPER:
		snprintf(text, UPGRADE_WORDS_MAX, "the keeper is gone");
		break;
	case UPGRADE_NO_FILE:
		snprintf(text, UPGRADE_WORDS_MAX, "open the new program: %s",
		    strerror((int)value));
		break;
	case UPGRADE_SYSTEM:
		snprintf(text, UPGRADE_WORDS_MAX, "prepare the new program: %s",
		    strerror((int)value));
		break;
	case UPGRADE_TRIAL:
		describe_end("the new program", (int)value, text);
		break;
	case UPGRADE_TRIAL_LATE:
		snprintf(text, UPGRADE_WORDS_MAX,
		    "the new program: no answer in time");
		break;
	case UPGRADE_ENGINE:
		describe_end("the new engine", (int)value, text);
		break;
	case UPGRADE_ENGINE_LATE:
		snprintf(text, UPGRADE_WORDS_MAX,
		    "the new engine: no answer in time");
		break;
	}
	return text;
}
