/* A canvas: the few marks that the plots are made of, as SVG or PNG from the same calls. Behind it: cairo, loaded at run time, so that
 * a program that only measures does not need it. Lengths are points of the picture, from its upper left corner. */
#ifndef PLOT_CANVAS_H
#define PLOT_CANVAS_H

#include "core/text.h"

enum jm_canvas_format { JM_CANVAS_SVG, JM_CANVAS_PNG };

/* 0xRRGGBB. */
typedef uint32_t jm_colour;

struct jm_canvas;

/* Creates a white canvas; jm_canvas_destroy. scale: pixels a point, of PNG. Errors: JM_E_UNSUPPORTED when cairo is not there, with the
 * remedy; JM_E_INVALID for a size beyond 20000 points; JM_E_NOMEM. */
int jm_canvas_create(enum jm_canvas_format format, double width, double height, double scale, struct jm_canvas **out,
		     struct jm_error *err);
void jm_canvas_destroy(struct jm_canvas *c);
/* Appends the picture's file. Nothing can be drawn afterwards. Errors: JM_E_NOMEM, JM_E_IO. */
int jm_canvas_finish(struct jm_canvas *c, struct jm_buffer *out, struct jm_error *err);

/* alpha: 0, not seen, to 1. */
void jm_canvas_rect(struct jm_canvas *c, double x, double y, double width, double height, jm_colour colour,
		    double alpha);
void jm_canvas_line(struct jm_canvas *c, double x0, double y0, double x1, double y1, jm_colour colour, double width);
/* Short dashes. */
void jm_canvas_dashes(struct jm_canvas *c, double x0, double y0, double x1, double y1, jm_colour colour, double width);
/* A line through n points, x and y in turn. */
void jm_canvas_path(struct jm_canvas *c, const double *xy, size_t n, jm_colour colour, double width);
/* The area inside of n points. */
void jm_canvas_area(struct jm_canvas *c, const double *xy, size_t n, jm_colour colour, double alpha);
void jm_canvas_dot(struct jm_canvas *c, double x, double y, double radius, jm_colour colour);
/* Nothing outside of the rectangle is drawn until jm_canvas_unclip. */
void jm_canvas_clip(struct jm_canvas *c, double x, double y, double width, double height);
void jm_canvas_unclip(struct jm_canvas *c);

struct jm_text_style {
	double size;
	jm_colour colour;
	double align; /* of x in the text: 0 its start, 0.5 its middle, 1 its end */
	bool is_bold;
	double max_width; /* cut in its middle to that; 0: as wide as it is */
};

/* Writes one line with its baseline at y. What is no UTF-8 and control characters become question marks. */
void jm_canvas_text(struct jm_canvas *c, double x, double y, const struct jm_text_style *style, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
double jm_canvas_text_width(struct jm_canvas *c, double size, bool is_bold, const char *text);

#endif
