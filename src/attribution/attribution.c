#include "attribution/attribution.h"

#include "attribution/estimate.h"
#include "attribution/split.h"
#include "attribution/work.h"
#include "core/error.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOSTLY 0.9 /* of the layers' time must be resolvable for `auto` to pick integration */

void jm_work_finish(struct jm_work *w)
{
	size_t c;

	for (c = 0; w->series && c < w->in->n_channels; c++)
		if (w->opt->series_out)
			w->opt->series_out[c] = w->series[c];
		else
			jm_series_finish(&w->series[c]);
	free(w->series);
	free(w->baselines);
	free(w->channel_result);
	free(w->levels_found);
	jm_work_time_finish(w);
}

/* Says whether rows are made for a channel: it has energy, was read, and is not another one seen differently. */
static bool is_primary(const struct jm_work *w, size_t c)
{
	return w->channel_result[c] >= 0 && w->in->channels[c].same_as < 0 &&
	       !isnan(w->result->channels[w->channel_result[c]].energy_j);
}

/* The same for the channels that w explains: those of its device. */
static bool is_own(const struct jm_work *w, size_t c)
{
	return is_primary(w, c) && jm_work_device_of(w, c) == w->device;
}

/* Says whether most of the layers' time is in runs long enough for the sensor of channel c. */
static bool is_slow_enough(const struct jm_work *w, size_t c)
{
	double response_s = jm_work_response_s(w, c), long_s = 0, all_s = 0;
	size_t l;

	for (l = 0; l < w->n_layers; l++) {
		const struct jm_layer *layer = &w->layers[l];

		all_s += layer->time_s;
		if (layer->count > 0 && layer->span_s / layer->count >= 2 * response_s)
			long_s += layer->time_s;
	}
	return all_s > 0 && long_s >= MOSTLY * all_s;
}

static bool has_isolated(const struct jm_work *w)
{
	size_t i;

	for (i = 0; i < w->in->n_layers; i++) {
		if (w->in->layers[i].flags & JM_SPAN_ISOLATED)
			return true;
	}
	return false;
}

static bool has_measured(const struct jm_work *w)
{
	size_t c;

	for (c = 0; c < w->in->n_channels; c++) {
		if (is_own(w, c) && w->in->channels[c].state != JM_STATE_ESTIMATED)
			return true;
	}
	return false;
}

/* The ladder of methods as far as it can be climbed before anything is fitted; a fit that is refused falls back to
 * share, see attribute_channel. reason: size bytes. */
static void pick_method(struct jm_work *w, char *reason, size_t size)
{
	size_t c;
	bool is_estimate_only = true;

	w->method = w->opt->method;
	if (w->method != JM_METHOD_AUTO) {
		snprintf(reason, size, "asked for");
		return;
	}
	w->method = JM_METHOD_SHARE;
	if (w->is_scaled && has_isolated(w) && has_measured(w)) {
		w->method = JM_METHOD_FUSED;
		snprintf(reason, size,
			 "layers were timed in profiled blocks, and run alone: powers alone are brought to the "
			 "measured sum");
		return;
	}
	if (w->is_scaled) {
		snprintf(reason, size,
			 "layers were timed in profiled blocks only, so their place in the readings is not known");
		return;
	}
	for (c = 0; c < w->in->n_channels; c++) {
		if (!is_own(w, c))
			continue;
		is_estimate_only = is_estimate_only && w->in->channels[c].state == JM_STATE_ESTIMATED;
		if (is_slow_enough(w, c)) {
			w->method = JM_METHOD_INTEGRATE;
			snprintf(reason, size, "layers last longer than two responses of %s", w->in->channels[c].name);
			return;
		}
	}
	if (is_estimate_only || w->n_layers == 0) {
		snprintf(reason, size,
			 is_estimate_only ? "no sensor measures here: power is estimated" : "there are no layers");
		return;
	}
	w->method = has_isolated(w) ? JM_METHOD_FUSED : JM_METHOD_REGRESS;
	snprintf(reason, size,
		 w->method == JM_METHOD_FUSED
		     ? "layers are short for the sensor, and were also run alone: both are joined"
		     : "layers are short for the sensor: its readings are resolved through its response");
}

static int share_channel(struct jm_work *w, size_t c, struct jm_part *parts, struct jm_error *err)
{
	struct jm_levels levels = {0};
	int code = jm_method_share(w, c, parts, &levels);

	if (code == 0 && levels.reason[0])
		code = jm_result_note(w->result, "%s, share: %s", w->in->channels[c].name, levels.reason);
	return code ? jm_error_set(err, code, "out of memory for the rests") : jm_rows_add(w, c, parts, &levels, err);
}

/* Estimates. With AUTO an estimate that is refused, for this channel, becomes a time share that says so. */
static int estimate_channel(struct jm_work *w, size_t c, struct jm_part *parts, struct jm_error *err)
{
	struct jm_levels levels = {0};
	enum jm_method method = w->method;
	size_t l, n_told = 0;
	int code = 0;

	if (w->in->channels[c].state == JM_STATE_ESTIMATED) {
		levels.is_refused = true;
		snprintf(levels.reason, sizeof(levels.reason), "power is estimated, not measured");
	} else {
		code = jm_method_estimate(w, c, method, parts, &levels, err);
	}
	for (l = 0; code == 0 && l < w->n_layers; l++)
		n_told += parts[l].resolvable;
	if (code == 0 && w->opt->method == JM_METHOD_AUTO && n_told == 0 && !levels.is_refused) {
		levels.is_refused = true;
		free(levels.groups);
		levels.groups = NULL;
		snprintf(levels.reason, sizeof(levels.reason),
			 "no layer can be told from its neighbours; layers get shares by time");
	}
	if (code == 0 && levels.reason[0])
		code = (levels.is_refused ? jm_result_warn : jm_result_note)(
		    w->result, "%s, %s: %s", w->in->channels[c].name, jm_method_text(method), levels.reason);
	if (code == 0 && levels.is_refused &&
	    (w->opt->method == JM_METHOD_AUTO || w->in->channels[c].state == JM_STATE_ESTIMATED)) {
		memset(parts, 0, w->n_layers * sizeof(*parts));
		for (l = 0; l < w->n_layers; l++)
			parts[l].group = -1;
		w->method = JM_METHOD_SHARE;
		code = share_channel(w, c, parts, err);
		w->method = method;
	} else if (code == 0) {
		code = jm_rows_add(w, c, parts, &levels, err);
	}
	free(levels.groups);
	return code;
}

/* A layer that no reading fell into gets nothing, and what it drew shows up as unattributed: where that is much, say so. */
static int tell_window(struct jm_work *w, size_t c, const struct jm_part *parts)
{
	double empty_s = 0, all_s = 0;
	size_t n_empty = 0, l;

	for (l = 0; l < w->n_layers; l++) {
		all_s += w->layers[l].time_s;
		if (!isnan(parts[l].energy_j) || !(w->layers[l].time_s > 0))
			continue;
		empty_s += w->layers[l].time_s;
		n_empty++;
	}
	if (n_empty == 0)
		return 0;
	return jm_result_note(
	    w->result,
	    "%s, window: no reading fell into %zu of %zu layers, %.0f %% of the layers' time: what they "
	    "took is unattributed%s; share gives every layer a figure",
	    w->in->channels[c].name, n_empty, w->n_layers, 100 * empty_s / all_s,
	    w->is_scaled ? " (and layers timed in profiled blocks are placed by proportion, so that "
			   "readings meet them by chance)"
			 : "");
}

static int attribute_channel(struct jm_work *w, size_t c, struct jm_error *err)
{
	struct jm_part *parts = calloc(w->n_layers + 1, sizeof(*parts));
	size_t l;
	int code = 0;

	if (!parts)
		return jm_error_set(err, JM_E_NOMEM, "out of memory for %zu layers", w->n_layers);
	for (l = 0; l < w->n_layers; l++)
		parts[l].group = -1;
	if (w->method == JM_METHOD_REGRESS || w->method == JM_METHOD_ISOLATE || w->method == JM_METHOD_FUSED) {
		code = estimate_channel(w, c, parts, err);
		free(parts);
		return code;
	}
	if (w->method == JM_METHOD_INTEGRATE)
		jm_method_integrate(w, c, parts);
	else if (w->method == JM_METHOD_WINDOW)
		code = jm_method_window(w, c, parts);
	else
		code = share_channel(w, c, parts, err);
	if (code == 0 && w->method == JM_METHOD_WINDOW)
		code = tell_window(w, c, parts);
	if (code == 0 && w->method != JM_METHOD_SHARE)
		code = jm_rows_add(w, c, parts, NULL, err);
	free(parts);
	return code;
}

/* Rows with times only. */
static int attribute_nothing(struct jm_work *w, const char *reason, struct jm_error *err)
{
	struct jm_part *parts = calloc(w->n_layers + 1, sizeof(*parts));
	size_t l;
	int code;

	if (!parts)
		return jm_error_set(err, JM_E_NOMEM, "out of memory for %zu layers", w->n_layers);
	for (l = 0; l < w->n_layers; l++) {
		parts[l].energy_j = parts[l].variance_j2 = NAN;
		parts[l].group = -1;
		snprintf(parts[l].reason, sizeof(parts[l].reason), "%s", reason);
	}
	code = jm_rows_add(w, SIZE_MAX, parts, NULL, err);
	free(parts);
	return code;
}

static int iteration_texts(struct jm_work *w, const char ***out)
{
	const char **texts = malloc((w->iterations.n + 1) * sizeof(*texts));
	char text[32];
	size_t i;

	if (!texts)
		return JM_E_NOMEM;
	*out = texts;
	for (i = 0; i < w->iterations.n; i++) {
		snprintf(text, sizeof(text), "%zu", i);
		texts[i] = jm_result_text(w->result, text);
		if (!texts[i])
			return JM_E_NOMEM;
	}
	return 0;
}

static int attribute_iterations(struct jm_work *w, struct jm_error *err)
{
	const char **texts = NULL;
	size_t c;
	int code;

	if (w->opt->skip_iterations || w->iterations.n == 0)
		return 0;
	code = iteration_texts(w, &texts);
	if (code < 0)
		jm_error_set(err, code, "out of memory for %zu iterations", w->iterations.n);
	for (c = 0; c < w->in->n_channels && code == 0; c++) {
		if (is_primary(w, c))
			code = jm_rows_iterations(w, c, texts, err);
	}
	free(texts);
	return code;
}

/* A fit that was refused on every channel left shares by time: that is the method then, for whoever reads the result. */
static void settle_method(const struct jm_work *w)
{
	struct jm_result *r = w->result;
	enum jm_method method = r->method;
	size_t i, n = 0;

	if (method != JM_METHOD_REGRESS && method != JM_METHOD_ISOLATE && method != JM_METHOD_FUSED)
		return;
	for (i = 0; i < r->n_layers; i++) {
		if (r->layers[i].channel >= 0 && r->layers[i].method != JM_METHOD_SHARE)
			return;
		n += r->layers[i].channel >= 0;
	}
	if (n == 0)
		return;
	r->method = JM_METHOD_SHARE;
	snprintf(r->method_reason, sizeof(r->method_reason), "%s was %s and refused, see the warning: shares by time",
		 jm_method_text(method), w->opt->method == JM_METHOD_AUTO ? "picked" : "asked for");
}

/* The views of one attribution: one a device that a channel or a span has. */
struct views {
	struct jm_work_view *items;
	size_t n;
};

static struct jm_work *view_of(const struct views *v, uint16_t device)
{
	size_t i;

	for (i = 0; i < v->n; i++)
		if (v->items[i].work.device == device)
			return &v->items[i].work;
	return NULL;
}

/* Marks the devices of channels (1) and of spans (2). seen: UINT16_MAX + 1 entries. */
static void find_devices(const struct jm_attribution_input *in, uint8_t *seen)
{
	size_t i;

	for (i = 0; i < in->n_channels; i++)
		seen[in->channel_devices[i]] |= 1;
	for (i = 0; i < in->n_layers; i++)
		seen[in->layers[i].device] |= 2;
}

/* Makes a view a device, where both channels and spans know theirs. Errors: JM_E_NOMEM, those of jm_work_time. */
static int make_views(struct jm_work *w, struct views *out, struct jm_error *err)
{
	uint8_t *seen = w->in->channel_devices ? calloc(UINT16_MAX + 1, 1) : NULL;
	uint8_t all = 0;
	size_t d, n = 0;
	int code = 0;

	if (!w->in->channel_devices)
		return 0;
	if (!seen)
		return jm_error_set(err, JM_E_NOMEM, "out of memory for the devices");
	find_devices(w->in, seen);
	for (d = 1; d <= UINT16_MAX; d++) {
		all |= seen[d];
		n += seen[d] != 0;
	}
	w->has_devices = all == 3;
	out->items = w->has_devices ? calloc(n, sizeof(*out->items)) : NULL;
	if (w->has_devices && !out->items)
		code = jm_error_set(err, JM_E_NOMEM, "out of memory for the devices");
	for (d = 1; d <= UINT16_MAX && w->has_devices && code == 0; d++) {
		if (!seen[d])
			continue;
		code = jm_work_view_init(&out->items[out->n], w, (uint16_t)d, err);
		out->n += code == 0;
	}
	free(seen);
	return code;
}

static bool has_own(const struct jm_work *w)
{
	size_t c;

	for (c = 0; c < w->in->n_channels; c++)
		if (is_own(w, c))
			return true;
	return false;
}

/* Picks the method of w and of each view that has channels; the result names that of the first. */
static int pick_methods(struct jm_work *w, const struct views *views)
{
	char reason[sizeof(w->result->method_reason)];
	const struct jm_work *first = NULL;
	size_t i;
	int code = 0;

	for (i = 0; i <= views->n && code == 0; i++) {
		struct jm_work *v = i ? &views->items[i - 1].work : w;

		pick_method(v, reason, sizeof(reason));
		if (!first || (!has_own(first) && has_own(v))) {
			first = v;
			snprintf(w->result->method_reason, sizeof(w->result->method_reason), "%s", reason);
		} else if (has_own(v) && v->method != first->method) {
			code = jm_result_note(w->result, "layers on device %u: %s, %s", v->device,
					      jm_method_text(v->method), reason);
		}
	}
	w->result->method = first ? first->method : w->method;
	return code;
}

/* What ran on a device that no channel reads has times all the same, unless a channel of the whole machine has them. */
static int attribute_unseen(const struct views *views, bool is_all_seen, struct jm_error *err)
{
	size_t i;
	int code = 0;

	for (i = 0; i < views->n && !is_all_seen && code == 0; i++)
		if (!has_own(&views->items[i].work))
			code =
			    attribute_nothing(&views->items[i].work, "no sensor read the device that it ran on", err);
	return code;
}

static int attribute_views(struct jm_work *w, const struct views *views, struct jm_error *err)
{
	bool is_all_seen = false;
	size_t c, n_primary = 0;
	int code = pick_methods(w, views);

	for (c = 0; c < w->in->n_channels && code == 0; c++) {
		uint16_t device = jm_work_device_of(w, c);

		if (!is_primary(w, c))
			continue;
		n_primary++;
		is_all_seen = is_all_seen || device == 0;
		code = attribute_channel(device ? view_of(views, device) : w, c, err);
	}
	if (code == 0 && n_primary == 0)
		return attribute_nothing(w, "no sensor gave energy", err);
	settle_method(w);
	return code ? code : attribute_unseen(views, is_all_seen, err);
}

static int attribute(struct jm_work *w, struct jm_error *err)
{
	struct views views = {0};
	size_t i;
	int code = jm_work_time(w, err);

	if (code == 0)
		code = jm_work_channels(w, err);
	if (code == 0)
		code = make_views(w, &views, err);
	if (code == 0)
		code = attribute_views(w, &views, err);
	for (i = 0; i < views.n; i++)
		jm_work_view_finish(&views.items[i]);
	free(views.items);
	if (code == 0)
		code = attribute_iterations(w, err);
	return code ? code : jm_split_add(w, err);
}

int jm_attribute(const struct jm_attribution_input *in, const struct jm_attribution_options *opt,
		 struct jm_result *result, struct jm_error *err)
{
	struct jm_work w = {.in = in, .opt = opt, .result = result};
	int code;

	code = attribute(&w, err);
	jm_work_finish(&w);
	return code;
}
