#define _GNU_SOURCE
#include "export/export.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define S INT64_C(1000000000)

/* Two snapshots a second apart, two processes, of which one has done 0.5 s of the 1 s that was done in all. */
struct fixture {
	struct jm_process processes[2];
	int64_t last_ns[2];
	struct jm_process_step steps[2];
	struct jm_process_sample samples[3];
	uint32_t sample_steps[3];
	struct jm_process_memory memory[1];
	struct jm_process_gpu gpu[2];
	struct jm_process_log log;
	struct jm_channel channels[3];
	struct jm_channel_result results[3];
	double power_w[3], busy_s[1], done_s[3];
	size_t first_sample[3];
	struct jm_timeline timeline;
	struct jm_result r;
};

static void make(struct fixture *f)
{
	static const enum jm_domain domains[] = {JM_DOMAIN_PACKAGE, JM_DOMAIN_DRAM, JM_DOMAIN_GPU};
	size_t i;

	memset(f, 0, sizeof(*f));
	f->processes[0] = (struct jm_process){.id = 0, .pid = 42, .name = "a"};
	f->processes[1] = (struct jm_process){.id = 1, .pid = 43, .name = "b"};
	f->last_ns[0] = f->last_ns[1] = INT64_MAX;
	f->steps[0] = (struct jm_process_step){.t_ns = 0, .used_bytes = 1000};
	f->steps[1] = (struct jm_process_step){.t_ns = S, .used_bytes = 1000};
	f->samples[0] = (struct jm_process_sample){0, 0, 0, 300};
	f->samples[1] = (struct jm_process_sample){1, 0, 0, 200};
	f->samples[2] = (struct jm_process_sample){0, S / 2, 0, 300};
	f->sample_steps[2] = 1;
	f->memory[0] = (struct jm_process_memory){0, S / 2, 250, 100};
	f->gpu[0] = (struct jm_process_gpu){.process = 0, .n = 1, .t_ns = S / 2, .sm_ppm = 600000, .used_bytes = 77};
	f->gpu[1] = (struct jm_process_gpu){
	    .process = JM_PROCESS_OTHERS, .n = 1, .t_ns = S / 2, .sm_ppm = 200000, .used_bytes = -1};
	f->log = (struct jm_process_log){.processes = f->processes,
					 .last_ns = f->last_ns,
					 .n_processes = 2,
					 .steps = f->steps,
					 .n_steps = 2,
					 .samples = f->samples,
					 .sample_steps = f->sample_steps,
					 .n_samples = 3,
					 .memory = f->memory,
					 .n_memory = 1,
					 .gpu = f->gpu,
					 .n_gpu = 2};
	for (i = 0; i < 3; i++) {
		jm_channel_init(&f->channels[i], "x");
		f->channels[i].domain = domains[i];
		f->results[i].channel = &f->channels[i];
		f->results[i].idle_power_w = i == 2 ? 20 : NAN;
	}
	f->power_w[0] = 30;
	f->power_w[1] = 4;
	f->power_w[2] = 100;
	f->busy_s[0] = 1;
	f->done_s[2] = 0.5;
	f->first_sample[1] = 2;
	f->first_sample[2] = 3;
	f->timeline = (struct jm_timeline){.log = &f->log,
					   .n = 1,
					   .n_channels = 3,
					   .power_w = f->power_w,
					   .busy_s = f->busy_s,
					   .done_s = f->done_s,
					   .first_sample = f->first_sample,
					   .has_wall_clock = true,
					   .wall_minus_monotonic_ns = INT64_C(1893456000000000000) - S / 2};
	f->r = (struct jm_result){.channels = f->results, .n_channels = 3, .timeline = &f->timeline};
}

static char *write(const struct fixture *f)
{
	static struct jm_buffer b;
	struct jm_view view = {0};

	jm_buffer_finish(&b);
	b = (struct jm_buffer){0};
	assert_int_equal(jm_exporter_find("aipowermeter")->write(&f->r, &view, &b, NULL), 0);
	return jm_buffer_terminate(&b);
}

static void has(const char *text, const char *part)
{
	if (!strstr(text, part)) {
		print_error("no %s in\n%s\n", part, text);
		fail();
	}
}

static void a_record_has_the_keys_of_both_generations(void **state)
{
	struct fixture f;
	const char *text;

	(void)state;
	make(&f);
	text = write(&f);
	has(text, "{\"date\": \"2030-01-01 00:00:00.500000\", \"metrics\": {\"cpu\": {");
	has(text, "\"per_process_cpu_uses\": {\"42\": 0.5, \"43\": 0.0}");
	has(text, "\"absolute_cpu_time_per_pid\": {\"42\": 0.5, \"43\": 0.0}");
	has(text, "\"per_process_mem_use_abs\": {\"42\": 250.0, \"43\": 200.0}");
	has(text, "\"per_process_mem_use_percent\": {\"42\": 0.25, \"43\": 0.2}");
	has(text, "\"per_process_mem_use_uss\": {\"42\": 100.0}");
	has(text, "\"total_mem_use\": 1000.0");
	has(text, "\"intel_power\": 30.0");
	has(text, "\"rel_intel_power\": {\"42\": 15.0, \"43\": 0.0}");
	has(text, "\"total_dram_power\": 4.0");
	has(text, "\"per_process_dram_power\": {\"42\": 1.0, \"43\": 0.8}");
	has(text, "\"nvidia_power\": 100.0");
	has(text, "\"per_gpu_nvidia_power\": {\"0\": 100.0}");
	has(text, "\"nvidia_draw_absolute\": 100.0");
	has(text, "\"per_gpu_per_pid_utilization_absolute\": {\"0\": {\"42\": 0.6}}");
	has(text, "\"per_gpu_attributable_mem_use\": {\"0\": {\"42\": 77.0}}");
	has(text, "\"per_gpu_attributable_power\": {\"0\": {\"42\": 60.0, \"all\": 60.0}}");
	has(text, "\"nvidia_use_rate\": 80.0");
	has(text, "\"per_gpu_nvidia_use_rate\": {\"0\": 80.0}");
	has(text, "\"per_gpu_nvidia_memory\": {\"0\": 77.0}");
	has(text, "\"per_gpu_absolute_percent_usage\": {\"0\": 0.6}");
	has(text, "\"per_gpu_estimated_attributable_utilization\": {\"0\": 0.75}");
	has(text, "\n\"END OF RECORDING SEGMENT\"\n");
}

static void what_is_not_known_is_absent(void **state)
{
	struct fixture f;
	const char *text;

	(void)state;
	make(&f);
	f.power_w[0] = f.power_w[2] = NAN;
	f.busy_s[0] = NAN;
	f.steps[1].used_bytes = -1;
	text = write(&f);
	has(text, "\"per_process_cpu_uses\": {}");
	assert_null(strstr(text, "-1"));
	assert_null(strstr(text, "null"));
	assert_null(strstr(text, "psys_power"));
	assert_null(strstr(text, "intel_power"));
	assert_null(strstr(text, "total_cpu_power"));
	assert_null(strstr(text, "nvidia"));
	assert_null(strstr(text, "total_mem_use"));
}

static void without_processes_there_are_no_records(void **state)
{
	struct jm_result r = {0};
	struct jm_buffer b = {0};
	struct jm_view view = {0};
	struct jm_error err;

	(void)state;
	assert_int_equal(jm_exporter_find("aipowermeter")->write(&r, &view, &b, &err), JM_E_NOT_FOUND);
	assert_non_null(strstr(err.message, "no processes"));
	jm_buffer_finish(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_record_has_the_keys_of_both_generations),
	    cmocka_unit_test(what_is_not_known_is_absent),
	    cmocka_unit_test(without_processes_there_are_no_records),
	};

	setenv("TZ", "UTC", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
