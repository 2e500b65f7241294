#include "top/model.h"

#include "core/units.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHANNELS_MAX 256

/* What stood before an update, to take differences from. */
struct before {
	const struct jm_top_process *processes;
	size_t n_processes;
	double s; /* time since then; NAN: there was none */
};

static const struct jm_top_process *find(const struct before *b, uint32_t id)
{
	size_t low = 0, high = b->n_processes;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (b->processes[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low < b->n_processes && b->processes[low].id == id ? &b->processes[low] : NULL;
}

static double rate(double now, double then, double s)
{
	return s > 0 ? (now - then) / s : NAN;
}

static void push_history(struct jm_top_channel *c)
{
	if (c->n_history == JM_TOP_HISTORY)
		memmove(c->history_w, c->history_w + 1, --c->n_history * sizeof(c->history_w[0]));
	c->history_w[c->n_history++] = c->power_w;
}

/* Says whether no other channel that is split contains channel i: these add up. */
static bool is_outermost(const struct jm_live_channel *all, size_t n, size_t i)
{
	size_t guard;
	int at = all[i].part_of;

	for (guard = 0; at >= 0 && guard < n; guard++) {
		if (all[at].is_split)
			return false;
		at = all[at].part_of;
	}
	return true;
}

/* Power of a channel is energy by the time that was seen of it: where nothing was read it is unknown. */
static void update_channel(struct jm_top_channel *c, const struct jm_live_channel *now, bool is_first)
{
	double seen_s = now->seen_s - c->seen_s;

	snprintf(c->name, sizeof(c->name), "%s", now->info.name);
	c->state = strcmp(now->info.state, "estimated") == 0 || !isnan(now->low_w) ? "estimated"
		   : strcmp(now->info.state, "measured") == 0                      ? "measured"
										   : "unavailable";
	c->is_counted = now->is_counted;
	c->is_split = now->is_split;
	c->is_lost = now->is_lost;
	c->is_gpu = strcmp(now->info.domain, "gpu") == 0;
	c->power_w = is_first ? NAN : rate(now->energy_j, c->energy_j, seen_s);
	c->energy_j = now->energy_j;
	c->seen_s = now->seen_s;
	c->n_expected = now->n_expected;
	c->n_taken = now->n_taken;
	c->n_late = now->n_late;
	c->n_missed = now->n_missed;
	c->n_lost = now->n_lost;
	if (!is_first)
		push_history(c);
}

static void update_split(struct jm_top *top, const struct jm_live_channel *all, size_t n, double s)
{
	struct jm_top_split *split = &top->split;
	size_t i;

	memset(split, 0, sizeof(*split));
	top->split_reason[0] = '\0';
	for (i = 0; i < n; i++) {
		struct jm_top_channel *c = &top->channels[i];

		c->is_outermost = is_outermost(all, n, i);
		if (!all[i].is_split && !top->split_reason[0])
			snprintf(top->split_reason, sizeof(top->split_reason), "%s", all[i].split_reason);
		if (all[i].is_split && c->is_outermost) {
			double idle_w = rate(all[i].idle_j, c->idle_j, s),
			       others_w = rate(all[i].others_j, c->others_j, s),
			       unknown_w = rate(all[i].unattributed_j, c->unattributed_j, s);

			split->all_w += c->power_w;
			split->idle_w += idle_w;
			split->others_w += others_w;
			split->unattributed_w += unknown_w;
		}
		c->idle_j = all[i].idle_j;
		c->others_j = all[i].others_j;
		c->unattributed_j = all[i].unattributed_j;
	}
	/* Those that ended since are among them, and in no row. */
	split->processes_w = split->all_w - split->idle_w - split->others_w - split->unattributed_w;
}

/* "/usr/bin/python3 run.py" is "python3 run.py": a screen has few columns. */
static const char *without_folder(const char *command)
{
	size_t n = strcspn(command, " "), i;

	for (i = n; i > 0; i--)
		if (command[i - 1] == '/')
			return i < n ? command + i : command;
	return command;
}

static void update_process(const struct jm_top *top, struct jm_top_process *p, const struct jm_live_process *now,
			   const struct before *before)
{
	const struct jm_top_process *then = find(before, now->id);
	size_t i;

	memset(p, 0, sizeof(*p));
	p->id = now->id;
	p->pid = now->pid;
	snprintf(p->name, sizeof(p->name), "%s", now->command[0] ? without_folder(now->command) : now->name);
	if (now->container[0])
		snprintf(p->container, sizeof(p->container), "%.16s %.12s", now->runtime, now->container);
	else if (now->pod[0])
		snprintf(p->container, sizeof(p->container), "pod %.8s", now->pod);
	p->cpu_s = now->cpu_s;
	for (i = 0; i < top->n_channels; i++) {
		const struct jm_top_channel *c = &top->channels[i];

		if (!c->is_split || !c->is_outermost)
			continue;
		p->energy_j += now->energy_j[i];
		p->gpu_j += c->is_gpu ? now->energy_j[i] : 0;
	}
	p->rss_bytes = now->rss_bytes;
	p->cpu_fraction = then ? rate(p->cpu_s, then->cpu_s, before->s) : NAN;
	p->power_w = then ? rate(p->energy_j, then->energy_j, before->s) : NAN;
	p->gpu_w = then ? rate(p->gpu_j, then->gpu_j, before->s) : NAN;
	p->share = p->power_w / top->split.all_w;
}

static int compare_id(const void *a, const void *b)
{
	const struct jm_top_process *x = a, *y = b;

	return (x->id > y->id) - (x->id < y->id);
}

static int take_processes(struct jm_top *top, const struct jm_live *live, double s)
{
	const struct before before = {top->processes, top->n_processes, s};
	struct jm_live_process now;
	struct jm_live_state state;
	struct jm_top_process *list;
	size_t at = 0, n = 0, capacity;

	jm_live_state(live, &state);
	capacity = state.n_processes + 64;
	list = malloc(capacity * sizeof(*list));
	if (!list)
		return JM_E_NOMEM;
	top->has_containers = false;
	while (n < capacity && jm_live_next_process(live, &at, &now)) {
		if (now.is_gone)
			continue;
		update_process(top, &list[n], &now, &before);
		top->has_containers = top->has_containers || list[n].container[0];
		n++;
	}
	qsort(list, n, sizeof(*list), compare_id);
	free(top->processes);
	top->processes = list;
	top->n_processes = n;
	return 0;
}

static void take_note(struct jm_top *top, const struct jm_live *live)
{
	const char *text;
	size_t i;

	top->note[0] = '\0';
	for (i = 0; (text = jm_live_note(live, i)); i++)
		snprintf(top->note, sizeof(top->note), "%s", text);
}

static void update_own_cost(struct jm_top *top, bool is_first)
{
	int64_t cpu_ns, rss_bytes;

	jm_own_cost(&cpu_ns, &rss_bytes);
	if (is_first)
		top->own_cpu_started_s = jm_s_from_ns(cpu_ns);
	top->own_cost.cpu_s = jm_s_from_ns(cpu_ns) - top->own_cpu_started_s;
	top->own_cost.wall_s = jm_s_from_ns(top->updated_ns - top->started_ns);
	top->own_cost.rss_bytes = rss_bytes > 0 ? (uint64_t)rss_bytes : 0;
}

int jm_top_update(struct jm_top *top, const struct jm_live *live)
{
	size_t n = jm_live_n_channels(live), i;
	struct jm_live_channel all[CHANNELS_MAX];
	struct jm_live_state state;
	bool is_first = top->n_updates == 0;
	double s;

	n = n < CHANNELS_MAX ? n : CHANNELS_MAX;
	if (is_first)
		top->channels = calloc(n + 1, sizeof(*top->channels));
	if (!top->channels)
		return JM_E_NOMEM;
	jm_live_state(live, &state);
	s = is_first ? NAN : jm_s_from_ns(state.t_ns - top->updated_ns);
	top->n_channels = n;
	top->has_gpu = false;
	for (i = 0; i < n; i++) {
		jm_live_channel(live, i, &all[i]);
		update_channel(&top->channels[i], &all[i], is_first);
		top->has_gpu = top->has_gpu || (top->channels[i].is_gpu && all[i].is_split);
	}
	update_split(top, all, n, s);
	if (take_processes(top, live, s))
		return JM_E_NOMEM;
	take_note(top, live);
	top->started_ns = is_first ? state.t_ns : top->started_ns;
	top->updated_ns = state.t_ns;
	top->realtime_ns = state.realtime_ns;
	update_own_cost(top, is_first);
	top->n_updates++;
	return 0;
}

void jm_top_finish(struct jm_top *top)
{
	free(top->channels);
	free(top->processes);
	memset(top, 0, sizeof(*top));
}
