/* What recording costs: `joulemap record` of 8 RAPL zones on a tree in memory, beside a process that only sleeps on the
 * same deadlines. Usage: bench_record_cost JOULEMAP [SECONDS [RUNS [PERIOD_US]]]. JSON, medians over the runs. */
#define _GNU_SOURCE
#include "core/units.h"
#include "joulemap/joulemap.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define N_RUNS_MAX 15

static char tree[] = "/dev/shm/joulemap-bench-XXXXXX";

static void put(const char *folder, const char *file, const char *text)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, file);
	f = fopen(path, "w");
	if (!f || fputs(text, f) < 0 || fclose(f)) {
		perror(path);
		exit(1);
	}
}

static void make_zone(const char *zone, const char *name)
{
	char folder[256], command[300];

	snprintf(folder, sizeof(folder), "%s/sys/class/powercap/%s", tree, zone);
	snprintf(command, sizeof(command), "mkdir -p '%s'", folder);
	if (system(command))
		exit(1);
	put(folder, "name", name);
	put(folder, "energy_uj", "123456789012\n");
	put(folder, "max_energy_range_uj", "262143328850\n");
}

static void make_tree(void)
{
	static const char *const inner[] = {"core\n", "uncore\n", "dram\n"};
	char zone[64], name[64];
	int package, i;

	if (!mkdtemp(tree))
		exit(1);
	for (package = 0; package < 2; package++) {
		snprintf(zone, sizeof(zone), "intel-rapl:%d", package);
		snprintf(name, sizeof(name), "package-%d\n", package);
		make_zone(zone, name);
		for (i = 0; i < 3; i++) {
			snprintf(zone, sizeof(zone), "intel-rapl:%d:%d", package, i);
			make_zone(zone, inner[i]);
		}
	}
}

/* The yardstick: the same deadlines, nothing else. */
static void only_sleep(int seconds, int64_t period_ns)
{
	int64_t next = jm_now_ns(), end = next + seconds * JM_NS_PER_S;

	prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
	while (next < end) {
		struct timespec t = {.tv_sec = next / JM_NS_PER_S, .tv_nsec = next % JM_NS_PER_S};

		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
		next += period_ns;
	}
	_exit(0);
}

struct figures {
	double cpu_s, sleeper_cpu_s, rss_mib, coverage;
};

static double cpu_of(const struct rusage *u)
{
	return (double)(u->ru_utime.tv_sec + u->ru_stime.tv_sec) +
	       (double)(u->ru_utime.tv_usec + u->ru_stime.tv_usec) * 1e-6;
}

/* Readings taken over expected, of all channels, from the report's own CSV. */
static double read_coverage(const char *program, const char *recording)
{
	char command[1024], line[4096];
	double taken = 0, expected = 0, a, b;
	FILE *f;

	snprintf(command, sizeof(command), "'%s' report --by channel --format csv '%s' | cut -d, -f12,13 | tail -n +2",
		 program, recording);
	f = popen(command, "r");
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lf,%lf", &a, &b) != 2)
			continue;
		expected += a;
		taken += b;
	}
	if (f)
		pclose(f);
	return expected > 0 ? taken / expected : 0;
}

static void run_once(const char *program, int seconds, int64_t period_us, struct figures *out)
{
	char recording[128], period[32], duration[32];
	struct rusage usage;
	pid_t recorder, sleeper;
	int status;

	snprintf(recording, sizeof(recording), "%s/r.jmap", tree);
	snprintf(period, sizeof(period), "%lldus", (long long)period_us);
	snprintf(duration, sizeof(duration), "%ds", seconds);
	recorder = fork();
	if (recorder == 0) {
		setenv("JOULEMAP_ROOT", tree, 1);
		execl(program, "joulemap", "record", "-q", "-f", "-i", period, "-d", duration, "-s", "rapl_powercap",
		      "-o", recording, (char *)NULL);
		_exit(127);
	}
	sleeper = fork();
	if (sleeper == 0)
		only_sleep(seconds, period_us * 1000);
	if (wait4(recorder, &status, 0, &usage) != recorder || status) {
		fprintf(stderr, "the recorder failed\n");
		exit(1);
	}
	out->cpu_s = cpu_of(&usage);
	out->rss_mib = (double)usage.ru_maxrss / 1024;
	if (wait4(sleeper, &status, 0, &usage) != sleeper)
		exit(1);
	out->sleeper_cpu_s = cpu_of(&usage);
	out->coverage = read_coverage(program, recording);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *values, int n)
{
	qsort(values, (size_t)n, sizeof(*values), compare);
	return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

int main(int argc, char **argv)
{
	int seconds = argc > 2 ? atoi(argv[2]) : 60, n_runs = argc > 3 ? atoi(argv[3]) : 5, i;
	int64_t period_us = argc > 4 ? atoll(argv[4]) : 1000;
	double ratio[N_RUNS_MAX], core[N_RUNS_MAX], rss[N_RUNS_MAX], coverage[N_RUNS_MAX];
	char command[64];

	if (argc < 2 || seconds < 1 || n_runs < 1 || n_runs > N_RUNS_MAX || period_us < 10) {
		fprintf(stderr, "usage: bench_record_cost JOULEMAP [SECONDS [RUNS [PERIOD_US]]]\n");
		return 2;
	}
	make_tree();
	for (i = 0; i < n_runs; i++) {
		struct figures f;

		run_once(argv[1], seconds, period_us, &f);
		ratio[i] = f.cpu_s / f.sleeper_cpu_s;
		core[i] = f.cpu_s / seconds;
		rss[i] = f.rss_mib;
		coverage[i] = f.coverage;
	}
	snprintf(command, sizeof(command), "rm -rf %s", tree);
	if (system(command))
		perror(tree);
	printf(
	    "{\"bench\":\"record_cost\",\"channels\":8,\"period_us\":%lld,\"seconds\":%d,\"runs\":%d,\"coverage\":%.5f,"
	    "\"cpu_over_sleeping_loop\":%.3f,\"core_fraction\":%.4f,\"peak_rss_mib\":%.1f}\n",
	    (long long)period_us, seconds, n_runs, median(coverage, n_runs), median(ratio, n_runs),
	    median(core, n_runs), median(rss, n_runs));
	return 0;
}
