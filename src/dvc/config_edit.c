/* Changes one setting in the text of a file, and leaves the rest as it is: DVC itself writes such a file anew, without its
 * comments; where there are none, both give the same bytes. */
#define _GNU_SOURCE
#include "dvc/config.h"

#include "core/error.h"
#include "core/text.h"
#include "dvc/path.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONFIG_MAX ((size_t)1 << 20)

/* What of the text belongs to the section and the key: byte offsets. */
struct place {
	bool has_section, has_key;
	size_t section_at, section_end; /* header line to behind the last setting */
	size_t key_at, key_end;
	size_t remotes_at; /* where the first named section begins: new plain ones go before it */
	bool is_failed;    /* out of memory: nothing above holds */
};

/* section NULL: any named one. */
static bool header_is(const char *line, size_t n, const char *section, bool *is_failed)
{
	struct jm_dvc_config one = {0};
	char *text = NULL;
	bool is_same;
	int length = asprintf(&text, "%.*s\nx = 1\n", (int)n, line), rc = JM_E_NOMEM;

	/* Read by the reader itself, so that both agree on quotes. */
	if (length > 0)
		rc = jm_dvc_config_read(&one, JM_DVC_REPO, "", text, (size_t)length, NULL);
	*is_failed |= rc == JM_E_NOMEM;
	is_same = rc == 0 && one.n == 1 &&
		  (section ? strcasecmp(one.settings[0].section, section) == 0
			   : strchr(one.settings[0].section, '/') != NULL);
	jm_dvc_config_finish(&one);
	if (length > 0)
		free(text);
	return is_same;
}

static bool line_has_key(const char *line, size_t n, const char *key)
{
	size_t k = strlen(key), at = 0;

	while (at < n && (isspace((unsigned char)line[at]) || line[at] == '"' || line[at] == '\''))
		at++;
	if (at + k > n || strncasecmp(line + at, key, k) != 0)
		return false;
	for (at += k; at < n && (line[at] == ' ' || line[at] == '\t' || line[at] == '"' || line[at] == '\'');)
		at++;
	return at < n && line[at] == '=';
}

static struct place find_place(const char *text, size_t n, const char *section, const char *key)
{
	struct place p = {.remotes_at = n};
	bool is_inside = false;
	size_t at = 0;

	while (at < n) {
		size_t length = strcspn(text + at, "\n"), next = at + length + (text[at + length] == '\n');
		size_t blank = strspn(text + at, " \t\r");
		bool is_empty = blank >= length;

		if (text[at + blank] == '[') {
			is_inside = !p.has_section && header_is(text + at, length, section, &p.is_failed);
			if (is_inside) {
				p.has_section = true;
				p.section_at = at;
				p.section_end = next;
			}
			if (p.remotes_at == n && header_is(text + at, length, NULL, &p.is_failed))
				p.remotes_at = at;
		} else if (is_inside && !is_empty && text[at + blank] != '#') {
			p.section_end = next;
			if (key && line_has_key(text + at, length, key)) {
				p.has_key = true;
				p.key_at = at;
				p.key_end = next;
			}
		}
		at = next;
	}
	return p;
}

/* As ConfigObj quotes. */
static void put_quoted(struct jm_buffer *out, const char *text)
{
	size_t n = strlen(text);
	bool is_plain =
	    n && !strchr(" \t\r\n\v\f'\"", text[0]) && !strchr(" \t\r\n\v\f'\"", text[n - 1]) && !strpbrk(text, ",#");

	jm_buffer_printf(out, is_plain ? "%s" : strchr(text, '"') ? "'%s'" : "\"%s\"", text);
}

static void put_header(struct jm_buffer *out, const char *section)
{
	const char *slash = strchr(section, '/');

	if (slash)
		jm_buffer_printf(out, "['%.*s \"%s\"']\n", (int)(slash - section), section, slash + 1);
	else
		jm_buffer_printf(out, "[%s]\n", section);
}

static void put_setting(struct jm_buffer *out, const char *key, const char *value)
{
	jm_buffer_printf(out, "    %s = ", key);
	put_quoted(out, value);
	jm_buffer_puts(out, "\n");
}

static void put_text(struct jm_buffer *out, const char *text, size_t n)
{
	jm_buffer_append(out, text, n);
	if (n && text[n - 1] != '\n')
		jm_buffer_puts(out, "\n");
}

/* Says whether the section has no setting but the one at [from, to). */
static bool is_only(const char *text, const struct place *p)
{
	const char *header_end = memchr(text + p->section_at, '\n', p->section_end - p->section_at);

	return header_end && (size_t)(header_end + 1 - text) == p->key_at && p->key_end == p->section_end;
}

/* p: where section and key are in the text. */
static void edit(const char *text, size_t n, const struct place *p, const char *section, const char *key,
		 const char *value, struct jm_buffer *out)
{
	size_t from = p->section_end, to = p->section_end;

	if (!p->has_section)
		from = to = strchr(section, '/') ? n : p->remotes_at;
	else if (!key || (!value && is_only(text, p)))
		from = p->section_at;
	else if (p->has_key) {
		from = p->key_at;
		to = p->key_end;
	}
	put_text(out, text, from);
	if (value && !p->has_section)
		put_header(out, section);
	if (value)
		put_setting(out, key, value);
	jm_buffer_append(out, text + to, n - to);
}

int jm_dvc_config_edit(const char *path, const char *section, const char *key, const char *value, bool is_private,
		       struct jm_error *err)
{
	struct jm_buffer out = {0};
	struct place p;
	char *text = NULL;
	size_t n = 0;
	int rc = jm_dvc_read_file(path, CONFIG_MAX, &text, &n, err);
	bool is_new = rc == JM_E_NOT_FOUND;

	if (rc && !is_new)
		return rc;
	if (is_new && !(text = strdup("")))
		return jm_error_set(err, JM_E_NOMEM, "out of memory for %s", path);
	if (value && (strpbrk(value, "\r\n") || (strchr(value, '\'') && strchr(value, '"')))) {
		free(text);
		return jm_error_set(err, JM_E_INVALID, "the value of %s has a line break, or both kinds of quotes",
				    key);
	}
	p = find_place(text, n, section, key);
	if (p.is_failed) {
		rc = jm_error_set(err, JM_E_NOMEM, "out of memory for %s", path);
	} else if (!value && (!p.has_section || (key && !p.has_key))) {
		rc = jm_error_set(err, JM_E_NOT_FOUND, "%s says nothing of %s%s%s", path,
				  strchr(section, '/') ? strchr(section, '/') + 1 : section, key ? " " : "",
				  key ? key : "");
	} else {
		edit(text, n, &p, section, key, value, &out);
		rc = out.is_failed
			 ? jm_error_set(err, JM_E_NOMEM, "out of memory for %s", path)
			 : jm_dvc_write_file(path, out.data ? out.data : "", out.n, is_private ? 0600 : 0, err);
	}
	jm_buffer_finish(&out);
	explicit_bzero(text, n);
	free(text);
	return rc;
}
