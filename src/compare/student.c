#include "compare/student.h"

#include <math.h>

#define STEPS 200
#define TINY  1e-300

static double nonzero(double x)
{
	return fabs(x) < TINY ? TINY : x;
}

/* The continued fraction of the incomplete beta function (DLMF 8.17.22), by Lentz's method. */
static double fraction(double x, double a, double b)
{
	double c = 1, d = 1 / nonzero(1 - (a + b) * x / (a + 1)), value = d;
	int m;

	for (m = 1; m <= STEPS; m++) {
		double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
		double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
		double before = value;

		d = 1 / nonzero(1 + even * d);
		c = nonzero(1 + even / c);
		value *= c * d;
		d = 1 / nonzero(1 + odd * d);
		c = nonzero(1 + odd / c);
		value *= c * d;
		if (fabs(value - before) < 1e-14 * fabs(value))
			break;
	}
	return value;
}

/* The regularised incomplete beta function I_x(a, b). */
static double beta(double x, double a, double b)
{
	double front;

	if (x <= 0)
		return 0;
	if (x >= 1)
		return 1;
	front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x));
	if (x < (a + 1) / (a + b + 2))
		return front * fraction(x, a, b) / a;
	return 1 - front * fraction(1 - x, b, a) / b;
}

double jm_student_cdf(double t, double freedom)
{
	double tail = 0.5 * beta(freedom / (freedom + t * t), freedom / 2, 0.5);

	return t > 0 ? 1 - tail : tail;
}

double jm_student_two_sided(double alpha, double freedom)
{
	double low = 0, high = 1;
	int i;

	while (2 * jm_student_cdf(-high, freedom) > alpha && high < 1e300)
		high *= 2;
	for (i = 0; i < STEPS && high - low > 1e-12 * high; i++) {
		double middle = (low + high) / 2;

		if (2 * jm_student_cdf(-middle, freedom) > alpha)
			low = middle;
		else
			high = middle;
	}
	return (low + high) / 2;
}

double jm_normal_two_sided(double alpha)
{
	double low = 0, high = 40;
	int i;

	for (i = 0; i < STEPS && high - low > 1e-13; i++) {
		double middle = (low + high) / 2;

		if (erfc(middle / sqrt(2)) > alpha)
			low = middle;
		else
			high = middle;
	}
	return (low + high) / 2;
}
