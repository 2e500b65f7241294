/* Device: none; a script of what a device would give, or a recording of what one gave.
 * Interface: a text file (docs/replay-format.md) or a recording made by joulemap, played on the environment's clock.
 * Unit, step, period, wrap, faults: what the file says. Permission: to read the file.
 * The run starts, for all sensors of a file, when the first of them is read for the first time.
 * A polled sensor gives what a device's register would hold at that moment: the newest value. A buffered one gives
 * every value once, with its own time. After the end the devices are gone: a value is never held for ever. */
#define _GNU_SOURCE
#include "sensor/replay_script.h"

#include "core/error.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

extern const struct jm_sensor_driver jm_sensor_replay;

/* A script is written by hand or by a small program; a bigger one is a mistake. */
#define SCRIPT_SIZE_MAX ((size_t)64 << 20)
#define BUFFER_SAMPLES_MIN 64
#define BUFFER_SAMPLES_MAX 65536

struct player {
	struct jm_replay *r;
	const struct jm_replay_sensor *sensor;
	size_t cursor;                          /* first entry not yet played */
	size_t current[JM_SENSOR_CHANNELS_MAX]; /* index of the newest entry of each channel, plus one; 0: none yet */
	bool is_gone;
	int error; /* in force until error_until_ns of the run */
	int64_t error_until_ns;
};

static int64_t run_time(struct jm_replay *r, int64_t now_ns)
{
	int64_t start_ns = atomic_load(&r->start_ns);

	if (start_ns == INT64_MIN && atomic_compare_exchange_strong(&r->start_ns, &start_ns, now_ns))
		start_ns = now_ns;
	/* Another thread may have started the run a moment later than now_ns. */
	return now_ns > start_ns ? now_ns - start_ns : 0;
}

/* Gives 0 or the error that e means at t_ns; one that lasted for a while and is over means none. */
static int play_error(struct player *p, const struct jm_replay_entry *e, int64_t t_ns)
{
	p->is_gone |= e->value == JM_E_GONE;
	if (e->duration_ns == 0 || p->is_gone)
		return (int)e->value;
	if (e->duration_ns <= t_ns - e->t_ns)
		return 0;
	p->error = (int)e->value;
	p->error_until_ns = e->t_ns + e->duration_ns;
	return p->error;
}

static int64_t value_at(const struct player *p, const struct jm_replay_channel *c, size_t i, int64_t t_ns)
{
	const struct jm_replay_entry *e = &p->sensor->entries[i];
	const struct jm_replay_entry *next = e->next ? &p->sensor->entries[e->next] : NULL;
	int64_t value = e->value;

	if (c->is_interpolated && next && next->what == JM_REPLAY_VALUE && next->t_ns > e->t_ns) {
		int64_t period_ns = c->c.update_period_ns;

		/* A device that updates once a period holds the value of its last update. */
		if (period_ns > 0)
			t_ns -= t_ns % period_ns;
		if (t_ns > e->t_ns)
			value += (int64_t)((__int128)(next->value - value) * (t_ns - e->t_ns) / (next->t_ns - e->t_ns));
		if (c->c.step > 0 && c->c.step <= INT64_MAX)
			value -= value % (int64_t)c->c.step;
	}
	if (c->c.wrap > 0 && c->c.wrap <= INT64_MAX)
		value %= (int64_t)c->c.wrap;
	return value;
}

/* Plays the entries up to t_ns. A stall lets time pass: *now_ns and *t_ns move on with it. */
static int advance(struct player *p, const struct jm_env *env, int64_t *now_ns, int64_t *t_ns)
{
	const struct jm_replay_sensor *s = p->sensor;

	while (p->cursor < s->n_entries && s->entries[p->cursor].t_ns <= *t_ns) {
		const struct jm_replay_entry *e = &s->entries[p->cursor++];
		int rc;

		switch (e->what) {
		case JM_REPLAY_ERROR:
			rc = play_error(p, e, *t_ns);
			if (rc)
				return rc;
			break;
		case JM_REPLAY_STALL:
			rc = env->sleep_until_ns(env->ctx, *now_ns + e->duration_ns);
			if (rc)
				return rc;
			*now_ns = jm_env_now(env);
			*t_ns = run_time(p->r, *now_ns);
			break;
		default:
			p->current[e->channel] = p->cursor;
		}
	}
	return 0;
}

static int read_polled(struct jm_sensor *s, int64_t before_ns, int64_t t_ns, struct jm_sample *out, size_t *n_out)
{
	struct player *p = s->state;
	int64_t after_ns = before_ns;
	uint16_t i;
	int rc = advance(p, s->env, &after_ns, &t_ns);

	if (rc)
		return rc;
	if (t_ns > p->r->end_ns)
		return JM_E_GONE;
	after_ns = jm_env_now(s->env);
	for (i = 0; i < s->n_channels; i++) {
		size_t k = p->current[i];
		bool is_gap = k == 0 || p->sensor->entries[k - 1].what == JM_REPLAY_GAP;
		const struct jm_replay_channel *c = &p->r->channels[p->sensor->first_channel + i];

		jm_sample_fill(&out[i], (uint16_t)(s->first_channel + i), before_ns, after_ns,
			       is_gap ? 0 : value_at(p, c, k - 1, t_ns));
		if (is_gap)
			out[i].status = JM_SAMPLE_GAP;
	}
	*n_out = s->n_channels;
	return 0;
}

static int read_buffered(struct jm_sensor *s, int64_t t_ns, struct jm_sample *out, size_t *n_out)
{
	struct player *p = s->state;
	int64_t start_ns = atomic_load(&p->r->start_ns);
	size_t n = 0;

	while (p->cursor < p->sensor->n_entries && n < s->max_samples) {
		const struct jm_replay_entry *e = &p->sensor->entries[p->cursor];
		const struct jm_replay_channel *c = &p->r->channels[p->sensor->first_channel + e->channel];

		if (e->t_ns > t_ns || (n > 0 && (e->what == JM_REPLAY_ERROR || e->what == JM_REPLAY_STALL)))
			break;
		p->cursor++;
		if (e->what == JM_REPLAY_STALL) {
			int rc = s->env->sleep_until_ns(s->env->ctx, jm_env_now(s->env) + e->duration_ns);

			if (rc)
				return rc;
			continue;
		}
		if (e->what == JM_REPLAY_ERROR) {
			int rc = play_error(p, e, t_ns);

			if (rc)
				return rc;
			continue;
		}
		memset(&out[n], 0, sizeof(out[n]));
		out[n].t_ns = start_ns + e->t_ns;
		out[n].value = e->value;
		if (c->c.wrap > 0 && c->c.wrap <= INT64_MAX)
			out[n].value %= (int64_t)c->c.wrap;
		out[n].device_us = e->device_us;
		out[n].half_width_ns = e->half_width_ns;
		out[n].channel = (uint16_t)(s->first_channel + e->channel);
		out[n++].status = e->what == JM_REPLAY_GAP ? JM_SAMPLE_GAP : JM_SAMPLE_OK;
	}
	if (n == 0)
		return p->cursor == p->sensor->n_entries && t_ns > p->r->end_ns ? JM_E_GONE : JM_E_AGAIN;
	*n_out = n;
	return 0;
}

static int read_replay(struct jm_sensor *s, struct jm_sample *out, size_t *n_out)
{
	struct player *p = s->state;
	int64_t now_ns = jm_env_now(s->env);
	int64_t t_ns = run_time(p->r, now_ns);

	if (p->is_gone)
		return JM_E_GONE;
	if (t_ns < p->error_until_ns)
		return p->error;
	return p->sensor->is_buffered ? read_buffered(s, t_ns, out, n_out) : read_polled(s, now_ns, t_ns, out, n_out);
}

/* Gives how many entries can fall due between two drains, twice over, so that a drain that comes late loses nothing. */
static size_t buffer_samples(const struct jm_replay_sensor *s)
{
	size_t first = 0, most = BUFFER_SAMPLES_MIN, i;

	for (i = 0; i < s->n_entries; i++) {
		while (s->entries[i].t_ns - s->entries[first].t_ns > 2 * s->drain_period_ns)
			first++;
		if (i - first + 1 > most)
			most = i - first + 1;
	}
	return most > BUFFER_SAMPLES_MAX ? BUFFER_SAMPLES_MAX : most;
}

static void describe(struct jm_sensor *s, const struct jm_replay *r, const struct jm_replay_sensor *from)
{
	uint16_t i;

	s->may_block = from->has_stall;
	if (from->is_buffered) {
		s->max_samples = buffer_samples(from);
		s->drain_period_ns = from->drain_period_ns;
	}
	for (i = 0; i < from->n_channels; i++) {
		int64_t period_ns = r->channels[from->first_channel + i].c.update_period_ns;

		if (period_ns > 0 && (s->min_period_ns == 0 || period_ns < s->min_period_ns))
			s->min_period_ns = period_ns;
	}
}

static int append_sensor(const struct jm_env *env, struct jm_replay *r, const struct jm_replay_sensor *from, int base,
			 struct jm_sensor_set *found)
{
	struct jm_sensor *s = jm_sensor_set_append(found, &jm_sensor_replay, env, from->name);
	struct player *p = s ? calloc(1, sizeof(*p)) : NULL;
	uint16_t i;

	if (!p)
		return JM_E_NOMEM;
	p->r = r;
	p->sensor = from;
	s->state = p;
	atomic_fetch_add(&r->n_users, 1);
	for (i = 0; i < from->n_channels; i++) {
		const struct jm_channel *wanted = &r->channels[from->first_channel + i].c;
		struct jm_channel *c = jm_sensor_set_channel(found, wanted->name);

		if (!c)
			return JM_E_NOMEM;
		*c = *wanted;
		c->part_of += c->part_of >= 0 ? base : 0;
		c->same_as += c->same_as >= 0 ? base : 0;
	}
	describe(s, r, from);
	return 0;
}

static void release(struct jm_replay *r)
{
	if (atomic_fetch_sub(&r->n_users, 1) == 1)
		jm_replay_destroy(r);
}

static int load_text(const char *path, FILE *f, struct jm_replay **out, struct jm_error *err)
{
	size_t capacity = 1 << 16, n = 0, got;
	char *text = malloc(capacity);
	int rc = text ? 0 : JM_E_NOMEM;

	while (!rc && (got = fread(text + n, 1, capacity - n, f)) > 0) {
		char *grown;

		n += got;
		if (n < capacity)
			continue;
		grown = capacity < SCRIPT_SIZE_MAX ? realloc(text, capacity * 2) : NULL;
		if (!grown)
			rc = capacity < SCRIPT_SIZE_MAX ? JM_E_NOMEM : JM_E_FORMAT;
		else
			text = grown;
		capacity *= 2;
	}
	if (rc)
		jm_error_set(err, rc, "%s: %s", path,
			     rc == JM_E_NOMEM ? "out of memory" : "larger than 64 MiB, no script");
	else if (ferror(f))
		rc = jm_error_errno(err, errno, "cannot read %s", path);
	else
		rc = jm_replay_parse(path, text, n, out, err);
	free(text);
	return rc;
}

/* SQLite's database files begin so (sqlite.org/fileformat.html, section 1.3.1). */
static bool is_recording(FILE *f)
{
	static const char magic[] = "SQLite format 3";
	char head[sizeof(magic)];
	bool is_same = fread(head, 1, sizeof(head), f) == sizeof(head) && memcmp(head, magic, sizeof(head)) == 0;

	rewind(f);
	return is_same;
}

static int load(const char *path, struct jm_replay **out, struct jm_error *err)
{
	FILE *f = fopen(path, "re");
	struct stat st;
	int rc;

	if (!f)
		return jm_error_errno(err, errno, "replay: cannot open %s", path);
	if (fstat(fileno(f), &st) == 0 && S_ISDIR(st.st_mode))
		rc = jm_error_set(err, JM_E_FORMAT, "replay: %s is a folder", path);
	else
		rc = is_recording(f) ? jm_replay_load_recording(path, out, err) : load_text(path, f, out, err);
	fclose(f);
	return rc;
}

static int probe(const struct jm_env *env, const char *argument, struct jm_sensor_set *found, struct jm_error *why)
{
	int base = (int)found->n_channels;
	struct jm_replay *r;
	size_t i;
	int rc;

	if (!argument || !*argument) {
		jm_error_set(why, JM_E_INVALID, "replay needs a file");
		jm_error_remedy(why, "write replay:FILE, a script or a recording");
		return JM_E_INVALID;
	}
	rc = load(argument, &r, why);
	if (rc)
		return rc;
	for (i = 0; i < r->n_sensors && !rc; i++)
		if (r->sensors[i].n_channels > 0)
			rc = append_sensor(env, r, &r->sensors[i], base, found);
	release(r);
	return rc ? jm_error_set(why, rc, "replay: %s: %s", argument, jm_error_text(rc)) : 0;
}

static int open_replay(struct jm_sensor *s, struct jm_error *err)
{
	struct player *p = s->state;

	(void)err;
	p->cursor = 0;
	p->is_gone = false;
	p->error_until_ns = 0;
	memset(p->current, 0, sizeof(p->current));
	s->is_open = true;
	return 0;
}

static void close_replay(struct jm_sensor *s)
{
	s->is_open = false;
}

static void destroy(struct jm_sensor *s)
{
	struct player *p = s->state;

	if (p)
		release(p->r);
	free(p);
	s->state = NULL;
}

const struct jm_sensor_driver jm_sensor_replay = {
    .name = "replay",
    .summary = "plays a script or a recording as if it were sensors; for tests, demonstrations, teaching",
    .argument_help = "FILE",
    .needs_argument = true,
    .probe = probe,
    .open = open_replay,
    .read = read_replay,
    .close = close_replay,
    .destroy = destroy,
};
