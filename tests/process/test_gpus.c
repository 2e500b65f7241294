#include "process/gpus.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/tree.h"

static unsigned int n_samples;
static struct jm_nvml_process_utilization samples[8];
static int answer;

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
	return answer;
}

static int held(jm_nvml_device d, unsigned int *n, struct jm_nvml_process *out)
{
	(void)d;
	out[0] = (struct jm_nvml_process){.pid = 10, .used_bytes = 4096};
	out[1] = (struct jm_nvml_process){.pid = 20, .used_bytes = UINT64_MAX};
	*n = 2;
	return JM_NVML_SUCCESS;
}

static void processes_are_known_by_their_numbers_and_the_rest_is_others(void **state)
{
	struct jm_nvml nvml = {
	    .device_count = count, .device = device, .process_utilization = utilization, .compute_processes = held};
	struct jm_process_options options = {.is_all = true};
	const struct jm_process_gpu *rows;
	struct jm_process_snapshot s;
	struct jm_process_watch *w;
	struct jm_process_gpus *g;
	struct tree tree;
	struct jm_env env;

	(void)state;
	tree_create(&tree);
	tree_env(&tree, &env);
	tree_write(&tree, "/proc/10/stat", "10 (a) S 1 1 1 0 -1 0 0 0 0 0 1 0 0 0 20 0 1 0 1 4096 100 0\n");
	tree_write(&tree, "/proc/20/stat", "20 (b) S 1 1 1 0 -1 0 0 0 0 0 1 0 0 0 20 0 1 0 2 4096 100 0\n");
	assert_int_equal(jm_process_watch_create(&env, &options, &w, NULL), 0);
	assert_int_equal(jm_process_watch_scan(w, &s), 0);
	assert_int_equal(jm_process_gpus_create(&nvml, &g, NULL), 0);
	samples[0] = (struct jm_nvml_process_utilization){.pid = 10, .timestamp_us = 100, .sm_percent = 40};
	samples[1] = (struct jm_nvml_process_utilization){.pid = 10, .timestamp_us = 200, .sm_percent = 60};
	samples[2] = (struct jm_nvml_process_utilization){.pid = 20, .timestamp_us = 200, .sm_percent = 10};
	samples[3] = (struct jm_nvml_process_utilization){.pid = 99, .timestamp_us = 200, .sm_percent = 20};
	n_samples = 4;
	assert_int_equal(jm_process_gpus_poll(g, w, 7, &rows), 3);
	assert_int_equal(rows[0].process, 0);
	assert_int_equal(rows[0].sm_ppm, 500000);
	assert_int_equal(rows[0].used_bytes, 4096);
	assert_int_equal(rows[1].sm_ppm, 100000);
	assert_int_equal(rows[1].used_bytes, -1);
	assert_true(rows[2].process == JM_PROCESS_OTHERS);
	assert_int_equal(rows[2].n, 1);
	assert_int_equal(rows[2].sm_ppm, 200000);
	/* The same samples again are no news; nobody at all is a row all the same. */
	assert_int_equal(jm_process_gpus_poll(g, w, 8, &rows), 1);
	assert_int_equal(rows[0].sm_ppm, 0);
	answer = JM_NVML_NOT_FOUND;
	assert_int_equal(jm_process_gpus_poll(g, w, 9, &rows), 1);
	answer = JM_NVML_NOT_SUPPORTED;
	assert_int_equal(jm_process_gpus_poll(g, w, 10, &rows), 0);
	jm_process_gpus_destroy(g);
	jm_process_watch_destroy(w);
	tree_remove(&tree);
	nvml.process_utilization = NULL;
	assert_int_equal(jm_process_gpus_create(&nvml, &g, NULL), JM_E_UNSUPPORTED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(processes_are_known_by_their_numbers_and_the_rest_is_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
