/* Importing while each allocation, each read and each write fails in turn: an error is told, or the result is whole. Nothing leaks,
 * which the build with AddressSanitizer sees. */
#define _GNU_SOURCE
#include "recording/recording_fixture.h"

#include "session/session.h"
#include "support/failing.h"
#include "support/faulty_vfs.h"
#include "support/sanitized.h"
#include "trace/trace.h"

/* What an importer gave, without keeping any of it. */
struct seen {
	uint64_t n_spans, n_samples, n_channels, n_meta, sum;
	uint32_t n_names;
};

static int see_name(void *ctx, const char *text, size_t text_n, const char *type, size_t type_n, uint32_t *out)
{
	struct seen *s = ctx;

	(void)type;
	s->sum += text_n + type_n + (text_n ? (unsigned char)text[0] : 0);
	*out = s->n_names++;
	return 0;
}

static int see_spans(void *ctx, const struct jm_span *spans, size_t n)
{
	struct seen *s = ctx;
	size_t i;

	for (i = 0; i < n; i++)
		s->sum += (uint64_t)spans[i].start_ns * 3 + (uint64_t)spans[i].end_ns * 5 + spans[i].kind;
	s->n_spans += n;
	return 0;
}

static int see_samples(void *ctx, const struct jm_sample *samples, size_t n)
{
	struct seen *s = ctx;
	size_t i;

	for (i = 0; i < n; i++)
		s->sum += (uint64_t)samples[i].t_ns * 7 + (uint64_t)samples[i].value + samples[i].status;
	s->n_samples += n;
	return 0;
}

static int see_channel(void *ctx, const struct jm_channel *channel, uint16_t *out)
{
	struct seen *s = ctx;

	(void)channel;
	*out = (uint16_t)s->n_channels++;
	return 0;
}

static int see_processes(void *ctx, struct jm_process_log *log)
{
	struct seen *s = ctx;

	s->sum += log->n_samples + log->n_gpu + log->n_steps + log->n_processes;
	jm_process_log_finish(log);
	return 0;
}

static int see_meta(void *ctx, const char *key, const char *value)
{
	struct seen *s = ctx;

	s->sum += strlen(key) + strlen(value);
	s->n_meta++;
	return 0;
}

static void see_warning(void *ctx, const char *text)
{
	(void)ctx;
	assert_true(text[0] != '\0');
}

static int import_into(const char *path, struct seen *seen, struct jm_error *err)
{
	struct jm_trace_output out = {.spans = {see_name, see_spans, seen, NULL},
				      .samples = {see_samples, seen},
				      .channel = see_channel,
				      .processes = see_processes,
				      .meta = see_meta,
				      .warn = see_warning,
				      .ctx = seen};

	memset(seen, 0, sizeof(*seen));
	memset(err, 0, sizeof(*err));
	return jm_trace_read_file(NULL, path, &out, err);
}

/* Every one of the first hundreds, then one in some; and each once more with all behind it failing, too. */
static long step_of(long at)
{
	return (at < 400 ? 1 : at < 4000 ? 17 : 331) * (IS_SANITIZED ? 3 : 1);
}

static long fail_in_turn(const char *path, bool is_reading, bool is_lasting)
{
	struct seen whole, seen;
	struct jm_error err;
	bool was_hit = true;
	long at, n_told = 0;

	assert_int_equal(import_into(path, &whole, &err), 0);
	for (at = 1; was_hit; at += is_reading ? 1 : step_of(at)) {
		int rc;

		failing_begin(at, is_lasting, is_reading);
		rc = import_into(path, &seen, &err);
		was_hit = failing_end();
		if (rc && (err.code != rc || !err.message[0]))
			fail_msg("%s: fault %ld gives %d without a word", path, at, rc);
		if (rc == 0 && memcmp(&whole, &seen, sizeof(seen)) != 0)
			fail_msg("%s: fault %ld is not told, and something is missing", path, at);
		n_told += rc != 0;
	}
	return n_told;
}

static void each_importer_tells_what_it_could_not_do(void **state)
{
	static const char *const files[] = {"onnxruntime.json",
					    "kineto.json",
					    "spans.csv",
					    "trt_layer_latency.json",
					    "trt_engine_info.json",
					    "net_tensorrt.json",
					    "trtexec_timing.json",
					    "power_lines.log",
					    "idling_power.json",
					    "nvidia_smi.csv",
					    "gpu_sources.csv",
					    "CPU.json",
					    "GPU.json",
					    "cpu_by_process.json",
					    "power_metrics.json",
					    "cuda_h200.jmca",
					    "trtexec_profile.json"};
	char path[512];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		long n_memory, n_reads;

		snprintf(path, sizeof(path), "%s/trace/%s", JM_FIXTURES, files[i]);
		n_memory = fail_in_turn(path, false, false) + fail_in_turn(path, false, true);
		n_reads = fail_in_turn(path, true, false);
		if (n_memory < 2 || n_reads < 2)
			fail_msg("%s: only %ld and %ld faults came", files[i], n_memory, n_reads);
	}
}

/* ---- Into a recording --------------------------------------------------------------------------------------------- */

static int import_to(const char *path, struct jm_error *err)
{
	static char power[512], trace[512];
	const char *files[] = {power, trace};
	struct jm_import_options options = {
	    .size = sizeof(options), .path = path, .overwrite = true, .has_offset = true, .offset_ns = 0};

	snprintf(power, sizeof(power), "%s/trace/nvidia_smi.csv", JM_FIXTURES);
	snprintf(trace, sizeof(trace), "%s/trace/onnxruntime.json", JM_FIXTURES);
	memset(err, 0, sizeof(*err));
	return jm_import(files, 2, &options, err);
}

/* By the reader: a file whose WAL mode could not be left is whole all the same. */
static size_t count_rows(const char *path)
{
	struct jm_recording *r = open_recording(path);
	struct jm_span *spans;
	size_t n_channels, n_all, c;

	assert_int_equal(jm_recording_spans(r, UINT32_MAX, &spans, &n_all, NULL), 0);
	free(spans);
	jm_recording_channels(r, &n_channels);
	for (c = 0; c < n_channels; c++)
		n_all += count_samples(r, (uint16_t)c);
	jm_recording_close(r);
	return n_all;
}

/* A file that says it is closed is whole. */
static void check_result(const char *path, int rc, const struct jm_error *err, size_t n_rows, long at)
{
	struct jm_recording *r = NULL;

	if (rc && (err->code != rc || !err->message[0]))
		fail_msg("fault %ld gives %d without a word", at, rc);
	if (rc == 0 && count_rows(path) != n_rows)
		fail_msg("fault %ld is not told, and something is missing", at);
	if (rc == 0 || access(path, F_OK) != 0)
		return;
	/* What was given up may be there, as far as it came, and opens or is no recording yet. */
	if (jm_recording_open(path, &r, NULL) == 0)
		jm_recording_close(r);
}

static void a_recording_is_whole_or_the_failure_is_told(void **state)
{
	struct scratch *s = *state;
	struct jm_error err;
	size_t n_rows;
	bool was_hit = true;
	long at, n_told = 0;
	int rc;

	assert_int_equal(import_to(s->path, &err), 0);
	n_rows = count_rows(s->path);
	assert_true(n_rows > 10);
	for (at = 1; was_hit; at += step_of(at) * 3) {
		failing_begin(at, at % 2, false);
		rc = import_to(s->path, &err);
		was_hit = failing_end();
		check_result(s->path, rc, &err, n_rows, at);
		n_told += rc != 0;
	}
	assert_true(n_told > 20);
}

static void each_write_of_the_recording_is_told(void **state)
{
	struct scratch *s = *state;
	struct jm_error err;
	size_t n_rows;
	long at, n_told = 0, lasting;
	int rc;

	assert_int_equal(import_to(s->path, &err), 0);
	n_rows = count_rows(s->path);
	for (lasting = 0; lasting < 2; lasting++) {
		bool was_hit = true;

		for (at = 1; was_hit; at++) {
			faulty.countdown = at;
			faulty.is_lasting = lasting;
			rc = import_to(s->path, &err);
			was_hit = faulty.countdown == 0 || (lasting && faulty.countdown == 1);
			faulty.countdown = 0;
			check_result(s->path, rc, &err, n_rows, at);
			n_told += rc != 0;
		}
	}
	assert_true(n_told > 10);
}

static int register_faults(void **state)
{
	(void)state;
	return failing_register() || faulty_register();
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, scratch_set_up, scratch_tear_down)
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_importer_tells_what_it_could_not_do),
	    T(a_recording_is_whole_or_the_failure_is_told),
	    T(each_write_of_the_recording_is_told),
	};

	return cmocka_run_group_tests(tests, register_faults, NULL);
}
