/* From the cache into the workspace. First a plan, which is refused as a whole when it would lose something. */
#define _GNU_SOURCE
#include "dvc/repo.h"

#include "core/error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct plan {
	struct jm_dvc *d;
	const struct jm_dvc_item *item;
	bool is_folder;               /* the output; of a file the lists have one entry, "" */
	struct jm_dvc_files wanted;   /* as the .dvc file says */
	struct jm_dvc_files found;    /* in the workspace, hashed */
	bool found_is_folder;         /* what has the output's name there */
	size_t *places, n_places;     /* indices of wanted */
	size_t *removals, n_removals; /* of found */
};

static int single(struct jm_dvc_files *files, const struct jm_dvc_oid *oid, bool is_exec, struct jm_error *err)
{
	struct jm_dvc_entry *entry = jm_dvc_files_add(files, "", 0);

	if (!entry)
		return jm_error_set(err, JM_E_NOMEM, "out of memory");
	if (oid)
		entry->oid = *oid;
	entry->is_exec = is_exec;
	return 0;
}

static int find_wanted(struct plan *p, struct jm_error *err)
{
	const struct jm_dvc_out *out = p->item->out;

	p->is_folder = jm_dvc_oid_is_folder(&out->oid);
	if (p->is_folder)
		return jm_dvc_item_listing(p->d, p->item, &p->wanted, err);
	return single(&p->wanted, &out->oid, out->is_exec, err);
}

static int find_found(struct plan *p, const struct jm_dvc_request *r, struct jm_error *err)
{
	char path[JM_DVC_PATH_MAX];
	struct stat status;
	int rc = jm_dvc_absolute(p->d, p->item->path, path, sizeof(path), err);

	if (rc)
		return rc;
	if (lstat(path, &status))
		return errno == ENOENT ? 0 : jm_error_errno(err, errno, "cannot look at %s", path);
	p->found_is_folder = S_ISDIR(status.st_mode);
	if (p->found_is_folder)
		rc = jm_dvc_scan(p->d, p->item->path, &p->found, err);
	else if (S_ISREG(status.st_mode) ||
		 (S_ISLNK(status.st_mode) && stat(path, &status) == 0 && S_ISREG(status.st_mode)))
		rc = single(&p->found, NULL, false, err);
	else if (!r->force)
		rc = jm_error_set(err, JM_E_EXISTS, "%s is in the way: neither file nor folder", p->item->path);
	return rc ? rc : jm_dvc_hash_files(p->d, p->item->path, &p->found, p->item->out->is_legacy, r, err);
}

static bool is_same_kind(const struct plan *p)
{
	return p->found.n == 0 || p->is_folder == p->found_is_folder;
}

static int make_plan(struct plan *p, bool with_links, struct jm_error *err)
{
	size_t i;

	p->places = malloc((p->wanted.n + 1) * sizeof(*p->places));
	p->removals = malloc((p->found.n + 1) * sizeof(*p->removals));
	if (!p->places || !p->removals)
		return jm_error_set(err, JM_E_NOMEM, "out of memory for the plan of %s", p->item->path);
	for (i = 0; i < p->wanted.n; i++) {
		const struct jm_dvc_entry *have =
		    is_same_kind(p) ? jm_dvc_files_find(&p->found, p->wanted.entries[i].path) : NULL;

		if (with_links || !have || !jm_dvc_oid_is_same_content(&have->oid, &p->wanted.entries[i].oid))
			p->places[p->n_places++] = i;
	}
	for (i = 0; i < p->found.n; i++)
		if (!is_same_kind(p) || !jm_dvc_files_find(&p->wanted, p->found.entries[i].path))
			p->removals[p->n_removals++] = i;
	return 0;
}

static void shown_path(const struct plan *p, const char *path, char *out)
{
	if (jm_dvc_path_join(p->item->path, path, out, JM_DVC_PATH_MAX))
		snprintf(out, JM_DVC_PATH_MAX, "%.*s/...", 200, p->item->path);
}

/* What would be replaced or removed must be in the cache. */
static int check_losses(const struct plan *p, struct jm_error *err)
{
	size_t i, n_lost = 0;
	const char *first = NULL;
	char path[JM_DVC_PATH_MAX];

	for (i = 0; i < p->found.n; i++) {
		const struct jm_dvc_entry *have = &p->found.entries[i],
					  *want = is_same_kind(p) ? jm_dvc_files_find(&p->wanted, have->path) : NULL;

		if ((want && jm_dvc_oid_is_same_content(&want->oid, &have->oid)) ||
		    jm_dvc_cache_has(&p->d->cache, &have->oid, p->item->out->is_legacy, -1))
			continue;
		first = first ? first : have->path;
		n_lost++;
	}
	if (!n_lost)
		return 0;
	shown_path(p, first, path);
	jm_error_set(err, JM_E_EXISTS,
		     "%zu changed or new file%s of %s would be lost, the first: %.200s; nothing was changed", n_lost,
		     n_lost > 1 ? "s" : "", p->item->path, path);
	return jm_error_remedy(err, "keep them with: joulemap data add %.200s; or lose them with --force",
			       p->item->path);
}

static int check_objects(const struct plan *p, struct jm_error *err)
{
	size_t i, n_missing = 0;
	const struct jm_dvc_entry *first = NULL;
	char path[JM_DVC_PATH_MAX];

	for (i = 0; i < p->n_places; i++) {
		const struct jm_dvc_entry *want = &p->wanted.entries[p->places[i]];

		if (jm_dvc_cache_has(&p->d->cache, &want->oid, p->item->out->is_legacy, -1))
			continue;
		first = first ? first : want;
		n_missing++;
	}
	if (!n_missing)
		return 0;
	shown_path(p, first->path, path);
	jm_error_set(err, JM_E_NOT_FOUND,
		     "%zu object%s of %s not in the cache, the first: %s, of %.200s; nothing was changed", n_missing,
		     n_missing > 1 ? "s" : "", p->item->path, first->oid.text, path);
	return jm_error_remedy(err, "joulemap data pull %s", p->item->file);
}

/* Removes a file and the folders that it leaves empty, up to and without the output's own. */
static int remove_one(struct plan *p, struct jm_dvc_below *below, const char *path, struct jm_error *err)
{
	char whole[JM_DVC_PATH_MAX];
	const char *name;
	int fd, rc;

	shown_path(p, path, whole);
	rc = jm_dvc_below_parent(below, whole, false, &fd, &name, err);
	if (rc)
		return rc;
	if (unlinkat(fd, name, 0) && errno != ENOENT)
		return jm_error_errno(err, errno, "cannot remove %s", whole);
	while (strlen(whole) > strlen(p->item->path) + 1) {
		*strrchr(whole, '/') = '\0';
		if (strlen(whole) <= strlen(p->item->path) && is_same_kind(p))
			break;
		if (jm_dvc_below_parent(below, whole, false, &fd, &name, NULL) || unlinkat(fd, name, AT_REMOVEDIR))
			break;
	}
	return 0;
}

static int remove_all(struct plan *p, struct jm_error *err)
{
	struct jm_dvc_below below;
	size_t i;
	int rc;

	if (p->n_removals == 0)
		return 0;
	rc = jm_dvc_below_open(&below, p->d->root, err);
	if (rc)
		return rc;
	for (i = 0; rc == 0 && i < p->n_removals; i++)
		rc = remove_one(p, &below, p->found.entries[p->removals[i]].path, err);
	jm_dvc_below_close(&below);
	return rc;
}

static int place_one(void *ctx, struct jm_dvc_worker *w, size_t i, struct jm_error *err)
{
	struct plan *p = ctx;
	const struct jm_dvc_entry *want = &p->wanted.entries[p->places[i]];
	struct jm_dvc_placing placing = {
	    .oid = &want->oid, .is_legacy = p->item->out->is_legacy, .is_exec = want->is_exec};
	char whole[JM_DVC_PATH_MAX];
	struct jm_dvc_below below;
	int rc = jm_dvc_below_open(&below, p->d->root, err);

	if (rc)
		return rc;
	shown_path(p, want->path, whole);
	placing.shown = whole;
	rc = jm_dvc_below_parent(&below, whole, true, &placing.folder_fd, &placing.name, err);
	rc = rc ? rc : jm_dvc_cache_place(&p->d->cache, w, &placing, err);
	jm_dvc_below_close(&below);
	return rc;
}

/* A folder without files is made, too. */
static int make_output_folder(struct plan *p, struct jm_error *err)
{
	char inside[JM_DVC_PATH_MAX];
	struct jm_dvc_below below;
	const char *name;
	int fd, rc;

	if (!p->is_folder || p->wanted.n)
		return 0;
	rc = jm_dvc_below_open(&below, p->d->root, err);
	if (rc)
		return rc;
	shown_path(p, "x", inside);
	rc = jm_dvc_below_parent(&below, inside, true, &fd, &name, err);
	jm_dvc_below_close(&below);
	return rc;
}

static int run_plan(struct plan *p, const struct jm_dvc_request *r, struct jm_dvc_tally *tally, struct jm_error *err)
{
	const struct jm_dvc_progress progress = jm_dvc_progress_of(r, "checking out");
	int rc = remove_all(p, err);

	rc = rc ? rc : make_output_folder(p, err);
	rc = rc ? rc : jm_dvc_pool_run(0, p->n_places, place_one, p, &progress, err);
	if (rc)
		return rc;
	tally->n_outputs++;
	tally->n_files += p->wanted.n;
	tally->n_changed += p->n_places + p->n_removals;
	if (p->n_places + p->n_removals)
		jm_dvc_say(r, "%s: %zu written, %zu removed", p->item->path, p->n_places, p->n_removals);
	return 0;
}

static int checkout_one(struct jm_dvc *d, const struct jm_dvc_item *item, const struct jm_dvc_request *r,
			bool with_links, struct jm_dvc_tally *tally, struct jm_error *err)
{
	struct plan p = {.d = d, .item = item};
	int rc = jm_dvc_item_check(item, err);

	if (rc == 0 && (!item->out->oid.text[0] || !item->out->is_cached))
		return 0; /* nothing is kept of it */
	rc = rc ? rc : find_wanted(&p, err);
	rc = rc ? rc : find_found(&p, r, err);
	rc = rc ? rc : make_plan(&p, with_links, err);
	rc = rc || r->force ? rc : check_losses(&p, err);
	rc = rc ? rc : check_objects(&p, err);
	rc = rc ? rc : run_plan(&p, r, tally, err);
	jm_dvc_files_finish(&p.wanted);
	jm_dvc_files_finish(&p.found);
	free(p.places);
	free(p.removals);
	return rc;
}

static int checkout_all(struct jm_dvc *d, const struct jm_dvc_request *r, bool with_links, struct jm_dvc_tally *tally,
			struct jm_error *err)
{
	struct jm_dvc_items items;
	size_t i;
	int rc = jm_dvc_items_find(d, r->targets, r->n_targets, &items, err);

	if (rc)
		return rc;
	for (i = 0; rc == 0 && i < items.n; i++)
		rc = checkout_one(d, &items.items[i], r, with_links, tally, err);
	jm_dvc_items_finish(&items);
	return rc;
}

int jm_dvc_checkout(struct jm_dvc *d, const struct jm_dvc_request *r, struct jm_dvc_tally *tally, struct jm_error *err)
{
	int rc = jm_dvc_lock(d, err);

	return rc ? rc : checkout_all(d, r, false, tally, err);
}

int jm_dvc_checkout_links(struct jm_dvc *d, const struct jm_dvc_request *r, struct jm_error *err)
{
	struct jm_dvc_tally tally = {0};

	return checkout_all(d, r, true, &tally, err);
}
