/*
 * Nothing of the network's is read here, no name is resolved, and the three
 * words carry nothing: whoever takes the engine over can have the file read
 * again, and that is all.
 */
#include "supervisor/opener.h"

#include <sys/socket.h>

#include <bsd/string.h>
#include <bsd/unistd.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/config.h"
#include "supervisor/descriptors.h"
#include "supervisor/holding.h"
#include "supervisor/holding_want.h"
#include "supervisor/options.h"
#include "supervisor/privilege.h"
#include "supervisor/sandbox.h"
#include "supervisor/sockets.h"

struct opener {
	int channel;
	const struct options *options;
	bool quick;
	const struct privilege *privilege;
	struct log_settings log; /* as it is, */
	struct holding held;
	struct log_settings next_log; /* and as it may come to be */
	int next_log_fd;	      /* -1: none, or standard error */
	struct holding wanted;
	bool decides; /* a word is awaited on what is wanted */
};

/* 0, or -1 with errno. fd stays open. */
static int
send_record(const struct opener *opener, enum opener_type type, uint32_t kind,
    const char *words, int fd)
{
	struct opener_record record = { .type = type, .kind = kind };
	int result;

	strlcpy(record.words, words, sizeof(record.words));
	do {
		result = descriptors_send(opener->channel, &record,
		    sizeof(record), &fd, fd == -1 ? 0 : 1);
	} while (result == -1 && errno == EINTR);
	return result;
}

/* Somebody may have taken the file away, that is what reloads are also for. */
static int
rotate(struct opener *opener)
{
	char why[OPTIONS_ERROR_MAX];
	int fd;

	if (opener->log.target != LOG_TO_FILE)
		return 0;
	fd = log_open_target(&opener->log);
	if (fd != -1) {
		log_adopt(&opener->log, fd);
		return send_record(opener, OPENER_ROTATED, LOG_TO_FILE, "", fd);
	}
	snprintf(why, sizeof(why), "%s", strerror(errno));
	return send_record(opener, OPENER_ROTATED, LOG_TO_FILE, why, -1);
}

static void
drop(struct opener *opener)
{
	if (opener->next_log_fd != -1)
		close(opener->next_log_fd);
	opener->next_log_fd = -1;
	if (opener->decides)
		holding_drop(&opener->wanted);
	opener->decides = false;
}

static void
keep(struct opener *opener)
{
	if (!opener->decides)
		return;
	log_adopt(&opener->next_log, opener->next_log_fd);
	opener->log = opener->next_log;
	opener->next_log_fd = -1;
	holding_keep(&opener->held, &opener->wanted);
	opener->decides = false;
}

/* 0, or -1 with a line in why. */
static int
open_log(struct opener *opener, const struct config *config,
    char why[HOLDING_WHY_MAX])
{
	opener->next_log = config->log;
	opener->next_log_fd = log_open_target(&config->log);
	if (opener->next_log_fd != -1 || errno == 0)
		return 0;
	snprintf(why, HOLDING_WHY_MAX, "log file %.300s: %s", config->log.file,
	    strerror(errno));
	return -1;
}

static int
open_all(struct opener *opener, const struct config *config,
    char why[HOLDING_WHY_MAX])
{
	if (open_log(opener, config, why) == -1 ||
	    holding_want(&opener->wanted, config, opener->privilege->uid,
		opener->privilege->gid, why) == -1)
		return -1;
	opener->decides = true;
	return holding_open(&opener->wanted, &opener->held, why);
}

static int
send_all(const struct opener *opener)
{
	const struct holding_item *item;

	if (send_record(opener, OPENER_LOG, opener->next_log.target, "",
		opener->next_log_fd) == -1)
		return -1;
	for (size_t i = 0; i < opener->wanted.count; i++) {
		item = &opener->wanted.items[i];
		if (item->again &&
		    send_record(opener, OPENER_LOST, item->kind, item->name,
			-1) == -1)
			return -1;
		if (send_record(opener,
			item->control ? OPENER_CONTROL : OPENER_END, item->kind,
			item->name, item->fd) == -1)
			return -1;
	}
	return send_record(opener, OPENER_DONE, 0, "", -1);
}

/* The quick mode's has nothing that could change. 0, or -1 with errno. */
static int
again(struct opener *opener)
{
	char error[OPTIONS_ERROR_MAX], notice[OPTIONS_ERROR_MAX];
	struct config *config;
	int result;

	drop(opener);
	if (rotate(opener) == -1)
		return -1;
	if (opener->quick)
		return send_record(opener, OPENER_DONE, 0, "", -1);
	config = options_config(opener->options, error, notice);
	if (config == NULL)
		return send_record(opener, OPENER_FAULT, 0, error, -1);
	result = open_all(opener, config, error);
	config_free(config);
	if (result == 0)
		return send_all(opener);
	drop(opener);
	return send_record(opener, OPENER_FAULT, 0, error, -1);
}

static int
obey(struct opener *opener, uint8_t word)
{
	switch ((enum opener_word)word) {
	case OPENER_AGAIN:
		return again(opener);
	case OPENER_KEEP:
		keep(opener);
		return send_record(opener, OPENER_DONE, 0, "", -1);
	case OPENER_DROP:
		drop(opener);
		return send_record(opener, OPENER_DONE, 0, "", -1);
	}
	errno = EPROTO;
	return -1;
}

static int
serve(struct opener *opener)
{
	int status = EXIT_SUCCESS;
	uint8_t word;
	ssize_t got;

	for (;;) {
		got = recv(opener->channel, &word, sizeof(word), 0);
		if (got == -1 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		if (obey(opener, word) == -1) {
			log_error(NULL, "named ends: %s", strerror(errno));
			status = EXIT_FAILURE;
			break;
		}
	}
	drop(opener);
	holding_end(&opener->held);
	return status;
}

static void be_opener(const struct opener_start *start, int channel)
    __attribute__((noreturn));

/*
 * It dies with the engine, whose end of the channel is the only one, and not
 * with its parent: then nobody would remove the names.
 */
static void
be_opener(const struct opener_start *start, int channel)
{
	struct opener opener = { .channel = channel,
		.options = start->options,
		.quick = start->config->quick,
		.privilege = start->privilege,
		.log = start->config->log,
		.held = sockets_keep_names(start->sockets),
		.next_log_fd = -1 };

	log_role("opener");
	setproctitle("opener");
	setsid();
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	for (size_t i = 0; i < start->unwanted_count; i++)
		if (start->unwanted[i] != -1)
			close(start->unwanted[i]);
	privilege_drop_opener(start->privilege);
	sandbox_enter_opener(start->config);
	exit(serve(&opener));
}

pid_t
opener_start(const struct opener_start *start, int *engine_end)
{
	int channel[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, channel) ==
	    -1)
		log_fatal(NULL, "socketpair: %s", strerror(errno));
	pid = fork();
	if (pid == -1)
		log_fatal(NULL, "fork: %s", strerror(errno));
	if (pid == 0) {
		close(channel[1]);
		be_opener(start, channel[0]);
	}
	close(channel[0]);
	*engine_end = channel[1];
	return pid;
}

int
opener_say(int channel, enum opener_word word)
{
	const uint8_t byte = (uint8_t)word;

	return send(channel, &byte, sizeof(byte), MSG_NOSIGNAL) ==
		(ssize_t)sizeof(byte) ?
	    0 :
	    -1;
}

int
opener_receive(int channel, struct opener_record *record, int *fd)
{
	int got = descriptors_receive_record(channel, record, sizeof(*record),
	    fd);

	if (got == 1)
		record->words[sizeof(record->words) - 1] = '\0';
	return got;
}
