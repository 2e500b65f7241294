/* Folded stacks, from which flame graphs are drawn: a line "CHANNEL;TYPE;NAME MICROJOULES" a row, and what belongs to no row, so that the
 * whole is the channel's energy. Format: Brendan Gregg's FlameGraph (its README, "Fold stacks"); inferno and Speedscope read it, too. What
 * has no energy cannot be drawn; channels that are in others, or the same as others, would be drawn twice. */
#include "export/export.h"

#include "core/display.h"
#include "core/error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A frame's name holds all but what separates frames and lines. */
static void frame(struct jm_buffer *b, const char *text)
{
	char *copy = strdup(text), *c;

	if (!copy) {
		b->is_failed = true;
		return;
	}
	jm_display_neutralise(copy);
	for (c = copy; *c; c++)
		*c = *c == ';' ? ':' : *c;
	jm_buffer_puts(b, copy);
	free(copy);
}

/* type: NULL or empty: none. */
static void stack(struct jm_buffer *b, const struct jm_channel_result *c, const char *type, const char *name,
		  double energy_j)
{
	if (!(energy_j * 1e6 >= 0.5))
		return;
	frame(b, c->channel->name);
	if (c->channel->state == JM_STATE_ESTIMATED)
		jm_buffer_puts(b, " (estimated)");
	jm_buffer_puts(b, ";");
	if (type && *type) {
		frame(b, type);
		jm_buffer_puts(b, ";");
	}
	frame(b, name);
	jm_buffer_printf(b, " %.0f\n", energy_j * 1e6);
}

static int rows(const struct jm_result *r, const struct jm_view *view, int channel, struct jm_buffer *b)
{
	const struct jm_row **list;
	size_t n, i;

	if (view->by == JM_BY_CHANNEL)
		return 0;
	list = jm_view_sorted(r, view, channel, &n, NULL);
	if (!list)
		return JM_E_NOMEM;
	for (i = 0; i < n; i++)
		stack(b, &r->channels[channel], view->by == JM_BY_TYPE ? NULL : list[i]->type, list[i]->name,
		      list[i]->resolvable ? list[i]->energy_j : NAN);
	free((void *)list);
	return 0;
}

/* What is in no row. Channels alone are drawn whole. */
static void rest(const struct jm_result *r, const struct jm_view *view, int channel, struct jm_buffer *b)
{
	bool is_process = view->by == JM_BY_PROCESS || view->by == JM_BY_CONTAINER;
	const struct jm_closure *all = is_process ? r->process_closure : r->closure;
	size_t n = is_process ? r->n_process_closure : r->n_closure, i;
	const struct jm_channel_result *c = &r->channels[channel];

	if (view->by == JM_BY_CHANNEL)
		stack(b, c, NULL, "(all)", c->energy_j);
	for (i = 0; i < n && view->by != JM_BY_CHANNEL; i++) {
		if (all[i].channel != channel)
			continue;
		stack(b, c, NULL, is_process ? "(idle machine)" : "(between iterations)", all[i].idle_j);
		stack(b, c, NULL, "(unattributed)", all[i].unattributed_j);
	}
}

static int write(const struct jm_result *r, const struct jm_view *view, struct jm_buffer *out, struct jm_error *err)
{
	struct jm_view groups = *view;
	int channel, rc = 0;

	groups.by = JM_BY_GROUP;
	for (channel = 0; channel < (int)r->n_channels && rc == 0; channel++) {
		const struct jm_channel_result *c = &r->channels[channel];

		if (!isfinite(c->energy_j) || c->channel->same_as >= 0 || !jm_result_is_outermost(r, c))
			continue;
		rc = rows(r, view, channel, out);
		if (rc == 0 && view->by == JM_BY_LAYER)
			rc = rows(r, &groups, channel, out);
		rest(r, view, channel, out);
	}
	return rc ? jm_error_set(err, rc, "out of memory for the rows") : 0;
}

const struct jm_exporter jm_exporter_folded = {
    .name = "folded",
    .summary = "folded stacks, for flame graphs of energy",
    .write = write,
};
