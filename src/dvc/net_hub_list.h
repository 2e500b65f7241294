/* What DagsHub's interface answers, taken apart. */
#ifndef DVC_NET_HUB_LIST_H
#define DVC_NET_HUB_LIST_H

#include "dvc/oid.h"
#include "dvc/path.h"

/* A file or folder that the server lists. */
struct jm_hub_entry {
	char *path, *url;      /* in the repository; where it is to be had */
	struct jm_dvc_oid oid; /* MD5, where the server tells one; else empty */
	bool is_folder;
};

struct jm_hub_list {
	char top[JM_DVC_PATH_MAX]; /* the folder that was asked for, cleaned; empty: the repository */
	struct jm_hub_entry *entries;
	size_t n, capacity;
};

/* Adds what n bytes of JSON list. Errors: JM_E_FORMAT: no list, too long a one, or a path that is not inside of top; JM_E_NOMEM. What came
 * before stays in list. */
int jm_hub_list_read(struct jm_hub_list *list, const char *data, size_t n, struct jm_error *err);
void jm_hub_list_finish(struct jm_hub_list *list);
/* Writes what of path is behind top. Errors: JM_E_FORMAT: it is not inside, or not safe. */
int jm_hub_path_inside(const char *top, const char *path, const char **out);
/* Reads the answer about a branch: its newest commit, or an empty text. Errors: JM_E_FORMAT, JM_E_NOMEM. */
int jm_hub_branch_read(const char *data, size_t n, char *commit_out, size_t size, struct jm_error *err);

#endif
