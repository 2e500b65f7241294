/* joulemap top: what sensors and processes give now, on a terminal. model: what is shown, taken from the library; view: the model
 * as lines of text; screen: a terminal that shows lines and gives keys. */
#ifndef TOP_TOP_H
#define TOP_TOP_H

#include "joulemap/live.h"

#include <stdio.h>

/* X(enumerator, text, key) */
#define JM_TOP_SORT_LIST(X)                                                                                            \
	X(POWER, "power", 'w')                                                                                         \
	X(CPU, "cpu", 'c')                                                                                             \
	X(ENERGY, "energy", 'e')                                                                                       \
	X(MEMORY, "memory", 'm')                                                                                       \
	X(NAME, "name", 'n')                                                                                           \
	X(PID, "pid", 'i')
#define JM_TOP_ENUM(name, text, key) JM_TOP_BY_##name,
enum jm_top_sort { JM_TOP_SORT_LIST(JM_TOP_ENUM) JM_TOP_SORTS };
#undef JM_TOP_ENUM

/* Gives the text of an order, and the order of a text. Errors: JM_E_INVALID. */
const char *jm_top_sort_text(enum jm_top_sort sort);
int jm_top_sort_parse(const char *text, enum jm_top_sort *out);

struct jm_top_options {
	const char *sensors; /* as in jm_sensors_probe */
	int64_t period_ns;   /* between readings and looks at processes */
	int64_t delay_ns;    /* between screens */
	uint64_t n_updates;  /* screens until the end; 0: until told to end */
	enum jm_top_sort sort;
	bool is_plain; /* lines instead of a screen */
	bool is_colour;
	size_t n_rows; /* processes in plain lines; 0: all */
	int width;     /* of plain lines; 0: unlimited */
};

/* Shows until a key, a signal or the number of updates ends it. *signal_out: the signal, or 0. The caller has blocked
 * jm_top_signals before any thread began. Errors: those of jm_live_open; JM_E_UNSUPPORTED: the terminal cannot be used. */
int jm_top_run(const struct jm_top_options *options, FILE *to, int *signal_out, struct jm_error *err);

/* Blocks the signals that end or resize it, so that the terminal is left as it was found. */
void jm_top_block_signals(void);

#endif
