/* What a recording holds in memory since it was opened. */
#include "recording/reader.h"

#include "core/error.h"
#include "core/text.h"

#include <string.h>

static const struct jm_meta_entry *find(const struct jm_recording *r, const char *key)
{
	size_t i;

	for (i = 0; i < r->n_metas; i++)
		if (strcmp(r->metas[i].key, key) == 0)
			return &r->metas[i];
	return NULL;
}

const char *jm_recording_meta(struct jm_recording *r, const char *key)
{
	const struct jm_meta_entry *entry = find(r, key);

	return entry ? entry->text : NULL;
}

int jm_recording_meta_i64(struct jm_recording *r, const char *key, int64_t *out)
{
	const struct jm_meta_entry *entry = find(r, key);
	int64_t value = 0;

	if (!entry)
		return JM_E_NOT_FOUND;
	if (entry->type == JM_META_TEXT && jm_text_i64(entry->text, strlen(entry->text), &value))
		return JM_E_FORMAT;
	if (entry->type != JM_META_TEXT && entry->type != JM_META_I64)
		return JM_E_FORMAT;
	value = entry->type == JM_META_I64 ? entry->i64 : value;
	*out = value;
	return 0;
}

int jm_recording_meta_time(struct jm_recording *r, const char *key, int64_t *out_ns)
{
	int64_t value;
	int rc = jm_recording_meta_i64(r, key, &value);

	if (rc == 0 && (value < -JM_READER_TIME_MAX || value > JM_READER_TIME_MAX))
		rc = JM_E_FORMAT;
	if (rc == 0)
		*out_ns = value;
	return rc;
}

int jm_recording_meta_double(struct jm_recording *r, const char *key, double *out)
{
	const struct jm_meta_entry *entry = find(r, key);

	if (!entry)
		return JM_E_NOT_FOUND;
	if (entry->type == JM_META_TEXT)
		return jm_text_double(entry->text, strlen(entry->text), out);
	*out = entry->type == JM_META_I64 ? (double)entry->i64 : entry->number;
	return 0;
}

const struct jm_channel *jm_recording_channels(const struct jm_recording *r, size_t *n_out)
{
	*n_out = r->n_channels;
	return r->channels;
}

const struct jm_recording_sensor *jm_recording_sensors(const struct jm_recording *r, size_t *n_out)
{
	*n_out = r->n_sensors;
	return r->sensors;
}

const struct jm_names *jm_recording_names(const struct jm_recording *r)
{
	return &r->names;
}

int jm_recording_ledger(const struct jm_recording *r, uint16_t channel, struct jm_ledger *out)
{
	if (channel >= r->n_channels || !r->has_ledger[channel])
		return JM_E_NOT_FOUND;
	*out = r->ledgers[channel];
	return 0;
}

const struct jm_event *jm_recording_events(struct jm_recording *r, size_t *n_out)
{
	*n_out = r->n_events;
	return r->events;
}
