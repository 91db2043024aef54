#include "supervisor/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/suite.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define UDP(near, far, serv, rserv)                                      \
	{                                                                \
		.host = near, .rhost = far, .port = serv, .rport = rserv \
	}
#define LEARN(near, serv)                                         \
	{                                                         \
		.host = near, .port = serv, .kind = ADDRESS_LEARN \
	}

#define NAMED(type, here, there)                                     \
	{                                                            \
		.kind = ADDRESS_##type, .path = here, .rpath = there \
	}

static const struct {
	const char *text;
	struct address_tuple tuple;
} tuples[] = { { "1234", UDP("localhost", "localhost", 23461, 1234) },
	{ "1235:1236", UDP("localhost", "localhost", 1235, 1236) },
	{ "far.example:1236", UDP("localhost", "far.example", 23461, 1236) },
	{ "domain:1236", UDP("localhost", "localhost", 53, 1236) },
	{ "near:1235:1236", UDP("near", "localhost", 1235, 1236) },
	{ "1235:far:1236", UDP("localhost", "far", 1235, 1236) },
	{ "near:far:1236", UDP("near", "far", 23461, 1236) },
	{ "near:1235:far:1236", UDP("near", "far", 1235, 1236) },
	{ ":::9", UDP("localhost", "localhost", 23461, 9) },
	{ "::9", UDP("localhost", "localhost", 23461, 9) },
	{ ":9", UDP("localhost", "localhost", 23461, 9) },
	{ "near::9", UDP("near", "localhost", 23461, 9) },
	{ "near::far:9", UDP("near", "far", 23461, 9) },
	{ ":7:far:9", UDP("localhost", "far", 7, 9) },
	{ "7::9", UDP("localhost", "localhost", 7, 9) },
	{ "[::1]:7:[fe80::2%eth0]:9", UDP("::1", "fe80::2%eth0", 7, 9) },
	{ "[::1]:9", UDP("localhost", "::1", 23461, 9) },
	{ "[::1]:7:9", UDP("::1", "localhost", 7, 9) },
	{ "0:9", UDP("localhost", "localhost", 0, 9) },
	{ "00065535", UDP("localhost", "localhost", 23461, 65535) },
	{ "syslog", UDP("localhost", "localhost", 23461, 514) },
	{ "*", LEARN("localhost", 23461) },
	{ "learn", LEARN("localhost", 23461) },
	{ "1234:learn", LEARN("localhost", 1234) },
	{ "1234:*", LEARN("localhost", 1234) },
	{ "0.0.0.0:1234:*", LEARN("0.0.0.0", 1234) },
	{ "[::1]::*", LEARN("::1", 23461) },
	{ "unix:9", UDP("localhost", "unix", 23461, 9) },
	{ "unix:/run/a", NAMED(UNIX, "/run/a", "") },
	{ "unix:/a:/run/b", NAMED(UNIX, "/a", "/run/b") },
	{ "unix-seqpacket:/a", NAMED(SEQPACKET, "/a", "") },
	{ "tun:9", UDP("localhost", "tun", 23461, 9) },
	{ "tun:tun0", NAMED(TUN, "tun0", "") },
	{ "tun:a23456789012345", NAMED(TUN, "a23456789012345", "") } };

START_TEST(tuple_is_parsed)
{
	const struct address_tuple *wanted = &tuples[_i].tuple;
	struct address_tuple tuple;
	const char *error = NULL;

	ck_assert_msg(address_parse_tuple(tuples[_i].text, &tuple, &error) == 0,
	    "%s: %s", tuples[_i].text, error);
	ck_assert_str_eq(tuple.host, wanted->host);
	ck_assert_str_eq(tuple.rhost, wanted->rhost);
	ck_assert_uint_eq(tuple.port, wanted->port);
	ck_assert_uint_eq(tuple.rport, wanted->rport);
	ck_assert_int_eq(tuple.kind, wanted->kind);
	ck_assert_str_eq(tuple.path, wanted->path);
	ck_assert_str_eq(tuple.rpath, wanted->rpath);
}
END_TEST

static const char *const bad_tuples[] = { "", ":", ":::", "1234:", "0",
	"1235:0", "65536", "1:65536", "99999999999999999999",
	"18446744073709551617", "a:b:c:d:1", "::1:1", "[::1:9", "[::1]x:9",
	"[localhost]:9", "[]:9", "[::1%]:9", "[127.0.0.1]:9",
	"no-such-service-at-all", "-1", "+1", " 1", "1 ", "1\n", "a b:1",
	"h\xc3\xb6st:1", "far/1:1", "0x10", "1-2", "[::1]:[::1]:[::1]:9",
	"1:2:3", "**", "far:*", "1234:far:*", "near:1:far:learn", "*:1234",
	"learn:1:2:*:3", "1:2:*", "1:learning", "unix:/", "unix:/a/",
	"unix:/a:b", "unix:/a:/b:/c", "unix:/a b", "unix:/a\x7f",
	"unix-seqpacket:/a:/b",
	"unix:", "unix:/a:", "tun:", "tun:a234567890123456", "tun:a/b",
	"tun:a%d", "tun:a:/b" };

START_TEST(paths_are_limited)
{
	char text[8 + ADDRESS_PATH_MAX];
	struct address_tuple tuple;
	const char *error;

	memset(text, 'a', sizeof(text));
	memcpy(text, "unix:/", 6);
	text[5 + ADDRESS_PATH_MAX - 1] = '\0';
	ck_assert_int_eq(address_parse_tuple(text, &tuple, &error), 0);
	text[5 + ADDRESS_PATH_MAX - 1] = 'a';
	text[5 + ADDRESS_PATH_MAX] = '\0';
	ck_assert_int_eq(address_parse_tuple(text, &tuple, &error), -1);
}
END_TEST

START_TEST(permits_by_name_are_none_by_number)
{
	struct address_permit permit;
	struct sockaddr_storage any = { .ss_family = AF_INET };
	const char *error;

	ck_assert_int_eq(address_parse_permit("unix:/run/x:/run/y", &permit,
			     &error),
	    0);
	ck_assert_int_eq(permit.kind, ADDRESS_UNIX);
	ck_assert_str_eq(permit.path, "/run/x");
	ck_assert_str_eq(permit.rpath, "/run/y");
	ck_assert(!address_permitted(&permit, 1, &any));
}
END_TEST

START_TEST(bad_tuple_is_refused)
{
	struct address_tuple tuple;
	const char *error = NULL;

	ck_assert_msg(address_parse_tuple(bad_tuples[_i], &tuple, &error) == -1,
	    "'%s' was taken", bad_tuples[_i]);
	ck_assert_ptr_nonnull(error);
}
END_TEST

static const struct {
	const char *text;
	const char *host;
	uint16_t port;
} services[] = { { "", "::", 23461 }, { ":", "::", 23461 }, { "80", "::", 80 },
	{ ":80", "::", 80 }, { "0", "::", 0 }, { "http", "::", 80 },
	{ "host.example", "host.example", 23461 },
	{ "host.example:", "host.example", 23461 },
	{ "host.example:https", "host.example", 443 },
	{ "[::1]", "::1", 23461 }, { "[::]:23461", "::", 23461 },
	{ "0.0.0.0:1", "0.0.0.0", 1 } };

START_TEST(service_is_parsed)
{
	struct address_service service;
	const char *error = NULL;

	ck_assert_msg(address_parse_service(services[_i].text, &service,
			  &error) == 0,
	    "%s: %s", services[_i].text, error);
	ck_assert_str_eq(service.host, services[_i].host);
	ck_assert_uint_eq(service.port, services[_i].port);
}
END_TEST

static const char *const bad_services[] = { "::", "::1", "a:b:c", "a:nonesuch",
	"65536", "[::1", "[::1]1", "a b", "*:1" };

START_TEST(bad_service_is_refused)
{
	struct address_service service;
	const char *error = NULL;

	ck_assert_msg(address_parse_service(bad_services[_i], &service,
			  &error) == -1,
	    "'%s' was taken", bad_services[_i]);
	ck_assert_ptr_nonnull(error);
}
END_TEST

static const struct {
	const char *text;
	enum hop_kind kind;
	const char *host;
	uint16_t port;
	const char *user;
	const char *password;
	const char *display;
} uris[] = { { "tcp://127.0.0.1", HOP_TCP, "127.0.0.1", 23461, "", "",
		 "tcp://127.0.0.1:23461" },
	{ "TCP://Relay1.Example:80", HOP_TCP, "relay1.example", 80, "", "",
	    "tcp://relay1.example:80" },
	{ "tcp://[2001:DB8::1]:https", HOP_TCP, "2001:db8::1", 443, "", "",
	    "tcp://[2001:db8::1]:443" },
	{ "socks://p", HOP_SOCKS5H, "p", 1080, "", "", "socks://p:1080" },
	{ "socks5h://p", HOP_SOCKS5H, "p", 1080, "", "", "socks5h://p:1080" },
	{ "socks5://u:pw@p:1", HOP_SOCKS5, "p", 1, "u", "pw", "socks5://p:1" },
	{ "socks4://id@p", HOP_SOCKS4, "p", 1080, "id", "", "socks4://p:1080" },
	{ "socks4a://p", HOP_SOCKS4A, "p", 1080, "", "", "socks4a://p:1080" },
	{ "http://p", HOP_HTTP, "p", 8080, "", "", "http://p:8080" },
	{ "srv://_S._tcp.example", HOP_SRV, "_s._tcp.example", 0, "", "",
	    "srv://_s._tcp.example" },
	{ "http://u@p", HOP_HTTP, "p", 8080, "u", "", "http://p:8080" },
	{ "http://u%41@p", HOP_HTTP, "p", 8080, "uA", "", "http://p:8080" },
	{ "http://u:@p", HOP_HTTP, "p", 8080, "u", "", "http://p:8080" },
	{ "http://a%40b:%3a%2F%20x:y@p", HOP_HTTP, "p", 8080, "a@b", ":/ x:y",
	    "http://p:8080" } };

START_TEST(uri_is_parsed)
{
	struct address_uri uri;
	const char *error = NULL;

	ck_assert_msg(address_parse_uri(uris[_i].text, &uri, &error) == 0,
	    "%s: %s", uris[_i].text, error);
	ck_assert_int_eq(uri.kind, uris[_i].kind);
	ck_assert_str_eq(uri.host, uris[_i].host);
	ck_assert_uint_eq(uri.port, uris[_i].port);
	ck_assert_str_eq(uri.user, uris[_i].user);
	ck_assert_str_eq(uri.password, uris[_i].password);
	ck_assert_str_eq(uri.display, uris[_i].display);
}
END_TEST

static const char *const bad_uris[] = { "", "://", "tcp", "tcp:", "tcp:/h",
	"tcp://", "tcp://:80", "tcp://h:", "tcp://h:0", "tcp://h:65536",
	"tcp://h:nonesuch", "tcp://h:-1", "tcp://h/", "tcp://h:1/path",
	"tcp://h?q", "tcp://h#f", "tcp://h h", "tcp://h\n", "tcp://h\x01",
	"tcp://h\x7f", "tcp://\xff", "udp://h", "https://h", "tcpx://h",
	"tc://h", "://h", "tcp://::1", "tcp://[::1", "tcp://[::1]x",
	"tcp://[h]:1", "tcp://u@h", "tcp://u:p@h", "socks5://u@h",
	"socks5://u:@h", "socks4://u:p@h", "socks4a://u:@h", "http://@h",
	"http://:p@h", "http://u:p@", "http://a@b:c@h", "http://%3a:p@h",
	"http://u:%@h", "http://u:%4@h", "http://u:%4g@h", "http://u:%00@h",
	"http://%0a:p@h", "http://u:%7f@h", "tcp://a,tcp://b", "tcp://%41",
	"srv://", "srv://h:7", "srv://u@h", "srv://[::1]", "srv://h/",
	"tcp://h:80:80", " tcp://h", "tcp://80" };

START_TEST(bad_uri_is_refused)
{
	struct address_uri uri;
	const char *error = NULL;

	ck_assert_msg(address_parse_uri(bad_uris[_i], &uri, &error) == -1,
	    "'%s' was taken", bad_uris[_i]);
	ck_assert_ptr_nonnull(error);
}
END_TEST

static const struct {
	const char *text;
	const char *why;
} uri_errors[] = {
	{ "tcp://h/", "path" },
	{ "tcp://h:1/x", "path" },
	{ "tcp://h?q", "query" },
	{ "tcp://h#f", "fragment" },
	{ "tcp://h h", "space" },
	{ "tcp://h\t", "control byte" },
	{ "tcp://h\xff", "non-ASCII" },
	{ "http://a@b@c", "%40" },
	{ "https://h", "not supported" },
	{ "udp://h", "none of tcp" },
	{ "srv://h:7", "in its records" },
	{ "srv://[::1]", "takes a name" },
	{ "h:80", "begin with a scheme" },
	{ "tcp://[::1", "not closed" },
	{ "tcp://[::1]x", "after the closing bracket" },
	{ "tcp://[h]", "not an IPv6 address" },
	{ "tcp://::1", "needs brackets" },
	{ "tcp://:80", "host is missing" },
	{ "tcp://h:", "port is missing" },
	{ "tcp://h:0", "port is 0" },
	{ "tcp://h:65536", "above 65535" },
	{ "tcp://80", "digits alone" },
	{ "tcp://u@h", "takes no user" },
};

START_TEST(uri_error_tells_why)
{
	struct address_uri uri;
	const char *error = "";

	ck_assert_int_eq(address_parse_uri(uri_errors[_i].text, &uri, &error),
	    -1);
	ck_assert_msg(strstr(error, uri_errors[_i].why) != NULL, "%s: %s",
	    uri_errors[_i].text, error);
}
END_TEST

static const char *const nearly_named[] = { "unix:rel", "unix:@abs",
	"unix-stream:/x", "tun:0abc" };

START_TEST(tuple_error_tells_why)
{
	struct address_tuple tuple;
	const char *error = "";

	ck_assert_int_eq(address_parse_tuple("1235:", &tuple, &error), -1);
	ck_assert_str_eq(error,
	    "the last field, the port to send to, is missing");
	ck_assert_int_eq(address_parse_tuple("1235:0", &tuple, &error), -1);
	ck_assert_str_eq(error, "the port to send to is 0");
	for (size_t i = 0; i < COUNT(nearly_named); i++) {
		ck_assert_int_eq(address_parse_tuple(nearly_named[i], &tuple,
				     &error),
		    -1);
		ck_assert_ptr_nonnull(strstr(error, "unix:/PATH"));
	}
}
END_TEST

/* Make PREFIX, length times c, SUFFIX. */
static char *
make_long(const char *prefix, size_t length, const char *suffix)
{
	size_t front = strlen(prefix), back = strlen(suffix);
	char *text = malloc(front + length + back + 1);

	ck_assert_ptr_nonnull(text);
	memcpy(text, prefix, front);
	memset(text + front, 'c', length);
	memcpy(text + front + length, suffix, back + 1);
	return text;
}

static int
parse_long(const char *prefix, size_t length, const char *suffix,
    struct address_uri *uri)
{
	char *text = make_long(prefix, length, suffix);
	const char *error;
	int result = address_parse_uri(text, uri, &error);

	free(text);
	return result;
}

START_TEST(uri_lengths_are_limited)
{
	struct address_uri uri;

	ck_assert_int_eq(parse_long("socks5h://", 255, "", &uri), 0);
	ck_assert_uint_eq(strlen(uri.display), 10 + 255 + 5);
	ck_assert_int_eq(parse_long("tcp://", 256, "", &uri), -1);
	ck_assert_int_eq(parse_long("http://", 255, "@h", &uri), 0);
	ck_assert_uint_eq(strlen(uri.user), 255);
	ck_assert_int_eq(parse_long("http://", 256, "@h", &uri), -1);
	ck_assert_int_eq(parse_long("http://u:", 255, "@h", &uri), 0);
	ck_assert_int_eq(parse_long("http://u:", 256, "@h", &uri), -1);
	ck_assert_int_eq(parse_long("tcp://h:", 100, "", &uri), -1);
	ck_assert_int_eq(parse_long("tcp://[::1%", 300, "]", &uri), -1);
}
END_TEST

START_TEST(chain_is_split_at_commas)
{
	struct address_uri uri[MESSAGE_HOPS_MAX];
	const char *error;

	ck_assert_int_eq(address_parse_chain("tcp://a,socks://b,http://u@c:1",
			     uri, MESSAGE_HOPS_MAX, &error),
	    3);
	ck_assert_str_eq(uri[0].display, "tcp://a:23461");
	ck_assert_str_eq(uri[1].display, "socks://b:1080");
	ck_assert_str_eq(uri[2].display, "http://c:1");
	ck_assert_int_eq(address_parse_chain("tcp://a", uri, MESSAGE_HOPS_MAX,
			     &error),
	    1);
}
END_TEST

#define NINE_HOPS                                                \
	"http://a,http://b,http://c,http://d,http://e,http://f," \
	"http://g,http://h,http://i"

static const char *const bad_chains[] = { "", ",", "tcp://a,", ",tcp://a",
	"socks://a,,socks://b", "socks://a,tcp://b", "srv://a",
	"srv://a,http://b", "http://b,srv://a", "tcp://a,tcp://b",
	"tcp://a, socks://b", "socks4://a,http://[::1]",
	"socks4a://a,http://[::1]", NINE_HOPS };

START_TEST(bad_chain_is_refused)
{
	struct address_uri uri[MESSAGE_HOPS_MAX];
	const char *error = NULL;

	ck_assert_msg(address_parse_chain(bad_chains[_i], uri, MESSAGE_HOPS_MAX,
			  &error) == -1,
	    "'%s' was taken", bad_chains[_i]);
	ck_assert_ptr_nonnull(error);
}
END_TEST

static struct sockaddr_storage
make_address(const char *host, uint16_t port)
{
	struct sockaddr_storage address = { 0 };
	struct sockaddr_in *in = (struct sockaddr_in *)&address;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&address;

	if (inet_pton(AF_INET, host, &in->sin_addr) == 1) {
		in->sin_family = AF_INET;
		in->sin_port = htons(port);
	} else {
		ck_assert_int_eq(inet_pton(AF_INET6, host, &in6->sin6_addr), 1);
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(port);
	}
	return address;
}

static const struct {
	const char *permit;
	const char *host;
	uint16_t port;
	bool permitted;
} permits[] = { { "127.0.0.1:*", "127.0.0.1", 0, true },
	{ "127.0.0.1:*", "127.0.0.1", 65535, true },
	{ "127.0.0.1:*", "127.0.0.2", 1, false },
	{ "127.0.0.1:*", "::1", 1, false },
	{ "127.0.0.1:*", "::ffff:127.0.0.1", 1, true },
	{ "[::]/0:*", "::1", 1, true },
	{ "[::]/0:*", "::ffff:192.0.2.1", 1, false },
	{ "[::1]:5000-5100", "::1", 4999, false },
	{ "[::1]:5000-5100", "::1", 5000, true },
	{ "[::1]:5000-5100", "::1", 5100, true },
	{ "[::1]:5000-5100", "::1", 5101, false },
	{ "10.0.0.0/8:53", "10.255.255.255", 53, true },
	{ "10.0.0.0/8:domain", "10.1.2.3", 53, true },
	{ "10.0.0.0/8:domain", "10.1.2.3", 54, false },
	{ "10.0.0.0/8:53", "11.0.0.0", 53, false },
	{ "192.0.2.128/25:1", "192.0.2.128", 1, true },
	{ "192.0.2.128/25:1", "192.0.2.127", 1, false },
	{ "0.0.0.0/0:1", "203.0.113.9", 1, true },
	{ "[fc00::]/7:1", "fd12::1", 1, true },
	{ "*:7", "203.0.113.9", 7, true }, { "*:7", "2001:db8::1", 7, true },
	{ "*:7", "2001:db8::1", 8, false } };

START_TEST(permit_is_applied)
{
	struct sockaddr_storage address = make_address(permits[_i].host,
	    permits[_i].port);
	struct address_permit permit;
	const char *error = NULL;

	ck_assert_msg(address_parse_permit(permits[_i].permit, &permit,
			  &error) == 0,
	    "%s: %s", permits[_i].permit, error);
	ck_assert_int_eq(address_permitted(&permit, 1, &address),
	    permits[_i].permitted);
	ck_assert(!address_permitted(&permit, 0, &address));
}
END_TEST

static const char *const bad_permits[] = { "", "*", "127.0.0.1",
	"127.0.0.1:", ":1", "localhost:1", "::1:1", "[::1:1", "127.0.0.1:65536",
	"127.0.0.1:2-1", "127.0.0.1:-1", "127.0.0.1:1-", "127.0.0.1:1-2-3",
	"127.0.0.1:nonesuch", "127.0.0.1/33:1", "127.0.0.1/-1:1",
	"127.0.0.1/:1", "127.0.0.1/8:1", "[::1]/129:1", "[::1]/64:1",
	"[fd00::]/7:1", "[127.0.0.1]:1", "127.0.0.1/0032:1", "*/0:1", "127.1:1",
	"1.2.3.4:1:2", "127.0.0.1 :1" };

START_TEST(bad_permit_is_refused)
{
	struct address_permit permit;
	const char *error = NULL;

	ck_assert_msg(address_parse_permit(bad_permits[_i], &permit, &error) ==
		-1,
	    "'%s' was taken", bad_permits[_i]);
	ck_assert_ptr_nonnull(error);
}
END_TEST

START_TEST(loopback_permits_are_loopback)
{
	static const struct {
		const char *host;
		bool permitted;
	} cases[] = { { "127.0.0.1", true }, { "127.255.255.255", true },
		{ "128.0.0.0", false }, { "126.255.255.255", false },
		{ "0.0.0.0", false }, { "::1", true }, { "::", false },
		{ "::2", false }, { "::ffff:127.9.9.9", true },
		{ "::ffff:10.0.0.1", false }, { "::127.0.0.1", false } };
	struct sockaddr_storage address;
	size_t i;

	for (i = 0; i < COUNT(cases); i++) {
		address = make_address(cases[i].host, 1);
		ck_assert_msg(address_permitted(address_loopback_permits,
				  ADDRESS_LOOPBACK_PERMITS,
				  &address) == cases[i].permitted,
		    "%s", cases[i].host);
	}
	memset(&address, 0, sizeof(address));
	address.ss_family = AF_UNIX;
	ck_assert(!address_permitted(address_loopback_permits,
	    ADDRESS_LOOPBACK_PERMITS, &address));
}
END_TEST

static const struct {
	const char *tuple;
	const char *local;
	const char *remote;
} pairs[] = { { "1234", "127.0.0.1:23461", "127.0.0.1:1234" },
	{ "1235:1236", "127.0.0.1:1235", "127.0.0.1:1236" },
	{ "[::1]:9", "[::1]:23461", "[::1]:9" },
	{ "[::1]:7:9", "[::1]:7", "[::1]:9" },
	{ "LOCALHOST:7:LocalHost:9", "127.0.0.1:7", "127.0.0.1:9" },
	{ "127.0.0.2:0:127.0.0.3:9", "127.0.0.2:0", "127.0.0.3:9" },
	{ "[::ffff:127.0.0.4]:9", "127.0.0.1:23461", "127.0.0.4:9" } };

START_TEST(tuple_is_resolved)
{
	char local[ADDRESS_TEXT_MAX], remote[ADDRESS_TEXT_MAX];
	struct address_tuple tuple;
	struct address_pair pair;
	const char *error = NULL;

	ck_assert_int_eq(address_parse_tuple(pairs[_i].tuple, &tuple, &error),
	    0);
	ck_assert_msg(address_resolve_tuple(&tuple, &pair, &error) == 0, "%s",
	    error);
	ck_assert_str_eq(address_format(&pair.local, local), pairs[_i].local);
	ck_assert_str_eq(address_format(&pair.remote, remote),
	    pairs[_i].remote);
}
END_TEST

START_TEST(unresolvable_names_are_named)
{
	struct address_tuple tuple = UDP("127.0.0.1", "::1", 1, 1);
	struct address_service service = { "name.invalid", 1 };
	struct sockaddr_storage address;
	struct address_pair pair;
	const char *error = NULL;

	ck_assert_int_eq(address_resolve_tuple(&tuple, &pair, &error), -1);
	ck_assert_ptr_nonnull(strstr(error, "IPv4"));
	tuple.rport = 0;
	ck_assert_int_eq(address_resolve_tuple(&tuple, &pair, &error), -1);
	ck_assert_ptr_nonnull(strstr(error, "0"));
	ck_assert_int_eq(address_resolve_service(&service, &address, &error),
	    -1);
	ck_assert_ptr_nonnull(strstr(error, "name.invalid: "));
}
END_TEST

START_TEST(service_is_resolved)
{
	struct sockaddr_storage address;
	struct address_service service;
	char text[ADDRESS_TEXT_MAX];
	const char *error = NULL;

	ck_assert_int_eq(address_parse_service("", &service, &error), 0);
	ck_assert_int_eq(address_resolve_service(&service, &address, &error),
	    0);
	ck_assert_str_eq(address_format(&address, text), "[::]:23461");
	ck_assert_uint_eq(address_length(&address),
	    sizeof(struct sockaddr_in6));
	address = make_address("127.0.0.1", 80);
	ck_assert_uint_eq(address_length(&address), sizeof(struct sockaddr_in));
}
END_TEST

START_TEST(format_fits)
{
	struct sockaddr_storage address =
	    make_address("2001:db8:1111:2222:3333:4444:5555:6666", 65535);
	char text[ADDRESS_TEXT_MAX];

	ck_assert_str_eq(address_format(&address, text),
	    "[2001:db8:1111:2222:3333:4444:5555:6666]:65535");
	address.ss_family = AF_NETLINK;
	ck_assert_str_eq(address_format(&address, text), "family 16");
}
END_TEST

static Suite *
make_suite(void)
{
	Suite *suite = suite_create("address");
	TCase *parse = tcase_create("parse"), *use = tcase_create("use");

	tcase_add_loop_test(parse, tuple_is_parsed, 0, COUNT(tuples));
	tcase_add_loop_test(parse, bad_tuple_is_refused, 0, COUNT(bad_tuples));
	tcase_add_loop_test(parse, service_is_parsed, 0, COUNT(services));
	tcase_add_loop_test(parse, bad_service_is_refused, 0,
	    COUNT(bad_services));
	tcase_add_loop_test(parse, uri_is_parsed, 0, COUNT(uris));
	tcase_add_loop_test(parse, bad_uri_is_refused, 0, COUNT(bad_uris));
	tcase_add_loop_test(parse, uri_error_tells_why, 0, COUNT(uri_errors));
	tcase_add_test(parse, paths_are_limited);
	tcase_add_test(parse, permits_by_name_are_none_by_number);
	tcase_add_test(parse, tuple_error_tells_why);
	tcase_add_test(parse, uri_lengths_are_limited);
	tcase_add_test(parse, chain_is_split_at_commas);
	tcase_add_loop_test(parse, bad_chain_is_refused, 0, COUNT(bad_chains));
	tcase_add_loop_test(parse, bad_permit_is_refused, 0,
	    COUNT(bad_permits));
	suite_add_tcase(suite, parse);
	tcase_add_loop_test(use, permit_is_applied, 0, COUNT(permits));
	tcase_add_test(use, loopback_permits_are_loopback);
	tcase_add_loop_test(use, tuple_is_resolved, 0, COUNT(pairs));
	tcase_add_test(use, unresolvable_names_are_named);
	tcase_add_test(use, service_is_resolved);
	tcase_add_test(use, format_fits);
	suite_add_tcase(suite, use);
	return suite;
}

int
main(void)
{
	return suite_run(make_suite());
}
