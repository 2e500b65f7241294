#include "trace/kernel_name.h"

#include "trace/demangle.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Template arguments shown: of the kernel itself, of its arguments; deeper ones are left out. */
#define ARGUMENTS_MAX 3
#define DEPTH_MAX     3
/* A longer name is shortened further, as a row of a table has other columns, too; one that is no C++ is cut near here. */
#define LONG 96
#define CUT  64

struct piece {
	const char *text;
	size_t n;
};

struct output {
	char *text;
	size_t n, size;
	int depth_max; /* of template arguments */
	bool is_bare;  /* without namespaces at all */
};

static void put(struct output *o, const char *text, size_t n)
{
	size_t room = o->size - 1 - o->n;

	n = n < room ? n : room;
	memcpy(o->text + o->n, text, n);
	o->n += n;
}

/* Follows brackets of all kinds; "->", "operator<" and the like do not occur in names of kernels and would only end the
 * shortening early. */
static int depth_change(const char *text, size_t i)
{
	switch (text[i]) {
	case '<':
	case '(':
	case '{':
	case '[':
		return 1;
	case ')':
	case '}':
	case ']':
		return -1;
	case '>':
		return i && text[i - 1] == '-' ? 0 : -1;
	default:
		return 0;
	}
}

/* Gives the place of the last `wanted` outside of brackets; n: none. */
static size_t last_outside(struct piece p, char wanted)
{
	size_t i, found = p.n;
	int depth = 0;

	for (i = 0; i < p.n; i++) {
		if (depth == 0 && p.text[i] == wanted)
			found = i;
		depth += depth_change(p.text, i);
	}
	return found;
}

/* The same for the first, of a text. */
static size_t first_outside(struct piece p, const char *wanted)
{
	size_t i, n = strlen(wanted);
	int depth = 0;

	for (i = 0; i + n <= p.n; i++) {
		if (depth == 0 && memcmp(p.text + i, wanted, n) == 0)
			return i;
		depth += depth_change(p.text, i);
	}
	return p.n;
}

static struct piece trimmed(struct piece p)
{
	while (p.n && p.text[0] == ' ')
		p = (struct piece){p.text + 1, p.n - 1};
	while (p.n && p.text[p.n - 1] == ' ')
		p.n--;
	return p;
}

static bool begins(struct piece p, const char *text)
{
	return p.n >= strlen(text) && memcmp(p.text, text, strlen(text)) == 0;
}

/* Says little about which kernel it is: numbers and plain types, and those of the standard library. */
static bool is_plain(struct piece p)
{
	static const char *const plain[] = {"std::", "float",  "double", "int",  "unsigned", "long",  "bool",
					    "char",  "signed", "short",  "void", "true",     "false", "(",
					    "-",     "c10::",  "__half", "half", "__nv_",    "cuda::"};
	size_t i;

	if (!p.n || isdigit((unsigned char)p.text[0]))
		return true;
	for (i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		if (begins(p, plain[i]))
			return true;
	return false;
}

static void put_type(struct output *o, struct piece p, int depth);

/* inside: between < and >. */
static void put_arguments(struct output *o, struct piece inside, int depth)
{
	size_t n_shown = 0;
	bool has_more = false, has_telling = false;
	int pass;

	/* Inside an argument its plain parts tell least: they are shown only where there are no others. */
	for (pass = depth > 0 ? 0 : 1; pass < 2; pass++) {
		struct piece rest = inside;

		while (rest.n) {
			size_t end = first_outside(rest, ",");
			struct piece argument = trimmed((struct piece){rest.text, end});
			bool is_wanted = pass == 0 ? !is_plain(argument) : !begins(argument, "std::");

			rest = end < rest.n ? (struct piece){rest.text + end + 1, rest.n - end - 1}
					    : (struct piece){rest.text, 0};
			if (!is_wanted || n_shown == ARGUMENTS_MAX) {
				has_more = true;
				continue;
			}
			put(o, ", ", n_shown ? 2 : 0);
			put_type(o, argument, depth + 1);
			n_shown++;
			has_telling = true;
		}
		if (has_telling)
			break;
		has_more = false;
	}
	if (has_more || !n_shown)
		put(o, ", ...", n_shown ? 5 : 0);
	if (!n_shown)
		put(o, "...", 3);
}

/* A name with its arguments, from its last namespace on where that is inside of another's arguments. */
static void put_type(struct output *o, struct piece p, int depth)
{
	size_t lambda = first_outside(p, "::{"), open;

	/* "(bool)1": a number with its type. */
	if (p.n && p.text[0] == '(' && memchr(p.text, ')', p.n)) {
		size_t close = (size_t)((const char *)memchr(p.text, ')', p.n) - p.text) + 1;

		if (close < p.n)
			p = (struct piece){p.text + close, p.n - close};
		lambda = first_outside(p, "::{");
	}
	if (lambda && lambda < p.n)
		p.n = lambda;
	if (depth > 0 || o->is_bare) {
		size_t parameters = first_outside(p, "("), colon;

		if (parameters)
			p.n = parameters < p.n ? parameters : p.n;
		while ((colon = first_outside(p, "::")) < p.n)
			p = (struct piece){p.text + colon + 2, p.n - colon - 2};
	}
	open = first_outside(p, "<");
	put(o, p.text, open);
	if (open == p.n || p.text[p.n - 1] != '>')
		return;
	put(o, "<", 1);
	if (depth < o->depth_max)
		put_arguments(o, (struct piece){p.text + open + 1, p.n - open - 2}, depth);
	else
		put(o, "...", 3);
	put(o, ">", 1);
}

static void remove_all(char *text, const char *what)
{
	char *at = text;
	size_t n = strlen(what);

	while ((at = strstr(at, what)))
		memmove(at, at + n, strlen(at + n) + 1);
}

static void shorten(const char *text, struct output *o)
{
	struct piece p = {text, strlen(text)};
	size_t parameters, space;

	o->n = 0;
	parameters = last_outside(p, '(');
	if (parameters)
		p.n = parameters;
	space = last_outside(p, ' ');
	if (space + 1 < p.n)
		p = (struct piece){p.text + space + 1, p.n - space - 1};
	if (p.n)
		put_type(o, p, 0);
}

/* Less and less, until it is short enough. */
static void shorten_until_short(char *text, struct output *o)
{
	remove_all(text, "(anonymous namespace)::");
	shorten(text, o);
	if (o->n <= LONG)
		return;
	o->is_bare = true;
	do
		shorten(text, o);
	while (o->n > LONG && --o->depth_max > 0);
}

/* "sm80_xmma_gemm_..._stage3_warpsize1x4x1_ffma_aligna4_alignc4_execute_kernel__5x_cublas": words, the telling ones first. */
static void cut_words(struct output *o)
{
	size_t n = CUT;

	if (o->n <= LONG || memchr(o->text, '<', o->n))
		return;
	while (n > CUT / 2 && o->text[n] != '_')
		n--;
	o->n = n;
	put(o, "...", 3);
}

void jm_kernel_name(const char *mangled, char *out, size_t size)
{
	char *plain = jm_demangle(mangled);
	struct output o = {.text = out, .size = size, .depth_max = DEPTH_MAX};

	if (plain)
		shorten_until_short(plain, &o);
	if (!o.n)
		put(&o, mangled, strlen(mangled));
	free(plain);
	cut_words(&o);
	if (o.n == size - 1)
		memcpy(out + size - 4, "...", 3);
	out[o.n] = '\0';
}
