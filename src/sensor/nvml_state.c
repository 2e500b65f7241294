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

static int state_performance(const struct jm_nvml_sensor *n, int64_t *level_out)
{
	unsigned int level = 0;
	int rc = n->nvml->performance_state ? jm_nvml_error(n->nvml->performance_state(n->device, &level))
					    : JM_E_UNSUPPORTED;

	/* NVML_PSTATE_UNKNOWN is 32. */
	if (!rc && level > 15)
		return JM_E_AGAIN;
	if (!rc)
		*level_out = level;
	return rc;
}

/* How long clocks were held down, ns. The driver counts in steps of 100 ms (H200), so that a share of time is right to
 * 0.1 s. */
static int state_held(const struct jm_nvml_sensor *n, unsigned int field, int64_t *ns_out)
{
	int64_t us;

	return jm_nvml_read_field(n->nvml, n->device, field, JM_NVML_SCOPE_GPU, 1, ns_out, &us);
}

static int state_held_power(const struct jm_nvml_sensor *n, int64_t *ns_out)
{
	return state_held(n, JM_NVML_FIELD_HELD_POWER, ns_out);
}

static int state_held_heat(const struct jm_nvml_sensor *n, int64_t *ns_out)
{
	return state_held(n, JM_NVML_FIELD_HELD_HEAT, ns_out);
}

static int state_held_brake(const struct jm_nvml_sensor *n, int64_t *ns_out)
{
	return state_held(n, JM_NVML_FIELD_HELD_BRAKE, ns_out);
}

const struct jm_nvml_state jm_nvml_states[JM_NVML_N_STATES] = {
    {"temperature", "GPU temperature", JM_QUANTITY_TEMPERATURE, JM_KIND_GAUGE, false, state_temperature},
    {"sm_clock", "clock of the multiprocessors", JM_QUANTITY_FREQUENCY, JM_KIND_GAUGE, false, state_sm_clock},
    {"memory_clock", "clock of the memory", JM_QUANTITY_FREQUENCY, JM_KIND_GAUGE, false, state_memory_clock},
    /* Bits: docs/recording-format.md, "Why clocks are held down". */
    {"throttle", "reasons why clocks are held down", JM_QUANTITY_EVENT_BITS, JM_KIND_GAUGE, false, state_throttle},
    {"performance_state", "P-state, 0 is the fastest", JM_QUANTITY_LEVEL, JM_KIND_GAUGE, false, state_performance},
    {"throttled_power", "time held down by the power cap", JM_QUANTITY_TIME, JM_KIND_COUNTER, false, state_held_power},
    /* The next two take 0.3 ms and more a call on an H200, the ones above 0.01 ms. */
    {"throttled_heat", "time held down by heat", JM_QUANTITY_TIME, JM_KIND_COUNTER, true, state_held_heat},
    {"throttled_brake", "time held down by power brake", JM_QUANTITY_TIME, JM_KIND_COUNTER, true, state_held_brake},
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
