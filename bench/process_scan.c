/* What a snapshot of many processes costs, beside what reading /proc/PID/stat of each once through a kept descriptor costs.
 *
 *   bench_process_scan [PROCESSES] [ROUNDS]      default: 1000 40
 *
 * Three loads: children that sleep; children that all wake and work a little between two snapshots, so that the stat of
 * every one is read and parsed; a tree of files with ten times as many, under a limit of 1024 descriptors. Processor
 * times of this thread, medians over the rounds. Prints JSON. */
#define _GNU_SOURCE
#include "core/units.h"
#include "process/watch.h"
#include "recording/recording.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS_MAX 1000

static int64_t cpu_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * JM_NS_PER_S + t.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static double median_us(int64_t *ns, size_t n)
{
	qsort(ns, n, sizeof(*ns), compare);
	return (double)ns[n / 2] * 1e-3;
}

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

/* A child that works a little each time it is woken. */
static void child(void)
{
	volatile unsigned spin;
	sigset_t set;
	int signo;

	prctl(PR_SET_PDEATHSIG, (unsigned long)SIGKILL, 0UL, 0UL, 0UL);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	for (;;) {
		sigwait(&set, &signo);
		for (spin = 0; spin < 2000; spin++)
			;
	}
}

static void raise_limit(rlim_t wanted)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = wanted && wanted < limit.rlim_max ? wanted : limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

/* The yardstick: one pread of each. */
static int64_t read_all(const int *fds, size_t n)
{
	int64_t start = cpu_now();
	char text[1024];
	size_t i;

	for (i = 0; i < n; i++)
		if (pread(fds[i], text, sizeof(text), 0) <= 0)
			fail("pread");
	return cpu_now() - start;
}

struct cost {
	double stat_us, scan_us, write_us;
	size_t n_watched, n_samples;
};

static void wake(const pid_t *woken, size_t n)
{
	size_t i;

	for (i = 0; woken && i < n; i++)
		kill(woken[i], SIGUSR1);
	/* Long enough for all of them to have run. */
	usleep(100000);
}

/* Both in turn, under the same conditions: woken (or NULL) work, pause, one of the two. */
static struct cost scan_cost(struct jm_process_watch *w, const int *fds, size_t n_fds, const pid_t *woken, size_t n,
			     size_t rounds)
{
	static int64_t stat_ns[ROUNDS_MAX], scan_ns[ROUNDS_MAX], write_ns[ROUNDS_MAX];
	struct jm_process_snapshot s = {0};
	struct cost cost = {0};
	char path[] = "/tmp/process_scan-XXXXXX";
	struct jm_writer *writer;
	size_t k, i;

	close(mkstemp(path));
	if (jm_writer_create(path, true, &writer, NULL))
		fail("recording");
	for (k = 0; k < rounds + 3; k++) {
		int64_t start, middle, read_ns;

		wake(woken, n);
		read_ns = read_all(fds, n_fds);
		wake(woken, n);
		start = cpu_now();
		if (jm_process_watch_scan(w, &s))
			fail("scan");
		middle = cpu_now();
		for (i = 0; i < s.n_described; i++)
			jm_writer_process(writer, &s.described[i]);
		jm_writer_process_step(writer, &s.step, s.samples, s.n_samples);
		jm_writer_commit(writer);
		if (k < 3)
			continue;
		stat_ns[k - 3] = read_ns;
		scan_ns[k - 3] = middle - start;
		write_ns[k - 3] = cpu_now() - middle;
	}
	cost = (struct cost){median_us(stat_ns, rounds) * (double)n / (double)(n_fds ? n_fds : 1),
			     median_us(scan_ns, rounds), median_us(write_ns, rounds), s.step.n_watched, s.n_samples};
	jm_writer_close(writer, NULL);
	unlink(path);
	return cost;
}

static void print(const char *name, struct cost c, bool is_last)
{
	printf("  {\"load\": \"%s\", \"watched\": %zu, \"changed\": %zu, \"scan_us\": %.0f, \"write_us\": %.0f, "
	       "\"stat_us\": %.0f, \"scan_over_stat\": %.3f, \"cpu_percent_at_10_hz\": %.2f}%s\n",
	       name, c.n_watched, c.n_samples, c.scan_us, c.write_us, c.stat_us, c.scan_us / c.stat_us,
	       (c.scan_us + c.write_us) * 1e-3, is_last ? "" : ",");
}

static void bench_live(size_t n, size_t rounds)
{
	struct jm_process_options options = {0};
	pid_t *pids = calloc(n, sizeof(*pids));
	int *fds = calloc(n, sizeof(*fds));
	struct jm_process_watch *w;
	struct jm_env env;
	size_t i;

	raise_limit(0);
	for (i = 0; i < n; i++) {
		char path[64];

		pids[i] = fork();
		if (pids[i] < 0)
			fail("fork");
		if (pids[i] == 0)
			child();
		snprintf(path, sizeof(path), "/proc/%d/stat", (int)pids[i]);
		fds[i] = open(path, O_RDONLY | O_CLOEXEC);
		if (fds[i] < 0)
			fail(path);
	}
	jm_env_init(&env);
	if (jm_process_watch_create(&env, &options, &w, NULL) || jm_process_watch_add(w, getpid(), false, NULL))
		fail("watch");
	print("asleep", scan_cost(w, fds, n, NULL, n, rounds), false);
	print("all at work", scan_cost(w, fds, n, pids, n, rounds), false);
	jm_process_watch_destroy(w);
	for (i = 0; i < n; i++) {
		kill(pids[i], SIGKILL);
		waitpid(pids[i], NULL, 0);
		close(fds[i]);
	}
	free(pids);
	free(fds);
}

static void write_stat(const char *root, size_t i, unsigned cpu)
{
	char path[300];
	FILE *f;

	snprintf(path, sizeof(path), "%s/proc/%zu", root, i + 10);
	mkdir(path, 0755);
	snprintf(path, sizeof(path), "%s/proc/%zu/stat", root, i + 10);
	f = fopen(path, "w");
	if (!f)
		fail(path);
	fprintf(f, "%zu (bench) S 1 1 1 0 -1 0 0 0 0 0 %u 0 0 0 20 0 1 0 %zu 4096 100 0\n", i + 10, cpu, i);
	fclose(f);
}

/* Files instead of processes: ten times as many as descriptors. */
static void bench_tree(size_t n, size_t rounds)
{
	struct jm_process_options options = {.is_all = true};
	char root[] = "/dev/shm/process_scan-XXXXXX", path[300];
	struct jm_process_watch *w;
	struct jm_env env;
	size_t i, n_fds;
	int *fds = calloc(n, sizeof(*fds));

	if (!mkdtemp(root))
		fail(root);
	snprintf(path, sizeof(path), "%s/proc", root);
	mkdir(path, 0755);
	for (i = 0; i < n; i++)
		write_stat(root, i, 1);
	raise_limit(0);
	for (i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/proc/%zu/stat", root, i + 10);
		fds[i] = open(path, O_RDONLY | O_CLOEXEC);
		if (fds[i] < 0) /* the hard limit: as many as there are */
			break;
	}
	/* Some room for the watch itself. */
	for (n_fds = i; n_fds > 100; n_fds--)
		close(fds[n_fds - 1]);
	raise_limit(1024);
	jm_env_init(&env);
	snprintf(env.root, sizeof(env.root), "%s", root);
	if (jm_process_watch_create(&env, &options, &w, NULL))
		fail("watch");
	print("files, 1024 descriptors", scan_cost(w, fds, n_fds, NULL, n, rounds), true);
	while (n_fds-- > 0)
		close(fds[n_fds]);
	jm_process_watch_destroy(w);
	snprintf(path, sizeof(path), "rm -rf '%s'", root);
	if (system(path))
		fail(path);
	free(fds);
}

int main(int argc, char **argv)
{
	size_t n = argc > 1 ? (size_t)atol(argv[1]) : 1000, rounds = argc > 2 ? (size_t)atol(argv[2]) : 40;

	rounds = rounds < ROUNDS_MAX ? rounds : ROUNDS_MAX;
	printf("{\"processes\": %zu, \"rounds\": %zu, \"loads\": [\n", n, rounds);
	fflush(stdout);
	bench_live(n, rounds);
	bench_tree(10 * n, rounds);
	printf("]}\n");
	return 0;
}
