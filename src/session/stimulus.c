#include "session/stimulus.h"

#include "core/grow.h"
#include "core/units.h"

#include <math.h>
#include <stdlib.h>

#define IDLE_FRACTION   0.02 /* before and after */
#define IDLE_MIN_NS     (20 * JM_NS_PER_MS)
#define STEP_FRACTION   0.16
#define STEP_NS         (2 * JM_NS_PER_S)
#define N_STEPS_MIN     4
#define STAIRS_FRACTION 0.16
#define N_LEVELS_MAX    8
/* Bits: SCIENCE's 5 to 40 ms for sensors of 20 to 100 ms; a tenth for those of about 1 ms. */
#define SLOW_SHORTEST_NS (5 * JM_NS_PER_MS)
#define SLOW_LONGEST_NS  (40 * JM_NS_PER_MS)
#define FAST_SHORTEST_NS (JM_NS_PER_MS / 2)
#define FAST_LONGEST_NS  (5 * JM_NS_PER_MS)
#define DUTY             0.25

struct plan {
	struct jm_load_piece *pieces;
	size_t n, capacity;
	int64_t end_ns;
	uint64_t state;
	bool is_failed;
};

/* xorshift64* (Vigna, "An experimental exploration of Marsaglia's xorshift generators, scrambled", 2016). */
static uint64_t next_random(struct plan *p)
{
	p->state ^= p->state >> 12;
	p->state ^= p->state << 25;
	p->state ^= p->state >> 27;
	return p->state * UINT64_C(0x2545f4914f6cdd1d);
}

static double next_fraction(struct plan *p)
{
	return (double)(next_random(p) >> 11) * 0x1p-53;
}

/* Adds a piece behind the last; one of the same level and stage becomes longer. */
static void add(struct plan *p, int64_t duration_ns, double level, enum jm_load_stage stage, uint32_t group)
{
	struct jm_load_piece *last = p->n ? &p->pieces[p->n - 1] : NULL;

	if (duration_ns <= 0 || p->is_failed)
		return;
	if (last && last->level == level && last->stage == stage && last->group == group) {
		last->end_ns = p->end_ns += duration_ns;
		return;
	}
	p->is_failed = !jm_grow(&p->pieces, &p->capacity, p->n, sizeof(*p->pieces));
	if (p->is_failed)
		return;
	p->pieces[p->n++] = (struct jm_load_piece){
	    .start_ns = p->end_ns, .end_ns = p->end_ns + duration_ns, .level = level, .stage = stage, .group = group};
	p->end_ns += duration_ns;
}

static void add_steps(struct plan *p, int64_t duration_ns)
{
	int64_t n = duration_ns / STEP_NS, i;

	if (n < N_STEPS_MIN)
		n = N_STEPS_MIN;
	n += n % 2;
	for (i = 0; i < n; i++)
		add(p, duration_ns * (i + 1) / n - duration_ns * i / n, i % 2 ? 0 : 1, JM_STAGE_STEP, 0);
}

/* Bits of random length and value: more short ones than long ones, as a fixed bit length would have runs. */
static void add_bits(struct plan *p, int64_t duration_ns, enum jm_load_stage stage, int64_t shortest_ns)
{
	int64_t low = stage == JM_STAGE_SLOW ? SLOW_SHORTEST_NS : FAST_SHORTEST_NS;
	int64_t high = stage == JM_STAGE_SLOW ? SLOW_LONGEST_NS : FAST_LONGEST_NS, end_ns = p->end_ns + duration_ns;
	double level = 0;

	if (shortest_ns > low) {
		high = high > 8 * shortest_ns ? high : 8 * shortest_ns;
		low = shortest_ns;
	}
	while (p->end_ns < end_ns && !p->is_failed) {
		int64_t bit_ns = (int64_t)((double)low * pow((double)high / (double)low, next_fraction(p)));

		/* A rest shorter than a bit joins the last one. */
		if (end_ns - p->end_ns < bit_ns + low)
			bit_ns = end_ns - p->end_ns;
		add(p, bit_ns, level, stage, 0);
		level = 1 - level;
	}
}

static void add_stairs(struct plan *p, int64_t duration_ns, unsigned n_levels)
{
	unsigned n = n_levels > N_LEVELS_MAX ? N_LEVELS_MAX : n_levels, i, n_all = 2 * n;

	for (i = 0; i < n_all; i++) {
		unsigned step = i < n ? i + 1 : n_all - i;

		/* The top stands in the middle, once, twice as long. */
		add(p, duration_ns * (i + 1) / n_all - duration_ns * i / n_all, (double)step / n, JM_STAGE_STAIRS, 0);
	}
}

static int finish(struct plan *p, struct jm_load_piece **out, size_t *n_out)
{
	if (p->is_failed) {
		free(p->pieces);
		return JM_E_NOMEM;
	}
	*out = p->pieces;
	*n_out = p->n;
	return 0;
}

int jm_stimulus_plan(const struct jm_stimulus_options *o, struct jm_load_piece **out, size_t *n_out)
{
	/* A generator of this kind must not start at 0. */
	struct plan p = {.state = o->seed * UINT64_C(0x9e3779b97f4a7c15) + 1};
	int64_t idle_ns = (int64_t)((double)o->duration_ns * IDLE_FRACTION), steps_ns, stairs_ns, bits_ns;

	if (o->duration_ns <= 0 || o->steady_ns < 0 || (!o->is_slow && !o->is_fast))
		return JM_E_INVALID;
	if (idle_ns < IDLE_MIN_NS)
		idle_ns = IDLE_MIN_NS;
	steps_ns = (int64_t)((double)o->duration_ns * STEP_FRACTION);
	stairs_ns = o->n_levels > 1 ? (int64_t)((double)o->duration_ns * STAIRS_FRACTION) : 0;
	bits_ns = o->duration_ns - 2 * idle_ns - steps_ns - stairs_ns;
	if (bits_ns <= 0)
		return JM_E_INVALID;
	if (p.state == 0)
		p.state = 1;
	add(&p, idle_ns, 0, JM_STAGE_STEP, 0);
	add_steps(&p, steps_ns);
	if (o->is_slow)
		add_bits(&p, o->is_fast ? bits_ns / 2 : bits_ns, JM_STAGE_SLOW, o->shortest_ns);
	if (o->is_fast)
		add_bits(&p, o->is_slow ? bits_ns - bits_ns / 2 : bits_ns, JM_STAGE_FAST, o->shortest_ns);
	if (stairs_ns > 0)
		add_stairs(&p, stairs_ns, o->n_levels);
	add(&p, o->steady_ns, 1, JM_STAGE_STEADY, 0);
	add(&p, idle_ns, 0, JM_STAGE_STEADY, 0);
	return finish(&p, out, n_out);
}

int jm_stimulus_locked(int64_t first_ns, double period_ns, unsigned n_phases, unsigned n_periods,
		       struct jm_load_piece **out, size_t *n_out)
{
	struct plan p = {.end_ns = first_ns};
	unsigned phase, i;

	if (!(period_ns >= 8) || n_phases == 0 || n_periods == 0)
		return JM_E_INVALID;
	for (phase = 0; phase < n_phases; phase++) {
		double group_ns = (double)phase * n_periods * period_ns, shift_ns = period_ns * phase / n_phases;

		for (i = 0; i < n_periods; i++) {
			/* Edges are placed from the start: rounding does not add up. A period that the shift cuts in two
			 * wraps round, so that every phase has as much load. */
			double at = group_ns + i * period_ns, on = shift_ns, off = shift_ns + DUTY * period_ns;
			double wrapped = off > period_ns ? off - period_ns : 0;
			double edges[4] = {wrapped, on, off > period_ns ? period_ns : off, period_ns};
			double levels[4] = {1, 0, 1, 0};
			unsigned k;

			for (k = 0; k < 4; k++)
				add(&p, first_ns + (int64_t)(at + edges[k]) - p.end_ns, levels[k], JM_STAGE_LOCKED,
				    phase);
		}
	}
	return finish(&p, out, n_out);
}
