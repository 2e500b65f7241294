#define _GNU_SOURCE
#include "session/calibration.h"

#include "core/error.h"
#include "core/json.h"
#include "core/nvml.h"
#include "core/text.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

#define FORMAT      "joulemap-calibration/1"
#define TIME_MAX_S  60.0 /* no sensor lags or averages for longer */
#define POWER_MAX_W 1e9

enum field_type {
	FIELD_TEXT,
	FIELD_TIME,     /* s, either sign */
	FIELD_DURATION, /* s, >= 0 */
	FIELD_POWER,    /* W, >= 0 */
	FIELD_NUMBER,
	FIELD_FULL_TIME,
	FIELD_FLAG,
	FIELD_FAMILY,
	FIELD_ANCHORED
};

struct field {
	const char *key;
	enum field_type type;
	bool may_be_unknown; /* null and absent are allowed */
	size_t at, size;
};

#define AT(member) offsetof(struct jm_calibration, member), sizeof(((struct jm_calibration *)0)->member)

#define STAIR(i)                                                                                                       \
	{"stair_" #i "_level", FIELD_NUMBER, true, AT(stairs[i - 1].level)},                                           \
	    {"stair_" #i "_power_w", FIELD_NUMBER, true, AT(stairs[i - 1].power_w)},                                   \
	{                                                                                                              \
		"stair_" #i "_noise_w", FIELD_POWER, true, AT(stairs[i - 1].noise_w)                                   \
	}

static const struct field fields[] = {
    {"channel", FIELD_TEXT, false, AT(channel)},
    {"driver", FIELD_TEXT, false, AT(driver)},
    {"driver_version", FIELD_TEXT, false, AT(driver_version)},
    {"machine_id", FIELD_TEXT, false, AT(machine)},
    {"device", FIELD_TEXT, true, AT(device)},
    {"joulemap_version", FIELD_TEXT, true, AT(version)},
    {"date", FIELD_TEXT, true, AT(date)},
    {"family", FIELD_FAMILY, false, AT(response.family)},
    {"lag_s", FIELD_TIME, false, AT(response.lag_s)},
    {"lag_sd_s", FIELD_DURATION, false, AT(response.lag_sd_s)},
    {"window_s", FIELD_DURATION, false, AT(response.box_s)},
    {"window_sd_s", FIELD_DURATION, false, AT(response.box_sd_s)},
    {"lowpass_s", FIELD_DURATION, false, AT(response.tau_s)},
    {"lowpass_sd_s", FIELD_DURATION, false, AT(response.tau_sd_s)},
    {"is_lag_anchored", FIELD_ANCHORED, true, AT(response.is_lag_anchored)},
    {"period_s", FIELD_DURATION, true, AT(response.period_s)},
    {"clock_sd_s", FIELD_DURATION, true, AT(response.clock_sd_s)},
    {"jitter_s", FIELD_DURATION, true, AT(jitter_s)},
    {"noise_w", FIELD_POWER, true, AT(response.noise_w)},
    {"step_w", FIELD_POWER, true, AT(response.step_w)},
    {"hold_out_fraction", FIELD_NUMBER, true, AT(response.residual_fraction)},
    {"hold_out_boxcar_w", FIELD_POWER, true, AT(hold_out_w[0])},
    {"hold_out_rc_w", FIELD_POWER, true, AT(hold_out_w[1])},
    {"hold_out_rc_boxcar_w", FIELD_POWER, true, AT(hold_out_w[2])},
    {"hold_out_ramp_w", FIELD_POWER, true, AT(hold_out_w[3])},
    {"swing_w", FIELD_POWER, true, AT(swing_w)},
    {"drift_per_s", FIELD_NUMBER, true, AT(drift_per_s)},
    {"drift_per_k", FIELD_NUMBER, true, AT(drift_per_k)},
    {"counter_full_time", FIELD_FULL_TIME, true, AT(full_time)},
    {"counter_spread", FIELD_NUMBER, true, AT(counter_spread)},
    STAIR(1), STAIR(2), STAIR(3), STAIR(4), STAIR(5), STAIR(6), STAIR(7), STAIR(8),
    {"nonlinearity", FIELD_NUMBER, true, AT(nonlinearity)},
    {"n_readings", FIELD_NUMBER, true, AT(n_readings)},
    {"is_accepted", FIELD_FLAG, true, AT(is_accepted)},
    {"reason", FIELD_TEXT, true, AT(reason)},
};
#define N_FIELDS (sizeof(fields) / sizeof(fields[0]))

void jm_calibration_init(struct jm_calibration *c)
{
	size_t i;

	memset(c, 0, sizeof(*c));
	for (i = 0; i < JM_CALIBRATION_N_FAMILIES; i++)
		c->hold_out_w[i] = NAN;
	for (i = 0; i < JM_CALIBRATION_STAIRS_MAX; i++)
		c->stairs[i] = (struct jm_calibration_stair){NAN, NAN, NAN};
	c->nonlinearity = NAN;
	c->swing_w = c->jitter_s = c->drift_per_s = c->drift_per_k = c->counter_spread = NAN;
}

void jm_calibration_driver_version(const struct jm_env *env, const char *driver, char *out, size_t size)
{
	struct jm_nvml *nvml = NULL;
	struct utsname u;

	snprintf(out, size, "unknown");
	if (strcmp(driver, "nvml") != 0) {
		if (uname(&u) == 0)
			snprintf(out, size, "%s %s", u.sysname, u.release);
		return;
	}
	if (jm_nvml_open(env, &nvml, NULL) || !nvml->driver_version ||
	    jm_nvml_error(nvml->driver_version(out, (unsigned)size)))
		snprintf(out, size, "unknown");
	jm_nvml_release(nvml);
}

void jm_calibration_device(const struct jm_env *env, const char *driver, const struct jm_channel *channel, char *out,
			   size_t size)
{
	struct jm_nvml *nvml = NULL;
	jm_nvml_device device;

	snprintf(out, size, "%s", channel->label);
	if (strcmp(driver, "nvml") != 0)
		return;
	if (jm_nvml_open(env, &nvml, NULL) || !nvml->uuid ||
	    jm_nvml_error(nvml->device((unsigned)channel->device, &device)) ||
	    jm_nvml_error(nvml->uuid(device, out, (unsigned)size)))
		snprintf(out, size, "%s", channel->label);
	jm_nvml_release(nvml);
}

void jm_calibration_identify(struct jm_calibration *c, const struct jm_env *env, const char *driver,
			     const struct jm_channel *channel)
{
	time_t now = time(NULL);
	struct tm utc;

	snprintf(c->channel, sizeof(c->channel), "%s", channel->name);
	snprintf(c->driver, sizeof(c->driver), "%s", driver);
	snprintf(c->version, sizeof(c->version), "%s", jm_version());
	jm_calibration_driver_version(env, driver, c->driver_version, sizeof(c->driver_version));
	jm_calibration_device(env, driver, channel, c->device, sizeof(c->device));
	jm_session_machine_id(env, c->machine, sizeof(c->machine));
	gmtime_r(&now, &utc);
	strftime(c->date, sizeof(c->date), "%Y-%m-%dT%H:%M:%SZ", &utc);
}

static const char *full_time_text(double full_time)
{
	return full_time == JM_FULL_TIME_YES ? "true" : full_time == JM_FULL_TIME_NO ? "false" : "null";
}

void jm_calibration_write(const struct jm_calibration *c, struct jm_buffer *b)
{
	size_t i;

	jm_buffer_puts(b, "{\"format\":\"" FORMAT "\"");
	for (i = 0; i < N_FIELDS; i++) {
		const void *field = (const char *)c + fields[i].at;

		jm_buffer_printf(b, ",\"%s\":", fields[i].key);
		switch (fields[i].type) {
		case FIELD_TEXT:
			jm_buffer_json_string(b, field);
			break;
		case FIELD_FAMILY:
			jm_buffer_json_string(b, jm_response_text(c->response.family));
			break;
		case FIELD_FULL_TIME:
			jm_buffer_puts(b, full_time_text(c->full_time));
			break;
		case FIELD_FLAG:
			jm_buffer_puts(b, *(const double *)field > 0 ? "true" : "false");
			break;
		case FIELD_ANCHORED:
			jm_buffer_puts(b, *(const bool *)field ? "true" : "false");
			break;
		default:
			jm_buffer_json_number(b, *(const double *)field);
		}
	}
	jm_buffer_puts(b, "}");
}

static int take_text(struct jm_json *json, const struct jm_json_token *t, const struct field *f, char *out,
		     struct jm_error *err)
{
	if (t->type != JM_JSON_STRING)
		return jm_json_error(json, t, err, "%s must be a text", f->key);
	if (t->n >= f->size || memchr(t->text, '\0', t->n))
		return jm_json_error(json, t, err, "%s is too long, or holds a zero byte", f->key);
	memcpy(out, t->text, t->n);
	out[t->n] = '\0';
	return 0;
}

static int take_family(struct jm_json *json, const struct jm_json_token *t, enum jm_response_family *out,
		       struct jm_error *err)
{
	char text[32] = "";

	if (t->type == JM_JSON_STRING && t->n < sizeof(text))
		memcpy(text, t->text, t->n);
	if (!text[0] || jm_response_parse(text, out) || *out == JM_RESPONSE_UNKNOWN)
		return jm_json_error(json, t, err, "family is none of the known ones");
	return 0;
}

static bool is_in_range(enum field_type type, double value)
{
	switch (type) {
	case FIELD_TIME:
		return fabs(value) <= TIME_MAX_S;
	case FIELD_DURATION:
		return value >= 0 && value <= TIME_MAX_S;
	case FIELD_POWER:
		return value >= 0 && value <= POWER_MAX_W;
	default:
		return isfinite(value);
	}
}

/* One value. */
static int take(struct jm_json *json, const struct jm_json_token *t, const struct field *f, struct jm_calibration *c,
		struct jm_error *err)
{
	void *at = (char *)c + f->at;
	bool is_flag = t->type == JM_JSON_TRUE || t->type == JM_JSON_FALSE;
	double value;
	int rc;

	if (t->type == JM_JSON_NULL && f->may_be_unknown)
		return 0;
	if (f->type == FIELD_TEXT)
		return take_text(json, t, f, at, err);
	if (f->type == FIELD_FAMILY)
		return take_family(json, t, &c->response.family, err);
	if (f->type >= FIELD_FULL_TIME && !is_flag)
		return jm_json_error(json, t, err, "%s must be true or false", f->key);
	if (f->type == FIELD_ANCHORED)
		*(bool *)at = t->type == JM_JSON_TRUE;
	else if (f->type == FIELD_FLAG)
		*(double *)at = t->type == JM_JSON_TRUE;
	else if (f->type == FIELD_FULL_TIME)
		*(double *)at = t->type == JM_JSON_TRUE ? JM_FULL_TIME_YES : JM_FULL_TIME_NO;
	if (f->type >= FIELD_FULL_TIME)
		return 0;
	rc = jm_json_number(json, t, &value, err);
	if (rc)
		return rc;
	if (!is_in_range(f->type, value))
		return jm_json_error(json, t, err, "%s is out of any sensor's range", f->key);
	*(double *)at = value;
	return 0;
}

static int take_member(struct jm_json *json, const struct jm_json_token *key, struct jm_calibration *c, bool *seen,
		       struct jm_error *err)
{
	struct jm_json_token value;
	bool is_format = jm_json_is(key, "format");
	size_t i;
	int rc;

	for (i = 0; i < N_FIELDS && !jm_json_is(key, fields[i].key); i++)
		;
	if (i == N_FIELDS && !is_format)
		return jm_json_skip(json, key, err);
	rc = jm_json_next(json, &value, err);
	if (rc)
		return rc;
	if (is_format) {
		seen[N_FIELDS] = true;
		if (value.type == JM_JSON_STRING && jm_json_is(&value, FORMAT))
			return 0;
		jm_json_error(json, &value, err, "this is no " FORMAT);
		return JM_E_VERSION;
	}
	seen[i] = true;
	return take(json, &value, &fields[i], c, err);
}

static int read_object(struct jm_json *json, struct jm_calibration *c, struct jm_error *err)
{
	bool seen[N_FIELDS + 1] = {false};
	struct jm_json_token t;
	int rc = jm_json_next(json, &t, err);
	size_t i;

	if (rc == 0 && t.type != JM_JSON_OBJECT)
		return jm_json_error(json, &t, err, "a calibration is an object");
	while (rc == 0 && (rc = jm_json_next(json, &t, err)) == 0 && t.type == JM_JSON_KEY)
		rc = take_member(json, &t, c, seen, err);
	if (rc)
		return rc;
	for (i = 0; i <= N_FIELDS; i++)
		if (!seen[i] && !(i < N_FIELDS && fields[i].may_be_unknown))
			return jm_json_error(json, &t, err, "%s is missing", i < N_FIELDS ? fields[i].key : "format");
	return jm_json_next(json, &t, err);
}

int jm_calibration_read(const char *path, const char *text, size_t n, struct jm_calibration *out, struct jm_error *err)
{
	struct jm_calibration c;
	struct jm_json *json;
	int rc = jm_json_open(path, text, n, &json, err);

	if (rc)
		return rc;
	jm_calibration_init(&c);
	rc = read_object(json, &c, err);
	jm_json_close(json);
	if (rc == 0)
		*out = c;
	return rc;
}

void jm_calibration_describe(const struct jm_calibration *c, char *out, size_t size)
{
	const struct jm_response *r = &c->response;
	char window[48] = "", lowpass[48] = "";

	if (r->box_s > 0)
		snprintf(window, sizeof(window), ", window %.3g ms", r->box_s * 1e3);
	if (r->tau_s > 0)
		snprintf(lowpass, sizeof(lowpass), ", low-pass %.3g ms", r->tau_s * 1e3);
	snprintf(out, size, "%s, lag %.3g ms%s%s%s", jm_response_text(r->family), r->lag_s * 1e3, window, lowpass,
		 c->is_accepted > 0 ? "" : " (not accepted)");
}
