/* Two GPUs of known power in one recording: each one's energy goes to what ran on it. */
#include "core/result.h"
#include "recording/recording.h"
#include "session/report.h"

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

#define MS       INT64_C(1000000)
#define LENGTH_S 20

/* Both GPUs run kernel "gemm" and one of their own at the same time, each at a power of its own, with rests of random
 * length: a mix-up cannot come out right by chance. */
struct gpu {
	int64_t gemm_ms,
	    own_ms;      /* gemm first, then its own kernel, then a rest of REST_MS and up to three times that */
	double watts[3]; /* of gemm, its own kernel, rest */
	const char *own, *identity, *track;
};

#define REST_MS 20

static const struct gpu gpus[2] = {
    {25, 15, {400, 150, 50}, "copy_a", "NVIDIA H200, GPU-aaaa-1, PCI 00000000:1B:00.0", "0000:1b:00.0"},
    {30, 35, {650, 300, 80}, "softmax_b", "NVIDIA H200, GPU-bbbb-2, PCI 00000000:5C:00.0", "0000:5c:00.0"}};

/* Which of the three a GPU does in each ms. */
static uint8_t doing[2][LENGTH_S * 1000];

static int plan(void **state)
{
	uint32_t random = 1;
	size_t g, ms, k;

	(void)state;
	for (g = 0; g < 2; g++)
		for (ms = 0; ms < LENGTH_S * 1000;) {
			size_t rest = REST_MS + (random = random * 1664525 + 1013904223) / (UINT32_MAX / (2 * REST_MS));
			size_t lengths[3] = {(size_t)gpus[g].gemm_ms, (size_t)gpus[g].own_ms, rest};
			size_t what;

			for (what = 0; what < 3; what++)
				for (k = 0; k < lengths[what] && ms < LENGTH_S * 1000; k++)
					doing[g][ms++] = (uint8_t)what;
		}
	return 0;
}

struct truth {
	double energy_j[3], time_s[3];
	size_t n[3];
};

static struct truth truth_of(size_t g)
{
	struct truth t = {{0}, {0}, {0}};
	size_t ms;

	for (ms = 0; ms < LENGTH_S * 1000; ms++) {
		uint8_t what = doing[g][ms];

		t.energy_j[what] += gpus[g].watts[what] * 1e-3;
		t.time_s[what] += 1e-3;
		t.n[what] += ms == 0 || doing[g][ms - 1] != what;
	}
	return t;
}

/* What differs between the tests. NULL: not said. */
struct world {
	const char *identity[2], *track[2], *visible;
};

static void make_channels(struct jm_writer *w, const struct world *world)
{
	struct jm_channel channels[2];
	struct jm_recording_sensor sensors[2];
	char key[64];
	size_t g;

	memset(sensors, 0, sizeof(sensors));
	for (g = 0; g < 2; g++) {
		snprintf(sensors[g].name, sizeof(sensors[g].name), "nvml/gpu%zu", g);
		snprintf(sensors[g].driver, sizeof(sensors[g].driver), "nvml");
		sensors[g].first_channel = (uint16_t)g;
		sensors[g].n_channels = 1;
		snprintf(key, sizeof(key), world->identity[g] ? "nvml/gpu%zu/energy" : "import/gpu%zu/energy", g);
		jm_channel_init(&channels[g], key);
		channels[g].quantity = JM_QUANTITY_ENERGY;
		channels[g].kind = JM_KIND_COUNTER;
		channels[g].domain = JM_DOMAIN_GPU;
		channels[g].device = (int)g;
		snprintf(key, sizeof(key), "device:nvml/gpu%zu", g);
		if (world->identity[g])
			assert_int_equal(jm_writer_meta(w, key, world->identity[g]), 0);
	}
	assert_int_equal(jm_writer_sensors(w, sensors, 2, channels, 2), 0);
}

static void write_readings(struct jm_writer *w)
{
	struct jm_sample_sink sink = jm_writer_sample_sink(w);
	double uj[2] = {0, 0};
	int64_t ms;
	size_t g;

	for (ms = 0; ms <= LENGTH_S * 1000; ms++)
		for (g = 0; g < 2; g++) {
			struct jm_sample s = {
			    .t_ns = ms * MS, .value = (int64_t)llround(uj[g]), .channel = (uint16_t)g};

			assert_int_equal(sink.write(sink.ctx, &s, 1), 0);
			if (ms < LENGTH_S * 1000)
				uj[g] += gpus[g].watts[doing[g][ms]] * 1000;
		}
}

static void write_spans(struct jm_writer *w, const struct world *world)
{
	struct jm_span_sink sink = jm_writer_span_sink(w);
	uint32_t gemm, own;
	int64_t ms, from = 0;
	char key[64];
	size_t g;

	assert_int_equal(sink.name(sink.ctx, "gemm", 4, "kernel", 6, &gemm), 0);
	for (g = 0; g < 2; g++) {
		assert_int_equal(sink.name(sink.ctx, gpus[g].own, strlen(gpus[g].own), "kernel", 6, &own), 0);
		snprintf(key, sizeof(key), "track_%zu_device", g + 1);
		if (world->track[g])
			assert_int_equal(jm_writer_meta(w, key, world->track[g]), 0);
		for (ms = 1, from = 0; ms <= LENGTH_S * 1000; ms++) {
			uint8_t what = doing[g][ms - 1];
			struct jm_span s = {.start_ns = from * MS,
					    .end_ns = ms * MS,
					    .name = what ? own : gemm,
					    .track = (uint32_t)g + 1,
					    .iteration = JM_NO_ITERATION,
					    .kind = JM_SPAN_KERNEL};

			if (ms < LENGTH_S * 1000 && doing[g][ms] == what)
				continue;
			if (what < 2)
				assert_int_equal(sink.write(sink.ctx, &s, 1), 0);
			from = ms;
		}
	}
}

static struct jm_report *explain(const struct world *world, const char *method)
{
	struct jm_report_options options = {
	    .size = sizeof(options), .method = method, .by = "kernel", .baseline = "none"};
	char path[] = "/tmp/joulemap-devices-XXXXXX";
	struct jm_report *report = NULL;
	struct jm_error err = {0};
	struct jm_writer *w;
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(jm_writer_create(path, true, &w, &err), 0);
	make_channels(w, world);
	if (world->visible)
		assert_int_equal(jm_writer_meta(w, "cuda_visible_devices", world->visible), 0);
	assert_int_equal(jm_writer_meta(w, "cuda_kernels", "1"), 0);
	assert_int_equal(jm_writer_meta(w, "end_monotonic_ns", "1"), 0);
	assert_int_equal(jm_writer_meta_i64(w, "window_start_ns", 0), 0);
	assert_int_equal(jm_writer_meta_i64(w, "window_end_ns", LENGTH_S * 1000 * MS), 0);
	write_readings(w);
	write_spans(w, world);
	assert_int_equal(jm_writer_close(w, &err), 0);
	if (jm_report_open(path, &options, &report, &err))
		fail_msg("%s", err.message);
	unlink(path);
	return report;
}

static const struct jm_row *row_of(const struct jm_report *report, const char *name, int channel)
{
	size_t i;

	for (i = 0; i < report->result.n_layers; i++)
		if (strcmp(report->result.layers[i].name, name) == 0 && report->result.layers[i].channel == channel)
			return &report->result.layers[i];
	return NULL;
}

static void near(double a, double b, double fraction)
{
	if (fabs(a - b) > fraction * fabs(b))
		fail_msg("%g is not %g within %g", a, b, fraction);
}

static bool is_warned(const struct jm_report *report, const char *text)
{
	size_t i;

	for (i = 0; i < report->result.n_warnings; i++)
		if (strstr(report->result.warnings[i], text))
			return true;
	for (i = 0; i < report->result.n_notes; i++)
		if (strstr(report->result.notes[i], text))
			return true;
	return false;
}

static void check_truth(const struct jm_report *report, double fraction)
{
	int c;

	for (c = 0; c < 2; c++) {
		const struct truth t = truth_of((size_t)c);
		const struct jm_closure *closure = &report->result.closure[c];

		assert_non_null(row_of(report, "gemm", c));
		near(row_of(report, "gemm", c)->energy_j, t.energy_j[0], fraction);
		near(row_of(report, gpus[c].own, c)->energy_j, t.energy_j[1], fraction);
		near(row_of(report, gpus[c].own, c)->mean_power_w, gpus[c].watts[1], fraction);
		assert_null(row_of(report, gpus[!c].own, c));
		assert_int_equal(closure->channel, c);
		near(closure->total_j, t.energy_j[0] + t.energy_j[1] + t.energy_j[2], 1e-3);
		near(closure->parts_j + closure->idle_j + closure->unattributed_j + closure->residual_j,
		     closure->total_j, 1e-9);
		near(closure->unattributed_j, t.energy_j[2], fraction);
	}
	assert_int_equal(report->result.n_layers, 4);
	assert_int_equal(report->result.n_warnings, 0);
}

static void kernels_get_the_energy_of_their_own_gpu(void **state)
{
	const struct world world = {{gpus[0].identity, gpus[1].identity}, {gpus[0].track, gpus[1].track}, NULL};
	const char *methods[] = {"integrate", "auto", "window"};
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		struct jm_report *report = explain(&world, methods[i]);

		check_truth(report, 0.005);
		jm_report_destroy(report);
	}
}

static void a_share_is_of_what_ran_on_the_gpu(void **state)
{
	const struct world world = {{gpus[0].identity, gpus[1].identity}, {gpus[0].track, gpus[1].track}, NULL};
	struct jm_report *report = explain(&world, "share");
	int c;

	(void)state;
	for (c = 0; c < 2; c++) {
		const struct truth t = truth_of((size_t)c);
		double time_s = row_of(report, "gemm", c)->time_s;

		near(row_of(report, "gemm", c)->energy_j,
		     (t.energy_j[0] + t.energy_j[1] + t.energy_j[2]) * time_s / LENGTH_S, 1e-3);
		assert_null(row_of(report, gpus[!c].own, c));
	}
	jm_report_destroy(report);
}

static void numbers_of_cuda_follow_the_visible_devices(void **state)
{
	/* CUDA's 0 is NVML's 1. */
	const struct world by_index = {{gpus[0].identity, gpus[1].identity}, {"cuda:1", "cuda:0"}, "1,0"};
	const struct world by_uuid = {{gpus[0].identity, gpus[1].identity}, {"cuda:1", "cuda:0"}, "GPU-bbbb,GPU-aaaa"};
	const struct world plain = {{gpus[0].identity, gpus[1].identity}, {"cuda:0", "cuda:1"}, NULL};
	const struct world *worlds[] = {&by_index, &by_uuid, &plain};
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		struct jm_report *report = explain(worlds[i], "integrate");

		check_truth(report, 0.005);
		assert_true(is_warned(report, "by CUDA's numbers"));
		jm_report_destroy(report);
	}
}

static void an_unknown_gpu_is_said_and_split_over_both(void **state)
{
	const struct world world = {{gpus[0].identity, gpus[1].identity}, {gpus[0].track, NULL}, NULL};
	struct jm_report *report = explain(&world, "share");
	const struct truth a = truth_of(0), b = truth_of(1);
	char text[128];

	(void)state;
	snprintf(text, sizeof(text), "which GPU they ran on is not known of %zu of %zu kernels", b.n[0] + b.n[1],
		 a.n[0] + a.n[1] + b.n[0] + b.n[1]);
	assert_true(is_warned(report, text));
	assert_non_null(row_of(report, "softmax_b", 0));
	assert_non_null(row_of(report, "softmax_b", 1));
	assert_non_null(row_of(report, "copy_a", 0));
	assert_null(row_of(report, "copy_a", 1));
	jm_report_destroy(report);
}

static void channels_of_unknown_gpus_are_said_and_get_all(void **state)
{
	const struct world world = {{NULL, NULL}, {gpus[0].track, gpus[1].track}, NULL};
	struct jm_report *report = explain(&world, "share");

	(void)state;
	assert_true(is_warned(report, "import/gpu0/energy: which GPU it reads is not known"));
	assert_non_null(row_of(report, "softmax_b", 0));
	assert_non_null(row_of(report, "copy_a", 1));
	jm_report_destroy(report);
}

static void work_on_a_gpu_that_nobody_read_has_times_only(void **state)
{
	const struct world world = {{gpus[0].identity, gpus[1].identity}, {gpus[0].track, "0000:ff:00.0"}, NULL};
	struct jm_report *report = explain(&world, "integrate");
	const struct truth b = truth_of(1);
	const struct jm_row *unseen;
	char text[128];

	(void)state;
	near(row_of(report, "gemm", 0)->energy_j, truth_of(0).energy_j[0], 0.005);
	assert_null(row_of(report, "gemm", 1));
	unseen = row_of(report, "softmax_b", -1);
	assert_non_null(unseen);
	assert_true(isnan(unseen->energy_j));
	near(unseen->time_s, b.time_s[1], 1e-6);
	snprintf(text, sizeof(text), "%zu spans are of GPU 0000:ff:00.0, which no channel of the recording reads",
		 b.n[0] + b.n[1]);
	assert_true(is_warned(report, text));
	/* The idle GPU closes all the same. */
	near(report->result.closure[1].unattributed_j, report->result.closure[1].total_j, 1e-9);
	jm_report_destroy(report);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(kernels_get_the_energy_of_their_own_gpu),
	    cmocka_unit_test(a_share_is_of_what_ran_on_the_gpu),
	    cmocka_unit_test(numbers_of_cuda_follow_the_visible_devices),
	    cmocka_unit_test(an_unknown_gpu_is_said_and_split_over_both),
	    cmocka_unit_test(channels_of_unknown_gpus_are_said_and_get_all),
	    cmocka_unit_test(work_on_a_gpu_that_nobody_read_has_times_only),
	};

	return cmocka_run_group_tests(tests, plan, NULL);
}
