/* Blocks of layers run alone: what they say of the layers, and what their edges say of the sensor. Inside attribution/ only. */
#ifndef ATTRIBUTION_ISOLATE_H
#define ATTRIBUTION_ISOLATE_H

#include "attribution/work.h"

/* What is known of layers run alone. All arrays: n_layers of the work. */
struct jm_isolated {
	double *power_w; /* level; NAN: neither it nor an identical layer was run alone, or no reading inside */
	double *sd_w;    /* sd of the level: spread between its blocks, passes, quantum; NAN where nothing tells it */
	double *call_s;  /* length of one call alone; NAN: unknown */
	double
	    *settle_w; /* level at the end of a block less that at its start, W, mean over its blocks; NAN: unknown */
	double *settle_sd_w; /* sd of that */
	double *n_blocks;    /* of its own; 0 with a level: that of identical layers */
	size_t n_known;      /* layers that ran alone themselves */
	double block_sd;     /* sd of one block about its layer's level and its pass, a fraction; NAN: unknown */
	double shared_sd;    /* of sd_w: the part that all layers share (the passes' mean), a fraction of the level */
};

/* r: the sensor's response, for leaving out what a block's start mixes in. Errors: JM_E_NOMEM. */
int jm_isolated_init(struct jm_isolated *out, const struct jm_work *w, size_t c, const struct jm_response *r,
		     struct jm_error *err);
void jm_isolated_finish(struct jm_isolated *i);

/* Finds the response of channel c (family UNKNOWN in known: all of it, else its lag) from the edges of the blocks, which are
 * absolute: a block holds one level for much longer than the sensor remembers. Errors: JM_E_UNIDENTIFIABLE: too few blocks
 * or readings, or the edges do not show; JM_E_NOMEM. */
int jm_isolated_anchor(const struct jm_work *w, size_t c, const struct jm_response *known, struct jm_response *out);

#endif
