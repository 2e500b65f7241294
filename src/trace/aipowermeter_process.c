/* A share u of the busy time over a record of length d is kept as processor time:
 *
 *   with absolute times t   time t, all processes together t / u of the largest u
 *   without                 time u * d, all together d: a share, no processor time (log.are_shares)
 *
 * so that shares come out as they went in; the first record of a segment has no length. Memory is PSS, or RSS where that program
 * could not read it; a record with USS had PSS. */
#include "trace/aipowermeter_process.h"

#include "core/error.h"
#include "core/grow.h"
#include "core/units.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* One process in one record. */
struct seen {
	int64_t pid;
	double figures[JM_APM_N_FIGURES]; /* NAN: not in the record */
};

struct of_gpu {
	int64_t pid;
	double use, bytes; /* NAN: not in the record */
	uint16_t gpu;
};

struct record {
	int64_t t_ns;
	size_t first_seen, n_seen, first_gpu, n_gpu;
	double used; /* NAN: unknown */
	bool is_first;
	uint64_t gpus; /* bits: those that the record speaks of */
};

struct jm_apm_processes {
	struct seen *seen;
	size_t n_seen, seen_capacity;
	struct of_gpu *gpu;
	size_t n_gpu, gpu_capacity;
	struct record *records;
	size_t n_records, records_capacity;
	struct record now; /* at hand: its parts stand at the ends of the lists */
	bool has_times;
	size_t next; /* where the next figure's process is likely to stand: they come in one order */
};

static void begin(struct jm_apm_processes *p)
{
	p->now = (struct record){.first_seen = p->n_seen, .first_gpu = p->n_gpu, .used = NAN};
}

struct jm_apm_processes *jm_apm_processes_create(void)
{
	struct jm_apm_processes *p = calloc(1, sizeof(*p));

	if (p)
		begin(p);
	return p;
}

void jm_apm_processes_destroy(struct jm_apm_processes *p)
{
	if (!p)
		return;
	free(p->seen);
	free(p->gpu);
	free(p->records);
	free(p);
}

int jm_apm_processes_add(struct jm_apm_processes *p, enum jm_apm_figure figure, int64_t pid, double value)
{
	size_t i, k;

	i = p->next;
	if (i < p->now.first_seen || i >= p->n_seen || p->seen[i].pid != pid)
		for (i = p->now.first_seen; i < p->n_seen && p->seen[i].pid != pid; i++)
			;
	if (i - p->now.first_seen == JM_APM_PROCESSES_MAX)
		return JM_E_FULL;
	if (i == p->n_seen) {
		if (!jm_grow(&p->seen, &p->seen_capacity, p->n_seen, sizeof(*p->seen)))
			return JM_E_NOMEM;
		p->seen[p->n_seen].pid = pid;
		for (k = 0; k < JM_APM_N_FIGURES; k++)
			p->seen[p->n_seen].figures[k] = NAN;
		p->n_seen++;
	}
	p->next = i + 1;
	p->seen[i].figures[figure] = value >= 0 ? value : NAN;
	p->has_times = p->has_times || figure == JM_APM_TIME;
	return 0;
}

void jm_apm_processes_used(struct jm_apm_processes *p, double bytes)
{
	p->now.used = bytes > 0 ? bytes : NAN;
}

void jm_apm_processes_gpu_seen(struct jm_apm_processes *p, uint16_t gpu)
{
	p->now.gpus |= gpu < 64 ? UINT64_C(1) << gpu : 0;
}

int jm_apm_processes_gpu(struct jm_apm_processes *p, uint16_t gpu, int64_t pid, double use, double bytes)
{
	size_t i;

	for (i = p->now.first_gpu; i < p->n_gpu && (p->gpu[i].pid != pid || p->gpu[i].gpu != gpu); i++)
		;
	if (i - p->now.first_gpu == JM_APM_PROCESSES_MAX)
		return JM_E_FULL;
	if (i == p->n_gpu) {
		if (!jm_grow(&p->gpu, &p->gpu_capacity, p->n_gpu, sizeof(*p->gpu)))
			return JM_E_NOMEM;
		p->gpu[p->n_gpu++] = (struct of_gpu){.pid = pid, .gpu = gpu, .use = NAN, .bytes = NAN};
	}
	if (use >= 0)
		p->gpu[i].use = use;
	if (bytes >= 0)
		p->gpu[i].bytes = bytes;
	return 0;
}

/* "percent" is the part of the memory in use: the largest process tells best how much that was. */
static double used_of(const struct jm_apm_processes *p, const struct record *r)
{
	double largest = 0, used = NAN;
	size_t i;

	for (i = r->first_seen; isnan(r->used) && i < r->first_seen + r->n_seen; i++) {
		double bytes = p->seen[i].figures[JM_APM_MEMORY], share = p->seen[i].figures[JM_APM_MEMORY_SHARE];

		if (!(bytes > largest) || !(share > 0))
			continue;
		largest = bytes;
		used = bytes / share;
	}
	return isnan(r->used) ? used : r->used;
}

int jm_apm_processes_end(struct jm_apm_processes *p, int64_t t_ns, bool is_first)
{
	if (!jm_grow(&p->records, &p->records_capacity, p->n_records, sizeof(*p->records)))
		return JM_E_NOMEM;
	p->now.t_ns = t_ns;
	p->now.is_first = is_first;
	p->now.n_seen = p->n_seen - p->now.first_seen;
	p->now.n_gpu = p->n_gpu - p->now.first_gpu;
	p->now.used = used_of(p, &p->now);
	p->records[p->n_records++] = p->now;
	begin(p);
	return 0;
}

void jm_apm_processes_drop(struct jm_apm_processes *p)
{
	p->n_seen = p->now.first_seen;
	p->n_gpu = p->now.first_gpu;
	begin(p);
}

/* What is built, beside the log: of processes under way. */
struct building {
	const struct jm_apm_processes *p;
	struct jm_process_log *log;
	uint32_t *alive; /* ids of the record before, and of this one */
	uint32_t *found;
	size_t n_alive;
	int64_t *cpu_ns; /* by process, so far */
	uint64_t n_over;
};

static int allocate(struct building *b)
{
	const struct jm_apm_processes *p = b->p;
	struct jm_process_log *log = b->log;
	size_t n = p->n_seen + 1, n_gpu = 1, i;

	/* No more processes than figures of them; of each GPU and record, those seen and others. */
	for (i = 0; i < p->n_records; i++)
		n_gpu += p->records[i].n_gpu + (size_t)__builtin_popcountll(p->records[i].gpus);
	log->processes = calloc(n, sizeof(*log->processes));
	log->last_ns = calloc(n, sizeof(*log->last_ns));
	log->steps = calloc(p->n_records + 1, sizeof(*log->steps));
	log->samples = calloc(n, sizeof(*log->samples));
	log->sample_steps = calloc(n, sizeof(*log->sample_steps));
	log->memory = calloc(n, sizeof(*log->memory));
	log->gpu = calloc(n_gpu, sizeof(*log->gpu));
	b->alive = calloc(n, sizeof(*b->alive));
	b->found = calloc(n, sizeof(*b->found));
	b->cpu_ns = calloc(n, sizeof(*b->cpu_ns));
	return log->processes && log->last_ns && log->steps && log->samples && log->sample_steps && log->memory &&
		       log->gpu && b->alive && b->found && b->cpu_ns
		   ? 0
		   : JM_E_NOMEM;
}

/* The process of that number that was in the record before; a number that comes back is another process. */
static int find(struct building *b, int64_t pid, const struct record *r, uint32_t *out)
{
	struct jm_process_log *log = b->log;
	struct jm_process *process;
	size_t i;

	for (i = 0; i < b->n_alive; i++) {
		if (log->processes[b->alive[i]].pid == pid) {
			*out = b->alive[i];
			return 0;
		}
	}
	process = &log->processes[log->n_processes];
	*process = (struct jm_process){.id = (uint32_t)log->n_processes,
				       .pid = pid,
				       .ns_pid = pid,
				       .first_ns = r->t_ns,
				       .is_root = true,
				       .name = strdup(""),
				       .command = strdup(""),
				       .cgroup = strdup(""),
				       .runtime = strdup(""),
				       .container = strdup(""),
				       .pod = strdup("")};
	*out = process->id;
	log->n_processes++;
	return process->name && process->command && process->cgroup && process->runtime && process->container &&
		       process->pod
		   ? 0
		   : JM_E_NOMEM;
}

static int64_t whole(double value)
{
	return value > 0 && value < 9e18 ? (int64_t)(value + 0.5) : 0;
}

/* What all processes took in a record, ns; < 0: unknown. */
static int64_t busy_ns(const struct building *b, const struct record *r, double length_s)
{
	double largest = 0, busy_s = NAN;
	bool has_use = false;
	size_t i;

	if (r->is_first)
		return -1;
	for (i = r->first_seen; i < r->first_seen + r->n_seen; i++) {
		double use = b->p->seen[i].figures[JM_APM_USE], time_s = b->p->seen[i].figures[JM_APM_TIME];

		has_use = has_use || use >= 0;
		if (!(use > largest) || (b->p->has_times && isnan(time_s)))
			continue;
		largest = use;
		busy_s = b->p->has_times ? time_s / use : length_s;
	}
	/* Nobody of these did anything: what the others did is known as a share alone. */
	if (isnan(busy_s) && has_use)
		busy_s = b->p->has_times ? 0 : length_s;
	return isnan(busy_s) ? -1 : whole(busy_s * JM_NS_PER_S);
}

static int add_seen(struct building *b, size_t step, const struct record *r, const struct seen *seen, double length_s,
		    uint32_t *id_out)
{
	struct jm_process_log *log = b->log;
	const double *figures = seen->figures;
	double done_s = b->p->has_times ? figures[JM_APM_TIME] : figures[JM_APM_USE] * length_s;
	int rc = find(b, seen->pid, r, id_out);

	if (rc)
		return rc;
	if (!r->is_first)
		b->cpu_ns[*id_out] += whole(done_s * JM_NS_PER_S);
	log->samples[log->n_samples] = (struct jm_process_sample){
	    .process = *id_out,
	    .cpu_ns = b->cpu_ns[*id_out],
	    .rss_bytes = isfinite(figures[JM_APM_MEMORY]) ? whole(figures[JM_APM_MEMORY]) : -1};
	log->sample_steps[log->n_samples++] = (uint32_t)step;
	if (isfinite(figures[JM_APM_USS]) && isfinite(figures[JM_APM_MEMORY]))
		log->memory[log->n_memory++] = (struct jm_process_memory){.process = *id_out,
									  .t_ns = r->t_ns,
									  .pss_bytes = whole(figures[JM_APM_MEMORY]),
									  .uss_bytes = whole(figures[JM_APM_USS])};
	return 0;
}

/* Those of the record before that are not in this one have ended right behind it, for all that is known. */
static void end_others(struct building *b, size_t n_found, int64_t before_ns)
{
	uint32_t *swapped = b->alive;
	size_t i, k;

	for (i = 0; i < b->n_alive; i++) {
		for (k = 0; k < n_found && b->found[k] != b->alive[i]; k++)
			;
		if (k == n_found)
			b->log->last_ns[b->alive[i]] = before_ns + 1;
	}
	b->alive = b->found;
	b->found = swapped;
	b->n_alive = n_found;
}

/* Rows of one GPU: of processes that are in the record, and of all others together. */
static void add_gpu(struct building *b, const struct record *r, uint16_t gpu)
{
	struct jm_process_log *log = b->log;
	struct jm_process_gpu others = {
	    .process = JM_PROCESS_OTHERS, .gpu = gpu, .t_ns = r->t_ns, .memory_ppm = -1, .used_bytes = -1};
	double own_of_all = NAN;
	int64_t own_ppm = 0;
	size_t i, k;

	for (i = r->first_gpu; i < r->first_gpu + r->n_gpu; i++) {
		const struct of_gpu *row = &b->p->gpu[i];
		int64_t sm_ppm = r->is_first ? 0 : whole(fmin(row->use, 1000) * 1e6);

		if (row->gpu != gpu)
			continue;
		if (row->pid == JM_APM_OWN_OF_ALL) {
			own_of_all = row->use;
			continue;
		}
		for (k = 0; k < b->n_alive && log->processes[b->alive[k]].pid != row->pid; k++)
			;
		if (k == b->n_alive) {
			others.n += sm_ppm > 0;
			others.sm_ppm += sm_ppm;
			continue;
		}
		own_ppm += sm_ppm;
		log->gpu[log->n_gpu++] =
		    (struct jm_process_gpu){.process = b->alive[k],
					    .n = 1,
					    .gpu = gpu,
					    .t_ns = r->t_ns,
					    .sm_ppm = sm_ppm,
					    .memory_ppm = -1,
					    .used_bytes = isfinite(row->bytes) ? whole(row->bytes) : -1};
	}
	/* Others that the record does not name are in the part that these are of all. */
	if (own_of_all > 0 && own_ppm > 0 && others.n == 0) {
		others.sm_ppm = whole(fmin(1e9, (double)own_ppm / own_of_all - (double)own_ppm));
		others.n = others.sm_ppm > 0;
	}
	log->gpu[log->n_gpu++] = others;
}

static void add_gpus(struct building *b, const struct record *r)
{
	uint16_t gpu;

	for (gpu = 0; gpu < 64; gpu++)
		if (r->gpus & UINT64_C(1) << gpu)
			add_gpu(b, r, gpu);
}

static int add_record(struct building *b, size_t step)
{
	const struct record *r = &b->p->records[step];
	int64_t before_ns = step ? r[-1].t_ns : r->t_ns;
	double length_s = jm_s_from_ns(r->t_ns - before_ns), sum = 0;
	struct jm_process_step *out = &b->log->steps[step];
	int64_t busy = busy_ns(b, r, length_s);
	size_t i;
	int rc = 0;

	*out = (struct jm_process_step){.t_ns = r->t_ns,
					.n_watched = (uint32_t)r->n_seen,
					.used_bytes = isfinite(r->used) ? whole(r->used) : -1,
					.is_busy_known = busy >= 0,
					.busy_ns = busy};
	for (i = 0; i < r->n_seen && rc == 0; i++) {
		const struct seen *seen = &b->p->seen[r->first_seen + i];

		sum += isfinite(seen->figures[JM_APM_USE]) ? seen->figures[JM_APM_USE] : 0;
		rc = add_seen(b, step, r, seen, length_s, &b->found[i]);
	}
	b->n_over += sum > 1 + 1e-9;
	b->log->n_steps++;
	end_others(b, r->n_seen, before_ns);
	add_gpus(b, r);
	return rc;
}

static int compare_gpu(const void *a, const void *b)
{
	const struct jm_process_gpu *x = a, *y = b;

	if (x->gpu != y->gpu)
		return x->gpu > y->gpu ? 1 : -1;
	if (x->t_ns != y->t_ns)
		return x->t_ns > y->t_ns ? 1 : -1;
	return (x->process > y->process) - (x->process < y->process);
}

int jm_apm_processes_finish(struct jm_apm_processes *p, struct jm_process_log *out, uint64_t *n_over)
{
	struct jm_process_log log = {.are_shares = !p->has_times};
	struct building b = {.p = p, .log = &log};
	size_t i;
	int rc = 0;

	for (i = 1; i < p->n_records; i++)
		rc = p->records[i].t_ns < p->records[i - 1].t_ns ? JM_E_NOT_FOUND : rc;
	if (rc || p->n_seen == 0)
		return JM_E_NOT_FOUND;
	rc = allocate(&b);
	for (i = 0; i < p->n_records && rc == 0; i++)
		rc = add_record(&b, i);
	for (i = 0; i < log.n_processes; i++)
		log.last_ns[i] = log.last_ns[i] ? log.last_ns[i] : INT64_MAX;
	if (rc == 0)
		qsort(log.gpu, log.n_gpu, sizeof(*log.gpu), compare_gpu);
	free(b.alive);
	free(b.found);
	free(b.cpu_ns);
	if (rc) {
		jm_process_log_finish(&log);
		return rc;
	}
	*n_over = b.n_over;
	*out = log;
	return 0;
}
