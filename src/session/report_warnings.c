/* What a result must say of the readings it rests on: lost sensors, silence, gaps. */
#include "session/report.h"

#include "core/units.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* Below this share of the readings the result says so in its first line. */
#define COVERAGE_MIN 0.95

static void warn_about_events(struct jm_recording *r, struct jm_result *result)
{
	size_t n, i;
	const struct jm_event *events = jm_recording_events(r, &n);
	int64_t first, last, end;

	for (i = 0; i < n; i++)
		if (strcmp(events[i].kind, "sensor_lost") == 0)
			jm_result_warn(result, "%s was lost during the run; what follows is a gap", events[i].text);
		else if (strcmp(events[i].kind, "cuda") == 0 || strcmp(events[i].kind, "remark") == 0)
			jm_result_warn(result, "%s", events[i].text);
	if (jm_recording_meta_time(r, "end_monotonic_ns", &end) && jm_recording_extent(r, &first, &last) == 0 &&
	    !jm_recording_meta(r, "imported"))
		jm_result_warn(result, "the recording was not closed: it was killed, or still runs");
}

/* Readings that came to nothing must not look healthy. */
static void warn_about_silence(struct jm_result *result)
{
	size_t i;

	for (i = result->n_channels; i-- > 0;) {
		const struct jm_channel_result *c = &result->channels[i];

		if (jm_channel_has_energy(c->channel) && c->channel->same_as < 0 && !isfinite(c->energy_j))
			jm_result_warn_first(result, "%s gives no energy: %s", c->channel->name,
					     c->reason[0] ? c->reason : "no reading of it can be used");
	}
}

/* A logger that lost most of its readings must say so before anything else. Twins that are not counted
 * do not matter. */
static void warn_about_coverage(struct jm_result *result)
{
	size_t i;

	for (i = result->n_channels; i-- > 0;) {
		const struct jm_channel_result *c = &result->channels[i];

		if (!c->has_ledger || !jm_channel_has_energy(c->channel) || c->channel->same_as >= 0 ||
		    jm_ledger_coverage(&c->ledger) >= COVERAGE_MIN)
			continue;
		if (c->ledger.taken < 2)
			jm_result_warn_first(result, "%s: only %" PRIu64 " of the %" PRIu64 " readings due came",
					     c->channel->name, c->ledger.taken, c->ledger.expected);
		else
			jm_result_warn_first(result,
					     "%s: only %.1f %% of the readings came (%" PRIu64 " of %" PRIu64
					     ", longest gap %.3f s): figures rest on these alone",
					     c->channel->name, jm_ledger_coverage(&c->ledger) * 100, c->ledger.taken,
					     c->ledger.expected, jm_s_from_ns(c->ledger.longest_gap_ns));
	}
}

void jm_report_warn_of_readings(struct jm_recording *r, struct jm_result *result)
{
	warn_about_events(r, result);
	warn_about_silence(result);
	warn_about_coverage(result);
}
