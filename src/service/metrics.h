/* The figures of the service as Prometheus reads them. */
#ifndef SERVICE_METRICS_H
#define SERVICE_METRICS_H

#include "service/metrics_page.h"
#include "service/service.h"

/* What HTTP counts. */
struct jm_http_counts {
	uint64_t n_requests, n_refused, n_streams_cut;
};

/* Appends all metrics; is_open: in the form of OpenMetrics 1.0, else the text format 0.0.4. Energies are counters, in J since
 * the service began: they never fall while it runs, whatever wraps or is lost. A figure that is not known has no line. */
void jm_metrics_write(struct jm_buffer *b, const struct jm_service *s, const struct jm_http_counts *http, bool is_open);

#endif
