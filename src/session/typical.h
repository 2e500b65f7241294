/* How long one execution of a layer typically takes. */
#ifndef SESSION_TYPICAL_H
#define SESSION_TYPICAL_H

#include "session/report.h"

struct jm_typical {
	double *typical_s, *mean_s; /* by name, of the spans alone; NAN: none. One block, at typical_s */
	size_t n;
	double fit; /* what profiled executions are multiplied by, so that they fit into an iteration without the profiler */
};

/* Reads the spans of the report's layers. percentile: 50 is the median. Errors: of reading, JM_E_NOMEM. Finish out. */
int jm_typical_load(struct jm_report *report, double percentile, struct jm_typical *out, struct jm_error *err);
void jm_typical_finish(struct jm_typical *t);

/* Gives ms of one execution of a row of that report: not the mean, for one execution that another program interrupted would stand
 * for the layer. Where the layer was timed in profiled blocks, it is the time they saw, scaled down only where the layers together
 * would not fit into an iteration: what a profiler adds lies mostly between the layers. */
double jm_typical_ms(const struct jm_typical *t, const struct jm_names *names, const struct jm_row *row);

#endif
