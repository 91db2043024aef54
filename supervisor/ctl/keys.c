#include "supervisor/ctl/keys.h"

#include <sys/stat.h>

#include <ctype.h>
#include <err.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/engine/key.h"

/* The key, a line's end, and one byte more to notice what is too long. */
#define INPUT_BYTES (KEY_TEXT_MAX + 16)

static void
warn_if_readable(void)
{
	struct stat status;

	if (fstat(STDOUT_FILENO, &status) == 0 && S_ISREG(status.st_mode) &&
	    (status.st_mode & S_IRWXO) != 0)
		warnx("warning: writing to a world accessible file; "
		      "consider umask 077");
}

/* Without stdio: its buffer would keep a copy of the key. */
static int
write_all(const char *text, size_t bytes)
{
	ssize_t n;

	while (bytes > 0) {
		n = write(STDOUT_FILENO, text, bytes);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return -1;
		text += n;
		bytes -= (size_t)n;
	}
	return 0;
}

/* Writes the key as a line; wipes it. Returns the exit status. */
static int
print_key(uint8_t key[KEY_BYTES])
{
	char text[KEY_TEXT_MAX + 1];
	int status = EXIT_SUCCESS;

	key_to_text(key, text);
	key_wipe(key, KEY_BYTES);
	text[KEY_TEXT_MAX - 1] = '\n';
	if (write_all(text, KEY_TEXT_MAX) == -1) {
		warn("standard output");
		status = EXIT_FAILURE;
	}
	key_wipe(text, sizeof(text));
	return status;
}

static int
generate(int (*make)(uint8_t key[KEY_BYTES]))
{
	uint8_t key[KEY_BYTES];

	warn_if_readable();
	if (make(key) == -1) {
		warnx("the system has no random numbers");
		return EXIT_FAILURE;
	}
	return print_key(key);
}

int
keys_genkey(void)
{
	return generate(key_generate_private);
}

int
keys_genpsk(void)
{
	return generate(key_generate_psk);
}

/* Reads to the end, but no more than fits. -1 on an error. */
static ssize_t
read_all(char text[INPUT_BYTES])
{
	size_t used = 0;
	ssize_t n;

	while (used < INPUT_BYTES) {
		n = read(STDIN_FILENO, text + used, INPUT_BYTES - used);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return -1;
		if (n == 0)
			break;
		used += (size_t)n;
	}
	return (ssize_t)used;
}

/* A key and white space after it, as files and here-documents have it. */
static int
parse_input(char text[INPUT_BYTES], size_t bytes, uint8_t key[KEY_BYTES])
{
	while (bytes > 0 && isspace((unsigned char)text[bytes - 1]))
		bytes--;
	if (bytes != KEY_TEXT_MAX - 1 || memchr(text, '\0', bytes) != NULL)
		return -1;
	text[bytes] = '\0';
	return key_from_text(text, key);
}

int
keys_pubkey(void)
{
	uint8_t key[KEY_BYTES], public_key[KEY_BYTES];
	char text[INPUT_BYTES];
	int parsed, derived = -1;
	ssize_t bytes;

	bytes = read_all(text);
	if (bytes == -1) {
		warn("standard input");
		key_wipe(text, sizeof(text));
		return EXIT_FAILURE;
	}
	parsed = parse_input(text, (size_t)bytes, key);
	key_wipe(text, sizeof(text));
	if (parsed == 0)
		derived = key_public(key, public_key);
	key_wipe(key, sizeof(key));
	if (parsed == -1)
		warnx("standard input holds no key: 44 characters of base64 "
		      "are expected");
	else if (derived == -1)
		warnx("no public key belongs to this private key");
	return derived == 0 ? print_key(public_key) : EXIT_FAILURE;
}
