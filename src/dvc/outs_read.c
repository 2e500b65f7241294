#include "dvc/outs.h"

#include "core/error.h"
#include "core/text.h"
#include "dvc/path.h"

#include <yaml.h>

#include <stdlib.h>
#include <string.h>

static const char *const key_names[JM_DVC_N_KEYS] = {"md5", "size", "nfiles", "isexec", "hash", "path"};

struct reading {
	const char *name;
	yaml_document_t *document;
	struct jm_error *err;
};

static int bad(const struct reading *r, const yaml_node_t *node, const char *what)
{
	return jm_error_set(r->err, JM_E_FORMAT, "%s:%zu: %s", r->name, node->start_mark.line + 1, what);
}

static bool is_text(const yaml_node_t *node, const char *text)
{
	return node && node->type == YAML_SCALAR_NODE && strcmp((const char *)node->data.scalar.value, text) == 0 &&
	       strlen(text) == node->data.scalar.length;
}

static const char *text_of(const yaml_node_t *node)
{
	if (!node || node->type != YAML_SCALAR_NODE || memchr(node->data.scalar.value, '\0', node->data.scalar.length))
		return NULL;
	return (const char *)node->data.scalar.value;
}

static int read_count(const struct reading *r, const yaml_node_t *value, int64_t *out)
{
	const char *text = text_of(value);

	if (!text || jm_text_i64(text, strlen(text), out) || *out < 0)
		return bad(r, value, "a size or number of files must be a whole number");
	return 0;
}

static int read_flag(const struct reading *r, const yaml_node_t *value, bool *out)
{
	const char *text = text_of(value);

	if (!text || (strcmp(text, "true") != 0 && strcmp(text, "false") != 0))
		return bad(r, value, "must be true or false");
	*out = strcmp(text, "true") == 0;
	return 0;
}

static int keep_text(const struct reading *r, const yaml_node_t *value, char **out)
{
	const char *text = text_of(value);

	if (!text || !*text)
		return bad(r, value, "must be a text");
	free(*out);
	*out = strdup(text);
	return *out ? 0 : jm_error_set(r->err, JM_E_NOMEM, "out of memory for %s", r->name);
}

static int read_known(const struct reading *r, enum jm_dvc_key key, const yaml_node_t *value, struct jm_dvc_out *out)
{
	const char *text = text_of(value);

	switch (key) {
	case JM_DVC_KEY_MD5:
		if (text && !*text)
			return 0; /* DVC takes an empty hash for none */
		if (!text || jm_dvc_oid_parse(text, strlen(text), &out->oid))
			return bad(r, value, "md5 is no hash: 32 hexadecimal digits, for a folder .dir behind them");
		return 0;
	case JM_DVC_KEY_SIZE:
		return read_count(r, value, &out->size);
	case JM_DVC_KEY_NFILES:
		return read_count(r, value, &out->n_files);
	case JM_DVC_KEY_ISEXEC:
		return read_flag(r, value, &out->is_exec);
	case JM_DVC_KEY_HASH:
		out->is_legacy = false;
		if (!is_text(value, "md5"))
			return bad(r, value, "this hash is not known; only md5 is");
		return 0;
	case JM_DVC_KEY_PATH:
		return keep_text(r, value, &out->path);
	case JM_DVC_N_KEYS:
		break;
	}
	return 0;
}

static int note_unsupported(const struct reading *r, struct jm_dvc_out *out, const char *why)
{
	free(out->unsupported);
	out->unsupported = strdup(why);
	return out->unsupported ? 0 : jm_error_set(r->err, JM_E_NOMEM, "out of memory for %s", r->name);
}

static int read_other(const struct reading *r, const yaml_node_t *key, const yaml_node_t *value, struct jm_dvc_out *out)
{
	if (is_text(key, "cache"))
		return read_flag(r, value, &out->is_cached);
	if (is_text(key, "push"))
		return read_flag(r, value, &out->can_push);
	if (is_text(key, "remote"))
		return keep_text(r, value, &out->remote);
	if (is_text(key, "files") || is_text(key, "cloud"))
		return note_unsupported(r, out, "it is versioned by the cloud itself (\"files\", \"cloud\")");
	if (is_text(key, "etag") || is_text(key, "checksum"))
		return note_unsupported(r, out, "it is known by an etag or checksum, not by MD5");
	return 0;
}

static int read_pair(const struct reading *r, const yaml_node_t *key, const yaml_node_t *value, struct jm_dvc_out *out)
{
	int line, i;

	if (!key || !value || key->type != YAML_SCALAR_NODE)
		return 0;
	line = (int)key->start_mark.line;
	out->column = (int)key->start_mark.column;
	for (i = 0; i < JM_DVC_N_KEYS; i++) {
		if (!is_text(key, key_names[i]))
			continue;
		if (out->lines[i] >= 0)
			return bad(r, key, "a key is there twice");
		out->lines[i] = line;
		if (value->type == YAML_SCALAR_NODE && (int)value->end_mark.line > out->last_line)
			out->last_line = (int)value->end_mark.line;
		/* The mark of a block of text is not where it ends. */
		out->is_odd |=
		    value->type == YAML_SCALAR_NODE && (value->data.scalar.style == YAML_LITERAL_SCALAR_STYLE ||
							value->data.scalar.style == YAML_FOLDED_SCALAR_STYLE);
		return read_known(r, (enum jm_dvc_key)i, value, out);
	}
	return read_other(r, key, value, out);
}

static int read_out(const struct reading *r, const yaml_node_t *node, struct jm_dvc_out *out)
{
	yaml_node_pair_t *pair;
	int i, rc;

	*out = (struct jm_dvc_out){.size = -1, .n_files = -1, .is_legacy = true, .is_cached = true, .can_push = true};
	for (i = 0; i < JM_DVC_N_KEYS; i++)
		out->lines[i] = -1;
	out->last_line = -1;
	if (!node || node->type != YAML_MAPPING_NODE)
		return jm_error_set(r->err, JM_E_FORMAT, "%s: an output must be a mapping", r->name);
	for (pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top; pair++) {
		rc = read_pair(r, yaml_document_get_node(r->document, pair->key),
			       yaml_document_get_node(r->document, pair->value), out);
		if (rc)
			return rc;
	}
	out->is_odd |= node->data.mapping.style == YAML_FLOW_MAPPING_STYLE;
	if (!out->path)
		return bad(r, node, "an output has no path");
	if (strstr(out->path, "://") || out->path[0] == '/')
		return note_unsupported(r, out, "it lies outside the repository");
	return 0;
}

static int read_outs(const struct reading *r, const yaml_node_t *node, struct jm_dvc_outs *outs)
{
	yaml_node_item_t *item;
	size_t n, i;
	int rc;

	if (!node || node->type != YAML_SEQUENCE_NODE)
		return jm_error_set(r->err, JM_E_FORMAT, "%s: outs must be a list", r->name);
	n = (size_t)(node->data.sequence.items.top - node->data.sequence.items.start);
	outs->outs = calloc(n ? n : 1, sizeof(*outs->outs));
	if (!outs->outs)
		return jm_error_set(r->err, JM_E_NOMEM, "out of memory for %s", r->name);
	for (item = node->data.sequence.items.start; item < node->data.sequence.items.top; item++) {
		rc = read_out(r, yaml_document_get_node(r->document, *item), &outs->outs[outs->n++]);
		if (rc)
			return rc;
		/* An alias: one text for two outputs. */
		for (i = 0; i + 1 < outs->n; i++)
			if (outs->outs[i].lines[JM_DVC_KEY_PATH] == outs->outs[outs->n - 1].lines[JM_DVC_KEY_PATH])
				outs->outs[i].is_odd = outs->outs[outs->n - 1].is_odd = true;
	}
	return 0;
}

static int read_root(const struct reading *r, struct jm_dvc_outs *outs)
{
	const yaml_node_t *root = yaml_document_get_root_node(r->document);
	yaml_node_pair_t *pair;
	int rc = 0;

	if (!root)
		return 0; /* empty: no outputs */
	if (root->type != YAML_MAPPING_NODE)
		return bad(r, root, "a .dvc file must be a mapping");
	for (pair = root->data.mapping.pairs.start; rc == 0 && pair < root->data.mapping.pairs.top; pair++) {
		const yaml_node_t *key = yaml_document_get_node(r->document, pair->key),
				  *value = yaml_document_get_node(r->document, pair->value);

		if (is_text(key, "outs") && outs->outs)
			rc = bad(r, key, "outs is there twice");
		else if (is_text(key, "outs"))
			rc = read_outs(r, value, outs);
		else if (is_text(key, "wdir"))
			rc = keep_text(r, value, &outs->wdir);
	}
	return rc;
}

int jm_dvc_outs_read(const char *name, const char *data, size_t n, struct jm_dvc_outs *out, struct jm_error *err)
{
	struct jm_dvc_outs outs = {0};
	yaml_document_t document;
	yaml_parser_t parser;
	struct reading r = {name, &document, err};
	int rc;

	if (!yaml_parser_initialize(&parser))
		return jm_error_set(err, JM_E_NOMEM, "out of memory for %s", name);
	yaml_parser_set_input_string(&parser, (const unsigned char *)data, n);
	if (!yaml_parser_load(&parser, &document)) {
		rc = parser.error == YAML_MEMORY_ERROR
			 ? jm_error_set(err, JM_E_NOMEM, "out of memory for %s", name)
			 : jm_error_set(err, JM_E_FORMAT, "%s:%zu: no YAML: %s", name, parser.problem_mark.line + 1,
					parser.problem ? parser.problem : "unreadable");
		yaml_parser_delete(&parser);
		return rc;
	}
	rc = read_root(&r, &outs);
	yaml_document_delete(&document);
	yaml_parser_delete(&parser);
	outs.text = malloc(n + 1);
	if (rc == 0 && !outs.text)
		rc = jm_error_set(err, JM_E_NOMEM, "out of memory for %s", name);
	if (rc) {
		jm_dvc_outs_finish(&outs);
		return rc;
	}
	memcpy(outs.text, data, n);
	outs.text[n] = '\0';
	outs.n_text = n;
	*out = outs;
	return 0;
}

void jm_dvc_outs_finish(struct jm_dvc_outs *outs)
{
	size_t i;

	for (i = 0; i < outs->n; i++) {
		free(outs->outs[i].path);
		free(outs->outs[i].remote);
		free(outs->outs[i].unsupported);
	}
	free(outs->outs);
	free(outs->wdir);
	free(outs->text);
	memset(outs, 0, sizeof(*outs));
}
