/* A recording of hostile making, explained: reports by every method in every format, pages, traces, pictures, comparisons. The first two
 * bytes choose what is made of it; the rest is a recording, or changes to one that has something of everything
 * (hostile_recording.h). What comes out must be well formed, add up, and hold no text that broke out of its place. */
#define _GNU_SOURCE
#include "fuzz.h"

#include "hostile_recording.h"

#include "core/json.h"
#include "core/text.h"
#include "dataset/dataset.h"
#include "joulemap/compare.h"
#include "joulemap/plot.h"
#include "joulemap/predict.h"
#include "session/report.h"

#include <ftw.h>
#include <math.h>
#include <unistd.h>

#define SQLITE "SQLite format 3"

static const char *const formats[] = {"table",        "summary",     "html",         "json",
				      "csv",          "prometheus",  "chrome",       "perfetto",
				      "aipowermeter", "svg",         "methods",      "compare table",
				      "compare json", "compare csv", "compare html", "compare svg"};
static const char *const methods[] = {"auto", "share", "window", "integrate", "regress", "isolate", "fused"};
static const char *const views[] = {"layer", "type", "iteration", "channel", "process", "kernel", "range", "stream"};
static const char *const figures[] = {"layers", "energy", "latency", "timeline", "mapping"};

static char folder[300], base[400], path[400], training[400];
static struct hostile_schema schema;

static void require(bool is_true, const char *what, const char *format, const struct jm_buffer *out)
{
	if (is_true)
		return;
	fprintf(stderr, "fuzz_report: %s, as %s:\n%.*s\n", what, format, (int)(out && out->n < 4000 ? out->n : 4000),
		out && out->data ? out->data : "");
	abort();
}

static int remove_one(const char *file, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)kind;
	(void)at;
	return remove(file);
}

static void remove_files(void)
{
	nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void begin(void)
{
	const char *temp = getenv("TMPDIR");

	snprintf(folder, sizeof(folder), "%.200s/jm-fuzz-XXXXXX",
		 temp && *temp                   ? temp
		 : access("/dev/shm", W_OK) == 0 ? "/dev/shm"
						 : "/tmp");
	hostile_require(mkdtemp(folder) != NULL, folder);
	snprintf(base, sizeof(base), "%s/base.jmap", folder);
	snprintf(path, sizeof(path), "%s/hostile.jmap", folder);
	snprintf(training, sizeof(training), "%s/training", folder);
	setenv("XDG_DATA_HOME", folder, 1); /* no idle level or calibration of this machine */
	hostile_write(base);
	hostile_read_schema(base, &schema);
	atexit(remove_files);
}

static void put_file(const char *to, const void *data, size_t n)
{
	FILE *f = fopen(to, "wb");

	hostile_require(f && fwrite(data, 1, n, f) == n && fclose(f) == 0, to);
}

static void copy_base(void)
{
	static char bytes[1 << 20];
	static size_t n;

	if (!n) {
		FILE *f = fopen(base, "rb");

		hostile_require(f != NULL, base);
		n = fread(bytes, 1, sizeof(bytes), f);
		fclose(f);
		hostile_require(n < sizeof(bytes), "a base that is larger than thought");
	}
	put_file(path, bytes, n);
}

static int take(void *ctx, const char *text, size_t n)
{
	jm_buffer_append(ctx, text, n);
	return 0;
}

static void check_json(const char *format, const struct jm_buffer *out)
{
	struct jm_json *json;
	struct jm_json_token t;
	int rc;

	if (jm_json_open("report", out->data, out->n, &json, NULL))
		return;
	while ((rc = jm_json_next(json, &t, NULL)) == 0 && t.type != JM_JSON_END)
		;
	require(rc == 0, "no JSON", format, out);
	jm_json_close(json);
}

static bool has(const struct jm_buffer *out, const char *text)
{
	return out->n && memmem(out->data, out->n, text, strlen(text));
}

/* Lines "FRAME;FRAME MICROJOULES". */
static void check_folded(const struct jm_buffer *out)
{
	const char *line, *end, *c;

	for (line = out->data; line < out->data + out->n; line = end + 1) {
		end = memchr(line, '\n', (size_t)(out->data + out->n - line));
		require(end && end > line, "a line without an end", "folded", out);
		for (c = end; c > line && c[-1] >= '0' && c[-1] <= '9'; c--)
			;
		require(c < end && c > line && c[-1] == ' ' && memchr(line, ';', (size_t)(c - line)),
			"a line of another form", "folded", out);
	}
}

static void check_text(const char *format, const struct jm_buffer *out)
{
	bool is_page = strstr(format, "html") || strstr(format, "svg"),
	     is_json = strstr(format, "json") || strcmp(format, "chrome") == 0;

	require(!out->is_failed, "no memory?", format, NULL);
	if (out->n == 0)
		return; /* refused */
	if (is_json)
		check_json(format, out);
	if (is_page)
		require(!has(out, "<script>" HOSTILE_MARK) && !has(out, "<img src=x"), "markup of a name", format, out);
	if (strstr(format, "table") || strcmp(format, "summary") == 0)
		require(!has(out, "\x1b"), "a command for the terminal", format, out);
	if (strcmp(format, "folded") == 0)
		check_folded(out);
	if (strcmp(format, "prometheus") == 0)
		require(!has(out, "\nb " HOSTILE_MARK), "a line of a name's", format, out);
}

static void check_closure(const struct jm_closure *c, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		double sum_j = c[i].parts_j + c[i].idle_j + c[i].unattributed_j + c[i].residual_j;
		double size_j =
		    fabs(c[i].parts_j) + fabs(c[i].idle_j) + fabs(c[i].unattributed_j) + fabs(c[i].residual_j);

		if (isnan(c[i].total_j))
			continue;
		require(fabs(sum_j - c[i].total_j) <= 1e-9 * (size_j + fabs(c[i].total_j)) + 1e-9,
			"parts that do not add up", "closure", NULL);
	}
}

static int write_report(const struct jm_report *report, const char *format, uint8_t by, struct jm_buffer *out,
			struct jm_error *err)
{
	struct jm_view_options view = {.size = sizeof(view),
				       .format = format,
				       .by = views[by % 8],
				       .with_work = by & 8,
				       .width = by & 16 ? 80 : 0,
				       .carbon = by & 32 ? "420" : NULL,
				       .price = by & 32 ? "0.30EUR" : NULL};
	struct jm_plot_view plot = {.size = sizeof(plot), .plot = figures[by % 5], .format = "svg"};

	if (strcmp(format, "svg") == 0)
		return jm_report_plot(report, &plot, take, out, err);
	return jm_report_write(report, &view, take, out, err);
}

/* Training data out of it, which must be readable then. */
static void teach(uint8_t how)
{
	const char *source = path;
	struct jm_dataset_options options = {.size = sizeof(options),
					     .sources = &source,
					     .n_sources = 1,
					     .directory = training,
					     .is_historic = how & 1,
					     .count_min = 1};
	struct jm_dataset d = {.n = 0};
	struct jm_error err = {0};
	size_t n_left_out;
	int rc = jm_dataset_build(&options, &err);

	require(rc == 0 || err.message[0], "refused without a word", "training data", NULL);
	if (rc)
		return;
	rc = jm_dataset_read(training, &d, &n_left_out, &err);
	require(rc == 0, err.message, "training data", NULL);
	jm_dataset_finish(&d);
}

static void explain(const char *format, uint8_t how, uint8_t by, struct jm_buffer *out)
{
	struct jm_report_options options = {.size = sizeof(options),
					    .method = methods[how % 7],
					    .baseline = how & 8 ? "none" : NULL,
					    .with_iterations = by % 8 == 2,
					    .window = how & 16 ? "isolated" : NULL,
					    .by = by % 8 >= 5 ? views[by % 8] : NULL,
					    .with_timeline = true,
					    .with_scene = true};
	struct jm_report *report;
	struct jm_error err = {0};
	int rc;

	if (strcmp(format, "methods") == 0) {
		rc = jm_report_compare_methods(path, &options, NULL, take, out, &err);
		require(rc == 0 || err.message[0], "refused without a word", format, NULL);
		return;
	}
	rc = jm_report_open(path, &options, &report, &err);
	require(rc == 0 || err.message[0], "refused without a word", "open", NULL);
	if (rc)
		return;
	check_closure(report->result.closure, report->result.n_closure);
	check_closure(report->result.process_closure, report->result.n_process_closure);
	rc = write_report(report, format, by, out, &err);
	require(rc == 0 || err.message[0], "refused without a word", format, NULL);
	if (rc)
		out->n = 0; /* half of it may have been written */
	jm_report_destroy(report);
}

static void compare(const char *format, uint8_t how, uint8_t by, struct jm_buffer *out)
{
	const char *inputs[3] = {how & 8 ? path : base, path, base};
	static const char *const by_names[] = {NULL, "layer", "hotspot", "type", "part"};
	struct jm_compare_options options = {.size = sizeof(options), .with_layers = how & 16, .seed = 1};
	struct jm_view_options view = {
	    .size = sizeof(view), .format = format, .by = how & 16 ? by_names[by % 5] : NULL};
	struct jm_plot_view plot = {.size = sizeof(plot), .format = "svg"};
	struct jm_comparison *c;
	struct jm_error err = {0};
	int rc = jm_comparison_open(inputs, how & 32 ? 3 : 2, &options, &c, &err);

	require(rc == 0 || err.message[0], "refused without a word", "compare", NULL);
	if (rc)
		return;
	rc = strcmp(format, "svg") == 0 ? jm_comparison_plot(c, &plot, take, out, &err)
					: jm_comparison_write(c, &view, take, out, &err);
	require(rc == 0 || err.message[0], "refused without a word", format, NULL);
	if (rc)
		out->n = 0;
	jm_comparison_destroy(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct jm_buffer out = {0};
	const char *format;

	if (!schema.n)
		begin();
	if (n < 3)
		return 0;
	if (n > 2 + strlen(SQLITE) && memcmp(data + 2, SQLITE, strlen(SQLITE)) == 0) {
		put_file(path, data + 2, n - 2);
	} else {
		copy_base();
		hostile_apply(path, &schema, data + 2, n - 2);
	}
	format = formats[data[0] & 15];
	if ((data[1] & 0x40) && strcmp(format, "summary") == 0)
		format = "folded";
	if (strncmp(format, "compare ", 8) == 0)
		compare(format + 8, data[0] >> 4 | (uint8_t)(data[1] & 0xf0), data[1], &out);
	else if (data[1] & 0x80)
		teach(data[0] >> 4);
	else
		explain(format, data[0] >> 4 | (uint8_t)(data[1] & 0x10), data[1], &out);
	check_text(format, &out);
	jm_buffer_finish(&out);
	return 0;
}
