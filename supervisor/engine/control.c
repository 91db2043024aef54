#include "supervisor/engine/control.h"

#include <sys/socket.h>

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/config.h"
#include "supervisor/engine/control_command.h"
#include "supervisor/engine/engine.h"
#include "supervisor/engine/status.h"
#include "supervisor/log.h"

#define REQUEST_MAX 4096
#define CLIENTS_MAX 32
#define CLIENT_SECONDS 5

struct client {
	TAILQ_ENTRY(client) entry;
	struct control *control;
	bool may_change;
	bool waits; /* for the end of a reload */
	bool upgrades;
	int fd;
	struct bufferevent *stream; /* of the answer */
	struct event *readable;
	size_t used;
	/* Not in the stream's buffers: they are freed as they are, and there
	 * may be a key in it. */
	char request[REQUEST_MAX];
};

static void
forget(struct client *client)
{
	TAILQ_REMOVE(&client->control->list, client, entry);
	client->control->clients--;
	if (client->readable != NULL)
		event_free(client->readable);
	if (client->stream != NULL)
		bufferevent_free(client->stream);
	close(client->fd);
	explicit_bzero(client->request, sizeof(client->request));
	free(client);
}

static void
end_answer(struct client *client, const char *error)
{
	struct evbuffer *out = bufferevent_get_output(client->stream);

	client->waits = false;
	if (error == NULL) {
		evbuffer_add_printf(out, "end\n");
		return;
	}
	evbuffer_add_printf(out, "error ");
	status_add_encoded(out, error);
	evbuffer_add_printf(out, "\n");
}

static void
answer(struct client *client)
{
	struct control_call call = { .engine = client->control->engine,
		.out = bufferevent_get_output(client->stream) };

	/* Before: what the answer waits for may come at once. */
	client->waits = true;
	switch (control_command(&call, client->request, client->may_change)) {
	case CONTROL_DONE:
		end_answer(client, NULL);
		break;
	case CONTROL_REFUSED:
		end_answer(client, call.error);
		break;
	case CONTROL_WAITS:
		break;
	case CONTROL_UPGRADES:
		client->waits = false;
		client->upgrades = true;
		break;
	}
}

/* The answer is out: that was all. */
static void
handle_written(struct bufferevent *stream, void *argument)
{
	(void)stream;
	forget(argument);
}

static void
handle_event(struct bufferevent *stream, short what, void *argument)
{
	(void)stream;
	(void)what;
	forget(argument);
}

static void
handle_request(struct client *client)
{
	event_del(client->readable);
	answer(client);
	explicit_bzero(client->request, sizeof(client->request));
	bufferevent_setcb(client->stream, NULL, handle_written, handle_event,
	    client);
}

static void
handle_readable(evutil_socket_t fd, short what, void *argument)
{
	struct client *client = argument;
	char *place = client->request + client->used, *end;
	ssize_t got = 0;

	if (what != EV_TIMEOUT)
		got = recv(fd, place, sizeof(client->request) - client->used,
		    0);
	if (got == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0) {
		forget(client);
		return;
	}
	client->used += (size_t)got;
	end = memchr(place, '\n', (size_t)got);
	if (end != NULL) {
		*end = '\0';
		handle_request(client);
	} else if (client->used == sizeof(client->request)) {
		forget(client);
	}
}

/* May the client change what runs? */
static bool
is_owner(int fd)
{
	struct ucred peer;
	socklen_t length = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 &&
	    (peer.uid == 0 || peer.uid == geteuid());
}

/* The socket's mode keeps others out; this holds if its folder was opened. */
static bool
may_look(const struct control *control, bool owner)
{
	return owner || control->engine->config->control_group[0] != '\0';
}

/* False: there is no memory. */
static bool
open_client(struct client *client, struct event_base *base, int fd)
{
	static const struct timeval limit = { .tv_sec = CLIENT_SECONDS };

	client->readable = event_new(base, fd, EV_READ | EV_PERSIST,
	    handle_readable, client);
	client->stream = bufferevent_socket_new(base, fd, 0);
	if (client->readable == NULL || client->stream == NULL ||
	    event_add(client->readable, &limit) == -1)
		return false;
	bufferevent_set_timeouts(client->stream, NULL, &limit);
	return true;
}

static void
handle_accept(struct evconnlistener *listener, evutil_socket_t fd,
    struct sockaddr *address, int length, void *argument)
{
	struct control *control = argument;
	struct client *client = NULL;
	bool owner = is_owner(fd);

	(void)address;
	(void)length;
	if (control->clients < CLIENTS_MAX && may_look(control, owner))
		client = calloc(1, sizeof(*client));
	if (client == NULL) {
		close(fd);
		return;
	}
	client->control = control;
	client->may_change = owner;
	client->fd = fd;
	TAILQ_INSERT_TAIL(&control->list, client, entry);
	control->clients++;
	if (!open_client(client, evconnlistener_get_base(listener), fd))
		forget(client);
}

static void
resume(evutil_socket_t fd, short what, void *argument)
{
	struct control *control = argument;

	(void)fd;
	(void)what;
	if (control->listener != NULL)
		evconnlistener_enable(control->listener);
}

/* Without descriptors or memory it would be told again at once. */
static void
handle_refusal(struct evconnlistener *listener, void *argument)
{
	static const struct timeval second = { .tv_sec = 1 };
	struct control *control = argument;

	log_warn(NULL, "%s: accept: %s; paused for a second",
	    control->engine->config->control, strerror(errno));
	if (event_base_once(control->engine->base, -1, EV_TIMEOUT, resume,
		control, &second) == 0)
		evconnlistener_disable(listener);
}

void
control_close(struct control *control)
{
	if (control->listener != NULL)
		evconnlistener_free(control->listener);
	control->listener = NULL;
}

int
control_turn(struct control *control, int fd)
{
	control_close(control);
	control->fd = fd;
	if (fd == -1)
		return 0;
	evutil_make_socket_nonblocking(fd);
	control->listener = evconnlistener_new(control->engine->base,
	    handle_accept, control,
	    LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
	if (control->listener == NULL)
		return -1;
	evconnlistener_set_error_cb(control->listener, handle_refusal);
	return 0;
}

int
control_open(struct control *control, struct engine *engine, int fd)
{
	control->engine = engine;
	TAILQ_INIT(&control->list);
	return control_turn(control, fd);
}

void
control_reloaded(struct control *control, const char *error)
{
	struct client *client;

	TAILQ_FOREACH(client, &control->list, entry)
		if (client->waits)
			end_answer(client, error);
}

bool
control_upgrades(const struct control *control)
{
	const struct client *client;

	TAILQ_FOREACH(client, &control->list, entry)
		if (client->upgrades)
			return true;
	return false;
}

void
control_upgraded(struct control *control, const char *error)
{
	struct client *client;

	TAILQ_FOREACH(client, &control->list, entry) {
		if (!client->upgrades)
			continue;
		client->upgrades = false;
		if (error != NULL)
			end_answer(client, error);
		else /* Now: there is no event loop to come back to. */
			(void)send(client->fd, "end\n", 4,
			    MSG_DONTWAIT | MSG_NOSIGNAL);
	}
}
