#include "supervisor/engine/arena.h"

#include <sys/mman.h>

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int
arena_init(struct arena *arena, size_t bytes, size_t pieces_max)
{
	void *map;

	assert(bytes <= UINT32_MAX && pieces_max != 0 &&
	    (pieces_max & (pieces_max - 1)) == 0);
	memset(arena, 0, sizeof(*arena));
	map = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (map == MAP_FAILED)
		return -1;
	/* What is quiet is to cost a few small pages. */
	(void)madvise(map, bytes, MADV_NOHUGEPAGE);
	arena->bytes = map;
	arena->capacity = bytes;
	arena->pieces_max = pieces_max;
	arena->pieces = calloc(pieces_max, sizeof(*arena->pieces));
	return arena->pieces == NULL ? -1 : 0;
}

void
arena_free(struct arena *arena)
{
	if (arena->bytes != NULL)
		munmap(arena->bytes, arena->capacity);
	free(arena->pieces);
	memset(arena, 0, sizeof(*arena));
}

size_t
arena_index(const struct arena *arena, uint64_t number)
{
	return (size_t)(number & (arena->pieces_max - 1));
}

static struct arena_piece *
piece_at(const struct arena *arena, uint64_t number)
{
	return &arena->pieces[arena_index(arena, number)];
}

bool
arena_is_empty(const struct arena *arena)
{
	return arena->oldest == arena->next;
}

bool
arena_keeps(const struct arena *arena, uint64_t number)
{
	return number >= arena->oldest && number < arena->next &&
	    piece_at(arena, number)->kept;
}

/* Position of a piece of so many bytes, which does not pass the ring's end. */
static uint64_t
place(const struct arena *arena, size_t bytes)
{
	size_t left = arena->capacity - arena->head % arena->capacity;

	/* From the start: the same few pages, as long as they do. */
	if (arena_is_empty(arena))
		return 0;
	return bytes <= left ? arena->head : arena->head + left;
}

uint8_t *
arena_reserve(struct arena *arena, size_t bytes)
{
	uint64_t start = place(arena, bytes), tail = start;

	if (!arena_is_empty(arena))
		tail = piece_at(arena, arena->oldest)->start;
	if (arena->next - arena->oldest == arena->pieces_max ||
	    bytes > arena->capacity || start + bytes - tail > arena->capacity)
		return NULL;
	arena->reserved = start;
	return arena->bytes + start % arena->capacity;
}

uint64_t
arena_commit(struct arena *arena, size_t length)
{
	struct arena_piece *piece = piece_at(arena, arena->next);

	piece->start = arena->reserved;
	piece->length = (uint32_t)length;
	piece->kept = true;
	arena->head = arena->reserved + length;
	return arena->next++;
}

void
arena_release(struct arena *arena, uint64_t number)
{
	piece_at(arena, number)->kept = false;
	while (!arena_is_empty(arena) && !piece_at(arena, arena->oldest)->kept)
		arena->oldest++;
}

uint8_t *
arena_piece(const struct arena *arena, uint64_t number, size_t *length)
{
	const struct arena_piece *piece = piece_at(arena, number);

	*length = piece->length;
	return arena->bytes + piece->start % arena->capacity;
}
