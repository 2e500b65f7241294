/* What ran, for people: model, command, latency, the method that split it, the idle level. */
#ifndef REPORT_RUN_H
#define REPORT_RUN_H

#include "export/export.h"

/* Says whether a channel stands for itself: it is inside of none that has figures. */
typedef bool (*jm_channel_is_shown_fn)(const struct jm_result *r, const struct jm_channel_result *c);

/* Appends a line for each thing that is known, and an empty one. */
void jm_report_run(const struct jm_result *r, const struct jm_view *view, jm_channel_is_shown_fn is_shown,
		   struct jm_buffer *out);

#endif
