/* CPU.json and GPU.json of the camera-traps power plugin (watts at times), in all the forms it has had:
 *   {"YYYY-MM-DD HH:MM:SS": [watts, "pid", "name"], ...}       one process a time
 *   {"YYYY-MM-DD HH:MM:SS": watts, ...}                         one GPU
 *   [{"YYYY-MM-DD HH:MM:SS": [["watts", "pid"], ...]}, ...]     several processes a time; texts or numbers
 *   [{"MM/DD/YYYY hh:mm:ss AM": [[watts, "pid"], ...]}, ...]
 * Local time. A channel for each process and one for values without. What a process is given is a share that the tool
 * behind (scaphandre, powerjoular, jtop) worked out, so it is estimated; the power of a GPU is measured. */
#define _GNU_SOURCE
#include "core/error.h"
#include "core/json.h"
#include "core/text.h"
#include "core/units.h"
#include "trace/emit.h"
#include "trace/stamp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_PROCESSES 1024

struct process {
	char pid[24]; /* empty: none, the device itself */
	uint16_t channel;
};

struct reading {
	const struct jm_trace_input *in;
	struct jm_emit emit;
	struct jm_json *json;
	struct jm_sample_list list;
	struct process *processes;
	size_t n_processes;
	struct jm_oddity negative;
};

static int match(const char *head, size_t n)
{
	struct jm_json *json = NULL;
	struct jm_json_token t = {0};
	int64_t t_ns;
	int i, confidence = 0;
	char first = jm_head_first(head, n);

	if ((first != '{' && first != '[') || jm_json_open(NULL, head, n, &json, NULL))
		return 0;
	for (i = 0; i < 3 && t.type != JM_JSON_KEY && !jm_json_next(json, &t, NULL); i++)
		;
	if (t.type == JM_JSON_KEY && jm_stamp_text(t.text, t.n, &t_ns) == 0)
		confidence = 85;
	jm_json_close(json);
	return confidence;
}

static int channel_of(struct reading *r, const struct jm_json_token *pid, const struct jm_json_token *at, uint16_t *out,
		      struct jm_error *err)
{
	struct jm_channel channel;
	struct process *p;
	char name[96];
	size_t n = pid ? pid->n : 0, i;

	if (n >= sizeof(r->processes->pid))
		return jm_json_error(r->json, at, err, "the process number is too long");
	for (i = 0; i < r->n_processes; i++)
		if (strlen(r->processes[i].pid) == n && (n == 0 || memcmp(r->processes[i].pid, pid->text, n) == 0)) {
			*out = r->processes[i].channel;
			return 0;
		}
	if (r->n_processes == MAX_PROCESSES)
		return jm_json_error(r->json, at, err, "more than 1024 processes");
	p = &r->processes[r->n_processes++];
	if (n > 0)
		memcpy(p->pid, pid->text, n);
	snprintf(name, sizeof(name), n ? "import/process/%s" : "import/device%s", p->pid);
	jm_channel_init(&channel, name);
	channel.domain = n ? JM_DOMAIN_OTHER : JM_DOMAIN_GPU;
	if (n > 0) {
		channel.state = JM_STATE_ESTIMATED;
		snprintf(channel.reason, sizeof(channel.reason),
			 "a process's share, as the tool that wrote the log worked it out");
	}
	p->channel = *out = jm_emit_channel(&r->emit, &channel);
	return 0;
}

/* Watts as a number or as a text that holds one. */
static int get_watts(struct reading *r, const struct jm_json_token *t, int64_t *power_uw, struct jm_error *err)
{
	if ((t->type != JM_JSON_NUMBER && t->type != JM_JSON_STRING) || jm_text_fixed(t->text, t->n, 6, power_uw))
		return jm_json_error(r->json, t, err, "watts were expected");
	return 0;
}

static int add(struct reading *r, uint16_t channel, int64_t t_ns, int64_t power_uw, const struct jm_json_token *at,
	       struct jm_error *err)
{
	if (power_uw < 0)
		jm_oddity_add(&r->negative, r->negative.n ? 0 : jm_json_line(r->json, at->offset));
	if (jm_sample_list_add(&r->list, channel, t_ns, power_uw, power_uw < 0))
		return jm_error_set(err, JM_E_NOMEM, "out of memory");
	return 0;
}

/* watts, pid, and more that does not matter, up to the closing bracket. first: the token of watts. */
static int read_share(struct reading *r, const struct jm_json_token *first, int64_t t_ns, struct jm_error *err)
{
	struct jm_json_token t;
	int64_t power_uw;
	uint16_t channel;
	int rc = get_watts(r, first, &power_uw, err);

	if (!rc)
		rc = jm_json_next(r->json, &t, err);
	if (rc)
		return rc;
	if (t.type != JM_JSON_STRING && t.type != JM_JSON_NUMBER)
		return jm_json_error(r->json, &t, err, "the number of a process was expected");
	rc = channel_of(r, &t, &t, &channel, err);
	if (!rc)
		rc = add(r, channel, t_ns, power_uw, &t, err);
	while (!rc && t.type != JM_JSON_ARRAY_END && !(rc = jm_json_next(r->json, &t, err)))
		if (t.type == JM_JSON_ARRAY || t.type == JM_JSON_OBJECT)
			rc = jm_json_error(r->json, &t, err, "a list inside a process's entry");
	return rc;
}

/* What belongs to one time. */
static int read_value(struct reading *r, int64_t t_ns, struct jm_error *err)
{
	struct jm_json_token t;
	int64_t power_uw;
	uint16_t channel;
	int rc = jm_json_next(r->json, &t, err);

	if (rc)
		return rc;
	if (t.type != JM_JSON_ARRAY) {
		rc = get_watts(r, &t, &power_uw, err);
		if (!rc)
			rc = channel_of(r, NULL, &t, &channel, err);
		return rc ? rc : add(r, channel, t_ns, power_uw, &t, err);
	}
	rc = jm_json_next(r->json, &t, err);
	if (!rc && t.type != JM_JSON_ARRAY && t.type != JM_JSON_ARRAY_END)
		return read_share(r, &t, t_ns, err);
	while (!rc && t.type == JM_JSON_ARRAY) {
		rc = jm_json_next(r->json, &t, err);
		if (!rc)
			rc = read_share(r, &t, t_ns, err);
		if (!rc)
			rc = jm_json_next(r->json, &t, err);
	}
	if (!rc && t.type != JM_JSON_ARRAY_END)
		rc = jm_json_error(r->json, &t, err, "a list of [watts, process] was expected");
	return rc;
}

static int read_document(struct reading *r, struct jm_error *err)
{
	struct jm_json_token t;
	int64_t t_ns;
	int rc;

	while (!(rc = jm_json_next(r->json, &t, err)) && t.type != JM_JSON_END) {
		if (t.type == JM_JSON_KEY) {
			if (jm_stamp_text(t.text, t.n, &t_ns))
				return jm_json_error(r->json, &t, err, "a time 'YYYY-MM-DD HH:MM:SS' was expected");
			rc = read_value(r, t_ns, err);
		} else if (t.type == JM_JSON_STRING || t.type == JM_JSON_NUMBER || t.depth > 1) {
			rc = jm_json_error(r->json, &t, err, "times with watts were expected");
		}
		if (rc)
			break;
	}
	return rc;
}

static int read_log(const struct jm_trace_input *in, struct jm_trace_output *out, struct jm_error *err)
{
	struct reading r = {.in = in};
	int rc = jm_json_open(in->path, in->data, in->n, &r.json, err), finished;

	jm_emit_init(&r.emit, out);
	out->clock = JM_TRACE_CLOCK_LOCAL;
	r.processes = calloc(MAX_PROCESSES, sizeof(*r.processes));
	if (!rc && !r.processes)
		rc = jm_error_set(err, JM_E_NOMEM, "out of memory");
	if (!rc)
		rc = read_document(&r, err);
	if (rc)
		r.emit.rc = rc;
	else
		jm_oddity_warn(&r.negative, in, out, "a negative power is none: kept as a gap");
	jm_sample_list_emit(&r.list, in, &r.emit);
	finished = jm_emit_finish(&r.emit, rc ? NULL : err);
	jm_json_close(r.json);
	free(r.processes);
	return rc ? rc : finished;
}

const struct jm_importer jm_importer_process_power = {
    .name = "process_power",
    .summary = "CPU.json, GPU.json of the camera-traps power plugin",
    .match = match,
    .read = read_log,
};
