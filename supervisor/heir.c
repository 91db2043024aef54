#include "supervisor/heir.h"

#include <sys/prctl.h>
#include <sys/socket.h>

#include <bsd/unistd.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/config.h"
#include "supervisor/engine/engine.h"
#include "supervisor/keeper.h"
#include "supervisor/log.h"
#include "supervisor/notify.h"
#include "supervisor/spawn.h"
#include "supervisor/state.h"
#include "supervisor/upgrade_words.h"

#define BYTES_MAX 256
#define WAIT_MS 5000

struct first_words {
	struct log_settings log;
	enum config_sandbox sandbox;
	uint64_t alive_us;
};

static void
leave_words(struct state *state, struct first_words *words)
{
	state_begin(state);
	STATE_CHOICE(state, words->log.level, LOG_TRACE);
	STATE_CHOICE(state, words->log.target, LOG_TO_FILE);
	STATE_CHOICE(state, words->sandbox, CONFIG_SANDBOX_BEST_EFFORT);
	STATE_NUMBER(state, words->alive_us);
}

int
heir_send(int channel, const struct spawn_settings *settings)
{
	struct first_words words = { .log = settings->log,
		.sandbox = settings->sandbox,
		.alive_us = notify_alive_us(settings->notify) };
	uint8_t bytes[BYTES_MAX];
	struct state state = { .way = STATE_WRITE,
		.bytes = bytes,
		.size = sizeof(bytes) };

	leave_words(&state, &words);
	return send(channel, bytes, state.at, MSG_NOSIGNAL) ==
		(ssize_t)state.at ?
	    0 :
	    -1;
}

static int
hear(struct first_words *words)
{
	struct pollfd channel = { .fd = KEEPER_FD_CHANNEL, .events = POLLIN };
	uint8_t bytes[BYTES_MAX];
	struct state state = { .way = STATE_READ, .bytes = bytes };
	ssize_t got = -1;

	if (poll(&channel, 1, WAIT_MS) == 1)
		got = recv(channel.fd, bytes, sizeof(bytes), MSG_DONTWAIT);
	if (got <= 0)
		return UPGRADE_EXIT_STATE;
	state.size = (size_t)got;
	leave_words(&state, words);
	return state.broken ? UPGRADE_EXIT_VERSION : 0;
}

/* A file comes with the state, open; before that there is standard error. */
static void
open_log(const struct log_settings *settings)
{
	struct log_settings first = *settings;

	if (first.target == LOG_TO_FILE)
		first.target = LOG_TO_STDERR;
	if (log_open(&first) == -1)
		log_warn(NULL, "log: cannot open it again: %s",
		    strerror(errno));
}

static int
serve(const struct first_words *words, struct config *config)
{
	struct engine_start start = { .supervisor_channel = KEEPER_FD_CHANNEL,
		.loader = -1,
		.opener = -1,
		.keeper = -1,
		.handover = KEEPER_FD_HANDOVER };

	log_role("engine");
	setproctitle("engine");
	setsid();
	open_log(&words->log);
	config->log = words->log;
	config->sandbox = words->sandbox;
	start.config = config;
	start.alive_us = words->alive_us;
	if (fcntl(KEEPER_FD_CHANNEL, F_SETFD, FD_CLOEXEC) == -1 ||
	    engine_prepare(&start) == -1)
		return EXIT_FAILURE;
	return engine_run(&start) == 0 ? EXIT_SUCCESS : UPGRADE_EXIT_STATE;
}

int
heir_run(void)
{
	struct first_words words = { .alive_us = 0 };
	struct config *config;
	int status = hear(&words);

	if (status != 0)
		return status;
	config = config_new();
	if (config == NULL)
		return EXIT_FAILURE;
	status = serve(&words, config);
	config_free(config);
	return status;
}
