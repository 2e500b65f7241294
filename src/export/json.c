/* The result as JSON, "format": "joulemap-report/1" (docs/report-format.md). Unknown is null with a reason beside it.
 */
#include "export/export.h"

#include "core/error.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Writes objects: commas and names in one place. */
struct object {
	struct jm_buffer *b;
	bool has_member;
};

static struct object begin(struct jm_buffer *b)
{
	jm_buffer_puts(b, "{");
	return (struct object){.b = b};
}

static void member(struct object *o, const char *name)
{
	jm_buffer_printf(o->b, "%s\"%s\":", o->has_member ? "," : "", name);
	o->has_member = true;
}

static void end(struct object *o)
{
	jm_buffer_puts(o->b, "}");
}

static void number(struct object *o, const char *name, double value)
{
	member(o, name);
	jm_buffer_json_number(o->b, value);
}

static void count(struct object *o, const char *name, uint64_t value)
{
	member(o, name);
	jm_buffer_printf(o->b, "%llu", (unsigned long long)value);
}

static void text(struct object *o, const char *name, const char *value)
{
	member(o, name);
	if (value)
		jm_buffer_json_string(o->b, value);
	else
		jm_buffer_puts(o->b, "null");
}

static void truth(struct object *o, const char *name, bool value)
{
	member(o, name);
	jm_buffer_puts(o->b, value ? "true" : "false");
}

static void interval(struct object *o, const char *name, struct jm_interval value)
{
	member(o, name);
	if (isnan(value.low) && isnan(value.high)) {
		jm_buffer_puts(o->b, "null");
		return;
	}
	jm_buffer_puts(o->b, "[");
	jm_buffer_json_number(o->b, value.low);
	jm_buffer_puts(o->b, ",");
	jm_buffer_json_number(o->b, value.high);
	jm_buffer_puts(o->b, "]");
}

static const char *channel_name(const struct jm_result *r, int i)
{
	return i >= 0 && (size_t)i < r->n_channels ? r->channels[i].channel->name : NULL;
}

static void ledger(struct object *o, const struct jm_channel_result *c)
{
	struct object l;

	member(o, "ledger");
	if (!c->has_ledger) {
		jm_buffer_puts(o->b, "null");
		return;
	}
	l = begin(o->b);
	count(&l, "expected", c->ledger.expected);
	count(&l, "taken", c->ledger.taken);
	count(&l, "late", c->ledger.late);
	count(&l, "missed", c->ledger.missed);
	count(&l, "repeated", c->ledger.repeated);
	number(&l, "longest_gap_s", (double)c->ledger.longest_gap_ns * 1e-9);
	number(&l, "rate_hz", jm_ledger_rate_hz(&c->ledger));
	number(&l, "coverage", jm_ledger_coverage(&c->ledger));
	number(&l, "period_s", (double)c->ledger.period_ns * 1e-9);
	number(&l, "cpu_s", (double)c->ledger.cpu_ns * 1e-9);
	end(&l);
}

static void channel(struct jm_buffer *b, const struct jm_channel_result *c)
{
	struct object o = begin(b);
	char driver[sizeof(c->channel->name)];

	text(&o, "name", c->channel->name);
	text(&o, "label", c->channel->label);
	snprintf(driver, sizeof(driver), "%.*s", (int)strcspn(c->channel->name, "/"), c->channel->name);
	text(&o, "driver", driver);
	text(&o, "quantity", jm_quantity_text(c->channel->quantity));
	text(&o, "state", jm_state_text(c->channel->state));
	text(&o, "kind", jm_kind_text(c->channel->kind));
	text(&o, "domain", jm_domain_text(c->channel->domain));
	text(&o, "part_of", c->part_of);
	text(&o, "same_as", c->same_as);
	number(&o, "energy_j", c->energy_j);
	interval(&o, "energy_ci_j", c->energy_ci_j);
	interval(&o, "energy_absolute_ci_j", c->energy_absolute_ci_j);
	number(&o, "mean_power_w", c->mean_power_w);
	number(&o, "std_power_w", c->std_power_w);
	number(&o, "min_power_w", c->min_power_w);
	number(&o, "max_power_w", c->max_power_w);
	number(&o, "idle_power_w", c->idle_power_w);
	number(&o, "idle_power_sd_w", c->idle_power_sd_w);
	number(&o, "gap_s", c->gap_s);
	ledger(&o, c);
	text(&o, "reason", c->reason);
	text(&o, "remedy", c->channel->remedy);
	end(&o);
}

static void bytes(struct object *o, const char *name, int64_t value)
{
	number(o, name, value >= 0 ? (double)value : NAN);
}

/* Of rows of processes and containers. */
static void process(struct object *o, const struct jm_process_facts *f)
{
	const struct jm_process *p = f->n_processes == 1 ? f->process : NULL;

	number(o, "pid", p ? (double)p->pid : NAN);
	number(o, "parent_pid", p ? (double)p->parent_pid : NAN);
	number(o, "ns_pid", p ? (double)p->ns_pid : NAN);
	text(o, "command", p ? p->command : NULL);
	text(o, "cgroup", p ? p->cgroup : NULL);
	text(o, "runtime", f->runtime[0] ? f->runtime : NULL);
	text(o, "container", f->container[0] ? f->container : NULL);
	text(o, "pod", f->pod[0] ? f->pod : NULL);
	number(o, "cpu_s", f->cpu_s);
	number(o, "children_cpu_s", f->children_s);
	bytes(o, "rss_bytes", f->rss_bytes);
	bytes(o, "pss_bytes", f->pss_bytes);
	bytes(o, "uss_bytes", f->uss_bytes);
}

static void row(struct jm_buffer *b, const struct jm_result *r, const struct jm_row *row)
{
	struct object o = begin(b);

	text(&o, "name", row->name);
	text(&o, "type", row->type);
	text(&o, "channel", channel_name(r, row->channel));
	text(&o, "state", row->channel < 0 ? "unavailable" : row->is_estimated ? "estimated" : "measured");
	count(&o, "count", row->count);
	number(&o, "time_s", row->time_s);
	number(&o, "latency_ms", row->latency_ms);
	number(&o, "energy_j", row->energy_j);
	number(&o, "energy_per_iteration_mj", row->energy_per_iteration_mj);
	number(&o, "energy_per_item_mj", row->energy_per_item_mj);
	interval(&o, "energy_ci_j", row->energy_ci_j);
	interval(&o, "energy_absolute_ci_j", row->energy_absolute_ci_j);
	number(&o, "energy_above_idle_j", row->energy_above_idle_j);
	number(&o, "mean_power_w", row->mean_power_w);
	interval(&o, "mean_power_ci_w", row->mean_power_ci_w);
	number(&o, "share", row->share);
	number(&o, "macs", row->work.is_known ? row->work.macs : NAN);
	number(&o, "flops", row->work.is_known ? row->work.flops : NAN);
	number(&o, "bytes", row->work.is_known ? row->work.bytes : NAN);
	number(&o, "energy_per_mmac_mj", jm_row_mj_per_mmac(row));
	number(&o, "gflop_per_j", jm_row_gflop_per_j(row));
	number(&o, "flop_per_byte", jm_row_flop_per_byte(row));
	text(&o, "method", row->basis ? row->basis : jm_method_text(row->method));
	if (row->process)
		process(&o, row->process);
	truth(&o, "resolvable", row->resolvable);
	text(&o, "reason", row->reason);
	end(&o);
}

static int rows(struct object *o, const char *name, const struct jm_result *r, enum jm_view_by by,
		const struct jm_view *view)
{
	struct jm_view own = *view;
	const struct jm_row **sorted;
	size_t n, i;

	own.by = by;
	own.limit = by == view->by ? view->limit : 0;
	sorted = jm_view_sorted(r, &own, -2, &n, NULL);
	if (!sorted)
		return JM_E_NOMEM;
	member(o, name);
	jm_buffer_puts(o->b, "[");
	for (i = 0; i < n; i++) {
		jm_buffer_puts(o->b, i ? ",\n" : "\n");
		row(o->b, r, sorted[i]);
	}
	jm_buffer_puts(o->b, "]");
	free((void *)sorted);
	return 0;
}

static void closure(struct object *parent, const char *name, const struct jm_result *r, const struct jm_closure *list,
		    size_t n)
{
	size_t i;

	member(parent, name);
	jm_buffer_puts(parent->b, "[");
	for (i = 0; i < n; i++) {
		const struct jm_closure *c = &list[i];
		struct object o;

		jm_buffer_puts(parent->b, i ? ",\n" : "\n");
		o = begin(parent->b);
		text(&o, "channel", channel_name(r, c->channel));
		number(&o, "total_j", c->total_j);
		number(&o, "parts_j", c->parts_j);
		number(&o, "idle_j", c->idle_j);
		number(&o, "gaps_j", c->gaps_j);
		number(&o, "unattributed_j", c->unattributed_j);
		number(&o, "residual_j", c->residual_j);
		number(&o, "gap_s", c->gap_s);
		end(&o);
	}
	jm_buffer_puts(parent->b, "]");
}

static void spread(struct object *parent, const char *name, const struct jm_spread *s, double scale)
{
	struct object o;

	member(parent, name);
	if (!s->n) {
		jm_buffer_puts(parent->b, "null");
		return;
	}
	o = begin(parent->b);
	number(&o, "mean", s->mean * scale);
	number(&o, "min", s->min * scale);
	number(&o, "max", s->max * scale);
	count(&o, "n", s->n);
	end(&o);
}

static void held(struct object *parent, const struct jm_device_result *d)
{
	size_t i;

	member(parent, "throttled");
	jm_buffer_puts(parent->b, "[");
	for (i = 0; i < d->n_held; i++) {
		const struct jm_held *h = &d->held[i];
		struct object o;

		jm_buffer_puts(parent->b, i ? "," : "");
		o = begin(parent->b);
		text(&o, "cause", h->cause);
		truth(&o, "is_limit", h->is_limit);
		number(&o, "share", h->share);
		number(&o, "time_s", h->time_s);
		text(&o, "source", h->is_counted ? "counter" : "looks");
		count(&o, "looks", h->n_looks);
		end(&o);
	}
	jm_buffer_puts(parent->b, "]");
}

static void cross_check(struct object *parent, const struct jm_cross_check *c)
{
	struct object o;

	member(parent, "cross_check");
	o = begin(parent->b);
	text(&o, "power", c->power);
	text(&o, "counter", c->counter);
	number(&o, "span_s", c->is_known ? c->span_s : NAN);
	number(&o, "gap_s", c->is_known ? c->gap_s : NAN);
	number(&o, "integral_j", c->is_known ? c->integral_j : NAN);
	number(&o, "counter_j", c->is_known ? c->counter_j : NAN);
	number(&o, "difference_fraction", c->is_known ? c->difference_fraction : NAN);
	number(&o, "allowed_fraction", c->is_known ? c->allowed_fraction : NAN);
	text(&o, "reason", c->is_known ? "" : c->reason);
	end(&o);
}

static void devices(struct object *parent, const struct jm_result *r)
{
	size_t i;

	text(parent, "cuda_visible_devices", r->visible_devices);
	member(parent, "devices");
	jm_buffer_puts(parent->b, "[");
	for (i = 0; i < r->n_devices; i++) {
		const struct jm_device_result *d = &r->devices[i];
		struct object o;

		jm_buffer_puts(parent->b, i ? ",\n" : "\n");
		o = begin(parent->b);
		text(&o, "name", d->name);
		text(&o, "identity", d->identity);
		text(&o, "note", d->note ? d->note : "");
		spread(&o, "sm_clock_mhz", &d->sm_clock_hz, 1e-6);
		spread(&o, "memory_clock_mhz", &d->memory_clock_hz, 1e-6);
		spread(&o, "temperature_c", &d->temperature_c, 1);
		spread(&o, "performance_state", &d->level, 1);
		held(&o, d);
		cross_check(&o, &d->check);
		end(&o);
	}
	jm_buffer_puts(parent->b, "]");
}

/* Unknown counts are 0 inside and null outside. */
static void known_count(struct object *o, const char *name, uint64_t value)
{
	number(o, name, value ? (double)value : NAN);
}

static void run(struct object *parent, const struct jm_run *run)
{
	struct object o, l;

	member(parent, "run");
	o = begin(parent->b);
	text(&o, "command", run->command);
	text(&o, "model", run->model);
	text(&o, "precision", run->precision);
	known_count(&o, "batch", run->batch);
	known_count(&o, "iterations", run->iterations);
	known_count(&o, "items", run->iterations * run->items_per_iteration);
	number(&o, "duration_s", run->duration_s);
	member(&o, "latency");
	if (run->latency.n) {
		l = begin(o.b);
		number(&l, "mean_ms", run->latency.mean_ms);
		number(&l, "std_ms", run->latency.std_ms);
		number(&l, "min_ms", run->latency.min_ms);
		number(&l, "median_ms", run->latency.median_ms);
		number(&l, "p95_ms", run->latency.p95_ms);
		number(&l, "max_ms", run->latency.max_ms);
		count(&l, "n", run->latency.n);
		end(&l);
	} else {
		jm_buffer_puts(o.b, "null");
	}
	number(&o, "throughput_items_s", run->throughput_items_s);
	number(&o, "profiled_latency_ms", run->profiled_latency_ms);
	number(&o, "distortion", run->distortion);
	number(&o, "exit_code", run->exit_code >= 0 ? run->exit_code : NAN);
	end(&o);
}

static void texts(struct object *o, const char *name, char *const *values, size_t n)
{
	size_t i;

	member(o, name);
	jm_buffer_puts(o->b, "[");
	for (i = 0; i < n; i++) {
		jm_buffer_puts(o->b, i ? "," : "");
		jm_buffer_json_string(o->b, values[i]);
	}
	jm_buffer_puts(o->b, "]");
}

/* What the energies come to by the user's figures; null where none were given. */
static void tariff(struct object *parent, const struct jm_result *r, const struct jm_tariff *t)
{
	struct object o, c;
	size_t i, n = 0;

	member(parent, "tariff");
	if (!t->has_carbon && !t->has_price) {
		jm_buffer_puts(parent->b, "null");
		return;
	}
	o = begin(parent->b);
	text(&o, "source", "given by the user");
	number(&o, "carbon_g_per_kwh", t->has_carbon ? t->carbon_g_per_kwh : NAN);
	number(&o, "price_per_kwh", t->has_price ? t->price_per_kwh : NAN);
	text(&o, "currency", t->currency[0] ? t->currency : NULL);
	member(&o, "channels");
	jm_buffer_puts(o.b, "[");
	for (i = 0; i < r->n_channels; i++) {
		if (!isfinite(r->channels[i].energy_j))
			continue;
		jm_buffer_puts(o.b, n++ ? "," : "");
		c = begin(o.b);
		text(&c, "channel", r->channels[i].channel->name);
		number(&c, "carbon_g", jm_tariff_carbon_g(t, r->channels[i].energy_j));
		number(&c, "price", jm_tariff_price(t, r->channels[i].energy_j));
		end(&c);
	}
	jm_buffer_puts(o.b, "]");
	end(&o);
}

static int write(const struct jm_result *r, const struct jm_view *view, struct jm_buffer *out, struct jm_error *err)
{
	struct object o = begin(out);
	size_t i;
	int rc;

	text(&o, "format", "joulemap-report/1");
	text(&o, "joulemap_version", jm_version());
	texts(&o, "warnings", r->warnings, r->n_warnings);
	texts(&o, "notes", r->notes, r->n_notes);
	text(&o, "method", jm_method_text(r->method));
	text(&o, "method_reason", r->method_reason);
	text(&o, "baseline", r->baseline_reason);
	run(&o, &r->run);
	member(&o, "channels");
	jm_buffer_puts(out, "[");
	for (i = 0; i < r->n_channels; i++) {
		jm_buffer_puts(out, i ? ",\n" : "\n");
		channel(out, &r->channels[i]);
	}
	jm_buffer_puts(out, "]");
	devices(&o, r);
	closure(&o, "closure", r, r->closure, r->n_closure);
	rc = rows(&o, "layers", r, JM_BY_LAYER, view);
	rc = rc ? rc : rows(&o, "types", r, JM_BY_TYPE, view);
	rc = rc ? rc : rows(&o, "groups", r, JM_BY_GROUP, view);
	if (rc == 0 && view->by == JM_BY_ITERATION)
		rc = rows(&o, "iterations", r, JM_BY_ITERATION, view);
	text(&o, "counters", r->counters[0] ? r->counters : NULL);
	text(&o, "process_sampling", r->process_reason[0] ? r->process_reason : NULL);
	text(&o, "process_split", r->split_reason[0] ? r->split_reason : NULL);
	rc = rc ? rc : rows(&o, "processes", r, JM_BY_PROCESS, view);
	rc = rc ? rc : rows(&o, "containers", r, JM_BY_CONTAINER, view);
	closure(&o, "process_closure", r, r->process_closure, r->n_process_closure);
	tariff(&o, r, &view->tariff);
	member(&o, "own_cost");
	jm_own_cost_json(&r->own_cost, out);
	end(&o);
	jm_buffer_puts(out, "\n");
	return rc ? jm_error_set(err, rc, "out of memory for the rows") : 0;
}

const struct jm_exporter jm_exporter_json = {
    .name = "json",
    .summary = "everything, joulemap-report/1",
    .write = write,
};
