/* What every importer needs to hand over what it found: batches towards the sinks, warnings, a look at the head. */
#ifndef TRACE_EMIT_H
#define TRACE_EMIT_H

#include "trace/trace.h"

#define JM_EMIT_BATCH 256

/* Collects spans and samples and passes them on in batches. After a failure (rc) further calls do nothing. */
struct jm_emit {
	struct jm_trace_output *out;
	struct jm_span spans[JM_EMIT_BATCH];
	struct jm_sample samples[JM_EMIT_BATCH];
	size_t n_spans, n_samples;
	int rc;
};

/* out: borrowed until finish. */
void jm_emit_init(struct jm_emit *e, struct jm_trace_output *out);
void jm_emit_span(struct jm_emit *e, const struct jm_span *span);
/* Gives the index of a name; type may be NULL. 0 after a failure. */
uint32_t jm_emit_name(struct jm_emit *e, const char *text, size_t n, const char *type, size_t type_n);
/* Says what the layers of a name take and give: "fp32[1,3,8,8] fp32[16,3,3,3]", "fp32[1,16,8,8]". */
void jm_emit_shapes(struct jm_emit *e, uint32_t name, const char *taken, const char *given);
/* Declares a channel; gives its index. */
uint16_t jm_emit_channel(struct jm_emit *e, const struct jm_channel *channel);
void jm_emit_meta(struct jm_emit *e, const char *key, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Passes on what is left. Errors: the first one of any call. */
int jm_emit_finish(struct jm_emit *e, struct jm_error *err);

/* Tells the user one line, where out has somebody who listens. */
void jm_trace_warn(struct jm_trace_output *out, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Says whether the head contains a word. */
bool jm_head_has(const char *head, size_t n, const char *word);
/* Gives the first byte of the head that is no white space (and, for double-encoded JSON, no quotation mark); 0: none. */
char jm_head_first(const char *head, size_t n);
/* Gives path for messages. */
const char *jm_trace_path(const struct jm_trace_input *in);

/* Odd entries of one kind: the first is remembered, all are counted, one warning is made of them at the end. */
struct jm_oddity {
	uint64_t n, first_line;
};
/* line: from 1. */
void jm_oddity_add(struct jm_oddity *o, uint64_t line);
/* Warns "PATH:LINE: what (N in all)" if there were any. */
void jm_oddity_warn(const struct jm_oddity *o, const struct jm_trace_input *in, struct jm_trace_output *out,
		    const char *what);

/* A growing list of spans, for importers that must see all before they can hand on any. */
struct jm_span_list {
	struct jm_span *items;
	size_t n, capacity;
};
/* Errors: JM_E_NOMEM. */
int jm_span_list_add(struct jm_span_list *list, const struct jm_span *span);
void jm_span_list_finish(struct jm_span_list *list);
/* Sorts by start; of equal starts the longer one first, so that what contains comes before what is contained. */
void jm_span_list_sort(struct jm_span_list *list);
/* Gives each span the iteration of the run (of runs, sorted, iterations set) that holds it, one on its own track first;
 * slack_ns: by how much it may stick out. Gives how many lie in none. */
uint64_t jm_span_list_assign(struct jm_span_list *list, const struct jm_span_list *runs, int64_t slack_ns);
/* Counts, in a sorted list, spans that neither follow nor lie inside the one before them on their track; slack_ns as
 * above. Marks in parents (list->n entries, may be NULL) the spans that contain others. Errors: JM_E_NOMEM. */
int jm_span_list_nesting(const struct jm_span_list *list, int64_t slack_ns, bool *parents, uint64_t *n_crossing_out);

/* A growing list of samples, for logs whose lines may come in any order. */
struct jm_sample_list {
	struct jm_sample *items;
	size_t n, capacity;
};
/* Errors: JM_E_NOMEM. */
int jm_sample_list_add(struct jm_sample_list *list, uint16_t channel, int64_t t_ns, int64_t value, bool is_gap);
/* Sorts by time if need be, warning of it, passes all on through e, and frees the list. */
void jm_sample_list_emit(struct jm_sample_list *list, const struct jm_trace_input *in, struct jm_emit *e);

#endif
