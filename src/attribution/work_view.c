/* Views: what one device saw. Energy of a GPU goes to what ran on that GPU. */
#include "attribution/work.h"
#include "core/error.h"

#include <stdlib.h>
#include <string.h>

uint16_t jm_work_device_of(const struct jm_work *w, size_t c)
{
	return w->has_devices ? w->in->channel_devices[c] : 0;
}

void jm_work_time_finish(struct jm_work *w)
{
	free(w->layers);
	free(w->layer_of_name);
	w->layers = NULL;
	w->layer_of_name = NULL;
	w->n_layers = 0;
	jm_slices_finish(&w->slices);
	jm_stretches_finish(&w->windows);
	jm_stretches_finish(&w->iterations);
	jm_stretches_finish(&w->busy);
	jm_stretches_finish(&w->rest);
	jm_stretches_finish(&w->bare);
}

/* Spans that end before they start were told of with the whole. *out: free(). */
static int copy_spans(const struct jm_span *spans, size_t n, uint16_t device, struct jm_span **out, size_t *n_out)
{
	struct jm_span *copy = malloc((n + 1) * sizeof(*copy));
	size_t i;

	if (!copy)
		return JM_E_NOMEM;
	*n_out = 0;
	for (i = 0; i < n; i++)
		if (spans[i].end_ns >= spans[i].start_ns && (spans[i].device == 0 || spans[i].device == device))
			copy[(*n_out)++] = spans[i];
	*out = copy;
	return 0;
}

int jm_work_view_init(struct jm_work_view *out, const struct jm_work *whole, uint16_t device, struct jm_error *err)
{
	int code;

	memset(out, 0, sizeof(*out));
	out->in = *whole->in;
	code = copy_spans(whole->in->layers, whole->in->n_layers, device, &out->layers, &out->in.n_layers);
	if (code == 0)
		code = copy_spans(whole->in->iterations, whole->in->n_iterations, device, &out->iterations,
				  &out->in.n_iterations);
	if (code < 0) {
		jm_work_view_finish(out);
		return jm_error_set(err, code, "out of memory for the spans of a device");
	}
	out->in.layers = out->layers;
	out->in.iterations = out->iterations;
	out->work = (struct jm_work){.whole = whole,
				     .device = device,
				     .has_devices = true,
				     .in = &out->in,
				     .opt = whole->opt,
				     .result = whole->result,
				     .series = whole->series,
				     .baselines = whole->baselines,
				     .channel_result = whole->channel_result};
	code = jm_work_time(&out->work, err);
	if (code < 0)
		jm_work_view_finish(out);
	return code;
}

void jm_work_view_finish(struct jm_work_view *v)
{
	jm_work_time_finish(&v->work);
	free(v->layers);
	free(v->iterations);
	memset(v, 0, sizeof(*v));
}
