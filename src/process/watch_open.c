/* Opening a watch, closing it, and what it says of itself. */
#define _GNU_SOURCE
#include "process/watch_internal.h"

#include "core/error.h"
#include "core/units.h"

#include <fcntl.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

/* Descriptors left to the rest of the program. */
#define FDS_RESERVED  160
#define DESCRIBED_MAX 256

void jm_watch_note(struct jm_process_watch *w, const char *format, ...)
{
	va_list args;

	if (w->n_notes == JM_WATCH_NOTES_MAX)
		return;
	va_start(args, format);
	vsnprintf(w->notes[w->n_notes++], sizeof(w->notes[0]), format, args);
	va_end(args);
}

/* Our own number as this /proc has it: another namespace's differs, a fixture has none. */
static int64_t self_number(const struct jm_process_watch *w)
{
	char text[32];
	ssize_t n = readlinkat(w->proc_fd, "self", text, sizeof(text) - 1);

	if (n <= 0)
		return 0;
	text[n] = '\0';
	return atoll(text);
}

/* "hidepid=2", "hidepid=invisible": proc(5). */
static void note_hidden(struct jm_process_watch *w)
{
	char *text = w->scratch, *line;
	int64_t n = jm_watch_read(w, w->self_pid, "mounts", text, JM_WATCH_SCRATCH - 1);

	if (w->self_pid == 0 || n <= 0 || geteuid() == 0)
		return;
	text[n] = '\0';
	for (line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		const char *option = strstr(line, "hidepid=");

		if (!strstr(line, " proc ") || !option || strncmp(option, "hidepid=0", 9) == 0 ||
		    strncmp(option, "hidepid=off", 11) == 0)
			continue;
		jm_watch_note(w,
			      "/proc hides the processes of other users (hidepid): their time counts as that of other "
			      "processes");
		return;
	}
}

static size_t descriptors_left(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur <= FDS_RESERVED)
		return 0;
	return limit.rlim_cur == RLIM_INFINITY ? JM_PROCESS_MAX : (size_t)limit.rlim_cur - FDS_RESERVED;
}

static int open_proc(struct jm_process_watch *w, struct jm_error *err)
{
	char path[JM_PATH_MAX];

	if (jm_env_path(&w->env, "/proc", path, sizeof(path)))
		return jm_error_set(err, JM_E_INVALID, "the path of /proc is too long");
	w->proc_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (w->proc_fd < 0)
		return jm_error_errno(err, errno, "cannot watch processes: %s", path);
	w->machine_fd = openat(w->proc_fd, "stat", O_RDONLY | O_CLOEXEC);
	w->memory_fd = openat(w->proc_fd, "meminfo", O_RDONLY | O_CLOEXEC);
	w->self_pid = self_number(w);
	w->is_own_namespace = w->self_pid == getpid();
	w->has_clock = w->is_own_namespace && w->env.process_cpu_ns;
	return 0;
}

int jm_process_watch_create(const struct jm_env *env, const struct jm_process_options *options,
			    struct jm_process_watch **out, struct jm_error *err)
{
	struct jm_process_watch *w = calloc(1, sizeof(*w));
	int is_subreaper = 0, rc;

	if (w)
		w->scratch = malloc(JM_WATCH_SCRATCH);
	if (!w || !w->scratch) {
		free(w);
		return jm_error_set(err, JM_E_NOMEM, "out of memory for the list of processes");
	}
	w->env = *env;
	w->options = *options;
	w->proc_fd = w->machine_fd = w->memory_fd = -1;
	w->options.max_watched = options->max_watched ? options->max_watched : JM_PROCESS_MAX;
	w->options.max_described = options->max_described ? options->max_described : DESCRIBED_MAX;
	w->options.max_open = options->max_open ? options->max_open : descriptors_left();
	w->ns_per_tick = JM_NS_PER_S / sysconf(_SC_CLK_TCK);
	w->page_bytes = sysconf(_SC_PAGESIZE);
	w->is_first = w->needs_list = true;
	rc = open_proc(w, err);
	if (rc) {
		jm_process_watch_destroy(w);
		return rc;
	}
	w->adopts = w->is_own_namespace && prctl(PR_GET_CHILD_SUBREAPER, &is_subreaper) == 0 && is_subreaper;
	note_hidden(w);
	jm_watch_counts_begin(w);
	*out = w;
	return 0;
}

void jm_process_watch_destroy(struct jm_process_watch *w)
{
	size_t i;

	if (!w)
		return;
	for (i = 0; i < w->n_slots; i++) {
		if (w->slots[i]->fd >= 0)
			close(w->slots[i]->fd);
		jm_watch_counts_close(w, w->slots[i]);
		free(w->slots[i]);
	}
	jm_watch_counts_end(w);
	for (i = 0; i < w->n_texts; i++)
		free(w->texts[i]);
	if (w->proc_fd >= 0)
		close(w->proc_fd);
	if (w->machine_fd >= 0)
		close(w->machine_fd);
	if (w->memory_fd >= 0)
		close(w->memory_fd);
	free(w->slots);
	free(w->entries);
	free(w->described);
	free(w->texts);
	free(w->samples);
	free(w->memory);
	free(w->counts);
	free(w->gone);
	free(w->scratch);
	free(w);
}

size_t jm_process_watch_n(const struct jm_process_watch *w)
{
	return w->n_slots;
}

int jm_process_watch_find(const struct jm_process_watch *w, int64_t pid, uint32_t *id_out)
{
	const struct jm_watch_entry *e = jm_watch_find(w, pid);

	if (!e || e->slot < 0)
		return JM_E_NOT_FOUND;
	*id_out = w->slots[e->slot]->id;
	return 0;
}

const char *jm_process_watch_clock(const struct jm_process_watch *w)
{
	return w->has_clock ? "process clock (ns)" : "stat (ticks of 10 ms)";
}

int64_t jm_process_watch_quantum_ns(const struct jm_process_watch *w)
{
	return w->has_clock ? 1 : w->ns_per_tick;
}

const char *jm_process_watch_note(const struct jm_process_watch *w, size_t i)
{
	return i < w->n_notes ? w->notes[i] : NULL;
}
