/* Idle power of edge-vision-power-estimation: idling_power.json, {"timestamp": "YYYYmmdd-HHMMSS", "avg_idle_power": uW},
 * or the first version's log, one line of prose: "The average idling power measured: 4200000.0 muW". It yields the meta
 * key idle_power_uw and nothing else. */
#define _GNU_SOURCE
#include "core/error.h"
#include "core/json.h"
#include "core/text.h"
#include "trace/emit.h"

#include <string.h>

static int match(const char *head, size_t n)
{
	if (jm_head_first(head, n) == '{' && jm_head_has(head, n, "avg_idle_power"))
		return 90;
	return jm_head_has(head, n < 256 ? n : 256, "average idling power") ? 90 : 0;
}

static int from_prose(const struct jm_trace_input *in, double *out_uw, struct jm_error *err)
{
	size_t i = 0, n = 0;

	while (i < in->n && !memchr("0123456789.", in->data[i], 11))
		i++;
	while (i + n < in->n && memchr("0123456789.", in->data[i + n], 11))
		n++;
	if (jm_text_double(in->data + i, n, out_uw))
		return jm_error_set(err, JM_E_FORMAT, "%s:1: no idle power in it", jm_trace_path(in));
	return 0;
}

static int from_json(const struct jm_trace_input *in, double *out_uw, struct jm_error *err)
{
	struct jm_json *json = NULL;
	struct jm_json_token t;
	bool is_found = false;
	int rc = jm_json_open(in->path, in->data, in->n, &json, err);

	while (!rc && !(rc = jm_json_next(json, &t, err)) && t.type != JM_JSON_END) {
		if (t.type != JM_JSON_KEY || t.depth != 1 || !jm_json_is(&t, "avg_idle_power"))
			continue;
		rc = jm_json_next(json, &t, err);
		if (!rc)
			rc = jm_json_number(json, &t, out_uw, err);
		is_found = true;
	}
	jm_json_close(json);
	if (!rc && !is_found)
		rc = jm_error_set(err, JM_E_FORMAT, "%s: no \"avg_idle_power\" in it", jm_trace_path(in));
	return rc;
}

static int read_idle(const struct jm_trace_input *in, struct jm_trace_output *out, struct jm_error *err)
{
	struct jm_emit e;
	char text[32];
	double idle_uw;
	int rc;

	jm_emit_init(&e, out);
	out->clock = JM_TRACE_CLOCK_NONE;
	rc = jm_head_first(in->data, in->n) == '{' ? from_json(in, &idle_uw, err) : from_prose(in, &idle_uw, err);
	if (rc)
		return rc;
	if (idle_uw < 0)
		return jm_error_set(err, JM_E_FORMAT, "%s: a negative idle power", jm_trace_path(in));
	jm_text_shortest(idle_uw, text);
	jm_emit_meta(&e, "idle_power_uw", "%s", text);
	return jm_emit_finish(&e, err);
}

const struct jm_importer jm_importer_idle_power = {
    .name = "idle_power",
    .summary = "idle power of edge-vision-power-estimation (idling_power.json, or the older log)",
    .match = match,
    .read = read_idle,
};
