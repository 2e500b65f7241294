/* Who is watched: the list of /proc, and what is known of each number in it. */
#define _GNU_SOURCE
#include "process/watch_internal.h"

#include "core/error.h"
#include "core/grow.h"
#include "core/text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int jm_watch_open_stat(const struct jm_process_watch *w, int64_t pid)
{
	char path[40];
	int fd;

	snprintf(path, sizeof(path), "%lld/stat", (long long)pid);
	fd = openat(w->proc_fd, path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? jm_error_from_errno(errno) : fd;
}

static size_t place(const struct jm_process_watch *w, int64_t pid)
{
	return (size_t)((uint64_t)pid * UINT64_C(0x9e3779b97f4a7c15) >> 20) & (w->entries_capacity - 1);
}

struct jm_watch_entry *jm_watch_find(const struct jm_process_watch *w, int64_t pid)
{
	size_t i;

	if (w->entries_capacity == 0)
		return NULL;
	for (i = place(w, pid); w->entries[i].pid; i = (i + 1) & (w->entries_capacity - 1))
		if (w->entries[i].pid == pid)
			return &w->entries[i];
	return NULL;
}

/* Puts an entry that is not there, where there is room. */
static struct jm_watch_entry *put(struct jm_process_watch *w, const struct jm_watch_entry *entry)
{
	size_t i = place(w, entry->pid);

	while (w->entries[i].pid)
		i = (i + 1) & (w->entries_capacity - 1);
	w->entries[i] = *entry;
	w->n_entries++;
	return &w->entries[i];
}

/* Makes the table anew with those entries that stay, at most half full. */
static int rebuild(struct jm_process_watch *w, size_t wanted,
		   bool (*stays)(const struct jm_process_watch *, const struct jm_watch_entry *))
{
	struct jm_watch_entry *old = w->entries;
	size_t old_capacity = w->entries_capacity, capacity = 256, i;

	while (capacity < 2 * wanted)
		capacity *= 2;
	w->entries = calloc(capacity, sizeof(*w->entries));
	if (!w->entries) {
		w->entries = old;
		return JM_E_NOMEM;
	}
	w->entries_capacity = capacity;
	w->n_entries = 0;
	for (i = 0; i < old_capacity; i++)
		if (old[i].pid && stays(w, &old[i]))
			put(w, &old[i]);
	free(old);
	return 0;
}

static bool stays_any(const struct jm_process_watch *w, const struct jm_watch_entry *e)
{
	(void)w;
	(void)e;
	return true;
}

static bool stays_watched(const struct jm_process_watch *w, const struct jm_watch_entry *e)
{
	(void)w;
	return e->slot >= 0;
}

static bool stays_listed(const struct jm_process_watch *w, const struct jm_watch_entry *e)
{
	return e->slot >= 0 || e->round == w->round;
}

static int set_entry(struct jm_process_watch *w, int64_t pid, uint64_t inode, int32_t slot)
{
	struct jm_watch_entry *found = jm_watch_find(w, pid), entry = {pid, inode, slot, w->round};

	w->has_others = w->has_others || slot < 0;
	if (found) {
		*found = entry;
		return 0;
	}
	if (2 * (w->n_entries + 1) > w->entries_capacity && rebuild(w, 2 * (w->n_entries + 1), stays_any))
		return JM_E_NOMEM;
	put(w, &entry);
	return 0;
}

/* Numbers of slots changed: the table follows. */
static void renumber(struct jm_process_watch *w)
{
	size_t i;

	for (i = 0; i < w->n_slots; i++) {
		struct jm_watch_entry *e = jm_watch_find(w, w->slots[i]->pid);

		if (e)
			e->slot = (int32_t)i;
	}
}

static int compare_slots(const void *a, const void *b)
{
	const struct jm_watch_slot *x = *(struct jm_watch_slot *const *)a, *y = *(struct jm_watch_slot *const *)b;

	if (x->start_ticks != y->start_ticks)
		return x->start_ticks > y->start_ticks ? 1 : -1;
	return (x->pid > y->pid) - (x->pid < y->pid);
}

void jm_watch_sort(struct jm_process_watch *w)
{
	if (w->n_slots < 2)
		return;
	qsort(w->slots, w->n_slots, sizeof(struct jm_watch_slot *), compare_slots);
	renumber(w);
}

void jm_watch_forget(struct jm_process_watch *w, bool forget_others)
{
	size_t i, kept = 0;

	for (i = 0; w->has_gone && i < w->n_slots; i++) {
		struct jm_watch_slot *s = w->slots[i];
		struct jm_watch_entry *e;

		if (!s->is_gone) {
			w->slots[kept++] = s;
			continue;
		}
		/* The number may be another process's by now: it is to be looked at afresh. */
		e = jm_watch_find(w, s->pid);
		if (e) {
			e->slot = -1;
			e->inode = 0;
			e->round = 0;
			w->has_others = true;
		}
		if (s->fd >= 0) {
			close(s->fd);
			w->n_open--;
		}
		jm_watch_counts_close(w, s);
		free(s);
	}
	if (w->has_gone && kept < w->n_slots) {
		w->n_slots = kept;
		renumber(w);
	}
	w->has_gone = false;
	if (forget_others && w->has_others)
		w->has_others = rebuild(w, w->n_slots + 1, stays_watched) != 0;
}

int jm_process_watch_id(const struct jm_process_watch *w, int64_t pid, uint32_t *out)
{
	const struct jm_watch_entry *e = jm_watch_find(w, pid);

	if (!e || e->slot < 0)
		return JM_E_NOT_FOUND;
	*out = w->slots[e->slot]->id;
	return 0;
}

void jm_process_watch_prune(struct jm_process_watch *w, bool (*stays)(void *ctx, uint32_t id), void *ctx)
{
	size_t i;

	for (i = 0; i < w->n_slots; i++)
		w->slots[i]->is_gone = !stays(ctx, w->slots[i]->id);
	w->has_gone = true;
	jm_watch_forget(w, false);
}

int jm_watch_adopt(struct jm_process_watch *w, int64_t pid, const struct jm_proc_stat *stat, bool is_new, int fd,
		   struct jm_watch_slot **out)
{
	struct jm_watch_slot *s;
	bool keeps = w->n_open < w->options.max_open;

	if (fd >= 0 && (!keeps || w->n_slots >= w->options.max_watched)) {
		close(fd);
		fd = -1;
	}
	if (w->n_slots >= w->options.max_watched)
		return JM_E_FULL;
	s = calloc(1, sizeof(*s));
	if (!s || !jm_grow(&w->slots, &w->slots_capacity, w->n_slots, sizeof(struct jm_watch_slot *)) ||
	    set_entry(w, pid, 0, (int32_t)w->n_slots)) {
		if (fd >= 0)
			close(fd);
		free(s);
		return JM_E_NOMEM;
	}
	/* Whose number it may be by now, the next look at it tells. */
	s->fd = fd >= 0 || !keeps ? fd : jm_watch_open_stat(w, pid);
	w->n_open += s->fd >= 0;
	s->fd = s->fd >= 0 ? s->fd : -1;
	s->id = w->next_id++;
	s->pid = pid;
	s->parent_pid = stat->parent_pid;
	s->start_ticks = stat->start_ticks;
	s->ticks = stat->cpu_ticks;
	s->seen_ns = (int64_t)stat->cpu_ticks * w->ns_per_tick;
	s->reaped_total_ns = (int64_t)stat->reaped_ticks * w->ns_per_tick;
	s->rss_bytes = stat->rss_pages * w->page_bytes;
	s->clock_ns = -1;
	if (w->has_clock && w->env.process_cpu_ns(w->env.ctx, (pid_t)pid, &s->clock_ns) == 0)
		s->seen_ns = s->clock_ns;
	s->base_ns = is_new ? 0 : s->seen_ns;
	/* A new one's children that are gone already were in no snapshot. */
	s->reaped_ns = is_new ? s->reaped_total_ns : 0;
	memcpy(s->comm, stat->comm, sizeof(s->comm));
	s->is_changed = s->needs_description = s->is_fresh = true;
	jm_watch_counts_open(w, s);
	w->slots[w->n_slots++] = s;
	*out = s;
	return 0;
}

/* A number of the list that is not known yet. */
struct candidate {
	int64_t pid;
	uint64_t inode;
	struct jm_proc_stat stat;
	bool is_taken;
};

static int compare_candidates(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;

	/* Parents start before their children; within one tick the number tells. */
	if (x->stat.start_ticks != y->stat.start_ticks)
		return x->stat.start_ticks > y->stat.start_ticks ? 1 : -1;
	return (x->pid > y->pid) - (x->pid < y->pid);
}

static bool belongs(const struct jm_process_watch *w, const struct candidate *c)
{
	const struct jm_watch_entry *parent;

	if (w->options.is_all)
		return true;
	/* Orphans of the command come to us, if we have asked for them. */
	if (w->adopts && w->has_command && c->stat.parent_pid == w->self_pid)
		return true;
	parent = jm_watch_find(w, c->stat.parent_pid);
	return parent && parent->slot >= 0;
}

static void tell_full(struct jm_process_watch *w)
{
	if (!w->is_cap_told)
		jm_watch_note(
		    w,
		    "more than %zu processes at one time: those beyond are not watched, their time counts as that "
		    "of other processes",
		    w->options.max_watched);
	w->is_cap_told = true;
}

/* Takes those that belong, until no more is found: a child may stand before its parent. */
static int take(struct jm_process_watch *w, struct candidate *list, size_t n)
{
	bool is_new = !w->is_first && !w->next_is_old, found = true;
	struct jm_watch_slot *slot;
	size_t i;

	while (found) {
		found = false;
		for (i = 0; i < n; i++) {
			int rc;

			if (list[i].is_taken || !belongs(w, &list[i]))
				continue;
			list[i].is_taken = found = true;
			rc = jm_watch_adopt(w, list[i].pid, &list[i].stat, is_new, -1, &slot);
			if (rc == JM_E_FULL) {
				tell_full(w);
				rc = set_entry(w, list[i].pid, list[i].inode, -1);
			}
			if (rc)
				return rc;
		}
		found = found && !w->options.is_all;
	}
	for (i = 0; i < n; i++)
		if (!list[i].is_taken && set_entry(w, list[i].pid, list[i].inode, -1))
			return JM_E_NOMEM;
	return 0;
}

static int read_candidate(const struct jm_process_watch *w, struct candidate *c)
{
	char text[1024];
	ssize_t n;
	int fd = jm_watch_open_stat(w, c->pid);

	if (fd < 0)
		return fd;
	n = pread(fd, text, sizeof(text), 0);
	close(fd);
	return n > 0 ? jm_proc_parse_stat(text, (size_t)n, &c->stat) : JM_E_GONE;
}

/* Gives those of the list that are not known yet. */
static int find_new(struct jm_process_watch *w, DIR *dir, struct candidate **list, size_t *n_out)
{
	size_t capacity = 0, n = 0;
	struct dirent *d;

	while ((d = readdir(dir))) {
		struct jm_watch_entry *e;
		int64_t pid;

		if (d->d_name[0] < '1' || d->d_name[0] > '9' || jm_text_i64(d->d_name, strlen(d->d_name), &pid))
			continue;
		e = jm_watch_find(w, pid);
		/* Another inode is another process, or the same one looked up anew. */
		if (e && (e->slot >= 0 || e->inode == d->d_ino)) {
			e->round = w->round;
			continue;
		}
		if (!jm_grow(list, &capacity, n, sizeof(**list)))
			return JM_E_NOMEM;
		(*list)[n] = (struct candidate){.pid = pid, .inode = d->d_ino};
		n += read_candidate(w, &(*list)[n]) == 0;
	}
	*n_out = n;
	return 0;
}

int jm_watch_list(struct jm_process_watch *w)
{
	int fd = openat(w->proc_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	struct candidate *list = NULL;
	size_t n = 0;
	int rc = 0;

	if (fd >= 0 && !dir)
		close(fd);
	w->round++;
	if (!dir) /* no descriptor left: the next time */
		return 0;
	rc = find_new(w, dir, &list, &n);
	closedir(dir);
	if (rc == 0 && n) {
		qsort(list, n, sizeof(*list), compare_candidates);
		rc = take(w, list, n);
	}
	free(list);
	/* Numbers that are no more are forgotten, now and then. */
	if (rc == 0 && w->round % 64 == 0)
		rc = rebuild(w, w->n_entries, stays_listed);
	return rc;
}
