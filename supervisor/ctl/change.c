#include "supervisor/ctl/change.h"

#include <bsd/string.h>

#include <err.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/ctl/client.h"
#include "supervisor/ctl/find.h"
#include "supervisor/ctl/reply.h"
#include "supervisor/ctl/usage.h"
#include "supervisor/engine/key.h"

#define REQUEST_MAX 4000
/* Names are looked up anew. */
#define RELOAD_MS 60000

static const struct form {
	const char *command;
	const char *verb; /* NULL: there is none */
	int least, most;  /* words behind these */
	int timeout_ms;
} forms[] = {
	{ "reload", NULL, 0, 0, RELOAD_MS },
	{ "log", NULL, 1, 1, CLIENT_TIMEOUT_MS },
	{ "path", "add", 2, 60, CLIENT_TIMEOUT_MS },
	{ "path", "set", 3, 60, CLIENT_TIMEOUT_MS },
	{ "path", "del", 2, 2, CLIENT_TIMEOUT_MS },
	{ "path", "drain", 2, 2, CLIENT_TIMEOUT_MS },
	{ "tunnel", "add", 1, 60, CLIENT_TIMEOUT_MS },
	{ "tunnel", "del", 1, 1, CLIENT_TIMEOUT_MS },
	{ "tunnel", "up", 1, 1, CLIENT_TIMEOUT_MS },
	{ "tunnel", "down", 1, 1, CLIENT_TIMEOUT_MS },
	{ "peer", "add", 2, 60, CLIENT_TIMEOUT_MS },
	{ "peer", "del", 1, 1, CLIENT_TIMEOUT_MS },
};

static const struct form *
find_form(int argc, char **argv)
{
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		const struct form *form = &forms[i];
		int before = form->verb == NULL ? 1 : 2;

		if (strcmp(form->command, argv[0]) == 0 &&
		    (form->verb == NULL ||
			(argc > 1 && strcmp(form->verb, argv[1]) == 0)) &&
		    argc - before >= form->least && argc - before <= form->most)
			return form;
	}
	return NULL;
}

/* False: there is no room. */
static bool
add_word(char *request, const char *word)
{
	size_t used = strlen(request);

	if (used >= REQUEST_MAX)
		return false;

	if (used > 0)
		request[used++] = ' ';
	for (; *word != '\0' && used < REQUEST_MAX; word++) {
		unsigned char byte = (unsigned char)*word;

		if (byte > 0x20 && byte < 0x7f && byte != '%')
			request[used++] = *word;
		else
			used += (size_t)snprintf(request + used, 4, "%%%02x",
			    byte);
	}
	request[used] = '\0';
	return *word == '\0';
}

/* The engine opens no file, so the key itself goes to it. */
static bool
add_psk(char *request, const char *file)
{
	char text[KEY_TEXT_MAX], word[KEY_TEXT_MAX + 4];
	char error[KEY_ERROR_MAX];
	uint8_t key[KEY_BYTES];
	bool well;

	if (key_read_file(file, key, error) == -1)
		errx(EXIT_FAILURE, "%s", error);
	key_to_text(key, text);
	snprintf(word, sizeof(word), "psk=%s", text);
	well = add_word(request, word);
	key_wipe(key, sizeof(key));
	key_wipe(text, sizeof(text));
	key_wipe(word, sizeof(word));
	return well;
}

/* What a file of credentials holds, for the same reason. */
static bool
add_auth(char *request, const char *file)
{
	char word[REQUEST_MAX] = "auth=", error[KEY_ERROR_MAX];
	const size_t start = strlen(word);
	int fd = key_open_file(file, error);
	ssize_t bytes;
	bool well;

	if (fd == -1)
		errx(EXIT_FAILURE, "%s", error);
	bytes = read(fd, word + start, sizeof(word) - start - 1);
	close(fd);
	if (bytes == -1)
		err(EXIT_FAILURE, "%s", file);
	word[start + (size_t)bytes] = '\0';
	if (strlen(word) != start + (size_t)bytes)
		errx(EXIT_FAILURE, "%s: not a text", file);
	well = add_word(request, word);
	key_wipe(word, sizeof(word));
	return well;
}

static bool
is_of(const char *word, const char *key)
{
	return strncmp(word, key, strlen(key)) == 0;
}

static void
fill_request(char *request, int argc, char **argv)
{
	bool is_peer = strcmp(argv[0], "peer") == 0;
	bool has_paths = is_of(argv[0], "path") || is_of(argv[0], "tunnel");
	bool well = true;

	request[0] = '\0';
	for (int i = 0; i < argc && well; i++)
		if (is_peer && is_of(argv[i], "psk="))
			well = add_psk(request, argv[i] + 4);
		else if (has_paths && i > 2 && is_of(argv[i], "auth="))
			well = add_auth(request, argv[i] + 5);
		else
			well = add_word(request, argv[i]);
	if (!well)
		errx(EXIT_FAILURE, "that is too much for one request");
}

/* Of the one that runs; what is changed must be beyond doubt. */
static const char *
find_socket(struct find_list *list)
{
	char error[CLIENT_ERROR_MAX], first[CLIENT_ERROR_MAX], *answer;
	const char *found = NULL, *failed = NULL;
	enum client_result result;
	size_t bytes;

	find_sockets(list);
	for (size_t i = 0; i < list->count; i++) {
		result = client_ask(list->path[i], "status", CLIENT_TIMEOUT_MS,
		    &answer, &bytes, error);
		if (result == CLIENT_FAILED && failed == NULL) {
			failed = list->path[i];
			strlcpy(first, error, sizeof(first));
		}
		if (result != CLIENT_OK)
			continue;
		free(answer);
		if (found != NULL)
			errx(EXIT_FAILURE,
			    "several are running, at %s and %s: -s names one",
			    found, list->path[i]);
		found = list->path[i];
	}
	if (found == NULL && failed != NULL)
		errx(EXIT_FAILURE, "%s: %s", failed, first);
	if (found == NULL && list->denied != NULL)
		errx(EXIT_FAILURE, "%s: " CLIENT_DENIED, list->denied);
	if (found == NULL)
		errx(EXIT_FAILURE,
		    "no running socktopus was found; -s names its socket");
	return found;
}

static int
show(const char *socket, char *answer, size_t bytes)
{
	struct reply reply;
	const char *wrong;
	int result = EXIT_SUCCESS;

	if (reply_parse(&reply, answer, bytes, &wrong) == -1) {
		warnx("%s: %s", socket, wrong);
		return EXIT_FAILURE;
	}
	if (reply.error != NULL) {
		warnx("%s", reply.error);
		result = EXIT_FAILURE;
	}
	reply_free(&reply);
	return result;
}

static int
ask(const char *socket, const char *request, int timeout_ms)
{
	char error[CLIENT_ERROR_MAX], *answer;
	size_t bytes;
	int result;

	if (client_ask(socket, request, timeout_ms, &answer, &bytes, error) !=
	    CLIENT_OK) {
		warnx("%s: %s", socket, error);
		return EXIT_FAILURE;
	}
	result = show(socket, answer, bytes);
	free(answer);
	return result;
}

int
change_main(const char *socket, int argc, char **argv)
{
	const struct form *form;
	char request[REQUEST_MAX + 8];
	struct find_list list = { .count = 0 };
	int result;

	if (argc > 2 && strcmp(argv[1], "-s") == 0) {
		socket = argv[2];
		argv[2] = argv[0];
		argv += 2;
		argc -= 2;
	}
	form = find_form(argc, argv);
	if (form == NULL)
		usage_fail(argv[0], "%s: wrong or missing arguments", argv[0]);
	fill_request(request, argc, argv);
	result = ask(socket != NULL ? socket : find_socket(&list), request,
	    form->timeout_ms);
	key_wipe(request, sizeof(request));
	if (socket == NULL)
		find_free(&list);
	return result;
}
