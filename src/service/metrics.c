#include "service/metrics.h"

#include "core/units.h"

#include <math.h>
#include <string.h>

#define TICKS_PER_S 100 /* of start_ticks: USER_HZ, 100 on every architecture */

struct page {
	struct jm_metrics_page page; /* first: what follows takes either */
	const struct jm_service *s;
};

static void channel_labels(struct page *p, const char *name, const struct jm_live_channel *c)
{
	jm_buffer_printf(p->page.b, "%s{", name);
	jm_metrics_label(&p->page, "channel", c->info.name);
	jm_metrics_label(&p->page, "domain", c->info.domain);
	jm_metrics_label(&p->page, "part_of", c->info.part_of);
	jm_metrics_label(&p->page, "state", !isnan(c->low_w) ? "estimated" : "measured");
}

static void channel_energy(struct page *p)
{
	const struct jm_service *s = p->s;
	size_t i;

	jm_metrics_family(&p->page, "joulemap_power_watts", "gauge", "Mean power over about the last second");
	for (i = 0; i < s->n_channels; i++) {
		if (!s->channels[i].is_counted || isnan(s->powers[i].power_w))
			continue;
		channel_labels(p, "joulemap_power_watts", &s->channels[i]);
		jm_buffer_puts(p->page.b, "}");
		jm_metrics_number(&p->page, s->powers[i].power_w);
	}
	jm_metrics_family(&p->page, "joulemap_energy_joules", "counter",
			  "Energy since the service began; time in which nothing was read adds nothing");
	for (i = 0; i < s->n_channels; i++) {
		if (!s->channels[i].is_counted)
			continue;
		channel_labels(p, "joulemap_energy_joules_total", &s->channels[i]);
		jm_buffer_puts(p->page.b, "}");
		jm_metrics_number(&p->page, s->channels[i].energy_j);
	}
	jm_metrics_family(&p->page, "joulemap_energy_seen_seconds", "counter",
			  "Time that the energy speaks of; the rest of the service's life are gaps");
	for (i = 0; i < s->n_channels; i++) {
		if (!s->channels[i].is_counted)
			continue;
		channel_labels(p, "joulemap_energy_seen_seconds_total", &s->channels[i]);
		jm_buffer_puts(p->page.b, "}");
		jm_metrics_number(&p->page, s->channels[i].seen_s);
	}
}

static void idle_levels(struct page *p)
{
	const struct jm_service *s = p->s;
	size_t i;

	jm_metrics_family(&p->page, "joulemap_idle_level_watts", "gauge",
			  "Power of the idle machine that joulemap idle has kept: what the split calls idle");
	for (i = 0; i < s->n_channels; i++)
		if (s->channels[i].is_counted && !isnan(s->channels[i].idle_w))
			jm_metrics_labelled(&p->page, "joulemap_idle_level_watts", "channel", s->channels[i].info.name,
					    s->channels[i].idle_w);
}

static void channel_split(struct page *p)
{
	static const char *const to[] = {"idle", "others", "unattributed", "processes"};
	const struct jm_service *s = p->s;
	size_t i, k;

	jm_metrics_family(&p->page, "joulemap_split_joules", "counter",
			  "Where the energy of a channel went: the idle machine, watched processes, other processes, "
			  "and what no process "
			  "can be shown to have taken (unattributed). Adds up to it");
	for (i = 0; i < s->n_channels; i++) {
		const struct jm_live_channel *c = &s->channels[i];
		double parts[] = {c->idle_j, c->others_j, c->unattributed_j,
				  fmax(0, c->energy_j - c->idle_j - c->others_j - c->unattributed_j)};

		for (k = 0; c->is_counted && k < 4; k++) {
			channel_labels(p, "joulemap_split_joules_total", c);
			jm_metrics_label(&p->page, "to", to[k]);
			jm_buffer_puts(p->page.b, "}");
			jm_metrics_number(&p->page, parts[k]);
		}
	}
}

static void ledger(struct page *p, const char *name, const char *total, const char *help, size_t offset)
{
	const struct jm_service *s = p->s;
	size_t i;

	jm_metrics_family(&p->page, name, "counter", help);
	for (i = 0; i < s->n_channels; i++) {
		uint64_t value;

		memcpy(&value, (const char *)&s->channels[i] + offset, sizeof(value));
		jm_buffer_printf(p->page.b, "%s{", total);
		jm_metrics_label(&p->page, "channel", s->channels[i].info.name);
		jm_buffer_printf(p->page.b, "} %llu\n", (unsigned long long)value);
	}
}

#define LEDGER(p, what, field, help)                                                                                   \
	ledger(p, "joulemap_" what, "joulemap_" what "_total", help, offsetof(struct jm_live_channel, field))

static void ledgers(struct page *p)
{
	const struct jm_service *s = p->s;
	size_t i;

	jm_metrics_family(&p->page, "joulemap_sensor_up", "gauge",
			  "1: the channel can be read; 0: it is lost or unavailable");
	for (i = 0; i < s->n_channels; i++) {
		jm_buffer_puts(p->page.b, "joulemap_sensor_up{");
		jm_metrics_label(&p->page, "channel", s->channels[i].info.name);
		jm_buffer_printf(p->page.b, "} %d\n", strcmp(s->channels[i].info.state, "unavailable") != 0);
	}
	LEDGER(p, "readings_expected", n_expected, "Readings that were due");
	LEDGER(p, "readings_taken", n_taken, "Readings that came");
	LEDGER(p, "readings_late", n_late, "Of those taken: more than half a period behind");
	LEDGER(p, "readings_missed", n_missed, "Readings that were due and did not come");
	LEDGER(p, "readings_repeated", n_repeated, "Of those taken: nothing new");
	LEDGER(p, "sensor_lost", n_lost, "Times the sensor was lost");
	jm_metrics_family(&p->page, "joulemap_reading_cpu_seconds", "counter",
			  "Own processor time for reading the channel");
	for (i = 0; i < s->n_channels; i++) {
		jm_buffer_puts(p->page.b, "joulemap_reading_cpu_seconds_total{");
		jm_metrics_label(&p->page, "channel", s->channels[i].info.name);
		jm_buffer_puts(p->page.b, "}");
		jm_metrics_number(&p->page, jm_s_from_ns(s->channels[i].cpu_ns));
	}
}

/* Series of one process differ in their values alone: what names it is made once. */
static void process_labels(struct page *p, const struct jm_live_process *q)
{
	jm_buffer_printf(p->page.b, "{pid=\"%lld\",start=\"%.2f\"", (long long)q->pid,
			 (double)q->start_ticks / TICKS_PER_S);
	jm_metrics_label(&p->page, "name", q->name);
	jm_metrics_label(&p->page, "container", q->container);
	jm_metrics_label(&p->page, "pod", q->pod);
}

/* An empty label is as good as none; where there are as many lines as processes it is left out. */
static void split_labels(struct page *p, const struct jm_live_channel *c)
{
	jm_metrics_label(&p->page, "channel", c->info.name);
	if (c->info.part_of[0])
		jm_metrics_label(&p->page, "part_of", c->info.part_of);
}

/* Of each process; or of those that somebody watches on their own account, with what descends from them. */
static void process_energy(struct page *p, bool is_tree)
{
	const struct jm_service *s = p->s;
	struct jm_buffer names = {0};
	struct page name_page = {{&names, p->page.is_open}, s};
	struct jm_live_process q;
	size_t at = 0, i;

	if (is_tree)
		jm_metrics_family(&p->page, "joulemap_process_tree_energy_joules", "counter",
				  "Energy of a process that was asked for, with all that descends from it, since then");
	else
		jm_metrics_family(&p->page, "joulemap_process_energy_joules", "counter",
				  "Energy of a watched process since it came under watch");
	while (jm_live_next_process(s->live, &at, &q)) {
		if (q.is_gone || (is_tree && !q.is_root))
			continue;
		names.n = 0;
		process_labels(&name_page, &q);
		for (i = 0; i < s->n_channels && !names.is_failed; i++) {
			if (!s->channels[i].is_split || !s->channels[i].is_counted)
				continue;
			jm_buffer_puts(p->page.b, is_tree ? "joulemap_process_tree_energy_joules_total"
							  : "joulemap_process_energy_joules_total");
			jm_buffer_append(p->page.b, names.data, names.n);
			split_labels(p, &s->channels[i]);
			jm_buffer_puts(p->page.b, "}");
			jm_metrics_number(&p->page, (is_tree ? q.tree_energy_j : q.energy_j)[i]);
		}
	}
	p->page.b->is_failed = p->page.b->is_failed || names.is_failed;
	jm_buffer_finish(&names);
}

static void process_time(struct page *p)
{
	struct jm_live_process q;
	size_t at = 0;

	jm_metrics_family(&p->page, "joulemap_process_cpu_seconds", "counter",
			  "Processor time of a watched process since it came under watch");
	while (jm_live_next_process(p->s->live, &at, &q)) {
		if (q.is_gone)
			continue;
		jm_buffer_puts(p->page.b, "joulemap_process_cpu_seconds_total");
		process_labels(p, &q);
		jm_buffer_puts(p->page.b, "}");
		jm_metrics_number(&p->page, q.cpu_s);
	}
}

static void containers(struct page *p)
{
	const struct jm_service *s = p->s;
	struct jm_live_container g;
	size_t at = 0, i;

	jm_metrics_family(&p->page, "joulemap_container_energy_joules", "counter",
			  "Energy of the watched processes of a container");
	while (jm_live_next_container(s->live, &at, &g)) {
		for (i = 0; i < s->n_channels; i++) {
			if (!s->channels[i].is_split || !s->channels[i].is_counted)
				continue;
			jm_buffer_puts(p->page.b, "joulemap_container_energy_joules_total{");
			jm_metrics_label(&p->page, "runtime", g.runtime);
			jm_metrics_label(&p->page, "container", g.container);
			jm_metrics_label(&p->page, "pod", g.pod);
			split_labels(p, &s->channels[i]);
			jm_buffer_puts(p->page.b, "}");
			jm_metrics_number(&p->page, g.energy_j[i]);
		}
	}
}

static void items(struct page *p)
{
	const struct jm_service *s = p->s;
	struct jm_items_sum sum;
	struct jm_live_process q;
	size_t at = 0;

	jm_metrics_family(&p->page, "joulemap_items", "counter",
			  "Items that programs said they did: inferences, tokens, whatever they call it");
	while (jm_items_next(s->items, &at, &sum)) {
		if (sum.scope != JM_ITEMS_OF_ALL)
			continue;
		jm_buffer_puts(p->page.b, "joulemap_items_total{");
		jm_metrics_label(&p->page, "item", sum.item);
		jm_buffer_printf(p->page.b, "} %llu\n", (unsigned long long)sum.count);
	}
	jm_metrics_family(&p->page, "joulemap_process_items", "counter",
			  "Of them: those of processes that said which one they are");
	for (at = 0; jm_items_next(s->items, &at, &sum);) {
		if (sum.scope != JM_ITEMS_OF_PROCESS || jm_live_process(s->live, sum.process, &q) || q.is_gone)
			continue;
		jm_buffer_puts(p->page.b, "joulemap_process_items_total");
		process_labels(p, &q);
		jm_metrics_label(&p->page, "item", sum.item);
		jm_buffer_printf(p->page.b, "} %llu\n", (unsigned long long)sum.count);
	}
}

static void pod_items(struct page *p)
{
	struct jm_items_sum sum;
	size_t at = 0;

	jm_metrics_family(&p->page, "joulemap_pod_items", "counter",
			  "Of them: those of programs that said in which pod they run");
	while (jm_items_next(p->s->items, &at, &sum)) {
		if (sum.scope != JM_ITEMS_OF_POD)
			continue;
		jm_buffer_puts(p->page.b, "joulemap_pod_items_total{");
		jm_metrics_label(&p->page, "pod", sum.pod);
		jm_metrics_label(&p->page, "item", sum.item);
		jm_buffer_printf(p->page.b, "} %llu\n", (unsigned long long)sum.count);
	}
}

static void measurements(struct page *p)
{
	static const char *const ended = "joulemap_measurements_ended_total";
	const struct jm_measurements *all = p->s->measurements;
	double n_running = (double)jm_measurements_n_running(all);

	jm_metrics_family(&p->page, "joulemap_measurements_active", "gauge", "Measurements under way");
	jm_metrics_labelled(&p->page, "joulemap_measurements_active", "state", "waiting",
			    (double)jm_measurements_n_active(all) - n_running);
	jm_metrics_labelled(&p->page, "joulemap_measurements_active", "state", "running", n_running);
	jm_metrics_family(&p->page, "joulemap_measurements", "counter", "Measurements asked for");
	jm_metrics_single(&p->page, "joulemap_measurements_total", (double)jm_measurements_n_ever(all));
	jm_metrics_family(&p->page, "joulemap_begin_seconds", "summary", "From a request to its first figures");
	jm_metrics_single(&p->page, "joulemap_begin_seconds_sum", jm_s_from_ns(p->s->begun_ns));
	jm_metrics_single(&p->page, "joulemap_begin_seconds_count", (double)p->s->n_begun);
	jm_metrics_family(&p->page, "joulemap_begin_longest_seconds", "gauge", "The longest of them so far");
	jm_metrics_single(&p->page, "joulemap_begin_longest_seconds", jm_s_from_ns(p->s->begun_max_ns));
	jm_metrics_family(&p->page, "joulemap_measurements_ended", "counter",
			  "Measurements that have ended; gone: all of their processes had");
	jm_metrics_labelled(&p->page, ended, "state", "done", (double)jm_measurements_n_ended(all, JM_MEASURE_DONE));
	jm_metrics_labelled(&p->page, ended, "state", "gone", (double)jm_measurements_n_ended(all, JM_MEASURE_GONE));
}

static void own(struct page *p, const struct jm_http_counts *http)
{
	const struct jm_service *s = p->s;
	int64_t cpu_ns, rss_bytes;

	jm_own_cost(&cpu_ns, &rss_bytes);
	if (p->page.is_open)
		jm_metrics_family(&p->page, "joulemap_build", "info", "The version");
	else
		jm_metrics_family(&p->page, "joulemap_build_info", "gauge", "1, with the version");
	jm_buffer_printf(p->page.b, "joulemap_build_info{version=\"%s\"} 1\n", jm_version());
	jm_metrics_family(&p->page, "joulemap_sampling_period_seconds", "gauge",
			  "Between readings; 0: the sensors sleep");
	jm_metrics_single(&p->page, "joulemap_sampling_period_seconds", jm_s_from_ns(s->state.period_ns));
	jm_metrics_family(&p->page, "joulemap_ticks", "counter", "Looks at the sensors and processes");
	jm_metrics_single(&p->page, "joulemap_ticks_total", (double)s->state.n_ticks);
	jm_metrics_family(&p->page, "joulemap_processes_watched", "gauge", "Processes under watch");
	jm_metrics_single(&p->page, "joulemap_processes_watched", (double)s->state.n_processes);
	jm_metrics_family(&p->page, "joulemap_http_requests", "counter", "Requests by HTTP");
	jm_metrics_single(&p->page, "joulemap_http_requests_total", (double)http->n_requests);
	jm_metrics_family(&p->page, "joulemap_http_refused", "counter",
			  "Requests refused: malformed, not allowed, or beyond a limit");
	jm_metrics_single(&p->page, "joulemap_http_refused_total", (double)http->n_refused);
	jm_metrics_family(&p->page, "joulemap_streams_cut", "counter", "Readers of the stream that were too slow");
	jm_metrics_single(&p->page, "joulemap_streams_cut_total", (double)http->n_streams_cut);
	jm_metrics_family(&p->page, "process_cpu_seconds", "counter", "Own processor time");
	jm_metrics_single(&p->page, "process_cpu_seconds_total", jm_s_from_ns(cpu_ns));
	jm_metrics_family(&p->page, "process_start_time_seconds", "gauge", "When the service began, since 1970");
	jm_metrics_single(&p->page, "process_start_time_seconds", jm_s_from_ns(s->start_realtime_ns));
	if (rss_bytes < 0)
		return;
	jm_metrics_family(&p->page, "process_resident_memory_bytes", "gauge", "Own memory");
	jm_metrics_single(&p->page, "process_resident_memory_bytes", (double)rss_bytes);
}

void jm_metrics_write(struct jm_buffer *b, const struct jm_service *s, const struct jm_http_counts *http, bool is_open)
{
	struct page p = {{b, is_open}, s};
	size_t i;

	channel_energy(&p);
	channel_split(&p);
	idle_levels(&p);
	ledgers(&p);
	process_energy(&p, false);
	process_energy(&p, true);
	process_time(&p);
	containers(&p);
	items(&p);
	pod_items(&p);
	measurements(&p);
	own(&p, http);
	for (i = 0; i < s->n_metrics; i++)
		s->metrics[i].write(s->metrics[i].ctx, &p.page);
	if (is_open)
		jm_buffer_puts(b, "# EOF\n");
}
