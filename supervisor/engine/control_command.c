#include "supervisor/engine/control_command.h"

#include <string.h>

#include "supervisor/engine/control_change.h"
#include "supervisor/engine/engine.h"
#include "supervisor/engine/status.h"
#include "supervisor/engine/tunnel_samples.h"
#include "supervisor/log.h"
#include "supervisor/upgrade_words.h"

static enum control_result
run_status(struct control_call *call)
{
	status_write(call->engine, call->out);
	return CONTROL_DONE;
}

static enum control_result
run_samples(struct control_call *call)
{
	tunnel_samples_write(call->engine, call->out);
	return CONTROL_DONE;
}

/* The supervisor hears of it first, as of a signal. */
static enum control_result
run_reload(struct control_call *call)
{
	spawner_wish(&call->engine->spawner);
	return CONTROL_WAITS;
}

/* What is said of one request is never taken for the answer to another. */
static enum control_result
run_upgrade(struct control_call *call)
{
	char words[UPGRADE_WORDS_MAX];

	if (control_upgrades(&call->engine->control))
		return control_deny(call,
		    upgrade_describe(UPGRADE_BUSY, 0, words), "");
	spawner_say(&call->engine->spawner, SPAWN_UPGRADE);
	return CONTROL_UPGRADES;
}

static enum control_result
run_log(struct control_call *call)
{
	enum log_level level;

	if (log_level_parse(call->words[1], &level) == -1)
		return control_deny(call,
		    "no such level, of fatal, error, warn, notice, info, "
		    "debug, trace: ",
		    call->words[1]);
	log_set_level(level);
	spawner_level(&call->engine->spawner, (int)level);
	return CONTROL_DONE;
}

/* clang-format off */
static const struct command {
	const char *name;
	const char *verb; /* the second word; NULL: there is none */
	bool changes;
	size_t least, most; /* words behind these */
	enum control_result (*run)(struct control_call *call);
} commands[] = {
	{ "status", NULL, false, 0, 0, run_status },
	{ "samples", NULL, false, 0, 0, run_samples },
	{ "reload", NULL, true, 0, 0, run_reload },
	{ "upgrade", NULL, true, 0, 0, run_upgrade },
	{ "log", NULL, true, 1, 1, run_log },
	{ "path", "add", true, 2, CONTROL_WORDS_MAX, control_path_add },
	{ "path", "del", true, 2, 2, control_path_del },
	{ "path", "drain", true, 2, 2, control_path_drain },
	{ "path", "set", true, 3, CONTROL_WORDS_MAX, control_path_set },
	{ "tunnel", "add", true, 1, CONTROL_WORDS_MAX, control_tunnel_add },
	{ "tunnel", "del", true, 1, 1, control_tunnel_del },
	{ "tunnel", "up", true, 1, 1, control_tunnel_up },
	{ "tunnel", "down", true, 1, 1, control_tunnel_down },
	{ "peer", "add", true, 2, CONTROL_WORDS_MAX, control_peer_add },
	{ "peer", "del", true, 1, 1, control_peer_del },
};
/* clang-format on */

static int
digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* In place. Only %00 and what is no %XX at all are refused. */
static bool
decode(char *word)
{
	char *out = word;

	for (; *word != '\0'; word++) {
		int high, low;

		if (*word != '%') {
			*out++ = *word;
			continue;
		}
		high = digit(word[1]);
		low = high == -1 ? -1 : digit(word[2]);
		if (low == -1 || high * 16 + low == 0)
			return false;
		*out++ = (char)(high * 16 + low);
		word += 2;
	}
	*out = '\0';
	return true;
}

static bool
split(struct control_call *call, char *request)
{
	char *word;

	call->count = 0;
	while ((word = strsep(&request, " ")) != NULL) {
		if (*word == '\0')
			continue;
		if (call->count == CONTROL_WORDS_MAX || !decode(word))
			return false;
		call->words[call->count++] = word;
	}
	call->words[call->count] = NULL;
	return true;
}

static const struct command *
find_command(const struct control_call *call)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		const struct command *command = &commands[i];

		if (call->count > 0 &&
		    strcmp(command->name, call->words[0]) == 0 &&
		    (command->verb == NULL ||
			(call->count > 1 &&
			    strcmp(command->verb, call->words[1]) == 0)))
			return command;
	}
	return NULL;
}

enum control_result
control_command(struct control_call *call, char *request, bool may_change)
{
	const struct command *command;
	size_t behind;

	call->error[0] = '\0';
	if (!split(call, request))
		return control_deny(call, "the request is malformed", "");
	command = find_command(call);
	if (command == NULL)
		return control_deny(call, "unknown request", "");
	behind = call->count - (command->verb == NULL ? 1 : 2);
	if (behind < command->least || behind > command->most)
		return control_deny(call, "too few or too many words", "");
	if (command->changes && !may_change)
		return control_deny(call,
		    "permission denied: only root and the user that "
		    "socktopus runs as may",
		    "");
	if (command->changes && call->engine->stopping)
		return control_deny(call, "it is stopping", "");
	return command->run(call);
}
