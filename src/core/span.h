/* A span: a named interval. Names live once in a table; spans refer to them by index. */
#ifndef CORE_SPAN_H
#define CORE_SPAN_H

#include "joulemap/joulemap.h"

/* Besides the public flags. DEVICE, of a RANGE: work on a device that was launched inside of the range. */
#define JM_SPAN_DEVICE 8u

struct jm_span {
	int64_t start_ns, end_ns; /* CLOCK_MONOTONIC, [start, end) */
	uint32_t name;            /* index in the name table */
	uint32_t track;           /* thread, stream or queue: spans of one track nest or follow each other */
	uint32_t iteration; /* number of the inference call, from 0; JM_NO_ITERATION: none. For JM_SPAN_ISOLATED: calls
			       in the block */
	uint8_t kind;       /* enum jm_span_kind */
	uint8_t flags;
	uint16_t device; /* that it ran on, as attribution numbers them, from 1; 0: unknown, or not on a device. Not stored:
			    the track says it (recording-format.md) */
};

/* One entry of the name table. type: layer or operator type ("Conv"), or empty. shapes: what a layer took and gave, as the
 * recording's table of shapes has it; NULL: not told. */
struct jm_name {
	char *text, *type;
	char *shapes;
};

/* Gives the word for it in recordings and reports. */
const char *jm_span_kind_text(enum jm_span_kind kind);
bool jm_span_kind_is_known(uint32_t kind);

/* The name table: each (text, type) once. */
struct jm_names {
	struct jm_name *items;
	size_t n, capacity;
	uint32_t *buckets; /* open addressing, index + 1; 0: free */
	size_t n_buckets;
};

/* Frees all names. */
void jm_names_finish(struct jm_names *names);
/* Gives the index of (text, type), added if new; text, type: n bytes, copied. Errors: JM_E_NOMEM. */
int jm_names_add(struct jm_names *names, const char *text, size_t text_n, const char *type, size_t type_n,
		 uint32_t *index_out);
/* Gives the index of (text, type), or SIZE_MAX where it is not there. */
size_t jm_names_find(const struct jm_names *names, const char *text, const char *type);
/* Tells the shapes of a name that is in the table; the first told stay. text: copied. Errors: JM_E_INVALID, JM_E_NOMEM. */
int jm_names_set_shapes(struct jm_names *names, uint32_t index, const char *text);

#endif
