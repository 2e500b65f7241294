#include "predict/regression.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#define N     60
#define FOLDS 6

struct world {
	struct jm_dataset d;
	size_t rows[N];
	unsigned fold[N];
};

static double random_unit(uint64_t *seed)
{
	*seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (double)(*seed >> 11) / 9007199254740992.0;
}

/* factor: of the times of fold 0. */
static void make(struct world *w, double factor)
{
	uint64_t seed = 5;
	size_t i;

	w->d = (struct jm_dataset){0};
	for (i = 0; i < N; i++) {
		struct jm_dataset_row row = {.network = (char *)"n", .layer = (char *)"l", .type = (char *)"MatMul"};
		double m = floor(8 + 500 * random_unit(&seed)), k = floor(8 + 500 * random_unit(&seed));

		row.features =
		    (struct jm_features){.kind = JM_LAYER_MATMUL, .values = {1, m, k, 64}, .dtype = JM_DTYPE_FP32};
		row.features.macs = m * k * 64;
		row.features.flops = 2 * row.features.macs;
		row.features.bytes = 4 * (m * k + 64 * k + 64 * m);
		w->rows[i] = i;
		w->fold[i] = (unsigned)(i % FOLDS);
		row.runtime_ms = (0.01 + row.features.flops / 1e9) * (1 + 0.1 * random_unit(&seed));
		row.runtime_ms *= w->fold[i] == 0 ? factor : 1;
		assert_int_equal(jm_dataset_add(&w->d, &row), 0);
	}
}

static void fit(enum jm_approach approach, double factor, double *out_of_fold)
{
	struct world w;
	struct jm_regression r;
	struct jm_regression_data data = {&w.d, w.rows, w.fold, N, FOLDS, JM_LAYER_MATMUL, JM_TARGET_RUNTIME};

	make(&w, factor);
	assert_int_equal(jm_regression_fit(&data, approach, 20, &r, out_of_fold), 0);
	assert_true(r.is_there);
	jm_regression_finish(&r);
	jm_dataset_finish(&w.d);
}

/* Neither coefficients, nor standardisation, nor penalty, nor the range that bounds a prediction. */
static void what_is_said_of_a_fold_does_not_come_from_it(void **state)
{
	double before[N], after[N], most = 0;
	size_t i;
	int a;

	(void)state;
	for (a = 0; a < JM_APPROACHES; a++) {
		fit((enum jm_approach)a, 1, before);
		fit((enum jm_approach)a, 40, after);
		for (i = 0; i < N; i++) {
			if (i % FOLDS == 0)
				assert_true(fabs(after[i] / before[i] - 1) < 1e-6);
			else
				most = fmax(most, fabs(after[i] / before[i] - 1));
		}
		assert_true(most > 0.2);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_said_of_a_fold_does_not_come_from_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
