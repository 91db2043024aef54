#include "tests/control_rig.h"

#include <bsd/string.h>

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/address.h"
#include "supervisor/bundle.h"
#include "supervisor/config.h"
#include "supervisor/config_words.h"
#include "supervisor/engine/change.h"
#include "supervisor/engine/engine.h"
#include "supervisor/engine/key.h"
#include "supervisor/engine/noise.h"
#include "supervisor/engine/path.h"
#include "supervisor/engine/secret.h"
#include "supervisor/engine/udp.h"
#include "supervisor/log.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* What the supervisor would be told goes nowhere. */
static void
handle_tick(evutil_socket_t fd, short what, void *argument)
{
	struct engine *engine = argument;
	struct path *path;

	(void)fd;
	(void)what;
	while ((path = TAILQ_FIRST(&engine->ended)) != NULL) {
		TAILQ_REMOVE(&engine->ended, path, entry);
		path_free(path);
	}
}

static void
must(bool held)
{
	if (!held)
		abort();
}

static struct config *
make_config(void)
{
	static char words[][48] = { "peer=p", "destination=tcp://192.0.2.1",
		"local=127.0.0.1:0:127.0.0.1:9", "remote=3:4",
		"path=tcp://192.0.2.2", "path=socks://192.0.2.3" };
	char key[KEY_TEXT_MAX], error[CONFIG_ERROR_MAX];
	uint8_t bytes[KEY_BYTES] = { 9 };
	char *list[COUNT(words)];
	struct config *config = config_new();

	key_to_text(bytes, key);
	for (size_t i = 0; i < COUNT(words); i++)
		list[i] = words[i];
	must(config != NULL);
	strlcpy(config->identity, "of the rig", sizeof(config->identity));
	config->log.level = LOG_FATAL_LEVEL;
	must(config_words_add_peer(config, "p", key, NULL, 0, error) == 0);
	must(config_words_add_tunnel(config, "t", list, COUNT(list), error) ==
	    0);
	return config;
}

static void
fill_change(struct change *change)
{
	const char *error;
	struct address_pair here;

	*change = (struct change){ .keep_identity = true };
	change->bundle.config = make_config();
	change->bundle.psks = calloc(2, sizeof(*change->bundle.psks));
	change->bundle.asked = calloc(2, sizeof(*change->bundle.asked));
	must(change->bundle.psks != NULL && change->bundle.asked != NULL &&
	    change_open(change) == 0 &&
	    address_resolve_tuple(&change->bundle.config->tunnels[0].local,
		&here, &error) == 0 &&
	    address_resolve_tuple(&change->bundle.config->tunnels[0].remote,
		&change->bundle.asked[0], &error) == 0);
	change->tunnels[0].fd = udp_bind(&here);
	must(change->tunnels[0].fd != -1);
}

void
control_rig_reset(struct engine *engine)
{
	char error[CHANGE_WHY_MAX];
	struct change change;

	fill_change(&change);
	must(change_apply(engine, &change, error) == 0);
	change_free(&change);
	event_base_loop(engine->base, EVLOOP_NONBLOCK);
}

static void
begin(struct engine *engine)
{
	struct bundle nothing = { .config = config_new() };
	uint8_t key[KEY_BYTES];

	must(nothing.config != NULL && noise_init() == 0 &&
	    secret_init(4096) != SECRET_FAILED &&
	    key_generate_private(key) == 0);
	engine->config = nothing.config;
	engine->spawner.channel = -1;
	engine->identity = noise_identity_new(key);
	must(engine->identity != NULL);
	engine->peers = engine_new_peers(&nothing, engine->identity);
	engine->base = event_base_new();
	must(engine->peers != NULL && engine->base != NULL);
	engine->tick = event_new(engine->base, -1, EV_PERSIST, handle_tick,
	    engine);
	must(engine->tick != NULL);
	TAILQ_INIT(&engine->listeners);
	TAILQ_INIT(&engine->tunnels);
	TAILQ_INIT(&engine->arriving);
	TAILQ_INIT(&engine->ended);
}

struct engine *
control_rig_start(struct sockaddr_un *address, socklen_t *length)
{
	static struct engine engine;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	address_forget_services();
	log_set_level(LOG_FATAL_LEVEL);
	begin(&engine);
	control_rig_reset(&engine);
	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	/* The kernel finds an abstract name. */
	must(fd != -1 &&
	    bind(fd, (struct sockaddr *)address, sizeof(sa_family_t)) == 0 &&
	    getsockname(fd, (struct sockaddr *)address, length) == 0 &&
	    listen(fd, 16) == 0 &&
	    control_open(&engine.control, &engine, fd) == 0);
	return &engine;
}
