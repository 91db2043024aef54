#include "supervisor/engine/change_sandbox.h"

#include <stdio.h>

#include "supervisor/engine/change.h"
#include "supervisor/engine/engine.h"
#include "supervisor/log.h"
#include "supervisor/sandbox_lock.h"

int
change_check_sandbox(const struct engine *engine, const struct config *new,
    char *error)
{
	const char *lack = sandbox_lock_lack();

	if (lack == NULL || new->sandbox == engine->config->sandbox ||
	    new->sandbox != CONFIG_SANDBOX_REQUIRED)
		return 0;
	snprintf(error, CHANGE_WHY_MAX,
	    "sandbox: cannot be \"required\", the engine runs without %s",
	    lack);
	return -1;
}

void
change_turn_sandbox(struct engine *engine, const struct config *new)
{
	if (engine->config->sandbox == new->sandbox)
		return;
	spawner_sandbox(&engine->spawner, (int)new->sandbox);
	log_notice(NULL, "sandbox: %s for the next engine",
	    new->sandbox == CONFIG_SANDBOX_REQUIRED ? "required" :
						      "best-effort");
}
