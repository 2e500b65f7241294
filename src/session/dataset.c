/* Training data from recordings and from folders of mapped layers. */
#define _GNU_SOURCE
#include "dataset/dataset.h"

#include "core/error.h"
#include "core/text.h"
#include "dataset/engine.h"
#include "joulemap/predict.h"
#include "session/clocks.h"
#include "session/dataset.h"
#include "session/report.h"
#include "session/typical.h"
#include "session/windows.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define COUNT_MIN 10

void jm_dataset_tell(const struct jm_dataset_building *b, const char *format, ...)
{
	char text[1024];
	va_list args;

	if (!b->options->tell)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	b->options->tell(b->options->ctx, text);
}

void jm_dataset_network_name(const char *path, char *out, size_t size)
{
	const char *base = strrchr(path, '/');
	char *dot;

	snprintf(out, size, "%s", base ? base + 1 : path);
	dot = strrchr(out, '.');
	if (dot && dot != out)
		*dot = '\0';
	if (out[0] == '.')
		out[0] = '_';
}

/* The channel that stands for the machine: no part of another, measured rather than estimated, with most energy. */
static int main_channel(const struct jm_result *r)
{
	int best = -1;
	size_t i;

	for (i = 0; i < r->n_channels; i++) {
		const struct jm_channel_result *c = &r->channels[i], *b = best < 0 ? NULL : &r->channels[best];
		bool is_better;

		if (isnan(c->energy_j) || c->part_of || c->same_as)
			continue;
		is_better = !b ||
			    (b->channel->state == JM_STATE_ESTIMATED && c->channel->state != JM_STATE_ESTIMATED) ||
			    (b->channel->state == c->channel->state && c->energy_j > b->energy_j);
		if (is_better)
			best = (int)i;
	}
	return best;
}

/* Power above idle and its interval. Without an idle level there is none: a row's power would be another quantity. */
static void take_power(const struct jm_row *row, struct jm_dataset_row *out)
{
	double idle_j = row->energy_j - row->energy_above_idle_j;

	out->power_w = out->power_low_w = out->power_high_w = NAN;
	if (!row->resolvable || isnan(idle_j) || !(row->time_s > 0))
		return;
	out->power_w = row->energy_above_idle_j / row->time_s;
	out->power_low_w = (row->energy_ci_j.low - idle_j) / row->time_s;
	out->power_high_w = (row->energy_ci_j.high - idle_j) / row->time_s;
	out->power_state = row->is_estimated ? JM_POWER_ESTIMATED : JM_POWER_MEASURED;
}

/* What was left out of one source, by reason. */
struct left_out {
	size_t rare, without_shapes, without_window, of_no_kind, without_power, taken;
	double time_s, taken_s;
};

static void count_refusal(int rc, const struct jm_row *row, struct left_out *l)
{
	bool is_pool = row->type && strstr(row->type, "Pool");

	if (rc == JM_E_NOT_FOUND)
		l->of_no_kind++;
	else if (is_pool)
		l->without_window++;
	else
		l->without_shapes++;
}

/* What is known of the layers besides the report's rows. */
struct known {
	struct jm_windows windows;
	struct jm_typical typical;
};

static int add_row(struct jm_dataset_building *b, struct jm_report *report, const struct jm_row *row,
		   const struct known *known, struct jm_dataset_row *out, struct left_out *l)
{
	const struct jm_names *names = jm_recording_names(report->recording);
	size_t name = jm_names_find(names, row->name, row->type ? row->type : "");
	struct jm_operands *operands;
	int rc;

	if (row->count < b->count_min) {
		l->rare++;
		return 0;
	}
	if (name == SIZE_MAX || !names->items[name].shapes) {
		l->without_shapes++;
		return 0;
	}
	operands = calloc(1, sizeof(*operands));
	if (!operands)
		return JM_E_NOMEM;
	rc = jm_operands_parse(names->items[name].shapes, operands);
	rc = rc ? rc
		: jm_features_from(operands->op[0] ? operands->op : row->type, operands, SIZE_MAX,
				   operands->window.is_known ? &operands->window
							     : jm_windows_find(&known->windows, row->name),
				   &out->features);
	free(operands);
	if (rc) {
		count_refusal(rc, row, l);
		return 0;
	}
	out->layer = (char *)(uintptr_t)row->name;
	out->type = (char *)(uintptr_t)row->type;
	out->runtime_ms = b->options->is_historic ? row->latency_ms : jm_typical_ms(&known->typical, names, row);
	out->count = row->count;
	out->power_state = JM_POWER_UNKNOWN;
	take_power(row, out);
	l->without_power += out->power_state != JM_POWER_MEASURED;
	l->taken++;
	l->taken_s += row->time_s;
	return jm_dataset_add(&b->data, out);
}

static void explain(const struct jm_dataset_building *b, const char *path, const struct left_out *l)
{
	jm_dataset_tell(b, "%s: %zu layers, %.1f %% of the layers' time", path, l->taken,
			l->time_s > 0 ? 100 * l->taken_s / l->time_s : 0);
	if (l->rare)
		jm_dataset_tell(b, "%s: %zu layers left out, executed less than %llu times", path, l->rare,
				(unsigned long long)b->count_min);
	if (l->without_shapes)
		jm_dataset_tell(b, "%s: %zu layers left out, their shapes are not in the recording", path,
				l->without_shapes);
	if (l->without_window)
		jm_dataset_tell(b, "%s: %zu poolings left out, their window is not known (--model names the ONNX file)",
				path, l->without_window);
	if (l->of_no_kind)
		jm_dataset_tell(b, "%s: %zu layers left out, of no kind that is learnt", path, l->of_no_kind);
	if (l->without_power)
		jm_dataset_tell(b, "%s: %zu layers teach their runtime alone: no measured power above idle", path,
				l->without_power);
}

/* What ran the network: the GPU by its name without the card's own number, else the processor. */
static void device_of(struct jm_report *report, int channel, char *out, size_t size)
{
	const struct jm_result *r = &report->result;
	const char *cpu = jm_recording_meta(report->recording, "cpu"), *text = cpu ? cpu : "";

	if (channel >= 0 && r->channels[channel].channel->domain == JM_DOMAIN_GPU)
		text = r->n_devices && r->devices[0].identity ? r->devices[0].identity
							      : r->channels[channel].channel->label;
	snprintf(out, size, "%.*s", (int)strcspn(text, ","), text);
}

static int take_report(struct jm_dataset_building *b, const char *path, struct jm_report *report, struct jm_error *err)
{
	const struct jm_result *r = &report->result;
	const char *model = b->options->model ? b->options->model : r->run.model;
	struct known known = {0};
	struct left_out l = {0};
	struct jm_dataset_row row = {0};
	struct jm_clocks clocks;
	int channel = main_channel(r), rc;
	char network[256], device[256];
	size_t i;

	if (r->n_layers == 0) {
		jm_dataset_tell(b, "%s: no layers: it is not of joulemap run, left out", path);
		return 0;
	}
	jm_dataset_network_name(r->run.model && r->run.model[0] ? r->run.model : path, network, sizeof(network));
	row.network = network;
	device_of(report, channel, device, sizeof(device));
	row.device = device;
	rc = jm_clocks_load(report, channel, &clocks, err);
	row.clock_mhz = clocks.clock_mhz;
	row.memory_clock_mhz = clocks.memory_clock_mhz;
	rc = rc ? rc : jm_recording_load_shapes(report->recording, err);
	rc = rc ? rc : jm_typical_load(report, b->percentile, &known.typical, err);
	if (rc == 0 && model)
		jm_windows_load(&known.windows, model);
	for (i = 0; i < r->n_layers && rc == 0; i++) {
		if (r->layers[i].channel != channel)
			continue;
		l.time_s += r->layers[i].time_s;
		if (add_row(b, report, &r->layers[i], &known, &row, &l))
			rc = jm_error_set(err, JM_E_NOMEM, "no memory for %s", path);
	}
	jm_windows_finish(&known.windows);
	jm_typical_finish(&known.typical);
	if (rc == 0)
		explain(b, path, &l);
	return rc;
}

static int take_recording(struct jm_dataset_building *b, const char *path, struct jm_error *err)
{
	struct jm_report_options options = {.size = sizeof(options)};
	struct jm_report *report;
	int rc = jm_report_open(path, &options, &report, err);

	if (rc)
		return rc;
	rc = take_report(b, path, report, err);
	jm_report_destroy(report);
	return rc;
}

/* An earlier build's networks would be learnt from, too. */
static void tell_kept(const struct jm_dataset_building *b)
{
	struct jm_buffer names = {0};
	const char *text;
	size_t n;

	if (jm_dataset_others(&b->data, b->options->directory, &names, &n) == 0 && n > 0 &&
	    (text = jm_buffer_terminate(&names)))
		jm_dataset_tell(b, "%s: %zu network%s of an earlier build %s kept: %s", b->options->directory, n,
				n == 1 ? "" : "s", n == 1 ? "is" : "are", text);
	jm_buffer_finish(&names);
}

int jm_dataset_build(const struct jm_dataset_options *options, struct jm_error *err)
{
	struct jm_dataset_building b = {.options = options,
					.count_min = options->count_min ? options->count_min : COUNT_MIN,
					.percentile = options->percentile ? (double)options->percentile : 50};
	struct stat st;
	size_t i;
	int rc = 0;

	if (options->size < sizeof(*options) || !options->directory || options->n_sources == 0)
		return jm_error_set(err, JM_E_INVALID, "a data set needs sources and a folder");
	if (b.percentile >= 100)
		return jm_error_set(err, JM_E_INVALID, "a percentile lies between 1 and 99");
	for (i = 0; i < options->n_sources && rc == 0; i++) {
		const char *path = options->sources[i];

		rc = stat(path, &st) == 0 && S_ISDIR(st.st_mode) ? jm_dataset_take_folder(&b, path, err)
								 : take_recording(&b, path, err);
	}
	if (rc == 0 && b.data.n == 0) {
		jm_error_set(err, JM_E_INVALID, "no layer is left to learn from");
		jm_error_remedy(err, "measure more iterations; `joulemap run` keeps the shapes that are needed");
		rc = JM_E_INVALID;
	}
	jm_dataset_sort(&b.data);
	rc = rc ? rc : jm_dataset_write(&b.data, options->directory, options->is_historic, err);
	if (rc == 0)
		tell_kept(&b);
	jm_dataset_finish(&b.data);
	return rc;
}
