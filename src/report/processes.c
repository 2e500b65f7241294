#include "report/processes.h"

#include "core/display.h"
#include "report/cells.h"
#include "report/figures.h"
#include "report/table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define COMMAND_SHOWN 60

static void add_bytes(struct jm_cells *cells, int64_t bytes)
{
	if (bytes < 0)
		jm_cells_add(cells, "-");
	else
		jm_cells_add(cells, "%.1f MiB", (double)bytes / 1048576);
}

static void add_seconds(struct jm_cells *cells, double seconds)
{
	if (isfinite(seconds))
		jm_cells_add(cells, "%.3f", seconds);
	else
		jm_cells_add(cells, "-");
}

static void add_energy(struct jm_cells *cells, const struct jm_row *row)
{
	char energy[32], power[32];

	jm_report_quantity(row->energy_j, "J", energy, sizeof(energy));
	jm_report_quantity(row->mean_power_w, "W", power, sizeof(power));
	jm_cells_add(cells, "%s", energy);
	if (isfinite(row->energy_ci_j.low) && isfinite(row->energy_ci_j.high))
		jm_cells_add(cells, "[%.4g, %.4g]", row->energy_ci_j.low, row->energy_ci_j.high);
	else
		jm_cells_add(cells, "-");
	jm_cells_add(cells, "%s", power);
	if (isfinite(row->share))
		jm_cells_add(cells, "%.1f", row->share * 100);
	else
		jm_cells_add(cells, "-");
	jm_cells_add(cells, "%s", row->is_estimated ? "estimated" : row->resolvable ? "measured" : "unknown");
}

/* "docker 0123456789ab", "pod 1234..."; both ends tell an id from others, its first twelve digits are what tools show. */
static void add_container(struct jm_cells *cells, const struct jm_process_facts *f)
{
	if (f->container[0])
		jm_cells_add(cells, "%s %.12s", f->runtime, f->container);
	else if (f->pod[0])
		jm_cells_add(cells, "pod %.8s", f->pod);
	else
		jm_cells_add(cells, " ");
}

static void add_process(struct jm_cells *cells, const struct jm_row *row)
{
	const struct jm_process_facts *f = row->process;
	const struct jm_process *p = f->process;

	if (p)
		jm_cells_add(cells, "%lld", (long long)p->pid);
	else
		jm_cells_add(cells, "-");
	jm_cells_add(cells, "%.*s", COMMAND_SHOWN, p && p->command[0] ? p->command : row->name);
	add_container(cells, f);
	add_seconds(cells, f->cpu_s);
	add_energy(cells, row);
	add_bytes(cells, f->rss_bytes);
}

static void add_group(struct jm_cells *cells, const struct jm_row *row)
{
	jm_cells_add(cells, "%s", row->name);
	jm_cells_add(cells, "%s", row->type[0] ? row->type : " ");
	if (row->process->process)
		jm_cells_add(cells, "%llu", (unsigned long long)row->process->n_processes);
	else
		jm_cells_add(cells, "-");
	add_seconds(cells, row->process->cpu_s);
	add_energy(cells, row);
}

static int print_rows(const struct jm_view *view, const struct jm_row *const *rows, size_t n, struct jm_buffer *out)
{
	static const char *const process_head[] = {"pid",      "process",    "container", "CPU s", "energy",
						   "interval", "mean power", "share %",   "state", "RSS"};
	static const char *const container_head[] = {"container", "runtime",    "processes", "CPU s", "energy",
						     "interval",  "mean power", "share %",   "state"};
	bool is_process = view->by == JM_BY_PROCESS;
	struct jm_cells cells = {.n_columns = is_process ? 10 : 9,
				 .is_left = {!is_process, true, is_process, [8] = true}};
	static const unsigned char process_spare[] = {0, 0, 4, 0, 0, 5, 3, 1, 0, 6};
	static const unsigned char container_spare[] = {0, 2, 4, 0, 0, 5, 3, 1, 0};
	size_t i;

	memcpy(cells.spare, is_process ? process_spare : container_spare, cells.n_columns);
	for (i = 0; i < cells.n_columns; i++)
		jm_cells_add(&cells, "%s", is_process ? process_head[i] : container_head[i]);
	for (i = 0; i < n; i++)
		(is_process ? add_process : add_group)(&cells, rows[i]);
	return jm_cells_print(&cells, is_process ? 1 : 0, view->width, view->is_colour, out);
}

static int print_channel(const struct jm_result *r, const struct jm_view *view, int channel, struct jm_buffer *out)
{
	size_t n, n_all;
	const struct jm_row **rows = jm_view_sorted(r, view, channel, &n, &n_all);
	size_t from = out->n;
	int rc = 0;

	if (!rows)
		return JM_E_NOMEM;
	if (n) {
		jm_report_heading(out, view->is_colour, "on %s%s%s", r->channels[channel].channel->name,
				  rows[0]->basis[0] ? ", by " : "", rows[0]->basis);
		if (rows[0]->reason[0])
			jm_display_line(out, "  %s: %s", rows[0]->resolvable ? "estimated" : "not split",
					rows[0]->reason);
		jm_display_wrap(out, from, view->width, JM_DISPLAY_HANG);
		rc = print_rows(view, rows, n, out);
		if (n < n_all)
			jm_display_line(out, "  ... and %zu more: --limit all shows them", n_all - n);
		jm_buffer_puts(out, "\n");
	}
	free((void *)rows);
	return rc;
}

int jm_report_processes(const struct jm_result *r, const struct jm_view *view, struct jm_buffer *out)
{
	size_t from = out->n, i;
	int rc = 0;

	jm_display_line(out, "processes   %s", r->process_reason);
	if (r->split_reason[0])
		jm_display_line(out, "split       %s", r->split_reason);
	jm_display_wrap(out, from, view->width, JM_DISPLAY_HANG);
	jm_buffer_puts(out, "\n");
	for (i = 0; i < r->n_process_closure && rc == 0; i++)
		rc = print_channel(r, view, r->process_closure[i].channel, out);
	return rc;
}

/* Energy of the row of those that are not watched. */
static double others_j(const struct jm_result *r, int channel)
{
	size_t i;

	for (i = 0; i < r->n_containers; i++)
		if (r->containers[i].channel == channel && !r->containers[i].process->process &&
		    r->containers[i].resolvable)
			return r->containers[i].energy_j;
	return 0;
}

void jm_report_process_sums(const struct jm_result *r, struct jm_buffer *out)
{
	size_t i;

	for (i = 0; i < r->n_process_closure; i++) {
		const struct jm_closure *c = &r->process_closure[i];
		double others = others_j(r, c->channel);

		jm_display_text(
		    out,
		    "sum check   %s: %.4f J = processes %.4f + other processes %.4f + idle machine %.4f%s + "
		    "unattributed %.4f + residual %.2g",
		    r->channels[c->channel].channel->name, c->total_j, c->parts_j - others, others, c->idle_j,
		    isnan(r->channels[c->channel].idle_power_w) ? " (by unused processor time)" : "", c->unattributed_j,
		    c->residual_j);
		if (c->gap_s >= 0.0005)
			jm_display_text(out, "; %.3f s without readings are in no sum", c->gap_s);
		jm_buffer_puts(out, "\n");
	}
}
