#include "trace/recent_map.h"

#include "joulemap/joulemap.h"

#include <stdlib.h>
#include <string.h>

/* splitmix64's mixing: keys are mostly counters. */
static size_t place_of(uint64_t key, size_t capacity)
{
	key = (key ^ (key >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	key = (key ^ (key >> 27)) * UINT64_C(0x94d049bb133111eb);
	return (size_t)(key ^ (key >> 31)) & (capacity - 1);
}

static struct jm_recent_entry *find_in(const struct jm_recent_table *t, uint64_t key)
{
	size_t at;

	if (!t->capacity)
		return NULL;
	for (at = place_of(key, t->capacity); t->items[at].key; at = (at + 1) & (t->capacity - 1))
		if (t->items[at].key == key)
			break;
	return &t->items[at];
}

static int grow(struct jm_recent_table *t)
{
	struct jm_recent_table bigger = {.n = t->n, .capacity = t->capacity ? 2 * t->capacity : 256};
	size_t i;

	bigger.items = calloc(bigger.capacity, sizeof(*bigger.items));
	if (!bigger.items)
		return JM_E_NOMEM;
	for (i = 0; i < t->capacity; i++)
		if (t->items[i].key)
			*find_in(&bigger, t->items[i].key) = t->items[i];
	free(t->items);
	*t = bigger;
	return 0;
}

int jm_recent_put(struct jm_recent_map *m, const struct jm_recent_entry *entry)
{
	struct jm_recent_entry *at;
	int rc;

	if (!entry->key)
		return 0;
	at = find_in(&m->now, entry->key);
	if (at && at->key) {
		*at = *entry;
		return 0;
	}
	if (m->now.n == JM_RECENT_MAX) {
		free(m->before.items);
		m->before = m->now;
		memset(&m->now, 0, sizeof(m->now));
	}
	if (2 * m->now.n >= m->now.capacity) {
		rc = grow(&m->now);
		if (rc)
			return rc;
	}
	*find_in(&m->now, entry->key) = *entry;
	m->now.n++;
	return 0;
}

struct jm_recent_entry *jm_recent_find(const struct jm_recent_map *m, uint64_t key)
{
	struct jm_recent_entry *at = key ? find_in(&m->now, key) : NULL;

	if (at && at->key)
		return at;
	at = key ? find_in(&m->before, key) : NULL;
	return at && at->key ? at : NULL;
}

void jm_recent_finish(struct jm_recent_map *m)
{
	free(m->now.items);
	free(m->before.items);
	memset(m, 0, sizeof(*m));
}
