/* Time to load a recording: 60,000 readings of 8 channels, channel by channel and in one pass, and 1,000,000 spans.
 * Median of 5 runs. Prints JSON. usage: recording_read [FOLDER] */
#include "recording/recording.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define N_RUNS 5
#define N_READINGS 60000
#define N_SPANS 1000000
#define N_CHANNELS 8

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void write_samples(struct jm_writer *w)
{
	struct jm_sample_sink sink = jm_writer_sample_sink(w);
	struct jm_sample samples[N_CHANNELS];
	int i, c;

	memset(samples, 0, sizeof(samples));
	for (i = 0; i < N_READINGS; i++) {
		for (c = 0; c < N_CHANNELS; c++) {
			samples[c].channel = (uint16_t)c;
			samples[c].t_ns = INT64_C(1700000000000000) + (int64_t)i * 1000000;
			samples[c].value = INT64_C(100000000000) + (int64_t)i * 61 * (c + 1000);
		}
		sink.write(sink.ctx, samples, N_CHANNELS);
	}
}

/* Each layer before the iteration that contains it, as a profiler writes them. */
static void write_spans(struct jm_writer *w)
{
	struct jm_span_sink sink = jm_writer_span_sink(w);
	struct jm_span span;
	int i;

	memset(&span, 0, sizeof(span));
	sink.name(sink.ctx, "layer", 5, "Conv", 4, &span.name);
	for (i = 0; i < N_SPANS; i++) {
		int64_t start = INT64_C(1700000000000000) + (int64_t)(i / 100) * 1000000;

		span.kind = i % 100 == 99 ? JM_SPAN_ITERATION : JM_SPAN_LAYER;
		span.start_ns = i % 100 == 99 ? start : start + i % 100 * 10000;
		span.end_ns = i % 100 == 99 ? start + 990000 : span.start_ns + 9000;
		span.iteration = (uint32_t)(i / 100);
		sink.write(sink.ctx, &span, 1);
	}
}

static int write_recording(const char *path)
{
	struct jm_recording_sensor sensor = {.name = "bench/0", .driver = "bench", .n_channels = N_CHANNELS};
	struct jm_channel channels[N_CHANNELS];
	struct jm_error err = {0};
	struct jm_writer *w;
	char name[32];
	int c, rc = jm_writer_create(path, true, &w, &err);

	for (c = 0; c < N_CHANNELS; c++) {
		snprintf(name, sizeof(name), "bench/0/%d", c);
		jm_channel_init(&channels[c], name);
	}
	if (rc == 0) {
		jm_writer_sensors(w, &sensor, 1, channels, N_CHANNELS);
		write_samples(w);
		write_spans(w);
		rc = jm_writer_close(w, &err);
	}
	if (rc)
		fprintf(stderr, "%s\n", err.message);
	return rc;
}

static size_t load_each(struct jm_recording *r)
{
	struct jm_sample *samples;
	size_t n, total = 0;
	uint16_t c;

	for (c = 0; c < N_CHANNELS; c++) {
		if (jm_recording_samples(r, c, INT64_MIN, INT64_MAX, &samples, &n, NULL))
			return 0;
		total += n;
		free(samples);
	}
	return total;
}

static size_t load_together(struct jm_recording *r)
{
	struct jm_sample *samples[N_CHANNELS];
	size_t n[N_CHANNELS], total = 0;
	int c;

	if (jm_recording_sensor_samples(r, 0, INT64_MIN, INT64_MAX, samples, n, NULL))
		return 0;
	for (c = 0; c < N_CHANNELS; c++) {
		total += n[c];
		free(samples[c]);
	}
	return total;
}

static size_t load_spans(struct jm_recording *r)
{
	struct jm_span *spans;
	size_t n;

	if (jm_recording_spans(r, UINT32_MAX, &spans, &n, NULL))
		return 0;
	free(spans);
	return n;
}

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void measure(struct jm_recording *r, const char *name, size_t (*load)(struct jm_recording *), const char *end)
{
	double times[N_RUNS];
	size_t n = 0;
	int i;

	for (i = 0; i < N_RUNS; i++) {
		double start = now_s();

		n = load(r);
		times[i] = now_s() - start;
	}
	qsort(times, N_RUNS, sizeof(times[0]), by_value);
	printf("  \"%s\": {\"n\": %zu, \"seconds\": %.4f}%s\n", name, n, times[N_RUNS / 2], end);
}

int main(int argc, char **argv)
{
	struct jm_recording *r;
	struct jm_error err = {0};
	char path[512];

	snprintf(path, sizeof(path), "%.480s/bench-%ld.jmap", argc > 1 ? argv[1] : "/tmp", (long)getpid());
	if (write_recording(path))
		return 1;
	if (jm_recording_open(path, &r, &err)) {
		fprintf(stderr, "%s\n", err.message);
		return 1;
	}
	printf("{\n");
	measure(r, "samples_channel_by_channel", load_each, ",");
	measure(r, "samples_one_pass", load_together, ",");
	measure(r, "spans", load_spans, "");
	printf("}\n");
	jm_recording_close(r);
	unlink(path);
	return 0;
}
