#include "service/state_format.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define VERSION    1
#define MAX_PARTS  4096
#define MAX_PAUSES 1000000

/* ---- Reading ------------------------------------------------------------------------------------------------------ */

static void fail(struct jm_state_reader *r)
{
	r->rc = r->rc ? r->rc : JM_E_FORMAT;
}

static enum jm_json_type next(struct jm_state_reader *r)
{
	if (r->rc == 0)
		r->rc = jm_json_next(r->json, &r->token, NULL);
	return r->rc ? JM_JSON_END : r->token.type;
}

static void expect(struct jm_state_reader *r, enum jm_json_type type)
{
	if (next(r) != type)
		fail(r);
}

static void key(struct jm_state_reader *r, const char *name)
{
	if (next(r) != JM_JSON_KEY || !jm_json_is(&r->token, name))
		fail(r);
}

static int64_t integer(struct jm_state_reader *r, int64_t low, int64_t high)
{
	int64_t value = low;

	if (next(r) != JM_JSON_NUMBER || jm_text_i64(r->token.text, r->token.n, &value) || value < low ||
	    value > high) {
		fail(r);
		return low;
	}
	return value;
}

static double number(struct jm_state_reader *r)
{
	double value = NAN;
	enum jm_json_type type = next(r);

	if (type == JM_JSON_NULL)
		return NAN;
	if (type != JM_JSON_NUMBER || jm_json_number(r->json, &r->token, &value, NULL))
		fail(r);
	return value;
}

static void text(struct jm_state_reader *r, char *out, size_t size)
{
	size_t n;

	out[0] = '\0';
	if (next(r) != JM_JSON_STRING) {
		fail(r);
		return;
	}
	n = r->token.n < size ? r->token.n : size - 1;
	memcpy(out, r->token.text, n);
	out[n] = '\0';
}

void jm_state_read_head(struct jm_state_reader *r, char *boot, size_t size, uint64_t *next_id)
{
	expect(r, JM_JSON_OBJECT);
	key(r, "joulemap_state");
	integer(r, VERSION, VERSION);
	key(r, "boot");
	text(r, boot, size);
	key(r, "next_id");
	*next_id = (uint64_t)integer(r, 1, INT64_MAX);
	key(r, "measurements");
	expect(r, JM_JSON_ARRAY);
}

/* What there was between two moments. */
static void read_span(struct jm_state_reader *r, struct jm_moment *first, struct jm_moment *last)
{
	int d;

	memset(first, 0, sizeof(*first));
	memset(last, 0, sizeof(*last));
	expect(r, JM_JSON_ARRAY);
	first->t_ns = integer(r, 0, INT64_MAX);
	first->realtime_ns = integer(r, 0, INT64_MAX);
	last->t_ns = integer(r, 0, INT64_MAX);
	last->realtime_ns = integer(r, 0, INT64_MAX);
	last->start_ticks = (uint64_t)integer(r, 0, INT64_MAX);
	last->cpu_s = number(r);
	for (d = 0; d < JM_N_DEVICES; d++) {
		struct jm_device_sum *sum = &last->devices[d];

		sum->is_known = integer(r, 0, 1);
		sum->is_estimated = integer(r, 0, 1);
		sum->energy_j = number(r);
		sum->machine_j = number(r);
		sum->seen_s = number(r);
		sum->idle_j = number(r);
		sum->low_j = number(r);
		sum->high_j = number(r);
	}
	expect(r, JM_JSON_ARRAY_END);
}

static void read_part(struct jm_state_reader *r, struct jm_measure_part *part)
{
	part->pid = integer(r, 1, INT32_MAX);
	part->state = (enum jm_measure_state)integer(r, 0, JM_MEASURE_GONE);
	part->n_samples = (uint64_t)integer(r, 0, INT64_MAX);
	text(r, part->name, sizeof(part->name));
	text(r, part->reason, sizeof(part->reason));
	read_span(r, &part->first, &part->last);
	part->previous = part->last;
	expect(r, JM_JSON_ARRAY_END);
}

static void read_parts(struct jm_state_reader *r, struct jm_measurement *m)
{
	size_t n = (size_t)integer(r, 1, MAX_PARTS), i;

	expect(r, JM_JSON_ARRAY);
	m->parts = r->rc ? NULL : calloc(n, sizeof(*m->parts));
	if (!m->parts)
		fail(r);
	for (i = 0; i < n && r->rc == 0; i++) {
		expect(r, JM_JSON_ARRAY);
		read_part(r, &m->parts[i]);
	}
	m->n_parts = n;
	expect(r, JM_JSON_ARRAY_END);
}

struct jm_measurement *jm_state_read_measurement(struct jm_state_reader *r)
{
	struct jm_measurement *m;

	if (next(r) != JM_JSON_ARRAY)
		return NULL;
	m = calloc(1, sizeof(*m));
	if (!m) {
		fail(r);
		return NULL;
	}
	m->id = (uint64_t)integer(r, 1, INT64_MAX);
	m->devices = (unsigned)integer(r, 1, JM_DEVICE_ALL);
	m->state = (enum jm_measure_state)integer(r, JM_MEASURE_WAITING, JM_MEASURE_RUNNING);
	m->n_pauses = (unsigned)integer(r, 0, MAX_PAUSES);
	m->asked_ns = integer(r, 0, INT64_MAX);
	m->asked_realtime_ns = integer(r, 0, INT64_MAX);
	m->start_ns = integer(r, 0, INT64_MAX);
	m->end_ns = integer(r, 0, INT64_MAX);
	text(r, m->label, sizeof(m->label));
	text(r, m->recording, sizeof(m->recording));
	read_span(r, &m->machine_first, &m->machine_last);
	read_parts(r, m);
	expect(r, JM_JSON_ARRAY_END);
	if (r->rc == 0)
		return m;
	jm_measurement_free(m);
	return NULL;
}

/* ---- Writing ------------------------------------------------------------------------------------------------------ */

static void put_number(struct jm_buffer *b, double value)
{
	jm_buffer_puts(b, ",");
	jm_buffer_json_number(b, value);
}

static void put_text(struct jm_buffer *b, const char *value)
{
	jm_buffer_puts(b, ",");
	jm_buffer_json_string(b, value);
}

static void write_span(struct jm_buffer *b, const struct jm_moment *first, const struct jm_moment *last)
{
	int d;

	jm_buffer_printf(b, ",[%lld,%lld,%lld,%lld,%llu", (long long)first->t_ns, (long long)first->realtime_ns,
			 (long long)last->t_ns, (long long)last->realtime_ns, (unsigned long long)last->start_ticks);
	put_number(b, last->cpu_s - first->cpu_s);
	for (d = 0; d < JM_N_DEVICES; d++) {
		const struct jm_device_sum *x = &first->devices[d], *y = &last->devices[d];

		jm_buffer_printf(b, ",%d,%d", y->is_known, y->is_estimated);
		put_number(b, y->energy_j - x->energy_j);
		put_number(b, y->machine_j - x->machine_j);
		put_number(b, y->seen_s - x->seen_s);
		put_number(b, y->idle_j - x->idle_j);
		put_number(b, y->low_j - x->low_j);
		put_number(b, y->high_j - x->high_j);
	}
	jm_buffer_puts(b, "]");
}

static void write_measurement(struct jm_buffer *b, const struct jm_measurement *m)
{
	size_t i;

	jm_buffer_printf(b, "[%llu,%u,%d,%u,%lld,%lld,%lld,%lld", (unsigned long long)m->id, m->devices, (int)m->state,
			 m->n_pauses, (long long)m->asked_ns, (long long)m->asked_realtime_ns, (long long)m->start_ns,
			 (long long)m->end_ns);
	put_text(b, m->label);
	put_text(b, m->recording);
	write_span(b, &m->machine_first, &m->machine_last);
	jm_buffer_printf(b, ",%zu,[", m->n_parts);
	for (i = 0; i < m->n_parts; i++) {
		const struct jm_measure_part *part = &m->parts[i];

		jm_buffer_printf(b, "%s[%lld,%d,%llu", i ? ",\n" : "\n", (long long)part->pid, (int)part->state,
				 (unsigned long long)part->n_samples);
		put_text(b, part->name);
		put_text(b, part->reason);
		write_span(b, &part->first, &part->last);
		jm_buffer_puts(b, "]");
	}
	jm_buffer_puts(b, "]]");
}

void jm_state_write(struct jm_buffer *b, const char *boot, const struct jm_measurements *all)
{
	const char *comma = "\n";
	size_t i;

	jm_buffer_printf(b, "{\"joulemap_state\":%d,\"boot\":", VERSION);
	jm_buffer_json_string(b, boot);
	jm_buffer_printf(b, ",\"next_id\":%llu,\"measurements\":[",
			 (unsigned long long)jm_measurements_n_ever(all) + 1);
	for (i = 0; i < jm_measurements_n(all); i++) {
		const struct jm_measurement *m = jm_measurements_at(all, i);

		if (m->state > JM_MEASURE_RUNNING)
			continue;
		jm_buffer_puts(b, comma);
		write_measurement(b, m);
		comma = ",\n";
	}
	jm_buffer_puts(b, "]}\n");
}
