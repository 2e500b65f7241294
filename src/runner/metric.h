/* Scores outputs as they come. */
#ifndef RUNNER_METRIC_H
#define RUNNER_METRIC_H

#include "runner/evaluate.h"

#include <stdio.h>

struct jm_metric {
	const struct jm_data_set *d;
	const char *command;       /* NULL: accuracy or perplexity */
	struct jm_evaluation *out; /* borrowed */
	double sum, n_tokens;
	char folder[512]; /* of outputs.npy, for the command; empty: none */
	FILE *outputs;
	int64_t item_dims[JM_NPY_DIMS_MAX];
	size_t n_item_dims;
};

/* All of one evaluation; finish in any case. */
int jm_metric_begin(struct jm_metric *m, const struct jm_data_set *d, const char *command, struct jm_evaluation *out,
		    struct jm_error *err);
/* Takes the answers to items [first, first + n) from the first n rows of t. */
int jm_metric_add(struct jm_metric *m, const struct jm_ort_tensor *t, uint64_t first, uint64_t n, struct jm_error *err);
int jm_metric_end(struct jm_metric *m, struct jm_error *err);
void jm_metric_finish(struct jm_metric *m);

/* Gives element i of a tensor as a number; NAN for types that are none. */
double jm_metric_element(const struct jm_ort_tensor *t, uint64_t i);

#endif
