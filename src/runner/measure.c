#define _GNU_SOURCE
#include "core/error.h"
#include "core/units.h"
#include "runner/dither.h"
#include "runner/isolate.h"
#include "runner/plan.h"
#include "runner/profile.h"
#include "runner/runner_internal.h"
#include "runner/settle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <unistd.h>

#define BUFFER_SPANS 1024
#define FLUSH_NS (JM_NS_PER_S / 4) /* a kill loses at most this much of the spans */
#define PROGRESS_NS (JM_NS_PER_S / 10)
#define PATH_SIZE 512
#define TRACK 0

enum phase { PHASE_WARMUP, PHASE_MEASURED, PHASE_PROFILED, N_PHASES };

static const struct {
	const char *name;
	uint8_t flags;
} phases[N_PHASES] = {{"warm-up", JM_SPAN_WARMUP}, {"measured", 0}, {"profiled", JM_SPAN_PROFILED}};

struct measuring {
	struct jm_runner *r;
	const struct jm_runner_output *out;
	struct jm_error *err;
	struct jm_plan plan;
	struct jm_runner_counts counts;
	uint32_t phase_names[N_PHASES], iteration_name;
	struct jm_span spans[BUFFER_SPANS];
	size_t n_spans;
	int64_t flushed_ns, shown_ns, last_end_ns, latency_ns; /* latency of the last call */
	uint64_t calls_total;
	struct jm_dither dither;
	struct jm_tally tally; /* of the profiled blocks */
	struct jm_profile_facts facts; /* of all blocks together */
};

/* A stretch of calls of one session. */
struct block {
	enum phase phase;
	struct jm_ort_session *session;
	uint64_t n;                    /* calls at most */
	uint64_t n_min;                /* calls before budget_ns may end it */
	int64_t budget_ns;             /* 0: none */
	uint32_t first;                /* number of the first call; JM_NO_ITERATION: they have none */
	struct jm_profile_call *calls; /* stamps for the profile; NULL: not wanted. n entries */
	uint64_t done;
};

static int64_t now(const struct measuring *m)
{
	return jm_env_now(m->r->env);
}

static bool is_cancelled(const struct measuring *m)
{
	return m->out->cancel && atomic_load_explicit(m->out->cancel, memory_order_relaxed);
}

static int flush(struct measuring *m)
{
	size_t n = m->n_spans;
	int rc;

	m->n_spans = 0;
	m->flushed_ns = now(m);
	rc = n ? m->out->spans.write(m->out->spans.ctx, m->spans, n) : 0;
	return rc ? jm_error_set(m->err, rc, "the spans cannot be kept: %s", jm_error_text(rc)) : 0;
}

static int put(struct measuring *m, const struct jm_span *span)
{
	m->spans[m->n_spans++] = *span;
	return m->n_spans == BUFFER_SPANS || span->end_ns - m->flushed_ns >= FLUSH_NS ? flush(m) : 0;
}

static uint64_t *count_of(struct measuring *m, enum phase phase)
{
	return phase == PHASE_WARMUP ? &m->counts.warmup : phase == PHASE_MEASURED ? &m->counts.measured : &m->counts.profiled;
}

static void show(struct measuring *m, enum phase phase, int64_t t_ns)
{
	const struct jm_runner_options *o = &m->r->options;
	struct jm_runner_progress p = {.phase = phases[phase].name, .latency_ns = m->latency_ns};
	uint64_t done = m->counts.warmup + m->counts.measured + m->counts.profiled;

	if (!m->out->progress || t_ns - m->shown_ns < PROGRESS_NS)
		return;
	m->shown_ns = t_ns;
	p.done = *count_of(m, phase);
	p.total = phase == PHASE_WARMUP ? o->warmup : phase == PHASE_MEASURED ? o->runs : m->calls_total - o->runs - o->warmup;
	p.fraction = done >= m->calls_total ? 1 : (double)done / (double)m->calls_total;
	m->out->progress(m->out->ctx, &p);
}

static void warn(struct measuring *m, const char *text)
{
	if (m->out->warn)
		m->out->warn(m->out->ctx, text);
}

static int call(struct measuring *m, struct block *b)
{
	struct jm_span span = {.name = m->iteration_name, .track = TRACK, .kind = JM_SPAN_ITERATION};
	int rc;

	span.iteration = b->first == JM_NO_ITERATION ? JM_NO_ITERATION : b->first + (uint32_t)b->done;
	span.flags = phases[b->phase].flags;
	span.start_ns = now(m);
	rc = jm_ort_session_run(b->session, m->err);
	span.end_ns = now(m);
	if (rc)
		return rc;
	m->last_end_ns = span.end_ns;
	m->latency_ns = span.end_ns - span.start_ns;
	if (b->calls)
		b->calls[b->done] = (struct jm_profile_call){span.start_ns, span.end_ns, span.iteration, false};
	b->done++;
	++*count_of(m, b->phase);
	rc = put(m, &span);
	show(m, b->phase, span.end_ns);
	return rc;
}

/* Rests between measured calls lie inside their phase, outside of the calls. */
static void rest(struct measuring *m, const struct block *b)
{
	int64_t rest_ns;

	if (b->phase != PHASE_MEASURED || m->dither.fraction <= 0 || b->done == 0)
		return;
	rest_ns = jm_dither_rest_ns(&m->dither, m->latency_ns);
	m->r->env->sleep_until_ns(m->r->env->ctx, now(m) + rest_ns);
}

/* Runs a block and writes its phase around the calls that were done, also when it ends early. */
static int run_block(struct measuring *m, struct block *b)
{
	struct jm_span phase = {.name = m->phase_names[b->phase], .track = TRACK, .iteration = JM_NO_ITERATION};
	int rc = 0, put_rc;

	if (b->n == 0)
		return 0;
	phase.kind = JM_SPAN_PHASE;
	phase.flags = phases[b->phase].flags;
	phase.start_ns = now(m);
	while (b->done < b->n && rc == 0) {
		if (is_cancelled(m))
			rc = JM_E_CANCELLED;
		else
			rest(m, b);
		rc = rc ? rc : call(m, b);
		if (b->budget_ns && b->done >= b->n_min && m->last_end_ns - phase.start_ns >= b->budget_ns)
			break;
	}
	if (b->done == 0)
		return rc;
	phase.end_ns = m->last_end_ns;
	put_rc = put(m, &phase);
	put_rc = put_rc ? put_rc : flush(m);
	return rc ? rc : put_rc;
}

static int warm_up(struct measuring *m, struct jm_ort_session *session, uint64_t n)
{
	struct block b = {.phase = PHASE_WARMUP, .session = session, .n = n, .first = JM_NO_ITERATION};

	return run_block(m, &b);
}

/* Calls until latency settles, or the limit; what came of it is told. */
static int settle(struct measuring *m)
{
	const struct jm_runner_options *o = &m->r->options;
	int64_t limit_ns = now(m) + o->settle_limit_ns;
	struct jm_settle s;
	bool is_settled = false;
	char text[128];
	int rc = 0;

	if (o->settle_fraction <= 0)
		return 0;
	jm_settle_init(&s, o->settle_fraction);
	while (rc == 0 && !is_settled && now(m) < limit_ns) {
		struct block b = {.phase = PHASE_WARMUP, .session = m->r->session, .n = 1, .first = JM_NO_ITERATION};

		rc = run_block(m, &b);
		is_settled = rc == 0 && jm_settle_add(&s, m->latency_ns);
	}
	if (rc)
		return rc;
	if (jm_settle_latency_ns(&s))
		m->latency_ns = jm_settle_latency_ns(&s);
	if (!is_settled) {
		snprintf(text, sizeof(text), "latency did not settle within %.3g %% in %.3g s of warm-up", 100 * o->settle_fraction,
			 jm_s_from_ns(o->settle_limit_ns));
		warn(m, text);
	}
	return 0;
}

static void add_facts(struct measuring *m, const struct jm_profile_facts *f)
{
	size_t i, j;

	m->counts.layers += f->n_layers;
	m->counts.blocks++;
	m->facts.is_clock_jumpy = m->facts.is_clock_jumpy || f->is_clock_jumpy;
	if (f->tie_half_width_ns > m->facts.tie_half_width_ns)
		m->facts.tie_half_width_ns = f->tie_half_width_ns;
	for (i = 0; i < f->n_providers; i++) {
		for (j = 0; j < m->facts.n_providers; j++)
			if (strcmp(m->facts.providers[j].name, f->providers[i].name) == 0)
				break;
		if (j == JM_PROFILE_PROVIDERS)
			continue;
		if (j == m->facts.n_providers)
			m->facts.providers[m->facts.n_providers++] = f->providers[i];
		else
			m->facts.providers[j].n += f->providers[i].n;
	}
	if (f->warning[0])
		warn(m, f->warning);
}

/* Runs the profiled calls between two stamps of the clock each. calls: room for warm-up and block. */
static int run_profiled(struct measuring *m, struct jm_ort_session *session, struct jm_profile_call *calls, size_t *n_out)
{
	struct block warm = {.phase = PHASE_WARMUP, .session = session, .n = JM_PLAN_PROFILED_WARMUP, .calls = calls};
	struct block b = {.phase = PHASE_PROFILED, .session = session, .n = m->plan.profiled_per_block};
	size_t i;
	int rc;

	warm.first = JM_NO_ITERATION;
	rc = run_block(m, &warm);
	for (i = 0; i < warm.done; i++)
		calls[i].is_warmup = true;
	b.calls = calls + warm.done;
	b.n_min = JM_PLAN_PROFILED_MIN;
	b.budget_ns = m->plan.profiled_budget_ns;
	b.first = (uint32_t)(m->r->options.runs + m->counts.profiled);
	rc = rc ? rc : run_block(m, &b);
	*n_out = (size_t)(warm.done + b.done);
	return rc;
}

/* Everything of a profiled block that needs a folder for the profile. Gives the error of the calls; the profile's own
 * troubles are warnings. */
static int profile_in(struct measuring *m, const char *prefix, struct jm_profile_call *calls)
{
	struct jm_span_sink sink = jm_tally_sink(&m->tally);
	struct jm_profile_facts facts;
	struct jm_ort_session *session;
	struct jm_error why = {0};
	char path[PATH_SIZE];
	size_t n_calls = 0;
	int rc, profile_rc;

	profile_rc = jm_runner_session(m->r, prefix, &session, &why);
	if (profile_rc) {
		warn(m, why.message);
		return 0;
	}
	rc = run_profiled(m, session, calls, &n_calls);
	profile_rc = jm_ort_session_end_profile(session, path, sizeof(path), &why);
	jm_ort_session_destroy(session);
	if (profile_rc == 0) {
		profile_rc = jm_profile_read(path, calls, n_calls, &sink, &facts, &why);
		unlink(path);
	}
	if (profile_rc)
		warn(m, why.message);
	else
		add_facts(m, &facts);
	return rc;
}

static int profile(struct measuring *m)
{
	const char *base = getenv("TMPDIR");
	size_t n = JM_PLAN_PROFILED_WARMUP + (size_t)m->plan.profiled_per_block;
	struct jm_profile_call *calls;
	char folder[PATH_SIZE], prefix[PATH_SIZE + 16];
	int rc;

	snprintf(folder, sizeof(folder), "%s/joulemap-XXXXXX", base && base[0] ? base : "/tmp");
	if (!mkdtemp(folder)) {
		warn(m, "no layer times: the folder for ONNX Runtime's profile cannot be made; set TMPDIR");
		return 0;
	}
	snprintf(prefix, sizeof(prefix), "%s/profile", folder);
	calls = calloc(n, sizeof(*calls));
	rc = calls ? profile_in(m, prefix, calls) : jm_error_set(m->err, JM_E_NOMEM, "no memory");
	free(calls);
	rmdir(folder);
	return rc;
}

static int name_all(struct measuring *m)
{
	const struct jm_span_sink *s = &m->out->spans;
	int i, rc = s->name(s->ctx, "iteration", strlen("iteration"), NULL, 0, &m->iteration_name);

	for (i = 0; i < N_PHASES && rc == 0; i++)
		rc = s->name(s->ctx, phases[i].name, strlen(phases[i].name), NULL, 0, &m->phase_names[i]);
	return rc ? jm_error_set(m->err, rc, "the spans cannot be kept: %s", jm_error_text(rc)) : 0;
}

#define TIMED_RUNS_MIN 20
#define TIMED_SLACK    1.25

static void plan(struct measuring *m)
{
	struct jm_runner_options *o = &m->r->options;
	const struct jm_model *model = m->r->model;
	uint64_t extra = 0;

	if (o->duration_ns > 0) {
		o->runs = m->latency_ns > 0 ? (uint64_t)(o->duration_ns / m->latency_ns) : TIMED_RUNS_MIN;
		o->runs = o->runs < TIMED_RUNS_MIN ? TIMED_RUNS_MIN : o->runs > JM_RUNNER_RUNS_MAX ? JM_RUNNER_RUNS_MAX : o->runs;
	}
	jm_plan_make(o->runs, m->latency_ns, model ? model->n_nodes + model->n_inner_nodes : 0, &m->plan);
	if (o->no_profile)
		m->plan.profiled_per_block = 0;
	if (m->plan.profiled_per_block)
		extra = m->plan.n_blocks * (m->plan.profiled_per_block + JM_PLAN_PROFILED_WARMUP) +
			(m->plan.n_blocks - 1) * JM_PLAN_REWARM;
	m->calls_total = o->warmup + o->runs + extra;
}

static int isolate(struct measuring *m)
{
	if (m->tally.n == 0) {
		warn(m, "no layer was run alone: without layer times there is no telling which ones matter");
		return 0;
	}
	return jm_isolate_run(m->r, m->out, &m->tally, m->err);
}

/* The process so far: the model and its session, before a profiler's second one. */
static void say_peak(struct measuring *m)
{
	struct rusage usage;
	char text[32];

	if (!m->out->meta || getrusage(RUSAGE_SELF, &usage))
		return;
	snprintf(text, sizeof(text), "%lld", 1024LL * usage.ru_maxrss);
	m->out->meta(m->out->ctx, "peak_memory_bytes", text);
}

static int run_all(struct measuring *m)
{
	const struct jm_runner_options *o = &m->r->options;
	uint64_t i;
	int rc;

	m->calls_total = o->warmup + o->runs;
	rc = warm_up(m, m->r->session, o->warmup);
	rc = rc ? rc : settle(m);
	plan(m);
	for (i = 0; i < m->plan.n_blocks && rc == 0; i++) {
		struct block b = {.phase = PHASE_MEASURED, .session = m->r->session};

		/* A profiled block leaves caches and clocks as they are not in a steady run. */
		if (i > 0 && m->plan.profiled_per_block)
			rc = warm_up(m, m->r->session, JM_PLAN_REWARM);
		b.n = jm_plan_runs_of(&m->plan, o->runs, i);
		/* The runs were counted out by one latency; another one must not make a trial many times as long. */
		b.budget_ns = o->duration_ns > 0 ? (int64_t)(TIMED_SLACK * (double)o->duration_ns / (double)m->plan.n_blocks) : 0;
		b.n_min = (TIMED_RUNS_MIN + m->plan.n_blocks - 1) / m->plan.n_blocks;
		b.first = (uint32_t)m->counts.measured;
		rc = rc ? rc : run_block(m, &b);
		if (i == 0)
			say_peak(m);
		if (rc == 0 && m->plan.profiled_per_block)
			rc = profile(m);
	}
	if (rc == 0 && o->isolate_passes)
		rc = isolate(m);
	return rc;
}

static int say_number(struct measuring *m, const char *key, uint64_t value)
{
	char text[32];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	return m->out->meta(m->out->ctx, key, text);
}

/* Gives "CUDAExecutionProvider=200,CPUExecutionProvider=18", and says so when the wanted one ran nothing. */
static int say_providers(struct measuring *m)
{
	char text[JM_PROFILE_PROVIDERS * 64] = "";
	const char *wanted = m->r->options.provider ? m->r->options.provider : "cpu";
	size_t i, used = 0;
	bool is_used = false;

	for (i = 0; i < m->facts.n_providers; i++) {
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s=%llu", i ? "," : "", m->facts.providers[i].name,
					 (unsigned long long)m->facts.providers[i].n);
		is_used = is_used || strcasestr(m->facts.providers[i].name, wanted);
	}
	if (m->facts.n_providers == 0)
		return 0;
	if (!is_used) {
		char line[JM_PROFILE_PROVIDERS * 64 + 128];

		snprintf(line, sizeof(line), "no operator ran on provider %s: %s", wanted, text);
		warn(m, line);
	}
	return m->out->meta(m->out->ctx, "node_providers", text);
}

static int conclude(struct measuring *m)
{
	int rc;

	if (m->facts.is_clock_jumpy)
		warn(m, "the wall clock was set during a profiled block: its layers were tied to each call for itself");
	if (strcasecmp(m->r->options.provider ? m->r->options.provider : "cpu", "cpu") != 0 && m->counts.layers)
		warn(m, "layer times are those of the host, which only starts work on the device: no measure of its time there");
	if (!m->out->meta)
		return 0;
	rc = say_number(m, "iterations", m->counts.measured);
	rc = rc ? rc : say_number(m, "profiled_iterations", m->counts.profiled);
	rc = rc ? rc : say_number(m, "profiled_blocks", m->counts.blocks);
	if (m->counts.blocks)
		rc = rc ? rc : say_number(m, "clock_tie_ns", (uint64_t)m->facts.tie_half_width_ns);
	return rc ? rc : say_providers(m);
}

int jm_runner_run(struct jm_runner *r, const struct jm_runner_output *output, struct jm_runner_counts *counts_out,
		  struct jm_error *err)
{
	struct measuring *m = calloc(1, sizeof(*m));
	int rc, end_rc;

	memset(counts_out, 0, sizeof(*counts_out));
	if (!m)
		return jm_error_set(err, JM_E_NOMEM, "no memory");
	m->r = r;
	m->out = output;
	m->err = err;
	m->flushed_ns = now(m);
	jm_dither_init(&m->dither, r->options.dither_fraction, r->options.input.seed);
	jm_tally_init(&m->tally, output->spans);
	rc = name_all(m);
	rc = rc ? rc : run_all(m);
	if (rc == JM_E_CANCELLED && m->counts.measured < r->options.runs)
		jm_error_set(err, rc, "stopped after %llu of %llu runs", (unsigned long long)m->counts.measured,
			     (unsigned long long)r->options.runs);
	end_rc = flush(m);
	end_rc = end_rc ? end_rc : conclude(m);
	*counts_out = m->counts;
	jm_tally_finish(&m->tally);
	free(m);
	return rc ? rc : end_rc;
}
