/* Text for a terminal. What files, devices and processes call themselves is shown, never obeyed; and columns are counted as
 * terminals count them. */
#ifndef CORE_DISPLAY_H
#define CORE_DISPLAY_H

#include "core/text.h"

#include <stdarg.h>

/* Puts a question mark in the place of all that a terminal would act on instead of showing it: control characters (C0 with
 * line breaks, DEL, C1), marks that turn the direction of writing, line separators, bytes that are no UTF-8. In place. */
void jm_display_neutralise(char *text);

/* Gives the columns that a terminal takes for a neutralised text: 2 for a wide character (CJK, most emoji), 0 for a combining
 * one. What the C library does not know counts 1. */
size_t jm_display_columns(const char *text);

/* Gives the bytes of text that take at most `columns` columns, and by *used_out (may be NULL) how many they take: one less
 * where a wide character would straddle the edge. Combining characters stay with what they belong to. */
size_t jm_display_fit(const char *text, size_t columns, size_t *used_out);

/* Cuts text to at most so many columns, from its middle: both ends of a name tell it from others. In place; no more than 5
 * columns: from its end. */
void jm_display_cut(char *text, size_t columns);

/* Append formatted text, neutralised as a whole: a line break in an argument forges no line. jm_display_line ends it with a line
 * break of its own. Failure is the buffer's. */
void jm_display_text(struct jm_buffer *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
void jm_display_line(struct jm_buffer *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
void jm_display_vtext(struct jm_buffer *b, const char *format, va_list args) __attribute__((format(printf, 2, 0)));

/* Breaks the lines appended since byte `from` at spaces where they are wider than width columns (0: leaves them). What goes on stands
 * `indent` columns in; JM_DISPLAY_HANG: below the text behind a label ("idle        text"), else two columns further than the line.
 * Colours take no columns. Not for commands that somebody may copy. */
#define JM_DISPLAY_HANG ((size_t)-1)
void jm_display_wrap(struct jm_buffer *b, size_t from, int width, size_t indent);

#endif
