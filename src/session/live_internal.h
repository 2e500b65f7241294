/* The inside of a jm_live: live.c (sensors, sums of channels), live_process.c (processes), live_split.c (who gets what). */
#ifndef SESSION_LIVE_INTERNAL_H
#define SESSION_LIVE_INTERNAL_H

#include "core/ledger.h"
#include "joulemap/live.h"
#include "process/gpus.h"
#include "process/watch.h"
#include "sampler/sampler.h"
#include "session/session.h"

enum jm_live_basis { JM_LIVE_SPLIT_NONE, JM_LIVE_SPLIT_CPU_TIME, JM_LIVE_SPLIT_MEMORY, JM_LIVE_SPLIT_SM_TIME };

struct jm_live_sum {
	const struct jm_channel *channel;
	struct jm_channel_info info;
	bool is_counted;
	enum jm_live_basis basis;
	const char *split_reason;
	/* Of the reading before. */
	bool has_last;
	int64_t last_value, last_ns;
	double energy_j, seen_s;
	double ticked_j, ticked_s;            /* both as of the tick before; until then also what the tick gave */
	double powered_j, powered_s, power_w; /* the same where the split of a GPU waits for its poll */
	double idle_w;                        /* level of the idle machine, kept by joulemap idle; NAN: none */
	struct jm_sample sample;              /* the last one */
	bool has_sample;
	double idle_j, others_j, unattributed_j;
	struct jm_ledger past; /* of the samplers before this one */
	uint64_t n_lost;
};

/* A container. Lives as long as a record is in it. */
struct jm_live_group {
	char *runtime, *container, *pod;
	size_t n_records, n_alive;
	double cpu_s, *energy_j;
};

struct jm_live_record {
	uint32_t id;
	struct jm_live_process facts; /* texts are owned */
	struct jm_live_record *parent;
	struct jm_live_group *group; /* NULL: in no container */
	char *cgroup;
	int64_t first_ns, cpu_ns, reaped_ns; /* as in the last sample */
	size_t n_children, n_watchers;
	int64_t done_ns; /* processor time at the last sample, reaped children included */
	double tick_s;   /* of it since the tick before */
	int64_t pss_bytes;
	double *energy_j, *tree_j; /* one block */
};

struct jm_live {
	struct jm_sensors *sensors;
	struct jm_sampler *sampler;
	int64_t period_ns, awake_ns; /* 0: asleep; the last period awake */
	int64_t due_ns;
	struct jm_live_sum *sums; /* one a channel */
	bool *is_lost;            /* one a sensor */
	int64_t retry_ns;
	bool watches_all, must_prune;
	struct jm_process_watch *watch;
	struct jm_live_record **records; /* in order of id */
	size_t n_records, records_capacity, n_alive, n_roots, n_watch_notes;
	struct jm_live_group **groups;
	size_t n_groups;
	struct jm_process_step step; /* the one before */
	bool has_step;
	double carry_s, others_s;
	struct jm_nvml *nvml;
	struct jm_process_gpus *gpus;    /* NULL: nothing tells who uses them */
	struct jm_process_gpu *gpu_rows; /* of the last poll */
	size_t n_gpu_rows, gpu_rows_capacity;
	int64_t gpus_ns;
	bool gpus_are_due, is_refreshing;
	struct jm_live_recording *recordings;
	uint64_t n_ticks;
	int64_t ticked_ns, ticked_realtime_ns;
	char **notes;
	size_t n_notes;
};

/* As jm_live_open, under env. */
int jm_live_open_env(const struct jm_env *env, const struct jm_live_options *options, struct jm_live **out,
		     struct jm_error *err);

/* Keeps a line for the user, each once. */
void jm_live_add_note(struct jm_live *live, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* What the machine did between two looks. */
struct jm_live_interval {
	bool is_known; /* what the processors did */
	double watched_s, others_s, idle_fraction;
	double used_bytes; /* < 0: unknown */
};

/* live_process.c. Looks at the processes: gives what they did since the look before, each in its tick_s. Errors: JM_E_NOMEM. */
int jm_live_look(struct jm_live *live, struct jm_live_interval *out);
/* Those that nobody wants any more, or that have ended and have nothing left to give, go. */
void jm_live_tidy(struct jm_live *live);
void jm_live_free_records(struct jm_live *live);
const struct jm_live_record *jm_live_find(const struct jm_live *live, uint32_t id);

/* live_group.c. Puts a record into its container, or (leave) out of any. Errors: JM_E_NOMEM. */
int jm_live_join_group(struct jm_live *live, struct jm_live_record *r);
void jm_live_leave_group(struct jm_live *live, struct jm_live_record *r);

/* live_get.c. Gives a channel's ledger, of all samplers so far. */
struct jm_ledger jm_live_ledger(const struct jm_live *live, size_t channel);

/* live_gpu.c. The idle levels that are kept; who uses the GPUs, asked twice a second (is_first: from now on). */
void jm_live_find_idle(struct jm_live *live);
void jm_live_open_gpus(struct jm_live *live);
void jm_live_close_gpus(struct jm_live *live);
void jm_live_look_at_gpus(struct jm_live *live, int64_t now_ns, bool is_first);

/* live_record.c. What was read goes into the recordings under way. */
void jm_live_record_samples(struct jm_live *live, const struct jm_sample *samples, size_t n);
void jm_live_record_lost(struct jm_live *live, const struct jm_sensor *sensor, int64_t t_ns);
void jm_live_record_processes(struct jm_live *live, const struct jm_process_snapshot *s);
void jm_live_record_gpus(struct jm_live *live, const struct jm_process_gpu *rows, size_t n);
void jm_live_record_commit(struct jm_live *live, int64_t now_ns);

/* live_split.c. */
void jm_live_basis_of(const struct jm_live *live, struct jm_live_sum *sum);
/* Gives each channel's energy since the tick before to processes, others and idle. */
void jm_live_split(struct jm_live *live, const struct jm_live_interval *interval);

#endif
