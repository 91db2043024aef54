#include "supervisor/engine/reload.h"

#include <bsd/string.h>
#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/config_ends.h"
#include "supervisor/descriptors.h"
#include "supervisor/engine/engine.h"
#include "supervisor/loader.h"
#include "supervisor/log.h"

/* What a configuration may be, packed. */
#define BYTES_MAX ((uint64_t)64 << 20)

/* Nobody is told of it before all names are in their places. */
static void
finish(struct reload *reload)
{
	const char *error = reload->failed ? reload->why : NULL;
	struct engine *engine = reload->engine;

	reload->under_way = false;
	control_reloaded(&engine->control, error);
	spawner_ready(&engine->spawner, error != NULL);
	if (reload->again)
		reload_begin(reload);
}

static void
settle(struct reload *reload)
{
	if (reload->failed)
		log_error(NULL, "configuration: %s", reload->why);
	change_free(&reload->change);
	reload->settles = true;
	opening_end(&reload->opening, !reload->failed);
}

/* The first reason is the one that is told. */
static void
fail(struct reload *reload, const char *why)
{
	if (!reload->failed)
		strlcpy(reload->why, why, sizeof(reload->why));
	reload->failed = true;
}

static int
read_all(int fd, uint8_t *bytes, size_t count)
{
	size_t done = 0;
	ssize_t got;

	while (done < count) {
		got = read(fd, bytes + done, count - done);
		if (got <= 0)
			return -1;
		done += (size_t)got;
	}
	return 0;
}

static const char *
take_config(struct reload *reload, const struct loader_record *record, int fd)
{
	static const char what[] = "it cannot be taken over";
	uint8_t *bytes;
	int result = -1;

	if (fd == -1 || record->bytes > BYTES_MAX)
		return what;
	change_free(&reload->change);
	bytes = malloc((size_t)record->bytes + 1);
	if (bytes != NULL && read_all(fd, bytes, (size_t)record->bytes) == 0)
		result = bundle_unpack(&reload->change.bundle, bytes,
		    (size_t)record->bytes);
	bundle_discard(bytes, (size_t)record->bytes);
	if (result == 0)
		result = change_open(&reload->change);
	return result == -1 ? what : NULL;
}

/* True: it was taken over. */
static bool
take_socket(struct change_socket *sockets, size_t count,
    const struct loader_record *record, int fd)
{
	if (sockets == NULL || record->index >= count)
		return false;
	strlcpy(sockets[record->index].why, record->words,
	    sizeof(sockets[record->index].why));
	if (sockets[record->index].fd != -1)
		close(sockets[record->index].fd);
	sockets[record->index].fd = fd;
	return true;
}

/* What the opener has, and the configuration wants. */
static void
take_named(struct reload *reload)
{
	const struct config *config = reload->change.bundle.config;
	struct change *change = &reload->change;
	struct config_walk walk = { 0 };
	struct change_socket *socket;
	struct config_end end;
	char text[ADDRESS_TEXT_MAX];
	size_t permitted = 0;

	while (config_ends_next(config, &walk, &end)) {
		socket = end.permitted ? &change->permitted[permitted++] :
					 &change->tunnels[walk.tunnel - 1];
		socket->fd = opening_take(&reload->opening, OPENER_END,
		    end.pair.kind, address_format(&end.pair.local, text));
		socket->other = opening_has_lost(&reload->opening,
		    end.pair.kind, text);
		snprintf(socket->why, sizeof(socket->why),
		    "%s: %s was not opened%s", end.of, text,
		    reload->opening.channel == -1 ?
			": the opener is gone, restart the service" :
			"");
	}
	change->others[CHANGE_CONTROL].fd = opening_take(&reload->opening,
	    OPENER_CONTROL, 0, config->control);
	change->others[CHANGE_CONTROL].other =
	    opening_has_lost(&reload->opening, 0, config->control);
	change->others[CHANGE_LOG].fd = opening_take(&reload->opening,
	    OPENER_LOG, config->log.target, "");
}

static void
apply(struct reload *reload)
{
	if (reload->engine->config->quick)
		return;
	if (reload->change.bundle.config == NULL) {
		fail(reload, "none came");
		return;
	}
	take_named(reload);
	if (!reload->engine->stopping &&
	    change_apply(reload->engine, &reload->change, reload->why) == -1)
		reload->failed = true;
}

/* The loader's word counts more: it knows all of the file. */
static void
decide(struct reload *reload)
{
	if (!reload->under_way || reload->loading || reload->opening.under_way)
		return;
	if (reload->opening.failed)
		fail(reload, reload->opening.why);
	if (!reload->failed)
		apply(reload);
	settle(reload);
}

static void
end_loading(struct reload *reload)
{
	reload->loading = false;
	decide(reload);
}

static void
take(struct reload *reload, const struct loader_record *record, int fd)
{
	const struct config *config = reload->change.bundle.config;
	const char *error = NULL;
	bool taken = false;

	switch ((enum loader_type)record->type) {
	case LOADER_CONFIG:
		error = take_config(reload, record, fd);
		break;
	case LOADER_LISTEN:
		taken = config != NULL &&
		    take_socket(reload->change.listens, config->listens_count,
			record, fd);
		break;
	case LOADER_TUNNEL:
		taken = config != NULL &&
		    take_socket(reload->change.tunnels, config->tunnels_count,
			record, fd);
		break;
	case LOADER_DONE:
		end_loading(reload);
		break;
	case LOADER_FAULT:
		fail(reload, record->words);
		end_loading(reload);
		break;
	}
	if (fd != -1 && !taken)
		close(fd);
	if (error != NULL)
		fail(reload, error);
}

static void
fail_loader(struct reload *reload)
{
	fail(reload, "the loader is gone: restart the service");
	end_loading(reload);
}

static void
lose_loader(struct reload *reload)
{
	event_free(reload->readable);
	reload->readable = NULL;
	close(reload->channel);
	reload->channel = -1;
	reload->again = false;
	if (reload->loading)
		fail_loader(reload);
}

static void
handle_readable(evutil_socket_t channel, short what, void *argument)
{
	struct reload *reload = argument;
	struct loader_record record;
	int result, fd;

	(void)what;
	while ((result = loader_receive(channel, &record, &fd)) == 1) {
		take(reload, &record, fd);
		/* Another one may have been asked for, and have failed. */
		if (reload->channel == -1)
			return;
	}
	if (result == 0 || (errno != EAGAIN && errno != EINTR))
		lose_loader(reload);
}

/* Also where nothing comes of the reload: logs are taken away by others. */
static void
handle_rotated(void *argument, int fd, const char *why)
{
	struct reload *reload = argument;
	struct log_settings settings = reload->engine->config->log;

	if (fd == -1) {
		log_warn(NULL, "log: cannot open it again: %s", why);
		return;
	}
	spawner_log(&reload->engine->spawner, (int)settings.target, fd);
	settings.level = log_get_level();
	log_adopt(&settings, fd);
}

static void
handle_opened(void *argument)
{
	struct reload *reload = argument;

	if (reload->settles)
		finish(reload);
	else
		decide(reload);
}

int
reload_open(struct reload *reload, struct engine *engine, int loader,
    int opener)
{
	*reload = (struct reload){ .engine = engine,
		.channel = loader,
		.opening = { .rotated = handle_rotated,
		    .over = handle_opened,
		    .argument = reload } };
	if (opening_open(&reload->opening, engine->base, opener) == -1)
		return -1;
	if (loader == -1)
		return 0;
	reload->readable = event_new(engine->base, loader, EV_READ | EV_PERSIST,
	    handle_readable, reload);
	if (reload->readable == NULL)
		return -1;
	return event_add(reload->readable, NULL);
}

void
reload_close(struct reload *reload)
{
	if (reload->readable != NULL)
		event_free(reload->readable);
	if (reload->channel != -1)
		close(reload->channel);
	opening_close(&reload->opening);
	change_free(&reload->change);
	reload->readable = NULL;
	reload->channel = -1;
}

const char *
reload_state(const struct reload *reload)
{
	if (reload->channel == -1 && !reload->engine->config->quick)
		return "unavailable";
	return reload->opening.channel == -1 ? "limited" : "available";
}

static int
ask_loader(const struct reload *reload)
{
	int listeners[DESCRIPTORS_AT_ONCE];
	const struct listener *listener;
	size_t count = 0;

	if (reload->channel == -1)
		return -1;
	TAILQ_FOREACH(listener, &reload->engine->listeners, entry)
		if (count < DESCRIPTORS_AT_ONCE)
			listeners[count++] = listener->fd;
	return loader_ask(reload->channel, listeners, count);
}

void
reload_begin(struct reload *reload)
{
	reload->again = reload->under_way;
	if (reload->under_way)
		return;
	reload->under_way = true;
	reload->settles = false;
	reload->failed = false;
	reload->loading = true;
	opening_begin(&reload->opening);
	if (reload->engine->config->quick)
		end_loading(reload);
	else if (ask_loader(reload) == -1)
		fail_loader(reload);
}
