/* What the recording says of its devices besides power. A device is what its channels' names begin with: "nvml/gpu0" of
 * "nvml/gpu0/sm_clock". */
#define _GNU_SOURCE
#include "session/report.h"

#include "attribution/devices.h"
#include "core/error.h"
#include "core/units.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Power readings are loaded this far around the counter's: the response of the sensor, and a drain. */
#define MARGIN_NS JM_NS_PER_S
/* Below, a share of the time is not worth a warning. */
#define SHARE_MIN 0.01
/* Readings that lack more than this of the time are short of the counter for that alone. */
#define GAP_MAX 0.005
/* Readings and counter of one board that differ by more do not measure the same. */
#define DIFFERENCE_MAX 0.02

struct context {
	struct jm_recording *r;
	struct jm_result *result;
	const struct jm_channel *channels;
	size_t n_channels;
	const struct jm_stretch *windows;
	size_t n_windows;
	struct jm_error *err;
};

/* Loads a channel from first to last; out->channel stays NULL where there is no such channel. */
static int load(const struct context *c, const char *device, const char *suffix, struct jm_track_of *out)
{
	char name[sizeof(c->channels->name)];
	struct jm_sample *samples;
	size_t i, n;
	int rc;

	if ((size_t)snprintf(name, sizeof(name), "%s/%s", device, suffix) >= sizeof(name))
		return 0;
	for (i = 0; i < c->n_channels && strcmp(c->channels[i].name, name) != 0; i++)
		;
	if (i == c->n_channels || c->channels[i].state == JM_STATE_UNAVAILABLE)
		return 0;
	rc = jm_recording_samples(c->r, (uint16_t)i, INT64_MIN, INT64_MAX, &samples, &n, c->err);
	if (rc == 0)
		*out = (struct jm_track_of){&c->channels[i], samples, n};
	return rc;
}

static void unload(struct jm_track_of *tracks, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		free((void *)tracks[i].samples);
}

static int describe_state(const struct context *c, struct jm_device_result *d)
{
	static const char *const suffixes[] = {"sm_clock", "memory_clock",    "temperature",    "performance_state",
					       "throttle", "throttled_power", "throttled_heat", "throttled_brake"};
	struct jm_track_of t[sizeof(suffixes) / sizeof(suffixes[0])];
	size_t n = sizeof(t) / sizeof(t[0]), i;
	int rc = 0;

	memset(t, 0, sizeof(t));
	for (i = 0; i < n && rc == 0; i++)
		rc = load(c, d->name, suffixes[i], &t[i]);
	if (rc == 0) {
		const struct jm_device_tracks tracks = {t[0], t[1], t[2], t[3], t[4], t[5], t[6], t[7]};

		jm_device_describe(&tracks, c->windows, c->n_windows, d);
	}
	unload(t, n);
	return rc;
}

/* Gives the channel of the device whose energy is counted, and the counter that reads the same; -1: none. */
static void find_pair(const struct context *c, const char *device, int *power_out, int *counter_out)
{
	size_t n = strlen(device), i;

	*power_out = *counter_out = -1;
	for (i = 0; i < c->n_channels; i++) {
		const struct jm_channel *channel = &c->channels[i];

		if (strncmp(channel->name, device, n) != 0 || channel->name[n] != '/' ||
		    !jm_channel_has_energy(channel))
			continue;
		if (channel->same_as < 0 && channel->domain != JM_DOMAIN_GPU_MEMORY)
			*power_out = (int)i;
		else if (channel->same_as >= 0 && channel->kind == JM_KIND_COUNTER &&
			 channel->quantity == JM_QUANTITY_ENERGY)
			*counter_out = (int)i;
	}
}

static int check_pair(const struct context *c, int power, int counter, struct jm_cross_check *out)
{
	struct jm_track_of t[2] = {{.channel = &c->channels[power]}, {.channel = &c->channels[counter]}};
	const struct jm_sample *first, *last;
	struct jm_sample *samples = NULL;
	int rc = jm_recording_samples(c->r, (uint16_t)counter, INT64_MIN, INT64_MAX, &samples, &t[1].n, c->err);

	t[1].samples = samples;
	if (rc == 0 &&
	    !jm_cross_check_ends(&t[1], c->windows[0].start_ns, c->windows[c->n_windows - 1].end_ns, &first, &last)) {
		snprintf(out->reason, sizeof(out->reason), "the energy counter was read fewer than two times");
		free(samples);
		return 0;
	}
	samples = NULL;
	if (rc == 0)
		rc = jm_recording_samples(c->r, (uint16_t)power, first->t_ns - MARGIN_NS, last->t_ns + MARGIN_NS,
					  &samples, &t[0].n, c->err);
	t[0].samples = samples;
	if (rc == 0)
		rc = jm_cross_check(&t[0], &t[1], first, last, out, c->err);
	unload(t, 2);
	return rc;
}

static int cross_check(const struct context *c, struct jm_device_result *d)
{
	int power, counter;

	find_pair(c, d->name, &power, &counter);
	if (power >= 0 && c->channels[power].reason[0])
		d->note = c->channels[power].reason;
	if (power < 0 || counter < 0 || c->channels[power].quantity != JM_QUANTITY_POWER) {
		snprintf(d->check.reason, sizeof(d->check.reason), "%s",
			 power < 0     ? "no power was read"
			 : counter < 0 ? "no energy counter was read beside the power"
				       : "the counter itself is the reading");
		return 0;
	}
	return check_pair(c, power, counter, &d->check);
}

static int describe(const struct context *c, const char *name)
{
	struct jm_result *result = c->result;
	struct jm_device_result *devices = realloc(result->devices, (result->n_devices + 1) * sizeof(*devices));
	struct jm_device_result *d;
	char key[160];
	int rc;

	if (!devices)
		return jm_error_set(c->err, JM_E_NOMEM, "out of memory for the devices");
	result->devices = devices;
	d = &devices[result->n_devices];
	memset(d, 0, sizeof(*d));
	d->name = jm_result_text(result, name);
	if (!d->name)
		return jm_error_set(c->err, JM_E_NOMEM, "out of memory for the devices");
	result->n_devices++;
	snprintf(key, sizeof(key), "device:%s", name);
	d->identity = jm_recording_meta(c->r, key);
	rc = describe_state(c, d);
	return rc ? rc : cross_check(c, d);
}

static bool is_known(const struct jm_result *result, const char *name)
{
	size_t i;

	for (i = 0; i < result->n_devices; i++)
		if (strcmp(result->devices[i].name, name) == 0)
			return true;
	return false;
}

/* With a limit at work, layers share what it leaves: none has a power of its own (docs/attribution.md). */
void jm_report_warn_of_limits(struct jm_result *result)
{
	size_t i, k;

	for (i = 0; i < result->n_devices; i++) {
		const struct jm_device_result *d = &result->devices[i];

		for (k = 0; k < d->n_held && result->n_layers; k++)
			if (d->held[k].is_limit && d->held[k].share >= SHARE_MIN)
				jm_result_warn(
				    result,
				    "%s was throttled %.3g %% of the time (%s): the powers of layers are coupled "
				    "through that limit, alone or on another day each may draw another",
				    d->name, d->held[k].share * 100, d->held[k].cause);
		if (d->check.is_known && d->check.gap_s < GAP_MAX * d->check.span_s &&
		    fabs(d->check.difference_fraction) > DIFFERENCE_MAX + d->check.allowed_fraction)
			jm_result_warn(result, "%s: its power readings and its energy counter differ by %+.2f %%",
				       d->name, d->check.difference_fraction * 100);
	}
}

int jm_report_describe_devices(struct jm_recording *r, const struct jm_stretch *windows, size_t n_windows,
			       struct jm_result *result, struct jm_error *err)
{
	struct context c = {.r = r, .result = result, .windows = windows, .n_windows = n_windows, .err = err};
	size_t i;
	int rc = 0;

	c.channels = jm_recording_channels(r, &c.n_channels);
	result->visible_devices = jm_recording_meta(r, "cuda_visible_devices");
	for (i = 0; i < c.n_channels && rc == 0 && n_windows; i++) {
		const char *slash = strrchr(c.channels[i].name, '/');
		char device[sizeof(c.channels->name)];

		/* What was not asked for is in the recording, too, as unavailable. */
		if (strncmp(c.channels[i].name, "nvml/", 5) != 0 || !slash ||
		    c.channels[i].state == JM_STATE_UNAVAILABLE)
			continue;
		snprintf(device, sizeof(device), "%.*s", (int)(slash - c.channels[i].name), c.channels[i].name);
		if (!is_known(result, device))
			rc = describe(&c, device);
	}
	return rc;
}

double *jm_report_limits(const struct jm_result *result, const struct jm_channel *channels, size_t n_channels)
{
	double *out = calloc(n_channels + 1, sizeof(*out));
	size_t c, i, k;

	for (c = 0; out && c < n_channels; c++) {
		for (i = 0; i < result->n_devices; i++) {
			const struct jm_device_result *d = &result->devices[i];
			size_t n = strlen(d->name);

			if (strncmp(channels[c].name, d->name, n) != 0 || channels[c].name[n] != '/')
				continue;
			for (k = 0; k < d->n_held; k++)
				if (d->held[k].is_limit && d->held[k].share > out[c])
					out[c] = d->held[k].share;
		}
	}
	return out;
}
