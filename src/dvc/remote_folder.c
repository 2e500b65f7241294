/* A remote that is a folder: objects lie in it as in a cache. */
#define _GNU_SOURCE
#include "dvc/remote.h"

#include "core/error.h"
#include "core/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int open_folder(struct jm_dvc_remote *remote, const struct jm_dvc_config *config, struct jm_error *err)
{
	struct jm_dvc_cache *store = calloc(1, sizeof(*store));
	const char *shared = jm_dvc_config_get(config, remote->section, "shared");
	int rc;

	if (!store)
		return jm_error_set(err, JM_E_NOMEM, "out of memory");
	rc = jm_dvc_cache_init(store, remote->url, NULL, shared && strcasecmp(shared, "group") == 0, err);
	if (rc) {
		free(store);
		return rc;
	}
	remote->state = store;
	return 0;
}

static void close_folder(struct jm_dvc_remote *remote)
{
	if (remote->state)
		jm_dvc_cache_leave(remote->state);
	free(remote->state);
}

static int probe(struct jm_dvc_remote *remote, struct jm_dvc_transfer *t, struct jm_error *err)
{
	size_t i;

	(void)err;
	for (i = 0; i < t->n; i++)
		t->moves[i].is_there = jm_dvc_cache_has(remote->state, &t->moves[i].oid, t->moves[i].is_legacy, -1);
	return 0;
}

struct copying {
	struct jm_dvc_remote *remote;
	struct jm_dvc_transfer *t;
	struct jm_dvc_cache *from, *to;
};

/* Copies and hashes on the way. */
static int copy_bytes(struct jm_dvc_worker *w, const struct jm_dvc_move *move, int from, int to, int64_t *size_out,
		      struct jm_dvc_oid *found, struct jm_error *err)
{
	int64_t size = 0;
	ssize_t n;

	jm_dvc_md5_begin(w->md5);
	while ((n = jm_dvc_read_chunk(w, from, move->oid.text, err)) > 0) {
		if (move->is_legacy)
			jm_dvc_md5_add_dos2unix(w->md5, w->buffer, (size_t)n);
		else
			jm_dvc_md5_add(w->md5, w->buffer, (size_t)n);
		if (jm_file_put(to, w->buffer, (size_t)n))
			return jm_error_errno(err, errno, "cannot write the object %s", move->oid.text);
		size += n;
	}
	if (n < 0)
		return (int)n;
	*size_out = size;
	return jm_dvc_md5_end(w->md5, false, found, err);
}

static int wrong_hash(const struct copying *c, const struct jm_dvc_move *move, const struct jm_dvc_oid *found,
		      struct jm_error *err)
{
	bool is_push = c->from == c->t->cache;

	jm_error_set(err, JM_E_FORMAT, "the object %s (%s) is damaged %s: its hash is %s; it was not copied",
		     move->oid.text, move->shown, is_push ? "in the cache" : "on the remote", found->text);
	if (is_push)
		return jm_error_remedy(err, "remove it from the cache, then add the data again");
	return jm_error_remedy(err, "push it again to '%s' from where it is whole, with the damaged file removed there",
			       c->remote->name);
}

static int copy_one(void *ctx, struct jm_dvc_worker *w, size_t i, struct jm_error *err)
{
	const struct copying *c = ctx;
	struct jm_dvc_move *move = &c->t->moves[i];
	char from_path[JM_DVC_PATH_MAX], temp[JM_DVC_PATH_MAX];
	struct jm_dvc_oid found;
	int from, to, rc;

	if (jm_dvc_object_path(c->from->root, &move->oid, move->is_legacy, from_path, sizeof(from_path)))
		return jm_error_set(err, JM_E_INVALID, "the path of the remote '%s' is too long", c->remote->name);
	from = open(from_path, O_RDONLY | O_CLOEXEC);
	if (from < 0 && errno == ENOENT) {
		jm_error_set(err, JM_E_NOT_FOUND, "the object %s (%s) is not %s", move->oid.text, move->shown,
			     c->from == c->t->cache ? "in the cache" : "on the remote");
		return jm_error_remedy(err, "push it from where the data is");
	}
	if (from < 0)
		return jm_error_errno(err, errno, "cannot open the object %s (%s)", move->oid.text, move->shown);
	rc = jm_dvc_cache_temp(c->to, temp, &to, err);
	if (rc) {
		close(from);
		return rc;
	}
	rc = copy_bytes(w, move, from, to, &move->size, &found, err);
	close(from);
	if (close(to) && rc == 0)
		rc = jm_error_errno(err, errno, "cannot write the object %s", move->oid.text);
	if (rc == 0 && !jm_dvc_oid_is_same_content(&found, &move->oid))
		rc = wrong_hash(c, move, &found, err);
	rc = rc ? rc : jm_dvc_cache_commit(c->to, temp, &move->oid, move->is_legacy, err);
	if (rc)
		unlink(temp);
	move->is_done = rc == 0;
	return rc;
}

static int copy_all(struct jm_dvc_remote *remote, struct jm_dvc_transfer *t, bool is_push, struct jm_error *err)
{
	struct jm_dvc_cache *store = remote->state;
	struct copying c = {remote, t, is_push ? t->cache : store, is_push ? store : t->cache};
	struct stat status;

	if (is_push && t->n) {
		int rc = jm_dvc_make_folders(store->root, store->folder_mode, err);

		if (rc)
			return rc;
		jm_dvc_cache_enter(store);
	} else if (!is_push && stat(store->root, &status)) {
		return jm_error_errno(err, errno, "cannot open the remote '%s', %s", remote->name, remote->url);
	}
	return jm_dvc_pool_run(0, t->n, copy_one, &c, &t->progress, err);
}

static int get(struct jm_dvc_remote *remote, struct jm_dvc_transfer *t, struct jm_error *err)
{
	return copy_all(remote, t, false, err);
}

static int put(struct jm_dvc_remote *remote, struct jm_dvc_transfer *t, struct jm_error *err)
{
	return copy_all(remote, t, true, err);
}

const struct jm_dvc_remote_kind jm_dvc_remote_folder = {
    .schemes = "", .open = open_folder, .close = close_folder, .probe = probe, .get = get, .put = put};
