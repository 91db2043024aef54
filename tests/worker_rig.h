/*
 * Plays the engine for a real socktopus-worker: regions, rings, bells, the
 * channel and a process. Every wait has a deadline and fails the test.
 */
#ifndef TESTS_WORKER_RIG_H
#define TESTS_WORKER_RIG_H

#include <sys/types.h>

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

#include "shm/layout.h"
#include "shm/message.h"
#include "shm/region.h"
#include "shm/ring.h"

#define RIG_RING_BYTES 65536
#define RIG_WAIT_MS 5000

struct rig {
	struct region engine;
	struct region worker;
	struct ring_producer tx;
	struct ring_consumer rx;
	struct layout_worker *flags;
	int channel;
	int bell_in;  /* from the worker */
	int bell_out; /* to the worker */
	uid_t uid;    /* of the worker; 0: ours */
	pid_t pid;
	int theirs[FD_END - FD_CHANNEL]; /* until rig_start() */
};

/* A job to dial port of host, with a deadline of RIG_WAIT_MS. */
void rig_job(struct job *job, const char *host, uint16_t port);

/* Regions, rings and descriptors; accepted is FD_SOCKET or -1, taken over. */
void rig_init(struct rig *rig, int accepted);

/*
 * Exec the worker of the build tree, through a descriptor as the supervisor
 * does, with no environment. The job is not sent.
 */
void rig_start(struct rig *rig);

/* The three of them. */
void rig_run(struct rig *rig, const struct job *job, int accepted);

/* The next event. False at the channel's end. */
bool rig_event(struct rig *rig, struct worker_event *event);

/* Read events up to one of this kind, which must come. */
void
rig_await(struct rig *rig, enum event_kind kind, struct worker_event *event);

/* Expect EVENT_FAILED as the last event, then this exit code. */
void rig_expect_failure(struct rig *rig, enum event_stage stage,
    enum event_reason reason, int detail, enum worker_exit code);

/* Put all bytes into the transmit ring, and ring. */
void rig_send(struct rig *rig, const void *bytes, size_t count);

/* Take exactly count bytes out of the receive ring. */
void rig_receive(struct rig *rig, void *bytes, size_t count);

/* Let go of the worker: close the channel. */
void rig_let_go(struct rig *rig);

/* The exit code of the worker, which ends by itself; 1000 + signal. */
int rig_exit_code(struct rig *rig);

/* TCP on the loopback. Ports are the kernel's choice. */
int rig_listen(int family, uint16_t *port);
int rig_accept(int listener);
void rig_tcp_pair(int pair[2]);
void rig_write(int fd, const void *bytes, size_t count);
void rig_read(int fd, void *bytes, size_t count);
/* Poll for the event, or fail. */
void rig_poll(int fd, short events);

#endif
