/* The model as ONNX Runtime rewrites it. Fused nodes exist only there, so layers can be cut out of nothing else. */
#ifndef RUNNER_REWRITE_H
#define RUNNER_REWRITE_H

#include "runner/runner_internal.h"

/* Has ONNX Runtime rewrite the model, as far as the outcome can still be loaded, and keeps it in r->rewritten: sessions are
 * made of it from then on, without further rewriting, so that the whole and the cuts have the same nodes. Where that fails the
 * model stays as it is and r->rewrite_reason says why. Errors: JM_E_NOMEM. */
int jm_runner_rewrite(struct jm_runner *r, struct jm_error *err);

/* Gives the word for a level of optimisation in recordings. */
const char *jm_runner_level_text(enum jm_ort_level level);

#endif
