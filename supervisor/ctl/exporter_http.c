/*
 * One thread, which also asks the control sockets: while a process is slow to
 * answer, everybody waits, for a second at most. What they say is kept for a
 * moment, so that many readers are no load for them.
 */
#include "supervisor/ctl/exporter_http.h"

#include <sys/socket.h>

#include <netinet/in.h>

#include <errno.h>
#include <microhttpd.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/ctl/gather.h"
#include "supervisor/ctl/json.h"
#include "supervisor/ctl/metrics.h"
#include "supervisor/ctl/page.h"
#include "supervisor/ctl/status.h"
#include "supervisor/engine/clock.h"
#include "supervisor/log.h"

#define ASK_TIMEOUT_MS 1000
#define KEEP_US UINT64_C(500000)
#define CONNECTIONS_MAX 64
#define CONNECTION_BYTES 16384
#define IDLE_S 20

static struct {
	struct MHD_Daemon *daemon;
	const char *control;
	bool loopback;
	struct gather gather;
	uint64_t asked_us; /* 0: not yet */
	/* When it was last logged: */
	size_t silent; /* of the processes */
	bool none;     /* there was none */
} exporter;

static void
complain_of_none(const struct gather *gather)
{
	if (gather->denied != NULL)
		log_warn(gather->denied, "no answer: %s", strerror(EACCES));
	else
		log_warn(NULL, "no running socktopus was found");
}

/* Said when it changes, not for each that asks. */
static void
complain(const struct gather *gather)
{
	size_t silent = gather->count - gather->answered, i;
	bool none = gather->count == 0;

	if (silent == exporter.silent && none == exporter.none)
		return;
	exporter.silent = silent;
	exporter.none = none;
	if (none)
		complain_of_none(gather);
	else if (silent == 0)
		log_notice(NULL, "every process answers");
	for (i = 0; i < gather->count; i++)
		if (!gather->sources[i].answered)
			log_warn(gather->sources[i].socket, "no answer: %s",
			    gather->sources[i].error);
}

static const struct gather *
ask(void)
{
	if (exporter.asked_us != 0) {
		if (clock_now_us() - exporter.asked_us < KEEP_US)
			return &exporter.gather;
		gather_free(&exporter.gather);
	}
	gather_ask(&exporter.gather, exporter.control, "status",
	    ASK_TIMEOUT_MS);
	exporter.asked_us = clock_now_us();
	complain(&exporter.gather);
	return &exporter.gather;
}

/* What stands at an address: a text of the program's, or one that is made. */
struct content {
	const char *url;
	const char *type;
	const char *fixed; /* or NULL, then: */
	int (*write)(const struct gather *gather, FILE *stream);
};

static int
write_openmetrics(const struct gather *gather, FILE *stream)
{
	return metrics_write(gather, METRICS_OPENMETRICS, stream);
}

static int
write_plain(const struct gather *gather, FILE *stream)
{
	return metrics_write(gather, METRICS_PLAIN, stream);
}

static const struct content contents[] = { { "/", "text/html; charset=utf-8",
					       page_html, NULL },
	{ "/page.css", "text/css; charset=utf-8", page_css, NULL },
	{ "/page.js", "text/javascript; charset=utf-8", page_js, NULL },
	{ "/status.json", "application/json", NULL, status_write_json },
	{ "/metrics", METRICS_PLAIN_TYPE, NULL, write_plain } };

static const struct content openmetrics = { "/metrics",
	METRICS_OPENMETRICS_TYPE, NULL, write_openmetrics };

static const struct content refusals[] = { { NULL, "text/plain", "not found\n",
					       NULL },
	{ NULL, "text/plain", "only GET and HEAD\n", NULL },
	{ NULL, "text/plain", "not by this name\n", NULL },
	{ NULL, "text/plain", "out of memory\n", NULL } };

static const struct content *
find_content(struct MHD_Connection *connection, const char *url)
{
	const char *accept = MHD_lookup_connection_value(connection,
	    MHD_HEADER_KIND, "Accept");
	size_t i;

	if (strcmp(url, openmetrics.url) == 0 && accept != NULL &&
	    strstr(accept, "application/openmetrics-text") != NULL)
		return &openmetrics;
	for (i = 0; i < sizeof(contents) / sizeof(contents[0]); i++)
		if (strcmp(url, contents[i].url) == 0)
			return &contents[i];
	return NULL;
}

/* The answers as they are asked for. NULL without memory. */
static struct MHD_Response *
make_answer(const struct content *content, const struct gather *gather)
{
	struct MHD_Response *response;
	char *text = NULL;
	size_t bytes;
	FILE *stream = open_memstream(&text, &bytes);
	int result;

	if (stream == NULL)
		return NULL;
	result = content->write(gather, stream);
	if (fclose(stream) != 0 || result == -1) {
		free(text);
		return NULL;
	}
	response = MHD_create_response_from_buffer(bytes, text,
	    MHD_RESPMEM_MUST_FREE);
	if (response == NULL)
		free(text);
	return response;
}

/* Where nobody answers, metrics still say so, but the status is of nothing. */
static struct MHD_Response *
make_response(const struct content *content, unsigned int *status)
{
	const struct gather *gather;

	if (content->fixed != NULL)
		return MHD_create_response_from_buffer(strlen(content->fixed),
		    (void *)(uintptr_t)content->fixed, MHD_RESPMEM_PERSISTENT);
	gather = ask();
	if (gather->answered == 0 && content->write == status_write_json)
		*status = MHD_HTTP_SERVICE_UNAVAILABLE;
	return make_answer(content, gather);
}

/* Nothing but our own files runs in the page, and nobody frames it. */
static const char *const headers[][2] = {
	{ "Content-Security-Policy",
	    "default-src 'none'; script-src 'self'; style-src 'self'; "
	    "connect-src 'self'; base-uri 'none'; form-action 'none'; "
	    "frame-ancestors 'none'; require-trusted-types-for 'script'" },
	{ "X-Content-Type-Options", "nosniff" },
	{ "Referrer-Policy", "no-referrer" },
	{ "Cross-Origin-Resource-Policy", "same-origin" },
	{ "Cache-Control", "no-store" }
};

static enum MHD_Result
send_content(struct MHD_Connection *connection, unsigned int status,
    const struct content *content)
{
	struct MHD_Response *response = make_response(content, &status);
	enum MHD_Result result;
	size_t i;

	if (response == NULL && content->fixed == NULL)
		return send_content(connection, MHD_HTTP_INTERNAL_SERVER_ERROR,
		    &refusals[3]);
	if (response == NULL)
		return MHD_NO;
	MHD_add_response_header(response, "Content-Type", content->type);
	for (i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
		MHD_add_response_header(response, headers[i][0], headers[i][1]);
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(response, "Allow", "GET, HEAD");
	result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

/* A name that a foreign page had resolved to us is not one of these. */
static bool
is_by_our_name(struct MHD_Connection *connection)
{
	static const char *const names[] = { "localhost", "[::1]" };
	const char *host = MHD_lookup_connection_value(connection,
	    MHD_HEADER_KIND, "Host");
	size_t length, i;

	if (!exporter.loopback || host == NULL)
		return true;
	if (strncmp(host, "127.", 4) == 0)
		return strspn(host, "0123456789.:") == strlen(host);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		length = strlen(names[i]);
		if (strncasecmp(host, names[i], length) == 0 &&
		    (host[length] == '\0' || host[length] == ':'))
			return true;
	}
	return false;
}

static enum MHD_Result
answer(void *argument, struct MHD_Connection *connection, const char *url,
    const char *method, const char *version, const char *upload,
    size_t *upload_bytes, void **state)
{
	static char begun;
	const struct content *content;

	(void)argument;
	(void)version;
	(void)upload;
	if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
		return send_content(connection, MHD_HTTP_METHOD_NOT_ALLOWED,
		    &refusals[1]);
	/* The headers are there; a body may follow, which nobody wants. */
	if (*state == NULL || *upload_bytes > 0) {
		*state = &begun;
		*upload_bytes = 0;
		return MHD_YES;
	}
	if (!is_by_our_name(connection))
		return send_content(connection, MHD_HTTP_MISDIRECTED_REQUEST,
		    &refusals[2]);
	content = find_content(connection, url);
	if (content == NULL)
		return send_content(connection, MHD_HTTP_NOT_FOUND,
		    &refusals[0]);
	return send_content(connection, MHD_HTTP_OK, content);
}

static bool
is_loopback(const struct sockaddr_storage *address)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)address;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)address;

	if (address->ss_family == AF_INET)
		return ntohl(in->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
	return IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr);
}

void
exporter_http_open(int fd, const struct sockaddr_storage *address,
    const char *control)
{
	json_prepare();
	exporter.control = control;
	exporter.loopback = is_loopback(address);
	exporter.daemon = MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, answer,
	    NULL, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
	    CONNECTIONS_MAX, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
	    (size_t)CONNECTION_BYTES, MHD_OPTION_CONNECTION_TIMEOUT, IDLE_S,
	    MHD_OPTION_END);
	if (exporter.daemon == NULL)
		log_fatal(NULL, "the HTTP server cannot be started");
}

void
exporter_http_serve(void)
{
	while (MHD_run_wait(exporter.daemon, -1) == MHD_YES)
		;
	log_fatal(NULL, "the HTTP server failed: %s", strerror(errno));
}
