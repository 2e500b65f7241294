#define _GNU_SOURCE
#include "report/prediction.h"

#include "core/display.h"
#include "report/cells.h"

#include <math.h>
#include <stdio.h>

static const char *figure(double value, char out[32])
{
	if (isnan(value))
		snprintf(out, 32, "-");
	else
		snprintf(out, 32, "%.4g", value);
	return out;
}

static const char *interval(const struct jm_guess *g, char out[64])
{
	if (isnan(g->low) || isnan(g->high))
		snprintf(out, 64, "-");
	else
		snprintf(out, 64, "[%.3g, %.3g]", g->low, g->high);
	return out;
}

/* One network alone cannot be left out: nothing is there to learn it from. */
static const char *network_interval(const struct jm_predicted_network *n, const struct jm_guess *g, char out[64])
{
	unsigned long long n_out = n->n_networks < 2 ? 0 : n->n_networks;

	if (!isnan(g->low) && !isnan(g->high))
		return interval(g, out);
	if (n_out < JM_INTERVAL_MIN)
		snprintf(out, 64, "no interval: %llu networks were left out, it takes %d", n_out, JM_INTERVAL_MIN);
	else
		snprintf(out, 64, "no interval: it takes %d networks that can be left out", JM_INTERVAL_MIN);
	return out;
}

static void header(const struct jm_predicted_network *n, struct jm_buffer *out)
{
	char a[32], b[64];

	jm_buffer_printf(out, "network     %s\n", n->path);
	jm_buffer_printf(out, "learnt      %s%s%s, %s\n", n->predictor, n->device[0] ? ", on " : "", n->device,
			 jm_approach_text(n->approach));
	jm_buffer_printf(out, "predicted   %zu of %zu layers, none of them measured", n->n_predicted, n->n);
	if (n->n_shapes_seen)
		jm_buffer_printf(out, "; the model ran once, for %zu shapes", n->n_shapes_seen);
	if (n->n_folded)
		jm_buffer_printf(out, "; %zu more run inside of the layer before", n->n_folded);
	jm_buffer_puts(out, "\n");
	if (n->is_open)
		jm_buffer_puts(out, "            the model leaves sizes open: --shape NAME=1x3xHxW gives them\n");
	if (n->n_outside)
		jm_buffer_printf(out, "            %zu layers lie outside of the training range: their figures are guesses\n",
				 n->n_outside);
	if (n->n_predicted == 0) {
		jm_buffer_puts(out, "runtime     unknown\n");
		return;
	}
	jm_buffer_printf(out, "runtime     %s ms  %s\n", figure(n->runtime_ms.value, a),
			 network_interval(n, &n->runtime_ms, b));
	if (isnan(n->energy_mj.value)) {
		jm_buffer_puts(out, "energy      unknown: the training data hold no measured power of these layers\n");
		return;
	}
	jm_buffer_printf(out, "energy      %s mJ  %s, above idle\n", figure(n->energy_mj.value, a),
			 network_interval(n, &n->energy_mj, b));
	jm_buffer_printf(out, "power       %s W above idle\n", figure(n->power_w.value, a));
}

int jm_prediction_table(const struct jm_predicted_network *n, const struct jm_prediction_view *v, struct jm_buffer *out)
{
	static const char *const titles[] = {"name", "type", "kind", "ms", "interval", "W", "mJ", "interval", "note"};
	struct jm_cells cells = {
	    .n_columns = 9, .is_left = {true, true, true, false, false, false, false, false, true}, .spare = {0, 3, 4}};
	size_t i, shown = v->limit && v->limit < n->n ? v->limit : n->n;
	char a[32], b[64];
	int rc;

	header(n, out);
	jm_buffer_puts(out, "\n");
	for (i = 0; i < 9; i++)
		jm_cells_add(&cells, "%s", titles[i]);
	for (i = 0; i < shown; i++) {
		const struct jm_predicted_layer *l = &n->layers[i];

		jm_cells_add(&cells, "%s", l->name);
		jm_cells_add(&cells, "%s", l->type);
		jm_cells_add(&cells, "%s", l->is_known ? jm_layer_kind_text(l->features.kind) : "-");
		jm_cells_add(&cells, "%s", figure(l->guess.runtime_ms.value, a));
		jm_cells_add(&cells, "%s", interval(&l->guess.runtime_ms, b));
		jm_cells_add(&cells, "%s", figure(l->guess.power_w.value, a));
		jm_cells_add(&cells, "%s", figure(l->guess.energy_mj.value, a));
		jm_cells_add(&cells, "%s", interval(&l->guess.energy_mj, b));
		jm_cells_add(&cells, "%s", l->guess.reason);
	}
	rc = jm_cells_print(&cells, 0, v->width, v->is_colour, out);
	if (shown < n->n)
		jm_buffer_printf(out, "  ... and %zu more: --limit all shows them\n", n->n - shown);
	for (i = 0; i < n->n_notes; i++)
		jm_buffer_printf(out, "note: %s\n", n->notes[i]);
	return rc;
}

static void csv_number(struct jm_buffer *out, double value)
{
	char text[32];

	if (isfinite(value))
		jm_buffer_append(out, text, jm_text_shortest(value, text));
}

int jm_prediction_csv(const struct jm_predicted_network *n, struct jm_buffer *out)
{
	size_t i, k;

	jm_buffer_puts(out, "power_prediction,runtime_prediction,layer_name,layer_type,kind,energy_prediction_mj,power_low,"
			    "power_high,runtime_low,runtime_high,energy_low_mj,energy_high_mj,outside,reason\n");
	for (i = 0; i < n->n; i++) {
		const struct jm_predicted_layer *l = &n->layers[i];
		const struct jm_layer_guess *g = &l->guess;
		double tail[] = {g->energy_mj.value, g->power_w.low,	g->power_w.high,  g->runtime_ms.low,
				 g->runtime_ms.high, g->energy_mj.low, g->energy_mj.high};

		csv_number(out, g->power_w.value);
		jm_buffer_puts(out, ",");
		csv_number(out, g->runtime_ms.value);
		jm_buffer_puts(out, ",");
		jm_buffer_csv(out, l->name);
		jm_buffer_puts(out, ",");
		jm_buffer_csv(out, l->type);
		jm_buffer_printf(out, ",%s", l->is_known ? jm_layer_kind_text(l->features.kind) : "");
		for (k = 0; k < sizeof(tail) / sizeof(tail[0]); k++) {
			jm_buffer_puts(out, ",");
			csv_number(out, tail[k]);
		}
		jm_buffer_printf(out, ",%d,", g->is_outside);
		jm_buffer_csv(out, g->reason);
		jm_buffer_puts(out, "\n");
	}
	return out->is_failed ? JM_E_NOMEM : 0;
}

static void json_guess(struct jm_buffer *out, const char *key, const struct jm_guess *g)
{
	jm_buffer_printf(out, ",\"%s\":", key);
	jm_buffer_json_number(out, g->value);
	jm_buffer_printf(out, ",\"%s_interval\":[", key);
	jm_buffer_json_number(out, g->low);
	jm_buffer_puts(out, ",");
	jm_buffer_json_number(out, g->high);
	jm_buffer_puts(out, "]");
}

int jm_prediction_json(const struct jm_predicted_network *n, struct jm_buffer *out)
{
	size_t i;

	jm_buffer_puts(out, "{\"format\":\"joulemap-prediction/1\",\"network\":");
	jm_buffer_json_string(out, n->path);
	jm_buffer_puts(out, ",\"device\":");
	jm_buffer_json_string(out, n->device);
	jm_buffer_printf(out, ",\"approach\":\"%s\",\"layers_predicted\":%zu,\"layers_outside\":%zu,\"layers_folded\":%zu",
			 jm_approach_text(n->approach), n->n_predicted, n->n_outside, n->n_folded);
	json_guess(out, "runtime_ms", &n->runtime_ms);
	json_guess(out, "power_above_idle_w", &n->power_w);
	json_guess(out, "energy_above_idle_mj", &n->energy_mj);
	jm_buffer_puts(out, ",\"notes\":[");
	for (i = 0; i < n->n_notes; i++) {
		jm_buffer_puts(out, i ? "," : "");
		jm_buffer_json_string(out, n->notes[i]);
	}
	jm_buffer_puts(out, "],\"layers\":[");
	for (i = 0; i < n->n; i++) {
		const struct jm_predicted_layer *l = &n->layers[i];

		jm_buffer_puts(out, i ? ",\n{\"name\":" : "\n{\"name\":");
		jm_buffer_json_string(out, l->name);
		jm_buffer_puts(out, ",\"type\":");
		jm_buffer_json_string(out, l->type);
		jm_buffer_printf(out, ",\"kind\":\"%s\"", l->is_known ? jm_layer_kind_text(l->features.kind) : "");
		json_guess(out, "runtime_ms", &l->guess.runtime_ms);
		json_guess(out, "power_above_idle_w", &l->guess.power_w);
		json_guess(out, "energy_above_idle_mj", &l->guess.energy_mj);
		jm_buffer_printf(out, ",\"outside\":%s,\"reason\":", l->guess.is_outside ? "true" : "false");
		jm_buffer_json_string(out, l->guess.reason);
		jm_buffer_puts(out, "}");
	}
	jm_buffer_puts(out, "]}\n");
	return out->is_failed ? JM_E_NOMEM : 0;
}
