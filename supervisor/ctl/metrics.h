/*
 * The status as metrics, in the names and units that Prometheus recommends;
 * socktopusctl(8) lists them.
 */
#ifndef CTL_METRICS_H
#define CTL_METRICS_H

#include <stdio.h>

struct gather;

enum metrics_format {
	METRICS_OPENMETRICS, /* OpenMetrics 1.0 */
	METRICS_PLAIN	     /* Prometheus' text format 0.0.4 */
};

#define METRICS_OPENMETRICS_TYPE \
	"application/openmetrics-text; version=1.0.0; charset=utf-8"
#define METRICS_PLAIN_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* 0, or -1 without memory; then nothing was written. */
int metrics_write(const struct gather *gather, enum metrics_format format,
    FILE *stream);

/* socktopusctl metrics: of one socket, or of all. Returns the exit status. */
int metrics_show(const char *socket);

#endif
