#include "predict/predictor.h"

#include "core/error.h"
#include "core/file.h"
#include "core/text.h"

#include <math.h>

static void numbers(struct jm_buffer *b, const char *key, const double *values, size_t n)
{
	size_t i;

	jm_buffer_printf(b, ",\"%s\":[", key);
	for (i = 0; i < n; i++) {
		if (i)
			jm_buffer_puts(b, ",");
		jm_buffer_json_number(b, values[i]);
	}
	jm_buffer_puts(b, "]");
}

/* Only terms with a weight: the others say nothing. sd is infinite for columns that never changed; these have no weight. */
static void terms(struct jm_buffer *b, const struct jm_regression *r)
{
	bool is_first = true;
	size_t i;

	jm_buffer_puts(b, ",\"terms\":[");
	for (i = 0; i < r->n_terms; i++) {
		if (r->w[i] == 0 || isinf(r->sd[i]))
			continue;
		jm_buffer_printf(b, "%s[%zu,", is_first ? "" : ",", i);
		jm_buffer_json_number(b, r->mean[i]);
		jm_buffer_puts(b, ",");
		jm_buffer_json_number(b, r->sd[i]);
		jm_buffer_puts(b, ",");
		jm_buffer_json_number(b, r->w[i]);
		jm_buffer_puts(b, "]");
		is_first = false;
	}
	jm_buffer_puts(b, "]");
}

static void regression(struct jm_buffer *b, const struct jm_regression *r, const char *kind, int target, int approach)
{
	double facts[] = {r->intercept, r->lowest, r->highest, r->log_low, r->log_high};

	jm_buffer_printf(b, "{\"kind\":\"%s\",\"target\":\"%s\",\"approach\":\"%s\",\"rows\":%llu,\"networks\":%llu", kind,
			 jm_target_text((enum jm_target)target), jm_approach_text((enum jm_approach)approach),
			 (unsigned long long)r->n_rows, (unsigned long long)r->n_networks);
	numbers(b, "intercept_lowest_highest_log_low_log_high", facts, 5);
	numbers(b, "physical", r->physical, 3);
	if (approach == JM_APPROACH_ROOFLINE) {
		double correction[] = {r->correction_low, r->correction_high};

		numbers(b, "correction", correction, 2);
		numbers(b, "seen_low", r->seen_low, JM_FEATURES_MAX + 2);
		numbers(b, "seen_high", r->seen_high, JM_FEATURES_MAX + 2);
	}
	terms(b, r);
	jm_buffer_puts(b, "}");
}

static void kind(struct jm_buffer *b, const struct jm_kind_model *k, const char *name, bool *is_first)
{
	if (!isfinite(k->lowest[0]))
		return;
	jm_buffer_printf(b, "%s{\"kind\":\"%s\"", *is_first ? "" : ",", name);
	numbers(b, "lowest", k->lowest, JM_FEATURES_MAX + 2);
	numbers(b, "highest", k->highest, JM_FEATURES_MAX + 2);
	jm_buffer_puts(b, "}");
	*is_first = false;
}

static void write_all(const struct jm_predictor *p, struct jm_buffer *b)
{
	bool is_first = true;
	int k, t, a;

	jm_buffer_puts(b, "{\"format\":\"joulemap-predictor/2\",\"device\":");
	jm_buffer_json_string(b, p->device);
	jm_buffer_printf(b, ",\"rows\":%llu,\"networks\":%llu", (unsigned long long)p->n_rows,
			 (unsigned long long)p->n_networks);
	numbers(b, "power_highest", &p->power_highest, 1);
	numbers(b, "network_log_low", p->network_log_low, JM_APPROACHES);
	numbers(b, "network_log_high", p->network_log_high, JM_APPROACHES);
	numbers(b, "energy_log_low", p->energy_log_low, JM_APPROACHES);
	numbers(b, "energy_log_high", p->energy_log_high, JM_APPROACHES);
	jm_buffer_puts(b, ",\"ranges\":[");
	for (k = 0; k < JM_LAYER_KINDS; k++)
		kind(b, &p->kinds[k], jm_layer_kind_text((enum jm_layer_kind)k), &is_first);
	jm_buffer_puts(b, "],\"regressions\":[\n");
	is_first = true;
	for (k = 0; k < JM_LAYER_KINDS; k++)
		for (t = 0; t < JM_TARGETS; t++)
			for (a = 0; a < JM_APPROACHES; a++) {
				if (!p->kinds[k].regressions[t][a].is_there)
					continue;
				jm_buffer_puts(b, is_first ? "" : ",\n");
				regression(b, &p->kinds[k].regressions[t][a], jm_layer_kind_text((enum jm_layer_kind)k), t,
					   a);
				is_first = false;
			}
	jm_buffer_puts(b, "]}\n");
}

int jm_predictor_save(const struct jm_predictor *p, const char *path, bool is_forced, struct jm_error *err)
{
	struct jm_buffer b = {0};
	int rc;

	write_all(p, &b);
	rc = b.is_failed ? jm_error_set(err, JM_E_NOMEM, "no memory for %s", path)
			 : jm_file_write(path, b.data, b.n, is_forced, err);
	jm_buffer_finish(&b);
	return rc;
}
