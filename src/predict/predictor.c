#define _GNU_SOURCE
#include "predict/predictor.h"

#include "core/error.h"
#include "predict/groups.h"
#include "predict/regression.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FOLDS_MAX 10
/* No layer takes less of the device's time than half of the shortest one that was seen of its kind, or more power than this times the highest
 * of any kind. */
#define SHORTEST_SHARE 0.5
#define HIGHEST_SHARE  1.1
#define ALPHAS         100
/* Student's t, 97.5 %, by degrees of freedom 1 to 10; above: 2.2 and less. */
static const double student[] = {12.71, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228};

struct fitting {
	struct jm_dataset *d;
	struct jm_predictor *out;
	size_t n_alphas;
	struct jm_groups groups;
	unsigned *fold_of;                           /* work: a number for each group */
	double *left_out[JM_TARGETS][JM_APPROACHES]; /* of each row: predicted without its network; NAN: not */
};

static double t_of(size_t freedom)
{
	return freedom == 0 ? NAN : freedom <= 10 ? student[freedom - 1] : freedom < 30 ? 2.2 : 2.0;
}

/* Where a further one of these lies with 95 %: Student's interval. n_free: how many of them know nothing of each other. */
static void spread(double *values, size_t n, size_t n_free, double *low, double *high)
{
	double mean = 0, sd = 0, reach;
	size_t i;

	*low = *high = NAN;
	if (n_free < JM_INTERVAL_MIN)
		return;
	for (i = 0; i < n; i++)
		mean += values[i] / (double)n;
	for (i = 0; i < n; i++)
		sd += (values[i] - mean) * (values[i] - mean) / (double)(n - 1);
	reach = t_of(n_free - 1) * sqrt(sd * (1 + 1 / (double)n_free));
	*low = mean - reach;
	*high = mean + reach;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The same for layers, of which there are many with long tails: order statistics that hold a new one at 95 %. */
static void layer_spread(double *values, size_t n, double *low, double *high)
{
	size_t at = (size_t)floor(0.025 * (double)(n + 1));

	spread(values, n, n, low, high);
	if (at < 1)
		return;
	qsort(values, n, sizeof(*values), compare);
	*low = values[at - 1];
	*high = values[n - at];
}

/* Groups of the kind to folds in turn, at most FOLDS_MAX of them. */
static size_t make_folds(const struct fitting *f, const size_t *rows, size_t n, unsigned *fold,
			 uint64_t *n_networks_out)
{
	size_t n_networks = 0, i;

	for (i = 0; i < f->groups.n; i++)
		f->fold_of[i] = UINT32_MAX;
	for (i = 0; i < n; i++) {
		unsigned *of = &f->fold_of[f->groups.of_row[rows[i]]];

		if (*of == UINT32_MAX)
			*of = (unsigned)(n_networks++ % FOLDS_MAX);
		fold[i] = *of;
	}
	*n_networks_out = n_networks;
	return n_networks < FOLDS_MAX ? n_networks : FOLDS_MAX;
}

static size_t rows_of(const struct fitting *f, enum jm_layer_kind kind, enum jm_target target, size_t *rows)
{
	size_t i, n = 0;

	for (i = 0; i < f->d->n; i++)
		if (f->d->rows[i].features.kind == kind && !isnan(jm_target_of(&f->d->rows[i], target)))
			rows[n++] = i;
	return n;
}

static int fit_target(struct fitting *f, enum jm_layer_kind kind, enum jm_target target, size_t *rows, unsigned *fold,
		      double *out_of_fold)
{
	struct jm_regression_data data = {
	    .d = f->d, .rows = rows, .fold = fold, .kind = kind, .target = target, .n = rows_of(f, kind, target, rows)};
	uint64_t n_networks;
	size_t i, n;
	int a, rc = 0;

	data.n_folds = make_folds(f, rows, data.n, fold, &n_networks);
	for (a = 0; a < JM_APPROACHES && rc == 0; a++) {
		struct jm_regression *r = &f->out->kinds[kind].regressions[target][a];

		rc = jm_regression_fit(&data, (enum jm_approach)a, f->n_alphas, r, out_of_fold);
		if (rc || !r->is_there)
			continue;
		r->n_networks = n_networks;
		for (i = n = 0; i < data.n; i++) {
			f->left_out[target][a][rows[i]] = out_of_fold[i];
			if (!isnan(out_of_fold[i]))
				out_of_fold[n++] = log(out_of_fold[i] / jm_target_of(&f->d->rows[rows[i]], target));
		}
		layer_spread(out_of_fold, n, &r->log_low, &r->log_high);
	}
	return rc;
}

static void see_kind(struct jm_kind_model *k, const struct jm_features *f)
{
	size_t i;

	for (i = 0; i < JM_FEATURES_MAX + 2; i++) {
		double v = i < JM_FEATURES_MAX ? f->values[i] : i == JM_FEATURES_MAX ? f->flops : f->bytes;

		k->lowest[i] = fmin(k->lowest[i], v);
		k->highest[i] = fmax(k->highest[i], v);
	}
}

static void see_ranges(struct fitting *f)
{
	size_t i, k;

	for (k = 0; k < JM_LAYER_KINDS; k++)
		for (i = 0; i < JM_FEATURES_MAX + 2; i++) {
			f->out->kinds[k].lowest[i] = INFINITY;
			f->out->kinds[k].highest[i] = -INFINITY;
		}
	for (i = 0; i < f->d->n; i++)
		see_kind(&f->out->kinds[f->d->rows[i].features.kind], &f->d->rows[i].features);
}

/* log(predicted / true) of a network's sum; with_power: of its energy. NAN: it was not predicted. */
static double network_ratio(const struct fitting *f, const struct jm_network *n, int a, bool with_power)
{
	double predicted = 0, truth = 0;
	size_t i;

	for (i = n->first; i < n->first + n->n; i++) {
		const struct jm_dataset_row *row = &f->d->rows[i];
		double t = f->left_out[JM_TARGET_RUNTIME][a][i], y = jm_target_of(row, JM_TARGET_RUNTIME);

		if (with_power) {
			t *= f->left_out[JM_TARGET_POWER][a][i];
			y *= jm_target_of(row, JM_TARGET_POWER);
		}
		if (isnan(t) || isnan(y))
			continue;
		predicted += t;
		truth += y;
	}
	return truth > 0 ? log(predicted / truth) : NAN;
}

/* Where the ratios of networks lie. Those of one group are alike: together they stand for one. */
static void judge_ratios(const struct fitting *f, int a, bool with_power, double *ratios, double *low, double *high)
{
	size_t i, n = 0, n_groups = 0;

	for (i = 0; i < f->groups.n; i++)
		f->fold_of[i] = 0;
	for (i = 0; i < f->groups.n_networks; i++) {
		const struct jm_network *network = &f->groups.networks[i];
		double ratio = network_ratio(f, network, a, with_power);

		if (isnan(ratio))
			continue;
		ratios[n++] = ratio;
		n_groups += f->fold_of[network->group]++ == 0;
	}
	spread(ratios, n, n_groups, low, high);
}

static void judge_networks(struct fitting *f, double *ratios)
{
	int a;

	for (a = 0; a < JM_APPROACHES; a++) {
		judge_ratios(f, a, false, ratios, &f->out->network_log_low[a], &f->out->network_log_high[a]);
		judge_ratios(f, a, true, ratios, &f->out->energy_log_low[a], &f->out->energy_log_high[a]);
	}
}

static void see_power(struct fitting *f)
{
	size_t i;

	f->out->power_highest = NAN;
	for (i = 0; i < f->d->n; i++)
		f->out->power_highest = fmax(f->out->power_highest, jm_target_of(&f->d->rows[i], JM_TARGET_POWER));
}

static void name_device(const struct jm_dataset *d, struct jm_predictor *out)
{
	size_t i;

	for (i = 0; i < d->n; i++)
		if (strcmp(d->rows[i].device, d->rows[0].device) != 0)
			break;
	snprintf(out->device, sizeof(out->device), "%s", i < d->n ? "several" : d->n ? d->rows[0].device : "");
}

static int fit_all(struct fitting *f)
{
	size_t n = f->d->n + 1, *rows = malloc(n * sizeof(*rows)), i;
	unsigned *fold = malloc(n * sizeof(*fold));
	double *out_of_fold = malloc(n * sizeof(*out_of_fold));
	double *left_out = malloc(JM_TARGETS * JM_APPROACHES * n * sizeof(*left_out));
	int k, t, a, rc = rows && fold && out_of_fold && left_out ? jm_groups_find(f->d, &f->groups) : JM_E_NOMEM;

	f->fold_of = malloc(n * sizeof(*f->fold_of));
	rc = f->fold_of ? rc : JM_E_NOMEM;
	for (i = 0; rc == 0 && i < JM_TARGETS * JM_APPROACHES * n; i++)
		left_out[i] = NAN;
	for (t = 0; t < JM_TARGETS; t++)
		for (a = 0; a < JM_APPROACHES; a++)
			f->left_out[t][a] = left_out ? left_out + (size_t)(t * JM_APPROACHES + a) * n : NULL;
	for (k = 0; k < JM_LAYER_KINDS && rc == 0; k++)
		for (t = 0; t < JM_TARGETS && rc == 0; t++)
			rc = fit_target(f, (enum jm_layer_kind)k, (enum jm_target)t, rows, fold, out_of_fold);
	if (rc == 0) {
		see_ranges(f);
		see_power(f);
		judge_networks(f, out_of_fold);
		name_device(f->d, f->out);
		f->out->n_rows = f->d->n;
		f->out->n_networks = f->groups.n;
	}
	free(rows);
	free(fold);
	free(out_of_fold);
	free(left_out);
	free(f->fold_of);
	jm_groups_finish(&f->groups);
	return rc;
}

int jm_predictor_fit(struct jm_dataset *d, const struct jm_predictor_options *options, struct jm_predictor *out,
		     struct jm_error *err)
{
	struct fitting f = {.d = d, .out = out, .n_alphas = options->n_alphas ? options->n_alphas : ALPHAS};
	size_t i;
	int rc;

	memset(out, 0, sizeof(*out));
	jm_dataset_sort(d);
	for (i = 0; i < d->n && isnan(jm_target_of(&d->rows[i], JM_TARGET_RUNTIME)); i++)
		;
	if (i == d->n)
		return jm_error_set(err, JM_E_INVALID, "no row of the training data has a runtime");
	rc = fit_all(&f);
	if (rc)
		jm_predictor_finish(out);
	return rc ? jm_error_set(err, rc, "the training data cannot be fitted: %s", jm_error_text(rc)) : 0;
}

void jm_predictor_finish(struct jm_predictor *p)
{
	size_t k;
	int t, a;

	for (k = 0; k < JM_LAYER_KINDS; k++)
		for (t = 0; t < JM_TARGETS; t++)
			for (a = 0; a < JM_APPROACHES; a++)
				jm_regression_finish(&p->kinds[k].regressions[t][a]);
	memset(p, 0, sizeof(*p));
}

static void set_value(const struct jm_regression *r, double value, struct jm_guess *g)
{
	g->value = value;
	/* log(predicted / true) lies within: so does log true around the prediction, the other way round. */
	g->low = value * exp(-r->log_high);
	g->high = value * exp(-r->log_low);
}

static struct jm_guess guess(const struct jm_regression *r, enum jm_approach a, enum jm_target t,
			     const struct jm_features *f)
{
	struct jm_guess g = {NAN, NAN, NAN};

	if (r->is_there)
		set_value(r, jm_regression_value(r, a, t, f), &g);
	return g;
}

static void add_reason(struct jm_layer_guess *g, const char *what, double value, const char *unit, const char *why)
{
	size_t n = strlen(g->reason);

	snprintf(g->reason + n, sizeof(g->reason) - n, "%s%s kept at %.3g %s: %s", n ? "; " : "", what, value, unit,
		 why);
}

/* What a correction makes of a layer unlike any other may be what no device does. */
static void keep_possible(const struct jm_predictor *p, const struct jm_regression *runtime,
			  const struct jm_regression *power, struct jm_layer_guess *g)
{
	double shortest = SHORTEST_SHARE * runtime->lowest, highest = HIGHEST_SHARE * p->power_highest;

	if (runtime->is_there && g->runtime_ms.value < shortest) {
		set_value(runtime, shortest, &g->runtime_ms);
		add_reason(g, "time", shortest, "ms", "half of the shortest of its kind in training");
	}
	if (power->is_there && g->power_w.value > highest) {
		set_value(power, highest, &g->power_w);
		add_reason(g, "power", highest, "W", "a tenth above the highest in training");
	}
}

static void check_range(const struct jm_kind_model *k, const struct jm_features *f, struct jm_layer_guess *out)
{
	struct jm_layer_columns columns;
	size_t i;

	jm_layer_columns(f->kind, &columns);
	for (i = 0; i < JM_FEATURES_MAX + 2 && !out->is_outside; i++) {
		double v = i < JM_FEATURES_MAX ? f->values[i] : i == JM_FEATURES_MAX ? f->flops : f->bytes;
		const char *name = i < JM_FEATURES_MAX ? columns.names[i] : i == JM_FEATURES_MAX ? "FLOPs" : "bytes";

		if (v >= k->lowest[i] && v <= k->highest[i])
			continue;
		out->is_outside = true;
		snprintf(out->reason, sizeof(out->reason), "outside of the training range: %s %g, seen %g to %g", name,
			 v, k->lowest[i], k->highest[i]);
	}
}

void jm_predictor_guess(const struct jm_predictor *p, enum jm_approach approach, const struct jm_features *f,
			struct jm_layer_guess *out)
{
	const struct jm_kind_model *k = &p->kinds[f->kind];
	const struct jm_regression *runtime = &k->regressions[JM_TARGET_RUNTIME][approach];
	const struct jm_regression *power = &k->regressions[JM_TARGET_POWER][approach];
	double low, high;

	*out = (struct jm_layer_guess){.energy_mj = {NAN, NAN, NAN}};
	out->runtime_ms = guess(runtime, approach, JM_TARGET_RUNTIME, f);
	out->power_w = guess(power, approach, JM_TARGET_POWER, f);
	if (!runtime->is_there) {
		snprintf(out->reason, sizeof(out->reason), "the training data have no %s layers to learn from",
			 jm_layer_kind_text(f->kind));
		return;
	}
	check_range(k, f, out);
	keep_possible(p, runtime, power, out);
	if (!power->is_there)
		return;
	out->energy_mj.value = out->power_w.value * out->runtime_ms.value;
	low = hypot(runtime->log_high, power->log_high);
	high = hypot(runtime->log_low, power->log_low);
	out->energy_mj.low = out->energy_mj.value * exp(-low);
	out->energy_mj.high = out->energy_mj.value * exp(high);
}
