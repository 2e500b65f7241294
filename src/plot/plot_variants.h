/* Variants side by side as a picture: a panel a figure, in it a bar a variant, its trials as dots. */
#ifndef PLOT_PLOT_VARIANTS_H
#define PLOT_PLOT_VARIANTS_H

#include "plot/canvas.h"

/* A variant in a panel. All borrowed. */
struct jm_plot_bar {
	double value;      /* in the panel's unit; NAN: unknown */
	const char *below; /* against the first, or why not; may be empty */
	const double *trials;
	size_t n_trials; /* NAN among them are left out */
	bool is_estimated;
};

struct jm_plot_panel {
	const char *title;
	const char *unit;               /* "J", "s", "W": shown with a prefix; "%", "": as it is */
	const struct jm_plot_bar *bars; /* one a variant */
};

#define JM_PLOT_PANELS_MAX 3

struct jm_plot_variants {
	const char *title, *subtitle, *note; /* note: below all, may be empty */
	const char *const *names;
	size_t n_variants;
	const struct jm_plot_panel *panels;
	size_t n_panels; /* 1 to JM_PLOT_PANELS_MAX */
	enum jm_canvas_format format;
	double width, scale; /* as in struct jm_plot_options */
};

/* Appends the picture. Errors: those of the canvas. */
int jm_plot_variants_draw(const struct jm_plot_variants *in, struct jm_buffer *out, struct jm_error *err);

#endif
