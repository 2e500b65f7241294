/* How DVC's YAML writer (ruamel.yaml, YAML 1.2, width 80) puts a text: plain where that reads back as the same text, else in
 * single quotes, else, with characters that are not printable, in double quotes. Compared with it by tests/dvc/compare.py. */
#include "dvc/outs.h"

#include "core/text.h"

#include <regex.h>
#include <string.h>

#define WIDTH 80

struct character {
	uint32_t code;
	size_t n; /* bytes */
};

static struct character character_at(const char *text)
{
	const unsigned char *c = (const unsigned char *)text;

	if (c[0] < 0x80)
		return (struct character){c[0], 1};
	if (c[0] < 0xe0)
		return (struct character){(uint32_t)(c[0] & 0x1f) << 6 | (c[1] & 0x3f), 2};
	if (c[0] < 0xf0)
		return (struct character){(uint32_t)(c[0] & 0xf) << 12 | (uint32_t)(c[1] & 0x3f) << 6 | (c[2] & 0x3f),
					  3};
	return (struct character){(uint32_t)(c[0] & 7) << 18 | (uint32_t)(c[1] & 0x3f) << 12 |
				      (uint32_t)(c[2] & 0x3f) << 6 | (c[3] & 0x3f),
				  4};
}

static bool is_printable(uint32_t c)
{
	return (c >= 0x20 && c <= 0x7e) || (c >= 0xa0 && c <= 0xd7ff) || (c >= 0xe000 && c <= 0xfffd && c != 0xfeff) ||
	       c >= 0x10000;
}

static bool needs_double(const char *text)
{
	while (*text) {
		struct character c = character_at(text);

		if (!is_printable(c.code) || c.code == 0x2028 || c.code == 0x2029)
			return true;
		text += c.n;
	}
	return false;
}

/* What reads back as a number, a date, a truth or nothing. */
static bool is_other_type(const char *text)
{
	static const char *const expressions[] = {
	    "^(true|True|TRUE|false|False|FALSE|~|null|Null|NULL|<<|=)$",
	    "^[-+]?0b[01_]+$|^[-+]?0o?[0-7_]+$|^[-+]?[0-9_]+$|^[-+]?0x[0-9a-fA-F_]+$",
	    "^[-+]?[0-9][0-9_]*\\.[0-9_]*([eE][-+]?[0-9]+)?$|^[-+]?[0-9][0-9_]*[eE][-+]?[0-9]+$|^[-+]?\\.[0-9_]+([eE][-"
	    "+][0-9]+)?$"
	    "|^[-+]?\\.(inf|Inf|INF)$|^\\.(nan|NaN|NAN)$",
	    "^[0-9]{4}-[0-9]{2}-[0-9]{2}$|^[0-9]{4}-[0-9]{2}?-[0-9]{2}?([Tt]|[ "
	    "\t]+)[0-9]{1,2}:[0-9]{2}:[0-9]{2}(\\.[0-9]*)?"
	    "([ \t]*(Z|[-+][0-9]{1,2}(:[0-9]{2})?))?$"};
	size_t i;

	/* An underscore alone is no number for it: numbers begin with a digit, a sign or a dot. */
	if (!strchr("tTfF~nN<=-+.0123456789", text[0]))
		return false;
	for (i = 0; i < sizeof(expressions) / sizeof(expressions[0]); i++) {
		regex_t expression;
		int rc;

		if (regcomp(&expression, expressions[i], REG_EXTENDED | REG_NOSUB))
			return true;
		rc = regexec(&expression, text, 0, NULL, 0);
		regfree(&expression);
		if (rc == 0)
			return true;
	}
	return false;
}

static bool is_plain(const char *text)
{
	size_t n = strlen(text), i;

	if (n == 0 || text[0] == ' ' || text[n - 1] == ' ' || strncmp(text, "---", 3) == 0 ||
	    strncmp(text, "...", 3) == 0)
		return false;
	if (strchr("#,[]{}&*!|>'\"%@`", text[0]))
		return false;
	if (strchr("?:-", text[0]) && (n == 1 || text[1] == ' '))
		return false;
	for (i = 1; i < n; i++) {
		if (text[i] == ':' && (i + 1 == n || text[i + 1] == ' '))
			return false;
		if (text[i] == '#' && text[i - 1] == ' ')
			return false;
	}
	return !is_other_type(text);
}

static size_t columns(const char *text, size_t n)
{
	size_t i, count = 0;

	for (i = 0; i < n; i++)
		count += ((unsigned char)text[i] & 0xc0) != 0x80;
	return count;
}

static void new_line(struct jm_buffer *out, size_t indent, size_t *column)
{
	jm_buffer_printf(out, "\n%*s", (int)indent, "");
	*column = indent;
}

/* Words, and the single spaces between them where a line may end. A word that does not fit gets a line of its own, behind the
 * space: this writer's way. */
static void put_plain(struct jm_buffer *out, const char *text, size_t column, size_t indent)
{
	while (*text) {
		size_t n = strcspn(text, " "), spaces = strspn(text + n, " ");

		if (n && columns(text, n) + column > WIDTH && column > indent)
			new_line(out, indent, &column);
		jm_buffer_append(out, text, n);
		column += columns(text, n);
		text += n;
		if (spaces == 1 && column >= WIDTH)
			new_line(out, indent, &column);
		else
			jm_buffer_append(out, text, spaces);
		if (!(spaces == 1 && column == indent))
			column += spaces;
		text += spaces;
	}
}

static void put_single(struct jm_buffer *out, const char *text, size_t column, size_t indent)
{
	const char *from = text;

	jm_buffer_puts(out, "'");
	column++;
	while (*text) {
		size_t n = strcspn(text, " '"), spaces;

		jm_buffer_append(out, text, n);
		column += columns(text, n);
		text += n;
		if (*text == '\'') {
			jm_buffer_puts(out, "''");
			column += 2;
			text++;
			continue;
		}
		spaces = strspn(text, " ");
		if (spaces == 1 && column > WIDTH && text != from && text[1]) {
			new_line(out, indent, &column);
		} else {
			jm_buffer_append(out, text, spaces);
			column += spaces;
		}
		text += spaces;
	}
	jm_buffer_puts(out, "'");
}

/* Not folded: names with control characters and more than 80 columns are left on one line, which reads the same. */
static void put_double(struct jm_buffer *out, const char *text)
{
	static const char shorts[] = "\aa\bb\tt\nn\vv\ff\rr\033e\"\"\\\\";

	jm_buffer_puts(out, "\"");
	while (*text) {
		struct character c = character_at(text);
		const char *found = NULL;
		size_t i;

		for (i = 0; i + 1 < sizeof(shorts) && !found; i += 2)
			if ((uint32_t)(unsigned char)shorts[i] == c.code)
				found = &shorts[i + 1];
		if (found)
			jm_buffer_printf(out, "\\%c", *found);
		else if (c.code == 0x85 || c.code == 0x2028 || c.code == 0x2029)
			jm_buffer_puts(out, c.code == 0x85 ? "\\N" : c.code == 0x2028 ? "\\L" : "\\P");
		else if (is_printable(c.code))
			jm_buffer_append(out, text, c.n);
		else if (c.code <= 0xff)
			jm_buffer_printf(out, "\\x%02X", (unsigned)c.code);
		else
			jm_buffer_printf(out, "\\u%04X", (unsigned)c.code);
		text += c.n;
	}
	jm_buffer_puts(out, "\"");
}

void jm_dvc_yaml_scalar(struct jm_buffer *out, const char *text, size_t column, size_t indent)
{
	if (needs_double(text))
		put_double(out, text);
	else if (is_plain(text))
		put_plain(out, text, column, indent);
	else
		put_single(out, text, column, indent);
}
