/* The order of execution of two networks, aligned (Needleman and Wunsch 1970): equal names weigh most, then the kind of work. */
#include "compare/layer_names.h"
#include "compare/layers.h"

#include <stdlib.h>
#include <string.h>

/* Beyond this many cells, names alone are matched. */
#define CELLS_MAX  ((size_t)1 << 25)
#define NAME_SCORE 100.0f
#define KIND_SCORE 1.0f

enum step { STEP_NONE, STEP_PAIR, STEP_A, STEP_B };

static bool are_named_alike(const struct jm_layer *a, const struct jm_layer *b)
{
	return a->plain[0] && strcmp(a->plain, b->plain) == 0 && a->is_conversion == b->is_conversion;
}

/* Whether a layer has a partner of its name anywhere: it is then for no other. */
static bool *find_named(const struct jm_layer_list *of, const struct jm_layer_list *in)
{
	bool *out = calloc(of->n + 1, sizeof(*out));
	size_t i, k;

	for (i = 0; out && i < of->n; i++)
		for (k = 0; k < in->n && !out[i]; k++)
			out[i] = are_named_alike(&of->items[i], &in->items[k]);
	return out;
}

struct aligner {
	const struct jm_layer_list *a, *b;
	bool *a_named, *b_named;
	unsigned char *steps; /* (a->n + 1) x (b->n + 1) */
};

static float score(const struct aligner *x, size_t i, size_t k)
{
	const struct jm_layer *a = &x->a->items[i], *b = &x->b->items[k];

	if (are_named_alike(a, b))
		return NAME_SCORE + (strcmp(a->type, b->type) == 0);
	if (x->a_named[i] || x->b_named[k] || a->is_conversion || b->is_conversion ||
	    strcmp(jm_layer_family(a->type), jm_layer_family(b->type)) != 0)
		return -1;
	return KIND_SCORE + (float)jm_layer_name_likeness(a->plain, b->plain);
}

static int fill(struct aligner *x)
{
	size_t n = x->a->n, m = x->b->n, i, k;
	float *above = calloc(m + 1, sizeof(*above)), *row = calloc(m + 1, sizeof(*row)), *swap;

	if (!above || !row) {
		free(above);
		free(row);
		return JM_E_NOMEM;
	}
	for (i = 1; i <= n; i++) {
		unsigned char *steps = x->steps + i * (m + 1);

		row[0] = 0;
		for (k = 1; k <= m; k++) {
			float gain = score(x, i - 1, k - 1), pair = gain < 0 ? -1 : above[k - 1] + gain;

			row[k] = above[k] >= row[k - 1] ? above[k] : row[k - 1];
			steps[k] = above[k] >= row[k - 1] ? STEP_A : STEP_B;
			if (pair > row[k]) {
				row[k] = pair;
				steps[k] = STEP_PAIR;
			}
		}
		swap = above;
		above = row;
		row = swap;
	}
	free(above);
	free(row);
	return 0;
}

static void trace(const struct aligner *x, size_t *partner)
{
	size_t i = x->a->n, k = x->b->n;

	while (i > 0 && k > 0) {
		enum step step = (enum step)x->steps[i * (x->b->n + 1) + k];

		if (step == STEP_PAIR)
			partner[--i] = --k;
		else if (step == STEP_A)
			i--;
		else
			k--;
	}
}

/* Names that the order kept apart: branches run in another order. */
static int pair_names(const struct aligner *x, size_t *partner)
{
	bool *is_taken = calloc(x->b->n + 1, sizeof(*is_taken));
	size_t i, k;

	if (!is_taken)
		return JM_E_NOMEM;
	for (i = 0; i < x->a->n; i++)
		if (partner[i] != JM_NO_GROUP)
			is_taken[partner[i]] = true;
	for (i = 0; i < x->a->n; i++)
		for (k = 0; k < x->b->n && partner[i] == JM_NO_GROUP && x->a_named[i]; k++)
			if (!is_taken[k] && are_named_alike(&x->a->items[i], &x->b->items[k])) {
				partner[i] = k;
				is_taken[k] = true;
			}
	free(is_taken);
	return 0;
}

int jm_layers_align(const struct jm_layer_list *a, const struct jm_layer_list *b, size_t *partner_out,
		    bool *is_named_out)
{
	struct aligner x = {.a = a, .b = b, .a_named = find_named(a, b), .b_named = find_named(b, a)};
	size_t cells = (a->n + 1) * (b->n + 1), i;
	int rc = x.a_named && x.b_named ? 0 : JM_E_NOMEM;

	for (i = 0; i < a->n; i++)
		partner_out[i] = JM_NO_GROUP;
	if (rc == 0 && cells <= CELLS_MAX) {
		x.steps = calloc(cells, 1);
		rc = x.steps ? fill(&x) : JM_E_NOMEM;
		if (rc == 0)
			trace(&x, partner_out);
	}
	rc = rc ? rc : pair_names(&x, partner_out);
	for (i = 0; i < a->n && rc == 0; i++)
		is_named_out[i] =
		    partner_out[i] != JM_NO_GROUP && are_named_alike(&a->items[i], &b->items[partner_out[i]]);
	free(x.steps);
	free(x.a_named);
	free(x.b_named);
	return rc;
}
