/* How long one execution of a layer typically takes. */
#ifndef SESSION_TYPICAL_H
#define SESSION_TYPICAL_H

#include "session/report.h"

struct jm_typical {
	double *median_s, *mean_s; /* by name, of the spans alone; NAN: none. One block, at median_s */
	size_t n;
	double fit; /* what medians of profiled executions are multiplied by, so that they fit into an iteration without the profiler */
};

/* Reads the spans of the report's layers. Errors: of reading, JM_E_NOMEM. Finish out. */
int jm_typical_load(struct jm_report *report, struct jm_typical *out, struct jm_error *err);
void jm_typical_finish(struct jm_typical *t);

/* Gives ms of one execution of a row of that report: the median, for one execution that another program interrupted would else stand
 * for the layer. Where the layer was timed in profiled blocks, it is the time they saw, scaled down only where the layers together
 * would not fit into an iteration: what a profiler adds lies mostly between the layers. */
double jm_typical_ms(const struct jm_typical *t, const struct jm_names *names, const struct jm_row *row);

#endif
