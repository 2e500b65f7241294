/* From the workspace into the cache, and the .dvc file beside it. */
#define _GNU_SOURCE
#include "dvc/repo.h"

#include "core/error.h"
#include "core/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct adding {
	struct jm_dvc *d;
	const struct jm_dvc_request *r;
	struct jm_dvc_tally *tally;
	char path[JM_DVC_PATH_MAX]; /* relative to the root */
	char absolute[JM_DVC_PATH_MAX];
	struct jm_dvc_files files; /* of a folder; of a file one entry, "" */
	bool is_folder;
	atomic_ullong n_new, bytes_new;
};

static int insert_one(void *ctx, struct jm_dvc_worker *w, size_t i, struct jm_error *err)
{
	struct adding *a = ctx;
	struct jm_dvc_entry *entry = &a->files.entries[i];
	char path[JM_DVC_PATH_MAX];
	bool is_new;
	int fd, rc;

	if (jm_dvc_path_join(a->absolute, entry->path, path, sizeof(path)))
		return jm_error_set(err, JM_E_INVALID, "the path %s/%s is too long", a->path, entry->path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return jm_error_errno(err, errno, "cannot open %s", path);
	rc = jm_dvc_cache_insert(&a->d->cache, w, fd, path, &entry->oid, &entry->size, &is_new, err);
	close(fd);
	if (rc == JM_E_AGAIN)
		jm_error_remedy(err, "add it when no program writes to it");
	if (rc)
		return rc;
	atomic_fetch_add(&a->n_new, is_new);
	atomic_fetch_add(&a->bytes_new, is_new ? (unsigned long long)entry->size : 0);
	return 0;
}

/* What is versioned must not overlap. */
static int check_overlap(const struct jm_dvc *d, const char *path, struct jm_error *err)
{
	struct jm_dvc_items items;
	size_t i, n = strlen(path);
	int rc = jm_dvc_items_find(d, NULL, 0, &items, err);

	if (rc)
		return rc;
	for (i = 0; rc == 0 && i < items.n; i++) {
		const char *other = items.items[i].path;
		size_t k = strlen(other);

		if (k < n && strncmp(path, other, k) == 0 && path[k] == '/') {
			jm_error_set(err, JM_E_INVALID, "%s lies in %s, which is versioned by %s", path, other,
				     items.items[i].file);
			rc = jm_error_remedy(err, "joulemap data add %s", other);
		} else if (n < k && strncmp(other, path, n) == 0 && other[n] == '/') {
			jm_error_set(err, JM_E_INVALID, "%s holds %s, which is versioned by %s", path, other,
				     items.items[i].file);
			rc = jm_error_remedy(err, "remove that file first, then add %s", path);
		}
	}
	jm_dvc_items_finish(&items);
	return err && rc ? err->code : rc;
}

static int check_target(struct adding *a, struct stat *status, struct jm_error *err)
{
	struct jm_dvc_ignore ignore;
	const char *dot = strrchr(a->path, '.');
	bool is_ignored;
	int rc;

	if (lstat(a->absolute, status))
		return jm_error_errno(err, errno, "there is no %s", a->path);
	if (S_ISLNK(status->st_mode)) {
		char target[JM_DVC_PATH_MAX];
		ssize_t n = readlink(a->absolute, target, sizeof(target));
		size_t root = strlen(a->d->cache.root);

		/* A link into the cache is how cache.type = symlink has files in the workspace. */
		if (n < (ssize_t)root || strncmp(target, a->d->cache.root, root) != 0 || stat(a->absolute, status)) {
			jm_error_set(err, JM_E_INVALID, "%s is a link", a->path);
			return jm_error_remedy(err, "add what it leads to");
		}
	}
	if (!S_ISREG(status->st_mode) && !S_ISDIR(status->st_mode))
		return jm_error_set(err, JM_E_INVALID, "%s is neither file nor folder", a->path);
	if ((dot && strcmp(dot, ".dvc") == 0) || !jm_dvc_path_is_safe(a->path) ||
	    !jm_dvc_is_utf8(a->path, strlen(a->path)) || strchr(a->path, '\n'))
		return jm_error_set(err, JM_E_INVALID,
				    "%s cannot be versioned: its name is one of DVC's or git's own, or no text",
				    a->path);
	rc = jm_dvc_ignores(a->d, "", &ignore, err);
	if (rc)
		return rc;
	is_ignored = jm_dvc_ignore_covers(&ignore, a->path, S_ISDIR(status->st_mode));
	jm_dvc_ignore_finish(&ignore);
	if (is_ignored)
		return jm_error_set(err, JM_E_INVALID, "%s is ignored by .dvcignore", a->path);
	return check_overlap(a->d, a->path, err);
}

static int collect(struct adding *a, const struct stat *status, struct jm_error *err)
{
	struct jm_dvc_entry *entry;

	a->is_folder = S_ISDIR(status->st_mode);
	if (a->is_folder)
		return jm_dvc_scan(a->d, a->path, &a->files, err);
	entry = jm_dvc_files_add(&a->files, "", 0);
	if (!entry)
		return jm_error_set(err, JM_E_NOMEM, "out of memory");
	entry->size = status->st_size;
	entry->is_exec = (status->st_mode & S_IXUSR) != 0;
	return 0;
}

/* The folder's listing into the cache, or the file's own facts. */
static int sum_up(struct adding *a, struct jm_dvc_out_facts *facts, struct jm_error *err)
{
	struct jm_dvc_worker w = {0};
	struct jm_buffer listing = {0};
	size_t i;
	int rc;

	facts->size = 0;
	for (i = 0; i < a->files.n; i++)
		facts->size += a->files.entries[i].size;
	facts->n_files = a->is_folder ? (int64_t)a->files.n : -1;
	facts->is_exec = !a->is_folder && a->files.entries[0].is_exec;
	if (!a->is_folder) {
		facts->oid = a->files.entries[0].oid;
		return 0;
	}
	jm_dvc_listing_write(&a->files, &listing);
	rc = listing.is_failed ? JM_E_NOMEM : jm_dvc_worker_init(&w);
	rc = rc ? jm_error_set(err, rc, "out of memory for the listing of %s", a->path)
		: jm_dvc_cache_insert_listing(&a->d->cache, &w, listing.data, listing.n, &facts->oid, err);
	jm_dvc_worker_finish(&w);
	jm_buffer_finish(&listing);
	return rc;
}

static int rewrite(const char *name, const char *text, size_t n, const struct jm_dvc_out_facts *facts,
		   struct jm_buffer *out, struct jm_error *err)
{
	struct jm_dvc_outs outs;
	size_t i, found;
	int rc = jm_dvc_outs_read(name, text, n, &outs, err);

	if (rc)
		return rc;
	for (i = 0, found = outs.n; i < outs.n; i++)
		if (strcmp(outs.outs[i].path, facts->path) == 0)
			found = i;
	if (found == outs.n)
		rc = jm_error_set(err, JM_E_INVALID, "%s is there already, and is not about %s", name, facts->path);
	else
		rc = jm_dvc_outs_rewrite(&outs, found, facts, out, err);
	jm_dvc_outs_finish(&outs);
	return rc;
}

static int write_dvc_file(struct adding *a, struct jm_dvc_out_facts *facts, struct jm_error *err)
{
	const char *slash = strrchr(a->path, '/');
	char file[JM_DVC_PATH_MAX + 8];
	struct jm_buffer out = {0};
	char *text = NULL;
	size_t n;
	int rc;

	facts->path = slash ? slash + 1 : a->path;
	snprintf(file, sizeof(file), "%s.dvc", a->absolute);
	rc = jm_dvc_read_file(file, JM_DVC_FILE_MAX, &text, &n, err);
	if (rc == 0)
		rc = rewrite(file + strlen(a->d->root) + 1, text, n, facts, &out, err);
	else if (rc == JM_E_NOT_FOUND)
		rc = (jm_dvc_outs_write(facts, &out),
		      out.is_failed ? jm_error_set(err, JM_E_NOMEM, "out of memory") : 0);
	if (rc == 0 && !(text && n == out.n && memcmp(text, out.data, n) == 0)) {
		a->tally->n_changed++;
		rc = jm_dvc_write_file(file, out.data, out.n, 0, err);
	}
	jm_buffer_finish(&out);
	free(text);
	return rc;
}

/* Where the settings want links, the workspace's files become such now; copies stay as they are. A file that has changed since
 * it was read is not lost: that is an error. */
static int relink(struct adding *a, struct jm_error *err)
{
	const char *const target[] = {a->absolute};
	const struct jm_dvc_request r = {.targets = target, .n_targets = 1};
	enum jm_dvc_link first = a->d->cache.links[0];

	if (first != JM_DVC_HARDLINK && first != JM_DVC_SYMLINK)
		return 0;
	return jm_dvc_checkout_links(a->d, &r, err);
}

static int add_one(struct adding *a, struct jm_error *err)
{
	const struct jm_dvc_progress progress = jm_dvc_progress_of(a->r, "adding");
	struct jm_dvc_out_facts facts = {0};
	char ignored[JM_DVC_PATH_MAX];
	struct stat status;
	int rc = check_target(a, &status, err);

	rc = rc ? rc : collect(a, &status, err);
	rc = rc ? rc : jm_dvc_pool_run(0, a->files.n, insert_one, a, &progress, err);
	rc = rc ? rc : sum_up(a, &facts, err);
	rc = rc ? rc : write_dvc_file(a, &facts, err);
	rc = rc ? rc : relink(a, err);
	rc = rc ? rc : jm_dvc_gitignore_add(a->d, a->path, ignored, err);
	if (rc)
		return rc;
	a->tally->n_outputs++;
	a->tally->n_files += a->files.n;
	a->tally->bytes += (uint64_t)facts.size;
	a->tally->n_objects += a->files.n + a->is_folder;
	a->tally->n_moved += atomic_load(&a->n_new);
	a->tally->bytes_moved += atomic_load(&a->bytes_new);
	jm_dvc_say(a->r, "%s.dvc", a->path);
	if (a->d->git_root[0])
		jm_dvc_say(a->r, "  for git: git add %s.dvc%s%s", a->path, ignored[0] ? " " : "", ignored);
	return 0;
}

int jm_dvc_add(struct jm_dvc *d, const struct jm_dvc_request *r, struct jm_dvc_tally *tally, struct jm_error *err)
{
	struct adding *a;
	size_t i;
	int rc = jm_dvc_lock(d, err);

	if (rc == 0 && r->n_targets)
		jm_dvc_cache_enter(&d->cache);
	for (i = 0; rc == 0 && i < r->n_targets; i++) {
		a = calloc(1, sizeof(*a));
		if (!a)
			return jm_error_set(err, JM_E_NOMEM, "out of memory");
		a->d = d;
		a->r = r;
		a->tally = tally;
		rc = jm_dvc_locate(d, r->targets[i], a->path, sizeof(a->path), err);
		rc = rc ? rc : jm_dvc_absolute(d, a->path, a->absolute, sizeof(a->absolute) - 8, err);
		rc = rc ? rc : add_one(a, err);
		jm_dvc_files_finish(&a->files);
		free(a);
	}
	return rc;
}
