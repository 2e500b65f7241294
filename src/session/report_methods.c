#include "session/report.h"

#include "core/error.h"
#include "report/methods.h"
#include "session/write.h"

#include <math.h>
#include <time.h>

static const enum jm_method methods[] = {JM_METHOD_SHARE, JM_METHOD_REGRESS, JM_METHOD_ISOLATE, JM_METHOD_FUSED};
#define N_METHODS (sizeof(methods) / sizeof(methods[0]))

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* What the recording spent on a method beyond the inferences themselves; NAN: it does not say. */
static void say_cost(const struct jm_report *report, enum jm_method method, struct jm_method_column *column)
{
	const struct jm_run *run = &report->result.run;
	double rests_s = 0, blocks_s = 0, fraction = 0;

	if (jm_recording_meta_double(report->recording, "dither_fraction", &fraction) == 0 && fraction > 0)
		rests_s = fmax(0, run->duration_s - 1e-3 * run->latency.mean_ms * (double)run->iterations);
	if (jm_recording_meta_double(report->recording, "isolate_s", &blocks_s))
		blocks_s = 0;
	column->rests_s = method == JM_METHOD_REGRESS || method == JM_METHOD_FUSED ? rests_s : 0;
	column->blocks_s = method == JM_METHOD_ISOLATE || method == JM_METHOD_FUSED ? blocks_s : 0;
}

int jm_report_compare_methods(const char *path, const struct jm_report_options *options,
			      const struct jm_view_options *view_options, jm_write_fn write, void *ctx,
			      struct jm_error *err)
{
	struct jm_report_options used = options ? *options : (struct jm_report_options){.size = sizeof(used)};
	struct jm_report *reports[N_METHODS] = {NULL};
	struct jm_method_column columns[N_METHODS];
	struct jm_view view = {.by = JM_BY_LAYER};
	struct jm_buffer b = {0};
	size_t i;
	int rc = 0;

	if (view_options) {
		view.limit = view_options->limit;
		view.is_colour = view_options->is_colour;
		view.width = view_options->width;
	}
	for (i = 0; i < N_METHODS && rc == 0; i++) {
		double start_s = now_s();

		used.method = jm_method_text(methods[i]);
		rc = jm_report_open(path, &used, &reports[i], err);
		if (rc)
			break;
		columns[i] = (struct jm_method_column){
		    .asked = methods[i], .result = &reports[i]->result, .report_s = now_s() - start_s};
		say_cost(reports[i], methods[i], &columns[i]);
	}
	rc = rc ? rc : jm_report_methods(columns, N_METHODS, &view, &b, err);
	rc = jm_session_write(&b, rc, "the table", write, ctx, err);
	for (i = 0; i < N_METHODS; i++)
		jm_report_destroy(reports[i]);
	return rc;
}
