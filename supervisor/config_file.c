#include <sys/un.h>

#include <bsd/string.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "supervisor/config.h"
#include "supervisor/config_ends.h"
#include "supervisor/config_peers.h"
#include "supervisor/config_reader.h"
#include "supervisor/config_text.h"
#include "supervisor/config_tunnels.h"

static int
check_control(const struct config_reader *reader,
    const config_setting_t *setting, void *object)
{
	size_t length = strlen(config_setting_get_string(setting));

	(void)object;
	if (length > 0 && length < sizeof(((struct sockaddr_un *)0)->sun_path))
		return 0;
	return config_reader_fail(reader, setting,
	    "the path of a control socket has 1 to %zu bytes",
	    sizeof(((struct sockaddr_un *)0)->sun_path) - 1);
}

static int
read_sandbox(const struct config_reader *reader,
    const config_setting_t *setting, void *object)
{
	const char *text = config_setting_get_string(setting);
	struct config *config = object;

	if (strcmp(text, "required") == 0)
		config->sandbox = CONFIG_SANDBOX_REQUIRED;
	else if (strcmp(text, "best-effort") == 0)
		config->sandbox = CONFIG_SANDBOX_BEST_EFFORT;
	else
		return config_reader_fail(reader, setting,
		    "sandbox must be required or best-effort");
	return 0;
}

static int
read_level(const struct config_reader *reader, const config_setting_t *setting,
    void *object)
{
	struct log_settings *log = object;

	if (log_level_parse(config_setting_get_string(setting), &log->level) ==
	    0)
		return 0;
	return config_reader_fail(reader, setting,
	    "level must be fatal, "
	    "error, warn, notice, info, debug or trace");
}

static int
read_target(const struct config_reader *reader, const config_setting_t *setting,
    void *object)
{
	const char *text = config_setting_get_string(setting);
	struct log_settings *log = object;

	if (strcmp(text, "stderr") == 0)
		log->target = LOG_TO_STDERR;
	else if (strcmp(text, "syslog") == 0)
		log->target = LOG_TO_SYSLOG;
	else if (strncmp(text, "file:", 5) == 0 && text[5] != '\0' &&
	    strlcpy(log->file, text + 5, sizeof(log->file)) < sizeof(log->file))
		log->target = LOG_TO_FILE;
	else
		return config_reader_fail(reader, setting,
		    "target must be stderr, syslog or file:PATH");
	return 0;
}

static const struct config_key log_keys[] = {
	{ "level", .kind = CONFIG_KIND_TEXT, .read = read_level },
	{ "target", .kind = CONFIG_KIND_TEXT, .read = read_target },
	{ .name = NULL }
};

static int
read_log(const struct config_reader *reader, const config_setting_t *setting,
    void *object)
{
	struct config *config = object;

	return config_reader_group(reader, setting, log_keys, &config->log);
}

static int
read_listen(const struct config_reader *reader, const config_setting_t *setting,
    void *object)
{
	struct address_service *listen = config_add_listen(object);
	const char *error = "out of memory";

	if (listen != NULL &&
	    address_parse_service(config_setting_get_string(setting), listen,
		&error) == 0)
		return 0;
	return config_reader_fail(reader, setting, "listen: %s", error);
}

static int
read_listens(const struct config_reader *reader,
    const config_setting_t *setting, void *object)
{
	return config_reader_list(reader, setting, CONFIG_KIND_TEXT,
	    read_listen, object);
}

/* In the order of reading: a tunnel looks its peer up. */
static const struct config_key keys[] = {
	{ "identity", CONFIG_KEY_TEXT(struct config, identity),
	    .read = config_reader_key_file },
	{ "control", CONFIG_KEY_TEXT(struct config, control),
	    .read = check_control },
	{ "control_group", CONFIG_KEY_TEXT(struct config, control_group) },
	{ "user", CONFIG_KEY_TEXT(struct config, user) },
	{ "worker_user", CONFIG_KEY_TEXT(struct config, worker_user) },
	{ "sandbox", .kind = CONFIG_KIND_TEXT, .read = read_sandbox },
	{ "log", .kind = CONFIG_KIND_GROUP, .read = read_log },
	{ "listen", .kind = CONFIG_KIND_LIST, .read = read_listens },
	{ "peers", .kind = CONFIG_KIND_LIST, .read = config_peers_read },
	{ "tunnels", .kind = CONFIG_KIND_LIST, .read = config_tunnels_read },
	{ .name = NULL }
};

static int
read_root(const struct config_reader *reader, const config_setting_t *root)
{
	if (config_reader_group(reader, root, keys, reader->config) == -1)
		return -1;
	if (reader->config->peers_count > 0 &&
	    reader->config->identity[0] == '\0')
		return config_reader_fail(reader,
		    config_setting_get_member(root, "peers"),
		    "identity is missing, and there are peers");
	return config_ends_check(reader, root);
}

static int
fail_syntax(const struct config_reader *reader, const config_t *parsed)
{
	const char *file = config_error_file(parsed);

	snprintf(reader->error, CONFIG_ERROR_MAX, "%s:%d: %s",
	    file == NULL ? reader->name : file, config_error_line(parsed),
	    config_error_text(parsed));
	return -1;
}

struct config *
config_parse(const char *text, const char *name, char error[CONFIG_ERROR_MAX])
{
	struct config_reader reader = { .name = name, .error = error };
	config_t parsed;
	int result;

	reader.config = config_new();
	if (reader.config == NULL) {
		snprintf(error, CONFIG_ERROR_MAX, "%s: out of memory", name);
		return NULL;
	}
	config_init(&parsed);
	result = config_text_check_includes(text, name, error);
	if (result == 0 && config_read_string(&parsed, text) != CONFIG_TRUE)
		result = fail_syntax(&reader, &parsed);
	if (result == 0)
		result = read_root(&reader, config_root_setting(&parsed));
	config_destroy(&parsed);
	if (result == 0)
		return reader.config;
	config_free(reader.config);
	return NULL;
}

struct config *
config_load(const char *file, char error[CONFIG_ERROR_MAX])
{
	char *text = config_text_read(file);
	struct config *config;

	if (text == NULL) {
		snprintf(error, CONFIG_ERROR_MAX, "%s: %s", file,
		    errno == EILSEQ ? "there is a zero byte in it" :
				      strerror(errno));
		return NULL;
	}
	config = config_parse(text, file, error);
	if (config != NULL)
		strlcpy(config->file, file, sizeof(config->file));
	config_text_free(text);
	return config;
}
