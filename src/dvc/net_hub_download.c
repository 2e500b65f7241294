#define _GNU_SOURCE
#include "dvc/net_hub.h"
#include "dvc/net_hub_list.h"
#include "dvc/new_file.h"

#include "core/error.h"
#include "core/file.h"
#include "dvc/repo.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define THREADS     8
#define FOLDERS_MAX 100000
#define URL_MAX     8192

struct download {
	struct jm_hub hub;
	const struct jm_hub_request *r;
	struct jm_hub_tally *tally;
	struct jm_hub_list list; /* files and folders, in the order found */
	size_t *files, n_files;  /* entries that are files */
	pthread_mutex_t lock;    /* what follows */
	CURL *handles[THREADS];
	size_t n_handles, n_differ;
	char first_differs[512];
};

static int list_folder(struct download *d, CURL *easy, const char *path, struct jm_error *err)
{
	char url[JM_DVC_PATH_MAX * 4], what[300];
	struct jm_buffer answer = {0};
	int rc = jm_hub_url(&d->hub, "content", path, url, sizeof(url), err);

	snprintf(what, sizeof(what), "the folder %.200s", path);
	rc = rc ? rc : jm_hub_get_text(&d->hub, easy, url, what, &answer, err);
	rc = rc ? rc : jm_hub_list_read(&d->list, answer.data, answer.n, err);
	jm_buffer_finish(&answer);
	return rc;
}

/* Breadth first. A folder that lists itself would go on for ever: there is a limit. */
static int list_all(struct download *d, CURL *easy, struct jm_error *err)
{
	size_t i, n_folders = 1;
	int rc = list_folder(d, easy, d->list.top, err);

	for (i = 0; rc == 0 && i < d->list.n; i++) {
		if (!d->list.entries[i].is_folder)
			continue;
		if (d->r->progress && d->r->progress(d->r->ctx, "listing", i, d->list.n))
			rc = jm_error_set(err, JM_E_CANCELLED, "stopped while folders were listed");
		else if (++n_folders > FOLDERS_MAX)
			rc = jm_error_set(err, JM_E_FORMAT, "DagsHub lists more than %d folders", FOLDERS_MAX);
		else
			rc = list_folder(d, easy, d->list.entries[i].path, err);
	}
	d->files = malloc((d->list.n + 1) * sizeof(*d->files));
	if (rc == 0 && !d->files)
		rc = jm_error_set(err, JM_E_NOMEM, "out of memory for DagsHub's list");
	for (i = 0; rc == 0 && i < d->list.n; i++)
		if (!d->list.entries[i].is_folder)
			d->files[d->n_files++] = i;
	return rc;
}

/* A file on its way: written beside its place, hashed. */
struct receiving {
	struct jm_dvc_worker *w;
	int fd;
	int64_t size;
};

static size_t on_bytes(char *data, size_t size, size_t n, void *ctx)
{
	struct receiving *f = ctx;

	n *= size;
	if (jm_file_put(f->fd, data, n))
		return 0;
	jm_dvc_md5_add(f->w->md5, data, n);
	f->size += (int64_t)n;
	return n;
}

static int begin_again(void *ctx)
{
	struct receiving *f = ctx;

	f->size = 0;
	jm_dvc_md5_begin(f->w->md5);
	return ftruncate(f->fd, 0) || lseek(f->fd, 0, SEEK_SET) < 0;
}

static CURL *borrow_handle(struct download *d)
{
	CURL *easy = NULL;

	pthread_mutex_lock(&d->lock);
	if (d->n_handles)
		easy = d->handles[--d->n_handles];
	pthread_mutex_unlock(&d->lock);
	return easy ? easy : curl_easy_init();
}

static void give_back(struct download *d, CURL *easy)
{
	pthread_mutex_lock(&d->lock);
	if (easy && d->n_handles < THREADS)
		d->handles[d->n_handles++] = easy;
	else if (easy)
		curl_easy_cleanup(easy);
	pthread_mutex_unlock(&d->lock);
}

static void note_difference(struct download *d, const char *path)
{
	pthread_mutex_lock(&d->lock);
	if (!d->n_differ++)
		snprintf(d->first_differs, sizeof(d->first_differs), "%s", path);
	pthread_mutex_unlock(&d->lock);
}

static void count(struct download *d, bool is_kept, int64_t size)
{
	pthread_mutex_lock(&d->lock);
	d->tally->n_kept += is_kept;
	d->tally->n_files += !is_kept;
	d->tally->bytes += is_kept ? 0 : (uint64_t)size;
	pthread_mutex_unlock(&d->lock);
}

/* The hash of what is there, links not followed. Gives false where there is nothing. */
static bool hash_there(struct jm_dvc_worker *w, int folder, const char *name, struct jm_dvc_oid *out)
{
	int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	struct stat status;
	int64_t size;

	memset(out, 0, sizeof(*out));
	if (fd < 0)
		return errno != ENOENT;
	if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode))
		(void)jm_dvc_hash_fd(w, fd, false, name, out, &size, NULL);
	close(fd);
	return true;
}

/* Gets e into the open file, and makes sure that it is what the server told. */
static int receive(struct download *d, const struct jm_hub_entry *e, struct receiving *f, struct jm_dvc_oid *oid,
		   struct jm_error *err)
{
	CURL *easy = borrow_handle(d);
	char what[300];
	long status;
	int rc;

	if (!easy)
		return jm_error_set(err, JM_E_NOMEM, "out of memory");
	snprintf(what, sizeof(what), "the file %.200s", e->path);
	curl_easy_reset(easy);
	curl_easy_setopt(easy, CURLOPT_URL, e->url);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_bytes);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, f);
	rc = jm_hub_perform(&d->hub, easy, what, begin_again, f, &status, err);
	give_back(d, easy);
	if (rc)
		return rc;
	rc = jm_dvc_md5_end(f->w->md5, false, oid, err);
	if (rc)
		return rc;
	if (!e->oid.text[0] || jm_dvc_oid_is_folder(&e->oid) || jm_dvc_oid_is_same_content(&e->oid, oid))
		return 0;
	jm_error_set(err, JM_E_FORMAT,
		     "DagsHub gave something else for %s than it lists: the hash is %s, not %s; it was thrown away",
		     e->path, oid->text, e->oid.text);
	return jm_error_remedy(err, "run this again");
}

/* Into its place, whole: over what is there only where that is allowed. */
static int put_file(struct download *d, struct jm_dvc_worker *w, const struct jm_hub_entry *e, int folder,
		    const char *name, struct jm_error *err)
{
	struct jm_dvc_oid there, oid;
	struct receiving f = {.w = w};
	struct jm_dvc_new_file file;
	bool is_there = hash_there(w, folder, name, &there), is_kept, is_refused;
	int rc;

	if (is_there && e->oid.text[0] && jm_dvc_oid_is_same_content(&there, &e->oid)) {
		count(d, true, 0);
		return 0;
	}
	if (jm_dvc_new_file_open(&file, folder, 0666))
		return jm_error_errno(err, errno, "cannot write beside %s", e->path);
	f.fd = file.fd;
	rc = receive(d, e, &f, &oid, err);
	is_kept = rc == 0 && is_there && jm_dvc_oid_is_same_content(&there, &oid);
	is_refused = rc == 0 && !is_kept && is_there && !d->r->force;
	if (rc == 0 && !is_kept && !is_refused && jm_dvc_new_file_name(&file, name))
		rc = jm_error_errno(err, errno, "cannot write %s", e->path);
	if (jm_dvc_new_file_close(&file) && rc == 0)
		rc = jm_error_errno(err, errno, "cannot write %s", e->path);
	if (is_refused)
		note_difference(d, e->path);
	else if (rc == 0)
		count(d, is_kept, f.size);
	return rc;
}

static int download_one(void *ctx, struct jm_dvc_worker *w, size_t i, struct jm_error *err)
{
	struct download *d = ctx;
	const struct jm_hub_entry *e = &d->list.entries[d->files[i]];
	struct jm_dvc_below below;
	const char *inside, *name;
	int folder, rc = jm_hub_path_inside(d->list.top, e->path, &inside);

	if (rc)
		return jm_error_set(err, rc, "a path leads out of the folder");
	/* The token is for the server that was asked, not for one that it names. */
	if (strncmp(e->url, "http://", 7) != 0 && strncmp(e->url, "https://", 8) != 0)
		return jm_error_set(err, JM_E_FORMAT, "DagsHub gives no address for %s", e->path);
	rc = jm_dvc_below_open(&below, d->r->local_folder, err);
	if (rc)
		return rc;
	rc = jm_dvc_below_parent(&below, inside, true, &folder, &name, err);
	rc = rc ? rc : put_file(d, w, e, folder, name, err);
	jm_dvc_below_close(&below);
	return rc;
}

/* Addresses on another host would be sent the token: they are replaced by the interface's own ("raw"). */
static int fix_urls(struct download *d, struct jm_error *err)
{
	const char *base = d->hub.access.base;
	size_t n = (size_t)(strstr(base, "://") + 3 - base), i;
	char url[URL_MAX];

	n += strcspn(base + n, "/") + 1;
	for (i = 0; i < d->n_files; i++) {
		struct jm_hub_entry *e = &d->list.entries[d->files[i]];
		int rc;

		if (strncmp(e->url, base, n) == 0)
			continue;
		rc = jm_hub_url(&d->hub, "raw", e->path, url, sizeof(url), err);
		if (rc)
			return rc;
		free(e->url);
		e->url = strdup(url);
		if (!e->url)
			return jm_error_set(err, JM_E_NOMEM, "out of memory for DagsHub's list");
	}
	return 0;
}

static int download_all(struct download *d, struct jm_error *err)
{
	const struct jm_dvc_progress progress = {d->r->progress, d->r->ctx, "downloading"};
	CURL *easy = borrow_handle(d);
	int rc = easy ? list_all(d, easy, err) : jm_error_set(err, JM_E_NOMEM, "out of memory");

	give_back(d, easy);
	rc = rc ? rc : fix_urls(d, err);
	rc = rc ? rc : jm_dvc_make_folders(d->r->local_folder, 0777, err);
	rc = rc ? rc : jm_dvc_pool_run(THREADS, d->n_files, download_one, d, &progress, err);
	if (rc || !d->n_differ)
		return rc;
	jm_error_set(err, JM_E_EXISTS,
		     "%zu files here differ from DagsHub's and were left as they are, the first: %.200s", d->n_differ,
		     d->first_differs);
	return jm_error_remedy(err, "move them away, or overwrite them with --force");
}

int jm_hub_download(const struct jm_hub_request *r, struct jm_hub_tally *tally, struct jm_error *err)
{
	struct download *d = calloc(1, sizeof(*d));
	size_t i;
	int rc;

	if (!d)
		return jm_error_set(err, JM_E_NOMEM, "out of memory");
	d->r = r;
	d->tally = tally;
	pthread_mutex_init(&d->lock, NULL);
	rc = jm_hub_open(&d->hub, r, err);
	if (rc == 0 &&
	    jm_dvc_path_normalise(r->remote_folder + strspn(r->remote_folder, "/"), d->list.top, sizeof(d->list.top)))
		rc = jm_error_set(err, JM_E_INVALID, "the remote folder leads out of the repository");
	rc = rc ? rc : download_all(d, err);
	for (i = 0; i < d->n_handles; i++)
		curl_easy_cleanup(d->handles[i]);
	jm_hub_list_finish(&d->list);
	free(d->files);
	pthread_mutex_destroy(&d->lock);
	jm_hub_close(&d->hub);
	free(d);
	return rc;
}
