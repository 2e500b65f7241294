#define _GNU_SOURCE
#include "session/cuda_watch.h"

#include "core/error.h"
#include "trace/activity_reader.h"
#include "trace/emit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Four times the longest record: what is read always holds a whole one, if it is there. */
#define BUFFER_BYTES (1u << 18)
/* What was taken in is given back to the file system in pieces of this size: an hour of kernels is gigabytes. */
#define PUNCH_BYTES (1 << 22)
/* The header stays readable for a person. */
#define KEPT_BYTES 4096
/* Tracks of the markers are counted from 1, those of devices from here. */
#define FIRST_TRACK 65536

struct file {
	char *name;
	int fd;
	off_t at, punched_to;
	size_t n_left;
	struct jm_activity_reader *reader; /* NULL: damaged, left alone */
};

struct jm_cuda_watch {
	char *folder;
	struct jm_trace_output out;
	struct jm_activity_set *set;
	struct file *files;
	size_t n_files;
	uint8_t buffer[BUFFER_BYTES];
};

int jm_cuda_watch_create(const char *folder, const struct jm_trace_output *out, struct jm_cuda_watch **watch_out,
			 struct jm_error *err)
{
	struct jm_cuda_watch *w;
	struct stat st;
	int rc;

	if (stat(folder, &st) || !S_ISDIR(st.st_mode))
		return jm_error_errno(err, errno ? errno : ENOTDIR, "no folder for CUDA's activity: '%s'", folder);
	w = calloc(1, sizeof(*w));
	rc = w ? 0 : JM_E_NOMEM;
	if (rc == 0) {
		w->out = *out;
		w->folder = strdup(folder);
		rc = w->folder ? jm_activity_set_create(&w->out, FIRST_TRACK, &w->set) : JM_E_NOMEM;
	}
	if (rc) {
		jm_cuda_watch_destroy(w);
		return jm_error_set(err, rc, "out of memory for CUDA's activity");
	}
	*watch_out = w;
	return 0;
}

void jm_cuda_watch_destroy(struct jm_cuda_watch *w)
{
	size_t i;

	if (!w)
		return;
	for (i = 0; i < w->n_files; i++) {
		jm_activity_reader_destroy(w->files[i].reader);
		close(w->files[i].fd);
		free(w->files[i].name);
	}
	jm_activity_set_destroy(w->set);
	free(w->files);
	free(w->folder);
	free(w);
}

static bool is_known(const struct jm_cuda_watch *w, const char *name)
{
	size_t i;

	for (i = 0; i < w->n_files; i++)
		if (strcmp(w->files[i].name, name) == 0)
			return true;
	return false;
}

static int add(struct jm_cuda_watch *w, const char *name)
{
	struct file *files = realloc(w->files, (w->n_files + 1) * sizeof(*files)), *f;
	char path[4096];

	if (!files)
		return JM_E_NOMEM;
	w->files = files;
	f = &files[w->n_files];
	*f = (struct file){.fd = -1};
	if (snprintf(path, sizeof(path), "%s/%s", w->folder, name) >= (int)sizeof(path))
		return 0;
	f->fd = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	if (f->fd < 0)
		return 0; /* looked for again at the next turn */
	f->name = strdup(name);
	if (!f->name || jm_activity_reader_create(w->set, path, &f->reader)) {
		free(f->name);
		close(f->fd);
		return JM_E_NOMEM;
	}
	w->n_files++;
	return 0;
}

static int look(struct jm_cuda_watch *w)
{
	DIR *folder = opendir(w->folder);
	struct dirent *entry;
	int rc = 0;

	if (!folder)
		return 0; /* nothing more will come */
	while (rc == 0 && (entry = readdir(folder))) {
		const char *dot = strrchr(entry->d_name, '.');

		if (dot && strcmp(dot, ".jmca") == 0 && !is_known(w, entry->d_name))
			rc = add(w, entry->d_name);
	}
	closedir(folder);
	return rc;
}

/* Where the file system can: what was taken in need not stay. */
static void punch(struct file *f)
{
	off_t from = f->punched_to ? f->punched_to : KEPT_BYTES;

	if (f->at - from < PUNCH_BYTES)
		return;
	fallocate(f->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, from, f->at - from);
	f->punched_to = f->at;
}

/* Gives bytes taken; *rc_out: of the sinks. */
static size_t drain_file(struct jm_cuda_watch *w, struct file *f, int *rc_out)
{
	ssize_t n = f->reader ? pread(f->fd, w->buffer, sizeof(w->buffer), f->at) : 0;
	struct jm_error err = {0};
	size_t used = 0;
	int rc;

	if (n <= 0)
		return 0;
	rc = jm_activity_reader_feed(f->reader, w->buffer, (size_t)n, &used, &err);
	f->at += (off_t)used;
	f->n_left = (size_t)n - used;
	if (rc == JM_E_FORMAT || rc == JM_E_VERSION) {
		jm_trace_warn(&w->out, "%s; what follows it is left out", err.message);
		jm_activity_reader_finish(f->reader, f->n_left);
		jm_activity_reader_destroy(f->reader);
		f->reader = NULL;
		return 0;
	}
	*rc_out = rc;
	punch(f);
	return used;
}

int jm_cuda_watch_drain(struct jm_cuda_watch *w, size_t n_max)
{
	size_t i, n, done = 0;
	int rc = look(w);

	for (i = 0; i < w->n_files && rc == 0; i++) {
		do {
			n = drain_file(w, &w->files[i], &rc);
			done += n;
		} while (n && rc == 0 && done < n_max);
	}
	return rc;
}

int jm_cuda_watch_finish(struct jm_cuda_watch *w)
{
	int rc = jm_cuda_watch_drain(w, SIZE_MAX), failed;
	size_t i;

	for (i = 0; i < w->n_files; i++)
		if (w->files[i].reader)
			jm_activity_reader_finish(w->files[i].reader, w->files[i].n_left);
	if (!w->n_files)
		jm_trace_warn(&w->out,
			      "no process initialised CUDA with joulemap's library in it: there are no kernels");
	failed = jm_activity_set_finish(w->set, NULL);
	return rc ? rc : failed;
}
