#include "shm/region.h"

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/suite.h"

#define DATA ((size_t)16384)
#define FILE_BYTES(rings) (region_control_bytes() + (rings)*DATA)
#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010
#endif

/* What region.c takes for the size of a page; 0: this kernel's. */
static long pretended_page;

long __real_sysconf(int name);
long __wrap_sysconf(int name);

long
__wrap_sysconf(int name)
{
	if (name == _SC_PAGESIZE && pretended_page != 0)
		return pretended_page;
	return __real_sysconf(name);
}

static struct region
make(enum region_access access)
{
	struct region region = REGION_NONE;

	ck_assert_int_eq(region_create(&region, "test", DATA, access), 0);
	return region;
}

/* The lowest free descriptor: the same again when nothing was left open. */
static int
lowest_free_fd(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	ck_assert_int_ne(fd, -1);
	close(fd);
	return fd;
}

static int
unsealed_memfd(size_t bytes)
{
	int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	ck_assert_int_ne(fd, -1);
	ck_assert_int_eq(ftruncate(fd, (off_t)bytes), 0);
	return fd;
}

/* Run in another process, which has the descriptors but not the mappings. */
static void
in_receiver(void (*receiver)(const struct region *), const struct region *sent)
{
	int status;
	pid_t pid;

	pid = fork();
	ck_assert_int_ne(pid, -1);
	if (pid == 0) {
		receiver(sent);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0,
	    "receiver ended with status %#x, see its line above",
	    (unsigned int)status);
}

#define EXPECT(condition)                                                     \
	do {                                                                  \
		if (!(condition)) {                                           \
			fprintf(stderr, "%s:%d: receiver: %s (errno: %s)\n",  \
			    __FILE__, __LINE__, #condition, strerror(errno)); \
			_exit(1);                                             \
		}                                                             \
	} while (0)

START_TEST(data_is_mapped_twice_in_a_row)
{
	struct region region = make(REGION_CREATOR_WRITES);
	size_t i;

	ck_assert_uint_eq(region.data_bytes, DATA);
	ck_assert_ptr_eq(region.data,
	    (uint8_t *)region.control + region_control_bytes());
	memcpy(region.data + DATA - 3, "across", 6);
	ck_assert_mem_eq(region.data, "oss", 3);
	for (i = 0; i < DATA; i++)
		region.data[i] = (uint8_t)(i ^ i >> 8);
	ck_assert_mem_eq(region.data, region.data + DATA, DATA);
	/* The control page is not part of the mirror. */
	ck_assert_mem_eq(region.control, "\0\0\0\0", 4);
	region_destroy(&region);
}
END_TEST

/* Every mapping's offset and length, then, is a multiple of such a page. */
START_TEST(pages_of_64_kib)
{
	const size_t page = 65536, data = 4 * page;
	struct region region = REGION_NONE, other = REGION_NONE;
	struct stat status;

	pretended_page = (long)page;
	ck_assert_int_eq(region_create(&region, "test", page / 2,
			     REGION_PEER_WRITES),
	    -1);
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_int_eq(region_create(&region, "test", data,
			     REGION_PEER_WRITES),
	    0);
	ck_assert_int_eq(fstat(region.fd, &status), 0);
	ck_assert_uint_eq((size_t)status.st_size, page + 2 * data);
	ck_assert_ptr_eq(region.data, (uint8_t *)region.control + page);
	ck_assert_int_eq(region_attach(&other, dup(region.fd), data,
			     REGION_PEER_WRITES),
	    0);
	memcpy(region.data + data - 3, "across", 6);
	ck_assert_mem_eq(other.data, "oss", 3);
	region_destroy(&other);
	region_destroy(&region);
	pretended_page = 0;
}
END_TEST

START_TEST(the_spare_is_another_ring)
{
	struct region region = make(REGION_PEER_WRITES);

	memset(region.data, 'd', DATA);
	memcpy(region.spare + DATA - 3, "across", 6);
	ck_assert_mem_eq(region.spare, "oss", 3);
	ck_assert_int_eq(region.data[DATA - 1], 'd');
	ck_assert_mem_eq(region.control, "\0\0\0\0", 4);
	memset(region.spare, 's', DATA);
	ck_assert_int_eq(region.data[0], 'd');
	ck_assert_int_eq(region.data[DATA - 1], 'd');
	region_destroy(&region);
	region = make(REGION_CREATOR_WRITES);
	ck_assert_ptr_null(region.spare);
	region_destroy(&region);
}
END_TEST

START_TEST(sizes_that_are_refused)
{
	static const size_t sizes[] = { 0, 1, 2048, 4095, 4097, 12288,
		DATA + 4096, SIZE_MAX, SIZE_MAX / 2 + 1, SIZE_MAX / 4 + 1 };
	struct region region = REGION_NONE;
	int fd = lowest_free_fd();

	errno = 0;
	ck_assert_int_eq(region_create(&region, "test", sizes[_i],
			     REGION_PEER_WRITES),
	    -1);
	ck_assert_int_eq(errno, EINVAL);
	errno = 0;
	ck_assert_int_eq(region_attach(&region, unsealed_memfd(FILE_BYTES(1)),
			     sizes[_i], REGION_PEER_WRITES),
	    -1);
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_int_eq(region.fd, -1);
	ck_assert_int_eq(lowest_free_fd(), fd);
}
END_TEST

START_TEST(size_and_seals_are_fixed)
{
	struct region region = make((enum region_access)_i);
	int fd = region.fd, seals = fcntl(fd, F_GET_SEALS);

	ck_assert_int_eq(seals & SEALS, SEALS);
	ck_assert_int_eq((seals & F_SEAL_FUTURE_WRITE) != 0,
	    _i == REGION_CREATOR_WRITES);
	ck_assert_int_eq(ftruncate(fd, 0), -1);
	ck_assert_int_eq(errno, EPERM);
	ck_assert_int_eq(ftruncate(fd, (off_t)FILE_BYTES(2) * 2), -1);
	ck_assert_int_eq(errno, EPERM);
	ck_assert_int_eq(fallocate(fd, 0, 0, (off_t)FILE_BYTES(2) * 2), -1);
	ck_assert_int_eq(errno, EPERM);
	ck_assert_int_eq(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), -1);
	ck_assert_int_eq(errno, EPERM);
	region_destroy(&region);
}
END_TEST

START_TEST(only_the_owner_may_reopen_it)
{
	struct region region = make((enum region_access)_i);
	struct stat status;

	ck_assert_int_eq(fstat(region.fd, &status), 0);
	ck_assert_uint_eq(status.st_mode & 07777, 0600);
	ck_assert_int_eq(fcntl(region.fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	region_destroy(&region);
}
END_TEST

START_TEST(untouched_pages_cost_nothing)
{
	struct region region = make(REGION_CREATOR_WRITES);
	struct stat status;

	ck_assert_int_eq(fstat(region.fd, &status), 0);
	ck_assert_int_eq(status.st_blocks, 0);
	region.data[0] = 1;
	ck_assert_int_eq(fstat(region.fd, &status), 0);
	ck_assert_int_gt(status.st_blocks, 0);
	ck_assert_int_lt(status.st_blocks * 512, (long)DATA);
	region_destroy(&region);
}
END_TEST

/* Count mappings of our memfd, and those with both flags of smaps. */
static void
count_mappings(int *all, int *kept_out)
{
	char line[512];
	FILE *smaps = fopen("/proc/self/smaps", "re");
	bool ours = false;

	ck_assert_ptr_nonnull(smaps);
	*all = *kept_out = 0;
	while (fgets(line, sizeof(line), smaps) != NULL) {
		if (strstr(line, "/memfd:region-in-smaps") != NULL) {
			ours = true;
			(*all)++;
		} else if (ours && strncmp(line, "VmFlags:", 8) == 0) {
			ours = false;
			if (strstr(line, " dc") != NULL &&
			    strstr(line, " dd") != NULL)
				(*kept_out)++;
		}
	}
	fclose(smaps);
}

START_TEST(mappings_are_kept_out_of_dumps_and_children)
{
	struct region region = REGION_NONE;
	int all, kept_out;

	ck_assert_int_eq(region_create(&region, "region-in-smaps", DATA,
			     REGION_CREATOR_WRITES),
	    0);
	count_mappings(&all, &kept_out);
	ck_assert_int_eq(all, 2);
	ck_assert_int_eq(kept_out, 2);
	region_destroy(&region);
	count_mappings(&all, &kept_out);
	ck_assert_int_eq(all, 0);
}
END_TEST

static void
receiver_without_mapping(const struct region *sent)
{
	EXPECT(msync(sent->control, region_control_bytes(), MS_ASYNC) == -1 &&
	    errno == ENOMEM);
	EXPECT(
	    msync(sent->data + DATA, DATA, MS_ASYNC) == -1 && errno == ENOMEM);
}

START_TEST(a_child_does_not_inherit_the_mapping)
{
	struct region region = make(REGION_CREATOR_WRITES);

	ck_assert_int_eq(msync(region.control, region_control_bytes(),
			     MS_ASYNC),
	    0);
	in_receiver(receiver_without_mapping, &region);
	region_destroy(&region);
}
END_TEST

static void
receiver_reads_only(const struct region *sent)
{
	struct region s = REGION_NONE;
	size_t all = region_control_bytes() + 2 * DATA;
	char again[64];
	int fd;

	EXPECT(region_attach(&s, sent->fd, DATA, REGION_CREATOR_WRITES) == 0);
	EXPECT(memcmp(s.control, "control", 7) == 0);
	EXPECT(memcmp(s.data + DATA - 3, "across", 6) == 0);
	EXPECT(mprotect(s.control, all, PROT_READ | PROT_WRITE) == -1);
	EXPECT(mprotect(s.data, DATA, PROT_READ | PROT_WRITE) == -1);
	EXPECT(mprotect(s.data + DATA, DATA, PROT_READ | PROT_WRITE) == -1);
	EXPECT(mmap(NULL, DATA, PROT_READ | PROT_WRITE, MAP_SHARED, s.fd, 0) ==
		MAP_FAILED &&
	    errno == EPERM);
	EXPECT(mmap(s.data, DATA, PROT_WRITE, MAP_SHARED | MAP_FIXED, s.fd,
		   0) == MAP_FAILED &&
	    errno == EPERM);
	EXPECT(pwrite(s.fd, "x", 1, 0) == -1 && errno == EPERM);
	EXPECT(ftruncate(s.fd, 0) == -1 && errno == EPERM);
	EXPECT(
	    ftruncate(s.fd, (off_t)FILE_BYTES(2) * 2) == -1 && errno == EPERM);
	EXPECT(fallocate(s.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
		   4096) == -1 &&
	    errno == EPERM);
	EXPECT(madvise(s.data, DATA, MADV_REMOVE) == -1);

	snprintf(again, sizeof(again), "/proc/self/fd/%d", s.fd);
	fd = open(again, O_RDWR | O_CLOEXEC);
	EXPECT(fd == -1 ||
	    mmap(NULL, DATA, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) ==
		MAP_FAILED);
	EXPECT(memcmp(s.control, "control", 7) == 0);
	region_destroy(&s);
}

START_TEST(the_receiver_of_s_can_only_read)
{
	struct region region = make(REGION_CREATOR_WRITES);

	memcpy(region.control, "control", 7);
	memcpy(region.data + DATA - 3, "across", 6);
	in_receiver(receiver_reads_only, &region);
	/* Ours stays writable. */
	region.data[0] = 'x';
	ck_assert_mem_eq(region.data + DATA - 3, "acrxss", 6);
	region_destroy(&region);
}
END_TEST

static void
receiver_writes(const struct region *sent)
{
	struct region w = REGION_NONE;

	EXPECT(region_attach(&w, sent->fd, DATA, REGION_PEER_WRITES) == 0);
	EXPECT(memcmp(w.data, "hello", 5) == 0);
	memcpy(w.control, "words", 5);
	memcpy(w.data + DATA - 3, "across", 6);
	EXPECT(ftruncate(w.fd, 0) == -1 && errno == EPERM);
	EXPECT(
	    ftruncate(w.fd, (off_t)FILE_BYTES(2) * 2) == -1 && errno == EPERM);
	/* Possible and harmless: zeros, no SIGBUS. */
	EXPECT(fallocate(w.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 8192,
		   4096) == 0);
	region_destroy(&w);
}

START_TEST(the_receiver_of_w_can_write)
{
	struct region region = make(REGION_PEER_WRITES);

	memcpy(region.data, "hello", 5);
	memset(region.data + 4096, 'z', 4096);
	in_receiver(receiver_writes, &region);
	ck_assert_mem_eq(region.control, "words", 5);
	ck_assert_mem_eq(region.data + DATA - 3, "across", 6);
	ck_assert_int_eq(region.data[4096], 0);
	ck_assert_int_eq(region.data[8191], 0);
	region_destroy(&region);
}
END_TEST

/* Descriptors that are not the region that was asked for. */
static int
wrong_fd(int which)
{
	static const int seals[] = { 0, SEALS, F_SEAL_SHRINK | F_SEAL_SEAL,
		F_SEAL_GROW | F_SEAL_SEAL, F_SEAL_SHRINK | F_SEAL_GROW,
		SEALS | F_SEAL_WRITE,
		SEALS | F_SEAL_FUTURE_WRITE | F_SEAL_WRITE };
	const size_t sizes[] = { 0, DATA, FILE_BYTES(1) - 1, FILE_BYTES(1) + 1,
		FILE_BYTES(1) + 4096, FILE_BYTES(2) };
	int ends[2], fd;

	if (which == 0)
		return open("/dev/null", O_RDWR | O_CLOEXEC);
	if (which == 1)
		return open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	if (which == 2) {
		ck_assert_int_eq(pipe(ends), 0);
		close(ends[1]);
		return ends[0];
	}
	which -= 3;
	if (which < (int)(sizeof(seals) / sizeof(seals[0]))) {
		fd = unsealed_memfd(FILE_BYTES(1));
		ck_assert_int_eq(fcntl(fd, F_ADD_SEALS, seals[which]), 0);
		return fd;
	}
	fd = unsealed_memfd(sizes[which - 7]);
	ck_assert_int_eq(fcntl(fd, F_ADD_SEALS, SEALS | F_SEAL_FUTURE_WRITE),
	    0);
	return fd;
}

START_TEST(what_attach_refuses)
{
	struct region region = REGION_NONE;
	int lowest = lowest_free_fd();

	errno = 0;
	ck_assert_int_eq(region_attach(&region, wrong_fd(_i), DATA,
			     REGION_CREATOR_WRITES),
	    -1);
	ck_assert_int_eq(errno, EPROTO);
	ck_assert_int_eq(region.fd, -1);
	ck_assert_ptr_null(region.control);
	ck_assert_int_eq(lowest_free_fd(), lowest);
}
END_TEST

START_TEST(attach_does_not_mistake_s_for_w)
{
	struct region s = make(REGION_CREATOR_WRITES);
	struct region w = make(REGION_PEER_WRITES);
	struct region other = REGION_NONE;

	errno = 0;
	ck_assert_int_eq(region_attach(&other, dup(s.fd), DATA,
			     REGION_PEER_WRITES),
	    -1);
	ck_assert_int_eq(errno, EPROTO);
	errno = 0;
	ck_assert_int_eq(region_attach(&other, dup(w.fd), DATA,
			     REGION_CREATOR_WRITES),
	    -1);
	ck_assert_int_eq(errno, EPROTO);
	errno = 0;
	ck_assert_int_eq(region_attach(&other, dup(w.fd), DATA / 2,
			     REGION_PEER_WRITES),
	    -1);
	ck_assert_int_eq(errno, EPROTO);
	ck_assert_int_eq(region_attach(&other, -1, DATA, REGION_PEER_WRITES),
	    -1);
	ck_assert_int_eq(errno, EBADF);
	region_destroy(&s);
	region_destroy(&w);
}
END_TEST

START_TEST(a_failed_create_leaves_nothing)
{
	struct rlimit small = { .rlim_cur = 4096, .rlim_max = RLIM_INFINITY };
	struct rlimit usual;
	struct region region = REGION_NONE;
	int lowest = lowest_free_fd(), result, error;

	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &usual), 0);
	small.rlim_max = usual.rlim_max;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
	result = region_create(&region, "test", DATA, REGION_PEER_WRITES);
	error = errno;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &usual), 0);
	ck_assert_int_eq(result, -1);
	ck_assert_int_eq(error, EFBIG);
	ck_assert_int_eq(region.fd, -1);
	ck_assert_int_eq(lowest_free_fd(), lowest);
}
END_TEST

START_TEST(destroy_is_safe_twice)
{
	struct region none = REGION_NONE, region;
	int lowest = lowest_free_fd();

	region_destroy(&none);
	region = make(REGION_CREATOR_WRITES);
	region_destroy(&region);
	region_destroy(&region);
	ck_assert_int_eq(region.fd, -1);
	ck_assert_ptr_null(region.data);
	ck_assert_int_eq(lowest_free_fd(), lowest);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("region");
	TCase *tcase = tcase_create("region");

	tcase_add_test(tcase, data_is_mapped_twice_in_a_row);
	tcase_add_test(tcase, pages_of_64_kib);
	tcase_add_test(tcase, the_spare_is_another_ring);
	tcase_add_loop_test(tcase, sizes_that_are_refused, 0, 10);
	tcase_add_loop_test(tcase, size_and_seals_are_fixed,
	    REGION_CREATOR_WRITES, REGION_PEER_WRITES + 1);
	tcase_add_loop_test(tcase, only_the_owner_may_reopen_it,
	    REGION_CREATOR_WRITES, REGION_PEER_WRITES + 1);
	tcase_add_test(tcase, untouched_pages_cost_nothing);
	tcase_add_test(tcase, mappings_are_kept_out_of_dumps_and_children);
	tcase_add_test(tcase, a_child_does_not_inherit_the_mapping);
	tcase_add_test(tcase, the_receiver_of_s_can_only_read);
	tcase_add_test(tcase, the_receiver_of_w_can_write);
	tcase_add_loop_test(tcase, what_attach_refuses, 0, 16);
	tcase_add_test(tcase, attach_does_not_mistake_s_for_w);
	tcase_add_test(tcase, a_failed_create_leaves_nothing);
	tcase_add_test(tcase, destroy_is_safe_twice);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
