/* joulemap, live: what sensors and processes give now, for services and displays. Part of the public interface; the
 * conventions are those of joulemap.h. */
#ifndef JOULEMAP_LIVE_H
#define JOULEMAP_LIVE_H

#include "joulemap/joulemap.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Samples once for all who want to know. One thread uses a jm_live at a time; the sensors are read by threads of its own. Sums only
 * rise: a gap adds nothing, the wrap of a counter is counted once, and a sensor that was lost and has come back goes on where
 * it was. Not kept anywhere: for that there are recordings. */
struct jm_live;

struct jm_live_options {
	size_t size;         /* sizeof(struct jm_live_options) */
	const char *sensors; /* choice as in jm_sensors_probe; NULL: the default ones */
	bool watches_all;    /* every process of the machine, not only those of jm_live_watch */
};

#define JM_DEFAULT_LIVE_PERIOD_NS INT64_C(100000000)
/* Asleep, sensors are read only so that no counter wraps unseen. */
#define JM_LIVE_SLEEP_NS INT64_C(10000000000)

/* A channel since jm_live_open. Split: what of energy_j went to processes is energy_j - idle_j - others_j - unattributed_j.
 * power_w: mean since the tick before; NAN: nothing was read since. */
struct jm_live_channel {
	struct jm_channel_info info; /* as opened; the state follows the sensor */
	bool is_counted;             /* gives energy, and is not the same as another that is counted */
	bool is_split;               /* its energy is given to processes */
	bool is_lost;                /* the sensor is gone; it is tried again every few seconds */
	int part_of;                 /* index of the channel that contains this one, or -1 */
	int device;                  /* ordinal of the package or GPU */
	const char *split_by;        /* "processor time", "resident memory", "SM time", or empty: reason why not */
	const char *split_reason;
	double energy_j, seen_s; /* seen_s: time that energy_j speaks of; the rest are gaps */
	double power_w;
	double low_w, high_w; /* bounds of an estimated power; NAN: none known */
	double idle_j, others_j, unattributed_j;
	double
	    idle_w; /* level of the idle machine that joulemap idle has kept: idle_j counts it; NAN: none, it is unused time */
	double temperature_c; /* last reading of a channel of temperature; NAN: it is none, or has no reading */
	int64_t last_ns; /* of the last reading; 0: none yet */
	uint64_t n_expected, n_taken, n_late, n_missed, n_repeated,
	    n_lost;     /* ledger; n_lost: times the sensor was lost */
	int64_t cpu_ns; /* own processor time for reading it */
};

/* A watched process since it came under watch. Arrays have one entry a channel, 0 where a channel is not split. What descends from it
 * is in the tree; a child that was watched on its own account is so, too. */
struct jm_live_process {
	uint32_t id; /* counts those seen; as jm_live_watch gives it */
	int64_t pid, ns_pid, parent_pid;
	uint64_t start_ticks;                                   /* with pid: tells it from any other of this boot */
	const char *name, *command, *runtime, *container, *pod; /* empty: none or unknown */
	bool is_gone, is_root;
	double cpu_s, tree_cpu_s;
	const double *energy_j, *tree_energy_j;
	int64_t rss_bytes;
};

/* A container, the sum of those of its processes that were watched, while any of them is there. */
struct jm_live_container {
	const char *runtime, *container, *pod;
	size_t n_processes;
	double cpu_s;
	const double *energy_j; /* one a channel */
};

/* The whole, as of the last tick. */
struct jm_live_state {
	int64_t t_ns, realtime_ns, period_ns; /* period_ns: 0 when asleep */
	uint64_t n_ticks;
	size_t n_processes; /* alive */
	double others_cpu_s;
};

/* Opens the sensors, asleep. Sensors that cannot be opened are left out with a note. Errors: JM_E_NOT_FOUND when none is left;
 * JM_E_INVALID, JM_E_NOMEM. */
JM_API int jm_live_open(const struct jm_live_options *options, struct jm_live **out, struct jm_error *err);
JM_API void jm_live_close(struct jm_live *live);

/* Reads the sensors every period_ns from now on, the first time at once; 0: puts them to sleep. The same period again changes
 * nothing. Errors: JM_E_NOMEM, JM_E_INVALID (below 1 ms). */
JM_API int jm_live_pace(struct jm_live *live, int64_t period_ns, struct jm_error *err);
/* Gives when the next tick is due. */
JM_API int64_t jm_live_due_ns(const struct jm_live *live);
/* Takes in what was read, looks at the processes, and splits. To be called when due; earlier is allowed. Errors: JM_E_NOMEM. */
JM_API int jm_live_tick(struct jm_live *live, struct jm_error *err);

/* The same with fresh readings of every sensor, unless the last tick is at most older_ns old: where something begins or ends
 * between two ticks. Errors: as above. */
JM_API int jm_live_refresh(struct jm_live *live, int64_t older_ns, struct jm_error *err);

/* Watches a process and what descends from it, until as many jm_live_unwatch. *id_out: good until then, also when it has ended.
 * Its time counts from now. Errors: JM_E_NOT_FOUND: there is none; JM_E_PERMISSION: /proc hides it; JM_E_FULL: too many. */
JM_API int jm_live_watch(struct jm_live *live, int64_t pid, uint32_t *id_out, struct jm_error *err);
/* The same for one of many: behind the last of them jm_live_begin is called. */
JM_API int jm_live_add(struct jm_live *live, int64_t pid, uint32_t *id_out, struct jm_error *err);
/* Looks at the machine where nobody was watched before, so that what is split counts from here. Errors: JM_E_NOMEM. */
JM_API int jm_live_begin(struct jm_live *live);
JM_API void jm_live_unwatch(struct jm_live *live, uint32_t id);

/* Gives how many channels there are: the same as long as it is open. */
JM_API size_t jm_live_n_channels(const struct jm_live *live);
/* Texts and arrays are borrowed until the next call of jm_live_tick, jm_live_watch or jm_live_unwatch. Errors: JM_E_INVALID. */
JM_API int jm_live_channel(const struct jm_live *live, size_t i, struct jm_live_channel *out);
JM_API int jm_live_process(const struct jm_live *live, uint32_t id, struct jm_live_process *out);
/* Goes over all processes, in no order: *at is 0 before the first call. Gives false behind the last. */
JM_API bool jm_live_next_process(const struct jm_live *live, size_t *at, struct jm_live_process *out);
JM_API bool jm_live_next_container(const struct jm_live *live, size_t *at, struct jm_live_container *out);
JM_API void jm_live_state(const struct jm_live *live, struct jm_live_state *out);
/* Gives what this program took so far: processor time, and memory now; < 0: unknown. */
JM_API void jm_own_cost(int64_t *cpu_ns, int64_t *rss_bytes);
/* Gives the i-th note (sensors left out or lost, processes hidden), or NULL behind the last. Borrowed. */
JM_API const char *jm_live_note(const struct jm_live *live, size_t i);

/* ---- Recordings --------------------------------------------------------------------------------------------------- */

/* A recording of what a live view reads (docs/recording-format.md), as `joulemap record --processes PID,...` makes one: all channels,
 * and some processes with what descends from them. However many are made at a time, sensors and processes are read once. */
struct jm_live_recording;

struct jm_live_record_options {
	size_t size; /* sizeof(struct jm_live_record_options) */
	const char *path;
	const uint32_t *ids; /* of jm_live_watch */
	size_t n_ids;
	const char *command; /* kept in the recording; NULL: none */
};

/* Begins a recording, as of the last tick. Each tick writes to it; twice a second (of more
 * than 16 recordings: every 2 s) that becomes safe from a kill. Errors: JM_E_EXISTS;
 * those of jm_recorder_start. */
JM_API int jm_live_record(struct jm_live *live, const struct jm_live_record_options *options,
			  struct jm_live_recording **out, struct jm_error *err);
/* Keeps a text in it. Errors: as jm_live_recording_status. */
JM_API int jm_live_recording_meta(struct jm_live_recording *recording, const char *key, const char *text);
/* Gives the first failure of writing, after which nothing more is written; 0: none. */
JM_API int jm_live_recording_status(const struct jm_live_recording *recording, struct jm_error *err);
/* Ends it, as of the last tick. Quick; jm_live_close does it too. */
JM_API void jm_live_recording_end(struct jm_live_recording *recording);
/* Ends it if need be, closes the file, frees. NULL is allowed. Errors: of the first write that failed. */
JM_API int jm_live_recording_close(struct jm_live_recording *recording, struct jm_error *err);

#ifdef __cplusplus
}
#endif
#endif
