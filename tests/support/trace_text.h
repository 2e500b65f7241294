/* Takes what a trace writer gives; counts the pieces, which must stay small. */
#ifndef TESTS_SUPPORT_TRACE_TEXT_H
#define TESTS_SUPPORT_TRACE_TEXT_H

#include "export/export.h"

#define TRACE_START INT64_C(9007199254740993) /* 2^53 + 1: a double would lose its last nanosecond */

struct trace_text {
	struct jm_buffer all;
	size_t n_pieces, longest;
	bool is_stopping; /* take no more */
};

static inline int trace_text_take(void *ctx, const char *text, size_t n)
{
	struct trace_text *t = ctx;

	if (t->is_stopping)
		return 1;
	jm_buffer_append(&t->all, text, n);
	t->n_pieces++;
	t->longest = n > t->longest ? n : t->longest;
	return 0;
}

#define TRACE_HOSTILE "a\"b\\c\n\xff\033[2J<script>"

/* One counter, and a layer of hostile name in an iteration; then one that overlaps it. */
static inline int trace_text_small(const struct jm_exporter *exporter, struct trace_text *out)
{
	const struct jm_trace_head head = {.process = "net \"x\".onnx",
					   .origin_ns = TRACE_START,
					   .has_wall_clock = true,
					   .wall_minus_monotonic_ns = 1000000000,
					   .identity = 7};
	const struct jm_trace_arg args[] = {{.key = "mean_energy_mj (c)", .number = 0.125},
					    {.key = "iteration", .number = 3, .is_whole = true},
					    {.key = "method", .text = TRACE_HOSTILE}};
	const struct jm_trace_slice slices[] = {
	    {TRACE_START + 1, TRACE_START + 1001, "iteration", "iteration", NULL, 0},
	    {TRACE_START + 1, TRACE_START + 501, TRACE_HOSTILE, "layer", args, 3},
	    {TRACE_START + 400, TRACE_START + 1500, "overlaps", "layer", args, 1}};
	const struct jm_trace_arg facts[] = {{.key = "model", .text = "net"}};
	struct jm_trace t;
	struct jm_trace_track counter;
	size_t i;

	jm_trace_begin(&t, exporter->trace, &head, trace_text_take, out);
	counter = jm_trace_counter(&t, "power c", "W");
	jm_trace_value(&t, &counter, TRACE_START, 12.5);
	jm_trace_value(&t, &counter, TRACE_START + 1234567, 0.1);
	jm_trace_thread(&t, "stream 7");
	for (i = 0; i < 3; i++)
		jm_trace_slice(&t, &slices[i]);
	return jm_trace_end(&t, facts, 1);
}

#endif
