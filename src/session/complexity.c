#define _GNU_SOURCE
#include "core/error.h"
#include "model/complexity.h"
#include "model/model.h"
#include "report/complexity.h"
#include "runner/shapes.h"
#include "session/runtime.h"
#include "session/windows.h"
#include "session/write.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MODEL_BYTES_MAX (UINT64_C(2) << 30)
#define NOTES_MAX       4

struct jm_complexity_report {
	char *path;
	struct jm_model *model;
	struct jm_infer_input *inputs;
	size_t n_inputs;
	struct jm_complexity counts;
	char *notes[NOTES_MAX];
	size_t n_notes;
	size_t n_seen; /* shapes that one run showed */
};

static void note(struct jm_complexity_report *r, const char *text)
{
	char *copy = r->n_notes < NOTES_MAX ? strdup(text) : NULL;

	if (copy)
		r->notes[r->n_notes++] = copy;
}

static void note_error(struct jm_complexity_report *r, const struct jm_error *why)
{
	char text[sizeof(why->message) + sizeof(why->remedy) + 8];

	snprintf(text, sizeof(text), "%s%s%s", why->message, why->remedy[0] ? "; " : "", why->remedy);
	note(r, text);
}

/* A first dimension that is open is the batch: one item where nobody says otherwise. */
static bool has_open_batch(const struct jm_model *model)
{
	size_t i;

	for (i = 0; i < model->n_inputs; i++)
		if (model->inputs[i].n_dims > 0 && model->inputs[i].dims[0].size < 0)
			return true;
	return false;
}

static struct jm_input_options input_options(const struct jm_complexity_report *r,
					     const struct jm_complexity_options *o)
{
	struct jm_input_options in = {.batch = o->batch, .shapes = o->shapes, .n_shapes = o->n_shapes};

	if (!in.batch && has_open_batch(r->model))
		in.batch = 1;
	return in;
}

/* Shapes that contradict the model are an error; shapes that nobody gave leave counts unknown. */
static int settle_inputs(struct jm_complexity_report *r, const struct jm_complexity_options *o, struct jm_error *err)
{
	struct jm_input_options in = input_options(r, o);
	struct jm_error why = {0};
	int rc = jm_runner_input_shapes(r->model, &in, &r->inputs, &r->n_inputs, &why);

	if (rc == 0)
		return 0;
	if (rc == JM_E_NOMEM || o->n_shapes > 0 || o->batch > 0) {
		if (err)
			*err = why;
		return rc;
	}
	note_error(r, &why);
	return 0;
}

static void take_shape(void *ctx, const char *name, const struct jm_shape *shape)
{
	jm_complexity_set(ctx, name, shape);
}

/* What inference leaves open, a run shows. Without the runtime it stays open. */
static int see_shapes(struct jm_complexity_report *r, struct jm_complexity_model *m,
		      const struct jm_complexity_options *o, const void *bytes, size_t n, const char *why_not)
{
	struct jm_ort_search search = jm_session_runtime(o->onnxruntime);
	struct jm_input_options in = input_options(r, o);
	struct jm_error why = {0};
	const char **names = NULL;
	size_t n_names = 0;
	char text[128];
	int rc = jm_complexity_unknown(m, &names, &n_names);

	if (rc)
		return rc;
	if (n_names > 0 && why_not[0])
		note(r, why_not);
	if (n_names > 0 && r->n_inputs == r->model->n_inputs && !o->is_never_run) {
		rc = jm_runner_shapes(o->model, bytes, n, &search, &in, names, n_names, take_shape, m, &why);
		snprintf(text, sizeof(text), "%zu shapes could not be inferred and were seen in one run of the model",
			 n_names);
		r->n_seen = rc == 0 ? n_names : 0;
		if (rc == 0)
			note(r, text);
		else
			note_error(r, &why);
	}
	free((void *)names);
	return rc == JM_E_NOMEM ? rc : 0;
}

static int count(struct jm_complexity_report *r, const struct jm_complexity_options *o, struct jm_error *err)
{
	struct jm_complexity_model *m = NULL;
	unsigned char *bytes = NULL;
	char why_not[384];
	size_t n;
	int rc = jm_model_file(o->model, MODEL_BYTES_MAX, &bytes, &n, err);

	rc = rc ? rc : jm_model_read(o->model, bytes, n, &r->model, err);
	rc = rc ? rc : settle_inputs(r, o, err);
	rc =
	    rc ? rc : jm_complexity_open(o->model, bytes, n, r->inputs, r->n_inputs, &m, why_not, sizeof(why_not), err);
	if (rc == 0 && (see_shapes(r, m, o, bytes, n, why_not) || jm_complexity_count(m, &r->counts)))
		rc = jm_error_set(err, JM_E_NOMEM, "no memory for %s", o->model);
	jm_complexity_close(m);
	free(bytes);
	return rc;
}

int jm_complexity_report_open(const struct jm_complexity_options *options, struct jm_complexity_report **out,
			      struct jm_error *err)
{
	struct jm_complexity_report *r;
	int rc;

	if (options->size < sizeof(*options) || !options->model)
		return jm_error_set(err, JM_E_INVALID, "no model is named");
	r = calloc(1, sizeof(*r));
	if (r)
		r->path = strdup(options->model);
	rc = r && r->path ? count(r, options, err) : jm_error_set(err, JM_E_NOMEM, "no memory");
	if (rc)
		jm_complexity_report_destroy(r);
	else
		*out = r;
	return rc;
}

void jm_complexity_report_destroy(struct jm_complexity_report *r)
{
	size_t i;

	if (!r)
		return;
	for (i = 0; i < r->n_notes; i++)
		free(r->notes[i]);
	jm_complexity_finish(&r->counts);
	jm_model_destroy(r->model);
	free(r->inputs);
	free(r->path);
	free(r);
}

static int parse_sort(const char *text, enum jm_complexity_sort *out)
{
	static const char *const names[] = {"none", "macs", "parameters", "bytes", "name"};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(text ? text : "none", names[i]) == 0) {
			*out = (enum jm_complexity_sort)i;
			return 0;
		}
	}
	return JM_E_INVALID;
}

static int parse_view(const struct jm_complexity_report *r, const struct jm_view_options *view,
		      struct jm_complexity_view *v, struct jm_error *err)
{
	const char *by = view->by ? view->by : "layer";

	*v = (struct jm_complexity_view){.path = r->path,
					 .model = r->model,
					 .counts = &r->counts,
					 .inputs = r->inputs,
					 .n_inputs = r->n_inputs,
					 .notes = r->notes,
					 .n_notes = r->n_notes,
					 .is_by_type = strcmp(by, "type") == 0,
					 .limit = view->limit,
					 .is_colour = view->is_colour,
					 .width = view->width};
	if (!v->is_by_type && strcmp(by, "layer") != 0)
		return jm_error_set(err, JM_E_INVALID, "a model is shown by layer or type, not by %s", by);
	if (parse_sort(view->sort, &v->sort))
		return jm_error_set(err, JM_E_INVALID, "a model is sorted by macs, parameters, bytes, name or none");
	return 0;
}

int jm_complexity_report_write(const struct jm_complexity_report *report, const struct jm_view_options *view,
			       jm_write_fn write, void *ctx, struct jm_error *err)
{
	const char *format = view->format ? view->format : "table";
	struct jm_complexity_view v;
	struct jm_buffer text = {0};
	int rc = parse_view(report, view, &v, err);

	if (rc)
		return rc;
	v.is_summary = strcmp(format, "summary") == 0;
	if (v.is_summary || strcmp(format, "table") == 0)
		rc = jm_complexity_table(&v, &text);
	else if (strcmp(format, "csv") == 0)
		rc = jm_complexity_csv(&v, &text);
	else if (strcmp(format, "json") == 0)
		rc = jm_complexity_json(&v, &text);
	else
		return jm_error_set(err, JM_E_INVALID, "a model is written as table, summary, csv or json, not as %s",
				    format);
	return jm_session_write(&text, rc, "the table", write, ctx, err);
}

size_t jm_complexity_report_seen(const struct jm_complexity_report *report)
{
	return report->n_seen;
}

bool jm_complexity_report_is_open(const struct jm_complexity_report *report)
{
	return report->n_inputs != report->model->n_inputs;
}

const char *jm_complexity_report_note(const struct jm_complexity_report *report, size_t i)
{
	return i < report->n_notes ? report->notes[i] : NULL;
}

const struct jm_complexity *jm_complexity_report_counts(const struct jm_complexity_report *report)
{
	return &report->counts;
}
