#include "supervisor/engine/control.h"

#include <sys/socket.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/engine/engine.h"
#include "supervisor/engine/status.h"
#include "supervisor/log.h"

#define REQUEST_MAX 4096
#define CLIENTS_MAX 32
#define CLIENT_SECONDS 5

struct command {
	const char *name;
	void (*answer)(struct engine *engine, struct evbuffer *out);
};

static const struct command commands[] = {
	{ "status", status_write },
};

struct client {
	struct control *control;
	struct bufferevent *stream;
};

static void
forget(struct client *client)
{
	client->control->clients--;
	bufferevent_free(client->stream);
	free(client);
}

static void
answer(struct client *client, const char *request)
{
	struct evbuffer *out = bufferevent_get_output(client->stream);

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(commands[i].name, request) == 0) {
			commands[i].answer(client->control->engine, out);
			evbuffer_add_printf(out, "end\n");
			return;
		}
	}
	evbuffer_add_printf(out, "error unknown%%20request\n");
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

	if (request == NULL) {
		if (evbuffer_get_length(in) >= REQUEST_MAX)
			forget(client);
		return;
	}
	answer(client, request);
	free(request);
	bufferevent_disable(stream, EV_READ);
	bufferevent_setcb(stream, NULL, handle_written, handle_event, client);
}

/* The socket's mode keeps others out; this holds if its folder was opened. */
static bool
may_ask(int fd)
{
	struct ucred peer;
	socklen_t length = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 &&
	    (peer.uid == 0 || peer.uid == geteuid());
}

static void
handle_accept(struct evconnlistener *listener, evutil_socket_t fd,
    struct sockaddr *address, int length, void *argument)
{
	static const struct timeval limit = { .tv_sec = CLIENT_SECONDS };
	struct control *control = argument;
	struct client *client;

	(void)address;
	(void)length;
	if (control->clients >= CLIENTS_MAX || !may_ask(fd)) {
		close(fd);
		return;
	}
	client = calloc(1, sizeof(*client));
	if (client == NULL) {
		close(fd);
		return;
	}
	client->control = control;
	client->stream = bufferevent_socket_new(evconnlistener_get_base(
						    listener),
	    fd, BEV_OPT_CLOSE_ON_FREE);
	if (client->stream == NULL) {
		close(fd);
		free(client);
		return;
	}
	control->clients++;
	bufferevent_setwatermark(client->stream, EV_READ, 0, REQUEST_MAX);
	bufferevent_set_timeouts(client->stream, &limit, &limit);
	bufferevent_setcb(client->stream, handle_read, NULL, handle_event,
	    client);
	bufferevent_enable(client->stream, EV_READ | EV_WRITE);
}

int
control_open(struct control *control, struct engine *engine, int fd)
{
	control->engine = engine;
	if (fd == -1)
		return 0;
	evutil_make_socket_nonblocking(fd);
	control->listener = evconnlistener_new(engine->base, handle_accept,
	    control, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
	return control->listener == NULL ? -1 : 0;
}

void
control_close(struct control *control)
{
	if (control->listener != NULL)
		evconnlistener_free(control->listener);
	control->listener = NULL;
}

void
control_reloaded(struct control *control, const char *error)
{
	(void)control;
	(void)error;
}
