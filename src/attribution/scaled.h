/* fused where layers were timed in profiled blocks only: their place in the readings is not known, their sum is. Inside
 * attribution/ only. */
#ifndef ATTRIBUTION_SCALED_H
#define ATTRIBUTION_SCALED_H

#include "attribution/isolate.h"

/* Energies of layers, of what lies outside of them in an iteration (bare) and between iterations (idle), from
 *
 *   E_l    = P_l alone * t_l * (1 + common + class + own_l + a * d_l + b * g)
 *   E_bare = P_bare * (t_bare - b * g * sum of t_l),   E_idle = P_idle * t_idle
 *   E_1 + ... + E_n + E_bare + E_idle = energy of the channel in the measured windows
 *
 * The last line is a measurement, all others are what was known before, and the answer is what both together make likely.
 * sd: common 15 %, class 5 %, own 3 % and that of the level alone; P_bare 50 % about the mean power, P_idle as the sensor shows it (5 %) where
 * rests last two responses, else 30 % about the idle level, or half the mean power +-50 % where none is known; layers that were not run alone 40 % about the mean power.
 *
 * a and b say how the profiler distorts times, which is not known: t_l are the profiled times, all scaled alike to the unprofiled
 * latency. d_l is what t_l would change by, were the profiler's cost the same for every run of a layer instead (a: 0.5, sd 0.5: either
 * may be); g, were all of it between the layers (b: likewise). So a layer's interval is the wider the shorter it is against the profiler's cost.
 * The sum of all is as good as the sensor; the split rests on the blocks. Errors: JM_E_NOMEM. */
int jm_scaled_estimate(const struct jm_work *w, size_t c, const struct jm_isolated *isolated, struct jm_part *parts,
		       struct jm_levels *levels, struct jm_error *err);

/* How far a layer may be from where the layout puts it in an iteration, s: the same two models of the profiler. NAN: unknown. */
double jm_scaled_displacement(const struct jm_work *w);

#endif
