#include "attribution/align.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#define N_BUSY 40
#define MS INT64_C(1000000)

struct made {
	int64_t starts[N_BUSY], ends[N_BUSY];
	struct jm_series power;
};

/* Random busy and quiet stretches of 20 to 200 ms; 300 W busy, 100 W quiet, seen every 10 ms by a log whose clock is
 * offset_ns ahead and which begins 2 s before the trace. is_steady: always 200 W. */
static void make(struct made *m, int64_t offset_ns, bool is_steady)
{
	size_t n_samples = 1500, i, k = 0;
	struct jm_sample *samples = calloc(n_samples, sizeof(*samples));
	struct jm_channel channel;
	int64_t t = 2000 * MS;
	uint64_t x = 12345;

	assert_non_null(samples);
	for (i = 0; i < N_BUSY; i++) {
		x = x * 6364136223846793005u + 1442695040888963407u;
		t += 20 * MS + (int64_t)((x >> 33) % 180) * MS;
		m->starts[i] = t;
		x = x * 6364136223846793005u + 1442695040888963407u;
		t += 20 * MS + (int64_t)((x >> 33) % 180) * MS;
		m->ends[i] = t;
	}
	jm_channel_init(&channel, "test/power");
	for (i = 0; i < n_samples; i++) {
		int64_t at = (int64_t)i * 10 * MS;
		bool is_busy;

		while (k < N_BUSY && m->ends[k] <= at)
			k++;
		is_busy = k < N_BUSY && at >= m->starts[k];
		samples[i] = (struct jm_sample){.t_ns = at + offset_ns, .value = is_steady ? 200000000 : is_busy ? 300000000 : 100000000};
	}
	assert_int_equal(jm_series_init(&m->power, &channel, samples, n_samples, 0, NULL), 0);
	free(samples);
}

static void the_offset_is_found_within_a_sample(void **state)
{
	struct made m;
	struct jm_alignment a;
	int64_t offsets[] = {0, 777 * MS, -1234 * MS, INT64_C(1700000000000000000)};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
		make(&m, offsets[i], false);
		assert_int_equal(jm_align(&m.power, m.starts, m.ends, N_BUSY, &a, NULL), 0);
		assert_true(llabs(a.offset_ns - offsets[i]) <= 12 * MS);
		assert_true(a.correlation > 0.9);
		assert_true(a.runner_up < 0.7);
		jm_series_finish(&m.power);
	}
}

static void a_steady_load_ties_nothing(void **state)
{
	struct made m;
	struct jm_alignment a;
	struct jm_error err;

	(void)state;
	make(&m, 0, true);
	assert_int_equal(jm_align(&m.power, m.starts, m.ends, N_BUSY, &a, &err), JM_E_UNIDENTIFIABLE);
	assert_int_equal(jm_align(&m.power, m.starts, m.ends, 0, &a, &err), JM_E_UNIDENTIFIABLE);
	jm_series_finish(&m.power);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_offset_is_found_within_a_sample),
	    cmocka_unit_test(a_steady_load_ties_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
