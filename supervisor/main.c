/*
 * Bind what is to be bound, fork the engine, descend, and serve the engine's
 * wish for workers until the end.
 */
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <bsd/unistd.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/activation.h"
#include "supervisor/config.h"
#include "supervisor/engine/engine.h"
#include "supervisor/heir.h"
#include "supervisor/holding_want.h"
#include "supervisor/keeper.h"
#include "supervisor/launch.h"
#include "supervisor/loader.h"
#include "supervisor/log.h"
#include "supervisor/notify.h"
#include "supervisor/opener.h"
#include "supervisor/options.h"
#include "supervisor/privilege.h"
#include "supervisor/sandbox.h"
#include "supervisor/sockets.h"
#include "supervisor/spawn.h"
#include "supervisor/succession.h"

extern char **environ;

/* No socket of ours may come to lie where others print. */
static void
fill_standard_descriptors(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR);
	} while (fd != -1 && fd <= STDERR_FILENO);
	if (fd == -1)
		_exit(EXIT_FAILURE);
	close(fd);
}

/* -n: would a start find all users and groups? As a user: whatever the names. */
static void check_names(const struct config *config) __attribute__((noreturn));

static void
check_names(const struct config *config)
{
	struct holding wanted;
	char why[HOLDING_WHY_MAX];

	if (privilege_check(config->user, config->worker_user) == -1)
		exit(EXIT_FAILURE);
	if (geteuid() == 0 && holding_want(&wanted, config, 0, 0, why) == -1) {
		log_error(NULL, "%s", why);
		exit(EXIT_FAILURE);
	}
	exit(EXIT_SUCCESS);
}

/* Closes all that the caller had open but the sockets that it passed. */
static struct config *
configure(const struct options *options, const struct activation *activation)
{
	char error[OPTIONS_ERROR_MAX], notice[OPTIONS_ERROR_MAX];
	struct config *config = options_config(options, error, notice);

	if (config == NULL) {
		fprintf(stderr, "socktopus: %s\n", error);
		exit(EXIT_FAILURE);
	}
	if (options->check)
		check_names(config);
	/* The file may have been a descriptor of the caller's. */
	closefrom(ACTIVATION_FIRST + (int)activation->count);
	if (log_open(&config->log) == -1)
		log_fatal(NULL, "log file %s: %s", config->log.file,
		    strerror(errno));
	if (notice[0] != '\0')
		log_notice(NULL, "AE_LOG: ignored, has no meaning here: %s",
		    notice);
	return config;
}

static void be_engine(const struct engine_start *start,
    const struct privilege *privilege, pid_t parent) __attribute__((noreturn));

static void
be_engine(const struct engine_start *start, const struct privilege *privilege,
    pid_t parent)
{
	log_role("engine");
	setproctitle("engine");
	/* The supervisor hears the signals, and says what they mean. */
	setsid();
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	if (engine_prepare(start) == -1)
		exit(EXIT_FAILURE);
	privilege_drop_engine(privilege);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) == -1 || getppid() != parent)
		exit(EXIT_FAILURE);
	exit(engine_run(start));
}

static void be_loader(const struct options *options,
    const struct config *config, struct sockets *sockets,
    const struct privilege *privilege, const struct spawn_settings *settings,
    int channel, pid_t parent) __attribute__((noreturn));

static void
be_loader(const struct options *options, const struct config *config,
    struct sockets *sockets, const struct privilege *privilege,
    const struct spawn_settings *settings, int channel, pid_t parent)
{
	log_role("loader");
	setproctitle("loader");
	setsid();
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	sockets_close(sockets);
	close(settings->worker_binary);
	close(settings->engine_channel);
	close(settings->keeper);
	close(settings->notify->fd);
	privilege_drop_loader(privilege);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) == -1 || getppid() != parent)
		exit(EXIT_FAILURE);
	sandbox_enter_loader(config);
	exit(loader_serve(channel, options, privilege));
}

/* Of the quick mode there is nothing to be read again. */
static int
open_loader_channel(const struct config *config, int channel[2])
{
	channel[0] = channel[1] = -1;
	if (config->quick)
		return 0;
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, channel);
}

static void
start_loader(const struct options *options, const struct config *config,
    struct sockets *sockets, const struct privilege *privilege,
    struct spawn_settings *settings, const int channel[2])
{
	pid_t parent = getpid();

	if (config->quick)
		return;
	settings->loader_pid = fork();
	if (settings->loader_pid == -1)
		log_fatal(NULL, "fork: %s", strerror(errno));
	if (settings->loader_pid == 0) {
		close(channel[1]);
		be_loader(options, config, sockets, privilege, settings,
		    channel[0], parent);
	}
	close(channel[0]);
	close(channel[1]);
}

/* Made before it, for the engine alone. */
struct engine_ends {
	int keeper;
	int opener;
};

static void
start_opener(const struct options *options, const struct config *config,
    struct sockets *sockets, const struct privilege *privilege,
    struct spawn_settings *settings, const int loader[2],
    struct engine_ends *ends)
{
	const int unwanted[] = { loader[0], loader[1], settings->worker_binary,
		settings->keeper, ends->keeper, settings->notify->fd };
	const struct opener_start start = { .options = options,
		.config = config,
		.sockets = sockets,
		.privilege = privilege,
		.unwanted = unwanted,
		.unwanted_count = sizeof(unwanted) / sizeof(unwanted[0]) };

	settings->opener_pid = opener_start(&start, &ends->opener);
}

static void
start_engine(struct config *config, const struct sockets *sockets,
    const struct privilege *privilege, struct spawn_settings *settings,
    const int loader[2], const struct engine_ends *ends)
{
	struct engine_start start = {
		.config = config,
		.sockets = sockets,
		.loader = loader[1],
		.keeper = ends->keeper,
		.opener = ends->opener,
		.handover = -1,
		.alive_us = notify_alive_us(settings->notify),
	};
	pid_t parent = getpid();
	int channel[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK,
		0, channel) == -1)
		log_fatal(NULL, "socketpair: %s", strerror(errno));
	settings->engine_pid = fork();
	if (settings->engine_pid == -1)
		log_fatal(NULL, "fork: %s", strerror(errno));
	if (settings->engine_pid == 0) {
		close(channel[0]);
		close(loader[0]);
		close(settings->worker_binary);
		close(settings->keeper);
		close(settings->notify->fd);
		start.supervisor_channel = channel[1];
		be_engine(&start, privilege, parent);
	}
	close(channel[1]);
	close(ends->keeper);
	close(ends->opener);
	settings->engine_channel = channel[0];
}

/* All that takes privileges or the configuration. 0, or -1 having logged. */
static int
start(const struct options *options, struct config *config,
    struct activation *activation, struct sockets *sockets,
    struct privilege *privilege, struct spawn_settings *settings)
{
	struct engine_ends ends;
	sigset_t held;
	int loader[2];

	if (privilege_find(privilege, config->user, config->worker_user) == -1)
		return -1;
	privilege_tell(privilege);
	if (sandbox_check_config(config,
		privilege->uid == privilege->worker_uid) == -1)
		return -1;
	if (!privilege->change)
		config_forget_users(config);
	settings->change_user = privilege->change;
	settings->worker_uid = privilege->worker_uid;
	settings->worker_gid = privilege->worker_gid;
	settings->sandbox = config->sandbox;
	settings->log = config->log;
	settings->worker_binary = launch_open_worker(&settings->programs);
	if (settings->worker_binary == -1 ||
	    sockets_open(sockets, config, activation, privilege->uid,
		privilege->gid) == -1)
		return -1;
	/* What comes while we descend waits until it is read there. */
	spawn_hold_signals(&held);
	if (open_loader_channel(config, loader) == -1)
		log_fatal(NULL, "socketpair: %s", strerror(errno));
	keeper_start(settings, config, privilege, &ends.keeper);
	start_opener(options, config, sockets, privilege, settings, loader,
	    &ends);
	/* The engine first: the loader must not hold its ends. */
	start_engine(config, sockets, privilege, settings, loader, &ends);
	start_loader(options, config, sockets, privilege, settings, loader);
	sockets_close(sockets);
	return 0;
}

static int
run(const struct options *options, struct config *config,
    struct activation *activation)
{
	struct notify notify;
	struct spawn_settings settings = { .notify = &notify };
	struct privilege privilege;
	struct sockets sockets;
	int status;

	notify_open(&notify);
	status = start(options, config, activation, &sockets, &privilege,
	    &settings);
	if (status == -1) {
		config_free(config);
		return EXIT_FAILURE;
	}
	setproctitle("supervisor");
	privilege_drop_supervisor(&privilege);
	sandbox_enter_supervisor(config, &settings);
	/* From here on this process knows no name, address or secret. */
	config_free(config);
	status = spawn_serve(&settings);
	notify_close(&notify);
	return status;
}

static int
run_successor(bool trial)
{
	static struct succession succession;
	int status;

	succession_take(&succession, trial);
	setproctitle("supervisor");
	log_notice(NULL, "upgraded to %s", PACKAGE_VERSION);
	status = spawn_continue(&succession.settings, &succession.slots,
	    &succession.left);
	notify_close(&succession.notify);
	return status;
}

static int
take_over(enum succession_role role)
{
	umask(077);
	signal(SIGPIPE, SIG_IGN);
	switch (role) {
	case SUCCESSION_ENGINE:
		return heir_run();
	case SUCCESSION_SUPERVISOR:
		return run_successor(false);
	case SUCCESSION_TRIAL:
		return run_successor(true);
	}
	return EXIT_FAILURE;
}

int
main(int argc, char **argv)
{
	struct activation activation;
	struct options options;
	enum succession_role role;

	if (succession_is_asked(argc, argv, &role)) {
		setproctitle_init(argc, argv, environ);
		return take_over(role);
	}
	fill_standard_descriptors();
	setproctitle_init(argc, argv, environ);
	umask(077);
	signal(SIGPIPE, SIG_IGN);
	activation_open(&activation);
	switch (options_parse(argc, argv, &options)) {
	case OPTIONS_RUN:
		break;
	case OPTIONS_DONE:
		return EXIT_SUCCESS;
	case OPTIONS_USAGE:
		return EXIT_FAILURE;
	}
	log_role("supervisor");
	return run(&options, configure(&options, &activation), &activation);
}
