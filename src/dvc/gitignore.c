#define _GNU_SOURCE
#include "dvc/repo.h"

#include "core/error.h"
#include "core/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GITIGNORE_MAX ((size_t)4 << 20)

/* Says whether git ignores the path by any .gitignore between its root and the path, or by .git/info/exclude. */
static int is_ignored(const struct jm_dvc *d, const char *path, bool *out, struct jm_error *err)
{
	char whole[2 * JM_DVC_PATH_MAX], part[JM_DVC_PATH_MAX];
	struct jm_dvc_ignore ignore = {0};
	const char *inside;
	size_t i;
	int rc;

	/* From git's root, which may lie above the repository's. */
	snprintf(whole, sizeof(whole), "%s/%s", d->root, path);
	inside = whole + strlen(d->git_root) + 1;
	rc = jm_dvc_ignore_load(&ignore, d->git_root, "", ".git/info/exclude", NULL, err);
	if (rc == JM_E_FORMAT || rc == JM_E_PERMISSION)
		rc = 0;
	rc = rc ? rc : jm_dvc_ignore_load(&ignore, d->git_root, "", ".gitignore", NULL, err);
	for (i = 1; rc == 0 && inside[i] && i < sizeof(part); i++) {
		if (inside[i] != '/')
			continue;
		memcpy(part, inside, i);
		part[i] = '\0';
		rc = jm_dvc_ignore_load(&ignore, d->git_root, part, ".gitignore", NULL, err);
	}
	/* As DVC asks: of the name, not knowing that it is a folder. */
	*out = rc == 0 && jm_dvc_ignore_covers(&ignore, inside, false);
	jm_dvc_ignore_finish(&ignore);
	return rc;
}

static void put_escaped(struct jm_buffer *out, const char *name)
{
	for (; *name; name++) {
		if (strchr("[]!*#?\\", *name))
			jm_buffer_append(out, "\\", 1);
		jm_buffer_append(out, name, 1);
	}
}

int jm_dvc_gitignore_add(const struct jm_dvc *d, const char *path, char *changed_out, struct jm_error *err)
{
	const char *slash = strrchr(path, '/');
	struct jm_buffer out = {0};
	char file[JM_DVC_PATH_MAX];
	char *text = NULL;
	bool ignored = false;
	size_t n = 0;
	int rc;

	changed_out[0] = '\0';
	if (!d->git_root[0])
		return 0;
	rc = is_ignored(d, path, &ignored, err);
	if (rc || ignored)
		return rc;
	if ((size_t)snprintf(file, sizeof(file), "%s/%.*s%s.gitignore", d->root, slash ? (int)(slash - path) : 0, path,
			     slash ? "/" : "") >= sizeof(file))
		return jm_error_set(err, JM_E_INVALID, "the path %s is too long", path);
	rc = jm_dvc_read_file(file, GITIGNORE_MAX, &text, &n, err);
	if (rc && rc != JM_E_NOT_FOUND)
		return rc;
	jm_buffer_append(&out, text ? text : "", n);
	if (n && text[n - 1] != '\n')
		jm_buffer_puts(&out, "\n");
	jm_buffer_puts(&out, "/");
	put_escaped(&out, slash ? slash + 1 : path);
	jm_buffer_puts(&out, "\n");
	rc = out.is_failed ? jm_error_set(err, JM_E_NOMEM, "out of memory for %s", file)
			   : jm_dvc_write_file(file, out.data, out.n, 0, err);
	if (rc == 0)
		snprintf(changed_out, JM_DVC_PATH_MAX, "%s", file + strlen(d->root) + 1);
	jm_buffer_finish(&out);
	free(text);
	return rc;
}
