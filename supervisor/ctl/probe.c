#include "supervisor/ctl/probe.h"

#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/stdlib.h>
#include <bsd/string.h>

#include "supervisor/config.h"
#include "supervisor/ctl/probe_link.h"
#include "supervisor/ctl/probe_report.h"
#include "supervisor/ctl/probe_worker.h"
#include "supervisor/ctl/usage.h"
#include "supervisor/engine/clock.h"
#include "supervisor/engine/credentials.h"
#include "supervisor/engine/noise.h"

#define DEFAULT_CONNECTIONS 4
#define DIAL_LIMIT_US UINT64_C(20000000)
/* A listener that has answered waits for OPEN for ten seconds. */
#define IDLE_US UINT64_C(1000000)
#define IDLE_PING_US UINT64_C(50000)
#define LOAD_US UINT64_C(2000000)
#define LOAD_PING_US UINT64_C(10000)

struct probe_options {
	char *uri;
	const char *to;
	const char *auth, *identity, *peer, *psk;
	unsigned int connections;
	bool json;
};

static unsigned int
parse_connections(const char *text)
{
	const char *error;
	long long count = strtonum(text, 1, PROBE_LINKS_MAX, &error);

	if (error != NULL)
		usage_fail("probe", "-n %s: %s", text, error);
	return (unsigned int)count;
}

/* False for one that there is not. */
static bool
set_option(struct probe_options *options, int option)
{
	switch (option) {
	case 'a':
		options->auth = optarg;
		break;
	case 't':
		options->to = optarg;
		break;
	case 'i':
		options->identity = optarg;
		break;
	case 'j':
		options->json = true;
		break;
	case 'k':
		options->peer = optarg;
		break;
	case 'n':
		options->connections = parse_connections(optarg);
		break;
	case 'p':
		options->psk = optarg;
		break;
	default:
		return false;
	}
	return true;
}

static void
parse_options(int argc, char **argv, struct probe_options *options)
{
	static const struct option longs[] = {
		{ "to", required_argument, NULL, 't' }, { NULL, 0, NULL, 0 }
	};
	int option;

	memset(options, 0, sizeof(*options));
	options->connections = DEFAULT_CONNECTIONS;
	opterr = 0;
	optind = 0; /* glibc's getopt begins anew */
	while ((option = getopt_long(argc, argv, ":a:i:jk:n:p:", longs,
		    NULL)) != -1)
		if (!set_option(options, option))
			usage_fail_option("probe", option, argv);
	if (optind + 1 != argc)
		usage_fail("probe", "one chain of URIs is needed");
	options->uri = argv[optind];
	if ((options->identity == NULL) != (options->peer == NULL))
		usage_fail("probe", "-i and -k go together");
	if (options->psk != NULL && options->peer == NULL)
		usage_fail("probe", "-p needs -i and -k");
}

/* Wiped where every user of the system could read it. */
static void
set_chain(struct probe_target *target, char *text)
{
	const char *error;
	int count = address_parse_chain(text, target->hops, MESSAGE_HOPS_MAX,
	    &error);

	explicit_bzero(text, strlen(text));
	if (count == -1)
		usage_fail("probe", "URI: %s", error);
	target->hops_count = (size_t)count;
}

static void
set_destination(struct probe_target *target, const char *text)
{
	const struct address_uri *last = &target->hops[target->hops_count - 1];
	const char *error;

	if (text == NULL && last->kind != HOP_TCP)
		usage_fail("probe",
		    "--to must say what the last proxy is asked for");
	if (text != NULL &&
	    address_parse_service(text, &target->destination, &error) == -1)
		usage_fail("probe", "--to %s: %s", text, error);
}

static int
read_credentials(struct probe_target *target, const char *file)
{
	struct config_path path = { .hops = target->hops,
		.hops_count = target->hops_count };
	char error[KEY_ERROR_MAX] = "the name is too long";

	if (file == NULL)
		return 0;
	if (strlcpy(path.auth, file, sizeof(path.auth)) < sizeof(path.auth) &&
	    credentials_read(&path, error) == 0)
		return 0;
	warnx("-a: %s", error);
	return -1;
}

static int
read_keys(struct probe_target *target, const struct probe_options *options)
{
	char error[KEY_ERROR_MAX] = "libcrypto lacks an algorithm";
	uint8_t key[KEY_BYTES];

	if (options->identity == NULL)
		return 0;
	if (key_from_text(options->peer, target->peer) == -1)
		usage_fail("probe", "-k: not a public key");
	if (noise_init() == -1 ||
	    key_read_file(options->identity, key, error) == -1 ||
	    (options->psk != NULL &&
		key_read_file(options->psk, target->psk, error) == -1)) {
		warnx("%s", error);
		return -1;
	}
	target->identity = noise_identity_new(key);
	key_wipe(key, sizeof(key));
	if (target->identity != NULL)
		return 0;
	warnx("%s: not a private key", options->identity);
	return -1;
}

/* All of them at their goal, or one failed. */
static bool
are_settled(const struct probe_link *links, size_t count)
{
	enum probe_state goal = links[0].target->identity != NULL ?
	    PROBE_READY :
	    PROBE_CONNECTED;
	bool settled = true;

	for (size_t i = 0; i < count; i++) {
		if (links[i].state == PROBE_FAILED)
			return true;
		settled = settled && links[i].state == goal;
	}
	return settled;
}

static const struct probe_link *
find_failed(const struct probe_link *links, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (links[i].state == PROBE_FAILED)
			return &links[i];
	return NULL;
}

static void
settle(struct probe_link *links, size_t count)
{
	uint64_t limit_us = clock_now_us() + DIAL_LIMIT_US;

	while (!are_settled(links, count) && clock_now_us() < limit_us)
		probe_link_serve(links, count, limit_us);
	/* Where one has failed, the others were just not ready yet. */
	for (size_t i = 0; i < count && find_failed(links, count) == NULL; i++)
		if (!are_settled(&links[i], 1))
			probe_link_fail(&links[i], "handshake: no answer");
}

static void
measure(struct probe_link *links, size_t count, uint64_t ping_us, bool loading,
    uint64_t duration_us)
{
	uint64_t until_us = clock_now_us() + duration_us;

	for (size_t i = 0; i < count; i++)
		probe_link_begin(&links[i], ping_us, loading);
	while (clock_now_us() < until_us && find_failed(links, count) == NULL)
		probe_link_serve(links, count, until_us);
}

static uint64_t
rate_bytes_s(const struct probe_count *count)
{
	uint64_t interval_us = count->last_us - count->first_us;

	if (interval_us == 0)
		return 0;
	return (count->last_bytes - count->first_bytes) * 1000000 / interval_us;
}

/* What is ahead of an answer and not merely on its way in an idle relay. */
static uint64_t
queue_bytes(const struct probe_outcome *outcome)
{
	uint64_t under_way = outcome->one_bytes_s * outcome->idle.rtt_least_us /
	    1000000;

	return outcome->one.ahead_bytes > under_way ?
	    outcome->one.ahead_bytes - under_way :
	    0;
}

static void
probe_one(struct probe_outcome *outcome)
{
	struct probe_link *link = &outcome->first;

	probe_link_open(link, outcome->target, 0);
	settle(link, 1);
	if (link->state == PROBE_READY) {
		outcome->handshake_us = link->ready_us - link->connected_us;
		measure(link, 1, IDLE_PING_US, false, IDLE_US);
		outcome->idle = link->count;
		measure(link, 1, LOAD_PING_US, true, LOAD_US);
		outcome->one = link->count;
		outcome->one_bytes_s = rate_bytes_s(&outcome->one);
		outcome->queue_bytes = queue_bytes(outcome);
	}
	strlcpy(outcome->words, link->words, sizeof(outcome->words));
	probe_link_close(link, 1);
}

static void
probe_many(struct probe_outcome *outcome, unsigned int count)
{
	struct probe_link *links = calloc(count, sizeof(*links));
	const struct probe_link *failed;

	if (links == NULL)
		err(EXIT_FAILURE, NULL);
	outcome->many = count;
	for (unsigned int i = 0; i < count; i++)
		probe_link_open(&links[i], outcome->target, (uint16_t)i);
	settle(links, count);
	if (find_failed(links, count) == NULL) {
		measure(links, count, LOAD_PING_US, true, LOAD_US);
		for (unsigned int i = 0; i < count; i++)
			outcome->many_bytes_s += rate_bytes_s(&links[i].count);
	}
	failed = find_failed(links, count);
	if (failed != NULL)
		strlcpy(outcome->words, failed->words, sizeof(outcome->words));
	probe_link_close(links, count);
	free(links);
}

int
probe_main(int argc, char **argv)
{
	static struct probe_outcome outcome;
	static struct probe_target target;
	struct probe_options options;
	int written;

	parse_options(argc, argv, &options);
	set_chain(&target, options.uri);
	set_destination(&target, options.to);
	if (read_credentials(&target, options.auth) == -1 ||
	    read_keys(&target, &options) == -1 || probe_worker_prepare() == -1)
		return EXIT_FAILURE;
	outcome.target = &target;
	probe_one(&outcome);
	if (outcome.one_bytes_s > 0 && options.connections > 1)
		probe_many(&outcome, options.connections);
	written = options.json ? probe_report_json(&outcome, stdout) :
				 probe_report_text(&outcome, stdout);
	noise_identity_free(target.identity);
	key_wipe(&target, sizeof(target));
	if (written == -1)
		warn("standard output");
	return written == -1 || outcome.words[0] != '\0' ? EXIT_FAILURE :
							   EXIT_SUCCESS;
}
