#define _GNU_SOURCE
#include "cli/ask_answer.h"

#include "core/error.h"
#include "core/json.h"
#include "core/text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define BYTES_MAX 1e15 /* of memory: more is no figure */

static const char *const device_names[JM_ANSWER_DEVICES] = {"cpu", "gpu", "dram"};

/* A member of an object: its key is kept, its value's first token is in t. */
struct member {
	char key[32];
	struct jm_json_token t;
};

static int expect(struct jm_json *json, const struct jm_json_token *t, enum jm_json_type type, struct jm_error *err)
{
	if (t->type == type)
		return 0;
	return jm_json_error(json, t, err, "the service's answer should have %s here",
			     type == JM_JSON_OBJECT ? "an object" : "an array");
}

/* Gives the next member of the object that is open; false at its end, and on errors. */
static bool next_member(struct jm_json *json, struct member *m, int *rc, struct jm_error *err)
{
	*rc = jm_json_next(json, &m->t, err);
	if (*rc || m->t.type != JM_JSON_KEY)
		return false;
	snprintf(m->key, sizeof(m->key), "%.*s", (int)(m->t.n < sizeof(m->key) ? m->t.n : sizeof(m->key) - 1),
		 m->t.text);
	*rc = jm_json_next(json, &m->t, err);
	return *rc == 0;
}

static void copy_text(const struct jm_json_token *t, char *out, size_t size)
{
	snprintf(out, size, "%.*s", (int)(t->n < size ? t->n : size - 1), t->text);
}

static int read_device(struct jm_json *json, struct jm_answer_row *row, size_t device, struct jm_error *err)
{
	bool has_energy = false, has_power = false;
	struct member m;
	int rc = 0;

	while (rc == 0 && next_member(json, &m, &rc, err)) {
		if (strcmp(m.key, "state") == 0 && m.t.type == JM_JSON_STRING)
			row->devices[device].is_estimated = jm_json_is(&m.t, "estimated");
		else if (strcmp(m.key, "energy_j") == 0 && m.t.type == JM_JSON_NUMBER)
			has_energy = jm_json_number(json, &m.t, &row->devices[device].energy_j, NULL) == 0;
		else if (strcmp(m.key, "mean_power_w") == 0 && m.t.type == JM_JSON_NUMBER)
			has_power = jm_json_number(json, &m.t, &row->devices[device].power_w, NULL) == 0;
		else
			rc = jm_json_skip(json, &m.t, err);
	}
	row->devices[device].is_known = has_energy && has_power;
	return rc;
}

static int read_pid(struct jm_json *json, const struct jm_json_token *t, int64_t *out, struct jm_error *err)
{
	if (t->type == JM_JSON_NUMBER && jm_text_i64(t->text, t->n, out) == 0 && *out > 0)
		return 0;
	return jm_json_error(json, t, err, "the service's answer should have the number of a process here");
}

/* The members of a process or the machine; t: its beginning. */
static int read_row(struct jm_json *json, const struct jm_json_token *t, struct jm_answer_row *row,
		    struct jm_error *err)
{
	struct member m;
	size_t i;
	int rc = expect(json, t, JM_JSON_OBJECT, err);

	memset(row, 0, sizeof(*row));
	while (rc == 0 && next_member(json, &m, &rc, err)) {
		for (i = 0; i < JM_ANSWER_DEVICES && strcmp(m.key, device_names[i]) != 0; i++)
			;
		if (i < JM_ANSWER_DEVICES && m.t.type == JM_JSON_OBJECT)
			rc = read_device(json, row, i, err);
		else if (strcmp(m.key, "pid") == 0)
			rc = read_pid(json, &m.t, &row->pid, err);
		else if (strcmp(m.key, "name") == 0 && m.t.type == JM_JSON_STRING)
			copy_text(&m.t, row->name, sizeof(row->name));
		else
			rc = jm_json_skip(json, &m.t, err);
	}
	return rc;
}

static int read_own_cost(struct jm_json *json, struct jm_own_cost *cost, struct jm_error *err)
{
	double fraction = NAN, bytes = NAN;
	struct member m;
	int rc = 0;

	while (rc == 0 && next_member(json, &m, &rc, err)) {
		double *value = strcmp(m.key, "cpu_s") == 0          ? &cost->cpu_s
				: strcmp(m.key, "cpu_fraction") == 0 ? &fraction
				: strcmp(m.key, "rss_bytes") == 0    ? &bytes
								     : NULL;

		if (value && m.t.type == JM_JSON_NUMBER)
			rc = jm_json_number(json, &m.t, value, err);
		else
			rc = jm_json_skip(json, &m.t, err);
	}
	if (fraction > 0)
		cost->wall_s = cost->cpu_s / fraction;
	if (bytes > 0 && bytes < BYTES_MAX)
		cost->rss_bytes = (uint64_t)bytes;
	return rc;
}

int jm_answer_rows(const char *text, size_t n, void (*take)(void *ctx, const struct jm_answer_row *row), void *ctx,
		   struct jm_own_cost *cost_out, struct jm_error *err)
{
	struct jm_answer_row row;
	struct jm_json *json;
	struct member m;
	int rc = jm_json_open("the service's answer", text, n, &json, err);

	*cost_out = JM_OWN_COST_UNKNOWN;
	if (rc)
		return rc;
	rc = jm_json_next(json, &m.t, err);
	rc = rc ? rc : expect(json, &m.t, JM_JSON_OBJECT, err);
	while (rc == 0 && next_member(json, &m, &rc, err)) {
		if (strcmp(m.key, "machine") == 0) {
			rc = read_row(json, &m.t, &row, err);
			row.is_machine = true;
			if (rc == 0)
				take(ctx, &row);
		} else if (strcmp(m.key, "processes") == 0) {
			rc = expect(json, &m.t, JM_JSON_ARRAY, err);
			while (rc == 0 && (rc = jm_json_next(json, &m.t, err)) == 0 && m.t.type != JM_JSON_ARRAY_END &&
			       (rc = read_row(json, &m.t, &row, err)) == 0)
				take(ctx, &row);
		} else if (strcmp(m.key, "own_cost") == 0 && m.t.type == JM_JSON_OBJECT) {
			rc = read_own_cost(json, cost_out, err);
		} else {
			rc = jm_json_skip(json, &m.t, err);
		}
	}
	rc = rc ? rc : jm_json_next(json, &m.t, err); /* nothing may follow */
	jm_json_close(json);
	return rc;
}

static int take_member(struct jm_json *json, const struct jm_json_token *t, char *out, size_t size,
		       struct jm_error *err)
{
	if ((t->type != JM_JSON_STRING && t->type != JM_JSON_NUMBER) || t->n >= size ||
	    (t->n && memchr(t->text, '\0', t->n)))
		return jm_json_error(json, t, err, "the service's answer has something else here than it should");
	copy_text(t, out, size);
	return 0;
}

int jm_answer_member(const char *text, size_t n, const char *name, char *out, size_t size, struct jm_error *err)
{
	struct jm_json *json;
	struct member m;
	bool is_found = false;
	int rc = jm_json_open("the service's answer", text, n, &json, err);

	if (rc)
		return rc;
	rc = jm_json_next(json, &m.t, err);
	rc = rc ? rc : expect(json, &m.t, JM_JSON_OBJECT, err);
	while (rc == 0 && !is_found && next_member(json, &m, &rc, err)) {
		is_found = strcmp(m.key, name) == 0;
		rc = is_found ? take_member(json, &m.t, out, size, err) : jm_json_skip(json, &m.t, err);
	}
	jm_json_close(json);
	if (rc || is_found)
		return rc;
	return jm_error_set(err, JM_E_NOT_FOUND, "the service's answer has no %s", name);
}
