/* The layouts of energy_aware_quantization, byte by byte. */
#include "compare/hotspots.h"
#include "compare/write.h"
#include "trials.h"

static const struct jm_tariff none;

static void assert_text(struct jm_buffer *b, const char *expected)
{
	assert_string_equal(jm_buffer_terminate(b), expected);
	jm_buffer_finish(b);
}

/* fp32: 2 trials of 100 calls of 4 items, 100 ms at 60 W and 62 W; fp16: one of 25 ms at 48 W; accuracy 3 of 4 and 2 of 4. */
static void make(struct jm_comparison_data *c)
{
	struct jm_trial t[3];

	trial_init(&t[0], "fp32", "fp32", 100, 60);
	trial_init(&t[1], "fp32", "fp32", 100, 62);
	trial_init(&t[2], "fp16", "fp16", 25, 48);
	trial_score(&t[0], "1101");
	trial_score(&t[1], "1101");
	trial_score(&t[2], "1100");
	t[2].values[JM_FIGURE_MODEL_SIZE] = 1048576;
	t[0].n_parameters = 500000;
	SET(t[0].data_path, "data,1.npy");
	compare_trials(t, 3, c);
}

static void a_trial_has_the_columns_of_its_program(void **state)
{
	struct jm_comparison_data c;
	struct jm_buffer b = {0};

	(void)state;
	make(&c);
	jm_compare_trial_csv(&c, &b);
	assert_text(
	    &b,
	    "total_time,mean_latency,std_latency,min_latency,max_latency,median_latency,throughput,batch_size,num_"
	    "iters,accuracy,"
	    "num_correct,num_samples_accuracy,mean_power_w,std_power_w,min_power_w,max_power_w,median_power_w,total_"
	    "energy_j,"
	    "energy_per_inference_j,energy_per_inference_mj,num_power_samples,energy_accuracy_product,inferences_per_"
	    "joule,"
	    "accuracy_per_millijoule,allocated_gb,reserved_gb,peak_allocated_gb,peak_reserved_gb,num_parameters,model_"
	    "size_mb,dtype,"
	    "device,is_quantized,model_name,precision,dataset_path,warmup_steps,trial_number,timestamp\n"
	    "10.0,0.1,0.00049749371855331,0.099,0.102,0.1,40.0,4,100,0.75,3,4,60.0,0.25,59.0,61.0,60.0,600.0,6.0,6000.0,200,1.5,"
	    "0.16666666666666666,0.000125,,,0.05,,500000,2.0,float32,cpu,False,models/"
	    "fp32.onnx,fp32,\"data,1.npy\",10,1,"
	    "2026-11-21T10:00:00.250000\n"
	    "10.0,0.1,0.00049749371855331,0.099,0.102,0.1,40.0,4,100,0.75,3,4,62.0,0.25,61.0,63.0,62.0,620.0,6.2,6200.0,200,1.55,"
	    "0.16129032258064516,0.00012096774193548387,,,0.05,,,2.0,float32,cpu,False,models/fp32.onnx,fp32,,10,2,"
	    "2026-11-21T10:00:00.250000\n"
	    "2.5,0.025,0.00049749371855331,0.024,0.027,0.025,160.0,4,100,0.5,2,4,48.0,0.25,47.0,49.0,48.0,120.0,1.2,1200.0,200,0.6,"
	    "0.8333333333333334,0.0004166666666666667,,,0.05,,,1.0,float16,cpu,False,models/fp16.onnx,fp16,,10,1,"
	    "2026-11-21T10:00:00.250000\n");
	jm_comparison_finish(&c);
}

static void aggregated_comparison_has_means_and_deviations_of_samples(void **state)
{
	struct jm_comparison_data c;
	struct jm_buffer b = {0};

	(void)state;
	make(&c);
	jm_compare_aggregated_csv(&c, &b);
	assert_text(
	    &b,
	    "precision,mean_latency_mean,mean_latency_std,throughput_mean,throughput_std,mean_power_w_mean,mean_power_"
	    "w_std,"
	    "energy_per_inference_mj_mean,energy_per_inference_mj_std,accuracy_mean,accuracy_std,model_size_mb_mean,"
	    "model_size_mb_std,peak_allocated_gb_mean,peak_allocated_gb_std\n"
	    "fp32,0.1,0.0,40.0,0.0,61.0,1.4142135623730951,6100.0,141.4213562373095,0.75,0.0,2.0,0.0,0.05,0.0\n"
	    "fp16,0.025,,160.0,,48.0,,1200.0,,0.5,,1.0,,0.05,\n");
	jm_comparison_finish(&c);
}

static void benchmark_results_set_against_the_first(void **state)
{
	struct jm_comparison_data c;
	struct jm_buffer b = {0};

	(void)state;
	make(&c);
	jm_compare_benchmark_csv(&c, &b);
	assert_text(
	    &b,
	    "name,mean_latency_ms,std_latency_ms,accuracy,throughput,mean_power_w,energy_per_sample_mj,model_size_mb,"
	    "total_samples,speedup_vs_fp32,energy_reduction_vs_fp32,size_reduction_vs_fp32\n"
	    "FP32,100.0,0.49749371855331,75.0,40.0,61.0,1525.0,2.0,800,1.0,1.0,1.0\n"
	    "FP16,25.0,0.49749371855331,50.0,160.0,48.0,300.0,1.0,400,4.0,5.083333333333333,2.0\n");
	jm_comparison_finish(&c);
}

static void a_language_model_has_perplexity_and_tokens(void **state)
{
	struct jm_comparison_data c;
	struct jm_buffer b = {0};
	struct jm_trial t[1];

	(void)state;
	trial_init(&t[0], "gpt", "", 10, 50);
	SET(t[0].score.name, "perplexity");
	t[0].score.value = t[0].values[JM_FIGURE_SCORE] = 29.5;
	t[0].tokens_per_item = 128;
	t[0].values[JM_FIGURE_MODEL_SIZE] = NAN;
	compare_trials(t, 1, &c);
	jm_compare_benchmark_csv(&c, &b);
	assert_text(&b, "name,mean_latency_ms,std_latency_ms,perplexity,throughput,tokens_per_sec,mean_power_w,energy_"
			"per_sample_mj,"
			"model_size_mb,total_iters,speedup_vs_fp32,energy_reduction_vs_fp32,size_reduction_vs_fp32\n"
			"gpt,10.0,0.49749371855331,29.5,400.0,51200.0,50.0,125.0,,100,1.0,1.0,\n");
	jm_comparison_finish(&c);
}

static void what_is_unknown_or_refused_is_an_empty_cell(void **state)
{
	struct jm_comparison_data c;
	struct jm_buffer b = {0};
	struct jm_trial t[2];
	int i;

	(void)state;
	trial_init(&t[0], "a", "fp32", 10, 50);
	trial_init(&t[1], "int8", "fp32", 10, 25);
	SET(t[1].machine_id, "m2");
	t[1].latency.n = 0;
	for (i = 0; i < JM_N_FIGURES; i++)
		t[1].values[i] = NAN;
	compare_trials(t, 2, &c);
	jm_compare_benchmark_csv(&c, &b);
	assert_says(jm_buffer_terminate(&b), "\nint8,,,,,,,,400,,,\n");
	jm_buffer_finish(&b);
	jm_compare_aggregated_csv(&c, &b);
	assert_says(jm_buffer_terminate(&b), "\nint8,,,,,,,,,,,,,,\n");
	jm_buffer_finish(&b);
	jm_comparison_finish(&c);
}

static void energy_results_have_mean_deviation_least_and_greatest(void **state)
{
	struct jm_comparison_data c;
	struct jm_buffer b = {0};
	const char *text;

	(void)state;
	make(&c);
	SET(c.variants[0].trials[0]->inputs, "input_ids int64 4x128, attention_mask int64 4x128");
	SET(c.variants[1].trials[0]->inputs, "input_ids fp32 4x3x8");
	jm_compare_energy_results_csv(&c, &b);
	/* Of items: 100 ms at 60 and 62 W are 1.5 and 1.55 J for each of four; deviations are those of a population. */
	assert_text(
	    &b,
	    "precision,batch_size,seq_len,num_trials,avg_power_w_mean,avg_power_w_std,avg_power_w_min,avg_power_w_max,"
	    "energy_per_inference_j_mean,energy_per_inference_j_std,energy_per_inference_j_min,energy_per_inference_j_max,"
	    "energy_per_inference_mj_mean,energy_per_inference_mj_std,energy_per_inference_mj_min,energy_per_inference_mj_max,"
	    "latency_per_sample_s_mean,latency_per_sample_s_std,latency_per_sample_s_min,latency_per_sample_s_max,"
	    "latency_per_sample_ms_mean,latency_per_sample_ms_std,latency_per_sample_ms_min,latency_per_sample_ms_max,"
	    "throughput_samples_s_mean,throughput_samples_s_std,throughput_samples_s_min,throughput_samples_s_max\n"
	    "fp32,4,128,2,61.0,1.0,60.0,62.0,1.525,0.025000000000000022,1.5,1.55,1525.0,25.0,1500.0,1550.0,"
	    "0.025,0.0,0.025,0.025,25.0,0.0,25.0,25.0,40.0,0.0,40.0,40.0\n"
	    "fp16,4,,1,48.0,0.0,48.0,48.0,0.3,0.0,0.3,0.3,300.0,0.0,300.0,300.0,"
	    "0.00625,0.0,0.00625,0.00625,6.25,0.0,6.25,6.25,160.0,0.0,160.0,160.0\n");
	jm_compare_energy_results_json(&c, &b);
	text = jm_buffer_terminate(&b);
	assert_says(text, "\"precision\": \"fp16\",\n    \"batch_size\": 4,\n    \"seq_len\": null,\n    \"num_trials\": 1,\n");
	assert_says(text, "\"energy_per_inference_mj_mean\": 1525");
	jm_buffer_finish(&b);
	jm_comparison_finish(&c);
}

/* Two trials of 100 iterations; the first layer runs twice in each. */
static void layers_of_the_notebook_stand_by_energy(void **state)
{
	struct jm_comparison_data c;
	struct jm_buffer b = {0};
	struct jm_trial t[2];
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		trial_init(&t[i], "fp32", "fp32", 10, 50);
		trial_layer(&t[i], "/distilbert/transformer/layer.0/attention/q_lin/MatMul", "MatMul", 1, 20);
		trial_layer(&t[i], "transformer.layer.0.ffn.lin1", "Linear", 4, 80);
		trial_layer(&t[i], "conv1", "Conv", 2, NAN);
		trial_layer(&t[i], "what", "", 1, 10);
		t[i].layers[0].count = 200;
		t[i].layers[0].time_s = 0.2;
	}
	/* One trial's calls take 1 ms give or take 0.1, the other's 3 ms give or take 0.1: all together 2 give or take hypot(1, 0.1). */
	t[1].layers[0].latency_ms = 3;
	t[1].layers[0].time_s = 0.6;
	t[0].layers[3].latency_std_ms = NAN;
	compare_trials(t, 2, &c);
	assert_int_equal(jm_compare_profiled_layers_csv(&c.variants[0], &b), 0);
	assert_text(&b,
		    "layer_name,mean_time_ms,std_time_ms,total_time_s,num_calls,percent_total,energy_j,energy_mj,layer_type\n"
		    "transformer.layer.0.ffn.lin1,4.0,0.4000000000000002,0.8,200,36.36363636363636,16.0,16000.0,FFN Layer 1\n"
		    "/distilbert/transformer/layer.0/attention/q_lin/MatMul,2.0,1.004987562112089,0.8,400,36.36363636363636,4.0,"
		    "4000.0,Attention Projection\n"
		    "what,1.0,,0.2,200,9.09090909090909,2.0,2000.0,Other\n"
		    "conv1,2.0,0.2000000000000001,0.4,200,18.18181818181818,,,Conv\n");
	jm_comparison_finish(&c);
}

static void amounts_are_by_the_user_and_said_to_be(void **state)
{
	struct jm_compare_view view = {.limit = 0};
	struct jm_comparison_data c;
	struct jm_buffer b = {0};
	const char *text;

	(void)state;
	make(&c);
	jm_compare_csv(&c, &none, &b);
	assert_null(strstr(jm_buffer_terminate(&b), "carbon"));
	jm_buffer_finish(&b);
	assert_int_equal(jm_tariff_parse("360", "0.36 EUR", &view.tariff, NULL), 0);
	/* 1.525 J an item at 360 g by 3.6 MJ are 0.1525 mg, or 152.5 g a million. */
	assert_int_equal(jm_compare_table(&c, &view, &b), 0);
	text = jm_buffer_terminate(&b);
	assert_says(text, "g CO2e/1M items     152.5     30.00\n");
	assert_says(text, "EUR/1M items       0.1525   0.03000\n");
	assert_says(text, "at 360 g CO2e/kWh and 0.36 EUR/kWh, your own figures; their ratios are those of the energy\n");
	jm_buffer_finish(&b);
	jm_compare_csv(&c, &view.tariff, &b);
	text = jm_buffer_terminate(&b);
	assert_says(text, "\nfp32,carbon_g_per_item,2,0.0001525,");
	assert_says(text, "\nfp16,price_EUR_per_item,1,3e-08,,0.19672131147540983,");
	assert_says(text, "\"at 0.36 EUR/kWh, given by the user\"");
	jm_buffer_finish(&b);
	jm_compare_json(&c, &view.tariff, &b);
	text = jm_buffer_terminate(&b);
	assert_says(text, "\"tariff\":{\"source\":\"given by the user\",\"carbon_g_per_kwh\":360.0,\"price_per_kwh\":0.36,\"currency\":\"EUR\",");
	assert_says(text, "{\"variant\":\"fp32\",\"carbon_g_per_item\":0.000152");
	jm_buffer_finish(&b);
	jm_compare_json(&c, &none, &b);
	assert_says(jm_buffer_terminate(&b), "\"tariff\":null,");
	jm_buffer_finish(&b);
	jm_comparison_finish(&c);
}

static void a_table_and_json_hold_the_same_figures(void **state)
{
	struct jm_compare_view view = {.limit = 0};
	struct jm_comparison_data c;
	struct jm_buffer b = {0};
	const char *text;

	(void)state;
	make(&c);
	assert_int_equal(jm_compare_table(&c, &view, &b), 0);
	text = jm_buffer_terminate(&b);
	assert_says(text, "\nprecision         fp32");
	assert_says(text, "\ntrials               2");
	assert_says(text, "\nlatency ms       100.0");
	assert_says(text, "\naccuracy %       75.00");
	assert_says(text, "\nmJ/item           1525");
	assert_says(text, "\nenergy is     measured");
	assert_says(text, "fp16");
	assert_says(text,
		    "\nown cost of measuring these: 0.750 s processor time, 2.50 % of one core, 8.0 MiB resident\n");
	jm_buffer_finish(&b);
	jm_compare_csv(&c, &none, &b);
	text = jm_buffer_terminate(&b);
	assert_says(text, ",reason,own_cpu_s,own_cpu_fraction,own_rss_bytes\n");
	assert_says(text, ",0.5,0.025,8388608\nfp32,");
	jm_buffer_finish(&b);
	jm_compare_json(&c, &none, &b);
	text = jm_buffer_terminate(&b);
	assert_says(text, "\"energy_per_item_mj\":{\"mean\":1525.0,");
	assert_says(text, "\"format\":\"joulemap-compare/1\"");
	assert_says(text, "\"own_cost\":{\"cpu_s\":0.25,\"cpu_fraction\":0.025,");
	jm_buffer_finish(&b);
	jm_comparison_finish(&c);
}

/* Lines of a text that take more columns than that. */
static size_t wide_lines(const char *text, size_t width)
{
	size_t n = 0;

	while (*text) {
		size_t length = strcspn(text, "\n"), columns = 0, i;

		for (i = 0; i < length; i++)
			columns += (text[i] & 0xc0) != 0x80;
		n += columns > width;
		text += length + (text[length] == '\n');
	}
	return n;
}

static void a_table_fits_the_terminal_with_more_variants_than_columns(void **state)
{
	struct jm_compare_view view = {.width = 80};
	struct jm_comparison_data c;
	struct jm_buffer b = {0};
	struct jm_trial t[40];
	char name[64];
	int i;

	(void)state;
	for (i = 0; i < 40; i++) {
		snprintf(name, sizeof(name), "a-model-with-a-very-long-name-%d", i % 20);
		trial_init(&t[i], name, "fp32", 20 + i, 50);
	}
	compare_trials(t, 40, &c);
	assert_int_equal(jm_compare_table(&c, &view, &b), 0);
	assert_non_null(jm_buffer_terminate(&b));
	if (wide_lines(b.data, 80))
		fail_msg("wider than 80: %s", b.data);
	assert_non_null(strstr(b.data, "-name-19"));
	jm_buffer_finish(&b);
	jm_comparison_finish(&c);
}

static void ratios_keep_three_digits(void **state)
{
	static const struct {
		double ratio;
		const char *text;
	} cases[] = {{0, "0.00"},     {0.0004, "<0.001"}, {0.0781, "0.078"}, {0.0996, "0.10"}, {0.5, "0.50"},
		     {9.994, "9.99"}, {9.996, "10.0"},    {99.96, "100"},    {998.7, "999"},   {1e9, ">999"}};
	char text[16];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		jm_compare_ratio_text(cases[i].ratio, text, sizeof(text));
		assert_string_equal(text, cases[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_trial_has_the_columns_of_its_program),
	    cmocka_unit_test(aggregated_comparison_has_means_and_deviations_of_samples),
	    cmocka_unit_test(benchmark_results_set_against_the_first),
	    cmocka_unit_test(a_language_model_has_perplexity_and_tokens),
	    cmocka_unit_test(what_is_unknown_or_refused_is_an_empty_cell),
	    cmocka_unit_test(energy_results_have_mean_deviation_least_and_greatest),
	    cmocka_unit_test(layers_of_the_notebook_stand_by_energy),
	    cmocka_unit_test(amounts_are_by_the_user_and_said_to_be),
	    cmocka_unit_test(a_table_and_json_hold_the_same_figures),
	    cmocka_unit_test(a_table_fits_the_terminal_with_more_variants_than_columns),
	    cmocka_unit_test(ratios_keep_three_digits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
