/* A report as text: what the caller wants to see, and in which format. */
#include "session/report.h"

#include "core/error.h"
#include "report/table.h"
#include "session/report_parts.h"
#include "session/write.h"

#include <stdio.h>
#include <string.h>

/* Gives the index of text in texts, or default_i for NULL, or -1. */
static int choose(const char *text, const char *const *texts, size_t n, int default_i)
{
	size_t i;

	if (!text)
		return default_i;
	for (i = 0; i < n; i++)
		if (strcmp(text, texts[i]) == 0)
			return (int)i;
	return -1;
}

static int parse_view(const struct jm_view_options *options, struct jm_view *out, struct jm_error *err)
{
	static const char *const views[] = {
	    [JM_BY_LAYER] = "layer",         [JM_BY_TYPE] = "type",       [JM_BY_GROUP] = "group",
	    [JM_BY_ITERATION] = "iteration", [JM_BY_CHANNEL] = "channel", [JM_BY_PROCESS] = "process",
	    [JM_BY_CONTAINER] = "container"};
	static const char *const sorts[] = {[JM_SORT_ENERGY] = "energy",
					    [JM_SORT_TIME] = "time",
					    [JM_SORT_POWER] = "power",
					    [JM_SORT_NAME] = "name",
					    [JM_SORT_NONE] = "none"};
	/* Kernels, ranges and streams are the parts of a report of their own, in place of its layers. */
	int by = jm_parts_are(options->by) ? JM_BY_LAYER
					   : choose(options->by, views, sizeof(views) / sizeof(views[0]), JM_BY_LAYER);
	int sort = choose(options->sort, sorts, sizeof(sorts) / sizeof(sorts[0]), JM_SORT_ENERGY);

	if (by < 0)
		return jm_error_set(
		    err, JM_E_INVALID,
		    "cannot report by '%s': layer, type, iteration, channel, process, container, kernel, range or "
		    "stream",
		    options->by);
	if (sort < 0)
		return jm_error_set(err, JM_E_INVALID, "cannot sort by '%s': energy, time, power, name or none",
				    options->sort);
	*out = (struct jm_view){.by = (enum jm_view_by)by,
				.with_work = options->with_work,
				.sort = (enum jm_sort)sort,
				.limit = options->limit,
				.is_colour = options->is_colour,
				.width = options->width};
	return jm_tariff_parse(options->carbon, options->price, &out->tariff, err);
}

static int refuse_format(const char *format, struct jm_error *err)
{
	char known[256] = "table, summary, html";
	size_t i, n = strlen(known);

	for (i = 0; jm_exporters[i] && n < sizeof(known); i++)
		n += (size_t)snprintf(known + n, sizeof(known) - n, ", %s", jm_exporters[i]->name);
	return jm_error_set(err, JM_E_INVALID, "there is no format '%s': %s", format, known);
}

static int write_to(const struct jm_report *report, const char *format, const struct jm_view *view, struct jm_buffer *b,
		    struct jm_error *err)
{
	const struct jm_result *r = &report->result;
	const struct jm_exporter *exporter;

	if (strcmp(format, "table") == 0 || strcmp(format, "summary") == 0)
		return jm_report_table(r, view, strcmp(format, "summary") == 0, b, err);
	if (strcmp(format, "html") == 0)
		return jm_report_page(report, view, b, err);
	exporter = jm_exporter_find(format);
	return exporter ? exporter->write(r, view, b, err) : refuse_format(format, err);
}

int jm_report_write(const struct jm_report *report, const struct jm_view_options *options, jm_write_fn write, void *ctx,
		    struct jm_error *err)
{
	struct jm_view_options used = {.size = sizeof(used)};
	const struct jm_exporter *exporter;
	struct jm_buffer b = {0};
	struct jm_view view;
	int rc;

	/* A caller that was built with an earlier header knows fewer fields. */
	if (options)
		memcpy(&used, options, options->size < sizeof(used) ? options->size : sizeof(used));
	rc = parse_view(&used, &view, err);
	if (rc == 0 && used.format && (exporter = jm_exporter_find(used.format)) && exporter->trace)
		return jm_report_write_trace(report, exporter->trace, write, ctx, err);
	if (rc == 0)
		rc = write_to(report, used.format ? used.format : "table", &view, &b, err);
	return jm_session_write(&b, rc, "the report", write, ctx, err);
}
