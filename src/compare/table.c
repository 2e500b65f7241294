#include "compare/write.h"

#include "report/cells.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define CELL 64

static void print_lines(const char *prefix, const struct jm_buffer *lines, struct jm_buffer *out)
{
	size_t at = 0;

	while (at < lines->n) {
		const char *line = lines->data + at, *end = memchr(line, '\n', lines->n - at);
		size_t n = end ? (size_t)(end - line) + 1 : lines->n - at;

		jm_buffer_puts(out, prefix);
		jm_buffer_append(out, line, n);
		at += n;
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

static void add_heading(const struct jm_comparison_data *c, int f, struct jm_cells *cells)
{
	if (f == JM_FIGURE_SCORE)
		jm_cells_add(cells, "%s%s", c->variants[0].trials[0]->score.name, is_accuracy(c) ? " %" : "");
	else
		jm_cells_add(cells, "%s", jm_figure_heading((enum jm_figure)f));
}

static int print_figures(const struct jm_comparison_data *c, const struct jm_compare_view *view, struct jm_buffer *out)
{
	struct jm_cells cells = {.n_columns = 3, .is_left = {true, true}};
	char text[CELL];
	size_t i;
	int f;

	jm_cells_add(&cells, "variant");
	jm_cells_add(&cells, "precision");
	jm_cells_add(&cells, "trials");
	for (f = 0; f < JM_N_FIGURES; f++)
		if (is_shown(c, f)) {
			add_heading(c, f, &cells);
			cells.n_columns++;
		}
	jm_cells_add(&cells, "energy is");
	cells.n_columns++;
	for (i = 0; i < c->n_variants; i++) {
		const struct jm_variant *v = &c->variants[i];

		jm_cells_add(&cells, "%s", v->name);
		jm_cells_add(&cells, "%s%s", v->trials[0]->precision[0] ? v->trials[0]->precision : "-",
			     v->is_simulated == 1 ? ", simulated" : "");
		jm_cells_add(&cells, "%zu", v->n_trials);
		for (f = 0; f < JM_N_FIGURES; f++) {
			if (!is_shown(c, f))
				continue;
			if (f == JM_FIGURE_SCORE && is_accuracy(c) && isfinite(v->mean[f]))
				snprintf(text, sizeof(text), "%.2f", 100 * v->mean[f]);
			else
				jm_figure_text((enum jm_figure)f, v->mean[f], text, sizeof(text));
			jm_cells_add(&cells, "%s", text);
		}
		jm_cells_add(&cells, "%s", jm_state_text(v->state));
	}
	return jm_cells_print(&cells, 0, view->width, view->is_colour, out);
}

/* "0.61× [0.58, 0.64]" with a star where it is not 1. */
static void add_ratio(const struct jm_against *a, struct jm_cells *cells)
{
	if (!isfinite(a->value))
		jm_cells_add(cells, "-");
	else if (isfinite(a->ci.low))
		jm_cells_add(cells, "%.2f× [%.2f, %.2f]%s", a->value, a->ci.low, a->ci.high, a->p < 0.05 ? "*" : "");
	else
		jm_cells_add(cells, "%.2f×", a->value);
}

static void add_score(const struct jm_comparison_data *c, const struct jm_against *a, struct jm_cells *cells)
{
	double factor = is_accuracy(c) ? 100 : 1;

	if (!isfinite(a->value) || strcmp(c->variants[0].trials[0]->score.name, "perplexity") == 0)
		add_ratio(a, cells);
	else if (isfinite(a->ci.low))
		jm_cells_add(cells, "%+.2f [%.2f, %.2f]%s", factor * a->value, factor * a->ci.low, factor * a->ci.high,
			     a->p < 0.05 ? "*" : "");
	else
		jm_cells_add(cells, "%+.4g", factor * a->value);
}

static int print_ratios(const struct jm_comparison_data *c, const struct jm_compare_view *view, struct jm_buffer *out)
{
	static const int shown[] = {
	    JM_FIGURE_DURATION,   JM_FIGURE_LATENCY,    JM_FIGURE_THROUGHPUT,       JM_FIGURE_SCORE,
	    JM_FIGURE_POWER,      JM_FIGURE_ENERGY,     JM_FIGURE_ENERGY_ITERATION, JM_FIGURE_ENERGY_ITEM,
	    JM_FIGURE_MODEL_SIZE, JM_FIGURE_PEAK_MEMORY};
	struct jm_cells cells = {.n_columns = 1, .is_left = {true}};
	size_t i, k;

	jm_buffer_printf(out, "\nagainst %s, with 95 %% interval; *: a difference shown\n", c->variants[0].name);
	jm_cells_add(&cells, "variant");
	for (k = 0; k < sizeof(shown) / sizeof(shown[0]); k++)
		if (is_shown(c, shown[k])) {
			add_heading(c, shown[k], &cells);
			cells.n_columns++;
		}
	for (i = 1; i < c->n_variants; i++) {
		const struct jm_variant *v = &c->variants[i];

		jm_cells_add(&cells, "%s", v->name);
		for (k = 0; k < sizeof(shown) / sizeof(shown[0]); k++)
			if (is_shown(c, shown[k]) && shown[k] == JM_FIGURE_SCORE)
				add_score(c, &v->against[shown[k]], &cells);
			else if (is_shown(c, shown[k]))
				add_ratio(&v->against[shown[k]], &cells);
	}
	return jm_cells_print(&cells, 0, view->width, view->is_colour, out);
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

int jm_compare_table(const struct jm_comparison_data *c, const struct jm_compare_view *view, struct jm_buffer *out)
{
	int rc;

	print_lines("note: ", &c->notes, out);
	jm_buffer_puts(out, c->notes.n ? "\n" : "");
	rc = print_figures(c, view, out);
	if (rc == 0 && c->n_variants > 1) {
		rc = print_ratios(c, view, out);
		print_basis(c, out);
		jm_buffer_puts(out, "\n");
		print_lines("", &c->verdicts, out);
	}
	return rc;
}
