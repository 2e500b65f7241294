#define _GNU_SOURCE
#include "sensor/fake_world.h"

#include "core/units.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

extern const struct jm_sensor_driver jm_sensor_exec;

static int set_up(void **state)
{
	struct fake_world *w = malloc(sizeof(*w));

	fake_world_init(w);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	fake_world_finish(*state);
	free(*state);
	return 0;
}

static struct jm_sensor *start(struct fake_world *w, const char *argument)
{
	assert_int_equal(jm_sensor_exec.probe(&w->env, argument, &w->set, &w->why), 0);
	assert_int_equal(jm_sensor_exec.open(&w->set.sensors[0], &w->why), 0);
	return &w->set.sensors[0];
}

/* Reads until the program is gone, 10 s at most; gives the samples. */
static size_t drain(struct fake_world *w, struct jm_sensor *s, struct jm_sample *all)
{
	struct jm_sample *out = calloc(s->max_samples, sizeof(*out));
	size_t n_all = 0;
	int i, rc = 0;

	for (i = 0; i < 10000 && rc != JM_E_GONE; i++) {
		size_t n = 0;

		w->now_ns += JM_NS_PER_MS;
		rc = s->driver->read(s, out, &n);
		assert_true(rc == 0 || rc == JM_E_AGAIN || rc == JM_E_GONE);
		memcpy(all + n_all, out, n * sizeof(*out));
		n_all += n;
		if (rc == JM_E_AGAIN)
			poll(NULL, 0, 1);
	}
	assert_int_equal(rc, JM_E_GONE);
	free(out);
	return n_all;
}

static void every_line_becomes_a_sample_and_the_end_is_seen(void **state)
{
	struct fake_world *w = *state;
	struct jm_sensor *s = start(w, "printf 'power [W]\\n10\\n20.5 W\\n\\nN/A\\n30\\nunfinished'");
	struct jm_sample all[16];
	int64_t first_ns = w->now_ns;

	assert_int_equal(drain(w, s, all), 4);
	assert_int_equal(all[0].value, 10000000);
	assert_int_equal(all[1].value, 20500000);
	assert_int_equal(all[2].status, JM_SAMPLE_GAP);
	assert_int_equal(all[3].value, 30000000);
	assert_int_equal(all[3].status, JM_SAMPLE_OK);
	/* each line came between two looks */
	assert_true(all[0].t_ns - (int64_t)all[0].half_width_ns >= first_ns);
	assert_true(all[0].t_ns + (int64_t)all[0].half_width_ns <= w->now_ns);
	assert_true(all[0].half_width_ns > 0);
}

static void lines_without_a_value_are_told(void **state)
{
	struct fake_world *w = *state;
	struct jm_sensor *s = start(w, "printf 'gar\\001bage\\nmore\\n'");
	struct jm_sample all[16];
	char text[400];

	assert_int_equal(drain(w, s, all), 0);
	assert_true(s->driver->remark(s, text, sizeof(text)));
	assert_non_null(strstr(text, "2 of the 2 lines"));
	assert_non_null(strstr(text, "\"gar.bage\""));
}

static void headings_and_single_failures_are_not(void **state)
{
	struct fake_world *w = *state;
	struct jm_sensor *s = start(w, "printf 'power\\n1\\n2\\n3\\n4\\n5\\n6\\n7\\n8\\n9\\n'");
	struct jm_sample all[16];
	char text[400];

	assert_int_equal(drain(w, s, all), 9);
	assert_false(s->driver->remark(s, text, sizeof(text)));
}

/* A program that prints without end is read in bounded looks. */
static void one_look_takes_only_so_much(void **state)
{
	struct fake_world *w = *state;
	struct jm_sensor *s = start(w, "yes garbage");
	struct jm_sample *out = calloc(s->max_samples, sizeof(*out));
	char text[400];
	unsigned long long n_bad = 0;
	size_t n;
	int i;

	for (i = 0; i < 50; i++)
		assert_int_equal(s->driver->read(s, out, &n), JM_E_AGAIN);
	if (s->driver->remark(s, text, sizeof(text)))
		sscanf(strchr(text, ':') + 1, "%llu", &n_bad);
	/* 32 KiB and a buffer beyond it in each look, 8 bytes a line. */
	assert_true(n_bad <= 50 * (32768 + 4096) / 8);
	free(out);
}

static void the_program_sees_a_terminal(void **state)
{
	struct fake_world *w = *state;
	struct jm_sample all[4];

	assert_int_equal(drain(w, start(w, "test -t 1 && echo 1 || echo 2"), all), 1);
	assert_int_equal(all[0].value, 1000000);
}

static void many_lines_overflow_nothing(void **state)
{
	struct fake_world *w = *state;
	static struct jm_sample all[3001];
	size_t i;

	assert_int_equal(drain(w, start(w, "seq 1 3000"), all), 3000);
	for (i = 0; i < 3000; i++)
		assert_int_equal(all[i].value, (int64_t)(i + 1) * JM_UW_PER_W);
}

static void a_line_longer_than_the_buffer_is_a_gap(void **state)
{
	struct fake_world *w = *state;
	struct jm_sample all[8];

	assert_int_equal(drain(w, start(w, "echo 1; head -c 10000 /dev/zero | tr '\\0' 7; echo; echo 2"), all), 3);
	assert_int_equal(all[0].value, 1000000);
	assert_int_equal(all[1].status, JM_SAMPLE_GAP);
	assert_int_equal(all[2].value, 2000000);
}

static void a_command_that_does_not_exist_fails_at_open(void **state)
{
	struct fake_world *w = *state;

	assert_int_equal(jm_sensor_exec.probe(&w->env, "/no/such/meter 5", &w->set, &w->why), 0);
	assert_int_equal(jm_sensor_exec.open(&w->set.sensors[0], &w->why), JM_E_NOT_FOUND);
	assert_non_null(strstr(w->why.message, "/no/such/meter"));
	assert_true(w->why.remedy[0] != '\0');
	assert_false(w->set.sensors[0].is_open);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static void close_ends_the_whole_group_and_leaves_no_zombie(void **state)
{
	struct fake_world *w = *state;
	struct jm_sensor *s = start(w, "sleep 1000 & echo $!; wait");
	struct jm_sample *out = calloc(s->max_samples, sizeof(*out));
	size_t n = 0;
	pid_t pid;
	int i;

	for (i = 0; i < 10000 && n == 0; i++)
		if (s->driver->read(s, out, &n) == JM_E_AGAIN)
			poll(NULL, 0, 1);
	assert_int_equal(n, 1);
	pid = (pid_t)(out[0].value / JM_UW_PER_W);
	assert_true(pid > 1);
	free(out);
	s->driver->close(s);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	/* the grandchild belongs to init now: it is gone, or its death is being noticed */
	for (i = 0; i < 5000 && kill(pid, 0) == 0; i++) {
		char path[64], text[512] = "";
		FILE *f;

		snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
		f = fopen(path, "r");
		if (!f || !fgets(text, sizeof(text), f) || strstr(text, ") Z")) {
			if (f)
				fclose(f);
			break;
		}
		fclose(f);
		poll(NULL, 0, 1);
	}
	assert_true(i < 5000);
	s->driver->close(s);
}

static void a_program_that_ignores_the_request_is_killed(void **state)
{
	struct fake_world *w = *state;
	struct jm_sensor *s = start(w, "trap '' TERM HUP; echo 1; while :; do sleep 1; done");
	struct jm_sample *out = calloc(s->max_samples, sizeof(*out));
	size_t n = 0;
	int i;

	for (i = 0; i < 10000 && n == 0; i++)
		if (s->driver->read(s, out, &n) == JM_E_AGAIN)
			poll(NULL, 0, 1);
	free(out);
	assert_int_equal(n, 1);
	s->driver->close(s);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static void the_channel_follows_the_options(void **state)
{
	struct fake_world *w = *state;

	assert_int_equal(jm_sensor_exec.probe(&w->env, "unit=J;name=wall;period=50ms;meter 'a b'", &w->set, &w->why),
			 0);
	assert_string_equal(w->set.channels[0].name, "exec/wall");
	assert_int_equal(w->set.channels[0].quantity, JM_QUANTITY_ENERGY);
	assert_int_equal(w->set.channels[0].kind, JM_KIND_COUNTER);
	assert_true(w->set.channels[0].update_period_ns == 50 * JM_NS_PER_MS);
	assert_int_equal(jm_sensor_exec.probe(&w->env, "window=1s;meter", &w->set, &w->why), 0);
	assert_int_equal(w->set.channels[1].kind, JM_KIND_WINDOW_MEAN);
	assert_int_equal(jm_sensor_exec.probe(&w->env, "meter 'a", &w->set, &w->why), JM_E_INVALID);
	assert_int_equal(jm_sensor_exec.probe(&w->env, NULL, &w->set, &w->why), JM_E_INVALID);
	assert_int_equal(w->set.n_sensors, 2);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(every_line_becomes_a_sample_and_the_end_is_seen),
	    TEST(lines_without_a_value_are_told),
	    TEST(headings_and_single_failures_are_not),
	    TEST(one_look_takes_only_so_much),
	    TEST(the_program_sees_a_terminal),
	    TEST(many_lines_overflow_nothing),
	    TEST(a_line_longer_than_the_buffer_is_a_gap),
	    TEST(a_command_that_does_not_exist_fails_at_open),
	    TEST(close_ends_the_whole_group_and_leaves_no_zombie),
	    TEST(a_program_that_ignores_the_request_is_killed),
	    TEST(the_channel_follows_the_options),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
