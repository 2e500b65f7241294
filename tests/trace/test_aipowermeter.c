#define _GNU_SOURCE
#include "trace/collect.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define EPOCH INT64_C(1893456000000000000) /* 2030-01-01 */

/* Each text is refused with the file and the line (or the byte) named. */
static void refuse_all(const char *importer, const char *const *texts, size_t n)
{
	struct jm_error err;
	struct collected c;
	size_t i;

	for (i = 0; i < n; i++) {
		memset(&err, 0, sizeof(err));
		assert_int_equal(collect_text(&c, importer, "bad", texts[i], strlen(texts[i]), &err), JM_E_FORMAT);
		assert_memory_equal(err.message, "bad:", 4);
		assert_int_equal(c.n_spans, 0);
		collect_finish(&c);
	}
}

static void both_generations_and_a_torn_end_are_read(void **state)
{
	struct jm_error err = {0};
	struct collected c;
	size_t i;

	(void)state;
	assert_int_equal(collect_fixture(&c, "power_metrics.json", &err), 0);
	assert_int_equal(c.clock, JM_TRACE_CLOCK_LOCAL);
	assert_int_equal(c.n_channels, 5); /* psys was never there */
	assert_string_equal(c.channels[0].name, "import/aipowermeter/package");
	assert_int_equal(c.channels[0].part_of, -1);
	assert_string_equal(c.channels[1].name, "import/aipowermeter/core");
	assert_int_equal(c.channels[1].part_of, 0);
	assert_string_equal(c.channels[2].name, "import/aipowermeter/uncore");
	assert_string_equal(c.channels[3].name, "import/aipowermeter/gpu");
	assert_string_equal(c.channels[4].name, "import/aipowermeter/gpu-0");
	assert_int_equal(c.channels[4].part_of, 3);
	assert_int_equal(c.n_samples, 9);
	assert_true(c.samples[0].t_ns == EPOCH + 500000000 && c.samples[0].value == 20000000);
	assert_true(c.samples[2].value == 250000);
	for (i = 5; i < 9; i++)
		assert_true(c.samples[i].t_ns == EPOCH + INT64_C(2000000000));
	assert_int_equal(c.samples[6].status, JM_SAMPLE_GAP);
	assert_true(c.samples[8].value == 70500000);
	assert_non_null(strstr(c.warnings, "power_metrics.json:4: the last line is torn"));
	assert_non_null(strstr(c.meta, "recording_segments=1\n"));
	collect_finish(&c);
}

static const struct jm_process_sample *sample_of(const struct collected *c, uint32_t step, int64_t pid)
{
	size_t i;

	for (i = 0; i < c->processes.n_samples; i++)
		if (c->processes.sample_steps[i] == step &&
		    c->processes.processes[c->processes.samples[i].process].pid == pid)
			return &c->processes.samples[i];
	return NULL;
}

#define RECORD(second, cpu, gpu)                                                                                       \
	"{\"date\": \"2030-01-01 00:00:0" second "\", \"metrics\": {\"cpu\": {" cpu "}, \"gpu\": {" gpu "}}}\n"

/* The older generation has shares and no times. */
static void shares_of_processes_become_a_log(void **state)
{
	static const char text[] = RECORD("0", "\"per_process_cpu_uses\": {\"42\": 0.5}, \"intel_power\": 9", "")
	    RECORD("2",
		   "\"per_process_cpu_uses\": {\"42\": 0.25, \"43\": 0.5}, \"per_process_mem_use_abs\": {\"42\": 300},"
		   "\"per_process_mem_use_percent\": {\"42\": 0.1}, \"per_process_mem_use_uss\": {\"42\": 200}",
		   "\"per_gpu_per_pid_utilization_absolute\": {\"0\": {}, \"1\": {\"42\": 0.3, \"99\": 0.1}},"
		   "\"per_gpu_attributable_mem_use\": {\"1\": {\"42\": 77, \"43\": null}}")
		RECORD(
		    "3", "\"per_process_cpu_uses\": {\"43\": 0.75, \"44\": 0.75}",
		    "") "\"END OF RECORDING SEGMENT\"\n" RECORD("5", "\"per_process_cpu_uses\": {\"43\": 1}",
								"") "{\"date\": \"2030-01-01 00:00:06\", \"metrics\": "
								    "{\"cpu\": {\"per_process_cpu_uses\": {\"43\": 0.5";
	struct jm_error err = {0};
	struct jm_process_log *log;
	struct collected c;

	(void)state;
	assert_int_equal(collect_text(&c, NULL, "power_metrics.json", text, strlen(text), &err), 0);
	log = &c.processes;
	assert_true(log->are_shares);
	assert_int_equal(log->n_steps, 4); /* the torn one is none */
	assert_int_equal(log->n_processes, 3);
	assert_true(log->steps[1].t_ns == EPOCH + INT64_C(2000000000));
	/* Nobody knows when the first record of a segment began. */
	assert_false(log->steps[0].is_busy_known);
	assert_false(log->steps[3].is_busy_known);
	assert_true(log->steps[1].is_busy_known && log->steps[1].busy_ns == INT64_C(2000000000));
	assert_true(log->steps[1].used_bytes == 3000 && log->steps[2].used_bytes == -1);
	assert_true(sample_of(&c, 0, 42)->cpu_ns == 0);
	assert_true(sample_of(&c, 1, 42)->cpu_ns == 500000000 && sample_of(&c, 1, 42)->rss_bytes == 300);
	assert_true(sample_of(&c, 1, 43)->cpu_ns == 1000000000 && sample_of(&c, 1, 43)->rss_bytes == -1);
	assert_true(sample_of(&c, 2, 43)->cpu_ns == 1750000000);
	assert_null(sample_of(&c, 2, 42));
	assert_true(log->last_ns[0] == log->steps[1].t_ns + 1);
	assert_true(log->last_ns[1] == INT64_MAX);
	assert_int_equal(log->n_memory, 1);
	assert_true(log->memory[0].pss_bytes == 300 && log->memory[0].uss_bytes == 200);
	/* GPU 0: nobody; GPU 1: ours, and all others together. */
	assert_int_equal(log->n_gpu, 3);
	assert_true(log->gpu[0].gpu == 0 && log->gpu[0].process == JM_PROCESS_OTHERS && log->gpu[0].sm_ppm == 0);
	assert_true(log->gpu[1].gpu == 1 && log->gpu[1].process == 0 && log->gpu[1].sm_ppm == 300000);
	assert_true(log->gpu[1].used_bytes == 77 && log->gpu[1].memory_ppm == -1);
	assert_true(log->gpu[2].process == JM_PROCESS_OTHERS && log->gpu[2].sm_ppm == 100000 && log->gpu[2].n == 1);
	assert_non_null(strstr(c.warnings, "more than one in 1 records"));
	assert_non_null(strstr(c.meta, "process_times=shares\n"));
	collect_finish(&c);
}

/* The newer one has times, too: they stand, and with the shares they say what all took. */
static void times_of_processes_are_kept(void **state)
{
	static const char text[] =
	    RECORD("0", "\"per_process_cpu_uses\": {\"42\": 0}, \"absolute_cpu_time_per_pid\": {\"42\": 0}", "")
		RECORD("1",
		       "\"per_process_cpu_uses\": {\"42\": 0.25}, \"absolute_cpu_time_per_pid\": {\"42\": 0.5},"
		       "\"total_mem_use\": 4096",
		       "")
		    RECORD("2", "\"per_process_cpu_uses\": {\"42\": 0.0}, \"absolute_cpu_time_per_pid\": {\"42\": 0.0}",
			   "");
	struct jm_error err = {0};
	struct collected c;

	(void)state;
	assert_int_equal(collect_text(&c, NULL, "power_metrics.json", text, strlen(text), &err), 0);
	assert_false(c.processes.are_shares);
	assert_true(sample_of(&c, 1, 42)->cpu_ns == 500000000);
	assert_true(c.processes.steps[1].busy_ns == 2000000000);
	assert_true(c.processes.steps[1].used_bytes == 4096);
	assert_true(c.processes.steps[2].is_busy_known && c.processes.steps[2].busy_ns == 0);
	collect_finish(&c);
}

/* A logger that is killed leaves half a line, wherever it was: behind "0." the number is torn, too. */
static void a_line_torn_anywhere_is_left_out(void **state)
{
	static const char text[] =
	    "{\"date\": \"2030-01-01 00:00:00\", \"metrics\": {\"cpu\": {\"intel_power\": 20.0}}}\n"
	    "{\"date\": \"2030-01-01 00:00:01\", \"metrics\": {\"cpu\": {\"per_process_cpu_uses\": {\"1\": -0.5e-1, "
	    "\"2\": null},"
	    " \"intel_power\": 21.5}}}\n";
	size_t first = (size_t)(strchr(text, '\n') - text) + 1, n;
	struct jm_error err = {0};
	struct collected c;

	(void)state;
	for (n = first + 1; n < sizeof(text) - 3; n++) {
		if (collect_text(&c, "aipowermeter", "torn", text, n, &err))
			fail_msg("cut at %zu: %s", n, err.message);
		assert_int_equal(c.n_samples, 1);
		assert_non_null(strstr(c.warnings, "the last line is torn"));
		collect_finish(&c);
	}
}

static void bad_files_are_refused_with_their_place(void **state)
{
	static const char *const bad[] = {
	    "{\"date\": \"x\"}\n",
	    "{\"metrics\": {}}\n",
	    "{\"date\": \"2030-01-01 00:00:00\", \"metrics\": 1}\n",
	    "{\"date\": \"2030-01-01 00:00:00\", \"metrics\": {\"cpu\": {\"intel_power\": \"x\"}}}\n",
	    "{\"date\": \"2030-01-01 00:00:00\"\n",
	    "3\n"};

	(void)state;
	refuse_all("aipowermeter", bad, sizeof(bad) / sizeof(bad[0]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(both_generations_and_a_torn_end_are_read),
	    cmocka_unit_test(shares_of_processes_become_a_log),
	    cmocka_unit_test(times_of_processes_are_kept),
	    cmocka_unit_test(a_line_torn_anywhere_is_left_out),
	    cmocka_unit_test(bad_files_are_refused_with_their_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
