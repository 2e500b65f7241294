/* Stands in for screen_ncurses.c where the build found no ncurses: joulemap top then prints lines. */
#include "top/screen.h"

#include "core/error.h"

int jm_screen_open(bool is_colour, struct jm_screen **out, struct jm_error *err)
{
	(void)is_colour;
	(void)out;
	jm_error_set(err, JM_E_UNSUPPORTED, "joulemap was built without ncurses, which a live screen takes");
	jm_error_remedy(err, "install libncurses-dev and build again, or joulemap top --plain");
	return JM_E_UNSUPPORTED;
}

void jm_screen_close(struct jm_screen *screen)
{
	(void)screen;
}

void jm_screen_size(const struct jm_screen *screen, struct jm_top_size *out)
{
	(void)screen;
	*out = (struct jm_top_size){0};
}

void jm_screen_resize(struct jm_screen *screen)
{
	(void)screen;
}

void jm_screen_draw(struct jm_screen *screen, const struct jm_top_lines *lines)
{
	(void)screen;
	(void)lines;
}

int jm_screen_key(struct jm_screen *screen)
{
	(void)screen;
	return JM_KEY_NONE;
}
