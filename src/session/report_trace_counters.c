/* The counters of a trace: power of every channel of energy or power, and whatever else was read, in its own unit. */
#include "session/report_trace.h"

#include "core/error.h"

#include <stdio.h>
#include <stdlib.h>

static const struct {
	enum jm_quantity quantity;
	const char *unit;
	double factor;
} others[] = {{JM_QUANTITY_TEMPERATURE, "degC", 1e-3}, {JM_QUANTITY_FREQUENCY, "MHz", 1e-6},
	      {JM_QUANTITY_UTILIZATION, "%", 1e-4},    {JM_QUANTITY_EVENT_BITS, "bits", 1},
	      {JM_QUANTITY_TIME, "s", 1e-9},           {JM_QUANTITY_LEVEL, "level", 1}};

/* Viewers hold a value until the next one, so the mean power of each piece stands at its beginning: where a viewer draws it
 * is where it held. */
static void write_power(struct jm_tracing *g, const struct jm_trace_channel *c)
{
	struct jm_trace_track track;
	char name[160];
	size_t i;

	snprintf(name, sizeof(name), "power %s%s", c->channel->name,
		 c->channel->state == JM_STATE_ESTIMATED ? " (estimated)" : "");
	track = jm_trace_counter(&g->trace, name, "W");
	for (i = 0; i < c->series.n_pieces && g->trace.rc == 0; i++) {
		const struct jm_piece *p = &c->series.pieces[i];

		jm_trace_value(&g->trace, &track, p->start_ns, 0.5 * (p->start_w + p->end_w));
	}
}

static void write_gap(struct jm_tracing *g, const struct jm_channel *c, int64_t start_ns, int64_t end_ns)
{
	struct jm_trace_slice slice = {
	    .start_ns = start_ns, .end_ns = end_ns, .name = "no readings", .category = "gap"};
	char name[160];

	if (!g->has_thread) {
		snprintf(name, sizeof(name), "gaps in %s", c->name);
		jm_trace_thread(&g->trace, name);
		g->has_thread = true;
	}
	jm_trace_slice(&g->trace, &slice);
}

/* A viewer would draw on through a time in which nothing was read: a slice says so. */
static void write_gaps(struct jm_tracing *g, const struct jm_trace_channel *c)
{
	size_t i;

	g->has_thread = false;
	for (i = 1; i < c->series.n_pieces && g->trace.rc == 0; i++)
		if (c->series.pieces[i].start_ns > c->series.pieces[i - 1].end_ns)
			write_gap(g, c->channel, c->series.pieces[i - 1].end_ns, c->series.pieces[i].start_ns);
	g->has_thread = false;
}

static void write_plain(struct jm_tracing *g, const struct jm_channel *c, const struct jm_sample *samples, size_t n)
{
	struct jm_trace_track track;
	size_t i, k;

	for (k = 0; k < sizeof(others) / sizeof(others[0]) && others[k].quantity != c->quantity; k++)
		;
	if (k == sizeof(others) / sizeof(others[0]))
		return;
	track = jm_trace_counter(&g->trace, c->name, others[k].unit);
	for (i = 0; i < n && g->trace.rc == 0; i++)
		if (samples[i].status == JM_SAMPLE_OK)
			jm_trace_value(&g->trace, &track, samples[i].t_ns, (double)samples[i].value * others[k].factor);
}

static int write_channel(struct jm_tracing *g, size_t i, struct jm_error *err)
{
	struct jm_trace_channel *c = &g->channels[i];
	struct jm_sample *samples;
	size_t n;
	int rc = jm_recording_samples(g->report->recording, (uint16_t)i, INT64_MIN, INT64_MAX, &samples, &n, err);

	if (rc)
		return rc;
	if (n == 0) {
		free(samples);
		return 0;
	}
	if (jm_channel_has_energy(c->channel)) {
		rc = jm_series_init(&c->series, c->channel, samples, n, 0, err);
		c->has_series = rc == 0;
		if (rc == 0)
			write_power(g, c);
	} else {
		write_plain(g, c->channel, samples, n);
	}
	free(samples);
	return rc ? rc : g->trace.rc;
}

int jm_tracing_counters(struct jm_tracing *g, struct jm_error *err)
{
	size_t i;
	int rc = 0;

	for (i = 0; i < g->n_channels && rc == 0; i++)
		if (jm_channel_has_energy(g->channels[i].channel))
			rc = write_channel(g, i, err);
	for (i = 0; i < g->n_channels && rc == 0; i++)
		if (!jm_channel_has_energy(g->channels[i].channel) &&
		    g->channels[i].channel->state != JM_STATE_UNAVAILABLE)
			rc = write_channel(g, i, err);
	for (i = 0; i < g->n_channels && rc == 0; i++)
		if (g->channels[i].has_series)
			write_gaps(g, &g->channels[i]);
	return rc;
}
