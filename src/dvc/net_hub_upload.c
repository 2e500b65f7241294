#define _GNU_SOURCE
#include "dvc/net_hub.h"
#include "dvc/net_hub_list.h"

#include "core/error.h"
#include "dvc/repo.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* A commit takes at most so much, as DagsHub's own client has it. */
#define BATCH_FILES 100
#define BATCH_BYTES ((int64_t)100 << 20)
#define SUMMARY_MAX 100

struct upload {
	struct jm_hub hub;
	CURL *easy;
	const struct jm_hub_request *r;
	char folder[JM_DVC_PATH_MAX]; /* real path */
	struct jm_dvc_files files;
	char last_commit[128];
};

/* The branch's newest commit, which a commit must follow on; none where the branch is not there yet. */
static int find_last_commit(struct upload *u, struct jm_error *err)
{
	char url[JM_DVC_PATH_MAX * 4];
	struct jm_buffer answer = {0};
	int rc = jm_hub_url(&u->hub, "branches", "", url, sizeof(url), err);

	u->last_commit[0] = '\0';
	rc = rc ? rc : jm_hub_get_text(&u->hub, u->easy, url, "the branch", &answer, err);
	if (rc == 0)
		rc = jm_hub_branch_read(answer.data, answer.n, u->last_commit, sizeof(u->last_commit), err);
	jm_buffer_finish(&answer);
	return rc == JM_E_NOT_FOUND ? 0 : rc;
}

static int add_field(curl_mime *form, const char *name, const char *value)
{
	curl_mimepart *part = curl_mime_addpart(form);

	return part && curl_mime_name(part, name) == CURLE_OK &&
		       curl_mime_data(part, value, CURL_ZERO_TERMINATED) == CURLE_OK
		   ? 0
		   : JM_E_NOMEM;
}

static int add_file(const struct upload *u, curl_mime *form, const struct jm_dvc_entry *entry)
{
	curl_mimepart *part = curl_mime_addpart(form);
	char path[2 * JM_DVC_PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", u->folder, entry->path);
	return part && curl_mime_name(part, "files") == CURLE_OK && curl_mime_filedata(part, path) == CURLE_OK &&
		       curl_mime_filename(part, entry->path) == CURLE_OK
		   ? 0
		   : JM_E_IO;
}

/* Fields: section 7.1 of the client's interface, as its versions 0.3 send them. */
static int fill_form(const struct upload *u, curl_mime *form, size_t from, size_t to, struct jm_error *err)
{
	char summary[SUMMARY_MAX + 1];
	size_t i;
	int rc;

	snprintf(summary, sizeof(summary), "%s", u->r->message);
	rc = add_field(form, "commit_choice", "direct");
	rc = rc ? rc : add_field(form, "commit_summary", summary);
	rc = rc ? rc : add_field(form, "versioning", "dvc");
	rc = rc ? rc : add_field(form, "last_commit", u->last_commit);
	rc = rc ? rc : add_field(form, "is_dvc_dir", u->r->remote_folder[0] ? "True" : "False");
	for (i = from; rc == 0 && i < to; i++) {
		rc = add_file(u, form, &u->files.entries[i]);
		if (rc)
			return jm_error_set(err, rc, "cannot read %s/%s", u->folder, u->files.entries[i].path);
	}
	return rc ? jm_error_set(err, rc, "out of memory for a commit") : 0;
}

static size_t on_ignored(char *data, size_t size, size_t n, void *ctx)
{
	(void)data;
	(void)ctx;
	return size * n;
}

static int commit(struct upload *u, size_t from, size_t to, struct jm_hub_tally *tally, struct jm_error *err)
{
	char url[JM_DVC_PATH_MAX * 4], what[300];
	curl_mime *form = NULL;
	long status = 0;
	int rc = find_last_commit(u, err);

	rc = rc ? rc : jm_hub_url(&u->hub, "content", u->r->remote_folder, url, sizeof(url), err);
	if (rc)
		return rc;
	curl_easy_reset(u->easy);
	form = curl_mime_init(u->easy);
	rc = form ? fill_form(u, form, from, to, err) : jm_error_set(err, JM_E_NOMEM, "out of memory for a commit");
	if (rc == 0) {
		snprintf(what, sizeof(what), "the commit of %zu files from %.150s on", to - from,
			 u->files.entries[from].path);
		curl_easy_setopt(u->easy, CURLOPT_URL, url);
		curl_easy_setopt(u->easy, CURLOPT_MIMEPOST, form);
		curl_easy_setopt(u->easy, CURLOPT_CUSTOMREQUEST, "PUT");
		curl_easy_setopt(u->easy, CURLOPT_WRITEFUNCTION, on_ignored);
		rc = jm_hub_perform(&u->hub, u->easy, what, NULL, NULL, &status, err);
	}
	curl_mime_free(form);
	if (status == 409) {
		rc = jm_error_set(err, JM_E_EXISTS, "the branch %s has moved on while files were uploaded",
				  u->r->branch);
		jm_error_remedy(err, "run this again: what was committed stays committed");
	}
	if (rc == 0) {
		tally->n_commits += status != 204; /* 204: nothing had changed */
		tally->n_files += to - from;
	}
	return rc;
}

static int list_files(struct upload *u, struct jm_error *err)
{
	struct jm_dvc top = {.lock_fd = -1};
	const char *slash;
	struct stat status;

	if (!realpath(u->r->local_folder, u->folder))
		return jm_error_errno(err, errno, "cannot open %s", u->r->local_folder);
	slash = strrchr(u->folder, '/');
	if (stat(u->folder, &status) || !S_ISDIR(status.st_mode) || !slash[1])
		return jm_error_set(err, JM_E_INVALID, "%s is no folder to upload", u->r->local_folder);
	snprintf(top.root, sizeof(top.root), "%.*s", (int)(slash - u->folder), u->folder);
	return jm_dvc_scan(&top, slash + 1, &u->files, err);
}

static int upload_all(struct upload *u, struct jm_hub_tally *tally, struct jm_error *err)
{
	size_t from = 0, to;
	int rc = 0;

	while (rc == 0 && from < u->files.n) {
		int64_t bytes = 0;

		for (to = from; to < u->files.n && to - from < BATCH_FILES; to++) {
			if (to > from && bytes + u->files.entries[to].size > BATCH_BYTES)
				break;
			bytes += u->files.entries[to].size;
		}
		if (u->r->progress && u->r->progress(u->r->ctx, "uploading", from, u->files.n))
			return jm_error_set(err, JM_E_CANCELLED, "stopped after %zu of %zu files", from, u->files.n);
		rc = commit(u, from, to, tally, err);
		tally->bytes += rc == 0 ? (uint64_t)bytes : 0;
		from = to;
	}
	return rc;
}

int jm_hub_upload(const struct jm_hub_request *r, struct jm_hub_tally *tally, struct jm_error *err)
{
	struct upload *u = calloc(1, sizeof(*u));
	int rc;

	if (!u)
		return jm_error_set(err, JM_E_NOMEM, "out of memory");
	u->r = r;
	rc = jm_hub_open(&u->hub, r, err);
	rc = rc ? rc : list_files(u, err);
	if (rc == 0 && !(u->easy = curl_easy_init()))
		rc = jm_error_set(err, JM_E_NOMEM, "out of memory");
	rc = rc ? rc : upload_all(u, tally, err);
	if (u->easy)
		curl_easy_cleanup(u->easy);
	jm_dvc_files_finish(&u->files);
	jm_hub_close(&u->hub);
	free(u);
	return rc;
}
