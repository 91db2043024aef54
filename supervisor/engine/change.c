/*
 * Paths, tunnels and peers point into the configuration that they were made
 * from. Here they are set to the new one before the old one is freed; those
 * that are not in it are ended first.
 */
#include "supervisor/engine/change.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/config_ends.h"
#include "supervisor/config_paths.h"
#include "supervisor/config_relays.h"
#include "supervisor/engine/change_named.h"
#include "supervisor/engine/change_parts.h"
#include "supervisor/engine/change_sandbox.h"
#include "supervisor/engine/difference.h"
#include "supervisor/engine/engine.h"
#include "supervisor/engine/noise.h"
#include "supervisor/engine/secret.h"
#include "supervisor/engine/tunnel.h"
#include "supervisor/log.h"

static struct change_socket *
new_sockets(size_t count)
{
	struct change_socket *sockets = calloc(count + 1, sizeof(*sockets));

	for (size_t i = 0; sockets != NULL && i < count; i++)
		sockets[i] = (struct change_socket){ -1, false,
			CHANGE_WHY_NAMED };
	return sockets;
}

static size_t
count_permitted(const struct config *config)
{
	struct config_walk walk = { 0 };
	struct config_end end;
	size_t count = 0;

	while (config_ends_next(config, &walk, &end))
		count += end.permitted;
	return count;
}

int
change_open(struct change *change)
{
	const struct config *config = change->bundle.config;

	change->permitted_count = count_permitted(config);
	change->listens = new_sockets(config->listens_count);
	change->tunnels = new_sockets(config->tunnels_count);
	change->permitted = new_sockets(change->permitted_count);
	change->others = new_sockets(CHANGE_OTHERS);
	return change->listens == NULL || change->tunnels == NULL ||
		change->permitted == NULL || change->others == NULL ?
	    -1 :
	    0;
}

static void
close_sockets(struct change_socket *sockets, size_t count)
{
	for (size_t i = 0; sockets != NULL && i < count; i++)
		if (sockets[i].fd != -1)
			close(sockets[i].fd);
	free(sockets);
}

/* As many as the configuration says. */
static void
close_all(struct change *change, const struct config *config)
{
	close_sockets(change->listens, config->listens_count);
	close_sockets(change->tunnels, config->tunnels_count);
	close_sockets(change->permitted, change->permitted_count);
	close_sockets(change->others, CHANGE_OTHERS);
	change->listens = change->tunnels = NULL;
	change->permitted = change->others = NULL;
}

void
change_free(struct change *change)
{
	const struct config *config = change->bundle.config;

	if (config != NULL)
		close_all(change, config);
	bundle_free(&change->bundle);
	*change = (struct change){ .keep_identity = false };
}

int
change_borrow(struct bundle *bundle, const struct engine *engine)
{
	const struct config *config = engine->config;
	const struct tunnel *tunnel;

	*bundle = (struct bundle){ .config = engine->config };
	bundle->psks = calloc(config->peers_count + 1, sizeof(*bundle->psks));
	bundle->asked = calloc(config->tunnels_count + 1,
	    sizeof(*bundle->asked));
	if (bundle->psks == NULL || bundle->asked == NULL)
		return -1;
	for (size_t i = 0; i < config->peers_count; i++)
		memcpy(bundle->psks[i].key, engine->peers[i].psk,
		    sizeof(bundle->psks[i].key));
	TAILQ_FOREACH(tunnel, &engine->tunnels, entry)
		if (tunnel->config != NULL)
			bundle->asked[tunnel->config - config->tunnels] =
			    tunnel->asked;
	return 0;
}

void
change_return(struct bundle *bundle)
{
	if (bundle->psks != NULL)
		key_wipe(bundle->psks,
		    bundle->config->peers_count * sizeof(*bundle->psks));
	free(bundle->psks);
	free(bundle->asked);
	key_wipe(bundle, sizeof(*bundle));
}

int
change_copy(struct change *change, const struct engine *engine)
{
	struct bundle bundle = { .config = NULL };
	void *packed = NULL;
	size_t bytes = 0;
	int result = -1;

	*change = (struct change){ .keep_identity = true };
	if (change_borrow(&bundle, engine) == 0)
		packed = bundle_pack(&bundle, &bytes);
	if (packed != NULL)
		result = bundle_unpack(&change->bundle, packed, bytes);
	/* That may have been changed by hand as well. */
	if (result == 0)
		change->bundle.config->log.level = log_get_level();
	bundle_discard(packed, bytes);
	change_return(&bundle);
	return result;
}

static int
refuse(char error[CHANGE_WHY_MAX], const char *words)
{
	snprintf(error, CHANGE_WHY_MAX, "%s", words);
	return -1;
}

/* Also of paths by hand. */
static int
check_counts(const struct config *config, char error[CHANGE_WHY_MAX])
{
	for (size_t i = 0; i < config->tunnels_count; i++)
		if (config_paths_check(&config->tunnels[i], error,
			CHANGE_WHY_MAX) == -1)
			return -1;
	return 0;
}

static bool
has_names(const struct config_tunnel *tunnel)
{
	for (size_t i = 0; i < tunnel->paths_count; i++)
		if (config_relays_ask(tunnel, &tunnel->paths[i],
			address_is_numeric))
			return true;
	return false;
}

/* What sandbox_check_config() asks for, also of paths by hand. */
static int
check_relays(const struct config *config, bool numeric,
    char error[CHANGE_WHY_MAX])
{
	for (size_t i = 0; numeric && i < config->tunnels_count; i++)
		if (has_names(&config->tunnels[i]))
			return refuse(error,
			    "relays must be numeric addresses here");
	return 0;
}

static int
check_listeners(const struct engine *engine, const struct change *change,
    char error[CHANGE_WHY_MAX])
{
	const struct config *config = change->bundle.config;

	for (size_t i = 0; i < config->listens_count; i++)
		if (difference_find_listen(engine->config,
			&config->listens[i]) == DIFFERENCE_NOTHING &&
		    change->listens[i].fd == -1)
			return refuse(error, change->listens[i].why);
	return 0;
}

static int
check_tunnels(const struct engine *engine, const struct change *change,
    char error[CHANGE_WHY_MAX])
{
	const struct config *config = change->bundle.config;

	for (size_t i = 0; i < config->tunnels_count; i++)
		if (!change_keeps_end(engine, &config->tunnels[i]) &&
		    change->tunnels[i].fd == -1)
			return refuse(error, change->tunnels[i].why);
	return 0;
}

static int
check_others(const struct change_plan *plan, const struct change *change,
    char error[CHANGE_WHY_MAX])
{
	const struct change_socket *others = change->others;

	if (plan->new_control && plan->new->control[0] != '\0' &&
	    others[CHANGE_CONTROL].fd == -1)
		return refuse(error, "control: it was not opened");
	if (plan->new_log &&
	    plan->new->log.target != LOG_TO_STDERR &&others[CHANGE_LOG].fd ==
		-1)
		return refuse(error, "log: it was not opened");
	return 0;
}

static int
make_identity(struct change_plan *plan, const struct change *change,
    char error[CHANGE_WHY_MAX])
{
	struct engine *engine = plan->engine;

	plan->identity = engine->identity;
	if (change->keep_identity)
		return 0;
	plan->identity = noise_identity_new(change->bundle.identity);
	if (plan->identity == NULL)
		return refuse(error, "identity: not a private key");
	plan->new_identity = memcmp(noise_identity_public(plan->identity),
				 noise_identity_public(engine->identity),
				 KEY_BYTES) != 0;
	if (plan->new_identity)
		return 0;
	noise_identity_free(plan->identity);
	plan->identity = engine->identity;
	return 0;
}

static int
make_plan(struct change_plan *plan, struct change *change,
    char error[CHANGE_WHY_MAX])
{
	struct engine *engine = plan->engine;

	if (check_counts(change->bundle.config, error) == -1 ||
	    check_relays(change->bundle.config, engine->config->numeric,
		error) == -1 ||
	    check_listeners(engine, change, error) == -1 ||
	    check_tunnels(engine, change, error) == -1 ||
	    change_check_sandbox(engine, change->bundle.config, error) == -1 ||
	    check_others(plan, change, error) == -1 ||
	    make_identity(plan, change, error) == -1)
		return -1;
	plan->peers = engine_new_peers(&change->bundle, plan->identity);
	if (plan->peers == NULL)
		refuse(error, "no memory for the keys of so many peers");
	else if (change_plan_permitted(plan, change, error) == 0)
		return 0;
	else
		engine_free_peers(plan->peers, plan->new);
	if (plan->identity != engine->identity)
		noise_identity_free(plan->identity);
	return -1;
}

/* What runs is compared with, the next time as well. */
static void
keep_fixed(const struct config *old, struct config *new)
{
	memcpy(new->user, old->user, sizeof(new->user));
	memcpy(new->worker_user, old->worker_user, sizeof(new->worker_user));
	new->numeric = old->numeric;
}

static void
warn_of_fixed(const struct config *old, const struct config *new)
{
	const char *names[DIFFERENCE_FIXED_MAX];
	size_t count = difference_fixed(old, new, names);

	for (size_t i = 0; i < count; i++)
		log_warn(NULL,
		    "%s: another value waits for a restart: no process has "
		    "the right to change users any more; the rest of the file "
		    "is in force",
		    names[i]);
}

/* Lines from here on go to it, and so do the supervisor's. */
static void
turn_log(struct change_plan *plan, struct change *change)
{
	struct change_socket *log = &change->others[CHANGE_LOG];
	struct log_settings settings = plan->new->log;

	if (!plan->new_log)
		return;
	spawner_log(&plan->engine->spawner, (int)settings.target, log->fd);
	settings.level = log_get_level();
	log_adopt(&settings, log->fd);
	log->fd = -1;
}

static void
set_level(struct engine *engine, const struct config *new)
{
	if (log_get_level() == new->log.level)
		return;
	log_set_level(new->log.level);
	spawner_level(&engine->spawner, (int)new->log.level);
}

int
change_apply(struct engine *engine, struct change *change,
    char error[CHANGE_WHY_MAX])
{
	struct change_plan plan = { .engine = engine,
		.old = engine->config,
		.new = change->bundle.config };
	struct engine_peer *old_peers = engine->peers;
	struct noise_identity *old_identity = engine->identity;

	plan.new_control = difference_control(plan.old, plan.new) ||
	    change->others[CHANGE_CONTROL].other;
	plan.new_log = difference_log(&plan.old->log, &plan.new->log);
	if (make_plan(&plan, change, error) == -1)
		return -1;
	turn_log(&plan, change);
	warn_of_fixed(plan.old, plan.new);
	keep_fixed(plan.old, plan.new);
	set_level(engine, plan.new);
	change_turn_sandbox(engine, plan.new);
	change_end_what_goes(&plan);
	change_turn_peers(&plan);
	engine->peers = plan.peers;
	engine->identity = plan.identity;
	change_turn_tunnels(&plan, change);
	change_turn_listeners(&plan, change);
	change_turn_permitted(&plan);
	engine->config = plan.new;
	if (plan.new_control)
		change_turn_control(&plan, change);
	engine_free_peers(old_peers, plan.old);
	if (old_identity != plan.identity)
		noise_identity_free(old_identity);
	close_all(change, plan.new);
	change->bundle.config = plan.old;
	/* The keys are the new one's, and so are their number. */
	key_wipe(change->bundle.psks,
	    plan.new->peers_count * sizeof(*change->bundle.psks));
	free(change->bundle.psks);
	change->bundle.psks = NULL;
	bundle_free(&change->bundle);
	engine_kick(engine);
	return 0;
}
