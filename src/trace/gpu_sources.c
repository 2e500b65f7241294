/* A log of all that NVML says of one GPU's power: lines "source,host_us,driver_us,value" of the sources
 *   ring: nvmlDeviceGetSamples(NVML_TOTAL_POWER_SAMPLES), mW, driver_us: the driver's own time of the sample;
 *   instant, average (fields 186, 185), usage (nvmlDeviceGetPowerUsage), mW;
 *   energy: nvmlDeviceGetTotalEnergyConsumption, mJ.
 * host_us: CLOCK_REALTIME after the call; driver_us, but for ring: before it, or 0. The ring is preferred where there is
 * one, as it alone has times of its own; the others read the same board. */
#define _GNU_SOURCE
#include "core/error.h"
#include "core/text.h"
#include "core/units.h"
#include "trace/emit.h"
#include "trace/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum source { RING, ENERGY, INSTANT, USAGE, AVERAGE, N_SOURCES };

static const struct {
	const char *name, *label;
	enum jm_quantity quantity;
	enum jm_kind kind;
} sources[N_SOURCES] = {
    {"ring", "nvmlDeviceGetSamples, total power", JM_QUANTITY_POWER, JM_KIND_GAUGE},
    {"energy", "nvmlDeviceGetTotalEnergyConsumption", JM_QUANTITY_ENERGY, JM_KIND_COUNTER},
    {"instant", "instant power, field 186", JM_QUANTITY_POWER, JM_KIND_GAUGE},
    {"usage", "nvmlDeviceGetPowerUsage", JM_QUANTITY_POWER, JM_KIND_WINDOW_MEAN},
    {"average", "average power, field 185", JM_QUANTITY_POWER, JM_KIND_WINDOW_MEAN},
};

struct reading {
	const struct jm_trace_input *in;
	struct jm_emit emit;
	struct jm_table table;
	struct jm_sample_list lists[N_SOURCES];
};

static enum source source_of(const struct jm_field *f)
{
	int i;

	for (i = 0; i < N_SOURCES; i++)
		if (jm_field_is(f, sources[i].name))
			break;
	return (enum source)i;
}

static int match(const char *head, size_t n)
{
	struct jm_table table;
	int64_t value;
	int confidence = 0;

	if (n == 0 || !memchr("reiuas", head[0], 6))
		return 0;
	jm_table_init(&table, head, n);
	if (jm_table_next(&table) == 1 && table.n_fields == 4) {
		bool is_header = jm_field_is(&table.fields[0], "source") && jm_field_is(&table.fields[1], "host_us");

		if (is_header || (source_of(&table.fields[0]) < N_SOURCES &&
				  !jm_text_i64(table.fields[3].text, table.fields[3].n, &value)))
			confidence = 90;
	}
	jm_table_finish(&table);
	return confidence;
}

static int row_error(const struct reading *r, struct jm_error *err)
{
	return jm_error_set(err, JM_E_FORMAT, "%s:%llu: not a line 'source,host_us,driver_us,value'",
			    jm_trace_path(r->in), (unsigned long long)r->table.line);
}

static int take_row(struct reading *r, struct jm_error *err)
{
	const struct jm_field *f = r->table.fields;
	enum source source = source_of(&f[0]);
	struct jm_sample_list *list;
	int64_t host_ns, driver_ns, value, t_ns, width_ns = 0;

	if (r->table.n_fields != 4 || source == N_SOURCES || jm_text_fixed(f[1].text, f[1].n, 3, &host_ns) ||
	    jm_text_fixed(f[2].text, f[2].n, 3, &driver_ns) || jm_text_i64(f[3].text, f[3].n, &value) || value < 0 ||
	    value > INT64_MAX / 1000 || host_ns < 0 || driver_ns < 0)
		return row_error(r, err);
	list = &r->lists[source];
	t_ns = host_ns;
	if (source == RING) {
		t_ns = driver_ns;
		/* The buffer is read again before it has turned over: the same samples come twice. */
		if (list->n > 0 && t_ns <= list->items[list->n - 1].t_ns)
			return 0;
	} else if (driver_ns > 0 && driver_ns <= host_ns) {
		width_ns = (host_ns - driver_ns) / 2;
		t_ns = driver_ns + width_ns;
	}
	if (jm_sample_list_add(list, (uint16_t)source, t_ns, value * 1000, false))
		return jm_error_set(err, JM_E_NOMEM, "out of memory");
	list->items[list->n - 1].half_width_ns = width_ns < UINT32_MAX ? (uint32_t)width_ns : UINT32_MAX;
	list->items[list->n - 1].device_us = source == RING ? driver_ns / 1000 : 0;
	return 0;
}

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* The period of the ring: the median distance of its own times. 0: unknown. */
static int64_t ring_period_ns(const struct jm_sample_list *list)
{
	size_t n = list->n < 1024 ? list->n : 1024, i;
	int64_t steps[1024];

	if (n < 16)
		return 0;
	for (i = 1; i < n; i++)
		steps[i - 1] = list->items[i].t_ns - list->items[i - 1].t_ns;
	qsort(steps, n - 1, sizeof(*steps), by_value);
	return steps[(n - 1) / 2];
}

static void hand_over(struct reading *r)
{
	struct jm_channel channel;
	int preferred = -1, source;
	char name[96];

	for (source = 0; source < N_SOURCES; source++) {
		struct jm_sample_list *list = &r->lists[source];
		uint16_t index;
		size_t i;

		if (list->n == 0)
			continue;
		snprintf(name, sizeof(name), "import/gpu/%s", sources[source].name);
		jm_channel_init(&channel, name);
		snprintf(channel.label, sizeof(channel.label), "%s", sources[source].label);
		channel.quantity = sources[source].quantity;
		channel.kind = sources[source].kind;
		channel.domain = JM_DOMAIN_GPU;
		channel.step = 1000;
		channel.same_as = preferred;
		if (source == RING)
			channel.update_period_ns = ring_period_ns(list);
		index = jm_emit_channel(&r->emit, &channel);
		if (preferred < 0)
			preferred = index;
		for (i = 0; i < list->n; i++)
			list->items[i].channel = index;
	}
	for (source = 0; source < N_SOURCES; source++)
		jm_sample_list_emit(&r->lists[source], r->in, &r->emit);
}

static int read_rows(struct reading *r, struct jm_error *err)
{
	int more = jm_table_next(&r->table), rc;

	if (more == 1 && jm_field_is(&r->table.fields[0], "source"))
		more = jm_table_next(&r->table);
	for (; more == 1; more = jm_table_next(&r->table)) {
		if (jm_table_is_cut(&r->table, r->in, r->emit.out))
			return 0;
		rc = take_row(r, err);
		if (rc)
			return rc;
	}
	return more < 0 ? row_error(r, err) : 0;
}

static int read_log(const struct jm_trace_input *in, struct jm_trace_output *out, struct jm_error *err)
{
	struct reading r = {.in = in};
	int rc, finished;

	jm_emit_init(&r.emit, out);
	jm_table_init(&r.table, in->data, in->n);
	out->clock = JM_TRACE_CLOCK_REALTIME;
	rc = read_rows(&r, err);
	if (rc)
		r.emit.rc = rc;
	hand_over(&r);
	finished = jm_emit_finish(&r.emit, rc ? NULL : err);
	jm_table_finish(&r.table);
	return rc ? rc : finished;
}

const struct jm_importer jm_importer_gpu_sources = {
    .name = "gpu_sources",
    .summary = "log of one GPU: source,host_us,driver_us,value (ring, energy, instant, usage, average)",
    .match = match,
    .read = read_log,
};
