/* What the plots share: colours, axes, the choice of rows. */
#ifndef PLOT_PLOT_INTERNAL_H
#define PLOT_PLOT_INTERNAL_H

#include "plot/plot.h"

#define JM_PLOT_INK    0x16202au
#define JM_PLOT_SOFT   0x55616du
#define JM_PLOT_LINE   0xdde2e6u
#define JM_PLOT_GREY   0x9aa3abu
#define JM_PLOT_MARGIN 24.0

/* The i-th of eight colours that stay apart for the colour-blind (after Okabe and Ito, 2008), as on the page. */
jm_colour jm_plot_colour(size_t i);

/* What is drawn, made ready. */
struct jm_plot {
	struct jm_canvas *canvas;
	const struct jm_plot_input *in;
	struct jm_plot_options options;
	double width, height;
	int channel; /* -1: none gives energy */
};

/* Step of an axis that has at most n of them; round. */
double jm_plot_step(double range, int n);
/* Writes a value as "12.5 mJ" by the prefix of largest. */
void jm_plot_value(double value, double largest, const char *unit, char *out, size_t size);
/* Title and the line below it. Gives the y below both. */
double jm_plot_title(struct jm_plot *p, const char *subtitle);

/* The types of rows or boxes, for their colours: those first met in order of rank. */
#define JM_PLOT_TYPES 7
struct jm_plot_types {
	const char *texts[JM_PLOT_TYPES];
	size_t n;
	bool is_more; /* others are grey */
};
/* Ranks the types of the channel's layers by energy. Without types, the last words of the names. */
void jm_plot_rank_types(const struct jm_result *r, struct jm_plot_types *out);
jm_colour jm_plot_type_colour(const struct jm_plot_types *types, const char *type, const char *name);
/* Draws the key from x on; gives the height it took. */
double jm_plot_key(struct jm_plot *p, const struct jm_plot_types *types, double x, double y);

/* Each gives the height that its picture takes, and draws it once there is a canvas (p->canvas NULL: measures only; -1: nothing to
 * draw). */
double jm_plot_layers(struct jm_plot *p);
double jm_plot_timeline(struct jm_plot *p);
double jm_plot_mapping(struct jm_plot *p);

/* The scene's channel that shows this channel of the result, or NULL. */
const struct jm_scene_channel *jm_plot_scene_channel(const struct jm_scene *s, int channel);

/* An area for curves of power: times across, watts up. */
struct jm_plot_frame {
	double x, y, width, height;
	double from_s, to_s, top_w; /* of the scene's time */
};
double jm_plot_frame_x(const struct jm_plot_frame *f, double t_s);
double jm_plot_frame_y(const struct jm_plot_frame *f, double power_w);
/* Draws lines of equal power with their figures, and below the times. */
void jm_plot_frame_axes(struct jm_plot *p, struct jm_plot_frame *f, bool with_times);
/* Draws the curve of a channel: each reading where all are kept and few, else buckets with their band. */
void jm_plot_frame_power(struct jm_plot *p, const struct jm_plot_frame *f, const struct jm_scene_channel *c,
			 jm_colour colour);
/* Gives the greatest power in the frame's time, W; 0: none. */
double jm_plot_frame_peak(const struct jm_plot_frame *f, const struct jm_scene *s, const struct jm_scene_channel *c);

/* Draws lane i as a row of boxes at y. */
#define JM_PLOT_LANE 15.0
void jm_plot_lane(struct jm_plot *p, const struct jm_plot_frame *f, size_t lane, double y,
		  const struct jm_plot_types *types);

#endif
