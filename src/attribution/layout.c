#include "attribution/layout.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NONE UINT32_MAX

/* Slots of one name are a chain, in order of run. */
struct chain {
	uint32_t first, current; /* index of slot; NONE: none */
	size_t iteration;        /* that current belongs to */
};

void jm_layout_finish(struct jm_layout *l)
{
	free(l->slots);
	memset(l, 0, sizeof(*l));
}

/* Gives the index of a new slot, or NONE when out of memory. next: see slot_for. */
static uint32_t add_slot(struct jm_layout *l, uint32_t **next, uint32_t name, uint32_t run)
{
	if (l->n_slots == l->capacity) {
		size_t capacity = l->capacity ? 2 * l->capacity : 64;
		struct jm_slot *slots = realloc(l->slots, capacity * sizeof(*slots));
		uint32_t *grown = slots ? realloc(*next, capacity * sizeof(*grown)) : NULL;

		if (slots)
			l->slots = slots;
		if (!grown)
			return NONE;
		*next = grown;
		l->capacity = capacity;
	}
	l->slots[l->n_slots] = (struct jm_slot){.name = name, .run = run};
	(*next)[l->n_slots] = NONE;
	return (uint32_t)l->n_slots++;
}

/* Gives the slot of this run of the layer, made if new. */
static uint32_t slot_for(struct jm_layout *l, struct chain *chain, uint32_t **next, uint32_t name, size_t iteration)
{
	uint32_t slot;

	if (chain->first == NONE) {
		slot = chain->first = add_slot(l, next, name, 0);
	} else if (chain->current == NONE || chain->iteration != iteration) {
		slot = chain->first;
	} else {
		uint32_t previous = chain->current;

		slot = (*next)[previous];
		if (slot == NONE) {
			slot = add_slot(l, next, name, l->slots[previous].run + 1);
			if (slot != NONE)
				(*next)[previous] = slot;
		}
	}
	chain->current = slot;
	chain->iteration = iteration;
	return slot;
}

static int collect(struct jm_layout *l, const struct jm_slices *slices, const struct jm_stretches *iterations,
		   struct chain *chains, uint32_t **next)
{
	size_t i, j = 0;

	for (i = 0; i < slices->n; i++) {
		const struct jm_slice *s = &slices->items[i];
		const struct jm_stretch *it;
		double length;
		uint32_t slot;

		while (j < iterations->n && iterations->items[j].end_ns <= s->start_ns)
			j++;
		if (j == iterations->n)
			break;
		it = &iterations->items[j];
		if (s->start_ns < it->start_ns || s->end_ns > it->end_ns)
			continue;
		slot = slot_for(l, &chains[s->name], next, s->name, j);
		if (slot == NONE)
			return JM_E_NOMEM;
		length = (double)(it->end_ns - it->start_ns);
		l->slots[slot].offset += (double)(s->start_ns - it->start_ns) / length;
		l->slots[slot].fraction += jm_slice_seconds(s);
		l->slots[slot].n++;
	}
	return 0;
}

static int compare_slots(const void *a, const void *b)
{
	const struct jm_slot *x = a, *y = b;

	if (x->offset != y->offset)
		return x->offset < y->offset ? -1 : 1;
	if (x->name != y->name)
		return x->name < y->name ? -1 : 1;
	return (x->run > y->run) - (x->run < y->run);
}

/* Sums to means; order; no overlap; nothing outside of [0, 1]. */
static void settle(struct jm_layout *l, double iterations_s)
{
	double at = 0;
	size_t i;

	for (i = 0; i < l->n_slots; i++) {
		l->slots[i].offset /= (double)l->slots[i].n;
		l->slots[i].fraction /= iterations_s;
	}
	if (l->n_slots > 1)
		qsort(l->slots, l->n_slots, sizeof(*l->slots), compare_slots);
	for (i = 0; i < l->n_slots; i++) {
		l->slots[i].offset = fmax(l->slots[i].offset, at);
		at = l->slots[i].offset + l->slots[i].fraction;
	}
	at = 1;
	for (i = l->n_slots; i-- > 0;) {
		l->slots[i].offset = fmax(0, fmin(l->slots[i].offset, at - l->slots[i].fraction));
		at = l->slots[i].offset;
	}
}

int jm_layout_init(struct jm_layout *out, const struct jm_slices *slices, const struct jm_stretches *iterations,
		   size_t n_names)
{
	struct chain *chains = malloc((n_names + 1) * sizeof(*chains));
	uint32_t *next = NULL;
	size_t i;
	int code = JM_E_NOMEM;

	memset(out, 0, sizeof(*out));
	if (chains) {
		for (i = 0; i < n_names; i++)
			chains[i] = (struct chain){NONE, NONE, 0};
		code = collect(out, slices, iterations, chains, &next);
	}
	free(next);
	free(chains);
	if (code < 0) {
		jm_layout_finish(out);
		return code;
	}
	out->n_iterations = iterations->n;
	settle(out, jm_stretches_seconds(iterations));
	return 0;
}

int jm_layout_place(const struct jm_layout *l, int64_t start_ns, int64_t end_ns, struct jm_slices *out)
{
	double length = (double)(end_ns - start_ns);
	int64_t at = start_ns;
	size_t i;
	int code = 0;

	for (i = 0; i < l->n_slots && code == 0; i++) {
		const struct jm_slot *s = &l->slots[i];
		int64_t from = start_ns + (int64_t)llround(s->offset * length);
		int64_t to = start_ns + (int64_t)llround((s->offset + s->fraction) * length);

		from = from < at ? at : from;
		to = to > end_ns ? end_ns : to;
		if (to > at)
			at = to;
		code = jm_slices_add(out, (struct jm_slice){from, to, s->name, 1});
	}
	return code;
}
