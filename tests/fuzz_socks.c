/*
 * A SOCKS proxy's answer from the fuzzer. The first byte picks what is asked
 * for, the second the size of the pieces that the answer comes in; in one
 * piece it must mean the same. What was taken for the answer has the length
 * that its own bytes say, and all of it was needed.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/proxy_rig.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

static void
begin(struct proxy_rig *rig, uint8_t choice)
{
	static const enum hop_kind kinds[] = { HOP_SOCKS5, HOP_SOCKS5H,
		HOP_SOCKS4, HOP_SOCKS4A };
	static const char *const hosts[] = { "far.example", "192.0.2.7",
		"2001:db8::9", "0.0.0.1" };
	enum hop_kind kind = kinds[choice & 3];
	bool user = (choice & 16) != 0;

	proxy_rig_begin(rig, kind, user ? "joe" : "",
	    user && (kind == HOP_SOCKS5 || kind == HOP_SOCKS5H) ? "secret" : "",
	    hosts[choice >> 2 & 3], 443,
	    (choice & 32) != 0 ? "2001:db8::8" : "192.0.2.8");
}

/* The exact length of a positive answer, found another way. */
static size_t
measure(const uint8_t *answer, enum hop_kind kind)
{
	size_t before = 2;

	if (kind == HOP_SOCKS4 || kind == HOP_SOCKS4A)
		return 8;
	if (answer[1] == 2)
		before += 2;
	switch (answer[before + 3]) {
	case 1:
		return before + 10;
	case 3:
		return before + 7 + answer[before + 4];
	case 4:
		return before + 22;
	}
	abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	static struct proxy_rig whole, cut;

	if (size < 2)
		return 0;
	begin(&whole, input[0]);
	begin(&cut, input[0]);
	proxy_rig_feed(&whole, input + 2, size - 2, size, size);
	proxy_rig_feed(&cut, input + 2, size - 2, 1, input[1] + (size_t)1);
	if (whole.result != cut.result ||
	    whole.proxy.reason != cut.proxy.reason ||
	    whole.proxy.detail != cut.proxy.detail ||
	    whole.sent_bytes != cut.sent_bytes ||
	    memcmp(whole.sent, cut.sent, whole.sent_bytes) != 0)
		abort();
	if (whole.result != PROXY_DONE)
		return 0;
	if (proxy_rig_consumed(&whole) != proxy_rig_consumed(&cut) ||
	    proxy_rig_consumed(&whole) !=
		measure(input + 2, (enum hop_kind)whole.via.kind) ||
	    memcmp(whole.proxy.input, input + 2 + proxy_rig_consumed(&whole),
		whole.proxy.filled) != 0)
		abort();
	return 0;
}
