#include "worker/srv.h"

#include <arpa/nameser.h>
#include <netdb.h>
#include <netinet/in.h>
#include <resolv.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/string.h>

#define ANSWER_MAX 65535
/* Priority, weight and port, before the target's name. */
#define FIXED_BYTES 6

static void
add(struct srv_list *list, const ns_msg *message, const ns_rr *record)
{
	struct srv_target *target = &list->item[list->count];
	const u_char *data = ns_rr_rdata(*record);

	if (ns_rr_type(*record) != ns_t_srv ||
	    ns_rr_rdlen(*record) <= FIXED_BYTES ||
	    list->count == SRV_TARGETS_MAX)
		return;
	target->priority = (uint16_t)ns_get16(data);
	target->weight = (uint16_t)ns_get16(data + 2);
	target->port = (uint16_t)ns_get16(data + 4);
	if (dn_expand(ns_msg_base(*message), ns_msg_end(*message),
		data + FIXED_BYTES, target->host, sizeof(target->host)) == -1)
		return;
	/* The root stands for no host at all: the service is not offered. */
	if (target->port != 0 && target->host[0] != '\0' &&
	    strcmp(target->host, ".") != 0)
		list->count++;
}

int
srv_read(const uint8_t *answer, size_t bytes, struct srv_list *list)
{
	ns_msg message;
	ns_rr record;

	list->count = 0;
	if (bytes > ANSWER_MAX ||
	    ns_initparse(answer, (int)bytes, &message) == -1)
		return EAI_FAIL;
	for (int i = 0; i < ns_msg_count(message, ns_s_an); i++) {
		if (ns_parserr(&message, ns_s_an, i, &record) == -1)
			return EAI_FAIL;
		add(list, &message, &record);
	}
	return list->count == 0 ? EAI_NONAME : 0;
}

static int
error_of(int resolver_error)
{
	switch (resolver_error) {
	case HOST_NOT_FOUND:
	case NO_DATA:
		return EAI_NONAME;
	case TRY_AGAIN:
		return EAI_AGAIN;
	default:
		return EAI_FAIL;
	}
}

static int
look_up(const char *name, struct srv_list *list)
{
	static uint8_t answer[ANSWER_MAX];
	struct __res_state state;
	int bytes, error;

	memset(&state, 0, sizeof(state));
	if (res_ninit(&state) == -1)
		return EAI_FAIL;
	bytes = res_nquery(&state, name, ns_c_in, ns_t_srv, answer,
	    sizeof(answer));
	error = error_of(state.res_h_errno);
	res_nclose(&state);
	return bytes == -1 ? error : srv_read(answer, (size_t)bytes, list);
}

/*
 * Any fixed order, so that servers may rotate their records, but those of no
 * weight first: there they have a chance.
 */
static int
compare(const void *left, const void *right)
{
	const struct srv_target *a = left, *b = right;
	int order = strcmp(a->host, b->host);

	if (a->priority != b->priority)
		return a->priority < b->priority ? -1 : 1;
	if ((a->weight == 0) != (b->weight == 0))
		return a->weight == 0 ? -1 : 1;
	if (order != 0)
		return order;
	return (a->port > b->port) - (a->port < b->port);
}

static uint32_t
next_random(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

/* The next one of those with the priority of the first. */
static size_t
draw(const struct srv_list *list, size_t first, uint32_t *seed)
{
	const struct srv_target *item = list->item;
	uint32_t sum = 0, point;
	size_t i, end = first;

	for (; end < list->count && item[end].priority == item[first].priority;
	     end++)
		sum += item[end].weight;
	point = next_random(seed) % (sum + 1);
	for (i = first; i + 1 < end && item[i].weight < point; i++)
		point -= item[i].weight;
	return i;
}

void
srv_order(struct srv_list *list, uint32_t seed)
{
	struct srv_target drawn;
	size_t i, which;

	qsort(list->item, list->count, sizeof(list->item[0]), compare);
	for (i = 0; i < list->count; i++) {
		which = draw(list, i, &seed);
		drawn = list->item[which];
		memmove(&list->item[i + 1], &list->item[i],
		    (which - i) * sizeof(drawn));
		list->item[i] = drawn;
	}
}

int
srv_choose(char host[MESSAGE_HOST_MAX], uint32_t *port, uint32_t number,
    uint32_t seed)
{
	static struct srv_list list;
	const struct srv_target *target;
	int error = look_up(host, &list);

	if (error != 0)
		return error;
	srv_order(&list, seed);
	target = &list.item[number % list.count];
	memcpy(host, target->host, sizeof(target->host));
	*port = target->port;
	return 0;
}
