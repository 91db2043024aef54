/*
 * A region: one memfd that holds a control page and a ring's data; the one that
 * the peer writes, a second ring's data too. Data is mapped twice in a row, so
 * every span of it is contiguous.
 */
#ifndef SHM_REGION_H
#define SHM_REGION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The control words come first, in one page of this kernel's, whatever its
 * size, since only at a multiple of it can be mapped what follows: data and
 * spare. */
size_t region_control_bytes(void);

/* Who may write the data of a region after it was sealed. */
enum region_access {
	REGION_CREATOR_WRITES, /* S: sealed with F_SEAL_FUTURE_WRITE */
	REGION_PEER_WRITES     /* W: the receiving end maps it writable */
};

struct region {
	int fd;		   /* memfd, owned; -1 when there is none */
	void *control;	   /* the control page */
	uint8_t *data;	   /* data_bytes, mapped twice in a row */
	uint8_t *spare;	   /* the same, for an heir's ring; W only */
	size_t data_bytes; /* a power of two, a multiple of the page */
};

/* The value before region_create() or region_attach(). */
#define REGION_NONE      \
	{                \
		.fd = -1 \
	}

/* Rings of a region. */
#define REGION_RINGS(access) ((access) == REGION_PEER_WRITES ? 2 : 1)

/*
 * Make a memfd of one control page and data_bytes of data for each ring, map it
 * read-write in this process, and seal it: shrink, grow and further seals
 * always, future writes too for REGION_CREATOR_WRITES. The mappings are kept
 * out of core dumps and of children. data_bytes is a power of two and at least
 * a page. Returns 0, or -1 with errno; then nothing is left behind. A kernel
 * without F_SEAL_FUTURE_WRITE is an error, never a fallback.
 */
int region_create(struct region *region, const char *name, size_t data_bytes,
    enum region_access access);

/*
 * Map a region that another process made. Takes over fd, also on failure.
 * Verifies that it is a memfd of exactly the expected size with exactly the
 * seals that access asks for (errno EPROTO if not) before it maps anything.
 * REGION_CREATOR_WRITES is mapped read-only here. Returns 0, or -1 with errno.
 */
int region_attach(struct region *region, int fd, size_t data_bytes,
    enum region_access access);

/*
 * Map a region of REGION_PEER_WRITES that the process before this one made, on
 * its word: fd is taken over, also on failure, and neither size nor seals are
 * looked at. Of REGION_CREATOR_WRITES there is nothing to inherit: nobody can
 * map it writable again. Returns 0, or -1 with errno.
 */
int region_inherit(struct region *region, int fd, size_t data_bytes);

/* Unmap and close. Safe on REGION_NONE and twice. */
void region_destroy(struct region *region);

#endif
