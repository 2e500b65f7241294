/* Cost of a live span (begin + end), alone and with a second thread at it; JSON, medians of 5 runs. */
#include "session/marker.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define N_SPANS 2000000
#define N_RUNS  5

static int discard(void *ctx, const struct jm_span *spans, size_t n)
{
	*(size_t *)ctx += n;
	(void)spans;
	return 0;
}

struct job {
	struct jm_track *track;
	double ns_per_span;
};

/* Drains in between, unmeasured, so that the ring takes every span. */
static void *mark(void *arg)
{
	struct job *job = arg;
	size_t n = 0;
	struct jm_span_sink sink = {.write = discard, .ctx = &n};
	int64_t spent_ns = 0;
	int i, k;

	for (i = 0; i < N_SPANS; i += 10000) {
		int64_t start = jm_now_ns();

		for (k = 0; k < 10000; k++) {
			jm_span_begin(job->track, 1);
			jm_span_end(job->track);
		}
		spent_ns += jm_now_ns() - start;
		jm_track_drain(job->track, &sink);
	}
	job->ns_per_span = n == N_SPANS ? (double)spent_ns / N_SPANS : -1;
	return NULL;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Median of N_RUNS of the slower of n threads. */
static double measure(int n_threads)
{
	double costs[N_RUNS];
	int run, i;

	for (run = 0; run < N_RUNS; run++) {
		struct job jobs[2];
		pthread_t threads[2];

		costs[run] = 0;
		for (i = 0; i < n_threads; i++)
			if (jm_track_create((uint32_t)i, &jobs[i].track) ||
			    pthread_create(&threads[i], NULL, mark, &jobs[i]))
				exit(1);
		for (i = 0; i < n_threads; i++) {
			pthread_join(threads[i], NULL);
			if (jobs[i].ns_per_span < 0)
				exit(1);
			if (jobs[i].ns_per_span > costs[run])
				costs[run] = jobs[i].ns_per_span;
			jm_track_destroy(jobs[i].track);
		}
	}
	qsort(costs, N_RUNS, sizeof(costs[0]), compare);
	return costs[N_RUNS / 2];
}

int main(void)
{
	double alone = measure(1), beside = measure(2);

	printf("{\"bench\":\"marker\",\"spans\":%d,\"runs\":%d,\"ns_per_span_alone\":%.1f,\"ns_per_span_two_threads\":%"
	       ".1f,"
	       "\"ratio\":%.3f}\n",
	       N_SPANS, N_RUNS, alone, beside, beside / alone);
	return 0;
}
