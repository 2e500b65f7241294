#define _GNU_SOURCE
#include "sensor/fake_world.h"

#include "core/units.h"
#include "recording/recording.h"

extern const struct jm_sensor_driver jm_sensor_replay;

#define BUFFER_ROOM 256
#define START INT64_C(1000000000000)

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

static int try_script(struct fake_world *w, const char *text)
{
	return jm_sensor_replay.probe(&w->env, fake_world_text(w, "/script", text), &w->set, &w->why);
}

static void play(struct fake_world *w, const char *text)
{
	size_t i;

	assert_int_equal(try_script(w, text), 0);
	for (i = 0; i < w->set.n_sensors; i++)
		assert_int_equal(jm_sensor_replay.open(&w->set.sensors[i], &w->why), 0);
}

/* Reads sensor i at t of the run; gives the code, the first sample's value in *value, a gap as INT64_MIN. */
static int read_at(struct fake_world *w, size_t i, int64_t t_ns, int64_t *value)
{
	struct jm_sensor *s = &w->set.sensors[i];
	struct jm_sample out[8];
	size_t n = 0;
	int rc;

	w->now_ns = START + t_ns;
	rc = s->driver->read(s, out, &n);
	if (!rc) {
		assert_int_equal(n, s->n_channels);
		*value = out[0].status == JM_SAMPLE_GAP ? INT64_MIN : out[0].value;
	}
	return rc;
}

static void a_polled_sensor_gives_the_newest_value(void **state)
{
	struct fake_world *w = *state;
	int64_t v = 0;

	play(w, "channel p power gauge\n0 1.5\n100ms 2\n0.2 3\n");
	assert_int_equal(read_at(w, 0, 0, &v), 0);
	assert_int_equal(v, 1500000);
	assert_int_equal(read_at(w, 0, 99 * JM_NS_PER_MS, &v), 0);
	assert_int_equal(v, 1500000);
	assert_int_equal(read_at(w, 0, 100 * JM_NS_PER_MS, &v), 0);
	assert_int_equal(v, 2000000);
	/* the last value holds for one more interval, then the device is gone */
	assert_int_equal(read_at(w, 0, 300 * JM_NS_PER_MS, &v), 0);
	assert_int_equal(v, 3000000);
	assert_int_equal(read_at(w, 0, 300 * JM_NS_PER_MS + 1, &v), JM_E_GONE);
}

static void gaps_are_gaps_until_the_next_value(void **state)
{
	struct fake_world *w = *state;
	int64_t v = 0;

	play(w, "channel p power gauge\n1 5\n2 gap\n3 p -\n4 p 7\n5 end\n");
	assert_int_equal(read_at(w, 0, 0, &v), 0);
	assert_true(v == INT64_MIN);
	assert_int_equal(read_at(w, 0, 1 * JM_NS_PER_S, &v), 0);
	assert_int_equal(v, 5000000);
	assert_int_equal(read_at(w, 0, 3 * JM_NS_PER_S, &v), 0);
	assert_true(v == INT64_MIN);
	assert_int_equal(read_at(w, 0, 4 * JM_NS_PER_S, &v), 0);
	assert_int_equal(v, 7000000);
}

static void errors_come_once_or_for_their_duration(void **state)
{
	struct fake_world *w = *state;
	int64_t v = 0;

	play(w, "channel p power gauge\n0 5\n1 error again\n2 error io 500ms\n3 error gone\n4 6\n");
	assert_int_equal(read_at(w, 0, 0, &v), 0);
	assert_int_equal(read_at(w, 0, JM_NS_PER_S, &v), JM_E_AGAIN);
	assert_int_equal(read_at(w, 0, JM_NS_PER_S + 1, &v), 0);
	assert_int_equal(read_at(w, 0, 2 * JM_NS_PER_S, &v), JM_E_IO);
	assert_int_equal(read_at(w, 0, 2 * JM_NS_PER_S + 499 * JM_NS_PER_MS, &v), JM_E_IO);
	assert_int_equal(read_at(w, 0, 2 * JM_NS_PER_S + 500 * JM_NS_PER_MS, &v), 0);
	assert_int_equal(read_at(w, 0, 3 * JM_NS_PER_S, &v), JM_E_GONE);
	assert_int_equal(read_at(w, 0, 4 * JM_NS_PER_S, &v), JM_E_GONE);
}

static void a_stall_takes_its_time(void **state)
{
	struct fake_world *w = *state;
	struct jm_sample out;
	size_t n = 0;

	play(w, "channel p power gauge\n0 5\n1 stall 300ms\n1.2 6\n9 end\n");
	assert_true(w->set.sensors[0].may_block);
	assert_int_equal(jm_sensor_replay.read(&w->set.sensors[0], &out, &n), 0);
	w->now_ns = START + JM_NS_PER_S;
	assert_int_equal(jm_sensor_replay.read(&w->set.sensors[0], &out, &n), 0);
	assert_true(w->slept_ns == 300 * JM_NS_PER_MS);
	assert_int_equal(out.value, 6000000);
	assert_int_equal(out.half_width_ns, 150 * JM_NS_PER_MS);
	assert_true(out.t_ns == START + JM_NS_PER_S + 150 * JM_NS_PER_MS);
}

static void an_interpolated_counter_has_step_period_and_wrap(void **state)
{
	struct fake_world *w = *state;
	int64_t v = 0;

	/* 100 W from 900 J on, wrapping at 1000 J, one update per 100 ms, steps of 1 J */
	play(w, "channel e energy counter wrap=1000 period=100ms step=1 interpolate=yes\n0 900\n10 1900\n");
	assert_true(w->set.sensors[0].min_period_ns == 100 * JM_NS_PER_MS);
	assert_int_equal(read_at(w, 0, 0, &v), 0);
	assert_int_equal(v, 900000000);
	assert_int_equal(read_at(w, 0, 199 * JM_NS_PER_MS, &v), 0);
	assert_int_equal(v, 910000000);
	assert_int_equal(read_at(w, 0, 900 * JM_NS_PER_MS, &v), 0);
	assert_int_equal(v, 990000000);
	assert_int_equal(read_at(w, 0, 1000 * JM_NS_PER_MS, &v), 0);
	assert_int_equal(v, 0);
	assert_int_equal(read_at(w, 0, 9999 * JM_NS_PER_MS, &v), 0);
	assert_int_equal(v, 890000000);
}

static void a_buffered_sensor_gives_every_value_once_with_its_time(void **state)
{
	struct fake_world *w = *state;
	struct jm_sensor *s;
	struct jm_sample *out;
	size_t n = 0, i;

	play(w, "sensor b mode=buffer drain=40ms\nchannel p power gauge period=10ms\nchannel t temperature gauge\n"
		"0 1 20\n10ms p 2\n20ms p 3\n30ms gap\n40ms error io\n41ms p 4\n42ms end\n");
	s = &w->set.sensors[0];
	assert_true(s->drain_period_ns == 40 * JM_NS_PER_MS);
	out = calloc(s->max_samples, sizeof(*out));
	assert_int_equal(s->driver->read(s, out, &n), 0);
	assert_int_equal(n, 2);
	assert_int_equal(out[1].value, 20000);
	assert_int_equal(s->driver->read(s, out, &n), JM_E_AGAIN);
	w->now_ns = START + JM_NS_PER_S;
	assert_int_equal(s->driver->read(s, out, &n), 0);
	assert_int_equal(n, 4);
	for (i = 0; i < 2; i++) {
		assert_true(out[i].t_ns == START + (int64_t)(i + 1) * 10 * JM_NS_PER_MS);
		assert_int_equal(out[i].value, (int64_t)(i + 2) * JM_UW_PER_W);
	}
	assert_int_equal(out[2].status, JM_SAMPLE_GAP);
	assert_int_equal(out[3].status, JM_SAMPLE_GAP);
	assert_int_equal(s->driver->read(s, out, &n), JM_E_IO);
	assert_int_equal(s->driver->read(s, out, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(s->driver->read(s, out, &n), JM_E_GONE);
	free(out);
}

static void channels_carry_what_the_script_says(void **state)
{
	struct fake_world *w = *state;
	const struct jm_channel *c;

	play(w, "# comment\r\nsensor a\r\nchannel whole power gauge domain=platform label=\"the whole board\" "
		"accuracy=0.05\n"
		"sensor b\nchannel part power mean part_of=whole state=estimated window=100ms lag=-2ms low=5 high=25.5 "
		"device=3 "
		"reason=\"from nothing\"\n0 1 2\n1 end # over\n");
	c = w->set.channels;
	assert_int_equal(w->set.n_sensors, 2);
	assert_string_equal(c[0].name, "replay/whole");
	assert_string_equal(c[0].label, "the whole board");
	assert_int_equal(c[0].domain, JM_DOMAIN_PLATFORM);
	assert_true(c[0].accuracy_fraction == 0.05);
	assert_int_equal(c[1].part_of, 0);
	assert_int_equal(c[1].kind, JM_KIND_WINDOW_MEAN);
	assert_int_equal(c[1].state, JM_STATE_ESTIMATED);
	assert_true(c[1].window_ns == 100 * JM_NS_PER_MS && c[1].lag_ns == -2 * JM_NS_PER_MS);
	assert_true(c[1].bound_low_uw == 5000000 && c[1].bound_high_uw == 25500000);
	assert_int_equal(c[1].device, 3);
	assert_int_equal(w->set.sensors[1].first_channel, 1);
	/* relations are shifted when a second file joins the set */
	assert_int_equal(try_script(w, "channel x power gauge\nchannel y power gauge part_of=x\n0 1 2\n"), 0);
	assert_int_equal(w->set.channels[3].part_of, 2);
}

static void sensors_of_a_file_share_the_start(void **state)
{
	struct fake_world *w = *state;
	int64_t v = 0;

	play(w, "sensor a\nchannel p power gauge\nsensor b\nchannel q power gauge\n0 1 10\n1 2 20\n2 end\n");
	assert_int_equal(read_at(w, 0, 0, &v), 0);
	assert_int_equal(read_at(w, 1, JM_NS_PER_S, &v), 0);
	assert_int_equal(v, 20000000);
}

static void faults_can_hit_one_sensor(void **state)
{
	struct fake_world *w = *state;
	int64_t v = 0;

	play(
	    w,
	    "sensor a\nchannel p power gauge\nsensor b\nchannel q power gauge\n0 1 10\n0 error gone sensor=a\n2 end\n");
	assert_int_equal(read_at(w, 0, 0, &v), JM_E_GONE);
	assert_int_equal(read_at(w, 1, 0, &v), 0);
}

static void hostile_scripts_are_refused_with_their_line(void **state)
{
	static const struct {
		const char *text, *line;
	} bad[] = {
	    {"", "script:0"},
	    {"# nothing\n", "script:1"},
	    {"channel p power gauge\n", "script:1"},
	    {"0 1\n", "script:1"},
	    {"channel p power\n", "script:1"},
	    {"channel 5 power gauge\n0 1\n", "script:1"},
	    {"channel gap power gauge\n0 1\n", "script:1"},
	    {"channel p watts gauge\n0 1\n", "script:1"},
	    {"channel p power meter\n0 1\n", "script:1"},
	    {"channel p power gauge color=red\n0 1\n", "script:1"},
	    {"channel p power gauge step\n0 1\n", "script:1"},
	    {"channel p power gauge wrap=-1\n0 1\n", "script:1"},
	    {"channel p power gauge window=-1s\n0 1\n", "script:1"},
	    {"channel p power gauge part_of=p\n0 1\n", "script:1"},
	    {"channel p power gauge label=\"x\n0 1\n", "script:1"},
	    {"channel p power gauge\nchannel p power gauge\n0 1\n", "script:2"},
	    {"channel p power gauge\n0 1\n2 2\n1 3\n", "script:4"},
	    {"channel p power gauge\n0 1 2\n", "script:2"},
	    {"channel p power gauge\n0 nan\n", "script:2"},
	    {"channel p power gauge\n0 1e300\n", "script:2"},
	    {"channel p power gauge\n0 0x10\n", "script:2"},
	    {"channel p energy counter\n0 -1\n", "script:2"},
	    {"channel p power gauge\n-1 1\n", "script:2"},
	    {"channel p power gauge\n0 error\n", "script:2"},
	    {"channel p power gauge\n0 error slow\n", "script:2"},
	    {"channel p power gauge\n0 error io 1 2\n", "script:2"},
	    {"channel p power gauge\n0 error io sensor=z\n", "script:2"},
	    {"channel p power gauge\n0 stall\n", "script:2"},
	    {"channel p power gauge\n0 end\n1 1\n", "script:3"},
	    {"channel p power gauge\n0 1\nchannel q power gauge\n", "script:3"},
	    {"sensor a\nsensor a\n", "script:2"},
	    {"sensor a mode=x\n", "script:1"},
	    {"channel p power gauge\n99999999h 1\n", "script:2"},
	    {"channel p power gauge\n0 stall 99999999h\n", "script:2"},
	    {"channel p power gauge\n0 q 1\n", "script:2"},
	};
	struct fake_world *w = *state;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(try_script(w, bad[i].text), JM_E_FORMAT);
		if (!strstr(w->why.message, bad[i].line))
			fail_msg("\"%s\" gave \"%s\"", bad[i].text, w->why.message);
		assert_int_equal(w->set.n_sensors, 0);
	}
}

static void noise_is_refused_and_never_crashes(void **state)
{
	static const char seed_text[] =
	    "sensor a mode=buffer drain=1ms\nchannel p power gauge step=1 period=1ms interpolate=yes\n"
	    "channel q energy counter wrap=10\n0 1 2\n1ms p 3\n2 error io 3s\n3 stall 1\n4 gap\n5 end\n";
	struct fake_world *w = *state;
	uint64_t x = 88172645463325252u;
	char text[sizeof(seed_text)];
	int i, k;

	print_message("seed %llu\n", (unsigned long long)x);
	for (i = 0; i < 1000; i++) {
		memcpy(text, seed_text, sizeof(text));
		for (k = 0; k < 1 + i % 6; k++) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
			text[x % (sizeof(text) - 1)] = (char)(x >> 32);
		}
		fake_world_write(w, "/noise", text, sizeof(text) - 1);
		if (jm_sensor_replay.probe(&w->env, w->paths[0], &w->set, &w->why) == 0) {
			struct jm_sensor *s = &w->set.sensors[0];
			struct jm_sample *out = calloc(s->max_samples, sizeof(*out));
			size_t n;

			for (k = 0; k < 12; k++) {
				w->now_ns += JM_NS_PER_S / 2;
				s->driver->read(s, out, &n);
			}
			free(out);
		}
		jm_sensor_set_finish(&w->set);
	}
}

static void a_missing_file_or_a_folder_is_an_error(void **state)
{
	struct fake_world *w = *state;

	assert_int_equal(jm_sensor_replay.probe(&w->env, "/no/such/script", &w->set, &w->why), JM_E_NOT_FOUND);
	assert_int_equal(jm_sensor_replay.probe(&w->env, w->folder, &w->set, &w->why), JM_E_FORMAT);
	assert_int_equal(jm_sensor_replay.probe(&w->env, NULL, &w->set, &w->why), JM_E_INVALID);
	fake_world_write(w, "/zeros", "channel\0", 8);
	assert_int_equal(jm_sensor_replay.probe(&w->env, w->paths[0], &w->set, &w->why), JM_E_FORMAT);
}

/* Writes two sensors: a counter and a gauge with a gap. */
static void write_recording(const char *path)
{
	static const struct jm_recording_sensor sensors[] = {{"a", "x", 0, 1}, {"b", "x", 1, 1}};
	static const struct jm_sample samples[] = {
	    {.t_ns = 5000, .value = 10, .channel = 0},
	    {.t_ns = 5500, .value = 7, .channel = 1, .half_width_ns = 20, .device_us = 99},
	    {.t_ns = 6000, .value = 12, .channel = 0},
	    {.t_ns = 6500, .channel = 1, .status = JM_SAMPLE_GAP},
	    {.t_ns = 7000, .value = 15, .channel = 0},
	    {.t_ns = 7500, .value = 8, .channel = 1},
	};
	struct jm_channel channels[2];
	struct jm_sample_sink sink;
	struct jm_writer *writer;
	struct jm_error err;
	size_t i;

	jm_channel_init(&channels[0], "x/energy");
	channels[0].quantity = JM_QUANTITY_ENERGY;
	channels[0].kind = JM_KIND_COUNTER;
	jm_channel_init(&channels[1], "x/power");
	channels[1].part_of = 0;
	assert_int_equal(jm_writer_create(path, true, &writer, &err), 0);
	assert_int_equal(jm_writer_sensors(writer, sensors, 2, channels, 2), 0);
	sink = jm_writer_sample_sink(writer);
	for (i = 0; i < sizeof(samples) / sizeof(samples[0]); i++)
		assert_int_equal(sink.write(sink.ctx, &samples[i], 1), 0);
	assert_int_equal(jm_writer_close(writer, &err), 0);
}

static void a_recording_is_played_as_it_was(void **state)
{
	struct fake_world *w = *state;
	const char *path = fake_world_text(w, "/run.jm", "");
	struct jm_sample out[BUFFER_ROOM];
	struct jm_sensor *a, *b;
	size_t n = 0;

	write_recording(path);
	assert_int_equal(jm_sensor_replay.probe(&w->env, path, &w->set, &w->why), 0);
	assert_int_equal(w->set.n_sensors, 2);
	a = &w->set.sensors[0];
	b = &w->set.sensors[1];
	assert_string_equal(w->set.channels[1].name, "replay/x/power");
	assert_int_equal(w->set.channels[1].part_of, 0);
	assert_int_equal(w->set.channels[0].kind, JM_KIND_COUNTER);
	assert_true(a->drain_period_ns > 0 && a->max_samples <= BUFFER_ROOM);
	assert_int_equal(jm_sensor_replay.open(a, &w->why), 0);
	assert_int_equal(jm_sensor_replay.open(b, &w->why), 0);
	assert_int_equal(jm_sensor_replay.read(a, out, &n), 0);
	assert_int_equal(n, 1);
	assert_true(out[0].t_ns == START && out[0].value == 10);
	w->now_ns += 2500;
	assert_int_equal(jm_sensor_replay.read(b, out, &n), 0);
	assert_int_equal(n, 3);
	assert_true(out[0].t_ns == START + 500 && out[0].half_width_ns == 20 && out[0].device_us == 99);
	assert_int_equal(out[1].status, JM_SAMPLE_GAP);
	assert_true(out[2].t_ns == START + 2500 && out[2].value == 8);
	assert_int_equal(jm_sensor_replay.read(a, out, &n), 0);
	assert_int_equal(n, 2);
	w->now_ns += 1;
	assert_int_equal(jm_sensor_replay.read(a, out, &n), JM_E_GONE);
}

static void a_damaged_recording_is_refused(void **state)
{
	struct fake_world *w = *state;
	const char *path = fake_world_write(w, "/bad.jm", "SQLite format 3\0 and then nothing", 32);

	assert_true(jm_sensor_replay.probe(&w->env, path, &w->set, &w->why) < 0);
	assert_int_equal(w->set.n_sensors, 0);
	assert_true(w->why.message[0] != '\0');
}

/* docs/replay-format.md: its first block of code is a script. */
static void the_example_of_the_document_plays(void **state)
{
	struct fake_world *w = *state;
	char text[16384];
	FILE *f = fopen(JM_SOURCE_DIR "/docs/replay-format.md", "r");
	char *from, *to;
	int64_t v = 0;

	assert_non_null(f);
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	from = strstr(text, "```\n");
	assert_non_null(from);
	to = strstr(from + 4, "```");
	assert_non_null(to);
	*to = '\0';
	play(w, from + 4);
	assert_int_equal(w->set.channels[1].same_as, 0);
	assert_int_equal(read_at(w, 0, 0, &v), 0);
	assert_int_equal(v, 100000000);
	/* 900 J at 0, 1000 J at 1 s, 1600 J at 3 s: 1300 J at 2 s, and the counter wraps at 1000 J */
	assert_int_equal(read_at(w, 1, 2 * JM_NS_PER_S, &v), 0);
	assert_int_equal(v, 300000000);
	assert_int_equal(read_at(w, 0, 3500 * JM_NS_PER_MS + 1, &v), JM_E_GONE);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(a_polled_sensor_gives_the_newest_value),
	    TEST(gaps_are_gaps_until_the_next_value),
	    TEST(errors_come_once_or_for_their_duration),
	    TEST(a_stall_takes_its_time),
	    TEST(an_interpolated_counter_has_step_period_and_wrap),
	    TEST(a_buffered_sensor_gives_every_value_once_with_its_time),
	    TEST(channels_carry_what_the_script_says),
	    TEST(sensors_of_a_file_share_the_start),
	    TEST(faults_can_hit_one_sensor),
	    TEST(hostile_scripts_are_refused_with_their_line),
	    TEST(noise_is_refused_and_never_crashes),
	    TEST(a_missing_file_or_a_folder_is_an_error),
	    TEST(the_example_of_the_document_plays),
	    TEST(a_recording_is_played_as_it_was),
	    TEST(a_damaged_recording_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
