/* r(k) = cov(a_i, p_(i+k)) / (sd(a) sd(p)), a_i: busy fraction of bin i of the trace, p_j: mean power of bin j of the log (W).
 * Assumes one offset for the whole trace (clocks that drift apart need the anchors of the recording). */
#include "attribution/align.h"

#include "core/error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define COARSE_BINS 2000
#define REFINE_FACTOR 8
#define REFINE_ROUNDS 3

struct bins {
	double *busy;  /* n_busy: fraction, 0 to 1 */
	double *power; /* n_power: W, 0 where unseen */
	bool *is_seen;
	size_t n_busy, n_power;
	int64_t width_ns, busy_start_ns, power_start_ns;
};

static void bins_finish(struct bins *b)
{
	free(b->busy);
	free(b->power);
	free(b->is_seen);
}

static void fill_busy(struct bins *b, const int64_t *starts_ns, const int64_t *ends_ns, size_t n)
{
	int64_t covered_ns = INT64_MIN;
	size_t i;

	for (i = 0; i < n; i++) {
		/* Overlapping spans are busy once. */
		int64_t from = starts_ns[i] > covered_ns ? starts_ns[i] : covered_ns, to = ends_ns[i];

		while (from < to) {
			size_t bin = (size_t)((from - b->busy_start_ns) / b->width_ns);
			int64_t bin_end = b->busy_start_ns + (int64_t)(bin + 1) * b->width_ns;
			int64_t end = to < bin_end ? to : bin_end;

			if (bin < b->n_busy)
				b->busy[bin] += (double)(end - from) / (double)b->width_ns;
			from = end;
		}
		covered_ns = to > covered_ns ? to : covered_ns;
	}
}

static void fill_power(struct bins *b, const struct jm_series *power)
{
	size_t i;

	for (i = 0; i < b->n_power; i++) {
		int64_t from = b->power_start_ns + (int64_t)i * b->width_ns;
		double seen_s, energy_j = jm_series_energy(power, from, from + b->width_ns, &seen_s);

		b->is_seen[i] = seen_s > 0;
		b->power[i] = seen_s > 0 ? energy_j / seen_s : 0;
	}
}

static int bins_init(struct bins *b, const struct jm_series *power, const int64_t *starts_ns, const int64_t *ends_ns,
		     size_t n, int64_t end_ns, int64_t width_ns)
{
	int64_t power_end_ns = power->pieces[power->n_pieces - 1].end_ns;

	memset(b, 0, sizeof(*b));
	b->width_ns = width_ns;
	b->busy_start_ns = starts_ns[0];
	b->power_start_ns = power->pieces[0].start_ns;
	b->n_busy = (size_t)((end_ns - b->busy_start_ns) / width_ns) + 1;
	b->n_power = (size_t)((power_end_ns - b->power_start_ns) / width_ns) + 1;
	b->busy = calloc(b->n_busy, sizeof(*b->busy));
	b->power = calloc(b->n_power, sizeof(*b->power));
	b->is_seen = calloc(b->n_power, sizeof(*b->is_seen));
	if (!b->busy || !b->power || !b->is_seen) {
		bins_finish(b);
		return JM_E_NOMEM;
	}
	fill_busy(b, starts_ns, ends_ns, n);
	fill_power(b, power);
	return 0;
}

/* Correlation with bin i of the trace at bin i + shift of the log; NAN where either does not vary. */
static double correlate(const struct bins *b, int64_t shift)
{
	double n = 0, sa = 0, sp = 0, saa = 0, spp = 0, sap = 0, va, vp;
	size_t i;

	for (i = 0; i < b->n_busy; i++) {
		int64_t j = (int64_t)i + shift;

		if (j < 0 || (size_t)j >= b->n_power || !b->is_seen[j])
			continue;
		n++;
		sa += b->busy[i];
		sp += b->power[j];
		saa += b->busy[i] * b->busy[i];
		spp += b->power[j] * b->power[j];
		sap += b->busy[i] * b->power[j];
	}
	va = saa - sa * sa / n;
	vp = spp - sp * sp / n;
	if (n < 0.9 * (double)b->n_busy || n < 8 || va <= 1e-9 * saa || vp <= 1e-12 * spp)
		return NAN;
	return (sap - sa * sp / n) / sqrt(va * vp);
}

struct best {
	int64_t shift;
	double correlation, runner_up;
};

static struct best search(const struct bins *b, int64_t from, int64_t to)
{
	struct best best = {.correlation = NAN, .runner_up = NAN};
	int64_t apart = 2 + (int64_t)b->n_busy / 50, shift;

	for (shift = from; shift <= to; shift++) {
		double r = correlate(b, shift);

		if (!isnan(r) && !(r <= best.correlation))
			best = (struct best){.shift = shift, .correlation = r, .runner_up = NAN};
	}
	for (shift = from; shift <= to; shift++) {
		double r = shift > best.shift + apart || shift < best.shift - apart ? correlate(b, shift) : NAN;

		if (!isnan(r) && !(r <= best.runner_up))
			best.runner_up = r;
	}
	return best;
}

static int64_t latest(const int64_t *ends_ns, size_t n)
{
	int64_t end = ends_ns[0];
	size_t i;

	for (i = 1; i < n; i++)
		end = ends_ns[i] > end ? ends_ns[i] : end;
	return end;
}

int jm_align(const struct jm_series *power, const int64_t *starts_ns, const int64_t *ends_ns, size_t n,
	     struct jm_alignment *out, struct jm_error *err)
{
	int64_t end_ns = n ? latest(ends_ns, n) : 0, power_ns, width_ns, from, to;
	struct best best = {0};
	struct bins b;
	int round;

	if (n == 0 || power->n_pieces == 0)
		return jm_error_set(err, JM_E_UNIDENTIFIABLE, "clocks cannot be tied: no spans or no readings");
	power_ns = power->pieces[power->n_pieces - 1].end_ns - power->pieces[0].start_ns;
	width_ns = power_ns / COARSE_BINS > 1 ? power_ns / COARSE_BINS : 1;
	for (round = 0; round <= REFINE_ROUNDS; round++) {
		int64_t old_width = width_ns;

		if (round > 0) {
			/* Below a quarter of the sensor's period there is nothing to see. */
			if (width_ns / REFINE_FACTOR < power->period_ns / 4 || width_ns < REFINE_FACTOR)
				break;
			width_ns /= REFINE_FACTOR;
		}
		if (bins_init(&b, power, starts_ns, ends_ns, n, end_ns, width_ns))
			return jm_error_set(err, JM_E_NOMEM, "out of memory while tying clocks");
		from = round ? (best.shift - 2) * (old_width / width_ns) : -(int64_t)(b.n_busy / 10) - 1;
		to = round ? (best.shift + 2) * (old_width / width_ns) : (int64_t)b.n_power;
		best = search(&b, from, to);
		if (round == 0)
			out->runner_up = best.runner_up;
		bins_finish(&b);
		if (isnan(best.correlation))
			return jm_error_set(err, JM_E_UNIDENTIFIABLE,
					    "clocks cannot be tied: power or activity does not vary, or the log is shorter than the trace");
	}
	out->correlation = best.correlation;
	out->resolution_ns = width_ns;
	out->offset_ns = power->pieces[0].start_ns + best.shift * width_ns - starts_ns[0];
	return 0;
}
