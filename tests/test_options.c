#include "supervisor/options.h"

#include <sys/prctl.h>

#include <bsd/string.h>

#include <check.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/config.h"
#include "tests/suite.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define ARGUMENTS_MAX 8

static char error[OPTIONS_ERROR_MAX];
static char notice[OPTIONS_ERROR_MAX];

/* An environment of our own, and no output of usage lines. */
static void
set_environment(void)
{
	int null = open("/dev/null", O_WRONLY);

	ck_assert_int_eq(dup2(null, STDERR_FILENO), STDERR_FILENO);
	ck_assert_int_eq(dup2(null, STDOUT_FILENO), STDOUT_FILENO);
	ck_assert_int_eq(clearenv(), 0);
	ck_assert_int_eq(setenv("HOME", "/home/someone", 1), 0);
	error[0] = notice[0] = '\0';
}

/* The arguments are one text, parted by spaces. */
static enum options_result
parse(const char *line, struct options *options)
{
	static char text[1024], *arguments[ARGUMENTS_MAX + 1];
	int count = 0;
	char *rest = text;

	strlcpy(text, "socktopus ", sizeof(text));
	strlcat(text, line, sizeof(text));
	while (count < ARGUMENTS_MAX &&
	    (arguments[count] = strsep(&rest, " ")) != NULL)
		if (*arguments[count] != '\0')
			count++;
	arguments[count] = NULL;
	return options_parse(count, arguments, options);
}

static struct config *
configure(const char *line)
{
	struct options options;

	ck_assert_int_eq(parse(line, &options), OPTIONS_RUN);
	return options_config(&options, error, notice);
}

START_TEST(flags_are_read)
{
	struct options options;

	ck_assert_int_eq(parse("-f file -n -d", &options), OPTIONS_RUN);
	ck_assert_str_eq(options.file, "file");
	ck_assert(options.check && options.debug);
	ck_assert_int_eq(parse("", &options), OPTIONS_RUN);
	ck_assert_ptr_null(options.file);
	ck_assert(!options.check && !options.debug);
	ck_assert_int_eq(options.uris_count, 0);
	ck_assert_int_eq(parse("-d tcp://a tcp://b", &options), OPTIONS_RUN);
	ck_assert_int_eq(options.uris_count, 2);
	ck_assert_str_eq(options.uris[1], "tcp://b");
	ck_assert_int_eq(parse("-h", &options), OPTIONS_DONE);
	ck_assert_int_eq(parse("-V", &options), OPTIONS_DONE);
	ck_assert_int_eq(parse("--help", &options), OPTIONS_DONE);
	ck_assert_int_eq(parse("--version", &options), OPTIONS_DONE);
}
END_TEST

static const char *const bad_lines[] = { "-x", "-f", "-f file tcp://a",
	"-f file extra", "--helping" };

START_TEST(bad_usage_is_refused)
{
	struct options options;

	ck_assert_int_eq(parse(bad_lines[_i], &options), OPTIONS_USAGE);
}
END_TEST

START_TEST(nothing_is_a_listener)
{
	struct config *config = configure("");

	ck_assert_msg(config != NULL, "%s", error);
	ck_assert(config->quick && config->identity_make);
	ck_assert_uint_eq(config->listens_count, 1);
	ck_assert_str_eq(config->listens[0].host, "::");
	ck_assert_uint_eq(config->listens[0].port, 23461);
	ck_assert_uint_eq(config->tunnels_count, 0);
	ck_assert_uint_eq(config->peers_count, 1);
	ck_assert(config->peers[0].self);
	ck_assert_uint_eq(config->peers[0].permits_count,
	    ADDRESS_LOOPBACK_PERMITS);
	ck_assert_str_eq(config->file, "");
	config_free(config);
}
END_TEST

START_TEST(service_is_taken)
{
	struct config *config;

	setenv("SERVICE", "127.0.0.1:0", 1);
	config = configure("");
	ck_assert_ptr_nonnull(config);
	ck_assert_str_eq(config->listens[0].host, "127.0.0.1");
	ck_assert_uint_eq(config->listens[0].port, 0);
	config_free(config);
	setenv("SERVICE", "a:b:c", 1);
	ck_assert_ptr_null(configure(""));
	ck_assert_int_eq(strncmp(error, "SERVICE: too many", 17), 0);
}
END_TEST

START_TEST(seed_example_is_a_connector)
{
	const struct config_tunnel *tunnel;
	struct config *config;

	setenv("UDPLOC", "1234", 1);
	setenv("UDPREM", "1235:1236", 1);
	config = configure("tcp://127.0.0.1");
	ck_assert_msg(config != NULL, "%s", error);
	ck_assert_uint_eq(config->listens_count, 0);
	ck_assert_uint_eq(config->tunnels_count, 1);
	tunnel = config->tunnels;
	ck_assert_str_eq(tunnel->name, "tunnel");
	ck_assert(config->peers[tunnel->peer].self);
	ck_assert_uint_eq(tunnel->local.port, 23461);
	ck_assert_uint_eq(tunnel->local.rport, 1234);
	ck_assert_uint_eq(tunnel->remote.port, 1235);
	ck_assert_uint_eq(tunnel->remote.rport, 1236);
	ck_assert_int_eq(tunnel->scheduler, CONFIG_EARLIEST);
	ck_assert_uint_eq(tunnel->paths_count, 1);
	ck_assert_str_eq(tunnel->paths[0].uri, "tcp://127.0.0.1:23461");
	config_free(config);
}
END_TEST

START_TEST(reflectors_are_paths)
{
	const struct config_tunnel *tunnel;
	struct config *config;

	setenv("UDPLOC", "1", 1);
	setenv("UDPREM", "2", 1);
	config = configure("tcp://d tcp://r tcp://r,http://u:p@h socks://s");
	ck_assert_msg(config != NULL, "%s", error);
	tunnel = config->tunnels;
	ck_assert_str_eq(tunnel->destinations[0].display, "tcp://d:23461");
	ck_assert_uint_eq(tunnel->paths_count, 4);
	ck_assert_str_eq(tunnel->paths[0].uri, "tcp://d:23461");
	ck_assert_str_eq(tunnel->paths[1].uri, "tcp://r:23461");
	ck_assert_str_eq(tunnel->paths[2].uri, "tcp://r:23461,http://h:8080");
	ck_assert_str_eq(tunnel->paths[3].uri, "socks://s:1080");
	config_free(config);
}
END_TEST

static const struct {
	const char *line;
	const char *local;
	const char *remote;
	const char *error;
} bad_connectors[] = { { "tcp://d", NULL, "2", "UDPLOC is not set" },
	{ "tcp://d", "1", NULL, "UDPREM is not set" },
	{ "tcp://d", "", "2", "UDPLOC is not set" },
	{ "tcp://d", "x", "2", "UDPLOC: the port is neither" },
	{ "tcp://d", "1", "a:b:c:d:e", "UDPREM: too many fields" },
	{ "socks://d", "1", "2", "URI 1: the first one is the destination" },
	{ "tcp://d,http://h", "1", "2", "URI 1: a comma" },
	{ "d", "1", "2", "URI 1: it does not begin" },
	{ "tcp://d https://h", "1", "2", "URI 2: https:// is not supported" },
	{ "tcp://d tcp://r http://u:secret@h/", "1", "2", "URI 3: a path" } };

START_TEST(bad_connector_is_refused)
{
	if (bad_connectors[_i].local != NULL)
		setenv("UDPLOC", bad_connectors[_i].local, 1);
	if (bad_connectors[_i].remote != NULL)
		setenv("UDPREM", bad_connectors[_i].remote, 1);
	ck_assert_ptr_null(configure(bad_connectors[_i].line));
	ck_assert_msg(strncmp(error, bad_connectors[_i].error,
			  strlen(bad_connectors[_i].error)) == 0,
	    "%s", error);
	ck_assert_ptr_null(strstr(error, "secret"));
}
END_TEST

START_TEST(identity_is_in_the_home)
{
	char wanted[CONFIG_PATH_MAX];
	struct config *config = configure("");
	const struct passwd *user = getpwuid(geteuid());

	ck_assert_str_eq(config->identity,
	    "/home/someone/.config/socktopus/identity.key");
	config_free(config);
	setenv("XDG_CONFIG_HOME", "relative", 1);
	config = configure("");
	ck_assert_str_eq(config->identity,
	    "/home/someone/.config/socktopus/identity.key");
	config_free(config);
	setenv("XDG_CONFIG_HOME", "/etc/xdg", 1);
	config = configure("");
	ck_assert_str_eq(config->identity, "/etc/xdg/socktopus/identity.key");
	config_free(config);
	unsetenv("XDG_CONFIG_HOME");
	unsetenv("HOME");
	ck_assert_ptr_nonnull(user);
	snprintf(wanted, sizeof(wanted), "%s/.config/socktopus/identity.key",
	    user->pw_dir);
	config = configure("");
	ck_assert_str_eq(config->identity, wanted);
	config_free(config);
}
END_TEST

static void
assert_control(const char *folder)
{
	struct config *config = configure("");
	char wanted[128];

	ck_assert_msg(config != NULL, "%s", error);
	snprintf(wanted, sizeof(wanted), "%s/%ld.sock", folder, (long)getpid());
	ck_assert_str_eq(config->control, wanted);
	config_free(config);
}

START_TEST(control_socket_has_its_place)
{
	uid_t user = geteuid();
	char folder[128];

	setenv("XDG_RUNTIME_DIR", "/run/user/1", 1);
	if (user == 0) {
		assert_control("/run/socktopus");
		ck_assert_int_eq(seteuid(65534), 0);
	}
	assert_control("/run/user/1/socktopus");
	unsetenv("XDG_RUNTIME_DIR");
	snprintf(folder, sizeof(folder), "/tmp/socktopus-%ld", (long)geteuid());
	assert_control(folder);
	memset(folder, 'x', sizeof(folder));
	folder[0] = '/';
	folder[100] = '\0';
	setenv("XDG_RUNTIME_DIR", folder, 1);
	ck_assert_ptr_null(configure(""));
	ck_assert_ptr_nonnull(strstr(error, "too long"));
	/* So that a leak sanitizer can look into this process. */
	ck_assert_int_eq(seteuid(user), 0);
	ck_assert_int_eq(prctl(PR_SET_DUMPABLE, 1), 0);
}
END_TEST

START_TEST(ae_log_sets_the_log)
{
	struct config *config;

	setenv("AE_LOG", "filter=warn:log=file:/tmp/x,colour", 1);
	config = configure("");
	ck_assert_int_eq(config->log.level, LOG_WARN);
	ck_assert_int_eq(config->log.target, LOG_TO_FILE);
	ck_assert_str_eq(config->log.file, "/tmp/x");
	ck_assert_str_eq(notice, "colour");
	config_free(config);
	config = configure("-d");
	ck_assert_int_eq(config->log.level, LOG_DEBUG_LEVEL);
	ck_assert_int_eq(config->log.target, LOG_TO_STDERR);
	config_free(config);
	setenv("AE_LOG", "main=+log", 1);
	config = configure("");
	ck_assert_int_eq(config->log.level, LOG_TRACE);
	ck_assert_str_eq(notice, "");
	config_free(config);
}
END_TEST

START_TEST(file_is_read)
{
	char name[] = "/tmp/test_options.XXXXXX", line[64];
	int fd = mkstemp(name);
	struct config *config;

	ck_assert_int_ne(fd, -1);
	ck_assert_int_eq(write(fd, "user = \"u\";\n", 12), 12);
	close(fd);
	setenv("AE_LOG", "trace", 1);
	snprintf(line, sizeof(line), "-f %s", name);
	config = configure(line);
	ck_assert_msg(config != NULL, "%s", error);
	ck_assert(!config->quick);
	ck_assert_str_eq(config->user, "u");
	ck_assert_int_eq(config->log.level, LOG_INFO_LEVEL);
	config_free(config);
	unlink(name);
	ck_assert_ptr_null(configure(line));
	ck_assert_ptr_nonnull(strstr(error, "No such file"));
}
END_TEST

static Suite *
make_suite(void)
{
	Suite *suite = suite_create("options");
	TCase *tests = tcase_create("options");

	tcase_add_checked_fixture(tests, set_environment, NULL);
	tcase_add_test(tests, flags_are_read);
	tcase_add_loop_test(tests, bad_usage_is_refused, 0, COUNT(bad_lines));
	tcase_add_test(tests, nothing_is_a_listener);
	tcase_add_test(tests, service_is_taken);
	tcase_add_test(tests, seed_example_is_a_connector);
	tcase_add_test(tests, reflectors_are_paths);
	tcase_add_loop_test(tests, bad_connector_is_refused, 0,
	    COUNT(bad_connectors));
	tcase_add_test(tests, identity_is_in_the_home);
	tcase_add_test(tests, control_socket_has_its_place);
	tcase_add_test(tests, ae_log_sets_the_log);
	tcase_add_test(tests, file_is_read);
	suite_add_tcase(suite, tests);
	return suite;
}

int
main(void)
{
	return suite_run(make_suite());
}
