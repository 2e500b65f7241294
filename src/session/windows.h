/* Windows of convolutions and poolings by layer, from the ONNX file of a recorded run. */
#ifndef SESSION_WINDOWS_H
#define SESSION_WINDOWS_H

#include "model/shape.h"

struct jm_complexity_report;

struct jm_windows {
	struct jm_complexity_report *model; /* NULL: not there */
};

/* Without a model that can be read there are none, which is no error. */
void jm_windows_load(struct jm_windows *w, const char *model);
void jm_windows_finish(struct jm_windows *w);
/* Gives the window of the layer that ONNX Runtime calls so; NULL: not known. Borrowed. */
const struct jm_window *jm_windows_find(const struct jm_windows *w, const char *layer);

/* The counted layers of a report of complexity. Borrowed. */
const struct jm_complexity *jm_complexity_report_counts(const struct jm_complexity_report *report);
/* What is said of the counting, such as why shapes are not known; NULL: there is no i-th note. Borrowed. */
const char *jm_complexity_report_note(const struct jm_complexity_report *report, size_t i);
/* Shapes that were seen in one run of the model; 0: it was not run. */
size_t jm_complexity_report_seen(const struct jm_complexity_report *report);
/* Whether sizes of its inputs are open that nobody gave. */
bool jm_complexity_report_is_open(const struct jm_complexity_report *report);

#endif
