/* A terminal: shows lines, gives keys. Where the build found no ncurses there is none. */
#ifndef TOP_SCREEN_H
#define TOP_SCREEN_H

#include "top/view.h"

struct jm_screen;

/* Takes over the terminal of standard input and output. Errors: JM_E_UNSUPPORTED (no ncurses, unknown terminal). */
int jm_screen_open(bool is_colour, struct jm_screen **out, struct jm_error *err);
/* Gives the terminal back as it was. NULL is allowed. */
void jm_screen_close(struct jm_screen *screen);
/* Gives how large it is and what it can show. */
void jm_screen_size(const struct jm_screen *screen, struct jm_top_size *out);
/* Asks the terminal anew how large it is. */
void jm_screen_resize(struct jm_screen *screen);
void jm_screen_draw(struct jm_screen *screen, const struct jm_top_lines *lines);
/* Gives a key that was pressed, or JM_KEY_NONE. Does not wait. */
int jm_screen_key(struct jm_screen *screen);

#endif
