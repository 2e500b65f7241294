/* Texts of /proc/PID, after proc(5). Pure; nothing is allocated; what is malformed is JM_E_FORMAT. */
#ifndef PROCESS_PARSE_H
#define PROCESS_PARSE_H

#include "joulemap/joulemap.h"

#define JM_COMM_MAX 64 /* kernel threads have longer names than the 15 bytes of TASK_COMM_LEN */

/* Of /proc/PID/stat. Times in clock ticks. */
struct jm_proc_stat {
	char comm[JM_COMM_MAX];
	char state;
	int64_t parent_pid, n_threads;
	uint64_t cpu_ticks;    /* utime + stime: all threads, ended ones included */
	uint64_t reaped_ticks; /* cutime + cstime: children that were waited for, and theirs */
	uint64_t start_ticks;
	int64_t rss_pages;
};

/* Parses n bytes. The name stands between the first '(' and the last ')', and may hold anything, both of these and line
 * breaks included. */
int jm_proc_parse_stat(const char *text, size_t n, struct jm_proc_stat *out);

/* Of /proc/stat. Times in clock ticks, all processors. */
struct jm_proc_machine {
	uint64_t idle_ticks; /* idle, iowait, steal */
	uint32_t n_cpus;
	uint64_t n_forks; /* since boot, threads included; 0: not told */
};
int jm_proc_parse_machine(const char *text, size_t n, struct jm_proc_machine *out);

/* Gives the numbers behind a key of /proc/PID/status such as "NSpid:"; out: at most max; gives how many, 0: no such key. */
size_t jm_proc_status_numbers(const char *text, size_t n, const char *key, int64_t *out, size_t max);

/* Gives kilobytes behind a key of smaps_rollup, added up over keys that begin so ("Private_"). Errors: JM_E_NOT_FOUND. */
int jm_proc_kilobytes(const char *text, size_t n, const char *key, int64_t *out);

/* Chooses the cgroup of a process from /proc/PID/cgroup (cgroups(7)): the longest path of its hierarchies, the unified one
 * when in doubt. *path_out points into text, not terminated. Gives its length; 0: none. */
size_t jm_proc_cgroup(const char *text, size_t n, const char **path_out);

#endif
