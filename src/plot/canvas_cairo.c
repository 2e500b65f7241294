#include "plot/canvas.h"

#include "core/display.h"
#include "core/error.h"

#include <cairo-svg.h>
#include <cairo.h>
#include <dlfcn.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* What is taken of cairo; all of it since 1.2. */
#define CAIRO_LIST(X)                                                                                                  \
	X(create)                                                                                                      \
	X(destroy)                                                                                                     \
	X(status)                                                                                                      \
	X(status_to_string)                                                                                            \
	X(image_surface_create)                                                                                        \
	X(svg_surface_create_for_stream)                                                                               \
	X(surface_write_to_png_stream)                                                                                 \
	X(surface_finish)                                                                                              \
	X(surface_status)                                                                                              \
	X(surface_destroy)                                                                                             \
	X(scale)                                                                                                       \
	X(set_source_rgba)                                                                                             \
	X(set_line_width)                                                                                              \
	X(set_line_join)                                                                                               \
	X(set_dash)                                                                                                    \
	X(rectangle)                                                                                                   \
	X(move_to)                                                                                                     \
	X(line_to)                                                                                                     \
	X(arc)                                                                                                         \
	X(new_path)                                                                                                    \
	X(close_path)                                                                                                  \
	X(stroke)                                                                                                      \
	X(fill)                                                                                                        \
	X(clip)                                                                                                        \
	X(save)                                                                                                        \
	X(restore)                                                                                                     \
	X(select_font_face)                                                                                            \
	X(set_font_size)                                                                                               \
	X(show_text)                                                                                                   \
	X(text_extents)

struct cairo {
	void *library;
#define POINTER(name) __typeof__(&cairo_##name) name;
	CAIRO_LIST(POINTER)
#undef POINTER
};

struct jm_canvas {
	struct cairo api;
	enum jm_canvas_format format;
	struct jm_buffer written;
	cairo_surface_t *surface;
	cairo_t *cr;
};

static int load(struct cairo *api, struct jm_error *err)
{
	api->library = dlopen("libcairo.so.2", RTLD_NOW | RTLD_LOCAL);
	if (!api->library) {
		jm_error_set(err, JM_E_UNSUPPORTED, "pictures are drawn by cairo, which is not on this machine");
		return jm_error_remedy(err, "apt-get install libcairo2; or --html, which needs nothing");
	}
#define LOAD(name)                                                                                                     \
	*(void **)&api->name = dlsym(api->library, "cairo_" #name);                                                    \
	if (!api->name)                                                                                                \
		return jm_error_set(err, JM_E_UNSUPPORTED, "this cairo lacks cairo_" #name);
	CAIRO_LIST(LOAD)
#undef LOAD
	return 0;
}

static cairo_status_t keep(void *ctx, const unsigned char *data, unsigned n)
{
	struct jm_buffer *b = ctx;

	jm_buffer_append(b, data, n);
	return b->is_failed ? CAIRO_STATUS_WRITE_ERROR : CAIRO_STATUS_SUCCESS;
}

static int open_surface(struct jm_canvas *c, double width, double height, double scale, struct jm_error *err)
{
	if (c->format == JM_CANVAS_SVG)
		c->surface = c->api.svg_surface_create_for_stream(keep, &c->written, width, height);
	else
		c->surface =
		    c->api.image_surface_create(CAIRO_FORMAT_RGB24, (int)(width * scale), (int)(height * scale));
	c->cr = c->api.create(c->surface);
	if (c->api.surface_status(c->surface) || c->api.status(c->cr))
		return jm_error_set(err, JM_E_NOMEM, "cairo has no room for a picture of %.0f x %.0f", width, height);
	if (c->format == JM_CANVAS_PNG)
		c->api.scale(c->cr, scale, scale);
	c->api.set_line_join(c->cr, CAIRO_LINE_JOIN_ROUND);
	jm_canvas_rect(c, 0, 0, width, height, 0xffffff, 1);
	return 0;
}

int jm_canvas_create(enum jm_canvas_format format, double width, double height, double scale, struct jm_canvas **out,
		     struct jm_error *err)
{
	struct jm_canvas *c;
	int rc;

	if (!(width >= 1 && width <= 20000 && height >= 1 && height <= 20000 && scale > 0 && scale <= 8))
		return jm_error_set(err, JM_E_INVALID, "a picture of %g x %g points cannot be drawn", width, height);
	c = calloc(1, sizeof(*c));
	if (!c)
		return jm_error_set(err, JM_E_NOMEM, "out of memory for the picture");
	c->format = format;
	rc = load(&c->api, err);
	rc = rc ? rc : open_surface(c, width, height, scale, err);
	if (rc) {
		jm_canvas_destroy(c);
		return rc;
	}
	*out = c;
	return 0;
}

void jm_canvas_destroy(struct jm_canvas *c)
{
	if (!c)
		return;
	if (c->cr)
		c->api.destroy(c->cr);
	if (c->surface)
		c->api.surface_destroy(c->surface);
	jm_buffer_finish(&c->written);
	/* The library stays loaded: fonts that it has found are kept in it. */
	free(c);
}

int jm_canvas_finish(struct jm_canvas *c, struct jm_buffer *out, struct jm_error *err)
{
	cairo_status_t status = c->api.status(c->cr);

	if (status == CAIRO_STATUS_SUCCESS && c->format == JM_CANVAS_PNG)
		status = c->api.surface_write_to_png_stream(c->surface, keep, &c->written);
	c->api.surface_finish(c->surface);
	if (status == CAIRO_STATUS_SUCCESS)
		status = c->api.surface_status(c->surface);
	if (c->written.is_failed)
		return jm_error_set(err, JM_E_NOMEM, "out of memory for the picture");
	if (status != CAIRO_STATUS_SUCCESS && status != CAIRO_STATUS_SURFACE_FINISHED)
		return jm_error_set(err, JM_E_IO, "cairo: %s", c->api.status_to_string(status));
	jm_buffer_append(out, c->written.data, c->written.n);
	return 0;
}

static void use_colour(struct jm_canvas *c, jm_colour colour, double alpha)
{
	c->api.set_source_rgba(c->cr, (colour >> 16 & 255) / 255.0, (colour >> 8 & 255) / 255.0, (colour & 255) / 255.0,
			       alpha);
}

void jm_canvas_rect(struct jm_canvas *c, double x, double y, double width, double height, jm_colour colour,
		    double alpha)
{
	use_colour(c, colour, alpha);
	c->api.rectangle(c->cr, x, y, width, height);
	c->api.fill(c->cr);
}

void jm_canvas_line(struct jm_canvas *c, double x0, double y0, double x1, double y1, jm_colour colour, double width)
{
	const double xy[] = {x0, y0, x1, y1};

	jm_canvas_path(c, xy, 2, colour, width);
}

void jm_canvas_dashes(struct jm_canvas *c, double x0, double y0, double x1, double y1, jm_colour colour, double width)
{
	const double dashes[] = {2, 3};

	c->api.set_dash(c->cr, dashes, 2, 0);
	jm_canvas_line(c, x0, y0, x1, y1, colour, width);
	c->api.set_dash(c->cr, NULL, 0, 0);
}

static void trace(struct jm_canvas *c, const double *xy, size_t n)
{
	size_t i;

	c->api.new_path(c->cr);
	for (i = 0; i < n; i++)
		(i ? c->api.line_to : c->api.move_to)(c->cr, xy[2 * i], xy[2 * i + 1]);
}

void jm_canvas_path(struct jm_canvas *c, const double *xy, size_t n, jm_colour colour, double width)
{
	trace(c, xy, n);
	use_colour(c, colour, 1);
	c->api.set_line_width(c->cr, width);
	c->api.stroke(c->cr);
}

void jm_canvas_area(struct jm_canvas *c, const double *xy, size_t n, jm_colour colour, double alpha)
{
	trace(c, xy, n);
	c->api.close_path(c->cr);
	use_colour(c, colour, alpha);
	c->api.fill(c->cr);
}

void jm_canvas_dot(struct jm_canvas *c, double x, double y, double radius, jm_colour colour)
{
	c->api.new_path(c->cr);
	c->api.arc(c->cr, x, y, radius, 0, 6.283185307179586);
	use_colour(c, colour, 1);
	c->api.fill(c->cr);
}

void jm_canvas_clip(struct jm_canvas *c, double x, double y, double width, double height)
{
	c->api.save(c->cr);
	c->api.rectangle(c->cr, x, y, width, height);
	c->api.clip(c->cr);
}

void jm_canvas_unclip(struct jm_canvas *c)
{
	c->api.restore(c->cr);
}

static double measure(struct jm_canvas *c, const char *text)
{
	cairo_text_extents_t extents;

	c->api.text_extents(c->cr, text, &extents);
	return extents.x_advance;
}

static void use_font(struct jm_canvas *c, double size, bool is_bold)
{
	c->api.select_font_face(c->cr, "sans-serif", CAIRO_FONT_SLANT_NORMAL,
				is_bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
	c->api.set_font_size(c->cr, size);
}

double jm_canvas_text_width(struct jm_canvas *c, double size, bool is_bold, const char *text)
{
	char *copy = strdup(text);
	double width = 0;

	use_font(c, size, is_bold);
	if (copy) {
		jm_display_neutralise(copy);
		width = measure(c, copy);
	}
	free(copy);
	return width;
}

/* Cuts from the middle until it fits: both ends of a name tell it from others. */
static void cut(struct jm_canvas *c, char *text, double max_width)
{
	size_t columns = jm_display_columns(text);
	double width = measure(c, text);

	while (width > max_width && columns > 3) {
		size_t wanted = (size_t)((double)columns * max_width / width);

		columns = wanted < columns ? wanted : columns - 1;
		jm_display_cut(text, columns > 3 ? columns : 3);
		width = measure(c, text);
	}
}

void jm_canvas_text(struct jm_canvas *c, double x, double y, const struct jm_text_style *style, const char *format, ...)
{
	struct jm_buffer b = {0};
	va_list args;
	char *text;

	va_start(args, format);
	jm_display_vtext(&b, format, args);
	va_end(args);
	text = jm_buffer_terminate(&b);
	if (text) {
		use_font(c, style->size, style->is_bold);
		if (style->max_width > 0)
			cut(c, text, style->max_width);
		use_colour(c, style->colour, 1);
		c->api.move_to(c->cr, x - style->align * measure(c, text), y);
		c->api.show_text(c->cr, text);
		c->api.new_path(c->cr);
	}
	jm_buffer_finish(&b);
}
