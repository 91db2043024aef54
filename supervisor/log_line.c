#include "supervisor/log_line.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* Cut to what fits beside the newline. */
void
log_line_append_list(struct log_line *line, const char *format,
    va_list arguments)
{
	size_t room = sizeof(line->text) - 1 - line->length;
	int length = vsnprintf(line->text + line->length, room, format,
	    arguments);

	if (length < 0)
		return;
	line->length += (size_t)length < room ? (size_t)length : room - 1;
}

void
log_line_append(struct log_line *line, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	log_line_append_list(line, format, arguments);
	va_end(arguments);
}

static void
append_time(struct log_line *line)
{
	struct timespec now;
	struct tm utc;

	clock_gettime(CLOCK_REALTIME, &now);
	if (gmtime_r(&now.tv_sec, &utc) == NULL)
		memset(&utc, 0, sizeof(utc));
	log_line_append(line, "%04d-%02d-%02dT%02d:%02d:%02d.%03ldZ ",
	    utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday, utc.tm_hour,
	    utc.tm_min, utc.tm_sec, now.tv_nsec / 1000000);
}

void
log_line_begin(struct log_line *line, const char *level, const char *role,
    const char *subject)
{
	line->length = 0;
	append_time(line);
	log_line_append(line, "%s ", level);
	line->said = line->length;
	log_line_append(line, "%s: ", role);
	line->subject = line->length;
	if (subject != NULL)
		log_line_append(line, "%s", subject);
	line->subject_bytes = line->length - line->subject;
	if (subject != NULL)
		log_line_append(line, ": ");
}

void
log_line_finish(struct log_line *line)
{
	size_t i;

	for (i = 0; i < line->length; i++)
		if (line->text[i] < ' ' || line->text[i] > '~')
			line->text[i] = '?';
	if (line->length == sizeof(line->text) - 2)
		memcpy(line->text + line->length - 3, "...", 3);
	line->text[line->length++] = '\n';
}
