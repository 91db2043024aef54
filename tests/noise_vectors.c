/*
 * noise_vectors FILE: run the public test vectors of Noise IK and IKpsk2 in
 * both roles. The fixed ephemerals come in through noise_ephemeral() below,
 * which takes the place of the real one when this program is linked.
 */
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "supervisor/engine/noise.h"
#include "supervisor/engine/noise_ephemeral.h"

struct bytes {
	uint8_t *data;
	size_t count;
};

/* One end of a vector. */
struct side {
	struct noise_identity *identity;
	struct noise_handshake *handshake;
	struct noise_cipher *tx;
	struct noise_cipher *rx;
	uint8_t ephemeral[NOISE_KEY_BYTES];
};

static const uint8_t *next_ephemeral;

bool
noise_ephemeral(uint8_t private_key[NOISE_KEY_BYTES])
{
	if (next_ephemeral == NULL)
		memset(private_key, 1, NOISE_KEY_BYTES);
	else
		memcpy(private_key, next_ephemeral, NOISE_KEY_BYTES);
	return true;
}

static void
die(const char *, ...) __attribute__((format(printf, 1, 2), noreturn));

static void
die(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	exit(1);
}

/* A string of hex digits; NULL data when there is none. */
static struct bytes
from_hex(const json_t *value)
{
	const char *hex = json_string_value(value);
	struct bytes bytes = { NULL, 0 };
	size_t i;

	if (hex == NULL)
		return bytes;
	bytes.count = strlen(hex) / 2;
	bytes.data = malloc(bytes.count + 1);
	if (bytes.data == NULL || strlen(hex) % 2 != 0)
		die("%s: not hex", hex);
	for (i = 0; i < bytes.count; i++)
		if (sscanf(hex + 2 * i, "%2hhx", &bytes.data[i]) != 1)
			die("%s: not hex", hex);
	return bytes;
}

static void
key_from_hex(const json_t *value, uint8_t key[NOISE_KEY_BYTES])
{
	struct bytes bytes = from_hex(value);

	if (bytes.count != NOISE_KEY_BYTES)
		die("a key is missing or has another size");
	memcpy(key, bytes.data, NOISE_KEY_BYTES);
	free(bytes.data);
}

/* "init_NAME" or "resp_NAME" of a vector. */
static json_t *
role_field(const json_t *vector, bool initiator, const char *name)
{
	char full[64];

	snprintf(full, sizeof(full), "%s_%s", initiator ? "init" : "resp",
	    name);
	return json_object_get(vector, full);
}

static void
side_open(const json_t *vector, bool initiator, struct side *side)
{
	json_t *psks = role_field(vector, initiator, "psks");
	uint8_t key[NOISE_KEY_BYTES];
	struct bytes prologue;

	key_from_hex(role_field(vector, initiator, "ephemeral"),
	    side->ephemeral);
	key_from_hex(role_field(vector, initiator, "static"), key);
	side->identity = noise_identity_new(key);
	if (initiator)
		key_from_hex(role_field(vector, true, "remote_static"), key);
	prologue = from_hex(role_field(vector, initiator, "prologue"));
	side->handshake = noise_handshake_new(initiator, side->identity,
	    initiator ? key : NULL, psks != NULL, prologue.data,
	    prologue.count);
	free(prologue.data);
	if (side->handshake == NULL)
		die("no handshake");
	if (psks != NULL) {
		key_from_hex(json_array_get(psks, 0), key);
		noise_handshake_set_psk(side->handshake, key);
	}
}

static void
side_close(struct side *side)
{
	noise_handshake_free(side->handshake);
	noise_identity_free(side->identity);
	noise_cipher_free(side->tx);
	noise_cipher_free(side->rx);
}

/* The sender's call for message number i, as noise.h has them. */
static int
write_message(struct side *side, size_t i, const struct bytes *payload,
    uint8_t *out)
{
	next_ephemeral = side->ephemeral;
	if (i == 0)
		return noise_write_message1(side->handshake, payload->data,
		    payload->count, out);
	if (i == 1)
		return noise_write_message2(side->handshake, payload->data,
		    payload->count, out);
	return noise_seal(side->tx, payload->data, payload->count, out);
}

static int
read_message(struct side *side, size_t i, const struct bytes *message,
    uint8_t *out)
{
	if (i == 0)
		return noise_read_message1(side->handshake, message->data,
		    message->count, out);
	if (i == 1)
		return noise_read_message2(side->handshake, message->data,
		    message->count, out);
	return noise_open(side->rx, message->data, message->count, out);
}

static bool
run_message(const json_t *message, size_t i, struct side *from, struct side *to)
{
	static const size_t overhead[] = { NOISE_MESSAGE1_BYTES(0),
		NOISE_MESSAGE2_BYTES(0), NOISE_TAG_BYTES };
	static uint8_t out[NOISE_MESSAGE_MAX];
	struct bytes payload = from_hex(json_object_get(message, "payload"));
	struct bytes expected = from_hex(
	    json_object_get(message, "ciphertext"));
	bool ok;

	ok = payload.data != NULL && expected.data != NULL &&
	    expected.count == payload.count + overhead[i < 2 ? i : 2] &&
	    write_message(from, i, &payload, out) == 0 &&
	    memcmp(out, expected.data, expected.count) == 0 &&
	    read_message(to, i, &expected, out) == 0 &&
	    memcmp(out, payload.data, payload.count) == 0;
	free(payload.data);
	free(expected.data);
	return ok;
}

/* Both have the same h, and it is the vector's where that tells. */
static bool
check_hash(const json_t *vector, const struct side *side)
{
	struct bytes expected = from_hex(
	    json_object_get(vector, "handshake_hash"));
	bool ok;

	ok = memcmp(noise_handshake_hash(side[0].handshake),
		 noise_handshake_hash(side[1].handshake),
		 NOISE_HASH_BYTES) == 0 &&
	    (expected.data == NULL ||
		(expected.count == NOISE_HASH_BYTES &&
		    memcmp(noise_handshake_hash(side[0].handshake),
			expected.data, NOISE_HASH_BYTES) == 0));
	free(expected.data);
	return ok;
}

static bool
check_names(const json_t *vector)
{
	const char *name = json_string_value(
	    json_object_get(vector, "protocol_name"));
	bool psk = json_object_get(vector, "init_psks") != NULL;

	return name != NULL &&
	    strcmp(name,
		psk ? "Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s" :
		      "Noise_IK_25519_ChaChaPoly_BLAKE2s") == 0;
}

/* True if every message of the vector came out as it stands there. */
static bool
run_vector(const json_t *vector)
{
	json_t *messages = json_object_get(vector, "messages");
	struct side side[2];
	size_t i, count = json_array_size(messages);
	bool ok;

	memset(side, 0, sizeof(side));
	side_open(vector, true, &side[0]);
	side_open(vector, false, &side[1]);
	ok = check_names(vector) && count > 2;
	for (i = 0; ok && i < count; i++) {
		ok = run_message(json_array_get(messages, i), i, &side[i % 2],
		    &side[(i + 1) % 2]);
		if (ok && i == 1)
			ok = check_hash(vector, side) &&
			    noise_split(side[0].handshake, &side[0].tx,
				&side[0].rx) == 0 &&
			    noise_split(side[1].handshake, &side[1].tx,
				&side[1].rx) == 0;
		if (!ok)
			fprintf(stderr, "message %zu differs\n", i);
	}
	side_close(&side[0]);
	side_close(&side[1]);
	return ok;
}

int
main(int argc, char **argv)
{
	json_t *root, *vectors, *vector;
	json_error_t error;
	size_t i;
	unsigned int passed = 0, failed = 0;

	if (argc != 2)
		die("usage: noise_vectors FILE");
	root = json_load_file(argv[1], 0, &error);
	if (root == NULL)
		die("%s:%d: %s", argv[1], error.line, error.text);
	vectors = json_object_get(root, "vectors");
	if (noise_init() != 0)
		die("libcrypto lacks an algorithm");
	json_array_foreach(vectors, i, vector)
	{
		if (run_vector(vector)) {
			passed++;
			continue;
		}
		fprintf(stderr, "vector %zu (%s) failed\n", i,
		    json_string_value(json_object_get(vector, "origin")));
		failed++;
	}
	json_decref(root);
	printf("%u passed, %u failed\n", passed, failed);
	return passed == 0 || failed != 0;
}
