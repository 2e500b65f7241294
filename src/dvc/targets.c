/* Which outputs are meant. */
#define _GNU_SOURCE
#include "dvc/repo.h"

#include "core/error.h"
#include "core/grow.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define ENDING    ".dvc"
#define DEPTH_MAX 100

/* A .dvc file that was read. */
struct jm_dvc_loaded {
	struct jm_dvc_loaded *next;
	struct jm_dvc_outs outs;
	char file[];
};

static bool is_dvc_file(const char *name)
{
	size_t n = strlen(name);

	return n > strlen(ENDING) && strcmp(name + n - strlen(ENDING), ENDING) == 0;
}

/* Where an output is, from the root: the .dvc file's folder, its wdir, its path. */
static int path_of(const char *file, const struct jm_dvc_outs *outs, struct jm_dvc_item *item, struct jm_error *err)
{
	char joined[3 * JM_DVC_PATH_MAX];
	const char *slash = strrchr(file, '/');

	snprintf(joined, sizeof(joined), "%.*s/%s/%s", slash ? (int)(slash - file) : 0, file,
		 outs->wdir ? outs->wdir : ".", item->out->path);
	if (item->out->unsupported) {
		snprintf(item->path, sizeof(item->path), "%s", item->out->path);
		return 0;
	}
	if ((outs->wdir && outs->wdir[0] == '/') ||
	    jm_dvc_path_normalise(joined + strspn(joined, "/"), item->path, sizeof(item->path)) ||
	    !jm_dvc_path_is_safe(item->path)) {
		jm_error_set(err, JM_E_FORMAT, "%s: the path %s leads out of the repository", file, item->out->path);
		return jm_error_remedy(err, "do not trust this file; nothing was written");
	}
	return 0;
}

static int add_item(struct jm_dvc_items *items, const struct jm_dvc_loaded *loaded, size_t i, struct jm_error *err)
{
	struct jm_dvc_item *item;

	if (!jm_grow(&items->items, &items->capacity, items->n, sizeof(*items->items)))
		return jm_error_set(err, JM_E_NOMEM, "out of memory for the list of outputs");
	item = &items->items[items->n];
	item->outs = &loaded->outs;
	item->out = &loaded->outs.outs[i];
	item->file = loaded->file;
	items->n++;
	return path_of(loaded->file, &loaded->outs, item, err);
}

static int load(const struct jm_dvc *d, const char *file, struct jm_dvc_items *items, struct jm_error *err)
{
	char path[JM_DVC_PATH_MAX];
	struct jm_dvc_loaded *loaded;
	char *text;
	size_t n, i;
	int rc = jm_dvc_absolute(d, file, path, sizeof(path), err);

	rc = rc ? rc : jm_dvc_read_file(path, JM_DVC_FILE_MAX, &text, &n, err);
	if (rc)
		return rc;
	loaded = calloc(1, sizeof(*loaded) + strlen(file) + 1);
	if (loaded) {
		strcpy(loaded->file, file);
		rc = jm_dvc_outs_read(file, text, n, &loaded->outs, err);
	} else {
		rc = jm_error_set(err, JM_E_NOMEM, "out of memory for %s", file);
	}
	free(text);
	if (rc) {
		free(loaded);
		return rc;
	}
	loaded->next = items->loaded;
	items->loaded = loaded;
	for (i = 0; rc == 0 && i < loaded->outs.n; i++)
		rc = add_item(items, loaded, i, err);
	return rc;
}

struct search {
	const struct jm_dvc *d;
	struct jm_dvc_ignore ignore;
	struct jm_dvc_items *items;
	struct jm_error *err;
};

static int search_folder(struct search *s, const char *folder, int depth);

/* A folder that is versioned itself holds data, no .dvc files. */
static bool has_dvc_file(const struct jm_dvc *d, const char *path)
{
	char file[JM_DVC_PATH_MAX + 8];
	struct stat status;

	return snprintf(file, sizeof(file), "%s/%s" ENDING, d->root, path) < (int)sizeof(file) &&
	       stat(file, &status) == 0;
}

static int search_entry(struct search *s, const char *folder, const struct dirent *found, int depth)
{
	char path[JM_DVC_PATH_MAX], whole[JM_DVC_PATH_MAX];
	bool is_folder = found->d_type == DT_DIR;
	struct stat status;

	if (jm_dvc_path_join(folder, found->d_name, path, sizeof(path)))
		return 0;
	if (found->d_type == DT_UNKNOWN && jm_dvc_absolute(s->d, path, whole, sizeof(whole), NULL) == 0)
		is_folder = lstat(whole, &status) == 0 && S_ISDIR(status.st_mode);
	if (!is_folder && !is_dvc_file(found->d_name))
		return 0;
	if (jm_dvc_ignore_matches(&s->ignore, path, is_folder))
		return 0;
	if (!is_folder)
		return load(s->d, path, s->items, s->err);
	return depth < DEPTH_MAX && !has_dvc_file(s->d, path) ? search_folder(s, path, depth + 1) : 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int search_folder(struct search *s, const char *folder, int depth)
{
	char path[JM_DVC_PATH_MAX];
	struct dirent **found = NULL;
	int n, i, rc = jm_dvc_absolute(s->d, folder, path, sizeof(path), s->err);

	if (rc == 0 && *folder)
		rc = jm_dvc_ignore_load(&s->ignore, s->d->root, folder, ".dvcignore", NULL, s->err);
	if (rc)
		return rc;
	n = scandir(path, &found, NULL, by_name);
	if (n < 0)
		return jm_error_errno(s->err, errno, "cannot read the folder %s", path);
	for (i = 0; i < n; i++) {
		if (rc == 0 && strcmp(found[i]->d_name, ".") != 0 && strcmp(found[i]->d_name, "..") != 0)
			rc = search_entry(s, folder, found[i], depth);
		free(found[i]);
	}
	free(found);
	return rc;
}

static int find_all(const struct jm_dvc *d, struct jm_dvc_items *items, struct jm_error *err)
{
	struct search s = {.d = d, .items = items, .err = err};
	int rc = jm_dvc_ignores(d, "", &s.ignore, err);

	rc = rc ? rc : search_folder(&s, "", 0);
	jm_dvc_ignore_finish(&s.ignore);
	return rc;
}

/* A target is a .dvc file, or something that has one beside it. */
static int find_one(const struct jm_dvc *d, const char *target, struct jm_dvc_items *items, struct jm_error *err)
{
	char path[JM_DVC_PATH_MAX];
	char file[JM_DVC_PATH_MAX + 8];
	int rc = jm_dvc_locate(d, target, path, sizeof(path), err);

	if (rc)
		return rc;
	snprintf(file, sizeof(file), "%s%s", path, is_dvc_file(path) ? "" : ENDING);
	rc = load(d, file, items, err);
	if (rc == JM_E_NOT_FOUND) {
		jm_error_set(err, rc, "%s is not versioned: there is no %s", target, file);
		jm_error_remedy(err, "name what has a .dvc file beside it; of a versioned folder, the folder itself");
	}
	return rc;
}

int jm_dvc_items_find(const struct jm_dvc *d, const char *const *targets, size_t n_targets, struct jm_dvc_items *out,
		      struct jm_error *err)
{
	struct jm_dvc_items items = {0};
	size_t i;
	int rc = n_targets ? 0 : find_all(d, &items, err);

	for (i = 0; rc == 0 && i < n_targets; i++)
		rc = find_one(d, targets[i], &items, err);
	if (rc) {
		jm_dvc_items_finish(&items);
		return rc;
	}
	*out = items;
	return 0;
}

void jm_dvc_items_finish(struct jm_dvc_items *items)
{
	while (items->loaded) {
		struct jm_dvc_loaded *next = items->loaded->next;

		jm_dvc_outs_finish(&items->loaded->outs);
		free(items->loaded);
		items->loaded = next;
	}
	free(items->items);
	memset(items, 0, sizeof(*items));
}

int jm_dvc_item_check(const struct jm_dvc_item *item, struct jm_error *err)
{
	if (!item->out->unsupported)
		return 0;
	jm_error_set(err, JM_E_UNSUPPORTED, "%s: %s cannot be worked on here: %s", item->file, item->out->path,
		     item->out->unsupported);
	return jm_error_remedy(err, "use dvc for it, or name other targets");
}
