/* Trials with known figures. */
#ifndef TESTS_COMPARE_TRIALS_H
#define TESTS_COMPARE_TRIALS_H

#include "compare/compare.h"
#include "compare/layers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SET(field, ...) snprintf((field), sizeof(field), __VA_ARGS__)

/* Measured on one sensor of one machine: 100 calls of 4 items in 2 s at power_w. */
static inline void trial_init(struct jm_trial *t, const char *label, const char *precision, double latency_ms,
			      double power_w)
{
	int i;

	memset(t, 0, sizeof(*t));
	for (i = 0; i < JM_N_FIGURES; i++)
		t->values[i] = NAN;
	SET(t->path, "%s.jmap", label);
	SET(t->label, "%s", label);
	SET(t->model, "models/%s.onnx", label);
	SET(t->precision, "%s", precision);
	SET(t->provider, "cpu");
	SET(t->machine_id, "m1");
	SET(t->hostname, "host");
	SET(t->cpu, "processor");
	SET(t->channels, "rapl_powercap/package-0");
	SET(t->inputs, "x fp32 4x3x8x8");
	SET(t->timestamp, "2026-11-21T10:00:00.250000");
	t->iterations = 100;
	t->items_per_iteration = t->batch = 4;
	t->warmup = 10;
	t->coverage = 1;
	t->own_cost = (struct jm_own_cost){0.25, 10, 8 << 20, 0};
	t->dither_fraction = NAN;
	t->min_power_w = power_w - 1;
	t->max_power_w = power_w + 1;
	t->median_power_w = power_w;
	t->duration_s = latency_ms / 10;
	t->latency =
	    (struct jm_latency){latency_ms, 0.5, latency_ms - 1, latency_ms, latency_ms + 1, latency_ms + 2, 100};
	t->values[JM_FIGURE_DURATION] = t->duration_s;
	t->values[JM_FIGURE_LATENCY] = latency_ms;
	t->values[JM_FIGURE_THROUGHPUT] = 4000 / latency_ms;
	t->values[JM_FIGURE_POWER] = power_w;
	t->values[JM_FIGURE_POWER_STD] = 0.25;
	t->values[JM_FIGURE_ENERGY] = power_w * t->duration_s;
	t->values[JM_FIGURE_ENERGY_ITERATION] = power_w * latency_ms;
	t->values[JM_FIGURE_ENERGY_ITEM] = power_w * latency_ms / 4;
	t->values[JM_FIGURE_MODEL_SIZE] = 2097152;
	t->values[JM_FIGURE_PEAK_MEMORY] = 5e7;
	t->values[JM_FIGURE_READINGS] = 200;
	t->score.value = NAN;
}

static inline void trial_score(struct jm_trial *t, const char *items)
{
	size_t n = strlen(items), i;
	double right = 0;

	SET(t->score.name, "accuracy");
	SET(t->score.data, "digits");
	t->score.items = calloc(n, sizeof(double));
	for (i = 0; i < n; i++)
		right += t->score.items[i] = items[i] == '1';
	t->score.n_items = t->score.n_values = n;
	t->score.value = t->values[JM_FIGURE_SCORE] = right / (double)n;
}

static inline void trial_layer(struct jm_trial *t, const char *name, const char *type, double ms, double mj)
{
	t->n_typed++;
	t->n_integer += jm_layer_type_is_integer(type, name);
	t->layers = realloc(t->layers, (t->n_layers + 1) * sizeof(*t->layers));
	t->layers[t->n_layers++] = (struct jm_trial_layer){.name = strdup(name),
							   .type = strdup(type),
							   .count = 100,
							   .time_s = ms * 1e-3 * 100,
							   .latency_ms = ms,
							   .latency_std_ms = ms / 10,
							   .power_w = mj / ms,
							   .energy_mj = mj,
							   .ci_mj = {NAN, NAN},
							   .energy_j = mj / 10,
							   .share = 0.1,
							   .method = JM_METHOD_ISOLATE};
}

/* Takes copies of n trials. */
static inline void compare_trials(const struct jm_trial *trials, size_t n, struct jm_comparison_data *out)
{
	struct jm_trial *owned = calloc(n, sizeof(*owned));

	memcpy(owned, trials, n * sizeof(*owned));
	assert_int_equal(jm_comparison_make(owned, n, 1, out), 0);
	assert_non_null(jm_buffer_terminate(&out->notes));
	assert_non_null(jm_buffer_terminate(&out->verdicts));
}

#define assert_says(text, part)                                                                                        \
	do {                                                                                                           \
		if (!strstr((text), (part)))                                                                           \
			fail_msg("no '%s' in: %s", (part), (text));                                                    \
	} while (0)

#endif
