#include "service/metrics.h"

#include "core/units.h"

#include <math.h>
#include <string.h>

#define TICKS_PER_S 100 /* of start_ticks: USER_HZ, 100 on every architecture */

struct page {
	struct jm_buffer *b;
	const struct jm_service *s;
	bool is_open;
};

/* Names a family. OpenMetrics names a counter without _total, the older format with it. */
static void family(struct page *p, const char *name, const char *type, const char *help)
{
	const char *total = !p->is_open && strcmp(type, "counter") == 0 ? "_total" : "";

	jm_buffer_printf(p->b, "# HELP %s%s %s\n# TYPE %s%s %s\n", name, total, help, name, total, type);
}

static void put_value(struct jm_buffer *b, const char *text)
{
	const char *c;

	for (c = text; *c; c++) {
		if (*c == '\n')
			jm_buffer_puts(b, "\\n");
		else if (*c == '"' || *c == '\\')
			jm_buffer_append(b, (const char[]){'\\', *c}, 2);
		else if ((unsigned char)*c < 0x20 || (unsigned char)*c >= 0x7f)
			jm_buffer_puts(b, "?"); /* names of processes are any bytes; labels are UTF-8 */
		else
			jm_buffer_append(b, c, 1);
	}
}

static void label(struct page *p, const char *key, const char *value)
{
	jm_buffer_printf(p->b, "%s%s=\"", p->b->data[p->b->n - 1] == '{' ? "" : ",", key);
	put_value(p->b, value);
	jm_buffer_puts(p->b, "\"");
}

static void number(struct page *p, double value)
{
	jm_buffer_puts(p->b, " ");
	jm_buffer_json_number(p->b, value);
	jm_buffer_puts(p->b, "\n");
}

static void single(struct page *p, const char *name, double value)
{
	jm_buffer_puts(p->b, name);
	number(p, value);
}

static void channel_labels(struct page *p, const char *name, const struct jm_live_channel *c)
{
	jm_buffer_printf(p->b, "%s{", name);
	label(p, "channel", c->info.name);
	label(p, "domain", c->info.domain);
	label(p, "part_of", c->info.part_of);
	label(p, "state", !isnan(c->low_w) ? "estimated" : "measured");
}

static void channel_energy(struct page *p)
{
	const struct jm_service *s = p->s;
	size_t i;

	family(p, "joulemap_power_watts", "gauge", "Mean power over about the last second");
	for (i = 0; i < s->n_channels; i++) {
		if (!s->channels[i].is_counted || isnan(s->powers[i].power_w))
			continue;
		channel_labels(p, "joulemap_power_watts", &s->channels[i]);
		jm_buffer_puts(p->b, "}");
		number(p, s->powers[i].power_w);
	}
	family(p, "joulemap_energy_joules", "counter",
	       "Energy since the service began; time in which nothing was read adds nothing");
	for (i = 0; i < s->n_channels; i++) {
		if (!s->channels[i].is_counted)
			continue;
		channel_labels(p, "joulemap_energy_joules_total", &s->channels[i]);
		jm_buffer_puts(p->b, "}");
		number(p, s->channels[i].energy_j);
	}
	family(p, "joulemap_energy_seen_seconds", "counter",
	       "Time that the energy speaks of; the rest of the service's life are gaps");
	for (i = 0; i < s->n_channels; i++) {
		if (!s->channels[i].is_counted)
			continue;
		channel_labels(p, "joulemap_energy_seen_seconds_total", &s->channels[i]);
		jm_buffer_puts(p->b, "}");
		number(p, s->channels[i].seen_s);
	}
}

static void channel_split(struct page *p)
{
	static const char *const to[] = {"idle", "others", "unattributed", "processes"};
	const struct jm_service *s = p->s;
	size_t i, k;

	family(p, "joulemap_split_joules", "counter",
	       "Where the energy of a channel went: the idle machine, watched processes, others, nobody known. Adds up "
	       "to it");
	for (i = 0; i < s->n_channels; i++) {
		const struct jm_live_channel *c = &s->channels[i];
		double parts[] = {c->idle_j, c->others_j, c->unattributed_j,
				  fmax(0, c->energy_j - c->idle_j - c->others_j - c->unattributed_j)};

		for (k = 0; c->is_counted && k < 4; k++) {
			channel_labels(p, "joulemap_split_joules_total", c);
			label(p, "to", to[k]);
			jm_buffer_puts(p->b, "}");
			number(p, parts[k]);
		}
	}
}

static void ledger(struct page *p, const char *name, const char *total, const char *help, size_t offset)
{
	const struct jm_service *s = p->s;
	size_t i;

	family(p, name, "counter", help);
	for (i = 0; i < s->n_channels; i++) {
		uint64_t value;

		memcpy(&value, (const char *)&s->channels[i] + offset, sizeof(value));
		jm_buffer_printf(p->b, "%s{", total);
		label(p, "channel", s->channels[i].info.name);
		jm_buffer_printf(p->b, "} %llu\n", (unsigned long long)value);
	}
}

#define LEDGER(p, what, field, help)                                                                                   \
	ledger(p, "joulemap_" what, "joulemap_" what "_total", help, offsetof(struct jm_live_channel, field))

static void ledgers(struct page *p)
{
	const struct jm_service *s = p->s;
	size_t i;

	family(p, "joulemap_sensor_up", "gauge", "1: the channel can be read; 0: it is lost or unavailable");
	for (i = 0; i < s->n_channels; i++) {
		jm_buffer_puts(p->b, "joulemap_sensor_up{");
		label(p, "channel", s->channels[i].info.name);
		jm_buffer_printf(p->b, "} %d\n", strcmp(s->channels[i].info.state, "unavailable") != 0);
	}
	LEDGER(p, "readings_expected", n_expected, "Readings that were due");
	LEDGER(p, "readings_taken", n_taken, "Readings that came");
	LEDGER(p, "readings_late", n_late, "Of those taken: more than half a period behind");
	LEDGER(p, "readings_missed", n_missed, "Readings that were due and did not come");
	LEDGER(p, "readings_repeated", n_repeated, "Of those taken: nothing new");
	LEDGER(p, "sensor_lost", n_lost, "Times the sensor was lost");
	family(p, "joulemap_reading_cpu_seconds", "counter", "Own processor time for reading the channel");
	for (i = 0; i < s->n_channels; i++) {
		jm_buffer_puts(p->b, "joulemap_reading_cpu_seconds_total{");
		label(p, "channel", s->channels[i].info.name);
		jm_buffer_puts(p->b, "}");
		number(p, jm_s_from_ns(s->channels[i].cpu_ns));
	}
}

/* Series of one process differ in their values alone: what names it is made once. */
static void process_labels(struct page *p, const struct jm_live_process *q)
{
	jm_buffer_printf(p->b, "{pid=\"%lld\",start=\"%.2f\"", (long long)q->pid, (double)q->start_ticks / TICKS_PER_S);
	label(p, "name", q->name);
	label(p, "container", q->container);
	label(p, "pod", q->pod);
}

static void process_energy(struct page *p)
{
	const struct jm_service *s = p->s;
	struct jm_buffer names = {0};
	struct page name_page = {&names, s, p->is_open};
	struct jm_live_process q;
	size_t at = 0, i;

	family(p, "joulemap_process_energy_joules", "counter", "Energy of a watched process since it came under watch");
	while (jm_live_next_process(s->live, &at, &q)) {
		if (q.is_gone)
			continue;
		names.n = 0;
		process_labels(&name_page, &q);
		for (i = 0; i < s->n_channels && !names.is_failed; i++) {
			if (!s->channels[i].is_split || !s->channels[i].is_counted)
				continue;
			jm_buffer_puts(p->b, "joulemap_process_energy_joules_total");
			jm_buffer_append(p->b, names.data, names.n);
			label(p, "channel", s->channels[i].info.name);
			jm_buffer_puts(p->b, "}");
			number(p, q.energy_j[i]);
		}
	}
	p->b->is_failed = p->b->is_failed || names.is_failed;
	jm_buffer_finish(&names);
}

static void process_time(struct page *p)
{
	struct jm_live_process q;
	size_t at = 0;

	family(p, "joulemap_process_cpu_seconds", "counter",
	       "Processor time of a watched process since it came under watch");
	while (jm_live_next_process(p->s->live, &at, &q)) {
		if (q.is_gone)
			continue;
		jm_buffer_puts(p->b, "joulemap_process_cpu_seconds_total");
		process_labels(p, &q);
		jm_buffer_puts(p->b, "}");
		number(p, q.cpu_s);
	}
}

static void containers(struct page *p)
{
	const struct jm_service *s = p->s;
	struct jm_live_container g;
	size_t at = 0, i;

	family(p, "joulemap_container_energy_joules", "counter", "Energy of the watched processes of a container");
	while (jm_live_next_container(s->live, &at, &g)) {
		for (i = 0; i < s->n_channels; i++) {
			if (!s->channels[i].is_split || !s->channels[i].is_counted)
				continue;
			jm_buffer_puts(p->b, "joulemap_container_energy_joules_total{");
			label(p, "runtime", g.runtime);
			label(p, "container", g.container);
			label(p, "pod", g.pod);
			label(p, "channel", s->channels[i].info.name);
			jm_buffer_puts(p->b, "}");
			number(p, g.energy_j[i]);
		}
	}
}

static void own(struct page *p, const struct jm_http_counts *http)
{
	const struct jm_service *s = p->s;
	int64_t cpu_ns, rss_bytes;

	jm_own_cost(&cpu_ns, &rss_bytes);
	if (p->is_open)
		family(p, "joulemap_build", "info", "The version");
	else
		family(p, "joulemap_build_info", "gauge", "1, with the version");
	jm_buffer_printf(p->b, "joulemap_build_info{version=\"%s\"} 1\n", jm_version());
	family(p, "joulemap_sampling_period_seconds", "gauge", "Between readings; 0: the sensors sleep");
	single(p, "joulemap_sampling_period_seconds", jm_s_from_ns(s->state.period_ns));
	family(p, "joulemap_ticks", "counter", "Looks at the sensors and processes");
	single(p, "joulemap_ticks_total", (double)s->state.n_ticks);
	family(p, "joulemap_processes_watched", "gauge", "Processes under watch");
	single(p, "joulemap_processes_watched", (double)s->state.n_processes);
	family(p, "joulemap_measurements_active", "gauge", "Measurements waiting or running");
	single(p, "joulemap_measurements_active", (double)jm_measurements_n_active(s->measurements));
	family(p, "joulemap_measurements", "counter", "Measurements asked for");
	single(p, "joulemap_measurements_total", (double)jm_measurements_n_ever(s->measurements));
	family(p, "joulemap_http_requests", "counter", "Requests by HTTP");
	single(p, "joulemap_http_requests_total", (double)http->n_requests);
	family(p, "joulemap_http_refused", "counter", "Requests refused: malformed, not allowed, or beyond a limit");
	single(p, "joulemap_http_refused_total", (double)http->n_refused);
	family(p, "joulemap_streams_cut", "counter", "Readers of the stream that were too slow");
	single(p, "joulemap_streams_cut_total", (double)http->n_streams_cut);
	family(p, "process_cpu_seconds", "counter", "Own processor time");
	single(p, "process_cpu_seconds_total", jm_s_from_ns(cpu_ns));
	family(p, "process_start_time_seconds", "gauge", "When the service began, since 1970");
	single(p, "process_start_time_seconds", jm_s_from_ns(s->start_realtime_ns));
	if (rss_bytes < 0)
		return;
	family(p, "process_resident_memory_bytes", "gauge", "Own memory");
	single(p, "process_resident_memory_bytes", (double)rss_bytes);
}

void jm_metrics_write(struct jm_buffer *b, const struct jm_service *s, const struct jm_http_counts *http, bool is_open)
{
	struct page p = {b, s, is_open};

	channel_energy(&p);
	channel_split(&p);
	ledgers(&p);
	process_energy(&p);
	process_time(&p);
	containers(&p);
	own(&p, http);
	if (is_open)
		jm_buffer_puts(b, "# EOF\n");
}
