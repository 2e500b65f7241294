#define _GNU_SOURCE
#include "joulemap/map.h"
#include "trace/map_internal.h"

#include "trace/collect.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ftw.h>
#include <math.h>
#include <unistd.h>

#define HEADER                                                                                                         \
	"cycle,layer_name,layer_type,layer_power_including_idle_power_micro_watt,"                                     \
	"layer_power_excluding_idle_power_micro_watt,layer_run_time\n"

static char root[64];
static struct jm_map_model last;
static char warnings[4096];

static void put(const char *name, const char *text)
{
	char path[512], *slash;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", root, name);
	for (slash = path + strlen(root) + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		mkdir(path, 0777);
		*slash = '/';
	}
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static char *result(const char *model)
{
	char path[512];
	size_t n;

	snprintf(path, sizeof(path), "%s/out/%s/power_runtime_mapping_layerwise.csv", root, model);
	return collect_load(path, &n);
}

static void remember(void *ctx, const struct jm_map_model *m)
{
	(void)ctx;
	last = *m;
}

static void warn(void *ctx, const char *text)
{
	size_t n = strlen(warnings);

	(void)ctx;
	snprintf(warnings + n, sizeof(warnings) - n, "%s\n", text);
}

static int map(enum jm_map_mode mode, struct jm_error *err)
{
	char raw[128], out[128];
	struct jm_map_options o = {sizeof(o), raw, out, mode, true, remember, warn, NULL};

	snprintf(raw, sizeof(raw), "%s/raw", root);
	snprintf(out, sizeof(out), "%s/out", root);
	warnings[0] = '\0';
	return jm_map_raw_data(&o, err);
}

/* Two layers of 10 and 20 ms in two cycles, all stamped after their cycle as TensorRT does; one reading each 10 ms from
 * 0 to 100 ms of 1.0, 1.1 ... 2.0 W. Corrected: cycle 1 ends at its last report, 35.001 ms: a is [5.001, 15.001), b is
 * [15.001, 35.001). Cycle 2 is reported at 115.001 ms, behind the log: b starts at 95.001, a at 85.001. */
static int setup(void **state)
{
	char log[1024];
	size_t n = 0;
	int i;

	(void)state;
	snprintf(root, sizeof(root), "/tmp/joulemap-test-map-XXXXXX");
	if (!mkdtemp(root))
		return 1;
	for (i = 0; i <= 10; i++)
		n += (size_t)sprintf(log + n, "20300101-00:00:00.%03d,5000.0,%d.0\n", i * 10, 200 + 20 * i);
	put("raw/net/net_power_log.log", log);
	put("raw/idling_power.json", "{\"timestamp\": \"20300101-000000\", \"avg_idle_power\": 500000.5}");
	put("raw/net/trt_profiling/trt_layer_latency.json",
	    "{\"a, \\\"1\\\"\": [[10.0, \"20300101-00:00:00.035\"], [10.0, \"20300101-00:00:00.115\"]],"
	    " \"b\": [[20, \"20300101-00:00:00.035001\"], [20.0, \"20300101-00:00:00.115001\"]]}");
	put("raw/net/trt_profiling/trt_engine_info.json", "{\"Layers\": [{\"Name\": \"b\", \"Inputs\": [{\"Name\": "
							  "\"x\", \"LayerType\": \"no\"}], \"LayerType\": \"gemm\"}]}");
	return 0;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int teardown(void **state)
{
	(void)state;
	return nftw(root, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* Readings in a of cycle 1: 10 ms (1.1 W); in b: 20, 30 ms (1.25 W). Cycle 2: a has 90 ms (1.9 W), b 100 ms (2 W). */
static void layers_are_laid_back_to_back_before_the_last_report(void **state)
{
	struct jm_error err = {0};
	char *csv;

	(void)state;
	assert_int_equal(map(JM_MAP_CORRECTED, &err), 0);
	csv = result("net");
	assert_string_equal(csv, HEADER "1,\"a, \"\"1\"\"\",Unknown,1100000.0,599999.5,10.0\n"
					"1,b,gemm,1250000.0,749999.5,20.0\n"
					"2,\"a, \"\"1\"\"\",Unknown,1900000.0,1399999.5,10.0\n"
					"2,b,gemm,2000000.0,1499999.5,20.0\n");
	free(csv);
	assert_int_equal(last.n_laid, 2);
	assert_int_equal(last.n_readings_used, 5);
	assert_true(fabs(last.log_time_s - 0.1) < 1e-9);
	/* Covered: 30 ms of cycle 1 and, up to the end of the log, 14.999 ms of cycle 2. */
	assert_true(fabs(last.uncovered_log_s - 0.055001) < 1e-9);
	assert_non_null(strstr(warnings, "overlap"));
}

/* head: a = [25, 35]: 30 ms, 1.3 W; b = [15.001, 35.001]: nothing is left; cycle 2: a = [105, 115]: all skipped, the
 * log is used up, b is dropped. */
static void head_takes_stamps_as_ends_and_drops_the_rest(void **state)
{
	char *csv;

	(void)state;
	assert_int_equal(map(JM_MAP_HEAD, NULL), 0);
	csv = result("net");
	assert_string_equal(csv, HEADER "1,\"a, \"\"1\"\"\",Unknown,1300000.0,799999.5,10.0\n"
					"1,b,gemm,,,20.0\n"
					"2,\"a, \"\"1\"\"\",Unknown,,,10.0\n");
	free(csv);
	assert_int_equal(last.n_dropped, 1);
}

/* seed: a = [35, 45]: all readings from 0 to 40 ms, 1.2 W; b = [45, 65]: 40 ms again, 50, 60: 1.5 W; a of cycle 2: 60
 * to 100: 1.8 W; b: 100 again: 2 W. */
static void seed_charges_gaps_and_shares_readings(void **state)
{
	char *csv;

	(void)state;
	assert_int_equal(map(JM_MAP_SEED, NULL), 0);
	csv = result("net");
	assert_string_equal(csv, HEADER "1,\"a, \"\"1\"\"\",Unknown,1200000.0,699999.5,10.0\n"
					"1,b,gemm,1500000.0,999999.5,20.0\n"
					"2,\"a, \"\"1\"\"\",Unknown,1800000.0,1299999.5,10.0\n"
					"2,b,gemm,2000000.0,1499999.5,20.0\n");
	free(csv);
	/* A reading that two layers share is one reading. */
	assert_int_equal(last.n_readings_used, last.n_readings);
}

static void stamps_that_fit_are_taken_as_ends(void **state)
{
	char *csv;

	(void)state;
	put("raw/net/trt_profiling/trt_layer_latency.json",
	    "{\"a\": [[10.0, \"20300101-00:00:00.025\"]], \"b\": [[20.0, \"20300101-00:00:00.095\"]]}");
	assert_int_equal(map(JM_MAP_CORRECTED, NULL), 0);
	csv = result("net");
	assert_string_equal(csv, HEADER "1,a,Unknown,1200000.0,699999.5,10.0\n1,b,gemm,1850000.0,1349999.5,20.0\n");
	free(csv);
	assert_int_equal(last.n_laid, 0);
}

static void durations_alone_have_no_power(void **state)
{
	struct jm_error err;
	char *csv;

	(void)state;
	put("raw/net/trt_profiling/trt_layer_latency.json", "\"{\\\"a\\\": [1, 2], \\\"b\\\": [3]}\"");
	assert_int_equal(map(JM_MAP_CORRECTED, NULL), 0);
	csv = result("net");
	assert_string_equal(csv, HEADER "1,a,Unknown,,,1\n1,b,gemm,,,3\n2,a,Unknown,,,2\n");
	free(csv);
	assert_non_null(strstr(warnings, "no times of day"));
	assert_int_equal(map(JM_MAP_HEAD, &err), JM_E_UNSUPPORTED);
}

static void bad_files_are_refused_with_their_place(void **state)
{
	struct jm_error err;

	(void)state;
	put("raw/net/trt_profiling/trt_layer_latency.json",
	    "{\"a\": [[1.0, \"20300101-00:00:00.1\"],\n [-1.0, \"20300101-00:00:00.1\"]]}");
	assert_int_equal(map(JM_MAP_CORRECTED, &err), JM_E_FORMAT);
	assert_non_null(strstr(err.message, "trt_layer_latency.json:2 "));
	put("raw/net/trt_profiling/trt_layer_latency.json", "{\"a\": [[1.0, \"20300101-00:00:00.1\"]");
	assert_int_equal(map(JM_MAP_CORRECTED, &err), JM_E_FORMAT);
	put("raw/net/trt_profiling/trt_layer_latency.json", "{\"a\": [[1.0, \"20301301-00:00:00.1\"]]}");
	assert_int_equal(map(JM_MAP_CORRECTED, &err), JM_E_FORMAT);
	put("raw/net/trt_profiling/trt_layer_latency.json", "{\"a\": [[1.0, \"20300101-00:00:00.1\"]]}");
	put("raw/net/net_power_log.log", "20300101-00:00:00.1,5000.0,1.0\nnonsense\n");
	assert_int_equal(map(JM_MAP_CORRECTED, &err), JM_E_FORMAT);
	assert_non_null(strstr(err.message, "net_power_log.log:2:"));
}

static void a_log_that_steps_back_is_sorted(void **state)
{
	char *csv;

	(void)state;
	put("raw/net/net_power_log.log", "20300101-00:00:00.30,5000.0,300.0\n20300101-00:00:00.10,5000.0,100.0\n"
					 "20300101-00:00:00.20,5000.0,200.0\n");
	put("raw/net/trt_profiling/trt_layer_latency.json",
	    "{\"a\": [[20.0, \"20300101-00:00:00.11\"]], \"b\": [[80, \"20300101-00:00:00.21\"]]}");
	assert_int_equal(map(JM_MAP_CORRECTED, NULL), 0);
	csv = result("net");
	assert_string_equal(csv, HEADER "1,a,Unknown,500000.0,-0.5,20.0\n1,b,gemm,1000000.0,499999.5,80.0\n");
	free(csv);
	assert_non_null(strstr(warnings, "steps back"));
}

static void durations_round_half_to_even_as_timedelta_does(void **state)
{
	(void)state;
	assert_true(jm_map_round_us(0.0005) == 0);
	assert_true(jm_map_round_us(0.0015) == 2);
	assert_true(jm_map_round_us(1.0625) == 1062); /* 62.5 us */
	assert_true(jm_map_round_us(1.1875) == 1188); /* 187.5 us */
	assert_true(jm_map_round_us(1000.25) == 1000250);
}

static int load_latency(const char *path, struct jm_map_layers *layers, struct jm_error *err)
{
	struct jm_map_parts *parts;
	int rc = jm_map_parts_start(path, &parts, err);

	return rc ? rc : jm_map_parts_finish(parts, layers, err);
}

/* A file above the size from which two threads read it: what it yields must not show the border, wherever that is. */
static void large_files_are_read_in_parts_alike(void **state)
{
	struct jm_map_layers layers = {0};
	char path[128];
	size_t layer, cycle;
	struct jm_error err;
	FILE *file;
	int round;

	(void)state;
	snprintf(path, sizeof(path), "%s/large.json", root);
	for (round = 0; round < 2; round++) {
		file = fopen(path, "w");
		assert_non_null(file);
		/* The second round has borders that are none: inside names. */
		fprintf(file, "{");
		for (layer = 0; layer < 20; layer++) {
			fprintf(file, "%s\"%s%zu\": [", layer ? "],\n \"]], \": [[1, \"20300101-00:00:00.5\"]], " : "",
				round ? "x]], \\\"" : "layer ", layer);
			for (cycle = 0; cycle < 6000; cycle++)
				fprintf(file, "%s[0.%zu, \"20300101-00:00:00.%06zu\"]", cycle ? ", " : "", cycle + 1,
					cycle);
		}
		fprintf(file, "]}");
		assert_true(ftell(file) > 4 << 20);
		fclose(file);
		assert_int_equal(load_latency(path, &layers, &err), 0);
		assert_int_equal(layers.n, 21); /* and the one whose key comes again and again */
		assert_int_equal(layers.n_cycles, 6000);
		for (layer = 0; layer < layers.n; layer++) {
			bool is_odd = strcmp(layers.items[layer].name, "]], ") == 0;

			assert_int_equal(layers.items[layer].n, is_odd ? 1 : 6000);
			assert_true(layers.items[layer].entries[0].duration_ms == (is_odd ? 1 : 0.1));
			assert_true(is_odd == (layer == 1));
		}
		jm_map_layers_finish(&layers);
	}
	/* An error behind the border has its place in the whole file. */
	file = fopen(path, "a");
	fprintf(file, "\n\n?");
	fclose(file);
	assert_int_equal(load_latency(path, &layers, &err), JM_E_FORMAT);
	assert_non_null(strstr(err.message, "large.json:22 "));
	jm_map_layers_finish(&layers);
}

static void what_is_cut_or_steps_back_is_told(void **state)
{
	char *csv;

	(void)state;
	/* 120 mA of 1200: the reading at 0.20 s is not to be believed; the scripts do believe it. */
	put("raw/net/net_power_log.log", "20300101-00:00:00.10,5000.0,100.0\n20300101-00:00:00.20,5000.0,120");
	put("raw/net/trt_profiling/trt_layer_latency.json",
	    "{\"a\": [[20.0, \"20300101-00:00:00.21\"], [20.0, \"20300101-00:00:00.11\"]]}");
	assert_int_equal(map(JM_MAP_CORRECTED, NULL), 0);
	csv = result("net");
	assert_string_equal(csv, HEADER "1,a,Unknown,,,20.0\n2,a,Unknown,500000.0,-0.5,20.0\n");
	free(csv);
	assert_non_null(strstr(warnings, "the last line of the power log has no end"));
	assert_non_null(strstr(warnings, "the clock of the layers steps back 1 times"));
	assert_int_equal(map(JM_MAP_SEED, NULL), 0);
	csv = result("net");
	assert_non_null(strstr(csv, "550000.0"));
	free(csv);
}

static void check_shared(const char *model, const char *const *rows)
{
	char *csv = result(model), *at = csv;

	assert_non_null(csv);
	for (; *rows; rows++) {
		at = strstr(at, *rows);
		assert_non_null(at);
	}
	free(csv);
}

/* The expected values of the project's own tests. */
static void the_fixtures_of_the_original_project_are_met(void **state)
{
	static const char *const simple[] = {"1,[CONVOLUTION]-[conv0],CaskConvolution,5500000.0,500000.0,1000.0\n",
					     NULL};
	static const char *const readings[] = {"1,[CONVOLUTION]-[conv0],CaskConvolution,5750000.0,750000.0,1000.0\n",
					       NULL};
	static const char *const layers[] = {
	    "1,[CONVOLUTION]-[conv0],CaskConvolution,6250000.0,1250000.0,400.0\n",
	    "1,[MATRIX_MULTIPLY]-[fc0],CaskGemmConvolution,8750000.0,3750000.0,800.0\n", NULL};
	const char *raw = collect_shared("jetson/example_raw_data");
	char out[128];
	struct jm_map_options o = {sizeof(o), raw, out, JM_MAP_HEAD, true, NULL, NULL, NULL};
	int mode;

	(void)state;
	if (!raw)
		skip();
	snprintf(out, sizeof(out), "%s/out", root);
	for (mode = JM_MAP_CORRECTED; mode <= JM_MAP_HEAD; mode++) { /* the stamps there are true ends */
		o.mode = (enum jm_map_mode)mode;
		assert_int_equal(jm_map_raw_data(&o, NULL), 0);
		check_shared("simple", simple);
		check_shared("multiple_readings", readings);
		check_shared("multiple_layers", layers);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(layers_are_laid_back_to_back_before_the_last_report),
	    TEST(head_takes_stamps_as_ends_and_drops_the_rest),
	    TEST(seed_charges_gaps_and_shares_readings),
	    TEST(stamps_that_fit_are_taken_as_ends),
	    TEST(durations_alone_have_no_power),
	    TEST(bad_files_are_refused_with_their_place),
	    TEST(a_log_that_steps_back_is_sorted),
	    TEST(what_is_cut_or_steps_back_is_told),
	    TEST(durations_round_half_to_even_as_timedelta_does),
	    TEST(large_files_are_read_in_parts_alike),
	    TEST(the_fixtures_of_the_original_project_are_met),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
