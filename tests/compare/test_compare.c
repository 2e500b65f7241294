/* Ratios, refusals and verdicts of trials with known figures. */
#include "trials.h"

static double ratio(const struct jm_comparison_data *c, size_t i, enum jm_figure f)
{
	return c->variants[i].against[f].value;
}

static void paired_rounds_give_a_verdict(void **state)
{
	struct jm_comparison_data c;
	struct jm_trial t[10];
	int i;

	(void)state;
	for (i = 0; i < 10; i++) {
		/* The room warms up by a tenth; int8 takes 0.6 of it all the same. */
		trial_init(&t[i], i % 2 ? "int8" : "fp32", i % 2 ? "int8" : "fp32", i % 2 ? 12 : 20,
			   50 + i / 2 + (i % 3) * 0.01);
		SET(t[i].bench, "b1");
		t[i].round = (uint64_t)(i / 2 + 1);
		SET(t[i].quantization, i % 2 ? "integers" : "none");
		if (i % 2)
			trial_layer(&t[i], "conv", "QLinearConv", 1, 5);
	}
	compare_trials(t, 10, &c);
	assert_int_equal(c.n_variants, 2);
	assert_int_equal(c.variants[1].n_trials, 5);
	assert_int_equal(c.variants[1].against[JM_FIGURE_ENERGY_ITEM].basis, JM_BASIS_ROUNDS);
	assert_float_equal(ratio(&c, 1, JM_FIGURE_ENERGY_ITEM), 0.6, 1e-3);
	assert_float_equal(ratio(&c, 1, JM_FIGURE_LATENCY), 0.6, 1e-12);
	assert_true(c.variants[1].against[JM_FIGURE_ENERGY_ITEM].p < 0.01);
	assert_says(c.verdicts.data, "int8 uses 0.60× the energy of fp32 per item [0.60, 0.60]");
	assert_says(c.verdicts.data, "; latency 0.60×");
	assert_int_equal(c.notes.n, 0);
	jm_comparison_finish(&c);
}

static void no_difference_is_said_to_be_none(void **state)
{
	static const double powers[] = {50, 51, 49, 50.5, 51.5, 49.2, 50.1, 48.7};
	struct jm_comparison_data c;
	struct jm_trial t[8];
	int i;

	(void)state;
	for (i = 0; i < 8; i++)
		trial_init(&t[i], i < 4 ? "a" : "b", "fp32", 20, powers[i]);
	compare_trials(t, 8, &c);
	assert_int_equal(c.variants[1].against[JM_FIGURE_ENERGY_ITEM].basis, JM_BASIS_TRIALS);
	assert_says(c.verdicts.data, "b: no difference shown in energy per item: ");
	jm_comparison_finish(&c);
}

static void one_recording_each_without_stretches_is_no_verdict(void **state)
{
	struct jm_comparison_data c;
	struct jm_trial t[2];

	(void)state;
	trial_init(&t[0], "a", "fp32", 20, 50);
	trial_init(&t[1], "b", "fp16", 10, 50);
	compare_trials(t, 2, &c);
	assert_float_equal(ratio(&c, 1, JM_FIGURE_ENERGY_ITEM), 0.5, 1e-12);
	assert_says(c.verdicts.data, "b used 0.50× the energy of a per item in these runs, which is no verdict");
	jm_comparison_finish(&c);
}

static void stretches(struct jm_trial *t)
{
	static const int figures[] = {JM_FIGURE_LATENCY, JM_FIGURE_THROUGHPUT, JM_FIGURE_POWER,
				      JM_FIGURE_ENERGY_ITERATION, JM_FIGURE_ENERGY_ITEM};
	size_t i, k;

	t->n_blocks = 12;
	t->block_s = 0.1;
	for (i = 0; i < 5; i++) {
		t->blocks[figures[i]] = calloc(12, sizeof(double));
		for (k = 0; k < 12; k++)
			t->blocks[figures[i]][k] = t->values[figures[i]] * (1 + 0.01 * (double)(k % 3));
	}
}

static void stretches_of_single_runs_say_that_they_are_that(void **state)
{
	struct jm_comparison_data c;
	struct jm_trial t[2];

	(void)state;
	trial_init(&t[0], "a", "fp32", 20, 50);
	trial_init(&t[1], "b", "fp16", 10, 50);
	stretches(&t[0]);
	stretches(&t[1]);
	compare_trials(t, 2, &c);
	assert_int_equal(c.variants[1].against[JM_FIGURE_LATENCY].basis, JM_BASIS_BLOCKS);
	assert_float_equal(ratio(&c, 1, JM_FIGURE_LATENCY), 0.5, 1e-12);
	assert_says(c.verdicts.data, "b uses 0.50× the energy of a per item [0.50, 0.50] inside these two runs");
	assert_says(c.verdicts.data, "; latency 0.50× [0.50, 0.50] inside these two runs (from run to run");
	assert_true(isnan(c.variants[1].against[JM_FIGURE_PEAK_MEMORY].p));
	jm_comparison_finish(&c);
}

static void other_machines_and_sensors_get_no_ratio(void **state)
{
	struct jm_comparison_data c;
	struct jm_trial t[3];

	(void)state;
	trial_init(&t[0], "a", "fp32", 20, 50);
	trial_init(&t[1], "elsewhere", "fp32", 20, 50);
	trial_init(&t[2], "gpu", "fp32", 20, 50);
	SET(t[1].machine_id, "m2");
	SET(t[1].hostname, "board");
	SET(t[2].channels, "nvml/gpu0/power");
	compare_trials(t, 3, &c);
	assert_true(isnan(ratio(&c, 1, JM_FIGURE_LATENCY)) && isnan(ratio(&c, 1, JM_FIGURE_ENERGY_ITEM)));
	assert_true(isfinite(ratio(&c, 1, JM_FIGURE_MODEL_SIZE)));
	assert_true(isfinite(ratio(&c, 2, JM_FIGURE_LATENCY)) && isnan(ratio(&c, 2, JM_FIGURE_ENERGY_ITEM)));
	assert_says(c.notes.data,
		    "a and elsewhere were recorded on different machines (host, processor; board, processor)");
	assert_says(c.notes.data,
		    "the energy of a comes from rapl_powercap/package-0, that of gpu from nvml/gpu0/power");
	assert_says(c.verdicts.data, "elsewhere: no verdict on energy (recorded on different machines)");
	assert_says(c.verdicts.data, "gpu: no verdict on energy (from different sensors)");
	jm_comparison_finish(&c);
}

static void batches_and_input_sizes_are_told_apart(void **state)
{
	struct jm_comparison_data c;
	struct jm_trial t[4];

	(void)state;
	trial_init(&t[0], "a", "fp32", 20, 50);
	trial_init(&t[1], "batch8", "fp32", 20, 50);
	trial_init(&t[2], "large", "fp32", 20, 50);
	trial_init(&t[3], "half", "fp16", 20, 50);
	t[1].items_per_iteration = 8;
	SET(t[1].inputs, "x fp32 8x3x8x8");
	SET(t[2].inputs, "x fp32 4x3x16x16");
	SET(t[3].inputs, "x fp16 4x3x8x8");
	compare_trials(t, 4, &c);
	assert_true(isnan(ratio(&c, 1, JM_FIGURE_LATENCY)) && isnan(ratio(&c, 1, JM_FIGURE_ENERGY_ITERATION)));
	assert_true(isfinite(ratio(&c, 1, JM_FIGURE_ENERGY_ITEM)));
	assert_true(isnan(ratio(&c, 2, JM_FIGURE_ENERGY_ITEM)) && isnan(ratio(&c, 2, JM_FIGURE_LATENCY)));
	assert_true(isfinite(ratio(&c, 3, JM_FIGURE_ENERGY_ITEM)) && isfinite(ratio(&c, 3, JM_FIGURE_LATENCY)));
	assert_says(c.notes.data, "a has 4 items in an iteration, batch8 has 8");
	assert_says(c.notes.data, "are not of one size");
	jm_comparison_finish(&c);
}

static void estimated_against_measured_is_refused(void **state)
{
	struct jm_comparison_data c;
	struct jm_trial t[2];

	(void)state;
	trial_init(&t[0], "a", "fp32", 20, 50);
	trial_init(&t[1], "b", "fp32", 20, 50);
	t[1].state = JM_STATE_ESTIMATED;
	compare_trials(t, 2, &c);
	assert_true(isnan(ratio(&c, 1, JM_FIGURE_POWER)));
	assert_says(c.notes.data, "the energy of a is measured, that of b is estimated");
	jm_comparison_finish(&c);
}

static void estimates_get_no_energy_verdict(void **state)
{
	struct jm_comparison_data c;
	struct jm_trial t[6];
	int i;

	(void)state;
	for (i = 0; i < 6; i++) {
		trial_init(&t[i], i % 2 ? "b" : "a", "fp32", i % 2 ? 10 : 20, 50 + 0.1 * i);
		t[i].state = JM_STATE_ESTIMATED;
	}
	compare_trials(t, 6, &c);
	assert_float_equal(ratio(&c, 1, JM_FIGURE_ENERGY_ITEM), 0.5, 0.01);
	assert_true(isnan(c.variants[1].against[JM_FIGURE_ENERGY_ITEM].ci.low));
	assert_true(isnan(c.variants[1].against[JM_FIGURE_POWER].p));
	assert_true(isfinite(c.variants[1].against[JM_FIGURE_LATENCY].ci.low));
	assert_says(c.notes.data, "energy is estimated from processor use, not measured by a sensor");
	assert_says(c.verdicts.data,
		    "b: no verdict on energy (it is estimated from processor use, not measured: 0.50×");
	assert_says(c.verdicts.data, "; latency 0.50×");
	assert_null(strstr(c.verdicts.data, "uses"));
	jm_comparison_finish(&c);
}

static void simulated_integers_get_no_energy_verdict(void **state)
{
	struct jm_comparison_data c;
	struct jm_trial t[4];

	(void)state;
	trial_init(&t[0], "fp32", "fp32", 20, 50);
	trial_init(&t[1], "int8", "fp32", 20, 50);
	trial_init(&t[2], "weights-int8", "int8", 20, 50);
	trial_init(&t[3], "real-int8", "int8", 10, 50);
	trial_layer(&t[0], "l", "MatMul", 1, 1);
	trial_layer(&t[1], "l", "MatMul", 1, 1);
	trial_layer(&t[2], "l", "DequantizeLinear", 1, 1);
	trial_layer(&t[3], "l", "MatMulIntegerToFloat", 1, 1);
	compare_trials(t, 4, &c);
	assert_int_equal(c.variants[0].is_simulated, 0);
	assert_int_equal(c.variants[1].is_simulated, 1);
	assert_int_equal(c.variants[2].is_simulated, 1);
	assert_int_equal(c.variants[3].is_simulated, 0);
	assert_says(c.notes.data,
		    "int8: simulated integers: its weights are fp32, and no layer that ran computes with integers");
	assert_says(c.verdicts.data, "weights-int8: no verdict on energy (simulated integers");
	assert_says(c.verdicts.data, "real-int8 used 0.50×");
	jm_comparison_finish(&c);
}

static void accuracy_is_compared_item_by_item(void **state)
{
	char right[201], worse[201];
	struct jm_comparison_data c;
	struct jm_trial t[3];
	int i;

	(void)state;
	for (i = 0; i < 200; i++) {
		right[i] = i % 20 ? '1' : '0';
		worse[i] = i % 20 && i % 9 ? '1' : '0';
	}
	right[200] = worse[200] = '\0';
	trial_init(&t[0], "fp32", "fp32", 20, 50);
	trial_init(&t[1], "fp16", "fp16", 20, 50);
	trial_init(&t[2], "int8", "int8", 20, 50);
	trial_score(&t[0], right);
	trial_score(&t[1], right);
	trial_score(&t[2], worse);
	compare_trials(t, 3, &c);
	assert_float_equal(c.variants[1].against[JM_FIGURE_SCORE].value, 0, 1e-12);
	assert_int_equal(c.variants[2].against[JM_FIGURE_SCORE].basis, JM_BASIS_ITEMS);
	assert_says(c.verdicts.data, "no difference shown in accuracy: +0.0 points [-1.5, 1.5]");
	assert_says(c.verdicts.data, "; accuracy -10.5 points [-");
	jm_comparison_finish(&c);
}

static void scores_on_other_data_are_not_compared(void **state)
{
	struct jm_comparison_data c;
	struct jm_trial t[2];

	(void)state;
	trial_init(&t[0], "a", "fp32", 20, 50);
	trial_init(&t[1], "b", "fp32", 20, 50);
	trial_score(&t[0], "1101");
	trial_score(&t[1], "1111");
	SET(t[1].score.data, "letters");
	compare_trials(t, 2, &c);
	assert_true(isnan(ratio(&c, 1, JM_FIGURE_SCORE)));
	assert_says(c.notes.data, "is on different data");
	jm_comparison_finish(&c);
}

static void what_went_wrong_in_a_trial_is_said(void **state)
{
	struct jm_comparison_data c;
	struct jm_trial t[2];

	(void)state;
	trial_init(&t[0], "a", "fp32", 20, 50);
	trial_init(&t[1], "b", "fp32", 10, 50);
	t[0].coverage = 0.4;
	t[1].values[JM_FIGURE_READINGS] = 3;
	SET(t[1].score.name, "accuracy");
	SET(t[1].score.reason, "3 of 40 outputs are not finite");
	compare_trials(t, 2, &c);
	assert_says(c.notes.data, "a: only 40.0 % of the readings due came");
	assert_says(c.notes.data, "b: only 3 readings");
	assert_says(c.notes.data, "b: no accuracy: 3 of 40 outputs are not finite");
	assert_says(c.verdicts.data, "b: no verdict on energy (too few readings)");
	jm_comparison_finish(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(paired_rounds_give_a_verdict),
	    cmocka_unit_test(no_difference_is_said_to_be_none),
	    cmocka_unit_test(one_recording_each_without_stretches_is_no_verdict),
	    cmocka_unit_test(stretches_of_single_runs_say_that_they_are_that),
	    cmocka_unit_test(other_machines_and_sensors_get_no_ratio),
	    cmocka_unit_test(batches_and_input_sizes_are_told_apart),
	    cmocka_unit_test(estimated_against_measured_is_refused),
	    cmocka_unit_test(estimates_get_no_energy_verdict),
	    cmocka_unit_test(simulated_integers_get_no_energy_verdict),
	    cmocka_unit_test(accuracy_is_compared_item_by_item),
	    cmocka_unit_test(scores_on_other_data_are_not_compared),
	    cmocka_unit_test(what_went_wrong_in_a_trial_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
