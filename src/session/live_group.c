/* Containers of a live view. */
#include "session/live_internal.h"

#include "core/error.h"

#include <stdlib.h>
#include <string.h>

static void free_group(struct jm_live_group *g)
{
	free(g->runtime);
	free(g->container);
	free(g->pod);
	free(g->energy_j);
	free(g);
}

static bool is_of(const struct jm_live_group *g, const struct jm_live_process *p)
{
	return strcmp(g->container, p->container) == 0 && strcmp(g->pod, p->pod) == 0 &&
	       strcmp(g->runtime, p->runtime) == 0;
}

static struct jm_live_group *new_group(struct jm_live *live, const struct jm_live_process *p)
{
	struct jm_live_group **groups = realloc(live->groups, (live->n_groups + 1) * sizeof(*groups));
	struct jm_live_group *g = calloc(1, sizeof(*g));

	if (groups)
		live->groups = groups;
	if (!groups || !g) {
		free(g);
		return NULL;
	}
	g->runtime = strdup(p->runtime);
	g->container = strdup(p->container);
	g->pod = strdup(p->pod);
	g->energy_j = calloc(live->sensors->set.n_channels + 1, sizeof(double));
	if (!g->runtime || !g->container || !g->pod || !g->energy_j) {
		free_group(g);
		return NULL;
	}
	groups[live->n_groups++] = g;
	return g;
}

void jm_live_leave_group(struct jm_live *live, struct jm_live_record *r)
{
	struct jm_live_group *g = r->group;
	size_t i;

	r->group = NULL;
	if (!g)
		return;
	g->n_alive -= !r->facts.is_gone;
	if (--g->n_records)
		return;
	for (i = 0; live->groups[i] != g; i++)
		;
	live->groups[i] = live->groups[--live->n_groups];
	free_group(g);
}

int jm_live_join_group(struct jm_live *live, struct jm_live_record *r)
{
	struct jm_live_group *g = r->group;
	size_t i;

	if (g && is_of(g, &r->facts))
		return 0;
	jm_live_leave_group(live, r);
	if (!r->facts.container[0] && !r->facts.pod[0])
		return 0;
	for (i = 0, g = NULL; i < live->n_groups && !g; i++)
		g = is_of(live->groups[i], &r->facts) ? live->groups[i] : NULL;
	g = g ? g : new_group(live, &r->facts);
	if (!g)
		return JM_E_NOMEM;
	r->group = g;
	g->n_records++;
	g->n_alive += !r->facts.is_gone;
	return 0;
}
