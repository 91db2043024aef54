/*
 * The supervisor's one job after start: fork and exec a worker into a numbered
 * slot when the engine asks, kill it when the engine asks, reap and report.
 * It never parses an address, a name or a key.
 */
#ifndef SUPERVISOR_SPAWN_H
#define SUPERVISOR_SPAWN_H

#include <sys/types.h>

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "supervisor/config.h"
#include "supervisor/launch.h"

#define SPAWN_SLOTS 1024

struct notify;
struct slots;

/* Engine to supervisor. */
enum spawn_request {
	SPAWN_START = 1, /* slot; descriptors FD_CHANNEL.. in order,
				 * 5 of them, or 6 with an accepted socket */
	SPAWN_KILL,	 /* slot */
	SPAWN_READY,	 /* the engine serves; again: it has reloaded, with
			  * value 1 if the file was faulty */
	SPAWN_WISH,	 /* be so kind as to reload, as on SIGHUP */
	SPAWN_LEVEL,	 /* value: enum log_level, from now on */
	SPAWN_LOG,	 /* value: enum log_target; its descriptor, or none for
			  * standard error */
	SPAWN_ALIVE,	 /* its loop turns */
	SPAWN_UPGRADE,	 /* somebody asks for an upgrade */
	SPAWN_PREPARED,	 /* an heir: it waits for what is given in advance;
			  * again: for the state, */
	SPAWN_TAKEN,	 /* and has it; value: what work that was, in us */
	SPAWN_SANDBOX	 /* value: enum config_sandbox, of what it starts from
			  * now on. It tells what a lack of the kernel's leads
			  * to, and no request can make one */
};

#define SPAWN_REQUESTS_END (SPAWN_SANDBOX + 1)

/* Supervisor to engine. */
enum spawn_report {
	SPAWN_STARTED = 65, /* slot; value: the worker's pid */
	SPAWN_EXITED,	    /* slot; value: status of wait(2), or -errno
				 * of a fork that failed */
	SPAWN_STOP,	    /* finish: close every path and exit */
	SPAWN_RELOAD,	    /* SIGHUP: have the log opened again and the file
			     * read, then SPAWN_READY */
	SPAWN_LEAVE,	    /* give the heir all, and wait for one of: */
	SPAWN_GO_ON,	    /* no upgrade, and no heir any more. slot: enum
			     * upgrade_failure, value: as upgrade_describe()
			     * wants it */
	SPAWN_END,	    /* the heir serves: exit at once; value: as it said
			     * in SPAWN_TAKEN */
	SPAWN_WORKERS,	    /* to the heir; slot: the first of 64; value: a bit
			     * for each of them that has a worker */
	SPAWN_SERVE,	    /* to the heir, after SPAWN_WORKERS for all there
			     * are */
	SPAWN_BUSY	    /* what SPAWN_UPGRADE asked for is not begun; one
			     * that is under way is not touched by that */
};

#define SPAWN_WORKERS_SLOTS 64

_Static_assert(SPAWN_SLOTS % SPAWN_WORKERS_SLOTS == 0, "words are whole");

/* Both ways, on a SOCK_SEQPACKET pair. */
struct spawn_record {
	uint32_t type; /* enum spawn_request or spawn_report */
	uint32_t slot;
	int64_t value;
};

_Static_assert(sizeof(struct spawn_record) == 16, "records are 16 bytes");

struct spawn_settings {
	int engine_channel; /* SOCK_SEQPACKET to the engine */
	pid_t engine_pid;
	pid_t loader_pid; /* 0: there is none */
	pid_t opener_pid;
	int worker_binary; /* open descriptor of socktopus-worker */
	bool change_user;  /* workers run as the ids below */
	uid_t worker_uid;
	gid_t worker_gid;
	const struct notify *notify; /* the service manager */
	int keeper;		     /* keeper.h */
	pid_t keeper_pid;	     /* 0: it is gone */
	enum config_sandbox sandbox;
	struct log_settings log;
	struct launch_programs programs;
};

/* What a supervisor leaves to the next, beside the settings and the slots. */
struct spawn_left {
	pid_t leaving; /* the engine that ends; 0: none */
	bool serving;
	bool reload; /* was asked for meanwhile */
};

/*
 * Block the signals that spawn_serve() reads, which it does itself as well;
 * *held gets them. 0, or -1 with errno.
 */
int spawn_hold_signals(sigset_t *held);

/*
 * Serve until SIGTERM or SIGINT (the engine is told to stop and given 2 s) or
 * until the engine ends. Kills and reaps every worker before it returns.
 * Returns the exit status of the program: 0 after an orderly stop, 1 if the
 * engine died, with a log line that says how.
 */
int spawn_serve(struct spawn_settings *settings);

/* The same, from where the supervisor before this one had got to. */
int spawn_continue(struct spawn_settings *settings, const struct slots *slots,
    const struct spawn_left *left);

#endif
