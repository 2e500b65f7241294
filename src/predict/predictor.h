/* Learns power and runtime of layers from training data, and predicts them. A predictor holds both approaches for every kind of
 * layer and target that the data suffice for.
 *
 * Every split is by network, never by row: rows of one network resemble each other, and a split by row would test on what was
 * learnt. Precisions and copies of a network are that network (groups.h). Penalties are chosen inside the training part.
 * Intervals come from predictions of networks that were left out. */
#ifndef PREDICT_PREDICTOR_H
#define PREDICT_PREDICTOR_H

#include "dataset/dataset.h"
#include "predict/terms.h"

/* Fewer left-out figures than these bound nothing that is worth saying: Student's interval of two spans orders of magnitude. */
#define JM_INTERVAL_MIN 5

/* One regression: sum = intercept + sum of w (term - mean) / sd. Polynomial: target = sum. Roofline: target = physical exp(sum). */
struct jm_regression {
	bool is_there;
	size_t n_terms;
	double *mean, *sd, *w; /* n_terms each; one block, at mean */
	double intercept;
	double physical[3];     /* roofline: time = [0] + [1] FLOPs + [2] bytes */
	/* Of the roofline: between which the sum is kept, and the columns, FLOPs and bytes that it was learnt from: beyond them it stays what it
	 * is at the edge, and what the work says goes on. NAN low: of an earlier version, whose sum is the target's logarithm. */
	double correction_low, correction_high;
	double seen_low[JM_FEATURES_MAX + 2], seen_high[JM_FEATURES_MAX + 2];
	double lowest, highest; /* of the target in training: no prediction leaves ten times this range */
	/* Of log(predicted / true) of networks left out: where 95 % of them lie. NAN: less than JM_INTERVAL_MIN layers. */
	double log_low, log_high;
	uint64_t n_rows, n_networks;
};

struct jm_kind_model {
	double lowest[JM_FEATURES_MAX + 2],
	    highest[JM_FEATURES_MAX + 2]; /* columns, then FLOPs and bytes, seen in training */
	struct jm_regression regressions[JM_TARGETS][JM_APPROACHES];
};

struct jm_predictor {
	struct jm_kind_model kinds[JM_LAYER_KINDS];
	/* Of log(predicted / true) of the summed runtime and energy of networks left out; NAN: less than
	 * JM_INTERVAL_MIN. */
	double network_log_low[JM_APPROACHES], network_log_high[JM_APPROACHES];
	double energy_log_low[JM_APPROACHES], energy_log_high[JM_APPROACHES];
	double power_highest;        /* W above idle that any layer drew; NAN: not known */
	char device[256];            /* of the training data; empty: not known; "several" */
	uint64_t n_rows, n_networks; /* networks: those that are one count once (predict/groups.h) */
};

struct jm_predictor_options {
	size_t n_alphas; /* strengths of the penalty tried; 0: 100 */
};

/* Fits. Rows are sorted first. Errors: JM_E_INVALID (no row with a runtime), JM_E_NOMEM. Finish out. */
int jm_predictor_fit(struct jm_dataset *d, const struct jm_predictor_options *options, struct jm_predictor *out,
		     struct jm_error *err);
void jm_predictor_finish(struct jm_predictor *p);

struct jm_guess {
	double value, low, high; /* NAN: unknown */
};

struct jm_layer_guess {
	struct jm_guess runtime_ms, power_w, energy_mj;
	/* Why a figure is unknown, what lies outside of the training range, what was kept within what the device can do; empty: none. */
	char reason[256];
	bool is_outside;
};

void jm_predictor_guess(const struct jm_predictor *p, enum jm_approach approach, const struct jm_features *f,
			struct jm_layer_guess *out);

/* Writes it as JSON, "joulemap-predictor/2", and reads that, or "/1". Errors of writing: those of jm_file_write. Errors of reading:
 * JM_E_FORMAT with the place, JM_E_VERSION, JM_E_NOT_FOUND. */
int jm_predictor_save(const struct jm_predictor *p, const char *path, bool is_forced, struct jm_error *err);
int jm_predictor_load(const char *path, struct jm_predictor *out, struct jm_error *err);
/* The same from n bytes in memory; path: for messages. */
int jm_predictor_read(const char *path, const char *data, size_t n, struct jm_predictor *out, struct jm_error *err);

#endif
