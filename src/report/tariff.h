/* Carbon and cost of a result, by the user's figures. */
#ifndef REPORT_TARIFF_H
#define REPORT_TARIFF_H

#include "export/export.h"

/* Appends a line for each outermost channel with energy and each figure that was given. is_shown: those channels. */
void jm_report_tariff(const struct jm_result *r, const struct jm_view *view,
		      bool (*is_shown)(const struct jm_result *r, const struct jm_channel_result *c),
		      struct jm_buffer *out);

#endif
