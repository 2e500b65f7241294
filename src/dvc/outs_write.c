#include "dvc/outs.h"

#include "core/error.h"
#include "core/text.h"

#include <string.h>

static const char *const key_names[JM_DVC_N_KEYS] = {"md5", "size", "nfiles", "isexec", "hash", "path"};

/* Says whether facts have the key, and writes "key: value". The path is not among them. */
static bool put_value(const struct jm_dvc_out_facts *facts, enum jm_dvc_key key, struct jm_buffer *out)
{
	if ((key == JM_DVC_KEY_NFILES && facts->n_files < 0) || (key == JM_DVC_KEY_ISEXEC && !facts->is_exec))
		return false;
	jm_buffer_printf(out, "%s: ", key_names[key]);
	switch (key) {
	case JM_DVC_KEY_MD5:
		jm_buffer_puts(out, facts->oid.text);
		break;
	case JM_DVC_KEY_SIZE:
		jm_buffer_printf(out, "%lld", (long long)facts->size);
		break;
	case JM_DVC_KEY_NFILES:
		jm_buffer_printf(out, "%lld", (long long)facts->n_files);
		break;
	case JM_DVC_KEY_ISEXEC:
		jm_buffer_puts(out, "true");
		break;
	case JM_DVC_KEY_HASH:
		jm_buffer_puts(out, "md5");
		break;
	default:
		break;
	}
	jm_buffer_puts(out, "\n");
	return true;
}

void jm_dvc_outs_write(const struct jm_dvc_out_facts *facts, struct jm_buffer *out)
{
	int key;

	jm_buffer_puts(out, "outs:\n- ");
	for (key = 0; key < JM_DVC_KEY_PATH; key++)
		if (put_value(facts, (enum jm_dvc_key)key, out))
			jm_buffer_puts(out, "  ");
	jm_buffer_puts(out, "path: ");
	jm_dvc_yaml_scalar(out, facts->path, strlen("  path: "), 4);
	jm_buffer_puts(out, "\n");
}

static enum jm_dvc_key key_on_line(const struct jm_dvc_out *o, int line)
{
	int key;

	for (key = 0; key < JM_DVC_KEY_PATH; key++)
		if (o->lines[key] == line)
			return (enum jm_dvc_key)key;
	return JM_DVC_N_KEYS;
}

/* Each known key must be alone on its line, as "key:" behind the margin. */
static bool can_rewrite(const struct jm_dvc_out *o, const char *line, size_t n, enum jm_dvc_key key)
{
	size_t margin = (size_t)o->column, name = strlen(key_names[key]);

	return n > margin + name + 1 && memcmp(line + margin, key_names[key], name) == 0 &&
	       line[margin + name] == ':' && !memchr(line, '&', n);
}

/* The keys that the output did not have yet, behind its last line. */
static void put_missing(const struct jm_dvc_out *o, const struct jm_dvc_out_facts *facts, struct jm_buffer *out)
{
	int key;

	for (key = 0; key < JM_DVC_KEY_PATH; key++) {
		size_t before = out->n;

		if (o->lines[key] >= 0)
			continue;
		jm_buffer_printf(out, "%*s", o->column, "");
		if (!put_value(facts, (enum jm_dvc_key)key, out))
			out->n = before;
	}
}

static int put_line(const struct jm_dvc_out *o, const char *line, size_t n, enum jm_dvc_key key,
		    const struct jm_dvc_out_facts *facts, struct jm_buffer *out)
{
	size_t before = out->n;

	if (!can_rewrite(o, line, n, key))
		return JM_E_UNSUPPORTED;
	jm_buffer_append(out, line, (size_t)o->column);
	if (!put_value(facts, key, out)) {
		/* The list's dash must not go with the line. */
		if (memchr(line, '-', (size_t)o->column))
			return JM_E_UNSUPPORTED;
		out->n = before;
	}
	return 0;
}

static int rewrite(const struct jm_dvc_outs *outs, size_t i, const struct jm_dvc_out_facts *facts,
		   struct jm_buffer *out)
{
	const struct jm_dvc_out *o = &outs->outs[i];
	const char *line = outs->text, *end = outs->text + outs->n_text;
	int number, rc = o->is_odd ? JM_E_UNSUPPORTED : 0;

	for (number = 0; rc == 0 && line < end; number++) {
		size_t n = (size_t)((const char *)memchr(line, '\n', (size_t)(end - line)) ? strcspn(line, "\n") + 1
											   : (size_t)(end - line));
		enum jm_dvc_key key = key_on_line(o, number);

		if (key != JM_DVC_N_KEYS)
			rc = put_line(o, line, n, key, facts, out);
		else
			jm_buffer_append(out, line, n);
		if (number == o->last_line) {
			if (line[n - 1] != '\n' && key == JM_DVC_N_KEYS)
				jm_buffer_puts(out, "\n");
			put_missing(o, facts, out);
		}
		line += n;
	}
	return rc;
}

static bool is_same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

/* Reads what was written: line breaks that YAML knows and we do not, and the like, must not make it another file. */
static bool says_what_it_should(const struct jm_dvc_outs *before, size_t changed, const struct jm_dvc_out_facts *facts,
				const struct jm_buffer *out)
{
	struct jm_dvc_outs after;
	bool is_right;
	size_t i;

	if (jm_dvc_outs_read("", out->data, out->n, &after, NULL))
		return false;
	is_right = after.n == before->n && is_same_text(after.wdir, before->wdir);
	for (i = 0; is_right && i < after.n; i++) {
		const struct jm_dvc_out *a = &after.outs[i], *b = &before->outs[i];
		bool is_changed = i == changed;

		is_right = strcmp(a->path, b->path) == 0 && is_same_text(a->remote, b->remote) &&
			   strcmp(a->oid.text, is_changed ? facts->oid.text : b->oid.text) == 0 &&
			   a->size == (is_changed ? facts->size : b->size) &&
			   a->n_files == (is_changed ? facts->n_files : b->n_files) &&
			   a->is_exec == (is_changed ? facts->is_exec : b->is_exec) &&
			   a->is_legacy == (!is_changed && b->is_legacy);
	}
	jm_dvc_outs_finish(&after);
	return is_right;
}

int jm_dvc_outs_rewrite(const struct jm_dvc_outs *outs, size_t i, const struct jm_dvc_out_facts *facts,
			struct jm_buffer *out, struct jm_error *err)
{
	int rc = rewrite(outs, i, facts, out);

	if (out->is_failed)
		return jm_error_set(err, JM_E_NOMEM, "out of memory");
	if (rc == 0 && says_what_it_should(outs, i, facts, out))
		return 0;
	jm_error_set(err, JM_E_UNSUPPORTED, "the .dvc file of %s is laid out in a way that cannot be changed in place",
		     facts->path);
	return jm_error_remedy(err,
			       "put each key of the output on a line of its own, or remove the file and add again");
}
