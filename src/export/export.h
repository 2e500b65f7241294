/* The contract of an exporter: a result in, text out. See HACKING.md: one file, one line in export_list.h, one test. */
#ifndef EXPORT_EXPORT_H
#define EXPORT_EXPORT_H

#include "core/result.h"
#include "core/text.h"
#include "export/tariff.h"
#include "export/trace.h"

enum jm_view_by {
	JM_BY_LAYER,
	JM_BY_TYPE,
	JM_BY_GROUP,
	JM_BY_ITERATION,
	JM_BY_CHANNEL,
	JM_BY_PROCESS,
	JM_BY_CONTAINER
};
enum jm_sort { JM_SORT_ENERGY, JM_SORT_TIME, JM_SORT_POWER, JM_SORT_NAME, JM_SORT_NONE };

/* How a result is looked at. */
struct jm_view {
	enum jm_view_by by;
	enum jm_sort sort;
	size_t limit;   /* rows shown; 0: all */
	bool with_work; /* columns of what the rows compute, and of energy by it */
	bool is_colour; /* terminal colours */
	int width;      /* columns of the terminal; 0: as wide as it gets */
	struct jm_tariff tariff;
};

struct jm_exporter {
	const char *name, *summary;
	/* Appends the result to out. Errors: JM_E_NOMEM. */
	int (*write)(const struct jm_result *r, const struct jm_view *view, struct jm_buffer *out,
		     struct jm_error *err);
	const struct jm_trace_writer *trace; /* of formats for trace viewers, instead of write; else NULL */
};

extern const struct jm_exporter *const jm_exporters[]; /* NULL at the end */
const struct jm_exporter *jm_exporter_find(const char *name);

/* Gives the rows of a view (borrowed; by channel has none: 0). */
const struct jm_row *jm_view_rows(const struct jm_result *r, const struct jm_view *view, size_t *n_out);

/* Gives pointers to the rows of a view on one channel (-2: all), sorted and cut to the limit; free(). Errors: NULL when
 * out of memory. n_all_out (may be NULL): before the cut. */
const struct jm_row **jm_view_sorted(const struct jm_result *r, const struct jm_view *view, int channel, size_t *n_out,
				     size_t *n_all_out);

#endif
