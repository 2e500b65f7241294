/* Carbon and cost of a result, by the user's figures. */
#ifndef REPORT_TARIFF_H
#define REPORT_TARIFF_H

#include "export/export.h"

/* Appends a line for each outermost channel with energy and each figure that was given. */
void jm_report_tariff(const struct jm_result *r, const struct jm_view *view, struct jm_buffer *out);

#endif
