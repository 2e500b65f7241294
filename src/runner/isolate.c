#define _GNU_SOURCE
#include "runner/isolate.h"

#include "core/error.h"
#include "core/text.h"
#include "core/units.h"
#include "runner/isolate_internal.h"
#include "core/random.h"
#include "runner/rewrite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WARMUP    2 /* calls before a block: the first ones allocate */
#define WARMUP_NS (20 * JM_NS_PER_MS)
#define CALLS_MAX (UINT32_MAX - 1)
#define TRACK     0

static int64_t now(const struct jm_isolation *is)
{
	return jm_env_now(is->r->env);
}

static bool is_cancelled(const struct jm_isolation *is)
{
	return is->out->cancel && atomic_load_explicit(is->out->cancel, memory_order_relaxed);
}

static int put(struct jm_isolation *is, const struct jm_span *span)
{
	int rc = is->out->spans.write(is->out->spans.ctx, span, 1);

	return rc ? jm_error_set(is->err, rc, "the spans cannot be kept: %s", jm_error_text(rc)) : 0;
}

/* Calls the layer until the block is over. */
static int loop(struct jm_isolation *is, struct jm_ort_session *s, struct jm_span *span, struct jm_error *why)
{
	int64_t wanted_ns =
	    JM_ISOLATE_BLOCK_LOW_NS +
	    (int64_t)(jm_random_fraction(&is->random) * (double)(JM_ISOLATE_BLOCK_HIGH_NS - JM_ISOLATE_BLOCK_LOW_NS));
	int64_t warm_ns = now(is);
	uint32_t n = 0;
	int rc = 0, i;

	for (i = 0; i < WARMUP && rc == 0 && (i == 0 || now(is) - warm_ns < WARMUP_NS); i++)
		rc = jm_ort_session_run(s, why);
	span->start_ns = span->end_ns = now(is);
	while (rc == 0 && n < CALLS_MAX && span->end_ns - span->start_ns < wanted_ns && !is_cancelled(is)) {
		rc = jm_ort_session_run(s, why);
		span->end_ns = now(is);
		n += rc == 0;
	}
	span->iteration = n;
	return rc;
}

static int run_block(struct jm_isolation *is, struct jm_isolated_layer *layer)
{
	struct jm_span span = {
	    .name = layer->from->index, .track = TRACK, .kind = JM_SPAN_LAYER, .flags = JM_SPAN_ISOLATED};
	struct jm_ort_session *s = NULL;
	struct jm_error why = {0};
	int rc = jm_isolation_open(is, layer, &s, &why);

	rc = rc ? rc : loop(is, s, &span, &why);
	jm_ort_session_destroy(s);
	if (rc == JM_E_NOMEM)
		return jm_error_set(is->err, rc, "%s", why.message);
	if (rc) {
		jm_isolation_skip(is, layer, why.message);
		return 0;
	}
	if (span.iteration == 0)
		return 0;
	is->n_blocks++;
	return put(is, &span);
}

static void shuffle(struct jm_isolation *is, size_t *order, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		order[i] = i;
	for (i = n; i > 1; i--) {
		size_t j = (size_t)(jm_random_next(&is->random) % i), kept = order[i - 1];

		order[i - 1] = order[j];
		order[j] = kept;
	}
}

static void show(struct jm_isolation *is)
{
	struct jm_runner_progress p = {.phase = "isolated", .done = is->n_blocks, .latency_ns = 0};

	p.total = is->n_usable * is->r->options.isolate_passes;
	p.fraction = p.total > p.done ? (double)p.done / (double)p.total : 1;
	if (is->out->progress)
		is->out->progress(is->out->ctx, &p);
}

/* Gives JM_E_CANCELLED, or 0 also when the budget ended it. */
static int run_passes(struct jm_isolation *is, bool *is_cut_short)
{
	size_t *order = calloc(is->n_layers + 1, sizeof(*order)), i;
	uint64_t pass;
	int rc = order ? 0 : jm_error_set(is->err, JM_E_NOMEM, "no memory");

	for (pass = 0; pass < is->r->options.isolate_passes && rc == 0 && !*is_cut_short; pass++) {
		shuffle(is, order, is->n_layers);
		for (i = 0; i < is->n_layers && rc == 0 && !*is_cut_short; i++) {
			struct jm_isolated_layer *layer = &is->layers[order[i]];

			if (layer->is_left_out)
				continue;
			*is_cut_short = now(is) - is->start_ns + jm_isolation_cost_ns(layer->from) > is->budget_ns;
			if (*is_cut_short)
				break;
			show(is);
			rc = is_cancelled(is) ? JM_E_CANCELLED : run_block(is, layer);
		}
	}
	free(order);
	return rc;
}

static int run_phase(struct jm_isolation *is, bool *is_cut_short)
{
	struct jm_span phase = {
	    .track = TRACK, .iteration = JM_NO_ITERATION, .kind = JM_SPAN_PHASE, .flags = JM_SPAN_ISOLATED};
	const struct jm_span_sink *sink = &is->out->spans;
	int rc = sink->name(sink->ctx, "isolated", strlen("isolated"), NULL, 0, &phase.name), put_rc;

	if (rc)
		return jm_error_set(is->err, rc, "the spans cannot be kept: %s", jm_error_text(rc));
	phase.start_ns = now(is);
	rc = run_passes(is, is_cut_short);
	phase.end_ns = now(is);
	put_rc = is->n_blocks ? put(is, &phase) : 0;
	return rc ? rc : put_rc;
}

static void warn(const struct jm_isolation *is, const char *text)
{
	if (is->out->warn)
		is->out->warn(is->out->ctx, text);
}

static void warn_of_skipped(const struct jm_isolation *is)
{
	struct jm_buffer b = {0};
	const char *text;
	size_t i;

	if (is->n_skipped == 0)
		return;
	jm_buffer_printf(&b, "%llu layers could not be run alone:", (unsigned long long)is->n_skipped);
	for (i = 0; i < JM_ISOLATE_REASONS && is->reasons[i].n; i++)
		jm_buffer_printf(&b, "%s %s (%llu)", i ? ";" : "", is->reasons[i].text,
				 (unsigned long long)is->reasons[i].n);
	text = jm_buffer_terminate(&b);
	if (text)
		warn(is, text);
	jm_buffer_finish(&b);
}

/* Gives the part of the layers' time that belongs to those run alone, 0 to 1. */
static double fraction_done(const struct jm_isolation *is)
{
	double all = 0, done = 0;
	size_t i;

	for (i = 0; i < is->tally->n; i++)
		all += (double)is->tally->layers[i].total_ns;
	for (i = 0; i < is->n_layers; i++)
		if (!is->layers[i].is_left_out)
			done += (double)is->layers[i].from->total_ns;
	return all > 0 && is->n_blocks ? done / all : 0;
}

static int say(const struct jm_isolation *is, const char *key, double value)
{
	char text[32];

	if (!is->out->meta)
		return 0;
	snprintf(text, sizeof(text), "%.9g", value);
	return is->out->meta(is->out->ctx, key, text);
}

static int conclude(const struct jm_isolation *is, bool is_cut_short)
{
	double seconds = jm_s_from_ns(now(is) - is->start_ns), fraction = fraction_done(is);
	size_t n_done = is->n_blocks ? is->n_usable : 0;
	char line[256];
	int rc = say(is, "isolate_layers", (double)n_done);

	rc = rc ? rc : say(is, "isolate_skipped", (double)is->n_skipped);
	rc = rc ? rc : say(is, "isolate_over_budget", (double)is->n_over_budget);
	rc = rc ? rc : say(is, "isolate_blocks", (double)is->n_blocks);
	rc = rc ? rc : say(is, "isolate_s", seconds);
	rc = rc ? rc : say(is, "isolate_fraction", fraction);
	if (rc == 0 && is->out->meta)
		rc = is->out->meta(is->out->ctx, "isolate_rewriting", jm_runner_level_text(is->r->rewritten_level));
	warn_of_skipped(is);
	if (is->n_over_budget || is_cut_short) {
		snprintf(
		    line, sizeof(line),
		    "the time for layers run alone (%.3g s) ended %s: %llu short layers were left out; give more with "
		    "--isolate-budget, or take fewer --isolate-passes",
		    jm_s_from_ns(is->budget_ns),
		    is_cut_short ? "before the last pass was over" : "before all layers had theirs",
		    (unsigned long long)is->n_over_budget);
		warn(is, line);
	}
	snprintf(line, sizeof(line), "%zu layers were run alone, %.1f %% of the layers' time, in %llu blocks: %.1f s",
		 n_done, 100 * fraction, (unsigned long long)is->n_blocks, seconds);
	if (is->out->tell)
		is->out->tell(is->out->ctx, line);
	return rc;
}

int jm_isolate_run(struct jm_runner *r, const struct jm_runner_output *out, struct jm_tally *tally,
		   struct jm_error *err)
{
	struct jm_isolation is = {
	    .r = r, .out = out, .tally = tally, .err = err, .budget_ns = r->options.isolate_budget_ns};
	bool is_cut_short = false;
	int rc, end_rc;

	if (!r->rewritten) {
		if (out->warn)
			out->warn(out->ctx, r->rewrite_reason);
		return 0;
	}
	is.start_ns = now(&is);
	/* Another stream than those of the inputs and of the rests, which have the same seed. */
	is.random = r->options.input.seed ^ UINT64_C(0x150a7ed150a7ed15);
	rc = jm_isolation_prepare(&is);
	if (rc == 0 && is.n_usable)
		rc = run_phase(&is, &is_cut_short);
	end_rc = conclude(&is, is_cut_short);
	jm_isolation_finish(&is);
	if (rc == JM_E_CANCELLED)
		return jm_error_set(err, rc, "stopped while layers were run alone");
	return rc ? rc : end_rc ? jm_error_set(err, end_rc, "the facts of isolated layers cannot be kept") : 0;
}
