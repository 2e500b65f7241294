#include "trace/activity_set.h"

#include <stdlib.h>
#include <string.h>

/* Damaged anchors could make any line: sums with a time must not overflow. */
#define OFFSET_MAX 4e18

/* Offset of a line through two anchors, at a moment of their clock. Offsets are small where the clocks run alike, and
 * doubles then hold them to a fraction of a nanosecond. */
static double offset_at(const struct jm_activity_anchor *a, const struct jm_activity_anchor *b, int64_t theirs_ns)
{
	double at_a = (double)(a->ours_ns - a->theirs_ns), at_b = (double)(b->ours_ns - b->theirs_ns);
	double width = (double)b->theirs_ns - (double)a->theirs_ns, offset;

	if (width <= 0)
		return at_b;
	offset = at_a + (at_b - at_a) * (((double)theirs_ns - (double)a->theirs_ns) / width);
	return offset > OFFSET_MAX ? OFFSET_MAX : offset < -OFFSET_MAX ? -OFFSET_MAX : offset;
}

static int64_t miss_of(const struct jm_activity_clock *c, const struct jm_activity_anchor *next)
{
	double miss = offset_at(&c->last[c->n_last - 2], &c->last[c->n_last - 1], next->theirs_ns) -
		      (double)(next->ours_ns - next->theirs_ns);

	if (miss > OFFSET_MAX || miss < -OFFSET_MAX)
		return (int64_t)OFFSET_MAX;
	return miss < 0 ? (int64_t)-miss : (int64_t)miss;
}

void jm_activity_clock_add(struct jm_activity_clock *c, int64_t before_ns, int64_t theirs_ns, int64_t after_ns)
{
	struct jm_activity_anchor next = {.theirs_ns = theirs_ns,
					  .ours_ns = before_ns + (after_ns - before_ns) / 2,
					  .half_width_ns = (after_ns - before_ns + 1) / 2};
	int64_t miss;

	if (after_ns < before_ns || (c->n_last && theirs_ns <= c->last[c->n_last - 1].theirs_ns))
		return; /* damaged, or a clock that was set back: the others stand */
	if (c->n_last >= 2) {
		miss = miss_of(c, &next);
		c->residual_ns = miss > c->residual_ns ? miss : c->residual_ns;
	}
	if (c->n++ == 0)
		c->first = next;
	if (c->n_last == JM_ACTIVITY_ANCHORS)
		memmove(&c->last[0], &c->last[1], --c->n_last * sizeof(c->last[0]));
	c->last[c->n_last++] = next;
}

int64_t jm_activity_clock_tie(const struct jm_activity_clock *c, int64_t theirs_ns)
{
	const struct jm_activity_anchor *a = &c->first, *b = &c->last[0];
	double offset;
	size_t i;

	if (!c->n_last)
		return theirs_ns;
	for (i = 0; i + 1 < c->n_last && theirs_ns > c->last[i].theirs_ns; i++) {
		a = &c->last[i];
		b = &c->last[i + 1];
	}
	offset = offset_at(a, b, theirs_ns);
	return theirs_ns + (int64_t)(offset < 0 ? offset - 0.5 : offset + 0.5);
}
