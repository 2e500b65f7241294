#include "session/compare_page.h"

#include "compare/write.h"
#include "core/error.h"
#include "session/report_page.h"

static int open_variant(const struct jm_variant *v, const char *method, const struct jm_tariff *tariff,
			struct jm_report **report, struct jm_page_parts *parts, struct jm_error *err)
{
	const struct jm_report_options how = {.size = sizeof(how), .with_scene = true, .method = method};
	int rc = jm_report_open(v->trials[0]->path, &how, report, err);

	rc = rc ? rc : jm_report_page_parts(*report, tariff, parts, err);
	parts->recording.title = v->name;
	return rc;
}

static int write_page(const struct jm_comparison_data *c, const struct jm_tariff *tariff,
		      const struct jm_page_recording *recordings, size_t n, struct jm_buffer *out, struct jm_error *err)
{
	struct jm_buffer json = {0};
	struct jm_page page = {.title = "Comparison", .recordings = recordings, .n_recordings = n, .comparison = &json};
	int rc;

	jm_compare_json(c, tariff, &json);
	rc = json.is_failed ? jm_error_set(err, JM_E_NOMEM, "out of memory for the page")
			    : jm_page_write(&page, out, err);
	jm_buffer_finish(&json);
	return rc;
}

int jm_comparison_page(const struct jm_comparison_data *c, const char *method, const struct jm_tariff *tariff,
		       struct jm_buffer *out, struct jm_error *err)
{
	size_t n = c->n_variants < JM_COMPARE_PAGE_VARIANTS ? c->n_variants : JM_COMPARE_PAGE_VARIANTS, i;
	struct jm_page_recording recordings[JM_COMPARE_PAGE_VARIANTS];
	struct jm_page_parts parts[JM_COMPARE_PAGE_VARIANTS] = {0};
	struct jm_report *reports[JM_COMPARE_PAGE_VARIANTS] = {0};
	int rc = 0;

	for (i = 0; rc == 0 && i < n; i++) {
		rc = open_variant(&c->variants[i], method, tariff, &reports[i], &parts[i], err);
		recordings[i] = parts[i].recording;
	}
	rc = rc ? rc : write_page(c, tariff, recordings, n, out, err);
	for (i = 0; i < n; i++) {
		jm_page_parts_finish(&parts[i]);
		jm_report_destroy(reports[i]);
	}
	return rc;
}
