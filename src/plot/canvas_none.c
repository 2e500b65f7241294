/* Where cairo's header was not there to build with. */
#include "plot/canvas.h"

#include "core/error.h"

int jm_canvas_create(enum jm_canvas_format format, double width, double height, double scale, struct jm_canvas **out,
		     struct jm_error *err)
{
	(void)format;
	(void)width;
	(void)height;
	(void)scale;
	(void)out;
	jm_error_set(err, JM_E_UNSUPPORTED, "this joulemap was built without cairo, which draws pictures");
	return jm_error_remedy(err, "install libcairo2-dev and build again; or --html, which needs nothing");
}

void jm_canvas_destroy(struct jm_canvas *c)
{
	(void)c;
}

int jm_canvas_finish(struct jm_canvas *c, struct jm_buffer *out, struct jm_error *err)
{
	(void)c;
	(void)out;
	return jm_error_set(err, JM_E_UNSUPPORTED, "built without cairo");
}

void jm_canvas_rect(struct jm_canvas *c, double x, double y, double width, double height, jm_colour colour,
		    double alpha)
{
	(void)c, (void)x, (void)y, (void)width, (void)height, (void)colour, (void)alpha;
}

void jm_canvas_line(struct jm_canvas *c, double x0, double y0, double x1, double y1, jm_colour colour, double width)
{
	(void)c, (void)x0, (void)y0, (void)x1, (void)y1, (void)colour, (void)width;
}

void jm_canvas_dashes(struct jm_canvas *c, double x0, double y0, double x1, double y1, jm_colour colour, double width)
{
	(void)c, (void)x0, (void)y0, (void)x1, (void)y1, (void)colour, (void)width;
}

void jm_canvas_path(struct jm_canvas *c, const double *xy, size_t n, jm_colour colour, double width)
{
	(void)c, (void)xy, (void)n, (void)colour, (void)width;
}

void jm_canvas_area(struct jm_canvas *c, const double *xy, size_t n, jm_colour colour, double alpha)
{
	(void)c, (void)xy, (void)n, (void)colour, (void)alpha;
}

void jm_canvas_dot(struct jm_canvas *c, double x, double y, double radius, jm_colour colour)
{
	(void)c, (void)x, (void)y, (void)radius, (void)colour;
}

void jm_canvas_clip(struct jm_canvas *c, double x, double y, double width, double height)
{
	(void)c, (void)x, (void)y, (void)width, (void)height;
}

void jm_canvas_unclip(struct jm_canvas *c)
{
	(void)c;
}

void jm_canvas_text(struct jm_canvas *c, double x, double y, const struct jm_text_style *style, const char *format, ...)
{
	(void)c, (void)x, (void)y, (void)style, (void)format;
}

double jm_canvas_text_width(struct jm_canvas *c, double size, bool is_bold, const char *text)
{
	(void)c, (void)size, (void)is_bold, (void)text;
	return 0;
}
