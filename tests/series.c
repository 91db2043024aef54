#include "tests/series.h"

#include <err.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "tests/pace.h"

#define SLICE_NS (SERIES_SLICE_MS * INT64_C(1000000))

void
series_open(struct series *series, const char *path)
{
	struct timespec real;

	memset(series, 0, sizeof(*series));
	if (path == NULL)
		return;
	series->file = fopen(path, "we");
	if (series->file == NULL)
		err(1, "%s", path);
	clock_gettime(CLOCK_REALTIME, &real);
	series->offset_ns = (int64_t)real.tv_sec * 1000000000 + real.tv_nsec -
	    (int64_t)pace_now_ns();
}

static void
write_slice(struct series *series)
{
	if (series->datagrams > 0)
		fprintf(series->file,
		    "%" PRId64 " %" PRIu64 " %" PRIu64 " %.3f\n",
		    series->slice * SERIES_SLICE_MS, series->datagrams,
		    series->bytes, (double)series->delay_max_ns / 1e6);
	series->datagrams = series->bytes = series->delay_max_ns = 0;
}

void
series_close(struct series *series)
{
	if (series->file == NULL)
		return;
	write_slice(series);
	if (fclose(series->file) == EOF)
		err(1, "series");
	series->file = NULL;
}

void
series_add(struct series *series, size_t bytes, uint64_t delay_ns,
    uint64_t now_ns)
{
	int64_t slice;

	if (series->file == NULL)
		return;
	slice = ((int64_t)now_ns + series->offset_ns) / SLICE_NS;
	if (slice != series->slice) {
		write_slice(series);
		series->slice = slice;
	}
	series->datagrams++;
	series->bytes += bytes;
	if (delay_ns > series->delay_max_ns)
		series->delay_max_ns = delay_ns;
}
