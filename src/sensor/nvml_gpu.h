/* What the files of the nvml driver share: a GPU under probe, and the state of each of its sensors.
 *
 *   nvml.c          the driver: probes each GPU, opens, reads, closes
 *   nvml_identify.c which GPU it is, and who else draws from its board
 *   nvml_append.c   its channels, in order of preference
 *   nvml_buffer.c   the driver's sample buffer
 *   nvml_state.c    clocks, temperature, why and how long clocks were held down */
#ifndef SENSOR_NVML_GPU_H
#define SENSOR_NVML_GPU_H

#include "core/nvml.h"
#include "sensor/sensor.h"

/* One sensor's way of reading. */
enum jm_nvml_role {
	JM_NVML_ROLE_BUFFER,
	JM_NVML_ROLE_ENERGY,
	JM_NVML_ROLE_FIELD, /* instant, average, module or memory power */
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
	unsigned int capacity; /* entries that it may give */
	int64_t period_ns;     /* median distance of its entries */
	int64_t span_ns;       /* time that a full buffer holds */
};

struct jm_nvml_sensor;

/* One thing to be known of a GPU besides its power. is_slow: costly to ask, so asked seldom. */
struct jm_nvml_state {
	const char *name, *label;
	enum jm_quantity quantity;
	enum jm_kind kind;
	bool is_slow;
	int (*read)(const struct jm_nvml_sensor *n, int64_t *out); /* in the quantity's unit */
};

struct jm_nvml_sensor {
	struct jm_nvml *nvml;
	jm_nvml_device device;
	enum jm_nvml_role role;
	unsigned int field, scope;                                  /* FIELD */
	const struct jm_nvml_state *states[JM_SENSOR_CHANNELS_MAX]; /* STATE: of its channels, in order */
	/* BUFFER */
	unsigned int capacity;
	struct jm_nvml_sample *now, *before; /* capacity entries each: this drain's, the last drain's */
	unsigned int n_before;
	struct jm_nvml_anchor anchor; /* of the last drain */
	int64_t last_ns;              /* of the newest sample given */
};

/* A GPU while its channels are appended. */
struct jm_nvml_gpu {
	struct jm_nvml *nvml;
	jm_nvml_device device;
	unsigned int index, architecture; /* architecture 0: unknown */
	char name[96];
	char identity[160];  /* name, UUID, PCI id */
	char shared[96];     /* who else draws from the board whose power is read; empty: nobody */
	char no_buffer[112]; /* why the sample buffer is not used; empty: it is */
	bool is_vgpu;        /* this machine is a guest, the GPU a share of one */
	int primary;         /* channel whose energy is counted; -1: none yet */
	const struct jm_env *env;
	struct jm_sensor_set *found;
};

extern const struct jm_sensor_driver jm_sensor_nvml;

/* Fills name, identity, architecture, shared and is_vgpu. Cold. */
void jm_nvml_identify(struct jm_nvml_gpu *g);
/* Appends the sensors and channels of g to g->found. Errors: JM_E_NOMEM. Cold. */
int jm_nvml_append(struct jm_nvml_gpu *g);

/* One reading each, as NVML gives it but in uW and uJ. Errors: as jm_nvml_error and jm_nvml_scaled; JM_E_UNSUPPORTED also
 * where the library lacks the call. scale: what the field's unit is to be multiplied with. */
int jm_nvml_read_field(const struct jm_nvml *nvml, jm_nvml_device device, unsigned int field, unsigned int scope,
		       int64_t scale, int64_t *out, int64_t *device_us_out);
int jm_nvml_read_energy(const struct jm_nvml *nvml, jm_nvml_device device, int64_t *uj_out);
int jm_nvml_read_usage(const struct jm_nvml *nvml, jm_nvml_device device, int64_t *uw_out);
#define JM_NVML_UW_PER_MW 1000

/* Looks at the buffer of total power. Errors: JM_E_UNSUPPORTED, JM_E_AGAIN when it holds fewer than 3 entries, others
 * as jm_nvml_error. Cold. */
int jm_nvml_buffer_probe(const struct jm_nvml *nvml, jm_nvml_device device, struct jm_nvml_buffer_shape *out);
/* Takes what the buffer holds as seen. Errors: JM_E_NOMEM and jm_nvml_error's. */
int jm_nvml_buffer_open(struct jm_sensor *s, struct jm_error *err);
/* Gives the entries that came since the last drain, each with its own time. As the driver's read. */
int jm_nvml_buffer_read(struct jm_sensor *s, struct jm_sample *out, size_t *n_out);
/* Frees the copies; may be called twice. */
void jm_nvml_buffer_close(struct jm_sensor *s);

#define JM_NVML_N_STATES 8
extern const struct jm_nvml_state jm_nvml_states[JM_NVML_N_STATES];
/* Reads each channel; one that fails is a gap. As the driver's read. */
int jm_nvml_state_read(struct jm_sensor *s, struct jm_sample *out, size_t *n_out);

#endif
