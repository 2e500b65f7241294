/* What `run --isolate` records: layers timed in profiled inferences only, which the profiler makes longer, energy measured in
 * others, and layers run alone. The truth is known. */
#include "support/emulator.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define N_PROFILED 20

/* Where the profiler's time goes. */
enum profiler { COST_PER_LAYER, STRETCHES_ALL, COST_BETWEEN, N_PROFILERS };

static const char *const profiler_texts[] = {"cost per layer", "stretches all", "cost between"};

/* Replaces the layers in place by profiled ones of N_PROFILED inferences after everything. cost_s: per layer, on the mean. */
static void profile(struct emu_world *w, enum profiler how, double cost_s)
{
	size_t n_blocks = w->n_layers - w->n_iterations * EMU_LAYERS, i, l, n = 0;
	struct jm_span *layers = calloc(n_blocks + N_PROFILED * EMU_LAYERS, sizeof(*layers)),
		       *iterations = calloc(w->n_iterations + N_PROFILED, sizeof(*iterations));
	double t = w->pieces[w->n_pieces - 1].end_s + 1, all_s = 0;

	if (!layers || !iterations)
		abort();
	for (l = 0; l < EMU_LAYERS; l++)
		all_s += w->duration_s[l];
	memcpy(iterations, w->iterations, w->n_iterations * sizeof(*iterations));
	for (i = 0; i < N_PROFILED; i++) {
		double start = t;

		for (l = 0; l < EMU_LAYERS; l++) {
			double d = w->duration_s[l];

			d += how == COST_PER_LAYER ? cost_s : 0;
			d *= how == STRETCHES_ALL ? 1 + EMU_LAYERS * cost_s / all_s : 1;
			layers[n++] = emu_span(t, t + d, (uint32_t)l, (uint32_t)i, JM_SPAN_LAYER, JM_SPAN_PROFILED);
			t += d + (how == COST_BETWEEN ? cost_s : 0);
		}
		iterations[w->n_iterations + i] =
		    emu_span(start, t, EMU_LAYERS, (uint32_t)i, JM_SPAN_ITERATION, JM_SPAN_PROFILED);
		t += 1e-3;
	}
	memcpy(layers + n, w->layers + w->n_iterations * EMU_LAYERS, n_blocks * sizeof(*layers));
	free(w->layers);
	free(w->iterations);
	w->in.layers = w->layers = layers;
	w->in.iterations = w->iterations = iterations;
	w->in.n_layers = n + n_blocks;
	w->in.n_iterations = w->n_iterations + N_PROFILED;
}

static struct jm_result attribute(const struct emu_world *w, enum jm_method method)
{
	struct jm_attribution_options opt = {.method = method, .skip_iterations = true};
	struct jm_result r = {0};
	struct jm_error err = {0};

	if (jm_attribute(&w->in, &opt, &r, &err) < 0)
		fail_msg("%s", err.message);
	return r;
}

/* Energies against the truth: times are scaled, so powers are not what counts here. */
static struct emu_verdict judge(const struct emu_world *w, const struct jm_result *r)
{
	struct emu_verdict v = {0};
	double wrong = 0, all = 0;
	size_t i, n_held = 0;

	for (i = 0; i < r->n_layers; i++) {
		const struct jm_row *row = &r->layers[i];
		double truth = w->energy_j[atoi(row->name + 5)];

		all += truth;
		wrong += isnan(row->energy_j) ? truth : fabs(row->energy_j - truth);
		v.n_figures += !isnan(row->energy_j);
		n_held += row->energy_ci_j.low <= truth && truth <= row->energy_ci_j.high;
	}
	v.error = wrong / all;
	v.coverage = (double)n_held / (double)r->n_layers;
	return v;
}

static const struct emu_sensor *sensor(const char *name)
{
	size_t i;

	for (i = 0; i < EMU_SENSORS && strcmp(emu_sensors[i].name, name) != 0;)
		i++;
	assert_true(i < EMU_SENSORS);
	return &emu_sensors[i];
}

static void check_closure(const struct jm_result *r)
{
	const struct jm_closure *c = &r->closure[0];

	assert_true(fabs(c->parts_j + c->idle_j + c->unattributed_j + c->residual_j - c->total_j) < 1e-9 * c->total_j);
	assert_true(fabs(c->residual_j) < 1e-3 * c->total_j);
}

static void check_profiler(const char *name, enum profiler how)
{
	double share = 0, alone = 0, fused = 0, held = 0;
	uint64_t seed;

	for (seed = 0; seed < 4; seed++) {
		struct emu_options o = {0};
		struct emu_world *w = emu_create(sensor(name), &o, seed);
		struct emu_verdict v;
		struct jm_result r;

		profile(w, how, 0.1e-3);
		r = attribute(w, JM_METHOD_SHARE);
		share += judge(w, &r).error / 4;
		jm_result_finish(&r);
		r = attribute(w, JM_METHOD_ISOLATE);
		alone += judge(w, &r).error / 4;
		jm_result_finish(&r);
		r = attribute(w, JM_METHOD_FUSED);
		v = judge(w, &r);
		assert_int_equal(v.n_figures, EMU_LAYERS);
		assert_true(r.layers[0].is_scaled && r.layers[0].method == JM_METHOD_FUSED);
		check_closure(&r);
		fused += v.error / 4;
		held += v.coverage / 4;
		if (seed == 0)
			print_message("  %s\n", r.notes[0]);
		jm_result_finish(&r);
		emu_destroy(w);
	}
	print_message("%s, %s: share %.1f %%, isolate %.1f %%, fused %.1f %%, %.0f %% held\n", name,
		      profiler_texts[how], 100 * share, 100 * alone, 100 * fused, 100 * held);
	assert_true(held >= 0.85);
	assert_true(fused <= 0.1 && share >= 3 * fused);
}

static void the_sum_is_met_and_intervals_hold_the_distortion(void **state)
{
	int how;

	(void)state;
	for (how = 0; how < N_PROFILERS; how++) {
		check_profiler("v100-like", (enum profiler)how);
		check_profiler("a100-like", (enum profiler)how);
	}
}

/* Shorter against the profiler's cost means less known. */
static void short_layers_have_wider_intervals(void **state)
{
	struct emu_options o = {0};
	struct emu_world *w = emu_create(sensor("v100-like"), &o, 0);
	double widest = 0, narrowest = INFINITY;
	struct jm_result r;
	size_t i;

	(void)state;
	profile(w, COST_PER_LAYER, 0.1e-3);
	r = attribute(w, JM_METHOD_FUSED);
	for (i = 0; i < r.n_layers; i++) {
		const struct jm_row *row = &r.layers[i];
		double width = (row->energy_ci_j.high - row->energy_ci_j.low) / row->energy_j;

		if (row->latency_ms < 0.2)
			widest = fmax(widest, width);
		if (row->latency_ms > 2)
			narrowest = fmin(narrowest, width);
		if (!row->resolvable)
			assert_non_null(strstr(row->reason, "known within"));
	}
	assert_true(widest > 3 * narrowest);
	jm_result_finish(&r);
	emu_destroy(w);
}

static void regress_says_what_it_cannot(void **state)
{
	struct emu_options o = {0};
	struct emu_world *w = emu_create(sensor("v100-like"), &o, 0);
	struct jm_result r;

	(void)state;
	profile(w, COST_PER_LAYER, 0.1e-3);
	r = attribute(w, JM_METHOD_REGRESS);
	print_message("  %s\n", r.layers[0].reason);
	assert_true(isnan(r.layers[0].energy_j) && !r.layers[0].resolvable);
	assert_non_null(strstr(r.layers[0].reason, "timed in profiled blocks only, 1."));
	assert_non_null(strstr(r.layers[0].reason, "(--isolate)"));
	assert_int_equal(r.n_groups, 1);
	jm_result_finish(&r);
	emu_destroy(w);
}

static void auto_takes_the_blocks(void **state)
{
	struct emu_options o = {0};
	struct emu_world *w = emu_create(sensor("v100-like"), &o, 0);
	struct jm_result r;

	(void)state;
	profile(w, COST_PER_LAYER, 0.1e-3);
	r = attribute(w, JM_METHOD_AUTO);
	assert_int_equal(r.method, JM_METHOD_FUSED);
	jm_result_finish(&r);
	w->in.n_layers = N_PROFILED * EMU_LAYERS;
	r = attribute(w, JM_METHOD_AUTO);
	assert_int_equal(r.method, JM_METHOD_SHARE);
	jm_result_finish(&r);
	emu_destroy(w);
}

/* A profiler of kernels sees several spans of one execution. */
static void pieces_of_one_execution_are_counted_once(void **state)
{
	struct emu_options o = {0};
	struct emu_world *w = emu_create(sensor("v100-like"), &o, 0);
	double calls[EMU_LAYERS + 1] = {[4] = 0.5};
	struct jm_result spans, executions;

	(void)state;
	profile(w, COST_PER_LAYER, 0.1e-3);
	spans = attribute(w, JM_METHOD_FUSED);
	w->in.calls = calls;
	executions = attribute(w, JM_METHOD_FUSED);
	assert_int_equal(executions.layers[3].count, spans.layers[3].count);
	assert_true(llabs((long long)(2 * executions.layers[4].count - spans.layers[4].count)) <= 1);
	assert_true(fabs(executions.layers[4].latency_ms / spans.layers[4].latency_ms - 2) < 0.01);
	assert_true(fabs(executions.layers[4].energy_j - spans.layers[4].energy_j) < 1e-12 * spans.layers[4].energy_j);
	jm_result_finish(&spans);
	jm_result_finish(&executions);
	emu_destroy(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(pieces_of_one_execution_are_counted_once),
	    cmocka_unit_test(the_sum_is_met_and_intervals_hold_the_distortion),
	    cmocka_unit_test(short_layers_have_wider_intervals),
	    cmocka_unit_test(regress_says_what_it_cannot),
	    cmocka_unit_test(auto_takes_the_blocks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
