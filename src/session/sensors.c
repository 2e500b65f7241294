#include "session/session.h"

#include "core/error.h"
#include "session/calibration.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One entry of the user's choice: driver, optional argument, or a prefix of sensor names. */
struct choice {
	char text[512];
	const struct jm_sensor_driver *driver;
	const char *argument; /* into text, or NULL */
	const char *prefix;   /* into text, or NULL */
};

/* Says whether text begins with a driver's name that is a whole word. A comma inside an argument ("idle=10,max=65")
 * is told from one between entries by this. */
static const struct jm_sensor_driver *driver_at(const char *text)
{
	size_t n = strcspn(text, ":,/");
	char name[64];

	if (n >= sizeof(name))
		return NULL;
	memcpy(name, text, n);
	name[n] = '\0';
	return jm_sensor_driver_find(name);
}

static size_t entry_length(const char *text)
{
	const char *comma = text;

	while ((comma = strchr(comma, ','))) {
		if (driver_at(comma + 1))
			return (size_t)(comma - text);
		comma++;
	}
	return strlen(text);
}

static int parse_choice(const char *text, size_t n, struct choice *out, struct jm_error *err)
{
	char *colon;

	memset(out, 0, sizeof(*out));
	if (n >= sizeof(out->text))
		return jm_error_set(err, JM_E_INVALID, "a sensor choice is longer than %zu bytes", sizeof(out->text));
	memcpy(out->text, text, n);
	out->driver = driver_at(out->text);
	if (!out->driver) {
		jm_error_set(err, JM_E_NOT_FOUND, "there is no sensor driver for '%s'", out->text);
		jm_error_remedy(err, "`joulemap sensors` lists them");
		return JM_E_NOT_FOUND;
	}
	colon = out->text + strlen(out->driver->name);
	if (*colon == '/')
		out->prefix = out->text;
	if (*colon == ':') {
		*colon = '\0';
		out->argument = colon + 1;
	}
	if (out->driver->needs_argument && !out->argument)
		return jm_error_set(err, JM_E_INVALID, "the sensor %s needs an argument: %s:%s", out->driver->name,
				    out->driver->name, out->driver->argument_help ? out->driver->argument_help : "...");
	return 0;
}

static struct jm_probe_result *append_result(struct jm_sensors *s, const struct jm_sensor_driver *driver)
{
	struct jm_probe_result *results = realloc(s->results, (s->n_results + 1) * sizeof(*results));

	if (!results)
		return NULL;
	s->results = results;
	memset(&results[s->n_results], 0, sizeof(*results));
	results[s->n_results].driver = driver;
	return &results[s->n_results++];
}

/* Moves sensors into the session's set; indices follow. */
static int join(struct jm_sensor_set *into, struct jm_sensor_set *from)
{
	size_t n_sensors = into->n_sensors + from->n_sensors, n_channels = into->n_channels + from->n_channels, i;
	struct jm_sensor *sensors = realloc(into->sensors, (n_sensors + 1) * sizeof(*sensors));
	struct jm_channel *channels;
	int offset = (int)into->n_channels;

	if (!sensors)
		return JM_E_NOMEM;
	into->sensors = sensors;
	channels = realloc(into->channels, (n_channels + 1) * sizeof(*channels));
	if (!channels)
		return JM_E_NOMEM;
	into->channels = channels;
	for (i = 0; i < from->n_sensors; i++) {
		sensors[into->n_sensors + i] = from->sensors[i];
		sensors[into->n_sensors + i].first_channel += (uint16_t)offset;
	}
	for (i = 0; i < from->n_channels; i++) {
		struct jm_channel *c = &channels[into->n_channels + i];

		*c = from->channels[i];
		c->part_of += c->part_of >= 0 ? offset : 0;
		c->same_as += c->same_as >= 0 ? offset : 0;
	}
	into->n_sensors = into->sensors_capacity = n_sensors;
	into->n_channels = into->channels_capacity = n_channels;
	free(from->sensors);
	free(from->channels);
	return 0;
}

static bool is_name_taken(const struct jm_sensors *s, const char *name)
{
	size_t i;

	for (i = 0; i < s->set.n_channels; i++)
		if (strcmp(s->set.channels[i].name, name) == 0)
			return true;
	return false;
}

/* Names are unique: a second meter of the same kind gets a number. A device that is named twice would be counted
 * twice. */
static int settle_names(const struct jm_sensors *s, const struct jm_sensor_driver *driver, struct jm_sensor_set *found,
			struct jm_error *err)
{
	size_t i;
	int n;

	for (i = 0; i < found->n_channels; i++) {
		char *name = found->channels[i].name;
		size_t size = sizeof(found->channels[i].name), length = strlen(name);

		if (!driver->needs_argument && is_name_taken(s, name))
			return jm_error_set(err, JM_E_INVALID, "the sensor %s is named twice", name);
		for (n = 2; is_name_taken(s, name); n++)
			if (snprintf(name + length, size - length, "-%d", n) >= (int)(size - length))
				return jm_error_set(err, JM_E_INVALID, "there is another sensor called %s", name);
	}
	return 0;
}

static int probe_driver(struct jm_sensors *s, const struct jm_sensor_driver *driver, const char *argument,
			struct jm_error *err)
{
	struct jm_probe_result *result = append_result(s, driver);
	struct jm_sensor_set found = {0};
	int rc;

	if (!result)
		return jm_error_set(err, JM_E_NOMEM, "out of memory while probing %s", driver->name);
	rc = driver->probe(&s->env, argument, &found, &result->why);
	result->n_channels = found.n_channels;
	if (rc && argument) {
		/* The user named it with an argument: a mistake in that ends the probe. */
		if (err)
			*err = result->why;
		jm_sensor_set_finish(&found);
		return rc;
	}
	rc = settle_names(s, driver, &found, err);
	if (rc) {
		jm_sensor_set_finish(&found);
		return rc;
	}
	if (join(&s->set, &found)) {
		jm_sensor_set_finish(&found);
		return jm_error_set(err, JM_E_NOMEM, "out of memory while probing %s", driver->name);
	}
	return 0;
}

/* Says whether anything measures power or energy here. */
static bool is_energy_found(const struct jm_sensors *s)
{
	size_t i;

	for (i = 0; i < s->set.n_channels; i++)
		if (jm_channel_has_energy(&s->set.channels[i]) && s->set.channels[i].state == JM_STATE_MEASURED)
			return true;
	return false;
}

static bool has_available(const struct jm_sensors *s, const char *driver, enum jm_domain domain)
{
	size_t i, n = strlen(driver);

	for (i = 0; i < s->set.n_channels; i++) {
		const struct jm_channel *c = &s->set.channels[i];

		if (strncmp(c->name, driver, n) == 0 && c->name[n] == '/' && c->domain == domain &&
		    jm_channel_has_energy(c))
			return true;
	}
	return false;
}

/* rapl_perf and rapl_powercap read the same registers: by default the first that works is used. */
static bool is_duplicate(const struct jm_sensors *s, const struct jm_sensor_driver *driver)
{
	return strcmp(driver->name, "rapl_powercap") == 0 && has_available(s, "rapl_perf", JM_DOMAIN_PACKAGE);
}

static int probe_all(struct jm_sensors *s, bool for_use, struct jm_error *err)
{
	size_t i;
	int rc = 0;

	for (i = 0; jm_sensor_drivers[i] && rc == 0; i++) {
		const struct jm_sensor_driver *driver = jm_sensor_drivers[i];

		if (driver->needs_argument)
			continue;
		if (for_use && (is_duplicate(s, driver) || (driver->is_fallback && is_energy_found(s))))
			continue;
		rc = probe_driver(s, driver, NULL, err);
	}
	return rc;
}

/* Takes the channels from first on out again unless prefix names them or what contains them in its path
 * ("nvml/gpu0" names "nvml/gpu0/energy"). A spare sensor is used when prefix is its channel's whole name. Errors: JM_E_NOT_FOUND when none is left. */
static int keep_prefix(struct jm_sensors *s, size_t first, const char *prefix, struct jm_error *err)
{
	size_t n = strlen(prefix), n_kept = 0, i;

	for (i = first; i < s->set.n_channels; i++) {
		struct jm_channel *c = &s->set.channels[i];

		if (strncmp(c->name, prefix, n) == 0 && (c->name[n] == '\0' || c->name[n] == '/')) {
			n_kept++;
			continue;
		}
		c->state = JM_STATE_UNAVAILABLE;
		snprintf(c->reason, sizeof(c->reason), "not among the sensors asked for");
		c->remedy[0] = '\0';
	}
	for (i = 0; i < s->set.n_sensors; i++)
		if (s->set.sensors[i].is_spare && s->set.sensors[i].first_channel >= first &&
		    strcmp(s->set.channels[s->set.sensors[i].first_channel].name, prefix) == 0)
			s->set.sensors[i].is_spare = false;
	if (n_kept)
		return 0;
	jm_error_set(err, JM_E_NOT_FOUND, "no channel is called '%s'", prefix);
	return jm_error_remedy(err, "`joulemap sensors` lists them");
}

static int probe_chosen(struct jm_sensors *s, const char *choice, struct jm_error *err)
{
	while (*choice) {
		size_t n = entry_length(choice), first = s->set.n_channels;
		struct choice entry;
		int rc = parse_choice(choice, n, &entry, err);

		if (rc == 0)
			rc = probe_driver(s, entry.driver, entry.argument, err);
		if (rc)
			return rc;
		if (entry.prefix && (rc = keep_prefix(s, first, entry.prefix, err)))
			return rc;
		choice += n;
		choice += *choice == ',';
	}
	return 0;
}

int jm_session_probe(const struct jm_env *env, const char *choice, bool for_use, struct jm_sensors **out,
		     struct jm_error *err)
{
	struct jm_sensors *s = calloc(1, sizeof(*s));
	size_t i;
	int rc;

	if (!s)
		return jm_error_set(err, JM_E_NOMEM, "out of memory for the list of sensors");
	s->env = *env;
	rc = choice && *choice ? probe_chosen(s, choice, err) : probe_all(s, for_use, err);
	if (rc) {
		jm_sensors_destroy(s);
		return rc;
	}
	if (for_use)
		jm_sensor_set_drop_spares(&s->set);
	for (i = 0; i < s->set.n_sensors; i++)
		s->set.sensors[i].env = &s->env;
	*out = s;
	return 0;
}

int jm_sensors_probe(const char *choice, struct jm_sensors **out, struct jm_error *err)
{
	struct jm_env env;

	int rc;

	jm_env_init(&env);
	rc = jm_session_probe(&env, choice, false, out, err);
	if (rc == 0 && jm_session_load_calibrations(*out)) {
		jm_sensors_destroy(*out);
		return jm_error_set(err, JM_E_NOMEM, "out of memory for the calibrations");
	}
	return rc;
}

size_t jm_sensors_n_drivers(const struct jm_sensors *s)
{
	return s->n_results;
}

size_t jm_sensors_n_channels(const struct jm_sensors *s)
{
	return s->set.n_channels;
}

int jm_sensors_driver(const struct jm_sensors *s, size_t i, struct jm_driver_info *out)
{
	const struct jm_probe_result *r;

	if (i >= s->n_results)
		return JM_E_INVALID;
	r = &s->results[i];
	*out = (struct jm_driver_info){
	    .name = r->driver->name,
	    .summary = r->driver->summary,
	    .argument_help = r->driver->argument_help ? r->driver->argument_help : "",
	    .n_channels = r->n_channels,
	    .reason = r->why.message,
	    .remedy = r->why.remedy,
	};
	return 0;
}

static const struct jm_sensor *sensor_of(const struct jm_sensors *s, size_t channel)
{
	size_t i;

	for (i = 0; i < s->set.n_sensors; i++) {
		const struct jm_sensor *sensor = &s->set.sensors[i];

		if (channel >= sensor->first_channel && channel < (size_t)sensor->first_channel + sensor->n_channels)
			return sensor;
	}
	return NULL;
}

static const char *channel_name(const struct jm_sensors *s, int i)
{
	return i >= 0 && (size_t)i < s->set.n_channels ? s->set.channels[i].name : "";
}

int jm_sensors_channel(const struct jm_sensors *s, size_t i, struct jm_channel_info *out)
{
	const struct jm_sensor *sensor = sensor_of(s, i);
	const struct jm_channel *c;

	if (i >= s->set.n_channels || !sensor)
		return JM_E_INVALID;
	c = &s->set.channels[i];
	*out = (struct jm_channel_info){
	    .name = c->name,
	    .label = c->label,
	    .driver = sensor->driver->name,
	    .quantity = jm_quantity_text(c->quantity),
	    .unit = jm_quantity_unit(c->quantity),
	    .kind = jm_kind_text(c->kind),
	    .state = jm_state_text(c->state),
	    .domain = jm_domain_text(c->domain),
	    .part_of = channel_name(s, c->part_of),
	    .same_as = channel_name(s, c->same_as),
	    .step = c->step,
	    .wrap = c->wrap,
	    .update_period_ns = c->update_period_ns,
	    .window_ns = c->window_ns,
	    .lowpass_ns = c->lowpass_ns,
	    .lag_ns = c->lag_ns,
	    .accuracy_fraction = c->accuracy_fraction,
	    .is_default = c->state != JM_STATE_UNAVAILABLE && !sensor->is_spare && !is_duplicate(s, sensor->driver) &&
			  (!sensor->driver->is_fallback || !is_energy_found(s)),
	    .reason = c->reason,
	    .remedy = c->remedy,
	};
	return 0;
}

void jm_sensors_destroy(struct jm_sensors *s)
{
	if (!s)
		return;
	jm_session_free_calibrations(s);
	jm_sensor_set_finish(&s->set);
	free(s->results);
	free(s);
}
