/* Rests that are short for the sensor: what they took goes to them, and not more. Layers that all draw the same: known all the
 * same, where they were run alone. */
#include "support/emulator.h"
#include "support/sanitized.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define ALL_LAYERS 1e9 /* target that never merges */

static const struct emu_sensor *sensor(const char *name)
{
	size_t i;

	for (i = 0; i < EMU_SENSORS; i++)
		if (strcmp(emu_sensors[i].name, name) == 0)
			return &emu_sensors[i];
	fail_msg("no sensor %s", name);
	return NULL;
}

static struct jm_result attribute(const struct emu_world *w, enum jm_method method)
{
	struct jm_attribution_options opt = {.method = method, .skip_iterations = true, .target_fraction = ALL_LAYERS};
	struct jm_result r = {0};
	struct jm_error err = {0};

	if (jm_attribute(&w->in, &opt, &r, &err) < 0)
		fail_msg("%s", err.message);
	return r;
}

struct truth {
	double layers_j, rests_j;
};

static struct truth truth_of(const struct emu_world *w)
{
	struct truth t = {0};
	double window_s = (double)(w->window.end_ns - w->window.start_ns) * 1e-9, busy_s = 0;
	size_t i;

	for (i = 0; i < EMU_LAYERS; i++)
		t.layers_j += w->energy_j[i];
	for (i = 0; i < w->n_iterations; i++)
		busy_s += (double)(w->iterations[i].end_ns - w->iterations[i].start_ns) * 1e-9;
	t.rests_j = EMU_IDLE_W * (window_s - busy_s);
	return t;
}

static void near(double a, double b, double fraction)
{
	if (!(fabs(a - b) <= fraction * fabs(b)))
		fail_msg("%g is not %g within %g", a, b, fraction);
}

/* integrate books readings as they stand: for comparison. */
static void check_rests(const char *name, double fraction)
{
	static const enum jm_method methods[] = {JM_METHOD_SHARE, JM_METHOD_ISOLATE};
	struct emu_options o = {0};
	struct emu_world *w = emu_create(sensor(name), &o, 1);
	struct truth t = truth_of(w);
	struct jm_result plain = attribute(w, JM_METHOD_INTEGRATE);
	double plain_j = plain.closure[0].idle_j;
	size_t i;

	for (i = 0; i < 2; i++) {
		struct jm_result r = attribute(w, methods[i]);
		const struct jm_closure *c = &r.closure[0];

		print_message("%s, %s: rests %.1f J, truth %.1f J, readings as they stand %.1f J\n", name,
			      jm_method_text(methods[i]), c->idle_j, t.rests_j, plain_j);
		assert_true(fabs(c->idle_j - t.rests_j) < 0.5 * fabs(plain_j - t.rests_j));
		near(c->idle_j, t.rests_j, fraction);
		near(c->parts_j + c->idle_j + c->unattributed_j + c->residual_j, c->total_j, 1e-9);
		if (methods[i] == JM_METHOD_SHARE) {
			near(c->parts_j, t.layers_j, 0.02);
			assert_true(fabs(c->residual_j) < 1e-6 * c->total_j);
		}
		jm_result_finish(&r);
	}
	jm_result_finish(&plain);
	emu_destroy(w);
}

static void short_rests_get_what_they_took(void **state)
{
	(void)state;
	check_rests("h200-like", 0.15);
	check_rests("rc-12", 0.15);
	check_rests("v100-like", 0.15);
}

static void layers_that_all_draw_the_same_are_known_from_alone_and_place(void **state)
{
	struct emu_options o = {.even_w = 600};
	struct emu_world *w = emu_create(sensor("h200-like"), &o, 2);
	struct truth t = truth_of(w);
	struct jm_result r = attribute(w, JM_METHOD_FUSED), passive = attribute(w, JM_METHOD_REGRESS);
	struct emu_verdict v = emu_judge(w, &r);

	(void)state;
	print_message("%.2f %% wrong, %.0f %% held, %zu figures; %.1f J of %.1f\n", 100 * v.error, 100 * v.coverage,
		      v.n_figures, r.closure[0].parts_j, t.layers_j);
	assert_int_equal(v.n_figures, EMU_LAYERS);
	if (!IS_SANITIZED) {
		assert_true(v.error < 0.02);
		assert_true(v.coverage >= 0.88);
		near(r.closure[0].parts_j, t.layers_j, 0.01);
	}
	/* Not to be told apart by the readings alone: their sum is as good. */
	print_message("passive: layers %.1f J of %.1f, rests %.1f of %.1f\n", passive.closure[0].parts_j, t.layers_j,
		      passive.closure[0].idle_j, t.rests_j);
	near(passive.closure[0].parts_j, t.layers_j, 0.02);
	near(passive.closure[0].idle_j, t.rests_j, 0.15);
	jm_result_finish(&passive);
	jm_result_finish(&r);
	emu_destroy(w);
}

/* Under a limit a layer draws what the others leave: elsewhere another power. */
static void a_limit_at_work_is_in_the_intervals(void **state)
{
	static const double limits[2] = {0.3, 0.3};
	struct emu_options o = {.even_w = 600};
	struct emu_world *w = emu_create(sensor("v100-like"), &o, 3);
	struct jm_result free_r = attribute(w, JM_METHOD_FUSED), limited;
	size_t i;

	(void)state;
	w->in.limited_fractions = limits;
	limited = attribute(w, JM_METHOD_FUSED);
	assert_int_equal(limited.n_layers, free_r.n_layers);
	for (i = 0; i < limited.n_layers; i++) {
		const struct jm_row *a = &free_r.layers[i], *b = &limited.layers[i];
		double half_a = (a->energy_ci_j.high - a->energy_ci_j.low) / 2,
		       half_b = (b->energy_ci_j.high - b->energy_ci_j.low) / 2;

		near(b->energy_j, a->energy_j, 1e-9);
		near(half_b, hypot(half_a, 1.96 * 0.025 * a->energy_j), 0.05);
	}
	for (i = 0; i < limited.n_notes && !strstr(limited.notes[i], "held down by a limit"); i++)
		;
	assert_true(i < limited.n_notes);
	jm_result_finish(&free_r);
	jm_result_finish(&limited);
	emu_destroy(w);
}

/* Channels that are read together are looked at together: what is found is what each gives alone. */
static void channels_read_together_get_what_each_gets_alone(void **state)
{
	struct emu_options o = {0};
	struct emu_world *w = emu_create(sensor("h200-like"), &o, 4);
	struct jm_sample *half = calloc(w->n_samples, sizeof(*half));
	struct jm_channel channels[2] = {w->channel, w->channel};
	const struct jm_response responses[2] = {w->response, w->response};
	const struct jm_sample *samples[2] = {w->samples, half};
	const size_t n_samples[2] = {w->n_samples, w->n_samples};
	struct emu_world both = *w, second = *w;
	struct jm_result a, b, together;
	size_t i;

	(void)state;
	assert_non_null(half);
	for (i = 0; i < w->n_samples; i++) {
		half[i] = w->samples[i];
		half[i].value = half[i].value / 2 + 1000000 * (int64_t)(i % 3);
	}
	snprintf(channels[1].name, sizeof(channels[1].name), "half");
	both.in.channels = channels;
	both.in.n_channels = 2;
	both.in.samples = samples;
	both.in.n_samples = n_samples;
	both.in.responses = responses;
	second.in.channels = &channels[1];
	second.in.n_channels = 1;
	second.in.samples = &samples[1];
	second.in.n_samples = n_samples;
	second.in.responses = responses;
	a = attribute(w, JM_METHOD_SHARE);
	b = attribute(&second, JM_METHOD_SHARE);
	together = attribute(&both, JM_METHOD_SHARE);
	assert_int_equal(together.n_closure, 2);
	assert_true(together.closure[0].idle_j == a.closure[0].idle_j && together.closure[0].parts_j == a.closure[0].parts_j);
	assert_true(together.closure[1].idle_j == b.closure[0].idle_j && together.closure[1].parts_j == b.closure[0].parts_j);
	assert_true(a.closure[0].idle_j != b.closure[0].idle_j);
	jm_result_finish(&a);
	jm_result_finish(&b);
	jm_result_finish(&together);
	free(half);
	emu_destroy(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(short_rests_get_what_they_took),
	    cmocka_unit_test(layers_that_all_draw_the_same_are_known_from_alone_and_place),
	    cmocka_unit_test(a_limit_at_work_is_in_the_intervals),
	    cmocka_unit_test(channels_read_together_get_what_each_gets_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
