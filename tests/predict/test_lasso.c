#include "predict/lasso.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define N 200
#define P 8

static double random_unit(uint64_t *seed)
{
	*seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (double)(*seed >> 11) / 9007199254740992.0 * 2 - 1;
}

struct world {
	double x[N * P], y[N];
	unsigned fold[N];
};

/* y = 3 + 2 x0 - 1.5 x3 and a little noise. */
static void make(struct world *w)
{
	uint64_t seed = 7;
	size_t i, k;

	for (i = 0; i < N; i++) {
		for (k = 0; k < P; k++)
			w->x[i * P + k] = random_unit(&seed);
		w->y[i] = 3 + 2 * w->x[i * P] - 1.5 * w->x[i * P + 3] + 0.01 * random_unit(&seed);
		w->fold[i] = (unsigned)(i % 5);
	}
}

static const struct jm_lasso_options options = {100, 1000, 1e-6, false};

static void it_finds_what_made_the_data(void **state)
{
	static struct world w;
	struct jm_lasso_problem q = {w.x, w.y, w.fold, N, P, 5};
	double b[P], b0, left_out[N], worst = 0;
	size_t i;

	(void)state;
	make(&w);
	assert_int_equal(jm_lasso(&q, &options, b, &b0, left_out, NULL), 0);
	assert_true(fabs(b0 - 3) < 0.01 && fabs(b[0] - 2) < 0.02 && fabs(b[3] + 1.5) < 0.02);
	for (i = 0; i < P; i++)
		if (i != 0 && i != 3)
			assert_true(fabs(b[i]) < 0.01);
	for (i = 0; i < N; i++)
		worst = fmax(worst, fabs(left_out[i] - w.y[i]));
	assert_true(worst < 0.1);
}

static void it_meets_the_conditions_of_the_optimum(void **state)
{
	static struct world w;
	double gram[P * P] = {0}, c[P] = {0}, b[P] = {0}, work[P], alpha = 0.2;
	size_t i, k, l;

	(void)state;
	make(&w);
	for (i = 0; i < N; i++)
		for (k = 0; k < P; k++) {
			c[k] += w.x[i * P + k] * (w.y[i] - 3) / N;
			for (l = 0; l < P; l++)
				gram[k * P + l] += w.x[i * P + k] * w.x[i * P + l] / N;
		}
	jm_lasso_descend(gram, c, P, alpha, &options, b, work);
	/* The gradient is alpha times the sign where a coefficient is not zero, and no larger where it is. */
	for (k = 0; k < P; k++) {
		double gradient = c[k];

		for (l = 0; l < P; l++)
			gradient -= gram[k * P + l] * b[l];
		if (b[k] != 0)
			assert_true(fabs(gradient - alpha * (b[k] > 0 ? 1 : -1)) < 1e-5);
		else
			assert_true(fabs(gradient) <= alpha + 1e-9);
	}
}

static void positive_means_positive(void **state)
{
	static struct world w;
	struct jm_lasso_problem q = {w.x, w.y, w.fold, N, P, 5};
	struct jm_lasso_options positive = options;
	double b[P], b0;
	size_t i;

	(void)state;
	make(&w);
	positive.is_positive = true;
	assert_int_equal(jm_lasso(&q, &positive, b, &b0, NULL, NULL), 0);
	for (i = 0; i < P; i++)
		assert_true(b[i] >= 0);
	assert_true(b[0] > 1.5);
}

static void columns_that_never_change_do_no_harm(void **state)
{
	static struct world w;
	struct jm_lasso_problem q = {w.x, w.y, w.fold, N, P, 5};
	double b[P], b0;
	size_t i;

	(void)state;
	make(&w);
	for (i = 0; i < N; i++)
		w.x[i * P + 5] = w.x[i * P + 6] = 0;
	assert_int_equal(jm_lasso(&q, &options, b, &b0, NULL, NULL), 0);
	assert_true(b[5] == 0 && b[6] == 0 && fabs(b[0] - 2) < 0.02);
}

static void one_fold_takes_the_weakest_penalty_and_leaves_nothing_out(void **state)
{
	static struct world w;
	struct jm_lasso_problem q = {w.x, w.y, w.fold, N, P, 1};
	double b[P], b0, alpha, left_out[N];

	(void)state;
	make(&w);
	/* A row of a fold that there is not. */
	assert_int_equal(jm_lasso(&q, &options, b, &b0, NULL, NULL), JM_E_INVALID);
	memset(w.fold, 0, sizeof(w.fold));
	assert_int_equal(jm_lasso(&q, &options, b, &b0, left_out, &alpha), 0);
	assert_true(fabs(b[0] - 2) < 0.02 && alpha > 0 && alpha < 0.01);
	assert_true(isnan(left_out[0]) && isnan(left_out[N - 1]));
}

/* What a model that did not see a fold says of it does not change with what the fold holds: neither its targets, nor the scale of its
 * columns, nor what penalty would have suited it. */
static void a_fold_tells_nothing_of_itself(void **state)
{
	static struct world w;
	struct jm_lasso_problem q = {w.x, w.y, w.fold, N, P, 5};
	double b[P], b0, before[N], after[N], kept[P];
	size_t i, k;

	(void)state;
	make(&w);
	assert_int_equal(jm_lasso(&q, &options, b, &b0, before, NULL), 0);
	memcpy(kept, w.x + 2 * P, sizeof(kept));
	for (i = 0; i < N; i++) {
		if (w.fold[i] != 2)
			continue;
		w.y[i] = 50 + 40 * sin((double)i);
		for (k = 0; i != 2 && k < P; k++)
			w.x[i * P + k] = 30 * w.x[i * P + k] + 5;
	}
	assert_memory_equal(kept, w.x + 2 * P, sizeof(kept));
	assert_int_equal(jm_lasso(&q, &options, b, &b0, after, NULL), 0);
	assert_true(fabs(after[2] - before[2]) < 1e-6);
	/* The other folds have learnt from it. */
	assert_true(fabs(after[3] - before[3]) > 0.1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(it_finds_what_made_the_data),
	    cmocka_unit_test(it_meets_the_conditions_of_the_optimum),
	    cmocka_unit_test(positive_means_positive),
	    cmocka_unit_test(columns_that_never_change_do_no_harm),
	    cmocka_unit_test(one_fold_takes_the_weakest_penalty_and_leaves_nothing_out),
	    cmocka_unit_test(a_fold_tells_nothing_of_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
