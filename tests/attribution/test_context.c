/* Layers whose power depends on more than themselves: intervals must know it. */
#define EMU_LAYERS 7 /* few: what they differ by cannot be learned from them */
#include "support/emulator.h"
#include "support/sanitized.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define N_SEEDS    8
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

static struct emu_verdict judge(const struct emu_world *w, enum jm_method method)
{
	struct jm_attribution_options opt = {.method = method, .skip_iterations = true, .target_fraction = ALL_LAYERS};
	struct jm_result r = {0};
	struct jm_error err = {0};
	struct emu_verdict v;

	if (jm_attribute(&w->in, &opt, &r, &err) < 0)
		fail_msg("%s", err.message);
	v = emu_judge(w, &r);
	jm_result_finish(&r);
	return v;
}

static void check(const char *name, const struct emu_options *o)
{
	double held_regress = 0, held_fused = 0, n_regress = 0, n_fused = 0;
	uint64_t seed, n = IS_SANITIZED ? 1 : N_SEEDS;

	/* A fit that is refused has no interval to be wrong. */
	for (seed = 0; seed < n; seed++) {
		struct emu_world *w = emu_create(sensor(name), o, seed);
		struct emu_verdict r = judge(w, JM_METHOD_REGRESS), f = judge(w, JM_METHOD_FUSED);

		if (r.n_figures > 0) {
			held_regress += r.coverage;
			n_regress++;
		}
		if (f.n_figures > 0) {
			held_fused += f.coverage;
			n_fused++;
		}
		emu_destroy(w);
	}
	print_message("%s: regress %.0f %% held in %.0f fits; fused %.0f %% in %.0f\n", name,
		      100 * held_regress / n_regress, n_regress, 100 * held_fused / n_fused, n_fused);
	if (IS_SANITIZED)
		return;
	assert_true(n_regress >= (double)n / 2 && n_fused >= (double)n / 2);
	assert_true(held_regress >= 0.9 * n_regress && held_fused >= 0.9 * n_fused);
}

/* Alone the types were wrong by +8, -3 and +2 %, too, and so few layers do not tell that to the fit. */
static void layers_that_warm_up_unlike_are_held(void **state)
{
	static const struct emu_options o = {.warming = 0.03};

	(void)state;
	check("h200-like", &o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(layers_that_warm_up_unlike_are_held),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
