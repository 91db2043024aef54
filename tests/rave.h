/*
 * What tests/malice makes, sent over a connection whose keys stand: first fair
 * frames, which must not end it; then foul ones, for as long as it stands; then
 * an end without manners.
 */
#ifndef TESTS_RAVE_H
#define TESTS_RAVE_H

#include <stddef.h>
#include <stdint.h>

struct malice;
struct noise_cipher;

struct rave_plan {
	const uint8_t *open; /* a connector's first frame, NULL: a listener */
	size_t open_bytes;
	size_t fair; /* frames */
	size_t foul; /* at most */
};

/*
 * Prints a line: "refused", before the first; "unheard", the other side left
 * without a frame; "unfair", it did not stand the fair ones or did not answer
 * behind them; else "over". fd is the caller's, and no longer blocks.
 */
void rave(int fd, struct noise_cipher *tx, struct noise_cipher *rx,
    struct malice *malice, const struct rave_plan *plan);

#endif
