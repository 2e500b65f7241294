/* The residual gate: whether what a fit leaves over is what sensor and load allow, or a model that does not hold. Inside
 * attribution/ only. */
#ifndef ATTRIBUTION_GATE_H
#define ATTRIBUTION_GATE_H

#include "attribution/estimate_input.h"

/* Sets expected_w, gate_w, phase_w, is_misfit, is_straying and straying of e, whose fit is done. isolated: NULL for passive regression.
 *
 *   expected^2 = noise^2 + (straying of updates * slope)^2 + (wobble * power)^2
 *
 * noise, straying: calibration or isolated blocks. wobble: 0.5 %, or by how much blocks of one layer differ, if that is more.
 * A misfit is a residual above max(1.5 expected, 5 % of the swing), or above 75 % of what one power for all layers leaves.
 *
 * Straying power (fused only): a residual that goes on from one iteration to the next (autocorrelation) and stays below a tenth
 * of the power. Layers that are misplaced, or a wrong response, leave a residual that depends on the phase within the iteration;
 * a power cap or clock that regulates leaves one that does not. So above the gate it is no misfit where the lag is anchored
 * and the part that depends on the phase (phase_w) is within the gate. A load that is coupled in a way that the model does not
 * have makes every figure as uncertain as it strays: its relative size is added to every interval.
 * Errors: JM_E_NOMEM. */
int jm_estimate_gate(const struct jm_work *w, const struct jm_response *r, const struct jm_isolated *isolated,
		     const struct jm_estimate_input *in, struct jm_estimate *e);

#endif
