/* A comparison as a picture. */
#define _GNU_SOURCE
#include "compare/write.h"
#include "core/error.h"
#include "joulemap/plot.h"
#include "plot/plot_variants.h"
#include "session/compare.h"
#include "session/write.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A figure as a panel shows it. */
struct shown {
	enum jm_figure figure;
	const char *title, *unit;
	double factor; /* to the unit */
};

/* Bars of one panel, with what they point to. */
struct panel_bars {
	struct jm_plot_bar *bars; /* n_variants; owned */
	double *trials;           /* of all variants, one after the other; owned */
	char (*below)[96];        /* owned */
};

static bool is_known(const struct jm_comparison_data *c, enum jm_figure f)
{
	size_t i;

	for (i = 0; i < c->n_variants; i++)
		if (isfinite(c->variants[i].mean[f]))
			return true;
	return false;
}

static bool knows_interval(const struct jm_comparison_data *c, enum jm_figure f)
{
	size_t i;

	for (i = 1; i < c->n_variants; i++)
		if (isfinite(c->variants[i].against[f].ci.low))
			return true;
	return false;
}

/* Energy, time, and what else tells: the score where there is one, else the power. Gives how many. */
static size_t pick(const struct jm_comparison_data *c, struct shown out[JM_PLOT_PANELS_MAX])
{
	static const struct shown energies[] = {{JM_FIGURE_ENERGY_ITEM, "Energy an item", "J", 1e-3},
						{JM_FIGURE_ENERGY_ITERATION, "Energy an inference", "J", 1e-3},
						{JM_FIGURE_ENERGY, "Energy", "J", 1}};
	static const struct shown times[] = {{JM_FIGURE_LATENCY, "Latency", "s", 1e-3}, {JM_FIGURE_DURATION, "Time", "s", 1}};
	const char *score = c->variants[0].trials[0]->score.name;
	bool is_accuracy = strcmp(score, "accuracy") == 0;
	struct shown others[] = {{JM_FIGURE_SCORE, is_accuracy ? "Accuracy" : score, is_accuracy ? "%" : "", is_accuracy ? 100 : 1},
				 {JM_FIGURE_POWER, "Mean power", "W", 1}};
	size_t n = 0, i;

	for (i = 0; i < 3 && n < 1; i++)
		if (is_known(c, energies[i].figure))
			out[n++] = energies[i];
	for (i = 0; i < 2; i++)
		if (is_known(c, times[i].figure)) {
			out[n++] = times[i];
			break;
		}
	for (i = 0; i < 2; i++)
		if (is_known(c, others[i].figure)) {
			out[n++] = others[i];
			break;
		}
	return n;
}

static void describe_difference(const struct jm_against *a, const struct shown *s, char *out, size_t size)
{
	const char *star = a->p < 0.05 ? "*" : "";
	double low = s->factor * a->ci.low, high = s->factor * a->ci.high;

	/* Of a metric of the user's the scale is not known. */
	if (s->factor != 100 && isfinite(low))
		snprintf(out, size, "%+.3g [%.3g, %.3g]%s", s->factor * a->value, low, high, star);
	else if (s->factor != 100)
		snprintf(out, size, "%+.3g", s->factor * a->value);
	else if (isfinite(low))
		snprintf(out, size, "%+.2f points [%.2f, %.2f]%s", s->factor * a->value, low, high, star);
	else
		snprintf(out, size, "%+.2f points", s->factor * a->value);
}

/* As short as in the table, for it stands below a bar. */
static void describe(const struct jm_variant *v, const struct shown *s, char *out, size_t size)
{
	const struct jm_against *a = &v->against[s->figure];
	bool is_difference = s->figure == JM_FIGURE_SCORE && strcmp(v->trials[0]->score.name, "perplexity") != 0;
	const char *star = a->p < 0.05 ? "*" : "";
	char value[16], low[16], high[16];

	jm_compare_ratio_text(a->value, value, sizeof(value));
	jm_compare_ratio_text(a->ci.low, low, sizeof(low));
	jm_compare_ratio_text(a->ci.high, high, sizeof(high));
	if (!isfinite(a->value))
		snprintf(out, size, "%s", a->why[0] ? "not comparable" : "");
	else if (is_difference)
		describe_difference(a, s, out, size);
	else if (isfinite(a->ci.low))
		snprintf(out, size, "%s× [%s, %s]%s", value, low, high, star);
	else
		snprintf(out, size, "%s×", value);
}

static int fill(const struct jm_comparison_data *c, const struct shown *s, struct panel_bars *out)
{
	size_t i, k, n = 0;

	out->bars = calloc(c->n_variants, sizeof(*out->bars));
	out->trials = calloc(c->n_trials, sizeof(*out->trials));
	out->below = calloc(c->n_variants, sizeof(*out->below));
	if (!out->bars || !out->trials || !out->below)
		return JM_E_NOMEM;
	for (i = 0; i < c->n_variants; i++) {
		const struct jm_variant *v = &c->variants[i];

		out->bars[i] = (struct jm_plot_bar){.value = v->mean[s->figure] * s->factor,
						    .below = out->below[i],
						    .trials = &out->trials[n],
						    .n_trials = v->n_trials};
		out->bars[i].is_estimated = v->state == JM_STATE_ESTIMATED &&
					    (strcmp(s->unit, "J") == 0 || strcmp(s->unit, "W") == 0);
		for (k = 0; k < v->n_trials; k++)
			out->trials[n++] = v->trials[k]->values[s->figure] * s->factor;
		if (i)
			describe(v, s, out->below[i], sizeof(*out->below));
	}
	return 0;
}

static void finish(struct panel_bars *b)
{
	free(b->bars);
	free(b->trials);
	free(b->below);
}

static int draw(const struct jm_comparison_data *c, const struct jm_plot_view *view, struct jm_buffer *out, struct jm_error *err)
{
	struct shown shown[JM_PLOT_PANELS_MAX];
	struct panel_bars bars[JM_PLOT_PANELS_MAX] = {0};
	struct jm_plot_panel panels[JM_PLOT_PANELS_MAX];
	struct jm_plot_variants in = {.panels = panels, .n_panels = pick(c, shown), .n_variants = c->n_variants};
	const char **names = calloc(c->n_variants, sizeof(*names));
	bool is_estimated = false, has_trials = false, has_ci = false;
	char subtitle[200], note[400];
	size_t i;
	int rc = names ? 0 : JM_E_NOMEM;

	for (i = 0; rc == 0 && i < c->n_variants; i++) {
		names[i] = c->variants[i].name;
		is_estimated = is_estimated || c->variants[i].state == JM_STATE_ESTIMATED;
		has_trials = has_trials || c->variants[i].n_trials > 1;
	}
	for (i = 0; rc == 0 && i < in.n_panels; i++) {
		has_ci = has_ci || knows_interval(c, shown[i].figure);
		rc = fill(c, &shown[i], &bars[i]);
		panels[i] = (struct jm_plot_panel){shown[i].title, shown[i].unit, bars[i].bars};
	}
	snprintf(subtitle, sizeof(subtitle), "Side by side%s%s", c->n_variants > 1 ? "; below each what it comes to against " : "",
		 c->n_variants > 1 ? c->variants[0].name : "");
	snprintf(note, sizeof(note), "%s%s%s", has_trials ? "Dots: trials. " : "",
		 is_estimated ? "Pale: estimated from processor use, not measured. " : "",
		 has_ci ? "In brackets: 95 % intervals; *: a difference shown." : "");
	in.title = c->variants[0].trials[0]->model[0] && c->n_variants == 1 ? c->variants[0].trials[0]->model : "Comparison";
	in.subtitle = subtitle;
	in.note = note;
	in.names = names;
	in.format = strcmp(view->format, "svg") == 0 ? JM_CANVAS_SVG : JM_CANVAS_PNG;
	in.width = view->width;
	in.scale = view->scale;
	if (rc)
		jm_error_set(err, rc, "out of memory for the picture");
	else if (in.n_panels == 0)
		rc = jm_error_set(err, JM_E_NOT_FOUND, "no figure of these recordings is known");
	else
		rc = jm_plot_variants_draw(&in, out, err);
	for (i = 0; i < JM_PLOT_PANELS_MAX; i++)
		finish(&bars[i]);
	free((void *)names);
	return rc;
}

int jm_comparison_plot(const struct jm_comparison *c, const struct jm_plot_view *view, jm_write_fn write, void *ctx,
		       struct jm_error *err)
{
	struct jm_plot_view used = {.size = sizeof(used)};
	struct jm_buffer b = {0};
	int rc;

	memcpy(&used, view, view->size < sizeof(used) ? view->size : sizeof(used));
	if (!used.format || (strcmp(used.format, "svg") != 0 && strcmp(used.format, "png") != 0))
		return jm_error_set(err, JM_E_INVALID, "pictures are svg or png, not '%s'", used.format ? used.format : "");
	rc = draw(jm_comparison_data_of(c), &used, &b, err);
	return jm_session_write(&b, rc, "the picture", write, ctx, err);
}
