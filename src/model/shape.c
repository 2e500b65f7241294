#include "model/shape.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint64_t jm_shape_elements(const struct jm_shape *s)
{
	uint64_t n;

	return s->is_known && jm_dtype_elements(s->dims, s->n_dims, &n) == 0 ? n : 0;
}

uint64_t jm_shape_bytes(const struct jm_shape *s)
{
	uint64_t n_bytes;

	return s->is_known && jm_dtype_bytes(s->dtype, jm_shape_elements(s), &n_bytes) == 0 ? n_bytes : 0;
}

void jm_shape_text(const struct jm_shape *s, char *out, size_t size)
{
	size_t i, used = 0;

	snprintf(out, size, "%s", !s->is_known ? "?" : s->n_dims == 0 ? "scalar" : "");
	for (i = 0; s->is_known && i < s->n_dims && used < size; i++)
		used += (size_t)snprintf(out + used, size - used, i ? "x%lld" : "%lld", (long long)s->dims[i]);
}

static int dtype_of(const char *text, size_t n)
{
	int dtype;

	for (dtype = 1; dtype < JM_DTYPE_MAX; dtype++) {
		const char *name = jm_dtype_text(dtype);

		if (strlen(name) == n && memcmp(name, text, n) == 0)
			return dtype;
	}
	return JM_DTYPE_UNKNOWN;
}

/* Reads "[1,3,8,8]" at *at and moves on behind it. */
static int parse_dims(const char **at, struct jm_shape *s)
{
	const char *p = *at;
	char *end;

	if (*p++ != '[')
		return JM_E_FORMAT;
	while (*p != ']') {
		if (s->n_dims == JM_SHAPE_DIMS_MAX)
			return JM_E_FULL;
		if (*p < '0' || *p > '9')
			return JM_E_FORMAT;
		s->dims[s->n_dims++] = strtoll(p, &end, 10);
		p = end;
		if (*p == ',' && p[1] != ']')
			p++;
		else if (*p != ']')
			return JM_E_FORMAT;
	}
	s->is_known = true;
	*at = p + 1;
	return 0;
}

/* Reads one or two numbers "3" or "3,3" at *at and moves on behind them. Gives how many; 0: none. */
static size_t parse_pair(const char **at, int64_t out[2])
{
	char *end;
	size_t n = 0;

	do {
		*at += n > 0;
		if (**at < '0' || **at > '9')
			return 0;
		out[n++] = strtoll(*at, &end, 10);
		*at = end;
	} while (n < 2 && **at == ',');
	return n;
}

/* Reads "kernel=3,3 stride=1,1)" at *at and moves on behind it. */
static int parse_window(const char **at, struct jm_window *w)
{
	static const char *const keys[] = {"kernel", "stride", "padding", "dilation", "groups"};
	int64_t *const values[] = {w->kernel, w->stride, w->padding, w->dilation, &w->groups};
	size_t i, n;

	*w = (struct jm_window){.kernel = {1, 1}, .stride = {1, 1}, .dilation = {1, 1}, .groups = 1};
	while (**at != ')') {
		int64_t pair[2];

		*at += strspn(*at, " ");
		n = strcspn(*at, "=)");
		for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
			if (strlen(keys[i]) == n && memcmp(keys[i], *at, n) == 0)
				break;
		if (i == sizeof(keys) / sizeof(keys[0]) || (*at)[n] != '=')
			return JM_E_FORMAT;
		*at += n + 1;
		if (parse_pair(at, pair) != (values[i] == &w->groups ? 1u : 2u))
			return JM_E_FORMAT;
		memcpy(values[i], pair, values[i] == &w->groups ? sizeof(*pair) : sizeof(pair));
		w->is_known = w->is_known || i == 0;
	}
	(*at)++;
	return w->groups > 0 ? 0 : JM_E_FORMAT;
}

/* Reads "Conv(...)" at *at, if that is there, and moves on behind it. */
static int parse_operator(const char **at, struct jm_operands *out)
{
	size_t n = strcspn(*at, "([ ");

	if ((*at)[n] != '(')
		return 0;
	if (n == 0 || n >= sizeof(out->op))
		return JM_E_FORMAT;
	memcpy(out->op, *at, n);
	*at += n + 1;
	return parse_window(at, &out->window);
}

int jm_operands_parse(const char *text, struct jm_operands *out)
{
	const char *at = text;
	bool is_out = false;
	int code;

	memset(out, 0, sizeof(*out));
	code = parse_operator(&at, out);
	if (code)
		return code;
	for (;;) {
		struct jm_shape *list = is_out ? out->out : out->in;
		size_t *n = is_out ? &out->n_out : &out->n_in;
		size_t length;
		int rc;

		at += strspn(at, " ");
		if (!*at)
			return is_out ? 0 : JM_E_FORMAT;
		if (strncmp(at, "->", 2) == 0 && !is_out) {
			is_out = true;
			at += 2;
			continue;
		}
		if (*n == JM_OPERANDS_MAX)
			return JM_E_FULL;
		length = strcspn(at, "[ ");
		list[*n].dtype = dtype_of(at, length);
		at += length;
		rc = parse_dims(&at, &list[(*n)++]);
		if (rc)
			return rc;
	}
}
