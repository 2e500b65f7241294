#define _GNU_SOURCE
#include "dataset/engine.h"

#include "core/error.h"
#include "core/grow.h"
#include "core/json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What one layer says of itself. */
struct raw {
	char *name, *type;
	struct jm_shape in, out; /* first ones */
	int64_t kernel[2], window[2], stride[2], dilation[2], before[2], after[2], groups;
	bool has_kernel, has_window;
};

/* TensorRT's layer types and ours. Cask: its library of kernels. */
static const struct {
	const char *type;
	enum jm_layer_kind kind;
} types[] = {
    {"CaskConvolution", JM_LAYER_CONVOLUTIONAL}, {"CudnnConvolution", JM_LAYER_CONVOLUTIONAL},
    {"CaskPooling", JM_LAYER_POOLING},		 {"Pooling", JM_LAYER_POOLING},
    {"TiledPooling", JM_LAYER_POOLING},		 {"CaskGemmConvolution", JM_LAYER_DENSE},
    {"Reformat", JM_LAYER_MOVEMENT},		 {"NoOp", JM_LAYER_MOVEMENT},
    {"Shuffle", JM_LAYER_MOVEMENT},		 {"kgen", JM_LAYER_ELEMENTWISE},
    {"PointWiseV2", JM_LAYER_ELEMENTWISE},
};

static int keep(char **out, const struct jm_json_token *t)
{
	free(*out);
	*out = strndup(t->text, t->n);
	return *out ? 0 : JM_E_NOMEM;
}

/* An array of whole numbers, of which n_max are kept. */
static int read_integers(struct jm_json *json, const struct jm_json_token *begin, int64_t *out, size_t n_max, size_t *n_out,
			 struct jm_error *err)
{
	struct jm_json_token t;
	double value;
	int rc;

	*n_out = 0;
	if (begin->type != JM_JSON_ARRAY)
		return jm_json_skip(json, begin, err);
	while (!(rc = jm_json_next(json, &t, err)) && t.type != JM_JSON_ARRAY_END) {
		rc = jm_json_number(json, &t, &value, err);
		if (rc)
			return rc;
		if (!(value >= 0 && value <= 9e15))
			return jm_json_error(json, &t, err, "a size was expected");
		if (*n_out < n_max)
			out[*n_out] = (int64_t)value;
		++*n_out;
	}
	return rc;
}

static int read_pair(struct jm_json *json, const struct jm_json_token *begin, int64_t out[2], bool *has,
		     struct jm_error *err)
{
	int64_t values[2];
	size_t n;
	int rc = read_integers(json, begin, values, 2, &n, err);

	if (rc == 0 && n == 2) {
		memcpy(out, values, sizeof(values));
		*has = true;
	}
	return rc;
}

/* "Row major linear FP16 format" and the like. */
static int dtype_of(const struct jm_json_token *t)
{
	static const struct {
		const char *text;
		int dtype;
	} names[] = {{"FP16", JM_DTYPE_FP16}, {"BF16", JM_DTYPE_BF16}, {"FP32", JM_DTYPE_FP32}, {"Int8", JM_DTYPE_INT8},
		     {"INT8", JM_DTYPE_INT8}, {"Int32", JM_DTYPE_INT32}};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (memmem(t->text, t->n, names[i].text, strlen(names[i].text)))
			return names[i].dtype;
	return JM_DTYPE_UNKNOWN;
}

static int read_tensor(struct jm_json *json, struct jm_shape *s, struct jm_error *err)
{
	struct jm_json_token key, t;
	size_t n;
	int rc;

	while (!(rc = jm_json_next(json, &key, err)) && key.type == JM_JSON_KEY) {
		bool is_dims = jm_json_is(&key, "Dimensions"), is_format = jm_json_is(&key, "Format/Datatype");

		rc = jm_json_next(json, &t, err);
		if (rc)
			return rc;
		if (is_dims && t.type == JM_JSON_ARRAY) {
			rc = read_integers(json, &t, s->dims, JM_SHAPE_DIMS_MAX, &n, err);
			s->is_known = rc == 0 && n <= JM_SHAPE_DIMS_MAX;
			s->n_dims = s->is_known ? n : 0;
		} else {
			if (is_format && t.type == JM_JSON_STRING)
				s->dtype = dtype_of(&t);
			rc = jm_json_skip(json, &t, err);
		}
		if (rc)
			return rc;
	}
	return rc;
}

static int read_tensors(struct jm_json *json, const struct jm_json_token *begin, struct jm_shape *first,
			struct jm_error *err)
{
	struct jm_json_token t;
	struct jm_shape other;
	bool is_first = true;
	int rc;

	if (begin->type != JM_JSON_ARRAY)
		return jm_json_skip(json, begin, err);
	while (!(rc = jm_json_next(json, &t, err)) && t.type != JM_JSON_ARRAY_END) {
		memset(&other, 0, sizeof(other));
		rc = t.type == JM_JSON_OBJECT ? read_tensor(json, is_first ? first : &other, err)
					      : jm_json_skip(json, &t, err);
		if (rc)
			return rc;
		is_first = false;
	}
	return rc;
}

static int read_value(struct jm_json *json, const struct jm_json_token *key, struct raw *raw, struct jm_error *err)
{
	struct jm_json_token t;
	bool has;
	double number;
	enum { NAME, TYPE, IN, OUT, KERNEL, WINDOW, STRIDE, DILATION, BEFORE, AFTER, GROUPS, NONE } what;
	static const char *const names[] = {"Name",	"LayerType", "Inputs",	   "Outputs",	  "Kernel", "WindowSize",
					    "Stride",	"Dilation",  "PrePadding", "PostPadding", "Groups"};
	int rc;

	for (what = NAME; what < NONE && !jm_json_is(key, names[what]); what++)
		;
	rc = jm_json_next(json, &t, err);
	if (rc)
		return rc;
	switch (what) {
	case NAME:
	case TYPE:
		if (t.type == JM_JSON_STRING && keep(what == NAME ? &raw->name : &raw->type, &t))
			return jm_error_set(err, JM_E_NOMEM, "no memory");
		return jm_json_skip(json, &t, err);
	case IN:
	case OUT:
		return read_tensors(json, &t, what == IN ? &raw->in : &raw->out, err);
	case KERNEL:
		return read_pair(json, &t, raw->kernel, &raw->has_kernel, err);
	case WINDOW:
		return read_pair(json, &t, raw->window, &raw->has_window, err);
	case STRIDE:
		return read_pair(json, &t, raw->stride, &has, err);
	case DILATION:
		return read_pair(json, &t, raw->dilation, &has, err);
	case BEFORE:
		return read_pair(json, &t, raw->before, &has, err);
	case AFTER:
		return read_pair(json, &t, raw->after, &has, err);
	case GROUPS:
		if (t.type == JM_JSON_NUMBER && jm_json_number(json, &t, &number, NULL) == 0 && number >= 1 && number < 1e9)
			raw->groups = (int64_t)number;
		return jm_json_skip(json, &t, err);
	case NONE:
		break;
	}
	return jm_json_skip(json, &t, err);
}

static double dim(const struct jm_shape *s, size_t i)
{
	return i < s->n_dims ? (double)s->dims[i] : 1;
}

static void image(const struct raw *raw, bool is_historic, struct jm_engine_layer *layer)
{
	bool is_pool = layer->features.kind == JM_LAYER_POOLING;
	double *v = layer->features.values;
	size_t i;

	v[0] = dim(&raw->in, 0);
	for (i = 0; i < 3; i++) {
		v[1 + i] = dim(&raw->in, 1 + i);
		v[4 + i] = dim(&raw->out, 1 + i);
	}
	for (i = 0; i < 2; i++) {
		double kernel = (double)(raw->has_kernel ? raw->kernel[i] : raw->window[i]);
		double padding = (double)(raw->before[i] + raw->after[i]);

		if (is_pool && is_historic)
			kernel = v[2 + i];
		v[7 + i] = kernel;
		v[9 + i] = is_pool ? (double)raw->stride[i] : padding;
		v[11 + i] = is_pool ? padding : (double)raw->stride[i];
		if (!is_pool)
			v[14 + i] = (double)raw->dilation[i];
	}
	if (!is_pool)
		v[13] = (double)raw->groups;
	layer->is_known = raw->has_kernel || raw->has_window || (is_pool && is_historic);
}

static void describe(const struct raw *raw, bool is_historic, struct jm_engine_layer *layer)
{
	struct jm_features *f = &layer->features;
	size_t i;

	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (raw->type && strcmp(types[i].type, raw->type) == 0)
			break;
	if (i == sizeof(types) / sizeof(types[0]) || !raw->in.is_known || !raw->out.is_known)
		return;
	*f = (struct jm_features){.kind = types[i].kind, .macs = NAN, .flops = NAN, .bytes = NAN, .dtype = raw->in.dtype};
	if (f->kind == JM_LAYER_CONVOLUTIONAL || f->kind == JM_LAYER_POOLING) {
		image(raw, is_historic, layer);
	} else if (f->kind == JM_LAYER_DENSE) {
		f->values[0] = dim(&raw->in, 0);
		f->values[1] = (double)jm_shape_elements(&raw->in);
		f->values[2] = (double)jm_shape_elements(&raw->out);
		layer->is_known = true;
	} else {
		f->values[0] = 1;
		f->values[1] = (double)jm_shape_elements(&raw->in);
		f->values[2] = (double)jm_shape_elements(&raw->out);
		f->macs = 0;
		f->flops = f->kind == JM_LAYER_ELEMENTWISE ? f->values[2] : 0;
		f->bytes = (double)(jm_shape_bytes(&raw->in) + jm_shape_bytes(&raw->out));
		layer->is_known = true;
	}
	jm_features_complete(f);
}

static int add(struct jm_engine *e, struct raw *raw, bool is_historic, struct jm_error *err)
{
	struct jm_engine_layer *layer;

	if (!jm_grow(&e->layers, &e->capacity, e->n, sizeof(*e->layers)))
		return jm_error_set(err, JM_E_NOMEM, "no memory");
	layer = &e->layers[e->n++];
	memset(layer, 0, sizeof(*layer));
	describe(raw, is_historic, layer);
	layer->name = raw->name;
	layer->type = raw->type;
	raw->name = raw->type = NULL;
	return 0;
}

static int read_layer(struct jm_json *json, bool is_historic, struct jm_engine *e, struct jm_error *err)
{
	struct raw raw = {.stride = {1, 1}, .dilation = {1, 1}, .groups = 1};
	struct jm_json_token key;
	int rc;

	while (!(rc = jm_json_next(json, &key, err)) && key.type == JM_JSON_KEY)
		if ((rc = read_value(json, &key, &raw, err)))
			break;
	if (rc == 0 && (!raw.name || !raw.type))
		rc = jm_json_error(json, &key, err, "a layer without a name or type");
	rc = rc ? rc : add(e, &raw, is_historic, err);
	free(raw.name);
	free(raw.type);
	return rc;
}

static int read_layers(struct jm_json *json, bool is_historic, struct jm_engine *e, struct jm_error *err)
{
	struct jm_json_token t;
	int rc;

	while (!(rc = jm_json_next(json, &t, err)) && t.type != JM_JSON_ARRAY_END) {
		if (t.type != JM_JSON_OBJECT)
			rc = jm_json_error(json, &t, err,
					   "a described layer was expected: the engine was built without detailed "
					   "profiling verbosity");
		else
			rc = read_layer(json, is_historic, e, err);
		if (rc)
			return rc;
	}
	return rc;
}

int jm_engine_read(const char *path, const char *data, size_t n, bool is_historic, struct jm_engine *out,
		   struct jm_error *err)
{
	struct jm_json *json = NULL;
	struct jm_json_token key, t;
	int rc = jm_json_open(path, data, n, &json, err);

	memset(out, 0, sizeof(*out));
	rc = rc ? rc : jm_json_next(json, &t, err);
	if (rc == 0 && t.type != JM_JSON_OBJECT)
		rc = jm_json_error(json, &t, err, "an object with \"Layers\" was expected");
	while (rc == 0 && !(rc = jm_json_next(json, &key, err)) && key.type == JM_JSON_KEY) {
		bool is_layers = jm_json_is(&key, "Layers");

		rc = jm_json_next(json, &t, err);
		if (rc == 0 && is_layers && t.type == JM_JSON_ARRAY)
			rc = read_layers(json, is_historic, out, err);
		else if (rc == 0)
			rc = jm_json_skip(json, &t, err);
	}
	jm_json_close(json);
	if (rc)
		jm_engine_finish(out);
	return rc;
}

void jm_engine_finish(struct jm_engine *e)
{
	size_t i;

	for (i = 0; i < e->n; i++) {
		free(e->layers[i].name);
		free(e->layers[i].type);
	}
	free(e->layers);
	memset(e, 0, sizeof(*e));
}
