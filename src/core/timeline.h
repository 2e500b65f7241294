/* A result along time: what there was in each interval between two snapshots of processes. For exporters of records. */
#ifndef CORE_TIMELINE_H
#define CORE_TIMELINE_H

#include "core/channel.h"
#include "core/process.h"

/* Interval k lies between snapshots k and k + 1 of the log. NAN is unknown throughout. */
struct jm_timeline {
	const struct jm_process_log *log; /* borrowed */
	size_t n;                         /* intervals */
	size_t n_channels;                /* as in the result */
	double *power_w;                  /* [interval * n_channels + channel]: mean */
	double *busy_s;                   /* of intervals: processor time of everybody */
	double *done_s;                   /* of the log's samples: processor time since the process's sample before */
	size_t *first_sample;             /* the samples of snapshot k are [k] up to [k + 1]; n + 2 entries */
	const struct jm_channel **temperatures; /* channels; borrowed */
	size_t n_temperatures;
	double *temperature_c; /* [interval * n_temperatures + i]: the last reading */
	bool is_local_clock;   /* times are local wall clock, as if it were UTC */
	bool has_wall_clock;
	int64_t wall_minus_monotonic_ns;
};

/* NULL is allowed. */
void jm_timeline_destroy(struct jm_timeline *t);

#endif
