/* A recording with something of everything, and changes to it that bytes describe: any column of any row set to any value, rows doubled
 * and removed, keys of the table meta set. What SQLite refuses is left out. */
#ifndef TESTS_FUZZ_HOSTILE_RECORDING_H
#define TESTS_FUZZ_HOSTILE_RECORDING_H

#include "recording/recording.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOSTILE_T0     INT64_C(5000000000000)
#define HOSTILE_MS     INT64_C(1000000)
#define HOSTILE_OP     12 /* bytes: table, column, row (2), what, value (7) */
#define HOSTILE_OPS    64
#define HOSTILE_MARK   "zQ9attack" /* in every hostile text that could break out of its place */
#define HOSTILE_TABLES 24

/* Keys that mean something to a reader. */
static const char *const hostile_keys[] = {"anchor_monotonic_ns",
					   "anchor_realtime_ns",
					   "batch",
					   "bench",
					   "command",
					   "counters_unavailable",
					   "cpu",
					   "cuda_kernels",
					   "cuda_visible_devices",
					   "data_path",
					   "dither_fraction",
					   "end_monotonic_ns",
					   "exit_code",
					   "hostname",
					   "identical",
					   "imported",
					   "isolate_s",
					   "items_per_iteration",
					   "joulemap_version",
					   "kernel",
					   "kind",
					   "machine_busy_fraction",
					   "machine_id",
					   "model",
					   "model_bytes",
					   "n_cpus",
					   "parameters",
					   "peak_memory_bytes",
					   "period_ns",
					   "position",
					   "precision",
					   "process_choice",
					   "process_clock",
					   "process_counts",
					   "process_counts_unavailable",
					   "process_period_ns",
					   "process_quantum_ns",
					   "process_snapshots_expected",
					   "process_snapshots_taken",
					   "process_times",
					   "process_wall_clock",
					   "quantization",
					   "quiet_busy_fraction",
					   "rest",
					   "round",
					   "score",
					   "score_data",
					   "score_items",
					   "score_n",
					   "score_name",
					   "score_reason",
					   "tokens_per_item",
					   "track_1",
					   "track_1_device",
					   "track_2",
					   "track_2_device",
					   "variant",
					   "warmup",
					   "weight_bytes",
					   "window_end_ns",
					   "window_start_ns",
					   "closed",
					   "time_origin_ns",
					   "device_origin_us",
					   "response:rapl/package-0",
					   "response:gpu/power",
					   "device:gpu",
					   "device:rapl",
					   "own_cpu_s",
					   "own_peak_rss_bytes",
					   "own_wall_s",
					   "own_rss_with_model_bytes",
					   "calls",
					   "is_live_machine",
					   "cuda_notes",
					   "schema"};

static const char *const hostile_texts[] = {
    "",
    "</script><script>" HOSTILE_MARK "()</script>",
    "\"><img src=x onerror=" HOSTILE_MARK "()>",
    "a\nb " HOSTILE_MARK " 1\n",
    "\x1b[2J\x1b]0;" HOSTILE_MARK "\x07",
    "\"\\\x01\x7f",
    "=" HOSTILE_MARK "(1),\"x\"\r\n",
    "\xff\xfe\xc0\x80\xed\xa0\x80",
    "%s%n%x{0}${x}",
    "shares",
    "measured",
    "idle",
    "isolated",
    "profiled",
    "counter",
    "window mean",
    "energy",
    "1 2 3;0 4;99999999999999999999",
    "0:1 2:2.5 3:1e-300 0:x 9:",
    "0101100111",
    "0.5,0.25,nan,-1",
    "fp32[1,3,8,8] fp32[16,3,3,3] -> fp32[1,16,8,8]",
    "fp32[9223372036854775807,9223372036854775807]",
    "{\"format\":\"joulemap-calibration/1\"}",
    "GPU-00000000-1111-2222-3333-444444444444 0000:01:00.0",
    "-9223372036854775808",
    "1e308",
    "user mode",
    "run",
    "simulated",
    "\xe2\x80\xaeright to left",
};

static inline void hostile_require(bool is_true, const char *what)
{
	if (is_true)
		return;
	fprintf(stderr, "hostile recording: %s\n", what);
	abort();
}

/* ---- The recording ------------------------------------------------------------------------------------------------ */

static inline uint32_t hostile_name(struct jm_span_sink *sink, const char *text, const char *type)
{
	uint32_t index;

	hostile_require(sink->name(sink->ctx, text, strlen(text), type, strlen(type), &index) == 0, text);
	return index;
}

static inline void hostile_span(struct jm_span_sink *sink, int64_t from_ms, int64_t to_ms, uint32_t name, uint8_t kind,
				uint32_t iteration, uint8_t flags)
{
	struct jm_span s = {.start_ns = HOSTILE_T0 + from_ms * HOSTILE_MS,
			    .end_ns = HOSTILE_T0 + to_ms * HOSTILE_MS,
			    .iteration = iteration,
			    .name = name,
			    .kind = kind,
			    .flags = flags,
			    .track = kind == JM_SPAN_KERNEL || kind == JM_SPAN_COPY || kind == JM_SPAN_RANGE ? 1 : 0};

	hostile_require(sink->write(sink->ctx, &s, 1) == 0, "a span");
}

/* 0 to 300 ms: idle; calls of 20 ms up to 1,500 ms, every fourth one profiled; then two layers alone, in loops. */
static inline void hostile_spans(struct jm_writer *w)
{
	struct jm_span_sink sink = jm_writer_span_sink(w);
	uint32_t layers[4] = {hostile_name(&sink, "conv1", "Conv"), hostile_name(&sink, "relu1", "Relu"),
			      hostile_name(&sink, "conv2", "Conv"), hostile_name(&sink, "fc", "MatMul")};
	uint32_t iteration = hostile_name(&sink, "iteration", ""), measured = hostile_name(&sink, "measured", ""),
		 profiled = hostile_name(&sink, "profiled", ""), idle = hostile_name(&sink, "idle", ""),
		 isolated = hostile_name(&sink, "isolated", ""), kernel = hostile_name(&sink, "sgemm<float>", "kernel"),
		 range = hostile_name(&sink, "encoder", ""), copy = hostile_name(&sink, "HtoD", "copy"), i, k;

	sink.shapes(sink.ctx, layers[0], "fp32[1,3,8,8] fp32[16,3,3,3] -> fp32[1,16,8,8]");
	hostile_span(&sink, 0, 300, idle, JM_SPAN_PHASE, JM_NO_ITERATION, 0);
	for (i = 0; i < 60; i++) {
		int64_t at = 300 + 20 * (int64_t)i;
		uint8_t flags = i % 4 == 3 ? JM_SPAN_PROFILED : 0;

		if (i % 4 == 0)
			hostile_span(&sink, at, at + 60, measured, JM_SPAN_PHASE, JM_NO_ITERATION, 0);
		if (flags)
			hostile_span(&sink, at, at + 20, profiled, JM_SPAN_PHASE, JM_NO_ITERATION, flags);
		hostile_span(&sink, at, at + 20, iteration, JM_SPAN_ITERATION, i, flags);
		for (k = 0; k < 4 && flags; k++)
			hostile_span(&sink, at + 5 * (int64_t)k, at + 5 * (int64_t)k + 5, layers[k], JM_SPAN_LAYER, i,
				     flags);
		hostile_span(&sink, at + 2, at + 10, kernel, JM_SPAN_KERNEL, JM_NO_ITERATION, 0);
		hostile_span(&sink, at + 2, at + 10, range, JM_SPAN_RANGE, JM_NO_ITERATION, JM_SPAN_DEVICE);
		hostile_span(&sink, at + 12, at + 14, copy, JM_SPAN_COPY, JM_NO_ITERATION, 0);
	}
	for (k = 0; k < 2; k++) {
		hostile_span(&sink, 1500 + 200 * (int64_t)k, 1700 + 200 * (int64_t)k, isolated, JM_SPAN_PHASE,
			     JM_NO_ITERATION, JM_SPAN_ISOLATED);
		hostile_span(&sink, 1510 + 200 * (int64_t)k, 1690 + 200 * (int64_t)k, layers[k], JM_SPAN_LAYER, 30,
			     JM_SPAN_ISOLATED);
	}
}

static inline void hostile_samples(struct jm_writer *w)
{
	struct jm_sample_sink sink = jm_writer_sample_sink(w);
	int64_t i, uj = 1000;

	for (i = 0; i < 210; i++) {
		struct jm_sample s = {.t_ns = HOSTILE_T0 + i * 10 * HOSTILE_MS, .half_width_ns = 1000};
		struct jm_sample group[2] = {s, s};
		int64_t power_w = i < 30 ? 10 : 40 + 7 * (i % 3);

		uj += power_w * 10000;
		group[0].value = uj;
		group[1].channel = 1;
		group[1].value = uj / 2;
		s.channel = 2;
		s.value = power_w * 3000000;
		s.status = i % 50 == 49 ? JM_SAMPLE_GAP : 0;
		hostile_require(sink.write(sink.ctx, group, 2) == 0 && sink.write(sink.ctx, &s, 1) == 0, "a sample");
	}
}

static inline void hostile_channels(struct jm_writer *w)
{
	static const struct jm_recording_sensor sensors[] = {
	    {.name = "rapl", .driver = "rapl_powercap", .first_channel = 0, .n_channels = 2},
	    {.name = "gpu", .driver = "nvml", .first_channel = 2, .n_channels = 1}};
	struct jm_ledger ledger = {.expected = 210, .taken = 206, .missed = 4, .longest_gap_ns = 20 * HOSTILE_MS};
	struct jm_channel c[3];
	uint16_t i;

	jm_channel_init(&c[0], "rapl/package-0");
	jm_channel_init(&c[1], "rapl/package-0/core");
	jm_channel_init(&c[2], "gpu/power");
	for (i = 0; i < 2; i++) {
		c[i].quantity = JM_QUANTITY_ENERGY;
		c[i].kind = JM_KIND_COUNTER;
		c[i].domain = i ? JM_DOMAIN_CORE : JM_DOMAIN_PACKAGE;
		c[i].wrap = 262143328850;
		c[i].step = 61;
		c[i].accuracy_fraction = 0.05;
	}
	c[1].part_of = 0;
	c[2].domain = JM_DOMAIN_GPU;
	c[2].kind = JM_KIND_WINDOW_MEAN;
	c[2].window_ns = 25 * HOSTILE_MS;
	c[2].update_period_ns = 20 * HOSTILE_MS;
	hostile_require(jm_writer_sensors(w, sensors, 2, c, 3) == 0, "sensors");
	for (i = 0; i < 3; i++)
		jm_writer_ledger(w, i, &ledger);
}

static inline void hostile_processes(struct jm_writer *w)
{
	static const char *const names[] = {"python", "worker"};
	uint32_t i, k;

	for (i = 0; i < 2; i++) {
		struct jm_process p = {.id = i,
				       .pid = 100 + i,
				       .parent_pid = 99 + i,
				       .ns_pid = 1 + i,
				       .start_ticks = 7,
				       .first_ns = HOSTILE_T0,
				       .is_root = i == 0,
				       .name = names[i],
				       .command = "python x.py",
				       .cgroup = "/docker/0123456789ab",
				       .runtime = "docker",
				       .container = "0123456789ab",
				       .pod = ""};

		jm_writer_process(w, &p);
	}
	for (i = 0; i < 20; i++) {
		struct jm_process_step step = {.t_ns = HOSTILE_T0 + i * 100 * HOSTILE_MS,
					       .half_width_ns = 5000,
					       .is_idle_known = true,
					       .idle_ns = i * 120 * HOSTILE_MS,
					       .n_cpus = 2,
					       .n_watched = 2,
					       .used_bytes = 1 << 20};
		struct jm_process_sample s[2];
		struct jm_process_count counts[3];
		struct jm_process_gpu gpu = {.process = i % 3 ? 0 : JM_PROCESS_OTHERS,
					     .n = 1,
					     .t_ns = step.t_ns,
					     .sm_ppm = 400000,
					     .memory_ppm = 100000,
					     .used_bytes = 1 << 30};

		for (k = 0; k < 2; k++)
			s[k] = (struct jm_process_sample){
			    .process = k, .cpu_ns = i * (30 + 10 * k) * HOSTILE_MS, .rss_bytes = 4096};
		for (k = 0; k < 3; k++)
			counts[k] = (struct jm_process_count){.process = k < 2 ? k : JM_PROCESS_MACHINE,
							      .counts = {1000 * i, 2000 * i, 10 * i}};
		jm_writer_process_step(w, &step, s, 2);
		jm_writer_process_counts(w, counts, 3);
		jm_writer_process_gpu(w, &gpu);
	}
	jm_writer_process_memory(
	    w, &(struct jm_process_memory){.process = 0, .t_ns = HOSTILE_T0, .pss_bytes = 9, .uss_bytes = 8});
	jm_writer_process_gone(w, 1, HOSTILE_T0 + 1900 * HOSTILE_MS);
}

static inline void hostile_write(const char *path)
{
	static const struct jm_event events[] = {
	    {.t_ns = HOSTILE_T0 + 700 * HOSTILE_MS, .channel = 2, .kind = "throttle_power", .text = "0x4"},
	    {.t_ns = HOSTILE_T0 + 800 * HOSTILE_MS,
	     .duration_ns = 50,
	     .channel = -1,
	     .kind = "note",
	     .text = "a note"}};
	struct jm_writer *w;
	struct jm_error err;
	size_t i;

	hostile_require(jm_writer_create(path, true, &w, &err) == 0, path);
	hostile_channels(w);
	hostile_samples(w);
	hostile_spans(w);
	hostile_processes(w);
	for (i = 0; i < 2; i++)
		jm_writer_event(w, &events[i]);
	jm_writer_meta(w, "kind", "run");
	jm_writer_meta(w, "model", "net.onnx");
	jm_writer_meta(w, "variant", "fp32");
	jm_writer_meta(w, "process_choice", "command");
	jm_writer_meta(w, "process_counts", "user mode");
	jm_writer_meta(w, "cuda_kernels", "120");
	jm_writer_meta(w, "track_1_device", "0");
	jm_writer_meta(w, "score_name", "accuracy");
	jm_writer_meta(w, "score_items", "0110111011");
	jm_writer_meta_double(w, "score", 0.7);
	jm_writer_meta_i64(w, "items_per_iteration", 2);
	jm_writer_meta_i64(w, "anchor_monotonic_ns", HOSTILE_T0);
	jm_writer_meta_i64(w, "anchor_realtime_ns", INT64_C(1700000000000000000));
	hostile_require(jm_writer_close(w, &err) == 0, err.message);
}

/* ---- Changes ------------------------------------------------------------------------------------------------------ */

struct hostile_table {
	char name[32];
	char columns[32][32];
	size_t n_columns;
};

struct hostile_schema {
	struct hostile_table tables[HOSTILE_TABLES];
	size_t n;
};

static inline void hostile_read_columns(sqlite3 *db, struct hostile_table *t)
{
	sqlite3_stmt *s = NULL;
	char sql[80];

	snprintf(sql, sizeof(sql), "PRAGMA table_info(%s)", t->name);
	sqlite3_prepare_v2(db, sql, -1, &s, NULL);
	while (s && sqlite3_step(s) == SQLITE_ROW && t->n_columns < 32)
		snprintf(t->columns[t->n_columns++], 32, "%s", (const char *)sqlite3_column_text(s, 1));
	sqlite3_finalize(s);
}

static inline void hostile_read_schema(const char *path, struct hostile_schema *out)
{
	sqlite3_stmt *s = NULL;
	sqlite3 *db;
	size_t i;

	memset(out, 0, sizeof(*out));
	hostile_require(sqlite3_open(path, &db) == SQLITE_OK, path);
	sqlite3_prepare_v2(db, "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name", -1, &s, NULL);
	while (s && sqlite3_step(s) == SQLITE_ROW && out->n < HOSTILE_TABLES)
		snprintf(out->tables[out->n++].name, 32, "%s", (const char *)sqlite3_column_text(s, 0));
	sqlite3_finalize(s);
	for (i = 0; i < out->n; i++)
		hostile_read_columns(db, &out->tables[i]);
	sqlite3_close(db);
	hostile_require(out->n > 10, "no tables");
}

static inline void hostile_bind(sqlite3_stmt *s, int at, unsigned what, int64_t value)
{
	double real;

	switch (what % 6) {
	case 0: /* near what is there, or anywhere */
		sqlite3_bind_int64(s, at, value >> (value & 1 ? 40 : 0));
		break;
	case 1:
		memcpy(&real, &value, sizeof(real));
		sqlite3_bind_double(s, at, real);
		break;
	case 2:
		sqlite3_bind_text(s, at,
				  hostile_texts[(uint64_t)value % (sizeof(hostile_texts) / sizeof(hostile_texts[0]))],
				  -1, SQLITE_STATIC);
		break;
	case 3:
		sqlite3_bind_null(s, at);
		break;
	case 4:
		sqlite3_bind_blob(s, at, "\0blob\xff", 6, SQLITE_STATIC);
		break;
	default: /* the ends of what there is */
		sqlite3_bind_int64(s, at, value & 1 ? INT64_MAX - (value & 6) : INT64_MIN + (value & 6));
		break;
	}
}

static inline void hostile_change(sqlite3 *db, const struct hostile_schema *schema, const uint8_t *op)
{
	const struct hostile_table *t = &schema->tables[op[0] % schema->n];
	const char *column = t->columns[op[1] % (t->n_columns ? t->n_columns : 1)];
	unsigned row = op[2] | (unsigned)op[3] << 8, kind = op[4] / 6 % 5;
	int64_t value = 0;
	sqlite3_stmt *s = NULL;
	char sql[300];

	memcpy(&value, op + 5, HOSTILE_OP - 5);
	value = (int64_t)((uint64_t)value << 8) >> 8; /* seven bytes, with sign */
	if (kind == 0 || kind == 4)
		snprintf(sql, sizeof(sql),
			 "UPDATE %s SET %s = ?1 WHERE rowid = (SELECT rowid FROM %s LIMIT 1 OFFSET %u %% (SELECT "
			 "max(1, count(*)) FROM %s))",
			 t->name, column, t->name, row, t->name);
	else if (kind == 1)
		snprintf(sql, sizeof(sql),
			 "DELETE FROM %s WHERE ?1 IS ?1 AND rowid = (SELECT rowid FROM %s LIMIT 1 OFFSET %u %% (SELECT "
			 "max(1, count(*)) FROM %s))",
			 t->name, t->name, row, t->name);
	else if (kind == 2) /* all of a column */
		snprintf(sql, sizeof(sql), "UPDATE %s SET %s = %s", t->name, column,
			 row & 1 ? "?1" : "?1 + ifnull(rowid, 0)");
	else
		snprintf(
		    sql, sizeof(sql), "INSERT OR REPLACE INTO meta(key, value) VALUES('%s', ?1)",
		    hostile_keys[(op[0] | (unsigned)op[1] << 8) % (sizeof(hostile_keys) / sizeof(hostile_keys[0]))]);
	if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) == SQLITE_OK) {
		hostile_bind(s, 1, op[4], value);
		sqlite3_step(s);
	}
	sqlite3_finalize(s);
}

/* Applies the changes that n bytes describe to the recording at path. */
static inline void hostile_apply(const char *path, const struct hostile_schema *schema, const uint8_t *data, size_t n)
{
	sqlite3 *db;
	size_t i;

	hostile_require(sqlite3_open(path, &db) == SQLITE_OK, path);
	sqlite3_exec(db, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN", NULL, NULL, NULL);
	for (i = 0; i + HOSTILE_OP <= n && i < HOSTILE_OPS * HOSTILE_OP; i += HOSTILE_OP)
		hostile_change(db, schema, data + i);
	sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
	sqlite3_close(db);
}

#endif
