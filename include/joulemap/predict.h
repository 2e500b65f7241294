/* joulemap's predictions: measured layers as training data, models learnt from them, networks predicted without being run.
 * docs/prediction.md has the formats and what is learnt how. Conventions as in joulemap.h. */
#ifndef JOULEMAP_PREDICT_H
#define JOULEMAP_PREDICT_H

#include "joulemap/joulemap.h"

#ifdef __cplusplus
extern "C" {
#endif

struct jm_dataset_options {
	size_t size; /* sizeof(struct jm_dataset_options) */
	/* Recordings of `joulemap run` and torch profiles; folders that joulemap map or the historic scripts wrote
	 * (power_runtime_mapping_layerwise.csv beside trt_engine_info.json), one network or a tree of them; raw_data trees. */
	const char *const *sources;
	size_t n_sources;
	const char *directory;   /* DIRECTORY/NETWORK/KIND.csv; made if need be */
	bool is_historic;        /* exactly the columns, features and cut of the historic scripts */
	uint64_t count_min;      /* executions or readings that a layer needs; 0: 10. Others are left out one by one */
	const char *model;       /* ONNX file for windows of poolings, where recordings name none that is there */
	uint64_t percentile;     /* of a recorded layer's executions that its runtime is, 1 to 99; 0: 50, the median */
	void (*tell)(void *ctx, const char *text); /* what was taken and left out, and why; may be NULL */
	void *ctx;
};

/* Builds training data. Errors: of reading a source (JM_E_NOT_FOUND, JM_E_FORMAT, ...); JM_E_INVALID when no layer is left; of
 * writing. */
JM_API int jm_dataset_build(const struct jm_dataset_options *options, struct jm_error *err);

struct jm_fit_options {
	size_t size;             /* sizeof(struct jm_fit_options) */
	const char *data;        /* folder of training data */
	const char *predictor;   /* file to write; NULL: none */
	uint64_t n_alphas;       /* strengths of the L1 penalty that are tried; 0: 100 */
	bool is_evaluated;       /* also leave each network out in turn, with its precisions and copies, learn from the others, and predict it */
	bool overwrite;          /* replace the predictor if it is there */
};

struct jm_fit;

/* Learns from training data. Errors: JM_E_NOT_FOUND, JM_E_FORMAT with file and line, JM_E_INVALID (nothing to learn from),
 * JM_E_NOMEM, JM_E_EXISTS (the predictor, without overwrite), of writing. */
JM_API int jm_fit_open(const struct jm_fit_options *options, struct jm_fit **out, struct jm_error *err);
/* Writes what was learnt from how many rows, and with is_evaluated the errors by kind and by network. view: format "table",
 * "csv" or "json". Errors: as jm_report_write. */
JM_API int jm_fit_write(const struct jm_fit *fit, const struct jm_view_options *view, jm_write_fn write, void *ctx,
			struct jm_error *err);
JM_API void jm_fit_destroy(struct jm_fit *fit);

struct jm_predict_options {
	size_t size;             /* sizeof(struct jm_predict_options) */
	const char *predictor;   /* file of jm_fit_open */
	const char *network;     /* ONNX file, or trt_engine_info.json */
	const char *approach;    /* "roofline" (NULL) or "polynomial" */
	uint64_t batch;          /* of an ONNX file: as in struct jm_complexity_options */
	const char *const *shapes;
	size_t n_shapes;
	const char *onnxruntime;
	bool is_never_run;
};

struct jm_prediction;

/* Predicts runtime, power and energy of each layer and of the network, which is not run (but see is_never_run). Errors: of reading;
 * JM_E_INVALID for an unknown approach. */
JM_API int jm_prediction_open(const struct jm_predict_options *options, struct jm_prediction **out, struct jm_error *err);
/* Writes it. view: format "table", "json", or "csv" (power_prediction in W, runtime_prediction in ms, layer_name, layer_type, then
 * joulemap's columns); limit; is_colour; width. Errors: as jm_report_write. */
JM_API int jm_prediction_write(const struct jm_prediction *prediction, const struct jm_view_options *view, jm_write_fn write,
			       void *ctx, struct jm_error *err);
JM_API void jm_prediction_destroy(struct jm_prediction *prediction);

#ifdef __cplusplus
}
#endif
#endif
