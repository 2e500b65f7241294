#include "session/windows.h"

#include "joulemap/joulemap.h"
#include "model/complexity.h"

#include <string.h>

/* What ONNX Runtime's layout transformer adds to the name of a layer. */
#define BLOCKED_SUFFIX "_nchwc"

void jm_windows_load(struct jm_windows *w, const char *model)
{
	struct jm_complexity_options options = {.size = sizeof(options), .model = model, .is_never_run = true};

	if (jm_complexity_report_open(&options, &w->model, NULL))
		w->model = NULL;
}

void jm_windows_finish(struct jm_windows *w)
{
	jm_complexity_report_destroy(w->model);
	w->model = NULL;
}

const struct jm_window *jm_windows_find(const struct jm_windows *w, const char *layer)
{
	const struct jm_complexity *c;
	size_t i, n = strlen(layer), suffix = strlen(BLOCKED_SUFFIX);

	if (!w->model)
		return NULL;
	if (n > suffix && strcmp(layer + n - suffix, BLOCKED_SUFFIX) == 0)
		n -= suffix;
	c = jm_complexity_report_counts(w->model);
	for (i = 0; i < c->n_layers; i++) {
		const struct jm_layer_complexity *l = &c->layers[i];

		if (strncmp(l->name, layer, n) == 0 && l->name[n] == '\0')
			return l->window.is_known ? &l->window : NULL;
	}
	return NULL;
}
