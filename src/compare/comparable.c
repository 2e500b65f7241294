/* What may be set against each other, and what is said where it may not. */
#define _GNU_SOURCE
#include "compare/compare.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define COVERAGE_MIN 0.95
#define READINGS_MIN 10

static const enum jm_figure times[] = {JM_FIGURE_DURATION, JM_FIGURE_LATENCY, JM_FIGURE_THROUGHPUT,
				       JM_FIGURE_PEAK_MEMORY};
static const enum jm_figure energies[] = {JM_FIGURE_POWER, JM_FIGURE_ENERGY, JM_FIGURE_ENERGY_ITERATION,
					  JM_FIGURE_ENERGY_ITEM};
static const enum jm_figure of_iterations[] = {JM_FIGURE_LATENCY, JM_FIGURE_ENERGY_ITERATION};
static const enum jm_figure of_items[] = {JM_FIGURE_THROUGHPUT, JM_FIGURE_ENERGY_ITEM};
static const enum jm_figure of_wholes[] = {JM_FIGURE_DURATION, JM_FIGURE_ENERGY};
#define N(list) (sizeof(list) / sizeof((list)[0]))

/* The first reason stands. */
static void refuse(struct jm_refusals *r, const enum jm_figure *figures, size_t n, const char *why)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (!r->why[figures[i]][0])
			snprintf(r->why[figures[i]], sizeof(r->why[0]), "%s", why);
}

/* Appends a line once: 20 recordings need not say the same 19 times. */
__attribute__((format(printf, 2, 3))) static void note(struct jm_buffer *notes, const char *format, ...)
{
	char text[1024];
	size_t n;
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text) - 1, format, args);
	va_end(args);
	n = strlen(text);
	text[n++] = '\n';
	text[n] = '\0';
	if (!notes->data || !memmem(notes->data, notes->n, text, n))
		jm_buffer_append(notes, text, n);
}

static const char *or_unknown(const char *text)
{
	return text[0] ? text : "unknown";
}

static void check_machine(const struct jm_variant *a, const struct jm_variant *b, struct jm_refusals *r,
			  struct jm_buffer *notes)
{
	const struct jm_trial *x = a->trials[0], *y = b->trials[0];

	if (strcmp(x->machine_id, y->machine_id) == 0) {
		if (!x->machine_id[0])
			note(notes, "which machine recorded %s and %s is not known", a->name, b->name);
		return;
	}
	note(
	    notes, "%s and %s were recorded on different machines (%s, %s; %s, %s): no ratios of time, power or energy",
	    a->name, b->name, or_unknown(x->hostname), or_unknown(x->cpu), or_unknown(y->hostname), or_unknown(y->cpu));
	refuse(r, times, N(times), "recorded on different machines");
	refuse(r, energies, N(energies), "recorded on different machines");
}

static void check_sensors(const struct jm_variant *a, const struct jm_variant *b, struct jm_refusals *r,
			  struct jm_buffer *notes)
{
	const struct jm_trial *x = a->trials[0], *y = b->trials[0];

	if (!x->channels[0] || !y->channels[0]) {
		const struct jm_variant *v = x->channels[0] ? b : a;

		note(notes, "%s has no energy: %s", v->name, or_unknown(v->trials[0]->energy_reason));
		refuse(r, energies, N(energies), "no energy of both");
		return;
	}
	if (strcmp(x->channels, y->channels) != 0) {
		note(notes, "the energy of %s comes from %s, that of %s from %s: no ratios of power or energy", a->name,
		     x->channels, b->name, y->channels);
		refuse(r, energies, N(energies), "from different sensors");
	}
	if (a->state != b->state) {
		note(notes, "the energy of %s is %s, that of %s is %s: no ratios of power or energy", a->name,
		     jm_state_text(a->state), b->name, jm_state_text(b->state));
		refuse(r, energies, N(energies), "one is measured, the other estimated");
	}
}

/* "x fp32 8x3x32x32, mask int64 8x9" becomes "x 3x32x32, mask 9": the type is what precisions differ in, the first dimension is the
 * batch. */
static void item_shapes(const char *inputs, char *out, size_t size)
{
	size_t used = 0;

	out[0] = '\0';
	while (*inputs) {
		size_t n = strcspn(inputs, ","), name = strcspn(inputs, " "), type, dims;
		const char *x;

		if (name >= n)
			break;
		type = name + 1 + strcspn(inputs + name + 1, " ");
		dims = type < n ? type + 1 : n;
		x = memchr(inputs + dims, 'x', n - dims);
		used += (size_t)snprintf(out + used, size - used, "%.*s %.*s,", (int)name, inputs,
					 x ? (int)(inputs + n - x) - 1 : 0, x ? x + 1 : "");
		if (used >= size)
			return;
		inputs += n + (inputs[n] == ',' ? 1 + strspn(inputs + n + 1, " ") : 0);
	}
}

static void note_batch(const struct jm_variant *a, const struct jm_variant *b, struct jm_buffer *notes)
{
	uint64_t x = a->trials[0]->items_per_iteration, y = b->trials[0]->items_per_iteration;

	if (!x || !y)
		note(notes, "%s holds no inferences: whole runs only", x ? b->name : a->name);
	else
		note(notes,
		     "%s has %" PRIu64 " item%s in an iteration, %s has %" PRIu64
		     ": ratios of items only, and a larger batch takes less energy an item by itself",
		     a->name, x, x == 1 ? "" : "s", b->name, y);
}

static void check_work(const struct jm_variant *a, const struct jm_variant *b, struct jm_refusals *r,
		       struct jm_buffer *notes)
{
	const struct jm_trial *x = a->trials[0], *y = b->trials[0];
	char items_x[512], items_y[512];

	if (x->iterations || y->iterations)
		refuse(r, of_wholes, N(of_wholes), "of whole runs: compare iterations or items");
	if (x->items_per_iteration != y->items_per_iteration) {
		note_batch(a, b, notes);
		refuse(r, of_iterations, N(of_iterations), "iterations of different batch sizes");
		if (!x->items_per_iteration || !y->items_per_iteration)
			refuse(r, of_items, N(of_items), "the batch is not known of both");
	}
	item_shapes(x->inputs, items_x, sizeof(items_x));
	item_shapes(y->inputs, items_y, sizeof(items_y));
	if (items_x[0] && items_y[0] && strcmp(items_x, items_y) != 0) {
		note(notes, "the inputs of %s (%s) and %s (%s) are not of one size: no ratios of time or energy",
		     a->name, x->inputs, b->name, y->inputs);
		refuse(r, of_iterations, N(of_iterations), "inputs of different sizes");
		refuse(r, of_items, N(of_items), "inputs of different sizes");
	}
}

static void check_score(const struct jm_variant *a, const struct jm_variant *b, struct jm_refusals *r,
			struct jm_buffer *notes)
{
	static const enum jm_figure score[] = {JM_FIGURE_SCORE};
	const struct jm_score *x = &a->trials[0]->score, *y = &b->trials[0]->score;

	if (!x->name[0] || !y->name[0])
		return;
	if (strcmp(x->name, y->name) != 0) {
		note(notes, "%s has %s, %s has %s: not compared", a->name, x->name, b->name, y->name);
		refuse(r, score, 1, "different measures");
	} else if (strcmp(x->data, y->data) != 0) {
		note(notes, "the %s of %s and of %s is on different data: not compared", x->name, a->name, b->name);
		refuse(r, score, 1, "on different data");
	}
}

static void note_texts(const struct jm_variant *a, const struct jm_variant *b, const char *what, const char *x,
		       const char *y, struct jm_buffer *notes)
{
	if (strcmp(x, y) != 0)
		note(notes, "different %s: %s has %s, %s has %s", what, a->name, or_unknown(x), b->name, or_unknown(y));
}

void jm_comparison_check(const struct jm_variant *first, const struct jm_variant *other, struct jm_refusals *out,
			 struct jm_buffer *notes)
{
	const struct jm_trial *x = first->trials[0], *y = other->trials[0];

	memset(out, 0, sizeof(*out));
	check_machine(first, other, out, notes);
	check_sensors(first, other, out, notes);
	check_work(first, other, out, notes);
	check_score(first, other, out, notes);
	note_texts(first, other, "providers", x->provider, y->provider, notes);
	note_texts(first, other, "threads", x->threads, y->threads, notes);
	note_texts(first, other, "versions of the runtime", x->runtime, y->runtime, notes);
}

/* Seen from its first trial, in all that a variant's trials must have in common. */
static void check_alike(const struct jm_variant *v, struct jm_buffer *notes)
{
	size_t i;

	for (i = 1; i < v->n_trials; i++) {
		const struct jm_trial *x = v->trials[0], *y = v->trials[i];
		const char *what = strcmp(x->machine_id, y->machine_id) != 0          ? "machine"
				   : strcmp(x->channels, y->channels) != 0            ? "sensors"
				   : x->items_per_iteration != y->items_per_iteration ? "batch"
				   : strcmp(x->precision, y->precision) != 0          ? "precision"
										      : NULL;

		if (what)
			note(notes, "the trials of %s are not of one %s (%s, %s): their mean is of a mixture", v->name,
			     what, x->path, y->path);
	}
}

/* One line a variant, with its worst trial. */
static void check_coverage(const struct jm_variant *v, struct jm_buffer *notes)
{
	const struct jm_trial *worst = NULL;
	size_t i, n = 0;

	for (i = 0; i < v->n_trials; i++) {
		const struct jm_trial *t = v->trials[i];

		if (!isfinite(t->coverage) || t->coverage >= COVERAGE_MIN)
			continue;
		n++;
		if (!worst || t->coverage < worst->coverage)
			worst = t;
	}
	if (n == 1)
		note(notes, "%s: only %.1f %% of the readings due came (%s)", v->name, 100 * worst->coverage,
		     worst->path);
	else if (n)
		note(notes,
		     "%s: only %.1f %% of the readings due came at worst (%s); below %.0f %% in %zu of %zu recordings",
		     v->name, 100 * worst->coverage, worst->path, 100 * COVERAGE_MIN, n, v->n_trials);
}

void jm_comparison_check_variant(const struct jm_variant *v, struct jm_buffer *notes)
{
	size_t i;

	check_alike(v, notes);
	check_coverage(v, notes);
	if (v->state == JM_STATE_ESTIMATED)
		note(notes, "energy is estimated from processor use, not measured by a sensor: it gets no verdict");
	if (v->is_simulated == 1)
		note(notes, "%s: simulated integers: %s", v->name, v->simulated_reason);
	else if (v->is_simulated < 0)
		note(notes, "%s: %s", v->name, v->simulated_reason);
	for (i = 0; i < v->n_trials; i++) {
		const struct jm_trial *t = v->trials[i];

		if (t->channels[0] && t->values[JM_FIGURE_READINGS] < READINGS_MIN)
			note(notes, "%s: only %.0f readings (%s): no verdict on its energy", v->name,
			     t->values[JM_FIGURE_READINGS], t->path);
		if (t->dither_fraction > 0)
			note(notes, "%s: rests lay between the inferences: its power is that of both", v->name);
		if (t->score.name[0] && !isfinite(t->score.value))
			note(notes, "%s: no %s: %s (%s)", v->name, t->score.name, t->score.reason, t->path);
		if (t->rest[0])
			note(notes, "%s, round %" PRIu64 ": %s", v->name, t->round, t->rest);
	}
}
