/*
 * What watch remembers, and how high its graphs stand.
 */
#include "supervisor/ctl/graph.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/suite.h"

static struct graph graph;

START_TEST(test_rounds)
{
	const struct graph_path *path;

	graph_begin(&graph);
	path = graph_add(&graph, "a", 1, 10);
	ck_assert_uint_eq(path->count, 1);
	ck_assert_ptr_ne(graph_add(&graph, "b", 2, 20), path);
	/* A second sample of one round is not one. */
	ck_assert_ptr_eq(graph_add(&graph, "a", 9, 90), path);
	ck_assert_uint_eq(path->count, 1);
	graph_end(&graph);

	graph_begin(&graph);
	path = graph_add(&graph, "a", 3, 30);
	graph_end(&graph);
	ck_assert_uint_eq(graph.count, 1);
	ck_assert_uint_eq(path->count, 2);
	ck_assert(path->rate[0] == 1 && path->rate[1] == 3);
	ck_assert(path->rtt_ms[0] == 10 && path->rtt_ms[1] == 30);
	graph_free(&graph);
}
END_TEST

START_TEST(test_oldest_goes)
{
	const struct graph_path *path = NULL;

	for (int i = 0; i < GRAPH_SAMPLES + 3; i++) {
		graph_begin(&graph);
		path = graph_add(&graph, "a", i, 2 * i);
		graph_end(&graph);
	}
	ck_assert_uint_eq(path->count, GRAPH_SAMPLES);
	ck_assert(path->rate[0] == 3);
	ck_assert(path->rate[GRAPH_SAMPLES - 1] == GRAPH_SAMPLES + 2);
	ck_assert(path->rtt_ms[GRAPH_SAMPLES - 1] == 2 * (GRAPH_SAMPLES + 2));
	graph_free(&graph);
}
END_TEST

START_TEST(test_levels)
{
	const double samples[] = { 1000, 0, 1, 4, 8 }, idle[] = { 0, 0 };
	unsigned char levels[6];

	graph_levels(samples, 5, levels, 4);
	ck_assert_mem_eq(levels, "\1\2\5\10", 4);
	graph_levels(samples, 5, levels, 6);
	ck_assert_mem_eq(levels, "\0\10\1\1\1\1", 6);
	graph_levels(idle, 2, levels, 3);
	ck_assert_mem_eq(levels, "\0\1\1", 3);
	graph_levels(idle, 0, levels, 2);
	ck_assert_mem_eq(levels, "\0\0", 2);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("graph");
	TCase *tests = tcase_create("graph");

	tcase_add_test(tests, test_rounds);
	tcase_add_test(tests, test_oldest_goes);
	tcase_add_test(tests, test_levels);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
