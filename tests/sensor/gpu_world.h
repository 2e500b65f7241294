/* A world with GPUs in it: the stand-in NVML library, its script, and clocks that move together. */
#ifndef TESTS_SENSOR_GPU_WORLD_H
#define TESTS_SENSOR_GPU_WORLD_H

#include "fakes/fake_nvml.h"
#include "sensor/fake_world.h"

#include "core/nvml.h"
#include "core/units.h"

#include <dlfcn.h>

extern const struct jm_sensor_driver jm_sensor_nvml;

#define FAKE JM_BUILD_DIR "/fakes/fake_nvml.so"
#define T0_US UINT64_C(1700000000000000)

struct gpu_world {
	struct fake_world w; /* first: the tests cast */
	void *library;
	struct fake_nvml *script, original;
};

static inline int set_up(void **state)
{
	struct gpu_world *g = malloc(sizeof(*g));
	fake_nvml_script_function get;
	void *symbol;

	fake_world_init(&g->w);
	strcpy(g->w.env.nvml, FAKE);
	g->library = dlopen(FAKE, RTLD_NOW);
	assert_non_null(g->library);
	symbol = dlsym(g->library, "fake_nvml_script");
	assert_non_null(symbol);
	memcpy(&get, &symbol, sizeof(get));
	g->script = get();
	g->original = *g->script;
	g->script->now_us = T0_US;
	*state = g;
	return 0;
}

static inline int tear_down(void **state)
{
	struct gpu_world *g = *state;

	fake_world_finish(&g->w);
	*g->script = g->original;
	dlclose(g->library);
	free(g);
	return 0;
}

/* Lets the true time be t after T0; both clocks follow, the wall clock with its step. */
static inline void at(struct gpu_world *g, int64_t t_us)
{
	g->script->now_us = T0_US + (uint64_t)t_us;
	g->w.now_ns = INT64_C(1000000000000) + t_us * 1000;
	g->w.realtime_ns = ((int64_t)T0_US + t_us) * 1000;
	if (g->script->step_us && g->script->now_us > g->script->step_at_us)
		g->w.realtime_ns += g->script->step_us * 1000;
}

static inline void probe(struct gpu_world *g)
{
	at(g, 0);
	assert_int_equal(jm_sensor_nvml.probe(&g->w.env, NULL, &g->w.set, &g->w.why), 0);
}

static inline struct jm_channel *channel(struct gpu_world *g, const char *name)
{
	size_t i;

	for (i = 0; i < g->w.set.n_channels; i++)
		if (strcmp(g->w.set.channels[i].name, name) == 0)
			return &g->w.set.channels[i];
	return NULL;
}

static inline struct jm_sensor *sensor(struct gpu_world *g, const char *name)
{
	size_t i;

	for (i = 0; i < g->w.set.n_sensors; i++)
		if (strcmp(g->w.set.sensors[i].name, name) == 0)
			return &g->w.set.sensors[i];
	fail_msg("no sensor %s", name);
	return NULL;
}

static inline struct jm_sensor *open_sensor(struct gpu_world *g, const char *name)
{
	struct jm_sensor *s = sensor(g, name);

	assert_int_equal(s->driver->open(s, &g->w.why), 0);
	return s;
}

static inline int index_of(struct gpu_world *g, const char *name)
{
	return (int)(channel(g, name) - g->w.set.channels);
}

#endif
