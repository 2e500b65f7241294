/* Which GPU a channel reads, and which one a span ran on: so that the energy of a GPU goes to what ran there. */
#ifndef SESSION_DEVICE_MAP_H
#define SESSION_DEVICE_MAP_H

#include "recording/recording.h"

#define JM_DEVICES_MAX 256

struct jm_known_device {
	char pci[24];  /* "domain:bus:device.function" in hexadecimal, no leading zeros; or empty */
	char uuid[64]; /* "GPU-..."; or empty */
	int index;     /* as NVML counts; -1: unknown */
	char text[64]; /* for people: what its channels' names begin with, or what the track says */
	bool has_channels;
	uint64_t n_spans;
};

struct jm_device_map {
	struct jm_known_device devices[JM_DEVICES_MAX]; /* number d of spans and channels is entry d - 1 */
	size_t n;
	uint16_t *channel_devices;  /* one a channel; 0: unknown, or no GPU */
	uint64_t n_work, n_unknown; /* kernels and copies; those whose GPU is not known */
	bool is_by_number;          /* some were found by their CUDA number alone */
	char number_text[96];       /* which one, the first: "cuda:0 is nvml/gpu1" */
};

/* Finds the devices of the channels by what the recording says of them ("device:NAME"), gives each span the device of its track
 * ("track_N_device": PCI bus id, UUID, or "cuda:N", which CUDA_VISIBLE_DEVICES of the recording brings to NVML's number).
 * out->channel_devices: yours, jm_device_map_finish. Errors: JM_E_NOMEM. */
int jm_device_map_init(struct jm_device_map *out, struct jm_recording *r, struct jm_span *spans, size_t n_spans,
		       struct jm_error *err);
/* Says what could not be told, and what went by number alone. Errors: JM_E_NOMEM. */
struct jm_result;
int jm_device_map_explain(const struct jm_device_map *m, struct jm_recording *r, struct jm_result *result);
void jm_device_map_finish(struct jm_device_map *m);

#endif
