#define _GNU_SOURCE
#include "predict/evaluate.h"

#include "core/error.h"
#include "predict/groups.h"
#include "predict/regression.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The historic metrics add this to the true figure, so that nothing is divided by zero. */
#define TINY 1e-10

/* Predictions beside the truth, by row of the data. */
struct table {
	const struct jm_dataset *d;
	struct jm_groups groups;
	struct jm_guess *guesses[JM_TARGETS][JM_APPROACHES];
	bool *is_outside;
};

/* A list of pairs to judge. */
struct pairs {
	double *truth, *value, *work;
	size_t n, n_inside, n_intervals;
};

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static struct jm_errors judge(struct pairs *p)
{
	struct jm_errors e = {p->n, NAN, NAN, NAN, NAN, NAN};
	double squares = 0, sum = 0, mean = 0, residual = 0, total = 0;
	size_t i;

	if (p->n == 0)
		return e;
	for (i = 0; i < p->n; i++) {
		double off = (p->value[i] - p->truth[i]) / (p->truth[i] + TINY);

		squares += off * off;
		sum += fabs(off);
		p->work[i] = 100 * fabs(off);
		mean += p->truth[i] / (double)p->n;
	}
	for (i = 0; i < p->n; i++) {
		residual += pow(p->value[i] - p->truth[i], 2);
		total += pow(p->truth[i] - mean, 2);
	}
	qsort(p->work, p->n, sizeof(*p->work), compare);
	e.rmspe = 100 * sqrt(squares / (double)p->n);
	e.mape = 100 * sum / (double)p->n;
	e.median = p->n % 2 ? p->work[p->n / 2] : (p->work[p->n / 2 - 1] + p->work[p->n / 2]) / 2;
	e.r2 = total > 0 ? 1 - residual / total : NAN;
	e.covered = p->n_intervals ? (double)p->n_inside / (double)p->n_intervals : NAN;
	return e;
}

/* kind < 0: all of them. */
static struct jm_errors judge_rows(const struct table *t, size_t from, size_t to, int kind, int target, int a,
				   struct pairs *p)
{
	size_t i;

	p->n = p->n_inside = p->n_intervals = 0;
	for (i = from; i < to; i++) {
		const struct jm_guess *g = &t->guesses[target][a][i];
		double truth = jm_target_of(&t->d->rows[i], (enum jm_target)target);

		if (isnan(g->value) || isnan(truth) || (kind >= 0 && (int)t->d->rows[i].features.kind != kind))
			continue;
		p->truth[p->n] = truth;
		p->value[p->n++] = g->value;
		p->n_intervals += !isnan(g->low);
		p->n_inside += truth >= g->low && truth <= g->high;
	}
	return judge(p);
}

static void predict_group(struct table *t, unsigned group, const struct jm_predictor *p)
{
	struct jm_layer_guess g;
	size_t i;
	int a;

	for (i = 0; i < t->d->n; i++) {
		if (t->groups.of_row[i] != group)
			continue;
		for (a = 0; a < JM_APPROACHES; a++) {
			jm_predictor_guess(p, (enum jm_approach)a, &t->d->rows[i].features, &g);
			t->guesses[JM_TARGET_RUNTIME][a][i] = g.runtime_ms;
			t->guesses[JM_TARGET_POWER][a][i] = g.power_w;
		}
		t->is_outside[i] = g.is_outside;
	}
}

/* The rows but those of one group, borrowed. */
static int without(const struct table *t, unsigned group, struct jm_dataset *out)
{
	size_t i;

	*out = (struct jm_dataset){.rows = malloc((t->d->n + 1) * sizeof(*out->rows)), .capacity = t->d->n};
	if (!out->rows)
		return JM_E_NOMEM;
	for (i = 0; i < t->d->n; i++)
		if (t->groups.of_row[i] != group)
			out->rows[out->n++] = t->d->rows[i];
	return 0;
}

static void sum_network(const struct table *t, size_t from, size_t to, struct jm_network_errors *e)
{
	size_t i;
	int a;

	e->n_layers = to - from;
	for (i = from; i < to; i++) {
		double ms = jm_target_of(&t->d->rows[i], JM_TARGET_RUNTIME);
		double w = jm_target_of(&t->d->rows[i], JM_TARGET_POWER);
		bool is_whole = true;

		e->n_outside += t->is_outside[i];
		for (a = 0; a < JM_APPROACHES; a++)
			is_whole = is_whole && !isnan(t->guesses[JM_TARGET_RUNTIME][a][i].value);
		if (isnan(ms) || !is_whole)
			continue;
		e->true_ms += ms;
		for (a = 0; a < JM_APPROACHES; a++)
			e->predicted_ms[a] += t->guesses[JM_TARGET_RUNTIME][a][i].value;
		if (isnan(w) || isnan(t->guesses[JM_TARGET_POWER][0][i].value))
			continue;
		e->true_mj += ms * w;
		for (a = 0; a < JM_APPROACHES; a++)
			e->predicted_mj[a] +=
			    t->guesses[JM_TARGET_RUNTIME][a][i].value * t->guesses[JM_TARGET_POWER][a][i].value;
	}
}

static int leave_out(struct table *t, unsigned group, const struct jm_predictor_options *options, struct jm_error *err)
{
	struct jm_dataset rest;
	struct jm_predictor p;
	int rc = without(t, group, &rest);

	if (rc)
		return jm_error_set(err, rc, "no memory for the evaluation");
	rc = jm_predictor_fit(&rest, options, &p, err);
	free(rest.rows);
	if (rc)
		return rc;
	predict_group(t, group, &p);
	jm_predictor_finish(&p);
	return 0;
}

static void judge_network(const struct table *t, const struct jm_network *n, struct jm_network_errors *e,
			  struct pairs *pairs)
{
	size_t to = n->first + n->n;
	int target, a;

	e->name = n->name;
	for (target = 0; target < JM_TARGETS; target++)
		for (a = 0; a < JM_APPROACHES; a++)
			e->layers[target][a] = judge_rows(t, n->first, to, -1, target, a, pairs);
	sum_network(t, n->first, to, e);
}

static void judge_sums(struct jm_validation *e, struct pairs *p)
{
	size_t i;
	int a, with_power;

	for (a = 0; a < JM_APPROACHES; a++) {
		for (with_power = 0; with_power < 2; with_power++) {
			p->n = p->n_intervals = p->n_inside = 0;
			for (i = 0; i < e->n_networks; i++) {
				const struct jm_network_errors *n = &e->networks[i];

				p->truth[p->n] = with_power ? n->true_mj : n->true_ms;
				p->value[p->n] = with_power ? n->predicted_mj[a] : n->predicted_ms[a];
				p->n += p->truth[p->n] > 0;
			}
			*(with_power ? &e->energy[a] : &e->runtime[a]) = judge(p);
		}
	}
}

static void judge_all(struct jm_validation *e, const struct table *t, struct pairs *p)
{
	int kind, target, a;

	for (target = 0; target < JM_TARGETS; target++) {
		for (a = 0; a < JM_APPROACHES; a++) {
			e->all[target][a] = judge_rows(t, 0, t->d->n, -1, target, a, p);
			for (kind = 0; kind < JM_LAYER_KINDS; kind++)
				e->kinds[kind][target][a] = judge_rows(t, 0, t->d->n, kind, target, a, p);
		}
	}
	judge_sums(e, p);
}

static int evaluate(struct table *t, struct pairs *p, const struct jm_predictor_options *options,
		    struct jm_validation *out, struct jm_error *err)
{
	size_t i;
	int rc = 0;

	for (i = 0; i < t->groups.n && rc == 0; i++)
		rc = leave_out(t, (unsigned)i, options, err);
	if (rc)
		return rc;
	out->n_networks = t->groups.n_networks;
	out->n_groups = t->groups.n;
	for (i = 0; i < out->n_networks; i++)
		judge_network(t, &t->groups.networks[i], &out->networks[i], p);
	judge_all(out, t, p);
	return 0;
}

/* Errors: JM_E_INVALID with a reason, JM_E_NOMEM. */
static int find_groups(struct table *t, struct jm_error *err)
{
	struct jm_buffer names = {0};
	const char *text;

	if (jm_groups_find(t->d, &t->groups))
		return jm_error_set(err, JM_E_NOMEM, "no memory for the evaluation");
	if (t->groups.n >= 2)
		return 0;
	if (t->groups.n == 1)
		jm_groups_explain(&t->groups, 0, &names);
	text = names.n ? jm_buffer_terminate(&names) : NULL;
	jm_error_set(err, JM_E_INVALID, "an evaluation leaves networks out in turn: it takes two or more%s%s",
		     text ? "; " : "", text ? text : "");
	jm_error_remedy(err, "leave --evaluate away, or add recordings of another network");
	jm_buffer_finish(&names);
	return JM_E_INVALID;
}

int jm_validate(struct jm_dataset *d, const struct jm_predictor_options *options, struct jm_validation *out,
		struct jm_error *err)
{
	struct table t = {.d = d};
	struct pairs p = {0};
	size_t n = d->n + 1;
	int target, a, rc;

	memset(out, 0, sizeof(*out));
	jm_dataset_sort(d);
	rc = find_groups(&t, err);
	if (rc) {
		jm_groups_finish(&t.groups);
		return rc;
	}
	out->networks = calloc(n, sizeof(*out->networks));
	t.is_outside = calloc(n, sizeof(*t.is_outside));
	p.truth = malloc(3 * n * sizeof(*p.truth));
	p.value = p.truth + n;
	p.work = p.value + n;
	rc = out->networks && t.is_outside && p.truth ? 0 : JM_E_NOMEM;
	for (target = 0; target < JM_TARGETS; target++)
		for (a = 0; a < JM_APPROACHES; a++)
			if (!(t.guesses[target][a] = malloc(n * sizeof(struct jm_guess))))
				rc = JM_E_NOMEM;
	rc = rc ? jm_error_set(err, rc, "no memory for the evaluation") : evaluate(&t, &p, options, out, err);
	for (target = 0; target < JM_TARGETS; target++)
		for (a = 0; a < JM_APPROACHES; a++)
			free(t.guesses[target][a]);
	free(t.is_outside);
	free(p.truth);
	jm_groups_finish(&t.groups);
	if (rc)
		jm_validation_finish(out);
	return rc;
}

void jm_validation_finish(struct jm_validation *e)
{
	free(e->networks);
	memset(e, 0, sizeof(*e));
}
