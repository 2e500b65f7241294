/* What is shown: rates over the time between two updates. NAN is unknown throughout. */
#ifndef TOP_MODEL_H
#define TOP_MODEL_H

#include "core/own_cost.h"
#include "top/top.h"

#define JM_TOP_HISTORY 240

struct jm_top_channel {
	char name[96];
	const char *state; /* "measured", "estimated", "unavailable"; static */
	bool is_counted, is_split, is_lost, is_gpu, is_outermost;
	double power_w, energy_j, seen_s;
	double idle_j, others_j, unattributed_j;
	uint64_t n_expected, n_taken, n_late, n_missed, n_lost;
	double history_w[JM_TOP_HISTORY]; /* the last n_history updates, the latest last */
	size_t n_history;
};

struct jm_top_process {
	uint32_t id;
	int64_t pid;
	char name[160], container[40];
	double cpu_s, energy_j, gpu_j;       /* since it came under watch */
	double cpu_fraction, power_w, gpu_w; /* now; cpu_fraction: of one processor */
	double share;                        /* of what the split channels draw */
	int64_t rss_bytes;                   /* < 0: unknown */
};

/* Where the power of the split channels goes, W. */
struct jm_top_split {
	double all_w, processes_w, idle_w, others_w, unattributed_w;
};

struct jm_top {
	struct jm_top_channel *channels;
	struct jm_top_process *processes; /* in the order of id; view sorts pointers */
	size_t n_channels, n_processes;
	struct jm_top_split split;
	struct jm_own_cost own_cost; /* of this program, since the first update */
	double own_cpu_started_s;
	char split_reason[160]; /* why nothing is split, or empty */
	char note[256];         /* the last note of the library, or empty */
	bool has_gpu, has_containers;
	int64_t started_ns, updated_ns;
	int64_t realtime_ns;
	uint64_t n_updates;
	/* What the user chose. */
	enum jm_top_sort sort;
	bool is_reversed, is_paused, is_help;
	size_t first_row; /* of processes shown */
};

/* Takes in the state of live. Errors: JM_E_NOMEM; top is as before then. */
int jm_top_update(struct jm_top *top, const struct jm_live *live);
void jm_top_finish(struct jm_top *top);

/* Does what a key asks for. Gives false when it asks to end. page: rows of a screen. */
bool jm_top_key(struct jm_top *top, int key, size_t page);

/* Keys that are no characters. */
enum {
	JM_KEY_NONE = 0,
	JM_KEY_UP = 1000,
	JM_KEY_DOWN,
	JM_KEY_PAGE_UP,
	JM_KEY_PAGE_DOWN,
	JM_KEY_HOME,
	JM_KEY_END,
	JM_KEY_OTHER
};

#endif
