/* The driver's own buffer of power samples, nvmlDeviceGetSamples(NVML_TOTAL_POWER_SAMPLES).
 *
 * It is a ring: on an H200 (driver 580.159.04) 120 entries, one every 20 ms, each stamped in microseconds of
 * CLOCK_REALTIME; so 2.4 s may pass between two drains before anything is lost. All of it is asked for at every drain,
 * and what was there at the drain before is dropped by its stamp: asking only for what is newer than a stamp would lose
 * samples when the wall clock is set back. The driver shifts the stamps of the whole ring by up to 67 us now and then
 * (seen every 5.2 s on the H200), so a stamp is known again when it is within 1 ms; entries were never closer than 7
 * ms.
 *
 * Stamps are brought to the monotonic clock by an anchor taken at every drain:
 *   t = monotonic - (realtime - stamp)
 * When the wall clock was set between two drains, stamps from before that fit the old anchor, later ones the new: the
 * right one is the one that puts the sample after the last sample and not after now. Where neither does, the sample is
 * dropped, and counts as missed. The stamp itself is kept as the device's time. */
#define _GNU_SOURCE
#include "sensor/nvml_gpu.h"

#include "core/error.h"
#include "core/units.h"

#include <stdlib.h>
#include <string.h>

#define CAPACITY_MAX 4096
/* Room for a ring that is not yet full when it is first looked at. */
#define CAPACITY_MIN 1024
/* The wall clock is disciplined by at most 500 ppm (adjtimex(2)): 0.2 ms in the 400 ms between two drains. */
#define CLOCK_STEP_NS JM_NS_PER_MS
/* Stamps this close, from two drains, are one entry. */
#define SAME_US 1000
/* A stamp is rounded, and the sensor's interrupt may race with our reading of the clock. */
#define FUTURE_NS (5 * JM_NS_PER_MS)

static int compare_i64(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static int64_t stamp_ns(const struct jm_nvml_sample *sample)
{
	/* A stamp beyond the year 2262 is a lie that must not overflow. */
	return sample->timestamp_us > INT64_MAX / 1000 ? INT64_MAX : (int64_t)sample->timestamp_us * JM_NS_PER_US;
}

/* By stamp. Insertion: the buffer comes sorted but for a rotation or a set clock, and qsort may allocate. */
static void sort_stamps(struct jm_nvml_sample *samples, unsigned int n)
{
	unsigned int i, k;

	for (i = 1; i < n; i++) {
		struct jm_nvml_sample moved = samples[i];

		for (k = i; k > 0 && samples[k - 1].timestamp_us > moved.timestamp_us; k--)
			samples[k] = samples[k - 1];
		samples[k] = moved;
	}
}

/* Sorts by stamp, drops entries never filled (stamp 0) and repeated stamps. Gives the number left. */
static unsigned int tidy(struct jm_nvml_sample *samples, unsigned int n)
{
	unsigned int i, kept = 0;

	sort_stamps(samples, n);
	for (i = 0; i < n; i++)
		if (samples[i].timestamp_us && (kept == 0 || samples[i].timestamp_us != samples[kept - 1].timestamp_us))
			samples[kept++] = samples[i];
	return kept;
}

static int measure(struct jm_nvml_sample *samples, unsigned int n, struct jm_nvml_buffer_shape *out)
{
	int64_t *distances;
	unsigned int i;

	n = tidy(samples, n);
	if (n < 3)
		return JM_E_AGAIN;
	distances = malloc(n * sizeof(*distances));
	if (!distances)
		return JM_E_NOMEM;
	for (i = 1; i < n; i++)
		distances[i - 1] = stamp_ns(&samples[i]) - stamp_ns(&samples[i - 1]);
	qsort(distances, n - 1, sizeof(*distances), compare_i64);
	out->period_ns = distances[(n - 1) / 2];
	out->span_ns = stamp_ns(&samples[n - 1]) - stamp_ns(&samples[0]);
	free(distances);
	return out->period_ns > 0 ? 0 : JM_E_FORMAT;
}

int jm_nvml_buffer_probe(const struct jm_nvml *nvml, jm_nvml_device device, struct jm_nvml_buffer_shape *out)
{
	struct jm_nvml_buffer_shape shape = {0};
	struct jm_nvml_sample *samples;
	unsigned int type, n = 0, n_full;
	int rc;

	if (!nvml->samples)
		return JM_E_UNSUPPORTED;
	rc = jm_nvml_error(nvml->samples(device, JM_NVML_TOTAL_POWER_SAMPLES, 0, &type, &n, NULL));
	if (rc)
		return rc;
	if (n == 0)
		return JM_E_AGAIN;
	n_full = n;
	shape.capacity = n < CAPACITY_MIN ? CAPACITY_MIN : n < CAPACITY_MAX ? n : CAPACITY_MAX;
	samples = calloc(shape.capacity, sizeof(*samples));
	if (!samples)
		return JM_E_NOMEM;
	n = shape.capacity;
	rc = jm_nvml_error(nvml->samples(device, JM_NVML_TOTAL_POWER_SAMPLES, 0, &type, &n, samples));
	if (!rc)
		rc = measure(samples, n < shape.capacity ? n : shape.capacity, &shape);
	/* The buffer says how many entries it can hold: one that is still filling spans less than it will. */
	if (!rc && shape.span_ns < (int64_t)n_full * shape.period_ns / 2)
		shape.span_ns = (int64_t)(n_full - 1) * shape.period_ns;
	free(samples);
	if (!rc)
		*out = shape;
	return rc;
}

static struct jm_nvml_anchor take_anchor(const struct jm_env *env)
{
	int64_t before_ns = jm_env_now(env);
	int64_t realtime_ns = jm_env_realtime(env);
	int64_t half_ns = (jm_env_now(env) - before_ns) / 2;

	return (struct jm_nvml_anchor){before_ns + half_ns, realtime_ns, half_ns};
}

/* Fetches the whole buffer into n->now, tidied. */
static int fetch(struct jm_nvml_sensor *n, unsigned int *type, unsigned int *count)
{
	int rc;

	*count = n->capacity;
	rc = jm_nvml_error(n->nvml->samples(n->device, JM_NVML_TOTAL_POWER_SAMPLES, 0, type, count, n->now));
	if (!rc)
		*count = tidy(n->now, *count < n->capacity ? *count : n->capacity);
	return rc;
}

static void keep_as_seen(struct jm_nvml_sensor *n, unsigned int count)
{
	struct jm_nvml_sample *spare = n->before;

	n->before = n->now;
	n->n_before = count;
	n->now = spare;
}

int jm_nvml_buffer_open(struct jm_sensor *s, struct jm_error *err)
{
	struct jm_nvml_sensor *n = s->state;
	unsigned int type, count = 0;
	int rc;

	n->now = calloc(n->capacity, sizeof(*n->now));
	n->before = calloc(n->capacity, sizeof(*n->before));
	if (!n->now || !n->before)
		return jm_error_set(err, JM_E_NOMEM, "%s: out of memory", s->name);
	rc = fetch(n, &type, &count);
	if (rc && rc != JM_E_AGAIN)
		return jm_error_set(err, rc, "%s: the power buffer cannot be read: %s", s->name, jm_error_text(rc));
	keep_as_seen(n, rc ? 0 : count);
	n->anchor = take_anchor(s->env);
	n->last_ns = n->anchor.monotonic_ns;
	return 0;
}

static int64_t to_monotonic(const struct jm_nvml_anchor *anchor, int64_t stamp)
{
	return anchor->monotonic_ns - (anchor->realtime_ns - stamp);
}

/* Gives by how much the wall clock was set between two anchors. */
static int64_t clock_step(const struct jm_nvml_anchor *from, const struct jm_nvml_anchor *to)
{
	int64_t step = (to->realtime_ns - from->realtime_ns) - (to->monotonic_ns - from->monotonic_ns);

	return step < 0 ? -step : step;
}

/* Fills one sample's time. Gives false where no anchor puts it between the last sample and now. */
static bool place(const struct jm_nvml_sensor *n, const struct jm_nvml_anchor *anchor, int64_t step_ns,
		  const struct jm_nvml_sample *from, struct jm_sample *out)
{
	int64_t latest_ns = anchor->monotonic_ns + FUTURE_NS;
	int64_t new_ns = to_monotonic(anchor, stamp_ns(from));
	int64_t old_ns = to_monotonic(&n->anchor, stamp_ns(from));
	int64_t half_ns = anchor->half_width_ns;
	bool is_new = new_ns > n->last_ns && new_ns <= latest_ns;
	bool is_old = step_ns > CLOCK_STEP_NS && old_ns > n->last_ns && old_ns <= latest_ns;

	/* Both fit when the clock was set by little: then the time is as uncertain as that. */
	if (is_new && is_old)
		half_ns += step_ns;
	out->half_width_ns = half_ns > UINT32_MAX ? UINT32_MAX : (uint32_t)half_ns;
	out->t_ns = is_new ? new_ns : old_ns;
	return is_new || is_old;
}

static void sort_times(struct jm_sample *samples, size_t n)
{
	size_t i, k;

	for (i = 1; i < n; i++) {
		struct jm_sample moved = samples[i];

		for (k = i; k > 0 && samples[k - 1].t_ns > moved.t_ns; k--)
			samples[k] = samples[k - 1];
		samples[k] = moved;
	}
}

/* Says whether the stamp was in the drain before. Both lists are sorted; *i moves along the old one. */
static bool was_seen(const struct jm_nvml_sensor *n, unsigned long long timestamp_us, unsigned int *i)
{
	while (*i < n->n_before && n->before[*i].timestamp_us + SAME_US < timestamp_us)
		(*i)++;
	return *i < n->n_before && n->before[*i].timestamp_us <= timestamp_us + SAME_US;
}

int jm_nvml_buffer_read(struct jm_sensor *s, struct jm_sample *out, size_t *n_out)
{
	struct jm_nvml_sensor *n = s->state;
	unsigned int type = 0, count = 0, seen = 0, i;
	struct jm_nvml_anchor anchor;
	int64_t step_ns;
	size_t n_samples = 0;
	bool is_joined = false, is_whole = true;
	int rc = fetch(n, &type, &count);

	s->is_complete = false;
	if (rc)
		return rc;
	anchor = take_anchor(s->env);
	step_ns = clock_step(&n->anchor, &anchor);
	for (i = 0; i < count && n_samples < s->max_samples; i++) {
		struct jm_sample *o = &out[n_samples];

		if (was_seen(n, n->now[i].timestamp_us, &seen)) {
			is_joined = true;
			continue;
		}
		memset(o, 0, sizeof(*o));
		if (!place(n, &anchor, step_ns, &n->now[i], o) ||
		    jm_nvml_scaled(type, n->now[i].value, JM_NVML_UW_PER_MW, &o->value)) {
			is_whole = false;
			continue;
		}
		o->channel = s->first_channel;
		o->device_us = (int64_t)n->now[i].timestamp_us;
		n_samples++;
	}
	/* The ring still holds some of the drain before: nothing between was overwritten. */
	s->is_complete = is_joined && is_whole && i == count;
	keep_as_seen(n, count);
	n->anchor = anchor;
	if (n_samples == 0)
		return JM_E_AGAIN;
	/* After the clock was set, stamps are no longer in the order of time. */
	if (step_ns > CLOCK_STEP_NS)
		sort_times(out, n_samples);
	n->last_ns = out[n_samples - 1].t_ns;
	*n_out = n_samples;
	return 0;
}

void jm_nvml_buffer_close(struct jm_sensor *s)
{
	struct jm_nvml_sensor *n = s->state;

	free(n->now);
	free(n->before);
	n->now = n->before = NULL;
	n->n_before = 0;
}
