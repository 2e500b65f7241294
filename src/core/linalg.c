#include "core/linalg.h"

#include <math.h>
#include <string.h>

static double dot(const double *a, const double *b, size_t n)
{
	double s0 = 0, s1 = 0, s2 = 0, s3 = 0;
	size_t i;

	for (i = 0; i + 4 <= n; i += 4) {
		s0 += a[i] * b[i];
		s1 += a[i + 1] * b[i + 1];
		s2 += a[i + 2] * b[i + 2];
		s3 += a[i + 3] * b[i + 3];
	}
	for (; i < n; i++)
		s0 += a[i] * b[i];
	return (s0 + s1) + (s2 + s3);
}

int jm_cholesky(double *a, size_t n)
{
	size_t i, j;

	for (i = 0; i < n; i++) {
		double *row = a + i * n, pivot, scale = row[i];

		for (j = 0; j < i; j++)
			row[j] = (row[j] - dot(row, a + j * n, j)) / a[j * n + j];
		pivot = row[i] - dot(row, row, i);
		if (!(pivot > 1e-14 * fabs(scale)) || !isfinite(pivot))
			return JM_E_UNIDENTIFIABLE;
		row[i] = sqrt(pivot);
	}
	return 0;
}

static void forward_solve(const double *l, size_t n, double *b, size_t first)
{
	size_t i;

	for (i = first; i < n; i++)
		b[i] = (b[i] - dot(l + i * n + first, b + first, i - first)) / l[i * n + i];
}

void jm_cholesky_solve(const double *l, size_t n, double *b)
{
	size_t i, j;

	forward_solve(l, n, b, 0);
	for (i = n; i-- > 0;) {
		double x = b[i] /= l[i * n + i];

		for (j = 0; j < i; j++)
			b[j] -= l[i * n + j] * x;
	}
}

void jm_cholesky_inverse(const double *l, size_t n, double *out)
{
	size_t i, j;

	/* Rows of out first hold the columns of the inverse of L, which are zero before their index. */
	memset(out, 0, n * n * sizeof(*out));
	for (j = 0; j < n; j++) {
		out[j * n + j] = 1;
		forward_solve(l, n, out + j * n, j);
	}
	/* Inverse = U U' with U those rows: entry (i, j), j <= i, needs only what lies from i on in both. So the lower triangle,
	 * still zero, can take the results, the diagonal last. */
	for (i = 0; i < n; i++) {
		for (j = 0; j < i; j++)
			out[i * n + j] = dot(out + i * n + i, out + j * n + i, n - i);
		out[i * n + i] = dot(out + i * n + i, out + i * n + i, n - i);
	}
	for (i = 0; i < n; i++) {
		for (j = i + 1; j < n; j++)
			out[i * n + j] = out[j * n + i];
	}
}
