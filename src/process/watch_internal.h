/* The inside of a watch, shared by watch.c (snapshots), watch_list.c (who is watched), watch_detail.c (what they are) and
 * watch_counts.c (hardware counters). */
#ifndef PROCESS_WATCH_INTERNAL_H
#define PROCESS_WATCH_INTERNAL_H

#include "process/counts.h"
#include "process/parse.h"
#include "process/watch.h"

#define JM_WATCH_NOTES_MAX 4

/* One watched process. */
struct jm_watch_slot {
	uint32_t id;
	int fd; /* of stat, or -1: opened each time */
	int64_t pid, parent_pid, first_ns;
	uint64_t start_ticks;
	int64_t clock_ns;        /* process clock at the last look; < 0: not known */
	uint64_t ticks;          /* utime + stime at the last look */
	int64_t base_ns;         /* processor time when it came under watch */
	int64_t seen_ns;         /* the latest, since its start */
	int64_t reaped_total_ns; /* of its children, as stat says */
	int64_t reaped_ns;       /* of it what no snapshot saw, since it came under watch */
	int64_t balance_ns;      /* reaped less seen of ended children; below 0: stat of this one is not that far yet */
	int64_t rss_bytes;
	int64_t pace_ns; /* what it did between the two looks before this one */
	int64_t memory_due_ns;
	char comm[JM_COMM_MAX];
	bool is_root, is_gone, is_changed, needs_description, is_described, was_below;
	struct jm_counts counters; /* n 0: not counted */
	int64_t counts[JM_N_COUNTS];
	bool is_fresh;   /* taken in, not looked at yet */
	uint8_t n_looks; /* up to a few: a new process may still become another program */
};

/* What is known of a number of /proc: a slot, or somebody else's process. */
struct jm_watch_entry {
	int64_t pid; /* 0: free */
	uint64_t inode;
	int32_t slot; /* -1: not watched */
	uint32_t round;
};

struct jm_process_watch {
	struct jm_env env;
	struct jm_process_options options;
	int proc_fd;
	int machine_fd, memory_fd;                 /* of /proc/stat and /proc/meminfo, or -1 */
	int64_t ns_per_tick, page_bytes, self_pid; /* self_pid: as this /proc numbers us; 0: not in it */
	bool is_own_namespace, has_clock, adopts;
	struct jm_watch_slot **slots; /* parents before their children */
	size_t n_slots, slots_capacity;
	struct jm_watch_entry *entries; /* open addressing by pid; a power of two */
	size_t n_entries, entries_capacity;
	uint32_t round, next_id;
	uint64_t n_forks;
	bool needs_list, is_first, next_is_old;
	bool has_gone, has_others; /* there may be slots that are gone, entries without one */
	size_t n_open;
	size_t n_read;     /* descriptions read behind this snapshot */
	size_t memory_at;  /* slot whose memory is read next */
	int64_t memory_ns; /* when memory was looked at last */
	int64_t last_ns;
	/* Our own children: the command's last stretch is seen when we wait for it. */
	int64_t self_reaped_ns, self_balance_ns, orphan_ns;
	struct jm_process_sample command; /* the last one of the command's first process */
	bool has_command;
	enum jm_counts_mode counts_mode; /* NONE: nothing is counted, or no more than the machine */
	struct jm_error counts_why;      /* why not */
	size_t counters_left;            /* descriptors for counters */
	struct jm_counts machine;
	bool is_counts_told;
	/* Of the snapshot. */
	struct jm_process *described;
	char **texts; /* owned by described, n_texts */
	struct jm_process_sample *samples;
	struct jm_process_memory *memory;
	struct jm_process_count *counts;
	uint32_t *gone;
	size_t n_described, n_texts, n_samples, n_memory, n_counts, n_gone;
	size_t described_capacity, texts_capacity, samples_capacity, memory_capacity, counts_capacity, gone_capacity;
	char notes[JM_WATCH_NOTES_MAX][320];
	size_t n_notes;
	bool is_cap_told;
	char *scratch; /* JM_WATCH_SCRATCH bytes */
};

#define JM_WATCH_SCRATCH 65536

/* Keeps a line for the user; beyond JM_WATCH_NOTES_MAX it is dropped. */
void jm_watch_note(struct jm_process_watch *w, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Reads PID/FILE below /proc whole, at most size bytes. Gives how many, or a negative JM_E_ code. */
int64_t jm_watch_read(const struct jm_process_watch *w, int64_t pid, const char *file, char *out, size_t size);
/* Opens PID/stat, keeping nothing. Gives a descriptor or a negative JM_E_ code. */
int jm_watch_open_stat(const struct jm_process_watch *w, int64_t pid);

/* Brings the list of watched processes up to date: those that are new since the last time become slots at the end.
 * Errors: JM_E_NOMEM. */
int jm_watch_list(struct jm_process_watch *w);
/* Makes a slot; stat: as read just now, from fd, which it takes over (-1: none). Errors: JM_E_NOMEM, JM_E_FULL. */
int jm_watch_adopt(struct jm_process_watch *w, int64_t pid, const struct jm_proc_stat *stat, bool is_new, int fd,
		   struct jm_watch_slot **out);
struct jm_watch_entry *jm_watch_find(const struct jm_process_watch *w, int64_t pid);
/* Puts parents before their children, by their starts. */
void jm_watch_sort(struct jm_process_watch *w);
/* Forgets the slots that are gone, and all that is known of processes that are not watched if forget_others. */
void jm_watch_forget(struct jm_process_watch *w, bool forget_others);

/* Describes processes: those that are not yet, or (any) those that may have become another program, too; and reads the memory of
 * some. Cold beside the snapshot, and bounded in number. Errors: JM_E_NOMEM. */
int jm_watch_describe(struct jm_process_watch *w, bool any);
int jm_watch_memory(struct jm_process_watch *w, int64_t now_ns);

/* Begins to count, or keeps the reason why not. */
void jm_watch_counts_begin(struct jm_process_watch *w);
void jm_watch_counts_end(struct jm_process_watch *w);
/* Opens the counters of a slot, if it may have any. */
void jm_watch_counts_open(struct jm_process_watch *w, struct jm_watch_slot *s);
void jm_watch_counts_close(struct jm_process_watch *w, struct jm_watch_slot *s);
/* Reads them; what cannot be read any more stays as it was. */
void jm_watch_counts_look(struct jm_watch_slot *s);
/* Adds a row of the snapshot. s: NULL: of the machine. Errors: JM_E_NOMEM. */
int jm_watch_counts_add(struct jm_process_watch *w, const struct jm_watch_slot *s);

#endif
