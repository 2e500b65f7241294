/* What ran, for people: model, command, latency, the method that split it, the idle level. */
#ifndef REPORT_RUN_H
#define REPORT_RUN_H

#include "export/export.h"

/* Appends a line for each thing that is known, and an empty one. */
void jm_report_run(const struct jm_result *r, const struct jm_view *view, struct jm_buffer *out);

#endif
