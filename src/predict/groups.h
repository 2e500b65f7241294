/* Networks that are one: precisions, batch sizes or copies of each other, whatever they are called. Left out alone, such a network
 * would be predicted from itself, which flatters. So they share a group, and groups are left out whole. */
#ifndef PREDICT_GROUPS_H
#define PREDICT_GROUPS_H

#include "core/text.h"
#include "dataset/dataset.h"

struct jm_network {
	const char *name; /* borrowed from the data */
	size_t first, n;  /* its rows */
	unsigned group;   /* numbered as they are met */
	int dtype;        /* that most of its rows compute in */
	double batch;     /* items of a batch; 0: no layer tells */
};

struct jm_groups {
	struct jm_network *networks;
	size_t n_networks;
	unsigned *of_row; /* group of each row of the data */
	size_t n;         /* groups: as many networks as there are */
};

/* Finds the networks of sorted data, and which of them are one: those that share nine in ten of their convolutions, products and
 * attentions (of all layers, where there are none such), by kind and sizes. Names, precisions and the batch do not count, nor
 * layers that come and go with what a runtime fuses. Errors: JM_E_NOMEM. Finish out. */
int jm_groups_find(const struct jm_dataset *d, struct jm_groups *out);
void jm_groups_finish(struct jm_groups *g);

/* Gives how many networks a group has. names (may be NULL): appends their names, with separator between. */
size_t jm_groups_names(const struct jm_groups *g, unsigned group, const char *separator, struct jm_buffer *names);

/* Appends "a, b are one network of two precisions" for a group of several; nothing for a group of one. */
void jm_groups_explain(const struct jm_groups *g, unsigned group, struct jm_buffer *out);

#endif
