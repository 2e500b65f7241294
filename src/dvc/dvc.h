/* Versioned data in DVC's own files: what joulemap adds and pushes, DVC checks out and pulls, and the other way round
 * (docs/data.md). This header is the door; the rest of the folder:
 *
 *   outs (.dvc)  files (folders, .dir)  ignore  config       what DVC's files say
 *   repo, targets, scan                                      where they are, which are meant
 *   cache, place                                             the objects, into the cache and out of it
 *   add, status, checkout, transfer                          what is done
 *   remote_folder, remote_http (with s3)                     where objects are pushed to and pulled from
 *   hub                                                      DagsHub's own upload and download
 */
#ifndef DVC_DVC_H
#define DVC_DVC_H

#include "joulemap/joulemap.h"

struct jm_dvc;

/* Opens the repository that folder lies in: the closest one above with ".dvc". Errors: JM_E_NOT_FOUND: there is none;
 * JM_E_FORMAT: settings that cannot be read; JM_E_UNSUPPORTED: built without libyaml or libcrypto. */
int jm_dvc_open(const char *folder, struct jm_dvc **out, struct jm_error *err);
void jm_dvc_close(struct jm_dvc *d);
/* Makes folder a repository, as `dvc init` does. Errors: JM_E_EXISTS: it is one. */
int jm_dvc_init(const char *folder, struct jm_error *err);

/* What to work on, and whom to tell. */
struct jm_dvc_request {
	const char *const *targets; /* paths, or .dvc files; none: all of the repository */
	size_t n_targets;
	const char *remote;                       /* NULL: the default one */
	unsigned jobs;                            /* transfers at a time; 0: what the settings say, or 16 */
	bool force;                               /* lose what is in no cache */
	bool check_all;                           /* push: ask for every object, though the folder's listing is there */
	jm_progress_fn progress;                  /* may be NULL; another value than 0 ends the work cleanly */
	void (*say)(void *ctx, const char *line); /* results and remarks, a line each without its end; may be NULL */
	void *ctx;                                /* of both */
};

struct jm_dvc_tally {
	uint64_t n_outputs, n_files, bytes; /* looked at */
	uint64_t n_changed; /* outputs that are not as their .dvc file says; added ones; checked-out files */
	uint64_t n_objects, n_moved,
	    bytes_moved; /* objects wanted, and of them those transferred or new in the cache */
};

/* Puts files or folders under version: into the cache, with a .dvc file beside each and a line in .gitignore. Nothing is written
 * beside the data before all of it is in the cache. Errors: JM_E_INVALID: ignored, inside or above something that is versioned;
 * JM_E_AGAIN: changed while it was read; ... */
int jm_dvc_add(struct jm_dvc *d, const struct jm_dvc_request *r, struct jm_dvc_tally *tally, struct jm_error *err);
/* Says which outputs differ from their .dvc files. */
int jm_dvc_status(struct jm_dvc *d, const struct jm_dvc_request *r, struct jm_dvc_tally *tally, struct jm_error *err);
/* Says which objects are here and not on the remote, and the other way round. */
int jm_dvc_status_remote(struct jm_dvc *d, const struct jm_dvc_request *r, struct jm_dvc_tally *tally,
			 struct jm_error *err);
/* Puts the outputs into the workspace as their .dvc files say. Errors: JM_E_EXISTS: a file would be lost that is in no cache
 * (force); JM_E_NOT_FOUND: not in the cache. Then nothing of that output was changed. */
int jm_dvc_checkout(struct jm_dvc *d, const struct jm_dvc_request *r, struct jm_dvc_tally *tally, struct jm_error *err);
/* Copies the outputs' objects to the remote, folders' listings last. Errors: JM_E_NOT_FOUND: an object is in no cache;
 * JM_E_PERMISSION: the remote refuses; JM_E_IO, JM_E_AGAIN: it fails. */
int jm_dvc_push(struct jm_dvc *d, const struct jm_dvc_request *r, struct jm_dvc_tally *tally, struct jm_error *err);
/* Copies the outputs' objects from the remote into the cache, each checked against its hash. */
int jm_dvc_fetch(struct jm_dvc *d, const struct jm_dvc_request *r, struct jm_dvc_tally *tally, struct jm_error *err);

/* Changes .dvc/config, or, for is_local and for secrets, .dvc/config.local. value NULL: removes the key; key NULL: the remote. */
int jm_dvc_remote_set(struct jm_dvc *d, const char *name, const char *key, const char *value, bool is_local,
		      struct jm_error *err);
/* Makes a remote; url may be a relative path. r: force replaces one of that name; say tells what is kept of it. Errors:
 * JM_E_EXISTS unless force; JM_E_INVALID: url has a user or a password, and would be committed. */
int jm_dvc_remote_add(struct jm_dvc *d, const struct jm_dvc_request *r, const char *name, const char *url,
		      bool is_default, bool is_local, struct jm_error *err);
int jm_dvc_remote_default(struct jm_dvc *d, const char *name, struct jm_error *err);
/* Says name and url of each. */
int jm_dvc_remote_list(struct jm_dvc *d, const struct jm_dvc_request *r, struct jm_error *err);

#endif
