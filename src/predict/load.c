#define _GNU_SOURCE
#include "predict/predictor.h"

#include "core/error.h"
#include "core/json.h"
#include "model/model.h"
#include "predict/regression.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREDICTOR_BYTES_MAX (UINT64_C(1) << 28)

struct loading {
	struct jm_json *json;
	struct jm_predictor *p;
	struct jm_error *err;
	bool is_told; /* the format was */
};

/* One regression as it is read: what it is comes before what it holds. */
struct entry {
	int kind, target, approach;
	double rows, networks, facts[5], correction[2];
	struct jm_regression r;
};

static int number(struct loading *l, const struct jm_json_token *t, double *out)
{
	*out = NAN;
	return t->type == JM_JSON_NULL ? 0 : jm_json_number(l->json, t, out, l->err);
}

/* Exactly n numbers or nulls; infinity is written as null, too. */
static int numbers(struct loading *l, const struct jm_json_token *begin, double *out, size_t n)
{
	struct jm_json_token t;
	size_t i = 0;
	int rc;

	if (begin->type != JM_JSON_ARRAY)
		return jm_json_error(l->json, begin, l->err, "an array of %zu numbers was expected", n);
	while (!(rc = jm_json_next(l->json, &t, l->err)) && t.type != JM_JSON_ARRAY_END) {
		if (i == n)
			return jm_json_error(l->json, &t, l->err, "an array of %zu numbers was expected", n);
		rc = number(l, &t, &out[i++]);
		if (rc)
			return rc;
	}
	return rc || i == n ? rc : jm_json_error(l->json, &t, l->err, "an array of %zu numbers was expected", n);
}

static int make_terms(struct loading *l, const struct jm_json_token *at, struct entry *e)
{
	size_t i, p;

	if (e->kind < 0 || e->target < 0 || e->approach < 0 || e->r.mean)
		return jm_json_error(l->json, at, l->err, "terms of no known regression");
	p = jm_terms_count((enum jm_approach)e->approach, (enum jm_layer_kind)e->kind);
	e->r.n_terms = p;
	e->r.mean = calloc(3 * p, sizeof(double));
	if (!e->r.mean)
		return jm_error_set(l->err, JM_E_NOMEM, "no memory");
	e->r.sd = e->r.mean + p;
	e->r.w = e->r.sd + p;
	for (i = 0; i < p; i++)
		e->r.sd[i] = INFINITY;
	return 0;
}

static int terms(struct loading *l, const struct jm_json_token *begin, struct entry *e)
{
	struct jm_json_token t;
	double term[4];
	int rc = begin->type == JM_JSON_ARRAY ? make_terms(l, begin, e)
					      : jm_json_error(l->json, begin, l->err, "terms were expected");

	while (rc == 0 && !(rc = jm_json_next(l->json, &t, l->err)) && t.type != JM_JSON_ARRAY_END) {
		rc = numbers(l, &t, term, 4);
		if (rc)
			break;
		if (!(term[0] >= 0 && term[0] < (double)e->r.n_terms && term[2] > 0) || isnan(term[1]) ||
		    isnan(term[3]))
			return jm_json_error(l->json, &t, l->err, "a term that there is not");
		e->r.mean[(size_t)term[0]] = term[1];
		e->r.sd[(size_t)term[0]] = term[2];
		e->r.w[(size_t)term[0]] = term[3];
	}
	return rc;
}

static int find_text(const struct jm_json_token *t, const char *(*text_of)(int), int n)
{
	int i;

	for (i = 0; i < n; i++)
		if (t->type == JM_JSON_STRING && jm_json_is(t, text_of(i)))
			return i;
	return -1;
}

static const char *kind_text(int i)
{
	return jm_layer_kind_text((enum jm_layer_kind)i);
}

static const char *target_text(int i)
{
	return jm_target_text((enum jm_target)i);
}

static const char *approach_text(int i)
{
	return jm_approach_text((enum jm_approach)i);
}

/* The array of numbers that a key names; NULL: none. *n_out: how many they are. */
static double *array_of(const struct jm_json_token *key, struct entry *e, size_t *n_out)
{
	const struct {
		const char *key;
		double *to;
		size_t n;
	} arrays[] = {{"intercept_lowest_highest_log_low_log_high", e->facts, 5},
		      {"physical", e->r.physical, 3},
		      {"correction", e->correction, 2},
		      {"seen_low", e->r.seen_low, JM_FEATURES_MAX + 2},
		      {"seen_high", e->r.seen_high, JM_FEATURES_MAX + 2}};
	size_t i;

	for (i = 0; i < sizeof(arrays) / sizeof(arrays[0]); i++) {
		if (!jm_json_is(key, arrays[i].key))
			continue;
		*n_out = arrays[i].n;
		return arrays[i].to;
	}
	return NULL;
}

static int entry_value(struct loading *l, const struct jm_json_token *key, struct entry *e)
{
	bool is_kind = jm_json_is(key, "kind"), is_target = jm_json_is(key, "target");
	bool is_approach = jm_json_is(key, "approach"), is_rows = jm_json_is(key, "rows");
	bool is_networks = jm_json_is(key, "networks"), is_terms = jm_json_is(key, "terms");
	struct jm_json_token t;
	size_t n;
	double *array = array_of(key, e, &n);
	int rc = jm_json_next(l->json, &t, l->err);

	if (rc)
		return rc;
	/* The terms were made for what it was of. */
	if ((is_kind || is_target || is_approach) && e->r.mean)
		return jm_json_error(l->json, key, l->err, "what a regression is of stands behind its terms");
	if (array)
		return numbers(l, &t, array, n);
	if (is_kind)
		e->kind = find_text(&t, kind_text, JM_LAYER_KINDS);
	else if (is_target)
		e->target = find_text(&t, target_text, JM_TARGETS);
	else if (is_approach)
		e->approach = find_text(&t, approach_text, JM_APPROACHES);
	else if (is_rows || is_networks)
		return number(l, &t, is_rows ? &e->rows : &e->networks);
	else if (is_terms)
		return terms(l, &t, e);
	return jm_json_skip(l->json, &t, l->err);
}

static uint64_t count_of(double value)
{
	return value >= 0 && value < 9e15 ? (uint64_t)value : 0;
}

static int keep_entry(struct loading *l, const struct jm_json_token *at, struct entry *e)
{
	struct jm_regression *to;

	if (e->kind < 0 || e->target < 0 || e->approach < 0 || !e->r.mean)
		return jm_json_error(l->json, at, l->err, "a regression of nothing");
	if (isnan(e->facts[0]) || !(e->facts[1] > 0) || !(e->facts[2] >= e->facts[1]))
		return jm_json_error(l->json, at, l->err, "a regression that is not whole");
	to = &l->p->kinds[e->kind].regressions[e->target][e->approach];
	if (to->is_there)
		return jm_json_error(l->json, at, l->err, "a regression that was there before");
	*to = e->r;
	to->is_there = true;
	to->intercept = e->facts[0];
	to->lowest = e->facts[1];
	to->highest = e->facts[2];
	to->log_low = e->facts[3];
	to->log_high = e->facts[4];
	to->correction_low = e->correction[0];
	to->correction_high = e->correction[1];
	to->n_rows = count_of(e->rows);
	to->n_networks = count_of(e->networks);
	memset(&e->r, 0, sizeof(e->r));
	return 0;
}

/* Until it is told: no limit. */
static void forget_seen(struct entry *e)
{
	size_t i;

	for (i = 0; i < JM_FEATURES_MAX + 2; i++)
		e->r.seen_low[i] = e->r.seen_high[i] = NAN;
}

static int regressions(struct loading *l)
{
	struct jm_json_token t;
	int rc = jm_json_next(l->json, &t, l->err);

	if (rc == 0 && t.type != JM_JSON_ARRAY)
		return jm_json_error(l->json, &t, l->err, "regressions were expected");
	while (rc == 0 && !(rc = jm_json_next(l->json, &t, l->err)) && t.type != JM_JSON_ARRAY_END) {
		struct entry e = {.kind = -1,
				  .target = -1,
				  .approach = -1,
				  .facts = {NAN, NAN, NAN, NAN, NAN},
				  .correction = {NAN, NAN}};

		forget_seen(&e);

		if (t.type != JM_JSON_OBJECT)
			return jm_json_error(l->json, &t, l->err, "a regression was expected");
		while (!(rc = jm_json_next(l->json, &t, l->err)) && t.type == JM_JSON_KEY)
			if ((rc = entry_value(l, &t, &e)))
				break;
		rc = rc ? rc : keep_entry(l, &t, &e);
		jm_regression_finish(&e.r);
	}
	return rc;
}

static int range(struct loading *l)
{
	double lowest[JM_FEATURES_MAX + 2], highest[JM_FEATURES_MAX + 2];
	struct jm_json_token key, t;
	bool has_low = false, has_high = false;
	int kind = -1, rc;

	while (!(rc = jm_json_next(l->json, &key, l->err)) && key.type == JM_JSON_KEY) {
		bool is_kind = jm_json_is(&key, "kind"), is_low = jm_json_is(&key, "lowest");
		bool is_high = jm_json_is(&key, "highest");

		rc = jm_json_next(l->json, &t, l->err);
		if (rc == 0 && is_kind)
			kind = find_text(&t, kind_text, JM_LAYER_KINDS);
		else if (rc == 0 && (is_low || is_high))
			rc = numbers(l, &t, is_low ? lowest : highest, JM_FEATURES_MAX + 2);
		else if (rc == 0)
			rc = jm_json_skip(l->json, &t, l->err);
		if (rc)
			return rc;
		has_low |= is_low;
		has_high |= is_high;
	}
	if (rc == 0 && (kind < 0 || !has_low || !has_high))
		return jm_json_error(l->json, &key, l->err, "a range that is not whole");
	if (rc == 0) {
		memcpy(l->p->kinds[kind].lowest, lowest, sizeof(lowest));
		memcpy(l->p->kinds[kind].highest, highest, sizeof(highest));
	}
	return rc;
}

static int ranges(struct loading *l)
{
	struct jm_json_token t;
	int rc = jm_json_next(l->json, &t, l->err);

	if (rc == 0 && t.type != JM_JSON_ARRAY)
		return jm_json_error(l->json, &t, l->err, "ranges were expected");
	while (rc == 0 && !(rc = jm_json_next(l->json, &t, l->err)) && t.type != JM_JSON_ARRAY_END)
		rc = t.type == JM_JSON_OBJECT ? range(l) : jm_json_error(l->json, &t, l->err, "a range was expected");
	return rc;
}

static int top_value(struct loading *l, const struct jm_json_token *key)
{
	const struct {
		const char *key;
		double *values;
		size_t n;
	} arrays[] = {{"network_log_low", l->p->network_log_low, JM_APPROACHES},
		      {"network_log_high", l->p->network_log_high, JM_APPROACHES},
		      {"energy_log_low", l->p->energy_log_low, JM_APPROACHES},
		      {"energy_log_high", l->p->energy_log_high, JM_APPROACHES},
		      {"power_highest", &l->p->power_highest, 1}};
	size_t n_values = 0;
	bool is_format = jm_json_is(key, "format"), is_device = jm_json_is(key, "device"),
	     is_rows = jm_json_is(key, "rows");
	bool is_networks = jm_json_is(key, "networks");
	double *values = NULL, count;
	struct jm_json_token t;
	size_t i;
	int rc;

	if (jm_json_is(key, "regressions"))
		return regressions(l);
	if (jm_json_is(key, "ranges"))
		return ranges(l);
	for (i = 0; i < sizeof(arrays) / sizeof(arrays[0]); i++) {
		if (!jm_json_is(key, arrays[i].key))
			continue;
		values = arrays[i].values;
		n_values = arrays[i].n;
	}
	rc = jm_json_next(l->json, &t, l->err);
	if (rc)
		return rc;
	if (values)
		return numbers(l, &t, values, n_values);
	if (is_format && !jm_json_is(&t, "joulemap-predictor/1") && !jm_json_is(&t, "joulemap-predictor/2"))
		return jm_error_set(l->err, JM_E_VERSION, "this is no predictor that this joulemap reads: '%.*s'",
				    (int)(t.n < 40 ? t.n : 40), t.text);
	l->is_told |= is_format;
	if (is_device && t.type == JM_JSON_STRING)
		snprintf(l->p->device, sizeof(l->p->device), "%.*s", (int)(t.n < 255 ? t.n : 255), t.text);
	if (is_rows || is_networks) {
		rc = number(l, &t, &count);
		*(is_rows ? &l->p->n_rows : &l->p->n_networks) = count_of(count);
		return rc;
	}
	return jm_json_skip(l->json, &t, l->err);
}

int jm_predictor_read(const char *path, const char *data, size_t n, struct jm_predictor *out, struct jm_error *err)
{
	struct loading l = {.p = out, .err = err};
	struct jm_json_token t;
	int a, rc = jm_json_open(path, data, n, &l.json, err);

	memset(out, 0, sizeof(*out));
	out->power_highest = NAN;
	rc = rc ? rc : jm_json_next(l.json, &t, err);
	if (rc == 0 && t.type != JM_JSON_OBJECT)
		rc = jm_json_error(l.json, &t, err, "this is no predictor: joulemap fit writes one");
	while (rc == 0 && !(rc = jm_json_next(l.json, &t, err)) && t.type == JM_JSON_KEY)
		rc = top_value(&l, &t);
	if (rc == 0 && !l.is_told)
		rc = jm_error_set(err, JM_E_FORMAT, "%s is no predictor: joulemap fit writes one", path);
	/* Earlier versions wrote intervals of the networks from two on. */
	for (a = 0; rc == 0 && out->n_networks < JM_INTERVAL_MIN && a < JM_APPROACHES; a++)
		out->network_log_low[a] = out->network_log_high[a] = out->energy_log_low[a] = out->energy_log_high[a] =
		    NAN;
	if (l.json)
		jm_json_close(l.json);
	if (rc)
		jm_predictor_finish(out);
	return rc;
}

int jm_predictor_load(const char *path, struct jm_predictor *out, struct jm_error *err)
{
	unsigned char *data = NULL;
	size_t n;
	int rc = jm_model_file(path, PREDICTOR_BYTES_MAX, &data, &n, err);

	memset(out, 0, sizeof(*out));
	rc = rc ? rc : jm_predictor_read(path, (const char *)data, n, out, err);
	free(data);
	return rc;
}
