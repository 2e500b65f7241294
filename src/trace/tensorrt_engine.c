/* trt_engine_info.json and trtexec --exportLayerInfo: {"Layers": [{"Name", "LayerType", ...}], "Bindings": [...]}. It has
 * no times: it yields the names with their types, and no spans. Engines built without detailed profiling verbosity list
 * bare names; those have no type. */
#define _GNU_SOURCE
#include "core/error.h"
#include "core/json.h"
#include "core/text.h"
#include "trace/emit.h"

static int match(const char *head, size_t n)
{
	if (jm_head_first(head, n) != '{' || !jm_head_has(head, n, "Layers"))
		return 0;
	return jm_head_has(head, n, "LayerType") ? 90 : 40;
}

static int keep(struct jm_buffer *b, const struct jm_json_token *t)
{
	b->n = 0;
	jm_buffer_append(b, t->text, t->n);
	return b->is_failed ? JM_E_NOMEM : 0;
}

static int read_layer(struct jm_json *json, struct jm_emit *e, struct jm_buffer text[2], struct jm_error *err)
{
	struct jm_json_token key, t;
	int rc;

	text[0].n = text[1].n = 0;
	while (!(rc = jm_json_next(json, &key, err)) && key.type == JM_JSON_KEY) {
		bool is_type = jm_json_is(&key, "LayerType"), is_mine = is_type || jm_json_is(&key, "Name");

		rc = jm_json_next(json, &t, err);
		if (!rc && is_mine && t.type == JM_JSON_STRING && keep(&text[is_type], &t))
			rc = jm_error_set(err, JM_E_NOMEM, "out of memory");
		if (!rc)
			rc = jm_json_skip(json, &t, err);
		if (rc)
			return rc;
	}
	if (!rc && text[0].n == 0)
		return jm_json_error(json, &key, err, "a layer without a name");
	if (!rc)
		jm_emit_name(e, text[0].data, text[0].n, text[1].n ? text[1].data : "", text[1].n);
	return rc;
}

static int read_layers(struct jm_json *json, struct jm_emit *e, uint64_t *n_out, struct jm_error *err)
{
	struct jm_buffer text[2] = {{0}};
	struct jm_json_token t;
	int rc;

	while (!(rc = jm_json_next(json, &t, err)) && t.type != JM_JSON_ARRAY_END) {
		++*n_out;
		if (t.type == JM_JSON_OBJECT)
			rc = read_layer(json, e, text, err);
		else if (t.type == JM_JSON_STRING)
			jm_emit_name(e, t.text, t.n, NULL, 0);
		else
			rc = jm_json_error(json, &t, err, "a layer was expected");
		if (rc)
			break;
	}
	jm_buffer_finish(&text[0]);
	jm_buffer_finish(&text[1]);
	return rc;
}

static int read_engine(struct jm_json *json, struct jm_emit *e, struct jm_error *err)
{
	struct jm_json_token key, t;
	uint64_t n = 0;
	int rc = jm_json_next(json, &t, err);

	if (!rc && t.type != JM_JSON_OBJECT)
		return jm_json_error(json, &t, err, "an object with \"Layers\" was expected");
	while (!rc && !(rc = jm_json_next(json, &key, err)) && key.type == JM_JSON_KEY) {
		bool is_layers = jm_json_is(&key, "Layers");

		rc = jm_json_next(json, &t, err);
		if (!rc && is_layers && t.type == JM_JSON_ARRAY)
			rc = read_layers(json, e, &n, err);
		else if (!rc)
			rc = jm_json_skip(json, &t, err);
	}
	if (!rc)
		rc = jm_json_next(json, &t, err);
	if (!rc)
		jm_emit_meta(e, "engine_layers", "%llu", (unsigned long long)n);
	return rc;
}

static int read_info(const struct jm_trace_input *in, struct jm_trace_output *out, struct jm_error *err)
{
	struct jm_json *json = NULL;
	struct jm_emit e;
	int rc = jm_json_open(in->path, in->data, in->n, &json, err);

	jm_emit_init(&e, out);
	out->clock = JM_TRACE_CLOCK_NONE;
	if (!rc)
		rc = read_engine(json, &e, err);
	if (!rc)
		rc = jm_emit_finish(&e, err);
	jm_json_close(json);
	return rc;
}

const struct jm_importer jm_importer_tensorrt_engine = {
    .name = "tensorrt_engine",
    .summary = "TensorRT engine info (trt_engine_info.json, trtexec --exportLayerInfo): layer names and types",
    .match = match,
    .read = read_info,
};
