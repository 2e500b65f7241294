/* Plots: a report as a picture for papers and slides. docs/report.md shows each. */
#ifndef PLOT_PLOT_H
#define PLOT_PLOT_H

#include "core/result.h"
#include "plot/canvas.h"
#include "scene/scene.h"

/* X(name, text). LAYERS: energy and time of each layer side by side. MAPPING: how readings and spans become energies, in three
 * steps. */
#define JM_PLOT_LIST(X)                                                                                                \
	X(LAYERS, "layers")                                                                                            \
	X(ENERGY, "energy")                                                                                            \
	X(LATENCY, "latency")                                                                                          \
	X(TIMELINE, "timeline")                                                                                        \
	X(MAPPING, "mapping")
#define JM_ENUM(name, text) JM_PLOT_##name,
enum jm_plot_kind { JM_PLOT_LIST(JM_ENUM) };
#undef JM_ENUM
/* Errors: JM_E_INVALID. */
int jm_plot_parse(const char *text, enum jm_plot_kind *out);

/* All borrowed. */
struct jm_plot_input {
	const char *title;
	const struct jm_result *result;
	const struct jm_scene *scene;
	const struct jm_names *names; /* of the scene's boxes */
};

struct jm_plot_options {
	enum jm_plot_kind kind;
	enum jm_canvas_format format;
	int channel;  /* index in the result; -1: the one of the most energy that is part of none */
	size_t limit; /* rows of layers; 0: 30 */
	double width; /* points; 0: 960 */
	double scale; /* pixels a point, of PNG; 0: 2 */
};

/* Appends the picture. Errors: JM_E_NOT_FOUND when there is nothing of that kind to draw; those of the canvas. */
int jm_plot_draw(const struct jm_plot_input *in, const struct jm_plot_options *options, struct jm_buffer *out,
		 struct jm_error *err);

#endif
