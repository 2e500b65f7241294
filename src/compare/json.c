#include "compare/hotspots.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static void key(struct jm_buffer *b, const char *name)
{
	jm_buffer_json_string(b, name);
	jm_buffer_puts(b, ":");
}

static void text(struct jm_buffer *b, const char *name, const char *value)
{
	key(b, name);
	if (value[0])
		jm_buffer_json_string(b, value);
	else
		jm_buffer_puts(b, "null");
	jm_buffer_puts(b, ",");
}

static void number(struct jm_buffer *b, const char *name, double value)
{
	key(b, name);
	jm_buffer_json_number(b, value);
	jm_buffer_puts(b, ",");
}

static void lines(struct jm_buffer *b, const char *name, const struct jm_buffer *from)
{
	char line[1024];
	size_t at = 0;

	key(b, name);
	jm_buffer_puts(b, "[");
	while (at < from->n) {
		const char *start = from->data + at, *end = memchr(start, '\n', from->n - at);
		size_t n = end ? (size_t)(end - start) : from->n - at, kept = n < sizeof(line) ? n : sizeof(line) - 1;

		memcpy(line, start, kept);
		line[kept] = '\0';
		jm_buffer_puts(b, at ? "," : "");
		jm_buffer_json_string(b, line);
		at += n + 1;
	}
	jm_buffer_puts(b, "],\n");
}

static void against(struct jm_buffer *b, const struct jm_against *a)
{
	jm_buffer_puts(b, "{");
	number(b, "value", a->value);
	jm_buffer_puts(b, "\"ci\":");
	if (isfinite(a->ci.low) && isfinite(a->ci.high)) {
		jm_buffer_puts(b, "[");
		jm_buffer_json_number(b, a->ci.low);
		jm_buffer_puts(b, ",");
		jm_buffer_json_number(b, a->ci.high);
		jm_buffer_puts(b, "],");
	} else {
		jm_buffer_puts(b, "null,");
	}
	number(b, "p", a->p);
	jm_buffer_printf(b, "\"basis\":\"%s\",\"n\":%zu,", jm_basis_text(a->basis), a->n);
	text(b, "reason", a->why);
	b->n -= !b->is_failed;
	jm_buffer_puts(b, "}");
}

static void trial(struct jm_buffer *b, const struct jm_trial *t)
{
	int f;

	jm_buffer_puts(b, "{");
	text(b, "path", t->path);
	text(b, "model", t->model);
	text(b, "precision", t->precision);
	text(b, "provider", t->provider);
	text(b, "hostname", t->hostname);
	text(b, "cpu", t->cpu);
	text(b, "channels", t->channels);
	text(b, "state", jm_state_text(t->state));
	text(b, "score_reason", t->score.reason);
	text(b, "rest", t->rest);
	text(b, "timestamp", t->timestamp);
	jm_buffer_printf(b,
			 "\"round\":%" PRIu64 ",\"position\":%" PRIu64 ",\"iterations\":%" PRIu64
			 ",\"items_per_iteration\":%" PRIu64,
			 t->round, t->position, t->iterations, t->items_per_iteration);
	for (f = 0; f < JM_N_FIGURES; f++) {
		jm_buffer_puts(b, ",");
		key(b, jm_figure_key((enum jm_figure)f));
		jm_buffer_json_number(b, t->values[f]);
	}
	jm_buffer_puts(b, ",");
	key(b, "own_cost");
	jm_own_cost_json(&t->own_cost, b);
	jm_buffer_puts(b, "}");
}

static void variant(struct jm_buffer *b, const struct jm_variant *v, bool is_first)
{
	size_t i;
	int f;

	jm_buffer_puts(b, "{");
	text(b, "name", v->name);
	text(b, "state", jm_state_text(v->state));
	text(b, "score", v->trials[0]->score.name);
	jm_buffer_printf(b, "\"integers_simulated\":%s,",
			 v->is_simulated < 0 ? "null"
			 : v->is_simulated   ? "true"
					     : "false");
	text(b, "integers_reason", v->simulated_reason);
	jm_buffer_puts(b, "\"figures\":{");
	for (f = 0; f < JM_N_FIGURES; f++) {
		jm_buffer_puts(b, f ? ",\n" : "\n");
		key(b, jm_figure_key((enum jm_figure)f));
		jm_buffer_puts(b, "{");
		number(b, "mean", v->mean[f]);
		number(b, "std", v->std[f]);
		key(b, f == JM_FIGURE_SCORE ? "difference" : "ratio");
		if (is_first)
			jm_buffer_puts(b, "null");
		else
			against(b, &v->against[f]);
		jm_buffer_puts(b, "}");
	}
	jm_buffer_puts(b, "},\n\"trials\":[");
	for (i = 0; i < v->n_trials; i++) {
		jm_buffer_puts(b, i ? ",\n" : "\n");
		trial(b, v->trials[i]);
	}
	jm_buffer_puts(b, "]}");
}

static void amounts(struct jm_buffer *b, const struct jm_variant *v, const struct jm_tariff *t)
{
	char name[48];
	size_t k;

	jm_buffer_puts(b, "{");
	text(b, "variant", v->name);
	for (k = 0; k < JM_N_AMOUNTS; k++) {
		double value = v->mean[jm_amounts[k].figure];

		snprintf(name, sizeof(name), "carbon_g%s", jm_amounts[k].ending);
		number(b, name, jm_amount_of(t, &jm_amounts[k], true, value));
		snprintf(name, sizeof(name), "price%s", jm_amounts[k].ending);
		number(b, name, jm_amount_of(t, &jm_amounts[k], false, value));
	}
	b->n -= !b->is_failed;
	jm_buffer_puts(b, "}");
}

/* As in a report; null where the user gave no figures. */
static void tariff_json(struct jm_buffer *b, const struct jm_comparison_data *c, const struct jm_tariff *t)
{
	size_t i;

	key(b, "tariff");
	if (!t->has_carbon && !t->has_price) {
		jm_buffer_puts(b, "null,\n");
		return;
	}
	jm_buffer_puts(b, "{");
	text(b, "source", "given by the user");
	number(b, "carbon_g_per_kwh", t->has_carbon ? t->carbon_g_per_kwh : NAN);
	number(b, "price_per_kwh", t->has_price ? t->price_per_kwh : NAN);
	text(b, "currency", t->currency);
	jm_buffer_puts(b, "\"variants\":[");
	for (i = 0; i < c->n_variants; i++) {
		jm_buffer_puts(b, i ? ",\n" : "\n");
		amounts(b, &c->variants[i], t);
	}
	jm_buffer_puts(b, "]},\n");
}

void jm_compare_json(const struct jm_comparison_data *c, const struct jm_tariff *tariff, struct jm_buffer *out)
{
	size_t i;

	jm_buffer_printf(out, "{\"format\":\"joulemap-compare/1\",\"joulemap_version\":\"%s\",\n", jm_version());
	lines(out, "notes", &c->notes);
	lines(out, "verdicts", &c->verdicts);
	tariff_json(out, c, tariff);
	jm_buffer_puts(out, "\"variants\":[");
	for (i = 0; i < c->n_variants; i++) {
		jm_buffer_puts(out, i ? ",\n" : "\n");
		variant(out, &c->variants[i], i == 0);
	}
	jm_buffer_puts(out, "]");
	if (c->layers)
		jm_compare_layers_json(c, out);
	if (c->layers && jm_hotspots_json(c, out))
		out->is_failed = true;
	jm_buffer_puts(out, "}\n");
}
