/* The store of calibrations: what was stored comes back, what does not hold is refused, hostile files do no harm. */
#define _GNU_SOURCE
#include "session/calibration.h"

#include "core/error.h"
#include "core/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct store {
	char folder[64], path[JM_PATH_MAX];
	struct jm_env env;
	struct jm_channel channel;
	struct jm_calibration made;
	struct jm_error err;
};

static int set_up(void **state)
{
	struct store *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	strcpy(s->folder, "/tmp/jm-calibration-XXXXXX");
	assert_non_null(mkdtemp(s->folder));
	setenv("XDG_DATA_HOME", s->folder, 1);
	jm_env_init(&s->env);
	jm_channel_init(&s->channel, "hwmon/meter/power1");
	strcpy(s->channel.label, "input \"A\", ..");
	jm_calibration_init(&s->made);
	jm_calibration_identify(&s->made, &s->env, "hwmon", &s->channel);
	s->made.response = (struct jm_response){.family = JM_RESPONSE_RC_BOX,
						.lag_s = -0.002,
						.box_s = 0.005,
						.tau_s = 0.012,
						.lag_sd_s = 1e-4,
						.box_sd_s = 2e-4,
						.tau_sd_s = 3e-4,
						.period_s = 0.02,
						.noise_w = 0.3,
						.residual_fraction = 0.01,
						.is_lag_anchored = true};
	s->made.hold_out_w[1] = 1.5;
	s->made.swing_w = 300;
	s->made.full_time = JM_FULL_TIME_NO;
	s->made.is_accepted = 1;
	assert_int_equal(jm_calibration_path(&s->env, s->channel.name, false, s->path, sizeof(s->path), NULL), 0);
	*state = s;
	return 0;
}

static int tear_down(void **state)
{
	struct store *s = *state;
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", s->folder);
	assert_int_equal(system(command), 0);
	free(s);
	return 0;
}

static int load(struct store *s, struct jm_calibration *out)
{
	memset(&s->err, 0, sizeof(s->err));
	return jm_calibration_load(&s->env, "hwmon", &s->channel, out, &s->err);
}

static void overwrite(struct store *s, const char *text, size_t n)
{
	FILE *f = fopen(s->path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
}

/* The stored text with one piece put in another's place. */
static void store_with(struct store *s, const char *from, const char *to)
{
	struct jm_buffer b = {0};
	char text[8192], *at;

	jm_calibration_write(&s->made, &b);
	assert_non_null(jm_buffer_terminate(&b));
	at = strstr(b.data, from);
	assert_non_null(at);
	snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - b.data), b.data, to, at + strlen(from));
	jm_buffer_finish(&b);
	overwrite(s, text, strlen(text));
}

static void what_was_stored_comes_back(void **state)
{
	struct store *s = *state;
	struct jm_calibration back;

	assert_int_equal(load(s, &back), JM_E_NOT_FOUND);
	assert_int_equal(jm_calibration_store(&s->env, &s->made, &s->err), 0);
	assert_int_equal(load(s, &back), 0);
	assert_int_equal(back.response.family, JM_RESPONSE_RC_BOX);
	assert_float_equal(back.response.lag_s, -0.002, 0);
	assert_float_equal(back.response.box_s, 0.005, 0);
	assert_float_equal(back.response.tau_sd_s, 3e-4, 0);
	assert_true(back.response.is_lag_anchored);
	assert_true(isnan(back.hold_out_w[0]) && back.hold_out_w[1] == 1.5);
	assert_true(isnan(back.drift_per_k) && back.full_time == JM_FULL_TIME_NO && back.is_accepted == 1);
	assert_string_equal(back.device, s->channel.label);
	assert_string_equal(back.date, s->made.date);
}

static void storing_leaves_no_other_file_and_nothing_others_may_write(void **state)
{
	struct store *s = *state;
	struct stat st;
	struct dirent *e;
	DIR *folder;
	int n = 0;

	assert_int_equal(jm_calibration_store(&s->env, &s->made, &s->err), 0);
	assert_int_equal(jm_calibration_store(&s->env, &s->made, &s->err), 0);
	assert_int_equal(stat(s->path, &st), 0);
	assert_int_equal(st.st_mode & 022, 0);
	*strrchr(s->path, '/') = '\0';
	folder = opendir(s->path);
	assert_non_null(folder);
	while ((e = readdir(folder)))
		n += e->d_name[0] != '.';
	closedir(folder);
	assert_int_equal(n, 1);
}

static void a_name_never_leaves_the_folder(void **state)
{
	struct store *s = *state;
	char path[JM_PATH_MAX];

	assert_int_equal(jm_calibration_path(&s->env, "../../etc/passwd", false, path, sizeof(path), NULL), 0);
	assert_null(strstr(path, ".."));
	assert_non_null(strstr(path, "etc=passwd.json"));
}

static void another_driver_is_refused_with_both_versions(void **state)
{
	struct store *s = *state;
	struct jm_calibration back;
	char now[96];

	strcpy(now, s->made.driver_version);
	strcpy(s->made.driver_version, "Linux 2.4.18");
	assert_int_equal(jm_calibration_store(&s->env, &s->made, &s->err), 0);
	assert_int_equal(load(s, &back), JM_E_VERSION);
	assert_non_null(strstr(s->err.message, "Linux 2.4.18"));
	assert_non_null(strstr(s->err.message, now));
	assert_non_null(strstr(s->err.remedy, "joulemap calibrate hwmon/meter/power1"));
}

static void another_machine_device_or_channel_is_refused(void **state)
{
	struct store *s = *state;
	struct jm_calibration back, made = s->made;

	strcpy(s->made.machine, "0123456789abcdef");
	assert_int_equal(jm_calibration_store(&s->env, &s->made, &s->err), 0);
	assert_int_equal(load(s, &back), JM_E_VERSION);
	s->made = made;
	strcpy(s->made.device, "another board");
	assert_int_equal(jm_calibration_store(&s->env, &s->made, &s->err), 0);
	assert_int_equal(load(s, &back), JM_E_VERSION);
	assert_non_null(strstr(s->err.message, "another board"));
	s->made = made;
	store_with(s, "hwmon/meter/power1", "hwmon/meter/power2");
	assert_int_equal(load(s, &back), JM_E_VERSION);
}

static void every_truncation_is_an_error(void **state)
{
	struct store *s = *state;
	struct jm_calibration back;
	struct jm_buffer b = {0};
	size_t n;

	jm_calibration_write(&s->made, &b);
	assert_non_null(jm_buffer_terminate(&b));
	for (n = 0; n < b.n; n++)
		assert_int_equal(jm_calibration_read("cut", b.data, n, &back, &s->err), JM_E_FORMAT);
	assert_int_equal(jm_calibration_read("whole", b.data, b.n, &back, &s->err), 0);
	jm_buffer_finish(&b);
}

static void wrong_types_and_numbers_are_refused_with_their_place(void **state)
{
	static const char *const changes[][2] = {
	    {"\"lag_s\":-0.002", "\"lag_s\":\"soon\""},
	    {"\"lag_s\":-0.002", "\"lag_s\":null"},
	    {"\"lag_s\":-0.002", "\"lag_s\":NaN"},
	    {"\"lag_s\":-0.002", "\"lag_s\":1e999"},
	    {"\"lag_s\":-0.002", "\"lag_s\":86400"},
	    {"\"lag_s\":-0.002", "\"lag_s\":[]"},
	    {"\"window_s\":0.005", "\"window_s\":-0.005"},
	    {"\"lowpass_s\":0.012", "\"lowpass_s\":true"},
	    {"\"noise_w\":0.3", "\"noise_w\":-1"},
	    {"\"lag_s\":-0.002,", ""},
	    {"\"RC x boxcar\"", "\"magic\""},
	    {"\"RC x boxcar\"", "\"unknown\""},
	    {"\"RC x boxcar\"", "3"},
	    {"\"is_accepted\":true", "\"is_accepted\":1"},
	    {"\"is_lag_anchored\":true", "\"is_lag_anchored\":\"yes\""},
	    {"\"driver\":\"hwmon\"", "\"driver\":\"hw\\u0000mon\""},
	    {"\"driver\":\"hwmon\"", "\"driver\":\"a name that is much longer than any driver's name could ever be\""},
	    {"\"driver\":\"hwmon\"", "\"driver\":{\"a\":1}"},
	};
	struct store *s = *state;
	struct jm_calibration back;
	size_t i;

	assert_int_equal(jm_calibration_store(&s->env, &s->made, &s->err), 0);
	for (i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		store_with(s, changes[i][0], changes[i][1]);
		if (load(s, &back) != JM_E_FORMAT)
			fail_msg("taken: %s", changes[i][1]);
		assert_non_null(strstr(s->err.message, s->path));
	}
}

static void other_documents_are_refused(void **state)
{
	static const char *const texts[] = {
	    "", "[]", "null", "42", "{}", "\"{}\"", "{\"format\":\"joulemap-report/1\"}"};
	struct store *s = *state;
	struct jm_calibration back;
	char *deep = malloc(70000);
	size_t i;

	assert_non_null(deep);
	assert_int_equal(jm_calibration_store(&s->env, &s->made, &s->err), 0);
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		overwrite(s, texts[i], strlen(texts[i]));
		assert_true(load(s, &back) < 0);
	}
	memset(deep, '[', 70000);
	overwrite(s, deep, 60000);
	assert_int_equal(load(s, &back), JM_E_FORMAT);
	overwrite(s, deep, 70000);
	assert_int_equal(load(s, &back), JM_E_FORMAT);
	free(deep);
	assert_int_equal(unlink(s->path), 0);
	assert_int_equal(mkdir(s->path, 0755), 0);
	assert_true(load(s, &back) < 0);
	assert_true(jm_calibration_store(&s->env, &s->made, &s->err) < 0);
	assert_int_equal(rmdir(s->path), 0);
}

static void keys_of_later_versions_are_skipped(void **state)
{
	struct store *s = *state;
	struct jm_calibration back;

	assert_int_equal(jm_calibration_store(&s->env, &s->made, &s->err), 0);
	store_with(s, "\"lag_s\"", "\"later\":{\"a\":[1,{\"lag_s\":9}]},\"lag_s\"");
	assert_int_equal(load(s, &back), 0);
	assert_float_equal(back.response.lag_s, -0.002, 0);
	store_with(s, "\"driver_version\"", "\"format\":\"joulemap-calibration/2\",\"driver_version\"");
	assert_int_equal(load(s, &back), JM_E_VERSION);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(what_was_stored_comes_back, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(storing_leaves_no_other_file_and_nothing_others_may_write, set_up,
					    tear_down),
	    cmocka_unit_test_setup_teardown(a_name_never_leaves_the_folder, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(another_driver_is_refused_with_both_versions, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(another_machine_device_or_channel_is_refused, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(every_truncation_is_an_error, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(wrong_types_and_numbers_are_refused_with_their_place, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(other_documents_are_refused, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(keys_of_later_versions_are_skipped, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
