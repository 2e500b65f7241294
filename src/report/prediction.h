/* Predictions and what was learnt, as text. */
#ifndef REPORT_PREDICTION_H
#define REPORT_PREDICTION_H

#include "core/text.h"
#include "predict/evaluate.h"
#include "predict/groups.h"

/* One layer of a network that was predicted. */
struct jm_predicted_layer {
	char *name, *type;
	bool is_known; /* its features are; else reason says why not */
	struct jm_features features;
	struct jm_layer_guess guess;
};

struct jm_predicted_network {
	const char *path, *predictor, *device;
	uint64_t n_networks;  /* that the predictor was learnt from */
	size_t n_shapes_seen; /* in one run of the model; 0: it was not run */
	bool is_open;         /* the model leaves sizes of its inputs open, and nobody gave them */
	enum jm_approach approach;
	struct jm_predicted_layer *layers;
	size_t n;
	size_t n_predicted, n_outside, n_folded;        /* folded: into the layer before, at no cost of their own */
	struct jm_guess runtime_ms, power_w, energy_mj; /* of what was predicted */
	char *const *notes;
	size_t n_notes;
};

struct jm_prediction_view {
	size_t limit; /* rows of the table; 0: all */
	bool is_colour;
	int width;
};

/* Append to out. Errors: JM_E_NOMEM. */
int jm_prediction_table(const struct jm_predicted_network *n, const struct jm_prediction_view *v,
			struct jm_buffer *out);
int jm_prediction_csv(const struct jm_predicted_network *n, struct jm_buffer *out);
int jm_prediction_json(const struct jm_predicted_network *n, struct jm_buffer *out);

struct jm_learnt {
	const struct jm_predictor *predictor;
	const struct jm_groups *groups;         /* of the data it was learnt from */
	const struct jm_validation *evaluation; /* NULL: nothing was evaluated */
	const char *path;                       /* of the predictor that was written, or NULL */
};

/* What was learnt. */
int jm_fit_table(const struct jm_learnt *l, const struct jm_prediction_view *v, struct jm_buffer *out);
int jm_fit_csv(const struct jm_learnt *l, struct jm_buffer *out);
int jm_fit_json(const struct jm_learnt *l, struct jm_buffer *out);

#endif
