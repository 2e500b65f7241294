/* Layers ranked by what they would save, and the file of energy_aware_quantization. */
#include "compare/hotspots.h"
#include "trials.h"

static void make(struct jm_comparison_data *c)
{
	struct jm_trial t[2];

	trial_init(&t[0], "fp32", "fp32", 10, 50);
	trial_layer(&t[0], "/embeddings/Gather", "Gather", 1, 50);
	trial_layer(&t[0], "/l.0/attention/q_lin/MatMul", "MatMul", 2, 150);
	trial_layer(&t[0], "/l.0/ffn/lin1/MatMul", "MatMul", 4, 200);
	trial_layer(&t[0], "/l.0/ffn/lin2/MatMul", "MatMul", 2, 100);
	trial_init(&t[1], "int8", "int8", 5, 50);
	trial_layer(&t[1], "/embeddings/Gather", "Gather", 1, 50);
	trial_layer(&t[1], "/l.0/attention/q_lin/MatMul_quant", "MatMulIntegerToFloat", 1, 135);
	trial_layer(&t[1], "x_QuantizeLinear", "DynamicQuantizeLinear", 1, 20);
	trial_layer(&t[1], "/l.0/ffn/lin1/MatMul_quant", "MatMulIntegerToFloat", 1, 80);
	trial_layer(&t[1], "/l.0/ffn/lin2/MatMul_quant", "MatMulIntegerToFloat", 1, 25);
	compare_trials(t, 2, c);
	c->layers = calloc(1, sizeof(*c->layers));
	assert_int_equal(jm_layers_match(&c->variants[0], &c->variants[1], 1, c->layers), 0);
}

static void the_layer_that_saves_most_comes_first(void **state)
{
	struct jm_comparison_data c;
	struct jm_hotspots h;

	(void)state;
	make(&c);
	assert_int_equal(jm_hotspots_make(&c.variants[0], &c.layers[0], JM_HOTSPOTS_LAYER, &h), 0);
	assert_int_equal(h.n, 4);
	/* 200 mJ become 80 and a conversion of 20: share 0.4 times gain 0.5. */
	assert_string_equal(h.items[0].name, "/l.0/ffn/lin1/MatMul");
	assert_float_equal(h.items[0].gain, 0.5, 1e-9);
	assert_float_equal(h.items[0].saved_share, 0.2, 1e-9);
	assert_string_equal(h.items[1].name, "/l.0/ffn/lin2/MatMul");
	assert_float_equal(h.items[1].saved_mj, 75, 1e-9);
	assert_float_equal(h.items[3].gain, 0, 1e-9);
	jm_hotspots_finish(&h);
	jm_comparison_finish(&c);
}

static void parts_and_types_add_up(void **state)
{
	struct jm_comparison_data c;
	struct jm_hotspots h;
	double saved = 0;
	size_t i;

	(void)state;
	make(&c);
	assert_int_equal(jm_hotspots_make(&c.variants[0], &c.layers[0], JM_HOTSPOTS_ROLE, &h), 0);
	assert_int_equal(h.n, 3);
	assert_string_equal(h.items[0].name, "feed-forward");
	assert_int_equal(h.items[0].n_layers, 2);
	assert_float_equal(h.items[0].mj, 300, 1e-9);
	assert_float_equal(h.items[0].gain, 175.0 / 300, 1e-9);
	for (i = 0; i < h.n; i++)
		saved += h.items[i].saved_share;
	assert_float_equal(saved, (100 + 75 + 15) / 500.0, 1e-9);
	jm_hotspots_finish(&h);
	assert_int_equal(jm_hotspots_make(&c.variants[0], NULL, JM_HOTSPOTS_TYPE, &h), 0);
	assert_int_equal(h.n, 2);
	assert_string_equal(h.items[0].name, "MatMul");
	assert_float_equal(h.items[0].share, 0.9, 1e-9);
	assert_true(isnan(h.items[0].gain));
	jm_hotspots_finish(&h);
	jm_comparison_finish(&c);
}

static void layers_have_the_columns_of_its_program(void **state)
{
	struct jm_comparison_data c;
	struct jm_buffer b = {0};

	(void)state;
	make(&c);
	assert_int_equal(jm_compare_layer_energy_csv(&c.variants[0], &b), 0);
	assert_string_equal(
	    jm_buffer_terminate(&b),
	    "layer_name,layer_idx,avg_power_w,total_time_s,energy_total_j,energy_per_inference_mj,num_loops,"
	    "latency_per_loop_ms,num_power_samples,energy_pct\n"
	    "/embeddings/Gather,0,50.0,0.1,5.0,50.0,100,1.0,200,10.0\n"
	    "/l.0/attention/q_lin/MatMul,1,75.0,0.2,15.0,150.0,100,2.0,200,30.0\n"
	    "/l.0/ffn/lin1/MatMul,2,50.0,0.4,20.0,200.0,100,4.0,200,40.0\n"
	    "/l.0/ffn/lin2/MatMul,3,50.0,0.2,10.0,100.0,100,2.0,200,20.0\n");
	jm_buffer_finish(&b);
	jm_comparison_finish(&c);
}

static void tables_and_csv_are_written(void **state)
{
	struct jm_compare_view view = {.limit = 2};
	struct jm_comparison_data c;
	struct jm_buffer b = {0};

	(void)state;
	make(&c);
	assert_int_equal(jm_hotspots_table(&c, JM_HOTSPOTS_LAYER, &view, &b), 0);
	assert_says(jm_buffer_terminate(&b), "what of fp32 to make as int8 first");
	assert_says(b.data, "... and 2 more");
	jm_buffer_finish(&b);
	assert_int_equal(jm_hotspots_csv(&c, JM_HOTSPOTS_ROLE, &b), 0);
	assert_says(jm_buffer_terminate(&b), "\nint8,feed-forward,,feed-forward,2,6.0,300.0,0.6");
	jm_buffer_finish(&b);
	jm_comparison_finish(&c);
}

static void json_has_them_by_layer_type_and_part(void **state)
{
	static const struct jm_tariff none;
	struct jm_comparison_data c;
	struct jm_buffer b = {0};
	const char *text, *layers, *types, *parts;

	(void)state;
	make(&c);
	jm_compare_json(&c, &none, &b);
	text = jm_buffer_terminate(&b);
	assert_non_null(text);
	layers = strstr(text, "\"hotspots\":[\n{\"variant\":\"int8\",\n\"layers\":[\n"
			      "{\"name\":\"/l.0/ffn/lin1/MatMul\",\"type\":\"MatMul\",\"part\":\"feed-forward\",\"layers\":1,");
	types = strstr(text, "\"types\":[\n{\"name\":\"MatMul\",\"layers\":3,");
	parts = strstr(text, "\"parts\":[\n{\"name\":\"feed-forward\",\"layers\":2,");
	assert_true(layers && types > layers && parts > types);
	assert_says(layers, "\"share\":0.4,\"gain\":0.5,");
	assert_says(layers, "\"saved_share\":0.2}");
	jm_buffer_finish(&b);
	jm_comparison_finish(&c);
}

/* Of one recording alone gains are null: nothing was measured of them. */
static void json_of_one_recording_has_shares_alone(void **state)
{
	static const struct jm_tariff none;
	struct jm_comparison_data c;
	struct jm_buffer b = {0};
	struct jm_trial t[1];
	const char *text;

	(void)state;
	trial_init(&t[0], "fp32", "fp32", 10, 50);
	trial_layer(&t[0], "a", "MatMul", 1, 30);
	trial_layer(&t[0], "b", "Conv", 1, 10);
	compare_trials(t, 1, &c);
	c.layers = calloc(1, sizeof(*c.layers));
	jm_compare_json(&c, &none, &b);
	text = jm_buffer_terminate(&b);
	assert_non_null(text);
	assert_says(text, "\"hotspots\":[\n{\"variant\":\"fp32\",");
	assert_says(text, "\"energy_mj\":30.0,\"share\":0.75,\"gain\":null,");
	jm_buffer_finish(&b);
	jm_comparison_finish(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_layer_that_saves_most_comes_first),
	    cmocka_unit_test(parts_and_types_add_up),
	    cmocka_unit_test(layers_have_the_columns_of_its_program),
	    cmocka_unit_test(tables_and_csv_are_written),
	    cmocka_unit_test(json_has_them_by_layer_type_and_part),
	    cmocka_unit_test(json_of_one_recording_has_shares_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
