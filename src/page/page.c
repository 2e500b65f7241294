#include "page/page.h"

#include "core/error.h"
#include "export/export.h"
#include "page/files.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static void facts(const struct jm_page_recording *r, struct jm_buffer *out)
{
	size_t i;

	jm_buffer_puts(out, "[");
	for (i = 0; i < r->n_facts; i++) {
		jm_buffer_puts(out, i ? ",[" : "[");
		jm_buffer_json_string(out, r->facts[i].label);
		jm_buffer_puts(out, ",");
		jm_buffer_json_string(out, r->facts[i].value);
		jm_buffer_puts(out, "]");
	}
	jm_buffer_puts(out, "]");
}

/* Which part of a network each layer belongs to: [name, type, part]. Rows of one channel name them all. */
static void parts(const struct jm_page_recording *r, struct jm_buffer *out)
{
	size_t i, n = 0;

	jm_buffer_puts(out, "[");
	for (i = 0; r->part_of && i < r->result->n_layers && n < JM_PAGE_ROWS; i++) {
		const struct jm_row *row = &r->result->layers[i];
		const char *type = row->type ? row->type : "";

		if (row->channel != r->result->layers[0].channel)
			continue;
		jm_buffer_puts(out, n++ ? ",[" : "[");
		jm_buffer_json_string(out, row->name);
		jm_buffer_puts(out, ",");
		jm_buffer_json_string(out, type);
		jm_buffer_puts(out, ",");
		jm_buffer_json_string(out, r->part_of(row->name, type));
		jm_buffer_puts(out, "]");
	}
	jm_buffer_puts(out, "]");
}

static int report(const struct jm_page_recording *r, struct jm_buffer *out, struct jm_error *err)
{
	struct jm_view view = {.by = JM_BY_LAYER, .sort = JM_SORT_ENERGY, .limit = JM_PAGE_ROWS, .tariff = r->tariff};

	return jm_exporter_find("json")->write(r->result, &view, out, err);
}

static int recording(const struct jm_page_recording *r, struct jm_buffer *out, struct jm_error *err)
{
	int rc;

	jm_buffer_puts(out, "{\"title\":");
	jm_buffer_json_string(out, r->title);
	jm_buffer_puts(out, ",\"facts\":");
	facts(r, out);
	jm_buffer_printf(out, ",\"n_layers\":%zu,\"parts\":", r->result->n_layers);
	parts(r, out);
	jm_buffer_puts(out, ",\"report\":");
	rc = report(r, out, err);
	jm_buffer_puts(out, ",\"scene\":");
	jm_page_scene(r, out);
	jm_buffer_puts(out, "}");
	return rc;
}

/* Everything as one JSON text. */
static int data(const struct jm_page *page, struct jm_buffer *out, struct jm_error *err)
{
	size_t i;
	int rc = 0;

	jm_buffer_puts(out, "{\"format\":\"joulemap-page/1\",\"title\":");
	jm_buffer_json_string(out, page->title);
	jm_buffer_puts(out, ",\"comparison\":");
	if (page->comparison)
		jm_buffer_append(out, page->comparison->data, page->comparison->n);
	else
		jm_buffer_puts(out, "null");
	jm_buffer_puts(out, ",\"recordings\":[");
	for (i = 0; rc == 0 && i < page->n_recordings; i++) {
		jm_buffer_puts(out, i ? ",\n" : "\n");
		rc = recording(&page->recordings[i], out, err);
	}
	jm_buffer_puts(out, "]}");
	return rc;
}

/* In JSON '<' stands inside strings alone; without one, no text can end the element that it is in or begin another (HTML,
 * section 4.12.1.3, restrictions for contents of script elements). */
static void append_unclosable(struct jm_buffer *out, const char *text, size_t n)
{
	const char *at;

	while ((at = memchr(text, '<', n))) {
		jm_buffer_append(out, text, (size_t)(at - text));
		jm_buffer_puts(out, "\\u003c");
		n -= (size_t)(at + 1 - text);
		text = at + 1;
	}
	jm_buffer_append(out, text, n);
}

static void append_text(struct jm_buffer *out, const char *text)
{
	for (; *text; text++) {
		switch (*text) {
		case '<':
			jm_buffer_puts(out, "&lt;");
			break;
		case '>':
			jm_buffer_puts(out, "&gt;");
			break;
		case '&':
			jm_buffer_puts(out, "&amp;");
			break;
		case '"':
			jm_buffer_puts(out, "&quot;");
			break;
		default:
			jm_buffer_append(out, text, 1);
		}
	}
}

/* A word that only this page's own script and style carry: no other may run, whatever a name smuggles in. */
static int make_nonce(char out[33])
{
	unsigned char bytes[16];
	size_t i;

	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		return JM_E_IO;
	for (i = 0; i < sizeof(bytes); i++) {
		out[2 * i] = "0123456789abcdef"[bytes[i] >> 4];
		out[2 * i + 1] = "0123456789abcdef"[bytes[i] & 15];
	}
	out[32] = '\0';
	return 0;
}

/* What the page's file has marked with @NAME@. */
struct parts {
	const char *title, *nonce;
	const struct jm_buffer *json;
};

static void fill(const struct parts *p, const char *name, size_t n, struct jm_buffer *out)
{
	if (n == 5 && memcmp(name, "TITLE", n) == 0)
		append_text(out, p->title);
	else if (n == 5 && memcmp(name, "NONCE", n) == 0)
		jm_buffer_puts(out, p->nonce);
	else if (n == 5 && memcmp(name, "STYLE", n) == 0)
		jm_buffer_puts(out, jm_page_page_css);
	else if (n == 4 && memcmp(name, "DATA", n) == 0)
		append_unclosable(out, p->json->data, p->json->n);
	else if (n == 6 && memcmp(name, "SCRIPT", n) == 0) {
		jm_buffer_puts(out, jm_page_format_js);
		jm_buffer_puts(out, jm_page_time_js);
		jm_buffer_puts(out, jm_page_charts_js);
		jm_buffer_puts(out, jm_page_hotspots_js);
		jm_buffer_puts(out, jm_page_compare_js);
		jm_buffer_puts(out, jm_page_page_js);
	}
}

static void assemble(const struct parts *p, struct jm_buffer *out)
{
	const char *text = jm_page_page_html, *mark, *end;

	while ((mark = strchr(text, '@')) && (end = strchr(mark + 1, '@'))) {
		jm_buffer_append(out, text, (size_t)(mark - text));
		fill(p, mark + 1, (size_t)(end - mark - 1), out);
		text = end + 1;
	}
	jm_buffer_puts(out, text);
}

int jm_page_write(const struct jm_page *page, struct jm_buffer *out, struct jm_error *err)
{
	struct jm_buffer json = {0};
	char nonce[33];
	int rc;

	if (page->n_recordings == 0)
		return jm_error_set(err, JM_E_INVALID, "a page needs a recording");
	if (make_nonce(nonce))
		return jm_error_set(err, JM_E_IO, "the system gives no random numbers");
	rc = data(page, &json, err);
	if (rc == 0 && json.is_failed)
		rc = jm_error_set(err, JM_E_NOMEM, "out of memory for the page");
	if (rc == 0)
		assemble(&(struct parts){page->title, nonce, &json}, out);
	jm_buffer_finish(&json);
	return rc;
}
