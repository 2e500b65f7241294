/* The three ways to lay layers in time and to give them readings, and the CSV.
 *
 * d_k: duration of layer k of a cycle, T_k: its stamp, in us; the stamp of TensorRT's profiler is the time of the
 * report, and it reports all layers of a cycle after its end.
 * corrected: end_k = T_last - sum of d_j over j > k, unless the stamps, taken as ends, leave every layer its time:
 *   then they are ends. Power: mean of the readings with start <= t < end; none: missing.
 * head: end_k = T_k, start_k = T_k - d_k. One pass over the readings, those before start skipped, those with t <= end
 *   taken. Once the log is used up, the row in hand is written and all others are dropped.
 * seed: start_k = max(end_(k-1), T_k), end_k = start_k + d_k; rows sorted by start. One pass, all readings with
 *   t <= end taken, 0 if none, and the last one is taken again by the next row. */
#define _GNU_SOURCE
#include "core/error.h"
#include "trace/map_internal.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

/* Stamps are rounded to the microsecond; so are durations. */
#define STAMP_SLACK_US 2

struct writing {
	const struct jm_map_layers *layers;
	const struct jm_map_power *power;
	double idle_uw;
	struct jm_map_model *m;
	struct jm_map_out *out;
	int64_t *starts_us, *ends_us; /* of the layers of a cycle */
	size_t next;                  /* reading */
	int64_t covered_until_us;
	int64_t covered_us;
};

int64_t jm_map_round_us(double ms)
{
	int64_t whole_ms;
	double rest_us;

	if (ms > 2e15) /* beyond any time there is */
		return INT64_C(2000000000000000000);
	whole_ms = (int64_t)ms;
	rest_us = (ms - (double)whole_ms) * 1000;
	/* At 2^52 doubles are 1 apart, and sums are rounded half to even. */
	return whole_ms * 1000 + (int64_t)((rest_us + 0x1p52) - 0x1p52);
}

/* power, excluding: NAN for an empty cell. */
static void put_row(struct writing *w, size_t layer, size_t cycle, double power_uw, double excluding_uw)
{
	double duration_s = w->layers->items[layer].entries[cycle].duration_ms * 1e-3;

	jm_map_out_row(w->out, layer, cycle, power_uw, excluding_uw);
	w->m->n_rows++;
	w->m->layer_time_s += duration_s;
	if (!isnan(power_uw)) {
		w->m->n_measured++;
		w->m->measured_time_s += duration_s;
	}
}

/* Sums from left to right, as Python's sum() of the time did. */
static double mean(const struct jm_map_power *power, size_t from, size_t to)
{
	double sum = 0;
	size_t i;

	for (i = from; i < to; i++)
		sum += power->power_uw[i];
	return to > from ? sum / (double)(to - from) : NAN;
}

/* First reading at or after t. Rows come nearly in order of time, so look near the last place first. */
static size_t reading_at(struct writing *w, int64_t t_us)
{
	const int64_t *t = w->power->t_us;
	size_t low = 0, high = w->power->n, at = w->next;

	if (at == 0 || t[at - 1] < t_us) {
		size_t end = at + 64 < high ? at + 64 : high;

		while (at < end && t[at] < t_us)
			at++;
		if (at < end || at == high)
			return at;
		low = at;
	} else {
		high = at;
	}
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (t[middle] < t_us)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Counts the part of [start, end) inside the log that no earlier row covered. */
static void cover(struct writing *w, int64_t start_us, int64_t end_us)
{
	const struct jm_map_power *p = w->power;

	if (p->n == 0)
		return;
	if (start_us < w->covered_until_us)
		start_us = w->covered_until_us;
	if (end_us > p->t_us[p->n - 1])
		end_us = p->t_us[p->n - 1];
	if (end_us <= start_us)
		return;
	w->covered_us += end_us - start_us;
	w->covered_until_us = end_us;
}

static void corrected_row(struct writing *w, size_t layer, size_t cycle, int64_t start_us, int64_t end_us)
{
	const struct jm_map_power *p = w->power;
	size_t from = reading_at(w, start_us), to;
	double power_uw;

	w->next = from;
	to = from;
	while (to < p->n && p->t_us[to] < end_us)
		to++;
	w->next = to;
	w->m->n_readings_used += to - from;
	w->m->n_before_log += p->n == 0 || end_us <= p->t_us[0];
	w->m->n_after_log += p->n > 0 && start_us > p->t_us[p->n - 1];
	cover(w, start_us, end_us);
	power_uw = mean(p, from, to);
	put_row(w, layer, cycle, power_uw, power_uw - w->idle_uw);
}

/* Says whether the stamps of a cycle, taken as ends, leave every layer its time. */
static bool stamps_are_ends(const struct jm_map_layers *layers, size_t cycle)
{
	int64_t previous = INT64_MIN / 2;
	size_t i;

	for (i = 0; i < layers->n; i++) {
		const struct jm_map_layer *l = &layers->items[i];

		if (cycle >= l->n)
			continue;
		if (l->entries[cycle].stamp_us - jm_map_round_us(l->entries[cycle].duration_ms) <
		    previous - STAMP_SLACK_US)
			return false;
		previous = l->entries[cycle].stamp_us;
	}
	return true;
}

uint64_t jm_map_count_steps_back(const struct jm_map_layers *layers)
{
	int64_t previous = INT64_MIN;
	uint64_t n = 0;
	size_t cycle, i;

	for (cycle = 0; cycle < layers->n_cycles && layers->has_stamps; cycle++) {
		int64_t last = INT64_MIN;

		for (i = 0; i < layers->n; i++)
			if (cycle < layers->items[i].n && layers->items[i].entries[cycle].stamp_us > last)
				last = layers->items[i].entries[cycle].stamp_us;
		n += last < previous;
		previous = last;
	}
	return n;
}

bool jm_map_lay(const struct jm_map_layers *layers, size_t cycle, int64_t *starts_us, int64_t *ends_us)
{
	bool are_ends = stamps_are_ends(layers, cycle);
	int64_t last = INT64_MIN, start;
	double sum_ms = 0;
	size_t i;

	for (i = 0; i < layers->n; i++) {
		if (cycle >= layers->items[i].n)
			continue;
		sum_ms += layers->items[i].entries[cycle].duration_ms;
		if (layers->items[i].entries[cycle].stamp_us > last)
			last = layers->items[i].entries[cycle].stamp_us;
	}
	/* The borders fit together: each is rounded once, from the same running sum. */
	start = are_ends ? INT64_MIN : last - jm_map_round_us(sum_ms);
	for (i = 0; i < layers->n; i++) {
		const struct jm_map_layer *l = &layers->items[i];

		if (cycle >= l->n)
			continue;
		sum_ms -= l->entries[cycle].duration_ms;
		if (are_ends) {
			int64_t own = l->entries[cycle].stamp_us - jm_map_round_us(l->entries[cycle].duration_ms);

			starts_us[i] = own > start ? own : start;
			start = ends_us[i] = l->entries[cycle].stamp_us;
		} else {
			starts_us[i] = start;
			start = ends_us[i] = last - jm_map_round_us(sum_ms > 0 ? sum_ms : 0);
		}
	}
	return are_ends;
}

static void corrected_cycle(struct writing *w, size_t cycle)
{
	size_t i;

	w->m->n_laid += !jm_map_lay(w->layers, cycle, w->starts_us, w->ends_us);
	for (i = 0; i < w->layers->n; i++)
		if (cycle < w->layers->items[i].n)
			corrected_row(w, i, cycle, w->starts_us[i], w->ends_us[i]);
}

static void write_corrected(struct writing *w)
{
	size_t cycle, i;

	if (!w->layers->has_stamps) { /* nothing ties the layers to the log: all power is missing */
		for (cycle = 0; cycle < w->layers->n_cycles; cycle++)
			for (i = 0; i < w->layers->n; i++)
				if (cycle < w->layers->items[i].n)
					put_row(w, i, cycle, NAN, NAN);
		w->m->uncovered_log_s = NAN;
		return;
	}
	w->covered_until_us = w->power->n > 0 ? w->power->t_us[0] : 0;
	for (cycle = 0; cycle < w->layers->n_cycles; cycle++)
		corrected_cycle(w, cycle);
	w->m->uncovered_log_s = w->m->log_time_s - (double)w->covered_us * 1e-6;
}

/* Gives false when the log is used up. */
static bool head_row(struct writing *w, size_t layer, size_t cycle)
{
	const struct jm_map_layer *l = &w->layers->items[layer];
	const struct jm_map_power *p = w->power;
	int64_t end = l->entries[cycle].stamp_us, start = end - jm_map_round_us(l->entries[cycle].duration_ms);
	size_t from;
	double power_uw;

	while (w->next < p->n && p->t_us[w->next] < start)
		w->next++;
	from = w->next;
	while (w->next < p->n && p->t_us[w->next] <= end)
		w->next++;
	w->m->n_readings_used += w->next - from;
	power_uw = mean(p, from, w->next);
	/* The script tests the mean for truth, so that 0 W gives an empty cell. */
	put_row(w, layer, cycle, power_uw, power_uw != 0 ? power_uw - w->idle_uw : NAN);
	return w->next < p->n;
}

static void write_head(struct writing *w)
{
	uint64_t n_rows = 0;
	size_t cycle, i;
	bool is_going = true;

	for (i = 0; i < w->layers->n; i++)
		n_rows += w->layers->items[i].n;
	for (cycle = 0; cycle < w->layers->n_cycles && is_going; cycle++)
		for (i = 0; i < w->layers->n && is_going; i++)
			if (cycle < w->layers->items[i].n)
				is_going = head_row(w, i, cycle);
	w->m->n_dropped = n_rows - w->m->n_rows;
}

struct seed_row {
	int64_t start_us, end_us;
	uint32_t cycle, layer;
};

/* Equal starts keep their order: by cycle, then as the layers come. */
static int by_start(const void *a, const void *b)
{
	const struct seed_row *x = a, *y = b;

	if (x->start_us != y->start_us)
		return x->start_us < y->start_us ? -1 : 1;
	if (x->cycle != y->cycle)
		return x->cycle < y->cycle ? -1 : 1;
	return x->layer < y->layer ? -1 : x->layer > y->layer;
}

static size_t seed_rows(const struct jm_map_layers *layers, struct seed_row *rows, bool *is_sorted_out)
{
	size_t n = 0, cycle, i;

	*is_sorted_out = true;
	for (cycle = 0; cycle < layers->n_cycles; cycle++) {
		int64_t previous_end = INT64_MIN;

		for (i = 0; i < layers->n; i++) {
			const struct jm_map_layer *l = &layers->items[i];
			struct seed_row *row = &rows[n];

			if (cycle >= l->n)
				continue;
			row->start_us =
			    l->entries[cycle].stamp_us > previous_end ? l->entries[cycle].stamp_us : previous_end;
			row->end_us = previous_end = row->start_us + jm_map_round_us(l->entries[cycle].duration_ms);
			row->cycle = (uint32_t)cycle;
			row->layer = (uint32_t)i;
			*is_sorted_out &= n == 0 || rows[n - 1].start_us <= row->start_us;
			n++;
		}
	}
	return n;
}

static int write_seed(struct writing *w)
{
	const struct jm_map_power *p = w->power;
	struct seed_row *rows;
	size_t n = 0, furthest = 0, i;
	bool is_sorted;

	for (i = 0; i < w->layers->n; i++)
		n += w->layers->items[i].n;
	rows = malloc((n ? n : 1) * sizeof(*rows));
	if (!rows)
		return JM_E_NOMEM;
	seed_rows(w->layers, rows, &is_sorted);
	if (!is_sorted)
		qsort(rows, n, sizeof(*rows), by_start);
	for (i = 0; i < n; i++) {
		size_t from = w->next;
		double power_uw;

		while (w->next < p->n && p->t_us[w->next] <= rows[i].end_us)
			w->next++;
		power_uw = w->next > from ? mean(p, from, w->next) : 0.0;
		/* The script takes a layer's last reading for the next one, too: it is one reading all the same. */
		if (w->next > furthest) {
			w->m->n_readings_used += w->next - furthest;
			furthest = w->next;
		}
		put_row(w, rows[i].layer, rows[i].cycle, power_uw, power_uw - w->idle_uw);
		w->next -= w->next > 0;
	}
	free(rows);
	return 0;
}

static void describe_log(struct writing *w)
{
	const struct jm_map_power *p = w->power;

	w->m->n_cycles = w->layers->n_cycles;
	w->m->n_layers = w->layers->n;
	w->m->n_readings = p->n;
	w->m->log_time_s = p->n > 1 ? (double)(p->t_us[p->n - 1] - p->t_us[0]) * 1e-6 : 0;
	w->m->uncovered_log_s = NAN;
}

int jm_map_write(int fd, const struct jm_map_layers *layers, const struct jm_map_power *power, double idle_uw,
		 enum jm_map_mode mode, struct jm_map_model *m, struct jm_error *err)
{
	static const char header[] = "cycle,layer_name,layer_type,layer_power_including_idle_power_micro_watt,"
				     "layer_power_excluding_idle_power_micro_watt,layer_run_time\n";
	struct writing w = {.layers = layers, .power = power, .idle_uw = idle_uw, .m = m};
	int rc, failed;

	if (write(fd, header, sizeof(header) - 1) != (ssize_t)(sizeof(header) - 1))
		return jm_error_errno(err, errno, "cannot write %s", m->csv_path);
	rc = jm_map_out_open(fd, layers, &w.out, err);
	if (rc)
		return rc;
	w.starts_us = calloc(2 * layers->n + 1, sizeof(*w.starts_us));
	w.ends_us = w.starts_us + layers->n;
	describe_log(&w);
	if (!w.starts_us)
		rc = JM_E_NOMEM;
	else if (mode == JM_MAP_HEAD)
		write_head(&w);
	else if (mode == JM_MAP_SEED)
		rc = write_seed(&w);
	else
		write_corrected(&w);
	failed = jm_map_out_close(w.out);
	free(w.starts_us);
	if (rc)
		return jm_error_set(err, rc, "out of memory");
	return failed ? jm_error_errno(err, failed, "cannot write %s", m->csv_path) : 0;
}
