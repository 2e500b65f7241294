#define _GNU_SOURCE
#include "session/run_score.h"

#include "core/error.h"
#include "core/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The batch that the model itself asks for; 0: it leaves it open, or is not known. */
static uint64_t batch_of_model(const char *path)
{
	struct jm_error why;
	struct jm_model *model;
	uint64_t batch = 0;

	if (jm_model_load(path, &model, &why))
		return 0;
	if (model->n_inputs && model->inputs[0].n_dims && model->inputs[0].dims[0].size > 0)
		batch = (uint64_t)model->inputs[0].dims[0].size;
	jm_model_destroy(model);
	return batch;
}

/* "name=8x3x32x32": the data's shape with the batch in place of the number of items. */
static int add_shape(struct jm_run_data *d, const struct jm_items *items, uint64_t batch)
{
	struct jm_buffer b = {0};
	size_t a;

	if (items->input)
		jm_buffer_printf(&b, "%s=", items->input);
	jm_buffer_printf(&b, "%llu", (unsigned long long)batch);
	for (a = 1; a < items->data.n_dims; a++)
		jm_buffer_printf(&b, "x%lld", (long long)items->data.dims[a]);
	if (!jm_buffer_terminate(&b) || d->n_shapes == JM_RUN_SHAPES_MAX) {
		jm_buffer_finish(&b);
		return JM_E_NOMEM;
	}
	d->own[d->n_own++] = b.data;
	d->shapes[d->n_shapes++] = b.data;
	return 0;
}

int jm_run_data_load(const struct jm_run_options *options, struct jm_run_data *out, struct jm_error *err)
{
	uint64_t batch = options->batch;
	size_t i;
	int rc;

	memset(out, 0, sizeof(*out));
	if (options->n_shapes > JM_RUN_SHAPES_MAX)
		return jm_error_set(err, JM_E_INVALID, "more than %d shapes", JM_RUN_SHAPES_MAX);
	for (i = 0; i < options->n_shapes; i++)
		out->shapes[out->n_shapes++] = options->shapes[i];
	if (options->n_data == 0 && !options->labels && !options->metric)
		return 0;
	out->is_given = true;
	rc = jm_data_set_load(options->data, options->n_data, options->labels, &out->set, err);
	if (rc)
		return rc;
	batch = batch ? batch : batch_of_model(options->model);
	for (i = 0; i < out->set.n_inputs; i++)
		if (add_shape(out, &out->set.inputs[i], batch ? batch : 1))
			return jm_error_set(err, JM_E_INVALID, "too many shapes");
	return 0;
}

void jm_run_data_finish(struct jm_run_data *d)
{
	size_t i;

	if (d->is_given)
		jm_data_set_finish(&d->set);
	for (i = 0; i < d->n_own; i++)
		free(d->own[i]);
	memset(d, 0, sizeof(*d));
}

static int keep_number(struct jm_recorder *r, const char *key, double value)
{
	char text[32];

	if (!isfinite(value))
		return 0;
	text[jm_text_shortest(value, text)] = '\0';
	return jm_recorder_meta(r, key, text);
}

static int keep_count(struct jm_recorder *r, const char *key, uint64_t value)
{
	char text[32];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	return value ? jm_recorder_meta(r, key, text) : 0;
}

/* "0110..." for accuracies, numbers with commas between them for others. */
static int keep_items(struct jm_recorder *r, const struct jm_evaluation *e)
{
	bool is_accuracy = strcmp(e->name, "accuracy") == 0;
	struct jm_buffer b = {0};
	char text[32];
	size_t i;
	int rc = JM_E_NOMEM;

	for (i = 0; i < e->n_values; i++) {
		if (is_accuracy) {
			jm_buffer_puts(&b, e->items[i] > 0 ? "1" : "0");
			continue;
		}
		jm_buffer_puts(&b, i ? "," : "");
		jm_buffer_append(&b, text, jm_text_shortest(e->items[i], text));
	}
	if (e->n_values == 0)
		rc = 0;
	else if (jm_buffer_terminate(&b))
		rc = jm_recorder_meta(r, "score_items", b.data);
	jm_buffer_finish(&b);
	return rc;
}

static int keep(struct jm_recorder *r, const struct jm_data_set *set, const struct jm_evaluation *e)
{
	char hash[20];
	int rc = jm_recorder_meta(r, "score_name", e->name);

	snprintf(hash, sizeof(hash), "%016llx", (unsigned long long)set->hash);
	rc = rc ? rc : jm_recorder_meta(r, "score_data", hash);
	rc = rc ? rc : keep_number(r, "score", e->value);
	rc = rc ? rc : keep_count(r, "score_n", e->n_items);
	rc = rc ? rc : keep_count(r, "tokens_per_item", e->tokens_per_item);
	if (rc == 0 && e->reason[0])
		rc = jm_recorder_meta(r, "score_reason", e->reason);
	return rc ? rc : keep_items(r, e);
}

int jm_run_score(struct jm_runner *runner, const struct jm_run_options *options, const struct jm_run_data *data,
		 struct jm_recorder *recorder, struct jm_error *err)
{
	struct jm_evaluation e;
	int rc;

	if (!data->is_given)
		return 0;
	rc = jm_recorder_meta(recorder, "data_path", data->set.path);
	if (rc == 0 && !data->set.has_labels && !options->metric)
		return 0;
	if (rc)
		return jm_error_set(err, rc, "cannot write the recording");
	rc = jm_runner_evaluate(runner, &data->set, options->metric, &e, err);
	if (rc)
		return rc;
	if (keep(recorder, &data->set, &e))
		rc = jm_error_set(err, JM_E_IO, "cannot keep the score with the recording");
	jm_evaluation_finish(&e);
	return rc;
}
