/*
 * AnyEvent::Log's specifications, as far as one log with one level can follow
 * them: `CONTEXT=DIRECTIVE,DIRECTIVE CONTEXT=...`, backslash escapes. There a
 * context that is attached with `+log` passes the filter by, so here it asks
 * for everything, or for the level that it names itself.
 */
#include "supervisor/log.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>

#include <bsd/string.h>

#define DIRECTIVE_MAX (LOG_PATH_MAX + 8) /* "file=" before it */

struct parser {
	struct log_settings *settings;
	char *unused;
	size_t unused_size;
	bool has_level; /* the specification named one */
	bool attached;	/* it has a +log */
	bool bypassed;	/* an earlier one had a +log */
};

static const struct {
	const char *name;
	enum log_level level;
} level_names[] = {
	{ "off", LOG_FATAL_LEVEL },
	{ "0", LOG_FATAL_LEVEL },
	{ "1", LOG_FATAL_LEVEL },
	{ "fatal", LOG_FATAL_LEVEL },
	{ "emerg", LOG_FATAL_LEVEL },
	{ "exit", LOG_FATAL_LEVEL },
	{ "2", LOG_FATAL_LEVEL },
	{ "alert", LOG_FATAL_LEVEL },
	{ "3", LOG_FATAL_LEVEL },
	{ "critical", LOG_FATAL_LEVEL },
	{ "crit", LOG_FATAL_LEVEL },
	{ "4", LOG_ERROR },
	{ "error", LOG_ERROR },
	{ "err", LOG_ERROR },
	{ "die", LOG_ERROR },
	{ "5", LOG_WARN },
	{ "warn", LOG_WARN },
	{ "warning", LOG_WARN },
	{ "6", LOG_NOTICE_LEVEL },
	{ "note", LOG_NOTICE_LEVEL },
	{ "notice", LOG_NOTICE_LEVEL },
	{ "7", LOG_INFO_LEVEL },
	{ "info", LOG_INFO_LEVEL },
	{ "8", LOG_DEBUG_LEVEL },
	{ "debug", LOG_DEBUG_LEVEL },
	{ "9", LOG_TRACE },
	{ "trace", LOG_TRACE },
	{ "all", LOG_TRACE },
};

static void
name_unused(struct parser *parser, const char *word)
{
	if (parser->unused_size == 0)
		return;
	if (parser->unused[0] != '\0')
		strlcat(parser->unused, ",", parser->unused_size);
	strlcat(parser->unused, word, parser->unused_size);
}

static bool
set_level(struct parser *parser, const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(level_names) / sizeof(level_names[0]); i++) {
		if (strcmp(level_names[i].name, name) != 0)
			continue;
		if (!parser->bypassed || parser->attached ||
		    level_names[i].level > parser->settings->level)
			parser->settings->level = level_names[i].level;
		parser->has_level = true;
		return true;
	}
	return false;
}

static bool
set_target(struct parser *parser, const char *word)
{
	struct log_settings *settings = parser->settings;

	if (strcmp(word, "stderr") == 0)
		settings->target = LOG_TO_STDERR;
	else if (strcmp(word, "syslog") == 0)
		settings->target = LOG_TO_SYSLOG;
	else if ((strncmp(word, "file", 4) == 0 ||
		     strncmp(word, "path", 4) == 0) &&
	    (word[4] == '=' || word[4] == ':') && word[5] != '\0' &&
	    strlcpy(settings->file, word + 5, sizeof(settings->file)) <
		sizeof(settings->file))
		settings->target = LOG_TO_FILE;
	else
		return false;
	return true;
}

static void
use_directive(struct parser *parser, const char *word)
{
	if (strcmp(word, "+log") == 0 || strcmp(word, "+filter") == 0 ||
	    strcmp(word, "+collect") == 0)
		parser->attached = parser->attached || word[1] == 'l';
	else if (strcmp(word, "log") != 0 && strcmp(word, "level") != 0 &&
	    strcmp(word, "+") != 0 && !set_level(parser, word) &&
	    !set_target(parser, word))
		name_unused(parser, word);
}

/* The colon of `file:PATH` and that of a package's name part nothing. */
static bool
ends_word(const char *text, const char *start, bool *package)
{
	if (isspace((unsigned char)*text) || *text == ',')
		return true;
	*package = text[0] == ':' && text[1] == ':';
	if (*text != ':' || *package)
		return false;
	return text - start != 4 ||
	    (strncmp(start, "file", 4) != 0 && strncmp(start, "path", 4) != 0);
}

/* One word up to a separator or, if asked, an equals sign; unescaped. */
static const char *
take_word(const char *text, bool name, char word[DIRECTIVE_MAX])
{
	const char *start = text;
	size_t used = 0;
	bool package = false;

	while (*text != '\0' && !ends_word(text, start, &package) &&
	    !(name && *text == '=')) {
		size_t length = package ? 2 : 1;

		if (*text == '\\' && text[1] != '\0')
			text++;
		while (length-- > 0) {
			if (used < DIRECTIVE_MAX - 1)
				word[used++] = *text;
			text++;
		}
	}
	word[used] = '\0';
	return text;
}

static const char *
take_specification(struct parser *parser, const char *text)
{
	char word[DIRECTIVE_MAX];
	bool ours = true;
	const char *rest = take_word(text, true, word);

	parser->has_level = parser->attached = false;
	if (*rest == '=') {
		/* `%name` is a context of its own, none of ours. */
		ours = word[0] != '%';
		text = rest + 1;
	}
	for (;;) {
		text = take_word(text, false, word);
		if (ours && word[0] != '\0')
			use_directive(parser, word);
		else if (word[0] != '\0')
			name_unused(parser, word);
		if (*text != ',')
			break;
		text++;
	}
	if (parser->attached) {
		if (!parser->has_level)
			parser->settings->level = LOG_TRACE;
		parser->bypassed = true;
	}
	return text;
}

void
log_parse_ae_log(const char *text, struct log_settings *settings, char *unused,
    unsigned long unused_size)
{
	struct parser parser = { .settings = settings,
		.unused = unused,
		.unused_size = unused_size };

	if (unused_size > 0)
		unused[0] = '\0';
	for (;;) {
		while (isspace((unsigned char)*text) || *text == ':')
			text++;
		if (*text == '\0')
			break;
		text = take_specification(&parser, text);
	}
}
