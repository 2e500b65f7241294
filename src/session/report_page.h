/* What a page takes of a report. */
#ifndef SESSION_REPORT_PAGE_H
#define SESSION_REPORT_PAGE_H

#include "page/page.h"
#include "session/report.h"

struct jm_page_parts {
	struct jm_page_recording recording; /* borrows the rest, and from the report */
	struct jm_page_fact *facts;
	struct jm_page_event *events;
	const char **track_names;
};

/* Collects it. out: jm_page_parts_finish; before the report is destroyed. Errors: JM_E_INVALID without a scene; JM_E_NOMEM. */
int jm_report_page_parts(const struct jm_report *report, const struct jm_tariff *tariff, struct jm_page_parts *out,
			 struct jm_error *err);
void jm_page_parts_finish(struct jm_page_parts *parts);

#endif
