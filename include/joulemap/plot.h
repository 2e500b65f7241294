/* joulemap: reports as pictures for papers and slides, SVG or PNG. Conventions: joulemap.h. */
#ifndef JOULEMAP_PLOT_H
#define JOULEMAP_PLOT_H

#include "joulemap/joulemap.h"

#ifdef __cplusplus
extern "C" {
#endif

struct jm_plot_view {
	size_t size;         /* sizeof(struct jm_plot_view) */
	/* "layers" (energy and time of each, side by side), "energy", "latency", "timeline" (power with spans), "mapping" (how
	 * readings and spans become energies); NULL: "layers" where there are any, else "timeline" */
	const char *plot;
	const char *format;  /* "svg", "png" */
	const char *channel; /* name; NULL: the one of the most energy that is part of none */
	size_t limit;        /* rows of layers; 0: 30 */
	double width;        /* points; 0: 960 */
	double scale;        /* pixels a point, of PNG; 0: 2 */
};

/* Draws a report that was opened with_scene. Errors: JM_E_INVALID (no such plot, format or channel, no scene, a size that cannot be
 * drawn), JM_E_NOT_FOUND (nothing of that kind in the recording), JM_E_UNSUPPORTED (no cairo; the remedy names the package),
 * JM_E_CANCELLED when write stops, JM_E_NOMEM. */
JM_API int jm_report_plot(const struct jm_report *report, const struct jm_plot_view *view, jm_write_fn write, void *ctx,
			  struct jm_error *err);

struct jm_comparison; /* compare.h */

/* Draws the variants of a comparison side by side: energy, time, and score or power, a bar each, trials as dots, ratios below. format,
 * width and scale of the view count. Errors: as above; JM_E_NOT_FOUND when no figure is known. */
JM_API int jm_comparison_plot(const struct jm_comparison *c, const struct jm_plot_view *view, jm_write_fn write, void *ctx,
			      struct jm_error *err);

#ifdef __cplusplus
}
#endif
#endif
