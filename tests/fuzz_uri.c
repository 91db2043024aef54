/*
 * A chain of URIs from the fuzzer. What is let through has a display form
 * without credentials, and that form parses to the same hops again.
 */
#include "supervisor/address.h"

#include <stdlib.h>
#include <string.h>

#define TEXT_MAX 8192

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

static void
check_hop(const struct address_uri *uri)
{
	struct address_uri again;
	const char *error;

	if (uri->port == 0 || uri->host[0] == '\0' ||
	    strchr(uri->display, '@') != NULL)
		abort();
	if (address_parse_uri(uri->display, &again, &error) == -1)
		abort();
	if (again.kind != uri->kind || again.port != uri->port ||
	    strcmp(again.host, uri->host) != 0 ||
	    strcmp(again.display, uri->display) != 0)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	struct address_uri hops[MESSAGE_HOPS_MAX];
	const char *error = NULL;
	char text[TEXT_MAX];
	int i, count;

	if (size >= sizeof(text))
		size = sizeof(text) - 1;
	if (size > 0)
		memcpy(text, input, size);
	text[size] = '\0';
	count = address_parse_chain(text, hops, MESSAGE_HOPS_MAX, &error);
	if (count == -1 && (error == NULL || *error == '\0'))
		abort();
	for (i = 0; i < count; i++)
		check_hop(&hops[i]);
	return 0;
}
