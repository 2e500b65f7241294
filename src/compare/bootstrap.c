#include "compare/bootstrap.h"

#include "compare/student.h"
#include "core/random.h"

#include <math.h>
#include <stdlib.h>

#define LEVEL 0.05
/* More values than this are folded into as many means first: that changes nothing but the time it takes. */
#define VALUES_MAX 2000
#define P_STEPS    40

/* Deviations of the resampled statistic from its value, sorted, and how far they are to be stretched. */
struct drawn {
	double value, deviations[JM_BOOTSTRAP_RESAMPLES], freedom;
};

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double quantile(const struct drawn *d, double share)
{
	double place = share * (JM_BOOTSTRAP_RESAMPLES - 1);
	size_t i = (size_t)place;

	if (i + 1 >= JM_BOOTSTRAP_RESAMPLES)
		return d->deviations[JM_BOOTSTRAP_RESAMPLES - 1];
	return d->deviations[i] + (place - (double)i) * (d->deviations[i + 1] - d->deviations[i]);
}

static struct jm_interval interval(const struct drawn *d, double alpha)
{
	double stretch = jm_student_two_sided(alpha, d->freedom) / jm_normal_two_sided(alpha);

	/* Deviations are skewed as the statistic is: what lies high in them lies low in the truth. */
	return (struct jm_interval){d->value - stretch * quantile(d, 1 - alpha / 2),
				    d->value - stretch * quantile(d, alpha / 2)};
}

/* The smallest level whose interval holds no zero. */
static double p_value(const struct drawn *d)
{
	double low = log(1.0 / JM_BOOTSTRAP_RESAMPLES), high = 0;
	int i;

	for (i = 0; i < P_STEPS; i++) {
		double middle = (low + high) / 2;
		struct jm_interval ci = interval(d, fmin(exp(middle), 1 - 1e-9));

		if (ci.low <= 0 && ci.high >= 0)
			low = middle;
		else
			high = middle;
	}
	return exp(high);
}

static void conclude(struct drawn *d, bool is_ratio, struct jm_bootstrap *out)
{
	struct jm_interval ci;

	qsort(d->deviations, JM_BOOTSTRAP_RESAMPLES, sizeof(d->deviations[0]), compare_doubles);
	ci = interval(d, LEVEL);
	out->p = p_value(d);
	out->value = is_ratio ? exp(d->value) : d->value;
	out->ci = is_ratio ? (struct jm_interval){exp(ci.low), exp(ci.high)} : ci;
}

static double mean(const double *x, size_t n)
{
	double sum = 0;
	size_t i;

	for (i = 0; i < n; i++)
		sum += x[i];
	return sum / (double)n;
}

/* Square of the relative standard error of the mean. */
static double relative_variance(const double *x, size_t n)
{
	double m = mean(x, n), sum = 0;
	size_t i;

	for (i = 0; i < n; i++)
		sum += (x[i] - m) * (x[i] - m);
	return sum / ((double)n * (double)(n - 1) * m * m);
}

static bool are_positive(const double *x, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (!(x[i] > 0) || !isfinite(x[i]))
			return false;
	return true;
}

static double widening(size_t n)
{
	return sqrt((double)n / (double)(n - 1));
}

int jm_bootstrap_paired_ratio(const double *a, const double *b, size_t n, uint64_t seed, struct jm_bootstrap *out)
{
	struct drawn *d;
	size_t k, i;

	if (n < 2 || !are_positive(a, n) || !are_positive(b, n))
		return JM_E_INVALID;
	d = malloc(sizeof(*d));
	if (!d)
		return JM_E_NOMEM;
	d->value = log(mean(b, n) / mean(a, n));
	d->freedom = (double)(n - 1);
	for (k = 0; k < JM_BOOTSTRAP_RESAMPLES; k++) {
		double sum_a = 0, sum_b = 0;

		for (i = 0; i < n; i++) {
			size_t at = jm_random_below(&seed, n);

			sum_a += a[at];
			sum_b += b[at];
		}
		d->deviations[k] = widening(n) * (log(sum_b / sum_a) - d->value);
	}
	conclude(d, true, out);
	free(d);
	return 0;
}

static double drawn_mean(const double *x, size_t n, uint64_t *seed)
{
	double sum = 0;
	size_t i;

	for (i = 0; i < n; i++)
		sum += x[jm_random_below(seed, n)];
	return sum / (double)n;
}

/* Degrees of freedom of a sum of two means (Welch 1947, Satterthwaite 1946). */
static double welch(const double *a, size_t n_a, const double *b, size_t n_b)
{
	double va = relative_variance(a, n_a), vb = relative_variance(b, n_b);

	if (!(va + vb > 0))
		return (double)(n_a + n_b - 2);
	return (va + vb) * (va + vb) / (va * va / (double)(n_a - 1) + vb * vb / (double)(n_b - 1));
}

int jm_bootstrap_ratio(const double *a, size_t n_a, const double *b, size_t n_b, uint64_t seed,
		       struct jm_bootstrap *out)
{
	struct drawn *d;
	size_t k;

	if (n_a < 2 || n_b < 2 || !are_positive(a, n_a) || !are_positive(b, n_b))
		return JM_E_INVALID;
	d = malloc(sizeof(*d));
	if (!d)
		return JM_E_NOMEM;
	d->value = log(mean(b, n_b) / mean(a, n_a));
	d->freedom = welch(a, n_a, b, n_b);
	for (k = 0; k < JM_BOOTSTRAP_RESAMPLES; k++)
		d->deviations[k] = widening(n_b) * log(drawn_mean(b, n_b, &seed) / mean(b, n_b)) -
				   widening(n_a) * log(drawn_mean(a, n_a, &seed) / mean(a, n_a));
	conclude(d, true, out);
	free(d);
	return 0;
}

/* Differences, folded into at most VALUES_MAX sums, so scaled that their mean is the mean of all differences also where groups are
 * not of one size. *n_out: how many. NULL: out of memory. */
static double *differences(const double *a, const double *b, size_t n, size_t *n_out)
{
	size_t groups = n < VALUES_MAX ? n : VALUES_MAX, i;
	double *out = calloc(groups, sizeof(*out));

	for (i = 0; out && i < n; i++)
		out[i % groups] += (b[i] - a[i]) * (double)groups / (double)n;
	*n_out = groups;
	return out;
}

int jm_bootstrap_paired_difference(const double *a, const double *b, size_t n, uint64_t seed, struct jm_bootstrap *out)
{
	struct drawn *d = malloc(sizeof(*d));
	double *x = n < 2 ? NULL : differences(a, b, n, &n);
	size_t k;

	if (!d || !x) {
		free(d);
		free(x);
		return n < 2 ? JM_E_INVALID : JM_E_NOMEM;
	}
	d->value = mean(x, n);
	d->freedom = (double)(n - 1);
	for (k = 0; k < JM_BOOTSTRAP_RESAMPLES; k++)
		d->deviations[k] = widening(n) * (drawn_mean(x, n, &seed) - d->value);
	conclude(d, false, out);
	free(x);
	free(d);
	return 0;
}
