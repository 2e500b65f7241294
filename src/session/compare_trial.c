#define _GNU_SOURCE
#include "session/compare.h"

#include "core/error.h"
#include "core/text.h"
#include "core/units.h"
#include "session/report_parts.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ITEMS_MAX ((size_t)1 << 22)

static void copy(struct jm_recording *r, const char *key, char *out, size_t size)
{
	const char *text = jm_recording_meta(r, key);

	snprintf(out, size, "%s", text ? text : "");
}

static uint64_t count(struct jm_recording *r, const char *key)
{
	int64_t value;

	return jm_recording_meta_i64(r, key, &value) == 0 && value > 0 ? (uint64_t)value : 0;
}

static double number(struct jm_recording *r, const char *key)
{
	double value;
	int64_t whole;

	if (jm_recording_meta_double(r, key, &value) == 0)
		return value;
	return jm_recording_meta_i64(r, key, &whole) == 0 ? (double)whole : NAN;
}

/* "2026-11-21T11:10:06.123456", local time without its zone. */
static void stamp(struct jm_recording *r, char *out, size_t size)
{
	int64_t ns;
	struct tm tm;
	time_t t;

	out[0] = '\0';
	if (jm_recording_meta_time(r, "anchor_realtime_ns", &ns))
		return;
	t = (time_t)(ns / JM_NS_PER_S);
	if (localtime_r(&t, &tm) && strftime(out, size, "%Y-%m-%dT%H:%M:%S", &tm))
		snprintf(out + strlen(out), size - strlen(out), ".%06d", (int)(ns % JM_NS_PER_S / 1000));
}

static void describe(struct jm_recording *r, const struct jm_result *result, struct jm_trial *t)
{
	double bytes = number(r, "model_bytes"), weights = number(r, "weight_bytes");

	copy(r, "model", t->model, sizeof(t->model));
	copy(r, "precision", t->precision, sizeof(t->precision));
	copy(r, "quantization", t->quantization, sizeof(t->quantization));
	copy(r, "provider", t->provider, sizeof(t->provider));
	copy(r, "inputs", t->inputs, sizeof(t->inputs));
	copy(r, "machine_id", t->machine_id, sizeof(t->machine_id));
	copy(r, "hostname", t->hostname, sizeof(t->hostname));
	copy(r, "cpu", t->cpu, sizeof(t->cpu));
	copy(r, "onnxruntime", t->runtime, sizeof(t->runtime));
	copy(r, "threads", t->threads, sizeof(t->threads));
	copy(r, "bench", t->bench, sizeof(t->bench));
	copy(r, "rest", t->rest, sizeof(t->rest));
	copy(r, "data_path", t->data_path, sizeof(t->data_path));
	stamp(r, t->timestamp, sizeof(t->timestamp));
	t->round = count(r, "round");
	t->position = count(r, "position");
	t->warmup = count(r, "warmup");
	t->n_parameters = count(r, "parameters");
	t->tokens_per_item = count(r, "tokens_per_item");
	t->batch = result->run.batch;
	t->iterations = result->run.iterations;
	t->items_per_iteration = result->run.items_per_iteration;
	t->latency = result->run.latency;
	t->own_cost = result->own_cost;
	t->duration_s = result->run.duration_s;
	t->dither_fraction = number(r, "dither_fraction");
	t->method = result->method;
	/* Weights that lie in other files count; the ONNX file itself says more than the weights. */
	t->values[JM_FIGURE_MODEL_SIZE] = fmax(bytes, weights);
	t->values[JM_FIGURE_DURATION] = t->duration_s;
	t->values[JM_FIGURE_LATENCY] = t->latency.n ? t->latency.mean_ms : NAN;
	t->values[JM_FIGURE_THROUGHPUT] = result->run.throughput_items_s;
	t->values[JM_FIGURE_PEAK_MEMORY] = number(r, "peak_memory_bytes");
}

/* "0110..." of right and wrong answers, or numbers with commas between them. */
static int parse_items(const char *text, struct jm_score *s)
{
	size_t n = strlen(text), room = n < ITEMS_MAX ? n : ITEMS_MAX;
	bool is_digits = !strchr(text, ',') && strspn(text, "01") == n;
	double *items = calloc(room + 1, sizeof(*items));

	if (!items)
		return JM_E_NOMEM;
	while (*text && s->n_values < room) {
		size_t k = is_digits ? 1 : strcspn(text, ",");

		if (jm_text_double(text, k, &items[s->n_values++])) {
			free(items);
			s->n_values = 0;
			return JM_E_FORMAT;
		}
		text += k + (text[k] == ',');
	}
	s->items = items;
	return 0;
}

static int fill_score(struct jm_recording *r, struct jm_trial *t, struct jm_error *err)
{
	const char *items = jm_recording_meta(r, "score_items");
	int rc = 0;

	copy(r, "score_name", t->score.name, sizeof(t->score.name));
	copy(r, "score_data", t->score.data, sizeof(t->score.data));
	copy(r, "score_reason", t->score.reason, sizeof(t->score.reason));
	t->score.value = number(r, "score");
	t->score.n_items = count(r, "score_n");
	t->values[JM_FIGURE_SCORE] = t->score.value;
	if (items && items[0])
		rc = parse_items(items, &t->score);
	if (rc == JM_E_FORMAT)
		return jm_error_set(err, rc, "the scores kept in %s are damaged", t->path);
	return rc ? jm_error_set(err, rc, "out of memory for the scores") : 0;
}

static int take_layer(const struct jm_row *row, const struct jm_trial *t, struct jm_trial_layer *out)
{
	bool is_known = row->resolvable && isfinite(row->energy_j) && t->iterations;
	double scale = is_known ? row->energy_per_iteration_mj / row->energy_j : NAN;

	*out = (struct jm_trial_layer){.name = strdup(row->name),
				       .type = strdup(row->type ? row->type : ""),
				       .count = row->count,
				       .time_s = row->time_s,
				       .latency_ms = row->latency_ms,
				       .latency_std_ms = row->latency_std_ms,
				       .power_w = row->mean_power_w,
				       .energy_mj = is_known ? row->energy_per_iteration_mj : NAN,
				       .ci_mj = {row->energy_ci_j.low * scale, row->energy_ci_j.high * scale},
				       .share = row->share,
				       .energy_j = row->resolvable ? row->energy_j : NAN,
				       .method = row->method};
	snprintf(out->reason, sizeof(out->reason), "%s", row->reason);
	/* The bounds of an estimate are no interval of it: idle and full power shift all layers together. */
	if (row->is_estimated)
		out->ci_mj = (struct jm_interval){NAN, NAN};
	return out->name && out->type ? 0 : JM_E_NOMEM;
}

static void add_energy(struct jm_trial *t, const struct jm_row *row)
{
	size_t i;

	for (i = 0; i < t->n_layers; i++) {
		struct jm_trial_layer *l = &t->layers[i];

		if (strcmp(l->name, row->name) != 0 || strcmp(l->type, row->type ? row->type : "") != 0)
			continue;
		l->energy_j += row->resolvable ? row->energy_j : NAN;
		l->energy_mj += row->resolvable ? row->energy_per_iteration_mj : NAN;
		l->power_w += row->mean_power_w;
		l->ci_mj = (struct jm_interval){NAN, NAN};
		return;
	}
}

/* Layers of the channels that count; without any, their times alone. */
static int fill_layers(const struct jm_trial_source *source, struct jm_trial *t)
{
	const struct jm_result *r = &source->report->result;
	int first = source->n_channels ? source->channels[0] : r->n_layers ? r->layers[0].channel : -1;
	double total_j = 0;
	size_t i, k;
	int rc = 0;

	t->layers = calloc(r->n_layers + 1, sizeof(*t->layers));
	if (!t->layers)
		return JM_E_NOMEM;
	for (i = 0; i < r->n_layers && rc == 0; i++)
		if (r->layers[i].channel == first)
			rc = take_layer(&r->layers[i], t, &t->layers[t->n_layers++]);
	for (k = 1; k < source->n_channels && rc == 0; k++)
		for (i = 0; i < r->n_layers; i++)
			if (r->layers[i].channel == source->channels[k])
				add_energy(t, &r->layers[i]);
	for (k = 0; k < source->n_channels; k++)
		total_j += r->channels[source->channels[k]].energy_j;
	for (i = 0; i < t->n_layers; i++)
		t->layers[i].share = total_j > 0 ? t->layers[i].energy_j / total_j : NAN;
	return rc;
}

/* What kinds of layers ran, without loading them. */
static void count_types(struct jm_recording *r, struct jm_trial *t)
{
	const struct jm_names *names = jm_recording_names(r);
	size_t i;

	for (i = 0; i < names->n; i++) {
		if (!names->items[i].type[0])
			continue;
		t->n_typed++;
		t->n_integer += jm_layer_type_is_integer(names->items[i].type, names->items[i].text);
	}
}

static void label_trial(struct jm_recording *r, const char *path, const char *label, struct jm_trial *t)
{
	const char *kept = jm_recording_meta(r, "variant"), *slash = strrchr(path, '/'),
		   *name = slash ? slash + 1 : path;
	size_t n = strlen(name);

	if (n > 5 && strcmp(name + n - 5, ".jmap") == 0)
		n -= 5;
	t->is_named_by_file = !label && !kept;
	if (label || kept)
		snprintf(t->label, sizeof(t->label), "%s", label ? label : kept);
	else
		snprintf(t->label, sizeof(t->label), "%.*s", (int)n, name);
}

static int fill(const struct jm_report *report, const struct jm_compare_options *options, struct jm_trial *t,
		struct jm_error *err)
{
	struct jm_trial_source source;
	int rc = jm_trial_source_init(&source, report, options->channels, t, err);

	if (rc == 0) {
		rc = jm_trial_fill_energy(&source, t);
		rc = rc ? rc : jm_trial_fill_blocks(&source, t);
		if (rc == 0 && options->with_layers)
			rc = fill_layers(&source, t);
		if (rc)
			jm_error_set(err, rc, "out of memory for a recording");
	}
	jm_trial_source_finish(&source);
	return rc;
}

int jm_session_trial(const char *path, const char *label, const struct jm_compare_options *options,
		     struct jm_trial *out, struct jm_error *err)
{
	struct jm_report_options report_options = {.size = sizeof(report_options),
						   .method = options->with_layers ? options->method : "share",
						   .baseline = options->with_layers ? NULL : "none",
						   .by = options->with_layers ? NULL : JM_PARTS_NONE};
	struct jm_trial t = {.coverage = NAN, .min_power_w = NAN, .max_power_w = NAN, .median_power_w = NAN};
	struct jm_report *report;
	int i, rc = jm_report_open(path, &report_options, &report, err);

	if (rc) {
		char message[sizeof(err->message)];

		if (err && !strstr(err->message, path)) {
			snprintf(message, sizeof(message), "%s", err->message);
			snprintf(err->message, sizeof(err->message), "%.120s: %.250s", path, message);
		}
		return rc;
	}
	for (i = 0; i < JM_N_FIGURES; i++)
		t.values[i] = NAN;
	snprintf(t.path, sizeof(t.path), "%s", path);
	label_trial(report->recording, path, label, &t);
	describe(report->recording, &report->result, &t);
	count_types(report->recording, &t);
	rc = fill_score(report->recording, &t, err);
	rc = rc ? rc : fill(report, options, &t, err);
	jm_report_destroy(report);
	if (rc)
		jm_trial_finish(&t);
	else
		*out = t;
	return rc;
}
