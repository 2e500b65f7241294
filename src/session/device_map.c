#define _GNU_SOURCE
#include "session/device_map.h"

#include "core/error.h"
#include "core/result.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NONE (-1)

/* Bus ids come with 4 or 8 digits of domain, in either case. Gives false for what is none. */
static bool read_pci(const char *text, char *out, size_t size)
{
	unsigned int domain = 0, bus, device, function = 0;

	if (sscanf(text, "%x:%x:%x.%x", &domain, &bus, &device, &function) < 3 || strchr(text, ':') == NULL)
		return false;
	snprintf(out, size, "%x:%x:%x.%x", domain, bus, device, function);
	return true;
}

static void read_uuid(const char *text, char *out, size_t size)
{
	size_t n = 0;

	while (n + 1 < size && (isalnum((unsigned char)text[n]) || text[n] == '-')) {
		out[n] = text[n];
		n++;
	}
	out[n] = '\0';
}

/* "NVIDIA H200, GPU-0a1b..., PCI 00000000:1B:00.0", "index 1": each part may be missing. */
static void identify(const char *text, struct jm_known_device *d)
{
	const char *pci = strstr(text, "PCI "), *uuid = strstr(text, "GPU-"), *index = strstr(text, "index ");

	if (pci)
		read_pci(pci + 4, d->pci, sizeof(d->pci));
	if (uuid)
		read_uuid(uuid, d->uuid, sizeof(d->uuid));
	if (index && isdigit((unsigned char)index[6]))
		d->index = atoi(index + 6);
}

static bool is_same(const struct jm_known_device *a, const struct jm_known_device *b)
{
	if (a->pci[0] && b->pci[0])
		return strcmp(a->pci, b->pci) == 0;
	if (a->uuid[0] && b->uuid[0])
		return strcmp(a->uuid, b->uuid) == 0;
	return a->index >= 0 && a->index == b->index;
}

/* Gives the number of d, added if it is new; 0: there are too many. */
static uint16_t number_of(struct jm_device_map *m, const struct jm_known_device *d)
{
	size_t i;

	for (i = 0; i < m->n; i++)
		if (is_same(&m->devices[i], d))
			return (uint16_t)(i + 1);
	if (m->n == JM_DEVICES_MAX)
		return 0;
	m->devices[m->n++] = *d;
	return (uint16_t)m->n;
}

static bool is_gpu(const struct jm_channel *c)
{
	return c->domain == JM_DOMAIN_GPU || c->domain == JM_DOMAIN_GPU_MEMORY;
}

static void map_channel(struct jm_device_map *m, struct jm_recording *r, const struct jm_channel *c, uint16_t *out)
{
	struct jm_known_device d = {.index = NONE, .has_channels = true};
	const char *slash = strrchr(c->name, '/'), *text;
	char key[sizeof(c->name) + 16];
	uint16_t number;

	if (!slash || !is_gpu(c))
		return;
	snprintf(d.text, sizeof(d.text), "%.*s", (int)(slash - c->name), c->name);
	snprintf(key, sizeof(key), "device:%.*s", (int)(slash - c->name), c->name);
	text = jm_recording_meta(r, key);
	if (text)
		identify(text, &d);
	/* NVML's own channels are numbered as NVML counts. */
	if (d.index == NONE && strncmp(c->name, "nvml/", 5) == 0)
		d.index = c->device;
	if (!d.pci[0] && !d.uuid[0] && d.index == NONE)
		return;
	number = number_of(m, &d);
	if (number) {
		m->devices[number - 1].has_channels |= c->state != JM_STATE_UNAVAILABLE;
		*out = number;
	}
}

/* Gives entry n of CUDA_VISIBLE_DEVICES: which GPU the program calls number n. Without the variable, or where it cannot be
 * read, CUDA's number stands for NVML's. */
static void visible(const char *list, unsigned int n, struct jm_known_device *d)
{
	unsigned int i;

	d->index = (int)n;
	for (i = 0; list && i < n; i++) {
		list = strchr(list, ',');
		list = list ? list + 1 : NULL;
	}
	while (list && *list == ' ')
		list++;
	if (list && isdigit((unsigned char)*list)) {
		d->index = atoi(list);
	} else if (list && strncmp(list, "GPU-", 4) == 0) {
		read_uuid(list, d->uuid, sizeof(d->uuid));
		d->index = NONE;
	} else if (list && strncmp(list, "MIG-", 4) == 0) {
		d->index = NONE; /* a part of some GPU: which one the name does not say */
	}
}

/* CUDA_VISIBLE_DEVICES takes the beginning of a UUID. */
static void complete_uuid(const struct jm_device_map *m, struct jm_known_device *d)
{
	size_t i, n = strlen(d->uuid), found = 0, at = 0;

	for (i = 0; n && i < m->n; i++)
		if (strncmp(m->devices[i].uuid, d->uuid, n) == 0) {
			found++;
			at = i;
		}
	if (found == 1)
		memcpy(d->uuid, m->devices[at].uuid, sizeof(d->uuid));
}

static uint16_t map_number(struct jm_device_map *m, struct jm_recording *r, const char *text)
{
	struct jm_known_device d = {.index = NONE};
	uint16_t number;

	snprintf(d.text, sizeof(d.text), "%s", text);
	visible(jm_recording_meta(r, "cuda_visible_devices"), (unsigned int)atoi(text + 5), &d);
	complete_uuid(m, &d);
	number = d.uuid[0] || d.index != NONE ? number_of(m, &d) : 0;
	if (number && !m->is_by_number) {
		m->is_by_number = true;
		snprintf(m->number_text, sizeof(m->number_text), "%.16s is %.64s", text, m->devices[number - 1].text);
	}
	return number;
}

static uint16_t map_track(struct jm_device_map *m, struct jm_recording *r, uint32_t track)
{
	struct jm_known_device d = {.index = NONE};
	const char *text;
	char key[48];

	snprintf(key, sizeof(key), "track_%" PRIu32 "_device", track);
	text = jm_recording_meta(r, key);
	if (!text)
		return 0;
	if (strncmp(text, "cuda:", 5) == 0)
		return isdigit((unsigned char)text[5]) ? map_number(m, r, text) : 0;
	snprintf(d.text, sizeof(d.text), "%s", text);
	if (strncmp(text, "GPU-", 4) == 0)
		read_uuid(text, d.uuid, sizeof(d.uuid));
	else if (!read_pci(text, d.pci, sizeof(d.pci)))
		return 0;
	return number_of(m, &d);
}

static bool is_device_work(const struct jm_span *s)
{
	return s->kind == JM_SPAN_KERNEL || s->kind == JM_SPAN_COPY;
}

static int map_spans(struct jm_device_map *m, struct jm_recording *r, struct jm_span *spans, size_t n)
{
	uint32_t *known = NULL, last = 0;
	size_t i, n_known = 0;

	for (i = 0; i < n; i++)
		last = spans[i].track > last ? spans[i].track : last;
	/* Numbers of tracks are small and without holes; those of foreign files need not be. */
	n_known = last < 65536 ? (size_t)last + 1 : 0;
	known = malloc((n_known + 1) * sizeof(*known));
	if (!known)
		return JM_E_NOMEM;
	memset(known, 0xff, (n_known + 1) * sizeof(*known));
	for (i = 0; i < n; i++) {
		uint32_t *slot = &known[spans[i].track < n_known ? spans[i].track : n_known];

		if (*slot == UINT32_MAX || slot == &known[n_known])
			*slot = map_track(m, r, spans[i].track);
		spans[i].device = (uint16_t)*slot;
		if (*slot)
			m->devices[*slot - 1].n_spans++;
		if (is_device_work(&spans[i])) {
			m->n_work++;
			m->n_unknown += *slot == 0;
		}
	}
	free(known);
	return 0;
}

int jm_device_map_init(struct jm_device_map *out, struct jm_recording *r, struct jm_span *spans, size_t n_spans,
		       struct jm_error *err)
{
	size_t n, i;
	const struct jm_channel *channels = jm_recording_channels(r, &n);

	memset(out, 0, sizeof(*out));
	out->channel_devices = calloc(n + 1, sizeof(*out->channel_devices));
	if (!out->channel_devices)
		return jm_error_set(err, JM_E_NOMEM, "out of memory for the devices");
	for (i = 0; i < n; i++)
		map_channel(out, r, &channels[i], &out->channel_devices[i]);
	if (map_spans(out, r, spans, n_spans) == 0)
		return 0;
	jm_device_map_finish(out);
	return jm_error_set(err, JM_E_NOMEM, "out of memory for the tracks");
}

void jm_device_map_finish(struct jm_device_map *m)
{
	free(m->channel_devices);
	m->channel_devices = NULL;
}

/* Channels whose GPU is not known get the work of all. */
static int explain_channels(const struct jm_device_map *m, struct jm_recording *r, struct jm_result *result)
{
	size_t n, i, n_used = 0;
	const struct jm_channel *channels = jm_recording_channels(r, &n);
	int rc = 0;

	for (i = 0; i < m->n; i++)
		n_used += m->devices[i].n_spans > 0;
	for (i = 0; i < n && rc == 0 && n_used > 1; i++)
		if (is_gpu(&channels[i]) && m->channel_devices[i] == 0 && channels[i].same_as < 0 &&
		    jm_channel_has_energy(&channels[i]))
			rc = jm_result_warn(result,
					    "%s: which GPU it reads is not known; its energy is split over what ran on "
					    "all %zu",
					    channels[i].name, n_used);
	return rc;
}

int jm_device_map_explain(const struct jm_device_map *m, struct jm_recording *r, struct jm_result *result)
{
	size_t i, n_channels = 0;
	int rc = explain_channels(m, r, result);

	for (i = 0; i < m->n; i++)
		n_channels += m->devices[i].has_channels;
	if (rc == 0 && m->n_unknown && n_channels > 1)
		rc = jm_result_warn(result,
				    "which GPU they ran on is not known of %" PRIu64 " of %" PRIu64
				    " kernels and copies: each GPU's energy is split over them, too",
				    m->n_unknown, m->n_work);
	for (i = 0; i < m->n && rc == 0 && n_channels; i++)
		if (!m->devices[i].has_channels && m->devices[i].n_spans)
			rc = jm_result_warn(result,
					    "%" PRIu64 " spans are of GPU %s, which no channel of the recording reads: "
					    "they have times, but no energy of a GPU",
					    m->devices[i].n_spans, m->devices[i].text);
	if (rc == 0 && m->is_by_number && n_channels > 1)
		rc = jm_result_note(
		    result,
		    "GPUs are told apart by CUDA's numbers, as CUDA_VISIBLE_DEVICES orders them (%s); on "
		    "a machine with unlike GPUs set CUDA_DEVICE_ORDER=PCI_BUS_ID",
		    m->number_text);
	return rc;
}
