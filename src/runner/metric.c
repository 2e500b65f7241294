#define _GNU_SOURCE
#include "runner/metric.h"

#include "core/error.h"
#include "core/text.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define LINE 256
/* Room for the header of an .npy of any shape; its length must leave data aligned to 64. */
#define NPY_HEADER 256

static double half(uint16_t bits)
{
	double sign = bits & 0x8000 ? -1 : 1, fraction = bits & 0x3ff;
	int exponent = bits >> 10 & 0x1f;

	if (exponent == 0x1f)
		return fraction > 0 ? NAN : sign * INFINITY;
	return sign * (exponent ? ldexp(1 + fraction / 1024, exponent - 15) : ldexp(fraction / 1024, -14));
}

/* Elements of integers and floats by their type. Data are aligned for all of them. */
static double element(const void *data, int dtype, uint64_t i)
{
	uint32_t bits;
	float f;

	switch (dtype) {
	case JM_DTYPE_FP32:
		return ((const float *)data)[i];
	case JM_DTYPE_FP64:
		return ((const double *)data)[i];
	case JM_DTYPE_FP16:
		return half(((const uint16_t *)data)[i]);
	case JM_DTYPE_BF16:
		bits = (uint32_t)((const uint16_t *)data)[i] << 16;
		memcpy(&f, &bits, sizeof(f));
		return f;
	case JM_DTYPE_INT64:
		return (double)((const int64_t *)data)[i];
	case JM_DTYPE_UINT64:
		return (double)((const uint64_t *)data)[i];
	case JM_DTYPE_INT32:
		return ((const int32_t *)data)[i];
	case JM_DTYPE_UINT32:
		return ((const uint32_t *)data)[i];
	case JM_DTYPE_INT16:
		return ((const int16_t *)data)[i];
	case JM_DTYPE_UINT16:
		return ((const uint16_t *)data)[i];
	case JM_DTYPE_INT8:
		return ((const int8_t *)data)[i];
	case JM_DTYPE_UINT8:
	case JM_DTYPE_BOOL:
		return ((const uint8_t *)data)[i];
	default:
		return NAN;
	}
}

double jm_metric_element(const struct jm_ort_tensor *t, uint64_t i)
{
	return element(t->data, t->dtype, i);
}

static int64_t label(const struct jm_data_set *d, uint64_t i)
{
	return (int64_t)element(d->labels.data, d->labels.dtype, i);
}

static int make_folder(struct jm_metric *m, struct jm_error *err)
{
	const char *base = getenv("TMPDIR");
	char path[sizeof(m->folder) + 16];

	snprintf(m->folder, sizeof(m->folder), "%s/joulemap-XXXXXX", base && base[0] ? base : "/tmp");
	if (!mkdtemp(m->folder)) {
		m->folder[0] = '\0';
		return jm_error_errno(err, errno, "cannot make a folder for the outputs");
	}
	snprintf(path, sizeof(path), "%s/outputs.npy", m->folder);
	m->outputs = fopen(path, "wb");
	return m->outputs ? 0 : jm_error_errno(err, errno, "cannot write %s", path);
}

int jm_metric_begin(struct jm_metric *m, const struct jm_data_set *d, const char *command, struct jm_evaluation *out,
		    struct jm_error *err)
{
	*m = (struct jm_metric){.d = d, .command = command, .out = out};
	if (command)
		return make_folder(m, err);
	if (!d->has_labels)
		return jm_error_set(err, JM_E_INVALID, "accuracy needs labels (--labels FILE.npy)");
	snprintf(out->name, sizeof(out->name), "%s", d->labels.n_dims == 2 ? "perplexity" : "accuracy");
	out->tokens_per_item = d->labels.n_dims == 2 ? (uint64_t)d->labels.dims[1] : 0;
	out->items = calloc(d->n_items, sizeof(*out->items));
	return out->items ? 0 : jm_error_set(err, JM_E_NOMEM, "no memory");
}

/* The class with the highest score; -1 where a score is NaN or infinite. */
static int64_t best(const struct jm_ort_tensor *t, uint64_t from, uint64_t n)
{
	uint64_t i, at = 0;
	double highest = -INFINITY;

	for (i = 0; i < n; i++) {
		double x = jm_metric_element(t, from + i);

		if (!isfinite(x))
			return -1;
		if (x > highest) {
			highest = x;
			at = i;
		}
	}
	return (int64_t)at;
}

static int add_accuracy(struct jm_metric *m, const struct jm_ort_tensor *t, uint64_t first, uint64_t n, uint64_t each,
			struct jm_error *err)
{
	bool is_class =
	    each == 1 && t->dtype != JM_DTYPE_FP32 && t->dtype != JM_DTYPE_FP16 && t->dtype != JM_DTYPE_FP64;
	uint64_t i;

	if (!is_class && each < 2)
		return jm_error_set(err, JM_E_INVALID,
				    "the output has one number an item: neither classes nor their scores");
	for (i = 0; i < n; i++) {
		int64_t answer = is_class ? (int64_t)jm_metric_element(t, i) : best(t, i * each, each),
			right = label(m->d, first + i);

		if (!is_class && (right < 0 || (uint64_t)right >= each))
			return jm_error_set(
			    err, JM_E_INVALID, "label %lld of item %llu is no class: the output has %llu",
			    (long long)right, (unsigned long long)(first + i), (unsigned long long)each);
		m->out->n_bad += !is_class && answer < 0;
		m->out->items[first + i] = answer == right;
		m->sum += answer == right;
	}
	return 0;
}

/* Negative log likelihood of class `right` among n logits. NAN where one is not finite. */
static double likelihood(const struct jm_ort_tensor *t, uint64_t from, uint64_t n, int64_t right)
{
	double highest = -INFINITY, sum = 0;
	uint64_t i;

	for (i = 0; i < n; i++) {
		double x = jm_metric_element(t, from + i);

		if (!isfinite(x))
			return NAN;
		highest = fmax(highest, x);
	}
	for (i = 0; i < n; i++)
		sum += exp(jm_metric_element(t, from + i) - highest);
	return highest + log(sum) - jm_metric_element(t, from + (uint64_t)right);
}

static int add_perplexity(struct jm_metric *m, const struct jm_ort_tensor *t, uint64_t first, uint64_t n,
			  struct jm_error *err)
{
	uint64_t tokens = m->out->tokens_per_item, classes, i, k;

	if (t->n_dims != 3 || (uint64_t)t->dims[1] != tokens)
		return jm_error_set(err, JM_E_INVALID,
				    "labels of %llu tokens an item want an output of logits [items, %llu, classes]",
				    (unsigned long long)tokens, (unsigned long long)tokens);
	classes = (uint64_t)t->dims[2];
	for (i = 0; i < n; i++) {
		double sum = 0;

		for (k = 0; k < tokens; k++) {
			int64_t right = label(m->d, (first + i) * tokens + k);

			if (right < 0)
				continue;
			if ((uint64_t)right >= classes)
				return jm_error_set(err, JM_E_INVALID, "label %lld is no class: the output has %llu",
						    (long long)right, (unsigned long long)classes);
			sum += likelihood(t, (i * tokens + k) * classes, classes, right);
			m->n_tokens++;
		}
		m->out->n_bad += !isfinite(sum);
		m->out->items[first + i] = sum;
		m->sum += sum;
	}
	return 0;
}

static bool is_shape_kept(const struct jm_metric *m, const struct jm_ort_tensor *t)
{
	size_t a;

	if (t->n_dims - 1 != m->n_item_dims)
		return false;
	for (a = 1; a < t->n_dims; a++)
		if (t->dims[a] != m->item_dims[a - 1])
			return false;
	return true;
}

/* Keeps the outputs as fp32, whatever their type; says how many items hold what is no number. */
static int add_output(struct jm_metric *m, const struct jm_ort_tensor *t, uint64_t first, uint64_t n, uint64_t each,
		      struct jm_error *err)
{
	char blank[NPY_HEADER] = "";
	uint64_t i, k;
	size_t a;

	if (t->n_dims > JM_NPY_DIMS_MAX)
		return jm_error_set(err, JM_E_UNSUPPORTED, "the output has too many dimensions");
	if (first == 0) {
		m->n_item_dims = t->n_dims - 1;
		for (a = 1; a < t->n_dims; a++)
			m->item_dims[a - 1] = t->dims[a];
		fwrite(blank, 1, sizeof(blank), m->outputs);
	} else if (!is_shape_kept(m, t)) {
		jm_error_set(err, JM_E_INVALID,
			     "the output of item %llu has another shape than those before it: they make no one array",
			     (unsigned long long)first);
		return jm_error_remedy(err, "give data whose outputs are of one shape, or pad them to it");
	}
	for (i = 0; i < n; i++) {
		bool is_bad = false;

		for (k = 0; k < each; k++) {
			float x = (float)jm_metric_element(t, i * each + k);

			is_bad = is_bad || !isfinite(x);
			fwrite(&x, sizeof(x), 1, m->outputs);
		}
		m->out->n_bad += is_bad;
	}
	return ferror(m->outputs) ? jm_error_set(err, JM_E_IO, "the outputs cannot be written") : 0;
}

int jm_metric_add(struct jm_metric *m, const struct jm_ort_tensor *t, uint64_t first, uint64_t n, struct jm_error *err)
{
	uint64_t all, each;

	if (jm_dtype_elements(t->dims, t->n_dims, &all) || t->dims[0] < 1)
		return jm_error_set(err, JM_E_INVALID, "the output has no size");
	each = all / (uint64_t)t->dims[0];
	m->out->n_items += n;
	if (m->command)
		return add_output(m, t, first, n, each, err);
	return m->out->tokens_per_item ? add_perplexity(m, t, first, n, err) : add_accuracy(m, t, first, n, each, err);
}

/* Version 1 of the format: magic, length, a dictionary padded by spaces. */
static int finish_npy(struct jm_metric *m, struct jm_error *err)
{
	char header[NPY_HEADER];
	size_t used = 10, i;

	memset(header, ' ', sizeof(header));
	memcpy(header, "\x93NUMPY\x01", 7);
	header[7] = 0;
	header[8] = (char)((NPY_HEADER - 10) & 0xff);
	header[9] = (char)((NPY_HEADER - 10) >> 8);
	used += (size_t)snprintf(header + used, sizeof(header) - used,
				 "{'descr': '<f4', 'fortran_order': False, 'shape': (%llu,",
				 (unsigned long long)m->out->n_items);
	for (i = 0; i < m->n_item_dims && used < sizeof(header); i++)
		used += (size_t)snprintf(header + used, sizeof(header) - used, " %lld,", (long long)m->item_dims[i]);
	if (used + 4 > sizeof(header))
		return jm_error_set(err, JM_E_UNSUPPORTED, "the output has too many dimensions");
	used += (size_t)snprintf(header + used, sizeof(header) - used, "), }");
	header[used] = ' ';
	header[NPY_HEADER - 1] = '\n';
	if (fseek(m->outputs, 0, SEEK_SET) || fwrite(header, 1, sizeof(header), m->outputs) != sizeof(header) ||
	    fflush(m->outputs))
		return jm_error_errno(err, errno, "the outputs cannot be written");
	return 0;
}

static int parse_line(struct jm_metric *m, char *line, struct jm_error *err)
{
	size_t n = strcspn(line, "\n"), space;

	line[n] = '\0';
	space = strcspn(line, " \t");
	snprintf(m->out->name, sizeof(m->out->name), "%.*s", line[space] ? (int)space : 6,
		 line[space] ? line : "metric");
	line += line[space] ? space + strspn(line + space, " \t") : 0;
	if (jm_text_double(line, strlen(line), &m->out->value))
		return jm_error_set(err, JM_E_FORMAT,
				    "the metric's first line is neither VALUE nor NAME VALUE: '%.100s'", line);
	return 0;
}

static int run_command(struct jm_metric *m, struct jm_error *err)
{
	char *command = NULL, line[LINE] = "", rest[LINE];
	FILE *pipe;
	int status;

	if (asprintf(&command, "%s \"$JOULEMAP_OUTPUTS\" \"$JOULEMAP_LABELS\"", m->command) < 0)
		return jm_error_set(err, JM_E_NOMEM, "no memory");
	snprintf(line, sizeof(line), "%.200s/outputs.npy", m->folder);
	setenv("JOULEMAP_OUTPUTS", line, 1);
	setenv("JOULEMAP_LABELS", m->d->labels_path, 1);
	pipe = popen(command, "re");
	free(command);
	if (!pipe)
		return jm_error_errno(err, errno, "cannot run the metric");
	if (!fgets(line, sizeof(line), pipe))
		line[0] = '\0';
	/* To its end: a command that says more would die of SIGPIPE. */
	while (fread(rest, 1, sizeof(rest), pipe) > 0)
		;
	status = pclose(pipe);
	if (status != 0)
		return jm_error_set(err, JM_E_INVALID, "the metric's command failed (%s %d): %.200s",
				    WIFSIGNALED(status) ? "signal" : "exit code",
				    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), m->command);
	return parse_line(m, line, err);
}

static void leave_without_value(struct jm_evaluation *out)
{
	out->value = NAN;
	free(out->items);
	out->items = NULL;
	out->n_values = 0;
}

static void finish_perplexity(struct jm_metric *m)
{
	struct jm_evaluation *out = m->out;
	uint64_t i;

	if (!(m->n_tokens > 0)) {
		snprintf(out->reason, sizeof(out->reason), "no label counts: all of them are negative");
		leave_without_value(out);
		return;
	}
	out->value = exp(m->sum / m->n_tokens);
	for (i = 0; i < out->n_items; i++)
		out->items[i] *= (double)out->n_items / m->n_tokens;
}

int jm_metric_end(struct jm_metric *m, struct jm_error *err)
{
	struct jm_evaluation *out = m->out;
	int rc = 0;

	if (m->command) {
		rc = finish_npy(m, err);
		rc = rc ? rc : run_command(m, err);
	} else {
		out->n_values = out->n_items;
		out->value = m->sum / (double)out->n_items;
		if (out->tokens_per_item)
			finish_perplexity(m);
	}
	if (rc == 0 && out->n_bad) {
		snprintf(out->reason, sizeof(out->reason), "%llu of %llu outputs hold NaN or infinity",
			 (unsigned long long)out->n_bad, (unsigned long long)out->n_items);
		leave_without_value(out);
	}
	return rc;
}

void jm_metric_finish(struct jm_metric *m)
{
	char path[sizeof(m->folder) + 16];

	if (m->outputs)
		fclose(m->outputs);
	if (!m->folder[0])
		return;
	snprintf(path, sizeof(path), "%s/outputs.npy", m->folder);
	unlink(path);
	rmdir(m->folder);
}
