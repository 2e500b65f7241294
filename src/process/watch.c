#define _GNU_SOURCE
#include "process/watch_internal.h"

#include "core/error.h"
#include "core/grow.h"
#include "core/units.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* Where nothing tells of forks, or wrongly, the list is read all the same at least so often. */
#define LIST_ROUNDS 10
/* The list of a machine with many processes costs a quarter of looking at all of them: it is read behind every third look then. */
#define LIST_MANY       512
#define LIST_MANY_EVERY 3

int64_t jm_watch_read(const struct jm_process_watch *w, int64_t pid, const char *file, char *out, size_t size)
{
	char path[64];
	size_t used = 0;
	ssize_t n;
	int fd, code;

	snprintf(path, sizeof(path), "%lld/%s", (long long)pid, file);
	fd = openat(w->proc_fd, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return jm_error_from_errno(errno);
	while (used < size && (n = read(fd, out + used, size - used)) > 0)
		used += (size_t)n;
	code = used < size && n < 0 ? jm_error_from_errno(errno) : 0;
	close(fd);
	return code ? code : (int64_t)used;
}

static int64_t own_children_ns(void)
{
	struct rusage usage;

	if (getrusage(RUSAGE_CHILDREN, &usage))
		return 0;
	return ((int64_t)usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * JM_NS_PER_S +
	       ((int64_t)usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * JM_NS_PER_US;
}

static int cannot_watch(struct jm_process_watch *w, int64_t pid, int code, struct jm_error *err)
{
	if (w->is_own_namespace && (kill((pid_t)pid, 0) == 0 || errno == EPERM)) {
		jm_error_set(err, JM_E_PERMISSION, "process %lld is there, but /proc does not show it (hidepid)",
			     (long long)pid);
		jm_error_remedy(err, "run joulemap as the owner of the process, or mount /proc with hidepid=0");
		return JM_E_PERMISSION;
	}
	jm_error_set(err, code == JM_E_PERMISSION ? code : JM_E_NOT_FOUND, "there is no process %lld", (long long)pid);
	return code == JM_E_PERMISSION ? code : JM_E_NOT_FOUND;
}

int jm_process_watch_add(struct jm_process_watch *w, int64_t pid, bool is_new, struct jm_error *err)
{
	struct jm_watch_entry *e = jm_watch_find(w, pid);
	struct jm_proc_stat stat;
	struct jm_watch_slot *slot;
	char text[1024];
	ssize_t n;
	int fd, rc;

	if (e && e->slot >= 0) {
		w->slots[e->slot]->is_root = true;
		return 0;
	}
	fd = pid > 0 ? jm_watch_open_stat(w, pid) : JM_E_NOT_FOUND;
	if (fd < 0)
		return cannot_watch(w, pid, fd, err);
	n = pread(fd, text, sizeof(text), 0);
	if (n <= 0 || jm_proc_parse_stat(text, (size_t)n, &stat)) {
		close(fd);
		return cannot_watch(w, pid, JM_E_NOT_FOUND, err);
	}
	/* Its children were somebody else's until now. */
	jm_watch_forget(w, true);
	rc = jm_watch_adopt(w, pid, &stat, is_new, fd, &slot);
	if (rc)
		return jm_error_set(err, rc, "cannot watch process %lld: %s", (long long)pid, jm_error_text(rc));
	slot->is_root = true;
	w->needs_list = true;
	w->next_is_old = w->next_is_old || !is_new;
	if (is_new && !w->has_command) {
		w->has_command = true;
		w->command.process = slot->id;
		w->self_reaped_ns = own_children_ns();
	}
	return 0;
}

/* Reads and parses the stat of a slot. Errors: JM_E_GONE: it is no more; others: not now. */
static int read_stat(const struct jm_process_watch *w, struct jm_watch_slot *s, struct jm_proc_stat *out)
{
	char text[1024];
	int fd = s->fd, code = 0;
	ssize_t n;

	if (fd < 0) {
		fd = jm_watch_open_stat(w, s->pid);
		if (fd < 0)
			return fd == JM_E_NOT_FOUND ? JM_E_GONE : fd;
	}
	n = pread(fd, text, sizeof(text), 0);
	if (n < 0)
		code = errno == ESRCH ? JM_E_GONE : JM_E_IO;
	if (s->fd < 0)
		close(fd);
	if (code == 0)
		code = n == 0 ? JM_E_GONE : jm_proc_parse_stat(text, (size_t)n, out);
	/* Opened anew, the number may be another process's by now; in a tree of files it may be so, too. */
	return code == 0 && out->start_ticks != s->start_ticks ? JM_E_GONE : code;
}

/* Children that ended took their own time, and that of their children, with them: what was seen of it is taken off again. */
static void settle_parent(struct jm_process_watch *w, struct jm_watch_slot *s)
{
	/* Of its own children that ended meanwhile it has told nothing yet: their time goes up with its own. */
	int64_t seen_ns = s->seen_ns + s->reaped_total_ns - s->balance_ns;
	struct jm_watch_entry *e = jm_watch_find(w, s->parent_pid);

	s->balance_ns = 0;
	if (e && e->slot >= 0)
		w->slots[e->slot]->balance_ns -= seen_ns;
	else if (w->has_command && s->parent_pid == w->self_pid)
		w->self_balance_ns -= seen_ns;
}

static void look(struct jm_process_watch *w, struct jm_watch_slot *s)
{
	int64_t clock_ns = -1, seen_ns;
	struct jm_proc_stat stat;
	int rc;

	if (w->has_clock && w->env.process_cpu_ns(w->env.ctx, (pid_t)s->pid, &clock_ns))
		clock_ns = -1;
	if (clock_ns >= 0 && clock_ns == s->clock_ns && !s->is_changed && s->n_looks > 2) {
		s->pace_ns = 0;
		return;
	}
	/* Of one that was taken in just now and has not run since, all is known. */
	if (clock_ns >= 0 && clock_ns == s->clock_ns && s->n_looks == 0 && s->is_fresh) {
		s->is_fresh = false;
		return;
	}
	s->is_fresh = false;
	rc = read_stat(w, s, &stat);
	if (rc == JM_E_GONE)
		w->has_gone = s->is_gone = true;
	jm_watch_counts_look(s);
	if (rc)
		return;
	s->n_looks += s->n_looks < 8;
	seen_ns = (int64_t)stat.cpu_ticks * w->ns_per_tick;
	/* A clock that went back is another process's, of the same number. */
	if (clock_ns >= s->clock_ns && clock_ns >= 0)
		seen_ns = s->clock_ns = clock_ns;
	s->is_changed = s->is_changed || seen_ns > s->seen_ns;
	s->pace_ns = seen_ns > s->seen_ns ? seen_ns - s->seen_ns : 0;
	s->seen_ns += s->pace_ns;
	s->balance_ns += (int64_t)stat.reaped_ticks * w->ns_per_tick - s->reaped_total_ns;
	s->reaped_total_ns = (int64_t)stat.reaped_ticks * w->ns_per_tick;
	s->rss_bytes = stat.rss_pages * w->page_bytes;
	s->parent_pid = stat.parent_pid;
	if (strcmp(s->comm, stat.comm) != 0) {
		memcpy(s->comm, stat.comm, sizeof(s->comm));
		s->needs_description = true;
	}
}

/* What is left of a balance was in no snapshot. Below zero, stat of the parent was read before the child was waited for: the next
 * snapshot has it; if it has not, nobody waited (SIGCHLD ignored), and it comes to nothing. */
static int64_t unseen(int64_t *balance_ns, bool was_below)
{
	int64_t rest_ns = *balance_ns;

	if (rest_ns < 0 && !was_below)
		return 0;
	*balance_ns = 0;
	return rest_ns > 0 ? rest_ns : 0;
}

/* A process that ended went on as before until then, as far as its parent has time to tell of; what is left is that of others. */
static void give_last_stretch(struct jm_process_watch *w, struct jm_watch_slot *s, int64_t since_ns)
{
	struct jm_watch_entry *e = jm_watch_find(w, s->parent_pid);
	int64_t *balance_ns = e && e->slot >= 0 ? &w->slots[e->slot]->balance_ns : &w->self_balance_ns;
	int64_t most_ns = s->n_looks > 0 ? s->pace_ns : since_ns;

	if (balance_ns == &w->self_balance_ns && (!w->has_command || s->parent_pid != w->self_pid))
		return;
	most_ns = most_ns < *balance_ns ? most_ns : *balance_ns;
	if (most_ns <= 0)
		return;
	s->seen_ns += most_ns;
	s->is_changed = true;
	*balance_ns -= most_ns;
}

/* Brings every slot up to date. Children come behind their parents: nobody is waited for between the two looks at them. */
static void look_at_all(struct jm_process_watch *w, int64_t now_ns)
{
	bool self_was_below = w->self_balance_ns < 0;
	int64_t reaped_ns = 0, own_ns = w->has_command ? own_children_ns() : 0;
	size_t i;

	for (i = 0; i < w->n_slots; i++) {
		w->slots[i]->was_below = w->slots[i]->balance_ns < 0;
		look(w, w->slots[i]);
	}
	for (i = w->n_slots; i-- > 0;)
		if (w->slots[i]->is_gone)
			settle_parent(w, w->slots[i]);
	w->self_balance_ns += own_ns - w->self_reaped_ns;
	w->self_reaped_ns = own_ns;
	for (i = 0; i < w->n_slots; i++)
		if (w->slots[i]->is_gone)
			give_last_stretch(w, w->slots[i], now_ns - w->last_ns);
	for (i = 0; i < w->n_slots; i++) {
		struct jm_watch_slot *s = w->slots[i];

		reaped_ns = unseen(&s->balance_ns, s->was_below);
		s->reaped_ns += reaped_ns;
		s->is_changed = s->is_changed || reaped_ns > 0;
	}
	w->orphan_ns += unseen(&w->self_balance_ns, self_was_below);
}

static int add_sample(struct jm_process_watch *w, const struct jm_process_sample *sample)
{
	if (!jm_grow(&w->samples, &w->samples_capacity, w->n_samples, sizeof(*w->samples)))
		return JM_E_NOMEM;
	w->samples[w->n_samples++] = *sample;
	return 0;
}

static struct jm_process_sample sample_of(const struct jm_watch_slot *s)
{
	return (struct jm_process_sample){
	    .process = s->id, .cpu_ns = s->seen_ns - s->base_ns, .reaped_ns = s->reaped_ns, .rss_bytes = s->rss_bytes};
}

/* Time of the command that was seen when it was waited for belongs to its first process, which has ended by then. */
static int add_orphan_time(struct jm_process_watch *w)
{
	size_t i;

	for (i = 0; i < w->n_slots; i++) {
		struct jm_watch_slot *s = w->slots[i];

		if (!w->has_command || s->id != w->command.process)
			continue;
		s->reaped_ns += w->orphan_ns;
		s->is_changed = s->is_changed || w->orphan_ns;
		w->orphan_ns = 0;
		w->command = sample_of(s);
	}
	if (w->orphan_ns == 0)
		return 0;
	w->command.reaped_ns += w->orphan_ns;
	w->orphan_ns = 0;
	return add_sample(w, &w->command);
}

static int gather(struct jm_process_watch *w)
{
	int rc = add_orphan_time(w);
	size_t i;

	for (i = 0; rc == 0 && i < w->n_slots; i++) {
		struct jm_watch_slot *s = w->slots[i];
		struct jm_process_sample sample = sample_of(s);

		rc = s->is_changed ? add_sample(w, &sample) : 0;
		rc = rc == 0 && s->is_changed && s->counters.n ? jm_watch_counts_add(w, s) : rc;
		s->is_changed = false;
		if (!s->is_gone)
			continue;
		if (!jm_grow(&w->gone, &w->gone_capacity, w->n_gone, sizeof(*w->gone)))
			return JM_E_NOMEM;
		w->gone[w->n_gone++] = s->id;
	}
	return rc;
}

static void read_machine(struct jm_process_watch *w, struct jm_process_step *step)
{
	struct jm_proc_machine m;
	ssize_t n = w->machine_fd >= 0 ? pread(w->machine_fd, w->scratch, JM_WATCH_SCRATCH, 0) : -1;

	if (n <= 0 || jm_proc_parse_machine(w->scratch, (size_t)n, &m))
		return;
	step->is_idle_known = true;
	step->idle_ns = (int64_t)m.idle_ticks * w->ns_per_tick;
	step->n_cpus = m.n_cpus;
	/* No fork since the last look: nobody is new. */
	w->needs_list = w->needs_list || m.n_forks == 0 || m.n_forks != w->n_forks;
	w->n_forks = m.n_forks;
}

static void read_used(const struct jm_process_watch *w, struct jm_process_step *step)
{
	int64_t total, available;
	ssize_t n = w->memory_fd >= 0 ? pread(w->memory_fd, w->scratch, JM_WATCH_SCRATCH, 0) : -1;

	step->used_bytes = -1;
	if (n <= 0 || jm_proc_kilobytes(w->scratch, (size_t)n, "MemTotal:", &total) ||
	    jm_proc_kilobytes(w->scratch, (size_t)n, "MemAvailable:", &available) || available > total)
		return;
	step->used_bytes = (total - available) * 1024;
}

static void begin_snapshot(struct jm_process_watch *w)
{
	size_t i;

	for (i = 0; i < w->n_texts; i++)
		free(w->texts[i]);
	w->n_texts = w->n_described = w->n_samples = w->n_memory = w->n_counts = w->n_gone = 0;
}

/* The list is due: something is to be found in it, and it is not too soon. */
static bool is_list_due(const struct jm_process_watch *w)
{
	if (w->is_first || w->next_is_old || w->round % LIST_ROUNDS == 0)
		return true;
	return w->needs_list && (w->n_entries <= LIST_MANY || w->round % LIST_MANY_EVERY == 0);
}

static int find_new(struct jm_process_watch *w)
{
	int rc;

	if (!is_list_due(w)) {
		w->round++;
		return 0;
	}
	rc = jm_watch_list(w);
	if (rc)
		return rc;
	if (w->is_first || w->next_is_old)
		jm_watch_sort(w);
	w->needs_list = w->is_first = w->next_is_old = false;
	return 0;
}

int jm_process_watch_scan(struct jm_process_watch *w, struct jm_process_snapshot *out)
{
	struct jm_process_step step = {0};
	int64_t start_ns, end_ns;
	int rc;

	begin_snapshot(w);
	w->n_read = 0;
	start_ns = jm_env_now(&w->env);
	read_used(w, &step);
	read_machine(w, &step);
	look_at_all(w, start_ns);
	rc = w->machine.n ? jm_watch_counts_add(w, NULL) : 0;
	end_ns = jm_env_now(&w->env);
	step.t_ns = start_ns + (end_ns - start_ns) / 2;
	step.half_width_ns = (end_ns - start_ns) / 2;
	w->last_ns = step.t_ns;
	/* Those that ended leave before new ones come, who may have their numbers. */
	rc = rc ? rc : gather(w);
	rc = rc ? rc : jm_watch_describe(w, true);
	jm_watch_forget(w, false);
	rc = rc ? rc : find_new(w);
	rc = rc ? rc : gather(w);
	rc = rc ? rc : jm_watch_describe(w, false);
	step.n_watched = (uint32_t)w->n_slots;
	rc = rc ? rc : jm_watch_memory(w, end_ns);
	*out = (struct jm_process_snapshot){.step = step,
					    .described = w->described,
					    .n_described = w->n_described,
					    .samples = w->samples,
					    .n_samples = w->n_samples,
					    .memory = w->memory,
					    .n_memory = w->n_memory,
					    .counts = w->counts,
					    .n_counts = w->n_counts,
					    .gone = w->gone,
					    .n_gone = w->n_gone};
	return rc;
}
