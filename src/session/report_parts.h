/* What a report is about: the spans whose energies are asked for. */
#ifndef SESSION_REPORT_PARTS_H
#define SESSION_REPORT_PARTS_H

#include "recording/recording.h"

struct jm_parts {
	struct jm_span *spans;
	size_t n_spans;
	struct jm_name *names; /* span.name indexes it; texts are borrowed from the recording, or in own */
	size_t n_names;
	char **own;
	size_t n_own;
	uint32_t *ties; /* n_names: equal for names of identical layers (struct jm_attribution_input); NULL: none are */
	double *calls;  /* n_names: executions in one iteration (struct jm_attribution_input); NULL: spans are executions */
	uint32_t kinds; /* of which kinds of spans (bit 1 << kind) the rows' names are the names; 0: of none */
};

/* Says whether by is a choice of parts other than layers: "kernel", "range", "stream". */
bool jm_parts_are(const char *by);

/* A choice of no parts at all, for who wants the whole only. */
#define JM_PARTS_NONE "(none)"

/* Loads the parts. by: "kernel": kernels, copies and sets of devices; "range": the same, each by the innermost range that it
 * was launched in; "stream": by the stream it ran on; else layers, where there are none regions, or kernels.
 * Errors: JM_E_NOT_FOUND (the recording has none of what was asked for), JM_E_NOMEM, those of reading. */
int jm_report_load_parts(struct jm_recording *r, const char *by, struct jm_parts *out, struct jm_error *err);
void jm_parts_finish(struct jm_parts *p);

#endif
