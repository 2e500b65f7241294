#include "trace/activity_set.h"

#include <string.h>

/* Damaged anchors can make any line. Readings half a second apart drift by far less than this. */
#define DRIFT_MAX_NS 1e15

/* Gives our time of theirs on the line through two anchors: the distance to one of them, and the drift over it. Only the
 * drift, small as it is, goes through a double: times since 1970 would lose 256 ns. Times are 0 to 3e18: no sum overflows. */
static int64_t on_line(const struct jm_activity_anchor *a, const struct jm_activity_anchor *b, int64_t theirs_ns)
{
	int64_t since_ns = theirs_ns - a->theirs_ns, width_ns = b->theirs_ns - a->theirs_ns;
	double drift_ns =
	    width_ns > 0 ? (double)(b->ours_ns - a->ours_ns - width_ns) * ((double)since_ns / (double)width_ns) : 0;

	if (drift_ns > DRIFT_MAX_NS || drift_ns < -DRIFT_MAX_NS)
		drift_ns = 0;
	since_ns += (int64_t)(drift_ns < 0 ? drift_ns - 0.5 : drift_ns + 0.5);
	return a->ours_ns + since_ns;
}

void jm_activity_clock_add(struct jm_activity_clock *c, int64_t before_ns, int64_t theirs_ns, int64_t after_ns)
{
	struct jm_activity_anchor next = {.theirs_ns = theirs_ns,
					  .ours_ns = before_ns + (after_ns - before_ns) / 2,
					  .half_width_ns = (after_ns - before_ns + 1) / 2};
	int64_t miss_ns;

	if (after_ns < before_ns || (c->n_last && theirs_ns <= c->last[c->n_last - 1].theirs_ns))
		return; /* damaged, or a clock that was set back: the others stand */
	if (c->n_last >= 2) {
		miss_ns = next.ours_ns - on_line(&c->last[c->n_last - 2], &c->last[c->n_last - 1], theirs_ns);
		miss_ns = miss_ns < 0 ? -miss_ns : miss_ns;
		c->residual_ns = miss_ns > c->residual_ns ? miss_ns : c->residual_ns;
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
	size_t i;

	if (!c->n_last)
		return theirs_ns;
	/* Before the oldest one kept: the line from the very first. */
	for (i = 0; i + 1 < c->n_last && theirs_ns > c->last[i].theirs_ns; i++) {
		a = &c->last[i];
		b = &c->last[i + 1];
	}
	if (i == 0 && c->n_last > 1 && a->theirs_ns == b->theirs_ns)
		b = &c->last[1];
	return on_line(a, b, theirs_ns);
}
