/*
 * How the parts of an engine cross in an upgrade, each described once for both
 * ways (state.h). Pure: what is read is filled into what was made before, by
 * its own module, with nothing in it.
 */
#ifndef ENGINE_LEAVE_H
#define ENGINE_LEAVE_H

struct address_pair;
struct arrival;
struct estimate;
struct history;
struct ledger;
struct meter;
struct pool;
struct reorder;
struct state;
struct udp;
struct udp_batch;

void leave_pair(struct state *state, struct address_pair *pair);
void leave_arrival(struct state *state, struct arrival *arrival);
void leave_batch(struct state *state, struct udp_batch *batch);
void leave_estimate(struct state *state, struct estimate *estimate);
void leave_history(struct state *state, struct history *history);
void leave_ledger(struct state *state, struct ledger *ledger);
void leave_meter(struct state *state, struct meter *meter);
void leave_pool(struct state *state, struct pool *pool);
void leave_reorder(struct state *state, struct reorder *reorder);
/* What is counted; the descriptor crosses with its owner. */
void leave_udp(struct state *state, struct udp *udp);

#endif
