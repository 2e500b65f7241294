/* Layers' types from another file: TensorRT's profile names the layers, its engine info says what they are. */
#define _GNU_SOURCE
#include "session/gather.h"

#include "core/error.h"

#include <stdlib.h>
#include <string.h>

#define AMBIGUOUS UINT32_MAX

/* Of each name: the index of the one with the same text and a type; itself when it has a type, or there is none;
 * AMBIGUOUS when there are several types. */
static int find_typed(const struct jm_names *names, uint32_t *typed)
{
	struct jm_names by_text = {0};
	uint32_t *first = malloc((names->n + 1) * sizeof(*first)), text;
	size_t i;
	int rc = first ? 0 : JM_E_NOMEM;

	for (i = 0; i < names->n && !rc; i++) {
		const struct jm_name *n = &names->items[i];
		size_t n_texts = by_text.n;

		typed[i] = (uint32_t)i;
		if (!n->type[0])
			continue;
		rc = jm_names_add(&by_text, n->text, strlen(n->text), NULL, 0, &text);
		if (!rc)
			first[text] = text == n_texts ? (uint32_t)i : AMBIGUOUS;
	}
	for (i = 0; i < names->n && !rc; i++) {
		const struct jm_name *n = &names->items[i];
		size_t n_texts = by_text.n;

		if (n->type[0])
			continue;
		rc = jm_names_add(&by_text, n->text, strlen(n->text), NULL, 0, &text);
		if (!rc && text < n_texts)
			typed[i] = first[text];
		else if (!rc)
			first[text] = (uint32_t)i;
	}
	jm_names_finish(&by_text);
	free(first);
	return rc;
}

/* What became of a name without type. */
enum fate { NOT_SEEN, FOUND, UNKNOWN, IN_DOUBT };

static void tell(const struct jm_gathering *g, const char *fates)
{
	size_t counts[4] = {0}, first[4] = {0}, i;

	for (i = 0; i < g->names.n; i++)
		if (counts[(int)fates[i]]++ == 0)
			first[(int)fates[i]] = i;
	if (counts[FOUND])
		jm_gather_tell(g, "the types of %zu layers were taken from another file, by name", counts[FOUND]);
	if (counts[FOUND] && counts[UNKNOWN])
		jm_gather_tell(g, "%zu layers are in no such file and have no type: '%s'%s", counts[UNKNOWN],
			       g->names.items[first[UNKNOWN]].text, counts[UNKNOWN] > 1 ? ", ..." : "");
	if (counts[IN_DOUBT])
		jm_gather_tell(g, "%zu layers have several types in other files and were given none: '%s'%s",
			       counts[IN_DOUBT], g->names.items[first[IN_DOUBT]].text,
			       counts[IN_DOUBT] > 1 ? ", ..." : "");
}

int jm_gather_types(struct jm_gathering *g, struct jm_error *err)
{
	uint32_t *typed = malloc((g->names.n + 1) * sizeof(*typed));
	char *fates = calloc(g->names.n + 1, 1);
	size_t i, k;
	int rc = typed && fates ? find_typed(&g->names, typed) : JM_E_NOMEM;

	for (i = 0; i < g->n_files && !rc; i++)
		for (k = 0; k < g->files[i].n_spans; k++) {
			struct jm_span *s = &g->files[i].spans[k];
			uint32_t to = typed[s->name];

			if (s->kind != JM_SPAN_LAYER || g->names.items[s->name].type[0])
				continue;
			fates[s->name] = to == AMBIGUOUS ? IN_DOUBT : to == s->name ? UNKNOWN : FOUND;
			if (to != AMBIGUOUS)
				s->name = to;
		}
	if (!rc)
		tell(g, fates);
	free(typed);
	free(fates);
	return rc ? jm_error_set(err, rc, "out of memory") : 0;
}
