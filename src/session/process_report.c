/* Processes out of a recording: the log, and how it came about. */
#include "session/processes.h"

#include "core/units.h"
#include "process/counters.h"

#include <stdio.h>
#include <string.h>

int jm_processes_load(struct jm_recording *r, struct jm_process_log *log, struct jm_attribution_input *in,
		      struct jm_error *err)
{
	int rc = jm_recording_process_log(r, log, err);

	const char *times = jm_recording_meta(r, "process_times");

	log->are_shares = rc == 0 && times && strcmp(times, "shares") == 0;
	in->processes = log;
	in->process_counts = jm_recording_meta(r, "process_counts");
	in->process_counts_why = jm_recording_meta(r, "process_counts_unavailable");
	jm_recording_meta_time(r, "process_quantum_ns", &in->process_quantum_ns);
	return rc;
}

/* Wall clock where the recording has it: formats of records carry dates. */
static void set_wall_clock(struct jm_recording *r, struct jm_timeline *t)
{
	int64_t monotonic_ns, realtime_ns;

	if (t)
		t->is_local_clock = jm_recording_meta(r, "process_wall_clock") != NULL;
	if (!t || jm_recording_meta_time(r, "anchor_monotonic_ns", &monotonic_ns) ||
	    jm_recording_meta_time(r, "anchor_realtime_ns", &realtime_ns))
		return;
	t->has_wall_clock = true;
	t->wall_minus_monotonic_ns = realtime_ns - monotonic_ns;
}

/* As perf stat would, in one line. */
static void note_counters(struct jm_recording *r, struct jm_result *result)
{
	const char *why = jm_recording_meta(r, "counters_unavailable");
	char text[200] = "";
	size_t used = 0;
	int64_t value;
	int i;

	for (i = 0; i < JM_N_COUNTERS && used < sizeof(text); i++) {
		char key[64];

		snprintf(key, sizeof(key), "counter_%s", jm_counters_key(i));
		if (jm_recording_meta_i64(r, key, &value) == 0)
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s %lld", used ? ", " : "",
						 jm_counters_key(i), (long long)value);
	}
	if (used)
		snprintf(result->counters, sizeof(result->counters), "%s (user mode)", text);
	else if (why)
		snprintf(result->counters, sizeof(result->counters), "unavailable: %s", why);
}

void jm_processes_explain(struct jm_recording *r, const struct jm_process_log *log, struct jm_result *result)
{
	const char *clock = jm_recording_meta(r, "process_clock");
	int64_t expected, taken, period_ns = JM_DEFAULT_PROCESS_PERIOD_NS;

	set_wall_clock(r, result->timeline);
	note_counters(r, result);
	if (log->n_steps < 2) {
		snprintf(result->process_reason, sizeof(result->process_reason), "%s",
			 log->n_steps ? "processes were seen but once" : "no processes were recorded");
		return;
	}
	if (log->steps[log->n_steps - 1].is_busy_known) {
		snprintf(
		    result->process_reason, sizeof(result->process_reason),
		    "%zu processes in %zu records of another tool; times from %s; where no idle level is known, idle "
		    "energy is in their figures",
		    log->n_processes, log->n_steps, clock ? clock : "an unknown clock");
		return;
	}
	jm_recording_meta_time(r, "process_period_ns", &period_ns);
	snprintf(result->process_reason, sizeof(result->process_reason),
		 "%zu processes in %zu snapshots, %g ms apart; times from %s; idle energy is charged to nobody",
		 log->n_processes, log->n_steps, (double)period_ns * 1e-6, clock ? clock : "an unknown clock");
	if (jm_recording_meta_i64(r, "process_snapshots_expected", &expected) == 0 &&
	    jm_recording_meta_i64(r, "process_snapshots_taken", &taken) == 0 && taken < expected - expected / 20)
		jm_result_warn(
		    result,
		    "processes: only %lld of %lld snapshots could be taken in time: what lived shorter than the "
		    "pauses between them is in its parent's time or in that of others",
		    (long long)taken, (long long)expected);
}
