#include "runner/settle.h"

#include <stdlib.h>
#include <string.h>

void jm_settle_init(struct jm_settle *s, double fraction)
{
	memset(s, 0, sizeof(*s));
	s->fraction = fraction;
}

static int compare_ns(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static bool is_settled(const struct jm_settle *s)
{
	int64_t low = s->medians[0], high = low;
	int i;

	for (i = 1; i < 3; i++) {
		low = s->medians[i] < low ? s->medians[i] : low;
		high = s->medians[i] > high ? s->medians[i] : high;
	}
	return s->n_medians >= 3 && (double)(high - low) <= s->fraction * (double)low;
}

bool jm_settle_add(struct jm_settle *s, int64_t latency_ns)
{
	s->calls[s->n_calls++] = latency_ns;
	if (s->n_calls < JM_SETTLE_BLOCK)
		return false;
	qsort(s->calls, JM_SETTLE_BLOCK, sizeof(s->calls[0]), compare_ns);
	s->n_calls = 0;
	s->medians[0] = s->medians[1];
	s->medians[1] = s->medians[2];
	s->medians[2] = s->calls[JM_SETTLE_BLOCK / 2];
	s->n_medians++;
	return is_settled(s);
}

int64_t jm_settle_latency_ns(const struct jm_settle *s)
{
	return s->n_medians ? s->medians[2] : 0;
}
