#include "service/outputs.h"

#include "core/error.h"
#include "core/units.h"
#include "service/json_log.h"
#include "service/outputs_row.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FLUSH_NS   JM_NS_PER_S
#define URGENT_NS  (200 * JM_NS_PER_MS) /* what begins or ends: soon, yet a burst of it is written once */
#define REPORTS_NS (10 * JM_NS_PER_S)   /* they are written whole each time */

struct jm_outputs {
	char folder[900], metadata[64];
	struct jm_json_log keyed[JM_N_DEVICES], listed[JM_N_DEVICES];
	struct jm_buffer groups[JM_N_DEVICES]; /* elements of the lists for the tick at work */
	struct jm_output_rows rows;
	int64_t start_realtime_ns, flushed_ns, reported_ns;
	int64_t tick_t_ns, tick_key_ns, last_key_ns; /* the tick at work: its time, the time it is written under */
	struct jm_moment machine;                    /* at the tick before */
	bool has_machine, wants_gpu;                 /* wants_gpu: a reading of this tick asked for GPUs */
	bool is_changed, is_urgent, is_failing;
	void (*log)(void *ctx, const char *text);
	void *ctx;
};

static const char *const keyed_names[JM_N_DEVICES] = {"CPU.json", "GPU.json", "DRAM.json"};
static const char *const listed_names[JM_N_DEVICES] = {"cpu.json", "gpu.json", "dram.json"};

/* ---- Readings --------------------------------------------------------------------------------------------------------- */

static void end_group(struct jm_outputs *o, int device)
{
	struct jm_buffer *group = &o->groups[device];

	if (group->n == 0)
		return;
	jm_buffer_puts(group, "]}");
	jm_json_log_add(&o->listed[device], group);
	group->n = 0;
	group->is_failed = false;
}

/* Names of readings are times of the wall clock, yet must rise: where it was set back, they go on at the pace of the other clock
 * until it has caught up. */
static void begin_tick(struct jm_outputs *o, const struct jm_moment *at)
{
	int64_t elapsed_ns = at->t_ns - o->tick_t_ns, d;

	if (at->t_ns == o->tick_t_ns)
		return;
	for (d = 0; d < JM_N_DEVICES; d++)
		end_group(o, (int)d);
	if (at->realtime_ns > o->last_key_ns)
		o->tick_key_ns = at->realtime_ns;
	else
		o->tick_key_ns = o->last_key_ns + (elapsed_ns > 1000 ? elapsed_ns : 1000);
	o->tick_t_ns = at->t_ns;
	o->last_key_ns = o->tick_key_ns;
	o->wants_gpu = false;
}

/* Gives the program of a command line, without its folder: up to n_out bytes of part's name. */
static const char *program_of(const struct jm_measure_part *part, int *n_out)
{
	const char *end = part->name + strcspn(part->name, " "), *name = end;

	while (name > part->name && name[-1] != '/')
		name--;
	*n_out = (int)(end - name);
	return name;
}

/* Microseconds tell the processes of one tick apart: a key can be there but once. */
static void put_keyed(struct jm_outputs *o, int device, double power_w, const struct jm_measure_part *part)
{
	char time[JM_OUTPUT_TIME_SIZE], program[sizeof(part->name)];
	struct jm_buffer b = {0};
	int n;
	const char *name = program_of(part, &n);

	snprintf(program, sizeof(program), "%.*s", n, name);
	jm_buffer_printf(&b, "\"%s\": [%.6g, \"%lld\", ", jm_output_time(o->last_key_ns, time), power_w,
			 (long long)part->pid);
	jm_buffer_json_string(&b, program);
	jm_buffer_puts(&b, "]");
	jm_json_log_add(&o->keyed[device], &b);
	jm_buffer_finish(&b);
}

static void put_listed(struct jm_outputs *o, int device, double power_w, const struct jm_measure_part *part)
{
	struct jm_buffer *group = &o->groups[device];
	char time[JM_OUTPUT_TIME_SIZE];

	if (group->n == 0)
		jm_buffer_printf(group, "{\"%s\": [", jm_output_time(o->tick_key_ns, time));
	else
		jm_buffer_puts(group, ", ");
	jm_buffer_printf(group, "[\"%.6g\", \"%lld\"]", power_w, (long long)part->pid);
}

static void take_device(struct jm_outputs *o, struct jm_output_row *row, const struct jm_measure_part *part, int device)
{
	struct jm_measure_result r = jm_measure_between(&part->previous, &part->last, (enum jm_device)device);

	if (!r.is_known || !(r.seen_s > 0))
		return;
	row->is_known[device] = true;
	row->is_estimated[device] |= r.is_estimated;
	row->energy_j[device] += r.energy_j;
	row->seen_s[device] += r.seen_s;
	if (device != JM_DEVICE_GPU)
		put_keyed(o, device, r.power_w, part);
	put_listed(o, device, r.power_w, part);
}

/* A process that several have asked for gives one reading a tick. */
static void sample(struct jm_outputs *o, const struct jm_measurement *m, const struct jm_measure_part *part)
{
	struct jm_output_row *row = jm_output_rows_get(&o->rows, part->pid, part->name);
	unsigned devices;
	int d;

	if (!row)
		return;
	begin_tick(o, &part->last);
	devices = m->devices;
	if (row->last_t_ns == part->last.t_ns)
		devices &= ~row->devices; /* those that the other request did not ask for */
	else
		row->n_samples++;
	if (!row->first_realtime_ns)
		row->first_realtime_ns = part->first.realtime_ns;
	row->devices |= m->devices;
	row->last_t_ns = part->last.t_ns;
	row->last_realtime_ns = part->last.realtime_ns;
	o->wants_gpu |= (m->devices & JM_DEVICE_BIT(JM_DEVICE_GPU)) != 0;
	for (d = 0; d < JM_N_DEVICES; d++)
		if (devices & JM_DEVICE_BIT(d))
			take_device(o, row, part, d);
	o->last_key_ns += 1000;
	o->is_changed = true;
}

static void tell(void *ctx, enum jm_measure_event event, const struct jm_measurement *m,
		 const struct jm_measure_part *part)
{
	struct jm_outputs *o = ctx;

	if (event == JM_MEASURE_SAMPLED)
		sample(o, m, part);
	else
		o->is_changed = o->is_urgent = true;
}

struct jm_measure_listener jm_outputs_listener(struct jm_outputs *o)
{
	return (struct jm_measure_listener){tell, o};
}

void jm_outputs_machine(struct jm_outputs *o, const struct jm_moment *machine)
{
	char time[JM_OUTPUT_TIME_SIZE];
	struct jm_measure_result r;
	struct jm_buffer b = {0};

	if (o->has_machine && machine->t_ns <= o->machine.t_ns)
		return;
	r = jm_measure_between(&o->machine, machine, JM_DEVICE_GPU);
	if (o->has_machine && o->wants_gpu && machine->t_ns == o->tick_t_ns && r.is_known && r.seen_s > 0) {
		jm_buffer_printf(&b, "\"%s\": %.6g", jm_output_time(o->tick_key_ns, time), r.power_w);
		jm_json_log_add(&o->keyed[JM_DEVICE_GPU], &b);
		jm_buffer_finish(&b);
	}
	o->machine = *machine;
	o->has_machine = true;
}

/* ---- Files -------------------------------------------------------------------------------------------------------------- */

static int flush_logs(struct jm_outputs *o, struct jm_error *err)
{
	int d, rc = 0;

	for (d = 0; d < JM_N_DEVICES; d++) {
		int rc_keyed, rc_listed;

		end_group(o, d);
		rc_keyed = jm_json_log_flush(&o->keyed[d], rc ? NULL : err);
		rc = rc ? rc : rc_keyed;
		rc_listed = jm_json_log_flush(&o->listed[d], rc ? NULL : err);
		rc = rc ? rc : rc_listed;
	}
	return rc;
}

static int write_reports(struct jm_outputs *o, int64_t realtime_ns, struct jm_error *err)
{
	struct jm_buffer b = {0};
	int rc;

	jm_output_summary(&o->rows, &b);
	rc = jm_json_replace(o->folder, "power_summary_report.json", &b, err);
	b.n = 0;
	jm_output_metadata(&o->rows, o->folder, o->start_realtime_ns, realtime_ns, &b);
	if (rc == 0)
		rc = jm_json_replace(o->folder, o->metadata, &b, err);
	jm_buffer_finish(&b);
	return rc;
}

static void say(struct jm_outputs *o, const char *text)
{
	if (o->log)
		o->log(o->ctx, text);
}

int64_t jm_outputs_due_ns(const struct jm_outputs *o)
{
	if (!o->is_changed)
		return INT64_MAX;
	return o->flushed_ns + (o->is_urgent && !o->is_failing ? URGENT_NS : FLUSH_NS);
}

void jm_outputs_work(struct jm_outputs *o, int64_t now_ns, int64_t realtime_ns)
{
	struct jm_error err;
	int rc, rc_reports;

	if (now_ns < jm_outputs_due_ns(o))
		return;
	rc = flush_logs(o, &err);
	if (o->is_urgent || now_ns - o->reported_ns >= REPORTS_NS) {
		rc_reports = write_reports(o, realtime_ns, rc ? NULL : &err);
		rc = rc ? rc : rc_reports;
		o->reported_ns = now_ns;
	}
	o->flushed_ns = now_ns;
	o->is_urgent = o->is_urgent && rc != 0;
	o->is_changed = rc != 0; /* then it is tried again */
	if (rc != 0 && !o->is_failing)
		say(o, err.message);
	else if (rc == 0 && o->is_failing)
		say(o, "the files can be written again");
	o->is_failing = rc != 0;
}

int jm_outputs_folder(const char *folder, struct jm_error *err)
{
	if (mkdir(folder, 0755) == 0 || errno == EEXIST)
		return 0;
	jm_error_errno(err, errno, "cannot make the folder %s", folder);
	return jm_error_remedy(err, "make it, or name another one (--output, or TRAPS_POWER_LOG_PATH)");
}

static int make_folder(struct jm_outputs *o, const char *folder, struct jm_error *err)
{
	size_t n = strlen(folder);

	while (n > 1 && folder[n - 1] == '/')
		n--;
	if (n == 0 || n >= sizeof(o->folder))
		return jm_error_set(err, JM_E_INVALID, "the folder's name is empty or too long");
	memcpy(o->folder, folder, n);
	return jm_outputs_folder(o->folder, err);
}

static int open_files(struct jm_outputs *o, struct jm_error *err)
{
	char time[JM_OUTPUT_TIME_SIZE];
	int d, rc = 0;

	for (d = 0; d < JM_N_DEVICES && rc == 0; d++) {
		rc = jm_json_log_open(&o->keyed[d], o->folder, keyed_names[d], '{', err);
		if (rc == 0)
			rc = jm_json_log_open(&o->listed[d], o->folder, listed_names[d], '[', err);
	}
	jm_output_time(o->start_realtime_ns, time);
	memmove(time + 10, time + 11, strlen(time + 11) + 1); /* the original writes it without the space */
	snprintf(o->metadata, sizeof(o->metadata), "metadata_%s.json", time);
	return rc ? rc : write_reports(o, o->start_realtime_ns, err);
}

static void destroy(struct jm_outputs *o)
{
	int d;

	for (d = 0; d < JM_N_DEVICES; d++) {
		jm_json_log_finish(&o->keyed[d]);
		jm_json_log_finish(&o->listed[d]);
		jm_buffer_finish(&o->groups[d]);
	}
	jm_output_rows_finish(&o->rows);
	free(o);
}

int jm_outputs_open(const char *folder, int64_t realtime_ns, void (*log)(void *ctx, const char *text), void *ctx,
		    struct jm_outputs **out, struct jm_error *err)
{
	struct jm_outputs *o = calloc(1, sizeof(*o));
	int rc;

	if (!o)
		return jm_error_set(err, JM_E_NOMEM, "out of memory for the files");
	o->log = log;
	o->ctx = ctx;
	o->start_realtime_ns = realtime_ns;
	rc = make_folder(o, folder, err);
	if (rc == 0)
		rc = open_files(o, err);
	if (rc != 0) {
		destroy(o);
		return rc;
	}
	*out = o;
	return 0;
}

void jm_outputs_close(struct jm_outputs *o, int64_t realtime_ns)
{
	if (!o)
		return;
	o->is_changed = o->is_urgent = true;
	jm_outputs_work(o, INT64_MAX - 1, realtime_ns);
	destroy(o);
}
