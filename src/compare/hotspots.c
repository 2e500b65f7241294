#include "compare/hotspots.h"

#include "compare/layer_names.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static double or_zero(double value)
{
	return isfinite(value) ? value : 0;
}

static const char *key_of(const struct jm_hotspot *h, enum jm_hotspots_by by)
{
	return by == JM_HOTSPOTS_TYPE ? h->type : by == JM_HOTSPOTS_ROLE ? h->role : h->name;
}

/* Sums of a type or role; what one of its layers lacks, the sum lacks. */
static void merge(struct jm_hotspot *to, const struct jm_hotspot *h)
{
	to->n_layers += h->n_layers;
	to->mj += h->mj;
	to->ms += h->ms;
	to->share += or_zero(h->share);
	to->saved_mj += h->saved_mj;
	to->saved_share += h->saved_share;
	to->gain_ci = (struct jm_interval){NAN, NAN};
}

static void add(struct jm_hotspots *out, const struct jm_hotspot *h, enum jm_hotspots_by by)
{
	size_t i;

	for (i = 0; by != JM_HOTSPOTS_LAYER && i < out->n; i++)
		if (strcmp(key_of(&out->items[i], by), key_of(h, by)) == 0) {
			merge(&out->items[i], h);
			return;
		}
	out->items[out->n] = *h;
	out->items[out->n++].name = key_of(h, by);
}

static struct jm_hotspot of_group(const struct jm_layer_groups *g, const struct jm_layer_group *group)
{
	const struct jm_layer *l = &g->first.items[group->first];
	const struct jm_against *a = &group->against;
	double mj = group->first_mj + group->first_conversions_mj, there = group->other_mj + group->conversions_mj;
	bool has_gain = isfinite(a->value);

	return (struct jm_hotspot){.name = l->name,
				   .type = l->type,
				   .role = jm_layer_role(l->name, l->type),
				   .n_layers = group->n_first,
				   .mj = mj,
				   .ms = group->first_ms + group->first_conversions_ms,
				   .share = mj / g->total_first_mj,
				   .gain = has_gain ? 1 - there / mj : NAN,
				   .saved_mj = has_gain ? mj - there : NAN,
				   .saved_share = has_gain ? (mj - there) / g->total_first_mj : NAN,
				   .gain_ci = {1 - a->ci.high, 1 - a->ci.low}};
}

static struct jm_hotspot of_layer(const struct jm_layer_list *list, const struct jm_layer *l)
{
	return (struct jm_hotspot){.name = l->name,
				   .type = l->type,
				   .role = jm_layer_role(l->name, l->type),
				   .n_layers = 1,
				   .mj = l->mj,
				   .ms = l->ms,
				   .share = l->mj / list->mj,
				   .gain = NAN,
				   .saved_mj = NAN,
				   .saved_share = NAN,
				   .gain_ci = {NAN, NAN}};
}

static double weight(const struct jm_hotspot *h)
{
	/* What is known to save comes before what is only known to be large. */
	return isfinite(h->saved_share) ? 1 + h->saved_share : or_zero(h->share) - 10;
}

static int compare_hotspots(const void *a, const void *b)
{
	double x = weight(a), y = weight(b);

	return (x < y) - (x > y);
}

int jm_hotspots_make(const struct jm_variant *first, const struct jm_layer_groups *groups, enum jm_hotspots_by by,
		     struct jm_hotspots *out)
{
	struct jm_hotspots h = {.n = 0};
	size_t i;

	if (!groups && jm_layer_list_make(first, &h.own))
		return JM_E_NOMEM;
	h.items = calloc((groups ? groups->n : h.own.n) + 1, sizeof(*h.items));
	if (!h.items) {
		jm_layer_list_finish(&h.own);
		return JM_E_NOMEM;
	}
	for (i = 0; i < (groups ? groups->n : h.own.n); i++) {
		struct jm_hotspot one;

		/* What only the other side has cannot be quantised here. */
		if (groups && groups->items[i].first == JM_NO_GROUP)
			continue;
		one = groups ? of_group(groups, &groups->items[i]) : of_layer(&h.own, &h.own.items[i]);
		add(&h, &one, by);
	}
	for (i = 0; by != JM_HOTSPOTS_LAYER && i < h.n; i++)
		h.items[i].gain = h.items[i].saved_mj / h.items[i].mj;
	qsort(h.items, h.n, sizeof(*h.items), compare_hotspots);
	*out = h;
	return 0;
}

void jm_hotspots_finish(struct jm_hotspots *h)
{
	jm_layer_list_finish(&h->own);
	free(h->items);
	memset(h, 0, sizeof(*h));
}
