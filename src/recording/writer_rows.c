/* Samples and spans into a recording: the hot half of the writer. */
#include "recording/writer.h"

#include "recording/schema.h"

#include <string.h>

int jm_writer_relative_time(struct jm_writer *w, int64_t t_ns, int64_t *out)
{
	int rc;

	if (!w->has_time_origin) {
		rc = jm_writer_set_own_meta(w, JM_META_TIME_ORIGIN, t_ns);
		if (rc)
			return rc;
		w->time_origin_ns = t_ns;
		w->has_time_origin = true;
	}
	if (__builtin_sub_overflow(t_ns, w->time_origin_ns, out))
		return jm_writer_keep(w, JM_E_INVALID, "two times are more than 292 years apart");
	return 0;
}

static int bind_device_time(struct jm_writer *w, sqlite3_stmt *s, int column, int64_t device_us)
{
	int64_t relative;
	int rc;

	if (device_us == 0) {
		sqlite3_bind_null(s, column);
		return 0;
	}
	if (!w->has_device_origin) {
		rc = jm_writer_set_own_meta(w, JM_META_DEVICE_ORIGIN, device_us);
		if (rc)
			return rc;
		w->device_origin_us = device_us;
		w->has_device_origin = true;
	}
	if (__builtin_sub_overflow(device_us, w->device_origin_us, &relative))
		return jm_writer_keep(w, JM_E_INVALID, "two device times are too far apart");
	sqlite3_bind_int64(s, column, relative);
	return 0;
}

static int write_one(struct jm_writer *w, const struct jm_sample *sample)
{
	sqlite3_stmt *s = w->statements[JM_STATEMENT_ONE];
	int64_t t;
	int rc = jm_writer_relative_time(w, sample->t_ns, &t);

	if (rc == 0)
		rc = bind_device_time(w, s, 5, sample->device_us);
	if (rc)
		return rc;
	sqlite3_bind_int(s, 1, sample->channel);
	sqlite3_bind_int64(s, 2, t);
	sqlite3_bind_int64(s, 3, sample->half_width_ns);
	jm_writer_bind_known(s, 4, sample->status == JM_SAMPLE_OK, sample->value);
	return jm_writer_step(w, JM_STATEMENT_ONE);
}

static int write_group(struct jm_writer *w, const struct jm_writer_place *place, const struct jm_sample *samples)
{
	sqlite3_stmt *s = w->statements[JM_STATEMENT_GROUP];
	int64_t t;
	int rc = jm_writer_relative_time(w, samples->t_ns, &t);
	int i;

	if (rc == 0)
		rc = bind_device_time(w, s, 4, samples->device_us);
	if (rc)
		return rc;
	sqlite3_bind_int(s, 1, place->sensor);
	sqlite3_bind_int64(s, 2, t);
	sqlite3_bind_int64(s, 3, samples->half_width_ns);
	for (i = 0; i < JM_GROUP_CHANNELS_MAX; i++)
		jm_writer_bind_known(s, 5 + i, i < place->n_channels && samples[i].status == JM_SAMPLE_OK,
			   i < place->n_channels ? samples[i].value : 0);
	return jm_writer_step(w, JM_STATEMENT_GROUP);
}

/* Says whether the samples begin with one reading of all the channels of a sensor. */
static bool is_group(const struct jm_writer_place *place, const struct jm_sample *samples, size_t n)
{
	size_t i;

	if (place->n_channels < 2 || place->n_channels > JM_GROUP_CHANNELS_MAX || n < place->n_channels)
		return false;
	for (i = 0; i < place->n_channels; i++)
		if (samples[i].channel != place->first_channel + i || samples[i].t_ns != samples[0].t_ns ||
		    samples[i].half_width_ns != samples[0].half_width_ns ||
		    samples[i].device_us != samples[0].device_us || samples[i].status > JM_SAMPLE_GAP)
			return false;
	return true;
}

static int sample_sink_write(void *ctx, const struct jm_sample *samples, size_t n)
{
	struct jm_writer *w = ctx;
	int rc = n ? jm_writer_begin(w) : 0;
	size_t i = 0;

	while (rc == 0 && i < n) {
		const struct jm_writer_place *place;

		if (samples[i].channel >= w->n_channels || samples[i].status > JM_SAMPLE_GAP)
			return jm_writer_keep(w, JM_E_INVALID, "a sample has a channel or status that is not there");
		place = &w->places[samples[i].channel];
		if (is_group(place, samples + i, n - i)) {
			rc = write_group(w, place, samples + i);
			i += place->n_channels;
		} else {
			rc = write_one(w, &samples[i]);
			i++;
		}
	}
	return rc;
}

struct jm_sample_sink jm_writer_sample_sink(struct jm_writer *w)
{
	return (struct jm_sample_sink){sample_sink_write, w};
}

static int span_sink_name(void *ctx, const char *text, size_t text_n, const char *type, size_t type_n,
			  uint32_t *index_out)
{
	struct jm_writer *w = ctx;
	sqlite3_stmt *s = w->statements[JM_STATEMENT_NAME];
	size_t n_before = w->names.n;
	uint32_t index;
	int rc;

	if (text_n > JM_TEXT_BYTES_MAX / 4 || type_n > JM_TEXT_BYTES_MAX / 4)
		return jm_writer_keep(w, JM_E_INVALID, "a name is longer than 4 MiB");
	rc = jm_writer_begin(w);
	if (rc)
		return rc;
	rc = jm_names_add(&w->names, text, text_n, type, type_n, &index);
	if (rc)
		return jm_writer_keep(w, rc, jm_error_text(rc));
	if (w->names.n > n_before) {
		sqlite3_bind_int64(s, 1, index);
		jm_writer_bind_text(s, 2, w->names.items[index].text);
		jm_writer_bind_text(s, 3, w->names.items[index].type);
		rc = jm_writer_step(w, JM_STATEMENT_NAME);
	}
	if (rc == 0)
		*index_out = index;
	return rc;
}

static int span_sink_shapes(void *ctx, uint32_t name, const char *text)
{
	struct jm_writer *w = ctx;
	sqlite3_stmt *s = w->statements[JM_STATEMENT_SHAPE];
	int rc = jm_writer_begin(w);

	if (rc)
		return rc;
	if (name >= w->names.n || strlen(text) > JM_TEXT_BYTES_MAX / 4)
		return jm_writer_keep(w, JM_E_INVALID, "the shapes of a layer are too long, or its name is not there");
	sqlite3_bind_int64(s, 1, name);
	jm_writer_bind_text(s, 2, text);
	return jm_writer_step(w, JM_STATEMENT_SHAPE);
}

static int write_span(struct jm_writer *w, const struct jm_span *span)
{
	sqlite3_stmt *s = w->statements[JM_STATEMENT_SPAN];
	int64_t start, duration;
	int rc;

	if (span->end_ns < span->start_ns || __builtin_sub_overflow(span->end_ns, span->start_ns, &duration))
		return jm_writer_keep(w, JM_E_INVALID, "a span ends before it starts");
	if (span->name >= w->names.n)
		return jm_writer_keep(w, JM_E_INVALID, "a span has a name that is not there");
	rc = jm_writer_relative_time(w, span->start_ns, &start);
	if (rc)
		return rc;
	sqlite3_bind_int64(s, 1, start);
	sqlite3_bind_int64(s, 2, duration);
	sqlite3_bind_int(s, 3, span->kind);
	sqlite3_bind_int64(s, 4, span->name);
	sqlite3_bind_int64(s, 5, span->track);
	jm_writer_bind_known(s, 6, span->iteration != JM_NO_ITERATION, span->iteration);
	sqlite3_bind_int(s, 7, span->flags);
	return jm_writer_step(w, JM_STATEMENT_SPAN);
}

static int span_sink_write(void *ctx, const struct jm_span *spans, size_t n)
{
	struct jm_writer *w = ctx;
	int rc = n ? jm_writer_begin(w) : 0;
	size_t i;

	for (i = 0; rc == 0 && i < n; i++)
		rc = write_span(w, &spans[i]);
	return rc;
}

struct jm_span_sink jm_writer_span_sink(struct jm_writer *w)
{
	return (struct jm_span_sink){span_sink_name, span_sink_write, w, span_sink_shapes};
}
