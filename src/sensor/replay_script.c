#define _GNU_SOURCE
#include "sensor/replay_script.h"

#include "core/error.h"
#include "core/text.h"
#include "core/units.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOKENS_MAX 96
#define CHANNELS_MAX 64
/* Ten years: sums of times stay far from overflow. */
#define TIME_MAX_NS (3650 * 86400 * JM_NS_PER_S)

struct parser {
	const char *path;
	unsigned line;
	struct jm_replay *r;
	struct jm_error *err;
	int64_t last_ns, before_last_ns; /* two latest distinct times; -1: none */
	int64_t end_ns;                  /* said by the script; -1: not said */
	char *tokens[TOKENS_MAX];
	size_t n_tokens;
};

static int fail(struct parser *p, const char *what, const char *token)
{
	return jm_error_set(p->err, JM_E_FORMAT, "%s:%u: %s%s%.60s%s", p->path, p->line, what, token ? ": \"" : "",
			    token ? token : "", token ? "\"" : "");
}

static int out_of_memory(struct parser *p)
{
	return jm_error_set(p->err, JM_E_NOMEM, "%s:%u: out of memory", p->path, p->line);
}

/* Cuts the line into words at blanks; blanks between double quotes do not cut, the quotes go. */
static int tokenize(struct parser *p, char *line)
{
	p->n_tokens = 0;
	for (;;) {
		bool is_quoted = false;
		char *to;

		while (*line == ' ' || *line == '\t')
			line++;
		if (*line == '\0' || *line == '#')
			return 0;
		if (p->n_tokens == TOKENS_MAX)
			return fail(p, "too many words", NULL);
		p->tokens[p->n_tokens++] = to = line;
		for (; *line && (is_quoted || (*line != ' ' && *line != '\t')); line++) {
			if (*line == '"')
				is_quoted = !is_quoted;
			else
				*to++ = *line;
		}
		if (is_quoted)
			return fail(p, "a quote is not closed", NULL);
		if (*line)
			line++;
		*to = '\0';
	}
}

static double scale_of(enum jm_quantity quantity)
{
	switch (quantity) {
	case JM_QUANTITY_TEMPERATURE:
		return 1e3;
	case JM_QUANTITY_FREQUENCY:
	case JM_QUANTITY_EVENT_BITS:
	case JM_QUANTITY_LEVEL:
		return 1;
	case JM_QUANTITY_TIME:
		return 1e9;
	default:
		return 1e6;
	}
}

static int parse_value(const char *text, enum jm_quantity quantity, int64_t *out)
{
	double value;

	if (jm_text_double(text, strlen(text), &value))
		return JM_E_FORMAT;
	value *= scale_of(quantity);
	if (fabs(value) > 9e18)
		return JM_E_FORMAT;
	*out = llround(value);
	return 0;
}

static int find_channel(const struct jm_replay *r, const char *name)
{
	size_t i;

	/* Channels carry the driver's name in front. */
	for (i = 0; i < r->n_channels; i++)
		if (strcmp(r->channels[i].c.name + strlen("replay/"), name) == 0)
			return (int)i;
	return -1;
}

static struct jm_replay_sensor *sensor_of(struct jm_replay *r, size_t channel)
{
	struct jm_replay_sensor *s = r->sensors;

	while (channel >= (size_t)s->first_channel + s->n_channels)
		s++;
	return s;
}

/* Texts are compared with blanks read as '-', so that "window mean" is written window-mean. */
static bool is_text(const char *token, const char *text)
{
	for (; *text && (*token == *text || (*text == ' ' && *token == '-')); text++)
		token++;
	return *token == *text;
}

#define ENTRY_OF(name, text, ...) text,
#define PICK(p, what, LIST, token, field)                                                                              \
	do {                                                                                                           \
		static const char *const texts[] = {LIST(ENTRY_OF)};                                                   \
		size_t i_;                                                                                             \
		for (i_ = 0; i_ < sizeof(texts) / sizeof(texts[0]); i_++)                                              \
			if (is_text(token, texts[i_]))                                                                 \
				break;                                                                                 \
		if (i_ == sizeof(texts) / sizeof(texts[0]))                                                            \
			return fail(p, "unknown " what, token);                                                        \
		(field) = i_;                                                                                          \
	} while (0)

static int set_relation(struct parser *p, const char *value, int *out)
{
	*out = find_channel(p->r, value);
	return *out < 0 || (size_t)*out == p->r->n_channels - 1 ? fail(p, "no such channel before this one", value) : 0;
}

static int set_text_key(struct parser *p, struct jm_replay_channel *c, const char *key, const char *value)
{
	if (strcmp(key, "state") == 0)
		PICK(p, "state", JM_STATE_LIST, value, c->c.state);
	else if (strcmp(key, "domain") == 0)
		PICK(p, "domain", JM_DOMAIN_LIST, value, c->c.domain);
	else if (strcmp(key, "part_of") == 0)
		return set_relation(p, value, &c->c.part_of);
	else if (strcmp(key, "same_as") == 0)
		return set_relation(p, value, &c->c.same_as);
	else if (strcmp(key, "label") == 0)
		snprintf(c->c.label, sizeof(c->c.label), "%s", value);
	else if (strcmp(key, "reason") == 0)
		snprintf(c->c.reason, sizeof(c->c.reason), "%s", value);
	else if (strcmp(key, "remedy") == 0)
		snprintf(c->c.remedy, sizeof(c->c.remedy), "%s", value);
	else if (strcmp(key, "interpolate") == 0 && (is_text(value, "yes") || is_text(value, "no")))
		c->is_interpolated = value[0] == 'y';
	else
		return fail(p, "unknown key or value of a channel", key);
	return 0;
}

static int set_number_key(struct parser *p, struct jm_channel *c, const char *key, const char *value)
{
	static const struct {
		const char *key;
		size_t at;
	} durations[] = {{"period", offsetof(struct jm_channel, update_period_ns)},
			 {"window", offsetof(struct jm_channel, window_ns)},
			 {"lowpass", offsetof(struct jm_channel, lowpass_ns)},
			 {"lag", offsetof(struct jm_channel, lag_ns)}};
	bool is_negative = value[0] == '-';
	int64_t number = 0;
	size_t i;

	for (i = 0; i < sizeof(durations) / sizeof(durations[0]); i++) {
		if (strcmp(key, durations[i].key))
			continue;
		if (jm_text_duration_ns(value + is_negative, &number) || (is_negative && strcmp(key, "lag")))
			return fail(p, "not a duration", value);
		*(int64_t *)((char *)c + durations[i].at) = is_negative ? -number : number;
		return 0;
	}
	if (strcmp(key, "accuracy") == 0)
		return jm_text_double(value, strlen(value), &c->accuracy_fraction) ? fail(p, "not a number", value) : 0;
	if (parse_value(value, strcmp(key, "device") ? c->quantity : JM_QUANTITY_EVENT_BITS, &number) || number < 0)
		return fail(p, "not a number of 0 or more", value);
	if (strcmp(key, "step") == 0)
		c->step = (uint64_t)number;
	else if (strcmp(key, "wrap") == 0)
		c->wrap = (uint64_t)number;
	else if (strcmp(key, "low") == 0)
		c->bound_low_uw = number;
	else if (strcmp(key, "high") == 0)
		c->bound_high_uw = number;
	else
		c->device = number > 1000000 ? 1000000 : (int)number;
	return 0;
}

static bool is_number_key(const char *key)
{
	static const char *const keys[] = {"period", "window", "lowpass", "lag", "accuracy",
					   "step",   "wrap",   "low",     "high", "device"};
	size_t i;

	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (strcmp(key, keys[i]) == 0)
			return true;
	return false;
}

/* Names begin with a letter, so that they are never taken for a number, and are none of the words for faults. */
static int check_name(struct parser *p, const char *name)
{
	bool is_letter = (name[0] >= 'a' && name[0] <= 'z') || (name[0] >= 'A' && name[0] <= 'Z');

	if (!is_letter || strlen(name) > 80 || is_text(name, "error") || is_text(name, "stall") ||
	    is_text(name, "gap") || is_text(name, "end"))
		return fail(p, "not usable as a name", name);
	return 0;
}

static int parse_sensor(struct parser *p)
{
	struct jm_replay_sensor *s;
	char name[96];
	size_t i;

	if (p->n_tokens < 2)
		return fail(p, "sensor needs a name", NULL);
	if (check_name(p, p->tokens[1]))
		return JM_E_FORMAT;
	snprintf(name, sizeof(name), "replay/%s", p->tokens[1]);
	for (i = 0; i < p->r->n_sensors; i++)
		if (strcmp(p->r->sensors[i].name, name) == 0)
			return fail(p, "second sensor of that name", p->tokens[1]);
	s = p->r->n_sensors < CHANNELS_MAX ? jm_replay_add_sensor(p->r, name) : NULL;
	if (!s)
		return fail(p, "too many sensors", NULL);
	for (i = 2; i < p->n_tokens; i++) {
		if (is_text(p->tokens[i], "mode=buffer"))
			s->is_buffered = true;
		else if (strncmp(p->tokens[i], "drain=", 6) ||
			 jm_text_duration_ns(p->tokens[i] + 6, &s->drain_period_ns) || s->drain_period_ns <= 0)
			return fail(p, "unknown word for a sensor", p->tokens[i]);
	}
	return 0;
}

static int parse_channel(struct parser *p)
{
	struct jm_replay_channel *c;
	char name[96];
	size_t i;

	if (p->n_tokens < 4)
		return fail(p, "channel needs a name, a quantity and a kind", NULL);
	if (check_name(p, p->tokens[1]))
		return JM_E_FORMAT;
	if (find_channel(p->r, p->tokens[1]) >= 0)
		return fail(p, "second channel of that name", p->tokens[1]);
	if (p->r->n_sensors == 0 && !jm_replay_add_sensor(p->r, "replay"))
		return out_of_memory(p);
	if (p->r->sensors[p->r->n_sensors - 1].n_channels == JM_SENSOR_CHANNELS_MAX || p->r->n_channels == CHANNELS_MAX)
		return fail(p, "too many channels in one sensor (at most 8): begin another with a line \"sensor NAME\"",
			    NULL);
	snprintf(name, sizeof(name), "replay/%s", p->tokens[1]);
	c = jm_replay_add_channel(p->r, name);
	if (!c)
		return out_of_memory(p);
	PICK(p, "quantity", JM_QUANTITY_LIST, p->tokens[2], c->c.quantity);
	PICK(p, "kind", JM_KIND_LIST, is_text(p->tokens[3], "mean") ? "window-mean" : p->tokens[3], c->c.kind);
	for (i = 4; i < p->n_tokens; i++) {
		char *value = strchr(p->tokens[i], '=');
		int rc;

		if (!value)
			return fail(p, "expected key=value", p->tokens[i]);
		*value++ = '\0';
		rc = is_number_key(p->tokens[i]) ? set_number_key(p, &c->c, p->tokens[i], value)
						 : set_text_key(p, c, p->tokens[i], value);
		if (rc)
			return rc;
	}
	return 0;
}

static int add_value(struct parser *p, int64_t t_ns, size_t channel, const char *text)
{
	struct jm_replay_sensor *s = sensor_of(p->r, channel);
	const struct jm_channel *c = &p->r->channels[channel].c;
	struct jm_replay_entry e = {.t_ns = t_ns, .channel = (uint8_t)(channel - s->first_channel)};

	if (is_text(text, "-") || is_text(text, "gap"))
		e.what = JM_REPLAY_GAP;
	else if (parse_value(text, c->quantity, &e.value))
		return fail(p, "not a number in range", text);
	else if (c->kind == JM_KIND_COUNTER && e.value < 0)
		return fail(p, "a counter cannot be negative", text);
	return jm_replay_add_entry(s, &e) ? out_of_memory(p) : 0;
}

/* Adds a fault to the sensor of that name, or to all. */
static int add_fault(struct parser *p, const struct jm_replay_entry *e, const char *sensor)
{
	bool is_found = false;
	size_t i;

	for (i = 0; i < p->r->n_sensors; i++) {
		struct jm_replay_sensor *s = &p->r->sensors[i];

		if (sensor && strcmp(s->name + strlen("replay/"), sensor))
			continue;
		is_found = true;
		if (jm_replay_add_entry(s, e))
			return out_of_memory(p);
	}
	return is_found ? 0 : fail(p, "no sensor of that name", sensor);
}

/* TIME error again|gone|io [DURATION] [sensor=NAME], TIME stall DURATION [sensor=NAME] */
static int parse_fault(struct parser *p, int64_t t_ns)
{
	bool is_stall = is_text(p->tokens[1], "stall");
	struct jm_replay_entry e = {.t_ns = t_ns, .what = is_stall ? JM_REPLAY_STALL : JM_REPLAY_ERROR};
	const char *sensor = NULL;
	size_t i = 2;

	if (!is_stall) {
		const char *what = p->n_tokens > 2 ? p->tokens[i++] : "";

		e.value = is_text(what, "again") ? JM_E_AGAIN : is_text(what, "gone") ? JM_E_GONE : JM_E_IO;
		if (e.value == JM_E_IO && !is_text(what, "io"))
			return fail(p, "error must be again, gone or io", what);
	}
	if (i < p->n_tokens && strncmp(p->tokens[i], "sensor=", 7)) {
		if (jm_text_duration_ns(p->tokens[i], &e.duration_ns) || e.duration_ns > TIME_MAX_NS)
			return fail(p, "not a duration", p->tokens[i]);
		i++;
	} else if (is_stall) {
		return fail(p, "stall needs a duration", NULL);
	}
	if (i < p->n_tokens && strncmp(p->tokens[i], "sensor=", 7) == 0)
		sensor = p->tokens[i++] + 7;
	return i < p->n_tokens ? fail(p, "unexpected word", p->tokens[i]) : add_fault(p, &e, sensor);
}

static int parse_values(struct parser *p, int64_t t_ns)
{
	size_t n = p->n_tokens - 1;
	size_t i;
	int rc = 0;

	if (n != p->r->n_channels)
		return fail(p, "the line must have one value for each channel, or a channel's name and one value",
			    NULL);
	for (i = 0; i < n && !rc; i++)
		rc = add_value(p, t_ns, i, p->tokens[i + 1]);
	return rc;
}

static int parse_gap(struct parser *p, int64_t t_ns)
{
	size_t i;
	int rc = 0;

	for (i = 0; i < p->r->n_channels && !rc; i++)
		rc = add_value(p, t_ns, i, "gap");
	return rc;
}

static int parse_event(struct parser *p)
{
	int64_t t_ns;
	int channel;

	if (p->n_tokens < 2 || jm_text_duration_ns(p->tokens[0], &t_ns) || t_ns > TIME_MAX_NS)
		return fail(p, "expected channel, sensor, or a time followed by something", p->tokens[0]);
	if (p->r->n_channels == 0)
		return fail(p, "no channel line before the first time", NULL);
	if (p->end_ns >= 0)
		return fail(p, "nothing may follow the end", NULL);
	if (t_ns < p->last_ns)
		return fail(p, "the time lies before that of the line above", p->tokens[0]);
	if (t_ns > p->last_ns) {
		p->before_last_ns = p->last_ns;
		p->last_ns = t_ns;
	}
	if (is_text(p->tokens[1], "error") || is_text(p->tokens[1], "stall"))
		return parse_fault(p, t_ns);
	if (is_text(p->tokens[1], "end") && p->n_tokens == 2) {
		p->end_ns = t_ns;
		return 0;
	}
	if (is_text(p->tokens[1], "gap") && p->n_tokens == 2)
		return parse_gap(p, t_ns);
	channel = find_channel(p->r, p->tokens[1]);
	if (channel >= 0 && p->n_tokens == 3)
		return add_value(p, t_ns, (size_t)channel, p->tokens[2]);
	return parse_values(p, t_ns);
}

static int parse_line(struct parser *p, char *line)
{
	if (tokenize(p, line))
		return JM_E_FORMAT;
	if (p->n_tokens == 0)
		return 0;
	if (is_text(p->tokens[0], "channel") || is_text(p->tokens[0], "sensor")) {
		if (p->last_ns >= 0)
			return fail(p, "channels and sensors come before the first time", NULL);
		return p->tokens[0][0] == 'c' ? parse_channel(p) : parse_sensor(p);
	}
	return parse_event(p);
}

/* The last value holds as long as the one before it did, unless the script says when it ends. */
static int finish_parse(struct parser *p)
{
	if (p->last_ns < 0)
		return fail(p, "the script has no line with a time", NULL);
	p->r->end_ns = p->end_ns;
	if (p->end_ns < 0)
		p->r->end_ns = p->last_ns + (p->before_last_ns >= 0 ? p->last_ns - p->before_last_ns : 0);
	return jm_replay_settle(p->r) ? fail(p, "too many lines", NULL) : 0;
}

static int parse_lines(struct parser *p, const char *text, size_t n)
{
	char *line = NULL;
	size_t capacity = 0;
	int rc = 0;

	while (n > 0 && !rc) {
		const char *end = memchr(text, '\n', n);
		size_t length = end ? (size_t)(end - text) : n;
		size_t kept = length && text[length - 1] == '\r' ? length - 1 : length;

		p->line++;
		if (memchr(text, '\0', length))
			rc = fail(p, "not a text file: a zero byte", NULL);
		if (!rc && kept >= capacity) {
			char *grown = realloc(line, capacity = kept * 2 + 128);

			if (!grown)
				rc = out_of_memory(p);
			else
				line = grown;
		}
		if (!rc) {
			memcpy(line, text, kept);
			line[kept] = '\0';
			rc = parse_line(p, line);
		}
		text += length + (end != NULL);
		n -= length + (end != NULL);
	}
	free(line);
	return rc ? rc : finish_parse(p);
}

int jm_replay_parse(const char *path, const char *text, size_t n, struct jm_replay **out, struct jm_error *err)
{
	struct parser p = {.path = path, .err = err, .last_ns = -1, .before_last_ns = -1, .end_ns = -1};
	int rc;

	p.r = jm_replay_create();
	if (!p.r)
		return out_of_memory(&p);
	rc = parse_lines(&p, text, n);
	if (rc)
		jm_replay_destroy(p.r);
	else
		*out = p.r;
	return rc;
}
