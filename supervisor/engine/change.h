/*
 * A running engine becomes what another configuration says. First everything
 * that can be refused is looked at, and then all of it is done; what is the
 * same in both is not touched.
 */
#ifndef ENGINE_CHANGE_H
#define ENGINE_CHANGE_H

#include <stdbool.h>
#include <stddef.h>

#include "supervisor/bundle.h"

#define CHANGE_WHY_MAX 512

/* No reason of the opener's: it was not asked. */
#define CHANGE_WHY_NAMED                                                     \
	"what has a name is opened by a reload only: write it to the file, " \
	"then \"socktopusctl reload\""

struct end;
struct engine;

/* What was bound for a listener or an end, or why it could not be. */
struct change_socket {
	int fd;	    /* -1: none */
	bool other; /* what is there has lost its name to it */
	char why[CHANGE_WHY_MAX];
};

enum change_other {
	CHANGE_CONTROL,
	CHANGE_LOG, /* standard error has none */
	CHANGE_OTHERS
};

struct change {
	struct bundle bundle;
	bool keep_identity;		 /* the bundle has none */
	struct change_socket *listens;	 /* as bundle.config->listens */
	struct change_socket *tunnels;	 /* as bundle.config->tunnels */
	struct change_socket *permitted; /* as config_ends_next() has them */
	size_t permitted_count;
	struct change_socket *others; /* CHANGE_OTHERS */
};

/* Room for the sockets of bundle, with no socket in it. 0, or -1 ENOMEM. */
int change_open(struct change *change);

/* Close and free all that is left of it. Safe on one that is all zeros. */
void change_free(struct change *change);

/*
 * What the engine runs by now, to be edited; for change_apply() without a new
 * identity. 0, or -1 ENOMEM.
 */
int change_copy(struct change *change, const struct engine *engine);

/*
 * What the engine runs by now, but for the identity, to be packed: its
 * configuration stays its own. 0, or -1 ENOMEM; to be returned in either case.
 */
int change_borrow(struct bundle *bundle, const struct engine *engine);
void change_return(struct bundle *bundle);

/*
 * Do it; what is used of change is taken out of it. 0, or -1 with a line in
 * error: then nothing has changed.
 */
int change_apply(struct engine *engine, struct change *change,
    char error[CHANGE_WHY_MAX]);

#endif
