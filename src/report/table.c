#include "report/table.h"

#include "core/display.h"
#include "core/error.h"
#include "report/cells.h"
#include "report/devices.h"
#include "report/figures.h"
#include "report/processes.h"
#include "report/run.h"
#include "report/tariff.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *red(const struct jm_view *view)
{
	return view->is_colour ? "\033[1;31m" : "";
}

static const char *off(const struct jm_view *view)
{
	return view->is_colour ? "\033[0m" : "";
}

/* Ends a line with text. On a terminal a command that mends it stands on a line of its own, whole: somebody may copy it. */
static void end_mendable(const char *text, const struct jm_view *view, size_t from, struct jm_buffer *out)
{
	const char *mend = view->width > 0 ? strstr(text, "; mend: ") : NULL;

	jm_display_line(out, "%.*s", (int)(mend ? (size_t)(mend - text) : strlen(text)), text);
	jm_display_wrap(out, from, view->width, JM_DISPLAY_HANG);
	if (mend)
		jm_display_line(out, "    %s", mend + strlen("; "));
}

static void warnings(const struct jm_result *r, const struct jm_view *view, struct jm_buffer *out)
{
	size_t i;

	for (i = 0; i < r->n_warnings; i++) {
		size_t from = out->n;

		jm_buffer_printf(out, "%swarning:%s ", red(view), off(view));
		end_mendable(r->warnings[i], view, from, out);
	}
	if (r->n_warnings)
		jm_buffer_puts(out, "\n");
}

static void add_channel(struct jm_cells *cells, const struct jm_channel_result *c)
{
	char energy[32], power[32], ci[64];

	jm_report_quantity(c->energy_j, "J", energy, sizeof(energy));
	jm_report_quantity(c->mean_power_w, "W", power, sizeof(power));
	jm_report_bounds(c->energy_ci_j, 1, ci, sizeof(ci));
	jm_cells_add(cells, "%s", c->channel->name);
	jm_cells_add(cells, "%s", jm_state_text(c->channel->state));
	jm_cells_add(cells, "%s", energy);
	jm_cells_add(cells, "%s", ci);
	jm_cells_add(cells, "%s", power);
	if (!c->has_ledger) {
		jm_cells_add(cells, "-");
		jm_cells_add(cells, "-");
		jm_cells_add(cells, "-");
		jm_cells_add(cells, "-");
		jm_cells_add(cells, "-");
		return;
	}
	jm_cells_add(cells, "%llu/%llu", (unsigned long long)c->ledger.taken, (unsigned long long)c->ledger.expected);
	jm_cells_add(cells, "%.1f Hz", jm_ledger_rate_hz(&c->ledger));
	jm_cells_add(cells, "%llu", (unsigned long long)c->ledger.late);
	jm_cells_add(cells, "%llu", (unsigned long long)c->ledger.repeated);
	if (c->ledger.taken >= 2)
		jm_cells_add(cells, "%.1f ms", (double)c->ledger.longest_gap_ns * 1e-6);
	else
		jm_cells_add(cells, "-");
}

static bool is_energy(const struct jm_channel_result *c)
{
	return c->channel->quantity == JM_QUANTITY_ENERGY || c->channel->quantity == JM_QUANTITY_POWER;
}

/* Why a figure is missing or not measured, and what would mend it. */
static void notes(const struct jm_result *r, const struct jm_view *view, struct jm_buffer *out)
{
	char text[sizeof(r->channels->channel->reason) + sizeof(r->channels->channel->remedy) + 16];
	size_t i;

	for (i = 0; i < r->n_channels; i++) {
		const struct jm_channel_result *c = &r->channels[i];
		const char *reason = c->reason[0] ? c->reason : c->channel->reason, *remedy;
		size_t from = out->n;

		if (!is_energy(c) || (c->channel->state == JM_STATE_MEASURED && isfinite(c->energy_j)) || !reason[0])
			continue;
		/* The channel's remedy mends what the channel says of itself. */
		remedy = c->reason[0] && c->channel->state != JM_STATE_MEASURED ? "" : c->channel->remedy;
		snprintf(text, sizeof(text), "%s%s%s", reason, remedy[0] ? "; mend: " : "", remedy);
		jm_display_text(out, "  %s: ", c->channel->name);
		end_mendable(text, view, from, out);
	}
}

static int sensors(const struct jm_result *r, const struct jm_view *view, struct jm_buffer *out)
{
	static const char *const head[] = {"channel",  "state", "energy", "interval [J]", "mean power",
					   "readings", "rate",  "late",   "repeated",     "longest gap"};
	struct jm_cells cells = {.n_columns = 10, .is_left = {true, true}, .spare = {0, 0, 0, 2, 0, 1, 3, 5, 6, 4}};
	size_t i;
	int rc;

	for (i = 0; i < cells.n_columns; i++)
		jm_cells_add(&cells, "%s", head[i]);
	for (i = 0; i < r->n_channels; i++)
		if (is_energy(&r->channels[i]))
			add_channel(&cells, &r->channels[i]);
	rc = jm_cells_print(&cells, 0, view->width, view->is_colour, out);
	notes(r, view, out);
	jm_buffer_puts(out, "\n");
	return rc;
}

static void add_state(struct jm_cells *cells, const struct jm_row *row)
{
	jm_cells_add(cells, "%s%s",
		     row->channel < 0    ? "unavailable"
		     : row->is_estimated ? "estimated"
					 : "measured",
		     row->resolvable ? "" : ", not resolvable");
}

/* Which columns there is something for. */
struct shown {
	bool has_iterations, has_type, has_absolute;
};

/* What tells one row from another stands first in every table. */
static void add_head(struct jm_cells *cells, const struct jm_row *row, const struct shown *shown)
{
	double scale = jm_report_per_unit(row, shown->has_iterations);
	char energy[32], ci[64], absolute[64], time[32];

	jm_report_four_digits(row->energy_j * scale, energy, sizeof(energy));
	jm_report_bounds(row->energy_ci_j, scale, ci, sizeof(ci));
	jm_report_bounds(row->energy_absolute_ci_j, scale, absolute, sizeof(absolute));
	jm_report_four_digits(row->latency_ms, time, sizeof(time));
	jm_cells_add(cells, "%s", row->name);
	if (shown->has_type)
		jm_cells_add(cells, "%s", row->type);
	jm_cells_add(cells, "%llu", (unsigned long long)row->count);
	jm_cells_add(cells, "%s", time);
	jm_cells_add(cells, "%s", energy);
	jm_cells_add(cells, "%s", ci);
	if (shown->has_absolute)
		jm_cells_add(cells, "%s", absolute);
}

static void add_row(struct jm_cells *cells, const struct jm_row *row, const struct shown *shown)
{
	char item[32], power[32], share[32];

	jm_report_four_digits(row->energy_per_item_mj, item, sizeof(item));
	jm_report_plain(row->mean_power_w, 2, power, sizeof(power));
	jm_report_plain(row->share * 100, 1, share, sizeof(share));
	add_head(cells, row, shown);
	jm_cells_add(cells, "%s", item);
	jm_cells_add(cells, "%s", power);
	jm_cells_add(cells, "%s", share);
	add_state(cells, row);
}

static void add_work_row(struct jm_cells *cells, const struct jm_row *row, const struct shown *shown)
{
	char macs[32], by_mac[32], by_joule[32], by_byte[32];

	jm_report_four_digits(row->work.is_known ? row->work.macs / 1e6 : NAN, macs, sizeof(macs));
	jm_report_four_digits(jm_row_mj_per_mmac(row), by_mac, sizeof(by_mac));
	jm_report_four_digits(jm_row_gflop_per_j(row), by_joule, sizeof(by_joule));
	jm_report_four_digits(jm_row_flop_per_byte(row), by_byte, sizeof(by_byte));
	add_head(cells, row, shown);
	jm_cells_add(cells, "%s", macs);
	jm_cells_add(cells, "%s", by_mac);
	jm_cells_add(cells, "%s", by_joule);
	jm_cells_add(cells, "%s", by_byte);
	add_state(cells, row);
}

#define NOTES_MAX       3
#define TYPE_COLUMN     1
#define ABSOLUTE_COLUMN 6 /* after the interval */

/* The reasons of rows without a figure, each once. */
static void row_reasons(const struct jm_row *const *rows, size_t n, int width, struct jm_buffer *out)
{
	size_t from = out->n, n_notes = 0, i, k;

	for (i = 0; i < n; i++) {
		for (k = 0; k < i && strcmp(rows[k]->reason, rows[i]->reason) != 0; k++)
			;
		if (!rows[i]->reason[0] || k < i || n_notes++ >= NOTES_MAX)
			continue;
		jm_display_line(out, "  note: %s: %s", rows[i]->name, rows[i]->reason);
	}
	if (n_notes > NOTES_MAX)
		jm_display_line(out, "  note: and %zu more reasons like these: --format csv gives each row's",
				n_notes - NOTES_MAX);
	jm_display_wrap(out, from, width, JM_DISPLAY_HANG);
}

/* The accuracy class of most sensors is not known: then there is no column for it. */
static bool is_absolute_known(const struct jm_row *const *rows, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (isfinite(rows[i]->energy_absolute_ci_j.low) && !rows[i]->is_estimated)
			return true;
	return false;
}

/* Rows of types are their types, and kernels have none. */
static bool is_typed(const struct jm_row *const *rows, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (rows[i]->type && rows[i]->type[0] && strcmp(rows[i]->type, rows[i]->name) != 0)
			return true;
	return false;
}

/* Which columns a narrow terminal does without: the highest first. */
static const unsigned char *spare(bool with_work, bool has_absolute)
{
	static const unsigned char ranks[2][2][12] = {
	    {{0, 4, 5, 0, 0, 1, 7, 3, 2, 0}, {0, 4, 5, 0, 0, 1, 6, 7, 3, 2, 0}},
	    {{0, 2, 4, 0, 0, 1, 3, 0, 6, 7, 0}, {0, 2, 4, 0, 0, 1, 5, 3, 0, 6, 7, 0}}};

	return ranks[with_work][has_absolute];
}

static int table_of(const struct jm_result *r, const struct jm_view *view, int channel,
		    const struct jm_row *const *rows, size_t n, size_t n_all, struct jm_buffer *out)
{
	static const char *const head[] = {"name",     "type",    "count", "ms each", "mJ/iteration",
					   "interval", "mJ/item", "W",     "share %", "state"};
	static const char *const work_head[] = {"name",         "type",      "count",     "ms each",
						"mJ/iteration", "interval",  "MMAC each", "mJ/MMAC",
						"GFLOP/J",      "FLOP/byte", "state"};
	const struct shown shown = {r->run.iterations > 0, is_typed(rows, n), is_absolute_known(rows, n)};
	size_t i, n_head = view->with_work ? 11 : 10;
	struct jm_cells cells = {.n_columns = n_head + shown.has_absolute, .is_left = {true, shown.has_type}};
	int rc;

	memcpy(cells.spare, spare(view->with_work, shown.has_absolute), cells.n_columns);
	if (!shown.has_type)
		memmove(&cells.spare[1], &cells.spare[2], --cells.n_columns - 1);
	if (channel >= 0)
		jm_report_heading(out, view->is_colour, "on %s", r->channels[channel].channel->name);
	cells.is_left[cells.n_columns - 1] = true;
	for (i = 0; i < n_head; i++) {
		if (i == ABSOLUTE_COLUMN && shown.has_absolute)
			jm_cells_add(&cells, "absolute");
		if (i == TYPE_COLUMN && !shown.has_type)
			continue;
		jm_cells_add(&cells, "%s",
			     i == 0 && view->by == JM_BY_TYPE ? "type"
			     : i == 4 && !shown.has_iterations ? "mJ each"
			     : view->with_work                 ? work_head[i]
							       : head[i]);
	}
	for (i = 0; i < n; i++)
		(view->with_work ? add_work_row : add_row)(&cells, rows[i], &shown);
	rc = jm_cells_print(&cells, 0, view->width, view->is_colour, out);
	if (n < n_all)
		jm_display_line(out, "  ... and %zu more: --limit all shows them", n_all - n);
	row_reasons(rows, n, view->width, out);
	jm_buffer_puts(out, "\n");
	return rc;
}

/* Layers that only their sum is known of, where there are any: their joules are in the sum check, too. */
static int groups_of(const struct jm_result *r, const struct jm_view *view, int channel, struct jm_buffer *out)
{
	struct jm_view groups = *view;
	const struct jm_row **rows;
	size_t n, n_all;
	int rc = 0;

	groups.by = JM_BY_GROUP;
	rows = jm_view_sorted(r, &groups, channel, &n, &n_all);
	if (!rows)
		return JM_E_NOMEM;
	if (n) {
		jm_buffer_puts(out, "layers whose sum alone is known, ");
		rc = table_of(r, &groups, channel, rows, n, n_all, out);
	}
	free((void *)rows);
	return rc;
}

/* One table a channel: the counted ones, and -1, rows without any. */
static int tables(const struct jm_result *r, const struct jm_view *view, struct jm_buffer *out)
{
	int channel, rc = 0;

	if (view->by == JM_BY_LAYER && r->n_layers == 0 && r->n_groups == 0)
		jm_display_line(out, "no layers were recorded%s", r->n_processes ? ": --by process" : "");
	for (channel = -1; channel < (int)r->n_channels && rc == 0; channel++) {
		size_t n, n_all;
		const struct jm_row **rows;

		if (channel >= 0 && !jm_result_is_outermost(r, &r->channels[channel]))
			continue;
		rows = jm_view_sorted(r, view, channel, &n, &n_all);
		if (!rows)
			return JM_E_NOMEM;
		if (n)
			rc = table_of(r, view, channel, rows, n, n_all, out);
		free((void *)rows);
		if (rc == 0 && n && view->by == JM_BY_LAYER)
			rc = groups_of(r, view, channel, out);
	}
	return rc;
}

static void sums(const struct jm_result *r, struct jm_buffer *out)
{
	size_t i;

	for (i = 0; i < r->n_closure; i++) {
		const struct jm_closure *c = &r->closure[i];
		const struct jm_channel *channel = r->channels[c->channel].channel;

		if (!jm_result_is_outermost(r, &r->channels[c->channel]) || !isfinite(c->total_j))
			continue;
		jm_display_text(out,
				"sum check   %s: %.4f J = parts %.4f + between iterations %.4f + unattributed %.4f + "
				"residual %.2g",
				channel->name, c->total_j, c->parts_j, c->idle_j, c->unattributed_j, c->residual_j);
		if (c->gap_s >= 0.0005)
			jm_display_text(out, "; %.3f s without readings are in no sum", c->gap_s);
		jm_buffer_puts(out, "\n");
	}
}

/* What the intervals are relative to. Below the sums, since it holds for all figures above them. */
static void accuracy(const struct jm_result *r, struct jm_buffer *out)
{
	char relative[64], absolute[64], offset[32] = "";
	size_t i;

	for (i = 0; i < r->n_channels; i++) {
		const struct jm_channel_result *c = &r->channels[i];
		const struct jm_channel *channel = c->channel;

		if (!is_energy(c) || channel->same_as >= 0 || channel->state != JM_STATE_MEASURED ||
		    !isfinite(c->energy_ci_j.low) || !jm_result_is_outermost(r, c))
			continue;
		jm_report_bounds(c->energy_ci_j, 1, relative, sizeof(relative));
		jm_report_bounds(c->energy_absolute_ci_j, 1, absolute, sizeof(absolute));
		jm_display_line(out, "relative    %s: %s J, relative to the sensor: quantum, edges and noise",
				channel->name, relative);
		if (channel->accuracy_fraction < 0) {
			jm_display_line(out, "absolute    %s: unknown, since the accuracy class of this sensor is",
					channel->name);
			continue;
		}
		if (channel->accuracy_offset_w > 0)
			snprintf(offset, sizeof(offset), " and %.3g W", channel->accuracy_offset_w);
		jm_display_line(out, "absolute    %s: %s J, with the sensor's class of %.3g %%%s", channel->name,
				absolute, 100 * channel->accuracy_fraction, offset);
		offset[0] = '\0';
	}
}

static void own_cost(const struct jm_result *r, struct jm_buffer *out)
{
	jm_buffer_puts(out, "own cost    ");
	jm_own_cost_text(&r->own_cost, out);
	jm_buffer_puts(out, "\n");
}

int jm_report_table(const struct jm_result *r, const struct jm_view *view, bool is_summary, struct jm_buffer *out,
		    struct jm_error *err)
{
	bool is_process = view->by == JM_BY_PROCESS || view->by == JM_BY_CONTAINER;
	size_t from;
	int rc;

	warnings(r, view, out);
	rc = sensors(r, view, out);
	from = out->n;
	jm_report_devices(r, out);
	jm_display_wrap(out, from, view->width, JM_DISPLAY_HANG);
	jm_report_run(r, view, out);
	if (rc == 0 && !is_summary && is_process)
		rc = jm_report_processes(r, view, out);
	else if (rc == 0 && !is_summary)
		rc = tables(r, view, out);
	from = out->n;
	if (is_process)
		jm_report_process_sums(r, out);
	else
		sums(r, out);
	accuracy(r, out);
	jm_report_tariff(r, view, out);
	own_cost(r, out);
	jm_display_wrap(out, from, view->width, JM_DISPLAY_HANG);
	if (rc == 0 && out->is_failed)
		rc = JM_E_NOMEM;
	return rc ? jm_error_set(err, rc, "out of memory for the report") : 0;
}
