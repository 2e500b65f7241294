/* Recordings whose energy is known, read and compared. */
#include "joulemap/compare.h"
#include "core/text.h"
#include "recording/recording_fixture.h"
#include "support/trial_recording.h"

#include <math.h>

static void write_trial(struct scratch *s, char *path, size_t size, const char *name, struct trial_recording t)
{
	snprintf(path, size, "%s/%s", s->folder, name);
	t.path = path;
	t.seconds = t.seconds > 0 ? t.seconds : 5;
	t.rate_hz = 100;
	assert_int_equal(trial_write(&t), 0);
}

static struct jm_comparison *compare(const char *const *inputs, size_t n, const struct jm_compare_options *options)
{
	struct jm_comparison *c = NULL;
	struct jm_error err = {0};

	if (jm_comparison_open(inputs, n, options, &c, &err))
		fail_msg("%s", err.message);
	return c;
}

static struct jm_figure_info figure(const struct jm_comparison *c, size_t i, const char *key)
{
	struct jm_figure_info f;

	assert_int_equal(jm_comparison_figure(c, i, key, &f), 0);
	return f;
}

static void energies_of_recordings_are_what_was_put_in(void **state)
{
	char a[300], b[300];
	const char *inputs[] = {a, b};
	struct jm_comparison *c;
	struct jm_figure_info f;
	struct jm_variant_info v;

	write_trial(*state, a, sizeof(a), "fp32.jmap",
		    (struct trial_recording){.power_w = 50, .latency_ms = 8, .ripple = 0.02});
	write_trial(*state, b, sizeof(b), "fp16.jmap",
		    (struct trial_recording){.power_w = 40, .latency_ms = 5, .ripple = 0.02, .precision = "fp16"});
	c = compare(inputs, 2, NULL);
	assert_int_equal(jm_comparison_n_variants(c), 2);
	assert_int_equal(jm_comparison_variant(c, 1, &v), 0);
	assert_string_equal(v.name, "fp16");
	assert_string_equal(v.state, "measured");
	f = figure(c, 0, "energy_per_iteration_mj");
	assert_float_equal(f.mean, 400, 3);
	assert_float_equal(figure(c, 0, "mean_power_w").mean, 50, 0.4);
	assert_float_equal(figure(c, 0, "peak_memory_bytes").mean, 5e7, 1);
	f = figure(c, 1, "energy_per_item_mj");
	assert_float_equal(f.against, 0.5, 0.005);
	assert_string_equal(f.basis, "stretches of one run");
	assert_true(f.ci_low < f.against && f.against < f.ci_high && f.ci_high - f.ci_low < 0.05 && f.p < 0.01);
	assert_non_null(strstr(jm_comparison_verdicts(c), "fp16 uses 0.50× the energy of fp32"));
	assert_string_equal(jm_comparison_notes(c), "");
	jm_comparison_destroy(c);
}

static void rounds_of_a_bench_are_paired(void **state)
{
	struct scratch *s = *state;
	const char *inputs[] = {s->folder};
	struct jm_comparison *c;
	struct jm_figure_info f;
	char path[300], name[32];
	int i;

	for (i = 0; i < 6; i++) {
		snprintf(name, sizeof(name), "t%d.jmap", i);
		write_trial(s, path, sizeof(path), name,
			    (struct trial_recording){.variant = i % 2 ? "b" : "a",
						     .round = i / 2 + 1,
						     .seconds = 1,
						     .power_w = (i % 2 ? 30 : 60) * (1 + 0.1 * (i / 2)),
						     .latency_ms = 4});
	}
	c = compare(inputs, 1, NULL);
	assert_int_equal(jm_comparison_n_variants(c), 2);
	f = figure(c, 1, "energy_per_item_mj");
	assert_string_equal(f.basis, "paired trials");
	assert_float_equal(f.against, 0.5, 0.002);
	assert_true(f.p < 0.05 && f.ci_high < 0.52);
	assert_float_equal(figure(c, 0, "energy_per_item_mj").std, 24, 1);
	jm_comparison_destroy(c);
}

static void names_make_trials_of_one_variant(void **state)
{
	struct scratch *s = *state;
	char a[300], b[300], x[400], y[400], odd[300];
	const char *inputs[] = {x, y, b, odd};
	struct jm_comparison *c;

	write_trial(s, a, sizeof(a), "a.jmap", (struct trial_recording){.power_w = 50, .latency_ms = 8, .seconds = 1});
	write_trial(s, b, sizeof(b), "b.jmap", (struct trial_recording){.power_w = 50, .latency_ms = 8, .seconds = 1});
	write_trial(s, odd, sizeof(odd), "p=1.jmap",
		    (struct trial_recording){.power_w = 50, .latency_ms = 8, .seconds = 1});
	snprintf(x, sizeof(x), "one=%s", a);
	snprintf(y, sizeof(y), "one=%s", b);
	c = compare(inputs, 4, NULL);
	assert_int_equal(jm_comparison_n_variants(c), 3);
	jm_comparison_destroy(c);
}

static int keep(void *ctx, const char *text, size_t n)
{
	memcpy(ctx, text, n < 8191 ? n : 8191);
	return 0;
}

static void layers_are_matched_on_request(void **state)
{
	char a[300], b[300];
	const char *inputs[] = {a, b};
	struct jm_compare_options options = {.size = sizeof(options), .with_layers = true, .method = "share"};
	struct jm_view_options view = {.size = sizeof(view), .format = "csv", .by = "layer"};
	struct jm_comparison *c;
	char text[8192] = "";

	write_trial(*state, a, sizeof(a), "a.jmap",
		    (struct trial_recording){.power_w = 50, .latency_ms = 4, .n_layers = 5});
	write_trial(*state, b, sizeof(b), "b.jmap",
		    (struct trial_recording){.power_w = 50, .latency_ms = 2, .n_layers = 5});
	c = compare(inputs, 2, &options);
	assert_int_equal(jm_comparison_write(c, &view, keep, text, NULL), 0);
	assert_non_null(strstr(text, "\nb,layer4,layer4,Conv,Conv,name,1,1,"));
	view.by = "banana";
	assert_int_equal(jm_comparison_write(c, &view, keep, text, NULL), JM_E_INVALID);
	view = (struct jm_view_options){.size = sizeof(view), .format = "banana"};
	assert_int_equal(jm_comparison_write(c, &view, keep, text, NULL), JM_E_INVALID);
	jm_comparison_destroy(c);
}

/* Appends what is written to a buffer. */
static int append(void *ctx, const char *text, size_t n)
{
	jm_buffer_append(ctx, text, n);
	return 0;
}

static void a_page_shows_all_variants_and_reads_them_again(void **state)
{
	char a[300], b[300];
	const char *inputs[] = {a, b};
	struct jm_compare_options options = {.size = sizeof(options), .with_layers = true, .method = "share"};
	struct jm_view_options view = {.size = sizeof(view), .format = "html"};
	struct jm_buffer page = {0};
	struct jm_comparison *c;
	struct jm_error err = {0};
	const char *text;

	write_trial(*state, a, sizeof(a), "a.jmap",
		    (struct trial_recording){.power_w = 50, .latency_ms = 4, .n_layers = 5});
	write_trial(*state, b, sizeof(b), "b.jmap",
		    (struct trial_recording){.power_w = 50, .latency_ms = 2, .n_layers = 5});
	c = compare(inputs, 2, &options);
	assert_int_equal(jm_comparison_write(c, &view, append, &page, NULL), 0);
	text = jm_buffer_terminate(&page);
	assert_non_null(strstr(text, "\"comparison\":{\"format\":\"joulemap-compare/1\""));
	assert_non_null(strstr(text, "\"layer_first\":\"layer4\""));
	assert_non_null(strstr(text, "{\"title\":\"a\",\"facts\":"));
	assert_non_null(strstr(text, "{\"title\":\"b\",\"facts\":"));
	assert_non_null(strstr(text, "\"method\":\"share\""));
	jm_buffer_finish(&page);
	/* One that is gone by now is named, and nothing is written. */
	assert_int_equal(unlink(b), 0);
	assert_int_equal(jm_comparison_write(c, &view, append, &page, &err), JM_E_NOT_FOUND);
	assert_non_null(strstr(err.message, "b.jmap"));
	assert_int_equal(page.n, 0);
	jm_comparison_destroy(c);
}

static void a_recording_counts_once(void **state)
{
	char a[300], b[300], twice[400], other[400];
	const char *inputs[] = {twice, twice, other};
	struct jm_comparison *c = NULL;
	struct jm_error err = {0};

	write_trial(*state, a, sizeof(a), "one.jmap", (struct trial_recording){.power_w = 50, .latency_ms = 8});
	write_trial(*state, b, sizeof(b), "two.jmap", (struct trial_recording){.power_w = 40, .latency_ms = 8});
	snprintf(twice, sizeof(twice), "a=%s", a);
	snprintf(other, sizeof(other), "b=%s", b);
	assert_int_equal(jm_comparison_open(inputs, 3, NULL, &c, &err), JM_E_INVALID);
	assert_non_null(strstr(err.message, "one.jmap is given twice for a: a trial counts once"));
	/* Set against itself it is no second trial. */
	snprintf(other, sizeof(other), "b=%s", a);
	c = compare(inputs + 1, 2, NULL);
	assert_int_equal(jm_comparison_n_variants(c), 2);
	assert_non_null(strstr(jm_comparison_verdicts(c), "latency"));
	jm_comparison_destroy(c);
}

static void what_cannot_be_read_is_named(void **state)
{
	struct scratch *s = *state;
	char a[300], empty[300], folder[300];
	const char *missing[] = {"/nowhere/x.jmap"}, *none[] = {folder}, *damaged[] = {a, empty};
	struct jm_compare_options options = {.size = sizeof(options), .channels = "nvml/gpu0"};
	struct jm_comparison *c;
	struct jm_error err = {0};
	FILE *f;

	write_trial(s, a, sizeof(a), "a.jmap", (struct trial_recording){.power_w = 50, .latency_ms = 8, .seconds = 1});
	snprintf(folder, sizeof(folder), "%s/none", s->folder);
	assert_int_equal(mkdir(folder, 0700), 0);
	snprintf(empty, sizeof(empty), "%s/empty.jmap", s->folder);
	f = fopen(empty, "w");
	fputs("no recording", f);
	fclose(f);
	assert_int_equal(jm_comparison_open(missing, 1, NULL, &c, &err), JM_E_NOT_FOUND);
	assert_non_null(strstr(err.message, "/nowhere/x.jmap"));
	assert_int_equal(jm_comparison_open(none, 1, NULL, &c, &err), JM_E_NOT_FOUND);
	assert_int_equal(jm_comparison_open(damaged, 2, NULL, &c, &err), JM_E_FORMAT);
	assert_non_null(strstr(err.message, "empty.jmap"));
	assert_int_equal(jm_comparison_open(damaged, 1, &options, &c, &err), JM_E_NOT_FOUND);
	assert_non_null(strstr(err.message, "nvml/gpu0"));
	assert_int_equal(jm_comparison_open(damaged, 0, NULL, &c, &err), JM_E_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(energies_of_recordings_are_what_was_put_in, scratch_set_up,
					    scratch_tear_down),
	    cmocka_unit_test_setup_teardown(rounds_of_a_bench_are_paired, scratch_set_up, scratch_tear_down),
	    cmocka_unit_test_setup_teardown(names_make_trials_of_one_variant, scratch_set_up, scratch_tear_down),
	    cmocka_unit_test_setup_teardown(layers_are_matched_on_request, scratch_set_up, scratch_tear_down),
	    cmocka_unit_test_setup_teardown(a_page_shows_all_variants_and_reads_them_again, scratch_set_up,
					    scratch_tear_down),
	    cmocka_unit_test_setup_teardown(a_recording_counts_once, scratch_set_up, scratch_tear_down),
	    cmocka_unit_test_setup_teardown(what_cannot_be_read_is_named, scratch_set_up, scratch_tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
