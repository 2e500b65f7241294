/* What a lag that nobody can know does to the powers. Inside attribution/ only. */
#ifndef ATTRIBUTION_CONSIDER_H
#define ATTRIBUTION_CONSIDER_H

#include "attribution/fit.h"
#include "attribution/series.h"

/* Gives how far the updates of a channel may lie from where they are put, all together and for long, sd in s; 0 where they are
 * seen. A counter that is read about once an update shows that it changed since it was read last, and not when: its phase
 * against the readings drifts so slowly that the errors of neighbours do not average out. */
double jm_consider_edge_s(const struct jm_series *s, const struct jm_channel *channel);

/* Adds to the covariance of fit what the powers change by where the lag is held sd_s higher and lower: the readings are fitted at
 * one lag for all, which does not exist (Schmidt's consider parameters). Errors: JM_E_NOMEM. */
int jm_consider_lag(const struct jm_fit_input *in, double sd_s, struct jm_fit *fit, struct jm_error *err);

#endif
