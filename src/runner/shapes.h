/* The shapes inside a model, seen by running it once. */
#ifndef RUNNER_SHAPES_H
#define RUNNER_SHAPES_H

#include "model/infer.h"
#include "runner/input.h"

/* Settles the shapes of a model's inputs as a run would. inputs: n_out entries of names borrowed from model; free(). why: what
 * is left open, and the option that gives it. Errors: JM_E_INVALID, as jm_inputs_make; JM_E_NOMEM. */
struct jm_model;
int jm_runner_input_shapes(const struct jm_model *model, const struct jm_input_options *options,
			   struct jm_infer_input **inputs, size_t *n_out, struct jm_error *why);

/* Runs the model once, with the named values as further outputs, and tells their shapes. bytes: the model; path: where it lies,
 * for external data. Costs the memory of those values. Errors: those of jm_ort_open, jm_ort_session_create, jm_inputs_make. */
int jm_runner_shapes(const char *path, const void *bytes, size_t n, const struct jm_ort_search *search,
		     const struct jm_input_options *input, const char *const *names, size_t n_names, jm_infer_fn tell,
		     void *ctx, struct jm_error *err);

#endif
