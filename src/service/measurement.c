#include "service/measurement_internal.h"

#include "core/error.h"
#include "core/grow.h"
#include "core/units.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

const char *jm_device_text(enum jm_device device)
{
#define TEXT(name, text) text,
	static const char *const texts[] = {JM_DEVICE_LIST(TEXT)};
#undef TEXT
	return (unsigned)device < JM_N_DEVICES ? texts[device] : "unknown";
}

const char *jm_measure_state_text(enum jm_measure_state state)
{
	static const char *const texts[] = {"waiting", "running", "done", "gone"};

	return (unsigned)state < sizeof(texts) / sizeof(texts[0]) ? texts[state] : "unknown";
}

struct jm_measure_result jm_measure_between(const struct jm_moment *from, const struct jm_moment *to,
					    enum jm_device device)
{
	const struct jm_device_sum *a = &from->devices[device], *b = &to->devices[device];
	struct jm_measure_result r = {.low_j = NAN, .high_j = NAN, .power_w = NAN};
	double machine_j = b->machine_j - a->machine_j;

	if (!b->is_known)
		return r;
	r.is_known = true;
	r.is_estimated = b->is_estimated;
	r.energy_j = b->energy_j - a->energy_j;
	r.seen_s = b->seen_s - a->seen_s;
	if (r.seen_s > 0)
		r.power_w = r.energy_j / r.seen_s;
	/* A part of the whole is as uncertain as the whole; how well the split is, no sensor tells. */
	if (machine_j > 0) {
		r.low_j = r.energy_j * ((b->low_j - a->low_j) / machine_j);
		r.high_j = r.energy_j * ((b->high_j - a->high_j) / machine_j);
	}
	return r;
}

void jm_measurements_tell(struct jm_measurements *all, enum jm_measure_event event, const struct jm_measurement *m,
			  const struct jm_measure_part *part)
{
	size_t i;

	for (i = 0; i < all->n_listeners; i++)
		all->listeners[i].tell(all->listeners[i].ctx, event, m, part);
}

static size_t limit_or(size_t limit, size_t otherwise)
{
	return limit ? limit : otherwise;
}

int jm_measurements_create(const struct jm_measure_world *world, const struct jm_measure_limits *limits,
			   struct jm_measurements **out, struct jm_error *err)
{
	struct jm_measurements *all = calloc(1, sizeof(*all));

	if (!all)
		return jm_error_set(err, JM_E_NOMEM, "out of memory for the measurements");
	all->world = *world;
	all->limits.max_active = limit_or(limits->max_active, 1024);
	all->limits.max_kept = limit_or(limits->max_kept, 1024);
	all->limits.max_pids = limit_or(limits->max_pids, 4096);
	all->limits.max_parts = limit_or(limits->max_parts, 16384);
	all->next_id = 1;
	*out = all;
	return 0;
}

static void free_measurement(struct jm_measurements *all, struct jm_measurement *m)
{
	size_t i;

	for (i = 0; i < m->n_parts; i++)
		if (m->parts[i].state == JM_MEASURE_RUNNING)
			all->world.unwatch(all->world.ctx, m->parts[i].id);
	all->n_parts -= m->n_parts;
	jm_measurement_free(m);
}

void jm_measurements_destroy(struct jm_measurements *all)
{
	size_t i;

	if (!all)
		return;
	for (i = 0; i < all->n_items; i++)
		free_measurement(all, all->items[i]);
	free(all->items);
	free(all);
}

int jm_measurements_listen(struct jm_measurements *all, const struct jm_measure_listener *listener)
{
	if (all->n_listeners == JM_MEASURE_LISTENERS_MAX)
		return JM_E_NOMEM;
	all->listeners[all->n_listeners++] = *listener;
	return 0;
}

static bool is_active(const struct jm_measurement *m)
{
	return m->state == JM_MEASURE_WAITING || m->state == JM_MEASURE_RUNNING;
}

static void end_part(struct jm_measurements *all, struct jm_measurement *m, struct jm_measure_part *part,
		     enum jm_measure_state state, const char *reason)
{
	if (part->state == JM_MEASURE_RUNNING)
		all->world.unwatch(all->world.ctx, part->id);
	part->state = state;
	snprintf(part->reason, sizeof(part->reason), "%s", reason);
	jm_measurements_tell(all, JM_MEASURE_PART_ENDED, m, part);
}

void jm_measurements_end_if_over(struct jm_measurements *all, struct jm_measurement *m, int64_t now_ns)
{
	size_t i, n_gone = 0;

	for (i = 0; i < m->n_parts; i++) {
		if (m->parts[i].state == JM_MEASURE_WAITING || m->parts[i].state == JM_MEASURE_RUNNING)
			return;
		n_gone += m->parts[i].state == JM_MEASURE_GONE;
	}
	if (m->state == JM_MEASURE_RUNNING)
		all->world.machine(all->world.ctx, &m->machine_last);
	m->state = n_gone == m->n_parts ? JM_MEASURE_GONE : JM_MEASURE_DONE;
	m->end_ns = now_ns;
	all->n_active--;
	all->n_gone += m->state == JM_MEASURE_GONE;
	all->n_done += m->state == JM_MEASURE_DONE;
	jm_measurements_tell(all, JM_MEASURE_ENDED, m, NULL);
}

static void take_sample(struct jm_measurements *all, struct jm_measurement *m, struct jm_measure_part *part)
{
	struct jm_moment now;

	all->world.process(all->world.ctx, part->id, &now);
	if (!part->name[0])
		snprintf(part->name, sizeof(part->name), "%s", all->world.name(all->world.ctx, part->id));
	if (now.t_ns <= part->last.t_ns)
		return;
	part->previous = part->last;
	part->last = now;
	part->n_samples++;
	jm_measurements_tell(all, JM_MEASURE_SAMPLED, m, part);
}

static int start(struct jm_measurements *all, struct jm_measurement *m, int64_t now_ns, struct jm_error *err)
{
	struct jm_error why = {0};
	size_t i, n_running = 0;

	all->world.refresh(all->world.ctx);
	all->world.machine(all->world.ctx, &m->machine_first);
	m->machine_last = m->machine_first;
	m->state = JM_MEASURE_RUNNING;
	for (i = 0; i < m->n_parts; i++) {
		struct jm_measure_part *part = &m->parts[i];

		if (part->state != JM_MEASURE_WAITING)
			continue;
		if (all->world.watch(all->world.ctx, part->pid, &part->id, &why)) {
			part->state = JM_MEASURE_GONE;
			snprintf(part->reason, sizeof(part->reason), "%.159s", why.message);
			continue;
		}
		part->state = JM_MEASURE_RUNNING;
		all->world.process(all->world.ctx, part->id, &part->first);
		part->previous = part->last = part->first;
		n_running++;
	}
	if (all->world.begin)
		all->world.begin(all->world.ctx);
	jm_measurements_tell(all, JM_MEASURE_STARTED, m, NULL);
	for (i = 0; i < m->n_parts; i++)
		if (m->parts[i].state == JM_MEASURE_GONE)
			jm_measurements_tell(all, JM_MEASURE_PART_ENDED, m, &m->parts[i]);
	if (n_running)
		return 0;
	if (err)
		*err = why;
	jm_measurements_end_if_over(all, m, now_ns);
	return why.code ? why.code : JM_E_NOT_FOUND;
}

static void stop(struct jm_measurements *all, struct jm_measurement *m, int64_t now_ns)
{
	size_t i;

	if (!is_active(m))
		return;
	if (m->state == JM_MEASURE_RUNNING)
		all->world.refresh(all->world.ctx);
	for (i = 0; i < m->n_parts; i++) {
		struct jm_measure_part *part = &m->parts[i];

		if (part->state == JM_MEASURE_RUNNING)
			take_sample(all, m, part);
		if (part->state == JM_MEASURE_RUNNING || part->state == JM_MEASURE_WAITING)
			end_part(all, m, part, JM_MEASURE_DONE, "");
	}
	jm_measurements_end_if_over(all, m, now_ns);
}

/* The oldest that have ended make room. */
static void make_room(struct jm_measurements *all, size_t n_parts)
{
	size_t i, kept = 0, n_kept = all->n_items - all->n_active;

	for (i = 0; i < all->n_items; i++) {
		struct jm_measurement *m = all->items[i];
		bool is_too_many = n_kept >= all->limits.max_kept || all->n_parts + n_parts > all->limits.max_parts;

		if (is_active(m) || !is_too_many) {
			all->items[kept++] = m;
			continue;
		}
		free_measurement(all, m);
		n_kept--;
	}
	all->n_items = kept;
}

static int check(const struct jm_measurements *all, const struct jm_measure_request *r, struct jm_error *err)
{
	size_t i, k;

	if (r->n_pids == 0)
		return jm_error_set(err, JM_E_INVALID, "no process is named");
	if (r->n_pids > all->limits.max_pids)
		return jm_error_set(err, JM_E_FULL, "%zu processes in one request; at most %zu are taken", r->n_pids,
				    all->limits.max_pids);
	for (i = 0; i < r->n_pids; i++) {
		if (r->pids[i] <= 0 || r->pids[i] > INT32_MAX)
			return jm_error_set(err, JM_E_INVALID, "%lld is no number of a process", (long long)r->pids[i]);
		for (k = 0; k < i; k++)
			if (r->pids[k] == r->pids[i])
				return jm_error_set(err, JM_E_INVALID, "process %lld is named twice",
						    (long long)r->pids[i]);
	}
	if (r->devices & ~JM_DEVICE_ALL)
		return jm_error_set(err, JM_E_INVALID, "there is no such device");
	if (r->start_ns < 0 || r->duration_ns < 0 || r->duration_ns > INT64_MAX / 4 || r->start_ns > INT64_MAX / 4)
		return jm_error_set(err, JM_E_INVALID, "start and duration must not be negative or beyond all time");
	if (all->n_active >= all->limits.max_active)
		return jm_error_set(err, JM_E_FULL, "%zu measurements are under way, and no more are taken",
				    all->n_active);
	return 0;
}

static struct jm_measurement *create(const struct jm_measure_request *r, int64_t now_ns, int64_t realtime_ns)
{
	struct jm_measurement *m = calloc(1, sizeof(*m));
	size_t i;

	if (!m)
		return NULL;
	m->parts = calloc(r->n_pids, sizeof(*m->parts));
	if (!m->parts) {
		free(m);
		return NULL;
	}
	m->n_parts = r->n_pids;
	for (i = 0; i < r->n_pids; i++)
		m->parts[i].pid = r->pids[i];
	snprintf(m->label, sizeof(m->label), "%s", r->label ? r->label : "");
	m->devices = r->devices ? r->devices : JM_DEVICE_ALL;
	m->asked_ns = now_ns;
	m->asked_realtime_ns = realtime_ns;
	m->start_ns = r->start_ns > now_ns ? r->start_ns : now_ns;
	m->end_ns = r->duration_ns ? m->start_ns + r->duration_ns : INT64_MAX;
	return m;
}

int jm_measurements_add(struct jm_measurements *all, const struct jm_measure_request *request, int64_t now_ns,
			int64_t realtime_ns, uint64_t *id_out, struct jm_error *err)
{
	struct jm_measurement *m;
	int rc = check(all, request, err);

	if (rc)
		return rc;
	make_room(all, request->n_pids);
	if (all->n_parts + request->n_pids > all->limits.max_parts)
		return jm_error_set(err, JM_E_FULL, "%zu processes are under measurement; at most %zu can be",
				    all->n_parts, all->limits.max_parts);
	m = jm_grow(&all->items, &all->capacity, all->n_items, sizeof(*all->items)) ? create(request, now_ns, realtime_ns) : NULL;
	if (!m)
		return jm_error_set(err, JM_E_NOMEM, "out of memory for a measurement");
	m->id = all->next_id++;
	all->items[all->n_items++] = m;
	all->n_active++;
	all->n_parts += m->n_parts;
	jm_measurements_tell(all, JM_MEASURE_ADDED, m, NULL);
	*id_out = m->id;
	return m->start_ns <= now_ns ? start(all, m, now_ns, err) : 0;
}

static struct jm_measurement *find(const struct jm_measurements *all, uint64_t id)
{
	size_t low = 0, high = all->n_items;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (all->items[middle]->id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low < all->n_items && all->items[low]->id == id ? all->items[low] : NULL;
}

int jm_measurements_stop(struct jm_measurements *all, uint64_t id, int64_t now_ns)
{
	struct jm_measurement *m = find(all, id);

	if (!m)
		return JM_E_NOT_FOUND;
	stop(all, m, now_ns);
	return 0;
}

size_t jm_measurements_stop_pid(struct jm_measurements *all, int64_t pid, int64_t now_ns)
{
	size_t i, k, n = 0;

	for (i = 0; i < all->n_items; i++) {
		struct jm_measurement *m = all->items[i];

		for (k = 0; is_active(m) && k < m->n_parts; k++) {
			struct jm_measure_part *part = &m->parts[k];

			if (part->pid != pid || part->state > JM_MEASURE_RUNNING)
				continue;
			if (n == 0)
				all->world.refresh(all->world.ctx);
			if (part->state == JM_MEASURE_RUNNING)
				take_sample(all, m, part);
			end_part(all, m, part, JM_MEASURE_DONE, "");
			jm_measurements_end_if_over(all, m, now_ns);
			n++;
		}
	}
	return n;
}

void jm_measurements_stop_all(struct jm_measurements *all, int64_t now_ns)
{
	size_t i;

	for (i = 0; i < all->n_items; i++)
		stop(all, all->items[i], now_ns);
}

static void sample_all(struct jm_measurements *all, struct jm_measurement *m, int64_t now_ns)
{
	size_t i;

	for (i = 0; i < m->n_parts; i++) {
		struct jm_measure_part *part = &m->parts[i];

		if (part->state != JM_MEASURE_RUNNING)
			continue;
		take_sample(all, m, part);
		if (part->last.is_gone)
			end_part(all, m, part, JM_MEASURE_GONE, "the process ended");
	}
	all->world.machine(all->world.ctx, &m->machine_last);
	jm_measurements_end_if_over(all, m, now_ns);
}

void jm_measurements_tick(struct jm_measurements *all, int64_t now_ns)
{
	size_t i;

	for (i = 0; i < all->n_items; i++) {
		struct jm_measurement *m = all->items[i];

		if (m->state == JM_MEASURE_WAITING && now_ns >= m->start_ns)
			start(all, m, now_ns, NULL);
		else if (m->state == JM_MEASURE_RUNNING && now_ns >= m->end_ns)
			stop(all, m, now_ns);
		else if (m->state == JM_MEASURE_RUNNING)
			sample_all(all, m, now_ns);
	}
}

int64_t jm_measurements_due_ns(const struct jm_measurements *all)
{
	int64_t due_ns = INT64_MAX;
	size_t i;

	for (i = 0; i < all->n_items; i++) {
		const struct jm_measurement *m = all->items[i];
		int64_t t_ns = m->state == JM_MEASURE_WAITING   ? m->start_ns
			       : m->state == JM_MEASURE_RUNNING ? m->end_ns
								: INT64_MAX;

		due_ns = t_ns < due_ns ? t_ns : due_ns;
	}
	return due_ns;
}

size_t jm_measurements_n(const struct jm_measurements *all)
{
	return all->n_items;
}

size_t jm_measurements_n_active(const struct jm_measurements *all)
{
	return all->n_active;
}

size_t jm_measurements_n_running(const struct jm_measurements *all)
{
	size_t i, n = 0;

	for (i = 0; i < all->n_items; i++)
		n += all->items[i]->state == JM_MEASURE_RUNNING;
	return n;
}

uint64_t jm_measurements_n_ever(const struct jm_measurements *all)
{
	return all->next_id - 1;
}

uint64_t jm_measurements_n_ended(const struct jm_measurements *all, enum jm_measure_state state)
{
	return state == JM_MEASURE_DONE ? all->n_done : state == JM_MEASURE_GONE ? all->n_gone : 0;
}

const struct jm_measurement *jm_measurements_get(const struct jm_measurements *all, uint64_t id)
{
	return find(all, id);
}

const struct jm_measurement *jm_measurements_at(const struct jm_measurements *all, size_t i)
{
	return i < all->n_items ? all->items[i] : NULL;
}
