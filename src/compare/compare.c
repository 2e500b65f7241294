#define _GNU_SOURCE
#include "compare/compare.h"

#include "compare/bootstrap.h"
#include "compare/layers.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Fewer stretches say too little of how a run strays. */
#define BLOCKS_MIN 8

const char *jm_basis_text(enum jm_basis basis)
{
	static const char *const texts[] = {
#define JM_ENUM(name, text) text,
	    JM_BASIS_LIST(JM_ENUM)
#undef JM_ENUM
	};

	return texts[basis];
}

static void refuse(struct jm_against *out, const char *why)
{
	*out = (struct jm_against){.value = NAN, .ci = {NAN, NAN}, .p = NAN};
	snprintf(out->why, sizeof(out->why), "%s", why);
}

static void take(struct jm_against *out, const struct jm_bootstrap *b, enum jm_basis basis, size_t n)
{
	out->value = b->value;
	out->ci = b->ci;
	out->p = b->p;
	out->basis = basis;
	out->n = n;
}

static size_t collect(const double *values, size_t n_values, double *out)
{
	size_t i, n = 0;

	for (i = 0; i < n_values; i++)
		if (isfinite(values[i]))
			out[n++] = values[i];
	return n;
}

/* Trials of one round of one bench. */
static size_t collect_rounds(const struct jm_variant *first, const struct jm_variant *v, const double *x,
			     const double *y, double *a, double *b)
{
	size_t i, k, n = 0;

	for (i = 0; i < first->n_trials; i++) {
		const struct jm_trial *s = first->trials[i];

		for (k = 0; k < v->n_trials; k++) {
			const struct jm_trial *t = v->trials[k];

			if (s->round == 0 || s->round != t->round || !s->bench[0] || strcmp(s->bench, t->bench) != 0 ||
			    !isfinite(x[i]) || !isfinite(y[k]))
				continue;
			a[n] = x[i];
			b[n++] = y[k];
			break;
		}
	}
	return n;
}

static double mean(const double *x, size_t n)
{
	double sum = 0;
	size_t i;

	for (i = 0; i < n; i++)
		sum += x[i];
	return n ? sum / (double)n : NAN;
}

int jm_comparison_ratio(const struct jm_variant *first, const struct jm_variant *v, const double *first_values,
			const double *values, uint64_t seed, struct jm_against *out)
{
	double *a = calloc(first->n_trials + v->n_trials, 2 * sizeof(*a)),
	       *b = a ? a + first->n_trials + v->n_trials : NULL;
	struct jm_bootstrap r;
	size_t n, n_b;

	if (!a)
		return JM_E_NOMEM;
	*out = (struct jm_against){.value = NAN, .ci = {NAN, NAN}, .p = NAN};
	n = collect_rounds(first, v, first_values, values, a, b);
	if (n >= 2 && jm_bootstrap_paired_ratio(a, b, n, seed, &r) == 0) {
		take(out, &r, JM_BASIS_ROUNDS, n);
	} else {
		n = collect(first_values, first->n_trials, a);
		n_b = collect(values, v->n_trials, b);
		if (n >= 2 && n_b >= 2 && jm_bootstrap_ratio(a, n, b, n_b, seed, &r) == 0)
			take(out, &r, JM_BASIS_TRIALS, n < n_b ? n : n_b);
		else if (mean(a, n) > 0 && mean(b, n_b) > 0)
			out->value = mean(b, n_b) / mean(a, n);
		else
			refuse(out, "not known of both");
	}
	free(a);
	return 0;
}

/* One run each: stretches inside of them give an interval; the ratio is that of the whole runs, as everywhere else. */
static void add_blocks(const struct jm_variant *first, const struct jm_variant *v, enum jm_figure f, uint64_t seed,
		       struct jm_against *out)
{
	const struct jm_trial *x = first->trials[0], *y = v->trials[0];
	double value = out->value;
	struct jm_bootstrap r;

	if (first->n_trials > 1 || v->n_trials > 1 || x->n_blocks < BLOCKS_MIN || y->n_blocks < BLOCKS_MIN ||
	    !x->blocks[f] || !y->blocks[f] || !isfinite(value) ||
	    jm_bootstrap_ratio(x->blocks[f], x->n_blocks, y->blocks[f], y->n_blocks, seed, &r))
		return;
	take(out, &r, JM_BASIS_BLOCKS, x->n_blocks < y->n_blocks ? x->n_blocks : y->n_blocks);
	out->ci.low *= value / out->value;
	out->ci.high *= value / out->value;
	out->value = value;
}

static const struct jm_trial *scored(const struct jm_variant *v)
{
	size_t i;

	for (i = 0; i < v->n_trials; i++)
		if (isfinite(v->trials[i]->score.value))
			return v->trials[i];
	return v->trials[0];
}

/* What shows in none of n items is below this in 95 % of cases. */
static struct jm_interval unseen(size_t n)
{
	double bound = 1 - pow(0.05, 1 / (double)n);

	return (struct jm_interval){-bound, bound};
}

/* Answers to the same items, one by one. Of perplexities, whose logarithms add up, the ratio. */
static void against_score(const struct jm_variant *first, const struct jm_variant *v, uint64_t seed,
			  struct jm_against *out)
{
	const struct jm_score *x = &scored(first)->score, *y = &scored(v)->score;
	bool is_perplexity = strcmp(x->name, "perplexity") == 0;
	struct jm_bootstrap b;

	if (!isfinite(x->value) || !isfinite(y->value)) {
		refuse(out, !x->name[0] && !y->name[0] ? "not asked for" : !isfinite(y->value) ? y->reason : x->reason);
		return;
	}
	*out = (struct jm_against){
	    .value = is_perplexity ? y->value / x->value : y->value - x->value, .ci = {NAN, NAN}, .p = NAN};
	if (!x->items || !y->items || x->n_values != y->n_values ||
	    jm_bootstrap_paired_difference(x->items, y->items, x->n_values, seed, &b))
		return;
	take(out, &b, JM_BASIS_ITEMS, x->n_values);
	/* Where no answer differs, resampling finds no spread; but a difference that n items are likely to miss may be there. */
	if (strcmp(x->name, "accuracy") == 0 && b.value == 0 && !(b.ci.high > b.ci.low))
		out->ci = unseen(x->n_values);
	if (is_perplexity) {
		out->value = exp(b.value);
		out->ci = (struct jm_interval){exp(b.ci.low), exp(b.ci.high)};
	}
}

static int against(const struct jm_variant *first, struct jm_variant *v, enum jm_figure f, uint64_t seed)
{
	struct jm_against *out = &v->against[f];
	size_t n = first->n_trials + v->n_trials, i;
	double *values;
	int rc;

	if (f == JM_FIGURE_SCORE) {
		against_score(first, v, seed, out);
		return 0;
	}
	if (f == JM_FIGURE_READINGS || f == JM_FIGURE_POWER_STD) {
		refuse(out, "says how it was measured, not what was");
		return 0;
	}
	values = calloc(n, sizeof(*values));
	if (!values)
		return JM_E_NOMEM;
	for (i = 0; i < n; i++)
		values[i] =
		    i < first->n_trials ? first->trials[i]->values[f] : v->trials[i - first->n_trials]->values[f];
	rc = jm_comparison_ratio(first, v, values, values + first->n_trials, seed, out);
	free(values);
	if (rc == 0 && f == JM_FIGURE_MODEL_SIZE) {
		out->ci = (struct jm_interval){NAN, NAN};
		out->p = NAN;
		out->basis = JM_BASIS_NONE;
	} else if (rc == 0) {
		add_blocks(first, v, f, seed, out);
	}
	return rc;
}

/* How an estimate repeats says nothing of the energy: the ratio stays, without interval and test. */
static void mark_estimates(struct jm_variant *v)
{
	static const enum jm_figure energies[] = {JM_FIGURE_POWER, JM_FIGURE_ENERGY, JM_FIGURE_ENERGY_ITERATION,
						  JM_FIGURE_ENERGY_ITEM};
	size_t i;

	for (i = 0; v->state == JM_STATE_ESTIMATED && i < sizeof(energies) / sizeof(energies[0]); i++) {
		struct jm_against *a = &v->against[energies[i]];

		a->ci = (struct jm_interval){NAN, NAN};
		a->p = NAN;
		a->basis = JM_BASIS_NONE;
		a->n = 0;
	}
}

static int compare_with_first(struct jm_comparison_data *c, size_t i, uint64_t seed)
{
	struct jm_variant *first = &c->variants[0], *v = &c->variants[i];
	struct jm_refusals refusals;
	int f, rc = 0;

	jm_comparison_check(first, v, &refusals, &c->notes);
	for (f = 0; f < JM_N_FIGURES && rc == 0; f++)
		if (refusals.why[f][0])
			refuse(&v->against[f], refusals.why[f]);
		else
			rc = against(first, v, (enum jm_figure)f, seed + (uint64_t)f);
	mark_estimates(v);
	return rc;
}

static void summarise(struct jm_variant *v)
{
	size_t i;
	int f;

	v->state = JM_STATE_MEASURED;
	for (i = 0; i < v->n_trials; i++)
		v->state = v->trials[i]->state > v->state ? v->trials[i]->state : v->state;
	for (f = 0; f < JM_N_FIGURES; f++) {
		double sum = 0, squares = 0;
		size_t n = 0;

		for (i = 0; i < v->n_trials; i++) {
			double x = v->trials[i]->values[f];

			if (isfinite(x)) {
				sum += x;
				n++;
			}
		}
		v->mean[f] = n ? sum / (double)n : NAN;
		/* Trials that agree have no spread, not that of rounding. */
		for (i = 0; i < v->n_trials; i++)
			if (fabs(v->trials[i]->values[f] - v->mean[f]) < 1e-14 * fabs(v->mean[f]))
				v->mean[f] = v->trials[i]->values[f];
		for (i = 0; i < v->n_trials; i++)
			if (isfinite(v->trials[i]->values[f]))
				squares += pow(v->trials[i]->values[f] - v->mean[f], 2);
		v->std[f] = n >= 2 ? sqrt(squares / (double)(n - 1)) : NAN;
	}
	v->is_simulated = jm_trial_simulates_integers(v->trials[0], v->simulated_reason, sizeof(v->simulated_reason));
}

static struct jm_variant *variant_of(struct jm_comparison_data *c, const char *label)
{
	size_t i;

	for (i = 0; i < c->n_variants; i++)
		if (strcmp(c->variants[i].name, label) == 0)
			return &c->variants[i];
	c->variants[c->n_variants].name = label;
	return &c->variants[c->n_variants++];
}

static int group(struct jm_comparison_data *c)
{
	size_t i;

	c->variants = calloc(c->n_trials, sizeof(*c->variants));
	if (!c->variants)
		return JM_E_NOMEM;
	for (i = 0; i < c->n_trials; i++) {
		struct jm_variant *v = variant_of(c, c->trials[i].label);

		if (!v->trials)
			v->trials = calloc(c->n_trials, sizeof(struct jm_trial *));
		if (!v->trials)
			return JM_E_NOMEM;
		v->trials[v->n_trials++] = &c->trials[i];
	}
	for (i = 0; i < c->n_variants; i++)
		summarise(&c->variants[i]);
	return 0;
}

int jm_comparison_make(struct jm_trial *trials, size_t n, uint64_t seed, struct jm_comparison_data *out)
{
	struct jm_comparison_data c = {.trials = trials, .n_trials = n};
	size_t i;
	int rc = group(&c);

	for (i = 1; i < c.n_variants && rc == 0; i++)
		rc = compare_with_first(&c, i, seed);
	for (i = 0; i < c.n_variants && rc == 0; i++)
		jm_comparison_check_variant(&c.variants[i], &c.notes);
	for (i = 1; i < c.n_variants && rc == 0; i++)
		jm_comparison_verdict(&c.variants[0], &c.variants[i], &c.verdicts);
	if (rc == 0 && (c.notes.is_failed || c.verdicts.is_failed))
		rc = JM_E_NOMEM;
	if (rc)
		jm_comparison_finish(&c);
	else
		*out = c;
	return rc;
}

struct jm_own_cost jm_comparison_own_cost(struct jm_trial *const *trials, size_t n)
{
	struct jm_own_cost sum = {.cpu_s = 0};
	size_t i;

	for (i = 0; i < n; i++)
		jm_own_cost_add(&sum, &trials[i]->own_cost);
	return sum;
}

void jm_comparison_finish(struct jm_comparison_data *c)
{
	size_t i;

	jm_layer_groups_destroy(c->layers, c->n_variants);
	for (i = 0; c->variants && i < c->n_variants; i++)
		free(c->variants[i].trials);
	free(c->variants);
	for (i = 0; i < c->n_trials; i++)
		jm_trial_finish(&c->trials[i]);
	free(c->trials);
	jm_buffer_finish(&c->notes);
	jm_buffer_finish(&c->verdicts);
	memset(c, 0, sizeof(*c));
}
