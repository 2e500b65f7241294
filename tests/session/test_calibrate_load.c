/* What a calibration plays, and the loads that play it. No time decides here: only order, sums and levels do. */
#define _GNU_SOURCE
#include "session/player.h"

#include "core/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MS INT64_C(1000000)

static struct jm_stimulus_options sixty_seconds(void)
{
	return (struct jm_stimulus_options){.seed = 1,
					    .duration_ns = 60000 * MS,
					    .steady_ns = 20000 * MS,
					    .is_slow = true,
					    .is_fast = true,
					    .n_levels = 8};
}

static void plan(const struct jm_stimulus_options *o, struct jm_load_piece **pieces, size_t *n)
{
	assert_int_equal(jm_stimulus_plan(o, pieces, n), 0);
}

static void pieces_follow_each_other_and_fill_the_time(void **state)
{
	struct jm_stimulus_options o = sixty_seconds();
	struct jm_load_piece *p;
	size_t n, i;

	(void)state;
	plan(&o, &p, &n);
	assert_int_equal(p[0].start_ns, 0);
	assert_true(p[0].level == 0 && p[n - 1].level == 0);
	for (i = 0; i < n; i++) {
		assert_true(p[i].end_ns > p[i].start_ns);
		assert_true(p[i].level >= 0 && p[i].level <= 1);
		if (i > 0) {
			assert_int_equal(p[i].start_ns, p[i - 1].end_ns);
			assert_true(p[i].level != p[i - 1].level || p[i].stage != p[i - 1].stage);
			assert_true(p[i].stage >= p[i - 1].stage);
		}
	}
	assert_int_equal(p[n - 1].end_ns, 80000 * MS);
	free(p);
}

static void a_seed_gives_one_plan_and_another_seed_another(void **state)
{
	struct jm_stimulus_options o = sixty_seconds();
	struct jm_load_piece *a, *b, *c;
	size_t n_a, n_b, n_c;

	(void)state;
	plan(&o, &a, &n_a);
	plan(&o, &b, &n_b);
	o.seed = 2;
	plan(&o, &c, &n_c);
	assert_int_equal(n_a, n_b);
	assert_memory_equal(a, b, n_a * sizeof(*a));
	assert_true(n_a != n_c || memcmp(a, c, n_a * sizeof(*a)) != 0);
	free(a);
	free(b);
	free(c);
}

/* Shortest, longest and on-time of a stage. */
static void measure(const struct jm_load_piece *p, size_t n, enum jm_load_stage stage, int64_t *low, int64_t *high,
		    double *on)
{
	double all_ns = 0, on_ns = 0;
	size_t i;

	*low = INT64_MAX;
	*high = 0;
	for (i = 0; i < n; i++) {
		int64_t d = p[i].end_ns - p[i].start_ns;

		if (p[i].stage != stage)
			continue;
		*low = d < *low ? d : *low;
		*high = d > *high ? d : *high;
		all_ns += (double)d;
		on_ns += (double)d * p[i].level;
	}
	*on = on_ns / all_ns;
}

static void bits_suit_the_sensors(void **state)
{
	struct jm_stimulus_options o = sixty_seconds();
	struct jm_load_piece *p;
	int64_t low, high;
	double on;
	size_t n;

	(void)state;
	for (o.seed = 0; o.seed < 20; o.seed++) {
		plan(&o, &p, &n);
		measure(p, n, JM_STAGE_SLOW, &low, &high, &on);
		assert_true(low >= 5 * MS && high <= 45 * MS && on > 0.4 && on < 0.6);
		measure(p, n, JM_STAGE_FAST, &low, &high, &on);
		assert_true(low >= MS / 2 && high <= 6 * MS && on > 0.4 && on < 0.6);
		measure(p, n, JM_STAGE_STEP, &low, &high, &on);
		assert_true(high >= 1000 * MS);
		free(p);
	}
}

static void a_coarse_load_gets_longer_bits_and_no_stairs(void **state)
{
	struct jm_stimulus_options o = sixty_seconds();
	struct jm_load_piece *p;
	int64_t low, high;
	double on;
	size_t n, i;

	(void)state;
	o.shortest_ns = 20 * MS;
	o.n_levels = 1;
	o.is_fast = false;
	plan(&o, &p, &n);
	measure(p, n, JM_STAGE_SLOW, &low, &high, &on);
	assert_true(low >= 20 * MS);
	for (i = 0; i < n; i++)
		assert_true((p[i].level == 0 || p[i].level == 1) && p[i].stage != JM_STAGE_STAIRS &&
			    p[i].stage != JM_STAGE_FAST);
	free(p);
}

static void too_little_time_is_refused(void **state)
{
	struct jm_stimulus_options o = sixty_seconds();
	struct jm_load_piece *p;
	size_t n;

	(void)state;
	o.duration_ns = 0;
	assert_int_equal(jm_stimulus_plan(&o, &p, &n), JM_E_INVALID);
	o.duration_ns = 10 * MS;
	assert_int_equal(jm_stimulus_plan(&o, &p, &n), JM_E_INVALID);
	o = sixty_seconds();
	o.is_slow = o.is_fast = false;
	assert_int_equal(jm_stimulus_plan(&o, &p, &n), JM_E_INVALID);
	assert_int_equal(jm_stimulus_locked(0, NAN, 16, 25, &p, &n), JM_E_INVALID);
}

static void a_locked_load_is_on_for_a_quarter_of_every_phase(void **state)
{
	double period_ns = 100.2e6, on_ns[16] = {0};
	struct jm_load_piece *p;
	size_t n, i;

	(void)state;
	assert_int_equal(jm_stimulus_locked(1000, period_ns, 16, 25, &p, &n), 0);
	for (i = 0; i < n; i++) {
		assert_int_equal(p[i].start_ns, i ? p[i - 1].end_ns : 1000);
		assert_true(p[i].group < 16);
		on_ns[p[i].group] += p[i].level * (double)(p[i].end_ns - p[i].start_ns);
	}
	for (i = 0; i < 16; i++)
		assert_float_equal(on_ns[i], 25 * period_ns / 4, 1000);
	assert_true(fabs((double)(p[n - 1].end_ns - 1000) - 400 * period_ns) < 10);
	free(p);
}

static int count(void *ctx, const char *what, uint64_t done, uint64_t total)
{
	(void)what;
	assert_true(done <= total);
	++*(int *)ctx;
	return 0;
}

static int stop(void *ctx, const char *what, uint64_t done, uint64_t total)
{
	(void)ctx;
	(void)what;
	(void)done;
	(void)total;
	return 1;
}

/* Plays a short plan and checks what must hold of the times that come back. */
static void play(struct jm_player *player, const struct jm_env *env)
{
	struct jm_stimulus_options o = {.seed = 5, .duration_ns = 600 * MS, .steady_ns = 100 * MS, .is_slow = true};
	struct jm_error err = {0};
	struct jm_load_piece *p;
	size_t n, i, n_played = 0;
	int64_t start_ns;
	int n_told = 0;

	o.n_levels = player->n_levels;
	o.shortest_ns = player->shortest_ns;
	plan(&o, &p, &n);
	start_ns = jm_env_now(env) + 10 * MS;
	for (i = 0; i < n; i++) {
		p[i].start_ns += start_ns;
		p[i].end_ns += start_ns;
	}
	if (jm_player_play(player, p, n, count, &n_told, &n_played, &err))
		fail_msg("%s", err.message);
	assert_int_equal(n_played, n);
	assert_true(n_told > 0);
	for (i = 0; i < n; i++) {
		assert_true(p[i].end_ns >= p[i].start_ns);
		assert_true(p[i].start_ns >= start_ns - 10 * MS);
		if (i > 0)
			assert_int_equal(p[i].start_ns, p[i - 1].end_ns);
	}
	/* Ahead of now, so that there is something to wait for. */
	for (i = 0; i < n; i++) {
		p[i].start_ns += 100000 * MS;
		p[i].end_ns += 100000 * MS;
	}
	assert_int_equal(jm_player_play(player, p, n, stop, NULL, &n_played, &err), JM_E_CANCELLED);
	assert_true(n_played < n);
	free(p);
}

static void threads_play_and_stop(void **state)
{
	struct jm_player player = {0};
	struct jm_env env;

	(void)state;
	jm_env_init(&env);
	assert_int_equal(jm_player_cpu(&env, 2, &player, NULL), 0);
	assert_int_equal(player.n_levels, 2);
	play(&player, &env);
	jm_player_finish(&player);
	jm_player_finish(&player);
	assert_int_equal(jm_player_cpu(&env, 1000000, &player, NULL), JM_E_INVALID);
}

static void a_command_is_stopped_and_continued(void **state)
{
	struct jm_player player = {0};
	struct jm_env env;

	(void)state;
	jm_env_init(&env);
	assert_int_equal(jm_player_command(&env, "while :; do :; done", false, &player, NULL), 0);
	play(&player, &env);
	jm_player_finish(&player);
}

static void a_told_command_reads_on_and_off_in_turn(void **state)
{
	char path[] = "/tmp/jm-told-XXXXXX", command[128], line[16];
	const char *expected[] = {"off\n", "on\n"};
	int fd = mkstemp(path), n = 0;
	struct jm_player player = {0};
	struct jm_env env;
	FILE *f;

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	jm_env_init(&env);
	snprintf(command, sizeof(command), "exec cat >%s", path);
	assert_int_equal(jm_player_command(&env, command, true, &player, NULL), 0);
	play(&player, &env);
	jm_player_finish(&player);
	f = fopen(path, "r");
	assert_non_null(f);
	/* Every playing begins with off. */
	while (fgets(line, sizeof(line), f) && n < 8)
		assert_string_equal(line, expected[n++ % 2]);
	assert_true(n >= 4);
	fclose(f);
	unlink(path);
}

static void a_command_that_ends_is_said(void **state)
{
	struct jm_load_piece p[] = {{.level = 1}, {.level = 0}};
	struct jm_player player = {0};
	struct jm_error err = {0};
	struct jm_env env;
	size_t n_played;
	int rc;

	(void)state;
	jm_env_init(&env);
	assert_int_equal(jm_player_command(&env, "exit 3", false, &player, NULL), 0);
	/* However long the shell takes to end: it is seen in the end. */
	do {
		p[0].start_ns = jm_env_now(&env);
		p[0].end_ns = p[1].start_ns = p[0].start_ns + MS;
		p[1].end_ns = p[1].start_ns + MS;
		rc = jm_player_play(&player, p, 2, NULL, NULL, &n_played, &err);
	} while (rc == 0);
	assert_int_equal(rc, JM_E_GONE);
	assert_non_null(strstr(err.message, "ended"));
	jm_player_finish(&player);
}

static void no_gpu_is_said_with_a_remedy(void **state)
{
	struct jm_player player = {0};
	struct jm_error err = {0};
	struct jm_env env;
	int rc;

	(void)state;
	jm_env_init(&env);
	rc = jm_player_gpu(&env, "GPU-00000000-0000-0000-0000-000000000000", &player, &err);
	assert_true(rc < 0);
	assert_true(err.message[0] && player.ops == NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(pieces_follow_each_other_and_fill_the_time),
	    cmocka_unit_test(a_seed_gives_one_plan_and_another_seed_another),
	    cmocka_unit_test(bits_suit_the_sensors),
	    cmocka_unit_test(a_coarse_load_gets_longer_bits_and_no_stairs),
	    cmocka_unit_test(too_little_time_is_refused),
	    cmocka_unit_test(a_locked_load_is_on_for_a_quarter_of_every_phase),
	    cmocka_unit_test(threads_play_and_stop),
	    cmocka_unit_test(a_command_is_stopped_and_continued),
	    cmocka_unit_test(a_told_command_reads_on_and_off_in_turn),
	    cmocka_unit_test(a_command_that_ends_is_said),
	    cmocka_unit_test(no_gpu_is_said_with_a_remedy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
