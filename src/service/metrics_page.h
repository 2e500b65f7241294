/* A page of metrics as Prometheus reads it: families, labels, numbers, in the text format 0.0.4 or OpenMetrics 1.0. */
#ifndef SERVICE_METRICS_PAGE_H
#define SERVICE_METRICS_PAGE_H

#include "core/text.h"

struct jm_metrics_page {
	struct jm_buffer *b;
	bool is_open; /* OpenMetrics */
};

/* Names a family; name: of a counter without _total, which its samples have. type: "counter", "gauge", "info". */
void jm_metrics_family(struct jm_metrics_page *p, const char *name, const char *type, const char *help);
/* Adds key="value" behind the '{' that the caller has written, or behind another label. value: any bytes. */
void jm_metrics_label(struct jm_metrics_page *p, const char *key, const char *value);
/* Ends a sample. */
void jm_metrics_number(struct jm_metrics_page *p, double value);
/* Writes a sample without labels. */
void jm_metrics_single(struct jm_metrics_page *p, const char *name, double value);
/* Writes a sample with one label. */
void jm_metrics_labelled(struct jm_metrics_page *p, const char *name, const char *key, const char *label, double value);

#endif
