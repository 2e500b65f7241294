/* nvidia-smi --query-gpu=timestamp,...,power.draw --format=csv[,nounits] [-lms N]: a header line, then rows with the
 * local time "YYYY/MM/DD HH:MM:SS.mmm". Columns taken: power.draw, power.draw.instant, power.draw.average (W), energy is
 * not offered; temperature.gpu (C), clocks.current.sm / clocks.sm (MHz), utilization.gpu (%); index, uuid or
 * pci.bus_id tells GPUs apart. "[N/A]" and the like are gaps.
 * Which mean power.draw is depends on board and driver: on Ampere and later it is that of 1 s. */
#define _GNU_SOURCE
#include "core/error.h"
#include "core/text.h"
#include "core/units.h"
#include "trace/emit.h"
#include "trace/stamp.h"
#include "trace/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_GPUS   64
#define NO_CHANNEL UINT16_MAX

/* In order of preference: the first power column of a GPU is counted, the others read the same thing. */
static const struct column {
	const char *name;
	enum jm_quantity quantity;
	enum jm_kind kind;
	int decimals; /* of the unit of the channel per unit of the column */
	bool is_board_power;
} columns[] = {
    {"power.draw.instant", JM_QUANTITY_POWER, JM_KIND_GAUGE, 6, true},
    {"power.draw", JM_QUANTITY_POWER, JM_KIND_GAUGE, 6, true},
    {"power.draw.average", JM_QUANTITY_POWER, JM_KIND_WINDOW_MEAN, 6, true},
    {"temperature.gpu", JM_QUANTITY_TEMPERATURE, JM_KIND_GAUGE, 3, false},
    {"clocks.current.sm", JM_QUANTITY_FREQUENCY, JM_KIND_GAUGE, 6, false},
    {"clocks.sm", JM_QUANTITY_FREQUENCY, JM_KIND_GAUGE, 6, false},
    {"utilization.gpu", JM_QUANTITY_UTILIZATION, JM_KIND_GAUGE, 4, false},
};
#define N_COLUMNS (sizeof(columns) / sizeof(columns[0]))

struct gpu {
	char id[64];
	uint16_t channels[N_COLUMNS];
};

struct reading {
	const struct jm_trace_input *in;
	struct jm_emit emit;
	struct jm_table table;
	struct jm_sample_list list;
	size_t timestamp, id, fields[N_COLUMNS]; /* field of each column; JM_TABLE_FIELDS: absent */
	struct gpu *gpus;
	size_t n_gpus;
	uint64_t n_gaps;
};

/* "power.draw [W]" is power.draw. */
static bool is_column(const struct jm_field *f, const char *name)
{
	size_t n = strlen(name);

	return f->n >= n && memcmp(f->text, name, n) == 0 &&
	       (f->n == n || (f->n > n + 1 && f->text[n] == ' ' && f->text[n + 1] == '['));
}

/* Gives false when the header names no time or no power. */
static bool find_columns(struct reading *r)
{
	static const char *const ids[] = {"index", "uuid", "gpu_uuid", "pci.bus_id", "gpu_bus_id"};
	bool has_power = false;
	size_t i, k;

	r->timestamp = r->id = JM_TABLE_FIELDS;
	for (k = 0; k < N_COLUMNS; k++)
		r->fields[k] = JM_TABLE_FIELDS;
	for (i = r->table.n_fields; i-- > 0;) {
		if (is_column(&r->table.fields[i], "timestamp"))
			r->timestamp = i;
		for (k = 0; k < sizeof(ids) / sizeof(ids[0]); k++)
			if (is_column(&r->table.fields[i], ids[k]))
				r->id = i;
		for (k = 0; k < N_COLUMNS; k++)
			if (is_column(&r->table.fields[i], columns[k].name)) {
				r->fields[k] = i;
				has_power |= columns[k].is_board_power;
			}
	}
	return has_power && r->timestamp < JM_TABLE_FIELDS;
}

static int match(const char *head, size_t n)
{
	const char *end = memchr(head, '\n', n);

	if (!end || !jm_head_has(head, (size_t)(end - head), "timestamp"))
		return 0;
	return jm_head_has(head, (size_t)(end - head), "power.draw") ? 95 : 0;
}

/* Says which GPU it is, as drivers do: "index 1", "GPU-...", "PCI 00000000:1B:00.0". */
static void describe(struct reading *r, const struct jm_field *id)
{
	char key[64];
	bool is_uuid = id->n > 4 && memcmp(id->text, "GPU-", 4) == 0, is_pci = memchr(id->text, ':', id->n) != NULL;

	if (id->n == 0)
		return;
	snprintf(key, sizeof(key), "device:import/nvidia-smi/%zu", r->n_gpus);
	jm_emit_meta(&r->emit, key, "%s%.*s", is_uuid ? "" : is_pci ? "PCI " : "index ", (int)(id->n < 80 ? id->n : 80),
		     id->text);
}

static void declare(struct reading *r, struct gpu *gpu, const struct jm_field *id)
{
	struct jm_channel channel;
	char name[96];
	int preferred = -1;
	size_t k;

	snprintf(gpu->id, sizeof(gpu->id), "%.*s", (int)(id->n < sizeof(gpu->id) ? id->n : sizeof(gpu->id) - 1),
		 id->text);
	for (k = 0; k < N_COLUMNS; k++) {
		gpu->channels[k] = NO_CHANNEL;
		if (r->fields[k] == JM_TABLE_FIELDS)
			continue;
		snprintf(name, sizeof(name), "import/nvidia-smi/%zu/%s", r->n_gpus, columns[k].name);
		jm_channel_init(&channel, name);
		snprintf(channel.label, sizeof(channel.label), "%s", columns[k].name);
		channel.quantity = columns[k].quantity;
		channel.kind = columns[k].kind;
		channel.domain = JM_DOMAIN_GPU;
		channel.device = (int)r->n_gpus;
		if (columns[k].is_board_power) {
			channel.same_as = preferred;
			snprintf(channel.reason, sizeof(channel.reason),
				 "as nvidia-smi printed it; what it averages over depends on the driver");
		}
		gpu->channels[k] = jm_emit_channel(&r->emit, &channel);
		if (columns[k].is_board_power && preferred < 0)
			preferred = gpu->channels[k];
	}
	describe(r, id);
	r->n_gpus++;
}

/* Gives the GPU of the row, declared when new; NULL when there are too many. */
static const struct gpu *find_gpu(struct reading *r)
{
	static const struct jm_field none = {"", 0};
	const struct jm_field *id = r->id < r->table.n_fields ? &r->table.fields[r->id] : &none;
	size_t n = id->n < sizeof(r->gpus->id) ? id->n : sizeof(r->gpus->id) - 1, i;

	for (i = 0; i < r->n_gpus; i++)
		if (strlen(r->gpus[i].id) == n && memcmp(r->gpus[i].id, id->text, n) == 0)
			return &r->gpus[i];
	if (r->n_gpus == MAX_GPUS)
		return NULL;
	declare(r, &r->gpus[r->n_gpus], id);
	return &r->gpus[r->n_gpus - 1];
}

/* Reads "126.96 W" or "126.96". Gives false for "[N/A]", "[Unknown Error]", "N/A" and anything else that is no number. */
static bool get_value(const struct jm_field *f, int decimals, int64_t *out)
{
	size_t n = 0;

	while (n < f->n && f->text[n] != ' ')
		n++;
	return jm_text_fixed(f->text, n, decimals, out) == 0;
}

static int row_error(const struct reading *r, const char *what, struct jm_error *err)
{
	return jm_error_set(err, JM_E_FORMAT, "%s:%llu: %s", jm_trace_path(r->in), (unsigned long long)r->table.line,
			    what);
}

static int take_row(struct reading *r, struct jm_error *err)
{
	const struct gpu *gpu;
	int64_t t_ns, value;
	size_t k;
	int rc = 0;

	if (r->timestamp >= r->table.n_fields ||
	    jm_stamp_text(r->table.fields[r->timestamp].text, r->table.fields[r->timestamp].n, &t_ns))
		return row_error(r, "no time 'YYYY/MM/DD HH:MM:SS.mmm' in it", err);
	gpu = find_gpu(r);
	if (!gpu)
		return row_error(r, "more than 64 GPUs", err);
	for (k = 0; k < N_COLUMNS && !rc; k++) {
		bool has_value;

		if (gpu->channels[k] == NO_CHANNEL || r->fields[k] >= r->table.n_fields)
			continue;
		has_value = get_value(&r->table.fields[r->fields[k]], columns[k].decimals, &value);
		r->n_gaps += !has_value;
		rc = jm_sample_list_add(&r->list, gpu->channels[k], t_ns, has_value ? value : 0, !has_value);
	}
	return rc ? jm_error_set(err, rc, "out of memory") : 0;
}

static int read_rows(struct reading *r, struct jm_error *err)
{
	int more = jm_table_next(&r->table), rc;

	if (more != 1 || !find_columns(r))
		return row_error(r, "no header with timestamp and power.draw", err);
	while ((more = jm_table_next(&r->table)) == 1) {
		if (jm_table_is_cut(&r->table, r->in, r->emit.out)) /* the program was killed */
			return 0;
		if (is_column(&r->table.fields[0], "timestamp")) /* started again, into the same file */
			continue;
		rc = take_row(r, err);
		if (rc)
			return rc;
	}
	return more < 0 ? row_error(r, "a quotation mark is not closed, or there are too many fields", err) : 0;
}

static int read_log(const struct jm_trace_input *in, struct jm_trace_output *out, struct jm_error *err)
{
	struct reading r = {.in = in};
	int rc, finished;

	jm_emit_init(&r.emit, out);
	jm_table_init(&r.table, in->data, in->n);
	out->clock = JM_TRACE_CLOCK_LOCAL;
	r.gpus = calloc(MAX_GPUS, sizeof(*r.gpus));
	rc = r.gpus ? read_rows(&r, err) : jm_error_set(err, JM_E_NOMEM, "out of memory");
	if (!rc && r.n_gaps > 0)
		jm_trace_warn(out, "%s: %llu values are no numbers ([N/A] or the like): kept as gaps",
			      jm_trace_path(in), (unsigned long long)r.n_gaps);
	if (rc)
		r.emit.rc = rc;
	jm_sample_list_emit(&r.list, in, &r.emit);
	finished = jm_emit_finish(&r.emit, rc ? NULL : err);
	jm_table_finish(&r.table);
	free(r.gpus);
	return rc ? rc : finished;
}

const struct jm_importer jm_importer_nvidia_smi = {
    .name = "nvidia_smi",
    .summary = "nvidia-smi --query-gpu=timestamp,power.draw,... --format=csv",
    .match = match,
    .read = read_log,
};
