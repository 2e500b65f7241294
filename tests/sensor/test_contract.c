/* What every driver owes the sampler, whatever it finds: run over all registered drivers, on worlds good and hostile.
 *   */
#include "support/sensors.h"

#include <errno.h>

#define READS 3

static const struct jm_sensor_driver *const *drivers(void)
{
	return jm_sensor_drivers;
}

/* A perf event that opens and never gives a value. */
static long open_dead_event(void *ctx, void *attr, pid_t pid, int cpu, int group_fd, unsigned long flags)
{
	(void)ctx;
	(void)attr;
	(void)pid;
	(void)cpu;
	(void)group_fd;
	(void)flags;
	return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static long refuse_event(void *ctx, void *attr, pid_t pid, int cpu, int group_fd, unsigned long flags)
{
	(void)ctx;
	(void)attr;
	(void)pid;
	(void)cpu;
	(void)group_fd;
	(void)flags;
	errno = EACCES;
	return -1;
}

static int no_sleep(void *ctx, int64_t t_ns)
{
	(void)ctx;
	(void)t_ns;
	return 0;
}

/* A machine that has something for every driver that lives on files. */
static void begin_rich(struct bench *b)
{
	bench_begin(b, "intel-laptop");
	tree_copy_fixture(&b->tree, "gpu-desktop");
	tree_copy_fixture(&b->tree, "jetson-nano-iio");
	tree_write(&b->tree, "/sys/class/power_supply/BAT0/type", "Battery\n");
	tree_write(&b->tree, "/sys/class/power_supply/BAT0/status", "Discharging\n");
	tree_write(&b->tree, "/sys/class/power_supply/BAT0/power_now", "9000000\n");
	tree_write(&b->tree, "/sys/bus/event_source/devices/power/type", "23\n");
	tree_write(&b->tree, "/sys/bus/event_source/devices/power/cpumask", "0\n");
	tree_write(&b->tree, "/sys/bus/event_source/devices/power/events/energy-pkg", "event=0x02\n");
	tree_write(&b->tree, "/sys/bus/event_source/devices/power/events/energy-pkg.unit", "Joules\n");
	tree_write(&b->tree, "/sys/bus/event_source/devices/power/events/energy-pkg.scale",
		   "2.3283064365386962890625e-10\n");
	tree_write(&b->tree, "/proc/stat", "cpu  100 0 100 1000 0 0 0 0 0 0\ncpu0 100 0 100 1000 0 0 0 0 0 0\n");
	b->env.perf_event_open = open_dead_event;
	b->env.sleep_until_ns = no_sleep;
}

static void overwrite(const char *file, void *ctx)
{
	FILE *f = fopen(file, "w");

	tree_require(f != NULL, "fopen", file);
	fputs(ctx, f);
	fclose(f);
}

static void shrink(const char *file, void *ctx)
{
	(void)ctx;
	tree_require(truncate(file, 0) == 0, "truncate", file);
}

static void forbid(const char *file, void *ctx)
{
	(void)ctx;
	chmod(file, 0);
}

static void set_all(const struct bench *b, const char *text)
{
	char copy[32768];

	snprintf(copy, sizeof(copy), "%s", text);
	tree_walk(b->tree.root, overwrite, NULL, copy);
}

static void check_indices(const struct jm_sensor_set *set)
{
	size_t i, j;
	int steps, at;

	for (i = 0; i < set->n_channels; i++) {
		const struct jm_channel *c = &set->channels[i];

		assert_true(c->part_of >= -1 && c->part_of < (int)set->n_channels);
		assert_true(c->same_as >= -1 && c->same_as < (int)set->n_channels);
		assert_int_not_equal(c->same_as, i);
		/* Going up from part to whole ends. */
		for (at = (int)i, steps = 0; at >= 0; at = set->channels[at].part_of)
			assert_true(steps++ <= (int)set->n_channels);
		for (j = 0; j < i; j++)
			assert_string_not_equal(c->name, set->channels[j].name);
	}
}

static void check_channels(const struct jm_sensor_driver *d, const struct jm_sensor_set *set)
{
	size_t i, next = 0;

	for (i = 0; i < set->n_sensors; i++) {
		const struct jm_sensor *s = &set->sensors[i];

		assert_ptr_equal(s->driver, d);
		assert_int_equal(s->first_channel, next);
		assert_in_range(s->n_channels, 1, JM_SENSOR_CHANNELS_MAX);
		assert_true(s->max_samples >= s->n_channels);
		assert_false(s->is_open);
		next += s->n_channels;
	}
	assert_int_equal(next, set->n_channels);
	for (i = 0; i < set->n_channels; i++) {
		const struct jm_channel *c = &set->channels[i];

		assert_int_equal(strncmp(c->name, d->name, strlen(d->name)), 0);
		assert_true(c->name[strlen(d->name)] == '/' || c->name[strlen(d->name)] == '\0');
		if (c->state != JM_STATE_MEASURED)
			assert_true(c->reason[0] != '\0');
	}
	check_indices(set);
}

/* Reads a sensor, checks the samples' shape, gives how many were readings. */
static size_t read_checked(const struct jm_env *env, struct jm_sensor *s)
{
	struct jm_sample *out = calloc(s->max_samples, sizeof(*out));
	int64_t before_ns = jm_env_now(env);
	size_t n = 0, n_ok = 0, i;
	int rc = s->driver->read(s, out, &n);

	assert_non_null(out);
	if (rc == 0) {
		assert_true(n <= s->max_samples);
		if (s->drain_period_ns == 0)
			assert_int_equal(n, s->n_channels);
	} else {
		assert_true(rc < 0);
		n = 0;
	}
	for (i = 0; i < n; i++) {
		assert_in_range(out[i].channel, s->first_channel, s->first_channel + s->n_channels - 1);
		assert_true(out[i].status == JM_SAMPLE_OK || out[i].status == JM_SAMPLE_GAP);
		if (s->drain_period_ns == 0)
			assert_true(out[i].t_ns >= before_ns && out[i].t_ns <= jm_env_now(env));
		n_ok += out[i].status == JM_SAMPLE_OK;
	}
	free(out);
	return n_ok;
}

/* Opens what opens, reads it a few times. Gives how many readings came. */
static size_t open_and_read(struct bench *b)
{
	size_t i, n_ok = 0;
	int j;

	for (i = 0; i < b->set.n_sensors; i++) {
		struct jm_sensor *s = &b->set.sensors[i];
		struct jm_error err = {0};
		int rc = s->driver->open(s, &err);

		assert_true(rc <= 0);
		if (rc) {
			assert_true(err.message[0] != '\0');
			s->driver->close(s);
			continue;
		}
		s->is_open = true;
		for (j = 0; j < READS; j++)
			n_ok += read_checked(&b->env, s);
	}
	return n_ok;
}

/* Reads what is open once more. */
static size_t read_open(struct bench *b)
{
	size_t i, n_ok = 0;

	for (i = 0; i < b->set.n_sensors; i++)
		if (b->set.sensors[i].is_open)
			n_ok += read_checked(&b->env, &b->set.sensors[i]);
	return n_ok;
}

static void probe_checked(struct bench *b, const struct jm_sensor_driver *d)
{
	memset(&b->why, 0, sizeof(b->why));
	assert_int_equal(d->probe(&b->env, NULL, &b->set, &b->why), 0);
	check_channels(d, &b->set);
	if (b->set.n_sensors == 0)
		assert_true(b->why.message[0] != '\0');
}

static void finish_checked(struct bench *b, int n_descriptors)
{
	size_t i;

	for (i = 0; i < b->set.n_sensors; i++) {
		b->set.sensors[i].driver->close(&b->set.sensors[i]);
		b->set.sensors[i].driver->close(&b->set.sensors[i]);
		b->set.sensors[i].is_open = false;
	}
	assert_int_equal(tree_count_descriptors(), n_descriptors);
	jm_sensor_set_finish(&b->set);
	assert_int_equal(tree_count_descriptors(), n_descriptors);
}

/* Runs body over every driver that can be probed without an argument. */
static void for_each(void (*begin)(struct bench *b), void (*body)(struct bench *b, const struct jm_sensor_driver *d))
{
	size_t i;

	for (i = 0; drivers()[i]; i++) {
		int n_descriptors = tree_count_descriptors();
		struct bench b;

		if (drivers()[i]->needs_argument)
			continue;
		begin(&b);
		body(&b, drivers()[i]);
		finish_checked(&b, n_descriptors);
		bench_end(&b);
	}
}

static void begin_empty(struct bench *b)
{
	bench_begin(b, NULL);
	b->env.sleep_until_ns = no_sleep;
}

static void probe_only(struct bench *b, const struct jm_sensor_driver *d)
{
	probe_checked(b, d);
}

static void an_empty_root_is_explained(void **state)
{
	(void)state;
	for_each(begin_empty, probe_only);
}

static void read_good(struct bench *b, const struct jm_sensor_driver *d)
{
	probe_checked(b, d);
	(void)open_and_read(b);
}

static void a_rich_world_is_read_and_leaves_no_descriptor(void **state)
{
	(void)state;
	for_each(begin_rich, read_good);
}

static void file_drivers_find_something_in_the_rich_world(void **state)
{
	static const char *const names[] = {"rapl_powercap", "hwmon", "jetson", "battery"};
	struct bench b;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		begin_rich(&b);
		probe_checked(&b, jm_sensor_driver_find(names[i]));
		assert_int_equal(open_and_read(&b), READS * b.set.n_channels);
		bench_end(&b);
	}
}

static void read_forbidden(struct bench *b, const struct jm_sensor_driver *d)
{
	tree_walk(b->tree.root, forbid, NULL, NULL);
	b->env.perf_event_open = refuse_event;
	if (!tree_be_nobody())
		return;
	probe_checked(b, d);
	assert_int_equal(open_and_read(b), 0);
	tree_be_back();
}

static void lack_of_permission_gives_no_reading(void **state)
{
	(void)state;
	for_each(begin_rich, read_forbidden);
}

static const char *bad_text;

static void read_bad(struct bench *b, const struct jm_sensor_driver *d)
{
	set_all(b, bad_text);
	probe_checked(b, d);
	assert_int_equal(open_and_read(b), 0);
}

static void read_turned_bad(struct bench *b, const struct jm_sensor_driver *d)
{
	probe_checked(b, d);
	(void)open_and_read(b);
	set_all(b, bad_text);
	assert_int_equal(read_open(b), 0);
}

static char long_text[20000];

static const char *const bad_texts[] = {"", "\n", "garbage \xff\n", "12 34\n", "1e9999\n", "0x10\n", long_text};

static void garbage_gives_no_reading(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad_texts) / sizeof(bad_texts[0]); i++) {
		bad_text = bad_texts[i];
		for_each(begin_rich, read_bad);
	}
}

static void files_that_turn_bad_give_no_reading(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad_texts) / sizeof(bad_texts[0]); i++) {
		bad_text = bad_texts[i];
		for_each(begin_rich, read_turned_bad);
	}
}

static void read_shrunk(struct bench *b, const struct jm_sensor_driver *d)
{
	probe_checked(b, d);
	(void)open_and_read(b);
	tree_walk(b->tree.root, shrink, NULL, NULL);
	assert_int_equal(read_open(b), 0);
}

static void files_that_shrink_give_no_reading(void **state)
{
	(void)state;
	for_each(begin_rich, read_shrunk);
}

static void read_vanished(struct bench *b, const struct jm_sensor_driver *d)
{
	probe_checked(b, d);
	(void)open_and_read(b);
	tree_remove(&b->tree);
	(void)read_open(b);
}

static void files_that_vanish_do_no_harm(void **state)
{
	(void)state;
	for_each(begin_rich, read_vanished);
}

static void open_vanished(struct bench *b, const struct jm_sensor_driver *d)
{
	probe_checked(b, d);
	tree_remove(&b->tree);
	(void)open_and_read(b);
}

static void opening_what_has_vanished_fails_cleanly(void **state)
{
	(void)state;
	for_each(begin_rich, open_vanished);
}

static void close_unopened(struct bench *b, const struct jm_sensor_driver *d)
{
	size_t i;

	probe_checked(b, d);
	for (i = 0; i < b->set.n_sensors; i++)
		d->close(&b->set.sensors[i]);
}

static void closing_what_was_never_opened_does_no_harm(void **state)
{
	(void)state;
	for_each(begin_rich, close_unopened);
}

static void open_again(struct bench *b, const struct jm_sensor_driver *d)
{
	size_t i, n_first;

	probe_checked(b, d);
	n_first = open_and_read(b);
	for (i = 0; i < b->set.n_sensors; i++) {
		d->close(&b->set.sensors[i]);
		b->set.sensors[i].is_open = false;
	}
	/* The estimate driver's first reading after an open may be a gap each time: never fewer than before. */
	assert_true(open_and_read(b) >= n_first);
}

static void a_closed_sensor_opens_again(void **state)
{
	(void)state;
	for_each(begin_rich, open_again);
}

static void bad_arguments_fail_or_find_nothing_to_read(void **state)
{
	static const char *const arguments[] = {"", "/nonexistent/joulemap", "\x01", "a=b;c=d"};
	size_t i, j;

	(void)state;
	for (i = 0; drivers()[i]; i++)
		for (j = 0; j < sizeof(arguments) / sizeof(arguments[0]); j++) {
			int n_descriptors = tree_count_descriptors(), rc;
			struct bench b;

			begin_empty(&b);
			rc = drivers()[i]->probe(&b.env, arguments[j], &b.set, &b.why);
			assert_true(rc <= 0);
			if (rc)
				assert_true(b.why.message[0] != '\0');
			jm_sensor_set_finish(&b.set);
			assert_int_equal(tree_count_descriptors(), n_descriptors);
			bench_end(&b);
		}
}

static void every_driver_says_what_it_is(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; drivers()[i]; i++) {
		const struct jm_sensor_driver *d = drivers()[i];

		assert_ptr_equal(jm_sensor_driver_find(d->name), d);
		assert_true(d->summary && d->summary[0]);
		assert_true(d->probe && d->open && d->read && d->close);
		if (d->needs_argument)
			assert_non_null(d->argument_help);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_driver_says_what_it_is),
	    cmocka_unit_test(an_empty_root_is_explained),
	    cmocka_unit_test(a_rich_world_is_read_and_leaves_no_descriptor),
	    cmocka_unit_test(file_drivers_find_something_in_the_rich_world),
	    cmocka_unit_test(lack_of_permission_gives_no_reading),
	    cmocka_unit_test(garbage_gives_no_reading),
	    cmocka_unit_test(files_that_turn_bad_give_no_reading),
	    cmocka_unit_test(files_that_shrink_give_no_reading),
	    cmocka_unit_test(files_that_vanish_do_no_harm),
	    cmocka_unit_test(opening_what_has_vanished_fails_cleanly),
	    cmocka_unit_test(closing_what_was_never_opened_does_no_harm),
	    cmocka_unit_test(a_closed_sensor_opens_again),
	    cmocka_unit_test(bad_arguments_fail_or_find_nothing_to_read),
	};

	memset(long_text, '7', sizeof(long_text) - 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
