/* Spans as comma-separated text: a header that names a column "name" and columns for the start and the end or duration
 * ("start_us", "end_ns", "duration_ms", ...), or no header and rows name,start_us,end_us. Optional columns: type,
 * iteration, stage, track. Times beyond 2001 are read as counted from 1970 UTC.
 *
 * A span that contains others of its track is a region, any other one a layer. With a column "stage", rows named
 * "stage" bound the stages (phases), iterations count on from stage to stage, rows of the stage that the user names
 * (--isolated), or of one called "isolated", are blocks of layers run alone whose iteration is the number of calls in
 * the block, and rows of stage "anchor" tie clocks together and are no spans. */
#define _GNU_SOURCE
#include "core/error.h"
#include "core/text.h"
#include "core/units.h"
#include "trace/emit.h"
#include "trace/table.h"

#include <stdlib.h>
#include <string.h>

enum column { NAME, TYPE, START, END, DURATION, ITERATION, STAGE, TRACK, N_COLUMNS };

#define ABSENT JM_TABLE_FIELDS
/* Times are written with at most 0.1 us, so neighbours may seem to overlap by that. */
#define SLACK_NS INT64_C(200)

struct layout {
	size_t at[N_COLUMNS];    /* field, or ABSENT */
	int decimals[N_COLUMNS]; /* of the times: 10^decimals ns per unit */
	bool has_header;
};

struct reading {
	const struct jm_trace_input *in;
	struct jm_emit emit;
	struct jm_table table;
	struct layout layout;
	struct jm_span_list spans, phases;
	struct jm_oddity negative;
	char stage[64];
	size_t stage_n;
	int64_t base, next_base; /* first iteration of the stage and of the one after it */
	bool is_isolated, is_epoch;
};

static const struct {
	const char *suffix;
	int decimals;
} units[] = {{"_ns", 0}, {"_us", 3}, {"_ms", 6}, {"_s", 9}, {"", 3}};

/* Says whether field is word with a unit behind it, and which. */
static bool is_time(const struct jm_field *f, const char *word, int *decimals)
{
	size_t n = strlen(word), i;

	if (f->n < n || memcmp(f->text, word, n) != 0)
		return false;
	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (f->n - n == strlen(units[i].suffix) && memcmp(f->text + n, units[i].suffix, f->n - n) == 0) {
			*decimals = units[i].decimals;
			return true;
		}
	return false;
}

static void layout_column(struct layout *l, const struct jm_field *f, size_t i)
{
	static const struct {
		const char *word;
		enum column column;
	} texts[] = {{"name", NAME}, {"type", TYPE}, {"iteration", ITERATION}, {"stage", STAGE}, {"track", TRACK}},
	  times[] = {{"start", START}, {"end", END}, {"duration", DURATION}, {"dur", DURATION}};
	size_t k;

	for (k = 0; k < sizeof(texts) / sizeof(texts[0]); k++)
		if (jm_field_is(f, texts[k].word) && l->at[texts[k].column] == ABSENT)
			l->at[texts[k].column] = i;
	for (k = 0; k < sizeof(times) / sizeof(times[0]); k++)
		if (l->at[times[k].column] == ABSENT && is_time(f, times[k].word, &l->decimals[times[k].column]))
			l->at[times[k].column] = i;
}

/* Reads the layout off the first row. Gives false when these are no spans. */
static bool find_layout(struct layout *l, const struct jm_table *first)
{
	int64_t value;
	size_t i;

	for (i = 0; i < N_COLUMNS; i++) {
		l->at[i] = ABSENT;
		l->decimals[i] = 3;
	}
	for (i = 0; i < first->n_fields; i++)
		layout_column(l, &first->fields[i], i);
	l->has_header =
	    l->at[NAME] != ABSENT && l->at[START] != ABSENT && (l->at[END] != ABSENT || l->at[DURATION] != ABSENT);
	if (l->has_header)
		return true;
	if (first->n_fields != 3 || first->fields[0].n == 0 ||
	    jm_text_fixed(first->fields[1].text, first->fields[1].n, 3, &value) ||
	    jm_text_fixed(first->fields[2].text, first->fields[2].n, 3, &value) ||
	    jm_text_fixed(first->fields[0].text, first->fields[0].n, 3, &value) == 0)
		return false;
	for (i = 0; i < N_COLUMNS; i++)
		l->at[i] = ABSENT;
	l->at[NAME] = 0;
	l->at[START] = 1;
	l->at[END] = 2;
	return true;
}

static int match(const char *head, size_t n)
{
	struct jm_table table;
	struct layout layout;
	int confidence = 0;

	if (memchr(head, '\0', n < 512 ? n : 512) || jm_head_first(head, n) == '{' || jm_head_first(head, n) == '[')
		return 0;
	jm_table_init(&table, head, n);
	if (jm_table_next(&table) == 1 && find_layout(&layout, &table))
		confidence = layout.has_header ? 80 : 50;
	jm_table_finish(&table);
	return confidence;
}

static const struct jm_field *field(const struct reading *r, enum column column)
{
	static const struct jm_field empty = {"", 0};
	size_t i = r->layout.at[column];

	return i < r->table.n_fields ? &r->table.fields[i] : &empty;
}

static int row_error(const struct reading *r, const char *what, struct jm_error *err)
{
	return jm_error_set(err, JM_E_FORMAT, "%s:%llu: %s", jm_trace_path(r->in), (unsigned long long)r->table.line,
			    what);
}

static int get_times(struct reading *r, struct jm_span *span, struct jm_error *err)
{
	const struct jm_field *start = field(r, START), *end = field(r, END), *duration = field(r, DURATION);
	int64_t length;

	if (jm_text_fixed(start->text, start->n, r->layout.decimals[START], &span->start_ns))
		return row_error(r, "the start is no time", err);
	if (r->layout.at[END] != ABSENT) {
		if (jm_text_fixed(end->text, end->n, r->layout.decimals[END], &span->end_ns))
			return row_error(r, "the end is no time", err);
		return 0;
	}
	if (jm_text_fixed(duration->text, duration->n, r->layout.decimals[DURATION], &length) ||
	    __builtin_add_overflow(span->start_ns, length, &span->end_ns))
		return row_error(r, "the duration is no time", err);
	return 0;
}

static int get_iteration(struct reading *r, struct jm_span *span, struct jm_error *err)
{
	const struct jm_field *f = field(r, ITERATION);
	int64_t iteration;

	span->iteration = JM_NO_ITERATION;
	if (f->n == 0)
		return 0;
	if (jm_text_i64(f->text, f->n, &iteration))
		return row_error(r, "the iteration is no whole number", err);
	if (iteration < 0)
		return 0;
	if (r->is_isolated) {
		span->flags |= JM_SPAN_ISOLATED;
	} else {
		iteration += r->base;
		r->next_base = iteration >= r->next_base ? iteration + 1 : r->next_base;
	}
	if (iteration >= JM_NO_ITERATION)
		return row_error(r, "the iteration is too large", err);
	span->iteration = (uint32_t)iteration;
	return 0;
}

static void enter_stage(struct reading *r)
{
	const struct jm_field *stage = field(r, STAGE);

	if (stage->n == r->stage_n && memcmp(stage->text, r->stage, stage->n) == 0)
		return;
	r->stage_n = stage->n < sizeof(r->stage) ? stage->n : sizeof(r->stage);
	memcpy(r->stage, stage->text, r->stage_n);
	r->base = r->next_base;
	r->is_isolated =
	    jm_field_is(stage, "isolated") || (r->emit.out->isolated && jm_field_is(stage, r->emit.out->isolated));
}

static int take_row(struct reading *r, struct jm_error *err)
{
	const struct jm_field *name = field(r, NAME), *type = field(r, TYPE), *track = field(r, TRACK);
	struct jm_span span = {.kind = JM_SPAN_LAYER};
	bool is_phase = r->layout.at[STAGE] != ABSENT && jm_field_is(name, "stage");
	int64_t track_number = 0;
	int rc;

	if (r->layout.at[STAGE] != ABSENT) {
		if (jm_field_is(field(r, STAGE), "anchor"))
			return 0;
		if (!is_phase)
			enter_stage(r);
	}
	rc = get_times(r, &span, err);
	if (!rc && !is_phase)
		rc = get_iteration(r, &span, err);
	if (rc)
		return rc;
	if (name->n == 0)
		return row_error(r, "a span without a name", err);
	if (track->n > 0 &&
	    (jm_text_i64(track->text, track->n, &track_number) || track_number < 0 || track_number > 65535))
		return row_error(r, "the track is no number from 0 to 65535", err);
	if (span.end_ns < span.start_ns) {
		jm_oddity_add(&r->negative, r->table.line);
		return 0;
	}
	span.track = (uint32_t)track_number;
	r->is_epoch = span.start_ns > JM_NS_PER_S * 1000000000;
	if (is_phase) {
		span.kind = JM_SPAN_PHASE;
		span.iteration = JM_NO_ITERATION;
		name = field(r, STAGE);
	}
	span.name = jm_emit_name(&r->emit, name->text, name->n, type->text, type->n);
	rc = jm_span_list_add(is_phase ? &r->phases : &r->spans, &span);
	return rc ? jm_error_set(err, rc, "out of memory") : 0;
}

static int read_rows(struct reading *r, struct jm_error *err)
{
	int rc = jm_table_next(&r->table), more = rc;

	if (rc == 1 && !find_layout(&r->layout, &r->table))
		return row_error(r, "no columns of a name, a start and an end", err);
	if (rc == 1 && r->layout.has_header)
		more = jm_table_next(&r->table);
	for (rc = 0; more == 1 && !rc && !r->emit.rc; more = jm_table_next(&r->table)) {
		if (jm_table_is_cut(&r->table, r->in, r->emit.out))
			break;
		rc = take_row(r, err);
		if (rc)
			return rc;
	}
	if (more == JM_E_FORMAT)
		return row_error(r, "a quotation mark is not closed, or there are too many fields", err);
	return more < 0 ? jm_error_set(err, more, "out of memory") : 0;
}

static int hand_over(struct reading *r, struct jm_error *err)
{
	uint64_t n_crossing = 0;
	bool *parents;
	size_t i;
	int rc;

	jm_span_list_sort(&r->spans);
	parents = calloc(r->spans.n + 1, sizeof(*parents));
	rc = parents ? jm_span_list_nesting(&r->spans, SLACK_NS, parents, &n_crossing) : JM_E_NOMEM;
	if (rc) {
		free(parents);
		return jm_error_set(err, rc, "out of memory");
	}
	for (i = 0; i < r->phases.n; i++)
		jm_emit_span(&r->emit, &r->phases.items[i]);
	for (i = 0; i < r->spans.n; i++) {
		if (parents[i])
			r->spans.items[i].kind = JM_SPAN_REGION;
		jm_emit_span(&r->emit, &r->spans.items[i]);
	}
	free(parents);
	jm_oddity_warn(&r->negative, r->in, r->emit.out, "a span that ends before it starts was left out");
	if (n_crossing > 0)
		jm_trace_warn(r->emit.out, "%s: %llu spans of one track overlap without one containing the other",
			      jm_trace_path(r->in), (unsigned long long)n_crossing);
	r->emit.out->clock = r->is_epoch ? JM_TRACE_CLOCK_REALTIME : JM_TRACE_CLOCK_RELATIVE;
	jm_emit_meta(&r->emit, "trace_source", "csv");
	return jm_emit_finish(&r->emit, err);
}

static int read_spans(const struct jm_trace_input *in, struct jm_trace_output *out, struct jm_error *err)
{
	struct reading r = {.in = in};
	int rc;

	jm_emit_init(&r.emit, out);
	jm_table_init(&r.table, in->data, in->n);
	rc = read_rows(&r, err);
	if (!rc)
		rc = hand_over(&r, err);
	jm_table_finish(&r.table);
	jm_span_list_finish(&r.spans);
	jm_span_list_finish(&r.phases);
	return rc;
}

const struct jm_importer jm_importer_csv_spans = {
    .name = "csv_spans",
    .summary = "spans as CSV: name,start_us,end_us, with or without header",
    .match = match,
    .read = read_spans,
};
