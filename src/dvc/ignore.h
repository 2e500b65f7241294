/* Patterns as in .gitignore and .dvcignore (gitignore(5)). */
#ifndef DVC_IGNORE_H
#define DVC_IGNORE_H

#include "joulemap/joulemap.h"

struct jm_dvc_pattern;

struct jm_dvc_ignore {
	struct jm_dvc_pattern *patterns;
	size_t n, capacity;
};

/* Adds one pattern; n bytes; base: the folder it holds in, relative, "" for the root. Lines that are comments or empty add
 * nothing. Errors: JM_E_NOMEM. */
int jm_dvc_ignore_add(struct jm_dvc_ignore *ig, const char *base, const char *line, size_t n);
/* Adds the lines of a file of the folder base of root, e.g. ".dvcignore". A file that is not there adds nothing. found_out may be
 * NULL. Files of deeper folders must come after those above them. */
int jm_dvc_ignore_load(struct jm_dvc_ignore *ig, const char *root, const char *base, const char *name, bool *found_out,
		       struct jm_error *err);
/* Says whether the last pattern that holds for path, relative to root, ignores it; folders above it do not count. */
bool jm_dvc_ignore_matches(const struct jm_dvc_ignore *ig, const char *path, bool is_folder);
/* The same, and so does a folder above it. */
bool jm_dvc_ignore_covers(const struct jm_dvc_ignore *ig, const char *path, bool is_folder);
void jm_dvc_ignore_finish(struct jm_dvc_ignore *ig);

/* Matches a path against one glob: * ? [...] within a part, ** across parts, backslash. */
bool jm_dvc_glob(const char *glob, const char *path);

#endif
