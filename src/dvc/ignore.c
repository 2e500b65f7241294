#include "dvc/ignore.h"

#include "core/error.h"
#include "core/grow.h"
#include "dvc/path.h"

#include <stdlib.h>
#include <string.h>

#define FILE_MAX ((size_t)1 << 20)

struct jm_dvc_pattern {
	char *base, *glob;
	bool is_negated, is_folder_only, is_anchored;
};

/* [...] at *glob, which stands behind the bracket. Moves it behind the closing one; gives whether c is in it. A bracket that is
 * never closed holds nothing. */
static bool in_class(const char **glob, char c)
{
	const char *g = *glob;
	bool is_negated = *g == '!' || *g == '^', found = false, is_first = true;

	g += is_negated;
	for (; *g && (is_first || *g != ']'); is_first = false) {
		unsigned char low = (unsigned char)(*g == '\\' && g[1] ? *++g : *g), high = low;

		g++;
		if (*g == '-' && g[1] && g[1] != ']') {
			g++;
			high = (unsigned char)(*g == '\\' && g[1] ? *++g : *g);
			g++;
		}
		found |= (unsigned char)c >= low && (unsigned char)c <= high;
	}
	*glob = *g ? g + 1 : g;
	return *g && c != '/' && found != is_negated;
}

bool jm_dvc_glob(const char *glob, const char *path)
{
	for (;; path++) {
		bool is_same;

		if (*glob == '*' && glob[1] == '*') {
			/* Across parts; the slash behind it may match nothing. */
			while (*glob == '*')
				glob++;
			if (!*glob)
				return *path != '\0';
			if (*glob == '/' && jm_dvc_glob(glob + 1, path))
				return true;
			for (; *path; path++)
				if (*path == *glob && *glob == '/' && jm_dvc_glob(glob + 1, path + 1))
					return true;
			return false;
		}
		if (*glob == '*') {
			for (glob++;; path++) {
				if (jm_dvc_glob(glob, path))
					return true;
				if (!*path || *path == '/')
					return false;
			}
		}
		if (!*glob)
			return !*path;
		if (!*path)
			return false;
		if (*glob == '[') {
			glob++;
			is_same = in_class(&glob, *path);
		} else if (*glob == '?') {
			glob++;
			is_same = *path != '/';
		} else {
			if (*glob == '\\' && glob[1])
				glob++;
			is_same = *glob++ == *path;
		}
		if (!is_same)
			return false;
	}
}

static char *copy_of(const char *text, size_t n)
{
	char *copy = malloc(n + 1);

	if (copy) {
		memcpy(copy, text, n);
		copy[n] = '\0';
	}
	return copy;
}

int jm_dvc_ignore_add(struct jm_dvc_ignore *ig, const char *base, const char *line, size_t n)
{
	struct jm_dvc_pattern p = {0};

	while (n && strchr(" \t\r\n", line[n - 1]) && !(n > 1 && line[n - 2] == '\\' && line[n - 1] == ' '))
		n--;
	if (n == 0 || line[0] == '#')
		return 0;
	if (line[0] == '!') {
		p.is_negated = true;
		line++;
		n--;
	}
	if (n && line[n - 1] == '/') {
		p.is_folder_only = true;
		n--;
	}
	p.is_anchored = n && memchr(line, '/', n);
	if (n && line[0] == '/') {
		line++;
		n--;
	}
	if (n == 0)
		return 0;
	if (!jm_grow(&ig->patterns, &ig->capacity, ig->n, sizeof(*ig->patterns)))
		return JM_E_NOMEM;
	p.base = copy_of(base, strlen(base));
	p.glob = copy_of(line, n);
	if (!p.base || !p.glob) {
		free(p.base);
		free(p.glob);
		return JM_E_NOMEM;
	}
	ig->patterns[ig->n++] = p;
	return 0;
}

int jm_dvc_ignore_load(struct jm_dvc_ignore *ig, const char *root, const char *base, const char *name, bool *found_out,
		       struct jm_error *err)
{
	char folder[JM_DVC_PATH_MAX], path[JM_DVC_PATH_MAX];
	char *text = NULL, *line;
	size_t n;
	int rc;

	if (found_out)
		*found_out = false;
	if (jm_dvc_path_join(root, base, folder, sizeof(folder)) || jm_dvc_path_join(folder, name, path, sizeof(path)))
		return jm_error_set(err, JM_E_INVALID, "the path of %s in %s is too long", name, base);
	rc = jm_dvc_read_file(path, FILE_MAX, &text, &n, err);
	if (rc == JM_E_NOT_FOUND)
		return 0;
	for (line = text; rc == 0 && line < text + n;) {
		size_t length = strcspn(line, "\n");

		rc = jm_dvc_ignore_add(ig, base, line, length);
		line += length + 1;
	}
	if (rc == JM_E_NOMEM)
		jm_error_set(err, rc, "out of memory for the patterns of %s", path);
	if (found_out)
		*found_out = rc == 0;
	free(text);
	return rc;
}

static bool holds(const struct jm_dvc_pattern *p, const char *path, bool is_folder)
{
	size_t n = strlen(p->base);
	const char *slash;

	if (p->is_folder_only && !is_folder)
		return false;
	if (n) {
		if (strncmp(path, p->base, n) != 0 || path[n] != '/')
			return false;
		path += n + 1;
	}
	if (p->is_anchored)
		return jm_dvc_glob(p->glob, path);
	slash = strrchr(path, '/');
	return jm_dvc_glob(p->glob, slash ? slash + 1 : path);
}

bool jm_dvc_ignore_matches(const struct jm_dvc_ignore *ig, const char *path, bool is_folder)
{
	size_t i;

	for (i = ig->n; i-- > 0;)
		if (holds(&ig->patterns[i], path, is_folder))
			return !ig->patterns[i].is_negated;
	return false;
}

bool jm_dvc_ignore_covers(const struct jm_dvc_ignore *ig, const char *path, bool is_folder)
{
	char part[JM_DVC_PATH_MAX];
	size_t i, n = strlen(path);

	if (n >= sizeof(part))
		return false;
	for (i = 1; i < n; i++) {
		if (path[i] != '/')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		if (jm_dvc_ignore_matches(ig, part, true))
			return true;
	}
	return jm_dvc_ignore_matches(ig, path, is_folder);
}

void jm_dvc_ignore_finish(struct jm_dvc_ignore *ig)
{
	size_t i;

	for (i = 0; i < ig->n; i++) {
		free(ig->patterns[i].base);
		free(ig->patterns[i].glob);
	}
	free(ig->patterns);
	memset(ig, 0, sizeof(*ig));
}
