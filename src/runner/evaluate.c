#define _GNU_SOURCE
#include "runner/evaluate.h"

#include "core/error.h"
#include "runner/metric.h"
#include "runner/runner_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct jm_input *find_input(struct jm_runner *r, const struct jm_items *items, struct jm_error *err)
{
	size_t i;

	if (!items->input && r->inputs.n == 1)
		return &r->inputs.items[0];
	for (i = 0; items->input && i < r->inputs.n; i++)
		if (strcmp(r->inputs.items[i].name, items->input) == 0)
			return &r->inputs.items[i];
	jm_error_set(err, JM_E_INVALID, "%s%s: the model has %zu inputs",
		     items->input ? "no input is called " : "data for which input", items->input ? items->input : "",
		     r->inputs.n);
	jm_error_remedy(err, "--data NAME=FILE.npy, once for each input");
	return NULL;
}

/* Copies items [first, first + batch), the last one again where there are no more. */
static int give_batch(struct jm_runner *r, const struct jm_data_set *d, uint64_t first, struct jm_error *err)
{
	size_t i, axis;
	uint64_t k;

	for (i = 0; i < d->n_inputs; i++) {
		const struct jm_npy *data = &d->inputs[i].data;
		struct jm_input *in = find_input(r, &d->inputs[i], err);
		uint64_t n_batch;
		size_t item_bytes = data->n_bytes / (size_t)d->n_items;

		if (!in)
			return JM_E_INVALID;
		n_batch = in->n_dims ? (uint64_t)in->dims[0] : 0;
		for (axis = 1; axis < in->n_dims && axis < data->n_dims; axis++)
			if (in->dims[axis] != data->dims[axis])
				n_batch = 0;
		if (in->dtype != data->dtype || in->n_dims != data->n_dims || n_batch == 0 ||
		    in->n_bytes != n_batch * item_bytes)
			return jm_error_set(
			    err, JM_E_INVALID, "the data do not fit input '%s': %s of %zu dimensions against %s of %zu",
			    in->name, jm_dtype_text(data->dtype), data->n_dims, jm_dtype_text(in->dtype), in->n_dims);
		for (k = 0; k < n_batch; k++) {
			uint64_t at = first + k < d->n_items ? first + k : d->n_items - 1;

			memcpy(in->data + k * item_bytes, data->data + at * item_bytes, item_bytes);
		}
	}
	return 0;
}

int jm_runner_give(struct jm_runner *r, const struct jm_data_set *d, struct jm_error *err)
{
	size_t i;
	int rc = give_batch(r, d, 0, err);

	for (i = 0; i < d->n_inputs && rc == 0; i++)
		find_input(r, &d->inputs[i], err)->is_from_file = true;
	return rc;
}

static int score_batch(struct jm_runner *r, const struct jm_data_set *d, uint64_t first, const char *output,
		       struct jm_metric *m, struct jm_error *err)
{
	uint64_t n = d->n_items - first < r->inputs.batch ? d->n_items - first : r->inputs.batch;
	struct jm_ort_tensor t;
	int rc = give_batch(r, d, first, err);

	if (rc)
		return rc;
	rc = jm_ort_session_fetch(r->session, &output, 1, &t, err);
	if (rc == 0 && (!t.is_tensor || t.n_dims < 1 || t.dims[0] != (int64_t)r->inputs.batch))
		rc = jm_error_set(err, JM_E_INVALID, "the first output '%s' is not one answer for each of %llu inputs",
				  output, (unsigned long long)r->inputs.batch);
	rc = rc ? rc : jm_metric_add(m, &t, first, n, err);
	jm_ort_tensor_finish(&t);
	return rc;
}

int jm_runner_evaluate(struct jm_runner *r, const struct jm_data_set *d, const char *metric, struct jm_evaluation *out,
		       struct jm_error *err)
{
	const char *output = jm_ort_session_output(r->session, 0);
	struct jm_metric m;
	uint64_t first;
	int rc;

	memset(out, 0, sizeof(*out));
	out->value = NAN;
	if (!output || r->inputs.batch == 0)
		return jm_error_set(err, JM_E_INVALID, "the model has no output to be scored");
	rc = jm_metric_begin(&m, d, metric, out, err);
	for (first = 0; first < d->n_items && rc == 0; first += r->inputs.batch)
		rc = score_batch(r, d, first, output, &m, err);
	rc = rc ? rc : jm_metric_end(&m, err);
	jm_metric_finish(&m);
	if (rc)
		jm_evaluation_finish(out);
	return rc;
}

void jm_evaluation_finish(struct jm_evaluation *e)
{
	free(e->items);
	memset(e, 0, sizeof(*e));
}
