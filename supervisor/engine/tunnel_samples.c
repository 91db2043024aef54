#include "supervisor/engine/tunnel_samples.h"

#include <event2/buffer.h>
#include <inttypes.h>

#include "supervisor/engine/engine.h"
#include "supervisor/engine/path.h"
#include "supervisor/engine/status.h"
#include "supervisor/engine/tunnel.h"

void
tunnel_samples_blocked(struct tunnel *tunnel, uint64_t now_us)
{
	tunnel->blocked_at_us = now_us;
}

void
tunnel_samples_unblocked(struct tunnel *tunnel, uint64_t now_us)
{
	tunnel->blocked_us += now_us - tunnel->blocked_at_us;
}

uint64_t
tunnel_samples_blocked_us(const struct tunnel *tunnel, uint64_t now_us)
{
	return tunnel->blocked_us +
	    (tunnel->blocked ? now_us - tunnel->blocked_at_us : 0);
}

void
tunnel_samples_tick(struct tunnel *tunnel, uint64_t now_us)
{
	uint64_t passed_us = now_us - tunnel->sampled_us;
	struct path *path;

	/* The tick is never exact, and half as long. */
	if (passed_us < SAMPLES_STEP_US - SAMPLES_STEP_US / 4)
		return;
	if (tunnel->sampled_us != 0)
		tunnel->held_us += tunnel->reorder.holding * passed_us;
	tunnel->sampled_us = now_us;
	TAILQ_FOREACH(path, &tunnel->paths, entry)
		if (path->state == PATH_UP)
			samples_take(&path->samples,
			    path->estimate.acked_bytes);
}

static void
write_series(struct evbuffer *out, const char *key,
    const struct samples *samples, const uint32_t *values)
{
	for (size_t i = 0; i < samples->count; i++)
		evbuffer_add_printf(out, "%s%" PRIu32, i == 0 ? key : ",",
		    values[samples_at(samples, i)]);
}

static void
write_path(struct evbuffer *out, const struct path *path)
{
	const struct samples *samples = &path->samples;

	if (path->state != PATH_UP || samples->count == 0)
		return;
	evbuffer_add_printf(out, "samples pid=%d step_ms=%" PRIu64,
	    (int)path->channel.pid, SAMPLES_STEP_US / 1000);
	write_series(out, " bytes=", samples, samples->bytes);
	write_series(out, " rtt_us=", samples, samples->rtt_us);
	evbuffer_add_printf(out, "\n");
}

void
tunnel_samples_write(struct engine *engine, struct evbuffer *out)
{
	struct tunnel *tunnel;
	struct path *path;

	status_write(engine, out);
	TAILQ_FOREACH(tunnel, &engine->tunnels, entry)
		TAILQ_FOREACH(path, &tunnel->paths, entry)
			write_path(out, path);
}
