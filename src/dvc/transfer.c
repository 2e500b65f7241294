/* Push and fetch: which objects, in which order. */
#define _GNU_SOURCE
#include "dvc/remote.h"
#include "dvc/repo.h"

#include "core/error.h"
#include "core/grow.h"
#include "core/text.h"

#include <stdlib.h>
#include <string.h>

#define JOBS_DEFAULT  16
#define JOBS_MAX      128
#define LISTING_ENTRY 25000 /* bytes: the longest path, each character escaped */
#define LISTING_MAX   ((int64_t)1 << 30)

struct moves {
	struct jm_dvc_move *moves;
	size_t n, capacity;
};

/* The work on one remote. */
struct work {
	struct jm_dvc *d;
	const struct jm_dvc_request *r;
	struct jm_dvc_tally *tally;
	struct jm_dvc_remote remote;
	struct jm_dvc_items *items;
	const char *own_remote;        /* of the outputs that are meant; NULL: those without */
	struct jm_dvc_files *listings; /* one an item; empty for files, and where it is not here */
	struct moves folders, files;
};

static bool is_meant(const struct work *w, const struct jm_dvc_item *item)
{
	const char *own = item->out->remote;

	if (!item->out->oid.text[0] || !item->out->is_cached || item->out->unsupported)
		return false;
	/* A remote that was asked for holds for all; else an output's own one does. */
	if (w->r->remote)
		return true;
	return own && w->own_remote ? strcmp(own, w->own_remote) == 0 : own == w->own_remote;
}

static int add_move(struct moves *moves, const struct jm_dvc_oid *oid, bool is_legacy, int64_t size_max,
		    const char *shown)
{
	if (!jm_grow(&moves->moves, &moves->capacity, moves->n, sizeof(*moves->moves)))
		return JM_E_NOMEM;
	moves->moves[moves->n++] =
	    (struct jm_dvc_move){.oid = *oid, .is_legacy = is_legacy, .size_max = size_max, .shown = shown};
	return 0;
}

static int compare(const void *a, const void *b)
{
	const struct jm_dvc_move *m = a, *k = b;
	int order = strcmp(m->oid.text, k->oid.text);

	return order ? order : (int)m->is_legacy - (int)k->is_legacy;
}

/* Each object once. */
static void make_unique(struct moves *moves)
{
	size_t i, kept = 0;

	if (moves->n > 1)
		qsort(moves->moves, moves->n, sizeof(*moves->moves), compare);
	for (i = 0; i < moves->n; i++) {
		if (kept && compare(&moves->moves[kept - 1], &moves->moves[i]) == 0) {
			if (moves->moves[i].size_max > moves->moves[kept - 1].size_max)
				moves->moves[kept - 1].size_max = moves->moves[i].size_max;
			continue;
		}
		moves->moves[kept++] = moves->moves[i];
	}
	moves->n = kept;
}

static const struct jm_dvc_move *find_move(const struct moves *moves, const struct jm_dvc_oid *oid, bool is_legacy)
{
	const struct jm_dvc_move key = {.oid = *oid, .is_legacy = is_legacy};

	return moves->n ? bsearch(&key, moves->moves, moves->n, sizeof(key), compare) : NULL;
}

static struct jm_dvc_transfer transfer_of(const struct work *w, struct moves *moves, const char *what)
{
	const char *said = jm_dvc_config_get(&w->d->config, w->remote.section, "jobs");
	uint64_t jobs = w->r->jobs;

	if (!jobs && (!said || jm_text_u64(said, strlen(said), &jobs) || !jobs))
		jobs = JOBS_DEFAULT;
	return (struct jm_dvc_transfer){.cache = &w->d->cache,
					.moves = moves->moves,
					.n = moves->n,
					.jobs = (unsigned)(jobs > JOBS_MAX ? JOBS_MAX : jobs),
					.progress = jm_dvc_progress_of(w->r, what)};
}

static int probe(struct work *w, struct moves *moves, struct jm_error *err)
{
	struct jm_dvc_transfer t = transfer_of(w, moves, "asking");

	return t.n ? w->remote.kind->probe(&w->remote, &t, err) : 0;
}

/* Moves those that is_wanted names (by value of is_there), and counts them. */
static int move_all(struct work *w, struct moves *moves, bool is_push, struct jm_error *err)
{
	struct jm_dvc_transfer t = transfer_of(w, moves, is_push ? "pushing" : "pulling");
	size_t i;
	int rc = 0;

	if (t.n)
		rc = is_push ? w->remote.kind->put(&w->remote, &t, err) : w->remote.kind->get(&w->remote, &t, err);
	for (i = 0; i < moves->n; i++) {
		w->tally->n_moved += moves->moves[i].is_done;
		w->tally->bytes_moved += moves->moves[i].is_done ? (uint64_t)moves->moves[i].size : 0;
	}
	return rc;
}

/* Takes out of the list what need not be moved. */
static void keep_if(struct moves *moves, bool (*is_kept)(const struct work *w, const struct jm_dvc_move *move),
		    const struct work *w)
{
	size_t i, kept = 0;

	for (i = 0; i < moves->n; i++)
		if (is_kept(w, &moves->moves[i]))
			moves->moves[kept++] = moves->moves[i];
	moves->n = kept;
}

static bool is_not_there(const struct work *w, const struct jm_dvc_move *move)
{
	(void)w;
	return !move->is_there;
}

static bool is_not_here(const struct work *w, const struct jm_dvc_move *move)
{
	return !jm_dvc_cache_has(&w->d->cache, &move->oid, move->is_legacy, -1);
}

static int add_files(struct work *w, size_t i, struct moves *to, struct jm_error *err)
{
	const struct jm_dvc_item *item = &w->items->items[i];
	const struct jm_dvc_files *listing = &w->listings[i];
	size_t k;

	for (k = 0; k < listing->n; k++)
		if (add_move(to, &listing->entries[k].oid, item->out->is_legacy, item->out->size,
			     listing->entries[k].path))
			return jm_error_set(err, JM_E_NOMEM, "out of memory for the list of objects");
	return 0;
}

/* What a listing can have at most: a remote is not to fill the disk. */
static int64_t listing_max(const struct jm_dvc_out *out)
{
	return out->n_files >= 0 && out->n_files < LISTING_MAX / LISTING_ENTRY ? (out->n_files + 1) * LISTING_ENTRY
									       : LISTING_MAX;
}

/* Outputs that are files go with the files, those that are folders with the folders. */
static int list_outputs(struct work *w, bool is_push, struct jm_error *err)
{
	size_t i;
	int rc = 0;

	for (i = 0; rc == 0 && i < w->items->n; i++) {
		const struct jm_dvc_item *item = &w->items->items[i];
		bool is_folder = jm_dvc_oid_is_folder(&item->out->oid);

		if (!is_meant(w, item) || (is_push && !item->out->can_push))
			continue;
		w->tally->n_outputs++;
		if (add_move(is_folder ? &w->folders : &w->files, &item->out->oid, item->out->is_legacy,
			     is_folder ? listing_max(item->out) : item->out->size, item->path))
			rc = jm_error_set(err, JM_E_NOMEM, "out of memory for the list of objects");
	}
	make_unique(&w->folders);
	return rc;
}

/* Loads the listings of the folders that are meant. */
static int load_listings(struct work *w, bool is_push, struct jm_error *err)
{
	size_t i;
	int rc = 0;

	for (i = 0; rc == 0 && i < w->items->n; i++) {
		const struct jm_dvc_item *item = &w->items->items[i];

		if (is_meant(w, item) && jm_dvc_oid_is_folder(&item->out->oid) && (!is_push || item->out->can_push))
			rc = jm_dvc_item_listing(w->d, item, &w->listings[i], err);
	}
	return rc;
}

static int push_files(struct work *w, struct jm_error *err)
{
	size_t i;
	int rc = 0;

	/* A listing is pushed behind its files: where it is, they are. */
	for (i = 0; rc == 0 && i < w->items->n; i++) {
		const struct jm_dvc_item *item = &w->items->items[i];
		const struct jm_dvc_move *folder = jm_dvc_oid_is_folder(&item->out->oid)
						       ? find_move(&w->folders, &item->out->oid, item->out->is_legacy)
						       : NULL;

		if (folder && (!folder->is_there || w->r->check_all))
			rc = add_files(w, i, &w->files, err);
		else if (folder)
			w->tally->n_objects += w->listings[i].n;
	}
	make_unique(&w->files);
	w->tally->n_objects += w->files.n + w->folders.n;
	rc = rc ? rc : probe(w, &w->files, err);
	keep_if(&w->files, is_not_there, w);
	return rc ? rc : move_all(w, &w->files, true, err);
}

static int push(struct work *w, struct jm_error *err)
{
	int rc = list_outputs(w, true, err);

	rc = rc ? rc : load_listings(w, true, err);
	rc = rc ? rc : probe(w, &w->folders, err);
	rc = rc ? rc : push_files(w, err);
	keep_if(&w->folders, is_not_there, w);
	return rc ? rc : move_all(w, &w->folders, true, err);
}

static int fetch(struct work *w, struct jm_error *err)
{
	size_t i;
	int rc = list_outputs(w, false, err);

	w->tally->n_objects += w->folders.n;
	keep_if(&w->folders, is_not_here, w);
	rc = rc ? rc : move_all(w, &w->folders, false, err);
	rc = rc ? rc : load_listings(w, false, err);
	for (i = 0; rc == 0 && i < w->items->n; i++)
		rc = add_files(w, i, &w->files, err);
	make_unique(&w->files);
	w->tally->n_objects += w->files.n;
	keep_if(&w->files, is_not_here, w);
	return rc ? rc : move_all(w, &w->files, false, err);
}

/* Compares cache and remote, and says what differs. */
static int compare_with_remote(struct work *w, struct jm_error *err)
{
	size_t i, n_new = 0, n_deleted = 0, n_missing = 0;
	int rc = list_outputs(w, false, err);

	for (i = 0; rc == 0 && i < w->items->n; i++) {
		const struct jm_dvc_item *item = &w->items->items[i];

		if (!is_meant(w, item) || !jm_dvc_oid_is_folder(&item->out->oid) ||
		    jm_dvc_item_listing(w->d, item, &w->listings[i], NULL))
			continue;
		rc = add_files(w, i, &w->files, err);
	}
	for (i = 0; rc == 0 && i < w->folders.n; i++)
		rc = add_move(&w->files, &w->folders.moves[i].oid, w->folders.moves[i].is_legacy, -1,
			      w->folders.moves[i].shown);
	make_unique(&w->files);
	rc = rc ? rc : probe(w, &w->files, err);
	for (i = 0; rc == 0 && i < w->files.n; i++) {
		const struct jm_dvc_move *move = &w->files.moves[i];
		bool is_here = !is_not_here(w, move);

		n_new += is_here && !move->is_there;
		n_deleted += !is_here && move->is_there;
		n_missing += !is_here && !move->is_there;
		if (is_here != move->is_there || !is_here)
			jm_dvc_say(w->r, "%-12s %s %s",
				   is_here          ? "new"
				   : move->is_there ? "deleted"
						    : "missing",
				   move->oid.text, move->shown);
	}
	if (rc)
		return rc;
	w->tally->n_objects += w->files.n;
	w->tally->n_changed += n_new + n_deleted + n_missing;
	if (n_new + n_deleted + n_missing)
		jm_dvc_say(w->r, "remote '%s': %zu to push (new), %zu to pull (deleted here), %zu nowhere (missing)",
			   w->remote.name, n_new, n_deleted, n_missing);
	return 0;
}

static int on_remote(struct work *w, const char *name, int (*act)(struct work *w, struct jm_error *err),
		     struct jm_error *err)
{
	size_t i;
	int rc;

	w->listings = calloc(w->items->n ? w->items->n : 1, sizeof(*w->listings));
	if (!w->listings)
		return jm_error_set(err, JM_E_NOMEM, "out of memory");
	rc = jm_dvc_remote_open(&w->d->config, name, &w->remote, err);
	rc = rc ? rc : act(w, err);
	jm_dvc_remote_close(&w->remote);
	for (i = 0; i < w->items->n; i++)
		jm_dvc_files_finish(&w->listings[i]);
	free(w->listings);
	free(w->folders.moves);
	free(w->files.moves);
	memset(&w->folders, 0, sizeof(w->folders));
	memset(&w->files, 0, sizeof(w->files));
	return rc;
}

/* Acts on the remote asked for, or on the default one and on each that an output names. */
static int on_remotes(struct jm_dvc *d, const struct jm_dvc_request *r, struct jm_dvc_tally *tally,
		      int (*act)(struct work *w, struct jm_error *err), struct jm_error *err)
{
	struct jm_dvc_items items;
	struct work w = {.d = d, .r = r, .tally = tally, .items = &items};
	bool has_default = false;
	size_t i, k;
	int rc = jm_dvc_items_find(d, r->targets, r->n_targets, &items, err);

	if (rc)
		return rc;
	for (i = 0; rc == 0 && i < items.n; i++) {
		rc = r->n_targets ? jm_dvc_item_check(&items.items[i], err) : 0;
		has_default |= !items.items[i].out->remote;
	}
	if (rc == 0 && (r->remote || has_default || items.n == 0))
		rc = on_remote(&w, r->remote, act, err);
	for (i = 0; rc == 0 && !r->remote && i < items.n; i++) {
		w.own_remote = items.items[i].out->remote;
		for (k = 0; k < i && w.own_remote; k++)
			if (items.items[k].out->remote && strcmp(items.items[k].out->remote, w.own_remote) == 0)
				w.own_remote = NULL; /* done */
		if (w.own_remote)
			rc = on_remote(&w, w.own_remote, act, err);
	}
	jm_dvc_items_finish(&items);
	return rc;
}

int jm_dvc_push(struct jm_dvc *d, const struct jm_dvc_request *r, struct jm_dvc_tally *tally, struct jm_error *err)
{
	return on_remotes(d, r, tally, push, err);
}

int jm_dvc_fetch(struct jm_dvc *d, const struct jm_dvc_request *r, struct jm_dvc_tally *tally, struct jm_error *err)
{
	int rc = jm_dvc_lock(d, err);

	if (rc)
		return rc;
	jm_dvc_cache_enter(&d->cache);
	return on_remotes(d, r, tally, fetch, err);
}

int jm_dvc_status_remote(struct jm_dvc *d, const struct jm_dvc_request *r, struct jm_dvc_tally *tally,
			 struct jm_error *err)
{
	return on_remotes(d, r, tally, compare_with_remote, err);
}
