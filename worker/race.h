/*
 * Several connections under way at once, and the first that stands wins: "Happy
 * Eyeballs", RFC 8305 section 5.
 */
#ifndef WORKER_RACE_H
#define WORKER_RACE_H

struct dial;

/*
 * Connect the prepared sockets to the addresses in their order, the next one
 * when one has failed, or after 250 ms. Returns the winner; every other socket
 * is closed. Ends the worker when all have failed, or at the deadline.
 */
int race_run(struct dial *dial);

#endif
