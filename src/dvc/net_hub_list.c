#define _GNU_SOURCE
#include "dvc/net_hub_list.h"

#include "core/error.h"
#include "core/grow.h"
#include "core/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ENTRIES_MAX ((size_t)2000000) /* a server is not to fill the memory */

static void drop_entry(struct jm_hub_entry *e)
{
	free(e->path);
	free(e->url);
	memset(e, 0, sizeof(*e));
}

int jm_hub_path_inside(const char *top, const char *path, const char **out)
{
	size_t n = strlen(top);

	while (*path == '/')
		path++;
	if (n && (strncmp(path, top, n) != 0 || path[n] != '/'))
		return JM_E_FORMAT;
	*out = path + n + (n > 0);
	return jm_dvc_path_is_safe(*out) ? 0 : JM_E_FORMAT;
}

static int keep_entry(struct jm_hub_list *list, struct jm_hub_entry *e, struct jm_error *err)
{
	const char *inside;

	if (!e->path || (!e->is_folder && !e->url))
		return jm_error_set(err, JM_E_FORMAT, "DagsHub's list has an entry without path or address");
	if (jm_hub_path_inside(list->top, e->path, &inside)) {
		jm_error_set(err, JM_E_FORMAT,
			     "DagsHub lists '%.200s', which is not inside '%.100s'; nothing of it was written", e->path,
			     list->top);
		jm_error_remedy(err, "do not trust this repository");
		return JM_E_FORMAT;
	}
	if (list->n >= ENTRIES_MAX)
		return jm_error_set(err, JM_E_FORMAT, "DagsHub lists more than %zu files", ENTRIES_MAX);
	if (!jm_grow(&list->entries, &list->capacity, list->n, sizeof(*list->entries)))
		return jm_error_set(err, JM_E_NOMEM, "out of memory for DagsHub's list");
	list->entries[list->n++] = *e;
	memset(e, 0, sizeof(*e));
	return 0;
}

static char *copy_text(const struct jm_json_token *t)
{
	char *copy = memchr(t->text, '\0', t->n) ? NULL : malloc(t->n + 1);

	if (copy) {
		memcpy(copy, t->text, t->n);
		copy[t->n] = '\0';
	}
	return copy;
}

static int read_value(struct jm_json *json, const char *key, struct jm_hub_entry *e, struct jm_error *err)
{
	struct jm_json_token t;
	int rc = jm_json_next(json, &t, err);

	if (rc || t.type != JM_JSON_STRING)
		return rc ? rc : jm_json_skip(json, &t, err);
	if (strcmp(key, "path") == 0 && !e->path)
		e->path = copy_text(&t);
	else if (strcmp(key, "download_url") == 0 && !e->url)
		e->url = copy_text(&t);
	else if (strcmp(key, "type") == 0)
		e->is_folder = !jm_json_is(&t, "file");
	else if (strcmp(key, "hash") == 0)
		(void)jm_dvc_oid_parse(t.text, t.n, &e->oid);
	return 0;
}

/* One object of the list; its begin has been read. */
static int read_entry(struct jm_hub_list *list, struct jm_json *json, struct jm_error *err)
{
	struct jm_hub_entry e = {0};
	struct jm_json_token t;
	char key[32];
	int rc;

	while ((rc = jm_json_next(json, &t, err)) == 0 && t.type != JM_JSON_OBJECT_END) {
		snprintf(key, sizeof(key), "%.*s", (int)(t.n < 31 ? t.n : 31), t.text);
		rc = read_value(json, key, &e, err);
		if (rc)
			break;
	}
	rc = rc ? rc : keep_entry(list, &e, err);
	drop_entry(&e);
	return rc;
}

int jm_hub_list_read(struct jm_hub_list *list, const char *data, size_t n, struct jm_error *err)
{
	struct jm_json *json;
	struct jm_json_token t;
	int rc = jm_json_open("DagsHub's list", data, n, &json, err);

	if (rc)
		return rc;
	while ((rc = jm_json_next(json, &t, err)) == 0 && t.type != JM_JSON_END) {
		/* An array of entries, or one entry. */
		if (t.type == JM_JSON_OBJECT)
			rc = read_entry(list, json, err);
		else if (t.type != JM_JSON_ARRAY && t.type != JM_JSON_ARRAY_END)
			rc = jm_json_error(json, &t, err, "an entry of the list must be an object");
		if (rc)
			break;
	}
	jm_json_close(json);
	return rc;
}

void jm_hub_list_finish(struct jm_hub_list *list)
{
	size_t i;

	for (i = 0; i < list->n; i++)
		drop_entry(&list->entries[i]);
	free(list->entries);
	list->entries = NULL;
	list->n = list->capacity = 0;
}

int jm_hub_branch_read(const char *data, size_t n, char *commit_out, size_t size, struct jm_error *err)
{
	struct jm_json *json;
	struct jm_json_token t;
	bool is_commit = false;
	int rc = jm_json_open("the answer about the branch", data, n, &json, err);

	commit_out[0] = '\0';
	if (rc)
		return rc;
	while ((rc = jm_json_next(json, &t, err)) == 0 && t.type != JM_JSON_END) {
		if (t.type == JM_JSON_KEY && t.depth == 1)
			is_commit = jm_json_is(&t, "commit");
		if (t.type != JM_JSON_KEY || t.depth != 2 || !is_commit || !jm_json_is(&t, "id"))
			continue;
		rc = jm_json_next(json, &t, err);
		if (rc)
			break;
		if (t.type == JM_JSON_STRING && t.n < size)
			snprintf(commit_out, size, "%.*s", (int)t.n, t.text);
	}
	jm_json_close(json);
	return rc;
}
