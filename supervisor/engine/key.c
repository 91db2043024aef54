#include "supervisor/engine/key.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/rand.h>

#define TEXT_LENGTH (KEY_TEXT_MAX - 1)

/* 1 if value lies in first..last, else 0; without a branch. */
static unsigned int
within(int value, int first, int last)
{
	return (unsigned int)((first - 1 - value) & (value - last - 1)) >> 31;
}

/*
 * Keys pass through here, so neither direction looks anything up in a table
 * or branches on a character.
 */
static int
decode_character(int c)
{
	return (int)within(c, 'A', 'Z') * (c - 'A' + 1) +
	    (int)within(c, 'a', 'z') * (c - 'a' + 27) +
	    (int)within(c, '0', '9') * (c - '0' + 53) +
	    (int)within(c, '+', '+') * 63 + (int)within(c, '/', '/') * 64 - 1;
}

static char
encode_character(int value)
{
	return (char)((int)within(value, 0, 25) * (value + 'A') +
	    (int)within(value, 26, 51) * (value - 26 + 'a') +
	    (int)within(value, 52, 61) * (value - 52 + '0') +
	    (int)within(value, 62, 62) * '+' +
	    (int)within(value, 63, 63) * '/');
}

int
key_from_text(const char *text, uint8_t key[KEY_BYTES])
{
	unsigned int bits = 0, held = 0;
	size_t i, used = 0;
	int value, bad = 0;

	if (strnlen(text, KEY_TEXT_MAX) != TEXT_LENGTH ||
	    text[TEXT_LENGTH - 1] != '=')
		return -1;
	for (i = 0; i < TEXT_LENGTH - 1; i++) {
		value = decode_character((unsigned char)text[i]);
		bad |= value;
		bits = bits << 6 | ((unsigned int)value & 63);
		held += 6;
		if (held >= 8) {
			held -= 8;
			key[used++] = (uint8_t)(bits >> held);
		}
	}
	/* Two bits are left over; only zeros make the text canonical. */
	if (bad < 0 || (bits & 3) != 0) {
		key_wipe(key, KEY_BYTES);
		return -1;
	}
	return 0;
}

void
key_to_text(const uint8_t key[KEY_BYTES], char text[KEY_TEXT_MAX])
{
	unsigned int bits = 0, held = 0;
	size_t i, used = 0;

	for (i = 0; i < KEY_BYTES; i++) {
		bits = bits << 8 | key[i];
		held += 8;
		while (held >= 6) {
			held -= 6;
			text[used++] = encode_character((bits >> held) & 63);
		}
	}
	text[used++] = encode_character((bits << (6 - held)) & 63);
	text[used++] = '=';
	text[used] = '\0';
}

int
key_generate_private(uint8_t key[KEY_BYTES])
{
	if (key_generate_psk(key) != 0)
		return -1;
	/* RFC 7748, section 5. */
	key[0] &= 248;
	key[31] = (key[31] & 127) | 64;
	return 0;
}

int
key_generate_psk(uint8_t key[KEY_BYTES])
{
	return RAND_priv_bytes(key, KEY_BYTES) > 0 ? 0 : -1;
}

int
key_public(const uint8_t key[KEY_BYTES], uint8_t public_key[KEY_BYTES])
{
	EVP_PKEY *pair;
	size_t bytes = KEY_BYTES;
	int result = -1;

	pair = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, key,
	    KEY_BYTES);
	if (pair != NULL &&
	    EVP_PKEY_get_raw_public_key(pair, public_key, &bytes) > 0 &&
	    bytes == KEY_BYTES)
		result = 0;
	EVP_PKEY_free(pair);
	return result;
}

static int complain(char *, const char *, const char *, ...)
    __attribute__((format(printf, 3, 4)));

/* "FILE: what is wrong"; always -1. */
static int
complain(char *error, const char *file, const char *format, ...)
{
	va_list arguments;
	int used;

	used = snprintf(error, KEY_ERROR_MAX, "%s: ", file);
	if (used < 0 || used >= KEY_ERROR_MAX)
		return -1;
	va_start(arguments, format);
	vsnprintf(error + used, (size_t)(KEY_ERROR_MAX - used), format,
	    arguments);
	va_end(arguments);
	return -1;
}

static int
check_file(int fd, const char *file, char error[KEY_ERROR_MAX])
{
	struct stat status;

	if (fstat(fd, &status) != 0)
		return complain(error, file, "%s", strerror(errno));
	if (!S_ISREG(status.st_mode))
		return complain(error, file, "not a regular file");
	if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0)
		return complain(error, file,
		    "readable by group or others (mode %04o), want 0600",
		    (unsigned int)status.st_mode & 07777);
	if (status.st_uid != 0 && status.st_uid != geteuid())
		return complain(error, file,
		    "owned by uid %lu, want root's or our own",
		    (unsigned long)status.st_uid);
	return 0;
}

static int
read_key(int fd, const char *file, uint8_t key[KEY_BYTES],
    char error[KEY_ERROR_MAX])
{
	char text[TEXT_LENGTH + 3];
	ssize_t bytes;
	int result = -1;

	bytes = read(fd, text, sizeof(text) - 1);
	if (bytes < 0)
		return complain(error, file, "%s", strerror(errno));
	if (bytes == TEXT_LENGTH + 1 && text[TEXT_LENGTH] == '\n')
		bytes--;
	text[bytes] = '\0';
	if (bytes == TEXT_LENGTH)
		result = key_from_text(text, key);
	key_wipe(text, sizeof(text));
	if (result != 0)
		complain(error, file, "not one line of 44 base64 characters");
	return result;
}

/* errno is ENOENT when, and only when, none is there. */
int
key_open_file(const char *file, char error[KEY_ERROR_MAX])
{
	int fd, code;

	/* O_NONBLOCK: a FIFO in its place must not hold us up. */
	fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd == -1) {
		code = errno;
		complain(error, file, "%s", strerror(code));
		errno = code;
		return -1;
	}
	if (check_file(fd, file, error) == 0)
		return fd;
	close(fd);
	errno = 0;
	return -1;
}

/* Like key_read_file(), with errno as above. */
static int
read_file(const char *file, uint8_t key[KEY_BYTES], char error[KEY_ERROR_MAX])
{
	int result, fd = key_open_file(file, error);

	if (fd == -1)
		return -1;
	result = read_key(fd, file, key, error);
	close(fd);
	errno = 0;
	return result;
}

int
key_read_file(const char *file, uint8_t key[KEY_BYTES],
    char error[KEY_ERROR_MAX])
{
	return read_file(file, key, error);
}

/* Make every missing folder above path, which is changed and put back. */
static int
make_folders(char *path)
{
	char *slash;
	int result = 0;

	for (slash = strchr(path + 1, '/'); slash != NULL && result == 0;
	     slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(path, S_IRWXU) != 0 && errno != EEXIST)
			result = -1;
		*slash = '/';
	}
	return result;
}

/* A fresh key as one line into an empty file. */
static int
write_key(int fd)
{
	uint8_t key[KEY_BYTES];
	char text[KEY_TEXT_MAX];
	int result = -1;

	if (key_generate_private(key) == 0) {
		key_to_text(key, text);
		text[TEXT_LENGTH] = '\n';
		if (write(fd, text, sizeof(text)) == (ssize_t)sizeof(text))
			result = fsync(fd);
	}
	key_wipe(key, sizeof(key));
	key_wipe(text, sizeof(text));
	return result;
}

/*
 * Put a whole key file in place, or leave the one that another process put
 * there first: link(2) never replaces. temporary is a template of mkstemp(3).
 */
static int
make_file(const char *file, char *temporary, int *made)
{
	int fd, result, saved;

	if (make_folders(temporary) != 0)
		return -1;
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd == -1)
		return -1;
	result = write_key(fd);
	if (result == 0 && link(temporary, file) == 0)
		*made = 1;
	else if (result == 0 && errno != EEXIST)
		result = -1;
	saved = errno;
	close(fd);
	unlink(temporary);
	errno = saved;
	return result;
}

int
key_read_or_make_file(const char *file, uint8_t key[KEY_BYTES], int *made,
    char error[KEY_ERROR_MAX])
{
	char *temporary;
	int result;

	*made = 0;
	if (read_file(file, key, error) == 0)
		return 0;
	if (errno != ENOENT)
		return -1;
	if (asprintf(&temporary, "%s.XXXXXX", file) == -1)
		return complain(error, file, "%s", strerror(ENOMEM));
	result = make_file(file, temporary, made);
	if (result != 0)
		complain(error, file, "cannot make it: %s", strerror(errno));
	free(temporary);
	return result == 0 ? read_file(file, key, error) : -1;
}

void
key_wipe(void *key, unsigned long bytes)
{
	explicit_bzero(key, bytes);
}
