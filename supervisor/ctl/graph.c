#include "supervisor/ctl/graph.h"

#include <stdlib.h>
#include <string.h>

static void
forget(struct graph_path *path)
{
	free(path->key);
	free(path);
}

static struct graph_path *
find(const struct graph *graph, const char *key)
{
	size_t i;

	for (i = 0; i < graph->count; i++)
		if (strcmp(graph->paths[i]->key, key) == 0)
			return graph->paths[i];
	return NULL;
}

static struct graph_path *
make(struct graph *graph, const char *key)
{
	struct graph_path *path = calloc(1, sizeof(*path)), **paths;

	if (path == NULL)
		return NULL;
	path->key = strdup(key);
	paths = reallocarray(graph->paths, graph->count + 1, sizeof(*paths));
	if (paths != NULL)
		graph->paths = paths;
	if (paths == NULL || path->key == NULL) {
		forget(path);
		return NULL;
	}
	paths[graph->count++] = path;
	return path;
}

void
graph_begin(struct graph *graph)
{
	size_t i;

	for (i = 0; i < graph->count; i++)
		graph->paths[i]->fresh = false;
}

static void
push(double *samples, size_t count, double sample)
{
	if (count == GRAPH_SAMPLES) {
		memmove(samples, samples + 1,
		    (GRAPH_SAMPLES - 1) * sizeof(*samples));
		count--;
	}
	samples[count] = sample;
}

const struct graph_path *
graph_add(struct graph *graph, const char *key, double rate, double rtt_ms)
{
	struct graph_path *path = find(graph, key);

	if (path == NULL)
		path = make(graph, key);
	if (path == NULL || path->fresh)
		return path;
	push(path->rate, path->count, rate);
	push(path->rtt_ms, path->count, rtt_ms);
	if (path->count < GRAPH_SAMPLES)
		path->count++;
	path->fresh = true;
	return path;
}

void
graph_end(struct graph *graph)
{
	size_t kept = 0, i;

	for (i = 0; i < graph->count; i++) {
		if (graph->paths[i]->fresh)
			graph->paths[kept++] = graph->paths[i];
		else
			forget(graph->paths[i]);
	}
	graph->count = kept;
}

void
graph_free(struct graph *graph)
{
	graph_begin(graph);
	graph_end(graph);
	free(graph->paths);
	memset(graph, 0, sizeof(*graph));
}

void
graph_levels(const double *samples, size_t count, unsigned char *levels,
    size_t width)
{
	size_t shown = count < width ? count : width, i;
	const double *first = samples + (count - shown);
	double most = 0;

	memset(levels, 0, width);
	for (i = 0; i < shown; i++)
		if (first[i] > most)
			most = first[i];
	for (i = 0; i < shown; i++)
		levels[width - shown + i] = most > 0 && first[i] > 0 ?
		    (unsigned char)(1 + first[i] / most * (GRAPH_LEVELS - 1) +
			0.5) :
		    1;
}
