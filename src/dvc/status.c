/* What differs from the .dvc files. */
#define _GNU_SOURCE
#include "dvc/repo.h"

#include "core/error.h"
#include "core/text.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* Where the workspace's files and the listing differ. */
struct difference {
	size_t n_new, n_modified, n_deleted;
};

static struct difference compare(const struct jm_dvc_files *found, const struct jm_dvc_files *wanted)
{
	struct difference diff = {0};
	size_t i;

	for (i = 0; i < found->n; i++) {
		const struct jm_dvc_entry *want = jm_dvc_files_find(wanted, found->entries[i].path);

		diff.n_new += !want;
		diff.n_modified += want && !jm_dvc_oid_is_same_content(&want->oid, &found->entries[i].oid);
	}
	for (i = 0; i < wanted->n; i++)
		diff.n_deleted += !jm_dvc_files_find(found, wanted->entries[i].path);
	return diff;
}

static void say_changed(const struct jm_dvc_request *r, struct jm_dvc_tally *tally, const struct jm_dvc_item *item,
			const char *what)
{
	tally->n_changed++;
	jm_dvc_say(r, "%-12s %s", what, item->path);
}

/* The hash that a listing of these files has. */
static int listing_oid(const struct jm_dvc_files *files, struct jm_dvc_oid *out, struct jm_error *err)
{
	struct jm_buffer listing = {0};
	struct jm_dvc_md5 *md5;
	int rc = jm_dvc_md5_create(&md5);

	if (rc)
		return jm_error_set(err, rc, "out of memory");
	jm_dvc_listing_write(files, &listing);
	jm_dvc_md5_begin(md5);
	jm_dvc_md5_add(md5, listing.data, listing.n);
	rc = jm_dvc_md5_end(md5, true, out, err);
	if (listing.is_failed)
		rc = jm_error_set(err, JM_E_NOMEM, "out of memory for a listing");
	jm_buffer_finish(&listing);
	jm_dvc_md5_destroy(md5);
	return rc;
}

static int status_of_folder(struct jm_dvc *d, const struct jm_dvc_item *item, const struct jm_dvc_request *r,
			    struct jm_dvc_tally *tally, struct jm_error *err)
{
	struct jm_dvc_files found = {0}, wanted = {0};
	struct jm_dvc_oid oid;
	int rc = jm_dvc_scan(d, item->path, &found, err);

	rc = rc ? rc : jm_dvc_hash_files(d, item->path, &found, item->out->is_legacy, r, err);
	rc = rc ? rc : listing_oid(&found, &oid, err);
	if (rc == 0) {
		tally->n_files += found.n;
		if (jm_dvc_oid_is_same_content(&oid, &item->out->oid)) {
			if (!jm_dvc_cache_has(&d->cache, &item->out->oid, item->out->is_legacy, -1))
				say_changed(r, tally, item, "not in cache");
		} else if (jm_dvc_item_listing(d, item, &wanted, NULL) == 0) {
			struct difference diff = compare(&found, &wanted);

			tally->n_changed++;
			jm_dvc_say(r, "%-12s %s (%zu new, %zu changed, %zu deleted)", "modified", item->path,
				   diff.n_new, diff.n_modified, diff.n_deleted);
		} else {
			say_changed(r, tally, item, "modified");
		}
	}
	jm_dvc_files_finish(&found);
	jm_dvc_files_finish(&wanted);
	return rc;
}

static int status_of_file(struct jm_dvc *d, const struct jm_dvc_item *item, const char *path,
			  const struct jm_dvc_request *r, struct jm_dvc_tally *tally, struct jm_error *err)
{
	struct jm_dvc_worker w = {0};
	struct jm_dvc_oid oid;
	int64_t size;
	int fd, rc = jm_dvc_worker_init(&w);

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (rc)
		jm_error_set(err, rc, "out of memory");
	else
		rc = fd < 0 ? jm_error_errno(err, errno, "cannot open %s", path)
			    : jm_dvc_hash_fd(&w, fd, item->out->is_legacy, path, &oid, &size, err);
	if (fd >= 0)
		close(fd);
	jm_dvc_worker_finish(&w);
	if (rc)
		return rc;
	tally->n_files++;
	if (!jm_dvc_oid_is_same_content(&oid, &item->out->oid))
		say_changed(r, tally, item, "modified");
	else if (item->out->is_cached && !jm_dvc_cache_has(&d->cache, &item->out->oid, item->out->is_legacy, -1))
		say_changed(r, tally, item, "not in cache");
	return 0;
}

static int status_of(struct jm_dvc *d, const struct jm_dvc_item *item, const struct jm_dvc_request *r,
		     struct jm_dvc_tally *tally, struct jm_error *err)
{
	char path[JM_DVC_PATH_MAX];
	struct stat status;
	int rc = jm_dvc_absolute(d, item->path, path, sizeof(path), err);

	if (rc)
		return rc;
	tally->n_outputs++;
	if (item->out->unsupported) {
		jm_dvc_say(r, "%-12s %s: %s", "not checked", item->path, item->out->unsupported);
		return 0;
	}
	if (stat(path, &status) && errno != ENOENT && errno != ENOTDIR && errno != ELOOP)
		return jm_error_errno(err, errno, "cannot look at %s", path);
	if (stat(path, &status)) {
		say_changed(r, tally, item, "deleted");
		return 0;
	}
	if (!item->out->oid.text[0] || S_ISDIR(status.st_mode) != jm_dvc_oid_is_folder(&item->out->oid)) {
		say_changed(r, tally, item, item->out->oid.text[0] ? "modified" : "new");
		return 0;
	}
	return S_ISDIR(status.st_mode) ? status_of_folder(d, item, r, tally, err)
				       : status_of_file(d, item, path, r, tally, err);
}

int jm_dvc_status(struct jm_dvc *d, const struct jm_dvc_request *r, struct jm_dvc_tally *tally, struct jm_error *err)
{
	struct jm_dvc_items items;
	size_t i;
	int rc = jm_dvc_items_find(d, r->targets, r->n_targets, &items, err);

	if (rc)
		return rc;
	for (i = 0; rc == 0 && i < items.n; i++)
		rc = status_of(d, &items.items[i], r, tally, err);
	jm_dvc_items_finish(&items);
	return rc;
}
