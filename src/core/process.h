/* Processes as they are sampled beside power: what one is, and what a snapshot of all the watched found of it. */
#ifndef CORE_PROCESS_H
#define CORE_PROCESS_H

#include "joulemap/joulemap.h"

/* A process. Number and start tell it from any other of this boot; id counts those seen, from 0. Texts are never NULL, empty:
 * none or unknown. */
struct jm_process {
	uint32_t id;
	int64_t pid, parent_pid;
	int64_t ns_pid;       /* its number in its own, innermost namespace; equal to pid where there is none */
	uint64_t start_ticks; /* clock ticks since boot: field 22 of stat, proc(5) */
	int64_t first_ns;     /* snapshot that had it first */
	bool is_root;         /* asked for, not found as a descendant */
	const char *name;     /* comm */
	const char *command;  /* arguments, joined by spaces */
	const char *cgroup;
	const char *runtime;   /* "docker", "podman", ... */
	const char *container; /* its id or name */
	const char *pod;       /* uid of a Kubernetes pod */
};

/* The machine at one snapshot. */
struct jm_process_step {
	int64_t t_ns, half_width_ns; /* CLOCK_MONOTONIC: middle and half width of the time that reading all took */
	bool is_idle_known;
	int64_t idle_ns;    /* since boot, all processors: idle, waiting for I/O, or stolen by a host */
	uint32_t n_cpus;    /* online; 0: unknown */
	uint32_t n_watched; /* processes in the snapshot */
	int64_t used_bytes; /* memory in use, all of it: total less available; < 0: unknown */
	/* Of records of other tools, which do not tell idle time: what all processes took since the step before, ns. */
	bool is_busy_known;
	int64_t busy_ns;
};

/* One process in one snapshot. Numbers count from when it came under watch, so that the first is 0 for what ran before. */
struct jm_process_sample {
	uint32_t process;  /* id */
	int64_t cpu_ns;    /* processor time of all its threads */
	int64_t reaped_ns; /* time of children that ended and were in no snapshot, or after their last one */
	int64_t rss_bytes; /* < 0: unknown */
};

/* What costs too much for every snapshot. */
struct jm_process_memory {
	uint32_t process;
	int64_t t_ns, pss_bytes, uss_bytes;
};

#define JM_PROCESS_OTHERS UINT32_MAX

/* What a process had of a GPU since the poll before. */
struct jm_process_gpu {
	uint32_t process;           /* id, or JM_PROCESS_OTHERS: all that are not watched, together */
	uint32_t n;                 /* processes in this row that used the GPU */
	uint16_t gpu;               /* ordinal */
	int64_t t_ns;               /* of the poll; the same for all rows of one */
	int64_t sm_ppm, memory_ppm; /* of the time; memory < 0: unknown */
	int64_t used_bytes;         /* GPU memory; < 0: unknown */
};

#define JM_PROCESS_MACHINE UINT32_MAX

/* What the processor's own counters tell of each process: indices of jm_process_count.counts. X(name, key, what one says) */
#define JM_COUNT_LIST(X)                                                                                               \
	X(CYCLES, "cycles", "cycles")                                                                                  \
	X(INSTRUCTIONS, "instructions", "instructions")                                                                \
	X(LLC_MISSES, "llc_misses", "cache misses")
#define JM_COUNT_ENUM(name, key, text) JM_COUNT_##name,
enum jm_count { JM_COUNT_LIST(JM_COUNT_ENUM) JM_N_COUNTS };
#undef JM_COUNT_ENUM

/* Counts since the process came under watch, so that the first row is 0; in steps that have a sample of it. */
struct jm_process_count {
	uint32_t process;            /* id, or JM_PROCESS_MACHINE: all processors together, in every step */
	int64_t counts[JM_N_COUNTS]; /* < 0: not counted */
};

/* All that a recording says of processes. Arrays are in order of time; a process that has no sample at a step has not
 * changed since its last one. */
struct jm_process_log {
	struct jm_process *processes; /* index: id */
	int64_t *last_ns; /* likewise: the snapshot that missed it first; INT64_MAX: it was there to the end */
	size_t n_processes;
	struct jm_process_step *steps;
	size_t n_steps;
	struct jm_process_sample *samples;
	uint32_t *sample_steps; /* n_samples entries: index in steps */
	size_t n_samples;
	struct jm_process_memory *memory;
	size_t n_memory;
	struct jm_process_gpu *gpu;
	size_t n_gpu;
	struct jm_process_count *counts;
	uint32_t *count_steps; /* n_counts entries: index in steps */
	size_t n_counts;
	bool are_shares; /* times are shares of the busy time times the length of the step, no processor time */
};

/* Frees what it holds; the log itself is yours. */
void jm_process_log_finish(struct jm_process_log *log);

#endif
