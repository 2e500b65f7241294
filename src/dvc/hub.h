/* DagsHub's own way to upload and download a folder, without DVC files here: its server makes them (the client's data_version.py;
 * docs/data.md). */
#ifndef DVC_HUB_H
#define DVC_HUB_H

#include "joulemap/joulemap.h"

struct jm_hub_request {
	const char *owner, *name, *branch; /* of the repository */
	const char *local_folder;
	const char *remote_folder; /* in the repository */
	const char *message;       /* of the commit; upload */
	bool force;                /* download: overwrite files that differ */
	jm_progress_fn progress;   /* may be NULL */
	void *ctx;
};

struct jm_hub_tally {
	uint64_t n_files, bytes, n_commits; /* n_files: uploaded or downloaded */
	uint64_t n_kept; /* download: were there already with the same size and hash as told, or kept */
};

/* Uploads all files of local_folder: one commit for at most 100 files or 100 MiB of a folder. User and token come from the
 * environment: DAGSHUB_USERNAME and DAGSHUB_PASSWORD, or DAGSHUB_USER_TOKEN; DAGSHUB_CLIENT_HOST is another server.
 * Errors: JM_E_PERMISSION; JM_E_EXISTS: the branch has moved on meanwhile; JM_E_AGAIN, JM_E_IO: the server fails;
 * JM_E_UNSUPPORTED: built without libcurl. */
int jm_hub_upload(const struct jm_hub_request *r, struct jm_hub_tally *tally, struct jm_error *err);
/* Downloads all files of remote_folder. A file that is there and differs is an error unless force; each is written whole or not at
 * all. Errors: as above; JM_E_EXISTS; JM_E_FORMAT: the server lists a path outside of the folder. */
int jm_hub_download(const struct jm_hub_request *r, struct jm_hub_tally *tally, struct jm_error *err);

#endif
