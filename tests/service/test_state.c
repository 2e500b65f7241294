#include "service/state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/error.h"

#define S INT64_C(1000000000)

static char folder[] = "/tmp/jm-state-XXXXXX";

/* Every process takes 10 W of the processor, of 100 W of the machine; sums of a service begin at 0. */
struct world {
	int64_t now_ns, born_ns;
	struct jm_measurements *all;
	struct jm_state *state;
	char log[8][300];
	size_t n_logs;
};

static void refresh(void *ctx)
{
	(void)ctx;
}

static int watch(void *ctx, int64_t pid, uint32_t *id, struct jm_error *err)
{
	(void)ctx;
	(void)err;
	*id = (uint32_t)pid;
	return 0;
}

static void unwatch(void *ctx, uint32_t id)
{
	(void)ctx;
	(void)id;
}

static void fill(const struct world *w, struct jm_moment *m, double watts)
{
	double seconds = (double)(w->now_ns - w->born_ns) * 1e-9;

	memset(m, 0, sizeof(*m));
	m->t_ns = m->realtime_ns = w->now_ns;
	m->cpu_s = seconds;
	m->devices[JM_DEVICE_CPU] = (struct jm_device_sum){.is_known = true,
							   .energy_j = watts * seconds,
							   .machine_j = 100 * seconds,
							   .idle_j = 30 * seconds,
							   .seen_s = seconds,
							   .low_j = NAN,
							   .high_j = NAN};
}

static void process(void *ctx, uint32_t id, struct jm_moment *out)
{
	(void)id;
	fill(ctx, out, 10);
}

static void machine(void *ctx, struct jm_moment *out)
{
	fill(ctx, out, 100);
}

static const char *name(void *ctx, uint32_t id)
{
	(void)ctx;
	(void)id;
	return "a \"program\"";
}

static void log_line(void *ctx, const char *text)
{
	struct world *w = ctx;

	snprintf(w->log[w->n_logs++ % 8], sizeof(w->log[0]), "%s", text);
}

static void begin(struct world *w, int64_t now_ns)
{
	struct jm_measure_world world = {refresh, watch, unwatch, process, machine, name, w, NULL};
	struct jm_measure_limits limits = {0};

	memset(w, 0, sizeof(*w));
	w->now_ns = w->born_ns = now_ns;
	assert_int_equal(jm_measurements_create(&world, &limits, &w->all, NULL), 0);
	assert_int_equal(jm_state_open(folder, w->all, now_ns, log_line, w, &w->state, NULL), 0);
}

static void copy(const char *from, const char *to)
{
	char command[300];

	snprintf(command, sizeof(command), "cp %s/%s %s/%s", folder, from, folder, to);
	assert_int_equal(system(command), 0);
}

static void end(struct world *w)
{
	jm_measurements_stop_all(w->all, w->now_ns);
	jm_state_close(w->state);
	jm_measurements_destroy(w->all);
}

static uint64_t add(struct world *w, const int64_t *pids, size_t n, int64_t duration_ns)
{
	struct jm_measure_request r = {.pids = pids, .n_pids = n, .duration_ns = duration_ns, .label = "event"};
	uint64_t id;

	assert_int_equal(jm_measurements_add(w->all, &r, w->now_ns, w->now_ns, &id, NULL), 0);
	return id;
}

static void pass(struct world *w, int64_t ns)
{
	w->now_ns += ns;
	jm_measurements_tick(w->all, w->now_ns);
	jm_state_work(w->state, w->now_ns);
}

/* A service measures, writes its state, and is gone; another one begins. */
static void change_service(struct world *w, int64_t pause_ns)
{
	int64_t now_ns = w->now_ns;

	copy("state.json", "kept.json");
	end(w);
	copy("kept.json", "state.json");
	begin(w, now_ns + pause_ns);
}

static struct jm_measure_result result(const struct jm_measurement *m, size_t part)
{
	return jm_measure_between(&m->parts[part].first, &m->parts[part].last, JM_DEVICE_CPU);
}

static void a_measurement_goes_on_with_what_it_had(void **state)
{
	int64_t pid = getpid();
	const struct jm_measurement *m;
	struct world w;

	(void)state;
	begin(&w, 1000 * S);
	add(&w, &pid, 1, 0);
	jm_measurements_set_recording(w.all, 1, "measurement-x.jmap");
	pass(&w, 10 * S);
	change_service(&w, 60 * S);
	assert_non_null(strstr(w.log[0], "measurement 1 goes on"));
	assert_non_null(strstr(w.log[0], "measurement-x.jmap"));
	pass(&w, 5 * S);
	m = jm_measurements_get(w.all, 1);
	assert_non_null(m);
	assert_int_equal(m->state, JM_MEASURE_RUNNING);
	assert_int_equal(m->n_pauses, 1);
	assert_string_equal(m->label, "event");
	assert_string_equal(m->recording, "");
	assert_string_equal(m->parts[0].name, "a \"program\"");
	/* 10 s before, 5 s behind; the minute between is in no sum. */
	assert_true(fabs(result(m, 0).energy_j - 150) < 1e-6);
	assert_true(fabs(result(m, 0).seen_s - 15) < 1e-6);
	assert_true(fabs(m->parts[0].last.cpu_s - m->parts[0].first.cpu_s - 15) < 1e-6);
	assert_true(m->parts[0].last.t_ns - m->parts[0].first.t_ns == 75 * S);
	assert_true(fabs(jm_measure_between(&m->machine_first, &m->machine_last, JM_DEVICE_CPU).energy_j - 1500) <
		    1e-6);
	/* Numbers go on, too; and a second time. */
	assert_int_equal(add(&w, &pid, 1, 0), 2);
	pass(&w, 10 * S);
	change_service(&w, S);
	pass(&w, S);
	assert_int_equal(jm_measurements_n_active(w.all), 2);
	m = jm_measurements_get(w.all, 1);
	assert_int_equal(m->n_pauses, 2);
	assert_true(fabs(result(m, 0).energy_j - 260) < 1e-6);
	end(&w);
	/* What was ended orderly does not go on. */
	begin(&w, w.now_ns + S);
	assert_int_equal(jm_measurements_n(w.all), 0);
	assert_int_equal(w.n_logs, 0);
	assert_int_equal(add(&w, &pid, 1, 0), 3);
	end(&w);
}

static void what_ended_meanwhile_has_ended(void **state)
{
	int64_t pids[2] = {getpid(), fork()};
	const struct jm_measurement *m;
	uint64_t both, brief;
	struct world w;

	(void)state;
	if (pids[1] == 0)
		_exit(0);
	begin(&w, 1000 * S);
	both = add(&w, pids, 2, 0);
	brief = add(&w, pids, 1, 30 * S);
	pass(&w, 10 * S);
	waitpid((pid_t)pids[1], NULL, 0);
	change_service(&w, 60 * S);
	m = jm_measurements_get(w.all, both);
	assert_int_equal(m->parts[0].state, JM_MEASURE_RUNNING);
	assert_int_equal(m->parts[1].state, JM_MEASURE_GONE);
	assert_non_null(strstr(m->parts[1].reason, "while the service was down"));
	m = jm_measurements_get(w.all, brief);
	assert_int_equal(m->state, JM_MEASURE_DONE);
	assert_true(fabs(result(m, 0).energy_j - 100) < 1e-6);
	assert_non_null(strstr(m->parts[0].reason, "before the service was back"));
	end(&w);
}

static void of_another_boot_nothing_goes_on(void **state)
{
	int64_t pid = getpid();
	char command[300];
	struct world w;
	uint64_t id;

	(void)state;
	begin(&w, 1000 * S);
	id = add(&w, &pid, 1, 0);
	pass(&w, 10 * S);
	snprintf(command, sizeof(command), "sed -i 's/\"boot\":\"[^\"]*\"/\"boot\":\"another\"/' %s/state.json",
		 folder);
	assert_int_equal(system(command), 0);
	change_service(&w, S);
	assert_int_equal(jm_measurements_n(w.all), 0);
	assert_non_null(strstr(w.log[0], "1 measurements were under way when the machine went down"));
	assert_int_equal(add(&w, &pid, 1, 0), id + 1);
	end(&w);
}

static void a_damaged_state_is_said_and_left_aside(void **state)
{
	static const char *const damaged[] = {
	    "", "{", "[1]", "{\"joulemap_state\":9}",
	    "{\"joulemap_state\":1,\"boot\":\"b\",\"next_id\":1,\"measurements\":[[1"};
	char path[100];
	struct world w;
	size_t i;
	FILE *f;

	(void)state;
	for (i = 0; i < sizeof(damaged) / sizeof(damaged[0]); i++) {
		snprintf(path, sizeof(path), "%s/state.json", folder);
		f = fopen(path, "w");
		assert_non_null(f);
		fputs(damaged[i], f);
		fclose(f);
		begin(&w, 1000 * S);
		assert_int_equal(jm_measurements_n(w.all), 0);
		assert_non_null(strstr(w.log[0], "cannot be read"));
		end(&w);
	}
}

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	char command[100];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", folder);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_measurement_goes_on_with_what_it_had),
	    cmocka_unit_test(what_ended_meanwhile_has_ended),
	    cmocka_unit_test(of_another_boot_nothing_goes_on),
	    cmocka_unit_test(a_damaged_state_is_said_and_left_aside),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
