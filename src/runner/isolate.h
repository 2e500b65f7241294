/* Runs single layers alone, in blocks long enough for a sensor, in random order.
 *
 * A layer in a loop has a power that even a slow sensor can read; what it draws among others differs by caches and clocks
 * (docs/active-measurement.md). Blocks of different layers alternate, so that heat and clocks, which drift slowly, meet all of
 * them alike. */
#ifndef RUNNER_ISOLATE_H
#define RUNNER_ISOLATE_H

#include "runner/runner_internal.h"
#include "runner/tally.h"

/* Cuts the layers of the tally out of r->rewritten, longest first, as many as fit into the budget, gives them the inputs that
 * they have in the whole model, and loops each for 150 to 220 ms in every pass. Spans: one LAYER, JM_SPAN_ISOLATED, per block,
 * iteration = calls in it; PHASE "isolated" around all. Meta: isolate_layers, isolate_skipped, isolate_blocks, isolate_s,
 * isolate_fraction (of the time of all layers), isolate_rewriting. Layers that cannot be run alone are counted in a warning, with
 * the reason. Errors: JM_E_CANCELLED, JM_E_NOMEM, those of the sink. tally: sorted by this. */
int jm_isolate_run(struct jm_runner *r, const struct jm_runner_output *out, struct jm_tally *tally,
		   struct jm_error *err);

#endif
