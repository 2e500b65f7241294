/* CSV of the rows of a view (RFC 4180; unknown: empty cell), or of the channels. Columns: docs/report-format.md. */
#include "export/export.h"

#include "core/error.h"

#include <math.h>
#include <stdlib.h>

static void number(struct jm_buffer *b, double value)
{
	char text[32];

	if (isfinite(value))
		jm_buffer_append(b, text, jm_text_shortest(value, text));
	jm_buffer_puts(b, ",");
}

static void text(struct jm_buffer *b, const char *value)
{
	jm_buffer_csv(b, value ? value : "");
	jm_buffer_puts(b, ",");
}

/* Own cost is of the whole, and the same in every row. Behind it what the user's figures make of an energy, where any were given. */
static void last_heads(struct jm_buffer *b, const struct jm_tariff *t)
{
	jm_buffer_puts(b, "," JM_OWN_COST_COLUMNS);
	jm_buffer_puts(b, t->has_carbon ? ",carbon_g" : "");
	jm_buffer_puts(b, t->has_price ? ",price" : "");
	if (t->has_price && t->currency[0]) {
		jm_buffer_puts(b, "_");
		jm_buffer_csv(b, t->currency);
	}
	jm_buffer_puts(b, "\n");
}

static void last_cells(struct jm_buffer *b, const struct jm_result *r, const struct jm_tariff *t, double energy_j)
{
	const double values[] = {jm_tariff_carbon_g(t, energy_j), jm_tariff_price(t, energy_j)};
	const bool is_given[] = {t->has_carbon, t->has_price};
	char text[32];
	size_t i;

	jm_buffer_puts(b, ",");
	jm_own_cost_csv(&r->own_cost, b);
	for (i = 0; i < 2; i++) {
		jm_buffer_puts(b, is_given[i] ? "," : "");
		if (is_given[i] && isfinite(values[i]))
			jm_buffer_append(b, text, jm_text_shortest(values[i], text));
	}
	jm_buffer_puts(b, "\n");
}

static void row(struct jm_buffer *b, const struct jm_result *r, const struct jm_row *row, const struct jm_tariff *t)
{
	text(b, row->name);
	text(b, row->type);
	text(b, row->channel >= 0 ? r->channels[row->channel].channel->name : "");
	text(b, row->channel < 0 ? "unavailable" : row->is_estimated ? "estimated" : "measured");
	jm_buffer_printf(b, "%llu,", (unsigned long long)row->count);
	number(b, row->time_s);
	number(b, row->latency_ms);
	number(b, row->energy_j);
	number(b, row->energy_ci_j.low);
	number(b, row->energy_ci_j.high);
	number(b, row->energy_per_iteration_mj);
	number(b, row->energy_per_item_mj);
	number(b, row->mean_power_w);
	number(b, row->mean_power_ci_w.low);
	number(b, row->mean_power_ci_w.high);
	number(b, row->share);
	number(b, row->work.is_known ? row->work.macs : NAN);
	number(b, row->work.is_known ? row->work.flops : NAN);
	number(b, row->work.is_known ? row->work.bytes : NAN);
	text(b, jm_method_text(row->method));
	jm_buffer_puts(b, row->resolvable ? "true," : "false,");
	jm_buffer_csv(b, row->reason);
	last_cells(b, r, t, row->energy_j);
}

static void channel(struct jm_buffer *b, const struct jm_result *r, const struct jm_channel_result *c,
		    const struct jm_tariff *t)
{
	text(b, c->channel->name);
	text(b, jm_state_text(c->channel->state));
	text(b, jm_kind_text(c->channel->kind));
	number(b, c->energy_j);
	number(b, c->energy_ci_j.low);
	number(b, c->energy_ci_j.high);
	number(b, c->mean_power_w);
	number(b, c->std_power_w);
	number(b, c->min_power_w);
	number(b, c->max_power_w);
	number(b, c->gap_s);
	jm_buffer_printf(b, "%llu,%llu,%llu,%llu,%llu,", (unsigned long long)c->ledger.expected,
			 (unsigned long long)c->ledger.taken, (unsigned long long)c->ledger.late,
			 (unsigned long long)c->ledger.missed, (unsigned long long)c->ledger.repeated);
	number(b, c->has_ledger ? jm_ledger_coverage(&c->ledger) : NAN);
	jm_buffer_csv(b, c->reason);
	last_cells(b, r, t, c->energy_j);
}

static void bytes(struct jm_buffer *b, int64_t value)
{
	if (value >= 0)
		jm_buffer_printf(b, "%lld", (long long)value);
	jm_buffer_puts(b, ",");
}

static void process(struct jm_buffer *b, const struct jm_result *r, const struct jm_row *row, const struct jm_tariff *t)
{
	const struct jm_process_facts *f = row->process;
	const struct jm_process *p = f->n_processes == 1 ? f->process : NULL;

	text(b, row->name);
	bytes(b, p ? p->pid : -1);
	bytes(b, p ? p->parent_pid : -1);
	bytes(b, p ? p->ns_pid : -1);
	text(b, p ? p->command : "");
	text(b, f->runtime);
	text(b, f->container);
	text(b, f->pod);
	jm_buffer_printf(b, "%llu,", (unsigned long long)f->n_processes);
	text(b, r->channels[row->channel].channel->name);
	text(b, row->is_estimated ? "estimated" : "measured");
	number(b, f->cpu_s);
	number(b, f->children_s);
	bytes(b, f->rss_bytes);
	bytes(b, f->pss_bytes);
	bytes(b, f->uss_bytes);
	number(b, row->energy_j);
	number(b, row->energy_ci_j.low);
	number(b, row->energy_ci_j.high);
	number(b, row->mean_power_w);
	number(b, row->share);
	text(b, row->basis);
	jm_buffer_csv(b, row->reason);
	last_cells(b, r, t, row->energy_j);
}

static int write(const struct jm_result *r, const struct jm_view *view, struct jm_buffer *out, struct jm_error *err)
{
	const struct jm_row **rows;
	size_t n, i;

	if (view->by == JM_BY_CHANNEL) {
		jm_buffer_puts(out,
			       "name,state,kind,energy_j,energy_low_j,energy_high_j,mean_power_w,std_power_w,"
			       "min_power_w,max_power_w,gap_s,expected,taken,late,missed,repeated,coverage,reason");
		last_heads(out, &view->tariff);
		for (i = 0; i < r->n_channels; i++)
			channel(out, r, &r->channels[i], &view->tariff);
		return 0;
	}
	rows = jm_view_sorted(r, view, -2, &n, NULL);
	if (!rows)
		return jm_error_set(err, JM_E_NOMEM, "out of memory for the rows");
	if (view->by == JM_BY_PROCESS || view->by == JM_BY_CONTAINER) {
		jm_buffer_puts(out,
			       "name,pid,parent_pid,ns_pid,command,runtime,container,pod,processes,channel,state,cpu_s,"
			       "children_cpu_s,rss_bytes,pss_bytes,uss_bytes,energy_j,energy_low_j,energy_high_j,"
			       "mean_power_w,share,basis,reason");
		last_heads(out, &view->tariff);
		for (i = 0; i < n; i++)
			process(out, r, rows[i], &view->tariff);
		free((void *)rows);
		return 0;
	}
	jm_buffer_puts(out,
		       "name,type,channel,state,count,time_s,latency_ms,energy_j,energy_low_j,energy_high_j,"
		       "energy_per_iteration_mj,energy_per_item_mj,mean_power_w,mean_power_low_w,mean_power_high_w,"
		       "share,macs,flops,bytes,method,resolvable,reason");
	last_heads(out, &view->tariff);
	for (i = 0; i < n; i++)
		row(out, r, rows[i], &view->tariff);
	free((void *)rows);
	return 0;
}

const struct jm_exporter jm_exporter_csv = {
    .name = "csv",
    .summary = "rows as comma-separated values",
    .write = write,
};
