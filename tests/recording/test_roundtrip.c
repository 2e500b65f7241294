#include "recording_fixture.h"

#include <math.h>

static void description_comes_back(void **state)
{
	struct scratch *s = *state;
	struct jm_recording_sensor sensors[2];
	struct jm_channel channels[4];
	const struct jm_recording_sensor *got_sensors;
	const struct jm_channel *got;
	struct jm_writer *w;
	struct jm_recording *r;
	struct jm_error err = {0};
	size_t n, i;

	describe(sensors, channels);
	channels[1].state = JM_STATE_ESTIMATED;
	channels[1].domain = JM_DOMAIN_GPU_MEMORY;
	channels[1].kind = JM_KIND_WINDOW_MEAN;
	channels[1].quantity = JM_QUANTITY_EVENT_BITS;
	channels[1].device = 3;
	channels[1].update_period_ns = 100000000;
	channels[1].window_ns = 1000000000;
	channels[1].lowpass_ns = 12000000;
	channels[1].lag_ns = -2000000;
	channels[1].accuracy_fraction = 0.05;
	channels[1].accuracy_offset_w = 0;
	channels[1].bound_low_uw = -5;
	channels[1].bound_high_uw = 90000000;
	channels[3].same_as = 2;
	snprintf(channels[1].label, sizeof(channels[1].label), "VDD_GPU \xc3\xa9");
	snprintf(channels[1].reason, sizeof(channels[1].reason), "from utilization");
	snprintf(channels[1].remedy, sizeof(channels[1].remedy), "modprobe 'x'; \"y\"");
	assert_int_equal(jm_writer_create(s->path, false, &w, &err), 0);
	assert_int_equal(jm_writer_sensors(w, sensors, 2, channels, 4), 0);
	assert_int_equal(jm_writer_close(w, &err), 0);
	r = open_recording(s->path);
	got = jm_recording_channels(r, &n);
	assert_int_equal(n, 4);
	for (i = 0; i < 4; i++) {
		assert_string_equal(got[i].name, channels[i].name);
		assert_string_equal(got[i].label, channels[i].label);
		assert_string_equal(got[i].reason, channels[i].reason);
		assert_string_equal(got[i].remedy, channels[i].remedy);
		assert_int_equal(got[i].quantity, channels[i].quantity);
		assert_int_equal(got[i].kind, channels[i].kind);
		assert_int_equal(got[i].state, channels[i].state);
		assert_int_equal(got[i].domain, channels[i].domain);
		assert_int_equal(got[i].part_of, channels[i].part_of);
		assert_int_equal(got[i].same_as, channels[i].same_as);
		assert_int_equal(got[i].device, channels[i].device);
		assert_true(got[i].step == channels[i].step && got[i].wrap == channels[i].wrap);
		assert_true(got[i].update_period_ns == channels[i].update_period_ns);
		assert_true(got[i].window_ns == channels[i].window_ns);
		assert_true(got[i].lowpass_ns == channels[i].lowpass_ns && got[i].lag_ns == channels[i].lag_ns);
		assert_true(got[i].accuracy_fraction == channels[i].accuracy_fraction);
		assert_true(got[i].accuracy_offset_w == channels[i].accuracy_offset_w);
		assert_true(got[i].bound_low_uw == channels[i].bound_low_uw);
		assert_true(got[i].bound_high_uw == channels[i].bound_high_uw);
	}
	got_sensors = jm_recording_sensors(r, &n);
	assert_int_equal(n, 2);
	assert_string_equal(got_sensors[1].name, "jetson/ina3221");
	assert_string_equal(got_sensors[1].driver, "jetson");
	assert_int_equal(got_sensors[1].first_channel, 1);
	assert_int_equal(got_sensors[1].n_channels, 3);
	jm_recording_close(r);
}

static void assert_sample(const struct jm_sample *got, const struct jm_sample *want)
{
	assert_true(got->t_ns == want->t_ns);
	assert_true(got->device_us == want->device_us);
	assert_int_equal(got->half_width_ns, want->half_width_ns);
	assert_int_equal(got->channel, want->channel);
	assert_int_equal(got->status, want->status);
	if (want->status == JM_SAMPLE_OK)
		assert_true(got->value == want->value);
}

/* Whole groups, a group cut in two, a group with a gap, extreme values and device times. */
static void samples_come_back_in_order(void **state)
{
	struct scratch *s = *state;
	struct jm_writer *w = new_writer(s->path);
	struct jm_sample in[] = {
	    sample_of(0, T0, INT64_MAX),      sample_of(1, T0 + 1, 1),  sample_of(2, T0 + 1, -2),
	    sample_of(3, T0 + 1, INT64_MIN),  sample_of(1, T0 + 5, 11), sample_of(3, T0 + 5, 13),
	    sample_of(1, T0 + 9, 21),         sample_of(2, T0 + 9, 22), sample_of(3, T0 + 9, 23),
	    sample_of(0, T0 + 200, 77),       sample_of(1, T0 + 300, 31), sample_of(2, T0 + 301, 32),
	    sample_of(3, T0 + 301, 33),
	};
	size_t n_in = sizeof(in) / sizeof(in[0]), n, i, c, k;
	struct jm_sample *out, *all[3];
	size_t n_all[3];
	struct jm_recording *r;
	struct jm_error err = {0};

	in[7].status = JM_SAMPLE_GAP;
	in[9].status = JM_SAMPLE_GAP;
	in[9].half_width_ns = UINT32_MAX;
	in[0].device_us = INT64_C(1790000000000000);
	in[1].device_us = in[2].device_us = in[3].device_us = 5;
	in[10].device_us = -1;
	write_samples(w, in, n_in);
	assert_int_equal(jm_writer_close(w, &err), 0);
	r = open_recording(s->path);
	for (c = 0; c < 4; c++) {
		assert_int_equal(jm_recording_samples(r, (uint16_t)c, INT64_MIN, INT64_MAX, &out, &n, &err), 0);
		for (i = 0, k = 0; i < n_in; i++)
			if (in[i].channel == c) {
				assert_true(k < n);
				assert_sample(&out[k++], &in[i]);
			}
		assert_int_equal(k, n);
		free(out);
	}
	assert_int_equal(jm_recording_sensor_samples(r, 1, T0 + 1, T0 + 9, all, n_all, &err), 0);
	assert_int_equal(n_all[0], 2);
	assert_int_equal(n_all[1], 1);
	assert_int_equal(n_all[2], 2);
	assert_sample(&all[0][1], &in[4]);
	assert_sample(&all[2][1], &in[5]);
	for (i = 0; i < 3; i++)
		free(all[i]);
	jm_recording_close(r);
	assert_int_equal((int)ask_sql(s->path, "SELECT count(*) FROM sample_group"), 2);
}

static void range_is_half_open(void **state)
{
	struct scratch *s = *state;
	struct jm_writer *w = new_writer(s->path);
	struct jm_sample *out;
	struct jm_recording *r;
	struct jm_error err = {0};
	int64_t first = 0, last = 0;
	size_t n;

	write_readings(w, 0, 10);
	assert_int_equal(jm_writer_close(w, &err), 0);
	r = open_recording(s->path);
	assert_int_equal(jm_recording_samples(r, 0, T0 + 1000000, T0 + 3000000, &out, &n, &err), 0);
	assert_int_equal(n, 2);
	assert_true(out[0].value == 10 && out[1].value == 20);
	free(out);
	assert_int_equal(jm_recording_samples(r, 0, T0 + 3, T0 + 3, &out, &n, &err), 0);
	assert_int_equal(n, 0);
	free(out);
	assert_int_equal(jm_recording_extent(r, &first, &last), 0);
	assert_true(first == T0 && last == T0 + 9000005);
	assert_int_equal(jm_recording_samples(r, 4, 0, 1, &out, &n, &err), JM_E_INVALID);
	jm_recording_close(r);
}

static void gaps_stay_gaps_in_the_views(void **state)
{
	struct scratch *s = *state;
	struct jm_writer *w = new_writer(s->path);
	struct jm_sample in[] = {sample_of(0, T0, 1000000), sample_of(0, T0 + 500000000, 2500000),
				 sample_of(1, T0, 7),       sample_of(2, T0, 8),
				 sample_of(3, T0, 9)};

	in[0].status = JM_SAMPLE_GAP;
	in[3].status = JM_SAMPLE_GAP;
	write_samples(w, in, 5);
	assert_int_equal(jm_writer_close(w, NULL), 0);
	assert_int_equal((int)ask_sql(s->path, "SELECT count(*) FROM sample"), 5);
	assert_int_equal((int)ask_sql(s->path, "SELECT count(*) FROM sample WHERE value IS NULL AND status = 1"), 2);
	assert_int_equal((int)ask_sql(s->path, "SELECT value FROM sample WHERE channel = 3"), 9);
	assert_int_equal((int)ask_sql(s->path, "SELECT count(*) FROM sample WHERE channel = 2 AND value IS NULL"), 1);
	assert_true(ask_sql(s->path, "SELECT t_ns FROM sample WHERE channel = 1") == (double)T0);
	assert_true(fabs(ask_sql(s->path, "SELECT value FROM reading WHERE name = 'test/channel-0' AND t_s > 0.4"
					  " AND unit = 'J'") - 2.5) < 1e-12);
}

static void spans_come_back_outer_first(void **state)
{
	struct scratch *s = *state;
	struct jm_writer *w = new_writer(s->path);
	struct jm_span_sink sink = jm_writer_span_sink(w);
	struct jm_span spans[4] = {{.start_ns = T0 + 10, .end_ns = T0 + 20, .track = UINT32_MAX, .iteration = 4},
				   {.start_ns = T0, .end_ns = T0 + 50, .iteration = JM_NO_ITERATION},
				   {.start_ns = T0, .end_ns = T0 + 100, .iteration = 0},
				   {.start_ns = T0 - 7, .end_ns = T0 - 7}};
	const struct jm_names *names;
	struct jm_recording *r;
	struct jm_error err = {0};
	struct jm_span *out;
	uint32_t conv, again, empty;
	size_t n;

	assert_int_equal(sink.name(sink.ctx, "conv1 ", 5, "Conv", 4, &conv), 0);
	assert_int_equal(sink.name(sink.ctx, "", 0, NULL, 0, &empty), 0);
	assert_int_equal(sink.name(sink.ctx, "conv1", 5, "Conv", 4, &again), 0);
	assert_int_equal(conv, again);
	spans[0].kind = JM_SPAN_LAYER;
	spans[0].flags = JM_SPAN_PROFILED | JM_SPAN_WARMUP;
	spans[0].name = conv;
	spans[1].kind = JM_SPAN_REQUEST;
	spans[1].name = empty;
	spans[2].kind = JM_SPAN_ITERATION;
	assert_int_equal(sink.write(sink.ctx, spans, 4), 0);
	assert_int_equal(jm_writer_close(w, &err), 0);
	r = open_recording(s->path);
	assert_int_equal(jm_recording_spans(r, UINT32_MAX, &out, &n, &err), 0);
	assert_int_equal(n, 4);
	assert_memory_equal(&out[0], &spans[3], sizeof(*out));
	assert_memory_equal(&out[1], &spans[2], sizeof(*out));
	assert_memory_equal(&out[2], &spans[1], sizeof(*out));
	assert_memory_equal(&out[3], &spans[0], sizeof(*out));
	free(out);
	assert_int_equal(jm_recording_spans(r, 1u << JM_SPAN_LAYER, &out, &n, &err), 0);
	assert_int_equal(n, 1);
	free(out);
	names = jm_recording_names(r);
	assert_int_equal(names->n, 2);
	assert_string_equal(names->items[conv].text, "conv1");
	assert_string_equal(names->items[conv].type, "Conv");
	jm_recording_close(r);
	assert_int_equal((int)ask_sql(s->path, "SELECT count(*) FROM named_span WHERE kind = 'layer' AND name = 'conv1'"
					       " AND duration_ns = 10"), 1);
	assert_int_equal((int)ask_sql(s->path, "SELECT count(*) FROM named_span WHERE kind = 'phase'"), 1);
}

/* What is held is what the file says, of every kind; released, the file is asked again. */
static void held_spans_are_those_of_the_file(void **state)
{
	struct scratch *s = *state;
	struct jm_writer *w = new_writer(s->path);
	struct jm_span_sink sink = jm_writer_span_sink(w);
	struct jm_span span = {0}, *read[2], *held[2];
	const uint32_t masks[2] = {UINT32_MAX, 1u << JM_SPAN_LAYER | 1u << JM_SPAN_PHASE};
	struct jm_recording *r;
	struct jm_error err = {0};
	size_t n, n_held, i;

	assert_int_equal(sink.name(sink.ctx, "x", 1, NULL, 0, &span.name), 0);
	for (i = 0; i < 500; i++) {
		span.start_ns = T0 + (int64_t)(i * 7919 % 100);
		span.end_ns = span.start_ns + 10;
		span.track = (uint32_t)i;
		span.kind = (uint8_t)(i % 4);
		assert_int_equal(sink.write(sink.ctx, &span, 1), 0);
	}
	assert_int_equal(jm_writer_close(w, &err), 0);
	r = open_recording(s->path);
	assert_null(jm_recording_held_spans(r, &n));
	for (i = 0; i < 2; i++) {
		assert_int_equal(jm_recording_spans(r, masks[i], &read[i], &n, &err), 0);
		assert_int_equal(jm_recording_hold_spans(r, &err), 0);
		assert_int_equal(jm_recording_spans(r, masks[i], &held[i], &n_held, &err), 0);
		assert_true(n > 0 && n == n_held);
		assert_memory_equal(read[i], held[i], n * sizeof(*read[i]));
		jm_recording_release_spans(r);
		free(read[i]);
		free(held[i]);
	}
	assert_null(jm_recording_held_spans(r, &n));
	assert_int_equal(n, 0);
	assert_int_equal(jm_recording_hold_spans(r, &err), 0); /* closing releases, too */
	jm_recording_close(r);
}

static void holding_no_spans_is_no_error(void **state)
{
	struct scratch *s = *state;
	struct jm_error err = {0};
	struct jm_recording *r;
	struct jm_span *out;
	size_t n;

	assert_int_equal(jm_writer_close(new_writer(s->path), &err), 0);
	r = open_recording(s->path);
	assert_int_equal(jm_recording_hold_spans(r, &err), 0);
	assert_non_null(jm_recording_held_spans(r, &n));
	assert_int_equal(n, 0);
	assert_int_equal(jm_recording_spans(r, UINT32_MAX, &out, &n, &err), 0);
	assert_int_equal(n, 0);
	free(out);
	jm_recording_close(r);
}

/* 3000 spans written innermost first, as a profiler ends them: order by (start, -end), ties as written. */
static void many_spans_are_sorted(void **state)
{
	struct scratch *s = *state;
	struct jm_writer *w = new_writer(s->path);
	struct jm_span_sink sink = jm_writer_span_sink(w);
	struct jm_recording *r;
	struct jm_span *out, span = {0};
	struct jm_error err = {0};
	size_t n, i;

	assert_int_equal(sink.name(sink.ctx, "x", 1, NULL, 0, &span.name), 0);
	for (i = 0; i < 3000; i++) {
		span.start_ns = T0 + (int64_t)(i * 7919 % 500);
		span.end_ns = span.start_ns + 10 + (int64_t)(i % 3);
		span.track = (uint32_t)i;
		assert_int_equal(sink.write(sink.ctx, &span, 1), 0);
	}
	assert_int_equal(jm_writer_close(w, &err), 0);
	r = open_recording(s->path);
	assert_int_equal(jm_recording_spans(r, UINT32_MAX, &out, &n, &err), 0);
	assert_int_equal(n, 3000);
	for (i = 1; i < n; i++) {
		assert_true(out[i - 1].start_ns <= out[i].start_ns);
		if (out[i - 1].start_ns == out[i].start_ns) {
			assert_true(out[i - 1].end_ns >= out[i].end_ns);
			if (out[i - 1].end_ns == out[i].end_ns)
				assert_true(out[i - 1].track < out[i].track);
		}
	}
	free(out);
	jm_recording_close(r);
}

static void meta_keeps_type_and_precision(void **state)
{
	struct scratch *s = *state;
	struct jm_writer *w = new_writer(s->path);
	struct jm_recording *r;
	double d = 0;
	int64_t i = 0;

	assert_int_equal(jm_writer_meta(w, "model", "a \"b\" \xe2\x82\xac"), 0);
	assert_int_equal(jm_writer_meta(w, "gone", "x"), 0);
	assert_int_equal(jm_writer_meta(w, "gone", NULL), 0);
	assert_int_equal(jm_writer_meta(w, "text_number", "42"), 0);
	assert_int_equal(jm_writer_meta_i64(w, "anchor", INT64_MAX), 0);
	assert_int_equal(jm_writer_meta_double(w, "third", 1.0 / 3), 0);
	assert_int_equal(jm_writer_meta_double(w, "unknown", 3), 0);
	assert_int_equal(jm_writer_meta_double(w, "unknown", NAN), 0);
	assert_int_equal(jm_writer_close(w, NULL), 0);
	r = open_recording(s->path);
	assert_string_equal(jm_recording_meta(r, "model"), "a \"b\" \xe2\x82\xac");
	assert_null(jm_recording_meta(r, "gone"));
	assert_null(jm_recording_meta(r, "unknown"));
	assert_int_equal(jm_recording_meta_i64(r, "anchor", &i), 0);
	assert_true(i == INT64_MAX);
	assert_string_equal(jm_recording_meta(r, "anchor"), "9223372036854775807");
	assert_int_equal(jm_recording_meta_double(r, "third", &d), 0);
	assert_true(d == 1.0 / 3);
	assert_int_equal(jm_recording_meta_i64(r, "third", &i), JM_E_FORMAT);
	assert_int_equal(jm_recording_meta_i64(r, "text_number", &i), 0);
	assert_int_equal(i, 42);
	assert_int_equal(jm_recording_meta_double(r, "none", &d), JM_E_NOT_FOUND);
	assert_int_equal(jm_recording_meta_double(r, "model", &d), JM_E_FORMAT);
	assert_string_equal(jm_recording_meta(r, "closed"), "1");
	jm_recording_close(r);
}

static void ledger_and_events_come_back(void **state)
{
	struct scratch *s = *state;
	struct jm_writer *w = new_writer(s->path);
	struct jm_ledger first = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, second = {11, 12, 13, 14, 15, 16, -17, 18, 19, 20},
			 got;
	struct jm_event late = {T0 + 5, 0, 2, "note", "late"}, early = {T0, 9, -1, "sensor_lost", "early"};
	const struct jm_event *events;
	struct jm_recording *r;
	size_t n;

	assert_int_equal(jm_writer_ledger(w, 2, &first), 0);
	assert_int_equal(jm_writer_ledger(w, 2, &second), 0);
	assert_int_equal(jm_writer_event(w, &late), 0);
	assert_int_equal(jm_writer_event(w, &early), 0);
	assert_int_equal(jm_writer_close(w, NULL), 0);
	r = open_recording(s->path);
	assert_int_equal(jm_recording_ledger(r, 2, &got), 0);
	assert_memory_equal(&got, &second, sizeof(got));
	assert_int_equal(jm_recording_ledger(r, 1, &got), JM_E_NOT_FOUND);
	assert_int_equal(jm_recording_ledger(r, 99, &got), JM_E_NOT_FOUND);
	events = jm_recording_events(r, &n);
	assert_int_equal(n, 2);
	assert_true(events[0].t_ns == T0 && events[0].duration_ns == 9 && events[0].channel == -1);
	assert_string_equal(events[0].kind, "sensor_lost");
	assert_string_equal(events[1].text, "late");
	assert_int_equal(events[1].channel, 2);
	jm_recording_close(r);
}

static void wrong_arguments_are_refused_and_the_rest_goes_on(void **state)
{
	struct scratch *s = *state;
	struct jm_writer *w = new_writer(s->path);
	struct jm_sample_sink samples = jm_writer_sample_sink(w);
	struct jm_span_sink spans = jm_writer_span_sink(w);
	struct jm_sample unknown = sample_of(4, T0, 1);
	struct jm_span backwards = {.start_ns = 2, .end_ns = 1};
	struct jm_ledger ledger = {0};
	struct jm_event event = {0, -1, -1, "note", NULL};
	struct jm_error err = {0};
	struct jm_recording *r;
	char *huge = malloc(17 * 1024 * 1024);

	assert_int_equal(samples.write(samples.ctx, &unknown, 1), JM_E_INVALID);
	assert_int_equal(spans.write(spans.ctx, &backwards, 1), JM_E_INVALID);
	assert_int_equal(jm_writer_ledger(w, 4, &ledger), JM_E_INVALID);
	assert_int_equal(jm_writer_event(w, &event), JM_E_INVALID);
	assert_int_equal(jm_writer_meta_i64(w, "time_origin_ns", 3), JM_E_INVALID);
	memset(huge, 'x', 17 * 1024 * 1024 - 1);
	huge[17 * 1024 * 1024 - 1] = '\0';
	assert_int_equal(jm_writer_meta(w, "huge", huge), JM_E_INVALID);
	free(huge);
	write_readings(w, 0, 5);
	assert_int_equal(jm_writer_status(w, &err), JM_E_INVALID);
	assert_non_null(strstr(err.message, "channel"));
	assert_int_equal(jm_writer_close(w, &err), JM_E_INVALID);
	r = open_recording(s->path);
	assert_int_equal(count_samples(r, 3), 5);
	jm_recording_close(r);
}

static void closed_recording_is_one_private_file(void **state)
{
	struct scratch *s = *state;
	struct jm_writer *w = new_writer(s->path);
	struct stat st;

	write_readings(w, 0, 5);
	assert_int_equal(jm_writer_commit(w), 0);
	assert_int_equal(n_files(s->folder), 3);
	assert_int_equal(stat(s->path, &st), 0);
	assert_int_equal(st.st_mode & 0022, 0);
	assert_int_equal(jm_writer_close(w, NULL), 0);
	assert_int_equal(n_files(s->folder), 1);
	assert_int_equal(jm_writer_close(NULL, NULL), 0);
	jm_recording_close(NULL);
}

static void empty_recording_says_so(void **state)
{
	struct scratch *s = *state;
	struct jm_writer *w;
	struct jm_recording *r;
	struct jm_error err = {0};
	struct jm_span *spans;
	int64_t first, last;
	size_t n;

	assert_int_equal(jm_writer_create(s->path, false, &w, &err), 0);
	assert_int_equal(jm_writer_close(w, &err), 0);
	r = open_recording(s->path);
	assert_int_equal(jm_recording_extent(r, &first, &last), JM_E_NOT_FOUND);
	assert_int_equal(jm_recording_spans(r, UINT32_MAX, &spans, &n, &err), 0);
	assert_int_equal(n, 0);
	free(spans);
	jm_recording_close(r);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, scratch_set_up, scratch_tear_down)
	const struct CMUnitTest tests[] = {
	    T(description_comes_back),
	    T(samples_come_back_in_order),
	    T(range_is_half_open),
	    T(gaps_stay_gaps_in_the_views),
	    T(spans_come_back_outer_first),
	    T(held_spans_are_those_of_the_file),
	    T(holding_no_spans_is_no_error),
	    T(many_spans_are_sorted),
	    T(meta_keeps_type_and_precision),
	    T(ledger_and_events_come_back),
	    T(wrong_arguments_are_refused_and_the_rest_goes_on),
	    T(closed_recording_is_one_private_file),
	    T(empty_recording_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
