/* Device: NVIDIA GPUs with a driver.
 * Interface: libnvidia-ml.so.1 (NVML), loaded at run time; core/nvml.h.
 * Channels of GPU N, in order of preference (each is a sensor of its own, since every call may block; those that read
 * the same power another way say same_as):
 *   nvml/gpuN/power          the driver's sample buffer, mW, each entry with its own time; 20 ms on an H200
 *   nvml/gpuN/energy         energy counter, mJ, since the driver was loaded; Volta and newer; 100 ms, 3 ms a call
 *   nvml/gpuN/power_instant  field 186, mW
 *   nvml/gpuN/power_average  field 185, mW, mean over 1 s: lags, and shows no load shorter than that
 *   nvml/gpuN/power_usage    nvmlDeviceGetPowerUsage, mW; from Ampere on (but for GA100) the same 1 s mean
 * and nvml/gpuN/power_memory (field 186, memory scope; part of the GPU), temperature, sm_clock, memory_clock, throttle.
 * Step: 1 mW, 1 mJ. Wrap: none (64 bit). Permission: none beyond /dev/nvidia*.
 * Faults: any call may be NOT_SUPPORTED, and disables only its own channel. Calls have been seen to block for 100 to
 * 200 ms. A GPU may be lost: NVML_ERROR_GPU_IS_LOST ends its sensors. A MIG instance has no power of its own: the
 * figure is the whole GPU's. Accuracy: +-5 % and +-5 W by the vendor's word.
 * Source: NVML API Reference Guide, release 580; update periods: Yang, Adamek, Armour, SC24,
 * DOI 10.1109/SC41406.2024.00028; H200: measured by us, driver 580.159.04. */
#define _GNU_SOURCE
#include "sensor/nvml_gpu.h"

#include "core/error.h"
#include "core/units.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern const struct jm_sensor_driver jm_sensor_nvml;

#define N_GPUS_MAX 64
#define ACCURACY_FRACTION 0.05
#define UW_PER_MW 1000
#define UJ_PER_MJ 1000
/* Turing and newer refresh power and energy every 100 ms, Volta and older every 20 ms (SC24, Overall_Results). */
#define UPDATE_NS (100 * JM_NS_PER_MS)
#define UPDATE_OLD_NS (20 * JM_NS_PER_MS)
#define STATE_PERIOD_NS JM_NS_PER_S
#define CROSS_CHECK_NS  JM_NS_PER_S
#define AVERAGE_WINDOW_NS JM_NS_PER_S
/* A drain every 400 ms, or six in the time that the buffer spans if that is shorter. */
#define DRAIN_NS (400 * JM_NS_PER_MS)
#define DRAINS_PER_SPAN 6
#define DRAIN_MIN_NS (20 * JM_NS_PER_MS)

/* What is known of the sensor behind the buffer, found by fitting its response to known loads. */
static const struct {
	const char *name;
	int64_t lowpass_ns, window_ns, lag_ns;
} responses[] = {{"NVIDIA H200", 12 * JM_NS_PER_MS, 5 * JM_NS_PER_MS, -2 * JM_NS_PER_MS}};

struct gpu {
	struct jm_nvml *nvml;
	jm_nvml_device device;
	unsigned int index, architecture; /* 0: unknown */
	bool has_mig, is_vgpu;
	char name[96];
	int primary; /* channel whose energy is counted; -1: none yet */
	const struct jm_env *env;
	struct jm_sensor_set *found;
};

static int read_field(const struct jm_nvml *nvml, jm_nvml_device device, unsigned int field, unsigned int scope,
		      int64_t *uw_out, int64_t *device_us_out)
{
	/* The reference asks for every member to be zero but field and scope. */
	struct jm_nvml_field f = {.field = field, .scope = scope};
	int rc = nvml->fields ? jm_nvml_error(nvml->fields(device, 1, &f)) : JM_E_UNSUPPORTED;

	if (!rc)
		rc = jm_nvml_error(f.result);
	if (!rc)
		rc = jm_nvml_scaled(f.value_type, f.value, UW_PER_MW, uw_out);
	if (!rc)
		*device_us_out = f.timestamp_us;
	return rc;
}

static int read_energy(const struct jm_nvml *nvml, jm_nvml_device device, int64_t *uj_out)
{
	union jm_nvml_value value = {0};
	int rc = nvml->total_energy ? jm_nvml_error(nvml->total_energy(device, &value.ull)) : JM_E_UNSUPPORTED;

	return rc ? rc : jm_nvml_scaled(JM_NVML_VALUE_ULLONG, value, UJ_PER_MJ, uj_out);
}

static int read_usage(const struct jm_nvml *nvml, jm_nvml_device device, int64_t *uw_out)
{
	union jm_nvml_value value = {0};
	int rc = nvml->power_usage ? jm_nvml_error(nvml->power_usage(device, &value.ui)) : JM_E_UNSUPPORTED;

	return rc ? rc : jm_nvml_scaled(JM_NVML_VALUE_UINT, value, UW_PER_MW, uw_out);
}

static struct jm_nvml_sensor *append_sensor(struct gpu *g, const char *suffix, enum jm_nvml_role role)
{
	struct jm_nvml_sensor *n = calloc(1, sizeof(*n));
	struct jm_sensor *s;
	char name[96];

	if (!n)
		return NULL;
	snprintf(name, sizeof(name), "nvml/gpu%u%s%s", g->index, suffix[0] ? "/" : "", suffix);
	s = jm_sensor_set_append(g->found, &jm_sensor_nvml, g->env, name);
	if (!s) {
		free(n);
		return NULL;
	}
	n->nvml = jm_nvml_retain(g->nvml);
	n->device = g->device;
	n->role = role;
	s->state = n;
	s->may_block = true;
	return n;
}

static struct jm_sensor *last_sensor(struct gpu *g)
{
	return &g->found->sensors[g->found->n_sensors - 1];
}

static struct jm_channel *append_channel(struct gpu *g, const char *suffix, const char *label)
{
	struct jm_channel *c;
	char name[96];

	snprintf(name, sizeof(name), "nvml/gpu%u/%s", g->index, suffix);
	c = jm_sensor_set_channel(g->found, name);
	if (!c)
		return NULL;
	c->device = (int)g->index;
	snprintf(c->label, sizeof(c->label), "%.40s, %.20s", g->name, label);
	return c;
}

/* Says of a channel what holds for all that give the GPU's energy: the first of them is the one that is counted. */
static void describe_power(struct gpu *g, struct jm_channel *c, const char *note)
{
	int index = (int)(c - g->found->channels);

	c->domain = JM_DOMAIN_GPU;
	c->accuracy_fraction = ACCURACY_FRACTION;
	c->step = c->quantity == JM_QUANTITY_ENERGY ? UJ_PER_MJ : UW_PER_MW;
	c->same_as = g->primary;
	if (g->primary < 0)
		g->primary = index;
	snprintf(c->reason, sizeof(c->reason), "%s%s%s", note,
		 g->has_mig ? (note[0] ? "; MIG is on: the figure is of the whole GPU, shared by its instances"
				       : "MIG is on: the figure is of the whole GPU, shared by its instances")
			    : "",
		 g->is_vgpu ? " (virtual GPU)" : "");
}

static void set_response(struct jm_channel *c, const char *gpu_name)
{
	size_t i;

	for (i = 0; i < sizeof(responses) / sizeof(responses[0]); i++) {
		if (!strstr(gpu_name, responses[i].name))
			continue;
		c->lowpass_ns = responses[i].lowpass_ns;
		c->window_ns = responses[i].window_ns;
		c->lag_ns = responses[i].lag_ns;
	}
}

static int64_t update_period(const struct gpu *g)
{
	return g->architecture > 0 && g->architecture <= JM_NVML_ARCH_VOLTA ? UPDATE_OLD_NS : UPDATE_NS;
}

static int append_buffer(struct gpu *g)
{
	struct jm_nvml_buffer_shape shape;
	struct jm_nvml_sensor *n;
	struct jm_channel *c;
	struct jm_sensor *s;
	int64_t drain_ns;

	if (jm_nvml_buffer_probe(g->nvml, g->device, &shape))
		return 0;
	n = append_sensor(g, "", JM_NVML_ROLE_BUFFER);
	c = n ? append_channel(g, "power", "sample buffer") : NULL;
	if (!c)
		return JM_E_NOMEM;
	n->capacity = shape.capacity;
	drain_ns = shape.span_ns / DRAINS_PER_SPAN;
	s = last_sensor(g);
	s->max_samples = shape.capacity;
	s->min_period_ns = shape.period_ns;
	s->drain_period_ns = drain_ns > DRAIN_NS ? DRAIN_NS : drain_ns < DRAIN_MIN_NS ? DRAIN_MIN_NS : drain_ns;
	c->update_period_ns = shape.period_ns;
	set_response(c, g->name);
	describe_power(g, c, "");
	return 0;
}

static int append_energy(struct gpu *g)
{
	struct jm_channel *c;
	int64_t uj;

	if (read_energy(g->nvml, g->device, &uj))
		return 0;
	c = append_sensor(g, "energy", JM_NVML_ROLE_ENERGY) ? append_channel(g, "energy", "energy counter") : NULL;
	if (!c)
		return JM_E_NOMEM;
	c->quantity = JM_QUANTITY_ENERGY;
	c->kind = JM_KIND_COUNTER;
	/* A call takes about 3 ms: not to be asked more often even where the counter moves faster. */
	c->update_period_ns = last_sensor(g)->min_period_ns = UPDATE_NS;
	describe_power(g, c, "");
	/* Beside the sample buffer it only cross-checks: ten calls a second would take 3 % of a processor for nothing. */
	if (c->same_as >= 0)
		last_sensor(g)->min_period_ns = CROSS_CHECK_NS;
	return 0;
}

static int append_field(struct gpu *g, const char *suffix, unsigned int field, unsigned int scope)
{
	bool is_mean = field == JM_NVML_FIELD_POWER_AVERAGE;
	bool is_memory = scope == JM_NVML_SCOPE_MEMORY;
	struct jm_nvml_sensor *n;
	struct jm_channel *c;
	int64_t uw, us, whole_uw;

	if (read_field(g->nvml, g->device, field, scope, &uw, &us))
		return 0;
	/* A driver that does not know scopes gives the GPU's power for its memory's. */
	if (is_memory && (read_field(g->nvml, g->device, field, JM_NVML_SCOPE_GPU, &whole_uw, &us) || uw >= whole_uw))
		return 0;
	n = append_sensor(g, suffix, JM_NVML_ROLE_FIELD);
	c = n ? append_channel(g, suffix, is_memory ? "memory" : is_mean ? "1 s mean" : "instant") : NULL;
	if (!c)
		return JM_E_NOMEM;
	n->field = field;
	n->scope = scope;
	c->update_period_ns = last_sensor(g)->min_period_ns = update_period(g);
	c->kind = is_mean ? JM_KIND_WINDOW_MEAN : JM_KIND_GAUGE;
	c->window_ns = is_mean ? AVERAGE_WINDOW_NS : 0;
	if (!is_memory) {
		describe_power(g, c, is_mean ? "a mean over 1 s: it lags behind" : "");
		return 0;
	}
	c->domain = JM_DOMAIN_GPU_MEMORY;
	c->accuracy_fraction = ACCURACY_FRACTION;
	c->step = UW_PER_MW;
	c->part_of = g->primary;
	return 0;
}

/* GA100: compute parts of the Ampere generation whose power is not averaged (NVML API Reference, GetPowerUsage). */
static bool is_ga100(const struct gpu *g)
{
	return strstr(g->name, "A100") || strstr(g->name, "A800") || strstr(g->name, "A30 ") ||
	       strcmp(g->name, "NVIDIA A30") == 0;
}

static int append_usage(struct gpu *g)
{
	bool is_mean = g->architecture >= JM_NVML_ARCH_AMPERE && !is_ga100(g);
	struct jm_channel *c;
	int64_t uw;

	if (read_usage(g->nvml, g->device, &uw))
		return 0;
	c = append_sensor(g, "power_usage", JM_NVML_ROLE_USAGE) ? append_channel(g, "power_usage", "power") : NULL;
	if (!c)
		return JM_E_NOMEM;
	c->update_period_ns = last_sensor(g)->min_period_ns = update_period(g);
	c->kind = is_mean ? JM_KIND_WINDOW_MEAN : JM_KIND_GAUGE;
	c->window_ns = is_mean ? AVERAGE_WINDOW_NS : 0;
	describe_power(g, c, is_mean ? "a mean over 1 s: it lags behind" : "");
	return 0;
}

/* A GPU whose power cannot be read is shown with the reason, not left out. */
static int append_unavailable(struct gpu *g)
{
	struct jm_channel *c = append_sensor(g, "", JM_NVML_ROLE_USAGE) ? append_channel(g, "power", "power") : NULL;

	if (!c)
		return JM_E_NOMEM;
	c->domain = JM_DOMAIN_GPU;
	c->state = JM_STATE_UNAVAILABLE;
	snprintf(c->reason, sizeof(c->reason), "the driver gives no power reading for this GPU%s%s",
		 g->has_mig ? " (MIG is on)" : "", g->is_vgpu ? " (a virtual GPU: the host measures it)" : "");
	snprintf(c->remedy, sizeof(c->remedy), "%s",
		 g->is_vgpu ? "measure on the host of the virtual machine"
			    : "nvidia-smi -q -d POWER shows what the driver knows; on a Jetson use the jetson driver");
	return 0;
}

static int append_state(struct gpu *g)
{
	const struct jm_nvml_sensor asked = {.nvml = g->nvml, .device = g->device};
	struct jm_nvml_sensor *n = NULL;
	size_t i;

	for (i = 0; i < JM_NVML_N_STATES; i++) {
		const struct jm_nvml_state *state = &jm_nvml_states[i];
		struct jm_channel *c;
		int64_t value;

		if (state->read(&asked, &value))
			continue;
		if (!n && !(n = append_sensor(g, "state", JM_NVML_ROLE_STATE)))
			return JM_E_NOMEM;
		n->states[last_sensor(g)->n_channels] = state;
		c = append_channel(g, state->name, "");
		if (!c)
			return JM_E_NOMEM;
		c->quantity = state->quantity;
		c->domain = JM_DOMAIN_GPU;
		snprintf(c->label, sizeof(c->label), "%s", state->label);
		last_sensor(g)->min_period_ns = STATE_PERIOD_NS;
	}
	return 0;
}

static void identify(struct gpu *g)
{
	unsigned int current = 0, pending = 0;
	int virtualization = 0;

	if (g->nvml->name(g->device, g->name, sizeof(g->name)))
		snprintf(g->name, sizeof(g->name), "NVIDIA GPU %u", g->index);
	g->name[sizeof(g->name) - 1] = '\0';
	if (g->nvml->architecture && g->nvml->architecture(g->device, &g->architecture))
		g->architecture = 0;
	g->has_mig = g->nvml->mig_mode && g->nvml->mig_mode(g->device, &current, &pending) == 0 && current == 1;
	g->is_vgpu = g->nvml->virtualization && g->nvml->virtualization(g->device, &virtualization) == 0 &&
		     virtualization == JM_NVML_VIRTUALIZATION_VGPU;
}

static int append_gpu(struct gpu *g)
{
	int rc = append_buffer(g);

	if (!rc)
		rc = append_energy(g);
	if (!rc)
		rc = append_field(g, "power_instant", JM_NVML_FIELD_POWER_INSTANT, JM_NVML_SCOPE_GPU);
	if (!rc)
		rc = append_field(g, "power_average", JM_NVML_FIELD_POWER_AVERAGE, JM_NVML_SCOPE_GPU);
	if (!rc)
		rc = append_usage(g);
	if (!rc && g->primary < 0)
		rc = append_unavailable(g);
	if (!rc)
		rc = append_field(g, "power_memory", JM_NVML_FIELD_POWER_INSTANT, JM_NVML_SCOPE_MEMORY);
	return rc ? rc : append_state(g);
}

static int probe_gpus(const struct jm_env *env, struct jm_nvml *nvml, struct jm_sensor_set *found, struct jm_error *why)
{
	unsigned int n = 0, i;
	int rc = jm_nvml_error(nvml->device_count(&n));

	if (rc)
		return jm_error_set(why, rc, "nvml: the GPUs cannot be counted: %s", jm_error_text(rc));
	if (n == 0) {
		jm_error_set(why, JM_E_NOT_FOUND, "nvml: the driver is loaded and sees no GPU");
		jm_error_remedy(why,
				"in a container: start it with the GPUs (--gpus all); else lspci | grep -i nvidia");
		return 0;
	}
	for (i = 0; i < n && i < N_GPUS_MAX; i++) {
		struct gpu g = {.nvml = nvml, .index = i, .primary = -1, .env = env, .found = found};

		rc = jm_nvml_error(nvml->device(i, &g.device));
		if (rc) {
			jm_error_set(why, rc, "nvml: GPU %u cannot be used: %s", i, jm_error_text(rc));
			jm_error_remedy(why, "nvidia-smi -i %u shows its state; ls -l /dev/nvidia*", i);
			continue;
		}
		identify(&g);
		rc = append_gpu(&g);
		if (rc)
			return jm_error_set(why, rc, "nvml: %s", jm_error_text(rc));
	}
	return 0;
}

static int probe(const struct jm_env *env, const char *argument, struct jm_sensor_set *found, struct jm_error *why)
{
	struct jm_nvml *nvml;
	int rc;

	(void)argument;
	if (jm_nvml_open(env, &nvml, why))
		return 0;
	rc = probe_gpus(env, nvml, found, why);
	jm_nvml_release(nvml);
	return rc == JM_E_NOMEM ? rc : 0;
}

static int open_nvml(struct jm_sensor *s, struct jm_error *err)
{
	struct jm_nvml_sensor *n = s->state;
	int rc = n->role == JM_NVML_ROLE_BUFFER ? jm_nvml_buffer_open(s, err) : 0;

	if (rc)
		jm_nvml_buffer_close(s);
	else
		s->is_open = true;
	return rc;
}

static int read_nvml(struct jm_sensor *s, struct jm_sample *out, size_t *n_out)
{
	struct jm_nvml_sensor *n = s->state;
	int64_t before_ns, value = 0, device_us = 0;
	int rc;

	if (n->role == JM_NVML_ROLE_BUFFER)
		return jm_nvml_buffer_read(s, out, n_out);
	if (n->role == JM_NVML_ROLE_STATE)
		return jm_nvml_state_read(s, out, n_out);
	before_ns = jm_env_now(s->env);
	if (n->role == JM_NVML_ROLE_ENERGY)
		rc = read_energy(n->nvml, n->device, &value);
	else if (n->role == JM_NVML_ROLE_FIELD)
		rc = read_field(n->nvml, n->device, n->field, n->scope, &value, &device_us);
	else
		rc = read_usage(n->nvml, n->device, &value);
	if (rc)
		return rc;
	jm_sample_fill(out, s->first_channel, before_ns, jm_env_now(s->env), value);
	out->device_us = device_us;
	*n_out = 1;
	return 0;
}

static void close_nvml(struct jm_sensor *s)
{
	if (s->state)
		jm_nvml_buffer_close(s);
	s->is_open = false;
}

static void destroy(struct jm_sensor *s)
{
	struct jm_nvml_sensor *n = s->state;

	if (n)
		jm_nvml_release(n->nvml);
	free(n);
	s->state = NULL;
}

const struct jm_sensor_driver jm_sensor_nvml = {
    .name = "nvml",
    .summary = "NVIDIA GPUs through the driver's management library",
    .probe = probe,
    .open = open_nvml,
    .read = read_nvml,
    .close = close_nvml,
    .destroy = destroy,
};
