/* Rate and size of a recording being written: samples of one channel, of groups of eight, and spans. A commit every
 * 500 readings, as at 1 kHz and half a second. Median of 5 runs. Prints JSON. usage: recording_write [FOLDER] */
#include "recording/recording.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define N_RUNS 5
#define N_ROWS 200000
#define COMMIT_ROWS 500

struct figure {
	double rate_hz, bytes, cpu_ns;
};

static double seconds(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int write_rows(struct jm_writer *w, unsigned n_channels)
{
	struct jm_sample_sink sink = jm_writer_sample_sink(w);
	struct jm_sample samples[8];
	unsigned c;
	int rc = 0, i;

	memset(samples, 0, sizeof(samples));
	for (i = 0; rc == 0 && i < N_ROWS; i++) {
		for (c = 0; c < n_channels; c++) {
			samples[c].channel = (uint16_t)c;
			samples[c].t_ns = INT64_C(1700000000000000) + (int64_t)i * 1000000 + i % 977;
			samples[c].half_width_ns = 400 + (uint32_t)(i % 700);
			/* An energy counter of a package after some hours, one step of 61 uJ at a time. */
			samples[c].value = INT64_C(100000000000) + (int64_t)i * 61 * (c + 1000);
		}
		rc = sink.write(sink.ctx, samples, n_channels);
		if (rc == 0 && i % COMMIT_ROWS == COMMIT_ROWS - 1)
			rc = jm_writer_commit(w);
	}
	return rc;
}

static int write_spans(struct jm_writer *w)
{
	struct jm_span_sink sink = jm_writer_span_sink(w);
	struct jm_span span;
	uint32_t first = 0, name;
	char text[32];
	int rc = 0, i;

	memset(&span, 0, sizeof(span));
	for (i = 0; rc == 0 && i < 235; i++) {
		int n = snprintf(text, sizeof(text), "/encoder/layer.%d/MatMul", i);

		rc = sink.name(sink.ctx, text, (size_t)n, "MatMul", 6, &name);
		if (i == 0)
			first = name;
	}
	for (i = 0; rc == 0 && i < N_ROWS; i++) {
		span.start_ns = INT64_C(1700000000000000) + (int64_t)i * 12345;
		span.end_ns = span.start_ns + 9000 + i % 3000;
		span.name = first + (uint32_t)(i % 235);
		span.track = 123456;
		span.iteration = (uint32_t)(i / 235);
		span.kind = JM_SPAN_LAYER;
		span.flags = JM_SPAN_PROFILED;
		rc = sink.write(sink.ctx, &span, 1);
		if (rc == 0 && i % 10000 == 9999)
			rc = jm_writer_commit(w);
	}
	return rc;
}

/* n_channels 0: spans. */
static int run(const char *path, unsigned n_channels, struct figure *out)
{
	struct jm_recording_sensor sensor = {.name = "bench/0", .driver = "bench"};
	struct jm_channel channels[8];
	struct jm_error err = {0};
	struct jm_writer *w;
	struct stat st;
	double wall, cpu;
	char name[32];
	unsigned c;
	int rc;

	for (c = 0; c < n_channels; c++) {
		snprintf(name, sizeof(name), "bench/0/%u", c);
		jm_channel_init(&channels[c], name);
	}
	sensor.n_channels = (uint16_t)n_channels;
	rc = jm_writer_create(path, true, &w, &err);
	if (rc)
		goto failed;
	jm_writer_sensors(w, &sensor, 1, channels, n_channels);
	wall = seconds(CLOCK_MONOTONIC);
	cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
	rc = n_channels ? write_rows(w, n_channels) : write_spans(w);
	rc = jm_writer_close(w, &err);
	if (rc)
		goto failed;
	wall = seconds(CLOCK_MONOTONIC) - wall;
	cpu = seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	stat(path, &st);
	n_channels = n_channels ? n_channels : 1;
	out->rate_hz = (double)N_ROWS * n_channels / wall;
	out->bytes = (double)st.st_size / ((double)N_ROWS * n_channels);
	out->cpu_ns = cpu * 1e9 / N_ROWS;
	unlink(path);
	return 0;
failed:
	fprintf(stderr, "%s\n", err.message);
	return rc;
}

static int by_rate(const void *a, const void *b)
{
	const struct figure *x = a, *y = b;

	return (x->rate_hz > y->rate_hz) - (x->rate_hz < y->rate_hz);
}

static int measure(const char *path, const char *name, unsigned n_channels, const char *end)
{
	struct figure figures[N_RUNS];
	int i, rc;

	for (i = 0; i < N_RUNS; i++) {
		rc = run(path, n_channels, &figures[i]);
		if (rc)
			return rc;
	}
	qsort(figures, N_RUNS, sizeof(figures[0]), by_rate);
	printf("  \"%s\": {\"per_second\": %.0f, \"bytes_each\": %.2f, \"cpu_ns_per_row\": %.0f}%s\n", name,
	       figures[N_RUNS / 2].rate_hz, figures[N_RUNS / 2].bytes, figures[N_RUNS / 2].cpu_ns, end);
	return 0;
}

int main(int argc, char **argv)
{
	struct rusage usage;
	char path[512];
	int rc;

	snprintf(path, sizeof(path), "%.480s/bench-%ld.jmap", argc > 1 ? argv[1] : "/tmp", (long)getpid());
	printf("{\n");
	rc = measure(path, "samples_1_channel", 1, ",");
	if (rc == 0)
		rc = measure(path, "samples_8_channels", 8, ",");
	if (rc == 0)
		rc = measure(path, "spans", 0, ",");
	getrusage(RUSAGE_SELF, &usage);
	printf("  \"max_rss_kib\": %ld\n}\n", usage.ru_maxrss);
	return rc ? 1 : 0;
}
