/* An open repository, and what of it is meant. For the folder's own files. */
#ifndef DVC_REPO_H
#define DVC_REPO_H

#include "dvc/cache.h"
#include "dvc/config.h"
#include "dvc/dvc.h"
#include "dvc/files.h"
#include "dvc/ignore.h"
#include "dvc/outs.h"
#include "dvc/pool.h"

struct jm_dvc {
	char root[JM_DVC_PATH_MAX];       /* real path of the folder that holds .dvc */
	char dvc_folder[JM_DVC_PATH_MAX]; /* .dvc */
	char git_root[JM_DVC_PATH_MAX];   /* of the git repository around it; empty: none */
	struct jm_dvc_config config;
	struct jm_dvc_cache cache;
	int lock_fd;
};

/* One output that is meant. */
struct jm_dvc_item {
	const struct jm_dvc_outs *outs; /* of file */
	const struct jm_dvc_out *out;
	const char *file;           /* the .dvc file, relative to the root */
	char path[JM_DVC_PATH_MAX]; /* of the output, likewise */
};

struct jm_dvc_items {
	struct jm_dvc_item *items;
	size_t n, capacity;
	struct jm_dvc_loaded *loaded; /* the files behind them */
};

/* Keeps others that write, DVC included, out until the repository is closed. Errors: JM_E_AGAIN. */
int jm_dvc_lock(struct jm_dvc *d, struct jm_error *err);
/* Makes a path as the user gave it, relative to where the program runs, one relative to the root. Links above its last part are
 * followed. Errors: JM_E_INVALID: outside of the repository; JM_E_NOT_FOUND. */
int jm_dvc_locate(const struct jm_dvc *d, const char *given, char *out, size_t size, struct jm_error *err);
/* Writes root/path. */
int jm_dvc_absolute(const struct jm_dvc *d, const char *path, char *out, size_t size, struct jm_error *err);

/* Loads the patterns of .dvcignore that hold in a folder (relative to the root), and DVC's own ones. */
int jm_dvc_ignores(const struct jm_dvc *d, const char *folder, struct jm_dvc_ignore *out, struct jm_error *err);

/* Finds the outputs that targets name, or all. Errors: JM_E_NOT_FOUND: a target is not versioned; JM_E_FORMAT: a .dvc file. */
int jm_dvc_items_find(const struct jm_dvc *d, const char *const *targets, size_t n_targets, struct jm_dvc_items *out,
		      struct jm_error *err);
void jm_dvc_items_finish(struct jm_dvc_items *items);
/* Sets err and gives JM_E_UNSUPPORTED for an output that cannot be worked on; 0 for others. */
int jm_dvc_item_check(const struct jm_dvc_item *item, struct jm_error *err);

/* Lists the files of a folder (relative to the root), sorted: regular files, and links to such; folders behind links are not
 * entered. Errors: JM_E_NOT_FOUND; JM_E_INVALID: a link that leads nowhere, a device, a name that is no UTF-8, a .dvcignore. */
int jm_dvc_scan(const struct jm_dvc *d, const char *folder, struct jm_dvc_files *out, struct jm_error *err);
/* Hashes the files of a scanned folder: fills in oid. */
int jm_dvc_hash_files(struct jm_dvc *d, const char *folder, struct jm_dvc_files *files, bool is_legacy,
		      const struct jm_dvc_request *r, struct jm_error *err);
/* Loads the listing of an item that is a folder, out of the cache. */
int jm_dvc_item_listing(struct jm_dvc *d, const struct jm_dvc_item *item, struct jm_dvc_files *out,
			struct jm_error *err);

/* Puts all files of what was just added into the workspace again, as links to the cache. The lock is held. */
int jm_dvc_checkout_links(struct jm_dvc *d, const struct jm_dvc_request *r, struct jm_error *err);

/* Says a line to who asked. */
void jm_dvc_say(const struct jm_dvc_request *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
struct jm_dvc_progress jm_dvc_progress_of(const struct jm_dvc_request *r, const char *what);

/* Puts "/name" into the .gitignore beside path (relative to the root), unless git ignores it already. changed_out: the file, if
 * it was changed, else empty; JM_DVC_PATH_MAX. */
int jm_dvc_gitignore_add(const struct jm_dvc *d, const char *path, char *changed_out, struct jm_error *err);

#endif
