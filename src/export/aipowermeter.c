/* power_metrics.json of AIPowerMeter: JSON Lines, a record for each snapshot of processes, {"date": "YYYY-MM-DD HH:MM:SS.ffffff"
 * (local time), "metrics": {"cpu": {...}, "gpu": {...}}}, and the line "END OF RECORDING SEGMENT". Values are means since the
 * record before; shares are of the busy processor time, as that program means them, so that rel_intel_power holds idle
 * energy, too (joulemap's own split charges that to nobody). What is not known is absent: psys_power is never -1. Keys of
 * both generations of the program are written. */
#define _GNU_SOURCE
#include "export/export.h"

#include "core/error.h"
#include "core/units.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Memory of a process as time goes on; < 0: unknown. */
struct memory {
	int64_t rss, pss, uss;
};

struct writing {
	const struct jm_result *r;
	const struct jm_timeline *t;
	struct jm_buffer *b;
	struct memory *memory; /* by process */
	double *done_s;        /* by process, in this interval */
	uint32_t *alive;
	size_t n_alive, next_process, next_memory;
	bool has_member;
};

static void member(struct writing *w, const char *name)
{
	jm_buffer_printf(w->b, "%s\"%s\": ", w->has_member ? ", " : "", name);
	w->has_member = true;
}

/* Unknown is absent. */
static void number(struct writing *w, const char *name, double value)
{
	if (!isfinite(value))
		return;
	member(w, name);
	jm_buffer_json_number(w->b, value);
}

static void begin(struct writing *w, const char *name)
{
	member(w, name);
	jm_buffer_puts(w->b, "{");
	w->has_member = false;
}

static void end(struct writing *w)
{
	jm_buffer_puts(w->b, "}");
	w->has_member = true;
}

static void of_pid(struct writing *w, uint32_t process, double value)
{
	char pid[32];

	snprintf(pid, sizeof(pid), "%lld", (long long)w->t->log->processes[process].pid);
	number(w, pid, value);
}

/* Sum of the mean powers of the counted channels of a domain; device < 0: of all, or of the channel that stands for all (its device
 * is -1); NAN: there is none. */
static double power(const struct writing *w, size_t k, enum jm_domain domain, int device)
{
	double sum = 0;
	bool is_found = false, has_total = false;
	size_t c;

	for (c = 0; c < w->r->n_channels; c++)
		has_total = has_total || (device < 0 && w->r->channels[c].channel->domain == domain &&
					  w->r->channels[c].channel->device == -1);

	for (c = 0; c < w->r->n_channels; c++) {
		const struct jm_channel *channel = w->r->channels[c].channel;
		double watts = w->t->power_w[k * w->t->n_channels + c];

		if (channel->domain != domain || channel->same_as >= 0 || !isfinite(watts) ||
		    (device >= 0 && channel->device != device) || (has_total && channel->device != -1))
			continue;
		sum += watts;
		is_found = true;
	}
	return is_found ? sum : NAN;
}

static void advance(struct writing *w, size_t k)
{
	const struct jm_process_log *log = w->t->log;
	int64_t now_ns = log->steps[k + 1].t_ns;
	size_t i, kept = 0;

	while (w->next_process < log->n_processes && log->processes[w->next_process].first_ns <= now_ns)
		w->alive[w->n_alive++] = (uint32_t)w->next_process++;
	for (i = 0; i < w->n_alive; i++) {
		w->done_s[w->alive[i]] = 0;
		/* One that ended in this interval has still done something in it. */
		if (log->last_ns[w->alive[i]] >= now_ns)
			w->alive[kept++] = w->alive[i];
	}
	w->n_alive = kept;
	for (i = w->t->first_sample[k + 1]; i < w->t->first_sample[k + 2]; i++) {
		w->done_s[log->samples[i].process] += w->t->done_s[i];
		w->memory[log->samples[i].process].rss = log->samples[i].rss_bytes;
	}
	while (w->next_memory < log->n_memory && log->memory[w->next_memory].t_ns <= now_ns) {
		const struct jm_process_memory *m = &log->memory[w->next_memory++];

		w->memory[m->process].pss = m->pss_bytes;
		w->memory[m->process].uss = m->uss_bytes;
	}
}

static double resident(const struct memory *m)
{
	return m->pss >= 0 ? (double)m->pss : m->rss >= 0 ? (double)m->rss : NAN;
}

enum figure { USE, TIME, MEMORY, MEMORY_SHARE, USS, PACKAGE, CORE, DRAM };

static double figure_of(const struct writing *w, enum figure figure, uint32_t p, size_t k, double watts)
{
	const struct memory *m = &w->memory[p];
	double busy = w->t->busy_s[k], used = (double)w->t->log->steps[k + 1].used_bytes;
	double use = busy > 0 ? w->done_s[p] / busy : busy == 0 ? 0 : NAN;
	double share = used > 0 ? resident(m) / used : NAN;

	switch (figure) {
	case USE:
		return use;
	case TIME:
		return w->done_s[p];
	case MEMORY:
		return resident(m);
	case MEMORY_SHARE:
		return share;
	case USS:
		return m->uss >= 0 ? (double)m->uss : NAN;
	case PACKAGE:
	case CORE:
		return use * watts;
	case DRAM:
		return share * watts;
	}
	return NAN;
}

/* {"pid": value, ...}; watts unknown: the key is absent. */
static void each_process(struct writing *w, const char *name, enum figure figure, size_t k, double watts)
{
	size_t i;

	if (isnan(watts))
		return;
	begin(w, name);
	for (i = 0; i < w->n_alive; i++)
		of_pid(w, w->alive[i], figure_of(w, figure, w->alive[i], k, watts));
	end(w);
}

static void write_cpu(struct writing *w, size_t k)
{
	double package = power(w, k, JM_DOMAIN_PACKAGE, -1), core = power(w, k, JM_DOMAIN_CORE, -1);
	double dram = power(w, k, JM_DOMAIN_DRAM, -1);

	begin(w, "cpu");
	each_process(w, "per_process_cpu_uses", USE, k, 0);
	if (!w->t->log->are_shares)
		each_process(w, "absolute_cpu_time_per_pid", TIME, k, 0);
	each_process(w, "per_process_mem_use_abs", MEMORY, k, 0);
	each_process(w, "per_process_mem_use_percent", MEMORY_SHARE, k, 0);
	each_process(w, "per_process_mem_use_uss", USS, k, 0);
	if (w->t->log->steps[k + 1].used_bytes >= 0)
		number(w, "total_mem_use", (double)w->t->log->steps[k + 1].used_bytes);
	number(w, "intel_power", package);
	number(w, "psys_power", power(w, k, JM_DOMAIN_PLATFORM, -1));
	number(w, "total_cpu_power", core);
	number(w, "uncore_power", power(w, k, JM_DOMAIN_UNCORE, -1));
	number(w, "total_dram_power", dram);
	each_process(w, "rel_intel_power", PACKAGE, k, package);
	each_process(w, "per_process_cpu_power", CORE, k, core);
	each_process(w, "per_process_dram_power", DRAM, k, dram);
	end(w);
}

/* Rows that come at or before (gpu, t); they are in that order. */
static size_t rows_before(const struct jm_process_log *log, int gpu, int64_t t_ns)
{
	size_t low = 0, high = log->n_gpu;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct jm_process_gpu *row = &log->gpu[middle];

		if (row->gpu < gpu || (row->gpu == gpu && row->t_ns <= t_ns))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The rows of the last poll of a GPU at or before t. */
static const struct jm_process_gpu *last_poll(const struct jm_process_log *log, int gpu, int64_t t_ns, size_t *n_out)
{
	size_t end = rows_before(log, gpu, t_ns), first = end;

	while (first > 0 && log->gpu[first - 1].gpu == gpu && log->gpu[first - 1].t_ns == log->gpu[end - 1].t_ns)
		first--;
	*n_out = end - first;
	return log->gpu + first;
}

static double idle_of(const struct jm_result *r, int gpu)
{
	size_t c;

	for (c = 0; c < r->n_channels; c++)
		if (r->channels[c].channel->domain == JM_DOMAIN_GPU && r->channels[c].channel->device == gpu &&
		    r->channels[c].channel->same_as < 0)
			return r->channels[c].idle_power_w;
	return NAN;
}

enum gpu_figure { GPU_USE, GPU_MEMORY, GPU_POWER };

static void gpu_processes(struct writing *w, const char *name, enum gpu_figure figure, int gpu, size_t k)
{
	const struct jm_process_gpu *rows;
	double sum = 0, own = 0, active = fmax(0, power(w, k, JM_DOMAIN_GPU, gpu) - idle_of(w->r, gpu));
	size_t n, i;

	rows = last_poll(w->t->log, gpu, w->t->log->steps[k + 1].t_ns, &n);
	for (i = 0; i < n; i++)
		sum += (double)rows[i].sm_ppm;
	if (n == 0 || (figure == GPU_POWER && isnan(idle_of(w->r, gpu))))
		return;
	begin(w, name);
	for (i = 0; i < n; i++) {
		double share = sum > 0 ? (double)rows[i].sm_ppm / sum : 0;

		if (rows[i].process == JM_PROCESS_OTHERS)
			continue;
		own += active * share;
		of_pid(w, rows[i].process,
		       figure == GPU_USE      ? (double)rows[i].sm_ppm * 1e-6
		       : figure == GPU_MEMORY ? (rows[i].used_bytes >= 0 ? (double)rows[i].used_bytes : NAN)
					      : active * share);
	}
	if (figure == GPU_POWER)
		number(w, "all", own);
	end(w);
}

static int n_gpus(const struct jm_result *r)
{
	int n = 0;
	size_t c;

	for (c = 0; c < r->n_channels; c++)
		if (r->channels[c].channel->domain == JM_DOMAIN_GPU && r->channels[c].channel->device >= n)
			n = r->channels[c].channel->device + 1;
	return n;
}

static void each_gpu(struct writing *w, const char *name, size_t k)
{
	char index[16];
	int gpu;

	begin(w, name);
	for (gpu = 0; gpu < n_gpus(w->r); gpu++) {
		snprintf(index, sizeof(index), "%d", gpu);
		number(w, index, power(w, k, JM_DOMAIN_GPU, gpu));
	}
	end(w);
}

/* {"0": {"pid": value, ...}, ...} */
static void each_gpu_process(struct writing *w, const char *name, enum gpu_figure figure, size_t k)
{
	char index[16];
	int gpu;

	if (w->t->log->n_gpu == 0)
		return;
	begin(w, name);
	for (gpu = 0; gpu < n_gpus(w->r); gpu++) {
		snprintf(index, sizeof(index), "%d", gpu);
		gpu_processes(w, index, figure, gpu, k);
	}
	end(w);
}

enum gpu_sum { ALL_PERCENT, ALL_MEMORY, OWN, OWN_OF_ALL };

/* What the rows of a poll come to; NAN: there was no poll, or no row tells. */
static double gpu_sum(const struct writing *w, enum gpu_sum which, int gpu, size_t k)
{
	double all = 0, own = 0, memory = 0;
	const struct jm_process_gpu *rows;
	size_t n, i, n_known = 0;

	rows = last_poll(w->t->log, gpu, w->t->log->steps[k + 1].t_ns, &n);
	for (i = 0; i < n; i++) {
		all += (double)rows[i].sm_ppm * 1e-6;
		own += rows[i].process == JM_PROCESS_OTHERS ? 0 : (double)rows[i].sm_ppm * 1e-6;
		memory += rows[i].used_bytes >= 0 ? (double)rows[i].used_bytes : 0;
		n_known += rows[i].used_bytes >= 0;
	}
	if (n == 0 || (which == ALL_MEMORY && n_known == 0))
		return NAN;
	return which == ALL_PERCENT  ? all * 100
	       : which == ALL_MEMORY ? memory
	       : which == OWN        ? own
	       : own > 0             ? own / all
				     : 0;
}

/* {"0": value, ...} */
static void each_gpu_sum(struct writing *w, const char *name, enum gpu_sum which, size_t k)
{
	char index[16];
	int gpu;

	if (w->t->log->n_gpu == 0)
		return;
	begin(w, name);
	for (gpu = 0; gpu < n_gpus(w->r); gpu++) {
		snprintf(index, sizeof(index), "%d", gpu);
		number(w, index, gpu_sum(w, which, gpu, k));
	}
	end(w);
}

/* Use of all processes, and memory of all, of every GPU: sums over the last polls. */
static void gpu_totals(struct writing *w, size_t k)
{
	double use = 0, memory = 0, of_gpu;
	int gpu, n_use = 0, n_memory = 0;

	for (gpu = 0; gpu < n_gpus(w->r); gpu++) {
		of_gpu = gpu_sum(w, ALL_PERCENT, gpu, k);
		use += isfinite(of_gpu) ? of_gpu : 0;
		n_use += isfinite(of_gpu);
		of_gpu = gpu_sum(w, ALL_MEMORY, gpu, k);
		memory += isfinite(of_gpu) ? of_gpu : 0;
		n_memory += isfinite(of_gpu);
	}
	number(w, "nvidia_use_rate", n_use ? use / n_use : NAN);
	number(w, "nvidia_memory", n_memory ? memory : NAN);
}

static void write_gpu(struct writing *w, size_t k)
{
	double all = power(w, k, JM_DOMAIN_GPU, -1);

	if (isnan(all))
		return;
	begin(w, "gpu");
	number(w, "nvidia_power", all);
	number(w, "nvidia_draw_absolute", all);
	each_gpu(w, "per_gpu_nvidia_power", k);
	each_gpu(w, "per_gpu_power_draw", k);
	gpu_totals(w, k);
	each_gpu_sum(w, "per_gpu_nvidia_use_rate", ALL_PERCENT, k);
	each_gpu_sum(w, "per_gpu_nvidia_memory", ALL_MEMORY, k);
	each_gpu_sum(w, "per_gpu_absolute_percent_usage", OWN, k);
	each_gpu_sum(w, "per_gpu_estimated_attributable_utilization", OWN_OF_ALL, k);
	each_gpu_process(w, "per_gpu_per_pid_utilization_absolute", GPU_USE, k);
	each_gpu_process(w, "per_gpu_attributable_mem_use", GPU_MEMORY, k);
	each_gpu_process(w, "per_gpu_attributable_power", GPU_POWER, k);
	end(w);
}

/* {chip: [[label, current, high, critical], ...]} */
static void write_temperatures(struct writing *w, size_t k)
{
	size_t i;

	if (w->t->n_temperatures == 0)
		return;
	begin(w, "temperature");
	for (i = 0; i < w->t->n_temperatures; i++) {
		const struct jm_channel *c = w->t->temperatures[i];

		jm_buffer_puts(w->b, w->has_member ? ", " : "");
		jm_buffer_json_string(w->b, c->name);
		jm_buffer_puts(w->b, ": [[");
		jm_buffer_json_string(w->b, c->label);
		jm_buffer_puts(w->b, ", ");
		jm_buffer_json_number(w->b, w->t->temperature_c[k * w->t->n_temperatures + i]);
		jm_buffer_puts(w->b, ", null, null]]");
		w->has_member = true;
	}
	end(w);
}

static void write_date(struct writing *w, int64_t t_ns)
{
	int64_t us = (t_ns + (w->t->has_wall_clock ? w->t->wall_minus_monotonic_ns : 0)) / JM_NS_PER_US;
	time_t seconds = us / 1000000;
	struct tm local;
	char text[32];

	if (w->t->is_local_clock)
		gmtime_r(&seconds, &local);
	else
		localtime_r(&seconds, &local);
	strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &local);
	jm_buffer_printf(w->b, "{\"date\": \"%s.%06d\", \"metrics\": {", text, (int)(us % 1000000));
	w->has_member = false;
}

static int write(const struct jm_result *r, const struct jm_view *view, struct jm_buffer *out, struct jm_error *err)
{
	struct writing w = {.r = r, .t = r->timeline, .b = out};
	size_t n = r->timeline ? r->timeline->log->n_processes + 1 : 0, i, k;

	(void)view;
	if (!r->timeline) {
		jm_error_set(err, JM_E_NOT_FOUND, "there are no records to write: %s",
			     r->process_reason[0] ? r->process_reason : "no processes were recorded");
		jm_error_remedy(err, "joulemap record -- COMMAND records processes");
		return JM_E_NOT_FOUND;
	}
	w.memory = calloc(n, sizeof(*w.memory));
	w.done_s = calloc(n, sizeof(*w.done_s));
	w.alive = calloc(n, sizeof(*w.alive));
	for (i = 0; w.memory && i < n; i++)
		w.memory[i] = (struct memory){-1, -1, -1};
	for (i = 0; w.memory && i < w.t->first_sample[1]; i++)
		w.memory[w.t->log->samples[i].process].rss = w.t->log->samples[i].rss_bytes;
	for (k = 0; w.memory && w.done_s && w.alive && k < w.t->n; k++) {
		advance(&w, k);
		write_date(&w, w.t->log->steps[k + 1].t_ns);
		write_temperatures(&w, k);
		write_cpu(&w, k);
		write_gpu(&w, k);
		jm_buffer_puts(out, "}}\n");
	}
	jm_buffer_puts(out, "\"END OF RECORDING SEGMENT\"\n");
	if (!w.memory || !w.done_s || !w.alive)
		out->is_failed = true;
	free(w.memory);
	free(w.done_s);
	free(w.alive);
	return out->is_failed ? jm_error_set(err, JM_E_NOMEM, "out of memory for the records") : 0;
}

const struct jm_exporter jm_exporter_aipowermeter = {
    .name = "aipowermeter",
    .summary = "power_metrics.json of AIPowerMeter",
    .write = write,
};
