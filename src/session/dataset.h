/* Building training data: what the files of it share. */
#ifndef SESSION_DATASET_H
#define SESSION_DATASET_H

#include "dataset/dataset.h"
#include "joulemap/predict.h"

struct jm_dataset_building {
	const struct jm_dataset_options *options;
	struct jm_dataset data;
	uint64_t count_min;
	double percentile;
};

/* Takes the layers of a folder: mapped ones, a tree of such, or raw data. Errors: JM_E_NOT_FOUND, JM_E_FORMAT, JM_E_NOMEM. */
int jm_dataset_take_folder(struct jm_dataset_building *b, const char *path, struct jm_error *err);
void jm_dataset_tell(const struct jm_dataset_building *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The file's name without folder and extension. */
void jm_dataset_network_name(const char *path, char *out, size_t size);

#endif
