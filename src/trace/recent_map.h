/* A map that forgets: of the keys put last it knows at least JM_RECENT_MAX, of older ones none. So that a recording of any
 * length is followed in bounded memory. */
#ifndef TRACE_RECENT_MAP_H
#define TRACE_RECENT_MAP_H

#include <stddef.h>
#include <stdint.h>

#define JM_RECENT_MAX (1u << 18)

struct jm_recent_entry {
	uint64_t key; /* not 0 */
	int64_t t_ns;
	uint32_t a, b;
};

struct jm_recent_table {
	struct jm_recent_entry *items; /* open addressing, key 0: free */
	size_t n, capacity;
};

struct jm_recent_map {
	struct jm_recent_table now, before;
};

/* Puts an entry in place of one of the same key. key 0 is left out. Errors: JM_E_NOMEM. */
int jm_recent_put(struct jm_recent_map *m, const struct jm_recent_entry *entry);
/* Gives the entry of a key, until the next put; NULL: there is none, or no more. */
struct jm_recent_entry *jm_recent_find(const struct jm_recent_map *m, uint64_t key);
void jm_recent_finish(struct jm_recent_map *m);

#endif
