/*
 * A byte ring of pieces. Each piece is contiguous and written in place; pieces
 * are released in any order, and their room comes back from the oldest on.
 * Fixed in size and mapped lazily; pieces are known by numbers that are never
 * used twice.
 */
#ifndef ENGINE_ARENA_H
#define ENGINE_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena_piece {
	uint64_t start; /* position of its first byte, modulo capacity */
	uint32_t length;
	bool kept;
};

struct arena {
	uint8_t *bytes;
	size_t capacity;
	struct arena_piece *pieces; /* by number, modulo pieces_max */
	size_t pieces_max;
	uint64_t oldest;   /* number of the oldest piece kept, next: none */
	uint64_t next;	   /* number of the piece to be committed */
	uint64_t head;	   /* position after the newest piece */
	uint64_t reserved; /* position that reserve handed out last */
};

/*
 * Map a ring of so many bytes (below 4 GiB) and at most pieces_max pieces, a
 * power of two. 0, or -1 with errno; it may be freed in either case.
 */
int arena_init(struct arena *arena, size_t bytes, size_t pieces_max);
void arena_free(struct arena *arena);

/*
 * Room for the next piece, or NULL until older ones are released. An empty
 * arena has room for all of its bytes. What is not committed costs nothing.
 */
uint8_t *arena_reserve(struct arena *arena, size_t bytes);

/* Keep the first length bytes of what was reserved; returns its number. */
uint64_t arena_commit(struct arena *arena, size_t length);

/* Of a piece that is kept. Its bytes stand until the next reserve. */
void arena_release(struct arena *arena, uint64_t number);

/* False for a number that was released, or never given out. */
bool arena_keeps(const struct arena *arena, uint64_t number);
bool arena_is_empty(const struct arena *arena);

/* Where a kept piece is, and its place in a table of pieces_max entries. */
uint8_t *
arena_piece(const struct arena *arena, uint64_t number, size_t *length);
size_t arena_index(const struct arena *arena, uint64_t number);

#endif
