/* The channels of one GPU, in order of preference; a call that is not supported leaves out its own channel alone. */
#define _GNU_SOURCE
#include "sensor/nvml_gpu.h"

#include "core/error.h"
#include "core/units.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ACCURACY_FRACTION 0.05
#define UJ_PER_MJ         1000
/* Turing and newer refresh power and energy every 100 ms, Volta and older every 20 ms (SC24, Overall_Results). */
#define UPDATE_NS         (100 * JM_NS_PER_MS)
#define UPDATE_OLD_NS     (20 * JM_NS_PER_MS)
#define AVERAGE_WINDOW_NS JM_NS_PER_S
/* Processor time of a call that comes seldom, H200, driver 580.159.04: clocks and the like 0.01 ms, a drain 0.6 ms, heat
 * 0.3 ms and more, the energy counter 17 ms. With these paces all of it together stays below 0.2 % of a core. */
#define STATE_PERIOD_NS JM_NS_PER_S
#define SLOW_PERIOD_NS  (10 * JM_NS_PER_S)
#define CROSS_CHECK_NS  (60 * JM_NS_PER_S)
/* Three drains in the time that the buffer spans: one may come late by more than its period and nothing is lost. */
#define DRAINS_PER_SPAN 3
#define DRAIN_MAX_NS    (800 * JM_NS_PER_MS)
#define DRAIN_MIN_NS    (20 * JM_NS_PER_MS)
/* A driver that was just loaded has an empty buffer. */
#define FILL_WAIT_NS (100 * JM_NS_PER_MS)
#define N_FILL_WAITS 4

/* What is known of the sensor behind the buffer, found by fitting its response to known loads. */
static const struct {
	const char *name;
	int64_t lowpass_ns, window_ns, lag_ns;
} responses[] = {{"NVIDIA H200", 12 * JM_NS_PER_MS, 5 * JM_NS_PER_MS, -2 * JM_NS_PER_MS}};

int jm_nvml_read_field(const struct jm_nvml *nvml, jm_nvml_device device, unsigned int field, unsigned int scope,
		       int64_t scale, int64_t *out, int64_t *device_us_out)
{
	/* The reference asks for every member to be zero but field and scope. */
	struct jm_nvml_field f = {.field = field, .scope = scope};
	int rc = nvml->fields ? jm_nvml_error(nvml->fields(device, 1, &f)) : JM_E_UNSUPPORTED;

	if (!rc)
		rc = jm_nvml_error(f.result);
	if (!rc)
		rc = jm_nvml_scaled(f.value_type, f.value, scale, out);
	if (!rc)
		*device_us_out = f.timestamp_us;
	return rc;
}

int jm_nvml_read_energy(const struct jm_nvml *nvml, jm_nvml_device device, int64_t *uj_out)
{
	union jm_nvml_value value = {0};
	int rc = nvml->total_energy ? jm_nvml_error(nvml->total_energy(device, &value.ull)) : JM_E_UNSUPPORTED;

	return rc ? rc : jm_nvml_scaled(JM_NVML_VALUE_ULLONG, value, UJ_PER_MJ, uj_out);
}

int jm_nvml_read_usage(const struct jm_nvml *nvml, jm_nvml_device device, int64_t *uw_out)
{
	union jm_nvml_value value = {0};
	int rc = nvml->power_usage ? jm_nvml_error(nvml->power_usage(device, &value.ui)) : JM_E_UNSUPPORTED;

	return rc ? rc : jm_nvml_scaled(JM_NVML_VALUE_UINT, value, JM_NVML_UW_PER_MW, uw_out);
}

static struct jm_nvml_sensor *append_sensor(struct jm_nvml_gpu *g, const char *suffix, enum jm_nvml_role role)
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
	snprintf(s->device, sizeof(s->device), "%s", g->identity);
	return n;
}

static struct jm_sensor *last_sensor(struct jm_nvml_gpu *g)
{
	return &g->found->sensors[g->found->n_sensors - 1];
}

static struct jm_channel *append_channel(struct jm_nvml_gpu *g, const char *suffix, const char *label)
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

static void say(struct jm_channel *c, const char *text)
{
	size_t n = strlen(c->reason);

	if (text[0])
		snprintf(c->reason + n, sizeof(c->reason) - n, "%s%s", n ? "; " : "", text);
}

/* Says of a channel what holds for all that give the GPU's energy: the first of them is the one that is counted. */
static void describe_power(struct jm_nvml_gpu *g, struct jm_channel *c, const char *note)
{
	bool is_first = g->primary < 0;

	c->domain = JM_DOMAIN_GPU;
	c->accuracy_fraction = ACCURACY_FRACTION;
	c->step = c->quantity == JM_QUANTITY_ENERGY ? UJ_PER_MJ : JM_NVML_UW_PER_MW;
	c->same_as = g->primary;
	say(c, note);
	say(c, g->shared);
	if (!is_first)
		return;
	say(c, g->no_buffer);
	g->primary = (int)(c - g->found->channels);
}

/* Beside a better reading of the same power another gauge tells nothing new. */
static void spare_twin(struct jm_nvml_gpu *g, const struct jm_channel *c)
{
	last_sensor(g)->is_spare = c->same_as >= 0;
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

static int64_t update_period(const struct jm_nvml_gpu *g)
{
	return g->architecture > 0 && g->architecture <= JM_NVML_ARCH_VOLTA ? UPDATE_OLD_NS : UPDATE_NS;
}

static int look_at_buffer(struct jm_nvml_gpu *g, struct jm_nvml_buffer_shape *shape)
{
	int rc = jm_nvml_buffer_probe(g->nvml, g->device, shape), i;

	for (i = 0; i < N_FILL_WAITS && rc == JM_E_AGAIN; i++) {
		g->env->sleep_until_ns(g->env->ctx, jm_env_now(g->env) + FILL_WAIT_NS);
		rc = jm_nvml_buffer_probe(g->nvml, g->device, shape);
	}
	if (rc)
		snprintf(g->no_buffer, sizeof(g->no_buffer), "used because the driver's sample buffer %s",
			 !g->nvml->samples        ? "is not known to this library"
			 : rc == JM_E_UNSUPPORTED ? "is not supported by this GPU"
			 : rc == JM_E_AGAIN       ? "stays empty"
			 : rc == JM_E_PERMISSION  ? "may not be read"
						  : "cannot be read");
	return rc;
}

static int append_buffer(struct jm_nvml_gpu *g)
{
	struct jm_nvml_buffer_shape shape;
	struct jm_nvml_sensor *n;
	struct jm_channel *c;
	struct jm_sensor *s;
	int64_t drain_ns;

	if (look_at_buffer(g, &shape))
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
	s->drain_period_ns = drain_ns > DRAIN_MAX_NS ? DRAIN_MAX_NS : drain_ns < DRAIN_MIN_NS ? DRAIN_MIN_NS : drain_ns;
	c->update_period_ns = shape.period_ns;
	set_response(c, g->name);
	describe_power(g, c, "");
	return 0;
}

static int append_energy(struct jm_nvml_gpu *g)
{
	struct jm_channel *c;
	int64_t uj;

	if (jm_nvml_read_energy(g->nvml, g->device, &uj))
		return 0;
	c = append_sensor(g, "energy", JM_NVML_ROLE_ENERGY) ? append_channel(g, "energy", "energy counter") : NULL;
	if (!c)
		return JM_E_NOMEM;
	c->quantity = JM_QUANTITY_ENERGY;
	c->kind = JM_KIND_COUNTER;
	/* A call is dear: not to be asked more often even where the counter moves faster. */
	c->update_period_ns = last_sensor(g)->min_period_ns = UPDATE_NS;
	describe_power(g, c, "");
	/* Beside a power reading it only cross-checks: it counts on unread, so seldom is enough. */
	if (c->same_as >= 0)
		last_sensor(g)->min_period_ns = CROSS_CHECK_NS;
	return 0;
}

static struct jm_channel *append_field(struct jm_nvml_gpu *g, const char *suffix, const char *label, unsigned int field,
				       unsigned int scope)
{
	bool is_mean = field == JM_NVML_FIELD_POWER_AVERAGE;
	struct jm_nvml_sensor *n = append_sensor(g, suffix, JM_NVML_ROLE_FIELD);
	struct jm_channel *c = n ? append_channel(g, suffix, label) : NULL;

	if (!c)
		return NULL;
	n->field = field;
	n->scope = scope;
	c->update_period_ns = update_period(g);
	/* Means that follow each other tell all; more of them tell the same again. */
	last_sensor(g)->min_period_ns = is_mean && scope == JM_NVML_SCOPE_MEMORY ? AVERAGE_WINDOW_NS : update_period(g);
	c->kind = is_mean ? JM_KIND_WINDOW_MEAN : JM_KIND_GAUGE;
	c->window_ns = is_mean ? AVERAGE_WINDOW_NS : 0;
	c->accuracy_fraction = ACCURACY_FRACTION;
	c->step = JM_NVML_UW_PER_MW;
	return c;
}

static bool has_field(const struct jm_nvml_gpu *g, unsigned int field, unsigned int scope, int64_t *uw_out)
{
	int64_t us;

	return jm_nvml_read_field(g->nvml, g->device, field, scope, JM_NVML_UW_PER_MW, uw_out, &us) == 0;
}

static const char *grace_note(const struct jm_nvml_gpu *g)
{
	return strstr(g->name, "GH200") || strstr(g->name, "GB200")
		   ? "on Grace superchips it was seen to hold the processor's power, too"
		   : "";
}

static int append_instant(struct jm_nvml_gpu *g)
{
	struct jm_channel *c;
	int64_t uw;

	if (!has_field(g, JM_NVML_FIELD_POWER_INSTANT, JM_NVML_SCOPE_GPU, &uw))
		return 0;
	c = append_field(g, "power_instant", "instant", JM_NVML_FIELD_POWER_INSTANT, JM_NVML_SCOPE_GPU);
	if (!c)
		return JM_E_NOMEM;
	describe_power(g, c, grace_note(g));
	spare_twin(g, c);
	return 0;
}

static int append_average(struct jm_nvml_gpu *g)
{
	struct jm_channel *c;
	int64_t uw;

	if (!has_field(g, JM_NVML_FIELD_POWER_AVERAGE, JM_NVML_SCOPE_GPU, &uw))
		return 0;
	c = append_field(g, "power_average", "1 s mean", JM_NVML_FIELD_POWER_AVERAGE, JM_NVML_SCOPE_GPU);
	if (!c)
		return JM_E_NOMEM;
	describe_power(g, c, "a mean over 1 s: it lags behind");
	spare_twin(g, c);
	return 0;
}

/* GA100: compute parts of the Ampere generation whose power is not averaged (NVML API Reference, GetPowerUsage). */
static bool is_ga100(const struct jm_nvml_gpu *g)
{
	return strstr(g->name, "A100") || strstr(g->name, "A800") || strstr(g->name, "A30 ") ||
	       strcmp(g->name, "NVIDIA A30") == 0;
}

static int append_usage(struct jm_nvml_gpu *g)
{
	bool is_mean = g->architecture >= JM_NVML_ARCH_AMPERE && !is_ga100(g);
	struct jm_channel *c;
	int64_t uw;

	if (jm_nvml_read_usage(g->nvml, g->device, &uw))
		return 0;
	c = append_sensor(g, "power_usage", JM_NVML_ROLE_USAGE) ? append_channel(g, "power_usage", "power") : NULL;
	if (!c)
		return JM_E_NOMEM;
	c->update_period_ns = last_sensor(g)->min_period_ns = update_period(g);
	c->kind = is_mean ? JM_KIND_WINDOW_MEAN : JM_KIND_GAUGE;
	c->window_ns = is_mean ? AVERAGE_WINDOW_NS : 0;
	describe_power(g, c,
		       is_mean           ? "a mean over 1 s, from this architecture on: it lags behind"
		       : g->architecture ? ""
					 : "architecture unknown: instantaneous before Ampere, a mean over 1 s since");
	spare_twin(g, c);
	return 0;
}

/* Superchips: processor and GPU together. Where the GPU alone can be read, its module is only listed. */
static int append_module(struct jm_nvml_gpu *g)
{
	unsigned int field = JM_NVML_FIELD_POWER_INSTANT;
	struct jm_channel *c;
	int64_t uw = 0;
	int index;

	if (!has_field(g, field, JM_NVML_SCOPE_MODULE, &uw) || uw == 0) {
		field = JM_NVML_FIELD_POWER_AVERAGE;
		if (!has_field(g, field, JM_NVML_SCOPE_MODULE, &uw) || uw == 0)
			return 0;
	}
	c = append_field(g, "power_module", "module", field, JM_NVML_SCOPE_MODULE);
	if (!c)
		return JM_E_NOMEM;
	c->domain = JM_DOMAIN_PACKAGE;
	say(c, "of the module: processor and GPU together");
	say(c, c->window_ns ? "a mean over 1 s: it lags behind" : "");
	say(c, g->shared);
	index = (int)(c - g->found->channels);
	last_sensor(g)->is_spare = g->primary >= 0;
	if (g->primary >= 0)
		g->found->channels[g->primary].part_of = index;
	else
		g->primary = index;
	return 0;
}

static int append_memory(struct jm_nvml_gpu *g)
{
	unsigned int field = JM_NVML_FIELD_POWER_INSTANT;
	int64_t uw, whole_uw;
	struct jm_channel *c;

	if (!has_field(g, field, JM_NVML_SCOPE_MEMORY, &uw)) {
		field = JM_NVML_FIELD_POWER_AVERAGE;
		if (!has_field(g, field, JM_NVML_SCOPE_MEMORY, &uw))
			return 0;
	}
	/* A driver that does not know scopes gives the GPU's power for its memory's. */
	if (!has_field(g, field, JM_NVML_SCOPE_GPU, &whole_uw) || uw >= whole_uw || uw == 0)
		return 0;
	c = append_field(g, "power_memory", "memory", field, JM_NVML_SCOPE_MEMORY);
	if (!c)
		return JM_E_NOMEM;
	c->domain = JM_DOMAIN_GPU_MEMORY;
	c->part_of = g->primary;
	say(c, c->window_ns ? "a mean over 1 s: it lags behind" : "");
	return 0;
}

/* A GPU whose power cannot be read is shown with the reason, not left out. */
static int append_unavailable(struct jm_nvml_gpu *g)
{
	struct jm_channel *c = append_sensor(g, "", JM_NVML_ROLE_USAGE) ? append_channel(g, "power", "power") : NULL;
	int64_t uw;

	if (!c)
		return JM_E_NOMEM;
	c->domain = JM_DOMAIN_GPU;
	c->state = JM_STATE_UNAVAILABLE;
	say(c, jm_nvml_read_usage(g->nvml, g->device, &uw) == JM_E_PERMISSION
		   ? "the driver lets only an administrator read this GPU's power"
		   : "the driver gives no power reading for this GPU");
	say(c, g->shared);
	snprintf(c->remedy, sizeof(c->remedy), "%s",
		 g->is_vgpu ? "measure on the host of the virtual machine"
			    : "nvidia-smi -q -d POWER shows what the driver knows; on a Jetson use the jetson driver");
	return 0;
}

static int append_state(struct jm_nvml_gpu *g, bool is_slow)
{
	const struct jm_nvml_sensor asked = {.nvml = g->nvml, .device = g->device};
	struct jm_nvml_sensor *n = NULL;
	size_t i;

	for (i = 0; i < JM_NVML_N_STATES; i++) {
		const struct jm_nvml_state *state = &jm_nvml_states[i];
		struct jm_channel *c;
		int64_t value;

		if (state->is_slow != is_slow || state->read(&asked, &value))
			continue;
		if (!n && !(n = append_sensor(g, is_slow ? "limits" : "state", JM_NVML_ROLE_STATE)))
			return JM_E_NOMEM;
		n->states[last_sensor(g)->n_channels] = state;
		c = append_channel(g, state->name, "");
		if (!c)
			return JM_E_NOMEM;
		c->quantity = state->quantity;
		c->kind = state->kind;
		c->domain = JM_DOMAIN_GPU;
		snprintf(c->label, sizeof(c->label), "%s", state->label);
		last_sensor(g)->min_period_ns = is_slow ? SLOW_PERIOD_NS : STATE_PERIOD_NS;
	}
	return 0;
}

int jm_nvml_append(struct jm_nvml_gpu *g)
{
	int rc = append_buffer(g);

	rc = rc ? rc : append_instant(g);
	rc = rc ? rc : append_average(g);
	rc = rc ? rc : append_energy(g);
	rc = rc ? rc : append_usage(g);
	rc = rc ? rc : append_module(g);
	if (!rc && g->primary < 0)
		rc = append_unavailable(g);
	rc = rc ? rc : append_memory(g);
	rc = rc ? rc : append_state(g, false);
	return rc ? rc : append_state(g, true);
}
