#include "session/clocks.h"

#include "attribution/attribution.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define HZ_PER_MHZ 1e6
#define GPU_DRIVER "nvml/"

/* channel: SIZE_MAX: there is none. */
static int take_mean(const struct jm_report *report, size_t channel, double *mhz_out, struct jm_error *err)
{
	struct jm_sample *samples = NULL;
	size_t i, n, n_all = 0, n_inside = 0;
	double all = 0, inside = 0;
	int rc;

	if (channel == SIZE_MAX || report->n_windows == 0)
		return 0;
	rc = jm_recording_samples(report->recording, (uint16_t)channel, report->windows[0].start_ns,
				  report->windows[report->n_windows - 1].end_ns, &samples, &n, err);
	if (rc)
		return rc;
	for (i = 0; i < n; i++) {
		if (samples[i].status != JM_SAMPLE_OK || samples[i].value <= 0)
			continue;
		all += (double)samples[i].value;
		n_all++;
		if (!jm_report_is_inside(report, samples[i].t_ns))
			continue;
		inside += (double)samples[i].value;
		n_inside++;
	}
	free(samples);
	if (n_all > 0)
		*mhz_out = (n_inside > 0 ? inside / (double)n_inside : all / (double)n_all) / HZ_PER_MHZ;
	return 0;
}

static bool is_clock(const struct jm_channel *c)
{
	return c->quantity == JM_QUANTITY_FREQUENCY && c->state != JM_STATE_UNAVAILABLE;
}

/* The clock called so that stands beside a channel: "nvml/gpu0/sm_clock" beside "nvml/gpu0/power". */
static size_t find_beside(const struct jm_report *report, const char *channel, const char *name)
{
	const char *slash = strrchr(channel, '/');
	size_t n, i, length = slash ? (size_t)(slash - channel) + 1 : 0;
	const struct jm_channel *channels = jm_recording_channels(report->recording, &n);

	for (i = 0; i < n; i++)
		if (length && is_clock(&channels[i]) && strncmp(channels[i].name, channel, length) == 0 &&
		    strcmp(channels[i].name + length, name) == 0)
			return i;
	return SIZE_MAX;
}

/* The only clock that is not a GPU's. */
static size_t find_processor(const struct jm_report *report)
{
	size_t n, i, found = SIZE_MAX;
	const struct jm_channel *channels = jm_recording_channels(report->recording, &n);

	for (i = 0; i < n; i++) {
		if (!is_clock(&channels[i]) || strncmp(channels[i].name, GPU_DRIVER, strlen(GPU_DRIVER)) == 0)
			continue;
		if (found != SIZE_MAX)
			return SIZE_MAX;
		found = i;
	}
	return found;
}

int jm_clocks_load(const struct jm_report *report, int channel, struct jm_clocks *out, struct jm_error *err)
{
	const struct jm_channel *c = channel >= 0 ? report->result.channels[channel].channel : NULL;
	int rc;

	*out = (struct jm_clocks){NAN, NAN};
	if (!c || c->domain != JM_DOMAIN_GPU)
		return take_mean(report, find_processor(report), &out->clock_mhz, err);
	rc = take_mean(report, find_beside(report, c->name, "sm_clock"), &out->clock_mhz, err);
	return rc ? rc : take_mean(report, find_beside(report, c->name, "memory_clock"), &out->memory_clock_mhz, err);
}
