/* Hardware counters of the watched processes, as far as kernel and descriptors allow. */
#include "process/watch_internal.h"

#include "core/error.h"
#include "core/grow.h"

#include <unistd.h>

/* Threads of one process: beyond that it is not counted, and weighs as the mean of those that are. */
#define THREADS_MAX 256

void jm_watch_counts_begin(struct jm_process_watch *w)
{
	long n_cpus = sysconf(_SC_NPROCESSORS_CONF);
	struct jm_error why = {0};
	int rc;

	if (!w->options.with_counts)
		return;
	if (!w->is_own_namespace) {
		jm_error_set(&w->counts_why, JM_E_UNSUPPORTED,
			     "processes of another namespace have other numbers than those the kernel counts by");
		return;
	}
	rc = jm_counts_probe(&w->env, &w->counts_mode, &why);
	if (rc) {
		jm_error_set(&w->counts_why, rc, "%s%s%s", why.message, why.remedy[0] ? "; mend: " : "", why.remedy);
		return;
	}
	/* Half of the descriptors; the others are for stat. */
	w->counters_left = w->options.max_open / 2;
	w->options.max_open -= w->counters_left;
	if (n_cpus > 0 && (size_t)n_cpus * JM_N_COUNTS <= w->counters_left / 2 &&
	    jm_counts_open_machine(&w->env, w->counts_mode, (size_t)n_cpus, &w->machine) == 0)
		w->counters_left -= w->machine.n;
}

void jm_watch_counts_end(struct jm_process_watch *w)
{
	jm_counts_close(&w->machine);
}

static void tell_full(struct jm_process_watch *w)
{
	if (!w->is_counts_told)
		jm_watch_note(w,
			      "not all processes have hardware counters (descriptors, or threads of one process): the "
			      "others weigh as the mean of those that have");
	w->is_counts_told = true;
}

void jm_watch_counts_open(struct jm_process_watch *w, struct jm_watch_slot *s)
{
	size_t most = w->counters_left / JM_N_COUNTS;
	int rc;

	if (w->counts_mode == JM_COUNTS_NONE)
		return;
	rc = jm_counts_open(&w->env, w->proc_fd, s->pid, w->counts_mode, most < THREADS_MAX ? most : THREADS_MAX,
			    &s->counters);
	if (rc == JM_E_FULL)
		tell_full(w);
	if (rc)
		return;
	w->counters_left -= s->counters.n;
	jm_counts_read(&s->counters, s->counts);
}

void jm_watch_counts_close(struct jm_process_watch *w, struct jm_watch_slot *s)
{
	w->counters_left += s->counters.n;
	jm_counts_close(&s->counters);
}

void jm_watch_counts_look(struct jm_watch_slot *s)
{
	int64_t now[JM_N_COUNTS];
	int i;

	if (s->counters.n == 0)
		return;
	jm_counts_read(&s->counters, now);
	for (i = 0; i < JM_N_COUNTS; i++)
		s->counts[i] = now[i] < 0 ? -1 : now[i] > s->counts[i] ? now[i] : s->counts[i];
}

int jm_watch_counts_add(struct jm_process_watch *w, const struct jm_watch_slot *s)
{
	struct jm_process_count row = {.process = s ? s->id : JM_PROCESS_MACHINE};
	int i;

	if (!jm_grow(&w->counts, &w->counts_capacity, w->n_counts, sizeof(*w->counts)))
		return JM_E_NOMEM;
	if (!s)
		jm_counts_read(&w->machine, row.counts);
	for (i = 0; s && i < JM_N_COUNTS; i++)
		row.counts[i] = s->counts[i];
	w->counts[w->n_counts++] = row;
	return 0;
}

const char *jm_process_watch_counts(const struct jm_process_watch *w, const char **why_out)
{
	bool is_counting = w->counts_mode != JM_COUNTS_NONE;

	if (why_out)
		*why_out = is_counting ? NULL : w->counts_why.code ? w->counts_why.message : "not asked for";
	return is_counting ? jm_counts_mode_text(w->counts_mode) : NULL;
}
