/* From spans and series to what the fit takes. Inside attribution/ only. */
#ifndef ATTRIBUTION_ESTIMATE_INPUT_H
#define ATTRIBUTION_ESTIMATE_INPUT_H

#include "attribution/estimate.h"

struct jm_estimate_input {
	struct jm_fit_input fit;
	struct jm_segment *segments;
	uint32_t *segment_group;
	struct jm_fit_region *regions;
	struct jm_model_reading *readings;
	double *temperature;
	double *prior_w, *layer_sd; /* per fitted layer */
	uint32_t *layer_class;
	uint32_t *fitted_of_layer; /* n_layers of work: ties make several share one */
	size_t n_fitted;           /* without the bare one */
	bool has_bare;             /* the last fitted layer is what lies outside of all layers */
	bool has_ties;
	int64_t origin_ns;
	int twin; /* channel whose readings are in the fit as well, below c's; -1: none */
	struct jm_fit_input twin_fit;
	uint32_t *twin_group;
	struct jm_model_reading *twin_readings;
};

/* isolated: prior of layers run alone; NULL: one flat prior. */
int jm_estimate_input_init(struct jm_estimate_input *out, const struct jm_work *w, size_t c,
			   const struct jm_response *r, const struct jm_isolated *isolated, struct jm_error *err);
/* Fits again with the readings of a channel that reads the same thing as c another way stacked below: a counter beside a
 * gauge or the other way round (two gauges, or two counters, read the same samples twice), its response known, and no longer
 * than layers can be told from. fit: of c alone; replaced where power hardly strays from one iteration to the next, else left
 * as it is. Errors: JM_E_NOMEM. */
int jm_estimate_input_stack(struct jm_estimate_input *in, const struct jm_work *w, size_t c, struct jm_fit *fit,
			    struct jm_error *err);
/* Gives the readings that look at measured windows only, times from the first window's start on. *out: free(). Errors:
 * JM_E_NOMEM. */
int jm_estimate_readings(const struct jm_work *w, size_t c, const struct jm_response *r, struct jm_model_reading **out,
			 size_t *n_out);
void jm_estimate_input_finish(struct jm_estimate_input *e);

#endif
