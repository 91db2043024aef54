#include "supervisor/ctl/exporter.h"

#include <sys/socket.h>

#include <netinet/in.h>

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/address.h"
#include "supervisor/ctl/exporter_http.h"
#include "supervisor/ctl/exporter_sandbox.h"
#include "supervisor/ctl/usage.h"
#include "supervisor/log.h"
#include "supervisor/notify.h"
#include "supervisor/privilege.h"

#define BACKLOG 64

struct settings {
	const char *socket;
	const char *listen;
};

static void
parse_options(int argc, char **argv, struct settings *settings)
{
	static const struct option names[] = {
		{ "listen", required_argument, NULL, 'l' }, { 0 }
	};
	int option;

	optind = 1;
	opterr = 0;
	while (
	    (option = getopt_long(argc, argv, "+:l:s:", names, NULL)) != -1) {
		switch (option) {
		case 'l':
			settings->listen = optarg;
			break;
		case 's':
			settings->socket = optarg;
			break;
		default:
			usage_fail_option("exporter", option, argv);
		}
	}
	if (optind != argc)
		usage_fail("exporter", "too many arguments: %s", argv[optind]);
}

static void
resolve(const char *text, struct sockaddr_storage *address)
{
	struct address_service service;
	char local[32] = "";
	const char *wrong;

	/* A port alone is not meant for everybody. */
	if (strspn(text, "0123456789") == strlen(text) && strlen(text) < 8)
		snprintf(local, sizeof(local), "127.0.0.1:%s", text);
	if (address_parse_service(local[0] != '\0' ? local : text, &service,
		&wrong) == -1 ||
	    address_resolve_service(&service, address, &wrong) == -1)
		log_fatal(NULL, "--listen %s: %s", text, wrong);
}

static int
listen_on(const struct sockaddr_storage *address, const char *text)
{
	const int on = 1;
	int fd;

	fd = socket(address->ss_family,
	    SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == -1 ||
	    bind(fd, (const struct sockaddr *)address,
		address_length(address)) == -1 ||
	    listen(fd, BACKLOG) == -1)
		log_fatal(NULL, "--listen %s: %s", text, strerror(errno));
	return fd;
}

/* The port may have been the kernel's to choose. */
static void
announce(int fd)
{
	struct sockaddr_storage address;
	socklen_t length = sizeof(address);
	char text[ADDRESS_TEXT_MAX];

	if (getsockname(fd, (struct sockaddr *)&address, &length) == -1)
		log_fatal(NULL, "getsockname: %s", strerror(errno));
	log_notice(NULL, "listening on %s", address_format(&address, text));
}

/* Started as root, it becomes the user whose the control sockets are. */
static void
descend(void)
{
	struct privilege privilege;

	if (privilege_find(&privilege, "", "") == -1)
		exit(EXIT_FAILURE);
	privilege_drop_engine(&privilege);
}

int
exporter_main(const char *socket, int argc, char **argv)
{
	struct settings settings = { socket, "127.0.0.1:9461" };
	struct sockaddr_storage address;
	struct notify notify;
	int fd;

	parse_options(argc, argv, &settings);
	log_role("exporter");
	signal(SIGPIPE, SIG_IGN);
	resolve(settings.listen, &address);
	fd = listen_on(&address, settings.listen);
	descend();
	notify_open(&notify);
	exporter_http_open(fd, &address, settings.socket);
	exporter_sandbox_enter();
	announce(fd);
	notify_send(&notify, "READY=1");
	notify_close(&notify);
	exporter_http_serve();
}
