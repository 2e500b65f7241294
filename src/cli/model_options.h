/* Options that all commands share which run a model or look at one. field: of the command's settings, of the type that the option
 * takes. */
#ifndef CLI_MODEL_OPTIONS_H
#define CLI_MODEL_OPTIONS_H

#include "cli/cli.h"

/* What to run a model with: a field `model` of the settings of run and bench. */
struct jm_model_settings {
	struct jm_text_list shapes, inputs, data;
	uint64_t batch, threads, seed;
	const char *provider, *onnxruntime, *labels, *metric;
};

/* Fills in these. */
void jm_model_settings_fill(const struct jm_model_settings *s, struct jm_run_options *out);

#define JM_CLI_SHAPE(settings, field)                                                                                  \
	{                                                                                                              \
		0, "shape", "NAME=DIMS", "shape of an input, such as x=1x3x224x224; again for more", JM_OPTION_LIST,   \
		    offsetof(settings, field)                                                                          \
	}
#define JM_CLI_BATCH(settings)                                                                                         \
	{                                                                                                              \
		'b', "batch", "N", "size of an open first dimension", JM_OPTION_COUNT, offsetof(settings, model.batch) \
	}
#define JM_CLI_THREADS(settings)                                                                                       \
	{                                                                                                              \
		't', "threads", "N", "threads of the runtime (default: its choice)", JM_OPTION_COUNT,                  \
		    offsetof(settings, model.threads)                                                                  \
	}
#define JM_CLI_PROVIDER(settings)                                                                                      \
	{                                                                                                              \
		'p', "provider", "NAME", "execution provider: cpu (default), cuda, ...", JM_OPTION_TEXT,               \
		    offsetof(settings, model.provider)                                                                 \
	}
#define JM_CLI_ONNXRUNTIME(settings)                                                                                   \
	{                                                                                                              \
		0, "onnxruntime", "LIB", "ONNX Runtime library to load", JM_OPTION_TEXT,                               \
		    offsetof(settings, model.onnxruntime)                                                              \
	}
#define JM_CLI_LABELS(settings)                                                                                        \
	{                                                                                                              \
		0, "labels", "FILE", "of the data, .npy: accuracy, or perplexity for labels of tokens",                \
		    JM_OPTION_TEXT, offsetof(settings, model.labels)                                                   \
	}
#define JM_CLI_METRIC(settings)                                                                                        \
	{                                                                                                              \
		0, "metric", "COMMAND",                                                                                \
		    "scores the outputs instead: gets outputs and labels (.npy), prints [NAME] VALUE", JM_OPTION_TEXT, \
		    offsetof(settings, model.metric)                                                                   \
	}

/* Of commands that count a model and run it only where its shapes cannot be inferred. */
#define JM_CLI_COUNTED_BATCH(settings, field)                                                                          \
	{                                                                                                              \
		'b', "batch", "N", "size of an open first dimension (default 1)", JM_OPTION_COUNT,                     \
		    offsetof(settings, field)                                                                          \
	}
#define JM_CLI_NEVER_RUN(settings, field)                                                                              \
	{                                                                                                              \
		0, "never-run", NULL, "leave shapes that cannot be inferred unknown (else one run shows them)",        \
		    JM_OPTION_FLAG, offsetof(settings, field)                                                          \
	}
#define JM_CLI_ONE_RUN(settings, field)                                                                                \
	{                                                                                                              \
		0, "onnxruntime", "FILE", "ONNX Runtime library for that run (default: searched for)", JM_OPTION_TEXT, \
		    offsetof(settings, field)                                                                          \
	}

#endif
