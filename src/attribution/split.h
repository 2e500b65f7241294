/* Energy over processes.
 *
 *   E (channel, interval between two snapshots) = idle + active
 *   active = sum of processes (share of what they did) + other processes, or nobody's where nothing was seen to be done
 *
 * idle: the measured idle level times the time, at most E; where none is known, the part of the processors' time that nobody
 * used. It is charged to nobody. Shares: what a process did over what all did, so that they never add up to more than one:
 *
 *   processor time   package, core, uncore, and, estimated, platform. Wrong where processes differ in what an instruction costs,
 *                    in frequency, or in how they share a core's two threads.
 *   cycles, instructions  the same channels, where hardware counters were read: processor time weighted by what each second of
 *                    it did. Time of a process that was not counted, and of children that were never seen, weighs as the mean.
 *                    Others: the machine's count less the watched ones', or by time and the mean. The bounds hold the split
 *                    by time alone, too.
 *   cache misses     DRAM: misses of the last-level cache, likewise. What hardware fetches ahead or writes back is not in them.
 *   resident memory  DRAM where no misses were counted, estimated: memory that is there need not be read or written.
 *   SM time          GPU: the time a kernel of the process ran. Kernels that fill the GPU count as those that do not; so when
 *                    several share it, the truth lies about between this and equal shares, which are the bounds given.
 *
 * Others' processor time is the machine's less that of the watched. The machine counts in ticks: a difference below zero is
 * carried on (at most CARRY_S of it), not cut off, which would add up to time that was never spent. */
#ifndef ATTRIBUTION_SPLIT_H
#define ATTRIBUTION_SPLIT_H

#include "attribution/attribution.h"
#include "attribution/series.h"
#include "attribution/stretch.h"
#include "core/process.h"

#define JM_SPLIT_LIST(X)                                                                                               \
	X(NONE, "")                                                                                                    \
	X(CPU_TIME, "processor time")                                                                                  \
	X(CYCLES, "processor time weighted by cycles")                                                                 \
	X(INSTRUCTIONS, "processor time weighted by instructions")                                                     \
	X(MISSES, "cache misses")                                                                                      \
	X(MEMORY, "resident memory")                                                                                   \
	X(SM_TIME, "SM time")
#define JM_ENUM(name, text) JM_SPLIT_##name,
enum jm_split_basis { JM_SPLIT_LIST(JM_ENUM) };
#undef JM_ENUM
/* Gives the word for it in reports. */
const char *jm_split_text(enum jm_split_basis basis);

/* A process log made ready: what happened between snapshot k and k + 1 is interval k. */
struct jm_split {
	const struct jm_process_log *log;
	size_t n_intervals;
	size_t *first_sample; /* n_intervals + 2: the samples of step k are [k], up to [k + 1] */
	double *done_s;       /* a sample's: processor time since the process's sample before */
	double *watched_s, *others_s, *idle_fraction; /* of intervals; others, idle_fraction NAN: unknown */
	/* By enum jm_count: weights of samples, and of intervals that of others; NULL: not counted. */
	double *weights[JM_N_COUNTS], *others_weight[JM_N_COUNTS];
	double counted_fraction[JM_N_COUNTS]; /* of the watched processor time */
};

/* Errors: JM_E_NOMEM. */
int jm_split_init(const struct jm_process_log *log, struct jm_split *out);
void jm_split_finish(struct jm_split *s);

/* Fills weights from what hardware counters told. Errors: JM_E_NOMEM. For jm_split_init. */
int jm_split_weigh(struct jm_split *s);

/* Chooses what processor time is weighted by. reason: room for JM_SPLIT_REASON bytes: which, and why not the other. Gives CPU_TIME,
 * CYCLES or INSTRUCTIONS. */
#define JM_SPLIT_REASON 400
enum jm_split_basis jm_split_choose(const struct jm_split *s, const struct jm_attribution_input *in,
				    enum jm_weighing weighing, char *reason);
/* Says whether DRAM goes by cache misses. */
bool jm_split_has_misses(const struct jm_split *s, const struct jm_attribution_input *in, enum jm_weighing weighing);

struct jm_split_channel {
	const struct jm_series *series;
	enum jm_split_basis basis;
	uint16_t gpu;  /* ordinal, for SM_TIME */
	double idle_w; /* NAN: unknown */
};

/* Energy of one process, J; bounds equal to it where the basis gives none. */
struct jm_split_part {
	double energy_j, low_j, high_j;
};

struct jm_split_result {
	struct jm_split_part *parts; /* one a process */
	struct jm_split_part others;
	double total_j, idle_j, unattributed_j; /* total = parts + others + idle + unattributed */
};

/* Splits what the channel took in the windows (merged, in order). out->parts: given, one a process, filled. Errors: JM_E_NOMEM. */
int jm_split_run(const struct jm_split *s, const struct jm_split_channel *channel, const struct jm_stretches *windows,
		 struct jm_split_result *out);

/* Processor time of each process in the windows, s: all of it, and what of it is of short-lived children. One entry a process. */
void jm_split_times(const struct jm_split *s, const struct jm_stretches *windows, double *cpu_s, double *children_s);
/* Likewise of those that are not watched; NAN: unknown. */
double jm_split_others_s(const struct jm_split *s, const struct jm_stretches *windows);

struct jm_work;
struct jm_timeline;
/* Makes the result along time. *out: yours, jm_timeline_destroy. Errors: JM_E_NOMEM. */
int jm_split_timeline(const struct jm_work *w, const struct jm_split *s, struct jm_timeline **out);
/* Adds rows of processes and containers to the result, for each channel, where the log has anything. */
int jm_split_add(struct jm_work *w, struct jm_error *err);

#endif
