/* Power log of edge-vision-power-estimation: lines "YYYYmmdd-HH:MM:SS.f,mV,mA" of a board's INA3221, local time, no
 * header. Power is the product, in uW. A last line without end is left out with a warning. */
#define _GNU_SOURCE
#include "core/error.h"
#include "core/text.h"
#include "core/units.h"
#include "trace/emit.h"
#include "trace/stamp.h"
#include "trace/table.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static int match(const char *head, size_t n)
{
	struct jm_stamp_cache cache = {0};
	const char *comma = memchr(head, ',', n < 64 ? n : 64);
	int64_t t_us;

	return comma && !jm_stamp_compact(&cache, head, (size_t)(comma - head), &t_us) ? 90 : 0;
}

/* Errors: JM_E_FORMAT, JM_E_NOMEM. */
static int take_row(const struct jm_table *table, struct jm_stamp_cache *cache, uint16_t channel,
		    struct jm_sample_list *list)
{
	const struct jm_field *f = table->fields;
	double millivolt, milliampere, power_uw;
	int64_t t_us;

	if (table->n_fields != 3 || jm_stamp_compact(cache, f[0].text, f[0].n, &t_us) ||
	    jm_text_double(f[1].text, f[1].n, &millivolt) || jm_text_double(f[2].text, f[2].n, &milliampere))
		return JM_E_FORMAT;
	power_uw = millivolt * milliampere;
	if (!(fabs(power_uw) < 1e15) || t_us > INT64_MAX / JM_NS_PER_US)
		return JM_E_FORMAT;
	return jm_sample_list_add(list, channel, t_us * JM_NS_PER_US, llround(power_uw), false);
}

static int read_rows(const struct jm_trace_input *in, struct jm_emit *e, struct jm_sample_list *list,
		     struct jm_error *err)
{
	struct jm_stamp_cache cache = {0};
	struct jm_table table;
	struct jm_channel channel;
	uint16_t index;
	int rc = 0, more;

	jm_channel_init(&channel, "import/power_log");
	snprintf(channel.label, sizeof(channel.label), "board input");
	snprintf(channel.reason, sizeof(channel.reason), "product of mV and mA of a log, read one after the other");
	channel.domain = JM_DOMAIN_PLATFORM;
	index = jm_emit_channel(e, &channel);
	jm_table_init(&table, in->data, in->n);
	while (!rc && (more = jm_table_next(&table)) == 1) {
		if (jm_table_is_cut(&table, in, e->out))
			break;
		rc = take_row(&table, &cache, index, list);
		if (rc == JM_E_FORMAT)
			jm_error_set(err, rc, "%s:%llu: not a line 'YYYYmmdd-HH:MM:SS.f,mV,mA'", jm_trace_path(in),
				     (unsigned long long)table.line);
	}
	if (!rc && more < 0)
		rc = jm_error_set(err, more, "%s:%llu: not a line 'YYYYmmdd-HH:MM:SS.f,mV,mA'", jm_trace_path(in),
				  (unsigned long long)table.line);
	jm_table_finish(&table);
	return rc == JM_E_NOMEM ? jm_error_set(err, rc, "out of memory") : rc;
}

static int read_log(const struct jm_trace_input *in, struct jm_trace_output *out, struct jm_error *err)
{
	struct jm_sample_list list = {0};
	struct jm_emit e;
	int rc, finished;

	jm_emit_init(&e, out);
	out->clock = JM_TRACE_CLOCK_LOCAL;
	rc = read_rows(in, &e, &list, err);
	if (rc)
		e.rc = rc;
	jm_sample_list_emit(&list, in, &e);
	finished = jm_emit_finish(&e, rc ? NULL : err);
	return rc ? rc : finished;
}

const struct jm_importer jm_importer_power_lines = {
    .name = "power_lines",
    .summary = "power log of lines time,mV,mA (edge-vision-power-estimation)",
    .match = match,
    .read = read_log,
};
