/* What a watched process is: command, container, numbers in namespaces; and its memory, which costs too much for every snapshot. */
#define _GNU_SOURCE
#include "process/watch_internal.h"

#include "core/grow.h"
#include "core/units.h"
#include "process/container.h"

#include <stdlib.h>
#include <string.h>

/* Longest command kept. */
#define COMMAND_MAX 2048
/* Each process's memory is read so often, */
#define MEMORY_PERIOD_NS (60 * JM_NS_PER_S)
/* but no longer behind one snapshot than this; one is always read. */
#define MEMORY_BUDGET_NS (3 * JM_NS_PER_MS)
/* The first time comes soon, and spread, so that short runs have it. */
#define MEMORY_FIRST_NS JM_NS_PER_S

/* Keeps a text until the next snapshot. */
static const char *keep(struct jm_process_watch *w, const char *text, size_t n)
{
	char *copy;

	if (n == 0)
		return "";
	copy = malloc(n + 1);
	if (!copy || !jm_grow(&w->texts, &w->texts_capacity, w->n_texts, sizeof(char *))) {
		free(copy);
		return NULL;
	}
	memcpy(copy, text, n);
	copy[n] = '\0';
	w->texts[w->n_texts++] = copy;
	return copy;
}

static const char *read_command(struct jm_process_watch *w, int64_t pid)
{
	int64_t n = jm_watch_read(w, pid, "cmdline", w->scratch, COMMAND_MAX), i;

	while (n > 0 && w->scratch[n - 1] == '\0')
		n--;
	for (i = 0; i < n; i++)
		if ((unsigned char)w->scratch[i] < ' ')
			w->scratch[i] = ' ';
	return keep(w, w->scratch, n > 0 ? (size_t)n : 0);
}

static const char *read_cgroup(struct jm_process_watch *w, int64_t pid)
{
	int64_t n = jm_watch_read(w, pid, "cgroup", w->scratch, JM_WATCH_SCRATCH);
	const char *path = NULL;
	size_t length = n > 0 ? jm_proc_cgroup(w->scratch, (size_t)n, &path) : 0;

	return keep(w, path, length < 4096 ? length : 4096);
}

static int64_t read_ns_pid(struct jm_process_watch *w, int64_t pid)
{
	int64_t n = jm_watch_read(w, pid, "status", w->scratch, JM_WATCH_SCRATCH), numbers[32];
	size_t count = n > 0 ? jm_proc_status_numbers(w->scratch, (size_t)n, "NSpid:", numbers, 32) : 0;

	return count ? numbers[count - 1] : pid;
}

static int describe(struct jm_process_watch *w, struct jm_watch_slot *s)
{
	struct jm_process p = {.id = s->id,
			       .pid = s->pid,
			       .parent_pid = s->parent_pid,
			       .start_ticks = s->start_ticks,
			       .first_ns = s->first_ns,
			       .is_root = s->is_root};
	struct jm_container container;

	if (!jm_grow(&w->described, &w->described_capacity, w->n_described, sizeof(p)))
		return JM_E_NOMEM;
	p.name = keep(w, s->comm, strlen(s->comm));
	p.command = read_command(w, s->pid);
	p.cgroup = read_cgroup(w, s->pid);
	p.ns_pid = read_ns_pid(w, s->pid);
	if (!p.name || !p.command || !p.cgroup)
		return JM_E_NOMEM;
	jm_container_find(p.cgroup, &container);
	p.runtime = keep(w, container.runtime, strlen(container.runtime));
	p.container = keep(w, container.id, strlen(container.id));
	p.pod = keep(w, container.pod, strlen(container.pod));
	if (!p.runtime || !p.container || !p.pod)
		return JM_E_NOMEM;
	w->described[w->n_described++] = p;
	s->is_described = true;
	return 0;
}

/* What little is known of one whose turn has not come: so that no sample is without its process. */
static int describe_briefly(struct jm_process_watch *w, struct jm_watch_slot *s)
{
	struct jm_process p = {.id = s->id,
			       .pid = s->pid,
			       .parent_pid = s->parent_pid,
			       .ns_pid = s->pid,
			       .start_ticks = s->start_ticks,
			       .first_ns = s->first_ns,
			       .is_root = s->is_root,
			       .command = "",
			       .cgroup = "",
			       .runtime = "",
			       .container = "",
			       .pod = ""};

	if (!jm_grow(&w->described, &w->described_capacity, w->n_described, sizeof(p)))
		return JM_E_NOMEM;
	p.name = keep(w, s->comm, strlen(s->comm));
	if (!p.name)
		return JM_E_NOMEM;
	w->described[w->n_described++] = p;
	s->is_described = true;
	return 0;
}

int jm_watch_describe(struct jm_process_watch *w, bool any)
{
	size_t i;
	int rc = 0;

	for (i = 0; rc == 0 && i < w->n_slots; i++) {
		struct jm_watch_slot *s = w->slots[i];

		if (s->first_ns == 0)
			s->first_ns = w->last_ns;
		/* Of one that is gone the files may be another process's by now. */
		if (!s->needs_description || (s->is_described && (!any || s->is_gone)))
			continue;
		if (!s->is_gone && w->n_read < w->options.max_described) {
			w->n_read++;
			rc = describe(w, s);
			/* Between fork and exec a child looks like its parent: it is looked at once more. */
			s->needs_description = s->n_looks < 2;
		} else if (!s->is_described) {
			rc = describe_briefly(w, s);
		}
	}
	return rc;
}

static int read_memory(struct jm_process_watch *w, const struct jm_watch_slot *s, int64_t now_ns)
{
	int64_t n = jm_watch_read(w, s->pid, "smaps_rollup", w->scratch, JM_WATCH_SCRATCH), pss, uss;

	/* Of others, or of a kernel thread: it stays unknown. */
	if (n <= 0 || jm_proc_kilobytes(w->scratch, (size_t)n, "Pss:", &pss) ||
	    jm_proc_kilobytes(w->scratch, (size_t)n, "Private_", &uss))
		return 0;
	if (!jm_grow(&w->memory, &w->memory_capacity, w->n_memory, sizeof(*w->memory)))
		return JM_E_NOMEM;
	w->memory[w->n_memory++] = (struct jm_process_memory){
	    .process = s->id, .t_ns = now_ns, .pss_bytes = pss * 1024, .uss_bytes = uss * 1024};
	return 0;
}

/* So many that all have had their turn within the period. */
static size_t turns(const struct jm_process_watch *w, int64_t now_ns)
{
	int64_t since_ns = w->memory_ns ? now_ns - w->memory_ns : 0;

	return 1 + (size_t)((double)w->n_slots * (double)since_ns / (double)MEMORY_PERIOD_NS);
}

int jm_watch_memory(struct jm_process_watch *w, int64_t now_ns)
{
	size_t left = turns(w, now_ns), i;
	int64_t t_ns = now_ns;
	int rc = 0;

	w->memory_ns = now_ns;
	for (i = 0; i < w->n_slots && rc == 0 && left > 0 && t_ns <= now_ns + MEMORY_BUDGET_NS; i++) {
		struct jm_watch_slot *s = w->slots[w->memory_at++ % w->n_slots];

		if (s->memory_due_ns == 0)
			s->memory_due_ns = now_ns + MEMORY_FIRST_NS;
		if (s->memory_due_ns > now_ns)
			continue;
		rc = read_memory(w, s, t_ns);
		s->memory_due_ns = now_ns + MEMORY_PERIOD_NS;
		t_ns = jm_env_now(&w->env);
		left--;
	}
	w->memory_at = w->n_slots ? w->memory_at % w->n_slots : 0;
	return rc;
}
