#include "compare/layers.h"

#include "compare/layer_names.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *jm_match_text(enum jm_match match)
{
	static const char *const texts[] = {
#define JM_ENUM(name, text) text,
	    JM_MATCH_LIST(JM_ENUM)
#undef JM_ENUM
	};

	return texts[match];
}

/* The layer of that name in another trial, most often in the same place. */
static const struct jm_trial_layer *find(const struct jm_trial *t, const struct jm_trial_layer *like, size_t hint)
{
	size_t i;

	for (i = 0; i < t->n_layers; i++) {
		const struct jm_trial_layer *l = &t->layers[(hint + i) % t->n_layers];

		if (strcmp(l->name, like->name) == 0 && strcmp(l->type, like->type) == 0)
			return l;
	}
	return NULL;
}

/* From the mean of squares; what rounding alone leaves is none. */
static double deviation(double square, double mean)
{
	double variance = square - mean * mean;

	return fabs(variance) <= 1e-13 * square ? 0 : variance > 0 ? sqrt(variance) : NAN;
}

static int fill_layer(const struct jm_variant *v, size_t i, struct jm_layer *out)
{
	const struct jm_trial_layer *like = &v->trials[0]->layers[i];
	double ms = 0, mj = 0, power = 0, share = 0, calls_ms = 0, squares_ms2 = 0;
	size_t k, n = 0, n_mj = 0;

	*out = (struct jm_layer){.name = like->name,
				 .type = like->type,
				 .ci_mj = v->n_trials == 1 ? like->ci_mj : (struct jm_interval){NAN, NAN},
				 .is_conversion = jm_layer_is_conversion(like->name, like->type),
				 .trial_mj = calloc(v->n_trials, sizeof(*out->trial_mj))};
	if (!out->trial_mj)
		return JM_E_NOMEM;
	jm_layer_plain_name(like->name, out->plain, sizeof(out->plain));
	for (k = 0; k < v->n_trials; k++) {
		const struct jm_trial *t = v->trials[k];
		const struct jm_trial_layer *l = find(t, like, i);

		out->trial_mj[k] = l ? l->energy_mj : NAN;
		if (l) {
			ms += t->iterations ? 1e3 * l->time_s / (double)t->iterations : 1e3 * l->time_s;
			out->calls += (double)l->count;
			calls_ms += (double)l->count * l->latency_ms;
			squares_ms2 += (double)l->count * (l->latency_std_ms * l->latency_std_ms + l->latency_ms * l->latency_ms);
			n++;
		}
		if (l && isfinite(l->energy_mj)) {
			mj += l->energy_mj;
			power += l->power_w;
			share += l->share;
			n_mj++;
		}
	}
	out->call_ms = out->calls > 0 ? calls_ms / out->calls : NAN;
	out->call_std_ms = deviation(squares_ms2 / out->calls, out->call_ms);
	out->ms = n ? ms / (double)n : NAN;
	out->mj = n_mj ? mj / (double)n_mj : NAN;
	out->power_w = n_mj ? power / (double)n_mj : NAN;
	out->share = n_mj ? share / (double)n_mj : NAN;
	return 0;
}

int jm_layer_list_make(const struct jm_variant *v, struct jm_layer_list *out)
{
	struct jm_layer_list list = {.n = v->trials[0]->n_layers};
	size_t i;
	int rc = 0;

	list.items = calloc(list.n + 1, sizeof(*list.items));
	if (!list.items)
		return JM_E_NOMEM;
	for (i = 0; i < list.n && rc == 0; i++) {
		rc = fill_layer(v, i, &list.items[i]);
		list.mj += isfinite(list.items[i].mj) ? list.items[i].mj : 0;
		list.ms += isfinite(list.items[i].ms) ? list.items[i].ms : 0;
	}
	if (rc)
		jm_layer_list_finish(&list);
	else
		*out = list;
	return rc;
}

void jm_layer_list_finish(struct jm_layer_list *list)
{
	size_t i;

	for (i = 0; list->items && i < list->n; i++)
		free(list->items[i].trial_mj);
	free(list->items);
	memset(list, 0, sizeof(*list));
}

static size_t new_group(struct jm_layer_groups *g, enum jm_match match)
{
	g->items[g->n] = (struct jm_layer_group){.match = match, .first = JM_NO_GROUP, .other = JM_NO_GROUP};
	return g->n++;
}

/* Partners, and where both orders are: the group of the last pair before each layer. */
static void group_pairs(struct jm_layer_groups *g, const size_t *partner, const bool *is_named)
{
	size_t i;

	for (i = 0; i < g->other.n; i++)
		g->group_of_other[i] = JM_NO_GROUP;
	for (i = 0; i < g->first.n; i++) {
		g->group_of_first[i] = JM_NO_GROUP;
		if (partner[i] == JM_NO_GROUP)
			continue;
		g->group_of_first[i] = new_group(g, is_named[i] ? JM_MATCH_NAME : JM_MATCH_POSITION);
		g->group_of_other[partner[i]] = g->group_of_first[i];
	}
}

/* The group of the last pair before layer i; JM_NO_GROUP: there is none. */
static size_t before(const size_t *group_of, size_t i, size_t n_pairs)
{
	while (i-- > 0)
		if (group_of[i] < n_pairs)
			return group_of[i];
	return JM_NO_GROUP;
}

static bool is_left(const struct jm_layer_list *list, const size_t *group_of, size_t i)
{
	return group_of[i] == JM_NO_GROUP && !list->items[i].is_conversion;
}

/* What stands on both sides between the same two pairs is one group. */
static void group_gaps(struct jm_layer_groups *g, size_t n_pairs)
{
	size_t i, k;

	for (i = 0; i < g->first.n; i++) {
		size_t at, group = JM_NO_GROUP;

		if (!is_left(&g->first, g->group_of_first, i))
			continue;
		at = before(g->group_of_first, i, n_pairs);
		for (k = 0; k < g->other.n; k++) {
			if (g->other.items[k].is_conversion || g->group_of_other[k] < n_pairs ||
			    before(g->group_of_other, k, n_pairs) != at)
				continue;
			if (group == JM_NO_GROUP)
				group = g->group_of_other[k] != JM_NO_GROUP ? g->group_of_other[k]
									    : new_group(g, JM_MATCH_GROUP);
			g->group_of_other[k] = group;
		}
		g->group_of_first[i] = group;
	}
}

/* One side alone: folded into the layer before it on the other side, or really not there. */
static void group_singles(struct jm_layer_groups *g, const struct jm_layer_list *list, size_t *group_of, size_t n_pairs,
			  enum jm_match match)
{
	size_t i;

	for (i = 0; i < list->n; i++) {
		size_t at;

		if (!is_left(list, group_of, i))
			continue;
		at = before(group_of, i, n_pairs);
		group_of[i] = at != JM_NO_GROUP && jm_layer_is_foldable(list->items[i].type) ? at : new_group(g, match);
	}
}

/* A conversion goes with the layer that it prepares; one behind the last layer with that. */
static void group_conversions(struct jm_layer_groups *g, const struct jm_layer_list *list, size_t *group_of,
			      enum jm_match match)
{
	size_t next = JM_NO_GROUP, i;

	for (i = list->n; i-- > 0;) {
		if (group_of[i] != JM_NO_GROUP)
			next = group_of[i];
		else if (next != JM_NO_GROUP)
			group_of[i] = next;
	}
	for (i = 0; i < list->n; i++)
		if (group_of[i] == JM_NO_GROUP)
			group_of[i] = i > 0 ? group_of[i - 1] : new_group(g, match);
}

static void add_first(struct jm_layer_group *to, const struct jm_layer *l, size_t i, bool is_pair)
{
	if (l->is_conversion && !is_pair) {
		to->n_first_conversions++;
		to->first_conversions_mj += l->mj;
		to->first_conversions_ms += l->ms;
		return;
	}
	to->first = to->n_first++ ? to->first : i;
	to->first_mj += l->mj;
	to->first_ms += l->ms;
}

static void add_other(struct jm_layer_group *to, const struct jm_layer *l, size_t i, bool is_pair)
{
	if (l->is_conversion && !is_pair) {
		to->n_conversions++;
		to->conversions_mj += l->mj;
		to->conversions_ms += l->ms;
		return;
	}
	to->other = to->n_other++ ? to->other : i;
	to->other_mj += l->mj;
	to->other_ms += l->ms;
}

static void add_up(struct jm_layer_groups *g, const size_t *partner)
{
	size_t i;

	for (i = 0; i < g->first.n; i++)
		add_first(&g->items[g->group_of_first[i]], &g->first.items[i], i, partner[i] != JM_NO_GROUP);
	for (i = 0; i < g->other.n; i++) {
		size_t k = 0;
		bool is_pair = false;

		for (k = 0; k < g->first.n && !is_pair && g->other.items[i].is_conversion; k++)
			is_pair = partner[k] == i;
		add_other(&g->items[g->group_of_other[i]], &g->other.items[i], i, is_pair);
	}
	for (i = 0; i < g->n; i++) {
		g->n_conversions += g->items[i].n_conversions;
		g->total_conversions_mj += isfinite(g->items[i].conversions_mj) ? g->items[i].conversions_mj : 0;
	}
	g->total_first_mj = g->first.mj;
	g->total_other_mj = g->other.mj;
}

/* Energy of a group in each trial; conversions included. */
static void sum_trials(const struct jm_layer_list *list, const size_t *group_of, size_t group, size_t n_trials,
		       double *out)
{
	size_t i, k;

	memset(out, 0, n_trials * sizeof(*out));
	for (i = 0; i < list->n; i++)
		for (k = 0; group_of[i] == group && k < n_trials; k++)
			out[k] += list->items[i].trial_mj[k];
}

/* Relative half width of a sum, squared; NAN where a part has no interval. */
static double relative_square(const struct jm_layer_list *list, const size_t *group_of, size_t group, double sum)
{
	double square = 0;
	size_t i;

	for (i = 0; i < list->n; i++)
		if (group_of[i] == group)
			square += pow((list->items[i].ci_mj.high - list->items[i].ci_mj.low) / 2 / sum, 2);
	return square;
}

/* One trial each: the intervals of the methods that split the energy, where they give any. */
static void add_method_interval(const struct jm_layer_groups *g, size_t i, double first, double other,
				struct jm_against *out)
{
	double spread = sqrt(relative_square(&g->first, g->group_of_first, i, first) +
			     relative_square(&g->other, g->group_of_other, i, other));

	if (!isfinite(out->value) || isfinite(out->ci.low) || !isfinite(spread))
		return;
	out->ci = (struct jm_interval){out->value * exp(-spread), out->value * exp(spread)};
}

static int set_against(struct jm_layer_groups *g, const struct jm_variant *first, const struct jm_variant *other,
		       uint64_t seed)
{
	double *x = calloc(first->n_trials + other->n_trials, sizeof(*x)), *y = x ? x + first->n_trials : NULL;
	const char *refused = other->against[jm_comparison_energy_figure(other)].why;
	size_t i;
	int rc = x ? 0 : JM_E_NOMEM;

	for (i = 0; i < g->n && rc == 0; i++) {
		struct jm_against *a = &g->items[i].against;

		*a = (struct jm_against){.value = NAN, .ci = {NAN, NAN}, .p = NAN};
		if (refused[0] || !g->items[i].n_first || !g->items[i].n_other) {
			snprintf(a->why, sizeof(a->why), "%s", refused[0] ? refused : jm_match_text(g->items[i].match));
			continue;
		}
		sum_trials(&g->first, g->group_of_first, i, first->n_trials, x);
		sum_trials(&g->other, g->group_of_other, i, other->n_trials, y);
		rc = jm_comparison_ratio(first, other, x, y, seed + i, a);
		if (first->n_trials == 1 && other->n_trials == 1)
			add_method_interval(g, i, x[0], y[0], a);
	}
	free(x);
	return rc;
}

static int allocate(struct jm_layer_groups *g, size_t **partner, bool **is_named)
{
	size_t n = g->first.n + g->other.n + 1;

	g->items = calloc(n, sizeof(*g->items));
	g->group_of_first = calloc(n, sizeof(*g->group_of_first));
	g->group_of_other = calloc(n, sizeof(*g->group_of_other));
	*partner = calloc(n, sizeof(**partner));
	*is_named = calloc(n, sizeof(**is_named));
	return g->items && g->group_of_first && g->group_of_other && *partner && *is_named ? 0 : JM_E_NOMEM;
}

int jm_layers_match(const struct jm_variant *first, const struct jm_variant *other, uint64_t seed,
		    struct jm_layer_groups *out)
{
	struct jm_layer_groups g = {.n = 0};
	size_t *partner = NULL, n_pairs;
	bool *is_named = NULL;
	int rc = jm_layer_list_make(first, &g.first);

	rc = rc ? rc : jm_layer_list_make(other, &g.other);
	rc = rc ? rc : allocate(&g, &partner, &is_named);
	rc = rc ? rc : jm_layers_align(&g.first, &g.other, partner, is_named);
	if (rc == 0) {
		group_pairs(&g, partner, is_named);
		n_pairs = g.n;
		group_gaps(&g, n_pairs);
		group_singles(&g, &g.first, g.group_of_first, n_pairs, JM_MATCH_FIRST_ONLY);
		group_singles(&g, &g.other, g.group_of_other, n_pairs, JM_MATCH_OTHER_ONLY);
		group_conversions(&g, &g.first, g.group_of_first, JM_MATCH_FIRST_ONLY);
		group_conversions(&g, &g.other, g.group_of_other, JM_MATCH_OTHER_ONLY);
		add_up(&g, partner);
		rc = set_against(&g, first, other, seed);
	}
	free(partner);
	free(is_named);
	if (rc)
		jm_layer_groups_finish(&g);
	else
		*out = g;
	return rc;
}

void jm_layer_groups_finish(struct jm_layer_groups *groups)
{
	jm_layer_list_finish(&groups->first);
	jm_layer_list_finish(&groups->other);
	free(groups->group_of_first);
	free(groups->group_of_other);
	free(groups->items);
	memset(groups, 0, sizeof(*groups));
}

void jm_layer_groups_destroy(struct jm_layer_groups *groups, size_t n_variants)
{
	size_t i;

	for (i = 0; groups && i + 1 < n_variants; i++)
		jm_layer_groups_finish(&groups[i]);
	free(groups);
}
