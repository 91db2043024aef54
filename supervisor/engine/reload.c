#include "supervisor/engine/reload.h"

#include <bsd/string.h>
#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/engine/engine.h"
#include "supervisor/loader.h"
#include "supervisor/log.h"

/* What a configuration may be, packed. */
#define BYTES_MAX ((uint64_t)64 << 20)

/* error is NULL: all went well. */
static void
finish(struct reload *reload, const char *error)
{
	struct engine *engine = reload->engine;

	if (error != NULL)
		log_error(NULL, "configuration: %s", error);
	change_free(&reload->change);
	reload->under_way = false;
	control_reloaded(&engine->control, error);
	spawner_ready(&engine->spawner, error != NULL);
	if (reload->again)
		reload_begin(reload);
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
	sockets[record->index].fd = fd;
	return true;
}

static void
apply(struct reload *reload)
{
	char error[CHANGE_WHY_MAX];

	if (reload->change.bundle.config == NULL)
		finish(reload, "none came");
	else if (reload->engine->stopping ||
	    change_apply(reload->engine, &reload->change, error) == 0)
		finish(reload, NULL);
	else
		finish(reload, error);
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
		apply(reload);
		break;
	case LOADER_FAULT:
		finish(reload, record->words);
		break;
	}
	if (fd != -1 && !taken)
		close(fd);
	if (error != NULL)
		finish(reload, error);
}

static void
lose_loader(struct reload *reload)
{
	event_free(reload->readable);
	reload->readable = NULL;
	close(reload->channel);
	reload->channel = -1;
	reload->again = false;
	if (reload->under_way)
		finish(reload, "the loader is gone: restart");
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

int
reload_open(struct reload *reload, struct engine *engine, int channel)
{
	*reload = (struct reload){ .engine = engine, .channel = channel };
	if (channel == -1)
		return 0;
	reload->readable = event_new(engine->base, channel,
	    EV_READ | EV_PERSIST, handle_readable, reload);
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
	change_free(&reload->change);
	reload->readable = NULL;
	reload->channel = -1;
}

void
reload_begin(struct reload *reload)
{
	reload->again = reload->under_way;
	if (reload->under_way)
		return;
	reload->under_way = true;
	if (reload->engine->config->quick)
		finish(reload, NULL);
	else if (reload->channel == -1 || loader_ask(reload->channel) == -1)
		finish(reload, "the loader is gone: restart");
}
