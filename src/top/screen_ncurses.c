/* The terminal, by ncurses: it knows terminals, draws what changed only, and puts back what it found. */
#define _GNU_SOURCE
#define NCURSES_WIDECHAR 1
#include "top/screen.h"

#include "core/error.h"

#include <langinfo.h>
#include <locale.h>
#include <ncurses.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define ESCAPE_DELAY_MS 25

struct jm_screen {
	SCREEN *terminal;
	bool is_colour, is_utf8;
};

int jm_screen_open(bool is_colour, struct jm_screen **out, struct jm_error *err)
{
	struct jm_screen *screen = calloc(1, sizeof(*screen));

	if (!screen)
		return jm_error_set(err, JM_E_NOMEM, "out of memory for the screen");
	/* What the terminal's characters are: ncurses asks the locale, too. */
	setlocale(LC_CTYPE, "");
	screen->is_utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	screen->terminal = newterm(NULL, stdout, stdin); /* initscr would end the program */
	if (!screen->terminal) {
		free(screen);
		jm_error_set(err, JM_E_UNSUPPORTED, "this terminal (TERM=%s) is not known",
			     getenv("TERM") ? getenv("TERM") : "");
		jm_error_remedy(err, "TERM=xterm, or joulemap top --plain");
		return JM_E_UNSUPPORTED;
	}
	set_escdelay(ESCAPE_DELAY_MS);
	cbreak();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	curs_set(0);
	screen->is_colour = is_colour && has_colors() && start_color() == OK && use_default_colors() == OK;
	if (screen->is_colour) {
		init_pair(JM_TOP_TITLE, COLOR_CYAN, -1);
		init_pair(JM_TOP_HEAD, COLOR_GREEN, -1);
		init_pair(JM_TOP_WARNING, COLOR_YELLOW, -1);
	}
	*out = screen;
	return 0;
}

void jm_screen_close(struct jm_screen *screen)
{
	if (!screen)
		return;
	endwin();
	delscreen(screen->terminal);
	free(screen);
}

void jm_screen_size(const struct jm_screen *screen, struct jm_top_size *out)
{
	*out = (struct jm_top_size){.rows = LINES, .columns = COLS, .is_utf8 = screen->is_utf8, .has_keys = true};
}

void jm_screen_resize(struct jm_screen *screen)
{
	struct winsize size;

	(void)screen;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 && size.ws_col > 0)
		resizeterm(size.ws_row, size.ws_col);
	clearok(curscr, TRUE);
}

static attr_t attributes(const struct jm_screen *screen, enum jm_top_style style)
{
	attr_t colour = screen->is_colour && (style == JM_TOP_TITLE || style == JM_TOP_HEAD || style == JM_TOP_WARNING)
			    ? COLOR_PAIR(style)
			    : 0;

	switch (style) {
	case JM_TOP_TITLE:
	case JM_TOP_HEAD:
		return A_BOLD | colour;
	case JM_TOP_DIM:
		return A_DIM;
	case JM_TOP_BAR:
		return A_REVERSE;
	default:
		return colour;
	}
}

void jm_screen_draw(struct jm_screen *screen, const struct jm_top_lines *lines)
{
	size_t i;

	erase();
	for (i = 0; i < lines->n && (int)i < LINES; i++) {
		attrset(attributes(screen, lines->items[i].style));
		mvaddstr((int)i, 0, lines->items[i].text);
		if (lines->items[i].style == JM_TOP_BAR) {
			int x = getcurx(stdscr);

			if (x < COLS && getcury(stdscr) == (int)i)
				hline(' ' | A_REVERSE, COLS - x);
		}
	}
	attrset(A_NORMAL);
	refresh();
}

int jm_screen_key(struct jm_screen *screen)
{
	int key = getch();

	(void)screen;
	switch (key) {
	case ERR:
		return JM_KEY_NONE;
	case KEY_UP:
		return JM_KEY_UP;
	case KEY_DOWN:
		return JM_KEY_DOWN;
	case KEY_PPAGE:
		return JM_KEY_PAGE_UP;
	case KEY_NPAGE:
		return JM_KEY_PAGE_DOWN;
	case KEY_HOME:
		return JM_KEY_HOME;
	case KEY_END:
		return JM_KEY_END;
	default:
		/* Not KEY_RESIZE either, which resizeterm itself puts there. */
		return key > 0 && key < 128 ? key : JM_KEY_OTHER;
	}
}
