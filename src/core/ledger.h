/* The sample ledger of a channel: what was due, what came. It is part of every result. */
#ifndef CORE_LEDGER_H
#define CORE_LEDGER_H

#include <stdint.h>

struct jm_ledger {
	uint64_t expected;        /* readings due: deadlines of the period, or updates of a buffered device */
	uint64_t taken;           /* readings that came and were kept (repeated ones included) */
	uint64_t late;            /* of the taken: more than half a period behind their deadline */
	uint64_t missed;          /* due, not taken: the deadline was skipped or the read failed */
	/* of the taken: same value as the one before, though the quantity must move or the device updates more slowly
	 * than it is asked: no new information */
	uint64_t repeated;
	int64_t longest_gap_ns;   /* between two taken readings */
	int64_t first_ns, last_ns; /* of the taken; both 0: none */
	int64_t cpu_ns;           /* own processor time spent reading it */
	int64_t period_ns;        /* asked for */
};

/* Gives taken / expected, at most 1; 0 when nothing was expected. */
static inline double jm_ledger_coverage(const struct jm_ledger *l)
{
	if (l->expected == 0)
		return 0;
	return l->taken >= l->expected ? 1.0 : (double)l->taken / (double)l->expected;
}

/* Gives the achieved rate in Hz over the time between first and last reading; 0 with fewer than two. */
static inline double jm_ledger_rate_hz(const struct jm_ledger *l)
{
	if (l->taken < 2 || l->last_ns <= l->first_ns)
		return 0;
	return (double)(l->taken - 1) / ((double)(l->last_ns - l->first_ns) * 1e-9);
}

#endif
