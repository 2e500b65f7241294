#include "service/outputs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>

#include "core/json.h"
#include "support/tree.h"

#define START_NS (INT64_C(1893456001) * 1000000000) /* 2030-01-01 00:00:01 */

/* Two processes of one measurement; moments are made by hand. */
struct stage {
	struct tree tree;
	char folder[300];
	struct jm_outputs *o;
	struct jm_measure_listener listener;
	struct jm_measurement m;
	struct jm_measure_part parts[2];
	struct jm_moment machine;
	int n_logs;
};

static void on_log(void *ctx, const char *text)
{
	(void)text;
	++*(int *)ctx;
}

static void open_outputs(struct stage *s)
{
	struct jm_error err;

	snprintf(s->folder, sizeof(s->folder), "%s/logs", s->tree.root);
	if (jm_outputs_open(s->folder, START_NS, on_log, &s->n_logs, &s->o, &err) != 0)
		fail_msg("%s", err.message);
	s->listener = jm_outputs_listener(s->o);
}

static void begin(struct stage *s)
{
	size_t i;
	int d;

	memset(s, 0, sizeof(*s));
	tree_create(&s->tree);
	open_outputs(s);
	s->m.parts = s->parts;
	s->m.n_parts = 2;
	s->m.devices = JM_DEVICE_ALL;
	for (i = 0; i < 2; i++) {
		s->parts[i].pid = 4242 + (int64_t)i;
		strcpy(s->parts[i].name, i ? "bash" : "/usr/bin/python3 /app/image_scoring_plugin.py --fast");
		s->parts[i].last.t_ns = 1000000000;
		s->parts[i].last.realtime_ns = START_NS;
		s->parts[i].last.devices[JM_DEVICE_CPU].is_known = true;
		s->parts[i].first = s->parts[i].last;
	}
	s->machine = s->parts[0].last;
	for (d = 0; d < JM_N_DEVICES; d++)
		s->machine.devices[d].is_known = true;
	jm_outputs_machine(s->o, &s->machine);
}

static void end(struct stage *s)
{
	jm_outputs_close(s->o, START_NS);
	tree_remove(&s->tree);
}

/* dt_s later each process took so many W, and the machine's GPU 50 W. */
static void tick(struct stage *s, double dt_s, double realtime_dt_s, double first_w, double second_w)
{
	double watts[2] = {first_w, second_w};
	size_t i;

	for (i = 0; i < 2; i++) {
		struct jm_measure_part *p = &s->parts[i];

		p->previous = p->last;
		p->last.t_ns += (int64_t)(dt_s * 1e9);
		p->last.realtime_ns += (int64_t)(realtime_dt_s * 1e9);
		p->last.devices[JM_DEVICE_CPU].energy_j += watts[i] * dt_s;
		p->last.devices[JM_DEVICE_CPU].seen_s += dt_s;
		s->listener.tell(s->listener.ctx, JM_MEASURE_SAMPLED, &s->m, p);
	}
	s->machine.t_ns = s->parts[0].last.t_ns;
	s->machine.devices[JM_DEVICE_GPU].energy_j += 50 * dt_s;
	s->machine.devices[JM_DEVICE_GPU].seen_s += dt_s;
	jm_outputs_machine(s->o, &s->machine);
}

#define A_SECOND INT64_C(1000000000)

static void flush(struct stage *s, int64_t now_ns)
{
	s->listener.tell(s->listener.ctx, JM_MEASURE_ENDED, &s->m, NULL);
	jm_outputs_work(s->o, now_ns, START_NS + 5);
}

static char text[1 << 20];

/* Reads a file that must be one JSON document without a key twice; gives the number of tokens of depth 1. */
static size_t read_json(struct stage *s, const char *name)
{
	static char keys[4096][40];
	char path[400];
	struct jm_json_token token;
	struct jm_json *json;
	struct jm_error err;
	size_t n, n_keys = 0, n_entries = 0, i;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", s->folder, name);
	f = fopen(path, "rb");
	if (!f)
		fail_msg("cannot open %s", path);
	n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = '\0';
	assert_int_equal(jm_json_open(path, text, n, &json, &err), 0);
	do {
		if (jm_json_next(json, &token, &err) != 0)
			fail_msg("%s", err.message);
		if (token.depth == 1 && token.type == JM_JSON_KEY) {
			for (i = 0; i < n_keys; i++)
				assert_false(jm_json_is(&token, keys[i]));
			snprintf(keys[n_keys++ % 4096], 40, "%.*s", (int)token.n, token.text);
		}
		n_entries += token.depth == 1 && (token.type == JM_JSON_KEY || token.type == JM_JSON_OBJECT);
	} while (token.type != JM_JSON_END);
	jm_json_close(json);
	return n_entries;
}

static void files_are_valid_from_their_first_moment(void **state)
{
	static const char *const names[] = {"CPU.json",
					    "GPU.json",
					    "DRAM.json",
					    "cpu.json",
					    "gpu.json",
					    "dram.json",
					    "metadata_2030-01-0100:00:01.000000.json"};
	struct stage s;
	size_t i;

	(void)state;
	begin(&s);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		read_json(&s, names[i]);
	assert_int_equal(read_json(&s, "power_summary_report.json"), 2);
	end(&s);
}

static void readings_are_written_in_both_forms(void **state)
{
	struct stage s;

	(void)state;
	begin(&s);
	tick(&s, 0.1, 0.1, 3.2, 0.5);
	flush(&s, A_SECOND);
	assert_int_equal(read_json(&s, "CPU.json"), 2);
	assert_non_null(strstr(text, "\"2030-01-01 00:00:01.100000\": [3.2, \"4242\", \"python3\"]"));
	assert_non_null(strstr(text, "\"2030-01-01 00:00:01.100001\": [0.5, \"4243\", \"bash\"]"));
	assert_int_equal(read_json(&s, "cpu.json"), 1);
	assert_non_null(strstr(text, "{\"2030-01-01 00:00:01.100000\": [[\"3.2\", \"4242\"], [\"0.5\", \"4243\"]]}"));
	assert_int_equal(read_json(&s, "GPU.json"), 1);
	assert_non_null(strstr(text, "\"2030-01-01 00:00:01.100000\": 50\n"));
	assert_int_equal(read_json(&s, "gpu.json"), 0); /* not known of a process: nothing, not 0 */
	end(&s);
}

static void sub_second_readings_do_not_collide(void **state)
{
	struct stage s;
	int i;

	(void)state;
	begin(&s);
	for (i = 0; i < 50; i++) {
		tick(&s, 0.001, 0.001, 1, 2);
		if (i % 7 == 0)
			flush(&s, A_SECOND * (i + 1));
	}
	flush(&s, A_SECOND * 1000);
	assert_int_equal(read_json(&s, "CPU.json"), 100);
	assert_int_equal(read_json(&s, "cpu.json"), 50);
	end(&s);
}

static void a_clock_set_back_loses_no_reading(void **state)
{
	struct stage s;

	(void)state;
	begin(&s);
	tick(&s, 0.1, 0.1, 1, 2);
	tick(&s, 0.1, -3600, 1, 2);
	tick(&s, 0.1, 0.1, 1, 2);
	tick(&s, 0.1, 7200, 1, 2);
	flush(&s, A_SECOND);
	assert_int_equal(read_json(&s, "CPU.json"), 8);
	assert_non_null(strstr(text, "\"2030-01-01 00:00:01.200002\""));
	assert_non_null(strstr(text, "\"2030-01-01 01:00:01.200000\""));
	end(&s);
}

static void two_requests_for_a_process_give_one_reading_a_tick(void **state)
{
	struct stage s;
	struct jm_measurement other;

	(void)state;
	begin(&s);
	tick(&s, 0.1, 0.1, 4, 2);
	other = s.m;
	other.id = 2;
	s.listener.tell(s.listener.ctx, JM_MEASURE_SAMPLED, &other, &s.parts[0]);
	flush(&s, A_SECOND);
	assert_int_equal(read_json(&s, "CPU.json"), 2);
	read_json(&s, "power_summary_report.json");
	assert_non_null(strstr(text, "\"cpu_energy_j\": 0.4"));
	end(&s);
}

static void the_summary_has_means_energies_and_reasons(void **state)
{
	struct stage s;

	(void)state;
	begin(&s);
	tick(&s, 1, 1, 3, 1);
	tick(&s, 1, 1, 5, 1);
	flush(&s, A_SECOND);
	read_json(&s, "power_summary_report.json");
	assert_non_null(strstr(text, "{\"plugin\": \"image_scoring_plugin\", \"cpu_power_consumption\": 4.0, "
				     "\"cpu_energy_j\": 8.0, \"cpu_state\": \"measured\", "
				     "\"gpu_power_consumption\": null, \"gpu_energy_j\": null, "
				     "\"gpu_state\": \"unavailable\""));
	assert_non_null(strstr(text, "{\"pid\": 4242, \"plugin_name\": \"image_scoring_plugin\", "
				     "\"start_time\": \"2030-01-01 00:00:01.000000\", "
				     "\"end_time\": \"2030-01-01 00:00:03.000000\", \"cpu_power_consumption\": 4.0"));
	read_json(&s, "metadata_2030-01-0100:00:01.000000.json");
	assert_non_null(strstr(text, "\"pids\": [4242], \"devices_measured\": [\"cpu\", \"gpu\", \"dram\"]"));
	end(&s);
}

/* As a kill leaves it: no last flush, no closing. */
static void a_kill_leaves_valid_files_and_the_next_start_keeps_them(void **state)
{
	struct stage s;
	struct jm_outputs *killed;
	size_t n_kept = 0;
	struct dirent *entry;
	DIR *d;

	(void)state;
	begin(&s);
	tick(&s, 0.1, 0.1, 1, 2);
	flush(&s, A_SECOND);
	tick(&s, 0.1, 0.1, 1, 2);
	killed = s.o;
	assert_int_equal(read_json(&s, "CPU.json"), 2);
	open_outputs(&s);
	assert_int_equal(read_json(&s, "CPU.json"), 0);
	d = opendir(s.folder);
	while ((entry = readdir(d)))
		n_kept += strncmp(entry->d_name, "CPU-20", 6) == 0 && read_json(&s, entry->d_name) == 2;
	closedir(d);
	assert_int_equal(n_kept, 1);
	jm_outputs_close(s.o, START_NS);
	s.o = killed;
	end(&s);
}

/* A file size limit stands in for a full disk: writes fail alike. */
static void a_full_disk_is_survived_and_made_up_for(void **state)
{
	struct rlimit old, full;
	struct stage s;
	int i;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	begin(&s);
	tick(&s, 0.1, 0.1, 1, 2);
	flush(&s, A_SECOND);
	full = old;
	full.rlim_cur = 1000;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &full), 0);
	for (i = 0; i < 20; i++) {
		tick(&s, 0.1, 0.1, 1, 2);
		flush(&s, INT64_C(1100000000) * (i + 1));
		assert_true(read_json(&s, "CPU.json") >= 2);
	}
	assert_int_equal(s.n_logs, 1);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	flush(&s, INT64_C(1100000000) * 40);
	assert_int_equal(s.n_logs, 2); /* that it goes on */
	assert_int_equal(read_json(&s, "CPU.json"), 42);
	end(&s);
}

static void a_folder_that_cannot_be_made_is_an_error_with_a_remedy(void **state)
{
	struct jm_outputs *o;
	struct jm_error err;

	(void)state;
	assert_true(jm_outputs_open("/proc/no/such", START_NS, NULL, NULL, &o, &err) < 0);
	assert_true(err.remedy[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(files_are_valid_from_their_first_moment),
	    cmocka_unit_test(readings_are_written_in_both_forms),
	    cmocka_unit_test(sub_second_readings_do_not_collide),
	    cmocka_unit_test(a_clock_set_back_loses_no_reading),
	    cmocka_unit_test(two_requests_for_a_process_give_one_reading_a_tick),
	    cmocka_unit_test(the_summary_has_means_energies_and_reasons),
	    cmocka_unit_test(a_kill_leaves_valid_files_and_the_next_start_keeps_them),
	    cmocka_unit_test(a_full_disk_is_survived_and_made_up_for),
	    cmocka_unit_test(a_folder_that_cannot_be_made_is_an_error_with_a_remedy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
