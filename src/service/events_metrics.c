#include "service/events_metrics.h"

static void malformed(const struct jm_events_stats *stats, struct jm_metrics_page *p)
{
	int fault;

	jm_metrics_family(p, "joulemap_events_malformed", "counter", "Events refused, by reason");
	for (fault = JM_EVENT_FAULT_NONE + 1; fault < JM_N_EVENT_FAULTS; fault++)
		jm_metrics_labelled(p, "joulemap_events_malformed_total", "reason",
				    jm_event_fault_text((enum jm_event_fault)fault), (double)stats->n_faults[fault]);
}

static void put_link(const struct jm_event_link_stats *l, struct jm_metrics_page *p)
{
	jm_metrics_family(p, "joulemap_events_sent", "counter", "Events sent");
	jm_metrics_single(p, "joulemap_events_sent_total", (double)l->n_sent);
	jm_metrics_family(p, "joulemap_events_unsent", "counter", "Events that could not be sent: nobody took them");
	jm_metrics_single(p, "joulemap_events_unsent_total", (double)(l->n_refused + l->n_dropped));
	jm_metrics_family(p, "joulemap_engine_up", "gauge", "1: the engine of camera-traps is reached");
	jm_metrics_single(p, "joulemap_engine_up", l->engine_is_up);
	jm_metrics_family(p, "joulemap_engine_lost", "counter", "Times the engine was lost");
	jm_metrics_single(p, "joulemap_engine_lost_total", (double)l->n_lost);
}

void jm_events_metrics(const struct jm_events_stats *stats, struct jm_metrics_page *page)
{
	static const char *const events = "joulemap_events_total";

	jm_metrics_family(page, "joulemap_events_received", "counter", "Messages received, well-formed or not");
	jm_metrics_single(page, "joulemap_events_received_total", (double)stats->link.n_received);
	jm_metrics_family(page, "joulemap_events", "counter",
			  "Well-formed events, by type; denied: starts that could not be measured");
	jm_metrics_labelled(page, events, "type", "start", (double)stats->n_started);
	jm_metrics_labelled(page, events, "type", "denied", (double)stats->n_denied);
	jm_metrics_labelled(page, events, "type", "stop", (double)stats->n_stops);
	jm_metrics_labelled(page, events, "type", "terminate", (double)stats->n_terminated);
	jm_metrics_labelled(page, events, "type", "other", (double)stats->n_others);
	jm_metrics_family(page, "joulemap_events_stopped_processes", "counter",
			  "Processes that stops have ended, in each measurement that had them");
	jm_metrics_single(page, "joulemap_events_stopped_processes_total", (double)stats->n_stopped);
	malformed(stats, page);
	put_link(&stats->link, page);
}
