/* What events were, as metrics. */
#ifndef SERVICE_EVENTS_METRICS_H
#define SERVICE_EVENTS_METRICS_H

#include "service/events.h"
#include "service/metrics_page.h"

/* Appends the metrics of events to a page. */
void jm_events_metrics(const struct jm_events_stats *stats, struct jm_metrics_page *page);

#endif
