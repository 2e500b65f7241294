/* Energies that Linux's perf prints by interval: perf stat -I MS -x, -e power/energy-pkg/,power/energy-ram/,... [-a] [--per-socket]
 * [-o FILE]. Lines "seconds,[socket,cpus,]value,unit,event,..." (perf-stat(1), "CSV FORMAT"); unit Joules. The value is what came since
 * the line before, in hundredths of a joule (tools/perf/util/stat-display.c, "%.2f"); here it is added up to a counter, which begins with
 * perf. Of an interval that perf did not count ("<not counted>", "<not supported>") the counter would not know: it goes back by one there,
 * so that no energy is made of it. Events in other units are passed over. */
#define _GNU_SOURCE
#include "core/error.h"
#include "core/text.h"
#include "trace/emit.h"
#include "trace/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_EVENTS    64
#define QUANTUM_UJ    10000
#define UJ_DECIMALS   6
#define NS_DECIMALS   9
#define VALUE_MAX_UJ  INT64_C(1000000000000) /* of one interval: 1 MJ */
#define BEGIN_UJ      (INT64_C(1) << 40)     /* leaves room to go back */
#define NAME_MAX_TEXT 80

struct event {
	char name[NAME_MAX_TEXT]; /* "S0/energy-pkg", or "energy-pkg" */
	uint16_t channel;
	int64_t sum_uj;
};

struct reading {
	const struct jm_trace_input *in;
	size_t n; /* of its bytes: whole lines */
	struct jm_emit emit;
	struct jm_sample_list list;
	struct event *events;
	size_t n_events;
	uint64_t n_gaps, n_others;
};

/* A line of an event in joules, taken apart. */
struct line {
	int64_t t_ns, value_uj;
	bool is_gap;
	char name[NAME_MAX_TEXT];
};

static int match(const char *head, size_t n)
{
	return jm_head_has(head, n, ",Joules,power/energy-") ? 90 : 0;
}

/* "power/energy-pkg/" is energy-pkg. */
static void name_event(const struct jm_field *socket, const struct jm_field *event, char *out, size_t size)
{
	const char *text = event->text, *slash = memchr(event->text, '/', event->n);
	size_t n = event->n;

	if (slash && slash + 1 < event->text + event->n) {
		text = slash + 1;
		n = event->n - (size_t)(text - event->text);
		n -= text[n - 1] == '/';
	}
	snprintf(out, size, "%.*s%s%.*s", socket ? (int)socket->n : 0, socket ? socket->text : "", socket ? "/" : "",
		 (int)n, text);
}

/* Gives 1 for a line in joules, 0 for one of another event. Errors: JM_E_FORMAT. */
static int take_apart(const struct jm_table *t, struct line *out)
{
	const struct jm_field *f = t->fields, *value;
	size_t k;

	if (jm_text_fixed(f[0].text, f[0].n, NS_DECIMALS, &out->t_ns) || out->t_ns < 0)
		return JM_E_FORMAT;
	for (k = 2; k < t->n_fields && !jm_field_is(&f[k], "Joules"); k++)
		;
	if (k >= t->n_fields)
		return 0;
	if (k + 1 >= t->n_fields || f[k + 1].n == 0 || k > 4 || f[1].n + f[k + 1].n + 1 >= sizeof(out->name))
		return JM_E_FORMAT;
	value = &f[k - 1];
	out->is_gap = value->n > 0 && value->text[0] == '<';
	out->value_uj = 0;
	if (!out->is_gap && (jm_text_fixed(value->text, value->n, UJ_DECIMALS, &out->value_uj) || out->value_uj < 0 ||
			     out->value_uj > VALUE_MAX_UJ))
		return JM_E_FORMAT;
	name_event(k > 2 ? &f[1] : NULL, &f[k + 1], out->name, sizeof(out->name));
	return 1;
}

static int refuse(const struct reading *r, uint64_t line, struct jm_error *err)
{
	return jm_error_set(err, JM_E_FORMAT,
			    "%s:%llu: not a line 'seconds,joules,Joules,power/energy-.../' of perf stat -I -x,",
			    jm_trace_path(r->in), (unsigned long long)line);
}

static struct event *find(const struct reading *r, const char *name)
{
	size_t i;

	for (i = 0; i < r->n_events; i++)
		if (strcmp(r->events[i].name, name) == 0)
			return &r->events[i];
	return NULL;
}

/* Walks over all lines. each: what is to be done with one in joules. */
static int walk(struct reading *r, int (*each)(struct reading *r, const struct line *line), struct jm_error *err)
{
	struct jm_table table;
	struct line line;
	int more, rc = 0;

	r->n_others = 0;
	jm_table_init(&table, r->in->data, r->n);
	while (rc == 0 && (more = jm_table_next(&table)) == 1) {
		if (table.fields[0].n > 0 && table.fields[0].text[0] == '#') /* "# started on ..." */
			continue;
		rc = take_apart(&table, &line);
		r->n_others += rc == 0;
		if (rc == 1)
			rc = each(r, &line);
		if (rc == JM_E_FORMAT)
			refuse(r, table.line, err);
		if (rc == JM_E_NOMEM)
			jm_error_set(err, rc, "out of memory");
		else if (rc == JM_E_FULL)
			jm_error_set(err, rc = JM_E_FORMAT, "%s:%llu: more than %d events", jm_trace_path(r->in),
				     (unsigned long long)table.line, MAX_EVENTS);
	}
	if (rc == 0 && more < 0)
		rc = refuse(r, table.line, err);
	jm_table_finish(&table);
	return rc;
}

static int note_event(struct reading *r, const struct line *line)
{
	if (find(r, line->name))
		return 0;
	if (r->n_events == MAX_EVENTS)
		return JM_E_FULL;
	snprintf(r->events[r->n_events++].name, NAME_MAX_TEXT, "%s", line->name);
	return 0;
}

static int take_sample(struct reading *r, const struct line *line)
{
	struct event *e = find(r, line->name);

	r->n_gaps += line->is_gap;
	if (e->sum_uj > INT64_MAX / 2)
		return JM_E_FORMAT;
	e->sum_uj += line->is_gap ? -1 : line->value_uj;
	return jm_sample_list_add(&r->list, e->channel, line->t_ns, e->sum_uj, false);
}

/* What contains what, as in the kernel (drivers/powercap/intel_rapl_common.c): psys the packages and the memory, a package its cores and
 * graphics. In this order they are declared. */
static const struct {
	const char *ending, *parent;
	enum jm_domain domain;
} kinds[] = {{"energy-psys", NULL, JM_DOMAIN_PLATFORM},
	     {"energy-pkg", "energy-psys", JM_DOMAIN_PACKAGE},
	     {"energy-ram", "energy-psys", JM_DOMAIN_DRAM},
	     {"energy-cores", "energy-pkg", JM_DOMAIN_CORE},
	     {"energy-gpu", "energy-pkg", JM_DOMAIN_UNCORE}};
#define N_KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* Gives N_KINDS for an event that is none of them. */
static size_t kind_of(const char *name)
{
	const char *slash = strrchr(name, '/');
	size_t k;

	for (k = 0; k < N_KINDS && strcmp(slash ? slash + 1 : name, kinds[k].ending) != 0; k++)
		;
	return k;
}

/* The event that contains e, of the same socket; NULL: there is none. */
static const struct event *parent_of(const struct reading *r, const struct event *e, size_t kind)
{
	const char *slash = strrchr(e->name, '/');
	char name[NAME_MAX_TEXT + 16];

	if (kind == N_KINDS || !kinds[kind].parent)
		return NULL;
	snprintf(name, sizeof(name), "%.*s%s", slash ? (int)(slash + 1 - e->name) : 0, e->name, kinds[kind].parent);
	return find(r, name);
}

static void declare(struct reading *r, struct event *e, size_t kind)
{
	const struct event *parent = parent_of(r, e, kind);
	struct jm_channel c;
	char name[96];

	snprintf(name, sizeof(name), "import/perf/%s", e->name);
	jm_channel_init(&c, name);
	snprintf(c.label, sizeof(c.label), "%.63s", e->name);
	c.quantity = JM_QUANTITY_ENERGY;
	c.kind = JM_KIND_COUNTER;
	c.domain = kind < N_KINDS ? kinds[kind].domain : JM_DOMAIN_OTHER;
	c.step = QUANTUM_UJ;
	c.part_of = parent ? parent->channel : -1;
	snprintf(c.reason, sizeof(c.reason), "sums of what perf stat printed, each rounded to 0.01 J");
	e->channel = jm_emit_channel(&r->emit, &c);
	e->sum_uj = BEGIN_UJ;
}

/* All counters begin with perf. Errors: JM_E_NOMEM. */
static int declare_all(struct reading *r)
{
	size_t kind, i;
	int rc = 0;

	for (kind = 0; kind <= N_KINDS; kind++)
		for (i = 0; i < r->n_events; i++)
			if (kind_of(r->events[i].name) == kind)
				declare(r, &r->events[i], kind);
	for (i = 0; i < r->n_events && rc == 0; i++)
		rc = jm_sample_list_add(&r->list, r->events[i].channel, 0, BEGIN_UJ, false);
	return rc;
}

static int read_log(const struct jm_trace_input *in, struct jm_trace_output *out, struct jm_error *err)
{
	struct reading r = {.in = in, .events = calloc(MAX_EVENTS, sizeof(*r.events))};
	int rc, finished;

	jm_emit_init(&r.emit, out);
	out->clock = JM_TRACE_CLOCK_RELATIVE;
	for (r.n = in->n; r.n > 0 && in->data[r.n - 1] != '\n'; r.n--)
		;
	if (r.n < in->n)
		jm_trace_warn(out, "%s: the last line has no end, may be cut off, and is left out", jm_trace_path(in));
	rc = r.events ? walk(&r, note_event, err) : jm_error_set(err, JM_E_NOMEM, "out of memory");
	if (rc == 0 && r.n_events == 0)
		rc = refuse(&r, 1, err);
	if (rc == 0)
		rc = declare_all(&r) ? jm_error_set(err, JM_E_NOMEM, "out of memory") : walk(&r, take_sample, err);
	if (rc == 0 && r.n_gaps)
		jm_trace_warn(out, "%s: perf did not count %llu times: no energy is made of these intervals",
			      jm_trace_path(in), (unsigned long long)r.n_gaps);
	if (rc == 0 && r.n_others)
		jm_trace_warn(out, "%s: %llu lines of events that are no energy are passed over", jm_trace_path(in),
			      (unsigned long long)r.n_others);
	if (rc)
		r.emit.rc = rc;
	jm_sample_list_emit(&r.list, in, &r.emit);
	finished = jm_emit_finish(&r.emit, rc ? NULL : err);
	free(r.events);
	return rc ? rc : finished;
}

const struct jm_importer jm_importer_perf_stat = {
    .name = "perf_stat",
    .summary = "perf stat -I MS -x, -e power/energy-pkg/,...",
    .match = match,
    .read = read_log,
};
