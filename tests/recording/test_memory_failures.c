/* Each allocation of writing and of reading a recording fails in turn, SQLite's among them: an error is told, and what was committed is
 * there; what is read is all or nothing. */
#define _GNU_SOURCE
#include "recording_fixture.h"

#include "support/failing.h"
#include "support/sanitized.h"

static long step_of(long at)
{
	return (at < 200 ? 1 : at < 2000 ? 13 : 101) * (IS_SANITIZED ? 3 : 1);
}

/* Gives the first error; n_safe: readings in commits that said they succeeded. */
static int write_recording(const char *path, size_t *n_safe)
{
	struct jm_recording_sensor sensors[2];
	struct jm_channel channels[4];
	struct jm_error err = {0};
	struct jm_writer *w = NULL;
	struct jm_span_sink spans;
	struct jm_sample_sink sink;
	struct jm_sample sample = sample_of(0, T0, 1);
	struct jm_span span = {.start_ns = T0, .end_ns = T0 + 1};
	int rc = jm_writer_create(path, true, &w, &err), closed, i, k;

	*n_safe = 0;
	if (rc) {
		assert_true(err.code == rc && err.message[0] && !w);
		return rc;
	}
	describe(sensors, channels);
	rc = jm_writer_sensors(w, sensors, 2, channels, 4);
	rc = rc ? rc : jm_writer_meta(w, "kind", "record");
	sink = jm_writer_sample_sink(w);
	spans = jm_writer_span_sink(w);
	for (i = 0; i < 3 && rc == 0; i++) {
		for (k = 0; k < 100 && rc == 0; k++, sample.t_ns++)
			rc = sink.write(sink.ctx, &sample, 1);
		rc = rc ? rc : spans.name(spans.ctx, "layer", (size_t)(i + 3), "Conv", 4, &span.name);
		rc = rc ? rc : spans.write(spans.ctx, &span, 1);
		rc = rc ? rc : jm_writer_commit(w);
		*n_safe += rc == 0 ? 100 : 0;
	}
	closed = jm_writer_close(w, &err);
	if (rc && closed && closed != rc)
		fail_msg("the first failure was %d, closing says %d", rc, closed);
	return rc ? rc : closed;
}

static void writing_tells_and_keeps_what_was_committed(void **state)
{
	struct scratch *s = *state;
	bool was_hit = true;
	long at, n_told = 0;
	size_t n_safe, n_channels;
	int rc;

	for (at = 1; was_hit; at += step_of(at)) {
		struct jm_recording *r = NULL;

		failing_begin(at, at % 2, false);
		rc = write_recording(s->path, &n_safe);
		was_hit = failing_end();
		n_told += rc != 0;
		if (n_safe == 0)
			continue;
		r = open_recording(s->path);
		jm_recording_channels(r, &n_channels);
		assert_int_equal(n_channels, 4);
		assert_true(count_samples(r, 0) >= n_safe);
		jm_recording_close(r);
	}
	assert_true(n_told > 20);
}

struct read {
	size_t n_samples, n_spans, n_names, n_channels;
};

static int read_recording(const char *path, struct read *out, struct jm_error *err)
{
	struct jm_recording *r = NULL;
	struct jm_sample *samples;
	struct jm_span *spans;
	int rc = jm_recording_open(path, &r, err);

	memset(out, 0, sizeof(*out));
	if (rc)
		return rc;
	jm_recording_channels(r, &out->n_channels);
	out->n_names = jm_recording_names(r)->n;
	rc = jm_recording_samples(r, 0, INT64_MIN, INT64_MAX, &samples, &out->n_samples, err);
	if (rc == 0) {
		free(samples);
		rc = jm_recording_spans(r, UINT32_MAX, &spans, &out->n_spans, err);
	}
	if (rc == 0)
		free(spans);
	jm_recording_close(r);
	return rc;
}

static void reading_gives_all_or_says_why_not(void **state)
{
	struct scratch *s = *state;
	struct read whole, part;
	struct jm_error err = {0};
	bool was_hit = true;
	long at, n_told = 0;
	size_t n_safe;
	int rc;

	assert_int_equal(write_recording(s->path, &n_safe), 0);
	assert_int_equal(read_recording(s->path, &whole, &err), 0);
	assert_int_equal(whole.n_samples, 300);
	for (at = 1; was_hit; at += step_of(at)) {
		memset(&err, 0, sizeof(err));
		failing_begin(at, at % 2, false);
		rc = read_recording(s->path, &part, &err);
		was_hit = failing_end();
		n_told += rc != 0;
		if (rc && (err.code != rc || !err.message[0]))
			fail_msg("fault %ld gives %d without a word", at, rc);
		if (rc == 0 && memcmp(&whole, &part, sizeof(whole)) != 0)
			fail_msg("fault %ld is not told, and something is missing", at);
	}
	assert_true(n_told > 20);
}

static int register_faults(void **state)
{
	(void)state;
	return failing_register();
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, scratch_set_up, scratch_tear_down)
	const struct CMUnitTest tests[] = {
	    T(writing_tells_and_keeps_what_was_committed),
	    T(reading_gives_all_or_says_why_not),
	};

	return cmocka_run_group_tests(tests, register_faults, NULL);
}
