#include <sys/socket.h>

#include <arpa/inet.h>
#include <check.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "worker/resolve.h"
#include "tests/suite.h"

#define FOUND_MAX 40

static struct resolve_list list;

/* A chain like the resolver's: one letter an address, 4, 6 or another. */
static const struct addrinfo *
chain(const char *letters)
{
	static struct addrinfo found[FOUND_MAX];
	static struct sockaddr_in6 address[FOUND_MAX];
	size_t i;

	for (i = 0; letters[i] != '\0'; i++) {
		memset(&found[i], 0, sizeof(found[i]));
		found[i].ai_family = letters[i] == '4' ? AF_INET :
		    letters[i] == '6'		       ? AF_INET6 :
							 AF_UNIX;
		address[i].sin6_family = (sa_family_t)found[i].ai_family;
		address[i].sin6_port = htons((uint16_t)i);
		found[i].ai_addr = (struct sockaddr *)&address[i];
		found[i].ai_addrlen = letters[i] == '4' ?
		    sizeof(struct sockaddr_in) :
		    sizeof(struct sockaddr_in6);
		if (i > 0)
			found[i - 1].ai_next = &found[i];
	}
	return i > 0 ? &found[0] : NULL;
}

/* The order as places in the chain, a letter each. */
static void
expect_order(const char *letters, const char *places)
{
	char got[RESOLVE_MAX + 1];
	size_t i;

	resolve_order(chain(letters), &list);
	for (i = 0; i < list.count; i++)
		got[i] = (char)('a' +
		    ntohs(((struct sockaddr_in *)&list.item[i].address)
			      ->sin_port));
	got[i] = '\0';
	ck_assert_str_eq(got, places);
}

START_TEST(takes_families_in_turn)
{
	expect_order("6644", "acbd");
	expect_order("4466", "acbd");
	expect_order("64444", "abcde");
	expect_order("66664", "aebcd");
	expect_order("4", "a");
	expect_order("46", "ab");
}
END_TEST

START_TEST(skips_what_is_not_internet)
{
	expect_order("", "");
	expect_order("xx", "");
	expect_order("x6x4x", "bd");
}
END_TEST

START_TEST(takes_eight_of_a_family)
{
	expect_order("4444444444", "abcdefgh");
	expect_order("66666666666666666666", "abcdefgh");
	expect_order("44444444446666666666", "akblcmdneofpgqhr");
}
END_TEST

static void
expect_literal(const char *host, int family, const char *printed)
{
	char text[INET6_ADDRSTRLEN];
	const struct sockaddr_storage *address = &list.item[0].address;

	ck_assert(resolve_literal(host, 23461, &list));
	ck_assert_int_eq(address->ss_family, family);
	inet_ntop(family,
	    family == AF_INET ?
		(const void *)&((const struct sockaddr_in *)address)->sin_addr :
		(const void *)&((const struct sockaddr_in6 *)address)
		    ->sin6_addr,
	    text, sizeof(text));
	ck_assert_str_eq(text, printed);
	/* Both families keep it in the same place. */
	ck_assert_int_eq(ntohs(((const struct sockaddr_in *)address)->sin_port),
	    23461);
}

START_TEST(knows_literals)
{
	expect_literal("192.0.2.1", AF_INET, "192.0.2.1");
	expect_literal("2001:db8::1", AF_INET6, "2001:db8::1");
	ck_assert_uint_eq(list.count, 1);
	ck_assert(resolve_literal("fe80::1%lo", 1, &list));
	ck_assert(!resolve_literal("relay.example.com", 1, &list));
	ck_assert(!resolve_literal("[::1]", 1, &list));
	ck_assert(!resolve_literal("", 1, &list));
}
END_TEST

START_TEST(localhost_is_ipv4_first)
{
	expect_literal("localhost", AF_INET, "127.0.0.1");
	expect_literal("LOCALHOST", AF_INET, "127.0.0.1");
	ck_assert_uint_eq(list.count, 2);
	ck_assert_int_eq(list.item[1].address.ss_family, AF_INET6);
}
END_TEST

/* Refused by the resolver's own syntax check: nobody is asked. */
START_TEST(says_why_there_is_nothing)
{
	char host[256];

	memset(host, 'a', sizeof(host) - 1);
	host[sizeof(host) - 1] = '\0';
	ck_assert_int_ne(resolve_name(host, 1, AF_UNSPEC, &list), 0);
	ck_assert_int_eq(resolve_name("127.0.0.1", 1, AF_INET, &list), 0);
	ck_assert_uint_eq(list.count, 1);
	ck_assert_int_ne(resolve_name("127.0.0.1", 1, AF_INET6, &list), 0);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("resolve");
	TCase *t = tcase_create("resolve");

	tcase_add_test(t, takes_families_in_turn);
	tcase_add_test(t, skips_what_is_not_internet);
	tcase_add_test(t, takes_eight_of_a_family);
	tcase_add_test(t, knows_literals);
	tcase_add_test(t, localhost_is_ipv4_first);
	tcase_add_test(t, says_why_there_is_nothing);
	suite_add_tcase(s, t);
	return s;
}

int
main(void)
{
	return suite_run(suite());
}
