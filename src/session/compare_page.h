/* A comparison as a page. */
#ifndef SESSION_COMPARE_PAGE_H
#define SESSION_COMPARE_PAGE_H

#include "export/tariff.h"
#include "session/compare.h"

/* Variants whose first recording is shown in full; of others there are the figures. */
#define JM_COMPARE_PAGE_VARIANTS 8

/* Appends the page: all that is known of all variants side by side, and the first recording of each, which is read again. method: as in
 * jm_report_options. tariff: what the user says energy comes to. Errors: those of jm_report_open; JM_E_NOMEM. */
int jm_comparison_page(const struct jm_comparison_data *c, const char *method, const struct jm_tariff *tariff,
		       struct jm_buffer *out, struct jm_error *err);

#endif
