/* Text for a terminal. */
#ifndef REPORT_TABLE_H
#define REPORT_TABLE_H

#include "export/export.h"

/* Appends the result as a person reads it: warnings first, then sensors, run, rows, sum check, own cost.
 * is_summary: without the rows. Errors: JM_E_NOMEM. */
int jm_report_table(const struct jm_result *r, const struct jm_view *view, bool is_summary, struct jm_buffer *out,
		    struct jm_error *err);

/* Formats with about four significant digits and an SI prefix: "12.34 J", "1.234 mJ", "-" for unknown. out: 32 bytes.
 */
void jm_report_quantity(double value, const char *unit, char *out, size_t size);

#endif
