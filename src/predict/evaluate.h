/* How wrong predictions are: each network is left out in turn, with its precisions and copies (predict/groups.h), everything is
 * learnt from the others, and it is predicted. */
#ifndef PREDICT_EVALUATE_H
#define PREDICT_EVALUATE_H

#include "predict/predictor.h"

/* Errors of one target, NAN where there is nothing to compare. RMSPE and MAPE as the historic metrics, in percent. */
struct jm_errors {
	uint64_t n;
	double rmspe, mape, median; /* of |predicted - true| / true, percent */
	double r2;
	double covered; /* share of true figures inside of their 95 % interval */
};

struct jm_network_errors {
	const char *name;             /* borrowed from the data */
	uint64_t n_layers, n_outside; /* outside: of the training range of the others */
	struct jm_errors layers[JM_TARGETS][JM_APPROACHES];
	/* Sums over the layers that were predicted: runtime in ms and energy in mJ; NAN: unknown. */
	double true_ms, predicted_ms[JM_APPROACHES];
	double true_mj, predicted_mj[JM_APPROACHES];
};

struct jm_validation {
	struct jm_network_errors *networks;
	size_t n_networks;
	size_t n_groups; /* of them: those that were left out together count once */
	struct jm_errors kinds[JM_LAYER_KINDS][JM_TARGETS][JM_APPROACHES];
	struct jm_errors all[JM_TARGETS][JM_APPROACHES];
	/* Of the networks' sums. */
	struct jm_errors runtime[JM_APPROACHES], energy[JM_APPROACHES];
};

/* Evaluates; d is sorted. Errors: JM_E_INVALID with fewer than two groups of networks; JM_E_NOMEM. Finish out. */
int jm_validate(struct jm_dataset *d, const struct jm_predictor_options *options, struct jm_validation *out,
		struct jm_error *err);
void jm_validation_finish(struct jm_validation *e);

#endif
