#define _GNU_SOURCE
#include "runner/profile.h"

#include "core/error.h"
#include "core/units.h"
#include "model/model.h"
#include "trace/trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROFILE_BYTES_MAX (UINT64_C(1) << 30)
#define PADDING 64 /* struct jm_trace_input asks for it */
#define BATCH 256

/* What the importer gives, before it is tied. */
struct reading {
	struct jm_names names;
	struct jm_span *spans;
	size_t n_spans, capacity;
	const struct jm_span **runs; /* model_run events by number, n_runs entries */
	size_t n_runs;
	const struct jm_profile_call *calls;
	size_t n_calls;
	int64_t offset_ns;    /* our clock minus the profile's */
	uint32_t *name_in_sink; /* by our index; UINT32_MAX: not asked for yet */
	struct jm_profile_facts *facts;
	const struct jm_span_sink *sink;
	struct jm_error *err;
};

static int take_name(void *ctx, const char *text, size_t text_n, const char *type, size_t type_n, uint32_t *index_out)
{
	struct reading *r = ctx;

	return jm_names_add(&r->names, text, text_n, type, type_n, index_out);
}

static int take_spans(void *ctx, const struct jm_span *spans, size_t n)
{
	struct reading *r = ctx;

	if (r->capacity - r->n_spans < n) {
		size_t capacity = (r->capacity + n) * 2;
		struct jm_span *grown = realloc(r->spans, capacity * sizeof(*grown));

		if (!grown)
			return JM_E_NOMEM;
		r->spans = grown;
		r->capacity = capacity;
	}
	memcpy(r->spans + r->n_spans, spans, n * sizeof(*spans));
	r->n_spans += n;
	return 0;
}

static int take_shapes(void *ctx, uint32_t name, const char *text)
{
	struct reading *r = ctx;

	return jm_names_set_shapes(&r->names, name, text);
}

static int take_samples(void *ctx, const struct jm_sample *samples, size_t n)
{
	(void)ctx;
	(void)samples;
	(void)n;
	return 0;
}

static int take_channel(void *ctx, const struct jm_channel *channel, uint16_t *index_out)
{
	(void)ctx;
	(void)channel;
	(void)index_out;
	return JM_E_UNSUPPORTED;
}

static int take_meta(void *ctx, const char *key, const char *value)
{
	(void)ctx;
	(void)key;
	(void)value;
	return 0;
}

static void take_warning(void *ctx, const char *text)
{
	struct jm_profile_facts *facts = ((struct reading *)ctx)->facts;

	if (!facts->warning[0])
		snprintf(facts->warning, sizeof(facts->warning), "%s", text);
}

/* The importer leaves args.provider out; which device ran a node decides whether its time means anything. */
static void count_provider(struct jm_profile_facts *facts, const char *name, size_t n)
{
	size_t i;

	if (n == 0 || n >= sizeof(facts->providers[0].name))
		return;
	for (i = 0; i < facts->n_providers; i++) {
		if (strlen(facts->providers[i].name) == n && memcmp(facts->providers[i].name, name, n) == 0) {
			facts->providers[i].n++;
			return;
		}
	}
	if (i == JM_PROFILE_PROVIDERS)
		return;
	memcpy(facts->providers[i].name, name, n);
	facts->providers[i].n = 1;
	facts->n_providers++;
}

static void count_providers(struct jm_profile_facts *facts, const char *data, size_t n)
{
	static const char key[] = "\"provider\" : \"";
	const char *at = data, *end = data + n, *quote;

	while ((at = memmem(at, (size_t)(end - at), key, sizeof(key) - 1)) != NULL) {
		at += sizeof(key) - 1;
		quote = memchr(at, '"', (size_t)(end - at));
		if (!quote)
			return;
		count_provider(facts, at, (size_t)(quote - at));
	}
}

static int import(struct reading *r, const char *path, const char *data, size_t n)
{
	const struct jm_importer *importer = jm_importer_find("onnxruntime");
	struct jm_trace_input in = {path, data, n};
	struct jm_trace_output out = {
	    .spans = {take_name, take_spans, r, r->sink->shapes ? take_shapes : NULL},
	    .samples = {take_samples, r},
	    .channel = take_channel,
	    .meta = take_meta,
	    .warn = take_warning,
	    .ctx = r,
	};

	if (!importer)
		return jm_error_set(r->err, JM_E_UNSUPPORTED, "joulemap was built without the importer onnxruntime");
	return importer->read(&in, &out, r->err);
}

static int find_runs(struct reading *r, const char *path)
{
	size_t i, n = 0;

	r->runs = calloc(r->n_calls + 1, sizeof(*r->runs));
	if (!r->runs)
		return jm_error_set(r->err, JM_E_NOMEM, "no memory");
	for (i = 0; i < r->n_spans; i++) {
		const struct jm_span *s = &r->spans[i];

		if (s->kind != JM_SPAN_ITERATION)
			continue;
		n++;
		if (s->iteration < r->n_calls)
			r->runs[s->iteration] = s;
	}
	if (n == r->n_calls)
		return 0;
	return jm_error_set(r->err, JM_E_FORMAT, "%s holds %zu runs instead of %zu", path, n, r->n_calls);
}

/* Bounds of the offset by one call: its event begins after our first stamp and ends before our second. The profile cuts
 * times down to whole microseconds: the true start is up to one later than the written one. */
static void bounds(const struct jm_span *run, const struct jm_profile_call *call, int64_t *low, int64_t *high)
{
	*low = call->start_ns - run->start_ns - JM_NS_PER_US;
	*high = call->end_ns - run->end_ns;
}

static void tie(struct reading *r)
{
	int64_t low = INT64_MIN, high = INT64_MAX, l, h;
	size_t i;

	for (i = 0; i < r->n_calls; i++) {
		bounds(r->runs[i], &r->calls[i], &l, &h);
		low = l > low ? l : low;
		high = h < high ? h : high;
	}
	r->facts->is_clock_jumpy = r->n_calls > 0 && low > high;
	if (r->facts->is_clock_jumpy || r->n_calls == 0)
		return;
	r->offset_ns = low + (high - low) / 2;
	r->facts->tie_half_width_ns = (high - low) / 2;
}

static int64_t offset_of(struct reading *r, uint32_t call)
{
	int64_t low, high;

	if (!r->facts->is_clock_jumpy)
		return r->offset_ns;
	bounds(r->runs[call], &r->calls[call], &low, &high);
	if ((high - low) / 2 > r->facts->tie_half_width_ns)
		r->facts->tie_half_width_ns = (high - low) / 2;
	return low + (high - low) / 2;
}

static int64_t clamp(int64_t t, const struct jm_profile_call *call)
{
	return t < call->start_ns ? call->start_ns : t > call->end_ns ? call->end_ns : t;
}

static int name_in_sink(struct reading *r, uint32_t name, uint32_t *out)
{
	const struct jm_name *n = &r->names.items[name];
	int rc = 0;

	*out = r->name_in_sink[name];
	if (*out != UINT32_MAX)
		return 0;
	rc = r->sink->name(r->sink->ctx, n->text, strlen(n->text), n->type, strlen(n->type), &r->name_in_sink[name]);
	*out = r->name_in_sink[name];
	if (rc == 0 && n->shapes)
		rc = r->sink->shapes(r->sink->ctx, *out, n->shapes);
	return rc;
}

/* Brings a layer to our clock, numbers and names. */
static int convert(struct reading *r, const struct jm_span *from, struct jm_span *to)
{
	const struct jm_profile_call *call = &r->calls[from->iteration];
	uint32_t home = r->runs[from->iteration]->track;
	int64_t offset = offset_of(r, from->iteration);

	*to = *from;
	to->start_ns = clamp(from->start_ns + offset, call);
	to->end_ns = clamp(from->end_ns + offset, call);
	to->iteration = call->iteration;
	to->track = from->track == home ? 0 : from->track < home ? from->track + 1 : from->track;
	to->flags = JM_SPAN_PROFILED;
	return name_in_sink(r, from->name, &to->name);
}

static int write_layers(struct reading *r)
{
	struct jm_span batch[BATCH];
	size_t i, n = 0;
	int rc = 0;

	for (i = 0; i < r->n_spans && rc == 0; i++) {
		const struct jm_span *s = &r->spans[i];

		if (s->kind != JM_SPAN_LAYER || s->iteration >= r->n_calls || r->calls[s->iteration].is_warmup)
			continue;
		rc = convert(r, s, &batch[n]);
		if (rc)
			break;
		r->facts->n_layers++;
		if (++n == BATCH) {
			rc = r->sink->write(r->sink->ctx, batch, n);
			n = 0;
		}
	}
	if (rc == 0 && n > 0)
		rc = r->sink->write(r->sink->ctx, batch, n);
	return rc ? jm_error_set(r->err, rc, "the layer times cannot be kept: %s", jm_error_text(rc)) : 0;
}

static int process(struct reading *r, const char *path, const char *data, size_t n)
{
	int rc = import(r, path, data, n);

	rc = rc ? rc : find_runs(r, path);
	if (rc)
		return rc;
	r->name_in_sink = malloc((r->names.n + 1) * sizeof(*r->name_in_sink));
	if (!r->name_in_sink)
		return jm_error_set(r->err, JM_E_NOMEM, "no memory");
	memset(r->name_in_sink, 0xff, (r->names.n + 1) * sizeof(*r->name_in_sink));
	count_providers(r->facts, data, n);
	tie(r);
	return write_layers(r);
}

int jm_profile_read(const char *path, const struct jm_profile_call *calls, size_t n_calls,
		    const struct jm_span_sink *sink, struct jm_profile_facts *facts, struct jm_error *err)
{
	struct reading r = {.calls = calls, .n_calls = n_calls, .sink = sink, .facts = facts, .err = err};
	unsigned char *data, *padded;
	size_t n;
	int rc = jm_model_file(path, PROFILE_BYTES_MAX, &data, &n, err);

	memset(facts, 0, sizeof(*facts));
	if (rc)
		return rc;
	padded = realloc(data, n + PADDING);
	if (!padded) {
		free(data);
		return jm_error_set(err, JM_E_NOMEM, "no memory for the profile");
	}
	memset(padded + n, 0, PADDING);
	rc = process(&r, path, (const char *)padded, n);
	free(padded);
	free(r.spans);
	free(r.runs);
	free(r.name_in_sink);
	jm_names_finish(&r.names);
	return rc;
}
