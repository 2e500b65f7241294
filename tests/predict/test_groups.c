#include "predict/groups.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#define LAYERS 10

/* A convolution of one of LAYERS shapes, a product behind every third, an activation behind each. */
static void add_layer(struct jm_dataset *d, const char *network, int i, int dtype, double batch, double scale)
{
	struct jm_dataset_row row = {.network = (char *)(uintptr_t)network, .layer = (char *)"l", .runtime_ms = 1};
	double c = scale * (double)(8 + 8 * (i % LAYERS)), size = 56 - 4 * (i % 4);

	row.features = (struct jm_features){.kind = JM_LAYER_CONVOLUTIONAL,
					    .values = {batch, c, size, size, c, size, size, 3, 3, 2, 2, 1, 1, 1, 1, 1},
					    .dtype = dtype};
	assert_int_equal(jm_dataset_add(d, &row), 0);
	if (i % 3 == 0) {
		row.features =
		    (struct jm_features){.kind = JM_LAYER_MATMUL, .values = {4 * batch, size, c, size}, .dtype = dtype};
		assert_int_equal(jm_dataset_add(d, &row), 0);
		row.features = (struct jm_features){
		    .kind = JM_LAYER_DENSE, .values = {batch, batch * c, batch * 10, c}, .dtype = dtype};
		assert_int_equal(jm_dataset_add(d, &row), 0);
	}
	row.features = (struct jm_features){
	    .kind = JM_LAYER_ELEMENTWISE, .values = {1, batch * c * size, batch * c * size}, .dtype = dtype};
	assert_int_equal(jm_dataset_add(d, &row), 0);
}

static void add_network(struct jm_dataset *d, const char *name, int n, int dtype, double batch, double scale)
{
	int i;

	for (i = 0; i < n; i++)
		add_layer(d, name, i, dtype, batch, scale);
}

static unsigned group_of(const struct jm_groups *g, const char *name)
{
	size_t i;

	for (i = 0; i < g->n_networks; i++)
		if (strcmp(g->networks[i].name, name) == 0)
			return g->networks[i].group;
	fail_msg("there is no network %s", name);
	return 0;
}

static void assert_explained(const struct jm_groups *g, const char *name, const char *expected)
{
	struct jm_buffer b = {0};

	jm_groups_explain(g, group_of(g, name), &b);
	assert_string_equal(jm_buffer_terminate(&b), expected);
	jm_buffer_finish(&b);
}

static void precisions_batches_and_copies_are_one_network(void **state)
{
	struct jm_dataset_row cast = {.network = (char *)"net_fp16",
				      .layer = (char *)"cast",
				      .features = {.kind = JM_LAYER_MOVEMENT, .values = {1, 7, 7}},
				      .runtime_ms = 1};
	struct jm_dataset d = {0};
	struct jm_groups g;
	size_t i;

	(void)state;
	add_network(&d, "net", LAYERS, JM_DTYPE_FP32, 1, 1);
	add_network(&d, "net_fp16", LAYERS, JM_DTYPE_FP16, 1, 1);
	/* What a runtime adds for a precision counts nothing. */
	for (i = 0; i < 2 * LAYERS; i++)
		assert_int_equal(jm_dataset_add(&d, &cast), 0);
	add_network(&d, "eight", LAYERS, JM_DTYPE_FP32, 8, 1);
	add_network(&d, "wide", LAYERS, JM_DTYPE_FP32, 1, 2);
	add_network(&d, "wide_again", LAYERS, JM_DTYPE_FP32, 1, 2);
	add_network(&d, "deeper", LAYERS + 3, JM_DTYPE_FP32, 1, 1);
	jm_dataset_sort(&d);
	assert_int_equal(jm_groups_find(&d, &g), 0);
	assert_int_equal(g.n_networks, 6);
	assert_int_equal(g.n, 3);
	assert_int_equal(group_of(&g, "net"), group_of(&g, "net_fp16"));
	assert_int_equal(group_of(&g, "net"), group_of(&g, "eight"));
	assert_int_not_equal(group_of(&g, "net"), group_of(&g, "wide"));
	assert_int_not_equal(group_of(&g, "net"), group_of(&g, "deeper"));
	assert_explained(&g, "net", "eight, net, net_fp16 are one network of two precisions and two batch sizes");
	assert_explained(&g, "wide", "wide, wide_again are one network, two times");
	for (i = 0; i < d.n; i++)
		assert_int_equal(g.of_row[i], group_of(&g, d.rows[i].network));
	assert_int_equal(jm_groups_names(&g, group_of(&g, "deeper"), ";", NULL), 1);
	jm_groups_finish(&g);
	jm_dataset_finish(&d);
}

static void nearly_all_layers_are_enough(void **state)
{
	struct jm_dataset d = {0};
	struct jm_groups g;

	(void)state;
	add_network(&d, "net", 20, JM_DTYPE_FP32, 1, 1);
	add_network(&d, "net_int8", 20, JM_DTYPE_INT8, 1, 1);
	/* One layer of twenty-some is unlike. */
	add_layer(&d, "net_int8", 1, JM_DTYPE_INT8, 1, 5);
	jm_dataset_sort(&d);
	assert_int_equal(jm_groups_find(&d, &g), 0);
	assert_int_equal(g.n, 1);
	assert_explained(&g, "net", "net, net_int8 are one network of two precisions");
	jm_groups_finish(&g);
	jm_dataset_finish(&d);
}

static void networks_without_work_are_told_by_what_they_have(void **state)
{
	struct jm_dataset_row row = {.network = (char *)"a", .layer = (char *)"l", .runtime_ms = 1};
	struct jm_dataset d = {0}, none = {0};
	struct jm_groups g;

	(void)state;
	row.features = (struct jm_features){.kind = JM_LAYER_ELEMENTWISE, .values = {1, 5, 5}};
	assert_int_equal(jm_dataset_add(&d, &row), 0);
	row.network = (char *)"b";
	assert_int_equal(jm_dataset_add(&d, &row), 0);
	row.network = (char *)"c";
	row.features.values[1] = 6;
	assert_int_equal(jm_dataset_add(&d, &row), 0);
	assert_int_equal(jm_groups_find(&d, &g), 0);
	assert_int_equal(g.n, 2);
	assert_int_equal(group_of(&g, "a"), group_of(&g, "b"));
	assert_explained(&g, "c", "");
	jm_groups_finish(&g);
	assert_int_equal(jm_groups_find(&none, &g), 0);
	assert_int_equal(g.n, 0);
	jm_groups_finish(&g);
	jm_dataset_finish(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(precisions_batches_and_copies_are_one_network),
	    cmocka_unit_test(nearly_all_layers_are_enough),
	    cmocka_unit_test(networks_without_work_are_told_by_what_they_have),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
