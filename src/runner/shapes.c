#include "runner/shapes.h"

#include "core/error.h"
#include "model/model.h"
#include "model/subgraph.h"

#include <stdlib.h>
#include <string.h>

/* A model's inputs as a session would list them; texts stay the model's. */
static int list_inputs(const struct jm_model *model, struct jm_ort_input **out)
{
	struct jm_ort_input *list = calloc(model->n_inputs + 1, sizeof(*list));
	size_t i, j;

	*out = list;
	for (i = 0; list && i < model->n_inputs; i++) {
		const struct jm_model_value *from = &model->inputs[i];

		list[i] = (struct jm_ort_input){.name = from->name,
						.dtype = from->dtype,
						.is_tensor = from->is_tensor,
						.n_dims = from->n_dims,
						.dims = calloc(from->n_dims + 1, sizeof(int64_t)),
						.dim_names = calloc(from->n_dims + 1, sizeof(char *))};
		if (!list[i].dims || !list[i].dim_names)
			return JM_E_NOMEM;
		for (j = 0; j < from->n_dims; j++) {
			list[i].dims[j] = from->dims[j].size;
			list[i].dim_names[j] = from->dims[j].name;
		}
	}
	return list ? 0 : JM_E_NOMEM;
}

static void free_list(struct jm_ort_input *list, size_t n)
{
	size_t i;

	for (i = 0; list && i < n; i++) {
		free(list[i].dims);
		free(list[i].dim_names);
	}
	free(list);
}

static int take_shapes(const struct jm_model *model, const struct jm_inputs *made, struct jm_infer_input **inputs)
{
	struct jm_infer_input *list = calloc(made->n + 1, sizeof(*list));
	size_t i;

	for (i = 0; list && i < made->n; i++) {
		const struct jm_input *from = &made->items[i];

		list[i].name = model->inputs[i].name;
		if (from->n_dims > JM_SHAPE_DIMS_MAX)
			continue;
		list[i].shape.is_known = true;
		list[i].shape.n_dims = from->n_dims;
		if (from->n_dims)
			memcpy(list[i].shape.dims, from->dims, from->n_dims * sizeof(*from->dims));
	}
	*inputs = list;
	return list ? 0 : JM_E_NOMEM;
}

int jm_runner_input_shapes(const struct jm_model *model, const struct jm_input_options *options,
			   struct jm_infer_input **inputs, size_t *n_out, struct jm_error *why)
{
	struct jm_inputs made = {0};
	struct jm_ort_input *list;
	int rc = list_inputs(model, &list);

	if (rc)
		jm_error_set(why, rc, "no memory");
	rc = rc ? rc : jm_inputs_make(list, model->n_inputs, options, &made, why);
	if (rc == 0 && take_shapes(model, &made, inputs))
		rc = jm_error_set(why, JM_E_NOMEM, "no memory");
	if (rc == 0)
		*n_out = made.n;
	jm_inputs_finish(&made);
	free_list(list, model->n_inputs);
	return rc;
}

static void tell_shape(const char *name, const struct jm_ort_tensor *t, jm_infer_fn tell, void *ctx)
{
	struct jm_shape shape = {.dtype = t->dtype, .is_known = true, .n_dims = t->n_dims};

	if (!t->is_tensor || t->n_dims > JM_SHAPE_DIMS_MAX)
		return;
	if (t->n_dims)
		memcpy(shape.dims, t->dims, t->n_dims * sizeof(*t->dims));
	tell(ctx, name, &shape);
}

static int run_once(struct jm_ort *ort, const struct jm_ort_options *options, const struct jm_input_options *input,
		    const char *const *names, size_t n_names, struct jm_ort_tensor *tensors, struct jm_error *err)
{
	struct jm_ort_session *s = NULL;
	struct jm_inputs inputs = {0};
	const struct jm_ort_input *wanted;
	size_t i, n = 0;
	int rc = jm_ort_session_create(ort, options, &s, err);

	if (rc)
		return rc;
	wanted = jm_ort_session_inputs(s, &n);
	rc = jm_inputs_make(wanted, n, input, &inputs, err);
	for (i = 0; i < inputs.n && rc == 0; i++)
		rc =
		    jm_ort_session_bind(s, i, inputs.items[i].dims, inputs.items[i].data, inputs.items[i].n_bytes, err);
	rc = rc ? rc : jm_ort_session_fetch(s, names, n_names, tensors, err);
	jm_ort_session_destroy(s);
	jm_inputs_finish(&inputs);
	return rc;
}

static int expose(const char *path, const void *bytes, size_t n, const char *const *names, size_t n_names,
		  unsigned char **out, size_t *n_out, struct jm_error *err)
{
	struct jm_graph *graph = NULL;
	int rc = jm_graph_read(path, bytes, n, &graph, err);

	rc = rc ? rc : jm_graph_expose(graph, names, n_names, out, n_out, err);
	jm_graph_destroy(graph);
	return rc;
}

int jm_runner_shapes(const char *path, const void *bytes, size_t n, const struct jm_ort_search *search,
		     const struct jm_input_options *input, const char *const *names, size_t n_names, jm_infer_fn tell,
		     void *ctx, struct jm_error *err)
{
	struct jm_ort_tensor *tensors = calloc(n_names + 1, sizeof(*tensors));
	struct jm_ort_options options = {.model_path = path, .level = JM_ORT_LEVEL_NONE};
	struct jm_ort *ort = NULL;
	unsigned char *exposed = NULL;
	size_t i;
	int rc = tensors ? 0 : jm_error_set(err, JM_E_NOMEM, "no memory");

	rc = rc ? rc : jm_ort_open(search, &ort, err);
	rc = rc ? rc : expose(path, bytes, n, names, n_names, &exposed, &options.model_size, err);
	options.model_bytes = exposed;
	rc = rc ? rc : run_once(ort, &options, input, names, n_names, tensors, err);
	for (i = 0; tensors && i < n_names; i++) {
		if (rc == 0)
			tell_shape(names[i], &tensors[i], tell, ctx);
		jm_ort_tensor_finish(&tensors[i]);
	}
	free(tensors);
	free(exposed);
	jm_ort_close(ort);
	return rc;
}
