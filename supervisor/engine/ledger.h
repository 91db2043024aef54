/*
 * The books of a tunnel: each end counts what it takes in and what it gives
 * out, tells the other (TOTALS), and so each can say what became of every
 * datagram, in both directions. Pure: counters and the clock are arguments.
 *
 * A count begins when the tunnel does, and again when the connector has to do
 * with another tunnel at the listener's end, since that began anew or is
 * another listener: of what the former one had, nobody can tell any more. What
 * was not acknowledged then is carried over.
 */
#ifndef ENGINE_LEDGER_H
#define ENGINE_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "supervisor/engine/frame.h"

struct ledger {
	uint64_t first;	     /* number of our first datagram */
	uint64_t peer_first; /* and of the far end's; 0: not heard */
	uint64_t round;	     /* the count at hand, at both ends */
	bool known;	     /* peer holds what it counted against us */
	uint64_t peer[FRAME_TOTALS_COUNT];
	/* the implementation's */
	uint64_t peer_serial;
	uint64_t carried;
	uint64_t base[FRAME_TOTALS_COUNT]; /* when the count began */
	struct frame_totals said;
	uint64_t said_us;
	unsigned int repeated;
};

/* What became of the datagrams that came in at one end. */
enum ledger_fate {
	LEDGER_KERNEL,	/* no room in the UDP receive buffer */
	LEDGER_NO_ROOM, /* nor on any path */
	LEDGER_TOO_LARGE,
	LEDGER_TOO_OLD,
	LEDGER_STRANGER,  /* sent by one who is not heard here */
	LEDGER_WAITING,	  /* not on a path yet */
	LEDGER_UNDER_WAY, /* or waiting to be sent again */
	LEDGER_LOST_WITH_PATH,
	LEDGER_LATE, /* behind the window of what came */
	LEDGER_HELD, /* for order */
	LEDGER_DELIVERED,
	LEDGER_REFUSED,
	LEDGER_NOBODY, /* it is not known whom to give it */
	LEDGER_FATES
};

enum ledger_state {
	LEDGER_UNKNOWN, /* the other end has not told yet */
	LEDGER_OPEN,	/* some are waiting, under way or held */
	LEDGER_SETTLED	/* all that came in are accounted for */
};

struct ledger_account {
	enum ledger_state state;
	uint64_t came_in;
	uint64_t fates[LEDGER_FATES]; /* their sum is came_in, once settled */
	uint64_t copies;	      /* given to paths */
	uint64_t arrived;	      /* by paths */
	uint64_t duplicates;	      /* of them, removed */
};

/* first is above 0. */
void ledger_init(struct ledger *ledger, uint64_t first);

enum ledger_role {
	LEDGER_FOLLOWS, /* the listener */
	LEDGER_LEADS,	/* the connector */
	LEDGER_CONNECTS /* the connector, on a path that is being opened */
};

enum ledger_news {
	LEDGER_GOES_ON,
	LEDGER_MET,   /* the far end is heard for the first time */
	LEDGER_ANEW,  /* it is another one, and a new count begins */
	LEDGER_AGAIN, /* it is the same one, and says that one begins */
};

/* TOTALS came. */
enum ledger_news
ledger_hear(struct ledger *ledger, const struct frame_totals *totals,
    enum ledger_role role, const uint64_t all[FRAME_TOTALS_COUNT]);

/*
 * Is it time to tell the other end, every second? Is there anything to tell?
 * What changed, and then some times the same in case those that said it were
 * lost with their path.
 */
bool ledger_is_time(const struct ledger *ledger, uint64_t now_us);
bool
ledger_has_news(struct ledger *ledger, const uint64_t all[FRAME_TOTALS_COUNT]);
/* What to tell but for least; it is taken as said. */
void ledger_say(struct ledger *ledger, const uint64_t all[FRAME_TOTALS_COUNT],
    uint64_t now_us, struct frame_totals *totals);

/* What we took in (out of here), or what the far end did. */
void ledger_account_out(const struct ledger *ledger,
    const uint64_t all[FRAME_TOTALS_COUNT], struct ledger_account *account);
void ledger_account_in(const struct ledger *ledger,
    const uint64_t all[FRAME_TOTALS_COUNT], struct ledger_account *account);

/* As a word in the status. */
const char *ledger_fate_name(enum ledger_fate fate);
const char *ledger_state_name(enum ledger_state state);

#endif
