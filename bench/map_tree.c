/* How long it takes to map the power log of a raw_data tree to its layers, and what copying the same bytes in and out
 * takes. Makes the tree (30,000 cycles of 29 layers, 38,000 power lines) in a folder and prints one JSON object.
 * Usage: map_tree [FOLDER [CYCLES [RUNS]]]; FOLDER is made, and left, for a look at it; default: a temporary one, which
 * is removed. */
#define _GNU_SOURCE
#include "core/text.h"
#include "joulemap/map.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define N_LAYERS   29
#define COPY_BYTES ((size_t)262144)
/* 2030-01-01 00:00:00 UTC, us. */
#define START_US INT64_C(1893456000000000)

static uint64_t state = 1;

/* xorshift64*, Vigna 2016; a fixed seed makes the same tree every time. */
static double uniform(void)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return (double)((state * UINT64_C(2685821657736338717)) >> 11) / 9007199254740992.0;
}

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static FILE *create(const char *folder, const char *name)
{
	char path[1024];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "w");
	if (!file)
		fail(path);
	return file;
}

static void make_folder(const char *folder, const char *name)
{
	char path[1024];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	if (mkdir(path, 0777) && errno != EEXIST)
		fail(path);
}

/* As long as TensorRT's names of ResNet-18. */
static void layer_name(int layer, char *out, size_t size)
{
	snprintf(out, size, "[CONVOLUTION]-[layer%d/%d/conv%d] + [ACTIVATION]-[relu%d]", layer / 4, layer % 4,
		 layer % 2, layer);
}

static void stamp(FILE *file, int64_t us)
{
	time_t seconds = (time_t)(us / 1000000);
	struct tm tm;

	gmtime_r(&seconds, &tm);
	fprintf(file, "%04d%02d%02d-%02d:%02d:%02d.%06d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
		tm.tm_min, tm.tm_sec, (int)(us % 1000000));
}

/* As json.dump writes it; TensorRT reports float, so the numbers have 17 digits. */
static void make_latency(const char *folder, int n_cycles)
{
	FILE *file = create(folder, "raw/net/trt_profiling/trt_layer_latency.json");
	char name[128], number[40];
	int layer, cycle;

	fprintf(file, "{");
	for (layer = 0; layer < N_LAYERS; layer++) {
		layer_name(layer, name, sizeof(name));
		fprintf(file, "%s\"%s\": [", layer ? ", " : "", name);
		for (cycle = 0; cycle < n_cycles; cycle++) {
			jm_text_shortest((double)(float)(0.02 + 0.05 * uniform()), number);
			fprintf(file, "%s[%s, \"", cycle ? ", " : "", number);
			stamp(file, START_US + (int64_t)cycle * 1650 + layer);
			fprintf(file, "\"]");
		}
		fprintf(file, "]");
	}
	fprintf(file, "}");
	fclose(file);
}

static void make_rest(const char *folder, int n_cycles)
{
	int i, n_lines = n_cycles * 38 / 30;
	char name[128];
	FILE *file = create(folder, "raw/net/net_power_log.log");

	for (i = 0; i < n_lines; i++) {
		stamp(file, START_US + (int64_t)i * 1302);
		fprintf(file, ",%.1f,%.1f\n", 4980.0 + 8 * (int)(4 * uniform()), 900.0 + (int)(400 * uniform()));
	}
	fclose(file);
	file = create(folder, "raw/net/trt_profiling/trt_engine_info.json");
	fprintf(file, "{\"Layers\": [");
	for (i = 0; i < N_LAYERS; i++) {
		layer_name(i, name, sizeof(name));
		fprintf(file, "%s{\"Name\": \"%s\", \"LayerType\": \"CaskConvolution\", \"Inputs\": []}", i ? ", " : "",
			name);
	}
	fprintf(file, "], \"Bindings\": [\"x\", \"output0\"]}");
	fclose(file);
	file = create(folder, "raw/idling_power.json");
	fprintf(file, "{\"timestamp\": \"20300101-000000\", \"avg_idle_power\": 4182734.6512}");
	fclose(file);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static size_t read_all(const char *folder, const char *name, char *buffer)
{
	char path[1024];
	size_t total = 0;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, O_RDONLY);
	while (fd >= 0 && (n = read(fd, buffer, COPY_BYTES)) > 0)
		total += (size_t)n;
	if (fd >= 0)
		close(fd);
	return total;
}

/* Reads what the mapping reads and writes as many bytes as it writes. Gives the seconds. */
static double copy(const char *folder, size_t n_out, size_t *n_in)
{
	char path[1024], *buffer = calloc(1, COPY_BYTES);
	double start;
	int fd;

	if (!buffer)
		fail("copy");
	snprintf(path, sizeof(path), "%s/copy", folder);
	unlink(path);
	start = now();
	*n_in = read_all(folder, "raw/net/net_power_log.log", buffer);
	*n_in += read_all(folder, "raw/net/trt_profiling/trt_engine_info.json", buffer);
	*n_in += read_all(folder, "raw/net/trt_profiling/trt_layer_latency.json", buffer);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
	while (fd >= 0 && n_out > 0) {
		ssize_t n = write(fd, buffer, n_out < COPY_BYTES ? n_out : COPY_BYTES);

		if (n <= 0)
			fail(path);
		n_out -= (size_t)n;
	}
	if (fd < 0 || close(fd))
		fail(path);
	free(buffer);
	return now() - start;
}

static size_t output_size(const char *folder)
{
	char path[1024];
	struct stat st;

	snprintf(path, sizeof(path), "%s/out/net/power_runtime_mapping_layerwise.csv", folder);
	return stat(path, &st) ? 0 : (size_t)st.st_size;
}

static void complain(void *ctx, const struct jm_map_model *m)
{
	(void)ctx;
	if (m->rc)
		fprintf(stderr, "%s\n", m->error.message);
}

struct timing {
	double wall_s, cpu_s; /* cpu: of all threads, in the kernel, too */
};

static double cpu(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	       1e-6 * (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

/* Maps in a process of its own, for its memory. Gives the time of the call alone. */
static struct timing map(const char *folder, enum jm_map_mode mode, long *rss_kib)
{
	char raw[1024], out[1024], old[1100];
	struct jm_map_options o = {.size = sizeof(o),
				   .raw_data_dir = raw,
				   .result_dir = out,
				   .mode = mode,
				   .overwrite = true,
				   .report = complain};
	struct rusage usage;
	struct timing t = {NAN, NAN};
	int ends[2], status;
	pid_t child = -1;

	snprintf(raw, sizeof(raw), "%s/raw", folder);
	snprintf(out, sizeof(out), "%s/out", folder);
	snprintf(old, sizeof(old), "%s/net/power_runtime_mapping_layerwise.csv", out);
	unlink(old);
	if (pipe(ends) || (child = fork()) < 0)
		fail("fork");
	if (child == 0) {
		double start = now(), cpu_start = cpu();

		if (jm_map_raw_data(&o, NULL) == 0)
			t = (struct timing){now() - start, cpu() - cpu_start};
		_exit(write(ends[1], &t, sizeof(t)) != sizeof(t));
	}
	close(ends[1]);
	if (read(ends[0], &t, sizeof(t)) != sizeof(t))
		t.wall_s = t.cpu_s = NAN;
	close(ends[0]);
	wait4(child, &status, 0, &usage);
	if (usage.ru_maxrss > *rss_kib)
		*rss_kib = usage.ru_maxrss;
	return t;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *values, int n)
{
	qsort(values, (size_t)n, sizeof(*values), by_value);
	return values[n / 2];
}

/* The two take turns, so that a busy machine hits both; best: the shortest time of each, which it hits least. */
static void measure(const char *folder, enum jm_map_mode mode, const char *name, int n_runs)
{
	double walls[64], cpus[64], copies[64], copy_s, map_s;
	size_t n_in = 0, n_out = 0;
	long rss_kib = 0;
	int i;

	for (i = 0; i < n_runs; i++) {
		struct timing t = map(folder, mode, &rss_kib);

		walls[i] = t.wall_s;
		cpus[i] = t.cpu_s;
		n_out = output_size(folder);
		copies[i] = copy(folder, n_out, &n_in);
	}
	map_s = median(walls, n_runs);
	copy_s = median(copies, n_runs);
	printf(",\n \"%s\": {\"median_s\": %.4f, \"best_s\": %.4f, \"cpu_median_s\": %.4f, \"rss_mib\": %.1f, "
	       "\"copy_median_s\": %.4f, \"copy_best_s\": %.4f, \"ratio\": %.2f, \"best_ratio\": %.2f, "
	       "\"bytes_in\": %zu, \"bytes_out\": %zu}",
	       name, map_s, walls[0], median(cpus, n_runs), (double)rss_kib / 1024, copy_s, copies[0], map_s / copy_s,
	       walls[0] / copies[0], n_in, n_out);
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

int main(int argc, char **argv)
{
	char temporary[] = "/tmp/joulemap-map-XXXXXX";
	const char *folder = argc > 1 ? argv[1] : mkdtemp(temporary);
	int n_cycles = argc > 2 ? atoi(argv[2]) : 30000, n_runs = argc > 3 ? atoi(argv[3]) : 5;

	if (!folder || n_cycles < 1 || n_runs < 1 || n_runs > 64)
		return 2;
	make_folder(folder, "");
	make_folder(folder, "raw");
	make_folder(folder, "raw/net");
	make_folder(folder, "raw/net/trt_profiling");
	make_latency(folder, n_cycles);
	make_rest(folder, n_cycles);
	printf("{\"bench\": \"map_tree\", \"cycles\": %d, \"layers\": %d, \"runs\": %d", n_cycles, N_LAYERS, n_runs);
	measure(folder, JM_MAP_CORRECTED, "default", n_runs);
	measure(folder, JM_MAP_HEAD, "head", n_runs);
	measure(folder, JM_MAP_SEED, "seed", n_runs);
	printf("}\n");
	if (argc <= 1)
		nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	return 0;
}
