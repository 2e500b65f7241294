/* How fast the JSON reader goes through a layer latency file, and in how much memory: all tokens pulled, numbers
 * converted. Prints one JSON object. Usage: json_readers [ENTRIES [RUNS]] (default 870000, 5). The figures of readers that
 * were not taken stand in docs/architecture.md. */
#define _GNU_SOURCE
#include "core/json.h"
#include "core/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Numbers of 17 digits, as TensorRT's float becomes in Python. */
static FILE *make(long n)
{
	FILE *file = tmpfile();
	char number[40];
	long i;

	if (!file)
		return NULL;
	fprintf(file, "{\"layer\": [");
	for (i = 0; i < n; i++) {
		jm_text_shortest((double)(0.02f + (float)(i % 99991) * 1e-6f), number);
		fprintf(file, "%s[%s, \"20300101-00:00:%02ld.%06ld\"]", i ? ", " : "", number, i / 20000 % 60,
			i % 1000000);
	}
	fprintf(file, "]}");
	fflush(file);
	return file;
}

static int pull(FILE *file, long *n_tokens)
{
	struct jm_json *json;
	struct jm_json_token t;
	double value;
	int rc = jm_json_open_fd("bench", fileno(file), &json, NULL);

	*n_tokens = 0;
	while (!rc && !(rc = jm_json_next(json, &t, NULL)) && t.type != JM_JSON_END) {
		++*n_tokens;
		if (t.type == JM_JSON_NUMBER)
			rc = jm_json_number(json, &t, &value, NULL);
	}
	jm_json_close(json);
	return rc;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	long n = argc > 1 ? atol(argv[1]) : 870000, n_tokens = 0;
	int n_runs = argc > 2 ? atoi(argv[2]) : 5, i;
	double seconds[64];
	struct rusage usage;
	FILE *file;

	if (n < 1 || n_runs < 1 || n_runs > 64 || !(file = make(n)))
		return 2;
	for (i = 0; i < n_runs; i++) {
		double start = now();

		if (pull(file, &n_tokens))
			return 1;
		seconds[i] = now() - start;
	}
	qsort(seconds, (size_t)n_runs, sizeof(*seconds), by_value);
	getrusage(RUSAGE_SELF, &usage);
	printf("{\"bench\": \"json_readers\", \"entries\": %ld, \"bytes\": %ld, \"tokens\": %ld, \"runs\": %d, "
	       "\"median_s\": %.4f, \"best_s\": %.4f, \"rss_mib\": %.1f}\n",
	       n, ftell(file), n_tokens, n_runs, seconds[n_runs / 2], seconds[0], (double)usage.ru_maxrss / 1024);
	fclose(file);
	return 0;
}
