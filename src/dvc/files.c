#include "dvc/files.h"

#include "core/error.h"
#include "core/grow.h"
#include "core/json.h"
#include "core/text.h"
#include "dvc/path.h"

#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES ((size_t)64 * 1024)

struct jm_dvc_text_block {
	struct jm_dvc_text_block *next;
	size_t n, size;
	char text[];
};

static char *keep(struct jm_dvc_files *files, const char *text, size_t n)
{
	struct jm_dvc_text_block *block = files->blocks;
	char *kept;

	if (!block || block->size - block->n < n + 1) {
		size_t size = n + 1 > BLOCK_BYTES ? n + 1 : BLOCK_BYTES;

		block = malloc(sizeof(*block) + size);
		if (!block)
			return NULL;
		block->next = files->blocks;
		block->n = 0;
		block->size = size;
		files->blocks = block;
	}
	kept = block->text + block->n;
	memcpy(kept, text, n);
	kept[n] = '\0';
	block->n += n + 1;
	return kept;
}

struct jm_dvc_entry *jm_dvc_files_add(struct jm_dvc_files *files, const char *path, size_t n)
{
	struct jm_dvc_entry *entry;
	const char *kept;

	if (!jm_grow(&files->entries, &files->capacity, files->n, sizeof(*files->entries)))
		return NULL;
	kept = keep(files, path, n);
	if (!kept)
		return NULL;
	entry = &files->entries[files->n++];
	*entry = (struct jm_dvc_entry){.path = kept, .size = -1};
	return entry;
}

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct jm_dvc_entry *)a)->path, ((const struct jm_dvc_entry *)b)->path);
}

void jm_dvc_files_sort(struct jm_dvc_files *files)
{
	if (files->n > 1)
		qsort(files->entries, files->n, sizeof(*files->entries), compare);
}

struct jm_dvc_entry *jm_dvc_files_find(const struct jm_dvc_files *files, const char *path)
{
	const struct jm_dvc_entry key = {.path = path};

	return files->n ? bsearch(&key, files->entries, files->n, sizeof(*files->entries), compare) : NULL;
}

void jm_dvc_files_finish(struct jm_dvc_files *files)
{
	while (files->blocks) {
		struct jm_dvc_text_block *next = files->blocks->next;

		free(files->blocks);
		files->blocks = next;
	}
	free(files->entries);
	memset(files, 0, sizeof(*files));
}

/* One {"md5": ..., "relpath": ...}; further keys are passed over. */
static int read_entry(struct jm_json *json, struct jm_dvc_files *out, struct jm_error *err)
{
	struct jm_dvc_oid oid = {{0}};
	struct jm_json_token t;
	struct jm_dvc_entry *entry = NULL;
	int rc;

	while ((rc = jm_json_next(json, &t, err)) == 0 && t.type != JM_JSON_OBJECT_END) {
		bool is_md5 = jm_json_is(&t, "md5"), is_path = jm_json_is(&t, "relpath");

		if (!is_md5 && !is_path) {
			rc = jm_json_skip(json, &t, err);
			if (rc)
				return rc;
			continue;
		}
		rc = jm_json_next(json, &t, err);
		if (rc)
			return rc;
		if (t.type != JM_JSON_STRING)
			return jm_json_error(json, &t, err, "\"%s\" is no text", is_md5 ? "md5" : "relpath");
		if (is_md5 && (jm_dvc_oid_parse(t.text, t.n, &oid) || jm_dvc_oid_is_folder(&oid)))
			return jm_json_error(json, &t, err, "\"md5\" is no hash");
		if (is_path && entry)
			return jm_json_error(json, &t, err, "\"relpath\" is there twice");
		if (is_path) {
			entry = jm_dvc_files_add(out, t.text, t.n);
			if (!entry)
				return jm_error_set(err, JM_E_NOMEM, "out of memory for a folder's listing");
			if (memchr(t.text, '\0', t.n) || !jm_dvc_path_is_safe(entry->path))
				return jm_json_error(
				    json, &t, err,
				    "the path \"%.*s\" could lead out of the folder; nothing was written",
				    (int)(t.n < 100 ? t.n : 100), t.text);
		}
	}
	if (rc == 0 && (!entry || !oid.text[0]))
		return jm_json_error(json, &t, err, "an entry lacks \"%s\"", entry ? "md5" : "relpath");
	if (rc == 0)
		entry->oid = oid;
	return rc;
}

/* Sorted: a path twice, or a file "a" beside a file "a/b". */
static int check_paths(const char *name, const struct jm_dvc_files *files, struct jm_error *err)
{
	char folder[JM_DVC_PATH_MAX];
	size_t i;

	for (i = 0; i < files->n; i++) {
		const char *path = files->entries[i].path, *slash = path;

		if (i > 0 && strcmp(path, files->entries[i - 1].path) == 0)
			return jm_error_set(err, JM_E_FORMAT, "%s names %s twice", name, path);
		while ((slash = strchr(slash + 1, '/'))) {
			memcpy(folder, path, (size_t)(slash - path));
			folder[slash - path] = '\0';
			if (jm_dvc_files_find(files, folder))
				return jm_error_set(err, JM_E_FORMAT, "%s has %s both as a file and as a folder", name,
						    folder);
		}
	}
	return 0;
}

static int read_array(struct jm_json *json, struct jm_dvc_files *out, struct jm_error *err)
{
	struct jm_json_token t;
	int rc = jm_json_next(json, &t, err);

	if (rc)
		return rc;
	if (t.type != JM_JSON_ARRAY)
		return jm_json_error(json, &t, err, "a folder's listing must be an array");
	while ((rc = jm_json_next(json, &t, err)) == 0 && t.type != JM_JSON_ARRAY_END) {
		if (t.type != JM_JSON_OBJECT)
			return jm_json_error(json, &t, err, "an entry of a folder's listing must be an object");
		rc = read_entry(json, out, err);
		if (rc)
			return rc;
	}
	return rc ? rc : jm_json_next(json, &t, err);
}

int jm_dvc_listing_read(const char *name, const char *data, size_t n, struct jm_dvc_files *out, struct jm_error *err)
{
	struct jm_dvc_files files = {0};
	struct jm_json *json;
	int rc = jm_json_open(name, data, n, &json, err);

	if (rc)
		return rc;
	rc = read_array(json, &files, err);
	jm_json_close(json);
	if (rc == 0) {
		jm_dvc_files_sort(&files);
		rc = check_paths(name, &files, err);
	}
	if (rc) {
		jm_dvc_files_finish(&files);
		return rc;
	}
	*out = files;
	return 0;
}

/* The code point at s (valid UTF-8). Moves s behind it. */
static uint32_t next_code(const unsigned char **s)
{
	const unsigned char *c = *s;

	if (c[0] < 0x80) {
		*s += 1;
		return c[0];
	}
	if (c[0] < 0xe0) {
		*s += 2;
		return (uint32_t)(c[0] & 0x1f) << 6 | (c[1] & 0x3f);
	}
	if (c[0] < 0xf0) {
		*s += 3;
		return (uint32_t)(c[0] & 0xf) << 12 | (uint32_t)(c[1] & 0x3f) << 6 | (c[2] & 0x3f);
	}
	*s += 4;
	return (uint32_t)(c[0] & 7) << 18 | (uint32_t)(c[1] & 0x3f) << 12 | (uint32_t)(c[2] & 0x3f) << 6 |
	       (c[3] & 0x3f);
}

/* As Python's json writes it: everything but printable ASCII is escaped, as UTF-16. */
static void put_string(struct jm_buffer *out, const char *text)
{
	static const char shorts[] = "\"\"\\\\\bb\ff\nn\rr\tt";
	const unsigned char *s = (const unsigned char *)text;

	jm_buffer_append(out, "\"", 1);
	while (*s) {
		uint32_t code = next_code(&s);
		const char *found = NULL;
		size_t i;

		for (i = 0; i + 1 < sizeof(shorts) && !found; i += 2)
			if ((uint32_t)(unsigned char)shorts[i] == code)
				found = &shorts[i + 1];
		if (found)
			jm_buffer_printf(out, "\\%c", *found);
		else if (code >= 32 && code < 127)
			jm_buffer_printf(out, "%c", (char)code);
		else if (code < 0x10000)
			jm_buffer_printf(out, "\\u%04x", (unsigned)code);
		else
			jm_buffer_printf(out, "\\u%04x\\u%04x", 0xd800u + (unsigned)((code - 0x10000) >> 10),
					 0xdc00u + (unsigned)((code - 0x10000) & 0x3ff));
	}
	jm_buffer_append(out, "\"", 1);
}

void jm_dvc_listing_write(const struct jm_dvc_files *files, struct jm_buffer *out)
{
	size_t i;

	jm_buffer_puts(out, "[");
	for (i = 0; i < files->n; i++) {
		jm_buffer_printf(out, "%s{\"md5\": \"%s\", \"relpath\": ", i ? ", " : "", files->entries[i].oid.text);
		put_string(out, files->entries[i].path);
		jm_buffer_puts(out, "}");
	}
	jm_buffer_puts(out, "]");
}
