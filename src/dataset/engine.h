/* Layers of a TensorRT engine: trt_engine_info.json, trtexec --exportLayerInfo with detailed verbosity. */
#ifndef DATASET_ENGINE_H
#define DATASET_ENGINE_H

#include "dataset/features.h"

/* One layer. is_known: features are set; else its type is of no kind that is learnt, or what they need is missing. */
struct jm_engine_layer {
	char *name, *type;
	bool is_known;
	struct jm_features features;
};

struct jm_engine {
	struct jm_engine_layer *layers; /* in the file's order */
	size_t n, capacity;
};

/* Reads n bytes; path: for messages. is_historic: features as the historic scripts computed them: a pooling without "Kernel" is
 * global, whatever its WindowSize. Errors: JM_E_FORMAT with the line, JM_E_NOMEM. */
int jm_engine_read(const char *path, const char *data, size_t n, bool is_historic, struct jm_engine *out,
		   struct jm_error *err);
void jm_engine_finish(struct jm_engine *e);

#endif
