#include "supervisor/config.h"

#include <sys/stat.h>

#include <bsd/string.h>

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/suite.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define KEY "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA="
#define KEY2 "AgIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA="
#define PEER                                                               \
	"identity = \"key\"; peers = ({ name = \"p\"; key = \"" KEY "\"; " \
	"});\n"
#define MANY "{ uri = \"tcp://r\"; count = 64; }"
#define TUNNEL                                                    \
	"name = \"t\"; peer = \"p\"; destination = \"tcp://d\"; " \
	"local = \"1\"; remote = \"2\";"

static char folder[64];

static void
make_file(const char *name, mode_t mode, const char *text)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_EXCL, 0600);

	ck_assert_int_ne(fd, -1);
	ck_assert_int_eq(write(fd, text, strlen(text)), (int)strlen(text));
	ck_assert_int_eq(fchmod(fd, mode), 0);
	close(fd);
}

/* Once for all tests, and outside of them: also a failed one is cleared. */
static void
make_folder(void)
{
	strlcpy(folder, "/tmp/test_config.XXXXXX", sizeof(folder));
	ck_assert_ptr_nonnull(mkdtemp(folder));
	ck_assert_int_eq(chdir(folder), 0);
}

static void
clear_folder(void)
{
	unlink("key");
	unlink("open");
	unlink("file");
	unlink("included");
	unlink("large");
	unlink("many");
	rmdir("folder");
}

static void
fill_folder(void)
{
	clear_folder();
	make_file("key", 0600, KEY "\n");
	make_file("open", 0640, KEY "\n");
	ck_assert_int_eq(mkdir("folder", 0700), 0);
}

static void
remove_folder(void)
{
	clear_folder();
	ck_assert_int_eq(rmdir(folder), 0);
}

static const char full[] =
    "identity = \"key\";\n"
    "control = \"/run/x.sock\";\n"
    "user = \"u\"; worker_user = \"w\";\n"
    "sandbox = \"best-effort\";\n"
    "log = { level = \"debug\"; target = \"file:/tmp/x\"; };\n"
    "listen = ( \"[::]:23461\", \"127.0.0.1:http\" );\n"
    "tunnels = ( {\n"
    "  paths = (\n"
    "    { uri = \"tcp://r1,socks://u:p@r2\"; backup = true; mptcp = true;\n"
    "      count = 64; interface = \"eth0\"; source = \"192.0.2.1\";\n"
    "      congestion = \"bbr\"; rate_limit = 5000000000L; },\n"
    "    { uri = [ \"http://h\", \"socks4://s\" ]; auth = \"key\"; } );\n"
    "  name = \"logs\"; peer = \"b\"; destination = \"tcp://d:7\";\n"
    "  local = \"1234\"; remote = \"1235:1236\";\n"
    "  scheduler = \"redundant\"; copies = 8; reorder = 10000;\n"
    "  max_queue = 1; rotate = 0;\n"
    "}, { name = \"two\"; peer = \"a\"; destination = \"tcp://e\";\n"
    "  local = \"[::1]:9\"; remote = \"near:far:9\"; direct = false;\n"
    "  paths = ( { uri = \"tcp://only\"; } );\n"
    "} );\n"
    "peers = ( { name = \"a\"; key = \"" KEY "\"; psk = \"key\";\n"
    "  permit = ( \"127.0.0.1:*\", \"[::1]:5000-5100\", \"10.0.0.0/8:1\" );\n"
    "}, { name = \"b\"; key = \"" KEY2 "\"; permit = (); } );\n";

static struct config *
parse(const char *text)
{
	char error[CONFIG_ERROR_MAX] = "";
	struct config *config = config_parse(text, "f", error);

	ck_assert_msg(config != NULL, "%s", error);
	ck_assert_str_eq(error, "");
	return config;
}

START_TEST(globals_are_read)
{
	struct config *config = parse(full);

	ck_assert(!config->quick && !config->identity_make);
	ck_assert_str_eq(config->identity, "key");
	ck_assert_str_eq(config->control, "/run/x.sock");
	ck_assert_str_eq(config->user, "u");
	ck_assert_str_eq(config->worker_user, "w");
	ck_assert_int_eq(config->sandbox, CONFIG_SANDBOX_BEST_EFFORT);
	ck_assert_int_eq(config->log.level, LOG_DEBUG_LEVEL);
	ck_assert_int_eq(config->log.target, LOG_TO_FILE);
	ck_assert_str_eq(config->log.file, "/tmp/x");
	ck_assert_uint_eq(config->listens_count, 2);
	ck_assert_str_eq(config->listens[0].host, "::");
	ck_assert_uint_eq(config->listens[1].port, 80);
	config_free(config);
}
END_TEST

START_TEST(peers_are_read)
{
	struct config *config = parse(full);
	const struct config_peer *peer = config->peers;
	int i;

	ck_assert_uint_eq(config->peers_count, 2);
	ck_assert_str_eq(peer[0].name, "a");
	ck_assert_str_eq(peer[0].psk_file, "key");
	for (i = 0; i < CONFIG_KEY_BYTES; i++)
		ck_assert_uint_eq(peer[0].key[i], (unsigned int)i + 1);
	ck_assert(!peer[0].self);
	ck_assert_uint_eq(peer[0].permits_count, 3);
	ck_assert_uint_eq(peer[0].permits[1].last_port, 5100);
	ck_assert_uint_eq(peer[0].permits[2].prefix, 8);
	ck_assert_str_eq(peer[1].psk_file, "");
	ck_assert_uint_eq(peer[1].permits_count, 0);
	config_free(config);
}
END_TEST

START_TEST(devices_are_described)
{
	struct config *config = parse(
	    "identity = \"key\";\n"
	    "peers = ({ name = \"p\"; key = \"" KEY
	    "\"; permit = ( \"tun:a\" );"
	    " tun_mtu = 65497; tun_offload = true; },"
	    " { name = \"q\"; key = \"" KEY2 "\"; permit = ( \"tun:b\" );"
	    " tun_mtu = 65507; });\n");

	ck_assert_uint_eq(config->peers[0].rights.tun_mtu, 65497);
	ck_assert(config->peers[0].rights.tun_offload);
	ck_assert_uint_eq(config->peers[1].rights.tun_mtu, 65507);
	ck_assert(!config->peers[1].rights.tun_offload);
	config_free(config);
}
END_TEST

START_TEST(tunnels_are_read)
{
	struct config *config = parse(full);
	const struct config_tunnel *tunnel = config->tunnels;

	ck_assert_uint_eq(config->tunnels_count, 2);
	ck_assert_str_eq(tunnel->name, "logs");
	ck_assert_uint_eq(tunnel->peer, 1);
	ck_assert_str_eq(tunnel->destinations[0].display, "tcp://d:7");
	ck_assert_uint_eq(tunnel->local.rport, 1234);
	ck_assert_uint_eq(tunnel->remote.port, 1235);
	ck_assert_int_eq(tunnel->scheduler, CONFIG_REDUNDANT);
	ck_assert_uint_eq(tunnel->copies, 8);
	ck_assert_uint_eq(tunnel->reorder_ms, 10000);
	ck_assert_uint_eq(tunnel->max_queue_ms, 1);
	ck_assert_uint_eq(tunnel->rotate_s, 0);
	ck_assert_uint_eq(tunnel[1].peer, 0);
	ck_assert_uint_eq(tunnel[1].paths_count, 1);
	ck_assert_str_eq(tunnel[1].paths[0].uri, "tcp://only:23461");
	config_free(config);
}
END_TEST

START_TEST(destinations_are_read)
{
	struct config *config = parse(
	    PEER "tunnels = ({ name = \"t\"; peer = \"p\"; local = \"1\";"
		 "remote = \"2\"; failover = 7; destination = (\"tcp://d:7\","
		 "\"srv://_x._tcp.example\"); });");
	const struct config_tunnel *tunnel = &config->tunnels[0];

	ck_assert_uint_eq(tunnel->destinations_count, 2);
	ck_assert_uint_eq(tunnel->failover_s, 7);
	ck_assert_str_eq(tunnel->destinations[0].display, "tcp://d:7");
	ck_assert_str_eq(tunnel->destinations[1].display,
	    "srv://_x._tcp.example");
	ck_assert_int_eq(tunnel->destinations[1].kind, HOP_SRV);
	ck_assert_uint_eq(tunnel->paths_count, 1);
	ck_assert(tunnel->paths[0].direct);
	config_free(config);
}
END_TEST

START_TEST(paths_are_read)
{
	struct config *config = parse(full);
	const struct config_path *path = config->tunnels[0].paths;

	ck_assert_uint_eq(config->tunnels[0].paths_count, 3);
	ck_assert_str_eq(path[0].uri, "tcp://d:7");
	ck_assert_uint_eq(path[0].hops_count, 1);
	ck_assert_uint_eq(path[0].count, 1);
	ck_assert_str_eq(path[1].uri, "tcp://r1:23461,socks://r2:1080");
	ck_assert_uint_eq(path[1].hops_count, 2);
	ck_assert_str_eq(path[1].hops[1].password, "p");
	ck_assert(path[1].backup && path[1].mptcp);
	ck_assert_uint_eq(path[1].count, 64);
	ck_assert_str_eq(path[1].interface, "eth0");
	ck_assert_str_eq(path[1].source, "192.0.2.1");
	ck_assert_str_eq(path[1].congestion, "bbr");
	ck_assert_uint_eq(path[1].rate_limit_bytes, 5000000000U);
	ck_assert_str_eq(path[2].uri, "http://h:8080,socks4://s:1080");
	ck_assert(!path[2].backup && !path[2].mptcp);
	ck_assert_str_eq(path[1].auth, "");
	ck_assert_str_eq(path[2].auth, "key");
	config_free(config);
}
END_TEST

START_TEST(pools_are_read)
{
	struct config *config = parse(
	    PEER "tunnels = ({ " TUNNEL "pool = { uris = ( \"tcp://a\",\n"
		 " ( \"socks://b\", \"http://c\" ), \"tcp://d,socks://e\" );\n"
		 " use = 2; }; paths = ({ uri = \"tcp://p\"; }); });");
	const struct config_tunnel *tunnel = config->tunnels;

	ck_assert_uint_eq(tunnel->pool_use, 2);
	ck_assert_uint_eq(tunnel->paths_count, 5);
	ck_assert(!tunnel->paths[0].pooled && !tunnel->paths[1].pooled);
	ck_assert_str_eq(tunnel->paths[1].uri, "tcp://p:23461");
	ck_assert(tunnel->paths[2].pooled && tunnel->paths[4].pooled);
	ck_assert_str_eq(tunnel->paths[2].uri, "tcp://a:23461");
	ck_assert_str_eq(tunnel->paths[3].uri, "socks://b:1080,http://c:8080");
	ck_assert_uint_eq(tunnel->paths[4].hops_count, 2);
	ck_assert_uint_eq(tunnel->paths[4].count, 1);
	config_free(config);
}
END_TEST

START_TEST(a_pool_has_a_limit)
{
	char error[CONFIG_ERROR_MAX], text[4096];
	struct config *config;

	for (int count = 64; count <= 65; count++) {
		strlcpy(text,
		    PEER "tunnels = ({ " TUNNEL "pool = { use = 64;"
			 "uris = ( \"tcp://a\"",
		    sizeof(text));
		for (int i = 1; i < count; i++)
			strlcat(text, ", \"tcp://b\"", sizeof(text));
		strlcat(text, " ); }; });", sizeof(text));
		config = config_parse(text, "f", error);
		ck_assert((config != NULL) == (count == 64));
		config_free(config);
	}
	ck_assert_str_eq(error, "f:2: a pool has 1 to 64 uris");
}
END_TEST

START_TEST(defaults_are_set)
{
	struct config *config = parse(PEER "tunnels = ({ " TUNNEL " });");
	const struct config_tunnel *tunnel = config->tunnels;

	ck_assert_str_eq(config->control, "/run/socktopus/control.sock");
	ck_assert_int_eq(config->sandbox, CONFIG_SANDBOX_REQUIRED);
	ck_assert_int_eq(config->log.level, LOG_INFO_LEVEL);
	ck_assert_int_eq(config->log.target, LOG_TO_STDERR);
	ck_assert_uint_eq(config->listens_count, 0);
	ck_assert_uint_eq(config->peers[0].permits_count,
	    ADDRESS_LOOPBACK_PERMITS);
	ck_assert_int_eq(memcmp(config->peers[0].permits,
			     address_loopback_permits,
			     sizeof(address_loopback_permits)),
	    0);
	ck_assert_int_eq(tunnel->scheduler, CONFIG_EARLIEST);
	ck_assert_uint_eq(tunnel->copies, 2);
	ck_assert_uint_eq(tunnel->reorder_ms, 0);
	ck_assert_uint_eq(tunnel->max_queue_ms, 50);
	ck_assert_uint_eq(tunnel->rotate_s, 3600);
	ck_assert_uint_eq(tunnel->paths_count, 1);
	ck_assert_str_eq(tunnel->paths[0].uri, "tcp://d:23461");
	config_free(config);
	config_free(parse(""));
	config_free(NULL);
}
END_TEST

static const struct {
	const char *text;
	const char *error;
} bad[] = { { "\n\nnonsense = 1;", "f:3: unknown key nonsense" },
	{ "identity = ;", "f:1: syntax error" }, { "\nlisten = (\n", "f:" },
	{ "user = \"a\"; user = \"b\";", "f:1: duplicate setting name" },
	{ "\nuser = 1;", "f:2: user must be a string" },
	{ "user = \"a\\nb\";", "f:1: user has a control byte in it" },
	{ "control = \"\";", "f:1: the path of a control socket has 1 to 107" },
	{ "sandbox = \"off\";", "f:1: sandbox must be" },
	{ "log = \"x\";", "f:1: log must be a group" },
	{ "log = { level = \"loud\"; };", "f:1: level must be fatal" },
	{ "log = { target = \"file:\"; };", "f:1: target must be" },
	{ "log = { colour = true; };", "f:1: unknown key colour" },
	{ "listen = \"1\";", "f:1: listen must be a list" },
	{ "listen = (\n1 );", "f:2: an element must be a string" },
	{ "listen = (\n\"a:b:c\" );", "f:2: listen: too many fields" },
	{ "identity = \"none\";",
	    "f:1: cannot read the key file none: No such" },
	{ "identity = \"open\";",
	    "f:1: the key file open is open to others: "
	    "its mode is 0640" },
	{ "identity = \"folder\";", "f:1: the key file folder is not a reg" },
	{ "\npeers = ({ name = \"p\"; key = \"" KEY "\"; });",
	    "f:2: identity is missing" },
	{ "peers = ({ key = \"" KEY "\"; });", "f:1: name is missing" },
	{ "peers = ({ name = \"p\"; });", "f:1: key is missing" },
	{ "peers = ({ name = \"\"; key = \"" KEY "\"; });",
	    "f:1: a name is made of" },
	{ "peers = ({ name = \"a b\"; key = \"" KEY "\"; });",
	    "f:1: a name is made of" },
	{ "peers = ({ name = \"p\"; key = \"AAAA\"; });",
	    "f:1: key is not a public key" },
	{ "peers = ({ name = \"p\"; key = \"" KEY "\";\n psk = \"open\"; });",
	    "f:2: the key file open" },
	{ "peers = ({ name = \"p\"; key = \"" KEY "\"; permit = (\n"
	  "\"host:1\" ); });",
	    "f:2: permit: a permit needs a numeric" },
	{ "peers = ({ name = \"p\"; key = \"" KEY "\"; },\n"
	  "{ name = \"p\"; key = \"" KEY2 "\"; });",
	    "f:2: there is a peer p already" },
	{ "peers = ({ name = \"p\"; key = \"" KEY "\"; },\n"
	  "{ name = \"q\"; key = \"" KEY "\"; });",
	    "f:2: this is the key of peer p already" },
	{ PEER "tunnels = ({ " TUNNEL " },\n{ " TUNNEL " });",
	    "f:3: there is a tunnel t already" },
	{ PEER "tunnels = ({ name = \"t\"; peer = \"q\"; });",
	    "f:2: there is no peer q" },
	{ PEER "tunnels = ({ name = \"t\"; peer = \"p\"; });",
	    "f:2: destination is missing" },
	{ PEER "tunnels = ({ name = \"t\"; peer = \"p\"; "
	       "destination = \"http://d\"; });",
	    "f:2: destination must be a tcp or srv" },
	{ PEER "tunnels = ({ name = \"t\"; peer = \"p\"; "
	       "destination = (); });",
	    "f:2: destination has 1 to 8 URIs" },
	{ PEER "tunnels = ({ name = \"t\"; peer = \"p\"; "
	       "destination = (\"tcp://a\", 1); });",
	    "f:2: destination must be a URI or a list" },
	{ PEER "tunnels = ({ name = \"t\"; peer = \"p\"; "
	       "destination = \"srv://a:7\"; });",
	    "f:2: destination: the port of srv is in its records" },
	{ PEER "tunnels = ({" TUNNEL "failover = 0; });", "f:2: failover" },
	{ PEER "tunnels = ({" TUNNEL "paths = ({ uri = \"srv://a\"; }); });",
	    "f:2: uri: srv stands for a listener" },
	{ PEER "tunnels = ({ name = \"t\"; peer = \"p\"; "
	       "destination = \"tcp://\"; });",
	    "f:2: destination: the host" },
	{ PEER "tunnels = ({ name = \"t\"; peer = \"p\"; "
	       "destination = \"tcp://d\"; local = \"0\"; });",
	    "f:2: local: the port to send to is 0" },
	{ PEER "tunnels = ({ name = \"t\"; peer = \"p\"; "
	       "destination = \"tcp://d\"; local = \"1\"; remote = \"\"; });",
	    "f:2: remote: the last field" },
	{ PEER "tunnels = ({ " TUNNEL "direct = 1; });",
	    "f:2: direct must be true or false" },
	{ PEER "tunnels = ({ " TUNNEL "direct = false; });",
	    "f:2: tunnel t has no path" },
	{ PEER "tunnels = ({ " TUNNEL "paths = (" MANY ", " MANY ", " MANY
	       ", " MANY "); });", /* 256, and the direct one */
	    "f:2: tunnel t: more than 256 connections" },
	{ PEER "tunnels = ({ " TUNNEL "scheduler = \"best\"; });",
	    "f:2: scheduler must be" },
	{ PEER "tunnels = ({ " TUNNEL "copies = 0; });",
	    "f:2: copies must be from 1 to 8" },
	{ PEER "tunnels = ({ " TUNNEL "copies = 9; });", "f:2: copies must" },
	{ PEER "tunnels = ({ " TUNNEL "copies = 1.0; });",
	    "f:2: copies must be a whole number" },
	{ PEER "tunnels = ({ " TUNNEL "pool = 1; });",
	    "f:2: pool must be a group" },
	{ PEER "tunnels = ({ " TUNNEL "pool = { use = 1; }; });",
	    "f:2: uris is missing" },
	{ PEER "tunnels = ({ " TUNNEL "pool = { uris = (\"tcp://a\"); }; });",
	    "f:2: use is missing" },
	{ PEER "tunnels = ({ " TUNNEL "pool = { use = 1;\nuris = (); }; });",
	    "f:2: use is more than there are uris" },
	{ PEER "tunnels = ({ " TUNNEL
	       "pool = { use = 0; uris = (\"tcp://a\"); }; });",
	    "f:2: use must be from 1 to 64" },
	{ PEER "tunnels = ({ " TUNNEL
	       "pool = { use = 2; uris = (\"tcp://a\"); }; });",
	    "f:2: use is more than there are uris" },
	{ PEER "tunnels = ({ " TUNNEL
	       "pool = { use = 1; uris = (\"tcp://a\",\n1); }; });",
	    "f:3: uri must be a string or" },
	{ PEER "tunnels = ({ " TUNNEL
	       "pool = { use = 1; uris = (\"ftp://a\"); }; });",
	    "f:2: uri: " },
	{ PEER "tunnels = ({ " TUNNEL "reorder = -1; });", "f:2: reorder" },
	{ PEER "tunnels = ({ " TUNNEL "reorder = 10001; });", "f:2: reorder" },
	{ PEER "tunnels = ({ " TUNNEL "max_queue = 0; });", "f:2: max_queue" },
	{ PEER "tunnels = ({ " TUNNEL "rotate = 604801; });", "f:2: rotate" },
	{ PEER "tunnels = ({ " TUNNEL "rotate = 4294967296L; });",
	    "f:2: rotate must be from 0 to 604800" },
	{ PEER "tunnels = ({ " TUNNEL "paths = ({}); });",
	    "f:2: uri is missing" },
	{ PEER "tunnels = ({ " TUNNEL "paths = ({ uri = 1; }); });",
	    "f:2: uri must be a string or a list" },
	{ PEER "tunnels = ({ " TUNNEL "paths = ({ uri = \"tcp://a/\"; }); });",
	    "f:2: uri: a path" },
	{ PEER "tunnels = ({ " TUNNEL "paths = ({ uri = (); }); });",
	    "f:2: uri: a chain has 1 to 8 hops" },
	{ PEER "tunnels = ({ " TUNNEL "paths = ({ uri = (\"http://a\",\n"
	       "1); }); });",
	    "f:3: a hop of uri must be a string" },
	{ PEER "tunnels = ({ " TUNNEL "paths = ({ uri = (\"http://a\",\n"
	       "\"tcp://b\"); }); });",
	    "f:2: uri: a tcp relay can only be" },
	{ PEER "tunnels = ({ " TUNNEL "paths = ({ uri = (\"http://a\",\n"
	       "\"http://b,http://c\"); }); });",
	    "f:3: uri: a comma" },
	{ PEER
	    "tunnels = ({ " TUNNEL "paths = ({ uri = [\"http://1a\", "
	    "\"http://a\", \"http://a\", \"http://a\", \"http://a\", "
	    "\"http://a\", \"http://a\", \"http://a\", \"http://a\"]; }); });",
	    "f:2: uri has more than 8 hops" },
	{ PEER "tunnels = ({ " TUNNEL "paths = ({ uri = \"tcp://a\"; "
	       "count = 0; }); });",
	    "f:2: count must be from 1 to 64" },
	{ PEER "tunnels = ({ " TUNNEL "paths = ({ uri = \"tcp://a\"; "
	       "count = 65; }); });",
	    "f:2: count must be from 1 to 64" },
	{ PEER "tunnels = ({ " TUNNEL "paths = ({ uri = \"tcp://a\"; "
	       "rate_limit = -1; }); });",
	    "f:2: rate_limit must be from 0" },
	{ PEER "tunnels = ({ " TUNNEL "paths = ({ uri = \"tcp://a\"; "
	       "interface = \"a234567890123456\"; }); });",
	    "f:2: interface must be shorter than 16 bytes" },
	{ PEER "tunnels = ({ " TUNNEL "paths = ({ uri = \"tcp://a\"; "
	       "interface = \"a/b\"; }); });",
	    "f:2: interface cannot have" },
	{ PEER "tunnels = ({ " TUNNEL "paths = ({ uri = \"tcp://a\"; "
	       "source = \"host\"; }); });",
	    "f:2: source must be a numeric" },
	{ PEER "tunnels = ({ " TUNNEL "paths = ({ uri = \"tcp://a\"; "
	       "backup = 1; }); });",
	    "f:2: backup must be true or false" },
	{ PEER "tunnels = ({ " TUNNEL "paths = ({ uri = \"socks://a\";\n"
	       "auth = \"open\"; }); });",
	    "f:3: the key file open is open to others" },
	{ PEER "tunnels = ({ " TUNNEL "paths = ({ uri = \"socks://u:p@a\";\n"
	       "auth = \"key\"; }); });",
	    "f:3: auth: there is a user in the uri already" },
	{ PEER "tunnels = ({ " TUNNEL "paths = ({ uri = \"tcp://a\";\n"
	       "auth = \"key\"; }); });",
	    "f:3: auth: there is no proxy in the uri" },
	{ PEER "tunnels = ({ " TUNNEL "paths = ({ uri = (\"socks4://a\",\n"
	       "\"http://[::1]\"); }); });",
	    "f:2: uri: a SOCKS4 proxy cannot be asked for" },
	{ PEER "tunnels = ({ name = \"t\"; peer = \"p\"; "
	       "destination = \"tcp://[::1]\"; local = \"1\"; "
	       "remote = \"2\";\npaths = ({ uri = \"socks4a://a\"; }); });",
	    "f:3: uri: a SOCKS4 proxy cannot be asked for" },
	{ PEER "tunnels = ({ name = \"t\"; peer = \"p\"; "
	       "destination = \"tcp://[::1]\"; local = \"1\"; "
	       "remote = \"2\";\npool = { use = 1; uris = (\n"
	       "\"socks4a://a\"); }; });",
	    "f:4: uri: a SOCKS4 proxy cannot be asked for" },
	{ PEER "tunnels = ({ " TUNNEL "unix_mode = \"0770\"; });",
	    "f:2: unix_mode must be octal" },
	{ PEER "tunnels = ({ " TUNNEL "unix_mode = \"\"; });",
	    "f:2: unix_mode must be octal" },
	{ PEER "tunnels = ({ " TUNNEL "unix_mode = \"00660\"; });",
	    "f:2: unix_mode must be octal" },
	{ "identity = \"key\"; peers = ({ name = \"p\"; key = \"" KEY "\"; "
	  "permit = (\"tun:a\"); tun_offload = true; tun_mtu = 65498; });\n",
	    "f:1: p: with tun_offload, tun_mtu is at most 65497" },
	{ "identity = \"key\"; peers = ({ name = \"p\"; key = \"" KEY "\"; "
	  "permit = (\"unix:/a\", \"unix-seqpacket:/a\"); });\n",
	    "f:1: unix:/a stands twice, for p and for p" },
	{ "identity = \"key\"; control = \"/a\"; peers = ({ name = \"p\"; key "
	  "= \"" KEY "\"; "
	  "permit = (\"unix:/a\"); });",
	    "f:1: p: the control socket has that path" },
	{ PEER "tunnels = ({ " TUNNEL "paths = ( 1 ); });",
	    "f:2: an element must be a group" },
	{ "@include \"missing\"\n", "f:1: cannot open include file" },
	{ "\n @include \"folder\"\n",
	    "f:2: folder cannot be included: it is" } };

START_TEST(bad_text_is_one_line)
{
	char error[CONFIG_ERROR_MAX] = "";
	char text[4096];

	/* Every peer needs the identity that only some of the texts name. */
	strlcpy(text, bad[_i].text, sizeof(text));
	if (strncmp(text, "peers", 5) == 0) {
		strlcpy(text, "identity = \"key\"; ", sizeof(text));
		strlcat(text, bad[_i].text, sizeof(text));
	}
	ck_assert_msg(config_parse(text, "f", error) == NULL, "%s was taken",
	    text);
	ck_assert_msg(strncmp(error, bad[_i].error, strlen(bad[_i].error)) == 0,
	    "%s instead of %s", error, bad[_i].error);
	ck_assert_ptr_null(strchr(error, '\n'));
}
END_TEST

START_TEST(credentials_are_not_told)
{
	char error[CONFIG_ERROR_MAX] = "";

	ck_assert_ptr_null(
	    config_parse(PEER "tunnels = ({ " TUNNEL "paths = "
			      "({ uri = \"http://user:secret@h/\"; }); });",
		"f", error));
	ck_assert_ptr_null(strstr(error, "secret"));
}
END_TEST

START_TEST(file_is_loaded)
{
	char error[CONFIG_ERROR_MAX] = "";
	struct config *config;

	make_file("file", 0600, full);
	config = config_load("file", error);
	ck_assert_msg(config != NULL, "%s", error);
	ck_assert_str_eq(config->file, "file");
	config_free(config);
}
END_TEST

START_TEST(included_file_is_named)
{
	char error[CONFIG_ERROR_MAX] = "";
	struct config *config;

	make_file("file", 0600, "user = \"u\";\n@include \"included\"\n");
	make_file("included", 0600, "\n\nbogus = 1;\n");
	ck_assert_ptr_null(config_load("file", error));
	ck_assert_str_eq(error, "included:3: unknown key bogus");
	ck_assert_int_eq(truncate("included", 0), 0);
	config = config_load("file", error);
	ck_assert_ptr_nonnull(config);
	config_free(config);
}
END_TEST

START_TEST(includes_are_bounded)
{
	char error[CONFIG_ERROR_MAX] = "";

	make_file("file", 0600, "# @include \"folder\"\n@include \"file\"\n");
	ck_assert_ptr_null(config_load("file", error));
	ck_assert_str_eq(error, "file:2: include file nesting too deep");
	make_file("included", 0600, "\n\t@include\t\"/dev/zero\"\n");
	ck_assert_ptr_null(config_parse("@include \"included\"\n", "f", error));
	ck_assert_str_eq(error,
	    "included:2: /dev/zero cannot be included: "
	    "it is not a regular file");
	make_file("many", 0600,
	    "@include \"many\"\n@include \"many\"\n@include \"many\"\n"
	    "@include \"many\"\n@include \"many\"\n@include \"many\"\n");
	ck_assert_ptr_null(config_load("many", error));
	ck_assert_str_eq(error, "many:1: more than 1000 files are included");
}
END_TEST

START_TEST(large_file_is_refused)
{
	static char text[1024 * 1024 + 1];
	char error[CONFIG_ERROR_MAX] = "";

	memset(text, '#', sizeof(text) - 1);
	make_file("large", 0600, text);
	ck_assert_ptr_null(config_load("large", error));
	ck_assert_str_eq(error, "large: File too large");
	text[sizeof(text) - 2] = '\0';
	make_file("file", 0600, text);
	ck_assert_ptr_null(config_load("file", error));
	ck_assert_ptr_null(strstr(error, "too large"));
}
END_TEST

START_TEST(unreadable_files_are_named)
{
	char error[CONFIG_ERROR_MAX] = "";

	ck_assert_ptr_null(config_load("none", error));
	ck_assert_str_eq(error, "none: No such file or directory");
	ck_assert_ptr_null(config_load("folder", error));
	ck_assert_str_eq(error, "folder: Is a directory");
	ck_assert_ptr_null(config_load("/dev/zero", error));
	ck_assert_str_eq(error, "/dev/zero: File too large");
	make_file("file", 0600, "user");
	ck_assert_int_eq(truncate("file", 6), 0);
	ck_assert_ptr_null(config_load("file", error));
	ck_assert_str_eq(error, "file: there is a zero byte in it");
}
END_TEST

START_TEST(long_control_path_is_refused)
{
	char error[CONFIG_ERROR_MAX], text[256], path[109];
	struct config *config;

	memset(path, 'x', sizeof(path));
	path[108] = '\0';
	snprintf(text, sizeof(text), "control = \"%s\";", path);
	ck_assert_ptr_null(config_parse(text, "f", error));
	path[107] = '\0';
	snprintf(text, sizeof(text), "control = \"%s\";", path);
	config = config_parse(text, "f", error);
	ck_assert_ptr_nonnull(config);
	config_free(config);
}
END_TEST

START_TEST(long_chains_are_cut_for_display)
{
	struct address_uri hops[MESSAGE_HOPS_MAX];
	struct config *config = config_new();
	struct config_path *path = config_add_path(config_add_tunnel(config));
	size_t i;

	memset(hops, 0, sizeof(hops));
	for (i = 0; i < MESSAGE_HOPS_MAX; i++)
		memset(hops[i].display, 'x', sizeof(hops[i].display) - 1);
	ck_assert_int_eq(config_path_set_hops(path, hops, MESSAGE_HOPS_MAX), 0);
	ck_assert_uint_eq(strlen(path->uri), sizeof(path->uri) - 1);
	ck_assert_int_eq(config_path_set_hops(path, hops, 1), 0);
	ck_assert_uint_eq(strlen(path->uri), sizeof(hops[0].display) - 1);
	config_free(config);
}
END_TEST

static Suite *
make_suite(void)
{
	Suite *suite = suite_create("config");
	TCase *tests = tcase_create("file");

	tcase_add_unchecked_fixture(tests, make_folder, remove_folder);
	tcase_add_checked_fixture(tests, fill_folder, NULL);
	tcase_add_test(tests, globals_are_read);
	tcase_add_test(tests, peers_are_read);
	tcase_add_test(tests, devices_are_described);
	tcase_add_test(tests, tunnels_are_read);
	tcase_add_test(tests, destinations_are_read);
	tcase_add_test(tests, paths_are_read);
	tcase_add_test(tests, pools_are_read);
	tcase_add_test(tests, a_pool_has_a_limit);
	tcase_add_test(tests, defaults_are_set);
	tcase_add_loop_test(tests, bad_text_is_one_line, 0, COUNT(bad));
	tcase_add_test(tests, credentials_are_not_told);
	tcase_add_test(tests, file_is_loaded);
	tcase_add_test(tests, included_file_is_named);
	tcase_add_test(tests, includes_are_bounded);
	tcase_add_test(tests, large_file_is_refused);
	tcase_add_test(tests, unreadable_files_are_named);
	tcase_add_test(tests, long_control_path_is_refused);
	tcase_add_test(tests, long_chains_are_cut_for_display);
	suite_add_tcase(suite, tests);
	return suite;
}

int
main(void)
{
	return suite_run(make_suite());
}
