/* Maps the power readings of a raw_data tree onto the layers of its inferences. Conventions as in joulemap.h. */
#ifndef JOULEMAP_MAP_H
#define JOULEMAP_MAP_H

#include "joulemap/joulemap.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The power of each layer of each inference of a raw_data tree (edge-vision-power-estimation), by the mean of the power
 * readings inside the layer's interval: power_runtime_mapping_layerwise.csv. docs/importers.md describes the files. */
enum jm_map_mode {
	JM_MAP_CORRECTED, /* intervals that cannot overlap, every row kept, no reading counted twice or outside */
	JM_MAP_HEAD, /* as the project's present script: a stamp is the end; rows after the end of the log are dropped */
	JM_MAP_SEED, /* as its first script: a stamp is the start; readings before a layer are charged to it */
};

/* What came of one model. */
struct jm_map_model {
	const char *name, *csv_path;
	int rc; /* 0, or why there is no CSV: error says it */
	struct jm_error error;
	uint64_t n_cycles, n_layers, n_rows;
	uint64_t n_measured;                           /* rows with power */
	uint64_t n_before_log, n_after_log, n_dropped; /* rows; dropped: only JM_MAP_HEAD */
	uint64_t n_readings, n_readings_used;
	uint64_t n_laid;        /* cycles whose layers were laid back to back, as their stamps overlap */
	double layer_time_s;    /* sum of all layers */
	double measured_time_s; /* of the rows with power */
	double log_time_s;      /* first to last reading */
	double uncovered_log_s; /* of it, outside of every layer; NAN: unknown */
};

struct jm_map_options {
	size_t size; /* sizeof(struct jm_map_options) */
	const char *raw_data_dir, *result_dir;
	enum jm_map_mode mode;
	bool overwrite;                                              /* replace files that exist */
	void (*report)(void *ctx, const struct jm_map_model *model); /* after each model; may be NULL */
	void (*warn)(void *ctx, const char *text);                   /* may be NULL */
	void *ctx;
};

/* Maps every model (folder) of the tree, in order of names, and copies its engine info beside the CSV. A model that
 * fails is reported and the others are mapped all the same; the first failure is then the result.
 * Errors: JM_E_NOT_FOUND (no tree, no model, no idle power in a compatible mode), JM_E_FORMAT with file and line,
 * JM_E_EXISTS, JM_E_IO, JM_E_FULL, JM_E_NOMEM. */
JM_API int jm_map_raw_data(const struct jm_map_options *options, struct jm_error *err);

#ifdef __cplusplus
}
#endif

#endif
