#include "predict/groups.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Below, two networks only resemble each other: VGG-16 and VGG-19 share 0.84, ResNet-101 and ResNet-152 0.67. */
#define SHARED_MIN 0.9

/* What a network's layers compute, one figure a layer, in ascending order. */
struct signature {
	uint64_t *layers;
	size_t n;
};

static bool is_work(enum jm_layer_kind kind)
{
	return kind == JM_LAYER_CONVOLUTIONAL || kind == JM_LAYER_DENSE || kind == JM_LAYER_MATMUL ||
	       kind == JM_LAYER_ATTENTION;
}

/* FNV-1a, 64 bits. */
static uint64_t mix(uint64_t hash, double value)
{
	unsigned char bytes[sizeof(value)];
	size_t i;

	memcpy(bytes, &value, sizeof(value));
	for (i = 0; i < sizeof(bytes); i++)
		hash = (hash ^ bytes[i]) * UINT64_C(1099511628211);
	return hash;
}

/* A layer by kind and sizes, of one item of the batch. Flattened products have rows of all items for a batch: what is left by
 * row is the same, too. */
static uint64_t layer_of(const struct jm_features *f, double batch)
{
	uint64_t hash = mix(UINT64_C(14695981039346656037), (double)f->kind);
	const double *v = f->values;
	size_t i;

	batch = batch > 0 && is_work(f->kind) ? batch : 1;
	for (i = 0; i < JM_FEATURES_MAX; i++) {
		double value = v[i];

		if (i == 0 && f->kind == JM_LAYER_CONVOLUTIONAL)
			value = 1;
		else if (f->kind == JM_LAYER_DENSE && i < 3)
			value = i == 0 || !(v[0] > 0) ? 1 : value / v[0];
		else if (i == 0)
			value /= batch;
		hash = mix(hash, value);
	}
	return hash;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void sign(const struct jm_dataset *d, const struct jm_network *n, struct signature *out)
{
	bool has_work = false;
	size_t i;

	for (i = n->first; i < n->first + n->n; i++)
		has_work |= is_work(d->rows[i].features.kind);
	for (i = n->first; i < n->first + n->n; i++)
		if (!has_work || is_work(d->rows[i].features.kind))
			out->layers[out->n++] = layer_of(&d->rows[i].features, n->batch);
	qsort(out->layers, out->n, sizeof(*out->layers), compare);
}

static bool are_one(const struct signature *a, const struct signature *b)
{
	double needed = SHARED_MIN * (double)(a->n > b->n ? a->n : b->n);
	size_t i = 0, k = 0, shared = 0;

	if ((double)(a->n < b->n ? a->n : b->n) < needed)
		return false;
	while (i < a->n && k < b->n) {
		if (a->layers[i] == b->layers[k]) {
			shared++;
			i++;
			k++;
		} else if (a->layers[i] < b->layers[k]) {
			i++;
		} else {
			k++;
		}
	}
	return (double)shared >= needed;
}

/* The least first dimension of what has one: products of flattened tokens have more. */
static void see_network(const struct jm_dataset *d, struct jm_network *n)
{
	size_t counts[JM_DTYPE_MAX] = {0}, i;

	for (i = n->first; i < n->first + n->n; i++) {
		const struct jm_features *f = &d->rows[i].features;

		if (f->dtype > 0 && f->dtype < JM_DTYPE_MAX && is_work(f->kind))
			counts[f->dtype]++;
		if ((f->kind == JM_LAYER_CONVOLUTIONAL || f->kind == JM_LAYER_DENSE) && f->values[0] > 0)
			n->batch = n->batch > 0 ? fmin(n->batch, f->values[0]) : f->values[0];
	}
	for (i = 0; i < JM_DTYPE_MAX; i++)
		if (counts[i] > counts[n->dtype])
			n->dtype = (int)i;
}

static void list_networks(const struct jm_dataset *d, struct jm_groups *g)
{
	size_t i;

	for (i = 0; i < d->n; i++) {
		if (i == 0 || strcmp(d->rows[i].network, d->rows[i - 1].network) != 0)
			g->networks[g->n_networks++] = (struct jm_network){.name = d->rows[i].network, .first = i};
		g->networks[g->n_networks - 1].n++;
	}
	for (i = 0; i < g->n_networks; i++) {
		g->networks[i].group = (unsigned)i;
		see_network(d, &g->networks[i]);
	}
}

/* Every network of one group joins the other. */
static void join(struct jm_groups *g, unsigned from, unsigned to)
{
	size_t i;

	for (i = 0; i < g->n_networks; i++)
		if (g->networks[i].group == from)
			g->networks[i].group = to;
}

static void find_ones(struct jm_groups *g, const struct signature *signatures)
{
	size_t i, k;

	for (i = 0; i < g->n_networks; i++)
		for (k = 0; k < i; k++)
			if (g->networks[i].group != g->networks[k].group && are_one(&signatures[i], &signatures[k]))
				join(g, g->networks[i].group, g->networks[k].group);
}

/* From 0 on, in the order in which they are met; groups bear the number of one of their networks. numbers: work. */
static void number_groups(struct jm_groups *g, unsigned *numbers)
{
	size_t i, k;

	for (i = 0; i < g->n_networks; i++)
		numbers[i] = UINT32_MAX;
	for (i = 0; i < g->n_networks; i++) {
		struct jm_network *n = &g->networks[i];

		if (numbers[n->group] == UINT32_MAX)
			numbers[n->group] = (unsigned)g->n++;
		n->group = numbers[n->group];
		for (k = n->first; k < n->first + n->n; k++)
			g->of_row[k] = n->group;
	}
}

int jm_groups_find(const struct jm_dataset *d, struct jm_groups *out)
{
	size_t n = d->n + 1, i;
	struct signature *signatures = calloc(n, sizeof(*signatures));
	uint64_t *layers = malloc(n * sizeof(*layers));
	unsigned *numbers = malloc(n * sizeof(*numbers));

	memset(out, 0, sizeof(*out));
	out->networks = calloc(n, sizeof(*out->networks));
	out->of_row = calloc(n, sizeof(*out->of_row));
	if (!signatures || !layers || !numbers || !out->networks || !out->of_row) {
		free(signatures);
		free(layers);
		free(numbers);
		jm_groups_finish(out);
		return JM_E_NOMEM;
	}
	list_networks(d, out);
	for (i = 0; i < out->n_networks; i++) {
		signatures[i].layers = layers + out->networks[i].first;
		sign(d, &out->networks[i], &signatures[i]);
	}
	find_ones(out, signatures);
	number_groups(out, numbers);
	free(signatures);
	free(layers);
	free(numbers);
	return 0;
}

void jm_groups_finish(struct jm_groups *g)
{
	free(g->networks);
	free(g->of_row);
	memset(g, 0, sizeof(*g));
}

size_t jm_groups_names(const struct jm_groups *g, unsigned group, const char *separator, struct jm_buffer *names)
{
	size_t i, n = 0;

	for (i = 0; i < g->n_networks; i++) {
		if (g->networks[i].group != group)
			continue;
		if (names)
			jm_buffer_printf(names, "%s%s", n ? separator : "", g->networks[i].name);
		n++;
	}
	return n;
}

/* How many different precisions and batches a group has. */
static void count_kinds(const struct jm_groups *g, unsigned group, size_t *n_precisions, size_t *n_batches)
{
	size_t i, k;

	*n_precisions = *n_batches = 0;
	for (i = 0; i < g->n_networks; i++) {
		const struct jm_network *a = &g->networks[i];
		bool is_new_dtype = true, is_new_batch = true;

		if (a->group != group)
			continue;
		for (k = 0; k < i; k++) {
			const struct jm_network *b = &g->networks[k];

			is_new_dtype = is_new_dtype && (b->group != group || b->dtype != a->dtype);
			is_new_batch = is_new_batch && (b->group != group || b->batch != a->batch);
		}
		*n_precisions += is_new_dtype;
		*n_batches += is_new_batch;
	}
}

static void count_in_words(struct jm_buffer *out, size_t n, const char *what)
{
	static const char *const words[] = {"two", "three", "four", "five", "six", "seven", "eight", "nine"};

	if (n >= 2 && n <= 9)
		jm_buffer_printf(out, "%s %s", words[n - 2], what);
	else
		jm_buffer_printf(out, "%zu %s", n, what);
}

void jm_groups_explain(const struct jm_groups *g, unsigned group, struct jm_buffer *out)
{
	size_t n = jm_groups_names(g, group, "", NULL), n_precisions, n_batches;

	if (n < 2)
		return;
	jm_groups_names(g, group, ", ", out);
	count_kinds(g, group, &n_precisions, &n_batches);
	jm_buffer_puts(out, " are one network");
	if (n_precisions < 2 && n_batches < 2) {
		jm_buffer_puts(out, ", ");
		count_in_words(out, n, "times");
		return;
	}
	jm_buffer_puts(out, " of ");
	if (n_precisions > 1)
		count_in_words(out, n_precisions, "precisions");
	if (n_precisions > 1 && n_batches > 1)
		jm_buffer_puts(out, " and ");
	if (n_batches > 1)
		count_in_words(out, n_batches, "batch sizes");
}
