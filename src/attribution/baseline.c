#include "attribution/baseline.h"

#include "core/error.h"
#include "core/units.h"

#include <math.h>

#define N_BLOCKS 10

int jm_baseline_measure(const struct jm_series *series, int64_t from_ns, int64_t to_ns, struct jm_baseline *out,
			struct jm_error *err)
{
	double seen_s, energy_j = jm_series_energy(series, from_ns, to_ns, &seen_s), sum = 0, sum2 = 0;
	double length_s = jm_s_from_ns(to_ns - from_ns), mean;
	size_t i, n = 0;

	if (to_ns <= from_ns || !(seen_s > 0.5 * length_s))
		return jm_error_set(err, JM_E_NOT_FOUND, "the idle stretch has readings for %.3g s of %.3g s", seen_s,
				    length_s);
	mean = energy_j / seen_s;
	for (i = 0; i < N_BLOCKS; i++) {
		int64_t a = from_ns + (to_ns - from_ns) / N_BLOCKS * (int64_t)i, b = a + (to_ns - from_ns) / N_BLOCKS;
		double block_s, block_j = jm_series_energy(series, a, b, &block_s);

		if (block_s > 0) {
			double d = block_j / block_s - mean;

			sum += d;
			sum2 += d * d;
			n++;
		}
	}
	out->is_known = true;
	out->power_w = mean;
	out->seconds = seen_s;
	out->sd_w = 0;
	if (n > 1)
		out->sd_w = sqrt(fmax(0, sum2 - sum * sum / (double)n) / (double)(n - 1) / (double)n);
	return 0;
}

struct jm_baseline jm_baseline_bracket(const struct jm_baseline *before, const struct jm_baseline *after)
{
	struct jm_baseline b;
	double half;

	if (!before->is_known)
		return *after;
	if (!after->is_known)
		return *before;
	half = 0.5 * (after->power_w - before->power_w);
	b.is_known = true;
	b.power_w = 0.5 * (before->power_w + after->power_w);
	b.sd_w = sqrt(0.25 * (before->sd_w * before->sd_w + after->sd_w * after->sd_w) + half * half);
	b.seconds = before->seconds + after->seconds;
	return b;
}
