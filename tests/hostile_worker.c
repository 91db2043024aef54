/*
 * A worker that was taken over. It is put in the place of socktopus-worker,
 * does an honest worker's duty for a while, and then attacks in the way that
 * the file "attacks" beside it says for its path: lines of a text that stands
 * in the title of the job, and the name of an attack. Without a line for it a
 * worker stays honest. It is never locked in: the engine alone has to hold.
 */
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <bsd/stdlib.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shm/bell.h"
#include "shm/layout.h"
#include "shm/message.h"
#include "shm/region.h"
#include "worker/dial.h"
#include "worker/pump.h"
#include "worker/report.h"
#include "worker/socket.h"

#define WARM_BYTES 3000
#define WARM_MS 1500
/* By then the engine has looked at every index: none is still zero. */
#define LOOK_US 600000

static struct job job;
static struct report report = { .channel = FD_CHANNEL, .stage = STAGE_START };
static struct region engine = REGION_NONE, worker = REGION_NONE;
static struct dial dialling;
static struct pump pump;
static struct layout_worker *words;
static int pump_stop[2];

typedef void attack(void);

/* What must not be possible was: the test looks for this in the log. */
static void
breach(const char *what)
{
	char text[MESSAGE_TEXT_MAX];

	snprintf(text, sizeof(text), "BREACH: %s", what);
	report_note(&report, text);
}

static void
ring(void)
{
	ssize_t ignored = write(FD_BELL_OUT, "", 1);

	(void)ignored;
}

/* An impossible index is enough; the engine is to see it. */
static void
wait_for_the_end(void)
{
	for (;;)
		pause();
}

static void
set_head(uint64_t head)
{
	atomic_store(&words->rx_head, head);
	bell_ring(&words->engine_wants_data, FD_BELL_OUT);
	wait_for_the_end();
}

static void
set_tail(uint64_t tail)
{
	atomic_store(&words->tx_tail, tail);
	wait_for_the_end();
}

/* The engine's own words, as they stand now. */
static uint64_t
taken(void)
{
	const struct layout_engine *theirs = engine.control;

	return atomic_load(&theirs->rx_tail);
}

static uint64_t
offered(void)
{
	const struct layout_engine *theirs = engine.control;

	return atomic_load(&theirs->tx_head);
}

static uint64_t
random_index(void)
{
	return (uint64_t)arc4random() << 32 | arc4random();
}

static void
head_far(void)
{
	set_head(taken() + pump.rx.capacity + 1);
}

static void
head_back(void)
{
	usleep(LOOK_US);
	set_head(taken() - 1);
}

static void
head_zero(void)
{
	usleep(LOOK_US);
	set_head(0);
}

static void
head_huge(void)
{
	set_head(UINT64_MAX);
}

static void
head_random(void)
{
	for (;;) {
		atomic_store(&words->rx_head, random_index());
		bell_ring(&words->engine_wants_data, FD_BELL_OUT);
		usleep(1000);
	}
}

static void
tail_far(void)
{
	set_tail(offered() + pump.tx.capacity + 1);
}

static void
tail_back(void)
{
	usleep(LOOK_US);
	set_tail(pump.tx.tail - 1);
}

static void
tail_zero(void)
{
	usleep(LOOK_US);
	set_tail(0);
}

static void
tail_huge(void)
{
	set_tail(UINT64_MAX);
}

static void
tail_random(void)
{
	for (;;) {
		atomic_store(&words->tx_tail, random_index());
		bell_ring(&words->engine_wants_room, FD_BELL_OUT);
		usleep(1000);
	}
}

/* Frames of our own making, behind what is there. */
static void
forge(const uint8_t *bytes, size_t count)
{
	uint8_t *span;
	size_t room;

	if (ring_reserve(&pump.rx, count, &span, &room) == RING_OK) {
		memcpy(span, bytes, count);
		ring_commit(&pump.rx, count);
	}
	bell_ring(&words->engine_wants_data, FD_BELL_OUT);
	wait_for_the_end();
}

static void
length_zero(void)
{
	static const uint8_t zeros[64];

	forge(zeros, sizeof(zeros));
}

static void
length_most(void)
{
	static uint8_t ones[70000];

	memset(ones, 0xff, sizeof(ones));
	forge(ones, sizeof(ones));
}

static void
garbage(void)
{
	static uint8_t noise[200000];

	arc4random_buf(noise, sizeof(noise));
	forge(noise, sizeof(noise));
}

/* What was there before, once more. */
static void
replay(void)
{
	set_head(taken() + pump.rx.capacity);
}

/* Do a worker's duty, and this in a thread of its own. */
static void
serve_beside(void *(*beside)(void *))
{
	pthread_t thread;

	pthread_create(&thread, NULL, beside, NULL);
	close(pump.channel);
	pump.channel = FD_CHANNEL;
	pump.end = PUMP_RUNS;
	pump_run(&pump);
	_exit(WORKER_EXIT_PEER);
}

static void *
flip_bytes(void *argument)
{
	volatile uint8_t *data = worker.data;

	(void)argument;
	for (;;) {
		data[arc4random_uniform((uint32_t)worker.data_bytes)] ^= 1;
		/* What the engine takes next, however little comes. */
		data[(taken() + arc4random_uniform(64)) % pump.rx.capacity] ^=
		    1;
	}
	return NULL;
}

/* While the engine copies and opens. */
static void
flip(void)
{
	serve_beside(flip_bytes);
}

static void *
punch_holes(void *argument)
{
	(void)argument;
	for (;;)
		fallocate(FD_REGION_W,
		    FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		    region_control_bytes(), (off_t)worker.data_bytes);
	return NULL;
}

static void
punch(void)
{
	serve_beside(punch_holes);
}

/* The control words become zeros. */
static void
punch_words(void)
{
	fallocate(FD_REGION_W, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
	    region_control_bytes());
	ring();
	wait_for_the_end();
}

static void
resize(int fd, const char *name)
{
	off_t bytes = region_control_bytes() + (off_t)worker.data_bytes;

	if (ftruncate(fd, 0) == 0 || ftruncate(fd, bytes / 2) == 0 ||
	    ftruncate(fd, bytes * 2) == 0 ||
	    fallocate(fd, 0, bytes, bytes) == 0)
		breach(name);
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE) == 0)
		breach("a seal was added");
}

static void
write_to_s(int fd)
{
	size_t bytes = region_control_bytes() + engine.data_bytes;
	void *mapping = mmap(NULL, bytes, PROT_READ, MAP_SHARED, fd, 0);

	if (mapping != MAP_FAILED &&
	    mprotect(mapping, bytes, PROT_READ | PROT_WRITE) == 0)
		breach("mprotect of S");
	if (mprotect(engine.control, bytes, PROT_READ | PROT_WRITE) == 0)
		breach("mprotect of the attached S");
	if (mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) !=
	    MAP_FAILED)
		breach("S mapped writable");
	if (pwrite(fd, "x", 1, region_control_bytes()) == 1)
		breach("S written");
	if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
		region_control_bytes()) == 0)
		breach("a hole in S");
	if (madvise(engine.control, region_control_bytes(), MADV_REMOVE) == 0)
		breach("MADV_REMOVE of S");
}

static void
memfds(void)
{
	int again = open("/proc/self/fd/4", O_RDWR | O_CLOEXEC);

	resize(FD_REGION_S, "S resized");
	resize(FD_REGION_W, "W resized");
	write_to_s(FD_REGION_S);
	if (again != -1) {
		resize(again, "S opened again and resized");
		write_to_s(again);
	}
	report_fail(&report, WORKER_EXIT_REGION, REASON_PROTOCOL, 0,
	    "the regions held");
}

static void
bell_storm(void)
{
	static const uint8_t bytes[4096];
	struct pollfd room = { .fd = FD_BELL_OUT, .events = POLLOUT };

	while (write(FD_BELL_OUT, bytes, sizeof(bytes)) > 0 || errno == EAGAIN)
		poll(&room, 1, 1);
	wait_for_the_end();
}

/* Only when it is asked to, but with nothing to say. */
static void
bell_polite(void)
{
	for (;;) {
		bell_ring(&words->engine_wants_data, FD_BELL_OUT);
		bell_ring(&words->engine_wants_room, FD_BELL_OUT);
	}
}

/* The beginning of a long frame, of which the rest takes its time. */
static void
announce_frame(void)
{
	static const uint8_t length[2] = { 0xff, 0xff };
	uint8_t *span;
	size_t room;

	if (ring_reserve(&pump.rx, sizeof(length), &span, &room) == RING_OK) {
		memcpy(span, length, sizeof(length));
		ring_commit(&pump.rx, sizeof(length));
	}
}

static void
add_byte(void)
{
	uint8_t *span;
	size_t room;

	if (ring_reserve(&pump.rx, 1, &span, &room) == RING_OK)
		ring_commit(&pump.rx, 1);
}

/* As bell_polite, but with a byte now and then, before it is too much. */
static void
bell_patient(void)
{
	unsigned int rung = 0;

	announce_frame();
	for (;;) {
		while (!bell_ring(&words->engine_wants_data, FD_BELL_OUT))
			continue;
		if (++rung % 500 == 0)
			add_byte();
	}
}

/* Each byte of it with a bell, as fast as the engine asks for one. */
static void
drip(void)
{
	announce_frame();
	for (;;) {
		add_byte();
		while (!bell_ring(&words->engine_wants_data, FD_BELL_OUT))
			continue;
	}
}

static void *
turn_round(void *argument)
{
	(void)argument;
	for (;;)
		continue;
	return NULL;
}

/* Spins while it does its duty, so that nobody has to wait for an answer. */
static void
busy(void)
{
	serve_beside(turn_round);
}

/* The processor is all that it takes. */
static void
spin(void)
{
	for (;;)
		continue;
}

/* Byte by byte and with a bell for each: nothing that is forbidden. */
static void
dribble(void)
{
	struct pollfd input = { .fd = pump.socket, .events = POLLIN };
	const uint8_t *out;
	uint8_t *span;
	size_t room, bytes;

	for (;;) {
		poll(&input, 1, 1);
		if (ring_peek(&pump.tx, &out, &bytes) == RING_OK &&
		    write(pump.socket, out, bytes) == (ssize_t)bytes)
			ring_release(&pump.tx, bytes);
		if (ring_reserve(&pump.rx, 1, &span, &room) != RING_OK ||
		    read(pump.socket, span, 1) != 1)
			continue;
		ring_commit(&pump.rx, 1);
		bell_ring(&words->engine_wants_data, FD_BELL_OUT);
	}
}

static void
say(const void *bytes, size_t count)
{
	ssize_t ignored = send(FD_CHANNEL, bytes, count, MSG_NOSIGNAL);

	(void)ignored;
	wait_for_the_end();
}

static void
message_half(void)
{
	struct worker_event event = { .kind = EVENT_UP, .stage = STAGE_PUMP };

	say(&event, sizeof(event) / 2);
}

static void
message_long(void)
{
	static struct worker_event events[2] = {
		{ .kind = EVENT_UP, .stage = STAGE_PUMP },
		{ .kind = EVENT_UP, .stage = STAGE_PUMP },
	};

	say(events, sizeof(events));
}

static void
message_empty(void)
{
	say("", 0);
}

static void
message_kind(void)
{
	struct worker_event event = { .kind = 77, .stage = STAGE_PUMP };

	say(&event, sizeof(event));
}

static void
message_text(void)
{
	struct worker_event event = { .kind = EVENT_NOTE, .stage = STAGE_PUMP };

	memset(event.text, 'x', sizeof(event.text));
	say(&event, sizeof(event));
}

static void
message_random(void)
{
	uint8_t bytes[2 * sizeof(struct worker_event)];

	for (;;) {
		arc4random_buf(bytes, sizeof(bytes));
		if (send(FD_CHANNEL, bytes, arc4random_uniform(sizeof(bytes)),
			MSG_NOSIGNAL) == -1)
			wait_for_the_end();
	}
}

/* A good message, but with as many descriptors as there may be. */
static void
message_descriptors(void)
{
	struct worker_event event = { .kind = EVENT_NOTE, .stage = STAGE_PUMP };
	struct iovec iov = { &event, sizeof(event) };
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(250 * sizeof(int))];
	} control = { .header = { .cmsg_level = SOL_SOCKET,
			  .cmsg_type = SCM_RIGHTS,
			  .cmsg_len = CMSG_LEN(250 * sizeof(int)) } };
	struct msghdr message = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };
	int fds[250];

	for (size_t i = 0; i < 250; i++)
		fds[i] = FD_BELL_OUT;
	memcpy(CMSG_DATA(&control.header), fds, sizeof(fds));
	while (sendmsg(FD_CHANNEL, &message, MSG_NOSIGNAL) != -1)
		continue;
	wait_for_the_end();
}

/* Good messages without end. */
static void
event_flood(void)
{
	for (;;)
		report_note(&report, "all is well");
}

static void
up_flood(void)
{
	for (;;)
		report_up(&report);
}

static void
never_drain(void)
{
	wait_for_the_end();
}

/* One whole frame that never ends, up to the brim. */
static void
fill(void)
{
	static uint8_t rest[1 << 20];
	uint8_t *span;
	size_t room;

	while (ring_reserve(&pump.rx, 1, &span, &room) == RING_OK) {
		memcpy(span, rest, room);
		ring_commit(&pump.rx, room);
	}
	bell_ring(&words->engine_wants_data, FD_BELL_OUT);
	wait_for_the_end();
}

static void
close_channel(void)
{
	close(FD_CHANNEL);
	wait_for_the_end();
}

static void
close_bell_in(void)
{
	close(FD_BELL_IN);
	wait_for_the_end();
}

static void
close_bell_out(void)
{
	close(FD_BELL_OUT);
	wait_for_the_end();
}

static void
close_regions(void)
{
	region_destroy(&engine);
	region_destroy(&worker);
	wait_for_the_end();
}

static void
close_socket(void)
{
	close(pump.socket);
	wait_for_the_end();
}

static void
stop(void)
{
	raise(SIGSTOP);
	wait_for_the_end();
}

static void
crash(void)
{
	/* A sanitizer would make an exit of it. */
	signal(SIGSEGV, SIG_DFL);
	raise(SIGSEGV);
}

static void
leave(void)
{
	_exit(WORKER_EXIT_OK);
}

#define ATTACK(name)        \
	{                   \
#name, name \
	}
static const struct {
	const char *name;
	attack *run;
} attacks[] = {
	ATTACK(head_far),
	ATTACK(head_back),
	ATTACK(head_zero),
	ATTACK(head_huge),
	ATTACK(head_random),
	ATTACK(tail_far),
	ATTACK(tail_back),
	ATTACK(tail_zero),
	ATTACK(tail_huge),
	ATTACK(tail_random),
	ATTACK(length_zero),
	ATTACK(length_most),
	ATTACK(garbage),
	ATTACK(replay),
	ATTACK(flip),
	ATTACK(punch),
	ATTACK(punch_words),
	ATTACK(memfds),
	ATTACK(bell_storm),
	ATTACK(bell_polite),
	ATTACK(bell_patient),
	ATTACK(drip),
	ATTACK(spin),
	ATTACK(busy),
	ATTACK(dribble),
	ATTACK(message_half),
	ATTACK(message_long),
	ATTACK(message_empty),
	ATTACK(message_kind),
	ATTACK(message_text),
	ATTACK(message_random),
	ATTACK(message_descriptors),
	ATTACK(event_flood),
	ATTACK(up_flood),
	ATTACK(never_drain),
	ATTACK(fill),
	ATTACK(close_channel),
	ATTACK(close_bell_in),
	ATTACK(close_bell_out),
	ATTACK(close_regions),
	ATTACK(close_socket),
	ATTACK(stop),
	ATTACK(crash),
	ATTACK(leave),
};

static attack *
find_attack(const char *name)
{
	for (size_t i = 0; i < sizeof(attacks) / sizeof(attacks[0]); i++)
		if (strcmp(attacks[i].name, name) == 0)
			return attacks[i].run;
	return NULL;
}

/* The line of "attacks" for this job, if there is one. */
static attack *
choose(void)
{
	char path[4096], match[128], name[64];
	ssize_t length = readlink("/proc/self/exe", path, 4000);
	attack *found = NULL;
	FILE *file;

	if (length == -1)
		return NULL;
	path[length] = '\0';
	strcpy(strrchr(path, '/'), "/attacks");
	file = fopen(path, "re");
	if (file == NULL)
		return NULL;
	while (found == NULL && fscanf(file, "%127s %63s", match, name) == 2)
		if (strstr(job.title, match) != NULL)
			found = find_attack(name);
	fclose(file);
	return found;
}

static void
begin(void)
{
	struct pollfd input = { .fd = FD_CHANNEL, .events = POLLIN };

	signal(SIGPIPE, SIG_IGN);
	poll(&input, 1, 10000);
	if (message_receive_job(FD_CHANNEL, &job) != MESSAGE_OK ||
	    region_attach(&engine, FD_REGION_S, job.tx_bytes,
		REGION_CREATOR_WRITES) == -1 ||
	    region_attach(&worker, FD_REGION_W, job.rx_bytes,
		REGION_PEER_WRITES) == -1)
		_exit(WORKER_EXIT_JOB);
	words = worker.control;
}

static int
connect_to_the_far_end(void)
{
	int fd;

	if (job.kind == JOB_SERVE) {
		socket_adopt(FD_SOCKET, &job, &report);
		return FD_SOCKET;
	}
	dial_prepare(&dialling, &job, &report);
	fd = dial_connect(&dialling);
	dial_proxies(&dialling, fd);
	return fd;
}

/* Ends the honest part once there was traffic, or it is late. */
static void *
watch_traffic(void *argument)
{
	int waited_ms;
	ssize_t ignored;

	for (waited_ms = 0; waited_ms < WARM_MS; waited_ms += 10) {
		if (atomic_load(&words->rx_head) > WARM_BYTES)
			break;
		usleep(10000);
	}
	ignored = write(pump_stop[1], "", 1);
	(void)ignored;
	return argument;
}

static void
run_honestly(attack *then)
{
	pthread_t thread;

	if (then != NULL) {
		if (pipe(pump_stop) == -1)
			_exit(WORKER_EXIT_USAGE);
		pump.channel = pump_stop[0];
		pthread_create(&thread, NULL, watch_traffic, NULL);
	}
	if (pump_run(&pump) != PUMP_STOPPED)
		_exit(WORKER_EXIT_PEER);
	if (then != NULL)
		then();
	pump_finish(&pump);
}

int
main(void)
{
	attack *chosen;

	begin();
	chosen = choose();
	report_stage(&report, STAGE_START, 0);
	pump_init(&pump, connect_to_the_far_end(), &engine, &worker);
	report_up(&report);
	run_honestly(chosen);
	return WORKER_EXIT_OK;
}
