#define _GNU_SOURCE
#include "predict/evaluate.h"

#include "core/error.h"
#include "predict/regression.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The historic metrics add this to the true figure, so that nothing is divided by zero. */
#define TINY 1e-10

/* Predictions beside the truth, by row of the data. */
struct table {
	const struct jm_dataset *d;
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

static void predict_rows(struct table *t, size_t from, size_t to, const struct jm_predictor *p)
{
	struct jm_layer_guess g;
	size_t i;
	int a;

	for (i = from; i < to; i++) {
		for (a = 0; a < JM_APPROACHES; a++) {
			jm_predictor_guess(p, (enum jm_approach)a, &t->d->rows[i].features, &g);
			t->guesses[JM_TARGET_RUNTIME][a][i] = g.runtime_ms;
			t->guesses[JM_TARGET_POWER][a][i] = g.power_w;
		}
		t->is_outside[i] = g.is_outside;
	}
}

/* The rows but those of one network, borrowed. */
static int without(const struct jm_dataset *d, size_t from, size_t to, struct jm_dataset *out)
{
	size_t n = d->n - (to - from);

	*out = (struct jm_dataset){.rows = malloc((n + 1) * sizeof(*out->rows)), .n = n, .capacity = n};
	if (!out->rows)
		return JM_E_NOMEM;
	memcpy(out->rows, d->rows, from * sizeof(*out->rows));
	memcpy(out->rows + from, d->rows + to, (d->n - to) * sizeof(*out->rows));
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

static int leave_out(struct table *t, size_t from, size_t to, const struct jm_predictor_options *options,
		     struct jm_network_errors *e, struct pairs *pairs, struct jm_error *err)
{
	struct jm_dataset rest;
	struct jm_predictor p;
	int rc = without(t->d, from, to, &rest), target, a;

	if (rc)
		return jm_error_set(err, rc, "no memory for the evaluation");
	rc = jm_predictor_fit(&rest, options, &p, err);
	free(rest.rows);
	if (rc)
		return rc;
	predict_rows(t, from, to, &p);
	jm_predictor_finish(&p);
	e->name = t->d->rows[from].network;
	for (target = 0; target < JM_TARGETS; target++)
		for (a = 0; a < JM_APPROACHES; a++)
			e->layers[target][a] = judge_rows(t, from, to, -1, target, a, pairs);
	sum_network(t, from, to, e);
	return 0;
}

static size_t network_end(const struct jm_dataset *d, size_t from)
{
	size_t to = from;

	while (to < d->n && strcmp(d->rows[to].network, d->rows[from].network) == 0)
		to++;
	return to;
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
	size_t from, to;
	int rc = 0;

	for (from = 0; from < t->d->n && rc == 0; from = to) {
		to = network_end(t->d, from);
		rc = leave_out(t, from, to, options, &out->networks[out->n_networks++], p, err);
	}
	if (rc == 0)
		judge_all(out, t, p);
	return rc;
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
	if (d->n == 0 || network_end(d, 0) == d->n) {
		jm_error_set(err, JM_E_INVALID, "an evaluation leaves networks out in turn: it takes two or more");
		jm_error_remedy(err, "leave --evaluate away, or add recordings of another network");
		return JM_E_INVALID;
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
	if (rc)
		jm_validation_finish(out);
	return rc;
}

void jm_validation_finish(struct jm_validation *e)
{
	free(e->networks);
	memset(e, 0, sizeof(*e));
}
