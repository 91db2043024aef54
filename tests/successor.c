/*
 * A program that is no good as the next one, for upgrade.sh, by what it was
 * compiled as:
 *
 *	early	it crashes at once
 *	late	on trial it is good, as the engine it crashes
 *	mute	as the engine it says that it is ready, and then nothing more
 */
#include <sys/socket.h>

#include <string.h>
#include <unistd.h>

#include "supervisor/keeper.h"
#include "supervisor/spawn.h"
#include "supervisor/succession.h"
#include "supervisor/upgrade_words.h"

#ifndef SUCCESSOR
#define SUCCESSOR "early"
#endif

static const char what[] = SUCCESSOR;

int
main(int argc, char **argv)
{
	const struct spawn_record prepared = { .type = SPAWN_PREPARED };
	enum succession_role role;

	if (strcmp(what, "early") == 0 ||
	    !succession_is_asked(argc, argv, &role))
		__builtin_trap();
	if (role == SUCCESSION_TRIAL)
		return UPGRADE_EXIT_GOOD;
	if (strcmp(what, "late") == 0)
		__builtin_trap();
	send(KEEPER_FD_CHANNEL, &prepared, sizeof(prepared), 0);
	send(KEEPER_FD_CHANNEL, &prepared, sizeof(prepared), 0);
	/* What is given in advance, in two steps, is none of its business. */
	send(KEEPER_FD_HANDOVER, "", 1, 0);
	send(KEEPER_FD_HANDOVER, "", 1, 0);
	pause();
	return 0;
}
