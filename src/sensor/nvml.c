/* Device: NVIDIA GPUs with a driver.
 * Interface: libnvidia-ml.so.1 (NVML), loaded at run time; core/nvml.h.
 * Channels of GPU N, in order of preference (each is a sensor of its own, since every call may block; those that read
 * the same power another way say same_as). The first that works is counted:
 *   nvml/gpuN/power          the driver's sample buffer, mW, each entry with its own time; 20 ms on an H200
 *   nvml/gpuN/power_instant  field 186, mW
 *   nvml/gpuN/power_average  field 185, mW, mean over 1 s: lags, and shows no load shorter than that
 *   nvml/gpuN/energy         energy counter, mJ, since the driver was loaded; Volta and newer; moves every 100 ms. Beside
 *                            one of the above it is asked once a minute and at both ends: the cross-check
 *   nvml/gpuN/power_usage    nvmlDeviceGetPowerUsage, mW; from Ampere on (but for GA100) the same 1 s mean
 *   nvml/gpuN/power_module   field 186 or 185, module scope: superchips, processor and GPU together
 * What reads the counted power once more (but for the counter) is a spare: read only where the user names it. Further
 * nvml/gpuN/power_memory (memory scope; part of the GPU), temperature, sm_clock, memory_clock, throttle,
 * performance_state, throttled_power, throttled_heat, throttled_brake.
 * Step: 1 mW, 1 mJ. Wrap: none (64 bit). Permission: none beyond /dev/nvidia*.
 * Faults: any call may be NOT_SUPPORTED, and disables only its own channel. Calls have been seen to block for 100 to
 * 200 ms. A GPU may be lost: NVML_ERROR_GPU_IS_LOST ends its sensors, and those of no other. A MIG instance has no power
 * of its own: the figure is the whole GPU's. Accuracy: +-5 % and +-5 W by the vendor's word.
 * Source: NVML API Reference Guide, release 580; update periods: Yang, Adamek, Armour, SC24,
 * DOI 10.1109/SC41406.2024.00028; H200: measured by us, driver 580.159.04. */
#define _GNU_SOURCE
#include "sensor/nvml_gpu.h"

#include "core/error.h"

#include <stdlib.h>

#define N_GPUS_MAX 64

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
		struct jm_nvml_gpu g = {.nvml = nvml, .index = i, .primary = -1, .env = env, .found = found};

		rc = jm_nvml_error(nvml->device(i, &g.device));
		if (rc) {
			jm_error_set(why, rc, "nvml: GPU %u cannot be used: %s", i, jm_error_text(rc));
			jm_error_remedy(why, "nvidia-smi -i %u shows its state; ls -l /dev/nvidia*", i);
			continue;
		}
		jm_nvml_identify(&g);
		rc = jm_nvml_append(&g);
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
		rc = jm_nvml_read_energy(n->nvml, n->device, &value);
	else if (n->role == JM_NVML_ROLE_FIELD)
		rc = jm_nvml_read_field(n->nvml, n->device, n->field, n->scope, JM_NVML_UW_PER_MW, &value, &device_us);
	else
		rc = jm_nvml_read_usage(n->nvml, n->device, &value);
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
