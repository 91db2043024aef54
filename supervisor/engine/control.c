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
	struct bufferevent *stream;
};

static void
forget(struct client *client)
{
	TAILQ_REMOVE(&client->control->list, client, entry);
	client->control->clients--;
	bufferevent_free(client->stream);
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
answer(struct client *client, char *request)
{
	struct control_call call = { .engine = client->control->engine,
		.out = bufferevent_get_output(client->stream) };

	/* Before: what the answer waits for may come at once. */
	client->waits = true;
	switch (control_command(&call, request, client->may_change)) {
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
handle_read(struct bufferevent *stream, void *argument)
{
	struct client *client = argument;
	struct evbuffer *in = bufferevent_get_input(stream);
	char *request = evbuffer_readln(in, NULL, EVBUFFER_EOL_LF);
	size_t length;

	if (request == NULL) {
		if (evbuffer_get_length(in) >= REQUEST_MAX)
			forget(client);
		return;
	}
	/* There may be a key in it. */
	length = strlen(request);
	answer(client, request);
	explicit_bzero(request, length);
	free(request);
	bufferevent_disable(stream, EV_READ);
	bufferevent_setcb(stream, NULL, handle_written, handle_event, client);
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

static void
handle_accept(struct evconnlistener *listener, evutil_socket_t fd,
    struct sockaddr *address, int length, void *argument)
{
	static const struct timeval limit = { .tv_sec = CLIENT_SECONDS };
	struct control *control = argument;
	struct client *client;
	bool owner = is_owner(fd);

	(void)address;
	(void)length;
	if (control->clients >= CLIENTS_MAX || !may_look(control, owner)) {
		close(fd);
		return;
	}
	client = calloc(1, sizeof(*client));
	if (client == NULL) {
		close(fd);
		return;
	}
	client->control = control;
	client->may_change = owner;
	client->stream = bufferevent_socket_new(evconnlistener_get_base(
						    listener),
	    fd, BEV_OPT_CLOSE_ON_FREE);
	if (client->stream == NULL) {
		close(fd);
		free(client);
		return;
	}
	TAILQ_INSERT_TAIL(&control->list, client, entry);
	control->clients++;
	bufferevent_setwatermark(client->stream, EV_READ, 0, REQUEST_MAX);
	bufferevent_set_timeouts(client->stream, &limit, &limit);
	bufferevent_setcb(client->stream, handle_read, NULL, handle_event,
	    client);
	bufferevent_enable(client->stream, EV_READ | EV_WRITE);
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
			(void)send(bufferevent_getfd(client->stream), "end\n",
			    4, MSG_DONTWAIT | MSG_NOSIGNAL);
	}
}
