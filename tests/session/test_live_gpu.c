#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/live_world.h"

static unsigned int n_samples;
static struct jm_nvml_process_utilization samples[8];

static int count(unsigned int *out)
{
	*out = 1;
	return JM_NVML_SUCCESS;
}

static int device(unsigned int i, jm_nvml_device *out)
{
	(void)i;
	*out = (jm_nvml_device)samples;
	return JM_NVML_SUCCESS;
}

static int utilization(jm_nvml_device d, struct jm_nvml_process_utilization *out, unsigned int *n,
		       unsigned long long since)
{
	(void)d;
	(void)since;
	memcpy(out, samples, n_samples * sizeof(*out));
	*n = n_samples;
	return n_samples ? JM_NVML_SUCCESS : JM_NVML_NOT_FOUND;
}

static struct jm_nvml nvml = {.device_count = count, .device = device, .process_utilization = utilization};

/* The driver tells of two processes, the second of which nobody watches. */
static void use(struct world *w, unsigned int ours, unsigned int others)
{
	unsigned long long stamp_us = (unsigned long long)(w->now_ns / 1000);

	samples[0] = (struct jm_nvml_process_utilization){.pid = 10, .timestamp_us = stamp_us, .sm_percent = ours};
	samples[1] = (struct jm_nvml_process_utilization){.pid = 99, .timestamp_us = stamp_us, .sm_percent = others};
	n_samples = ours + others ? 2 : 0;
}

static void open_gpu(struct world *w, uint32_t *id)
{
	put(w, 10, 1, 0, 10);
	open_script(w, "channel g energy counter domain=gpu interpolate=yes\n0 0\n100s 10000\n100s end\n");
	assert_int_equal(jm_process_gpus_create(&nvml, &w->live->gpus, NULL), 0);
	jm_live_basis_of(w->live, &w->live->sums[0]);
	n_samples = 0;
	assert_int_equal(jm_live_watch(w->live, 10, id, NULL), 0);
	pass(w, S); /* what was before is nobody's */
}

static double of(struct world *w, uint32_t id)
{
	struct jm_live_process p;

	assert_int_equal(jm_live_process(w->live, id, &p), 0);
	return p.energy_j[0];
}

static void a_gpus_energy_goes_to_those_whose_kernels_ran(void **state)
{
	struct world *w = *state;
	struct jm_live_channel a, b;
	uint32_t id;
	double ours;

	open_gpu(w, &id);
	a = channel(w, 0);
	ours = of(w, id);
	assert_string_equal(a.split_by, "SM time");
	w->now_ns += S;
	use(w, 60, 20);
	pass(w, 0);
	b = channel(w, 0);
	is_near(b.energy_j - a.energy_j, 100);
	is_near(b.idle_j - a.idle_j, 20);
	is_near(of(w, id) - ours, 60);
	is_near(b.others_j - a.others_j, 20);
	is_near(b.energy_j, b.idle_j + b.others_j + b.unattributed_j + of(w, id));
}

static void between_two_polls_energy_waits_and_is_not_lost(void **state)
{
	struct world *w = *state;
	struct jm_live_channel a, b;
	uint32_t id;
	int i;

	open_gpu(w, &id);
	a = channel(w, 0);
	use(w, 100, 0);
	for (i = 0; i < 3; i++) {
		w->now_ns += 100 * MS;
		jm_live_pace(w->live, (101 + i % 2) * MS, NULL); /* has the sensors read */
		jm_live_tick(w->live, NULL);
		is_near(channel(w, 0).energy_j, a.energy_j);
		is_near(channel(w, 0).power_w, 100);
	}
	w->now_ns += 700 * MS;
	use(w, 100, 0);
	pass(w, 0);
	b = channel(w, 0);
	is_near(b.energy_j - a.energy_j, 100);
	is_near(b.seen_s - a.seen_s, 1);
	is_near(b.energy_j, b.idle_j + b.others_j + b.unattributed_j + of(w, id));
	is_near(of(w, id), 100);
}

static void an_idle_gpu_is_charged_to_nobody(void **state)
{
	struct world *w = *state;
	struct jm_live_channel a, b;
	uint32_t id;

	open_gpu(w, &id);
	a = channel(w, 0);
	use(w, 0, 0);
	pass(w, S);
	b = channel(w, 0);
	is_near(b.idle_j - a.idle_j, 100);
	is_near(of(w, id), 0);
	/* With a level that was kept, that is what is idle, whatever else it took. */
	w->live->sums[0].idle_w = 70;
	w->now_ns += S;
	use(w, 10, 0);
	pass(w, 0);
	is_near(channel(w, 0).idle_j - b.idle_j, 70);
	is_near(of(w, id), 30);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(a_gpus_energy_goes_to_those_whose_kernels_ran, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(between_two_polls_energy_waits_and_is_not_lost, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(an_idle_gpu_is_charged_to_nobody, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
