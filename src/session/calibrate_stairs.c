/* The stairs of a calibration's load: power and noise at each level, and how far the levels are from a straight line. What bends
 * may be the load as well as the sensor; with a load that is linear, it is the sensor's gain over its range. */
#include "session/calibrate_fit.h"

#include "attribution/forward.h"
#include "core/units.h"

#include <math.h>

#define SETTLED         0.5 /* of a step: what follows is its plateau */
#define READINGS_MIN    3   /* of a level, for its power */
#define DIFFERENCES_MIN 4   /* of a level, for its noise */

struct sums {
	double level, power_w, n, squares_w2, n_differences;
};

/* Gives the sums of a level, made when it is new; NULL when there are too many. */
static struct sums *sums_of(struct sums *all, size_t *n, double level)
{
	size_t i;

	for (i = 0; i < *n; i++)
		if (all[i].level == level)
			return &all[i];
	if (*n == JM_CALIBRATION_STAIRS_MAX)
		return NULL;
	all[*n] = (struct sums){.level = level};
	return &all[(*n)++];
}

/* Adds the plateau of one piece; *i moves along the readings. */
static void add_plateau(struct sums *s, const struct jm_model_reading *r, size_t n, double from_s, double to_s,
			size_t *i)
{
	size_t first;

	while (*i < n && r[*i].t_s - r[*i].width_s < from_s)
		(*i)++;
	for (first = *i; *i < n && r[*i].t_s < to_s; (*i)++) {
		s->power_w += r[*i].power_w;
		s->n++;
		if (*i == first)
			continue;
		s->squares_w2 += (r[*i].power_w - r[*i - 1].power_w) * (r[*i].power_w - r[*i - 1].power_w);
		s->n_differences++;
	}
}

/* Largest distance of a level from the line through all of them, W. */
static double bend(const struct jm_calibration_stair *stairs, size_t n)
{
	double sx = 0, sy = 0, sxx = 0, sxy = 0, count = (double)n, slope, worst = 0;
	size_t i;

	for (i = 0; i < n; i++) {
		sx += stairs[i].level;
		sy += stairs[i].power_w;
		sxx += stairs[i].level * stairs[i].level;
		sxy += stairs[i].level * stairs[i].power_w;
	}
	slope = (count * sxy - sx * sy) / (count * sxx - sx * sx);
	for (i = 0; i < n; i++)
		worst = fmax(worst, fabs(stairs[i].power_w - (sy + slope * (count * stairs[i].level - sx)) / count));
	return worst;
}

void jm_calibrate_stairs(const struct jm_calibrate_input *in, const struct jm_model_reading *readings, size_t n,
			 struct jm_calibration *c)
{
	struct sums sums[JM_CALIBRATION_STAIRS_MAX];
	size_t n_sums = 0, i = 0, k, n_stairs = 0;

	for (k = 0; k < in->n_pieces; k++) {
		const struct jm_load_piece *p = &in->pieces[k];
		double start_s = jm_s_from_ns(p->start_ns - in->pieces[0].start_ns);
		double end_s = jm_s_from_ns(p->end_ns - in->pieces[0].start_ns);
		struct sums *s = p->stage == JM_STAGE_STAIRS ? sums_of(sums, &n_sums, p->level) : NULL;

		if (s)
			add_plateau(s, readings, n, start_s + SETTLED * (end_s - start_s), end_s, &i);
	}
	for (k = 0; k < n_sums; k++) {
		if (sums[k].n < READINGS_MIN)
			continue;
		c->stairs[n_stairs++] = (struct jm_calibration_stair){
		    sums[k].level, sums[k].power_w / sums[k].n,
		    sums[k].n_differences >= DIFFERENCES_MIN ? sqrt(sums[k].squares_w2 / (2 * sums[k].n_differences))
							     : NAN};
	}
	if (n_stairs > 2 && c->swing_w > 0)
		c->nonlinearity = bend(c->stairs, n_stairs) / c->swing_w;
}
