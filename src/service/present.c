#include "service/present.h"

#include "core/own_cost.h"
#include "core/units.h"

#include <math.h>
#include <stdio.h>
#include <time.h>

void jm_present_time(struct jm_buffer *b, int64_t realtime_ns)
{
	time_t seconds = (time_t)(realtime_ns / JM_NS_PER_S);
	struct tm t;
	char text[32];

	gmtime_r(&seconds, &t);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &t);
	jm_buffer_printf(b, "\"%s.%06dZ\"", text, (int)(realtime_ns % JM_NS_PER_S / JM_NS_PER_US));
}

void jm_present_number(struct jm_buffer *b, const char *key, double value)
{
	jm_buffer_printf(b, ",\"%s\":", key);
	jm_buffer_json_number(b, value);
}

static const char *why_unknown(const struct jm_measurement *m, enum jm_device device)
{
	if (m->machine_last.devices[device].is_known)
		return "this machine has a sensor for it, but nothing tells which process used it";
	return "no sensor for it is open: joulemap sensors says what is missing";
}

static void present_result(struct jm_buffer *b, const struct jm_measurement *m, enum jm_device device,
			   const struct jm_moment *from, const struct jm_moment *to)
{
	bool is_machine = from == &m->machine_first;
	struct jm_measure_result r = jm_measure_between(from, to, device);

	jm_buffer_printf(b, ",\"%s\":{\"state\":", jm_device_text(device));
	if (!r.is_known) {
		jm_buffer_puts(b, "\"unavailable\",\"reason\":");
		jm_buffer_json_string(b, to->t_ns ? why_unknown(m, device) : "it has not begun");
		jm_buffer_puts(b, ",\"energy_j\":null,\"energy_ci_j\":null,\"mean_power_w\":null,\"seen_s\":null}");
		return;
	}
	jm_buffer_puts(b, r.is_estimated ? "\"estimated\"" : "\"measured\"");
	jm_present_number(b, "energy_j", r.seen_s > 0 ? r.energy_j : NAN);
	if (isnan(r.low_j) || isnan(r.high_j)) {
		jm_buffer_puts(b, ",\"energy_ci_j\":null");
	} else {
		jm_buffer_puts(b, ",\"energy_ci_j\":[");
		jm_buffer_json_number(b, r.low_j);
		jm_buffer_puts(b, ",");
		jm_buffer_json_number(b, r.high_j);
		jm_buffer_puts(b, "]");
	}
	jm_present_number(b, "mean_power_w", r.power_w);
	jm_present_number(b, "seen_s", r.seen_s);
	if (is_machine)
		jm_present_number(b, "idle_j",
				  r.seen_s > 0 ? to->devices[device].idle_j - from->devices[device].idle_j : NAN);
	jm_buffer_puts(b, "}");
}

static void present_devices(struct jm_buffer *b, const struct jm_measurement *m, const struct jm_moment *from,
			    const struct jm_moment *to)
{
	int device;

	for (device = 0; device < JM_N_DEVICES; device++)
		if (m->devices & JM_DEVICE_BIT(device))
			present_result(b, m, (enum jm_device)device, from, to);
}

static void present_part(struct jm_buffer *b, const struct jm_measurement *m, const struct jm_measure_part *part)
{
	jm_buffer_printf(b, "{\"pid\":%lld,\"name\":", (long long)part->pid);
	jm_buffer_json_string(b, part->name);
	jm_buffer_printf(b, ",\"state\":\"%s\"", jm_measure_state_text(part->state));
	if (part->reason[0]) {
		jm_buffer_puts(b, ",\"reason\":");
		jm_buffer_json_string(b, part->reason);
	}
	jm_buffer_printf(b, ",\"samples\":%llu", (unsigned long long)part->n_samples);
	jm_present_number(b, "time_s", jm_s_from_ns(part->last.t_ns - part->first.t_ns));
	jm_present_number(b, "cpu_s", part->last.cpu_s - part->first.cpu_s);
	present_devices(b, m, &part->first, &part->last);
	jm_buffer_puts(b, "}");
}

static void present_device_names(struct jm_buffer *b, unsigned devices)
{
	const char *comma = "";
	int device;

	jm_buffer_puts(b, ",\"devices\":[");
	for (device = 0; device < JM_N_DEVICES; device++) {
		if (!(devices & JM_DEVICE_BIT(device)))
			continue;
		jm_buffer_printf(b, "%s\"%s\"", comma, jm_device_text((enum jm_device)device));
		comma = ",";
	}
	jm_buffer_puts(b, "]");
}

static void present_recording(struct jm_buffer *b, const struct jm_service *s, const struct jm_measurement *m)
{
	char path[1200];

	jm_buffer_puts(b, ",\"recording\":");
	if (!s->recordings || !m->recording[0]) {
		jm_buffer_puts(b, "null");
		return;
	}
	snprintf(path, sizeof(path), "%s/%s", s->recordings, m->recording);
	jm_buffer_json_string(b, path);
}

/* Of the service, which all its measurements share: its time since this one began, its memory now. */
static void present_own_cost(struct jm_buffer *b, const struct jm_measurement *m)
{
	const struct jm_moment *from = &m->machine_first, *to = &m->machine_last;
	struct jm_own_cost cost = {.cpu_s = to->t_ns ? to->cpu_s - from->cpu_s : NAN,
				   .wall_s = jm_s_from_ns(to->t_ns - from->t_ns)};
	int64_t cpu_ns, rss_bytes;

	jm_own_cost(&cpu_ns, &rss_bytes);
	cost.rss_bytes = rss_bytes > 0 ? (uint64_t)rss_bytes : 0;
	jm_own_cost_json(&cost, b);
}

void jm_present_measurement(struct jm_buffer *b, const struct jm_service *s, const struct jm_measurement *m,
			    bool is_brief)
{
	int64_t period_ns = s->options.period_ns;
	size_t i;

	jm_buffer_printf(b, "{\"id\":%llu,\"state\":\"%s\",\"label\":", (unsigned long long)m->id,
			 jm_measure_state_text(m->state));
	jm_buffer_json_string(b, m->label);
	jm_buffer_puts(b, ",\"start\":");
	jm_present_time(b, m->asked_realtime_ns + (m->start_ns - m->asked_ns));
	jm_present_number(b, "duration_s", m->end_ns == INT64_MAX ? NAN : jm_s_from_ns(m->end_ns - m->start_ns));
	jm_present_number(b, "period_s", jm_s_from_ns(period_ns));
	present_device_names(b, m->devices);
	jm_buffer_printf(b, ",\"n_processes\":%zu,\"pauses\":%u", m->n_parts, m->n_pauses);
	present_recording(b, s, m);
	if (!is_brief) {
		jm_buffer_puts(b, ",\"processes\":[");
		for (i = 0; i < m->n_parts; i++) {
			if (i)
				jm_buffer_puts(b, ",");
			present_part(b, m, &m->parts[i]);
		}
		jm_buffer_puts(b, "],\"machine\":{\"time_s\":");
		jm_buffer_json_number(b, jm_s_from_ns(m->machine_last.t_ns - m->machine_first.t_ns));
		present_devices(b, m, &m->machine_first, &m->machine_last);
		jm_buffer_puts(b, "},\"own_cost\":");
		present_own_cost(b, m);
	}
	jm_buffer_puts(b, "}");
}

void jm_present_measurements(struct jm_buffer *b, const struct jm_service *s)
{
	size_t i;

	jm_buffer_puts(b, "{\"measurements\":[");
	for (i = 0; i < jm_measurements_n(s->measurements); i++) {
		if (i)
			jm_buffer_puts(b, ",");
		jm_present_measurement(b, s, jm_measurements_at(s->measurements, i), true);
	}
	jm_buffer_puts(b, "]}");
}

void jm_present_error(struct jm_buffer *b, const struct jm_error *err)
{
	jm_buffer_puts(b, "{\"error\":{\"code\":");
	jm_buffer_json_string(b, jm_error_text(err->code));
	jm_buffer_puts(b, ",\"message\":");
	jm_buffer_json_string(b, err->message);
	jm_buffer_puts(b, ",\"remedy\":");
	jm_buffer_json_string(b, err->remedy);
	jm_buffer_puts(b, "}}");
}
