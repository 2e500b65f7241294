/* power_metrics.json of AIPowerMeter: JSON Lines, {"date": "YYYY-MM-DD HH:MM:SS.f", "metrics": {"cpu": {...}, "gpu":
 * {...}}}, and the line "END OF RECORDING SEGMENT" between segments. A value is the mean since the record before it, in
 * W; psys_power -1 stands for absent and is a gap here. Older files call the GPU's power nvidia_draw_absolute and
 * per_gpu_power_draw and write uncore_power as a list of one. The last line may be torn.
 * What it says of processes (shares of the busy time, memory, use of GPUs) becomes a process log; powers of single processes are
 * not taken over: they follow from the shares, and per_gpu_attributable_power from a cap on power that it takes for idle. */
#define _GNU_SOURCE
#include "core/error.h"
#include "core/json.h"
#include "core/text.h"
#include "core/units.h"
#include "trace/aipowermeter_process.h"
#include "trace/emit.h"
#include "trace/stamp.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Powers of the machine. parent: index in this list, -1: none. */
static const struct power {
	const char *key, *name;
	enum jm_domain domain;
	int parent;
} powers[] = {
    {"psys_power", "import/aipowermeter/psys", JM_DOMAIN_PLATFORM, -1},
    {"intel_power", "import/aipowermeter/package", JM_DOMAIN_PACKAGE, 0},
    {"total_cpu_power", "import/aipowermeter/core", JM_DOMAIN_CORE, 1},
    {"uncore_power", "import/aipowermeter/uncore", JM_DOMAIN_UNCORE, 1},
    {"total_dram_power", "import/aipowermeter/dram", JM_DOMAIN_DRAM, -1},
    {"nvidia_power", "import/aipowermeter/gpu", JM_DOMAIN_GPU, -1},
    {"nvidia_draw_absolute", "import/aipowermeter/gpu", JM_DOMAIN_GPU, -1},
};
#define N_POWERS   (sizeof(powers) / sizeof(powers[0]))
#define GPU_TOTAL  5
#define MAX_GPUS   64
#define N_CHANNELS (N_POWERS + MAX_GPUS)

struct reading {
	const struct jm_trace_input *in;
	struct jm_emit emit;
	struct jm_json *json;
	struct jm_sample_list list; /* channel: index in seen until all is read */
	bool seen[N_CHANNELS];      /* powers, then single GPUs */
	int64_t values[N_CHANNELS]; /* of the record, uW */
	bool has[N_CHANNELS], is_gap[N_CHANNELS];
	uint64_t n_segments;
	struct jm_apm_processes *processes;
	bool is_first; /* the next record is the first of its segment */
	bool is_full;  /* a record had too many processes */
};

static int match(const char *head, size_t n)
{
	if (n == 0 || head[0] != '{' || !jm_head_has(head, n, "\"date\"") || !jm_head_has(head, n, "\"metrics\""))
		return 0;
	return jm_head_has(head, n, "intel_power") || jm_head_has(head, n, "nvidia_") ||
		       jm_head_has(head, n, "per_process_")
		   ? 90
		   : 30;
}

static int set_value(struct reading *r, size_t i, const struct jm_json_token *t, struct jm_error *err)
{
	r->has[i] = true;
	r->is_gap[i] = t->type == JM_JSON_NULL;
	if (r->is_gap[i])
		return 0;
	if (t->type != JM_JSON_NUMBER || jm_text_fixed(t->text, t->n, 6, &r->values[i]))
		return jm_json_error(r->json, t, err, "watts were expected");
	r->is_gap[i] = r->values[i] < 0;
	return 0;
}

/* A number, or a list that holds one. t: its first token. */
static int read_power(struct reading *r, size_t i, struct jm_json_token *t, struct jm_error *err)
{
	int rc;

	if (t->type != JM_JSON_ARRAY)
		return set_value(r, i, t, err);
	while (!(rc = jm_json_next(r->json, t, err)) && t->type != JM_JSON_ARRAY_END && !rc) {
		rc = set_value(r, i, t, err);
		if (rc)
			return rc;
	}
	return rc;
}

/* Of a GPU: its power, or (is_part) the part that the processes of the record have of its use. */
static int set_gpu(struct reading *r, int64_t gpu, bool is_part, const struct jm_json_token *t, struct jm_error *err)
{
	double part;

	if (!is_part)
		return set_value(r, N_POWERS + (size_t)gpu, t, err);
	if (t->type != JM_JSON_NUMBER || jm_text_double(t->text, t->n, &part))
		return jm_json_skip(r->json, t, err);
	return jm_apm_processes_gpu(r->processes, (uint16_t)gpu, JM_APM_OWN_OF_ALL, part, NAN) == JM_E_NOMEM
		   ? jm_error_set(err, JM_E_NOMEM, "out of memory")
		   : 0;
}

/* {"0": 69.24, ...} */
static int read_gpus(struct reading *r, bool is_part, struct jm_json_token *t, struct jm_error *err)
{
	struct jm_json_token key;
	int64_t gpu;
	int rc;

	if (t->type != JM_JSON_OBJECT)
		return jm_json_skip(r->json, t, err);
	while (!(rc = jm_json_next(r->json, &key, err)) && key.type == JM_JSON_KEY) {
		bool is_gpu = jm_text_i64(key.text, key.n, &gpu) == 0 && gpu >= 0 && gpu < MAX_GPUS;

		rc = jm_json_next(r->json, t, err);
		if (!rc && is_gpu)
			rc = set_gpu(r, gpu, is_part, t, err);
		else if (!rc)
			rc = jm_json_skip(r->json, t, err);
		if (rc)
			return rc;
	}
	return rc;
}

/* Where the values of a map by process go. gpu < 0: none. */
struct place {
	enum jm_apm_figure figure;
	int gpu;
	bool is_memory; /* of the GPU; else use */
};

static int add_process(struct reading *r, const struct place *place, int64_t pid, double value)
{
	int rc;

	if (place->gpu < 0)
		rc = jm_apm_processes_add(r->processes, place->figure, pid, value);
	else
		rc = jm_apm_processes_gpu(r->processes, (uint16_t)place->gpu, pid, place->is_memory ? NAN : value,
					  place->is_memory ? value : NAN);
	r->is_full = r->is_full || rc == JM_E_FULL;
	return rc == JM_E_FULL ? 0 : rc;
}

/* {"42": 0.5, ...}; null and what is no process ("all") is left out. t: its first token. */
static int read_processes(struct reading *r, const struct place *place, struct jm_json_token *t, struct jm_error *err)
{
	struct jm_json_token key;
	double value;
	int64_t pid;
	int rc;

	if (t->type != JM_JSON_OBJECT)
		return jm_json_skip(r->json, t, err);
	while (!(rc = jm_json_next(r->json, &key, err)) && key.type == JM_JSON_KEY) {
		bool is_pid = jm_text_i64(key.text, key.n, &pid) == 0 && pid > 0;

		rc = jm_json_next(r->json, t, err);
		if (!rc && is_pid && t->type == JM_JSON_NUMBER && jm_text_double(t->text, t->n, &value) == 0)
			rc = add_process(r, place, pid, value);
		else if (!rc)
			rc = jm_json_skip(r->json, t, err);
		if (rc)
			return rc == JM_E_NOMEM ? jm_error_set(err, rc, "out of memory") : rc;
	}
	return rc;
}

/* {"0": {"42": 0.5, ...}, ...} */
static int read_gpu_processes(struct reading *r, bool is_memory, struct jm_json_token *t, struct jm_error *err)
{
	struct jm_json_token key;
	int64_t gpu;
	int rc;

	if (t->type != JM_JSON_OBJECT)
		return jm_json_skip(r->json, t, err);
	while (!(rc = jm_json_next(r->json, &key, err)) && key.type == JM_JSON_KEY) {
		bool is_gpu = jm_text_i64(key.text, key.n, &gpu) == 0 && gpu >= 0 && gpu < MAX_GPUS;
		struct place place = {.gpu = is_gpu ? (int)gpu : 0, .is_memory = is_memory};

		rc = jm_json_next(r->json, t, err);
		if (is_gpu)
			jm_apm_processes_gpu_seen(r->processes, (uint16_t)gpu);
		if (!rc)
			rc = is_gpu ? read_processes(r, &place, t, err) : jm_json_skip(r->json, t, err);
		if (rc)
			return rc;
	}
	return rc;
}

enum kind { NOTHING, POWER, GPUS, PROCESSES, GPU_USE, GPU_MEMORY, GPU_PART, USED };

/* What a key of "cpu" or "gpu" says; their keys differ. *i_out: which power, or which figure of processes. */
static enum kind kind_of(const struct jm_json_token *key, size_t *i_out)
{
#define KEY(name, key) key,
	static const char *const figures[] = {JM_APM_FIGURES(KEY)};
#undef KEY
	size_t i;

	for (i = 0; i < N_POWERS; i++) {
		if (jm_json_is(key, powers[i].key)) {
			*i_out = i == GPU_TOTAL + 1 ? GPU_TOTAL : i;
			return POWER;
		}
	}
	for (i = 0; i < JM_APM_N_FIGURES; i++) {
		if (jm_json_is(key, figures[i])) {
			*i_out = i;
			return PROCESSES;
		}
	}
	return jm_json_is(key, "per_gpu_nvidia_power") || jm_json_is(key, "per_gpu_power_draw") ? GPUS
	       : jm_json_is(key, "per_gpu_per_pid_utilization_absolute")                        ? GPU_USE
	       : jm_json_is(key, "per_gpu_attributable_mem_use")                                ? GPU_MEMORY
	       : jm_json_is(key, "per_gpu_estimated_attributable_utilization")                  ? GPU_PART
	       : jm_json_is(key, "total_mem_use")                                               ? USED
												: NOTHING;
}

/* t: the first token of the value. */
static int read_value(struct reading *r, enum kind kind, size_t i, struct jm_json_token *t, struct jm_error *err)
{
	struct place place = {.figure = (enum jm_apm_figure)i, .gpu = -1};
	double value;

	switch (kind) {
	case POWER:
		return read_power(r, i, t, err);
	case GPUS:
	case GPU_PART:
		return read_gpus(r, kind == GPU_PART, t, err);
	case PROCESSES:
		return read_processes(r, &place, t, err);
	case GPU_USE:
	case GPU_MEMORY:
		return read_gpu_processes(r, kind == GPU_MEMORY, t, err);
	case USED:
		if (t->type == JM_JSON_NUMBER && jm_text_double(t->text, t->n, &value) == 0)
			jm_apm_processes_used(r->processes, value);
		break;
	case NOTHING:
		break;
	}
	return jm_json_skip(r->json, t, err);
}

static int read_part(struct reading *r, struct jm_json_token *t, struct jm_error *err)
{
	struct jm_json_token key;
	int rc;

	if (t->type != JM_JSON_OBJECT)
		return jm_json_skip(r->json, t, err);
	while (!(rc = jm_json_next(r->json, &key, err)) && key.type == JM_JSON_KEY) {
		size_t i = 0;
		enum kind kind = kind_of(&key, &i);

		rc = jm_json_next(r->json, t, err);
		rc = rc ? rc : read_value(r, kind, i, t, err);
		if (rc)
			return rc;
	}
	return rc;
}

static int read_metrics(struct reading *r, struct jm_json_token *t, struct jm_error *err)
{
	struct jm_json_token key;
	int rc;

	if (t->type != JM_JSON_OBJECT)
		return jm_json_error(r->json, t, err, "\"metrics\" is no object");
	while (!(rc = jm_json_next(r->json, &key, err)) && key.type == JM_JSON_KEY) {
		bool is_mine = jm_json_is(&key, "cpu") || jm_json_is(&key, "gpu");

		rc = jm_json_next(r->json, t, err);
		if (!rc)
			rc = is_mine ? read_part(r, t, err) : jm_json_skip(r->json, t, err);
		if (rc)
			return rc;
	}
	return rc;
}

static int keep(struct reading *r, int64_t t_ns, struct jm_error *err)
{
	size_t i;

	for (i = 0; i < N_CHANNELS; i++) {
		if (!r->has[i])
			continue;
		r->seen[i] |= !r->is_gap[i];
		if (jm_sample_list_add(&r->list, (uint16_t)i, t_ns, r->values[i], r->is_gap[i]))
			return jm_error_set(err, JM_E_NOMEM, "out of memory");
	}
	if (jm_apm_processes_end(r->processes, t_ns, r->is_first))
		return jm_error_set(err, JM_E_NOMEM, "out of memory");
	r->is_first = false;
	return 0;
}

static int read_record(struct reading *r, struct jm_error *err)
{
	struct jm_json_token key, t;
	int64_t t_ns = 0;
	bool has_date = false;
	int rc = jm_json_next(r->json, &t, err);

	if (rc)
		return rc;
	if (t.type == JM_JSON_STRING) { /* END OF RECORDING SEGMENT */
		r->n_segments++;
		r->is_first = true;
		return jm_json_next(r->json, &t, err);
	}
	if (t.type != JM_JSON_OBJECT)
		return jm_json_error(r->json, &t, err, "a record was expected");
	memset(r->has, 0, sizeof(r->has));
	while (!(rc = jm_json_next(r->json, &key, err)) && key.type == JM_JSON_KEY) {
		bool is_date = jm_json_is(&key, "date"), is_metrics = jm_json_is(&key, "metrics");

		rc = jm_json_next(r->json, &t, err);
		if (!rc && is_date && (t.type != JM_JSON_STRING || jm_stamp_text(t.text, t.n, &t_ns)))
			rc = jm_json_error(r->json, &t, err, "a date 'YYYY-MM-DD HH:MM:SS.f' was expected");
		has_date |= is_date;
		if (!rc)
			rc = is_metrics ? read_metrics(r, &t, err) : jm_json_skip(r->json, &t, err);
		if (rc)
			return rc;
	}
	if (!rc && !has_date)
		rc = jm_json_error(r->json, &key, err, "a record without a date");
	if (!rc)
		rc = jm_json_next(r->json, &t, err); /* text behind the record is an error */
	return rc ? rc : keep(r, t_ns, err);
}

static int read_lines(struct reading *r, struct jm_error *err)
{
	const char *line = r->in->data, *end = r->in->data + r->in->n;
	uint64_t number = 0;
	int rc = 0;

	while (line < end && !rc) {
		const char *stop = memchr(line, '\n', (size_t)(end - line));
		size_t n = (size_t)((stop ? stop : end) - line);

		if (jm_head_first(line, n) != '\0') {
			jm_json_restart(r->json, line, n, number);
			rc = read_record(r, err);
			if (rc)
				jm_apm_processes_drop(r->processes);
			if (rc && !stop && jm_json_is_truncated(r->json)) {
				jm_trace_warn(r->emit.out, "%s:%llu: the last line is torn and was left out",
					      jm_trace_path(r->in), (unsigned long long)number + 1);
				rc = 0;
			}
		}
		number++;
		line = stop ? stop + 1 : end;
	}
	return rc;
}

/* Declares what was seen, parents first, and gives the samples their channels. */
static void hand_over(struct reading *r)
{
	int index[N_CHANNELS];
	struct jm_channel channel;
	size_t i, kept = 0;

	for (i = 0; i < N_CHANNELS; i++) {
		char name[96];

		index[i] = -1;
		if (!r->seen[i])
			continue;
		snprintf(name, sizeof(name), "import/aipowermeter/gpu-%zu", i < N_POWERS ? 0 : i - N_POWERS);
		jm_channel_init(&channel, i < N_POWERS ? powers[i].name : name);
		snprintf(channel.label, sizeof(channel.label), "%s", i < N_POWERS ? powers[i].key : "power of one GPU");
		channel.kind = JM_KIND_WINDOW_MEAN;
		channel.domain = i < N_POWERS ? powers[i].domain : JM_DOMAIN_GPU;
		/* All GPUs together are no GPU of their own. */
		channel.device = i == GPU_TOTAL ? -1 : i < N_POWERS ? 0 : (int)(i - N_POWERS);
		if (i >= N_POWERS)
			channel.part_of = index[GPU_TOTAL];
		else if (powers[i].parent >= 0)
			channel.part_of = index[powers[i].parent];
		index[i] = jm_emit_channel(&r->emit, &channel);
	}
	for (i = 0; i < r->list.n; i++) { /* those that are always absent are no channels */
		int mine = index[r->list.items[i].channel];

		r->list.items[kept] = r->list.items[i];
		r->list.items[kept].channel = (uint16_t)mine;
		kept += mine >= 0;
	}
	r->list.n = kept;
	jm_sample_list_emit(&r->list, r->in, &r->emit);
}

/* Errors: JM_E_NOMEM. */
static int hand_over_processes(struct reading *r)
{
	struct jm_process_log log = {0};
	uint64_t n_over = 0;
	int rc = r->emit.out->processes ? jm_apm_processes_finish(r->processes, &log, &n_over) : JM_E_NOT_FOUND;

	if (rc)
		return rc == JM_E_NOT_FOUND ? 0 : rc;
	if (n_over)
		jm_trace_warn(r->emit.out,
			      "%s: shares of processes add up to more than one in %llu records: they are scaled to one",
			      jm_trace_path(r->in), (unsigned long long)n_over);
	if (r->is_full)
		jm_trace_warn(r->emit.out, "%s: processes beyond %d in one record were left out", jm_trace_path(r->in),
			      JM_APM_PROCESSES_MAX);
	jm_emit_meta(&r->emit, "process_choice", "imported");
	jm_emit_meta(&r->emit, "process_clock", "%s", log.are_shares ? "shares of the busy time" : "the records");
	if (log.are_shares)
		jm_emit_meta(&r->emit, "process_times", "shares");
	jm_emit_meta(&r->emit, "process_wall_clock", "local");
	jm_emit_meta(&r->emit, "process_counts_unavailable", "the records have none");
	return r->emit.out->processes(r->emit.out->ctx, &log);
}

static int read_log(const struct jm_trace_input *in, struct jm_trace_output *out, struct jm_error *err)
{
	struct reading r = {.in = in, .is_first = true, .processes = jm_apm_processes_create()};
	int rc = r.processes ? jm_json_open(in->path, "", 0, &r.json, err)
			     : jm_error_set(err, JM_E_NOMEM, "out of memory"),
	    finished;

	jm_emit_init(&r.emit, out);
	out->clock = JM_TRACE_CLOCK_LOCAL;
	if (!rc)
		rc = read_lines(&r, err);
	if (rc)
		r.emit.rc = rc;
	hand_over(&r);
	if (!rc && hand_over_processes(&r))
		rc = jm_error_set(err, JM_E_NOMEM, "out of memory for the processes");
	jm_apm_processes_destroy(r.processes);
	if (!rc)
		jm_emit_meta(&r.emit, "recording_segments", "%llu", (unsigned long long)r.n_segments);
	finished = jm_emit_finish(&r.emit, rc ? NULL : err);
	jm_json_close(r.json);
	return rc ? rc : finished;
}

const struct jm_importer jm_importer_aipowermeter = {
    .name = "aipowermeter",
    .summary = "power_metrics.json of AIPowerMeter",
    .match = match,
    .read = read_log,
};
