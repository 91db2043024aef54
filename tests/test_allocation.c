/* A million datagrams, and no memory is asked for on their way. */
#include <sys/mman.h>

#include <check.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/engine_rig.h"
#include "tests/pump_rig.h"
#include "tests/suite.h"
#include "worker/pump.h"

#define DATAGRAMS 1000000
#define DATAGRAM_BYTES 64
#define WARM 10000
#define CHUNK_BYTES ((size_t)32 * 1024)

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

/* Shared with the pump's process. */
static _Atomic uint64_t *allocations;
/* Check asks for memory with each assertion: what it plays does not count. */
static pid_t uncounted;

#ifndef SANITIZED
/* The C library's own, under the names that it has besides. */
void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t count, size_t bytes);
void *__libc_realloc(void *old, size_t bytes);

static void
count(void)
{
	if (allocations != NULL && getpid() != uncounted)
		atomic_fetch_add(allocations, 1);
}

void *
malloc(size_t bytes)
{
	count();
	return __libc_malloc(bytes);
}

void *
calloc(size_t items, size_t bytes)
{
	count();
	return __libc_calloc(items, bytes);
}

void *
realloc(void *old, size_t bytes)
{
	count();
	return __libc_realloc(old, bytes);
}
#endif

static void
begin_count(void)
{
	allocations = mmap(NULL, sizeof(*allocations), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(allocations, MAP_FAILED);
}

START_TEST(test_counts)
{
	void *volatile memory;
	uint64_t before;

	begin_count();
	before = *allocations;
	memory = malloc(1);
	free(memory);
	memory = calloc(1, 1);
	memory = realloc(memory, 2);
	free(memory);
	before = *allocations - before;
	ck_assert_uint_eq(before, 3);
}
END_TEST

/* Of both engines, with so many paths. */
static void
carry(size_t paths)
{
	uint64_t before, arrived;

	begin_count();
	engine_rig_begin(paths);
	engine_rig_carry(WARM, DATAGRAM_BYTES);
	before = *allocations;
	arrived = engine_rig_carry(DATAGRAMS, DATAGRAM_BYTES);
	before = *allocations - before;
	ck_assert_uint_eq(before, 0);
	ck_assert_uint_eq(arrived, DATAGRAMS);
	engine_rig_end();
}

START_TEST(test_engine)
{
	carry(1);
}
END_TEST

START_TEST(test_engine_with_paths)
{
	carry(16);
}
END_TEST

/* There and back again, as much as the datagrams take. */
START_TEST(test_worker)
{
	static uint8_t chunk[CHUNK_BYTES];
	uint64_t before = 0;
	size_t bytes;

	begin_count();
	uncounted = getpid();
	pump_rig_start();
	for (bytes = 0; bytes < (size_t)DATAGRAMS * DATAGRAM_BYTES;
	     bytes += sizeof(chunk)) {
		if (bytes == 10 * sizeof(chunk))
			before = *allocations;
		rig_send(&rig, chunk, sizeof(chunk));
		rig_read(far, chunk, sizeof(chunk));
		rig_write(far, chunk, sizeof(chunk));
		rig_receive(&rig, chunk, sizeof(chunk));
	}
	ck_assert_uint_eq(*allocations - before, 0);
	rig_let_go(&rig);
	close(far);
	pump_rig_expect_end(PUMP_STOPPED);
}
END_TEST

static Suite *
make_suite(void)
{
	Suite *suite = suite_create("allocation");
	TCase *hot = tcase_create("hot path");

	tcase_set_timeout(hot, 120);
	tcase_add_test(hot, test_counts);
	tcase_add_test(hot, test_engine);
	tcase_add_test(hot, test_engine_with_paths);
	tcase_add_test(hot, test_worker);
	suite_add_tcase(suite, hot);
	return suite;
}

int
main(void)
{
#ifdef SANITIZED
	return 77;
#endif
	return suite_run(make_suite());
}
