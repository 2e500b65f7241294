/* A world whose truth is known: time is launch cost, work over speed and traffic over bandwidth, times a few per cent of chance. */
#include "predict/evaluate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/tree.h"

#include <math.h>

static double random_unit(uint64_t *seed)
{
	*seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (double)(*seed >> 11) / 9007199254740992.0;
}

static double normal(uint64_t *seed)
{
	double sum = -6;
	int i;

	for (i = 0; i < 12; i++)
		sum += random_unit(seed);
	return sum;
}

static double true_ms(const struct jm_features *f)
{
	return 0.004 + f->flops / 5e8 + f->bytes / 2e7;
}

static double true_w(const struct jm_features *f)
{
	return 8 + 4 * f->flops / 5e8 / true_ms(f);
}

static struct jm_features convolution(uint64_t *seed)
{
	static const double channels[] = {16, 32, 64, 96, 128, 256}, sides[] = {7, 14, 28, 56}, kernels[] = {1, 3, 5};
	double in = channels[(int)(random_unit(seed) * 6)], out = channels[(int)(random_unit(seed) * 6)];
	double side = sides[(int)(random_unit(seed) * 4)], k = kernels[(int)(random_unit(seed) * 3)];
	struct jm_features f = {.kind = JM_LAYER_CONVOLUTIONAL,
				.values = {1, in, side, side, out, side, side, k, k, k - 1, k - 1, 1, 1, 1, 1, 1},
				.macs = NAN,
				.flops = NAN,
				.bytes = NAN,
				.dtype = JM_DTYPE_FP32};

	jm_features_complete(&f);
	return f;
}

static void make(struct jm_dataset *d, int n_networks, int n_layers, bool with_power, double noise)
{
	uint64_t seed = 11;
	char network[32], layer[32];
	int i, k;

	memset(d, 0, sizeof(*d));
	for (i = 0; i < n_networks; i++) {
		snprintf(network, sizeof(network), "net%02d", i);
		for (k = 0; k < n_layers; k++) {
			struct jm_dataset_row row = {
			    .network = network, .layer = layer, .features = convolution(&seed)};

			snprintf(layer, sizeof(layer), "conv%03d", k);
			row.runtime_ms = true_ms(&row.features) * exp(noise * normal(&seed));
			row.power_w = with_power ? true_w(&row.features) * exp(noise * normal(&seed)) : NAN;
			row.power_state = with_power ? JM_POWER_MEASURED : JM_POWER_UNKNOWN;
			assert_int_equal(jm_dataset_add(d, &row), 0);
		}
	}
}

static const struct jm_predictor_options few = {.n_alphas = 8};

static void networks_left_out_are_predicted(void **state)
{
	struct jm_validation e;
	struct jm_dataset d;
	size_t i;

	(void)state;
	make(&d, 6, 30, true, 0.03);
	assert_int_equal(jm_validate(&d, &few, &e, NULL), 0);
	assert_int_equal(e.n_networks, 6);
	/* The chance alone gives 2 % in the median. */
	assert_true(e.all[JM_TARGET_RUNTIME][JM_APPROACH_ROOFLINE].median < 5);
	assert_true(e.all[JM_TARGET_POWER][JM_APPROACH_ROOFLINE].median < 5);
	assert_true(e.all[JM_TARGET_RUNTIME][JM_APPROACH_ROOFLINE].r2 > 0.98);
	assert_true(e.all[JM_TARGET_RUNTIME][JM_APPROACH_ROOFLINE].covered > 0.88);
	assert_true(e.all[JM_TARGET_POWER][JM_APPROACH_ROOFLINE].covered > 0.88);
	assert_true(e.runtime[JM_APPROACH_ROOFLINE].mape < 5 && e.energy[JM_APPROACH_ROOFLINE].mape < 5);
	for (i = 0; i < e.n_networks; i++)
		assert_true(e.networks[i].true_mj > 0 && e.networks[i].n_layers == 30);
	/* The polynomial learns it, too, if less well. */
	assert_true(e.all[JM_TARGET_RUNTIME][JM_APPROACH_POLYNOMIAL].r2 > 0.9);
	jm_validation_finish(&e);
	jm_dataset_finish(&d);
}

/* Each network again under another name: left out alone, each would be predicted from itself. */
static void copies_do_not_flatter(void **state)
{
	struct jm_validation alone, twice;
	struct jm_dataset d, both = {0};
	char name[40];
	size_t i, k;

	(void)state;
	make(&d, 6, 14, false, 0.03);
	for (i = 0; i < d.n; i++)
		/* Each network has a speed of its own, which the others do not tell. */
		d.rows[i].runtime_ms *= 1 + 0.4 * (double)((i / 14) % 4);
	for (i = 0; i < d.n; i++) {
		for (k = 0; k < 2; k++) {
			struct jm_dataset_row row = d.rows[i];

			snprintf(name, sizeof(name), "%s%s", row.network, k ? "_copy" : "");
			row.network = name;
			assert_int_equal(jm_dataset_add(&both, &row), 0);
		}
	}
	assert_int_equal(jm_validate(&d, &few, &alone, NULL), 0);
	assert_int_equal(jm_validate(&both, &few, &twice, NULL), 0);
	assert_int_equal(alone.n_groups, 6);
	assert_int_equal(twice.n_networks, 12);
	assert_int_equal(twice.n_groups, 6);
	for (k = 0; k < JM_APPROACHES; k++) {
		double one = alone.all[JM_TARGET_RUNTIME][k].mape, two = twice.all[JM_TARGET_RUNTIME][k].mape;

		assert_true(one > 15 && fabs(two / one - 1) < 0.05);
	}
	jm_validation_finish(&alone);
	jm_validation_finish(&twice);
	jm_dataset_finish(&d);
	jm_dataset_finish(&both);
}

static void what_is_saved_predicts_the_same(void **state)
{
	struct jm_predictor p, back;
	struct jm_layer_guess a, b;
	struct jm_dataset d;
	struct tree t;
	char path[300];
	uint64_t seed = 99;
	int i, approach;

	(void)state;
	tree_create(&t);
	tree_path(&t, "/p.json", path, sizeof(path));
	make(&d, 4, 20, true, 0.03);
	assert_int_equal(jm_predictor_fit(&d, &few, &p, NULL), 0);
	assert_int_equal(jm_predictor_save(&p, path, false, NULL), 0);
	assert_int_equal(jm_predictor_save(&p, path, false, NULL), JM_E_EXISTS);
	assert_int_equal(jm_predictor_save(&p, path, true, NULL), 0);
	assert_int_equal(jm_predictor_load(path, &back, NULL), 0);
	assert_int_equal(back.n_networks, 4);
	for (i = 0; i < 20; i++) {
		struct jm_features f = convolution(&seed);

		for (approach = 0; approach < JM_APPROACHES; approach++) {
			jm_predictor_guess(&p, (enum jm_approach)approach, &f, &a);
			jm_predictor_guess(&back, (enum jm_approach)approach, &f, &b);
			assert_true(a.runtime_ms.value > 0 && a.power_w.value > 0);
			assert_true(fabs(a.runtime_ms.value / b.runtime_ms.value - 1) < 1e-9);
			assert_true(fabs(a.power_w.low / b.power_w.low - 1) < 1e-9);
			assert_true(a.runtime_ms.low < a.runtime_ms.value && a.runtime_ms.value < a.runtime_ms.high);
			assert_true(a.energy_mj.low < a.energy_mj.value && a.energy_mj.value < a.energy_mj.high);
			assert_string_equal(a.reason, b.reason);
		}
	}
	jm_predictor_finish(&p);
	jm_predictor_finish(&back);
	jm_dataset_finish(&d);
	tree_remove(&t);
}

static void layers_beyond_the_training_are_said(void **state)
{
	struct jm_predictor p;
	struct jm_layer_guess g;
	struct jm_dataset d;
	uint64_t seed = 3;
	struct jm_features f = convolution(&seed);

	(void)state;
	make(&d, 3, 40, false, 0.03);
	assert_int_equal(jm_predictor_fit(&d, &few, &p, NULL), 0);
	jm_predictor_guess(&p, JM_APPROACH_ROOFLINE, &f, &g);
	assert_false(g.is_outside);
	/* Without measured power there is none, and no energy. */
	assert_true(isnan(g.power_w.value) && isnan(g.energy_mj.value) && g.runtime_ms.value > 0);
	f.values[1] = 5000;
	jm_predictor_guess(&p, JM_APPROACH_ROOFLINE, &f, &g);
	assert_true(g.is_outside);
	assert_non_null(strstr(g.reason, "input_size_0 5000"));
	f.kind = JM_LAYER_POOLING;
	jm_predictor_guess(&p, JM_APPROACH_ROOFLINE, &f, &g);
	assert_true(isnan(g.runtime_ms.value));
	assert_non_null(strstr(g.reason, "no pooling layers"));
	jm_predictor_finish(&p);
	jm_dataset_finish(&d);
}

/* What is learnt beside the work is not carried on beyond what was seen, where it could go anywhere. */
static void beyond_the_training_the_work_goes_on(void **state)
{
	struct jm_features small = {.kind = JM_LAYER_CONVOLUTIONAL,
				    .values = {1, 8, 3, 3, 8, 3, 3, 1, 1, 0, 0, 1, 1, 1, 1, 1},
				    .macs = NAN,
				    .flops = NAN,
				    .bytes = NAN,
				    .dtype = JM_DTYPE_FP32},
			   large = small;
	struct jm_predictor p;
	struct jm_layer_guess g;
	struct jm_dataset d;

	(void)state;
	large.values[1] = large.values[4] = 600;
	large.values[2] = large.values[3] = large.values[5] = large.values[6] = 70;
	jm_features_complete(&small);
	jm_features_complete(&large);
	make(&d, 6, 40, true, 0.05);
	assert_int_equal(jm_predictor_fit(&d, &few, &p, NULL), 0);
	jm_predictor_guess(&p, JM_APPROACH_ROOFLINE, &small, &g);
	assert_true(g.is_outside && fabs(g.runtime_ms.value / true_ms(&small) - 1) < 0.5);
	jm_predictor_guess(&p, JM_APPROACH_ROOFLINE, &large, &g);
	assert_true(g.is_outside && fabs(g.runtime_ms.value / true_ms(&large) - 1) < 0.5);
	jm_predictor_finish(&p);
	jm_dataset_finish(&d);
}

static void predictors_of_the_first_format_are_read(void **state)
{
	static const char text[] =
	    "{\"format\":\"joulemap-predictor/1\",\"regressions\":[{\"kind\":\"softmax\",\"target\":\"runtime\","
	    "\"approach\":\"roofline\",\"rows\":5,\"networks\":2,\"intercept_lowest_highest_log_low_log_high\":[0.5,0."
	    "1,10,"
	    "null,null],\"physical\":[1,0,0],\"terms\":[[0,0,1,0.25]]}]}";
	struct jm_features f = {.kind = JM_LAYER_SOFTMAX, .values = {exp(2) - 1, 5}};
	struct jm_layer_guess g;
	struct jm_predictor p;

	(void)state;
	assert_int_equal(jm_predictor_read("p", text, strlen(text), &p, NULL), 0);
	jm_predictor_guess(&p, JM_APPROACH_ROOFLINE, &f, &g);
	assert_true(fabs(g.runtime_ms.value / exp(1) - 1) < 1e-9);
	jm_predictor_finish(&p);
}

static void what_no_device_does_is_not_predicted(void **state)
{
	static const char text[] =
	    "{\"format\":\"joulemap-predictor/2\",\"power_highest\":[600],\"regressions\":["
	    "{\"kind\":\"softmax\",\"target\":\"runtime\",\"approach\":\"roofline\",\"rows\":5,\"networks\":2,"
	    "\"intercept_lowest_highest_log_low_log_high\":[-9,0.1,10,-0.5,0.5],\"physical\":[1,0,0],\"terms\":[]},"
	    "{\"kind\":\"softmax\",\"target\":\"power\",\"approach\":\"roofline\",\"rows\":5,\"networks\":2,"
	    "\"intercept_lowest_highest_log_low_log_high\":[9,300,2000,-0.5,0.5],\"physical\":[1,0,0],\"terms\":[]}]}";
	struct jm_features f = {.kind = JM_LAYER_SOFTMAX, .values = {5, 5}};
	struct jm_layer_guess g;
	struct jm_predictor p;

	(void)state;
	assert_int_equal(jm_predictor_read("p", text, strlen(text), &p, NULL), 0);
	jm_predictor_guess(&p, JM_APPROACH_ROOFLINE, &f, &g);
	assert_true(fabs(g.runtime_ms.value - 0.05) < 1e-12 && g.runtime_ms.high > 0.05);
	assert_true(fabs(g.power_w.value - 660) < 1e-9 && fabs(g.energy_mj.value - 33) < 1e-9);
	assert_non_null(strstr(g.reason, "time kept at 0.05 ms"));
	assert_non_null(strstr(g.reason, "power kept at 660 W"));
	p.power_highest = NAN;
	jm_predictor_guess(&p, JM_APPROACH_ROOFLINE, &f, &g);
	assert_true(g.power_w.value > 5000);
	jm_predictor_finish(&p);
}

static void an_estimated_power_teaches_nothing(void **state)
{
	struct jm_predictor p;
	struct jm_dataset d;
	size_t i;

	(void)state;
	make(&d, 3, 10, true, 0.03);
	for (i = 0; i < d.n; i++)
		d.rows[i].power_state = JM_POWER_ESTIMATED;
	assert_int_equal(jm_predictor_fit(&d, &few, &p, NULL), 0);
	assert_true(p.kinds[JM_LAYER_CONVOLUTIONAL].regressions[JM_TARGET_RUNTIME][JM_APPROACH_ROOFLINE].is_there);
	assert_false(p.kinds[JM_LAYER_CONVOLUTIONAL].regressions[JM_TARGET_POWER][JM_APPROACH_ROOFLINE].is_there);
	jm_predictor_finish(&p);
	jm_dataset_finish(&d);
}

static void too_little_is_refused_or_left_unknown(void **state)
{
	struct jm_predictor p;
	struct jm_validation e;
	struct jm_dataset d, none = {0};

	(void)state;
	assert_int_equal(jm_predictor_fit(&none, &few, &p, NULL), JM_E_INVALID);
	make(&d, 1, 2, true, 0);
	assert_int_equal(jm_predictor_fit(&d, &few, &p, NULL), 0);
	assert_false(p.kinds[JM_LAYER_CONVOLUTIONAL].regressions[JM_TARGET_RUNTIME][JM_APPROACH_ROOFLINE].is_there);
	jm_predictor_finish(&p);
	assert_int_equal(jm_validate(&d, &few, &e, NULL), JM_E_INVALID);
	jm_dataset_finish(&d);
	/* One network: figures, but no interval that nobody has checked. */
	make(&d, 1, 20, true, 0.03);
	assert_int_equal(jm_predictor_fit(&d, &few, &p, NULL), 0);
	assert_true(
	    isnan(p.kinds[JM_LAYER_CONVOLUTIONAL].regressions[JM_TARGET_RUNTIME][JM_APPROACH_ROOFLINE].log_low));
	jm_predictor_finish(&p);
	jm_dataset_finish(&d);
}

static void damaged_predictors_are_refused(void **state)
{
	static const char *const texts[] = {
	    "",
	    "[]",
	    "{}",
	    "{\"format\":\"joulemap-predictor/9\"}",
	    "{\"format\":\"joulemap-predictor/1\",\"regressions\":[{}]}",
	    ("{\"format\":\"joulemap-predictor/"
	     "1\",\"regressions\":[{\"kind\":\"dense\",\"target\":\"power\",\"approach\":"
	     "\"roofline\",\"terms\":[[99999,0,1,1]]}]}"),
	    ("{\"format\":\"joulemap-predictor/"
	     "1\",\"regressions\":[{\"kind\":\"dense\",\"target\":\"power\",\"approach\":"
	     "\"roofline\",\"terms\":[[1,0,1,1]],\"kind\":\"convolutional\"}]}"),
	    "{\"format\":\"joulemap-predictor/1\",\"ranges\":[{\"kind\":\"nothing\"}]}"};
	struct jm_predictor p;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_true(jm_predictor_read("p", texts[i], strlen(texts[i]), &p, NULL) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(networks_left_out_are_predicted),
	    cmocka_unit_test(copies_do_not_flatter),
	    cmocka_unit_test(what_is_saved_predicts_the_same),
	    cmocka_unit_test(layers_beyond_the_training_are_said),
	    cmocka_unit_test(beyond_the_training_the_work_goes_on),
	    cmocka_unit_test(predictors_of_the_first_format_are_read),
	    cmocka_unit_test(what_no_device_does_is_not_predicted),
	    cmocka_unit_test(an_estimated_power_teaches_nothing),
	    cmocka_unit_test(too_little_is_refused_or_left_unknown),
	    cmocka_unit_test(damaged_predictors_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
