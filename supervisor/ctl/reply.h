/*
 * A control socket's answer: records, one per line, `kind key=value ...`, with
 * percent-encoded values, up to a line `end` or `error WORDS`. Pure. The text
 * is hostile; unknown kinds and keys are kept.
 */
#ifndef CTL_REPLY_H
#define CTL_REPLY_H

#include <stddef.h>
#include <stdint.h>

#define REPLY_RECORDS_MAX 16384
#define REPLY_FIELDS_MAX 262144
#define REPLY_RECORD_FIELDS_MAX 64
#define REPLY_NONE ((size_t)-1)

struct reply_field {
	const char *key;   /* of a-z, 0-9 and _ */
	const char *value; /* decoded; any bytes but NUL */
};

struct reply_record {
	const char *kind;
	size_t first; /* of its fields */
	size_t count;
	const char *name; /* of a tunnel, or NULL */
	size_t tunnel;	  /* the record of the tunnel that another kind
				 * of record is about, or REPLY_NONE */
};

struct reply {
	struct reply_record *records; /* owned */
	size_t count;
	struct reply_field *fields; /* owned */
	size_t fields_count;
	const char *error; /* the engine's refusal, printable; or NULL */
};

/*
 * Take an answer apart in place; text stays the caller's and must live as
 * long. 0, or -1 with *wrong, a static sentence.
 */
int
reply_parse(struct reply *reply, char *text, size_t bytes, const char **wrong);
void reply_free(struct reply *reply);

/*
 * Forget all tunnels but those of that name, with all that is about them. How
 * many are left.
 */
size_t reply_keep_tunnel(struct reply *reply, const char *name);

/* The value of a record's key, NULL if it has none. */
const char *reply_get(const struct reply *reply,
    const struct reply_record *record, const char *key);

/* Of the record with that index: "", or 0, if it has none. */
const char *
reply_text(const struct reply *reply, size_t record, const char *key);
uint64_t
reply_number(const struct reply *reply, size_t record, const char *key);

/* With a fraction; 0 for what is negative, 1e15 or more, or no number. */
double reply_amount(const struct reply *reply, size_t record, const char *key);

#endif
