#include "attribution/split.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MS                   INT64_C(1000000)
#define S                    INT64_C(1000000000)
#define N_STEPS              201
#define N                    3
#define N_CPUS               4
#define PERIOD               (100 * MS)
#define POWER_W              50.0
#define NEAR(a, b, fraction) assert_true(fabs((double)(a) - (double)(b)) <= (fraction)*fabs((double)(b)) + 1e-12)

/* 20 s of three processes and a counter of 50 W. Process times per interval, ms, are given; the machine counts in ticks. */
struct fixture {
	struct jm_process processes[N];
	int64_t last_ns[N];
	struct jm_process_step steps[N_STEPS];
	struct jm_process_sample samples[N_STEPS * N];
	uint32_t sample_steps[N_STEPS * N];
	struct jm_process_memory memory[N];
	struct jm_process_gpu gpu[N_STEPS * N];
	struct jm_process_count counts[N_STEPS * (N + 1)];
	uint32_t count_steps[N_STEPS * (N + 1)];
	struct jm_process_log log;
	struct jm_split split;
	struct jm_series series;
	struct jm_stretches windows;
	struct jm_split_part parts[N];
	struct jm_split_result result;
};

static struct jm_series make_series(double watts)
{
	static struct jm_sample samples[2 * N_STEPS];
	struct jm_channel c;
	struct jm_series series;
	size_t i;

	jm_channel_init(&c, "test/package");
	c.quantity = JM_QUANTITY_ENERGY;
	c.kind = JM_KIND_COUNTER;
	for (i = 0; i < 2 * N_STEPS; i++)
		samples[i] = (struct jm_sample){.t_ns = (int64_t)i * PERIOD / 2,
						.value = (int64_t)((double)i * 0.05 * watts * 1e6)};
	assert_int_equal(jm_series_init(&series, &c, samples, 2 * N_STEPS, 0, NULL), 0);
	return series;
}

/* ms[i]: of process i in each interval; others_ms: of everybody else. */
static struct fixture *make(const double ms[N], double others_ms)
{
	struct fixture *f = calloc(1, sizeof(*f));
	double busy_ms = others_ms;
	size_t k, i, n = 0;

	for (i = 0; i < N; i++) {
		busy_ms += ms[i];
		f->processes[i] = (struct jm_process){.id = (uint32_t)i};
		f->last_ns[i] = INT64_MAX;
	}
	for (k = 0; k < N_STEPS; k++) {
		double idle_ms = (double)k * (100.0 * N_CPUS - busy_ms);

		f->steps[k] = (struct jm_process_step){.t_ns = (int64_t)k * PERIOD,
						       .is_idle_known = true,
						       .n_cpus = N_CPUS,
						       .n_watched = N,
						       .used_bytes = 1000,
						       .idle_ns = (int64_t)floor(idle_ms / 10) * 10 * MS};
		for (i = 0; i < N; i++, n++) {
			f->samples[n] = (struct jm_process_sample){
			    .process = (uint32_t)i, .cpu_ns = (int64_t)((double)k * ms[i] * 1e6), .rss_bytes = 100};
			f->sample_steps[n] = (uint32_t)k;
		}
	}
	f->log = (struct jm_process_log){.processes = f->processes,
					 .last_ns = f->last_ns,
					 .n_processes = N,
					 .steps = f->steps,
					 .n_steps = N_STEPS,
					 .samples = f->samples,
					 .sample_steps = f->sample_steps,
					 .n_samples = n,
					 .memory = f->memory,
					 .gpu = f->gpu,
					 .counts = f->counts,
					 .count_steps = f->count_steps};
	assert_int_equal(jm_split_init(&f->log, &f->split), 0);
	f->series = make_series(POWER_W);
	jm_stretches_add(&f->windows, 0, 20 * S);
	f->result.parts = f->parts;
	return f;
}

static void destroy(struct fixture *f)
{
	jm_split_finish(&f->split);
	jm_series_finish(&f->series);
	jm_stretches_finish(&f->windows);
	free(f);
}

static void run(struct fixture *f, enum jm_split_basis basis, double idle_w)
{
	struct jm_split_channel channel = {.series = &f->series, .basis = basis, .idle_w = idle_w};
	double sum = f->result.idle_j, share = 0;
	size_t i;

	assert_int_equal(jm_split_run(&f->split, &channel, &f->windows, &f->result), 0);
	/* Conservation, and no shares above one. */
	sum = f->result.idle_j + f->result.unattributed_j + f->result.others.energy_j;
	for (i = 0; i < N; i++) {
		assert_true(f->parts[i].energy_j >= 0);
		sum += f->parts[i].energy_j;
		share += f->parts[i].energy_j / f->result.total_j;
	}
	NEAR(sum, f->result.total_j, 1e-9);
	assert_true(share <= 1 + 1e-12);
}

static void one_load_twice_the_other_gets_twice_the_energy(void **state)
{
	struct fixture *f = make((double[N]){100, 50, 0}, 0);

	(void)state;
	run(f, JM_SPLIT_CPU_TIME, 20);
	NEAR(f->result.total_j, 1000, 1e-6);
	NEAR(f->result.idle_j, 400, 1e-6);
	NEAR(f->parts[0].energy_j, 400, 0.02);
	NEAR(f->parts[1].energy_j, 200, 0.02);
	NEAR(f->parts[0].energy_j / f->parts[1].energy_j, 2, 1e-6);
	assert_true(f->parts[2].energy_j == 0);
	/* The machine counts in ticks of 10 ms: others get at most what these few let in doubt. */
	assert_true(f->result.others.energy_j < 0.005 * 600);
	destroy(f);
}

static void others_get_their_part(void **state)
{
	struct fixture *f = make((double[N]){100, 50, 7.3}, 153.3);

	(void)state;
	run(f, JM_SPLIT_CPU_TIME, 20);
	NEAR(f->result.others.energy_j, 600 * 153.3 / 310.6, 0.02);
	NEAR(f->parts[2].energy_j, 600 * 7.3 / 310.6, 0.02);
	NEAR(jm_split_others_s(&f->split, &f->windows), 0.1533 * 200, 0.01);
	destroy(f);
}

/* A machine that is nearly idle: one small process must not be charged for all of it. */
static void without_an_idle_level_unused_time_is_idle(void **state)
{
	struct fixture *f = make((double[N]){4, 0, 0}, 0);

	(void)state;
	run(f, JM_SPLIT_CPU_TIME, NAN);
	NEAR(f->parts[0].energy_j, 1000 * 0.01, 0.05);
	assert_true(f->result.idle_j > 985);
	destroy(f);
}

static void an_idle_level_above_the_power_takes_all(void **state)
{
	struct fixture *f = make((double[N]){100, 50, 0}, 0);

	(void)state;
	run(f, JM_SPLIT_CPU_TIME, 60);
	NEAR(f->result.idle_j, 1000, 1e-6);
	assert_true(f->parts[0].energy_j == 0);
	destroy(f);
}

/* Clocks of processes that run ahead of the machine's: no share above one, no negative others. */
static void more_time_than_the_machine_had_is_no_more_energy(void **state)
{
	struct fixture *f = make((double[N]){500, 250, 0}, 0);

	(void)state;
	run(f, JM_SPLIT_CPU_TIME, 20);
	NEAR(f->parts[0].energy_j, 400, 1e-6);
	assert_true(f->result.others.energy_j == 0);
	destroy(f);
}

/* thousands[i]: counts of process i in each interval, < 0: not counted; the last one: of the machine. */
static void add_counts(struct fixture *f, enum jm_count which, const int64_t thousands[N + 1])
{
	size_t k, i;
	int c;

	for (k = 0; k < N_STEPS; k++) {
		for (i = 0; i <= N; i++) {
			struct jm_process_count *row = &f->counts[f->log.n_counts];

			if (thousands[i] < 0)
				continue;
			row->process = i < N ? (uint32_t)i : JM_PROCESS_MACHINE;
			for (c = 0; c < JM_N_COUNTS; c++)
				row->counts[c] = c == (int)which ? (int64_t)k * thousands[i] * 1000 : -1;
			f->count_steps[f->log.n_counts++] = (uint32_t)k;
		}
	}
	jm_split_finish(&f->split);
	assert_int_equal(jm_split_init(&f->log, &f->split), 0);
}

/* The same time, thrice the cycles. */
static void cycles_weigh_time(void **state)
{
	struct fixture *f = make((double[N]){100, 100, 0}, 0);

	(void)state;
	add_counts(f, JM_COUNT_CYCLES, (int64_t[]){300, 100, 0, -1});
	NEAR(f->split.counted_fraction[JM_COUNT_CYCLES], 1, 1e-9);
	run(f, JM_SPLIT_CYCLES, 20);
	NEAR(f->parts[0].energy_j, 450, 0.01);
	NEAR(f->parts[1].energy_j, 150, 0.01);
	/* Time alone would have given half to each: that is the other bound. */
	NEAR(f->parts[0].low_j, 300, 0.01);
	NEAR(f->parts[0].high_j, 450, 0.01);
	NEAR(f->parts[1].high_j, 300, 0.01);
	run(f, JM_SPLIT_CPU_TIME, 20);
	NEAR(f->parts[0].energy_j, 300, 0.01);
	destroy(f);
}

static void others_weigh_what_the_machine_counted_beside(void **state)
{
	struct fixture *f = make((double[N]){100, 100, 0}, 100);

	(void)state;
	add_counts(f, JM_COUNT_INSTRUCTIONS, (int64_t[]){300, 100, 0, 1200});
	run(f, JM_SPLIT_INSTRUCTIONS, 20);
	NEAR(f->parts[0].energy_j, 150, 0.01);
	NEAR(f->parts[1].energy_j, 50, 0.01);
	NEAR(f->result.others.energy_j, 400, 0.01);
	destroy(f);
}

/* Others, and a process without counters, weigh as the mean. */
static void what_was_not_counted_weighs_as_the_mean(void **state)
{
	struct fixture *f = make((double[N]){100, 100, 50}, 50);

	(void)state;
	add_counts(f, JM_COUNT_CYCLES, (int64_t[]){300, 100, -1, -1});
	NEAR(f->split.counted_fraction[JM_COUNT_CYCLES], 0.8, 1e-6);
	run(f, JM_SPLIT_CYCLES, 20);
	NEAR(f->parts[0].energy_j, 300, 0.02);
	NEAR(f->parts[1].energy_j, 100, 0.02);
	NEAR(f->parts[2].energy_j, 100, 0.02);
	NEAR(f->result.others.energy_j, 100, 0.02);
	destroy(f);
}

/* Half of what process 0 took were children that no snapshot saw: its counters know nothing of them. */
static void children_that_were_never_seen_weigh_as_the_mean(void **state)
{
	struct fixture *f = make((double[N]){100, 50, 0}, 0);
	size_t i;

	(void)state;
	for (i = 0; i < f->log.n_samples; i++) {
		if (f->samples[i].process != 0)
			continue;
		f->samples[i].reaped_ns = f->samples[i].cpu_ns / 2;
		f->samples[i].cpu_ns -= f->samples[i].reaped_ns;
	}
	add_counts(f, JM_COUNT_CYCLES, (int64_t[]){100, 100, 0, -1});
	run(f, JM_SPLIT_CYCLES, 20);
	NEAR(f->parts[0].energy_j, 400, 0.02);
	NEAR(f->parts[1].energy_j, 200, 0.02);
	destroy(f);
}

static void where_nothing_was_counted_time_alone_decides(void **state)
{
	struct fixture *f = make((double[N]){100, 50, 0}, 0);
	size_t i;

	(void)state;
	/* From half of the run on, counters stand still. */
	add_counts(f, JM_COUNT_CYCLES, (int64_t[]){100, 100, 0, 200});
	for (i = 0; i < f->log.n_counts; i++)
		if (f->count_steps[i] > 100 && f->counts[i].counts[0] > 0)
			f->counts[i].counts[0] = 100 * (f->counts[i].process == JM_PROCESS_MACHINE ? 200000 : 100000);
	jm_split_finish(&f->split);
	assert_int_equal(jm_split_init(&f->log, &f->split), 0);
	run(f, JM_SPLIT_CYCLES, 20);
	NEAR(f->parts[0].energy_j, 150 + 200, 0.02);
	NEAR(f->parts[1].energy_j, 150 + 100, 0.02);
	destroy(f);
}

static void dram_goes_by_misses_where_they_were_counted(void **state)
{
	struct fixture *f = make((double[N]){100, 50, 50}, 0);

	(void)state;
	add_counts(f, JM_COUNT_LLC_MISSES, (int64_t[]){10, 30, 0, 80});
	run(f, JM_SPLIT_MISSES, 20);
	NEAR(f->parts[0].energy_j, 75, 0.01);
	NEAR(f->parts[1].energy_j, 225, 0.01);
	assert_true(f->parts[2].energy_j == 0);
	NEAR(f->result.others.energy_j, 300, 0.01);
	destroy(f);
}

static enum jm_split_basis choose(const struct fixture *f, const char *mode, const char *why, const char *weigh,
				  const char *expected)
{
	struct jm_attribution_input in = {.process_counts = mode, .process_counts_why = why};
	enum jm_weighing weighing;
	enum jm_split_basis basis;
	char reason[JM_SPLIT_REASON];

	assert_int_equal(jm_weighing_parse(weigh, &weighing), 0);
	basis = jm_split_choose(&f->split, &in, weighing, reason);
	if (!strstr(reason, expected))
		fail_msg("no '%s' in: %s", expected, reason);
	return basis;
}

static void which_weight_was_taken_is_said_and_why_not_the_other(void **state)
{
	static const char all[] = "user and kernel mode";
	struct jm_attribution_input in = {.process_counts = all};
	struct fixture *f = make((double[N]){100, 100, 100}, 0);
	enum jm_weighing weighing;

	(void)state;
	assert_int_equal(choose(f, NULL, "not permitted", NULL,
				"neither cycles nor instructions: no hardware counters "
				"of processes: not permitted"),
			 JM_SPLIT_CPU_TIME);
	assert_int_equal(choose(f, NULL, NULL, "cycles", "none is recorded"), JM_SPLIT_CPU_TIME);
	assert_false(jm_split_has_misses(&f->split, &in, JM_WEIGH_AUTO));
	add_counts(f, JM_COUNT_CYCLES, (int64_t[]){300, 100, -1, -1});
	assert_int_equal(choose(f, all, NULL, "auto", "not by instructions: they were not counted"), JM_SPLIT_CYCLES);
	assert_int_equal(choose(f, all, NULL, "auto", "66.7 % of the time counted"), JM_SPLIT_CYCLES);
	assert_int_equal(choose(f, all, NULL, "time", "as asked for"), JM_SPLIT_CPU_TIME);
	assert_int_equal(choose(f, all, NULL, "instructions", "too little"), JM_SPLIT_CPU_TIME);
	assert_int_equal(choose(f, "user mode", NULL, "auto", "cycles were counted in user mode only"),
			 JM_SPLIT_CPU_TIME);
	assert_int_equal(choose(f, "user mode", NULL, "cycles", "weighted by cycles (user mode"), JM_SPLIT_CYCLES);
	f->log.n_counts = 0;
	add_counts(f, JM_COUNT_CYCLES, (int64_t[]){300, -1, -1, -1});
	assert_int_equal(choose(f, all, NULL, "auto", "too little"), JM_SPLIT_CPU_TIME);
	f->log.n_counts = 0;
	add_counts(f, JM_COUNT_LLC_MISSES, (int64_t[]){300, 1, 1, -1});
	assert_true(jm_split_has_misses(&f->split, &in, JM_WEIGH_AUTO));
	assert_false(jm_split_has_misses(&f->split, &in, JM_WEIGH_TIME));
	in.process_counts = "user mode";
	assert_false(jm_split_has_misses(&f->split, &in, JM_WEIGH_AUTO));
	assert_int_equal(jm_weighing_parse("mass", &weighing), JM_E_NOT_FOUND);
	destroy(f);
}

static void windows_cut_intervals(void **state)
{
	struct fixture *f = make((double[N]){100, 50, 0}, 0);
	double cpu_s[N], children_s[N];

	(void)state;
	f->windows.n = 0;
	jm_stretches_add(&f->windows, 5 * S + 30 * MS, 7 * S + 60 * MS);
	jm_stretches_add(&f->windows, 9 * S, 9 * S + 10 * MS);
	run(f, JM_SPLIT_CPU_TIME, 0);
	NEAR(f->result.total_j, POWER_W * 2.04, 1e-6);
	jm_split_times(&f->split, &f->windows, cpu_s, children_s);
	NEAR(cpu_s[0], 2.04, 1e-6);
	assert_true(children_s[0] == 0);
	destroy(f);
}

static void where_nobody_looked_energy_is_nobodys(void **state)
{
	struct fixture *f = make((double[N]){100, 50, 0}, 0);

	(void)state;
	f->windows.items[0].end_ns = 30 * S;
	f->log.n_steps = 101;
	jm_split_finish(&f->split);
	f->log.n_samples = 101 * N;
	assert_int_equal(jm_split_init(&f->log, &f->split), 0);
	run(f, JM_SPLIT_CPU_TIME, 0);
	NEAR(f->result.unattributed_j, POWER_W * 10, 0.01);
	destroy(f);
}

static void an_unknown_machine_gives_no_figures(void **state)
{
	struct fixture *f = make((double[N]){100, 50, 0}, 0);
	size_t k;

	(void)state;
	for (k = 0; k < N_STEPS; k++)
		f->steps[k].is_idle_known = false;
	jm_split_finish(&f->split);
	assert_int_equal(jm_split_init(&f->log, &f->split), 0);
	run(f, JM_SPLIT_CPU_TIME, NAN);
	NEAR(f->result.unattributed_j, 1000, 1e-9);
	run(f, JM_SPLIT_CPU_TIME, 20);
	NEAR(f->result.unattributed_j, 600, 1e-9);
	destroy(f);
}

static void dram_goes_by_memory_and_the_rest_is_others(void **state)
{
	struct fixture *f = make((double[N]){100, 50, 0}, 0);

	(void)state;
	f->memory[0] = (struct jm_process_memory){.process = 0, .t_ns = 0, .pss_bytes = 400};
	f->memory[1] = (struct jm_process_memory){.process = 1, .t_ns = 0, .pss_bytes = 200};
	f->log.n_memory = 2;
	run(f, JM_SPLIT_MEMORY, 20);
	NEAR(f->parts[0].energy_j, 240, 1e-6);
	NEAR(f->parts[1].energy_j, 120, 1e-6);
	NEAR(f->parts[2].energy_j, 60, 1e-6); /* its PSS is not known: 100 resident */
	NEAR(f->result.others.energy_j, 180, 1e-6);
	destroy(f);
}

static void gpu(struct fixture *f, const int64_t sm[N + 1])
{
	size_t k, i;

	for (k = 0; k < N_STEPS; k++)
		for (i = 0; i < N; i++)
			f->gpu[f->log.n_gpu++] =
			    (struct jm_process_gpu){.process = i < 2 ? (uint32_t)i : JM_PROCESS_OTHERS,
						    .n = sm[i] > 0,
						    .t_ns = (int64_t)k * PERIOD,
						    .sm_ppm = sm[i],
						    .used_bytes = -1};
}

static void a_shared_gpu_goes_by_sm_time_within_bounds(void **state)
{
	struct fixture *f = make((double[N]){0, 0, 0}, 0);

	(void)state;
	gpu(f, (int64_t[]){600000, 200000, 0, 0});
	run(f, JM_SPLIT_SM_TIME, 20);
	NEAR(f->parts[0].energy_j, 450, 1e-6);
	NEAR(f->parts[0].low_j, 300, 1e-6);
	NEAR(f->parts[0].high_j, 450, 1e-6);
	NEAR(f->parts[1].energy_j, 150, 1e-6);
	NEAR(f->parts[1].high_j, 300, 1e-6);
	destroy(f);
}

static void a_gpu_used_by_one_is_certain(void **state)
{
	struct fixture *f = make((double[N]){0, 0, 0}, 0);

	(void)state;
	gpu(f, (int64_t[]){300000, 0, 0, 0});
	run(f, JM_SPLIT_SM_TIME, 20);
	NEAR(f->parts[0].energy_j, 600, 1e-6);
	NEAR(f->parts[0].low_j, 600, 1e-6);
	run(f, JM_SPLIT_SM_TIME, NAN);
	NEAR(f->parts[0].energy_j, 300, 1e-6);
	NEAR(f->result.idle_j, 700, 1e-6);
	destroy(f);
}

static void an_idle_gpus_energy_is_nobodys(void **state)
{
	struct fixture *f = make((double[N]){0, 0, 0}, 0);

	(void)state;
	gpu(f, (int64_t[]){0, 0, 0, 0});
	run(f, JM_SPLIT_SM_TIME, 20);
	NEAR(f->result.unattributed_j, 600, 1e-6);
	destroy(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(one_load_twice_the_other_gets_twice_the_energy),
	    cmocka_unit_test(others_get_their_part),
	    cmocka_unit_test(without_an_idle_level_unused_time_is_idle),
	    cmocka_unit_test(an_idle_level_above_the_power_takes_all),
	    cmocka_unit_test(more_time_than_the_machine_had_is_no_more_energy),
	    cmocka_unit_test(cycles_weigh_time),
	    cmocka_unit_test(others_weigh_what_the_machine_counted_beside),
	    cmocka_unit_test(what_was_not_counted_weighs_as_the_mean),
	    cmocka_unit_test(children_that_were_never_seen_weigh_as_the_mean),
	    cmocka_unit_test(where_nothing_was_counted_time_alone_decides),
	    cmocka_unit_test(dram_goes_by_misses_where_they_were_counted),
	    cmocka_unit_test(which_weight_was_taken_is_said_and_why_not_the_other),
	    cmocka_unit_test(windows_cut_intervals),
	    cmocka_unit_test(where_nobody_looked_energy_is_nobodys),
	    cmocka_unit_test(an_unknown_machine_gives_no_figures),
	    cmocka_unit_test(dram_goes_by_memory_and_the_rest_is_others),
	    cmocka_unit_test(a_shared_gpu_goes_by_sm_time_within_bounds),
	    cmocka_unit_test(a_gpu_used_by_one_is_certain),
	    cmocka_unit_test(an_idle_gpus_energy_is_nobodys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
