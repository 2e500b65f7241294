/* What holds a GPU's power up or down and is no power itself: temperature, clocks, and why clocks are held down. */
#define _GNU_SOURCE
#include "sensor/nvml_gpu.h"

static int state_temperature(const struct jm_nvml_sensor *n, int64_t *mc_out)
{
	unsigned int c = 0;
	int rc = n->nvml->temperature ? jm_nvml_error(n->nvml->temperature(n->device, JM_NVML_TEMPERATURE_GPU, &c))
				      : JM_E_UNSUPPORTED;

	if (!rc)
		*mc_out = (int64_t)c * 1000;
	return rc;
}

static int state_clock(const struct jm_nvml_sensor *n, int which, int64_t *hz_out)
{
	unsigned int mhz = 0;
	int rc = n->nvml->clock ? jm_nvml_error(n->nvml->clock(n->device, which, &mhz)) : JM_E_UNSUPPORTED;

	if (!rc)
		*hz_out = (int64_t)mhz * 1000000;
	return rc;
}

static int state_sm_clock(const struct jm_nvml_sensor *n, int64_t *hz_out)
{
	return state_clock(n, JM_NVML_CLOCK_SM, hz_out);
}

static int state_memory_clock(const struct jm_nvml_sensor *n, int64_t *hz_out)
{
	return state_clock(n, JM_NVML_CLOCK_MEM, hz_out);
}

static int state_throttle(const struct jm_nvml_sensor *n, int64_t *bits_out)
{
	unsigned long long bits = 0;
	int rc = n->nvml->clock_reasons ? jm_nvml_error(n->nvml->clock_reasons(n->device, &bits)) : JM_E_UNSUPPORTED;

	if (!rc)
		*bits_out = (int64_t)(bits & INT64_MAX);
	return rc;
}

const struct jm_nvml_state jm_nvml_states[JM_NVML_N_STATES] = {
    {"temperature", "GPU temperature", JM_QUANTITY_TEMPERATURE, state_temperature},
    {"sm_clock", "clock of the multiprocessors", JM_QUANTITY_FREQUENCY, state_sm_clock},
    {"memory_clock", "clock of the memory", JM_QUANTITY_FREQUENCY, state_memory_clock},
    /* Bits: 0x1 idle, 0x2 application clocks, 0x4 power cap, 0x8 hardware slowdown, 0x10 sync boost, 0x20 and 0x40
     * heat (software, hardware), 0x80 power brake, 0x100 display clock. */
    {"throttle", "reasons why clocks are held down", JM_QUANTITY_EVENT_BITS, state_throttle},
};

int jm_nvml_state_read(struct jm_sensor *s, struct jm_sample *out, size_t *n_out)
{
	struct jm_nvml_sensor *n = s->state;
	uint16_t i;

	for (i = 0; i < s->n_channels; i++) {
		int64_t before_ns = jm_env_now(s->env), value = 0;
		int rc = n->states[i]->read(n, &value);

		if (rc == JM_E_GONE)
			return rc;
		jm_sample_fill(&out[i], (uint16_t)(s->first_channel + i), before_ns, jm_env_now(s->env), value);
		if (rc)
			out[i].status = JM_SAMPLE_GAP;
	}
	*n_out = s->n_channels;
	return 0;
}
