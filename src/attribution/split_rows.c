/* Rows of processes and containers. */
#include "attribution/split.h"
#include "attribution/work.h"

#include "core/error.h"
#include "core/units.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OTHERS_NAME       "other processes"
#define NO_CONTAINER_NAME "no container"

/* What is filled for one channel after another. Index n_processes: those not watched. */
struct filling {
	struct jm_work *w;
	const struct jm_process_log *log;
	struct jm_split split;
	struct jm_split_part *parts; /* n_processes + 1 */
	size_t *container_of;        /* n_processes + 1 */
	size_t n_containers;
	double others_s;
	enum jm_split_basis by_processor; /* CPU_TIME, or weighted */
	bool has_misses;
};

static enum jm_split_basis basis_of(const struct filling *f, const struct jm_channel *c, const char **reason)
{
	const struct jm_process_log *log = f->log;
	size_t i;

	*reason = "";
	switch (c->domain) {
	case JM_DOMAIN_PLATFORM:
		*reason = "the whole machine's energy, by processor time alone";
		return f->by_processor;
	case JM_DOMAIN_PACKAGE:
	case JM_DOMAIN_CORE:
	case JM_DOMAIN_UNCORE:
		return f->by_processor;
	case JM_DOMAIN_DRAM:
		if (f->has_misses)
			return JM_SPLIT_MISSES;
		*reason = "by resident memory, which need not be used";
		return JM_SPLIT_MEMORY;
	case JM_DOMAIN_GPU:
	case JM_DOMAIN_GPU_MEMORY:
		for (i = 0; i < log->n_gpu; i++)
			if (log->gpu[i].gpu == c->device)
				return JM_SPLIT_SM_TIME;
		*reason = "nothing tells which process used this GPU";
		return JM_SPLIT_NONE;
	default:
		*reason = "it is not known what this rail feeds";
		return JM_SPLIT_NONE;
	}
}

static void fill_process_facts(struct filling *f, const double *cpu_s, const double *children_s)
{
	struct jm_process_facts *facts = f->w->result->process_facts;
	size_t i;

	for (i = 0; i < f->log->n_processes; i++) {
		const struct jm_process *p = &f->log->processes[i];

		facts[i] = (struct jm_process_facts){.process = p,
						     .runtime = p->runtime,
						     .container = p->container,
						     .pod = p->pod,
						     .n_processes = 1,
						     .cpu_s = f->log->are_shares ? NAN : cpu_s[i],
						     .children_s = f->log->are_shares ? NAN : children_s[i],
						     .rss_bytes = -1,
						     .pss_bytes = -1,
						     .uss_bytes = -1};
	}
	facts[i] = (struct jm_process_facts){.runtime = "",
					     .container = "",
					     .pod = "",
					     .cpu_s = f->log->are_shares ? NAN : f->others_s,
					     .children_s = NAN,
					     .rss_bytes = -1,
					     .pss_bytes = -1,
					     .uss_bytes = -1};
	for (i = 0; i < f->log->n_samples; i++) {
		const struct jm_process_sample *s = &f->log->samples[i];

		if (s->rss_bytes > facts[s->process].rss_bytes)
			facts[s->process].rss_bytes = s->rss_bytes;
	}
	for (i = 0; i < f->log->n_memory; i++) {
		facts[f->log->memory[i].process].pss_bytes = f->log->memory[i].pss_bytes;
		facts[f->log->memory[i].process].uss_bytes = f->log->memory[i].uss_bytes;
	}
}

static bool same_container(const struct jm_process_facts *a, const struct jm_process_facts *b)
{
	return !a->process == !b->process && strcmp(a->container, b->container) == 0 && strcmp(a->pod, b->pod) == 0 &&
	       strcmp(a->runtime, b->runtime) == 0;
}

/* The containers, in order of their first processes; last, those not watched. Only few differ: the last one is tried first. */
static void group_containers(struct filling *f)
{
	struct jm_process_facts *facts = f->w->result->process_facts, *groups = f->w->result->container_facts;
	size_t i, g, last = 0;

	for (i = 0; i <= f->log->n_processes; i++) {
		g = last;
		if (f->n_containers == 0 || !same_container(&groups[last], &facts[i]))
			for (g = 0; g < f->n_containers && !same_container(&groups[g], &facts[i]); g++)
				;
		if (g == f->n_containers) {
			groups[f->n_containers++] = facts[i];
			groups[g].cpu_s = groups[g].children_s = 0;
			groups[g].n_processes = 0;
			groups[g].rss_bytes = groups[g].pss_bytes = groups[g].uss_bytes = -1;
		}
		f->container_of[i] = last = g;
		groups[g].cpu_s += facts[i].cpu_s;
		groups[g].children_s += facts[i].children_s;
		groups[g].n_processes += facts[i].n_processes;
	}
}

static const char *container_name(struct jm_result *r, const struct jm_process_facts *g)
{
	char text[200];

	if (!g->process)
		return OTHERS_NAME;
	if (!g->container[0] && !g->pod[0])
		return NO_CONTAINER_NAME;
	if (g->container[0] && g->pod[0])
		snprintf(text, sizeof(text), "pod %s/%.12s", g->pod, g->container);
	else if (g->pod[0])
		snprintf(text, sizeof(text), "pod %s", g->pod);
	else
		snprintf(text, sizeof(text), "%.64s", g->container);
	return jm_result_text(r, text);
}

static void scale_interval(const struct jm_channel_result *c, const struct jm_split_part *part, double quantum_fraction,
			   struct jm_interval *out)
{
	double low = part->low_j * (1 - quantum_fraction), high = part->high_j * (1 + quantum_fraction);

	*out = (struct jm_interval){NAN, NAN};
	if (!(c->energy_j > 0) || isnan(c->energy_ci_j.low) || isnan(c->energy_ci_j.high))
		return;
	out->low = fmax(0, low * (c->energy_ci_j.low / c->energy_j));
	out->high = high * (c->energy_ci_j.high / c->energy_j);
}

static void fill_row(struct filling *f, int channel, enum jm_split_basis basis, const char *reason,
		     const struct jm_process_facts *facts, const struct jm_split_part *part, struct jm_row *row)
{
	struct jm_result *r = f->w->result;
	const struct jm_channel_result *c = &r->channels[channel];
	double n = (double)r->run.iterations, items = n * (double)r->run.items_per_iteration;
	double quantum = basis <= JM_SPLIT_INSTRUCTIONS && facts->cpu_s > 0
			     ? fmin(1, jm_s_from_ns(f->w->in->process_quantum_ns) / facts->cpu_s)
			     : 0;

	memset(row, 0, sizeof(*row));
	row->process = facts;
	row->channel = channel;
	row->count = facts->n_processes;
	row->time_s = facts->cpu_s;
	row->latency_ms = row->energy_above_idle_j = NAN;
	row->energy_absolute_ci_j = row->mean_power_ci_w = (struct jm_interval){NAN, NAN};
	row->basis = jm_split_text(basis);
	row->group = -1;
	row->resolvable = basis != JM_SPLIT_NONE;
	row->is_estimated = c->channel->state == JM_STATE_ESTIMATED || basis == JM_SPLIT_MEMORY ||
			    c->channel->domain == JM_DOMAIN_PLATFORM;
	row->energy_j = row->resolvable ? part->energy_j : NAN;
	row->energy_above_idle_j = row->energy_j; /* idle energy is charged to nobody */
	scale_interval(c, part, quantum, &row->energy_ci_j);
	if (!row->resolvable)
		row->energy_ci_j = (struct jm_interval){NAN, NAN};
	row->energy_per_iteration_mj = n > 0 ? row->energy_j * 1e3 / n : NAN;
	row->energy_per_item_mj = items > 0 ? row->energy_j * 1e3 / items : NAN;
	row->mean_power_w = row->energy_j / f->w->windows_s;
	row->share = c->energy_j > 0 ? row->energy_j / c->energy_j : NAN;
	snprintf(row->reason, sizeof(row->reason), "%s", reason);
}

/* Records of other tools know numbers only. */
static const char *process_name(struct jm_result *r, const struct jm_process_facts *facts)
{
	const char *name;
	char text[32];

	if (!facts->process)
		return OTHERS_NAME;
	if (facts->process->name[0])
		return facts->process->name;
	snprintf(text, sizeof(text), "process %lld", (long long)facts->process->pid);
	name = jm_result_text(r, text);
	return name ? name : "";
}

static void add_process_rows(struct filling *f, int channel, enum jm_split_basis basis, const char *reason)
{
	struct jm_result *r = f->w->result;
	size_t i;

	for (i = 0; i <= f->log->n_processes; i++) {
		const struct jm_process_facts *facts = &r->process_facts[i];
		struct jm_row *row = &r->processes[r->n_processes];

		/* One that did nothing in the window is no row. */
		if (facts->process && !(facts->cpu_s > 0) && !(f->parts[i].energy_j > 0) && !facts->process->is_root)
			continue;
		fill_row(f, channel, basis, reason, facts, &f->parts[i], row);
		row->name = process_name(r, facts);
		row->type = facts->process ? facts->runtime : "";
		r->n_processes++;
	}
}

static int add_container_rows(struct filling *f, int channel, enum jm_split_basis basis, const char *reason)
{
	struct jm_result *r = f->w->result;
	struct jm_split_part *sums = calloc(f->n_containers + 1, sizeof(*sums));
	size_t i;

	if (!sums)
		return JM_E_NOMEM;
	for (i = 0; i <= f->log->n_processes; i++) {
		struct jm_split_part *sum = &sums[f->container_of[i]];

		sum->energy_j += f->parts[i].energy_j;
		sum->low_j += f->parts[i].low_j;
		sum->high_j += f->parts[i].high_j;
	}
	for (i = 0; i < f->n_containers; i++) {
		struct jm_row *row = &r->containers[r->n_containers++];

		fill_row(f, channel, basis, reason, &r->container_facts[i], &sums[i], row);
		row->type = r->container_facts[i].runtime;
		row->name = container_name(r, &r->container_facts[i]);
		if (!row->name) {
			free(sums);
			return JM_E_NOMEM;
		}
	}
	free(sums);
	return 0;
}

static void add_closure(struct filling *f, int channel, const struct jm_split_result *s)
{
	struct jm_result *r = f->w->result;
	struct jm_closure *c = &r->process_closure[r->n_process_closure++];
	size_t i;

	*c = (struct jm_closure){.channel = channel,
				 .total_j = s->total_j,
				 .idle_j = s->idle_j,
				 .gaps_j = NAN,
				 .unattributed_j = s->unattributed_j,
				 .gap_s = r->channels[channel].gap_s};
	for (i = 0; i <= f->log->n_processes; i++)
		c->parts_j += f->parts[i].energy_j;
	c->residual_j = c->total_j - c->parts_j - c->idle_j - c->unattributed_j;
}

static int split_channel(struct filling *f, size_t c)
{
	const struct jm_channel *channel = &f->w->in->channels[c];
	struct jm_split_result split = {.parts = f->parts};
	struct jm_split_channel how = {.series = &f->w->series[c], .gpu = (uint16_t)channel->device, .idle_w = NAN};
	int index = f->w->channel_result[c], rc;
	const char *reason;

	if (f->w->baselines[c].is_known)
		how.idle_w = f->w->baselines[c].power_w;
	how.basis = basis_of(f, channel, &reason);
	rc = jm_split_run(&f->split, &how, &f->w->windows, &split);
	if (rc)
		return rc;
	f->parts[f->log->n_processes] = split.others;
	add_closure(f, index, &split);
	add_process_rows(f, index, how.basis, reason);
	return add_container_rows(f, index, how.basis, reason);
}

static bool is_split(const struct jm_work *w, size_t c)
{
	return w->channel_result[c] >= 0 && w->in->channels[c].same_as < 0 &&
	       isfinite(w->result->channels[w->channel_result[c]].energy_j);
}

static int allocate(struct filling *f)
{
	struct jm_result *r = f->w->result;
	size_t n = f->log->n_processes + 1, n_channels = 1, c;

	for (c = 0; c < f->w->in->n_channels; c++)
		n_channels += is_split(f->w, c);
	r->process_facts = calloc(n, sizeof(*r->process_facts));
	r->container_facts = calloc(n, sizeof(*r->container_facts));
	r->processes = calloc(n * n_channels, sizeof(*r->processes));
	r->process_closure = calloc(n_channels, sizeof(*r->process_closure));
	f->parts = calloc(n, sizeof(*f->parts));
	f->container_of = calloc(n, sizeof(*f->container_of));
	if (!r->process_facts || !r->container_facts || !r->processes || !r->process_closure || !f->parts ||
	    !f->container_of)
		return JM_E_NOMEM;
	return jm_split_init(f->log, &f->split);
}

static int describe(struct filling *f)
{
	double *cpu_s = calloc(f->log->n_processes + 1, sizeof(*cpu_s));
	double *children_s = calloc(f->log->n_processes + 1, sizeof(*children_s));
	struct jm_result *r = f->w->result;
	size_t n_channels = 0, c;
	int rc = cpu_s && children_s ? 0 : JM_E_NOMEM;

	if (rc == 0) {
		jm_split_times(&f->split, &f->w->windows, cpu_s, children_s);
		f->others_s = jm_split_others_s(&f->split, &f->w->windows);
		fill_process_facts(f, cpu_s, children_s);
		group_containers(f);
		for (c = 0; c < f->w->in->n_channels; c++)
			n_channels += is_split(f->w, c);
		r->containers = calloc(f->n_containers * n_channels + 1, sizeof(*r->containers));
		rc = r->containers ? 0 : JM_E_NOMEM;
	}
	free(cpu_s);
	free(children_s);
	return rc;
}

int jm_split_add(struct jm_work *w, struct jm_error *err)
{
	struct filling f = {.w = w, .log = w->in->processes};
	size_t c;
	int rc;

	if (!f.log || f.log->n_steps < 2)
		return 0;
	rc = allocate(&f);
	rc = rc ? rc : describe(&f);
	f.by_processor = jm_split_choose(&f.split, w->in, w->opt->weighing, w->result->split_reason);
	f.has_misses = jm_split_has_misses(&f.split, w->in, w->opt->weighing);
	for (c = 0; c < w->in->n_channels && rc == 0; c++)
		if (is_split(w, c))
			rc = split_channel(&f, c);
	if (rc == 0 && w->opt->with_timeline)
		rc = jm_split_timeline(w, &f.split, &w->result->timeline);
	jm_split_finish(&f.split);
	free(f.parts);
	free(f.container_of);
	return rc ? jm_error_set(err, rc, "out of memory for %zu processes", f.log->n_processes) : 0;
}
