#define _GNU_SOURCE
#include "core/display.h"

#include <locale.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

/* Gives the code point at s and its length in bytes; -1 and 1 for what is no UTF-8 (Unicode 15, table 3-7). */
static int32_t decode(const unsigned char *s, size_t *n_out)
{
	static const int32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t n = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : s[0] < 0xf5 ? 4 : 0, i;
	int32_t code = n == 1 ? s[0] : n > 1 ? s[0] & (0x7f >> n) : -1;

	*n_out = 1;
	for (i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return -1;
		code = code << 6 | (s[i] & 0x3f);
	}
	if (n == 0 || code < least[n] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
		return -1;
	*n_out = n;
	return code;
}

/* C0, DEL and C1 control; U+2028 and U+2029 separate lines; the rest turns the direction (Unicode annex 9, table 1-2). */
static bool is_obeyed(int32_t code)
{
	return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x61c || code == 0x200e || code == 0x200f ||
	       (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
}

void jm_display_neutralise(char *text)
{
	const char *from = text;
	char *to = text;
	size_t n;

	while (*from) {
		if (is_obeyed(decode((const unsigned char *)from, &n))) {
			*to++ = '?';
		} else {
			memmove(to, from, n);
			to += n;
		}
		from += n;
	}
	*to = '\0';
}

/* wcwidth goes by the locale of the thread; the program has none. Made once, never changed, and kept to the end. */
static pthread_once_t utf8_once = PTHREAD_ONCE_INIT;
static locale_t utf8_locale;

static void make_locale(void)
{
	utf8_locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
}

static size_t columns_of(int32_t code)
{
	locale_t before;
	int n;

	if (code < 0x7f)
		return 1;
	pthread_once(&utf8_once, make_locale);
	if (!utf8_locale)
		return 1;
	before = uselocale(utf8_locale);
	n = wcwidth((wchar_t)code);
	uselocale(before);
	return n < 0 ? 1 : (size_t)n;
}

size_t jm_display_fit(const char *text, size_t columns, size_t *used_out)
{
	size_t at = 0, used = 0, n;

	while (text[at]) {
		int32_t code = decode((const unsigned char *)text + at, &n);
		size_t wide = columns_of(code < 0 ? '?' : code);

		if (used + wide > columns)
			break;
		used += wide;
		at += n;
	}
	if (used_out)
		*used_out = used;
	return at;
}

size_t jm_display_columns(const char *text)
{
	size_t used;

	jm_display_fit(text, SIZE_MAX, &used);
	return used;
}

void jm_display_cut(char *text, size_t columns)
{
	size_t have = jm_display_columns(text), tail, head, from, n;

	if (have <= columns)
		return;
	if (columns < 5) {
		text[jm_display_fit(text, columns, NULL)] = '\0';
		return;
	}
	head = jm_display_fit(text, (columns - 2) / 2, NULL);
	tail = columns - 2 - (columns - 2) / 2;
	/* From the first character on that leaves no more than the tail. */
	for (from = head; text[from] && jm_display_columns(text + from) > tail; from += n)
		decode((const unsigned char *)text + from, &n);
	if (from < head + 2) { /* no room for the dots: only where the text fits anyway */
		text[jm_display_fit(text, columns, NULL)] = '\0';
		return;
	}
	memcpy(text + head, "..", 2);
	memmove(text + head + 2, text + from, strlen(text + from) + 1);
}

void jm_display_vtext(struct jm_buffer *b, const char *format, va_list args)
{
	char *text;

	if (vasprintf(&text, format, args) < 0) {
		b->is_failed = true;
		return;
	}
	jm_display_neutralise(text);
	jm_buffer_puts(b, text);
	free(text);
}

void jm_display_text(struct jm_buffer *b, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	jm_display_vtext(b, format, args);
	va_end(args);
}

void jm_display_line(struct jm_buffer *b, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	jm_display_vtext(b, format, args);
	va_end(args);
	jm_buffer_puts(b, "\n");
}

/* Gives the columns of n bytes, which are followed by what is no UTF-8 continuation; escape sequences (ECMA-48, 5.4) take none. */
static size_t columns_in(const char *text, size_t n)
{
	size_t at = 0, used = 0, bytes;

	while (at < n) {
		int32_t code;

		if (n - at >= 2 && text[at] == '\033' && text[at + 1] == '[') {
			for (at += 2; at < n && (text[at] < '@' || text[at] > '~'); at++)
				;
			at++;
			continue;
		}
		code = decode((const unsigned char *)text + at, &bytes);
		used += columns_of(code < 0 ? '?' : code);
		at += bytes;
	}
	return used;
}

#define LABEL_COLUMNS 14 /* at most, with the spaces behind it */

/* Where what goes on of a line stands. */
static size_t hang(const char *line, size_t n)
{
	size_t lead = 0, at, end;

	while (lead < n && line[lead] == ' ')
		lead++;
	for (at = lead; at < n && at < LABEL_COLUMNS; at++) {
		for (end = at; end < n && line[end] == ' '; end++)
			;
		if (end - at >= 2 && end <= LABEL_COLUMNS)
			return end;
	}
	return lead + 2;
}

static void wrap_line(const char *line, size_t n, size_t width, size_t indent, struct jm_buffer *out)
{
	size_t at = 0, column = 0, spaces, end, columns;

	indent = indent == JM_DISPLAY_HANG ? hang(line, n) : indent;
	while (at < n) {
		for (spaces = 0; at + spaces < n && line[at + spaces] == ' '; spaces++)
			;
		for (end = at + spaces; end < n && line[end] != ' '; end++)
			;
		columns = columns_in(line + at + spaces, end - at - spaces);
		if (at && columns && column + spaces + columns > width) {
			jm_buffer_printf(out, "\n%*s", (int)indent, "");
			at += spaces;
			column = indent;
			spaces = 0;
		}
		jm_buffer_append(out, line + at, end - at);
		column += spaces + columns;
		at = end;
	}
}

void jm_display_wrap(struct jm_buffer *b, size_t from, int width, size_t indent)
{
	struct jm_buffer out = {0};
	const char *line, *end;

	if (width <= 0 || from >= b->n || !jm_buffer_terminate(b))
		return;
	for (line = b->data + from; line < b->data + b->n; line = end + 1) {
		end = memchr(line, '\n', (size_t)(b->data + b->n - line));
		if (!end)
			end = b->data + b->n;
		if (columns_in(line, (size_t)(end - line)) <= (size_t)width)
			jm_buffer_append(&out, line, (size_t)(end - line));
		else
			wrap_line(line, (size_t)(end - line), (size_t)width, indent, &out);
		if (end < b->data + b->n)
			jm_buffer_puts(&out, "\n");
	}
	b->is_failed = b->is_failed || out.is_failed;
	b->n = from;
	jm_buffer_append(b, out.data, out.n);
	jm_buffer_finish(&out);
}
