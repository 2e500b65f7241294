#define _GNU_SOURCE
#include "session/report_parts.h"

#include "core/error.h"
#include "core/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CALLS_MIN 1e-3 /* of a layer, in one iteration: less is no figure */
#define DEVICE_WORK (1u << JM_SPAN_KERNEL | 1u << JM_SPAN_COPY)

static const char *const choices[] = {"kernel", "range", "stream"};

bool jm_parts_are(const char *by)
{
	size_t i;

	for (i = 0; by && i < sizeof(choices) / sizeof(choices[0]); i++)
		if (strcmp(by, choices[i]) == 0)
			return true;
	return false;
}

void jm_parts_finish(struct jm_parts *p)
{
	size_t i;

	for (i = 0; i < p->n_own; i++)
		free(p->own[i]);
	free(p->own);
	free(p->names);
	free(p->ties);
	free(p->calls);
	free(p->spans);
	memset(p, 0, sizeof(*p));
}

/* Copies the recording's table, with room for more names. */
static int borrow_names(struct jm_recording *r, struct jm_parts *p, size_t n_more)
{
	const struct jm_names *names = jm_recording_names(r);

	p->names = calloc(names->n + n_more + 1, sizeof(*p->names));
	p->own = calloc(n_more + 1, sizeof(*p->own));
	if (!p->names || !p->own)
		return JM_E_NOMEM;
	if (names->n)
		memcpy(p->names, names->items, names->n * sizeof(*p->names));
	p->n_names = names->n;
	return 0;
}

/* Adds a name; there is room. Gives its index. Errors: JM_E_NOMEM. */
static int add_name(struct jm_parts *p, const char *text, const char *type, uint32_t *index_out)
{
	char *own = strdup(text);

	if (!own)
		return JM_E_NOMEM;
	p->own[p->n_own++] = own;
	p->names[p->n_names] = (struct jm_name){.text = own, .type = (char *)(uintptr_t)type};
	*index_out = (uint32_t)p->n_names++;
	return 0;
}

static int load(struct jm_recording *r, uint32_t kinds, struct jm_parts *p, struct jm_error *err)
{
	free(p->spans);
	p->spans = NULL;
	p->n_spans = 0;
	p->kinds = kinds;
	return jm_recording_spans(r, kinds, &p->spans, &p->n_spans, err);
}

/* Layers; else what the program named; else what its devices ran. Other tools' traces have regions and kernels side by
 * side. */
static int load_layers(struct jm_recording *r, struct jm_parts *p, struct jm_error *err)
{
	bool is_cuda = jm_recording_meta(r, "cuda_kernels") != NULL;
	int rc = load(r, 1u << JM_SPAN_LAYER, p, err);

	if (rc == 0 && p->n_spans == 0)
		rc = load(r, is_cuda ? 1u << JM_SPAN_REGION : 1u << JM_SPAN_REGION | 1u << JM_SPAN_KERNEL, p, err);
	if (rc == 0 && p->n_spans == 0 && is_cuda)
		rc = load(r, DEVICE_WORK, p, err);
	return rc;
}

static bool is_same_work(const struct jm_span *work, const struct jm_span *range)
{
	return work->track == range->track && work->end_ns == range->end_ns && (range->flags & JM_SPAN_DEVICE);
}

/* Work that was launched in a range has a span of kind RANGE beside its own, with the same times on the same track. Both
 * lists are in order of start. */
static void name_by_range(struct jm_parts *p, const struct jm_span *ranges, size_t n_ranges, uint32_t outside)
{
	size_t i, k, first = 0;

	for (i = 0; i < p->n_spans; i++) {
		struct jm_span *work = &p->spans[i];

		while (first < n_ranges && ranges[first].start_ns < work->start_ns)
			first++;
		work->name = outside;
		for (k = first; k < n_ranges && ranges[k].start_ns == work->start_ns; k++)
			if (is_same_work(work, &ranges[k])) {
				work->name = ranges[k].name;
				break;
			}
	}
}

static int load_ranges(struct jm_recording *r, struct jm_parts *p, struct jm_error *err)
{
	struct jm_span *ranges;
	size_t n_ranges;
	uint32_t outside;
	int rc = jm_recording_spans(r, 1u << JM_SPAN_RANGE, &ranges, &n_ranges, err);

	if (rc)
		return rc;
	rc = load(r, DEVICE_WORK, p, err);
	if (rc == 0 && p->n_spans && !n_ranges) {
		rc = jm_error_set(err, JM_E_NOT_FOUND, "the recording holds no ranges");
		jm_error_remedy(err, "name parts of the program by NVTX (torch.cuda.nvtx.range_push), or --by kernel");
	} else if (rc == 0) {
		rc = add_name(p, "(outside ranges)", "", &outside);
		if (rc == 0)
			name_by_range(p, ranges, n_ranges, outside);
		else
			jm_error_set(err, rc, "out of memory for the ranges");
	}
	free(ranges);
	return rc;
}

/* Gives the index of a track's name, added if it is new. known: by the order in which tracks were met. */
struct track_name {
	uint32_t track, name;
};

#define STREAMS_MAX 4096

static int name_of_track(struct jm_recording *r, struct jm_parts *p, struct track_name *known, size_t *n_known,
			 uint32_t track, uint32_t *out)
{
	char key[32], plain[32];
	const char *text;
	size_t i;
	int rc;

	for (i = 0; i < *n_known; i++)
		if (known[i].track == track) {
			*out = known[i].name;
			return 0;
		}
	if (*n_known == STREAMS_MAX) {
		*out = known[STREAMS_MAX - 1].name;
		return 0;
	}
	snprintf(key, sizeof(key), "track_%u", (unsigned)track);
	snprintf(plain, sizeof(plain), "track %u", (unsigned)track);
	text = jm_recording_meta(r, key);
	rc = add_name(p, text ? text : plain, "stream", out);
	if (rc == 0)
		known[(*n_known)++] = (struct track_name){track, *out};
	return rc;
}

static int load_streams(struct jm_recording *r, struct jm_parts *p, struct jm_error *err)
{
	struct track_name *known = calloc(STREAMS_MAX, sizeof(*known));
	size_t n_known = 0, i;
	int rc = known ? load(r, DEVICE_WORK, p, err) : jm_error_set(err, JM_E_NOMEM, "out of memory for the streams");

	for (i = 0; i < p->n_spans && rc == 0; i++)
		if (name_of_track(r, p, known, &n_known, p->spans[i].track, &p->spans[i].name))
			rc = jm_error_set(err, JM_E_NOMEM, "out of memory for the streams");
	free(known);
	return rc;
}

/* Layers that the program said to be identical: meta "identical" is "3 9 15;4 10", names by their numbers. What cannot be read is
 * left out. Errors: JM_E_NOMEM. */
static int load_ties(struct jm_recording *r, struct jm_parts *p)
{
	const char *text = jm_recording_meta(r, "identical");
	uint32_t first = UINT32_MAX;
	size_t i;

	if (!text)
		return 0;
	p->ties = malloc((p->n_names + 1) * sizeof(*p->ties));
	if (!p->ties)
		return JM_E_NOMEM;
	for (i = 0; i < p->n_names; i++)
		p->ties[i] = (uint32_t)i;
	while (*text) {
		char *end;
		unsigned long name;

		if (*text < '0' || *text > '9') {
			first = *text == ';' ? UINT32_MAX : first;
			text++;
			continue;
		}
		name = strtoul(text, &end, 10);
		text = end;
		if (name >= p->n_names)
			continue;
		first = first == UINT32_MAX ? (uint32_t)name : first;
		p->ties[name] = first;
	}
	return 0;
}

/* How often layers are executed in one iteration, where the profiler saw their kernels: meta "calls" is "3:1 9:2.5". What cannot be
 * read is left out. Errors: JM_E_NOMEM. */
static int load_calls(struct jm_recording *r, struct jm_parts *p)
{
	const char *text = jm_recording_meta(r, "calls");

	if (!text)
		return 0;
	p->calls = calloc(p->n_names + 1, sizeof(*p->calls));
	if (!p->calls)
		return JM_E_NOMEM;
	while (*text) {
		size_t digits = strspn(text, "0123456789"), n = strcspn(text, " ");
		uint64_t name;
		double calls;

		if (text[digits] == ':' && jm_text_u64(text, digits, &name) == 0 && name < p->n_names &&
		    jm_text_double(text + digits + 1, n - digits - 1, &calls) == 0 && calls >= CALLS_MIN &&
		    calls < UINT32_MAX)
			p->calls[name] = calls;
		text += n + strspn(text + n, " ");
	}
	return 0;
}

int jm_report_load_parts(struct jm_recording *r, const char *by, struct jm_parts *out, struct jm_error *err)
{
	int rc;

	memset(out, 0, sizeof(*out));
	if (borrow_names(r, out, STREAMS_MAX)) {
		jm_parts_finish(out);
		return jm_error_set(err, JM_E_NOMEM, "out of memory for the names");
	}
	if (by && strcmp(by, JM_PARTS_NONE) == 0)
		rc = 0;
	else if (!jm_parts_are(by))
		rc = load_layers(r, out, err);
	else if (strcmp(by, "kernel") == 0)
		rc = load(r, DEVICE_WORK, out, err);
	else if (strcmp(by, "range") == 0)
		rc = load_ranges(r, out, err);
	else
		rc = load_streams(r, out, err);
	if (jm_parts_are(by) && strcmp(by, "kernel") != 0)
		out->kinds = strcmp(by, "range") == 0 ? 1u << JM_SPAN_RANGE : 0;
	if (rc == 0 && jm_parts_are(by) && out->n_spans == 0) {
		rc = jm_error_set(err, JM_E_NOT_FOUND, "the recording holds no %ss", by);
		jm_error_remedy(err, "joulemap record --cuda -- COMMAND records them");
	}
	if (rc == 0 && !jm_parts_are(by) && load_ties(r, out))
		rc = jm_error_set(err, JM_E_NOMEM, "out of memory for identical layers");
	if (rc == 0 && !jm_parts_are(by) && load_calls(r, out))
		rc = jm_error_set(err, JM_E_NOMEM, "out of memory for the layers' calls");
	if (rc)
		jm_parts_finish(out);
	return rc;
}
