#include "attribution/split.h"

#include "core/units.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The most by which the machine's own count may lag behind that of its processes: a few ticks. */
#define CARRY_S 0.05

const char *jm_split_text(enum jm_split_basis basis)
{
#define TEXT(name, text) text,
	static const char *const texts[] = {JM_SPLIT_LIST(TEXT)};
#undef TEXT

	return (unsigned)basis < sizeof(texts) / sizeof(texts[0]) ? texts[basis] : "unknown";
}

void jm_split_finish(struct jm_split *s)
{
	int i;

	free(s->first_sample);
	free(s->done_s);
	free(s->watched_s);
	free(s->others_s);
	free(s->idle_fraction);
	for (i = 0; i < JM_N_COUNTS; i++) {
		free(s->weights[i]);
		free(s->others_weight[i]);
	}
	memset(s, 0, sizeof(*s));
}

/* Time since the sample before of the same process; last: one entry a process, zeroed. A count that went back is no time. */
static void difference(const struct jm_process_log *log, double *done_s, int64_t *last_ns)
{
	size_t i;

	for (i = 0; i < log->n_samples; i++) {
		const struct jm_process_sample *p = &log->samples[i];
		int64_t now_ns = p->cpu_ns + p->reaped_ns;

		done_s[i] = now_ns > last_ns[p->process] ? jm_s_from_ns(now_ns - last_ns[p->process]) : 0;
		last_ns[p->process] = now_ns;
	}
}

/* Capacity less idle, s; NAN: unknown. */
static double busy_time(const struct jm_process_step *a, const struct jm_process_step *b, double *capacity_out)
{
	double capacity = jm_s_from_ns(b->t_ns - a->t_ns) * (a->n_cpus < b->n_cpus ? a->n_cpus : b->n_cpus);
	double idle = jm_s_from_ns(b->idle_ns - a->idle_ns);

	*capacity_out = capacity;
	if (!a->is_idle_known || !b->is_idle_known || !(capacity > 0))
		return NAN;
	/* Time spent waiting for I/O is known to go back (proc(5)). */
	return fmin(capacity, fmax(0, capacity - fmax(0, idle)));
}

static void count_intervals(struct jm_split *s)
{
	double balance = 0, capacity;
	size_t k, i;

	for (k = 0; k < s->n_intervals; k++) {
		const struct jm_process_step *step = &s->log->steps[k + 1];
		double busy = busy_time(step - 1, step, &capacity);

		for (i = s->first_sample[k + 1]; i < s->first_sample[k + 2]; i++)
			s->watched_s[k] += s->done_s[i];
		s->idle_fraction[k] = s->others_s[k] = NAN;
		if (step->is_busy_known)
			s->others_s[k] = fmax(0, jm_s_from_ns(step->busy_ns) - s->watched_s[k]);
		if (isnan(busy))
			continue;
		s->others_s[k] = 0;
		balance = fmax(-CARRY_S, balance + busy - s->watched_s[k]);
		if (balance > 0) {
			s->others_s[k] = balance;
			balance = 0;
		}
		s->idle_fraction[k] = fmax(0, 1 - (s->watched_s[k] + s->others_s[k]) / capacity);
	}
}

int jm_split_init(const struct jm_process_log *log, struct jm_split *out)
{
	struct jm_split s = {.log = log, .n_intervals = log->n_steps > 1 ? log->n_steps - 1 : 0};
	int64_t *last_ns = calloc(log->n_processes + 1, sizeof(*last_ns));
	size_t i, k;

	s.first_sample = calloc(log->n_steps + 2, sizeof(*s.first_sample));
	s.done_s = calloc(log->n_samples + 1, sizeof(*s.done_s));
	s.watched_s = calloc(s.n_intervals + 1, sizeof(double));
	s.others_s = calloc(s.n_intervals + 1, sizeof(double));
	s.idle_fraction = calloc(s.n_intervals + 1, sizeof(double));
	if (!last_ns || !s.first_sample || !s.done_s || !s.watched_s || !s.others_s || !s.idle_fraction) {
		free(last_ns);
		jm_split_finish(&s);
		return JM_E_NOMEM;
	}
	for (k = 0, i = 0; k <= log->n_steps; k++) {
		while (i < log->n_samples && log->sample_steps[i] < k)
			i++;
		s.first_sample[k] = i;
	}
	difference(log, s.done_s, last_ns);
	free(last_ns);
	count_intervals(&s);
	if (jm_split_weigh(&s)) {
		jm_split_finish(&s);
		return JM_E_NOMEM;
	}
	*out = s;
	return 0;
}

/* The parts of windows that lie in one interval after another. */
struct clip {
	const struct jm_stretches *windows;
	size_t at;
};

/* Seconds and energy of the windows in [from, to). Intervals come in order. */
static double clip_next(struct clip *c, const struct jm_series *series, int64_t from_ns, int64_t to_ns,
			double *energy_j, double *seen_s)
{
	double seconds = 0, seen;
	size_t i;

	*energy_j = *seen_s = 0;
	while (c->at < c->windows->n && c->windows->items[c->at].end_ns <= from_ns)
		c->at++;
	for (i = c->at; i < c->windows->n && c->windows->items[i].start_ns < to_ns; i++) {
		int64_t a = c->windows->items[i].start_ns, b = c->windows->items[i].end_ns;

		a = a > from_ns ? a : from_ns;
		b = b < to_ns ? b : to_ns;
		seconds += jm_s_from_ns(b - a);
		if (!series)
			continue;
		*energy_j += jm_series_energy(series, a, b, &seen);
		*seen_s += seen;
	}
	return seconds;
}

/* Takes the idle part off. Gives the active part; NAN: nothing tells them apart. */
static double take_idle(const struct jm_split_channel *channel, double idle_fraction, double energy_j, double seen_s,
			struct jm_split_result *out)
{
	double idle_j = isnan(channel->idle_w) ? idle_fraction * energy_j : fmin(energy_j, channel->idle_w * seen_s);

	if (isnan(idle_j))
		return NAN;
	out->idle_j += idle_j;
	return energy_j - idle_j;
}

static void add_part(struct jm_split_part *part, double energy_j, double other_j)
{
	part->energy_j += energy_j;
	part->low_j += fmin(energy_j, other_j);
	part->high_j += fmax(energy_j, other_j);
}

static int count_of(enum jm_split_basis basis)
{
	return basis == JM_SPLIT_CYCLES         ? JM_COUNT_CYCLES
	       : basis == JM_SPLIT_INSTRUCTIONS ? JM_COUNT_INSTRUCTIONS
	       : basis == JM_SPLIT_MISSES       ? JM_COUNT_LLC_MISSES
						: -1;
}

/* What each did in an interval: processor time, or counts in its place. */
struct doing {
	const double *samples;
	double others, all;
};

static struct doing doing_of(const struct jm_split *s, int count, size_t k)
{
	struct doing d = {.samples = count < 0 ? s->done_s : s->weights[count],
			  .others = count < 0 ? s->others_s[k] : s->others_weight[count][k]};
	size_t i;

	d.all = d.others;
	for (i = s->first_sample[k + 1]; i < s->first_sample[k + 2]; i++)
		d.all += d.samples[i];
	return d;
}

/* Splits by counts, or by time where nothing was counted; the split by time alone is the other bound. */
static void split_by_doing(const struct jm_split *s, enum jm_split_basis basis, size_t k, double active_j,
			   struct jm_split_result *out)
{
	struct doing time = doing_of(s, -1, k), by = doing_of(s, count_of(basis), k);
	double energy_j, other_j;
	size_t i;

	if (!(by.all > 0) && basis != JM_SPLIT_MISSES)
		by = time;
	if (!(by.all > 0)) {
		out->unattributed_j += active_j;
		return;
	}
	if (!(time.all > 0) || basis == JM_SPLIT_MISSES)
		time = by;
	for (i = s->first_sample[k + 1]; i < s->first_sample[k + 2]; i++) {
		energy_j = active_j * (by.samples[i] / by.all);
		other_j = active_j * (time.samples[i] / time.all);
		add_part(&out->parts[s->log->samples[i].process], energy_j, other_j);
	}
	energy_j = active_j * (by.others / by.all);
	add_part(&out->others, energy_j, active_j * (time.others / time.all));
}

/* Memory of the processes as time goes on. */
struct memory {
	double *bytes; /* one a process: PSS where it is known by now, else RSS */
	bool *is_pss;
	uint32_t *alive; /* ids */
	size_t n_alive, next_process, next_memory;
};

static void advance_memory(const struct jm_split *s, size_t k, struct memory *m)
{
	const struct jm_process_log *log = s->log;
	int64_t now_ns = log->steps[k + 1].t_ns;
	size_t i, kept = 0;

	while (m->next_process < log->n_processes && log->processes[m->next_process].first_ns <= now_ns)
		m->alive[m->n_alive++] = (uint32_t)m->next_process++;
	for (i = 0; i < m->n_alive; i++)
		if (log->last_ns[m->alive[i]] > now_ns)
			m->alive[kept++] = m->alive[i];
	m->n_alive = kept;
	for (i = s->first_sample[k + 1]; i < s->first_sample[k + 2]; i++)
		if (!m->is_pss[log->samples[i].process] && log->samples[i].rss_bytes >= 0)
			m->bytes[log->samples[i].process] = (double)log->samples[i].rss_bytes;
	while (m->next_memory < log->n_memory && log->memory[m->next_memory].t_ns <= now_ns) {
		const struct jm_process_memory *p = &log->memory[m->next_memory++];

		m->bytes[p->process] = (double)p->pss_bytes;
		m->is_pss[p->process] = true;
	}
}

static void split_by_memory(const struct jm_split *s, size_t k, const struct memory *m, double active_j,
			    struct jm_split_result *out)
{
	double used = (double)s->log->steps[k + 1].used_bytes, sum = 0;
	size_t i;

	for (i = 0; i < m->n_alive; i++)
		sum += m->bytes[m->alive[i]];
	/* Without the machine's own count the others cannot be told. */
	if (!(sum > 0) || used < 0) {
		out->unattributed_j += active_j;
		return;
	}
	used = fmax(used, sum);
	for (i = 0; i < m->n_alive; i++) {
		double energy_j = active_j * (m->bytes[m->alive[i]] / used);

		add_part(&out->parts[m->alive[i]], energy_j, energy_j);
	}
	add_part(&out->others, active_j * (1 - sum / used), active_j * (1 - sum / used));
}

static int init_memory(const struct jm_split *s, struct memory *m)
{
	size_t n = s->log->n_processes + 1, i;

	m->bytes = calloc(n, sizeof(*m->bytes));
	m->is_pss = calloc(n, sizeof(*m->is_pss));
	m->alive = calloc(n, sizeof(*m->alive));
	if (!m->bytes || !m->is_pss || !m->alive)
		return JM_E_NOMEM;
	for (i = 0; s->first_sample && i < s->first_sample[1]; i++)
		m->bytes[s->log->samples[i].process] = fmax(0, (double)s->log->samples[i].rss_bytes);
	return 0;
}

static void finish_memory(struct memory *m)
{
	free(m->bytes);
	free(m->is_pss);
	free(m->alive);
}

/* Intervals between snapshots, by processor time, counts or memory. */
static int split_steps(const struct jm_split *s, const struct jm_split_channel *channel, struct clip *clip,
		       struct jm_split_result *out, double *covered_j)
{
	const struct jm_process_step *steps = s->log->steps;
	bool is_memory = channel->basis == JM_SPLIT_MEMORY;
	struct memory memory = {0};
	int rc = is_memory ? init_memory(s, &memory) : 0;
	size_t k;

	for (k = 0; k < s->n_intervals && rc == 0; k++) {
		double energy_j, seen_s, active_j;

		if (is_memory)
			advance_memory(s, k, &memory);
		if (!(clip_next(clip, channel->series, steps[k].t_ns, steps[k + 1].t_ns, &energy_j, &seen_s) > 0))
			continue;
		*covered_j += energy_j;
		/* Records of other tools do not tell idle energy apart: without a level of it, it stays with those who ran. */
		active_j =
		    take_idle(channel, steps[k + 1].is_busy_known ? 0 : s->idle_fraction[k], energy_j, seen_s, out);
		if (isnan(active_j))
			out->unattributed_j += energy_j;
		else if (isnan(s->others_s[k])) /* what the others did is not known */
			out->unattributed_j += active_j;
		else if (is_memory)
			split_by_memory(s, k, &memory, active_j, out);
		else
			split_by_doing(s, channel->basis, k, active_j, out);
	}
	finish_memory(&memory);
	return rc;
}

/* One poll of a GPU: rows [from, to). */
static void split_poll(const struct jm_process_gpu *rows, size_t n, double active_j, struct jm_split_result *out)
{
	double sum = 0, users = 0;
	size_t i;

	for (i = 0; i < n; i++) {
		sum += (double)rows[i].sm_ppm;
		users += rows[i].sm_ppm > 0 ? rows[i].n : 0;
	}
	if (!(sum > 0)) {
		out->unattributed_j += active_j;
		return;
	}
	for (i = 0; i < n; i++) {
		struct jm_split_part *part =
		    rows[i].process == JM_PROCESS_OTHERS ? &out->others : &out->parts[rows[i].process];

		if (rows[i].sm_ppm > 0)
			add_part(part, active_j * ((double)rows[i].sm_ppm / sum),
				 active_j * (rows[i].n / fmax(1, users)));
	}
}

static void split_polls(const struct jm_split *s, const struct jm_split_channel *channel, struct clip *clip,
			struct jm_split_result *out, double *covered_j)
{
	const struct jm_process_log *log = s->log;
	int64_t before_ns = 0;
	bool has_before = false;
	size_t i = 0, n, j;

	for (; i < log->n_gpu; i += n) {
		double energy_j, seen_s, active_j, sm = 0;

		for (n = 0; i + n < log->n_gpu && log->gpu[i + n].gpu == log->gpu[i].gpu &&
			    log->gpu[i + n].t_ns == log->gpu[i].t_ns;
		     n++)
			;
		if (log->gpu[i].gpu != channel->gpu)
			continue;
		for (j = 0; j < n; j++)
			sm += 1e-6 * (double)log->gpu[i + j].sm_ppm;
		if (has_before &&
		    clip_next(clip, channel->series, before_ns, log->gpu[i].t_ns, &energy_j, &seen_s) > 0) {
			*covered_j += energy_j;
			active_j = take_idle(channel, fmax(0, 1 - sm), energy_j, seen_s, out);
			split_poll(&log->gpu[i], n, active_j, out);
		}
		before_ns = log->gpu[i].t_ns;
		has_before = true;
	}
}

int jm_split_run(const struct jm_split *s, const struct jm_split_channel *channel, const struct jm_stretches *windows,
		 struct jm_split_result *out)
{
	struct clip clip = {windows, 0};
	struct jm_split_part *parts = out->parts;
	double covered_j = 0;
	int rc = 0;

	memset(parts, 0, s->log->n_processes * sizeof(*parts));
	*out = (struct jm_split_result){.parts = parts, .total_j = jm_stretches_energy(windows, channel->series, NULL)};
	if (channel->basis == JM_SPLIT_SM_TIME)
		split_polls(s, channel, &clip, out, &covered_j);
	else if (channel->basis != JM_SPLIT_NONE)
		rc = split_steps(s, channel, &clip, out, &covered_j);
	/* Before the first snapshot and behind the last nobody looked. */
	out->unattributed_j += out->total_j - covered_j;
	return rc;
}

void jm_split_times(const struct jm_split *s, const struct jm_stretches *windows, double *cpu_s, double *children_s)
{
	const struct jm_process_log *log = s->log;
	int64_t *last_ns = calloc(log->n_processes + 1, sizeof(*last_ns));
	struct clip clip = {windows, 0};
	size_t k, i;

	memset(cpu_s, 0, log->n_processes * sizeof(*cpu_s));
	memset(children_s, 0, log->n_processes * sizeof(*children_s));
	for (k = 0; k < s->n_intervals; k++) {
		const struct jm_process_step *steps = &log->steps[k];
		double none, seconds = clip_next(&clip, NULL, steps[0].t_ns, steps[1].t_ns, &none, &none);
		double fraction = seconds / fmax(1e-9, jm_s_from_ns(steps[1].t_ns - steps[0].t_ns));

		for (i = s->first_sample[k + 1]; i < s->first_sample[k + 2]; i++) {
			const struct jm_process_sample *p = &log->samples[i];

			cpu_s[p->process] += fraction * s->done_s[i];
			if (!last_ns)
				continue;
			children_s[p->process] += fraction * jm_s_from_ns(p->reaped_ns - last_ns[p->process]);
			last_ns[p->process] = p->reaped_ns;
		}
	}
	free(last_ns);
}

double jm_split_others_s(const struct jm_split *s, const struct jm_stretches *windows)
{
	struct clip clip = {windows, 0};
	double sum = 0;
	size_t k;

	for (k = 0; k < s->n_intervals; k++) {
		const struct jm_process_step *steps = &s->log->steps[k];
		double none, seconds = clip_next(&clip, NULL, steps[0].t_ns, steps[1].t_ns, &none, &none);

		if (isnan(s->others_s[k]) && seconds > 0)
			return NAN;
		if (seconds > 0)
			sum += s->others_s[k] * seconds / fmax(1e-9, jm_s_from_ns(steps[1].t_ns - steps[0].t_ns));
	}
	return sum;
}
