#define _GNU_SOURCE
#include "attribution/devices.h"
#include "core/units.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#define S  JM_NS_PER_S
#define MS JM_NS_PER_MS

static void fill(struct jm_sample *out, size_t n, int64_t start_ns, int64_t step_ns)
{
	size_t i;

	memset(out, 0, n * sizeof(*out));
	for (i = 0; i < n; i++)
		out[i].t_ns = start_ns + (int64_t)i * step_ns;
}

static const struct jm_held *cause(const struct jm_device_result *d, const char *name)
{
	size_t i;

	for (i = 0; i < d->n_held; i++)
		if (strcmp(d->held[i].cause, name) == 0)
			return &d->held[i];
	return NULL;
}

static void the_counted_time_is_a_share_of_the_windows_alone(void **state)
{
	const struct jm_stretch windows[] = {{2 * S, 4 * S}, {6 * S, 8 * S}};
	struct jm_sample held[11];
	struct jm_device_tracks tracks = {.held_power = {.samples = held, .n = 11}};
	struct jm_device_result d;
	size_t i;

	(void)state;
	fill(held, 11, 0, S);
	/* Held from 3 s to 6.5 s: half of the first window, a quarter of the second. */
	for (i = 0; i < 11; i++)
		held[i].value = i <= 3 ? 0 : i <= 6 ? (int64_t)(i - 3) * S : 3 * S + S / 2;
	jm_device_describe(&tracks, windows, 2, &d);
	assert_int_equal(d.n_held, 1);
	assert_string_equal(d.held[0].cause, "power cap");
	assert_true(d.held[0].is_counted);
	assert_true(fabs(d.held[0].share - 1.5 / 4) < 1e-9);
	assert_true(fabs(d.held[0].time_s - 1.5) < 1e-9);
}

static void a_counter_that_reaches_over_a_part_speaks_of_that_part(void **state)
{
	const struct jm_stretch window = {0, 10 * S};
	struct jm_sample held[2];
	struct jm_device_tracks tracks = {.held_heat = {.samples = held, .n = 2}};
	struct jm_device_result d;

	(void)state;
	fill(held, 2, 2 * S, 4 * S);
	held[1].value = S;
	jm_device_describe(&tracks, &window, 1, &d);
	assert_true(fabs(cause(&d, "heat")->share - 0.25) < 1e-9);
	held[1].status = JM_SAMPLE_GAP;
	jm_device_describe(&tracks, &window, 1, &d);
	assert_null(cause(&d, "heat"));
	/* a counter that went back (the driver was loaded anew) says nothing */
	held[1].status = JM_SAMPLE_OK;
	held[1].value = -1;
	jm_device_describe(&tracks, &window, 1, &d);
	assert_null(cause(&d, "heat"));
}

static void without_a_counter_looks_are_counted(void **state)
{
	const struct jm_stretch window = {1 * S, 9 * S};
	struct jm_sample bits[10];
	struct jm_device_tracks tracks = {.reasons = {.samples = bits, .n = 10}};
	struct jm_device_result d;
	size_t i;

	(void)state;
	fill(bits, 10, S / 2, S);
	for (i = 0; i < 10; i++)
		bits[i].value = 0x1;
	bits[0].value = 0x4; /* before the window */
	bits[2].value = 0x4 | 0x2;
	bits[3].value = 0x4;
	bits[4].value = 0x8 | 0x80;
	bits[5].value = 0x8;
	bits[6].value = 0x40;
	bits[7].status = JM_SAMPLE_GAP;
	jm_device_describe(&tracks, &window, 1, &d);
	assert_int_equal(cause(&d, "power cap")->n_looks, 7);
	assert_false(cause(&d, "power cap")->is_counted);
	assert_true(fabs(cause(&d, "power cap")->share - 2.0 / 7) < 1e-9);
	assert_true(fabs(cause(&d, "power brake")->share - 1.0 / 7) < 1e-9);
	/* what is explained by the brake is no second cause */
	assert_true(fabs(cause(&d, "hardware slowdown")->share - 1.0 / 7) < 1e-9);
	assert_true(fabs(cause(&d, "heat")->share - 1.0 / 7) < 1e-9);
	assert_false(cause(&d, "application clocks")->is_limit);
	assert_true(isnan(d.sm_clock_hz.mean));
	assert_int_equal(d.sm_clock_hz.n, 0);
}

static void looks_win_over_a_counter_that_stands_still(void **state)
{
	const struct jm_stretch window = {0, 4 * S};
	struct jm_sample bits[4], held[5];
	struct jm_device_tracks tracks = {.reasons = {.samples = bits, .n = 4},
					  .held_power = {.samples = held, .n = 5}};
	struct jm_device_result d;

	(void)state;
	fill(bits, 4, S / 2, S);
	fill(held, 5, 0, S);
	bits[1].value = 0x4;
	jm_device_describe(&tracks, &window, 1, &d);
	assert_false(cause(&d, "power cap")->is_counted);
	assert_true(fabs(cause(&d, "power cap")->share - 0.25) < 1e-9);
}

static void clocks_are_those_of_the_windows(void **state)
{
	const struct jm_stretch window = {1 * S, 3 * S};
	struct jm_sample clock[4];
	struct jm_device_tracks tracks = {.sm_clock = {.samples = clock, .n = 4}};
	struct jm_device_result d;

	(void)state;
	fill(clock, 4, S / 2, S);
	clock[0].value = 345000000;
	clock[1].value = 1980000000;
	clock[2].value = 1600000000;
	clock[3].value = 345000000;
	jm_device_describe(&tracks, &window, 1, &d);
	assert_int_equal(d.sm_clock_hz.n, 2);
	assert_true(d.sm_clock_hz.mean == 1.79e9 && d.sm_clock_hz.min == 1.6e9 && d.sm_clock_hz.max == 1.98e9);
}

/* 200 W for 10 s, then 600 W: readings every 20 ms; a counter that moves every 100 ms, read at 0.03 s and 20.07 s. */
#define N_POWER 1060
struct pair {
	struct jm_channel power, counter;
	struct jm_sample readings[N_POWER], counts[3];
	struct jm_track_of p, c;
};

static double true_energy_j(double t_s)
{
	return t_s < 10 ? 200 * t_s : 2000 + 600 * (t_s - 10);
}

static void make_pair(struct pair *x)
{
	size_t i;

	jm_channel_init(&x->power, "nvml/gpu0/power");
	x->power.update_period_ns = 20 * MS;
	jm_channel_init(&x->counter, "nvml/gpu0/energy");
	x->counter.quantity = JM_QUANTITY_ENERGY;
	x->counter.kind = JM_KIND_COUNTER;
	x->counter.update_period_ns = 100 * MS;
	x->counter.step = 1000;
	fill(x->readings, N_POWER, 0, 20 * MS);
	for (i = 0; i < N_POWER; i++)
		x->readings[i].value = x->readings[i].t_ns < 10 * S ? 200000000 : 600000000;
	fill(x->counts, 3, 30 * MS, 10 * S);
	x->counts[2].t_ns = 20070 * MS;
	for (i = 0; i < 3; i++) {
		double shown_s = floor((double)x->counts[i].t_ns * 1e-9 / 0.1) * 0.1;

		x->counts[i].value = (int64_t)(1e6 * (5000 + true_energy_j(shown_s)));
	}
	x->p = (struct jm_track_of){&x->power, x->readings, N_POWER};
	x->c = (struct jm_track_of){&x->counter, x->counts, 3};
}

static void integral_and_counter_agree_within_what_the_steps_allow(void **state)
{
	static struct pair x;
	const struct jm_sample *first, *last;
	struct jm_cross_check check = {0};

	(void)state;
	make_pair(&x);
	assert_true(jm_cross_check_ends(&x.c, 100 * MS, 20 * S, &first, &last));
	assert_ptr_equal(first, &x.counts[0]);
	assert_ptr_equal(last, &x.counts[2]);
	assert_int_equal(jm_cross_check(&x.p, &x.c, first, last, &check, NULL), 0);
	assert_true(check.is_known);
	assert_true(fabs(check.counter_j - 8000) < 1);
	assert_true(fabs(check.difference_fraction) <= check.allowed_fraction);
	/* 50 ms at 200 W and at 600 W, and the unseen 20 ms at the start */
	assert_true(check.allowed_fraction > 0.004 && check.allowed_fraction < 0.0075);
	assert_true(check.gap_s < 1e-9);
}

static void a_gap_and_a_wrong_scale_show(void **state)
{
	static struct pair x;
	const struct jm_sample *first, *last;
	struct jm_cross_check check = {0};
	size_t i;

	(void)state;
	make_pair(&x);
	assert_true(jm_cross_check_ends(&x.c, 100 * MS, 20 * S, &first, &last));
	for (i = 100; i < 150; i++)
		x.readings[i].status = JM_SAMPLE_GAP;
	assert_int_equal(jm_cross_check(&x.p, &x.c, first, last, &check, NULL), 0);
	assert_true(fabs(check.gap_s - 1.02) < 1e-6);
	make_pair(&x);
	for (i = 0; i < N_POWER; i++)
		x.readings[i].value = x.readings[i].value / 100 * 105;
	assert_int_equal(jm_cross_check(&x.p, &x.c, first, last, &check, NULL), 0);
	assert_true(fabs(check.difference_fraction - 0.05) < 0.008);
}

static void what_cannot_be_compared_says_why(void **state)
{
	static struct pair x;
	const struct jm_sample *first, *last;
	struct jm_cross_check check = {0};

	(void)state;
	make_pair(&x);
	x.c.n = 1;
	assert_false(jm_cross_check_ends(&x.c, 0, 20 * S, &first, &last));
	x.c.n = 3;
	/* a window inside: the readings nearest around it */
	assert_true(jm_cross_check_ends(&x.c, 11 * S, 19 * S, &first, &last));
	assert_ptr_equal(first, &x.counts[1]);
	x.counts[2].value = x.counts[1].value;
	assert_int_equal(jm_cross_check(&x.p, &x.c, first, last, &check, NULL), 0);
	assert_false(check.is_known);
	assert_non_null(strstr(check.reason, "did not move"));
	x.counts[2].value = 0;
	assert_int_equal(jm_cross_check(&x.p, &x.c, first, last, &check, NULL), 0);
	assert_non_null(strstr(check.reason, "went back"));
	make_pair(&x);
	x.p.n = 0;
	assert_int_equal(jm_cross_check(&x.p, &x.c, &x.counts[0], &x.counts[2], &check, NULL), 0);
	assert_non_null(strstr(check.reason, "no power readings"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_counted_time_is_a_share_of_the_windows_alone),
	    cmocka_unit_test(a_counter_that_reaches_over_a_part_speaks_of_that_part),
	    cmocka_unit_test(without_a_counter_looks_are_counted),
	    cmocka_unit_test(looks_win_over_a_counter_that_stands_still),
	    cmocka_unit_test(clocks_are_those_of_the_windows),
	    cmocka_unit_test(integral_and_counter_agree_within_what_the_steps_allow),
	    cmocka_unit_test(a_gap_and_a_wrong_scale_show),
	    cmocka_unit_test(what_cannot_be_compared_says_why),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
