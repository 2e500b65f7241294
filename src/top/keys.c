#include "top/model.h"

#include "core/error.h"

#include <string.h>

#define TEXT(name, text, key) text,
static const char *const texts[] = {JM_TOP_SORT_LIST(TEXT)};
#undef TEXT
#define KEY(name, text, key) key,
static const char keys[] = {JM_TOP_SORT_LIST(KEY)};
#undef KEY

const char *jm_top_sort_text(enum jm_top_sort sort)
{
	return texts[sort];
}

int jm_top_sort_parse(const char *text, enum jm_top_sort *out)
{
	size_t i;

	for (i = 0; i < JM_TOP_SORTS; i++)
		if (strcmp(text, texts[i]) == 0) {
			*out = (enum jm_top_sort)i;
			return 0;
		}
	return JM_E_INVALID;
}

static void scroll(struct jm_top *top, int key, size_t page)
{
	size_t step = key == JM_KEY_PAGE_UP || key == JM_KEY_PAGE_DOWN ? page : 1;
	size_t last = top->n_processes > page ? top->n_processes - page : 0;

	if (key == JM_KEY_UP || key == JM_KEY_PAGE_UP)
		top->first_row -= step < top->first_row ? step : top->first_row;
	else if (key == JM_KEY_DOWN || key == JM_KEY_PAGE_DOWN)
		top->first_row += step;
	else if (key == JM_KEY_HOME)
		top->first_row = 0;
	else if (key == JM_KEY_END)
		top->first_row = last;
	top->first_row = top->first_row < last ? top->first_row : last;
}

bool jm_top_key(struct jm_top *top, int key, size_t page)
{
	size_t i;

	for (i = 0; i < JM_TOP_SORTS; i++)
		if (key == keys[i])
			top->sort = (enum jm_top_sort)i;
	switch (key) {
	case 'q':
	case 'Q':
		return false;
	case 'p':
	case ' ':
		top->is_paused = !top->is_paused;
		break;
	case 's':
		top->sort = (enum jm_top_sort)((top->sort + 1) % JM_TOP_SORTS);
		break;
	case 'r':
		top->is_reversed = !top->is_reversed;
		break;
	case 'h':
	case '?':
		top->is_help = !top->is_help;
		break;
	case 'j':
		key = JM_KEY_DOWN;
		break;
	case 'k':
		key = JM_KEY_UP;
		break;
	default:
		break;
	}
	scroll(top, key, page);
	return true;
}
