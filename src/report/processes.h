/* Processes and containers as text. */
#ifndef REPORT_PROCESSES_H
#define REPORT_PROCESSES_H

#include "export/export.h"

/* Appends one table a channel: by process or by container, as view says; then how they were sampled and what makes the sum.
 * Errors: JM_E_NOMEM. */
int jm_report_processes(const struct jm_result *r, const struct jm_view *view, struct jm_buffer *out);

/* Appends the sum check of the split: processes, those not watched, idle, unattributed. */
void jm_report_process_sums(const struct jm_result *r, struct jm_buffer *out);

#endif
