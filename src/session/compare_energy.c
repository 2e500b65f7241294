#define _GNU_SOURCE
#include "session/compare.h"

#include "attribution/attribution.h"
#include "attribution/series.h"
#include "core/error.h"
#include "core/units.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MARGIN_NS (2 * JM_NS_PER_S)
/* A stretch holds so many readings at least, and a run so many stretches at most. */
#define BLOCK_READINGS 20
#define BLOCKS_MAX     30
#define SEEN_MIN       0.9

static bool is_whole(const struct jm_channel_result *c)
{
	return jm_channel_has_energy(c->channel) && c->channel->part_of < 0 && c->channel->same_as < 0 &&
	       isfinite(c->energy_j);
}

/* All that is in no other; of a machine's own total and its parts without a known relation, the total; what is measured counts before
 * what is estimated. */
static bool is_counted(const struct jm_result *r, size_t i)
{
	bool has_platform = false, has_measured = false;
	size_t k;

	for (k = 0; k < r->n_channels; k++) {
		const struct jm_channel *c = r->channels[k].channel;

		if (!is_whole(&r->channels[k]))
			continue;
		has_measured = has_measured || c->state == JM_STATE_MEASURED;
		has_platform = has_platform || (c->domain == JM_DOMAIN_PLATFORM && c->state == JM_STATE_MEASURED);
	}
	return is_whole(&r->channels[i]) && (!has_measured || r->channels[i].channel->state == JM_STATE_MEASURED) &&
	       (!has_platform || r->channels[i].channel->domain == JM_DOMAIN_PLATFORM);
}

static bool is_named(const char *choice, const char *name)
{
	size_t n = strlen(name);

	while (*choice) {
		size_t k = strcspn(choice, ",");

		if (k == n && memcmp(choice, name, n) == 0)
			return true;
		choice += k + (choice[k] == ',');
	}
	return false;
}

static int load(struct jm_trial_source *s, int i, struct jm_error *err)
{
	const struct jm_report *report = s->report;
	const struct jm_channel *channel = report->result.channels[i].channel;
	int64_t from = report->windows[0].start_ns - MARGIN_NS,
		to = report->windows[report->n_windows - 1].end_ns + MARGIN_NS;
	struct jm_sample *samples;
	size_t n;
	int rc = jm_recording_samples(report->recording, (uint16_t)i, from, to, &samples, &n, err);

	if (rc)
		return rc;
	rc = jm_series_init(&s->series[s->n_channels], channel, samples, n, 0, err);
	free(samples);
	if (rc == 0)
		s->channels[s->n_channels++] = i;
	return rc;
}

static void describe(const struct jm_trial_source *s, struct jm_trial *out)
{
	size_t i, used = 0;

	out->state = s->n_channels ? JM_STATE_MEASURED : JM_STATE_UNAVAILABLE;
	for (i = 0; i < s->n_channels; i++) {
		const struct jm_channel *c = s->report->result.channels[s->channels[i]].channel;

		out->state = c->state > out->state ? c->state : out->state;
		if (used < sizeof(out->channels))
			used += (size_t)snprintf(out->channels + used, sizeof(out->channels) - used, "%s%s",
						 i ? " + " : "", c->name);
	}
}

/* Why there is no energy: what the first channel that should have some says. */
static void explain_silence(const struct jm_result *r, struct jm_trial *out)
{
	size_t i;

	snprintf(out->energy_reason, sizeof(out->energy_reason), "no sensor was recorded");
	for (i = 0; i < r->n_channels; i++) {
		const struct jm_channel_result *c = &r->channels[i];
		const char *why = c->reason[0] ? c->reason : c->channel->reason;

		if (c->channel->quantity <= JM_QUANTITY_POWER && why[0]) {
			snprintf(out->energy_reason, sizeof(out->energy_reason), "%.90s: %.150s", c->channel->name,
				 why);
			return;
		}
	}
}

int jm_trial_source_init(struct jm_trial_source *source, const struct jm_report *report, const char *choice,
			 struct jm_trial *out, struct jm_error *err)
{
	const struct jm_result *r = &report->result;
	size_t i;
	int rc = 0;

	*source = (struct jm_trial_source){.report = report};
	source->series = calloc(r->n_channels + 1, sizeof(*source->series));
	source->channels = calloc(r->n_channels + 1, sizeof(*source->channels));
	if (!source->series || !source->channels)
		return jm_error_set(err, JM_E_NOMEM, "out of memory for the channels");
	for (i = 0; i < r->n_channels && rc == 0; i++)
		if (choice ? is_named(choice, r->channels[i].channel->name) && isfinite(r->channels[i].energy_j)
			   : is_counted(r, i))
			rc = load(source, (int)i, err);
	if (rc == 0 && choice && source->n_channels == 0) {
		jm_error_set(err, JM_E_NOT_FOUND, "%s has no energy on channel '%s'", report->path, choice);
		return jm_error_remedy(err, "joulemap report %s --by channel lists them", report->path);
	}
	describe(source, out);
	if (source->n_channels == 0)
		explain_silence(r, out);
	return rc;
}

void jm_trial_source_finish(struct jm_trial_source *source)
{
	size_t i;

	for (i = 0; i < source->n_channels; i++)
		jm_series_finish(&source->series[i]);
	free(source->series);
	free(source->channels);
}

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Readings in the window that say something new, and their median. */
static int fill_readings(const struct jm_trial_source *source, size_t channel, struct jm_trial *out)
{
	const struct jm_series *s = &source->series[channel];
	double *powers = calloc(s->n_readings + 1, sizeof(*powers));
	size_t i, n = 0;

	if (!powers)
		return JM_E_NOMEM;
	for (i = 0; i < s->n_readings; i++)
		if (jm_report_is_inside(source->report, s->readings[i].t_ns))
			powers[n++] = s->readings[i].power_w;
	if (channel == 0 || (double)n < out->values[JM_FIGURE_READINGS])
		out->values[JM_FIGURE_READINGS] = (double)n;
	if (source->n_channels == 1 && n) {
		qsort(powers, n, sizeof(*powers), compare_doubles);
		out->median_power_w = n % 2 ? powers[n / 2] : (powers[n / 2 - 1] + powers[n / 2]) / 2;
	}
	free(powers);
	return 0;
}

int jm_trial_fill_energy(const struct jm_trial_source *source, struct jm_trial *out)
{
	const struct jm_result *r = &source->report->result;
	double power_w = 0, energy_j = 0, iterations = (double)out->iterations;
	size_t i;
	int rc = 0;

	if (source->n_channels == 0)
		return 0;
	for (i = 0; i < source->n_channels && rc == 0; i++) {
		const struct jm_channel_result *c = &r->channels[source->channels[i]];

		power_w += c->mean_power_w;
		energy_j += c->energy_j;
		if (c->has_ledger && !(jm_ledger_coverage(&c->ledger) >= out->coverage))
			out->coverage = jm_ledger_coverage(&c->ledger);
		rc = fill_readings(source, i, out);
	}
	out->values[JM_FIGURE_POWER] = power_w;
	out->values[JM_FIGURE_ENERGY] = energy_j;
	/* Extremes and spreads of a sum are no sums. */
	if (source->n_channels == 1) {
		const struct jm_channel_result *c = &r->channels[source->channels[0]];

		out->values[JM_FIGURE_POWER_STD] = c->std_power_w;
		out->min_power_w = c->min_power_w;
		out->max_power_w = c->max_power_w;
	}
	/* At the mean power of what was seen: gaps neither add nor take. */
	if (iterations > 0)
		out->values[JM_FIGURE_ENERGY_ITERATION] = 1e3 * power_w * out->duration_s / iterations;
	if (iterations > 0 && out->items_per_iteration)
		out->values[JM_FIGURE_ENERGY_ITEM] =
		    out->values[JM_FIGURE_ENERGY_ITERATION] / (double)out->items_per_iteration;
	return rc;
}

/* Plain iterations from i on that make a stretch of block_ns within one window. Gives the first that is none of it. */
static size_t stretch_end(const struct jm_report *report, size_t i, int64_t block_ns, const struct jm_stretch *window)
{
	int64_t start_ns = report->iterations[i].start_ns;

	while (i < report->n_iterations && report->iterations[i].end_ns <= window->end_ns) {
		if (report->iterations[i].flags == 0 && report->iterations[i].end_ns - start_ns >= block_ns)
			return i + 1;
		i++;
	}
	return i;
}

static void add_block(const struct jm_trial_source *source, size_t from, size_t to, struct jm_trial *out)
{
	const struct jm_span *spans = source->report->iterations;
	int64_t start_ns = spans[from].start_ns, end_ns = spans[to - 1].end_ns;
	double seconds = jm_s_from_ns(end_ns - start_ns), power_w = 0, latency_s = 0, n = (double)(to - from);
	size_t i, at = out->n_blocks;

	for (i = from; i < to; i++)
		latency_s += jm_s_from_ns(spans[i].end_ns - spans[i].start_ns);
	for (i = 0; i < source->n_channels; i++) {
		double seen_s, energy_j = jm_series_energy(&source->series[i], start_ns, end_ns, &seen_s);

		if (seen_s < SEEN_MIN * seconds)
			return;
		power_w += energy_j / seen_s;
	}
	out->blocks[JM_FIGURE_LATENCY][at] = 1e3 * latency_s / n;
	out->blocks[JM_FIGURE_THROUGHPUT][at] = n * (double)out->items_per_iteration / seconds;
	out->blocks[JM_FIGURE_POWER][at] = power_w;
	out->blocks[JM_FIGURE_ENERGY_ITERATION][at] = 1e3 * power_w * seconds / n;
	out->blocks[JM_FIGURE_ENERGY_ITEM][at] =
	    1e3 * power_w * seconds / n / fmax(1, (double)out->items_per_iteration);
	out->n_blocks++;
}

static int64_t block_length_ns(const struct jm_trial_source *source, const struct jm_trial *out)
{
	int64_t block_ns = (int64_t)(1e9 * out->duration_s / BLOCKS_MAX);
	size_t i;

	for (i = 0; i < source->n_channels; i++)
		if (block_ns < BLOCK_READINGS * source->series[i].period_ns)
			block_ns = BLOCK_READINGS * source->series[i].period_ns;
	return block_ns;
}

int jm_trial_fill_blocks(const struct jm_trial_source *source, struct jm_trial *out)
{
	static const enum jm_figure figures[] = {JM_FIGURE_LATENCY, JM_FIGURE_THROUGHPUT, JM_FIGURE_POWER,
						 JM_FIGURE_ENERGY_ITERATION, JM_FIGURE_ENERGY_ITEM};
	const struct jm_report *report = source->report;
	int64_t block_ns = block_length_ns(source, out);
	size_t w = 0, i, end;

	if (!out->iterations || !isfinite(out->duration_s))
		return 0;
	for (i = 0; i < sizeof(figures) / sizeof(figures[0]); i++) {
		out->blocks[figures[i]] = calloc(BLOCKS_MAX + 1, sizeof(double));
		if (!out->blocks[figures[i]])
			return JM_E_NOMEM;
	}
	out->block_s = jm_s_from_ns(block_ns);
	for (i = 0; i < report->n_iterations && out->n_blocks < BLOCKS_MAX; i = end) {
		const struct jm_span *s = &report->iterations[i];

		end = i + 1;
		while (w < report->n_windows && report->windows[w].end_ns <= s->start_ns)
			w++;
		if (w == report->n_windows || s->flags || s->start_ns < report->windows[w].start_ns)
			continue;
		end = stretch_end(report, i, block_ns, &report->windows[w]);
		end = end > i ? end : i + 1;
		if (report->iterations[end - 1].end_ns - s->start_ns >= block_ns &&
		    report->iterations[end - 1].flags == 0)
			add_block(source, i, end, out);
	}
	return 0;
}
