/* Attribution: arrays of readings and spans in, a result out. Pure: no files, no clock, no global state.
 *
 * The methods, their formulae and when each is wrong: docs/attribution.md. */
#ifndef ATTRIBUTION_ATTRIBUTION_H
#define ATTRIBUTION_ATTRIBUTION_H

#include "attribution/baseline.h"
#include "attribution/response.h"
#include "core/result.h"
#include "core/span.h"

/* A stretch of time, [start, end), ns of CLOCK_MONOTONIC. */
struct jm_stretch {
	int64_t start_ns, end_ns;
};

/* All arrays are borrowed for the call, except that the result keeps pointers to channels (struct jm_channel_result). */
struct jm_attribution_input {
	/* Channels of the recording; part_of and same_as index this array. Those without energy are skipped, but
	 * temperature channels serve the estimator. */
	const struct jm_channel *channels;
	size_t n_channels;
	const struct jm_sample *const *samples; /* n_channels entries: samples of channel i in order of time, GAPs
						   included; reach one second or so beyond the windows; NULL: none */
	const size_t *n_samples;
	const struct jm_ledger *const *ledgers; /* n_channels entries, each may be NULL; or NULL */

	/* Windows over which energy is taken: the measured, unprofiled blocks. In order, not overlapping. At least one. */
	const struct jm_stretch *windows;
	size_t n_windows;
	/* Quiet stretches of the same recording; may be NULL. The ones before and after the windows bracket the level. */
	const struct jm_stretch *idle;
	size_t n_idle;

	/* JM_SPAN_ITERATION spans, any order. Those with JM_SPAN_PROFILED give the time scale of profiled layers; the others
	 * count where they lie inside a window (JM_SPAN_WARMUP ones never). None: the windows themselves are the whole. */
	const struct jm_span *iterations;
	size_t n_iterations;
	/* Layer, kernel or region spans, any order; nested and overlapping ones are allowed (self time; concurrent tracks
	 * share). Without flags: where they ran, in the measured windows (in situ). JM_SPAN_PROFILED: from profiled blocks,
	 * they give times only. JM_SPAN_ISOLATED: block of one layer run alone, iteration = calls. */
	const struct jm_span *layers;
	size_t n_layers;
	const struct jm_name *names; /* span.name indexes it; type groups layers */
	size_t n_names;
	const uint32_t
	    *ties; /* n_names entries: names with equal numbers are identical layers (same kernel, same shapes) and
				 share one power; or NULL */
	const double *
	    calls; /* n_names entries: executions in one iteration, where profiled spans are pieces of one (its kernels); 0: a span is
				an execution; or NULL */
	const struct jm_process_log *processes; /* what ran meanwhile; NULL or without steps: not known */
	int64_t process_quantum_ns;             /* resolution of processor times there */
	const char *process_counts;     /* what hardware counters saw: "user and kernel mode", ...; NULL: nothing, */
	const char *process_counts_why; /* for this reason; NULL: unknown */
	uint64_t items_per_iteration;   /* inputs in one batch; 0: unknown */

	/* n_channels entries: the device whose energy a channel is, as span.device; 0: unknown, or not of one device. A channel
	 * of a device gets the layers that ran there and those of unknown device; one without gets all. NULL: all without. */
	const uint16_t *channel_devices;

	/* n_channels entries: the fraction of the windows for which the channel's device was held down by a limit (power cap, heat);
	 * 0: not, or not known. NULL: none was. */
	const double *limited_fractions;

	const struct jm_baseline *baselines; /* n_channels entries from the user or the machine's idle file; or NULL */
	const struct jm_response
	    *responses; /* n_channels entries from calibration, family UNKNOWN where none; or NULL */
};

/* What processor time of processes is weighted by. X(name, text) */
#define JM_WEIGHING_LIST(X)                                                                                            \
	X(AUTO, "auto")                                                                                                \
	X(TIME, "time")                                                                                                \
	X(CYCLES, "cycles")                                                                                            \
	X(INSTRUCTIONS, "instructions")
#define JM_WEIGHING_ENUM(name, text) JM_WEIGH_##name,
enum jm_weighing { JM_WEIGHING_LIST(JM_WEIGHING_ENUM) };
#undef JM_WEIGHING_ENUM
/* Errors: JM_E_NOT_FOUND. NULL: AUTO. */
int jm_weighing_parse(const char *text, enum jm_weighing *out);

struct jm_attribution_options {
	enum jm_weighing weighing;   /* of processes; AUTO: cycles, else instructions, else time alone */
	enum jm_method method;       /* AUTO picks */
	bool no_baseline;            /* do not look for an idle level */
	bool skip_iterations;        /* no rows per iteration */
	bool with_timeline;          /* the result along time, too, where processes were watched */
	int64_t max_gap_ns;          /* longest spacing that counts as covered; 0: per channel, see series.h */
	double target_fraction;      /* regress: merge until the relative sd of a group is at most this; 0: 0.10 */
	double isolated_sd_fraction; /* fused: assumed difference isolated / in situ; 0: chosen by hold-out */
	struct jm_series *series_out; /* n_channels entries, zeroed: takes what was made of the samples, also after an error;
					 jm_series_finish each. NULL: not wanted */
};

/* Fills result's channels, layers, types, iterations, closure, run.iterations, run.latency, run.duration_s,
 * run.throughput_items_s, run.items_per_iteration, run.profiled_latency_ms, run.distortion, method, method_reason,
 * baseline_reason, warnings. result must be zeroed or hold what the caller set in run and own_cost; free it with
 * jm_result_finish, also after an error. Rows exist for every channel with energy whose same_as is -1; contained channels
 * (part_of) have rows of their own and are never added to their container. Times of the caller: O((spans + readings) log).
 * Errors: JM_E_INVALID (no window, span with a name outside the table, samples out of order), JM_E_NOMEM. No energy channel
 * is no error: times stand, channel = -1, energies NAN with the reason. Spans that end before they start are left out
 * with a warning. */
int jm_attribute(const struct jm_attribution_input *in, const struct jm_attribution_options *opt,
		 struct jm_result *result, struct jm_error *err);

#endif
