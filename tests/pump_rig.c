#include "tests/pump_rig.h"

#include <sys/socket.h>

#include <check.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shm/bell.h"
#include "worker/pump.h"

#define QUIET_MS 200

struct rig rig;
int far;
unsigned int seed;

static _Noreturn void
run_pump(int fd)
{
	struct region engine, worker;
	struct pump pump;
	enum pump_end end;

	signal(SIGPIPE, SIG_IGN);
	close(rig.channel);
	close(rig.bell_out);
	close(far);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	if (region_attach(&engine, dup(rig.engine.fd), RIG_RING_BYTES,
		REGION_CREATOR_WRITES) == -1 ||
	    region_attach(&worker, dup(rig.worker.fd), RIG_RING_BYTES,
		REGION_PEER_WRITES) == -1)
		_exit(99);
	pump_init(&pump, fd, &engine, &worker);
	pump.channel = rig.theirs[FD_CHANNEL - FD_CHANNEL];
	pump.bell_in = rig.theirs[FD_BELL_IN - FD_CHANNEL];
	pump.bell_out = rig.theirs[FD_BELL_OUT - FD_CHANNEL];
	end = pump_run(&pump);
	if (end == PUMP_STOPPED)
		pump_finish(&pump);
	_exit(end == PUMP_FAILED ? PUMP_RIG_FAILED + pump.error : (int)end);
}

void
pump_rig_start(void)
{
	int pair[2];

	rig_tcp_pair(pair);
	far = pair[1];
	rig_init(&rig, -1);
	rig.pid = fork();
	ck_assert_int_ne(rig.pid, -1);
	if (rig.pid == 0)
		run_pump(pair[0]);
	close(pair[0]);
	close(rig.theirs[FD_CHANNEL - FD_CHANNEL]);
	close(rig.theirs[FD_BELL_IN - FD_CHANNEL]);
	close(rig.theirs[FD_BELL_OUT - FD_CHANNEL]);
	fcntl(far, F_SETFL, O_NONBLOCK);
}

void
pump_rig_expect_end(int end)
{
	ck_assert_int_eq(rig_exit_code(&rig), end);
}

/* Any byte of a stream is known by its place. */
void
pump_rig_fill(uint8_t *bytes, size_t count, size_t place)
{
	size_t i;

	for (i = 0; i < count; i++)
		bytes[i] = (uint8_t)((place + i) * 2654435761U >> 13);
}

void
pump_rig_check(const uint8_t *bytes, size_t count, size_t place)
{
	uint8_t expected[RIG_RING_BYTES];

	pump_rig_fill(expected, count, place);
	ck_assert_mem_eq(bytes, expected, count);
}

size_t
pump_rig_random_size(void)
{
	return 1 + (size_t)rand_r(&seed) % 20000;
}

/* The far end of a stream, in a process of its own. */
void
pump_rig_send_stream(size_t bytes)
{
	uint8_t chunk[RIG_RING_BYTES];
	size_t place, size;

	for (place = 0; place < bytes; place += size) {
		size = pump_rig_random_size();
		if (size > bytes - place)
			size = bytes - place;
		pump_rig_fill(chunk, size, place);
		rig_write(far, chunk, size);
	}
}

void
pump_rig_receive_stream(size_t bytes)
{
	uint8_t chunk[RIG_RING_BYTES];
	size_t place, size;

	for (place = 0; place < bytes; place += size) {
		size = pump_rig_random_size();
		if (size > bytes - place)
			size = bytes - place;
		rig_read(far, chunk, size);
		pump_rig_check(chunk, size, place);
	}
}

/* Else it may only not have had the processor. */
static bool
sleeps(void)
{
	char path[32], line[256] = "";
	const char *state;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)rig.pid);
	file = fopen(path, "re");
	ck_assert_ptr_nonnull(file);
	ck_assert_ptr_nonnull(fgets(line, sizeof(line), file));
	fclose(file);
	state = strrchr(line, ')');
	return state != NULL && strncmp(state, ") S", 3) == 0;
}

static bool
is_ready(int fd, short events, int wait_ms)
{
	struct pollfd entry = { .fd = fd, .events = events };

	return poll(&entry, 1, wait_ms) == 1;
}

/* A pump that sleeps for want of this, and not only has not seen it. */
static bool
goes_on(int fd, short events)
{
	while (!is_ready(fd, events, QUIET_MS))
		if (sleeps())
			return is_ready(fd, events, 0);
	return true;
}

/* Commit until nobody takes more; returns the bytes that were taken. */
size_t
pump_rig_stuff_ring(void)
{
	size_t place = 0, room;
	uint8_t *span;

	do {
		while (ring_reserve(&rig.tx, 1, &span, &room) == RING_OK) {
			pump_rig_fill(span, room, place);
			place += room;
			ring_commit(&rig.tx, room);
			bell_ring(&rig.flags->worker_sleeps, rig.bell_out);
		}
		bell_arm(&rig.flags->engine_wants_room);
	} while (goes_on(rig.bell_in, POLLIN) && bell_drain(rig.bell_in) > 0);
	return place;
}

/* Send until nobody takes more; returns the bytes that were taken. */
size_t
pump_rig_stuff(void)
{
	uint8_t chunk[RIG_RING_BYTES];
	size_t place = 0;
	ssize_t sent;

	while (goes_on(far, POLLOUT)) {
		pump_rig_fill(chunk, 10000, place);
		sent = write(far, chunk, 10000);
		ck_assert_int_gt(sent, 0);
		place += (size_t)sent;
	}
	return place;
}

void
pump_rig_drain(size_t bytes)
{
	uint8_t chunk[1000];
	size_t place, size;

	for (place = 0; place < bytes; place += size) {
		size = bytes - place < 1000 ? bytes - place : 1000;
		rig_receive(&rig, chunk, size);
		pump_rig_check(chunk, size, place);
	}
}
