/* OpenMetrics text of a recording's results (OpenMetrics 1.0, 2020; also read as Prometheus text 0.0.4, for instance by the
 * textfile collector of node_exporter). A recording is over, so everything is a gauge. What is unknown has no sample. */
#include "export/export.h"

#include "core/display.h"
#include "core/error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct page {
	struct jm_buffer *b;
	const struct jm_result *r;
};

static void family(struct page *p, const char *name, const char *unit, const char *help)
{
	jm_buffer_printf(p->b, "# TYPE joulemap_recording_%s gauge\n", name);
	if (*unit)
		jm_buffer_printf(p->b, "# UNIT joulemap_recording_%s %s\n", name, unit);
	jm_buffer_printf(p->b, "# HELP joulemap_recording_%s %s\n", name, help);
}

/* Values of labels are UTF-8 in which backslash, quote and line break are escaped. */
static void label(struct page *p, const char *key, const char *value)
{
	char *copy = strdup(value ? value : ""), *c, *line;

	if (!copy) {
		p->b->is_failed = true;
		return;
	}
	jm_buffer_printf(p->b, "%s%s=\"", p->b->n && p->b->data[p->b->n - 1] == '{' ? "" : ",", key);
	for (line = copy; line; line = c ? c + 1 : NULL) {
		c = strchr(line, '\n');
		if (c)
			*c = '\0';
		jm_display_neutralise(line);
		for (; *line; line++)
			jm_buffer_printf(p->b, *line == '"' || *line == '\\' ? "\\%c" : "%c", *line);
		jm_buffer_puts(p->b, c ? "\\n" : "");
	}
	jm_buffer_puts(p->b, "\"");
	free(copy);
}

static void open_sample(struct page *p, const char *name)
{
	jm_buffer_printf(p->b, "joulemap_recording_%s{", name);
}

static void close_sample(struct page *p, double value)
{
	jm_buffer_puts(p->b, "} ");
	jm_buffer_json_number(p->b, value);
	jm_buffer_puts(p->b, "\n");
}

static void channel_labels(struct page *p, const struct jm_channel_result *c)
{
	label(p, "channel", c->channel->name);
	label(p, "state", jm_state_text(c->channel->state));
	label(p, "part_of", c->part_of);
	label(p, "same_as", c->same_as);
}

static void channel_value(struct page *p, const char *name, const struct jm_channel_result *c, const char *key,
			  const char *which, double value)
{
	if (!isfinite(value))
		return;
	open_sample(p, name);
	channel_labels(p, c);
	if (key)
		label(p, key, which);
	close_sample(p, value);
}

static void channels(struct page *p)
{
	const struct jm_result *r = p->r;
	size_t i;

	family(p, "energy_joules", "joules",
	       "Energy over the measured window; bound: ends of the 95 % interval. Never add a channel to what it is "
	       "part of");
	for (i = 0; i < r->n_channels; i++) {
		const struct jm_channel_result *c = &r->channels[i];

		channel_value(p, "energy_joules", c, "bound", "none", c->energy_j);
		channel_value(p, "energy_joules", c, "bound", "low", c->energy_ci_j.low);
		channel_value(p, "energy_joules", c, "bound", "high", c->energy_ci_j.high);
	}
	family(p, "power_watts", "watts", "Power over the measured window");
	for (i = 0; i < r->n_channels; i++) {
		const struct jm_channel_result *c = &r->channels[i];

		channel_value(p, "power_watts", c, "stat", "mean", c->mean_power_w);
		channel_value(p, "power_watts", c, "stat", "std", c->std_power_w);
		channel_value(p, "power_watts", c, "stat", "min", c->min_power_w);
		channel_value(p, "power_watts", c, "stat", "max", c->max_power_w);
		channel_value(p, "power_watts", c, "stat", "idle", c->idle_power_w);
	}
	family(p, "gap_seconds", "seconds", "Time in the window without readings; its energy is in no sum");
	for (i = 0; i < r->n_channels; i++)
		channel_value(p, "gap_seconds", &r->channels[i], NULL, NULL, r->channels[i].gap_s);
}

static void ledgers(struct page *p)
{
	static const char *const what[] = {"expected", "taken", "late", "missed", "repeated"};
	const struct jm_result *r = p->r;
	size_t i, k;

	family(p, "readings", "", "Readings that were due, and what became of them");
	for (i = 0; i < r->n_channels; i++) {
		const struct jm_ledger *l = &r->channels[i].ledger;
		const uint64_t counts[] = {l->expected, l->taken, l->late, l->missed, l->repeated};

		for (k = 0; r->channels[i].has_ledger && k < 5; k++)
			channel_value(p, "readings", &r->channels[i], "which", what[k], (double)counts[k]);
	}
	family(p, "coverage_ratio", "ratio", "Share of the readings that came");
	for (i = 0; i < r->n_channels; i++)
		if (r->channels[i].has_ledger)
			channel_value(p, "coverage_ratio", &r->channels[i], NULL, NULL,
				      jm_ledger_coverage(&r->channels[i].ledger));
}

static void closures(struct page *p)
{
	size_t i, k;

	family(p, "closure_joules", "joules", "Where a channel's energy went; the parts add up to it");
	for (i = 0; i < p->r->n_closure; i++) {
		const struct jm_closure *c = &p->r->closure[i];
		static const char *const to[] = {"parts", "idle", "unattributed", "residual"};
		const double values[] = {c->parts_j, c->idle_j, c->unattributed_j, c->residual_j};

		for (k = 0; k < 4; k++)
			channel_value(p, "closure_joules", &p->r->channels[c->channel], "to", to[k], values[k]);
	}
}

static void row_value(struct page *p, const char *name, const struct jm_row *row, double value)
{
	if (!isfinite(value))
		return;
	open_sample(p, name);
	label(p, "name", row->name);
	label(p, "type", row->type);
	label(p, "channel", row->channel >= 0 ? p->r->channels[row->channel].channel->name : "");
	label(p, "state", row->channel < 0 ? "unavailable" : row->is_estimated ? "estimated" : "measured");
	label(p, "method", row->basis ? row->basis : jm_method_text(row->method));
	if (row->process && row->process->process) {
		jm_buffer_printf(p->b, ",pid=\"%lld\",start_ticks=\"%llu\"", (long long)row->process->process->pid,
				 (unsigned long long)row->process->process->start_ticks);
		label(p, "container", row->process->container);
	}
	close_sample(p, value);
}

static int rows(struct page *p, const struct jm_view *view)
{
	size_t n, i;
	const struct jm_row **list = jm_view_sorted(p->r, view, -2, &n, NULL);

	if (!list)
		return JM_E_NOMEM;
	family(p, "row_energy_joules", "joules", "Energy of a layer, type, kernel, iteration or process in the window");
	for (i = 0; i < n; i++)
		row_value(p, "row_energy_joules", list[i], list[i]->resolvable ? list[i]->energy_j : NAN);
	family(p, "row_time_seconds", "seconds", "Time of it in the window");
	for (i = 0; i < n; i++)
		row_value(p, "row_time_seconds", list[i], list[i]->time_s);
	family(p, "row_executions", "", "Executions seen");
	for (i = 0; i < n; i++)
		row_value(p, "row_executions", list[i], (double)list[i]->count);
	free((void *)list);
	return 0;
}

static void single(struct page *p, const char *name, const char *unit, const char *help, double value)
{
	if (!isfinite(value))
		return;
	family(p, name, unit, help);
	jm_buffer_printf(p->b, "joulemap_recording_%s ", name);
	jm_buffer_json_number(p->b, value);
	jm_buffer_puts(p->b, "\n");
}

static void latency(struct page *p)
{
	static const char *const stats[] = {"mean", "std", "min", "median", "p95", "max"};
	const struct jm_latency *l = &p->r->run.latency;
	const double values[] = {l->mean_ms, l->std_ms, l->min_ms, l->median_ms, l->p95_ms, l->max_ms};
	size_t i;

	if (l->n == 0)
		return;
	family(p, "latency_seconds", "seconds", "Latency of an iteration, without the layer profiler");
	for (i = 0; i < 6; i++) {
		if (!isfinite(values[i]))
			continue;
		open_sample(p, "latency_seconds");
		label(p, "stat", stats[i]);
		close_sample(p, values[i] * 1e-3);
	}
}

static void run(struct page *p, const struct jm_tariff *tariff)
{
	const struct jm_own_cost *cost = &p->r->own_cost;
	const struct jm_run *run = &p->r->run;
	size_t i;

	family(p, "info", "", "What was recorded and how it was explained");
	open_sample(p, "info");
	label(p, "joulemap_version", jm_version());
	label(p, "model", run->model);
	label(p, "precision", run->precision);
	label(p, "command", run->command);
	label(p, "method", jm_method_text(p->r->method));
	close_sample(p, 1);
	single(p, "duration_seconds", "seconds", "Length of the measured window", run->duration_s);
	single(p, "iterations", "", "Inferences in it", run->iterations ? (double)run->iterations : NAN);
	single(p, "warnings", "", "Warnings of the report", (double)p->r->n_warnings);
	single(p, "own_cpu_seconds", "seconds", "Processor time that measuring itself took", cost->cpu_s);
	single(p, "own_memory_bytes", "bytes", "Largest resident memory of it",
	       cost->rss_bytes ? (double)cost->rss_bytes : NAN);
	latency(p);
	if (tariff->has_carbon) {
		family(p, "carbon_grams", "grams", "CO2 equivalent of the energy, by the user's figure");
		for (i = 0; i < p->r->n_channels; i++)
			channel_value(p, "carbon_grams", &p->r->channels[i], NULL, NULL,
				      jm_tariff_carbon_g(tariff, p->r->channels[i].energy_j));
	}
	if (tariff->has_price) {
		family(p, "price", "", "Price of the energy, by the user's figure");
		for (i = 0; i < p->r->n_channels; i++)
			channel_value(p, "price", &p->r->channels[i], "currency", tariff->currency,
				      jm_tariff_price(tariff, p->r->channels[i].energy_j));
	}
}

static int write(const struct jm_result *r, const struct jm_view *view, struct jm_buffer *out, struct jm_error *err)
{
	struct page p = {out, r};
	int rc = 0;

	run(&p, &view->tariff);
	channels(&p);
	ledgers(&p);
	closures(&p);
	if (view->by != JM_BY_CHANNEL)
		rc = rows(&p, view);
	jm_buffer_puts(out, "# EOF\n");
	return rc ? jm_error_set(err, rc, "out of memory for the rows") : 0;
}

const struct jm_exporter jm_exporter_prometheus = {
    .name = "prometheus",
    .summary = "OpenMetrics text of the results",
    .write = write,
};
