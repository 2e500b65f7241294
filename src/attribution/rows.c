/* Parts to rows and closure. */
#include "attribution/work.h"

#include "core/error.h"
#include "core/units.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define Z95 1.959964 /* two-sided 95 % of the normal distribution */

/* What a row is filled from: one part, or the parts of one type added up. */
struct row_sum {
	double count, time_s, seen_s, energy_j, variance_j2, shared_j;
	bool resolvable;
	enum jm_origin origin;
	int group;
	const char *reason;
};

static int grow_rows(struct jm_row **rows, size_t n, size_t n_more)
{
	struct jm_row *grown = realloc(*rows, (n + n_more + 1) * sizeof(*grown));

	if (!grown)
		return JM_E_NOMEM;
	*rows = grown;
	return 0;
}

static const struct jm_channel *channel_of(const struct jm_work *w, size_t c)
{
	return c < w->in->n_channels ? &w->in->channels[c] : NULL;
}

static void fill_intervals(const struct jm_work *w, size_t c, const struct row_sum *sum, struct jm_row *row)
{
	const struct jm_channel *channel = channel_of(w, c);
	double half = Z95 * sqrt(sum->variance_j2 + sum->shared_j * sum->shared_j), absolute;

	row->energy_ci_j = row->mean_power_ci_w = row->energy_absolute_ci_j = (struct jm_interval){NAN, NAN};
	if (!channel || isnan(sum->energy_j))
		return;
	if (channel->state == JM_STATE_ESTIMATED) {
		if (channel->bound_low_uw == 0 && channel->bound_high_uw == 0)
			return;
		row->mean_power_ci_w.low = jm_si_from_micro(channel->bound_low_uw);
		row->mean_power_ci_w.high = jm_si_from_micro(channel->bound_high_uw);
		/* A sum at a bound may pass it by its rounding. */
		row->energy_ci_j.low = fmin(row->mean_power_ci_w.low * sum->seen_s, sum->energy_j);
		row->energy_ci_j.high = fmax(row->mean_power_ci_w.high * sum->seen_s, sum->energy_j);
		row->energy_absolute_ci_j = row->energy_ci_j;
		return;
	}
	if (isnan(half))
		return;
	row->energy_ci_j = (struct jm_interval){sum->energy_j - half, sum->energy_j + half};
	if (sum->seen_s > 0)
		row->mean_power_ci_w =
		    (struct jm_interval){row->energy_ci_j.low / sum->seen_s, row->energy_ci_j.high / sum->seen_s};
	if (channel->accuracy_fraction < 0)
		return;
	absolute = channel->accuracy_fraction * sum->energy_j;
	if (channel->accuracy_offset_w > 0)
		absolute = hypot(absolute, channel->accuracy_offset_w * sum->seen_s);
	half = hypot(half, absolute);
	row->energy_absolute_ci_j = (struct jm_interval){sum->energy_j - half, sum->energy_j + half};
}

static void fill_row(const struct jm_work *w, size_t c, const struct row_sum *sum, double total_j, struct jm_row *row)
{
	const struct jm_channel *channel = channel_of(w, c);
	double whole, items = (double)w->in->items_per_iteration;

	row->channel = channel ? w->channel_result[c] : -1;
	row->count = (uint64_t)llround(sum->count);
	row->time_s = sum->time_s;
	row->latency_ms = sum->count > 0 ? 1e3 * sum->time_s / sum->count : NAN;
	row->latency_std_ms = NAN;
	row->energy_j = sum->energy_j;
	row->mean_power_w = sum->seen_s > 0 ? sum->energy_j / sum->seen_s : NAN;
	/* An average over what was seen; time in gaps counts neither above nor below. */
	whole = sum->seen_s > 0 ? row->mean_power_w * sum->time_s : sum->energy_j;
	row->energy_per_iteration_mj = w->n_iterations > 0 ? 1e3 * whole / w->n_iterations : NAN;
	row->energy_per_item_mj = items > 0 ? row->energy_per_iteration_mj / items : NAN;
	row->energy_above_idle_j = NAN;
	if (channel && w->baselines[c].is_known)
		row->energy_above_idle_j = sum->energy_j - w->baselines[c].power_w * sum->seen_s;
	row->share = total_j > 0 ? sum->energy_j / total_j : NAN;
	row->method = w->method;
	row->is_estimated = channel && channel->state == JM_STATE_ESTIMATED;
	row->resolvable = sum->resolvable;
	row->is_scaled = w->is_scaled;
	row->origin = sum->origin;
	row->group = sum->group;
	snprintf(row->reason, sizeof(row->reason), "%s", sum->reason ? sum->reason : "");
	fill_intervals(w, c, sum, row);
}

/* Standard deviation of the length of a run about the mean of all. */
static double spread_ms(const struct jm_layer *l)
{
	double mean_s = l->span_s / l->count, square_s2 = l->span_s2 / l->count, variance = square_s2 - mean_s * mean_s;

	if (!(l->count > 0))
		return NAN;
	/* Runs that are all alike differ by nothing, not by rounding. */
	return variance > 1e-13 * square_s2 ? 1e3 * sqrt(variance) : 0;
}

static struct row_sum sum_of(const struct jm_layer *layer, const struct jm_part *p)
{
	struct row_sum s = {
	    .count = layer->runs, .time_s = layer->time_s, .resolvable = p->resolvable, .reason = p->reason};

	s.seen_s = p->seen_s;
	s.energy_j = p->energy_j;
	s.variance_j2 = p->variance_j2;
	s.shared_j = p->shared_j;
	s.origin = p->origin;
	s.group = p->group;
	return s;
}

static void add_to(struct row_sum *total, const struct row_sum *one)
{
	total->count += one->count;
	total->time_s += one->time_s;
	if (isnan(one->energy_j)) {
		total->resolvable = false;
		total->reason = "layers without a figure are not in it";
		return;
	}
	total->seen_s += one->seen_s;
	total->energy_j += one->energy_j;
	total->variance_j2 += one->variance_j2; /* NAN stays NAN */
	total->shared_j += one->shared_j;
	if (!one->resolvable || (one->reason && one->reason[0] && !total->reason)) {
		total->resolvable = total->resolvable && one->resolvable;
		total->reason = one->reason;
	}
}

struct typed {
	const char *type;
	size_t layer;
};

static int compare_typed(const void *a, const void *b)
{
	const struct typed *x = a, *y = b;
	int order = strcmp(x->type, y->type);

	return order ? order : (x->layer > y->layer) - (x->layer < y->layer);
}

/* One row per type, in order of the type's first layer (rows are sorted by time or energy only when printed). */
static int add_types(struct jm_work *w, size_t c, const struct jm_part *parts, double total_j)
{
	struct typed *typed = malloc((w->n_layers + 1) * sizeof(*typed));
	size_t i, end;

	if (!typed || grow_rows(&w->result->types, w->result->n_types, w->n_layers) < 0) {
		free(typed);
		return JM_E_NOMEM;
	}
	for (i = 0; i < w->n_layers; i++)
		typed[i] = (struct typed){w->layers[i].type, i};
	qsort(typed, w->n_layers, sizeof(*typed), compare_typed);
	for (i = 0; i < w->n_layers; i = end) {
		struct jm_row *row = &w->result->types[w->result->n_types++];
		struct row_sum sum = {.resolvable = true, .group = -1};

		memset(row, 0, sizeof(*row));
		row->name = row->type = typed[i].type;
		for (end = i; end < w->n_layers && strcmp(typed[end].type, typed[i].type) == 0; end++) {
			struct row_sum one = sum_of(&w->layers[typed[end].layer], &parts[typed[end].layer]);

			add_to(&sum, &one);
		}
		if (sum.energy_j == 0 && sum.seen_s == 0 && sum.time_s > 0)
			sum.energy_j = sum.variance_j2 = NAN;
		fill_row(w, c, &sum, total_j, row);
	}
	free(typed);
	return 0;
}

/* Groups of one channel; part.group counts from the first of them. */
static int add_groups(struct jm_work *w, size_t c, const struct jm_levels *levels, double total_j)
{
	char text[256];
	size_t g, l;

	if (grow_rows(&w->result->groups, w->result->n_groups, levels->n_groups) < 0)
		return JM_E_NOMEM;
	for (g = 0; g < levels->n_groups; g++) {
		const struct jm_part_group *in = &levels->groups[g];
		struct jm_row *row = &w->result->groups[w->result->n_groups++];
		struct row_sum sum = {
		    .count = (double)in->n, .resolvable = true, .group = -1, .origin = JM_ORIGIN_IDENTIFIED};

		for (l = in->first; l < in->first + in->n; l++)
			sum.time_s += w->layers[l].time_s;
		sum.seen_s = sum.time_s;
		sum.energy_j = in->energy_j;
		sum.variance_j2 = in->variance_j2;
		memset(row, 0, sizeof(*row));
		snprintf(text, sizeof(text), in->n > 1 ? "%.100s .. %.100s (%zu layers)" : "%.100s",
			 w->layers[in->first].text, w->layers[in->first + in->n - 1].text, in->n);
		row->name = jm_result_text(w->result, text);
		row->type = "";
		if (!row->name)
			return JM_E_NOMEM;
		fill_row(w, c, &sum, total_j, row);
	}
	return 0;
}

static int add_closure(struct jm_work *w, size_t c, const struct jm_part *parts, const struct jm_levels *levels)
{
	struct jm_closure *grown = realloc(w->result->closure, (w->result->n_closure + 1) * sizeof(*grown)), *out;
	double busy_j, busy_seen_s, bare_seen_s, missing_j = 0;
	size_t l;

	if (!grown)
		return JM_E_NOMEM;
	w->result->closure = grown;
	out = &grown[w->result->n_closure++];
	memset(out, 0, sizeof(*out));
	out->channel = w->channel_result[c];
	out->total_j = w->result->channels[out->channel].energy_j;
	out->gap_s = w->result->channels[out->channel].gap_s;
	out->gaps_j = out->gap_s > 0 ? NAN : 0;
	out->idle_j = jm_stretches_energy(&w->rest, &w->series[c], NULL);
	busy_j = jm_stretches_energy(&w->busy, &w->series[c], &busy_seen_s);
	out->unattributed_j = jm_stretches_energy(&w->bare, &w->series[c], &bare_seen_s);
	if (levels && levels->is_known) {
		busy_j = out->total_j - levels->idle_j;
		out->idle_j = levels->idle_j;
		out->unattributed_j = levels->bare_j;
	} else if (w->method == JM_METHOD_SHARE && w->busy_s > 0)
		out->unattributed_j = busy_j * jm_stretches_seconds(&w->bare) / w->busy_s;
	for (l = 0; l < w->n_layers; l++) {
		if (!isnan(parts[l].energy_j))
			out->parts_j += parts[l].energy_j;
		else if (parts[l].group < 0 && w->method != JM_METHOD_INTEGRATE && busy_seen_s > 0)
			/* No figure for it: what it drew is there all the same, at the mean power for want of better. */
			missing_j += busy_j / busy_seen_s * w->layers[l].time_s;
	}
	for (l = 0; levels && l < levels->n_groups; l++)
		out->parts_j += levels->groups[l].energy_j;
	out->unattributed_j += missing_j;
	out->residual_j = out->total_j - out->parts_j - out->idle_j - out->unattributed_j;
	return 0;
}

int jm_rows_add(struct jm_work *w, size_t c, const struct jm_part *parts, const struct jm_levels *levels,
		struct jm_error *err)
{
	double total_j = c < w->in->n_channels ? w->result->channels[w->channel_result[c]].energy_j : NAN;
	size_t l, first_group = w->result->n_groups;

	if (grow_rows(&w->result->layers, w->result->n_layers, w->n_layers) < 0)
		return jm_error_set(err, JM_E_NOMEM, "out of memory for rows");
	for (l = 0; l < w->n_layers; l++) {
		struct jm_row *row = &w->result->layers[w->result->n_layers++];
		struct row_sum sum = sum_of(&w->layers[l], &parts[l]);

		memset(row, 0, sizeof(*row));
		row->name = w->layers[l].text;
		row->type = w->layers[l].type;
		fill_row(w, c, &sum, total_j, row);
		row->latency_std_ms = spread_ms(&w->layers[l]);
		if (row->group >= 0)
			row->group += (int)first_group;
	}
	if (add_types(w, c, parts, total_j) < 0 || (levels && add_groups(w, c, levels, total_j) < 0) ||
	    (c < w->in->n_channels && add_closure(w, c, parts, levels) < 0))
		return jm_error_set(err, JM_E_NOMEM, "out of memory for rows");
	return 0;
}

int jm_rows_iterations(struct jm_work *w, size_t c, const char *const *texts, struct jm_error *err)
{
	double response_s = jm_work_response_s(w, c), total_j = w->result->channels[w->channel_result[c]].energy_j;
	enum jm_method method = w->method;
	double n_iterations = w->n_iterations;
	bool is_scaled = w->is_scaled;
	size_t i;

	if (grow_rows(&w->result->iterations, w->result->n_iterations, w->iterations.n) < 0)
		return jm_error_set(err, JM_E_NOMEM, "out of memory for rows");
	/* Each row is one iteration, always by integration, whatever the layers are split by. */
	w->method = JM_METHOD_INTEGRATE;
	w->n_iterations = 1;
	w->is_scaled = false;
	for (i = 0; i < w->iterations.n; i++) {
		const struct jm_stretch *it = &w->iterations.items[i];
		struct jm_row *row = &w->result->iterations[w->result->n_iterations++];
		struct row_sum sum = {
		    .count = 1, .time_s = jm_s_from_ns(it->end_ns - it->start_ns), .resolvable = true, .group = -1};

		memset(row, 0, sizeof(*row));
		row->name = texts[i];
		row->type = "";
		sum.energy_j = jm_series_energy(&w->series[c], it->start_ns, it->end_ns, &sum.seen_s);
		sum.variance_j2 = jm_series_variance(&w->series[c], it->start_ns, it->end_ns);
		if (!(sum.seen_s > 0)) {
			sum.energy_j = sum.variance_j2 = NAN;
			sum.resolvable = false;
			sum.reason = "no readings while it ran";
		} else if (sum.time_s < 2 * response_s) {
			sum.variance_j2 = NAN;
			sum.resolvable = false;
			sum.reason = "shorter than two sensor responses: interpolated between readings";
		}
		fill_row(w, c, &sum, total_j, row);
	}
	w->method = method;
	w->n_iterations = n_iterations;
	w->is_scaled = is_scaled;
	return 0;
}
