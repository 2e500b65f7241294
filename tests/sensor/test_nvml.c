#define _GNU_SOURCE
#include "sensor/gpu_world.h"

static void the_buffer_comes_first_and_the_rest_read_the_same(void **state)
{
	struct gpu_world *g = *state;
	const struct jm_channel *c;

	g->script->memory_mw = 30000;
	probe(g);
	c = channel(g, "nvml/gpu0/power");
	assert_non_null(c);
	assert_int_equal(c->same_as, -1);
	assert_int_equal(c->domain, JM_DOMAIN_GPU);
	assert_true(c->update_period_ns == 20 * JM_NS_PER_MS);
	assert_true(c->lowpass_ns == 12 * JM_NS_PER_MS);
	assert_true(c->accuracy_fraction == 0.05);
	/* 120 entries of 20 ms: to be drained before half of that is over. */
	assert_true(sensor(g, "nvml/gpu0")->drain_period_ns > 700 * JM_NS_PER_MS);
	assert_true(sensor(g, "nvml/gpu0")->drain_period_ns < 119 * 20 / 2 * JM_NS_PER_MS);
	assert_int_equal(channel(g, "nvml/gpu0/energy")->same_as, index_of(g, "nvml/gpu0/power"));
	assert_int_equal(channel(g, "nvml/gpu0/energy")->kind, JM_KIND_COUNTER);
	assert_int_equal(channel(g, "nvml/gpu0/power_instant")->same_as, index_of(g, "nvml/gpu0/power"));
	assert_int_equal(channel(g, "nvml/gpu0/power_average")->same_as, index_of(g, "nvml/gpu0/power"));
	assert_true(channel(g, "nvml/gpu0/power_average")->window_ns == JM_NS_PER_S);
	assert_int_equal(channel(g, "nvml/gpu0/power_memory")->part_of, index_of(g, "nvml/gpu0/power"));
	assert_int_equal(channel(g, "nvml/gpu0/power_memory")->same_as, -1);
	assert_int_equal(channel(g, "nvml/gpu0/power_memory")->domain, JM_DOMAIN_GPU_MEMORY);
	assert_true(sensor(g, "nvml/gpu0/energy")->min_period_ns >= 100 * JM_NS_PER_MS);
	assert_true(sensor(g, "nvml/gpu0/energy")->may_block);
}

static void the_next_best_is_counted_where_a_call_is_not_supported(void **state)
{
	static const struct {
		const char *unsupported, *primary;
	} cases[] = {
	    {",nvmlDeviceGetSamples,", "nvml/gpu0/power_instant"},
	    {",nvmlDeviceGetSamples,186:0,", "nvml/gpu0/power_average"},
	    {",nvmlDeviceGetSamples,nvmlDeviceGetFieldValues,", "nvml/gpu0/energy"},
	    {",nvmlDeviceGetSamples,nvmlDeviceGetTotalEnergyConsumption,nvmlDeviceGetFieldValues,",
	     "nvml/gpu0/power_usage"},
	};
	struct gpu_world *g = *state;
	size_t i, k;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int n_counted = 0;

		strcpy(g->script->unsupported, cases[i].unsupported);
		probe(g);
		assert_non_null(channel(g, cases[i].primary));
		assert_int_equal(channel(g, cases[i].primary)->same_as, -1);
		assert_non_null(strstr(channel(g, cases[i].primary)->reason, "sample buffer is not supported"));
		for (k = 0; k < g->w.set.n_channels; k++)
			n_counted += jm_channel_has_energy(&g->w.set.channels[k]) && g->w.set.channels[k].same_as < 0;
		assert_int_equal(n_counted, 1);
		jm_sensor_set_finish(&g->w.set);
	}
}

static void what_falls_back_says_what_it_means(void **state)
{
	struct gpu_world *g = *state;
	const struct jm_channel *c;

	strcpy(g->script->unsupported, ",nvmlDeviceGetSamples,186:0,");
	probe(g);
	c = channel(g, "nvml/gpu0/power_average");
	assert_int_equal(c->kind, JM_KIND_WINDOW_MEAN);
	assert_true(c->window_ns == JM_NS_PER_S);
	assert_non_null(strstr(c->reason, "mean over 1 s"));
	/* the counter beside it is asked seldom; alone it would be asked as often as it moves */
	assert_true(sensor(g, "nvml/gpu0/energy")->min_period_ns >= 10 * JM_NS_PER_S);
	jm_sensor_set_finish(&g->w.set);
	strcpy(g->script->unsupported, ",nvmlDeviceGetSamples,nvmlDeviceGetFieldValues,");
	probe(g);
	assert_true(sensor(g, "nvml/gpu0/energy")->min_period_ns == 100 * JM_NS_PER_MS);
	jm_sensor_set_finish(&g->w.set);
	strcat(g->script->unsupported, "nvmlDeviceGetTotalEnergyConsumption,");
	probe(g);
	assert_int_equal(channel(g, "nvml/gpu0/power_usage")->kind, JM_KIND_WINDOW_MEAN);
	jm_sensor_set_finish(&g->w.set);
	g->script->architecture = JM_NVML_ARCH_VOLTA;
	probe(g);
	assert_int_equal(channel(g, "nvml/gpu0/power_usage")->kind, JM_KIND_GAUGE);
	jm_sensor_set_finish(&g->w.set);
	g->script->architecture = JM_NVML_ARCH_AMPERE;
	strcpy(g->script->name, "NVIDIA A100-SXM4-40GB");
	probe(g);
	assert_int_equal(channel(g, "nvml/gpu0/power_usage")->kind, JM_KIND_GAUGE);
	jm_sensor_set_finish(&g->w.set);
	strcpy(g->script->unsupported, ",nvmlDeviceGetSamples,nvmlDeviceGetArchitecture,nvmlDeviceGetFieldValues,"
				       "nvmlDeviceGetTotalEnergyConsumption,");
	probe(g);
	assert_non_null(strstr(channel(g, "nvml/gpu0/power_usage")->reason, "architecture unknown"));
}

static void what_tells_nothing_new_is_spare(void **state)
{
	static const char *const spares[] = {"nvml/gpu0/power_instant", "nvml/gpu0/power_average",
					     "nvml/gpu0/power_usage", "nvml/gpu0/power_module"};
	struct gpu_world *g = *state;
	size_t i, n;

	g->script->module_mw = 500000;
	g->script->memory_mw = 30000;
	probe(g);
	for (i = 0; i < 4; i++)
		assert_true(sensor(g, spares[i])->is_spare);
	assert_int_equal(channel(g, "nvml/gpu0/power")->part_of, index_of(g, "nvml/gpu0/power_module"));
	n = g->w.set.n_sensors;
	jm_sensor_set_drop_spares(&g->w.set);
	assert_int_equal(g->w.set.n_sensors, n - 4);
	for (i = 0; i < 4; i++)
		assert_null(channel(g, spares[i]));
	assert_int_equal(channel(g, "nvml/gpu0/power")->part_of, -1);
	assert_int_equal(channel(g, "nvml/gpu0/energy")->same_as, index_of(g, "nvml/gpu0/power"));
	assert_int_equal(channel(g, "nvml/gpu0/power_memory")->part_of, index_of(g, "nvml/gpu0/power"));
	for (i = 0; i < g->w.set.n_sensors; i++)
		assert_true(strncmp(g->w.set.channels[g->w.set.sensors[i].first_channel].name, g->w.set.sensors[i].name,
				    strlen("nvml/gpu0")) == 0);
	assert_int_equal(sensor(g, "nvml/gpu0/energy")->first_channel, index_of(g, "nvml/gpu0/energy"));
	assert_int_equal(sensor(g, "nvml/gpu0/limits")->first_channel, index_of(g, "nvml/gpu0/throttled_heat"));
}

static void a_module_alone_is_said_to_be_more_than_the_gpu(void **state)
{
	struct gpu_world *g = *state;
	const struct jm_channel *c;

	strcpy(g->script->name, "NVIDIA GH200 480GB");
	strcpy(g->script->unsupported, ",nvmlDeviceGetSamples,186:0,185:0,nvmlDeviceGetTotalEnergyConsumption,"
				       "nvmlDeviceGetPowerUsage,");
	g->script->module_mw = 500000;
	probe(g);
	c = channel(g, "nvml/gpu0/power_module");
	assert_int_equal(c->same_as, -1);
	assert_int_equal(c->domain, JM_DOMAIN_PACKAGE);
	assert_non_null(strstr(c->reason, "processor and GPU together"));
	assert_false(sensor(g, "nvml/gpu0/power_module")->is_spare);
	jm_sensor_set_finish(&g->w.set);
	strcpy(g->script->unsupported, ",nvmlDeviceGetSamples,");
	probe(g);
	assert_non_null(strstr(channel(g, "nvml/gpu0/power_instant")->reason, "processor"));
}

static void any_single_call_may_be_missing(void **state)
{
	static const char *const calls[] = {"nvmlDeviceGetName",
					    "nvmlDeviceGetArchitecture",
					    "nvmlDeviceGetSamples",
					    "nvmlDeviceGetFieldValues",
					    "nvmlDeviceGetPowerUsage",
					    "nvmlDeviceGetTemperature",
					    "nvmlDeviceGetClockInfo",
					    "nvmlDeviceGetTotalEnergyConsumption",
					    "nvmlDeviceGetMigMode",
					    "nvmlDeviceGetCurrentClocksThrottleReasons",
					    "nvmlDeviceGetVirtualizationMode",
					    "nvmlDeviceGetPerformanceState",
					    "nvmlDeviceGetUUID",
					    "nvmlDeviceGetPciInfo_v3",
					    "nvmlDeviceGetMaxMigDeviceCount",
					    "nvmlDeviceGetMigDeviceHandleByIndex",
					    "nvmlDeviceGetActiveVgpus"};
	struct gpu_world *g = *state;
	size_t i, k;

	for (i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		sprintf(g->script->unsupported, ",%s,", calls[i]);
		g->script->mig = 1;
		g->script->virtualization = 3;
		probe(g);
		assert_true(g->w.set.n_channels >= 5);
		for (k = 0; k < g->w.set.n_channels; k++)
			assert_int_equal(g->w.set.channels[k].state, JM_STATE_MEASURED);
		jm_sensor_set_finish(&g->w.set);
	}
}

static void a_gpu_without_any_power_says_so(void **state)
{
	struct gpu_world *g = *state;
	const struct jm_channel *c;

	strcpy(g->script->unsupported,
	       ",nvmlDeviceGetSamples,nvmlDeviceGetTotalEnergyConsumption,nvmlDeviceGetFieldValues,"
	       "nvmlDeviceGetPowerUsage,");
	g->script->virtualization = 2;
	probe(g);
	c = channel(g, "nvml/gpu0/power");
	assert_int_equal(c->state, JM_STATE_UNAVAILABLE);
	assert_non_null(strstr(c->reason, "virtual"));
	assert_true(c->remedy[0] != '\0');
	assert_false(jm_channel_has_energy(c));
}

static void energy_is_in_microjoules(void **state)
{
	struct gpu_world *g = *state;
	struct jm_sensor *s;
	struct jm_sample out;
	size_t n;

	probe(g);
	g->script->energy_mj = 123456789012;
	s = open_sensor(g, "nvml/gpu0/energy");
	assert_int_equal(s->driver->read(s, &out, &n), 0);
	assert_int_equal(n, 1);
	assert_true(out.value == INT64_C(123456789012000));
	assert_int_equal(out.channel, index_of(g, "nvml/gpu0/energy"));
	/* more than 64 bits of microjoules is no reading */
	g->script->energy_mj = UINT64_MAX;
	assert_int_equal(s->driver->read(s, &out, &n), JM_E_FORMAT);
}

static void states_are_read_together_and_fail_one_by_one(void **state)
{
	struct gpu_world *g = *state;
	struct jm_sensor *s;
	struct jm_sample out[8];
	size_t n;

	probe(g);
	s = open_sensor(g, "nvml/gpu0/state");
	assert_true(s->min_period_ns >= JM_NS_PER_S);
	strcpy(g->script->unsupported, ",nvmlDeviceGetClockInfo,");
	assert_int_equal(s->driver->read(s, out, &n), 0);
	assert_int_equal(n, 6);
	assert_int_equal(out[0].value, 41000);
	assert_int_equal(out[1].status, JM_SAMPLE_GAP);
	assert_int_equal(out[2].status, JM_SAMPLE_GAP);
	assert_int_equal(out[3].value, 4);
	strcpy(g->script->unsupported, "");
	assert_int_equal(s->driver->read(s, out, &n), 0);
	assert_true(out[1].value == 1980000000);
	assert_true(out[2].value == INT64_C(3201000000));
	assert_int_equal(channel(g, "nvml/gpu0/throttle")->quantity, JM_QUANTITY_EVENT_BITS);
}

static void the_time_held_down_is_counted(void **state)
{
	struct gpu_world *g = *state;
	struct jm_sensor *state_sensor, *limits;
	struct jm_sample out[8];
	int64_t power_ns, heat_ns;
	size_t n;

	g->script->held_ppm = 310000;
	g->script->held_heat_ppm = 50000;
	g->script->held_brake_ppm = 10000;
	g->script->pstate = 2;
	probe(g);
	assert_int_equal(channel(g, "nvml/gpu0/throttled_power")->quantity, JM_QUANTITY_TIME);
	assert_int_equal(channel(g, "nvml/gpu0/throttled_power")->kind, JM_KIND_COUNTER);
	state_sensor = open_sensor(g, "nvml/gpu0/state");
	limits = open_sensor(g, "nvml/gpu0/limits");
	assert_int_equal(limits->n_channels, 2);
	assert_true(limits->min_period_ns >= 10 * state_sensor->min_period_ns);
	assert_int_equal(state_sensor->driver->read(state_sensor, out, &n), 0);
	assert_int_equal(out[4].value, 2);
	power_ns = out[5].value;
	assert_int_equal(limits->driver->read(limits, out, &n), 0);
	heat_ns = out[0].value;
	at(g, 10000000);
	assert_int_equal(state_sensor->driver->read(state_sensor, out, &n), 0);
	assert_true(out[5].value - power_ns == 3100 * JM_NS_PER_MS);
	assert_int_equal(limits->driver->read(limits, out, &n), 0);
	assert_true(out[0].value - heat_ns == 500 * JM_NS_PER_MS);
	/* 32 is the reference's "unknown". */
	g->script->pstate = 32;
	assert_int_equal(state_sensor->driver->read(state_sensor, out, &n), 0);
	assert_int_equal(out[4].status, JM_SAMPLE_GAP);
}

static void a_lost_gpu_ends_its_sensors(void **state)
{
	static const char *const names[] = {"nvml/gpu0", "nvml/gpu0/energy", "nvml/gpu0/power_instant",
					    "nvml/gpu0/power_usage", "nvml/gpu0/state"};
	struct gpu_world *g = *state;
	struct jm_sample *out = calloc(4096, sizeof(*out));
	size_t i, n;

	probe(g);
	for (i = 0; i < 5; i++)
		open_sensor(g, names[i]);
	g->script->lost_after = 1;
	at(g, 400000);
	for (i = 0; i < 5; i++) {
		struct jm_sensor *s = sensor(g, names[i]);

		assert_int_equal(s->driver->read(s, out, &n), JM_E_GONE);
	}
	free(out);
}

static void a_lost_gpu_ends_no_other(void **state)
{
	struct gpu_world *g = *state;
	struct jm_sensor *first, *second;
	struct jm_sample *out = calloc(4096, sizeof(*out));
	size_t n;

	g->script->gpus = 2;
	probe(g);
	first = open_sensor(g, "nvml/gpu0");
	second = open_sensor(g, "nvml/gpu1");
	g->script->lost_after = 1;
	g->script->lost_gpu = 1;
	at(g, 400000);
	assert_int_equal(first->driver->read(first, out, &n), JM_E_GONE);
	assert_int_equal(second->driver->read(second, out, &n), 0);
	assert_int_equal(n, 20);
	free(out);
}

static void a_gpu_is_named_by_uuid_and_place(void **state)
{
	struct gpu_world *g = *state;

	g->script->gpus = 2;
	probe(g);
	assert_string_equal(sensor(g, "nvml/gpu1")->device,
			    "NVIDIA H200, GPU-00000000-0000-0000-0000-000000000001, PCI 00000000:01:00.0");
	jm_sensor_set_finish(&g->w.set);
	strcpy(g->script->unsupported, ",nvmlDeviceGetUUID,nvmlDeviceGetPciInfo_v3,");
	probe(g);
	assert_string_equal(sensor(g, "nvml/gpu0")->device, "NVIDIA H200");
}

static void several_gpus_are_told_apart(void **state)
{
	struct gpu_world *g = *state;
	struct jm_sensor *s;
	struct jm_sample out;
	size_t n;

	g->script->gpus = 3;
	probe(g);
	assert_int_equal(channel(g, "nvml/gpu2/power")->device, 2);
	assert_int_equal(channel(g, "nvml/gpu2/energy")->same_as, index_of(g, "nvml/gpu2/power"));
	s = open_sensor(g, "nvml/gpu2/power_instant");
	assert_int_equal(s->driver->read(s, &out, &n), 0);
	assert_int_equal(out.value, 122000000);
}

static void mig_is_said(void **state)
{
	struct gpu_world *g = *state;

	g->script->mig = 1;
	probe(g);
	assert_non_null(strstr(channel(g, "nvml/gpu0/power")->reason, "MIG is on"));
	jm_sensor_set_finish(&g->w.set);
	g->script->mig_instances = 3;
	probe(g);
	assert_non_null(strstr(channel(g, "nvml/gpu0/power")->reason, "board power is shared by 3 MIG instances"));
	assert_non_null(strstr(channel(g, "nvml/gpu0/energy")->reason, "3 MIG instances"));
}

static void virtual_gpus_are_said(void **state)
{
	struct gpu_world *g = *state;

	g->script->virtualization = 2;
	probe(g);
	assert_non_null(strstr(channel(g, "nvml/gpu0/power")->reason, "a virtual GPU"));
	jm_sensor_set_finish(&g->w.set);
	g->script->virtualization = 3;
	g->script->vgpus = 2;
	probe(g);
	assert_non_null(strstr(channel(g, "nvml/gpu0/power")->reason, "shared by 2 virtual GPUs"));
	jm_sensor_set_finish(&g->w.set);
	/* passed through whole: nobody else draws from it */
	g->script->virtualization = 1;
	probe(g);
	assert_string_equal(channel(g, "nvml/gpu0/power")->reason, "");
}

static void an_empty_buffer_is_no_sensor(void **state)
{
	struct gpu_world *g = *state;

	g->script->buffer = 0;
	probe(g);
	assert_null(channel(g, "nvml/gpu0/power"));
	assert_int_equal(channel(g, "nvml/gpu0/power_instant")->same_as, -1);
	assert_non_null(strstr(channel(g, "nvml/gpu0/power_instant")->reason, "stays empty"));
	/* it was given time to fill, but not long */
	assert_in_range(g->w.slept_ns, 100 * JM_NS_PER_MS, JM_NS_PER_S);
}

static void the_library_is_shut_down_as_often_as_it_was_initialised(void **state)
{
	struct gpu_world *g = *state;

	probe(g);
	open_sensor(g, "nvml/gpu0");
	assert_int_equal(g->script->n_inits, 1);
	assert_int_equal(g->script->n_shutdowns, 0);
	jm_sensor_set_finish(&g->w.set);
	assert_int_equal(g->script->n_shutdowns, 1);
}

static void an_old_library_gives_what_it_has(void **state)
{
	struct gpu_world *g = *state;
	struct jm_sensor *s;
	struct jm_sample out;
	size_t n;

	strcpy(g->w.env.nvml, JM_BUILD_DIR "/fakes/fake_nvml_old.so");
	probe(g);
	assert_int_equal(g->w.set.n_channels, 1);
	assert_int_equal(channel(g, "nvml/gpu0/power_usage")->kind, JM_KIND_GAUGE);
	s = open_sensor(g, "nvml/gpu0/power_usage");
	assert_int_equal(s->driver->read(s, &out, &n), 0);
	assert_int_equal(out.value, 77500000);
}

static void no_library_no_driver_and_no_gpu_each_have_a_remedy(void **state)
{
	struct gpu_world *g = *state;

	strcpy(g->w.env.nvml, "/no/such/libnvidia-ml.so");
	probe(g);
	assert_non_null(strstr(g->w.why.message, "/no/such"));
	assert_true(g->w.why.remedy[0] != '\0');
	strcpy(g->w.env.nvml, JM_BUILD_DIR "/fakes/fake_nvml_broken.so");
	probe(g);
	assert_non_null(strstr(g->w.why.message, "nvmlShutdown"));
	strcpy(g->w.env.nvml, FAKE);
	g->script->init_result = JM_NVML_DRIVER_NOT_LOADED;
	probe(g);
	assert_non_null(strstr(g->w.why.remedy, "modprobe"));
	g->script->init_result = JM_NVML_VERSION_MISMATCH;
	probe(g);
	assert_non_null(strstr(g->w.why.remedy, "reboot"));
	g->script->init_result = 0;
	g->script->gpus = 0;
	probe(g);
	assert_non_null(strstr(g->w.why.message, "no GPU"));
	g->w.env.nvml[0] = '\0';
	probe(g);
	assert_non_null(strstr(g->w.why.remedy, "JOULEMAP_ROOT"));
	assert_int_equal(g->w.set.n_sensors, 0);
}

static void close_may_be_called_twice_and_open_again(void **state)
{
	struct gpu_world *g = *state;
	struct jm_sensor *s;

	probe(g);
	s = open_sensor(g, "nvml/gpu0");
	s->driver->close(s);
	s->driver->close(s);
	assert_int_equal(s->driver->open(s, &g->w.why), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(the_buffer_comes_first_and_the_rest_read_the_same),
	    TEST(the_next_best_is_counted_where_a_call_is_not_supported),
	    TEST(what_falls_back_says_what_it_means),
	    TEST(what_tells_nothing_new_is_spare),
	    TEST(a_module_alone_is_said_to_be_more_than_the_gpu),
	    TEST(any_single_call_may_be_missing),
	    TEST(a_gpu_without_any_power_says_so),
	    TEST(energy_is_in_microjoules),
	    TEST(states_are_read_together_and_fail_one_by_one),
	    TEST(the_time_held_down_is_counted),
	    TEST(a_lost_gpu_ends_its_sensors),
	    TEST(a_lost_gpu_ends_no_other),
	    TEST(a_gpu_is_named_by_uuid_and_place),
	    TEST(several_gpus_are_told_apart),
	    TEST(mig_is_said),
	    TEST(virtual_gpus_are_said),
	    TEST(an_empty_buffer_is_no_sensor),
	    TEST(the_library_is_shut_down_as_often_as_it_was_initialised),
	    TEST(an_old_library_gives_what_it_has),
	    TEST(no_library_no_driver_and_no_gpu_each_have_a_remedy),
	    TEST(close_may_be_called_twice_and_open_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
