/*
 * It remembers nothing from one time to the next, and is told nothing: every
 * socket of the file is tried anew, and those that are in use, most of them by
 * us, are sent as a reason. The engine knows which of them it lacks.
 */
#include "supervisor/loader.h"

#include <sys/mman.h>
#include <sys/socket.h>

#include <bsd/string.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/bundle.h"
#include "supervisor/descriptors.h"
#include "supervisor/log.h"
#include "supervisor/options.h"
#include "supervisor/privilege.h"
#include "supervisor/sandbox.h"
#include "supervisor/sandbox_lock.h"
#include "supervisor/sockets.h"

/* Of the engine, while something is loaded. */
struct listeners {
	int fds[DESCRIPTORS_AT_ONCE];
	size_t count;
};

/* 0, or -1 with errno. Closes fd, if it is none of -1. */
static int
send_record(int channel, struct loader_record *record, int fd)
{
	int result;

	do {
		result = descriptors_send(channel, record, sizeof(*record), &fd,
		    fd == -1 ? 0 : 1);
	} while (result == -1 && errno == EINTR);
	if (fd != -1)
		close(fd);
	return result;
}

static int
send_fault(int channel, const char *words)
{
	struct loader_record record = { .type = LOADER_FAULT };

	strlcpy(record.words, words, sizeof(record.words));
	return send_record(channel, &record, -1);
}

/* The offset stays 0, for whoever reads. -1 with errno. */
static int
fill(int fd, const char *bytes, size_t count)
{
	size_t done = 0;
	ssize_t written;

	while (done < count) {
		written = pwrite(fd, bytes + done, count - done, (off_t)done);
		if (written == -1)
			return -1;
		done += (size_t)written;
	}
	return 0;
}

static int
send_config(int channel, const struct bundle *bundle)
{
	struct loader_record record = { .type = LOADER_CONFIG };
	size_t bytes;
	void *packed = bundle_pack(bundle, &bytes);
	int fd, result = -1;

	fd = memfd_create("socktopus-config", MFD_CLOEXEC);
	if (packed != NULL && fd != -1)
		result = fill(fd, packed, bytes);
	bundle_discard(packed, bytes);
	if (result == 0) {
		record.bytes = bytes;
		return send_record(channel, &record, fd);
	}
	if (fd != -1)
		close(fd);
	return -1;
}

static int
send_listener(int channel, const struct config *config, uint32_t index,
    const struct listeners *there)
{
	struct loader_record record = { .type = LOADER_LISTEN, .index = index };

	return send_record(channel, &record,
	    sockets_try_listener(&config->listens[index], there->fds,
		there->count, record.words));
}

static int
send_tunnel(int channel, const struct config *config, uint32_t index)
{
	const struct config_tunnel *tunnel = &config->tunnels[index];
	struct loader_record record = { .type = LOADER_TUNNEL, .index = index };
	char why[SOCKETS_WHY_MAX] = "";
	int fd = sockets_try_tunnel(&tunnel->local, why);

	if (fd == -1)
		snprintf(record.words, sizeof(record.words), "tunnel %s: %s",
		    tunnel->name, why);
	return send_record(channel, &record, fd);
}

static int
send_bundle(int channel, const struct bundle *bundle,
    const struct listeners *there)
{
	const struct config *config = bundle->config;
	struct loader_record done = { .type = LOADER_DONE };

	if (send_config(channel, bundle) == -1)
		return -1;
	for (uint32_t i = 0; i < config->listens_count; i++)
		if (send_listener(channel, config, i, there) == -1)
			return -1;
	for (uint32_t i = 0; i < config->tunnels_count; i++)
		if (!address_is_named(config->tunnels[i].local.kind) &&
		    send_tunnel(channel, config, i) == -1)
			return -1;
	return send_record(channel, &done, -1);
}

/*
 * What this kernel, and whoever we run as, cannot do. 0, or -1 with a line in
 * error.
 */
static int
check(struct config *config, const struct privilege *privilege,
    char error[OPTIONS_ERROR_MAX])
{
	const char *lack = sandbox_lock_lack();

	if (!privilege->change)
		config_forget_users(config);
	if (config->sandbox == CONFIG_SANDBOX_REQUIRED && lack != NULL) {
		snprintf(error, OPTIONS_ERROR_MAX,
		    "sandbox: cannot be \"required\", this kernel has no "
		    "%s",
		    lack);
		return -1;
	}
	if (sandbox_check_config(config,
		privilege->uid == privilege->worker_uid) == -1) {
		strlcpy(error,
		    "relays must be numeric addresses here: see the log",
		    OPTIONS_ERROR_MAX);
		return -1;
	}
	return 0;
}

/* 0, or -1 with errno: the channel failed. */
static int
load(int channel, const struct options *options,
    const struct privilege *privilege, const struct listeners *there)
{
	char error[OPTIONS_ERROR_MAX], notice[OPTIONS_ERROR_MAX];
	struct config *config = options_config(options, error, notice);
	struct bundle bundle;
	int result;

	if (config == NULL)
		return send_fault(channel, error);
	if (check(config, privilege, error) == -1) {
		config_free(config);
		return send_fault(channel, error);
	}
	if (bundle_read(&bundle, config, error) == -1)
		return send_fault(channel, error);
	result = send_bundle(channel, &bundle, there);
	bundle_free(&bundle);
	return result;
}

int
loader_serve(int channel, const struct options *options,
    const struct privilege *privilege)
{
	struct listeners there;
	ssize_t got;
	int result;
	char byte;

	for (;;) {
		got = descriptors_receive(channel, &byte, sizeof(byte), 0,
		    there.fds, DESCRIPTORS_AT_ONCE, &there.count);
		if (got == -1 && errno == EINTR)
			continue;
		if (got <= 0)
			return 0;
		result = load(channel, options, privilege, &there);
		descriptors_close(there.fds, there.count);
		if (result == -1) {
			log_error(NULL, "configuration: cannot send it: %s",
			    strerror(errno));
			return 1;
		}
	}
}

int
loader_ask(int channel, const int *listeners, size_t count)
{
	return descriptors_send(channel, "", 1, listeners, count);
}

int
loader_receive(int channel, struct loader_record *record, int *fd)
{
	int got = descriptors_receive_record(channel, record, sizeof(*record),
	    fd);

	if (got == 1)
		record->words[sizeof(record->words) - 1] = '\0';
	return got;
}
