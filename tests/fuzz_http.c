/*
 * An HTTP proxy's answer from the fuzzer, after one byte that says whether
 * credentials were sent (bit 0) and in what pieces it comes. In one piece it
 * must mean the same. What was taken for a positive answer ends with the first
 * empty line after a status line of 2xx.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/proxy_rig.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

/* The end of the first head, found another way. */
static size_t
measure_head(const uint8_t *answer, size_t bytes)
{
	size_t i, line = 0;

	for (i = 0; i < bytes; i++) {
		if (answer[i] != '\n')
			continue;
		if (i == line || (i == line + 1 && answer[line] == '\r'))
			return i + 1;
		line = i + 1;
	}
	abort();
}

static void
check_answer(const uint8_t *answer, size_t bytes)
{
	size_t head;

	if (bytes > PROXY_INPUT_MAX || memchr(answer, '\0', bytes) != NULL)
		abort();
	for (;; answer += head, bytes -= head) {
		head = measure_head(answer, bytes);
		if (memcmp(answer, "HTTP/1.", 7) != 0)
			abort();
		if (head == bytes)
			break;
		if (answer[9] != '1')
			abort();
	}
	if (answer[9] != '2')
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	static struct proxy_rig whole, cut;
	const char *user;
	size_t used;

	if (size < 1)
		return 0;
	user = (input[0] & 1) != 0 ? "joe" : "";
	proxy_rig_begin(&whole, HOP_HTTP, user, "", "2001:db8::9", 443, NULL);
	proxy_rig_begin(&cut, HOP_HTTP, user, "", "2001:db8::9", 443, NULL);
	proxy_rig_feed(&whole, input + 1, size - 1, size, size);
	proxy_rig_feed(&cut, input + 1, size - 1, 1, input[0] + (size_t)1);
	if (whole.result != cut.result ||
	    whole.proxy.reason != cut.proxy.reason ||
	    whole.proxy.detail != cut.proxy.detail)
		abort();
	if (whole.result != PROXY_DONE)
		return 0;
	used = proxy_rig_consumed(&whole);
	if (used != proxy_rig_consumed(&cut) ||
	    memcmp(whole.proxy.input, input + 1 + used, whole.proxy.filled) !=
		0)
		abort();
	check_answer(input + 1, used);
	return 0;
}
