#include "supervisor/engine/admission.h"

#include <sys/socket.h>

#include <netinet/in.h>
#include <string.h>

#define SECOND_US UINT64_C(1000000)

static struct admission_source
source_of(const struct sockaddr_storage *address)
{
	const struct sockaddr_in *in = (const void *)address;
	const struct sockaddr_in6 *in6 = (const void *)address;
	struct admission_source source = { .family = address->ss_family };

	switch (address->ss_family) {
	case AF_INET:
		memcpy(source.prefix, &in->sin_addr, sizeof(in->sin_addr));
		break;
	case AF_INET6:
		memcpy(source.prefix, &in6->sin6_addr, sizeof(source.prefix));
		break;
	}
	return source;
}

static bool
same_source(const struct admission_source *a, const struct admission_source *b)
{
	return a->family == b->family &&
	    memcmp(a->prefix, b->prefix, sizeof(a->prefix)) == 0;
}

/* The source's count, or a free one for it: there are as many as slots. */
static unsigned int *
count_of(struct admission *admission, const struct admission_source *source)
{
	size_t vacant = 0;

	for (size_t i = 0; i < ADMISSION_PENDING_MAX; i++) {
		if (admission->sources[i].count == 0)
			vacant = i;
		else if (same_source(&admission->sources[i].source, source))
			return &admission->sources[i].count;
	}
	admission->sources[vacant].source = *source;
	return &admission->sources[vacant].count;
}

static bool
is_unlucky(size_t pending, uint32_t random)
{
	size_t percent;

	if (pending < ADMISSION_EARLY_START)
		return false;
	percent = ADMISSION_EARLY_PERCENT +
	    (100 - ADMISSION_EARLY_PERCENT) *
		(pending - ADMISSION_EARLY_START) /
		(ADMISSION_PENDING_MAX - ADMISSION_EARLY_START);
	return random % 100 < percent;
}

enum admission_result
admission_enter(struct admission *admission,
    const struct sockaddr_storage *address, uint32_t random,
    struct admission_source *source)
{
	unsigned int *count;

	if (admission->pending >= ADMISSION_PENDING_MAX)
		return ADMISSION_FULL;
	*source = source_of(address);
	count = count_of(admission, source);
	if (*count >= ADMISSION_SOURCE_MAX)
		return ADMISSION_SOURCE;
	if (is_unlucky(admission->pending, random))
		return ADMISSION_EARLY;
	(*count)++;
	admission->pending++;
	return ADMISSION_YES;
}

void
admission_leave(struct admission *admission,
    const struct admission_source *source)
{
	(*count_of(admission, source))--;
	admission->pending--;
}

/* A debt of time grows with each use and may lie so far in the future. */
static enum admission_result
spend(uint64_t *debt_us, uint64_t cost_us, unsigned int burst, uint64_t now_us)
{
	if (*debt_us < now_us)
		*debt_us = now_us;
	if (*debt_us - now_us > (burst - 1) * cost_us)
		return ADMISSION_RATE;
	*debt_us += cost_us;
	return ADMISSION_YES;
}

enum admission_result
admission_hello(struct admission *admission, uint64_t now_us)
{
	return spend(&admission->hello_debt_us,
	    SECOND_US / ADMISSION_HELLOS_PER_S, ADMISSION_HELLOS_PER_S, now_us);
}

bool
admission_is_pressed(const struct admission *admission, uint64_t now_us)
{
	const uint64_t workers_us = SECOND_US / ADMISSION_WORKERS_PER_S *
	    ADMISSION_WORKERS_BURST;

	return admission->hello_debt_us > now_us + SECOND_US / 2 ||
	    admission->worker_debt_us > now_us + workers_us / 2;
}

bool
admission_repeats(const struct admission *admission, uint64_t mark)
{
	for (size_t i = 0; i < ADMISSION_SEEN_MAX; i++)
		if (admission->seen[i] == mark)
			return true;
	return false;
}

void
admission_remember(struct admission *admission, uint64_t mark)
{
	admission->seen[admission->seen_next++ % ADMISSION_SEEN_MAX] = mark;
}

enum admission_result
admission_worker(struct admission *admission, uint64_t now_us)
{
	return spend(&admission->worker_debt_us,
	    SECOND_US / ADMISSION_WORKERS_PER_S, ADMISSION_WORKERS_BURST,
	    now_us);
}

bool
admission_may_log(struct admission *admission, uint64_t now_us,
    uint64_t *unsaid)
{
	if (now_us < admission->quiet_until_us) {
		admission->unsaid++;
		return false;
	}
	admission->quiet_until_us = now_us + SECOND_US;
	*unsaid = admission->unsaid;
	admission->unsaid = 0;
	return true;
}

bool
admission_owes_log(const struct admission *admission, uint64_t now_us)
{
	return admission->unsaid > 0 && now_us >= admission->quiet_until_us;
}

const char *
admission_words(enum admission_result result)
{
	switch (result) {
	case ADMISSION_YES:
		return "admitted";
	case ADMISSION_FULL:
		return "too many pending handshakes";
	case ADMISSION_EARLY:
		return "many pending handshakes, dropped by chance";
	case ADMISSION_SOURCE:
		return "too many pending handshakes of its address";
	case ADMISSION_RATE:
		return "too many handshakes a second";
	}
	return "unknown";
}
