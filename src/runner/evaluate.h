/* How good a model's answers are, over a data set: outside of all measured time. */
#ifndef RUNNER_EVALUATE_H
#define RUNNER_EVALUATE_H

#include "runner/npy.h"
#include "runner/runner.h"

/* All items of one input, first dimension: items. */
struct jm_items {
	const char *input; /* its name; NULL: the only input */
	struct jm_npy data;
};

struct jm_data_set {
	struct jm_items *inputs;
	size_t n_inputs;
	struct jm_npy
	    labels; /* [items] of classes, or [items, tokens] of a language model, where negative ones do not count */
	bool has_labels;
	uint64_t n_items;
	uint64_t hash;  /* of data and labels: tells data sets apart */
	char path[512]; /* of the first input's data */
	char labels_path[512];
};

/* Loads .npy files. data: n texts "FILE" or "NAME=FILE"; labels: NULL for none. out: jm_data_set_finish, also after errors.
 * Errors: those of jm_npy_load; JM_E_INVALID where they do not have the same number of items (err says both), there are none, or labels
 * are no integers of one or two dimensions. */
int jm_data_set_load(const char *const *data, size_t n, const char *labels, struct jm_data_set *out,
		     struct jm_error *err);
void jm_data_set_finish(struct jm_data_set *d);

/* Puts the first items into the runner's inputs, in place of what it generated. Errors: JM_E_INVALID where type or shape of the data is not
 * that of the input, or the input is not there. */
int jm_runner_give(struct jm_runner *r, const struct jm_data_set *d, struct jm_error *err);

struct jm_evaluation {
	char name[32];           /* "accuracy", "perplexity", or what the command calls it */
	double value;            /* NAN: reason says why there is none */
	uint64_t n_items, n_bad; /* n_bad: items whose outputs hold NaN or infinity */
	/* One an item: 1 right, 0 wrong; of a language model the sum of its tokens' negative log likelihoods times items / tokens that
	 * count, so that the mean is the log of the perplexity. NULL: none. */
	double *items;
	size_t n_values;
	uint64_t tokens_per_item; /* of a language model's labels; else 0 */
	char reason[256];
};

/* Runs the model over all items, a batch at a time (the last one filled up with its last item, whose answers do not count), and scores the
 * first output: accuracy where labels have one dimension, the output being scores [.., classes] or classes [..]; perplexity where they have
 * two, the output being logits [.., tokens, classes]. metric: a command instead, run by sh with the paths of outputs and labels (.npy) behind
 * it, whose first line is "VALUE" or "NAME VALUE"; NULL: none. out: jm_evaluation_finish.
 * Errors: those of the model's calls; JM_E_INVALID for labels that do not fit the output; JM_E_FORMAT, JM_E_IO of the command. */
int jm_runner_evaluate(struct jm_runner *r, const struct jm_data_set *d, const char *metric, struct jm_evaluation *out,
		       struct jm_error *err);
void jm_evaluation_finish(struct jm_evaluation *e);

#endif
