#define _GNU_SOURCE
#include "core/span.h"

#include "core/grow.h"

#include "core/hash.h"

#include <stdlib.h>
#include <string.h>

#define TEXT(name, text) text,
static const char *const texts[] = {JM_SPAN_KIND_LIST(TEXT)};
#undef TEXT

bool jm_span_kind_is_known(uint32_t kind)
{
	return kind < sizeof(texts) / sizeof(texts[0]);
}

const char *jm_span_kind_text(enum jm_span_kind kind)
{
	return jm_span_kind_is_known((uint32_t)kind) ? texts[kind] : "unknown";
}

void jm_names_finish(struct jm_names *names)
{
	size_t i;

	for (i = 0; i < names->n; i++) {
		free(names->items[i].text);
		free(names->items[i].type);
		free(names->items[i].shapes);
	}
	free(names->items);
	free(names->buckets);
	memset(names, 0, sizeof(*names));
}

static uint64_t hash_name(const char *text, size_t text_n, const char *type, size_t type_n)
{
	return jm_hash(jm_hash(jm_hash(JM_HASH_BEGIN, text, text_n), "", 1), type, type_n);
}

static bool equals(const char *stored, const char *text, size_t n)
{
	return strlen(stored) == n && memcmp(stored, text, n) == 0;
}

static int grow_buckets(struct jm_names *names)
{
	size_t n_buckets = names->n_buckets ? names->n_buckets * 2 : 64;
	uint32_t *buckets = calloc(n_buckets, sizeof(*buckets));
	size_t i;

	if (!buckets)
		return JM_E_NOMEM;
	for (i = 0; i < names->n; i++) {
		const struct jm_name *item = &names->items[i];
		size_t b = hash_name(item->text, strlen(item->text), item->type, strlen(item->type)) & (n_buckets - 1);

		while (buckets[b])
			b = (b + 1) & (n_buckets - 1);
		buckets[b] = (uint32_t)i + 1;
	}
	free(names->buckets);
	names->buckets = buckets;
	names->n_buckets = n_buckets;
	return 0;
}

static int append(struct jm_names *names, const char *text, size_t text_n, const char *type, size_t type_n)
{
	struct jm_name *item;

	if (names->n >= UINT32_MAX - 1)
		return JM_E_INVALID;
	if (!jm_grow(&names->items, &names->capacity, names->n, sizeof(*names->items)))
		return JM_E_NOMEM;
	item = &names->items[names->n];
	item->text = strndup(text, text_n);
	item->type = strndup(type, type_n);
	item->shapes = NULL;
	if (!item->text || !item->type) {
		free(item->text);
		free(item->type);
		return JM_E_NOMEM;
	}
	names->n++;
	return 0;
}

int jm_names_add(struct jm_names *names, const char *text, size_t text_n, const char *type, size_t type_n,
		 uint32_t *index_out)
{
	size_t b;
	int rc;

	/* A zero byte would end the stored text early and make two names of one. */
	text_n = strnlen(text, text_n);
	type_n = type ? strnlen(type, type_n) : 0;
	type = type ? type : "";
	if (names->n_buckets < (names->n + 1) * 2 && (rc = grow_buckets(names)))
		return rc;
	b = hash_name(text, text_n, type, type_n) & (names->n_buckets - 1);
	while (names->buckets[b]) {
		const struct jm_name *item = &names->items[names->buckets[b] - 1];

		if (equals(item->text, text, text_n) && equals(item->type, type, type_n)) {
			*index_out = names->buckets[b] - 1;
			return 0;
		}
		b = (b + 1) & (names->n_buckets - 1);
	}
	rc = append(names, text, text_n, type, type_n);
	if (rc)
		return rc;
	names->buckets[b] = (uint32_t)names->n;
	*index_out = (uint32_t)names->n - 1;
	return 0;
}

size_t jm_names_find(const struct jm_names *names, const char *text, const char *type)
{
	size_t b;

	if (names->n_buckets == 0)
		return SIZE_MAX;
	b = hash_name(text, strlen(text), type, strlen(type)) & (names->n_buckets - 1);
	for (; names->buckets[b]; b = (b + 1) & (names->n_buckets - 1)) {
		const struct jm_name *item = &names->items[names->buckets[b] - 1];

		if (strcmp(item->text, text) == 0 && strcmp(item->type, type) == 0)
			return names->buckets[b] - 1;
	}
	return SIZE_MAX;
}

int jm_names_set_shapes(struct jm_names *names, uint32_t index, const char *text)
{
	struct jm_name *item;

	if (index >= names->n)
		return JM_E_INVALID;
	item = &names->items[index];
	if (!item->shapes)
		item->shapes = strdup(text);
	return item->shapes ? 0 : JM_E_NOMEM;
}
