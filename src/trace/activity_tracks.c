#include "trace/activity_set.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A damaged file could make any number of them. */
#define TRACKS_MAX  4096
#define DEVICES_MAX 64

void jm_activity_tracks_finish(struct jm_activity_tracks *t)
{
	size_t i;

	for (i = 0; i < t->n_devices; i++)
		free(t->devices[i].bus_id);
	free(t->devices);
	free(t->items);
	memset(t, 0, sizeof(*t));
}

static const char *bus_id_of(const struct jm_activity_tracks *t, uint32_t device)
{
	size_t i;

	for (i = 0; i < t->n_devices; i++)
		if (t->devices[i].number == device)
			return t->devices[i].bus_id;
	return NULL;
}

static void describe(struct jm_activity_tracks *t, const struct jm_activity_track *track)
{
	struct jm_emit *e = &t->set->emit;
	const char *bus_id = bus_id_of(t, track->device);
	char key[48];

	snprintf(key, sizeof(key), "track_%" PRIu32, track->number);
	if (track->device == JM_ACTIVITY_THREAD) {
		jm_emit_meta(e, key, "process %" PRIu32 " thread %" PRIu32, t->pid, track->stream);
		return;
	}
	jm_emit_meta(e, key, "process %" PRIu32 " GPU %" PRIu32 " context %" PRIu32 " stream %" PRIu32, t->pid,
		     track->device, track->context, track->stream);
	snprintf(key, sizeof(key), "track_%" PRIu32 "_device", track->number);
	if (bus_id)
		jm_emit_meta(e, key, "%s", bus_id);
	else
		jm_emit_meta(e, key, "cuda:%" PRIu32, track->device);
}

int jm_activity_track(struct jm_activity_tracks *t, uint32_t device, uint32_t context, uint32_t stream,
		      uint32_t *number_out)
{
	struct jm_activity_track *items;
	size_t i;

	for (i = t->last; i < t->n + t->last; i++) {
		const struct jm_activity_track *track = &t->items[i % t->n];

		if (track->device != device || track->context != context || track->stream != stream)
			continue;
		t->last = i % t->n;
		*number_out = track->number;
		return 0;
	}
	if (t->n == TRACKS_MAX) {
		*number_out = t->items[TRACKS_MAX - 1].number;
		return 0;
	}
	items = realloc(t->items, (t->n + 1) * sizeof(*items));
	if (!items)
		return JM_E_NOMEM;
	t->items = items;
	t->last = t->n;
	items[t->n] = (struct jm_activity_track){device, context, stream, t->set->next_track++};
	describe(t, &items[t->n]);
	*number_out = items[t->n++].number;
	return 0;
}

int jm_activity_device(struct jm_activity_tracks *t, uint32_t device, const char *text, size_t n)
{
	const char *comma = memchr(text, ',', n);
	size_t bus_id_n = comma ? (size_t)(comma - text) : n, i;
	struct jm_activity_device *devices;

	if (bus_id_of(t, device) || t->n_devices == DEVICES_MAX)
		return 0;
	devices = realloc(t->devices, (t->n_devices + 1) * sizeof(*devices));
	if (!devices)
		return JM_E_NOMEM;
	t->devices = devices;
	devices[t->n_devices] = (struct jm_activity_device){device, calloc(1, bus_id_n + 1)};
	if (!devices[t->n_devices].bus_id)
		return JM_E_NOMEM;
	memcpy(devices[t->n_devices++].bus_id, text, bus_id_n);
	for (i = 0; i < t->n; i++)
		if (t->items[i].device == device)
			describe(t, &t->items[i]);
	return 0;
}
