#define _GNU_SOURCE
#include "runner/isolate_internal.h"

#include "core/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INPUTS_MAX 256
/* Making a session of one node, warming it up, ending it: on a two-core VM 0.6 to 3 ms, 8 ms when busy. */
#define OVERHEAD_NS INT64_C(10000000)

void jm_isolation_skip(struct jm_isolation *is, struct jm_isolated_layer *layer, const char *reason)
{
	size_t i;

	if (layer) {
		layer->is_left_out = true;
		is->n_usable--;
	}
	is->n_skipped++;
	for (i = 0; i < JM_ISOLATE_REASONS; i++) {
		if (is->reasons[i].n && strncmp(is->reasons[i].text, reason, sizeof(is->reasons[i].text) - 1) != 0)
			continue;
		if (is->reasons[i].n == 0)
			snprintf(is->reasons[i].text, sizeof(is->reasons[i].text), "%s", reason);
		is->reasons[i].n++;
		return;
	}
}

int64_t jm_isolation_cost_ns(const struct jm_tally_layer *layer)
{
	int64_t block_ns = (JM_ISOLATE_BLOCK_LOW_NS + JM_ISOLATE_BLOCK_HIGH_NS) / 2;
	int64_t call_ns = layer->n ? layer->total_ns / (int64_t)layer->n : 0;

	return (block_ns > call_ns ? block_ns : call_ns) + OVERHEAD_NS + call_ns;
}

static int take_inputs(struct jm_isolation *is, struct jm_isolated_layer *layer)
{
	const char *names[INPUTS_MAX];
	size_t n = 0;
	int rc = jm_graph_inputs(is->graph, layer->node, names, INPUTS_MAX, &n);

	if (rc)
		return rc;
	layer->inputs = malloc((n + 1) * sizeof(*layer->inputs));
	if (!layer->inputs)
		return JM_E_NOMEM;
	if (n)
		memcpy(layer->inputs, names, n * sizeof(*names));
	layer->n_inputs = n;
	return 0;
}

/* Takes a layer of the tally, or counts it as skipped. */
static int choose_one(struct jm_isolation *is, const struct jm_tally_layer *from)
{
	struct jm_isolated_layer layer = {.from = from};
	const char *refusal;
	int rc = jm_graph_find(is->graph, from->name, from->type, &layer.node);

	if (rc) {
		jm_isolation_skip(is, NULL,
				  rc == JM_E_INVALID ? "several nodes have its name" : "not in the rewritten model");
		return 0;
	}
	refusal = jm_graph_refusal(is->graph, layer.node);
	rc = refusal ? 0 : take_inputs(is, &layer);
	if (refusal || rc == JM_E_FULL) {
		jm_isolation_skip(is, NULL, refusal ? refusal : "too many inputs");
		return 0;
	}
	if (rc)
		return rc;
	is->layers[is->n_layers++] = layer;
	is->n_usable++;
	return 0;
}

static int choose(struct jm_isolation *is)
{
	int64_t planned_ns = 0, passes = (int64_t)is->r->options.isolate_passes;
	size_t i;
	int rc = 0;

	jm_tally_sort(is->tally);
	is->layers = calloc(is->tally->n + 1, sizeof(*is->layers));
	if (!is->layers)
		return JM_E_NOMEM;
	for (i = 0; i < is->tally->n && rc == 0; i++) {
		const struct jm_tally_layer *from = &is->tally->layers[i];
		int64_t cost_ns = passes * jm_isolation_cost_ns(from);
		size_t n_before = is->n_layers;

		if (from->n == 0)
			continue;
		if (planned_ns + cost_ns > is->budget_ns) {
			is->n_over_budget++;
			continue;
		}
		rc = choose_one(is, from);
		if (is->n_layers > n_before)
			planned_ns += cost_ns;
	}
	return rc;
}

static const struct jm_input *find_input(const struct jm_isolation *is, const char *name)
{
	size_t i;

	for (i = 0; i < is->r->inputs.n; i++)
		if (strcmp(is->r->inputs.items[i].name, name) == 0)
			return &is->r->inputs.items[i];
	return NULL;
}

static struct jm_ort_tensor *find_tensor(const struct jm_isolation *is, const char *name)
{
	size_t i;

	for (i = 0; i < is->n_values; i++)
		if (strcmp(is->values[i], name) == 0)
			return &is->tensors[i];
	return NULL;
}

/* Lists the values to be fetched: what layers take and the user does not give. */
static int list_values(struct jm_isolation *is)
{
	size_t i, j, capacity = 1;

	for (i = 0; i < is->n_layers; i++)
		capacity += is->layers[i].n_inputs;
	is->values = calloc(capacity, sizeof(*is->values));
	is->tensors = calloc(capacity, sizeof(*is->tensors));
	if (!is->values || !is->tensors)
		return JM_E_NOMEM;
	for (i = 0; i < is->n_layers; i++) {
		for (j = 0; j < is->layers[i].n_inputs; j++) {
			const char *name = is->layers[i].inputs[j];

			if (!find_input(is, name) && !find_tensor(is, name))
				is->values[is->n_values++] = name;
		}
	}
	return 0;
}

/* One run of the whole model with these values as further outputs. */
static int fetch_values(struct jm_isolation *is, struct jm_error *why)
{
	struct jm_ort_options options = {.model_path = is->r->options.model_path,
					 .provider = is->r->options.provider,
					 .threads = is->r->options.threads,
					 .level = JM_ORT_LEVEL_NONE};
	struct jm_ort_session *s = NULL;
	unsigned char *bytes = NULL;
	size_t n = 0;
	int rc;

	if (is->n_values == 0)
		return 0;
	rc = jm_graph_expose(is->graph, is->values, is->n_values, &bytes, &n, why);
	if (rc)
		return rc;
	options.model_bytes = bytes;
	options.model_size = n;
	rc = jm_ort_session_create(is->r->ort, &options, &s, why);
	free(bytes);
	rc = rc ? rc : jm_runner_bind(is->r, s, why);
	rc = rc ? rc : jm_ort_session_fetch(s, is->values, is->n_values, is->tensors, why);
	jm_ort_session_destroy(s);
	return rc;
}

/* What an input of a layer is: a view of the tensor fetched, or of the input given. */
static int describe_input(const struct jm_isolation *is, const char *name, struct jm_subgraph_input *out, void **data,
			  size_t *size)
{
	const struct jm_input *given = find_input(is, name);
	struct jm_ort_tensor *t = given ? NULL : find_tensor(is, name);

	if (!given && (!t || !t->is_tensor))
		return JM_E_UNSUPPORTED;
	*out = given ? (struct jm_subgraph_input){name, given->dtype, given->dims, given->n_dims}
		     : (struct jm_subgraph_input){name, t->dtype, t->dims, t->n_dims};
	*data = given ? given->data : t->data;
	*size = given ? given->n_bytes : t->size_bytes;
	return 0;
}

static int bind_layer(const struct jm_isolation *is, struct jm_ort_session *s, struct jm_error *err)
{
	struct jm_subgraph_input in;
	size_t i, n, size;
	const struct jm_ort_input *wanted = jm_ort_session_inputs(s, &n);
	void *data;
	int rc = 0;

	for (i = 0; i < n && rc == 0; i++) {
		rc = describe_input(is, wanted[i].name, &in, &data, &size);
		if (rc || in.n_dims != wanted[i].n_dims)
			return jm_error_set(err, JM_E_UNSUPPORTED, "an input is no tensor of numbers");
		rc = jm_ort_session_bind(s, i, in.dims, data, size, err);
	}
	return rc;
}

static int cut(struct jm_isolation *is, const struct jm_isolated_layer *layer, unsigned char **bytes, size_t *n,
	       struct jm_error *err)
{
	struct jm_subgraph_input *inputs = calloc(layer->n_inputs + 1, sizeof(*inputs));
	size_t i, size;
	void *data;
	int rc = inputs ? 0 : jm_error_set(err, JM_E_NOMEM, "no memory");

	for (i = 0; i < layer->n_inputs && rc == 0; i++)
		if (describe_input(is, layer->inputs[i], &inputs[i], &data, &size))
			rc = jm_error_set(err, JM_E_UNSUPPORTED, "an input is no tensor of numbers");
	rc = rc ? rc : jm_graph_cut(is->graph, layer->node, inputs, layer->n_inputs, bytes, n, err);
	free(inputs);
	return rc;
}

int jm_isolation_open(struct jm_isolation *is, const struct jm_isolated_layer *layer, struct jm_ort_session **out,
		      struct jm_error *err)
{
	struct jm_ort_options options = {.model_path = layer->from->name,
					 .provider = is->r->options.provider,
					 .threads = is->r->options.threads,
					 .level = JM_ORT_LEVEL_NONE};
	struct jm_ort_session *s = NULL;
	unsigned char *bytes = NULL;
	size_t n = 0;
	int rc = cut(is, layer, &bytes, &n, err);

	if (rc)
		return rc;
	options.model_bytes = bytes;
	options.model_size = n;
	rc = jm_ort_session_create(is->r->ort, &options, &s, err);
	free(bytes);
	rc = rc ? rc : bind_layer(is, s, err);
	if (rc)
		jm_ort_session_destroy(s);
	else
		*out = s;
	return rc;
}

/* Runs each layer once, so that what fails is known before the blocks begin. */
static int try_all(struct jm_isolation *is)
{
	size_t i;

	for (i = 0; i < is->n_layers; i++) {
		struct jm_ort_session *s = NULL;
		struct jm_error why = {0};
		int rc;

		if (is->out->cancel && atomic_load_explicit(is->out->cancel, memory_order_relaxed))
			return JM_E_CANCELLED;
		rc = jm_isolation_open(is, &is->layers[i], &s, &why);
		rc = rc ? rc : jm_ort_session_run(s, &why);
		jm_ort_session_destroy(s);
		if (rc == JM_E_NOMEM)
			return rc;
		if (rc)
			jm_isolation_skip(is, &is->layers[i], why.message);
	}
	return 0;
}

int jm_isolation_prepare(struct jm_isolation *is)
{
	struct jm_error why = {0};
	size_t i;
	int rc = jm_graph_read("the rewritten model", is->r->rewritten, is->r->rewritten_size, &is->graph, &why);

	if (rc == 0)
		rc = choose(is);
	rc = rc ? rc : list_values(is);
	if (rc == JM_E_NOMEM)
		return jm_error_set(is->err, rc, "no memory to cut layers out of the model");
	rc = rc ? rc : fetch_values(is, &why);
	if (rc) {
		for (i = 0; i < is->n_layers; i++)
			jm_isolation_skip(is, &is->layers[i], why.message);
		if (is->n_layers == 0)
			jm_isolation_skip(is, NULL, why.message);
		return 0;
	}
	rc = try_all(is);
	return rc == JM_E_NOMEM ? jm_error_set(is->err, rc, "no memory to run a layer alone") : rc;
}

void jm_isolation_finish(struct jm_isolation *is)
{
	size_t i;

	for (i = 0; i < is->n_layers; i++)
		free(is->layers[i].inputs);
	for (i = 0; is->tensors && i < is->n_values; i++)
		jm_ort_tensor_finish(&is->tensors[i]);
	free(is->layers);
	free(is->values);
	free(is->tensors);
	jm_graph_destroy(is->graph);
}
