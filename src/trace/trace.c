#include "trace/trace.h"

#include "trace/trace_list.h"

#include <string.h>

#define DECLARE(name) extern const struct jm_importer jm_importer_##name;
JM_TRACE_LIST(DECLARE)
#undef DECLARE

#define ENTRY(name) &jm_importer_##name,
const struct jm_importer *const jm_importers[] = {JM_TRACE_LIST(ENTRY) NULL};
#undef ENTRY

const struct jm_importer *jm_importer_find(const char *name)
{
	size_t i;

	for (i = 0; jm_importers[i]; i++)
		if (strcmp(jm_importers[i]->name, name) == 0)
			return jm_importers[i];
	return NULL;
}

const struct jm_importer *jm_importer_match(const char *head, size_t n)
{
	const struct jm_importer *best = NULL;
	int confidence = 0;
	size_t i;

	for (i = 0; jm_importers[i]; i++) {
		int c = jm_importers[i]->match(head, n);

		if (c > confidence) {
			confidence = c;
			best = jm_importers[i];
		}
	}
	return best;
}
