/*
 * The order matters: size, mappings, seals. F_SEAL_FUTURE_WRITE leaves the
 * writable mappings that exist and refuses new ones, even to the creator, so
 * the double mapping comes before the seal and a region is never reused.
 *
 * The data pages are not populated: a path that is idle costs the pages it
 * touched and no more. The price is that memory which runs out shows up at the
 * first touch and not as ENOMEM here: under strict overcommit as SIGBUS, else
 * as the OOM killer's choice. Either ends the process, hence the service or
 * that one path, and the restart repairs it. The size cannot change under a
 * mapping and holes read as zeros, so the other side cannot cause a SIGBUS.
 */
#include "shm/region.h"

#include <sys/mman.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* Younger than the headers of Debian 12, or than the oldest kernel. */
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif
#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010
#endif
#ifndef F_SEAL_EXEC
#define F_SEAL_EXEC 0x0020
#endif

static int
seals_of(enum region_access access)
{
	int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;

	switch (access) {
	case REGION_CREATOR_WRITES:
		return seals | F_SEAL_FUTURE_WRITE;
	case REGION_PEER_WRITES:
		return seals;
	}
	return seals;
}

size_t
region_control_bytes(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

static bool
valid_size(size_t data_bytes)
{
	return data_bytes >= region_control_bytes() &&
	    data_bytes <= SIZE_MAX / 8 && (data_bytes & (data_bytes - 1)) == 0;
}

static size_t
file_bytes(size_t data_bytes, enum region_access access)
{
	return region_control_bytes() + REGION_RINGS(access) * data_bytes;
}

static size_t
mapped_bytes(size_t data_bytes, size_t rings)
{
	return region_control_bytes() + 2 * rings * data_bytes;
}

static bool
map_at(uint8_t *address, size_t bytes, int protection, int fd, size_t offset)
{
	return mmap(address, bytes, protection, MAP_SHARED | MAP_FIXED, fd,
		   (off_t)offset) != MAP_FAILED;
}

/* What a ring's data is mapped at twice lies in the file once. */
static bool
map_ring(uint8_t *address, size_t data_bytes, int protection, int fd,
    size_t offset)
{
	return map_at(address, data_bytes, protection, fd, offset) &&
	    map_at(address + data_bytes, data_bytes, protection, fd, offset);
}

/* The control page, then each ring's data twice. */
static int
map_all(struct region *region, size_t data_bytes, enum region_access access,
    int protection)
{
	size_t rings = REGION_RINGS(access), control = region_control_bytes();
	size_t all = mapped_bytes(data_bytes, rings);
	int saved, fd = region->fd;
	uint8_t *base, *data;
	bool mapped;

	/* Reserve the whole range first, so that nobody else gets the rest. */
	base = mmap(NULL, all, PROT_NONE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (base == MAP_FAILED)
		return -1;
	data = base + control;
	mapped = map_at(base, control, protection, fd, 0);
	for (size_t i = 0; mapped && i < rings; i++)
		mapped = map_ring(data + 2 * i * data_bytes, data_bytes,
		    protection, fd, control + i * data_bytes);
	if (!mapped || madvise(base, all, MADV_DONTFORK) == -1 ||
	    madvise(base, all, MADV_DONTDUMP) == -1) {
		saved = errno;
		munmap(base, all);
		errno = saved;
		return -1;
	}
	region->control = base;
	region->data = data;
	region->spare = rings > 1 ? data + 2 * data_bytes : NULL;
	region->data_bytes = data_bytes;
	return 0;
}

static int
open_memfd(const char *name)
{
	int fd;

	fd = memfd_create(name,
	    MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
	/* Linux before 6.3 does not know MFD_NOEXEC_SEAL. */
	if (fd == -1 && errno == EINVAL)
		fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	return fd;
}

static void
destroy_keeping_errno(struct region *region)
{
	int saved = errno;

	region_destroy(region);
	errno = saved;
}

int
region_create(struct region *region, const char *name, size_t data_bytes,
    enum region_access access)
{
	*region = (struct region)REGION_NONE;
	if (!valid_size(data_bytes)) {
		errno = EINVAL;
		return -1;
	}
	region->fd = open_memfd(name);
	if (region->fd == -1)
		return -1;
	/* A memfd is 0777 or 0666 at birth: other uids could reopen it. */
	if (fchmod(region->fd, 0600) == -1 ||
	    ftruncate(region->fd, (off_t)file_bytes(data_bytes, access)) ==
		-1 ||
	    map_all(region, data_bytes, access, PROT_READ | PROT_WRITE) == -1 ||
	    fcntl(region->fd, F_ADD_SEALS, seals_of(access)) == -1) {
		destroy_keeping_errno(region);
		return -1;
	}
	return 0;
}

/* Seals before size: a size that is not sealed proves nothing. */
static int
verify(int fd, size_t data_bytes, enum region_access access)
{
	struct stat status;
	int seals;

	seals = fcntl(fd, F_GET_SEALS);
	if (seals == -1 && errno == EBADF)
		return -1;
	/* Whether the creator's kernel knew MFD_NOEXEC_SEAL does not matter. */
	if (seals == -1 || (seals & ~F_SEAL_EXEC) != seals_of(access)) {
		errno = EPROTO;
		return -1;
	}
	if (fstat(fd, &status) == -1)
		return -1;
	if (status.st_size != (off_t)file_bytes(data_bytes, access)) {
		errno = EPROTO;
		return -1;
	}
	return 0;
}

int
region_attach(struct region *region, int fd, size_t data_bytes,
    enum region_access access)
{
	int protection = PROT_READ;

	*region = (struct region)REGION_NONE;
	region->fd = fd;
	if (access == REGION_PEER_WRITES)
		protection |= PROT_WRITE;
	if (!valid_size(data_bytes)) {
		errno = EINVAL;
		destroy_keeping_errno(region);
		return -1;
	}
	if (verify(fd, data_bytes, access) == -1 ||
	    map_all(region, data_bytes, access, protection) == -1) {
		destroy_keeping_errno(region);
		return -1;
	}
	return 0;
}

int
region_inherit(struct region *region, int fd, size_t data_bytes)
{
	*region = (struct region)REGION_NONE;
	region->fd = fd;
	if (!valid_size(data_bytes)) {
		errno = EINVAL;
	} else if (map_all(region, data_bytes, REGION_PEER_WRITES,
		       PROT_READ | PROT_WRITE) == 0) {
		return 0;
	}
	destroy_keeping_errno(region);
	return -1;
}

void
region_destroy(struct region *region)
{
	if (region->control != NULL)
		munmap(region->control,
		    mapped_bytes(region->data_bytes,
			region->spare != NULL ? 2 : 1));
	if (region->fd != -1)
		close(region->fd);
	*region = (struct region)REGION_NONE;
}
