/* The data set of a run: its first batch is what is measured, all of it is scored afterwards. */
#ifndef SESSION_RUN_SCORE_H
#define SESSION_RUN_SCORE_H

#include "runner/evaluate.h"

#define JM_RUN_SHAPES_MAX 64

struct jm_run_data {
	struct jm_data_set set;
	bool is_given;
	const char *shapes[JM_RUN_SHAPES_MAX]; /* those of the options, and those of the data */
	size_t n_shapes, n_own;
	char *own[JM_RUN_SHAPES_MAX];
};

/* Loads what the options name and adds its shapes, with the batch of the options, of the model, or 1. out: jm_run_data_finish, also after
 * errors. Errors: those of jm_data_set_load; JM_E_INVALID. */
int jm_run_data_load(const struct jm_run_options *options, struct jm_run_data *out, struct jm_error *err);
void jm_run_data_finish(struct jm_run_data *d);

/* Scores, where there are labels or a metric, and keeps the outcome with the recording (docs/recording-format.md). An answer that cannot be
 * scored is kept as the reason, and told to warn. Errors: those of the model's calls and of meta. */
int jm_run_score(struct jm_runner *runner, const struct jm_run_options *options, const struct jm_run_data *data,
		 struct jm_recorder *recorder, struct jm_error *err);

#endif
