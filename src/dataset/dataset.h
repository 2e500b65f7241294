/* Training data: one row a layer of a network, in memory and as the CSV files of a folder: FOLDER/NETWORK/KIND.csv. */
#ifndef DATASET_DATASET_H
#define DATASET_DATASET_H

#include "core/text.h"
#include "dataset/features.h"

#define JM_POWER_STATE_LIST(X)                                                                                         \
	X(UNKNOWN, "unavailable")                                                                                      \
	X(MEASURED, "measured")                                                                                        \
	X(ESTIMATED, "estimated")
#define JM_ENUM(name, text) JM_POWER_##name,
enum jm_power_state { JM_POWER_STATE_LIST(JM_ENUM) };
#undef JM_ENUM
/* Gives the word for it in tables. */
const char *jm_power_state_text(enum jm_power_state state);

struct jm_dataset_row {
	char *network, *layer, *type, *device; /* device: what ran it; empty: not known */
	struct jm_features features;
	double runtime_ms;                    /* mean of one execution; NAN: unknown */
	double power_w;                       /* above idle; NAN: unknown */
	double power_low_w, power_high_w;     /* 95 %; NAN: unknown */
	enum jm_power_state power_state;
	uint64_t count; /* executions or readings behind the row; 0: not known */
	/* Of what ran it, mean over the measured time; NAN: not known. */
	double clock_mhz, memory_clock_mhz;
};

struct jm_dataset {
	struct jm_dataset_row *rows; /* by network, kind and layer once sorted */
	size_t n, capacity;
};

/* Frees the rows and their texts. */
void jm_dataset_finish(struct jm_dataset *d);
/* Adds a row; texts are copied, NULL is empty. Errors: JM_E_NOMEM. */
int jm_dataset_add(struct jm_dataset *d, const struct jm_dataset_row *row);
/* Sorts by network, kind and layer, so that nothing depends on the order in which files were met. */
void jm_dataset_sort(struct jm_dataset *d);

/* Writes FOLDER/NETWORK/KIND.csv for every network and kind there is. is_historic: the first three kinds alone, with exactly the
 * columns of edge-vision-power-estimation (convolutional: 16, pooling: 14, dense: 6; power in uW above idle, runtime in ms);
 * otherwise joulemap's columns follow these. Existing tables of the networks are replaced, all or, where something fails, none (replace.h);
 * other networks stay. Links are not followed. Errors: JM_E_INVALID (a name that is no folder's), JM_E_IO, JM_E_FULL, JM_E_PERMISSION,
 * JM_E_NOMEM. */
int jm_dataset_write(const struct jm_dataset *d, const char *folder, bool is_historic, struct jm_error *err);

/* Names the networks in folder that are not in d, sorted, with ", " between. *n: how many. Errors: JM_E_NOMEM. */
int jm_dataset_others(const struct jm_dataset *d, const char *folder, struct jm_buffer *names, size_t *n);

/* Reads what jm_dataset_write or the historic scripts wrote; files of other names are passed over. Rows without runtime and power
 * are left out; *n_left_out counts them. Errors: JM_E_NOT_FOUND (no folder, no table), JM_E_FORMAT with file and line, JM_E_NOMEM. */
int jm_dataset_read(const char *folder, struct jm_dataset *d, size_t *n_left_out, struct jm_error *err);

#endif
