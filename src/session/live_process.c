/* The processes of a live view: a record for each that is watched, or from which one that is descends. */
#include "session/live_internal.h"

#include "core/error.h"
#include "core/grow.h"
#include "core/units.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The most by which the machine's own count may lag behind that of its processes: a few ticks (attribution/split.c). */
#define CARRY_S 0.05

static size_t place_of(const struct jm_live *live, uint32_t id)
{
	size_t low = 0, high = live->n_records;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (live->records[middle]->id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct jm_live_record *find(const struct jm_live *live, uint32_t id)
{
	size_t i = place_of(live, id);

	return i < live->n_records && live->records[i]->id == id ? live->records[i] : NULL;
}

const struct jm_live_record *jm_live_find(const struct jm_live *live, uint32_t id)
{
	return find(live, id);
}

static void free_texts(struct jm_live_process *p)
{
	free((char *)p->name);
	free((char *)p->command);
	free((char *)p->runtime);
	free((char *)p->container);
	free((char *)p->pod);
}

static void free_record(struct jm_live *live, struct jm_live_record *r)
{
	if (r->parent)
		r->parent->n_children--;
	jm_live_leave_group(live, r);
	live->n_alive -= !r->facts.is_gone;
	free_texts(&r->facts);
	free(r->cgroup);
	free(r->energy_j);
	free(r);
}

void jm_live_free_records(struct jm_live *live)
{
	size_t i;

	for (i = 0; i < live->n_records; i++)
		live->records[i]->parent = NULL;
	for (i = 0; i < live->n_records; i++)
		free_record(live, live->records[i]);
	free(live->records);
	free(live->groups);
	live->records = NULL;
	live->groups = NULL;
	live->n_records = 0;
}

static struct jm_live_record *new_record(struct jm_live *live, uint32_t id, int64_t pid)
{
	size_t n_channels = live->sensors->set.n_channels, at = place_of(live, id);
	struct jm_live_record *r;

	if (!jm_grow(&live->records, &live->records_capacity, live->n_records, sizeof(*live->records)))
		return NULL;
	r = calloc(1, sizeof(*r));
	if (!r)
		return NULL;
	r->energy_j = calloc(2 * n_channels + 1, sizeof(double));
	if (!r->energy_j) {
		free(r);
		return NULL;
	}
	r->tree_j = r->energy_j + n_channels;
	r->id = id;
	r->pss_bytes = -1;
	r->facts.id = id;
	r->facts.pid = pid;
	r->facts.rss_bytes = -1;
	r->facts.energy_j = r->energy_j;
	r->facts.tree_energy_j = r->tree_j;
	memmove(&live->records[at + 1], &live->records[at], (live->n_records - at) * sizeof(struct jm_live_record *));
	live->records[at] = r;
	live->n_records++;
	live->n_alive++;
	return r;
}

static bool keep_text(const char **at, const char *text)
{
	char *copy;

	if (*at && strcmp(*at, text) == 0)
		return true;
	copy = strdup(text);
	if (!copy)
		return false;
	free((char *)*at);
	*at = copy;
	return true;
}

static int describe(struct jm_live *live, const struct jm_process *p)
{
	struct jm_live_record *r = find(live, p->id);

	r = r ? r : new_record(live, p->id, p->pid);
	if (!r)
		return JM_E_NOMEM;
	r->facts.pid = p->pid;
	r->facts.ns_pid = p->ns_pid;
	r->facts.parent_pid = p->parent_pid;
	r->facts.start_ticks = p->start_ticks;
	r->first_ns = p->first_ns;
	if (keep_text((const char **)&r->cgroup, p->cgroup) && keep_text(&r->facts.name, p->name) &&
	    keep_text(&r->facts.command, p->command) && keep_text(&r->facts.runtime, p->runtime) &&
	    keep_text(&r->facts.container, p->container) && keep_text(&r->facts.pod, p->pod))
		return jm_live_join_group(live, r);
	return JM_E_NOMEM;
}

static int compare_pids(const void *a, const void *b)
{
	const struct jm_live_record *x = *(struct jm_live_record *const *)a, *y = *(struct jm_live_record *const *)b;

	return (x->facts.pid > y->facts.pid) - (x->facts.pid < y->facts.pid);
}

static struct jm_live_record *find_pid(struct jm_live_record **by_pid, size_t n, int64_t pid)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (by_pid[middle]->facts.pid < pid)
			low = middle + 1;
		else
			high = middle;
	}
	return low < n && by_pid[low]->facts.pid == pid ? by_pid[low] : NULL;
}

static bool is_above(const struct jm_live_record *above, const struct jm_live_record *r)
{
	for (; r; r = r->parent)
		if (r == above)
			return true;
	return false;
}

/* Whose child a process was when it was seen first is kept: an orphan stays in the tree it came from. */
static int link_parents(struct jm_live *live, const struct jm_process_snapshot *s)
{
	struct jm_live_record **by_pid = s->n_described ? calloc(live->n_records + 1, sizeof(*by_pid)) : NULL;
	size_t n = 0, i;

	if (!s->n_described)
		return 0;
	if (!by_pid)
		return JM_E_NOMEM;
	for (i = 0; i < live->n_records; i++)
		if (!live->records[i]->facts.is_gone)
			by_pid[n++] = live->records[i];
	qsort(by_pid, n, sizeof(*by_pid), compare_pids);
	for (i = 0; i < n; i++) {
		struct jm_live_record *r = by_pid[i],
				      *parent = r->parent ? NULL : find_pid(by_pid, n, r->facts.parent_pid);

		/* A process that is watched later than its child takes over from then on. */
		if (!parent || is_above(r, parent))
			continue;
		r->parent = parent;
		parent->n_children++;
	}
	free(by_pid);
	return 0;
}

static void take_samples(struct jm_live *live, const struct jm_process_snapshot *s, struct jm_live_interval *out)
{
	size_t i;

	for (i = 0; i < s->n_samples; i++) {
		const struct jm_process_sample *sample = &s->samples[i];
		struct jm_live_record *r = find(live, sample->process), *up;
		int64_t done_ns = sample->cpu_ns + sample->reaped_ns;
		double did_s;

		if (!r)
			continue;
		did_s = done_ns > r->done_ns ? jm_s_from_ns(done_ns - r->done_ns) : 0;
		r->done_ns = done_ns;
		r->cpu_ns = sample->cpu_ns;
		r->reaped_ns = sample->reaped_ns;
		r->facts.rss_bytes = sample->rss_bytes;
		r->tick_s += did_s;
		r->facts.cpu_s += did_s;
		out->watched_s += did_s;
		if (r->group)
			r->group->cpu_s += did_s;
		for (up = r; up; up = up->parent)
			up->facts.tree_cpu_s += did_s;
	}
	for (i = 0; i < s->n_memory; i++) {
		struct jm_live_record *r = find(live, s->memory[i].process);

		if (r)
			r->pss_bytes = s->memory[i].pss_bytes;
	}
}

static void take_gone(struct jm_live *live, const struct jm_process_snapshot *s)
{
	size_t i;

	for (i = 0; i < s->n_gone; i++) {
		struct jm_live_record *r = find(live, s->gone[i]);

		if (!r || r->facts.is_gone)
			continue;
		r->facts.is_gone = true;
		if (r->group)
			r->group->n_alive--;
		live->n_alive--;
		live->must_prune = true;
	}
}

/* As attribution/split.c does it: others' time is the machine's less that of the watched; below zero it is carried on. */
static void compare_machine(struct jm_live *live, const struct jm_process_step *b, struct jm_live_interval *out)
{
	const struct jm_process_step *a = &live->step;
	double capacity = jm_s_from_ns(b->t_ns - a->t_ns) * (a->n_cpus < b->n_cpus ? a->n_cpus : b->n_cpus), busy;

	out->used_bytes = (double)b->used_bytes;
	out->is_known = live->has_step && a->is_idle_known && b->is_idle_known && capacity > 0;
	if (!out->is_known)
		return;
	busy = fmin(capacity, fmax(0, capacity - fmax(0, jm_s_from_ns(b->idle_ns - a->idle_ns))));
	live->carry_s = fmax(-CARRY_S, live->carry_s + busy - out->watched_s);
	out->others_s = fmax(0, live->carry_s);
	live->carry_s = fmin(0, live->carry_s);
	out->idle_fraction = fmax(0, 1 - (out->watched_s + out->others_s) / capacity);
	live->others_s += out->others_s;
}

int jm_live_look(struct jm_live *live, struct jm_live_interval *out)
{
	bool is_first = !live->has_step;
	struct jm_process_snapshot s;
	const char *note;
	size_t i;
	int rc;

	for (i = 0; i < live->n_records; i++)
		live->records[i]->tick_s = 0;
	/* Where nobody is watched nobody is looked at. */
	if (!live->watch || (!live->watches_all && live->n_roots == 0)) {
		live->has_step = false;
		return 0;
	}
	rc = jm_process_watch_scan(live->watch, &s);
	for (i = 0; i < s.n_described && rc == 0; i++)
		rc = describe(live, &s.described[i]);
	rc = rc ? rc : link_parents(live, &s);
	jm_live_record_processes(live, &s);
	take_samples(live, &s, out);
	take_gone(live, &s);
	compare_machine(live, &s.step, out);
	live->step = s.step;
	live->has_step = true;
	if (is_first)
		jm_live_look_at_gpus(live, live->step.t_ns, true);
	while ((note = jm_process_watch_note(live->watch, live->n_watch_notes))) {
		jm_live_add_note(live, "%s", note);
		live->n_watch_notes++;
	}
	return rc;
}

/* Wanted is what is watched or descends from it; of those that have ended, who is asked for or has somebody below. */
static bool is_wanted(const struct jm_live *live, const struct jm_live_record *r)
{
	const struct jm_live_record *up = r;

	while (up && !up->n_watchers)
		up = up->parent;
	if (!up && !live->watches_all)
		return false;
	return !r->facts.is_gone || r->n_watchers || r->n_children;
}

static void orphan_children(struct jm_live *live, struct jm_live_record *r)
{
	size_t i;

	for (i = 0; i < live->n_records && r->n_children; i++) {
		if (!live->records[i] || live->records[i]->parent != r)
			continue;
		live->records[i]->parent = NULL;
		r->n_children--;
	}
}

static bool stays(void *ctx, uint32_t id)
{
	return find(ctx, id) != NULL;
}

void jm_live_tidy(struct jm_live *live)
{
	bool was_cut = true;
	size_t i, kept;

	if (!live->must_prune)
		return;
	live->must_prune = false;
	/* With the last child its parent may go, too. */
	while (was_cut) {
		was_cut = false;
		for (i = live->n_records; i-- > 0;) {
			struct jm_live_record *r = live->records[i];

			if (is_wanted(live, r))
				continue;
			orphan_children(live, r);
			free_record(live, r);
			live->records[i] = NULL;
			was_cut = true;
		}
		for (i = kept = 0; i < live->n_records; i++)
			if (live->records[i])
				live->records[kept++] = live->records[i];
		live->n_records = kept;
	}
	jm_process_watch_prune(live->watch, stays, live);
}

int jm_live_add(struct jm_live *live, int64_t pid, uint32_t *id_out, struct jm_error *err)
{
	struct jm_live_record *r;
	uint32_t id;
	int rc;

	if (!live->watch)
		return jm_error_set(err, JM_E_UNSUPPORTED, "no processes can be watched here: there is no /proc");
	rc = jm_process_watch_add(live->watch, pid, false, err);
	if (rc)
		return rc;
	rc = jm_process_watch_id(live->watch, pid, &id);
	r = rc ? NULL : find(live, id);
	if (!r && rc == 0)
		r = new_record(live, id, pid);
	if (!r)
		return jm_error_set(err, rc ? rc : JM_E_NOMEM, "cannot watch process %lld", (long long)pid);
	live->n_roots += r->n_watchers++ == 0;
	r->facts.is_root = true;
	*id_out = id;
	return 0;
}

int jm_live_begin(struct jm_live *live)
{
	struct jm_live_interval none = {0};

	return live->has_step ? 0 : jm_live_look(live, &none);
}

int jm_live_watch(struct jm_live *live, int64_t pid, uint32_t *id_out, struct jm_error *err)
{
	int rc = jm_live_add(live, pid, id_out, err);

	return rc ? rc : jm_live_begin(live);
}

void jm_live_unwatch(struct jm_live *live, uint32_t id)
{
	struct jm_live_record *r = find(live, id);

	if (!r || r->n_watchers == 0)
		return;
	if (--r->n_watchers)
		return;
	r->facts.is_root = false;
	live->n_roots--;
	live->must_prune = true;
}
