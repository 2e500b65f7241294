/* What the files of the nvml driver share: one state for each of its sensors. */
#ifndef SENSOR_NVML_GPU_H
#define SENSOR_NVML_GPU_H

#include "core/nvml.h"
#include "sensor/sensor.h"

/* One sensor's way of reading. */
enum jm_nvml_role {
	JM_NVML_ROLE_BUFFER,
	JM_NVML_ROLE_ENERGY,
	JM_NVML_ROLE_FIELD, /* instant, average or memory power */
	JM_NVML_ROLE_USAGE, /* nvmlDeviceGetPowerUsage */
	JM_NVML_ROLE_STATE  /* temperature, clocks, reasons */
};

/* Where wall clock and monotonic clock were at one moment. */
struct jm_nvml_anchor {
	int64_t monotonic_ns, realtime_ns;
	int64_t half_width_ns;
};

/* What the driver's sample buffer looked like at probe. */
struct jm_nvml_buffer_shape {
	unsigned int capacity;  /* entries that it may give */
	int64_t period_ns;      /* median distance of its entries */
	int64_t span_ns;        /* from its oldest entry to its newest */
};

struct jm_nvml_sensor;

struct jm_nvml_state {
	const char *name, *label;
	enum jm_quantity quantity;
	int (*read)(const struct jm_nvml_sensor *n, int64_t *out); /* in the quantity's unit */
};

struct jm_nvml_sensor {
	struct jm_nvml *nvml;
	jm_nvml_device device;
	enum jm_nvml_role role;
	unsigned int field, scope; /* FIELD */
	const struct jm_nvml_state *states[JM_SENSOR_CHANNELS_MAX]; /* STATE: of its channels, in order */
	/* BUFFER */
	unsigned int capacity;
	struct jm_nvml_sample *now, *before; /* capacity entries each: this drain's, the last drain's */
	unsigned int n_before;
	struct jm_nvml_anchor anchor; /* of the last drain */
	int64_t last_ns;              /* of the newest sample given */
};

/* Looks at the buffer of total power. Errors: JM_E_UNSUPPORTED, JM_E_AGAIN when it holds fewer than 3 entries, others
 * as jm_nvml_error. Cold. */
int jm_nvml_buffer_probe(const struct jm_nvml *nvml, jm_nvml_device device, struct jm_nvml_buffer_shape *out);
/* Takes what the buffer holds as seen. Errors: JM_E_NOMEM and jm_nvml_error's. */
int jm_nvml_buffer_open(struct jm_sensor *s, struct jm_error *err);
/* Gives the entries that came since the last drain, each with its own time. As the driver's read. */
int jm_nvml_buffer_read(struct jm_sensor *s, struct jm_sample *out, size_t *n_out);
/* Frees the copies; may be called twice. */
void jm_nvml_buffer_close(struct jm_sensor *s);

#define JM_NVML_N_STATES 4
extern const struct jm_nvml_state jm_nvml_states[JM_NVML_N_STATES];
/* Reads each channel; one that fails is a gap. As the driver's read. */
int jm_nvml_state_read(struct jm_sensor *s, struct jm_sample *out, size_t *n_out);

#endif
