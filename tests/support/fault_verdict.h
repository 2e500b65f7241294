/* Holds what a faulty world's run left behind against what it was shown: the recording opens, no sample is invented, the ledger and the
 * energies add up, and what is reported lies within what was drawn. */
#ifndef SUPPORT_FAULT_VERDICT_H
#define SUPPORT_FAULT_VERDICT_H

#include "support/fault_world.h"

#include "recording/recording.h"
#include "session/report.h"

#include <math.h>
#include <stdarg.h>
#include <sys/wait.h>

struct fault_verdict {
	char what[300]; /* empty: all is well */
	bool was_killed, was_full, was_not_started, was_closed;
	uint64_t n_samples, n_gaps, n_shown;
};

__attribute__((format(printf, 2, 3))) static inline bool fault_blame(struct fault_verdict *v, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (!v->what[0])
		vsnprintf(v->what, sizeof(v->what), format, args);
	va_end(args);
	return false;
}

/* Each reading in the file is one that was shown at that moment, and none of them comes twice. */
static inline bool fault_check_samples(const struct fault_world *w, enum fault_file file,
				       const struct jm_sample *samples, size_t n, struct fault_verdict *v,
				       uint64_t *n_ok_out)
{
	const struct fault_shown *shown = w->shared->shown[file];
	size_t n_shown = w->shared->n_shown[file], k = 0, i;

	*n_ok_out = 0;
	v->n_shown += n_shown;
	for (i = 0; i < n; i++) {
		if (i && samples[i].t_ns < samples[i - 1].t_ns)
			return fault_blame(v, "%s: times fall at sample %zu", fault_channels[file], i);
		if (samples[i].status != JM_SAMPLE_OK) {
			v->n_gaps++;
			continue;
		}
		while (k < n_shown && (shown[k].value != samples[i].value ||
				       llabs(shown[k].t_ns - samples[i].t_ns) > (int64_t)samples[i].half_width_ns + 1))
			k++;
		if (k == n_shown)
			return fault_blame(v, "%s: sample %zu, %lld at %lld, was not shown", fault_channels[file], i,
					   (long long)samples[i].value, (long long)(samples[i].t_ns - FAULT_ORIGIN_NS));
		k++;
		++*n_ok_out;
	}
	v->n_samples += *n_ok_out;
	return true;
}

/* The last reading of a run is nobody's duty: it is in the file and not in the ledger. */
static inline bool fault_check_ledger(struct jm_recording *r, uint16_t c, enum fault_file file, uint64_t n_ok,
				      struct fault_verdict *v)
{
	struct jm_ledger l;

	if (jm_recording_ledger(r, c, &l))
		return fault_blame(v, "%s: a closed recording has no ledger", fault_channels[file]);
	if (n_ok != l.taken && n_ok != l.taken + 1)
		return fault_blame(v, "%s: %llu readings in the file, %llu in the ledger", fault_channels[file],
				   (unsigned long long)n_ok, (unsigned long long)l.taken);
	if (l.expected != l.taken + l.missed || l.late > l.taken || l.repeated > l.taken)
		return fault_blame(v, "%s: ledger %llu expected, %llu taken, %llu missed", fault_channels[file],
				   (unsigned long long)l.expected, (unsigned long long)l.taken,
				   (unsigned long long)l.missed);
	return true;
}

static inline bool fault_check_recording(const struct fault_world *w, struct jm_recording *r, struct fault_verdict *v)
{
	const struct jm_channel *channels;
	struct jm_sample *samples;
	size_t n_channels, n, c;
	uint64_t n_ok;
	int file;

	v->was_closed = jm_recording_meta(r, "closed") != NULL;
	channels = jm_recording_channels(r, &n_channels);
	for (file = 0; file < FAULT_FILES; file++) {
		for (c = 0; c < n_channels && strcmp(channels[c].name, fault_channels[file]); c++)
			;
		if (c == n_channels)
			return fault_blame(v, "%s is not in the file", fault_channels[file]);
		if (jm_recording_samples(r, (uint16_t)c, INT64_MIN, INT64_MAX, &samples, &n, NULL))
			return fault_blame(v, "%s: samples cannot be read", fault_channels[file]);
		fault_check_samples(w, (enum fault_file)file, samples, n, v, &n_ok);
		free(samples);
		if (v->what[0] || (v->was_closed && w->shared->stop_code == 0 &&
				   !fault_check_ledger(r, (uint16_t)c, (enum fault_file)file, n_ok, v)))
			return false;
	}
	return true;
}

/* ---- Energies ----------------------------------------------------------------------------------------------------- */

static inline bool fault_check_closure(const struct jm_closure *c, size_t n, const char *of, struct fault_verdict *v)
{
	size_t i;

	for (i = 0; i < n; i++) {
		double slack_j = 1e-9 * fabs(c[i].total_j) + 1e-9;
		double sum_j = c[i].parts_j + c[i].idle_j + c[i].unattributed_j + c[i].residual_j;

		if (!(fabs(sum_j - c[i].total_j) <= slack_j))
			return fault_blame(v, "%s: parts %g + idle %g + unattributed %g + residual %g is not %g", of,
					   c[i].parts_j, c[i].idle_j, c[i].unattributed_j, c[i].residual_j,
					   c[i].total_j);
		if (!(fabs(c[i].residual_j) <= 1e-6 * fabs(c[i].total_j) + 1e-6))
			return fault_blame(v, "%s: a residual of %g of %g J", of, c[i].residual_j, c[i].total_j);
		if (c[i].total_j >= 0 &&
		    (c[i].parts_j < -slack_j || c[i].idle_j < -slack_j || c[i].unattributed_j < -slack_j))
			return fault_blame(v, "%s: less than nothing: parts %g, idle %g, unattributed %g", of,
					   c[i].parts_j, c[i].idle_j, c[i].unattributed_j);
	}
	return true;
}

static inline bool fault_has(const struct fault_plan *p, enum fault_file file, enum fault_kind kind)
{
	size_t i;

	for (i = 0; i < p->n_faults; i++)
		if (p->faults[i].file == file && p->faults[i].kind == kind)
			return true;
	return false;
}

/* The mean power of a meter lies between the least and the most that it showed. */
static inline bool fault_check_power(const struct fault_world *w, double power_w, struct fault_verdict *v)
{
	const struct fault_shown *shown = w->shared->shown[FAULT_METER];
	size_t n = w->shared->n_shown[FAULT_METER], i;
	double low_w = INFINITY, high_w = -INFINITY;

	if (n > FAULT_SHOWN_MAX || isnan(power_w))
		return true;
	for (i = 0; i < n; i++) {
		low_w = fmin(low_w, 1e-6 * (double)shown[i].value);
		high_w = fmax(high_w, 1e-6 * (double)shown[i].value);
	}
	if (power_w < low_w - 1e-6 || power_w > high_w + 1e-6)
		return fault_blame(v, "%s: a mean of %g W of readings from %g to %g W", fault_channels[FAULT_METER],
				   power_w, low_w, high_w);
	return true;
}

/* Of a sensor that told no lie: not more than was drawn from the first reading to the last, with a step and what an edge of the window
 * may add; of one without any fault in a run that came to its end, not less either. */
static inline bool fault_check_energy(const struct fault_world *w, enum fault_file file, double energy_j, bool is_whole,
				      struct fault_verdict *v)
{
	const struct fault_plan *p = &w->plan;
	const struct fault_shown *shown = w->shared->shown[file];
	size_t n = w->shared->n_shown[file], i;
	double true_j, slack_j = 3 * FAULT_POWER_MAX_W * jm_s_from_ns(p->period_ns) + 1e-3;
	bool is_clean = is_whole && !p->was_suspended;

	if (n < 2 || n > FAULT_SHOWN_MAX || fault_has(p, file, FAULT_RESET))
		return true;
	true_j = (file == FAULT_CORE ? FAULT_CORE_PART : 1) *
		 (fault_true_j(p, shown[n - 1].t_ns) - fault_true_j(p, shown[0].t_ns));
	if (energy_j > true_j + slack_j)
		return fault_blame(v, "%s: %g J, when %g J were drawn", fault_channels[file], energy_j, true_j);
	for (i = 0; i < p->n_faults; i++)
		is_clean = is_clean && p->faults[i].kind != FAULT_STALL && p->faults[i].file != file;
	if (is_clean && energy_j < true_j - slack_j)
		return fault_blame(v, "%s: only %g J, when %g J were drawn", fault_channels[file], energy_j, true_j);
	return true;
}

static inline void fault_check_channel(const struct fault_world *w, const struct jm_channel_result *c,
				       struct fault_verdict *v)
{
	bool is_whole = v->was_closed && w->shared->stop_code == 0;

	if (strcmp(c->channel->name, fault_channels[FAULT_METER]) == 0)
		fault_check_power(w, c->mean_power_w, v);
	else if (strcmp(c->channel->name, fault_channels[FAULT_PACKAGE]) == 0 && !isnan(c->energy_j))
		fault_check_energy(w, FAULT_PACKAGE, c->energy_j, is_whole, v);
	else if (strcmp(c->channel->name, fault_channels[FAULT_CORE]) == 0 && !isnan(c->energy_j))
		fault_check_energy(w, FAULT_CORE, c->energy_j, is_whole, v);
}

static inline int fault_write_nothing(void *ctx, const char *text, size_t n)
{
	(void)text;
	*(size_t *)ctx += n;
	return 0;
}

static inline bool fault_check_report(const struct fault_world *w, struct fault_verdict *v)
{
	struct jm_report_options options = {
	    .size = sizeof(options), .baseline = "none", .with_timeline = true, .with_scene = true};
	static const char *const formats[] = {"json", "csv", "table", "html"};
	struct jm_report *report = NULL;
	struct jm_error err = {0};
	size_t i, n = 0;

	if (jm_report_open(w->recording, &options, &report, &err))
		/* Nothing was read before the end: there is nothing to explain, and that is said. */
		return (v->n_samples == 0 && err.message[0]) || fault_blame(v, "no report: %s", err.message);
	fault_check_closure(report->result.closure, report->result.n_closure, "channels", v);
	fault_check_closure(report->result.process_closure, report->result.n_process_closure, "processes", v);
	for (i = 0; i < report->result.n_channels; i++)
		fault_check_channel(w, &report->result.channels[i], v);
	for (i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		struct jm_view_options view = {.size = sizeof(view), .format = formats[i], .by = "process"};

		if (jm_report_write(report, &view, fault_write_nothing, &n, &err))
			fault_blame(v, "as %s: %s", formats[i], err.message);
	}
	jm_report_destroy(report);
	return !v->what[0];
}

static inline bool fault_world_is_there(const struct fault_world *w)
{
	char full[400];
	int i;

	for (i = 0; i < FAULT_FILES; i++) {
		tree_path(&w->tree, fault_paths[i], full, sizeof(full));
		if (access(full, F_OK) != 0)
			return false;
	}
	return true;
}

/* ---- One run ------------------------------------------------------------------------------------------------------ */

static inline void fault_judge(const struct fault_world *w, int status, struct fault_verdict *v)
{
	struct jm_recording *r = NULL;
	struct jm_error err = {0};

	v->was_killed = WIFSIGNALED(status);
	v->was_full = w->shared->start_code == JM_E_FULL || w->shared->stop_code == JM_E_FULL;
	v->was_not_started = !w->shared->has_started;
	if (v->was_killed && WTERMSIG(status) != SIGKILL && WTERMSIG(status) != SIGXFSZ)
		fault_blame(v, "ended by signal %d", WTERMSIG(status));
	else if (!v->was_killed && WEXITSTATUS(status))
		fault_blame(v, "ended with %d: a failure without a word?", WEXITSTATUS(status));
	else if (!fault_world_is_there(w))
		v->was_not_started =
		    true; /* somebody has cleaned the folder of temporary files: this run says nothing */
	else if (!w->plan.file_limit && !v->was_killed && (w->shared->start_code || w->shared->stop_code))
		fault_blame(v, "start %d, stop %d on a disk with room: %s", w->shared->start_code, w->shared->stop_code,
			    w->shared->said);
	if (v->what[0] || v->was_not_started)
		return; /* what did not begin promised nothing */
	if (jm_recording_open(w->recording, &r, &err)) {
		fault_blame(v, "does not open: %s", err.message);
		return;
	}
	fault_check_recording(w, r, v);
	jm_recording_close(r);
	if (!v->what[0])
		fault_check_report(w, v);
}

/* Plays a seed in a process of its own and judges what it left. */
static inline void fault_run(uint64_t seed, struct fault_verdict *v)
{
	struct fault_world *w = calloc(1, sizeof(*w));
	int status = 0;
	pid_t child;

	memset(v, 0, sizeof(*v));
	tree_require(w != NULL, "calloc", "a world");
	fault_world_create(w, seed);
	setenv("XDG_DATA_HOME", w->tree.root, 1);
	fflush(NULL);
	child = fork();
	tree_require(child >= 0, "fork", "a run");
	if (child == 0)
		_exit(fault_record(w));
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	fault_judge(w, status, v);
	fault_world_destroy(w);
	free(w);
}

#endif
