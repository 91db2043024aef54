#include "supervisor/options_quick.h"

#include <sys/un.h>

#include <bsd/string.h>

#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/config.h"
#include "supervisor/config_paths.h"

#define QUICK_NAME "tunnel"
#define QUICK_PEER "self"

static int fail(char *error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static int
fail(char *error, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(error, OPTIONS_ERROR_MAX, format, arguments);
	va_end(arguments);
	return -1;
}

/* NULL when it is unset or empty. */
static const char *
variable(const char *name)
{
	const char *value = getenv(name);

	return value == NULL || *value == '\0' ? NULL : value;
}

/* The XDG specification has relative folders ignored. */
static const char *
absolute_variable(const char *name)
{
	const char *value = variable(name);

	return value == NULL || *value != '/' ? NULL : value;
}

static const char *
home_folder(void)
{
	const char *home = absolute_variable("HOME");
	const struct passwd *user;

	if (home != NULL)
		return home;
	user = getpwuid(geteuid());
	return user == NULL ? NULL : user->pw_dir;
}

static int
set_identity(struct config *config, char *error)
{
	const char *folder = absolute_variable("XDG_CONFIG_HOME");
	const char *below = "";
	int length;

	if (folder == NULL) {
		folder = home_folder();
		below = "/.config";
	}
	if (folder == NULL)
		return fail(error,
		    "no home folder for the identity file: "
		    "set HOME");
	length = snprintf(config->identity, sizeof(config->identity),
	    "%s%s/socktopus/identity.key", folder, below);
	if (length < 0 || (size_t)length >= sizeof(config->identity))
		return fail(error, "the identity file's path is too long");
	config->identity_make = true;
	return 0;
}

static int
set_control(struct config *config, char *error)
{
	const char *folder = absolute_variable("XDG_RUNTIME_DIR");
	size_t size = sizeof(((struct sockaddr_un *)0)->sun_path);
	int length;

	if (geteuid() == 0)
		folder = "/run";
	if (folder != NULL)
		length = snprintf(config->control, sizeof(config->control),
		    "%s/socktopus/%ld.sock", folder, (long)getpid());
	else
		length = snprintf(config->control, sizeof(config->control),
		    "/tmp/socktopus-%lu/%ld.sock", (unsigned long)geteuid(),
		    (long)getpid());
	if (length < 0 || (size_t)length >= size)
		return fail(error,
		    "the control socket's path is too long: "
		    "XDG_RUNTIME_DIR");
	return 0;
}

static void
set_log(struct config *config, char *notice)
{
	const char *ae_log = variable("AE_LOG");

	if (ae_log != NULL)
		log_parse_ae_log(ae_log, &config->log, notice,
		    OPTIONS_ERROR_MAX);
}

static int
add_listen(struct config *config, char *error)
{
	struct address_service *listen = config_add_listen(config);
	const char *text = variable("SERVICE"), *why = "out of memory";

	if (listen != NULL &&
	    address_parse_service(text == NULL ? "" : text, listen, &why) == 0)
		return 0;
	return fail(error, "SERVICE: %s", why);
}

static int
read_tuple(const char *name, struct address_tuple *tuple, char *error)
{
	const char *text = variable(name), *why;

	if (text == NULL)
		return fail(error,
		    "%s is not set: a connector needs "
		    "UDPLOC and UDPREM, each [host:][serv:][rhost:]rserv",
		    name);
	if (address_parse_tuple(text, tuple, &why) == -1)
		return fail(error, "%s: %s", name, why);
	return 0;
}

static int
add_path(struct config_tunnel *tunnel, const struct address_uri *hops,
    int count)
{
	struct config_path *path = config_add_path(tunnel);

	return path == NULL ? -1 :
			      config_path_set_hops(path, hops, (size_t)count);
}

/* Arguments may hold passwords, so they are told by their place. */
static int
add_reflector(struct config_tunnel *tunnel, const char *text, int place,
    char *error)
{
	struct address_uri hops[MESSAGE_HOPS_MAX];
	const char *why;
	int result = 0,
	    count = address_parse_chain(text, hops, MESSAGE_HOPS_MAX, &why);

	if (count == -1 ||
	    address_check_next(&hops[count - 1], tunnel->destinations, &why) ==
		-1)
		result = fail(error, "URI %d: %s", place, why);
	else if (add_path(tunnel, hops, count) == -1)
		result = fail(error, "out of memory");
	explicit_bzero(hops, sizeof(hops));
	return result;
}

static int
set_destination(struct config_tunnel *tunnel, const char *text, char *error)
{
	struct address_uri *destination = tunnel->destinations;
	const char *why;

	if (address_parse_uri(text, destination, &why) == -1)
		return fail(error, "URI 1: %s", why);
	if (destination->kind != HOP_TCP && destination->kind != HOP_SRV)
		return fail(error,
		    "URI 1: the first one is the destination "
		    "and must be tcp or srv");
	if (add_path(tunnel, destination, 1) == -1)
		return fail(error, "out of memory");
	tunnel->destinations_count = 1;
	tunnel->paths[0].direct = true;
	return 0;
}

static int
add_tunnel(struct config *config, char *const *uris, int count, char *error)
{
	struct config_tunnel *tunnel = config_add_tunnel(config);
	int i;

	if (tunnel == NULL)
		return fail(error, "out of memory");
	strlcpy(tunnel->name, QUICK_NAME, sizeof(tunnel->name));
	if (set_destination(tunnel, uris[0], error) == -1)
		return -1;
	for (i = 1; i < count; i++)
		if (add_reflector(tunnel, uris[i], i + 1, error) == -1)
			return -1;
	if (config_paths_check(tunnel, error, OPTIONS_ERROR_MAX) == -1)
		return -1;
	if (read_tuple("UDPLOC", &tunnel->local, error) == -1)
		return -1;
	return read_tuple("UDPREM", &tunnel->remote, error);
}

static int
fill(struct config *config, char *const *uris, int count, char *error)
{
	struct config_peer *peer = config_add_peer(config);

	if (peer == NULL)
		return fail(error, "out of memory");
	config->quick = true;
	/* There is no file to say that a kernel without Landlock will do. */
	config->sandbox = CONFIG_SANDBOX_BEST_EFFORT;
	peer->self = true;
	strlcpy(peer->name, QUICK_PEER, sizeof(peer->name));
	if (set_identity(config, error) == -1 ||
	    set_control(config, error) == -1)
		return -1;
	return count > 0 ? add_tunnel(config, uris, count, error) :
			   add_listen(config, error);
}

struct config *
options_quick(char *const *uris, int count, char error[OPTIONS_ERROR_MAX],
    char notice[OPTIONS_ERROR_MAX])
{
	struct config *config = config_new();

	if (config == NULL) {
		fail(error, "out of memory");
		return NULL;
	}
	set_log(config, notice);
	if (fill(config, uris, count, error) == 0)
		return config;
	config_free(config);
	return NULL;
}
