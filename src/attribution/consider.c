#include "attribution/consider.h"

#include "core/units.h"

#include <math.h>

#define SEEN_EDGE 0.25 /* of an update: half the time between readings, where a counter is read twice an update */

double jm_consider_edge_s(const struct jm_series *s, const struct jm_channel *channel)
{
	double update_s = jm_s_from_ns(s->period_ns);

	if (channel->update_period_ns > 0)
		update_s = fmin(update_s, jm_s_from_ns(channel->update_period_ns));
	return s->is_counter && s->edge_s > SEEN_EDGE * update_s ? s->edge_s / sqrt(3) : 0;
}

int jm_consider_lag(const struct jm_fit_input *in, double sd_s, struct jm_fit *fit, struct jm_error *err)
{
	struct jm_fit_input moved = *in;
	struct jm_fit at;
	size_t n = fit->n_layers, i, j;
	int sign, code;

	moved.kernel_sd.lag_s = 0;
	moved.sd_eps = fit->sd_eps;
	moved.is_eps_fixed = true;
	for (sign = -1; sign <= 1; sign += 2) {
		moved.kernel.lag_s = fit->kernel.lag_s + sign * sd_s;
		code = jm_fit(&moved, &at, err);
		if (code == JM_E_NOMEM)
			return code;
		for (i = 0; code == 0 && i < n; i++) {
			for (j = 0; j < n; j++)
				fit->covariance[i * n + j] +=
				    0.5 * (at.power_w[i] - fit->power_w[i]) * (at.power_w[j] - fit->power_w[j]);
		}
		jm_fit_finish(&at);
	}
	return 0;
}
