#define _GNU_SOURCE
#include "compare/write.h"

#include "core/display.h"
#include "report/cells.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CELL         64
#define NAME_COLUMNS 24 /* of a variant in a heading */

void jm_compare_line(const char *line, size_t n, int terminal, struct jm_buffer *out)
{
	size_t from = out->n;

	jm_buffer_append(out, line, n);
	jm_buffer_puts(out, "\n");
	jm_display_wrap(out, from, terminal, JM_DISPLAY_HANG);
}

void jm_compare_say(int width, struct jm_buffer *out, const char *format, ...)
{
	char text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	jm_display_neutralise(text);
	jm_compare_line(text, strlen(text), width, out);
}

static void print_lines(const char *prefix, const struct jm_buffer *lines, int width, struct jm_buffer *out)
{
	size_t at = 0;

	while (at < lines->n) {
		const char *line = lines->data + at, *end = memchr(line, '\n', lines->n - at);
		size_t n = end ? (size_t)(end - line) : lines->n - at;

		jm_compare_say(width, out, "%s%.*s", prefix, (int)n, line);
		at += n + 1;
	}
}

static bool is_known_of_any(const struct jm_comparison_data *c, enum jm_figure f)
{
	size_t i;

	for (i = 0; i < c->n_variants; i++)
		if (isfinite(c->variants[i].mean[f]))
			return true;
	return false;
}

static bool has_iterations(const struct jm_comparison_data *c)
{
	return is_known_of_any(c, JM_FIGURE_LATENCY);
}

/* What a table shows: whole runs only where there are no iterations. */
static bool is_shown(const struct jm_comparison_data *c, int f)
{
	if (f == JM_FIGURE_DURATION || f == JM_FIGURE_ENERGY)
		return !has_iterations(c);
	if (f == JM_FIGURE_SCORE)
		return c->variants[0].trials[0]->score.name[0] != '\0';
	if (f == JM_FIGURE_LATENCY || f == JM_FIGURE_THROUGHPUT || f == JM_FIGURE_ENERGY_ITERATION ||
	    f == JM_FIGURE_ENERGY_ITEM)
		return has_iterations(c);
	return true;
}

static bool is_accuracy(const struct jm_comparison_data *c)
{
	return strcmp(c->variants[0].trials[0]->score.name, "accuracy") == 0;
}

#define ROWS_MAX (JM_N_FIGURES + 5) /* heading, precision, trials, carbon, price */
#define GAP      2

/* A row a figure, a column a variant: what is compared stands side by side, and four variants fit 80 columns. */
struct grid {
	size_t n_rows, n_columns; /* with the headings */
	size_t capacity;          /* columns */
	char **texts;             /* [row * capacity + column] */
	bool is_failed;
};

static void grid_init(struct grid *g, size_t n_columns)
{
	*g = (struct grid){.n_columns = n_columns, .capacity = n_columns};
	g->texts = calloc(ROWS_MAX * n_columns, sizeof(*g->texts));
	g->is_failed = !g->texts;
}

static void grid_finish(struct grid *g)
{
	size_t i;

	for (i = 0; g->texts && i < g->n_rows * g->capacity; i++)
		free(g->texts[i]);
	free(g->texts);
}

__attribute__((format(printf, 3, 4))) static void set(struct grid *g, size_t column, const char *format, ...)
{
	va_list args;
	char *text;
	int n;

	if (g->is_failed)
		return;
	va_start(args, format);
	n = vasprintf(&text, format, args);
	va_end(args);
	g->is_failed = n < 0;
	if (g->is_failed)
		return;
	jm_display_neutralise(text);
	if (g->n_rows == 1)
		jm_display_cut(text, NAME_COLUMNS);
	g->texts[(g->n_rows - 1) * g->capacity + column] = text;
}

static size_t column_width(const struct grid *g, size_t column)
{
	size_t widest = 0, i;

	for (i = 0; i < g->n_rows; i++) {
		size_t n = jm_display_columns(g->texts[i * g->capacity + column]);

		widest = n > widest ? n : widest;
	}
	return widest;
}

/* Gives the column behind the last one that fits beside the headings; at least one does. */
static size_t last_that_fits(const struct grid *g, size_t from, size_t width)
{
	size_t used = column_width(g, 0), to = from;

	while (to < g->n_columns && to - from + 1 < JM_CELLS_COLUMNS_MAX) {
		used += GAP + column_width(g, to);
		if (to > from && width && used > width)
			break;
		to++;
	}
	return to;
}

/* Prints it, in several parts where there are more variants than fit. Frees it. */
static int grid_print(struct grid *g, const struct jm_compare_view *view, struct jm_buffer *out)
{
	size_t from, to, row, i;
	int rc = g->is_failed ? JM_E_NOMEM : 0;

	for (from = 1; from < g->n_columns && rc == 0; from = to) {
		struct jm_cells cells = {.is_left = {true}};

		to = last_that_fits(g, from, view->width > 0 ? (size_t)view->width : 0);
		cells.n_columns = to - from + 1;
		for (row = 0; row < g->n_rows; row++) {
			jm_cells_add(&cells, "%s", g->texts[row * g->capacity]);
			for (i = from; i < to; i++)
				jm_cells_add(&cells, "%s", g->texts[row * g->capacity + i]);
		}
		jm_buffer_puts(out, from > 1 ? "\n" : "");
		rc = jm_cells_print(&cells, 0, view->width, view->is_colour, out);
	}
	grid_finish(g);
	return rc;
}

static void set_heading(const struct jm_comparison_data *c, int f, struct grid *g)
{
	g->n_rows++;
	if (f == JM_FIGURE_SCORE)
		set(g, 0, "%s%s", c->variants[0].trials[0]->score.name, is_accuracy(c) ? " %" : "");
	else
		set(g, 0, "%s", jm_figure_heading((enum jm_figure)f));
}

static void set_figures(const struct jm_comparison_data *c, int f, struct grid *g)
{
	char text[CELL];
	size_t i;

	set_heading(c, f, g);
	for (i = 0; i < c->n_variants; i++) {
		double value = c->variants[i].mean[f];

		if (f == JM_FIGURE_SCORE && is_accuracy(c) && isfinite(value))
			snprintf(text, sizeof(text), "%.2f", 100 * value);
		else
			jm_figure_text((enum jm_figure)f, value, text, sizeof(text));
		set(g, i + 1, "%s", text);
	}
}

static void set_facts(const struct jm_comparison_data *c, struct grid *g)
{
	size_t i;

	g->n_rows++;
	set(g, 0, "%s", "");
	for (i = 0; i < c->n_variants; i++)
		set(g, i + 1, "%s", c->variants[i].name);
	g->n_rows++;
	set(g, 0, "precision");
	for (i = 0; i < c->n_variants; i++) {
		const struct jm_variant *v = &c->variants[i];

		set(g, i + 1, "%s%s", v->trials[0]->precision[0] ? v->trials[0]->precision : "-",
		    v->is_simulated == 1 ? ", simulated" : "");
	}
	g->n_rows++;
	set(g, 0, "trials");
	for (i = 0; i < c->n_variants; i++)
		set(g, i + 1, "%zu", c->variants[i].n_trials);
}

/* Of single items amounts are too small to read: a million of them is what a service answers. */
static void set_amounts(const struct jm_comparison_data *c, const struct jm_tariff *t, bool is_carbon, struct grid *g)
{
	const struct jm_amount *a = jm_amount_shown(c);
	const char *unit = is_carbon ? "g CO2e" : t->currency[0] ? t->currency : "price";
	double n = a->each[0] ? 1e6 : 1;
	size_t i;

	g->n_rows++;
	set(g, 0, a->each[0] ? "%s/1M %ss" : "%s", unit, a->each);
	for (i = 0; i < c->n_variants; i++) {
		double value = n * jm_amount_of(t, a, is_carbon, c->variants[i].mean[a->figure]);

		if (isfinite(value))
			set(g, i + 1, "%#.4g", value);
		else
			set(g, i + 1, "-");
	}
}

static void explain_amounts(const struct jm_tariff *t, int width, struct jm_buffer *out)
{
	char carbon[64] = "", price[64] = "";

	if (t->has_carbon)
		jm_amount_rate(t, true, carbon, sizeof(carbon));
	if (t->has_price)
		jm_amount_rate(t, false, price, sizeof(price));
	if (t->has_carbon || t->has_price)
		jm_compare_say(width, out, "at %s%s%s, your own figures; their ratios are those of the energy", carbon,
			       t->has_carbon && t->has_price ? " and " : "", price);
}

static int print_figures(const struct jm_comparison_data *c, const struct jm_compare_view *view, struct jm_buffer *out)
{
	struct grid g;
	size_t i;
	int f, rc;

	grid_init(&g, c->n_variants + 1);
	set_facts(c, &g);
	for (f = 0; f < JM_N_FIGURES; f++) {
		if (is_shown(c, f))
			set_figures(c, f, &g);
		if (f != JM_FIGURE_ENERGY_ITEM)
			continue;
		g.n_rows++;
		set(&g, 0, "energy is");
		for (i = 0; i < c->n_variants; i++)
			set(&g, i + 1, "%s", jm_state_text(c->variants[i].state));
		if (view->tariff.has_carbon)
			set_amounts(c, &view->tariff, true, &g);
		if (view->tariff.has_price)
			set_amounts(c, &view->tariff, false, &g);
	}
	rc = grid_print(&g, view, out);
	explain_amounts(&view->tariff, view->width, out);
	return rc;
}

void jm_compare_ratio_text(double ratio, char *out, size_t size)
{
	if (ratio >= 999.5)
		snprintf(out, size, ">999");
	else if (ratio > 0 && ratio < 0.0005)
		snprintf(out, size, "<0.001");
	else
		snprintf(out, size, "%.*f", ratio > 0 && ratio < 0.0995 ? 3 : ratio < 9.995 ? 2 : ratio < 99.95 ? 1 : 0, ratio);
}

/* "0.61× [0.58, 0.64]" with a star where it is not 1. Of estimates the ratio alone: how they repeat says nothing of the energy. */
static void set_ratio(const struct jm_against *a, bool is_estimate, size_t column, struct grid *g)
{
	char value[16], low[16], high[16];

	jm_compare_ratio_text(a->value, value, sizeof(value));
	jm_compare_ratio_text(a->ci.low, low, sizeof(low));
	jm_compare_ratio_text(a->ci.high, high, sizeof(high));
	if (!isfinite(a->value))
		set(g, column, "-");
	else if (is_estimate)
		set(g, column, "%s%s×", value[0] == '<' || value[0] == '>' ? "" : "~", value);
	else if (isfinite(a->ci.low))
		set(g, column, "%s× [%s, %s]%s", value, low, high, a->p < 0.05 ? "*" : "");
	else
		set(g, column, "%s×", value);
}

static void set_score(const struct jm_comparison_data *c, const struct jm_against *a, size_t column, struct grid *g)
{
	double factor = is_accuracy(c) ? 100 : 1;

	if (!isfinite(a->value) || strcmp(c->variants[0].trials[0]->score.name, "perplexity") == 0)
		set_ratio(a, false, column, g);
	else if (isfinite(a->ci.low) && !is_accuracy(c))
		set(g, column, "%+.4g [%.4g, %.4g]%s", a->value, a->ci.low, a->ci.high, a->p < 0.05 ? "*" : "");
	else if (isfinite(a->ci.low))
		set(g, column, "%+.2f [%.2f, %.2f]%s", factor * a->value, factor * a->ci.low, factor * a->ci.high,
		    a->p < 0.05 ? "*" : "");
	else
		set(g, column, "%+.4g", factor * a->value);
}

static bool is_energy(int f)
{
	return f == JM_FIGURE_POWER || f == JM_FIGURE_ENERGY || f == JM_FIGURE_ENERGY_ITERATION ||
	       f == JM_FIGURE_ENERGY_ITEM;
}

static int print_ratios(const struct jm_comparison_data *c, const struct jm_compare_view *view, struct jm_buffer *out)
{
	static const int shown[] = {
	    JM_FIGURE_DURATION,   JM_FIGURE_LATENCY,    JM_FIGURE_THROUGHPUT,       JM_FIGURE_SCORE,
	    JM_FIGURE_POWER,      JM_FIGURE_ENERGY,     JM_FIGURE_ENERGY_ITERATION, JM_FIGURE_ENERGY_ITEM,
	    JM_FIGURE_MODEL_SIZE, JM_FIGURE_PEAK_MEMORY};
	bool has_estimates = false;
	struct grid g;
	size_t i, k;

	for (i = 1; i < c->n_variants; i++)
		has_estimates = has_estimates || c->variants[i].state == JM_STATE_ESTIMATED;
	jm_buffer_puts(out, "\n");
	jm_compare_say(view->width, out, "against %s, with 95 %% interval; *: a difference shown%s",
		       c->variants[0].name, has_estimates ? "; ~: by an estimate" : "");
	grid_init(&g, c->n_variants);
	g.n_rows++;
	set(&g, 0, "%s", "");
	for (i = 1; i < c->n_variants; i++)
		set(&g, i, "%s", c->variants[i].name);
	for (k = 0; k < sizeof(shown) / sizeof(shown[0]); k++) {
		int f = shown[k];

		if (!is_shown(c, f))
			continue;
		set_heading(c, f, &g);
		for (i = 1; i < c->n_variants; i++) {
			const struct jm_variant *v = &c->variants[i];

			if (f == JM_FIGURE_SCORE)
				set_score(c, &v->against[f], i, &g);
			else
				set_ratio(&v->against[f], is_energy(f) && v->state == JM_STATE_ESTIMATED, i, &g);
		}
	}
	return grid_print(&g, view, out);
}

/* How the intervals came about, where there are any. */
static void print_basis(const struct jm_comparison_data *c, struct jm_buffer *out)
{
	const struct jm_variant *v = &c->variants[1];
	const struct jm_against *a = &v->against[has_iterations(c) ? jm_comparison_energy_figure(v) : JM_FIGURE_ENERGY];

	if (a->basis == JM_BASIS_NONE)
		a = &v->against[has_iterations(c) ? JM_FIGURE_LATENCY : JM_FIGURE_DURATION];
	if (a->basis == JM_BASIS_BLOCKS)
		jm_buffer_printf(out, "intervals from %zu stretches of %.3g s and more inside one run each\n", a->n,
				 v->trials[0]->block_s);
	else if (a->basis == JM_BASIS_NONE)
		jm_buffer_puts(
		    out, "no intervals: they take several recordings of each, or longer ones of an inference loop\n");
	else
		jm_buffer_printf(out, "intervals from %zu %s\n", a->n, jm_basis_text(a->basis));
}

/* Trials of several variants follow each other: what each took adds up. */
static void print_own_cost(const struct jm_comparison_data *c, int width, struct jm_buffer *out)
{
	struct jm_own_cost sum = {.cpu_s = 0}, cost;
	struct jm_buffer text = {0};
	size_t i;

	for (i = 0; i < c->n_variants; i++) {
		cost = jm_comparison_own_cost(c->variants[i].trials, c->variants[i].n_trials);
		jm_own_cost_add(&sum, &cost);
	}
	jm_own_cost_text(&sum, &text);
	if (jm_buffer_terminate(&text))
		jm_compare_say(width, out, "own cost of measuring these: %s", text.data);
	out->is_failed = out->is_failed || text.is_failed;
	jm_buffer_finish(&text);
}

int jm_compare_table(const struct jm_comparison_data *c, const struct jm_compare_view *view, struct jm_buffer *out)
{
	int rc;

	print_lines("note: ", &c->notes, view->width, out);
	jm_buffer_puts(out, c->notes.n ? "\n" : "");
	rc = print_figures(c, view, out);
	if (rc == 0 && c->n_variants > 1) {
		rc = print_ratios(c, view, out);
		print_basis(c, out);
		jm_buffer_puts(out, "\n");
		print_lines("", &c->verdicts, view->width, out);
	}
	print_own_cost(c, view->width, out);
	return rc;
}
