#include "supervisor/engine/noise.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "supervisor/engine/noise_ephemeral.h"
#include "supervisor/engine/noise_symmetric.h"

#define NAME_IK "Noise_IK_25519_ChaChaPoly_BLAKE2s"
#define NAME_IKPSK2 "Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s"

/* Where things stand in the messages: e, s sealed (in the first), payload. */
#define SEALED_KEY_BYTES (NOISE_KEY_BYTES + NOISE_TAG_BYTES)
#define KEY_AT NOISE_KEY_BYTES
#define PAYLOAD1_AT (KEY_AT + SEALED_KEY_BYTES)
#define PAYLOAD2_AT NOISE_KEY_BYTES

/*
 * The pattern, one line a message, with the pre-message that tells the
 * initiator the responder's static key:
 *
 *	<- s
 *	...
 *	-> e, es, s, ss
 *	<- e, ee, se, psk
 *
 * Each message below is that line, token by token, as one chain of &&.
 */
enum step {
	STEP_MESSAGE1,
	STEP_MESSAGE2,
	STEP_SPLIT,
	STEP_DONE,
	STEP_DEAD
};

struct noise_handshake {
	bool initiator;
	bool with_psk;
	enum step step;
	const struct noise_identity *identity;	   /* s, borrowed */
	struct noise_identity *ephemeral;	   /* e */
	uint8_t remote[NOISE_KEY_BYTES];	   /* rs */
	uint8_t remote_ephemeral[NOISE_KEY_BYTES]; /* re */
	uint8_t psk[NOISE_KEY_BYTES];
	struct noise_symmetric symmetric;
};

static bool
start(struct noise_handshake *handshake, const uint8_t *prologue,
    size_t prologue_bytes)
{
	const uint8_t *responder;

	responder = handshake->initiator ?
	    handshake->remote :
	    noise_identity_public(handshake->identity);
	return noise_symmetric_begin(&handshake->symmetric,
		   handshake->with_psk ? NAME_IKPSK2 : NAME_IK) &&
	    noise_symmetric_mix_hash(&handshake->symmetric, prologue,
		prologue_bytes) &&
	    noise_symmetric_mix_hash(&handshake->symmetric, responder,
		NOISE_KEY_BYTES);
}

struct noise_handshake *
noise_handshake_new(bool initiator, const struct noise_identity *identity,
    const uint8_t *remote, bool psk, const uint8_t *prologue,
    size_t prologue_bytes)
{
	struct noise_handshake *handshake;

	if (initiator != (remote != NULL))
		return NULL;
	handshake = calloc(1, sizeof(*handshake));
	if (handshake == NULL)
		return NULL;
	handshake->initiator = initiator;
	handshake->with_psk = psk;
	handshake->identity = identity;
	if (remote != NULL)
		memcpy(handshake->remote, remote, NOISE_KEY_BYTES);
	if (!start(handshake, prologue, prologue_bytes)) {
		noise_handshake_free(handshake);
		return NULL;
	}
	return handshake;
}

void
noise_handshake_free(struct noise_handshake *handshake)
{
	if (handshake == NULL)
		return;
	noise_identity_free(handshake->ephemeral);
	noise_symmetric_wipe(&handshake->symmetric);
	OPENSSL_cleanse(handshake, sizeof(*handshake));
	free(handshake);
}

void
noise_handshake_set_psk(struct noise_handshake *handshake,
    const uint8_t psk[NOISE_KEY_BYTES])
{
	memcpy(handshake->psk, psk, NOISE_KEY_BYTES);
}

/* Every public e is hashed; with a psk it is mixed into the key too (9.2). */
static bool
mix_ephemeral(struct noise_handshake *handshake, const uint8_t *public_key)
{
	return noise_symmetric_mix_hash(&handshake->symmetric, public_key,
		   NOISE_KEY_BYTES) &&
	    (!handshake->with_psk ||
		noise_symmetric_mix_key(&handshake->symmetric, public_key));
}

static bool
write_ephemeral(struct noise_handshake *handshake, uint8_t *out)
{
	uint8_t private_key[NOISE_KEY_BYTES];

	if (noise_ephemeral(private_key))
		handshake->ephemeral = noise_identity_new(private_key);
	OPENSSL_cleanse(private_key, sizeof(private_key));
	if (handshake->ephemeral == NULL)
		return false;
	memcpy(out, noise_identity_public(handshake->ephemeral),
	    NOISE_KEY_BYTES);
	return mix_ephemeral(handshake, out);
}

static bool
read_ephemeral(struct noise_handshake *handshake, const uint8_t *in)
{
	memcpy(handshake->remote_ephemeral, in, NOISE_KEY_BYTES);
	return mix_ephemeral(handshake, handshake->remote_ephemeral);
}

static bool
mix_agreement(struct noise_handshake *handshake,
    const struct noise_identity *ours, const uint8_t *theirs)
{
	uint8_t secret[NOISE_KEY_BYTES];
	bool ok;

	ok = noise_identity_agree(ours, theirs, secret) &&
	    noise_symmetric_mix_key(&handshake->symmetric, secret);
	OPENSSL_cleanse(secret, sizeof(secret));
	return ok;
}

static bool
mix_psk(struct noise_handshake *handshake)
{
	return !handshake->with_psk ||
	    noise_symmetric_mix_key_and_hash(&handshake->symmetric,
		handshake->psk);
}

static bool
may(const struct noise_handshake *handshake, bool initiator, enum step step)
{
	return handshake->initiator == initiator && handshake->step == step;
}

static int
finish(struct noise_handshake *handshake, bool ok, enum step next)
{
	handshake->step = ok ? next : STEP_DEAD;
	return ok ? 0 : -1;
}

int
noise_write_message1(struct noise_handshake *handshake, const uint8_t *payload,
    size_t payload_bytes, uint8_t *out)
{
	struct noise_symmetric *symmetric = &handshake->symmetric;
	const struct noise_identity *s = handshake->identity;
	bool ok;

	ok = may(handshake, true, STEP_MESSAGE1) &&
	    payload_bytes <= NOISE_MESSAGE_MAX - NOISE_MESSAGE1_BYTES(0) &&
	    write_ephemeral(handshake, out) &&
	    mix_agreement(handshake, handshake->ephemeral, handshake->remote) &&
	    noise_symmetric_seal(symmetric, noise_identity_public(s),
		NOISE_KEY_BYTES, out + KEY_AT) &&
	    mix_agreement(handshake, s, handshake->remote) &&
	    noise_symmetric_seal(symmetric, payload, payload_bytes,
		out + PAYLOAD1_AT);
	return finish(handshake, ok, STEP_MESSAGE2);
}

/*
 * Whose key it is, the caller looks up after the payload has opened: to refuse
 * earlier would tell by timing which keys are listed.
 */
int
noise_read_message1(struct noise_handshake *handshake, const uint8_t *message,
    size_t message_bytes, uint8_t *payload)
{
	struct noise_symmetric *symmetric = &handshake->symmetric;
	const struct noise_identity *s = handshake->identity;
	bool ok;

	ok = may(handshake, false, STEP_MESSAGE1) &&
	    message_bytes >= NOISE_MESSAGE1_BYTES(0) &&
	    message_bytes <= NOISE_MESSAGE_MAX &&
	    read_ephemeral(handshake, message) &&
	    mix_agreement(handshake, s, handshake->remote_ephemeral) &&
	    noise_symmetric_open(symmetric, message + KEY_AT, SEALED_KEY_BYTES,
		handshake->remote) &&
	    mix_agreement(handshake, s, handshake->remote) &&
	    noise_symmetric_open(symmetric, message + PAYLOAD1_AT,
		message_bytes - PAYLOAD1_AT, payload);
	return finish(handshake, ok, STEP_MESSAGE2);
}

int
noise_write_message2(struct noise_handshake *handshake, const uint8_t *payload,
    size_t payload_bytes, uint8_t *out)
{
	bool ok;

	ok = may(handshake, false, STEP_MESSAGE2) &&
	    payload_bytes <= NOISE_MESSAGE_MAX - NOISE_MESSAGE2_BYTES(0) &&
	    write_ephemeral(handshake, out) &&
	    mix_agreement(handshake, handshake->ephemeral,
		handshake->remote_ephemeral) &&
	    mix_agreement(handshake, handshake->ephemeral, handshake->remote) &&
	    mix_psk(handshake) &&
	    noise_symmetric_seal(&handshake->symmetric, payload, payload_bytes,
		out + PAYLOAD2_AT);
	return finish(handshake, ok, STEP_SPLIT);
}

int
noise_read_message2(struct noise_handshake *handshake, const uint8_t *message,
    size_t message_bytes, uint8_t *payload)
{
	bool ok;

	ok = may(handshake, true, STEP_MESSAGE2) &&
	    message_bytes >= NOISE_MESSAGE2_BYTES(0) &&
	    message_bytes <= NOISE_MESSAGE_MAX &&
	    read_ephemeral(handshake, message) &&
	    mix_agreement(handshake, handshake->ephemeral,
		handshake->remote_ephemeral) &&
	    mix_agreement(handshake, handshake->identity,
		handshake->remote_ephemeral) &&
	    mix_psk(handshake) &&
	    noise_symmetric_open(&handshake->symmetric, message + PAYLOAD2_AT,
		message_bytes - PAYLOAD2_AT, payload);
	return finish(handshake, ok, STEP_SPLIT);
}

const uint8_t *
noise_handshake_remote(const struct noise_handshake *handshake)
{
	return handshake->remote;
}

const uint8_t *
noise_handshake_hash(const struct noise_handshake *handshake)
{
	return handshake->symmetric.hash;
}

int
noise_split(struct noise_handshake *handshake, struct noise_cipher **tx,
    struct noise_cipher **rx)
{
	bool ok;

	*tx = noise_cipher_new();
	*rx = noise_cipher_new();
	ok = handshake->step == STEP_SPLIT && *tx != NULL && *rx != NULL &&
	    noise_symmetric_split(&handshake->symmetric,
		handshake->initiator ? *tx : *rx,
		handshake->initiator ? *rx : *tx);
	if (!ok) {
		noise_cipher_free(*tx);
		noise_cipher_free(*rx);
		*tx = *rx = NULL;
	}
	return finish(handshake, ok, STEP_DONE);
}

/* A whole conversation with ourselves: both messages and one frame. */
static bool
converse(struct noise_handshake *here, struct noise_handshake *there)
{
	struct noise_cipher *tx[2] = { NULL, NULL }, *rx[2] = { NULL, NULL };
	uint8_t message[NOISE_MESSAGE1_BYTES(1)], byte = 1;
	bool ok;

	ok = here != NULL && there != NULL &&
	    noise_write_message1(here, &byte, 1, message) == 0 &&
	    noise_read_message1(there, message, NOISE_MESSAGE1_BYTES(1),
		&byte) == 0 &&
	    noise_write_message2(there, &byte, 1, message) == 0 &&
	    noise_read_message2(here, message, NOISE_MESSAGE2_BYTES(1),
		&byte) == 0 &&
	    noise_split(here, &tx[0], &rx[0]) == 0 &&
	    noise_split(there, &tx[1], &rx[1]) == 0 &&
	    noise_seal(tx[0], &byte, 1, message) == 0 &&
	    noise_open(rx[1], message, 1 + NOISE_TAG_BYTES, &byte) == 0;
	noise_cipher_free(tx[0]);
	noise_cipher_free(rx[0]);
	noise_cipher_free(tx[1]);
	noise_cipher_free(rx[1]);
	return ok;
}

int
noise_init(void)
{
	static const uint8_t private_key[NOISE_KEY_BYTES] = { 8 };
	struct noise_identity *identity;
	struct noise_handshake *here, *there;
	bool ok;

	if (!noise_cipher_init() || !noise_symmetric_init())
		return -1;
	identity = noise_identity_new(private_key);
	if (identity == NULL)
		return -1;
	here = noise_handshake_new(true, identity,
	    noise_identity_public(identity), true, NULL, 0);
	there = noise_handshake_new(false, identity, NULL, true, NULL, 0);
	ok = converse(here, there);
	noise_handshake_free(here);
	noise_handshake_free(there);
	noise_identity_free(identity);
	return ok ? 0 : -1;
}
