#include "service/measurement.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"

#define S INT64_C(1000000000)

/* Processes 1 to 99 are there; each takes its number in watts of the processor, estimated to within half and double. */
struct world {
	int64_t now_ns;
	int n_watchers[100];
	bool is_gone[100];
	int64_t gone_ns[100];
	int n_refreshes;
	int n_events[5];
	struct jm_measurements *all;
};

static void refresh(void *ctx)
{
	((struct world *)ctx)->n_refreshes++;
}

static int watch(void *ctx, int64_t pid, uint32_t *id, struct jm_error *err)
{
	struct world *w = ctx;

	if (pid >= 100 || w->is_gone[pid])
		return jm_error_set(err, JM_E_NOT_FOUND, "there is no process %lld", (long long)pid);
	w->n_watchers[pid]++;
	*id = (uint32_t)pid;
	return 0;
}

static void unwatch(void *ctx, uint32_t id)
{
	struct world *w = ctx;

	assert_true(w->n_watchers[id] > 0);
	w->n_watchers[id]--;
}

static void fill(struct jm_moment *m, int64_t now_ns, double watts)
{
	double seconds = (double)now_ns * 1e-9;

	memset(m, 0, sizeof(*m));
	m->t_ns = m->realtime_ns = now_ns;
	m->cpu_s = seconds;
	m->devices[JM_DEVICE_CPU] = (struct jm_device_sum){.is_known = true,
							   .energy_j = watts * seconds,
							   .machine_j = 100 * seconds,
							   .seen_s = seconds,
							   .low_j = 50 * seconds,
							   .high_j = 200 * seconds};
}

static void process(void *ctx, uint32_t id, struct jm_moment *out)
{
	struct world *w = ctx;

	assert_true(w->n_watchers[id] > 0);
	fill(out, w->now_ns, id);
	out->is_gone = w->is_gone[id];
}

static void machine(void *ctx, struct jm_moment *out)
{
	fill(out, ((struct world *)ctx)->now_ns, 100);
}

static const char *name(void *ctx, uint32_t id)
{
	(void)ctx;
	(void)id;
	return "a program";
}

static void heard(void *ctx, enum jm_measure_event event, const struct jm_measurement *m,
		  const struct jm_measure_part *part)
{
	struct world *w = ctx;

	assert_non_null(m);
	assert_true((event == JM_MEASURE_SAMPLED || event == JM_MEASURE_PART_ENDED) == (part != NULL));
	w->n_events[event]++;
}

static void begin_with(struct world *w, const struct jm_measure_limits *limits)
{
	struct jm_measure_world world = {refresh, watch, unwatch, process, machine, name, w, NULL};
	struct jm_measure_listener listener = {heard, w};

	memset(w, 0, sizeof(*w));
	w->now_ns = 1000 * S;
	assert_int_equal(jm_measurements_create(&world, limits, &w->all, NULL), 0);
	assert_int_equal(jm_measurements_listen(w->all, &listener), 0);
}

static void begin(struct world *w)
{
	begin_with(w, &(struct jm_measure_limits){0});
}

static uint64_t add(struct world *w, int64_t pid, int64_t start_ns, int64_t duration_ns, int expected)
{
	struct jm_measure_request r = {.pids = &pid, .n_pids = 1, .start_ns = start_ns, .duration_ns = duration_ns};
	uint64_t id = 0;

	assert_int_equal(jm_measurements_add(w->all, &r, w->now_ns, w->now_ns, &id, NULL), expected);
	return id;
}

static void pass(struct world *w, int64_t ns)
{
	w->now_ns += ns;
	jm_measurements_tick(w->all, w->now_ns);
}

static void energy_and_power_are_of_the_time_between_start_and_end(void **state)
{
	struct world w;
	const struct jm_measurement *m;
	struct jm_measure_result r;
	uint64_t id;
	int i;

	(void)state;
	begin(&w);
	id = add(&w, 7, 0, 10 * S, 0);
	assert_int_equal(jm_measurements_due_ns(w.all), w.now_ns + 10 * S);
	for (i = 0; i < 10; i++)
		pass(&w, S);
	m = jm_measurements_get(w.all, id);
	assert_int_equal(m->state, JM_MEASURE_DONE);
	assert_int_equal(m->parts[0].state, JM_MEASURE_DONE);
	assert_int_equal(m->parts[0].n_samples, 10);
	assert_string_equal(m->parts[0].name, "a program");
	r = jm_measure_between(&m->parts[0].first, &m->parts[0].last, JM_DEVICE_CPU);
	assert_true(r.is_known);
	assert_true(fabs(r.energy_j - 70) < 1e-6 && fabs(r.power_w - 7) < 1e-6);
	assert_true(fabs(r.low_j - 35) < 1e-6 && fabs(r.high_j - 140) < 1e-6);
	r = jm_measure_between(&m->parts[0].first, &m->parts[0].last, JM_DEVICE_GPU);
	assert_false(r.is_known);
	assert_int_equal(w.n_watchers[7], 0);
	assert_int_equal(w.n_events[JM_MEASURE_SAMPLED], 10);
	assert_int_equal(w.n_events[JM_MEASURE_ENDED], 1);
	assert_int_equal(jm_measurements_due_ns(w.all), INT64_MAX);
	jm_measurements_destroy(w.all);
}

static void a_later_start_waits_and_watches_nobody_until_then(void **state)
{
	struct world w;
	uint64_t id;

	(void)state;
	begin(&w);
	id = add(&w, 3, w.now_ns + 5 * S, 2 * S, 0);
	assert_int_equal(jm_measurements_n_active(w.all), 1);
	assert_int_equal(jm_measurements_n_running(w.all), 0);
	pass(&w, 4 * S);
	assert_int_equal(w.n_watchers[3], 0);
	assert_int_equal(jm_measurements_get(w.all, id)->state, JM_MEASURE_WAITING);
	pass(&w, S);
	assert_int_equal(jm_measurements_get(w.all, id)->state, JM_MEASURE_RUNNING);
	assert_int_equal(w.n_watchers[3], 1);
	pass(&w, 2 * S);
	assert_int_equal(jm_measurements_get(w.all, id)->state, JM_MEASURE_DONE);
	jm_measurements_destroy(w.all);
}

static void overlapping_requests_have_their_own_beginnings_and_ends(void **state)
{
	struct world w;
	uint64_t first, second;
	const struct jm_measurement *m;

	(void)state;
	begin(&w);
	first = add(&w, 5, 0, 4 * S, 0);
	pass(&w, 2 * S);
	second = add(&w, 5, 0, 4 * S, 0);
	assert_int_equal(w.n_watchers[5], 2);
	pass(&w, 2 * S);
	assert_int_equal(jm_measurements_get(w.all, first)->state, JM_MEASURE_DONE);
	assert_int_equal(jm_measurements_get(w.all, second)->state, JM_MEASURE_RUNNING);
	assert_int_equal(w.n_watchers[5], 1);
	pass(&w, 2 * S);
	m = jm_measurements_get(w.all, second);
	assert_true(fabs(jm_measure_between(&m->parts[0].first, &m->parts[0].last, JM_DEVICE_CPU).energy_j - 20) <
		    1e-6);
	jm_measurements_destroy(w.all);
}

static void a_process_that_ends_is_gone_with_what_it_took(void **state)
{
	struct world w;
	int64_t pids[] = {4, 6};
	struct jm_measure_request r = {.pids = pids, .n_pids = 2};
	const struct jm_measurement *m;
	uint64_t id;

	(void)state;
	begin(&w);
	assert_int_equal(jm_measurements_add(w.all, &r, w.now_ns, w.now_ns, &id, NULL), 0);
	w.is_gone[4] = true;
	pass(&w, S);
	m = jm_measurements_get(w.all, id);
	assert_int_equal(m->parts[0].state, JM_MEASURE_GONE);
	assert_string_equal(m->parts[0].reason, "the process ended");
	assert_true(fabs(jm_measure_between(&m->parts[0].first, &m->parts[0].last, JM_DEVICE_CPU).energy_j - 4) < 1e-6);
	assert_int_equal(m->state, JM_MEASURE_RUNNING);
	w.is_gone[6] = true;
	pass(&w, S);
	assert_int_equal(m->state, JM_MEASURE_GONE);
	assert_int_equal(jm_measurements_n_active(w.all), 0);
	jm_measurements_destroy(w.all);
}

static void a_process_that_is_not_there_does_not_fail_the_others(void **state)
{
	struct world w;
	int64_t pids[] = {400, 6};
	struct jm_measure_request r = {.pids = pids, .n_pids = 2};
	uint64_t id;

	(void)state;
	begin(&w);
	assert_int_equal(jm_measurements_add(w.all, &r, w.now_ns, w.now_ns, &id, NULL), 0);
	assert_int_equal(jm_measurements_get(w.all, id)->parts[0].state, JM_MEASURE_GONE);
	assert_int_equal(jm_measurements_get(w.all, id)->parts[1].state, JM_MEASURE_RUNNING);
	add(&w, 400, 0, 0, JM_E_NOT_FOUND);
	assert_int_equal(jm_measurements_n_active(w.all), 1);
	jm_measurements_destroy(w.all);
}

static void a_stop_by_process_ends_that_one_alone(void **state)
{
	struct world w;
	int64_t pids[] = {4, 6};
	struct jm_measure_request r = {.pids = pids, .n_pids = 2};
	uint64_t id;

	(void)state;
	begin(&w);
	assert_int_equal(jm_measurements_add(w.all, &r, w.now_ns, w.now_ns, &id, NULL), 0);
	add(&w, 4, w.now_ns + 9 * S, 0, 0);
	assert_int_equal(jm_measurements_stop_pid(w.all, 4, w.now_ns), 2);
	assert_int_equal(jm_measurements_stop_pid(w.all, 4, w.now_ns), 0);
	assert_int_equal(jm_measurements_get(w.all, id)->parts[0].state, JM_MEASURE_DONE);
	assert_int_equal(jm_measurements_get(w.all, id)->parts[1].state, JM_MEASURE_RUNNING);
	assert_int_equal(jm_measurements_stop(w.all, id, w.now_ns), 0);
	assert_int_equal(jm_measurements_stop(w.all, 77, w.now_ns), JM_E_NOT_FOUND);
	assert_int_equal(jm_measurements_n_active(w.all), 0);
	jm_measurements_destroy(w.all);
}

static void limits_are_kept_and_the_oldest_ended_go_first(void **state)
{
	struct world w;
	uint64_t id;

	(void)state;
	begin_with(&w, &(struct jm_measure_limits){.max_active = 2, .max_kept = 1});
	add(&w, 1, 0, 0, 0);
	add(&w, 2, 0, 0, 0);
	add(&w, 3, 0, 0, JM_E_FULL);
	assert_int_equal(jm_measurements_stop(w.all, 1, w.now_ns), 0);
	assert_int_equal(jm_measurements_stop(w.all, 2, w.now_ns), 0);
	id = add(&w, 3, 0, 0, 0);
	assert_int_equal(id, 3);
	assert_null(jm_measurements_get(w.all, 1));
	assert_null(jm_measurements_get(w.all, 2));
	jm_measurements_destroy(w.all);
	assert_int_equal(w.n_watchers[3], 0);
}

static void a_bad_request_is_refused_and_leaves_nothing(void **state)
{
	struct world w;
	int64_t twice[] = {4, 4};
	struct jm_measure_request r = {.pids = twice, .n_pids = 2};
	uint64_t id;

	(void)state;
	begin(&w);
	assert_int_equal(jm_measurements_add(w.all, &r, w.now_ns, w.now_ns, &id, NULL), JM_E_INVALID);
	r.n_pids = 0;
	assert_int_equal(jm_measurements_add(w.all, &r, w.now_ns, w.now_ns, &id, NULL), JM_E_INVALID);
	r = (struct jm_measure_request){.pids = twice, .n_pids = 1, .devices = 1u << 20};
	assert_int_equal(jm_measurements_add(w.all, &r, w.now_ns, w.now_ns, &id, NULL), JM_E_INVALID);
	add(&w, -3, 0, 0, JM_E_INVALID);
	add(&w, 3, 0, -1, JM_E_INVALID);
	add(&w, 3, 0, INT64_MAX, JM_E_INVALID);
	assert_int_equal(jm_measurements_n(w.all), 0);
	jm_measurements_destroy(w.all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(energy_and_power_are_of_the_time_between_start_and_end),
	    cmocka_unit_test(a_later_start_waits_and_watches_nobody_until_then),
	    cmocka_unit_test(overlapping_requests_have_their_own_beginnings_and_ends),
	    cmocka_unit_test(a_process_that_ends_is_gone_with_what_it_took),
	    cmocka_unit_test(a_process_that_is_not_there_does_not_fail_the_others),
	    cmocka_unit_test(a_stop_by_process_ends_that_one_alone),
	    cmocka_unit_test(limits_are_kept_and_the_oldest_ended_go_first),
	    cmocka_unit_test(a_bad_request_is_refused_and_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
