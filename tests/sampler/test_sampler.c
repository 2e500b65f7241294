#include "sampler/sampler.h"

#include "core/units.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* Virtual time: waiting moves the clock; behind end_ns a waiter blocks until it is cancelled. */
struct world {
	struct jm_env env;
	_Atomic int64_t now_ns;
	int64_t end_ns;
	sem_t reached_end;
};

static int64_t world_now(void *ctx)
{
	struct world *w = ctx;

	return atomic_load(&w->now_ns);
}

static int world_wait(void *ctx, int64_t t_ns, sem_t *cancel)
{
	struct world *w = ctx;

	if (t_ns > w->end_ns) {
		if (atomic_load(&w->now_ns) < w->end_ns)
			atomic_store(&w->now_ns, w->end_ns);
		sem_post(&w->reached_end);
		sem_wait(cancel);
		return JM_E_CANCELLED;
	}
	if (atomic_load(&w->now_ns) < t_ns)
		atomic_store(&w->now_ns, t_ns);
	return 0;
}

/* A sensor whose n-th read does what the plan says. */
enum act { READ_OK, READ_SAME, READ_FAILS, READ_AGAIN, READ_GONE, READ_STALLS, READ_NONSENSE };

struct plan {
	struct world *world;
	int n_reads, first, last; /* reads first..last (from 0) do act, the others are READ_OK */
	enum act act;
	int64_t stall_ns;
	size_t burst; /* buffered: samples per read */
	int64_t burst_step_ns;
};

static int plan_read(struct jm_sensor *s, struct jm_sample *out, size_t *n_out)
{
	struct plan *p = s->state;
	int i = p->n_reads++;
	enum act act = i >= p->first && i <= p->last ? p->act : READ_OK;
	int64_t now = jm_env_now(s->env);
	size_t k;

	if (act == READ_FAILS)
		return JM_E_IO;
	if (act == READ_AGAIN)
		return JM_E_AGAIN;
	if (act == READ_GONE)
		return JM_E_GONE;
	if (act == READ_STALLS)
		atomic_fetch_add(&p->world->now_ns, p->stall_ns);
	for (k = 0; k < s->max_samples; k++) {
		int64_t t = p->burst ? now - (int64_t)(s->max_samples - 1 - k) * p->burst_step_ns : now;

		jm_sample_fill(&out[k], s->first_channel, t, t,
			       act == READ_SAME       ? 1000
			       : act == READ_NONSENSE ? INT64_MAX
						      : 1000 + i * 100 + (int64_t)k);
	}
	*n_out = s->max_samples;
	return 0;
}

static void keep_state(struct jm_sensor *s)
{
	(void)s;
}

static const struct jm_sensor_driver plan_driver = {
    .name = "plan", .read = plan_read, .close = keep_state, .destroy = keep_state};

struct collected {
	struct jm_sample *samples;
	size_t n, capacity;
	int n_lost;
};

static int collect(void *ctx, const struct jm_sample *samples, size_t n)
{
	struct collected *c = ctx;

	while (c->n + n > c->capacity) {
		c->capacity = c->capacity ? c->capacity * 2 : 4096;
		c->samples = realloc(c->samples, c->capacity * sizeof(*samples));
		assert_non_null(c->samples);
	}
	memcpy(c->samples + c->n, samples, n * sizeof(*samples));
	c->n += n;
	return 0;
}

static void count_lost(void *ctx, const struct jm_sensor *s, int64_t t_ns)
{
	struct collected *c = ctx;

	(void)s;
	assert_true(t_ns > 0);
	c->n_lost++;
}

struct fixture {
	struct world world;
	struct plan plan;
	struct jm_sensor_set set;
	struct collected got;
	struct jm_ledger ledger;
	uint64_t n_implausible;
	int64_t implausible;
};

static void set_up(struct fixture *f, int64_t duration_ns)
{
	struct jm_sensor *s;

	memset(f, 0, sizeof(*f));
	jm_env_init(&f->world.env);
	f->world.env.now_ns = world_now;
	f->world.env.wait_until_ns = world_wait;
	f->world.env.ctx = &f->world;
	f->world.now_ns = 5 * JM_NS_PER_S;
	f->world.end_ns = f->world.now_ns + duration_ns;
	sem_init(&f->world.reached_end, 0, 0);
	s = jm_sensor_set_append(&f->set, &plan_driver, &f->world.env, "plan/0");
	assert_non_null(jm_sensor_set_channel(&f->set, "plan/0"));
	s->state = &f->plan;
	s->is_open = true;
	f->plan.world = &f->world;
	f->plan.first = f->plan.last = -1;
}

static void sample(struct fixture *f, int64_t period_ns)
{
	struct jm_sampler_options options = {
	    .period_ns = period_ns, .sink = {collect, &f->got}, .lost = count_lost, .lost_ctx = &f->got};
	struct jm_sampler *sampler;

	assert_int_equal(jm_sampler_create(&f->world.env, &f->set, &options, &sampler, NULL), 0);
	assert_int_equal(jm_sampler_start(sampler, NULL), 0);
	sem_wait(&f->world.reached_end);
	assert_int_equal(jm_sampler_stop(sampler), 0);
	f->ledger = *jm_sampler_ledger(sampler, 0);
	f->n_implausible = jm_sampler_implausible(sampler, 0, &f->implausible);
	jm_sampler_destroy(sampler);
}

static void tear_down(struct fixture *f)
{
	jm_sensor_set_finish(&f->set);
	free(f->got.samples);
	sem_destroy(&f->world.reached_end);
}

/* 1 s at 1 ms: deadlines at 0, 1, ..., 1000 ms; one more reading closes the window. */
static void every_deadline_is_met(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f, JM_NS_PER_S);
	sample(&f, JM_NS_PER_MS);
	assert_int_equal(f.ledger.expected, 1001);
	assert_int_equal(f.ledger.taken, 1001);
	assert_int_equal(f.ledger.missed, 0);
	assert_int_equal(f.ledger.late, 0);
	assert_int_equal(f.ledger.longest_gap_ns, JM_NS_PER_MS);
	assert_int_equal(f.got.n, 1002);
	assert_int_equal(f.got.samples[500].t_ns, 5 * JM_NS_PER_S + 500 * JM_NS_PER_MS);
	tear_down(&f);
}

/* A read that takes 10.6 ms skips ten deadlines; the one behind it is served 0.6 of a period late. */
static void a_stall_is_missed_and_nothing_is_repeated(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f, JM_NS_PER_S);
	f.plan.act = READ_STALLS;
	f.plan.first = f.plan.last = 100;
	f.plan.stall_ns = 10600 * JM_NS_PER_US;
	sample(&f, JM_NS_PER_MS);
	assert_int_equal(f.ledger.expected, 1001);
	assert_int_equal(f.ledger.missed, 9);
	assert_int_equal(f.ledger.taken, 992);
	assert_int_equal(f.ledger.late, 1);
	assert_int_equal(f.got.n, 993);
	assert_true(f.ledger.longest_gap_ns > 9 * JM_NS_PER_MS);
	tear_down(&f);
}

static void failing_reads_open_one_gap(void **state)
{
	struct fixture f;
	size_t n_gaps = 0, i;

	(void)state;
	set_up(&f, JM_NS_PER_S);
	f.plan.act = READ_FAILS;
	f.plan.first = 200;
	f.plan.last = 299;
	sample(&f, JM_NS_PER_MS);
	for (i = 0; i < f.got.n; i++)
		n_gaps += f.got.samples[i].status == JM_SAMPLE_GAP;
	assert_int_equal(n_gaps, 1);
	assert_int_equal(f.ledger.missed, 100);
	assert_int_equal(f.ledger.taken, 901);
	assert_int_equal(f.ledger.longest_gap_ns, 101 * JM_NS_PER_MS);
	tear_down(&f);
}

static void a_lost_sensor_is_told_once_and_stays_expected(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f, JM_NS_PER_S);
	f.plan.act = READ_GONE;
	f.plan.first = f.plan.last = 500;
	sample(&f, JM_NS_PER_MS);
	assert_int_equal(f.got.n_lost, 1);
	assert_int_equal(f.plan.n_reads, 501);
	assert_int_equal(f.ledger.expected, 1001);
	assert_int_equal(f.ledger.taken, 500);
	assert_int_equal(f.ledger.missed, 501);
	tear_down(&f);
}

static void a_sensor_not_ready_is_missed_without_a_gap_mark(void **state)
{
	struct fixture f;
	size_t i;

	(void)state;
	set_up(&f, 100 * JM_NS_PER_MS);
	f.plan.act = READ_AGAIN;
	f.plan.first = 10;
	f.plan.last = 19;
	sample(&f, JM_NS_PER_MS);
	assert_int_equal(f.ledger.missed, 10);
	for (i = 0; i < f.got.n; i++)
		assert_int_equal(f.got.samples[i].status, JM_SAMPLE_OK);
	tear_down(&f);
}

static void equal_readings_are_counted_as_repeated(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f, 100 * JM_NS_PER_MS);
	f.plan.act = READ_SAME;
	f.plan.first = 50;
	f.plan.last = 59;
	sample(&f, JM_NS_PER_MS);
	assert_int_equal(f.ledger.taken, 101);
	assert_int_equal(f.ledger.repeated, 9);
	tear_down(&f);
}

/* An estimate of an idle machine may well be the same twice. */
static void equal_estimates_are_not_repeated_readings(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f, 100 * JM_NS_PER_MS);
	f.set.channels[0].state = JM_STATE_ESTIMATED;
	f.plan.act = READ_SAME;
	f.plan.first = 50;
	f.plan.last = 59;
	sample(&f, JM_NS_PER_MS);
	assert_int_equal(f.ledger.taken, 101);
	assert_int_equal(f.ledger.repeated, 0);
	tear_down(&f);
}

/* 9.2 TW: the driver's word for "I do not know". */
static void readings_beyond_all_power_are_gaps(void **state)
{
	struct fixture f;
	size_t n_gaps = 0, i;

	(void)state;
	set_up(&f, 100 * JM_NS_PER_MS);
	f.plan.act = READ_NONSENSE;
	f.plan.first = 50;
	f.plan.last = 59;
	sample(&f, JM_NS_PER_MS);
	assert_int_equal(f.ledger.expected, 101);
	assert_int_equal(f.ledger.taken, 91);
	assert_int_equal(f.ledger.missed, 10);
	for (i = 0; i < f.got.n; i++) {
		n_gaps += f.got.samples[i].status == JM_SAMPLE_GAP;
		assert_true(f.got.samples[i].value < 1000000);
	}
	assert_int_equal(n_gaps, 10);
	assert_int_equal(f.n_implausible, 10);
	assert_true(f.implausible == INT64_MAX);
	tear_down(&f);
}

/* A meter that prints five lines where one was due, some of them nonsense: what it owes is what it gave. */
static void a_meter_faster_than_asked_is_not_over_full(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f, JM_NS_PER_S);
	f.set.sensors[0].drain_period_ns = 50 * JM_NS_PER_MS;
	f.set.sensors[0].max_samples = 5;
	f.plan.burst = 5;
	f.plan.burst_step_ns = 10 * JM_NS_PER_MS;
	f.plan.act = READ_NONSENSE;
	f.plan.first = 2;
	f.plan.last = 3;
	sample(&f, 50 * JM_NS_PER_MS);
	assert_int_equal(f.ledger.missed, 10);
	assert_int_equal(f.ledger.expected, f.ledger.taken + f.ledger.missed);
	assert_true(f.ledger.taken > 90);
	assert_true(jm_ledger_coverage(&f.ledger) < 0.95);
	tear_down(&f);
}

/* Asked for 1 ms, updated every 20 ms: read at the sensor's own pace. */
static void a_slow_sensor_is_not_asked_faster_than_it_updates(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f, JM_NS_PER_S);
	f.set.sensors[0].min_period_ns = 20 * JM_NS_PER_MS;
	sample(&f, JM_NS_PER_MS);
	assert_int_equal(f.ledger.expected, 51);
	assert_int_equal(f.ledger.taken, 51);
	assert_int_equal(f.ledger.period_ns, 20 * JM_NS_PER_MS);
	tear_down(&f);
}

/* A buffer drained every 400 ms that gives 5 readings of its 20 updates: 15 of 20 are missed. */
static void a_buffered_device_is_held_to_its_own_updates(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f, 4 * JM_NS_PER_S - 1);
	f.set.sensors[0].drain_period_ns = 400 * JM_NS_PER_MS;
	f.set.sensors[0].max_samples = 5;
	f.set.channels[0].update_period_ns = 20 * JM_NS_PER_MS;
	f.plan.burst = 5;
	f.plan.burst_step_ns = 80 * JM_NS_PER_MS;
	sample(&f, 10 * JM_NS_PER_MS);
	/* Drains at 0, 400, ..., 3600 ms and a last one at the end: 11 x 5 readings, 80 ms apart, 3 missing between two. */
	assert_int_equal(f.ledger.expected, 217);
	assert_int_equal(f.ledger.taken, 55);
	assert_int_equal(f.ledger.missed, 162);
	assert_true(jm_ledger_coverage(&f.ledger) < 0.3);
	tear_down(&f);
}

/* A buffer that is empty at first is not excused: its device updates all the same. */
static void an_empty_buffer_owes_its_updates(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f, 100 * JM_NS_PER_MS);
	f.set.sensors[0].drain_period_ns = 400 * JM_NS_PER_MS;
	f.set.channels[0].update_period_ns = 20 * JM_NS_PER_MS;
	f.plan.act = READ_AGAIN;
	f.plan.first = 0;
	f.plan.last = 1000;
	sample(&f, 10 * JM_NS_PER_MS);
	assert_int_equal(f.ledger.expected, 5);
	assert_int_equal(f.ledger.taken, 0);
	assert_int_equal(f.ledger.missed, 5);
	tear_down(&f);
}

/* What cannot be read yet at the start (two readings make the first value) owes nothing for it. */
static void a_sensor_that_needs_a_start_owes_none_for_it(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f, 100 * JM_NS_PER_MS);
	f.plan.act = READ_AGAIN;
	f.plan.first = 0;
	f.plan.last = 2;
	sample(&f, JM_NS_PER_MS);
	assert_int_equal(f.ledger.expected, 98);
	assert_int_equal(f.ledger.taken, 98);
	assert_int_equal(f.ledger.missed, 0);
	tear_down(&f);
}

/* Nobody drains for 40 s while the ring holds 2: what it refused is missed, and nothing else is said to be taken. */
static void a_full_ring_is_missed(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f, 40 * JM_NS_PER_S);
	sample(&f, JM_NS_PER_MS);
	assert_int_equal(f.ledger.expected, 40001);
	assert_int_equal(f.ledger.taken + f.ledger.missed, 40001);
	assert_true(f.ledger.missed > 0);
	assert_int_equal(f.got.n, f.ledger.taken);
	tear_down(&f);
}

/* Real time and threads: one sensor that blocks does not delay the other. For the race detector, too. */
static void a_blocking_sensor_has_a_thread_of_its_own(void **state)
{
	struct fixture f;
	struct jm_sampler_options options = {.period_ns = JM_NS_PER_MS, .sink = {collect, &f.got}};
	struct jm_sampler *sampler;
	struct plan second;
	struct jm_sensor *s;
	int i;

	(void)state;
	set_up(&f, 0);
	jm_env_init(&f.world.env);
	second = f.plan;
	s = jm_sensor_set_append(&f.set, &plan_driver, &f.world.env, "plan/1");
	assert_non_null(jm_sensor_set_channel(&f.set, "plan/1"));
	s->state = &second;
	s->is_open = s->may_block = true;
	assert_int_equal(jm_sampler_create(&f.world.env, &f.set, &options, &sampler, NULL), 0);
	assert_int_equal(jm_sampler_start(sampler, NULL), 0);
	for (i = 0; i < 1000 || f.got.n < 4; i++)
		assert_int_equal(jm_sampler_drain(sampler), 0);
	assert_int_equal(jm_sampler_stop(sampler), 0);
	assert_int_equal(jm_sampler_stop(sampler), 0);
	assert_true(jm_sampler_ledger(sampler, 0)->taken > 0);
	assert_true(jm_sampler_ledger(sampler, 1)->taken > 0);
	assert_int_equal(jm_sampler_ledger(sampler, 0)->taken + jm_sampler_ledger(sampler, 0)->missed,
			 jm_sampler_ledger(sampler, 0)->expected);
	jm_sampler_destroy(sampler);
	tear_down(&f);
}

static void a_period_of_zero_is_refused(void **state)
{
	struct jm_sensor_set set = {0};
	struct jm_sampler_options options = {0};
	struct jm_sampler *sampler;
	struct jm_error err;
	struct jm_env env;

	(void)state;
	jm_env_init(&env);
	assert_int_equal(jm_sampler_create(&env, &set, &options, &sampler, &err), JM_E_INVALID);
	jm_sampler_destroy(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_deadline_is_met),
	    cmocka_unit_test(a_stall_is_missed_and_nothing_is_repeated),
	    cmocka_unit_test(failing_reads_open_one_gap),
	    cmocka_unit_test(a_lost_sensor_is_told_once_and_stays_expected),
	    cmocka_unit_test(a_sensor_not_ready_is_missed_without_a_gap_mark),
	    cmocka_unit_test(equal_readings_are_counted_as_repeated),
	    cmocka_unit_test(equal_estimates_are_not_repeated_readings),
	    cmocka_unit_test(readings_beyond_all_power_are_gaps),
	    cmocka_unit_test(a_meter_faster_than_asked_is_not_over_full),
	    cmocka_unit_test(a_slow_sensor_is_not_asked_faster_than_it_updates),
	    cmocka_unit_test(a_buffered_device_is_held_to_its_own_updates),
	    cmocka_unit_test(an_empty_buffer_owes_its_updates),
	    cmocka_unit_test(a_sensor_that_needs_a_start_owes_none_for_it),
	    cmocka_unit_test(a_full_ring_is_missed),
	    cmocka_unit_test(a_blocking_sensor_has_a_thread_of_its_own),
	    cmocka_unit_test(a_period_of_zero_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
