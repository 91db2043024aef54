/*
 * What crosses between engine and worker besides bytes: one job down, typed
 * events up, each a fixed-size message on a SOCK_SEQPACKET socket. Also the
 * numbers of the descriptors that a worker inherits, and its exit codes.
 */
#ifndef SHM_MESSAGE_H
#define SHM_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

/* What a worker finds open; everything above is closed. */
enum worker_fd {
	FD_CHANNEL = 3, /* SOCK_SEQPACKET: job in, events out */
	FD_REGION_S,	/* memfd, written by the engine */
	FD_REGION_W,	/* memfd, written by the worker */
	FD_BELL_IN,	/* pipe, polled by the worker */
	FD_BELL_OUT,	/* pipe, rung by the worker */
	FD_SOCKET,	/* JOB_SERVE only: the accepted connection */
	FD_END
};

#define MESSAGE_HOST_MAX 256   /* a name of 255 bytes and its NUL */
#define MESSAGE_SECRET_MAX 256 /* a user name or password and its NUL */
#define MESSAGE_HOPS_MAX 8
#define MESSAGE_TEXT_MAX 192
#define MESSAGE_TITLE_MAX 192

/* How a reflector is asked for the next hop. */
enum hop_kind {
	HOP_TCP,     /* not at all: a raw relay, or the destination */
	HOP_SOCKS5,  /* SOCKS5, the next name resolved here */
	HOP_SOCKS5H, /* SOCKS5, the next name resolved by the proxy */
	HOP_SOCKS4,
	HOP_SOCKS4A,
	HOP_HTTP, /* CONNECT */
	HOP_SRV	  /* not a hop: a name whose SRV records say which */
};

struct job_hop {
	uint32_t kind; /* enum hop_kind */
	uint32_t port;
	char host[MESSAGE_HOST_MAX];
	char user[MESSAGE_SECRET_MAX]; /* empty: none */
	char password[MESSAGE_SECRET_MAX];
};

enum job_kind {
	JOB_DIAL = 1, /* connect through the hops */
	JOB_SERVE     /* pump FD_SOCKET */
};

struct job {
	uint32_t kind;		      /* enum job_kind */
	uint32_t hops;		      /* of hop[], 1 or more for JOB_DIAL */
	uint32_t tx_bytes;	      /* data size of region S */
	uint32_t rx_bytes;	      /* data size of region W */
	uint32_t dial_timeout_ms;     /* for all hops together */
	uint32_t user_timeout_ms;     /* TCP_USER_TIMEOUT */
	uint32_t notsent_lowat_bytes; /* TCP_NOTSENT_LOWAT, 0: the kernel's */
	uint32_t mptcp;		      /* 1: IPPROTO_MPTCP where it is */
	uint64_t rate_limit_bytes;    /* SO_MAX_PACING_RATE, 0: none */
	/*
	 * hop[0] is dialled; every hop but a HOP_TCP one is asked for the hop
	 * after it, the last one for the destination.
	 */
	struct job_hop hop[MESSAGE_HOPS_MAX];
	char destination_host[MESSAGE_HOST_MAX];
	uint32_t destination_port;
	uint32_t destination_srv; /* 1: it is a name as of HOP_SRV */
	/*
	 * Which of the targets of SRV records, in the order that the seed
	 * gives them; beyond the last one it begins again.
	 */
	uint32_t srv_choice;
	uint32_t srv_seed;
	char source[64];	       /* address to bind to, or empty */
	char interface[16];	       /* SO_BINDTODEVICE, or empty */
	char congestion[16];	       /* TCP_CONGESTION, or empty */
	char title[MESSAGE_TITLE_MAX]; /* "logs via tcp://relay1:23461" */
};

enum event_kind {
	EVENT_STAGE = 1, /* a step was begun: stage, hop */
	EVENT_UP,	 /* the byte stream to the far end stands */
	EVENT_FAILED,	 /* the last words: stage, hop, reason, detail */
	EVENT_NOTE	 /* something to log once, in text */
};

enum event_stage {
	STAGE_START = 1, /* descriptors, job, mapping, sandbox */
	STAGE_RESOLVE,
	STAGE_CONNECT,
	STAGE_PROXY, /* hop tells which */
	STAGE_PUMP
};

enum event_reason {
	REASON_NONE,
	REASON_ERRNO,	 /* detail is an errno */
	REASON_RESOLVE,	 /* detail is a getaddrinfo error */
	REASON_TIMEOUT,	 /* detail is the limit in milliseconds */
	REASON_CLOSED,	 /* the far end closed the connection */
	REASON_RING,	 /* the engine's index was impossible */
	REASON_REFUSED,	 /* a proxy said no; detail is its code */
	REASON_AUTH,	 /* a proxy wants other credentials */
	REASON_PROTOCOL, /* a proxy's answer is not what it must be */
	REASON_SANDBOX	 /* a step of the lock-in failed: errno */
};

struct worker_event {
	uint32_t kind;	 /* enum event_kind */
	uint32_t stage;	 /* enum event_stage, in every event */
	uint32_t hop;	 /* index into job.hop[] */
	uint32_t reason; /* enum event_reason */
	int32_t detail;
	uint32_t reserved;
	char text[MESSAGE_TEXT_MAX]; /* a proxy's own words, or empty */
};

/* How a worker ends; the supervisor reports it, the engine logs the name. */
enum worker_exit {
	WORKER_EXIT_OK = 0,	/* the engine went away or asked */
	WORKER_EXIT_USAGE = 64, /* started by hand, or badly */
	WORKER_EXIT_JOB,	/* the job is not one */
	WORKER_EXIT_REGION,	/* a region has the wrong size or seals */
	WORKER_EXIT_SANDBOX,
	WORKER_EXIT_DIAL, /* see the last event */
	WORKER_EXIT_PEER, /* connection closed or reset */
	WORKER_EXIT_RING  /* the engine broke the ring */
};

enum message_result {
	MESSAGE_OK,
	MESSAGE_NONE,	/* would block */
	MESSAGE_CLOSED, /* the other side is gone */
	MESSAGE_BROKEN	/* wrong size or an impossible field */
};

/*
 * Send one message, whole or not at all. The channel is non-blocking on the
 * engine's side. Returns MESSAGE_OK, MESSAGE_NONE or MESSAGE_CLOSED.
 */
enum message_result message_send_job(int channel, const struct job *job);
enum message_result
message_send_event(int channel, const struct worker_event *event);

/*
 * Receive one message and check it: exact size, known enums, counts in range,
 * every string terminated, reserved words 0. A job to dial has 1 or more hops,
 * each with a host and a port, and a destination if the last hop is asked for
 * it; a HOP_SRV one has no port and stands alone; a job to serve has none.
 * Descriptors that come along are closed and the message is broken. Text of an
 * event is made printable (other bytes become '?'). An empty message counts as
 * MESSAGE_CLOSED. Jobs are received before the worker's filters are loaded
 * (recvmsg).
 */
enum message_result message_receive_job(int channel, struct job *job);
enum message_result
message_receive_event(int channel, struct worker_event *event);

/* Make text printable in place: every byte outside 0x20-0x7e becomes '?'. */
void message_make_printable(char *text);

/* The name of an exit code for logs, "unknown" for others. */
const char *message_exit_name(int code);

#endif
