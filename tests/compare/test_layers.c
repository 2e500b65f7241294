/* Layers matched through fusion and inserted conversions; nothing is lost or counted twice. */
#include "compare/layer_names.h"
#include "compare/write.h"
#include "trials.h"

static const struct jm_layer_group *group_of(const struct jm_layer_groups *g, const char *name)
{
	size_t i;

	for (i = 0; i < g->first.n; i++)
		if (strcmp(g->first.items[i].name, name) == 0)
			return &g->items[g->group_of_first[i]];
	fail_msg("no layer %s", name);
	return NULL;
}

static void match(struct jm_trial *t, struct jm_comparison_data *c)
{
	size_t i;

	compare_trials(t, 2, c);
	c->layers = calloc(1, sizeof(*c->layers));
	assert_int_equal(jm_layers_match(&c->variants[0], &c->variants[1], 1, c->layers), 0);
	/* Every layer is in one group, and sums stay. */
	{
		const struct jm_layer_groups *g = c->layers;
		double first = 0, other = 0;
		size_t n = 0;

		for (i = 0; i < g->n; i++) {
			first += g->items[i].first_mj + g->items[i].first_conversions_mj;
			other += g->items[i].other_mj + g->items[i].conversions_mj;
			n += g->items[i].n_first + g->items[i].n_first_conversions + g->items[i].n_other +
			     g->items[i].n_conversions;
		}
		assert_int_equal(n, g->first.n + g->other.n);
		assert_float_equal(first, g->total_first_mj, 1e-9);
		assert_float_equal(other, g->total_other_mj, 1e-9);
	}
}

static void names_lose_what_converters_add(void **state)
{
	static const char *const names[][2] = {
	    {"/layer/q_lin/MatMul_quant", "/layer/q_lin/MatMul"},
	    {"conv1_nchwc", "conv1"},
	    {"Add_token_17_nchwc", "Add"},
	    {"fused conv1", "conv1"},
	    {"InsertedPrecisionFreeCast_x", "x"},
	    {"_token_5", ""},
	    {"plain", "plain"},
	};
	char out[64];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		jm_layer_plain_name(names[i][0], out, sizeof(out));
		assert_string_equal(out, names[i][1]);
	}
}

static void conversions_go_with_the_layer_they_prepare(void **state)
{
	struct jm_comparison_data c;
	const struct jm_layer_group *g;
	struct jm_trial t[2];

	(void)state;
	trial_init(&t[0], "fp32", "fp32", 20, 50);
	trial_layer(&t[0], "embed", "Gather", 1, 10);
	trial_layer(&t[0], "ffn/MatMul", "MatMul", 4, 200);
	trial_layer(&t[0], "head/MatMul", "MatMul", 2, 100);
	trial_init(&t[1], "int8", "int8", 20, 50);
	trial_layer(&t[1], "embed", "Gather", 1, 10);
	trial_layer(&t[1], "h_QuantizeLinear", "DynamicQuantizeLinear", 0.5, 20);
	trial_layer(&t[1], "ffn/MatMul_quant", "MatMulInteger", 1, 50);
	trial_layer(&t[1], "ffn/MatMul_output_quantized_cast", "Cast", 0.1, 4);
	trial_layer(&t[1], "ffn/MatMul_quant_output_scale_mul", "Mul", 0.1, 6);
	trial_layer(&t[1], "head/MatMul_quant", "MatMulInteger", 0.5, 25);
	match(t, &c);
	g = group_of(c.layers, "ffn/MatMul");
	assert_int_equal(g->match, JM_MATCH_NAME);
	assert_float_equal(g->other_mj, 50, 1e-9);
	assert_int_equal(g->n_conversions, 1);
	assert_float_equal(g->conversions_mj, 20, 1e-9);
	assert_float_equal(g->against.value, 70.0 / 200, 1e-9);
	g = group_of(c.layers, "head/MatMul");
	assert_float_equal(g->conversions_mj, 10, 1e-9);
	assert_int_equal(c.layers->n_conversions, 3);
	assert_float_equal(c.layers->total_conversions_mj, 30, 1e-9);
	jm_comparison_finish(&c);
}

static void fused_layers_are_one_to_many(void **state)
{
	struct jm_comparison_data c;
	const struct jm_layer_group *g;
	struct jm_trial t[2];

	(void)state;
	trial_init(&t[0], "fp32", "fp32", 20, 50);
	trial_layer(&t[0], "conv1", "Conv", 4, 100);
	trial_layer(&t[0], "relu1", "Relu", 1, 10);
	trial_layer(&t[0], "conv2", "Conv", 4, 100);
	trial_layer(&t[0], "relu2", "Relu", 1, 10);
	trial_init(&t[1], "fp16", "fp16", 20, 50);
	trial_layer(&t[1], "conv1_nchwc", "FusedConv", 3, 60);
	trial_layer(&t[1], "conv2_nchwc", "FusedConv", 3, 60);
	match(t, &c);
	g = group_of(c.layers, "relu1");
	assert_ptr_equal(g, group_of(c.layers, "conv1"));
	assert_int_equal(g->n_first, 2);
	assert_int_equal(g->n_other, 1);
	assert_float_equal(g->against.value, 60.0 / 110, 1e-9);
	jm_comparison_finish(&c);
}

static void names_that_differ_are_matched_by_position_and_kind(void **state)
{
	struct jm_comparison_data c;
	struct jm_trial t[2];

	(void)state;
	trial_init(&t[0], "a", "fp32", 20, 50);
	trial_layer(&t[0], "n1", "Conv", 4, 100);
	trial_layer(&t[0], "n2", "MaxPool", 1, 10);
	trial_layer(&t[0], "n3", "Conv", 2, 50);
	trial_layer(&t[0], "n4", "Gemm", 1, 20);
	trial_init(&t[1], "b", "int8", 20, 50);
	trial_layer(&t[1], "x0", "QLinearConv", 2, 30);
	trial_layer(&t[1], "x1", "MaxPool", 1, 10);
	trial_layer(&t[1], "x2", "QLinearConv", 1, 20);
	trial_layer(&t[1], "x3", "QGemm", 1, 5);
	match(t, &c);
	assert_int_equal(c.layers->n, 4);
	assert_int_equal(group_of(c.layers, "n3")->match, JM_MATCH_POSITION);
	assert_float_equal(group_of(c.layers, "n3")->other_mj, 20, 1e-9);
	assert_float_equal(group_of(c.layers, "n4")->against.value, 0.25, 1e-9);
	jm_comparison_finish(&c);
}

static void what_stands_between_the_same_layers_is_one_group(void **state)
{
	struct jm_comparison_data c;
	const struct jm_layer_group *g;
	struct jm_trial t[2];

	(void)state;
	trial_init(&t[0], "a", "fp32", 20, 50);
	trial_layer(&t[0], "in", "Gemm", 1, 10);
	trial_layer(&t[0], "q", "ReduceMean", 1, 20);
	trial_layer(&t[0], "w", "Pow", 1, 30);
	trial_layer(&t[0], "out", "Gemm", 1, 10);
	trial_init(&t[1], "b", "fp16", 20, 50);
	trial_layer(&t[1], "in", "Gemm", 1, 10);
	trial_layer(&t[1], "n", "LayerNormalization", 1, 25);
	trial_layer(&t[1], "out", "Gemm", 1, 10);
	match(t, &c);
	g = group_of(c.layers, "q");
	assert_ptr_equal(g, group_of(c.layers, "w"));
	assert_int_equal(g->match, JM_MATCH_GROUP);
	assert_float_equal(g->against.value, 0.5, 1e-9);
	jm_comparison_finish(&c);
}

static void layers_of_one_side_only_stay_apart(void **state)
{
	struct jm_comparison_data c;
	struct jm_buffer b = {0};
	struct jm_compare_view view = {.limit = 0};
	struct jm_trial t[2];

	(void)state;
	trial_init(&t[0], "a", "fp32", 20, 50);
	trial_layer(&t[0], "in", "Gemm", 1, 10);
	trial_layer(&t[0], "gone", "Conv", 1, 20);
	trial_init(&t[1], "b", "fp16", 20, 50);
	trial_layer(&t[1], "in", "Gemm", 1, 10);
	match(t, &c);
	assert_int_equal(group_of(c.layers, "gone")->match, JM_MATCH_FIRST_ONLY);
	assert_true(isnan(group_of(c.layers, "gone")->against.value));
	assert_int_equal(jm_compare_layers_table(&c, &view, &b), 0);
	assert_says(jm_buffer_terminate(&b), "only in the first");
	jm_buffer_finish(&b);
	jm_comparison_finish(&c);
}

/* How estimates repeat says nothing of the energy: no interval. */
static void ratios_of_estimates_have_a_tilde_and_no_interval(void **state)
{
	struct jm_comparison_data c;
	struct jm_buffer b = {0};
	struct jm_compare_view view = {.limit = 0};
	struct jm_trial t[2];
	const char *text;

	(void)state;
	trial_init(&t[0], "a", "fp32", 20, 50);
	trial_layer(&t[0], "in", "Gemm", 1, 10);
	trial_init(&t[1], "b", "fp16", 20, 50);
	trial_layer(&t[1], "in", "Gemm", 1, 5);
	t[0].state = t[1].state = JM_STATE_ESTIMATED;
	match(t, &c);
	assert_int_equal(jm_compare_layers_table(&c, &view, &b), 0);
	text = jm_buffer_terminate(&b);
	assert_says(text, "~0.50×");
	assert_true(strstr(text, "energy is estimated") < strstr(text, "layers of b"));
	jm_buffer_finish(&b);
	jm_comparison_finish(&c);
}

static void branches_that_run_in_another_order_are_found_by_name(void **state)
{
	struct jm_comparison_data c;
	struct jm_trial t[2];

	(void)state;
	trial_init(&t[0], "a", "fp32", 20, 50);
	trial_layer(&t[0], "left", "Gemm", 1, 10);
	trial_layer(&t[0], "right", "Gemm", 1, 20);
	trial_init(&t[1], "b", "fp16", 20, 50);
	trial_layer(&t[1], "right", "Gemm", 1, 15);
	trial_layer(&t[1], "left", "Gemm", 1, 5);
	match(t, &c);
	assert_float_equal(group_of(c.layers, "left")->against.value, 0.5, 1e-9);
	assert_float_equal(group_of(c.layers, "right")->against.value, 0.75, 1e-9);
	jm_comparison_finish(&c);
}

static void no_layers_at_all_are_no_groups(void **state)
{
	struct jm_comparison_data c;
	struct jm_trial t[2];

	(void)state;
	trial_init(&t[0], "a", "fp32", 20, 50);
	trial_init(&t[1], "b", "fp16", 20, 50);
	trial_layer(&t[1], "only_QuantizeLinear", "QuantizeLinear", 1, 5);
	match(t, &c);
	assert_int_equal(c.layers->n, 1);
	jm_comparison_finish(&c);
}

static void roles_come_from_paths_and_types(void **state)
{
	(void)state;
	assert_string_equal(jm_layer_role("/layer.0/attention/q_lin/MatMul", "MatMul"), "attention");
	assert_string_equal(jm_layer_role("/layer.0/ffn/lin1/MatMul", "MatMul"), "feed-forward");
	assert_string_equal(jm_layer_role("/embeddings/word_embeddings/Gather", "Gather"), "embeddings");
	assert_string_equal(jm_layer_role("/embeddings/LayerNorm/Add", "Add"), "normalisation");
	assert_string_equal(jm_layer_role("x", "QLinearConv"), "convolution");
	assert_string_equal(jm_layer_role("/classifier/Gemm", "Gemm"), "head");
	assert_string_equal(jm_layer_role("x_QuantizeLinear", "QuantizeLinear"), "conversion");
	assert_string_equal(jm_layer_role("x", "Concat"), "other");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(names_lose_what_converters_add),
	    cmocka_unit_test(conversions_go_with_the_layer_they_prepare),
	    cmocka_unit_test(fused_layers_are_one_to_many),
	    cmocka_unit_test(names_that_differ_are_matched_by_position_and_kind),
	    cmocka_unit_test(what_stands_between_the_same_layers_is_one_group),
	    cmocka_unit_test(layers_of_one_side_only_stay_apart),
	    cmocka_unit_test(ratios_of_estimates_have_a_tilde_and_no_interval),
	    cmocka_unit_test(branches_that_run_in_another_order_are_found_by_name),
	    cmocka_unit_test(no_layers_at_all_are_no_groups),
	    cmocka_unit_test(roles_come_from_paths_and_types),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
