#include "cli/model_options.h"

void jm_model_settings_fill(const struct jm_model_settings *s, struct jm_run_options *out)
{
	out->batch = s->batch;
	out->shapes = s->shapes.items;
	out->n_shapes = s->shapes.n;
	out->inputs = s->inputs.items;
	out->n_inputs = s->inputs.n;
	out->threads = s->threads;
	out->provider = s->provider;
	out->onnxruntime = s->onnxruntime;
	out->seed = s->seed;
	out->data = s->data.items;
	out->n_data = s->data.n;
	out->labels = s->labels;
	out->metric = s->metric;
}
