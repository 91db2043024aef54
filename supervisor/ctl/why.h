/*
 * What limits a tunnel now, whether several paths pay, and which of them share
 * a bottleneck. Pure: what was seen over some time is an argument.
 */
#ifndef CTL_WHY_H
#define CTL_WHY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WHY_PATHS_MAX 256
#define WHY_STEPS_MAX 128
#define WHY_SENTENCE_MAX 1024
#define WHY_UNKNOWN (-1.0)

/* Shares are of a core, or of the time; WHY_UNKNOWN: not known. */
struct why_process {
	int pid;
	double busy;   /* it ran */
	double waited; /* it could have run, and others did */
};

struct why_path {
	const char *uri;
	const char *error; /* why it is down, or empty */
	bool up;
	bool stalled; /* else: its connection stands, and is silent */
	bool backup;
	bool measured;	     /* its rate is a limit that it has met */
	double rate_bytes_s; /* what it is believed to carry */
	double bytes_s;	     /* what it carried */
	double rtt_ms;
	struct why_process worker;
	/* In steps of equal length, the oldest first. */
	size_t steps;
	uint32_t step_bytes[WHY_STEPS_MAX];
	uint32_t step_rtt_us[WHY_STEPS_MAX];
};

struct why_input {
	double seconds; /* that were watched */
	/* Datagrams in that time: */
	uint64_t received;
	uint64_t kernel; /* dropped by the receive buffer */
	uint64_t no_room;
	uint64_t strangers; /* from whom it does not hear */
	uint64_t delivered;
	uint64_t refused;     /* by the socket here, or for nobody */
	uint64_t unreachable; /* nobody took them */
	uint64_t ignored;     /* dropped by the application's own buffer */
	double blocked;	      /* share of the time without room on any path */
	double held_ms;	      /* mean over what was delivered, for order */
	uint64_t clients;     /* told apart now, */
	uint64_t clients_max; /* of so many at most; 0: none are */
	unsigned int reorder_ms;
	uint64_t buffer_bytes;
	const char *application; /* its address */
	bool redundant;
	struct why_process engine;
	const struct why_path *paths;
	size_t paths_count; /* up to WHY_PATHS_MAX */
};

enum why_limit {
	WHY_DOWN,
	WHY_RECEIVER,
	WHY_STRANGERS,
	WHY_CPU,
	WHY_BUFFER,
	WHY_PATHS,
	WHY_REORDER,
	WHY_NOTHING
};

struct why_verdict {
	enum why_limit limit;
	char limit_words[WHY_SENTENCE_MAX];
	bool pays_known; /* there are several, and for their rate: */
	bool pays;	 /* they carry more than the best one would */
	char pays_words[WHY_SENTENCE_MAX];
};

void why_judge(const struct why_input *input, struct why_verdict *verdict);

enum why_tie {
	WHY_ALONE,
	WHY_TOGETHER, /* their delay and their rate rise and fall together */
	WHY_AGAINST   /* what one of them gains the other loses */
};

struct why_groups {
	size_t count;
	unsigned int of[WHY_PATHS_MAX];	     /* a path's group, from 1, or 0 */
	enum why_tie tie[WHY_PATHS_MAX + 1]; /* of a group */
};

/*
 * Which paths share a bottleneck. That shows only while there is more than all
 * of them can carry; otherwise, and before about ten seconds, there is none.
 */
void why_group(const struct why_input *input, struct why_groups *groups);

/* "buffer", "paths", ... for scripts. */
const char *why_limit_name(enum why_limit limit);

#endif
