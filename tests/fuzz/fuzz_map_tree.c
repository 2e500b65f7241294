/* A raw_data tree of any bytes: power log, idle power, engine and latencies of one model, parted by lines "%%". Mapped in each mode, then
 * taken as training data, and that read again. */
#define _GNU_SOURCE
#include "fuzz.h"

#include "dataset/dataset.h"
#include "joulemap/map.h"
#include "joulemap/predict.h"
#include "support/tree.h"

#include <math.h>

#define PARTS 4
#define MARK  "\n%%\n"

static struct tree world;
static const char *const places[PARTS] = {"/raw/net/net_power_log.log", "/raw/idling_power.json",
					  "/raw/net/trt_profiling/trt_engine_info.json",
					  "/raw/net/trt_profiling/trt_layer_latency.json"};

static void remove_world(void)
{
	tree_remove(&world);
}

static void put(const char *place, const uint8_t *data, size_t n)
{
	char full[512];
	FILE *f;

	tree_path(&world, place, full, sizeof(full));
	if (n == 0) {
		unlink(full);
		return;
	}
	tree_make_parents(full);
	f = fopen(full, "wb");
	tree_require(f && fwrite(data, 1, n, f) == n && fclose(f) == 0, "write", full);
}

static void put_parts(const uint8_t *data, size_t n)
{
	size_t i;

	for (i = 0; i < PARTS; i++) {
		const uint8_t *mark = n ? memmem(data, n, MARK, strlen(MARK)) : NULL;
		size_t length = mark && i < PARTS - 1 ? (size_t)(mark - data) : n;

		put(places[i], data, length);
		data = mark && i < PARTS - 1 ? mark + strlen(MARK) : data + length;
		n -= mark && i < PARTS - 1 ? length + strlen(MARK) : length;
	}
}

static void check(void *ctx, const struct jm_map_model *m)
{
	(void)ctx;
	if (m->rc ? !m->error.message[0]
		  : m->n_readings_used > m->n_readings || m->n_measured > m->n_rows ||
			m->measured_time_s > m->layer_time_s * (1 + 1e-9) + 1e-9)
		abort();
}

static void check_dataset(const char *folder)
{
	struct jm_dataset d = {.n = 0};
	struct jm_error err = {0};
	size_t n_left_out, i;

	if (jm_dataset_read(folder, &d, &n_left_out, &err)) /* what was written must be readable */
		tree_require(false, err.message, folder);
	for (i = 0; i < d.n; i++)
		if (!d.rows[i].network || !d.rows[i].layer || isinf(d.rows[i].power_w) || isinf(d.rows[i].runtime_ms))
			abort();
	jm_dataset_finish(&d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char raw[300], mapped[300], training[300];
	struct jm_map_options map = {
	    .size = sizeof(map), .raw_data_dir = raw, .result_dir = mapped, .overwrite = true, .report = check};
	const char *sources[] = {raw, mapped};
	struct jm_dataset_options build = {
	    .size = sizeof(build), .sources = sources, .n_sources = 1, .directory = training, .count_min = 1};
	struct jm_error err = {0};
	int mode;

	if (!world.root[0]) {
		tree_create(&world);
		atexit(remove_world);
	}
	snprintf(raw, sizeof(raw), "%s/raw", world.root);
	snprintf(mapped, sizeof(mapped), "%s/mapped", world.root);
	snprintf(training, sizeof(training), "%s/training", world.root);
	put_parts(data, n);
	for (mode = JM_MAP_CORRECTED; mode <= JM_MAP_SEED; mode++) {
		map.mode = (enum jm_map_mode)mode;
		if (jm_map_raw_data(&map, &err) && !err.message[0])
			abort();
	}
	for (mode = 0; mode < 2; mode++) {
		build.is_historic = mode;
		if (jm_dataset_build(&build, &err) == 0)
			check_dataset(training);
		sources[0] = mapped;
	}
	return 0;
}
