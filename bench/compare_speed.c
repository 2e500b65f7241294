/* Time of `joulemap compare` over 20 recordings of 1 minute, read at 100 Hz, with 12,000 calls and 60 layers in profiled blocks. Median of
 * 5 runs, and the processor's time of one, which other work does not lengthen; with the layers matched, too (by time share), one run.
 * Prints JSON. usage: compare_speed [FOLDER] */
#include "joulemap/compare.h"
#include "support/trial_recording.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define N_RECORDINGS 20
#define N_RUNS       5

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static double processor_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int drop(void *ctx, const char *text, size_t n)
{
	(void)text;
	*(size_t *)ctx += n;
	return 0;
}

static double time_once(const char *const *paths, bool with_layers)
{
	struct jm_compare_options options = {.size = sizeof(options), .with_layers = with_layers, .method = "share"};
	struct jm_comparison *c;
	struct jm_error err = {0};
	double start_s = now_s();
	size_t n = 0;

	if (jm_comparison_open(paths, N_RECORDINGS, &options, &c, &err) ||
	    jm_comparison_write(c, NULL, drop, &n, &err)) {
		fprintf(stderr, "%s\n", err.message);
		exit(1);
	}
	jm_comparison_destroy(c);
	return now_s() - start_s;
}

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	char folder[256], paths[N_RECORDINGS][300];
	const char *list[N_RECORDINGS];
	double times[N_RUNS], layers_s, processor;
	int i;

	snprintf(folder, sizeof(folder), "%.200s/jm-bench-XXXXXX", argc > 1 ? argv[1] : "/tmp");
	if (!mkdtemp(folder))
		return 1;
	for (i = 0; i < N_RECORDINGS; i++) {
		struct trial_recording t = {.path = paths[i],
					    .seconds = 60,
					    .rate_hz = 100,
					    .power_w = 50 - i,
					    .latency_ms = 5,
					    .ripple = 0.05,
					    .n_layers = 60};

		snprintf(paths[i], sizeof(paths[i]), "%s/r%02d.jmap", folder, i);
		list[i] = paths[i];
		if (trial_write(&t))
			return 1;
	}
	processor = processor_s();
	for (i = 0; i < N_RUNS; i++)
		times[i] = time_once(list, false);
	processor = (processor_s() - processor) / N_RUNS;
	qsort(times, N_RUNS, sizeof(times[0]), compare_doubles);
	layers_s = time_once(list, true);
	printf(
	    "{\"recordings\": %d, \"seconds_each\": 60, \"rate_hz\": 100, \"calls_each\": 12000, \"compare_s\": %.3f, "
	    "\"compare_s_min\": %.3f, \"compare_s_max\": %.3f, \"compare_processor_s\": %.3f, \"with_layers_s\": "
	    "%.3f}\n",
	    N_RECORDINGS, times[N_RUNS / 2], times[0], times[N_RUNS - 1], processor, layers_s);
	for (i = 0; i < N_RECORDINGS; i++)
		unlink(paths[i]);
	return rmdir(folder) != 0;
}
