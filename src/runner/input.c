#define _GNU_SOURCE
#include "runner/input.h"

#include "core/error.h"
#include "core/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INPUT_BYTES_MAX (UINT64_C(16) << 30)

struct maker {
	const struct jm_ort_input *wanted;
	size_t n;
	const struct jm_input_options *options;
	struct jm_inputs *out;
	struct jm_error *err;
};

/* Writes a shape as "[batch, 3, ?, ?]". dims -1: open, by its name. */
static void print_dims(struct jm_buffer *b, const struct jm_ort_input *in)
{
	size_t i;

	jm_buffer_puts(b, "[");
	for (i = 0; i < in->n_dims; i++) {
		jm_buffer_puts(b, i ? ", " : "");
		if (in->dims[i] >= 0)
			jm_buffer_printf(b, "%lld", (long long)in->dims[i]);
		else
			jm_buffer_puts(b, in->dim_names[i][0] ? in->dim_names[i] : "?");
	}
	jm_buffer_puts(b, "]");
}

static int mismatch(struct maker *m, const struct jm_ort_input *in, const char *what)
{
	struct jm_buffer b = {0};
	const char *text;

	print_dims(&b, in);
	text = jm_buffer_terminate(&b);
	jm_error_set(m->err, JM_E_INVALID, "input '%s' of the model is %s %s: %s", in->name, jm_dtype_text(in->dtype),
		     text ? text : "", what);
	jm_buffer_finish(&b);
	return JM_E_INVALID;
}

/* Sets a dimension; one that is settled already must agree. */
static int settle(struct maker *m, size_t i, size_t axis, int64_t size, const char *source)
{
	struct jm_input *input = &m->out->items[i];
	char what[192];

	if (input->dims[axis] == size)
		return 0;
	if (input->dims[axis] < 0) {
		input->dims[axis] = size;
		return 0;
	}
	snprintf(what, sizeof(what), "%s asks for %lld in dimension %zu, which is %lld", source, (long long)size, axis,
		 (long long)input->dims[axis]);
	return mismatch(m, &m->wanted[i], what);
}

static int settle_all(struct maker *m, size_t i, const int64_t *dims, size_t n_dims, const char *source)
{
	char what[192];
	size_t axis;
	int rc = 0;

	if (n_dims != m->wanted[i].n_dims) {
		snprintf(what, sizeof(what), "%s has %zu dimensions instead of %zu", source, n_dims, m->wanted[i].n_dims);
		return mismatch(m, &m->wanted[i], what);
	}
	for (axis = 0; axis < n_dims && rc == 0; axis++)
		rc = settle(m, i, axis, dims[axis], source);
	return rc;
}

static int list_inputs(struct maker *m, const char *option, const char *value)
{
	struct jm_buffer b = {0};
	const char *text;
	size_t i;

	for (i = 0; i < m->n; i++)
		jm_buffer_printf(&b, "%s%s", i ? ", " : "", m->wanted[i].name);
	text = jm_buffer_terminate(&b);
	jm_error_set(m->err, JM_E_INVALID, "%s %s names no input of the model", option, value);
	jm_error_remedy(m->err, "its inputs are %s: %s NAME=%s", text ? text : "", option,
			strcmp(option, "--shape") == 0 ? "1x3x224x224" : "FILE.npy");
	jm_buffer_finish(&b);
	return JM_E_INVALID;
}

/* Finds the input that "name=rest" speaks of; "rest" alone where there is one input. Names may contain '=' and ':'. */
static int find_input(struct maker *m, const char *option, const char *value, size_t *i_out, const char **rest_out)
{
	size_t i;

	for (i = 0; i < m->n; i++) {
		size_t n = strlen(m->wanted[i].name);

		if (strncmp(value, m->wanted[i].name, n) == 0 && value[n] == '=') {
			*i_out = i;
			*rest_out = value + n + 1;
			return 0;
		}
	}
	if (m->n != 1 || (strcmp(option, "--shape") == 0 && strchr(value, '=')))
		return list_inputs(m, option, value);
	*i_out = 0;
	*rest_out = value;
	return 0;
}

static int take_shape(struct maker *m, const char *value)
{
	int64_t dims[JM_NPY_DIMS_MAX];
	const char *rest, *end;
	size_t i, n = 0;
	int rc = find_input(m, "--shape", value, &i, &rest);

	if (rc)
		return rc;
	for (; *rest || n > 0; rest = end + 1) {
		end = strchrnul(rest, 'x');
		if (n == JM_NPY_DIMS_MAX || jm_text_i64(rest, (size_t)(end - rest), &dims[n]) || dims[n] < 0) {
			jm_error_set(m->err, JM_E_INVALID, "--shape %s is not of the form NAME=1x3x224x224", value);
			return JM_E_INVALID;
		}
		if (dims[n] == 0) {
			jm_error_set(m->err, JM_E_INVALID, "--shape %s: dimension %zu is 0, which leaves no input", value, n);
			jm_error_remedy(m->err, "give sizes of 1 or more: NAME=1x3x224x224");
			return JM_E_INVALID;
		}
		n++;
		if (!*end)
			break;
	}
	return settle_all(m, i, dims, n, "--shape");
}

static int take_file(struct maker *m, const char *value)
{
	const char *path;
	struct jm_npy npy;
	struct jm_input *input;
	char what[192];
	size_t i;
	int rc = find_input(m, "--input", value, &i, &path);

	rc = rc ? rc : jm_npy_load(path, &npy, m->err);
	if (rc)
		return rc;
	input = &m->out->items[i];
	if (npy.dtype != input->dtype) {
		snprintf(what, sizeof(what), "the file %.100s holds %s", path, jm_dtype_text(npy.dtype));
		rc = mismatch(m, &m->wanted[i], what);
		jm_error_remedy(m->err, "convert it before saving: array.astype(...)");
	}
	rc = rc ? rc : settle_all(m, i, npy.dims, npy.n_dims, "the file");
	if (rc) {
		jm_npy_finish(&npy);
		return rc;
	}
	free(input->data);
	input->data = npy.data;
	input->n_bytes = npy.n_bytes;
	input->is_from_file = true;
	return 0;
}

static int take_batch(struct maker *m)
{
	bool is_used = false;
	size_t i;
	int rc = 0;

	for (i = 0; i < m->n && rc == 0; i++) {
		if (m->wanted[i].n_dims == 0)
			continue;
		if (m->wanted[i].dims[0] < 0)
			rc = settle(m, i, 0, (int64_t)m->options->batch, "--batch");
		is_used = is_used || m->wanted[i].dims[0] < 0 || (uint64_t)m->wanted[i].dims[0] == m->options->batch;
	}
	if (rc || is_used)
		return rc;
	rc = mismatch(m, &m->wanted[0], "its batch is fixed, --batch cannot change it");
	jm_error_remedy(m->err, "leave --batch out, or export the model with an open first dimension");
	return rc;
}

/* Says whether a dimension's name tells it from others: some exporters call all open ones "?" or "-1". */
static bool is_telling(const char *name)
{
	const char *c;

	for (c = name; *c; c++)
		if ((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z'))
			return true;
	return false;
}

static void spread_size(struct maker *m, const char *name, int64_t size)
{
	size_t i, axis;

	for (i = 0; i < m->n; i++)
		for (axis = 0; axis < m->wanted[i].n_dims; axis++)
			if (m->out->items[i].dims[axis] < 0 && strcmp(m->wanted[i].dim_names[axis], name) == 0)
				m->out->items[i].dims[axis] = size;
}

/* Dimensions of one name have one size: the first that is settled settles those nobody gave. What was given stays, names
 * are not always right. */
static void share_names(struct maker *m)
{
	size_t i, axis;

	for (i = 0; i < m->n; i++) {
		for (axis = 0; axis < m->wanted[i].n_dims; axis++) {
			const char *name = m->wanted[i].dim_names[axis];

			if (m->wanted[i].dims[axis] < 0 && m->out->items[i].dims[axis] >= 0 && is_telling(name))
				spread_size(m, name, m->out->items[i].dims[axis]);
		}
	}
}

static bool is_open(const struct jm_input *input)
{
	size_t a;

	for (a = 0; a < input->n_dims; a++)
		if (input->dims[a] < 0)
			return true;
	return false;
}

/* Writes the option that settles an input: known sizes as they are, open ones by name. */
static void print_option(struct jm_buffer *b, const struct jm_ort_input *in, const struct jm_input *input)
{
	size_t a;

	jm_buffer_printf(b, " --shape %s=", in->name);
	for (a = 0; a < in->n_dims; a++) {
		jm_buffer_puts(b, a ? "x" : "");
		if (input->dims[a] >= 0)
			jm_buffer_printf(b, "%lld", (long long)input->dims[a]);
		else if (a == 0)
			jm_buffer_puts(b, "1");
		else
			jm_buffer_printf(b, "<%s>", in->dim_names[a][0] ? in->dim_names[a] : "N");
	}
}

static int refuse_open(struct maker *m)
{
	struct jm_buffer what = {0}, remedy = {0};
	size_t i;

	for (i = 0; i < m->n; i++) {
		if (!is_open(&m->out->items[i]))
			continue;
		jm_buffer_printf(&what, "%s'%s' ", what.n ? ", " : "", m->wanted[i].name);
		print_dims(&what, &m->wanted[i]);
		print_option(&remedy, &m->wanted[i], &m->out->items[i]);
	}
	if (!what.n) {
		jm_buffer_finish(&what);
		return 0;
	}
	jm_buffer_terminate(&what);
	jm_buffer_terminate(&remedy);
	jm_error_set(m->err, JM_E_INVALID, "the model leaves dimensions of its inputs open: %s",
		     what.is_failed ? "" : what.data);
	jm_error_remedy(m->err, "give them, with numbers for what stands in <>:%s", remedy.is_failed ? "" : remedy.data);
	jm_buffer_finish(&what);
	jm_buffer_finish(&remedy);
	return JM_E_INVALID;
}

static int make_data(struct maker *m, size_t i)
{
	struct jm_input *input = &m->out->items[i];
	uint64_t elements, size;

	if (input->data)
		return 0;
	if (jm_dtype_elements(input->dims, input->n_dims, &elements) || jm_dtype_bytes(input->dtype, elements, &size) ||
	    size > INPUT_BYTES_MAX)
		return mismatch(m, &m->wanted[i], "its size is beyond what can be generated");
	input->data = malloc(size ? (size_t)size : 1);
	if (!input->data)
		return jm_error_set(m->err, JM_E_NOMEM, "no memory for input '%s' (%llu bytes)", input->name,
				    (unsigned long long)size);
	input->n_bytes = (size_t)size;
	if (jm_input_fill(input->name, input->dtype, elements, input->n_dims ? input->dims[input->n_dims - 1] : 1,
			  m->options->seed, input->data) == 0)
		return 0;
	mismatch(m, &m->wanted[i], "no data of this type can be generated");
	jm_error_remedy(m->err, "give it with --input %s=FILE.npy", input->name);
	return JM_E_UNSUPPORTED;
}

static int prepare(struct maker *m)
{
	size_t i;

	m->out->items = calloc(m->n + 1, sizeof(*m->out->items));
	if (!m->out->items)
		return jm_error_set(m->err, JM_E_NOMEM, "no memory");
	m->out->n = m->n;
	for (i = 0; i < m->n; i++) {
		const struct jm_ort_input *in = &m->wanted[i];
		struct jm_input *input = &m->out->items[i];

		if (!in->is_tensor || in->dtype == JM_DTYPE_STRING)
			return jm_error_set(m->err, JM_E_UNSUPPORTED, "input '%s' of the model is no tensor of numbers", in->name);
		input->name = in->name;
		input->dtype = in->dtype;
		input->n_dims = in->n_dims;
		input->dims = malloc((in->n_dims + 1) * sizeof(*input->dims));
		if (!input->dims)
			return jm_error_set(m->err, JM_E_NOMEM, "no memory");
		if (in->n_dims)
			memcpy(input->dims, in->dims, in->n_dims * sizeof(*input->dims));
	}
	return 0;
}

static int make(struct maker *m)
{
	size_t i;
	int rc = prepare(m);

	for (i = 0; i < m->options->n_files && rc == 0; i++)
		rc = take_file(m, m->options->files[i]);
	for (i = 0; i < m->options->n_shapes && rc == 0; i++)
		rc = take_shape(m, m->options->shapes[i]);
	if (rc == 0 && m->options->batch && m->n)
		rc = take_batch(m);
	if (rc == 0)
		share_names(m);
	rc = rc ? rc : refuse_open(m);
	for (i = 0; i < m->n && rc == 0; i++)
		rc = make_data(m, i);
	m->out->batch = 1;
	for (i = 0; i < m->n && rc == 0; i++) {
		if (m->out->items[i].n_dims >= 2) {
			m->out->batch = (uint64_t)m->out->items[i].dims[0];
			break;
		}
	}
	return rc;
}

int jm_inputs_make(const struct jm_ort_input *wanted, size_t n, const struct jm_input_options *options,
		   struct jm_inputs *out, struct jm_error *err)
{
	struct jm_inputs inputs = {0};
	struct maker m = {wanted, n, options, &inputs, err};
	int rc = make(&m);

	if (rc)
		jm_inputs_finish(&inputs);
	else
		*out = inputs;
	return rc;
}

void jm_inputs_finish(struct jm_inputs *inputs)
{
	size_t i;

	for (i = 0; inputs->items && i < inputs->n; i++) {
		free(inputs->items[i].dims);
		free(inputs->items[i].data);
	}
	free(inputs->items);
	memset(inputs, 0, sizeof(*inputs));
}
