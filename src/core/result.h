/* The result: what a recording says, ready to be printed or exported. Doubles in J, W, s; NAN is unknown, and then the
 * reason stands beside it. docs: "joulemap-report/1" in docs/report-format.md. */
#ifndef CORE_RESULT_H
#define CORE_RESULT_H

#include "core/channel.h"
#include "core/device_result.h"
#include "core/ledger.h"
#include "core/own_cost.h"
#include "core/process.h"
#include "core/timeline.h"

struct jm_interval {
	double low, high; /* both NAN: unknown */
};

#define JM_METHOD_LIST(X)                                                                                              \
	X(AUTO, "auto")                                                                                                \
	X(SHARE, "share")                                                                                              \
	X(WINDOW, "window")                                                                                            \
	X(INTEGRATE, "integrate")                                                                                      \
	X(REGRESS, "regress")                                                                                          \
	X(ISOLATE, "isolate")                                                                                          \
	X(FUSED, "fused")
#define JM_ENUM(name, text) JM_METHOD_##name,
enum jm_method { JM_METHOD_LIST(JM_ENUM) };
#undef JM_ENUM
/* The word that --method takes, and back. Errors: JM_E_INVALID: no such word. */
const char *jm_method_text(enum jm_method method);
int jm_method_parse(const char *text, enum jm_method *out);

/* Energy and power of one channel over the measured window. */
struct jm_channel_result {
	const struct jm_channel *channel; /* borrowed from the recording */
	const char *part_of, *same_as;    /* names of the channels it refers to; NULL: none. Borrowed likewise */
	struct jm_ledger ledger;
	bool has_ledger;
	double energy_j;                /* over the window; gaps not filled */
	struct jm_interval energy_ci_j; /* 95 %: sensor quantum, edges and gaps; not the board's absolute accuracy */
	struct jm_interval
	    energy_absolute_ci_j; /* the same with the sensor's accuracy class; NAN where that is unknown */
	double mean_power_w, std_power_w, min_power_w, max_power_w;
	double gap_s;                         /* of the window without readings */
	double idle_power_w, idle_power_sd_w; /* baseline; NAN: unknown */
	double period_s;                      /* median time between two updates; NAN: unknown */
	char reason[256];
};

/* Where a figure comes from. IDENTIFIED: the readings tell it. PRIOR: mostly what was known before (isolated blocks).
 * TIED: shared with identical layers. MERGED: only the group's sum is known. UNIDENTIFIED: no figure. */
enum jm_origin {
	JM_ORIGIN_NONE,
	JM_ORIGIN_IDENTIFIED,
	JM_ORIGIN_TIED,
	JM_ORIGIN_PRIOR,
	JM_ORIGIN_MERGED,
	JM_ORIGIN_UNIDENTIFIED
};

struct jm_row;

/* What one execution computes and moves, from the shapes of what it takes and gives (model/op_cost.h). 0 is known to be
 * none. is_known false: the shapes are not in the recording, or the operator is not counted. */
struct jm_row_work {
	bool is_known;
	double macs, flops, bytes;
};

/* Work and energy: each NAN where it has no meaning. */
double jm_row_mj_per_mmac(const struct jm_row *row);
double jm_row_gflop_per_j(const struct jm_row *row);
double jm_row_flop_per_byte(const struct jm_row *row);

/* What is known of the process or container behind a row, over the measured window. */
struct jm_process_facts {
	const struct jm_process *process; /* NULL: a container, or those that are not watched. Borrowed */
	const char *runtime, *container, *pod;
	uint64_t n_processes;
	double cpu_s;                            /* processor time */
	double children_s;                       /* of it, of children that came and went between two snapshots */
	int64_t rss_bytes, pss_bytes, uss_bytes; /* largest; the latest; < 0: unknown */
};

/* One row: a layer, type, kernel, iteration or process, on one channel. */
struct jm_row {
	const char *name, *type; /* borrowed from the result's names */
	int channel;             /* index in channels[]; -1: no channel had energy */
	uint64_t count;          /* executions seen */
	double time_s;           /* total, in the measured (unprofiled) window */
	double latency_ms;       /* per execution, mean */
	double latency_std_ms;   /* of layers: of single executions, with what ran inside them, about their mean; else NAN */
	double energy_j;         /* total in the measured window */
	double energy_per_iteration_mj, energy_per_item_mj;
	struct jm_interval
	    energy_ci_j; /* 95 %, relative to the sensor; for estimated channels: bounds from idle and full power */
	double mean_power_w;
	struct jm_interval mean_power_ci_w;
	struct jm_interval energy_absolute_ci_j; /* with the sensor's absolute accuracy; NAN where unknown */
	double energy_above_idle_j;              /* energy less idle level times time; NAN: no baseline */
	double share;                            /* of the channel's total over the window, 0 to 1 */
	struct jm_row_work work;                 /* what one execution computes */
	enum jm_method method;
	bool is_estimated;                      /* true where the channel is estimated */
	bool resolvable;                        /* false: no figure that means anything; reason says why */
	enum jm_origin origin;                  /* regress and fused; else NONE */
	int group;                              /* index in groups[] of the group it was merged into; -1: none */
	bool is_scaled;                         /* times come from profiled blocks, scaled to the unprofiled latency */
	const struct jm_process_facts *process; /* rows of processes and containers, else NULL */
	const char *basis;                      /* of those: what the energy was split by; else NULL */
	char reason[160];
};

/* Parts and whole of one channel over the measured window; total = parts + idle + gaps + unattributed + residual. */
struct jm_closure {
	int channel;
	double total_j;        /* of the channel in the window */
	double parts_j;        /* rows of layers that have a figure, and of groups, together */
	double idle_j;         /* between iterations, at the level measured there */
	double gaps_j;         /* NAN or 0: energy nobody saw is not invented; its duration is in gap_s */
	double unattributed_j; /* inside iterations, outside every row (host gaps, rows without a figure) */
	double residual_j;     /* what is left over */
	double gap_s;
};

/* Latency of an iteration, ms. */
struct jm_latency {
	double mean_ms, std_ms, min_ms, median_ms, p95_ms, max_ms;
	uint64_t n;
};

struct jm_run {
	const char *command, *model, *precision;         /* NULL: unknown; borrowed */
	uint64_t iterations, items_per_iteration, batch; /* 0: unknown */
	double duration_s;                               /* of the measured window */
	struct jm_latency latency;                       /* of unprofiled iterations; n 0: none */
	double throughput_items_s;                       /* NAN: unknown */
	double profiled_latency_ms;                      /* median with the layer profiler on; NAN: unknown */
	double distortion;                               /* profiled / unprofiled median latency; NAN: unknown */
	int exit_code;                                   /* of the command; -1: unknown or none */
};

struct jm_result {
	struct jm_channel_result *channels;
	size_t n_channels;
	struct jm_row *layers, *types, *iterations; /* rows per view; any may be empty */
	struct jm_row *groups; /* neighbouring layers that only their sum is known of; count: layers in it */
	size_t n_layers, n_types, n_iterations, n_groups;
	struct jm_closure *closure;
	size_t n_closure;
	struct jm_device_result *devices; /* GPUs whose state was recorded */
	size_t n_devices;
	const char *visible_devices; /* CUDA_VISIBLE_DEVICES of the recorder; NULL: not set; borrowed */
	/* Rows of processes and containers, one for each and each channel; those not watched are a row of their own. */
	struct jm_row *processes, *containers;
	size_t n_processes, n_containers;
	struct jm_process_facts *process_facts, *container_facts;
	struct jm_closure *process_closure; /* parts: rows, that of the others included */
	size_t n_process_closure;
	struct jm_timeline *timeline; /* NULL: not asked for, or no processes were watched */
	char counters[256];       /* hardware counters of the command, or why there are none; empty: not asked for */
	char process_reason[256]; /* how processes were sampled, or why there are none */
	char split_reason[400]; /* what processor time was weighted by, and why by nothing else; empty: no processes */
	struct jm_run run;
	struct jm_own_cost own_cost;
	char **warnings; /* for the user, most important first */
	size_t n_warnings;
	char **notes; /* what a method says of its fit */
	size_t n_notes;
	enum jm_method method; /* what auto picked */
	char method_reason[256];
	char baseline_reason[256]; /* where the idle level came from, or why there is none */
	char **names;              /* owns the texts rows refer to */
	size_t n_names;
};

/* Frees all; r itself is yours. */
void jm_result_finish(struct jm_result *r);
/* Says whether a channel has nothing above it that has figures: such channels add up, once those that are the same as another
 * (same_as) are left out. */
bool jm_result_is_outermost(const struct jm_result *r, const struct jm_channel_result *c);
/* Adds a warning. Errors: JM_E_NOMEM. */
int jm_result_warn(struct jm_result *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Adds a note. Errors: JM_E_NOMEM. */
int jm_result_note(struct jm_result *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A warning before all others. */
int jm_result_warn_first(struct jm_result *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Copies a text into the result; gives it, or NULL when out of memory. */
const char *jm_result_text(struct jm_result *r, const char *text);

#endif
