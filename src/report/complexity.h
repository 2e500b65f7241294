/* A model's complexity as text. */
#ifndef REPORT_COMPLEXITY_H
#define REPORT_COMPLEXITY_H

#include "core/text.h"
#include "model/complexity.h"
#include "model/model.h"

enum jm_complexity_sort {
	JM_COMPLEXITY_BY_ORDER,
	JM_COMPLEXITY_BY_MACS,
	JM_COMPLEXITY_BY_PARAMETERS,
	JM_COMPLEXITY_BY_BYTES,
	JM_COMPLEXITY_BY_NAME
};

struct jm_complexity_view {
	const char *path;
	const struct jm_model *model;
	const struct jm_complexity *counts;
	const struct jm_infer_input *inputs; /* settled; NULL: none */
	size_t n_inputs;
	char *const *notes;
	size_t n_notes;
	bool is_by_type; /* rows are types instead of layers */
	enum jm_complexity_sort sort;
	size_t limit; /* 0: all */
	bool is_colour, is_summary;
	int width; /* 0: as wide as it gets */
};

/* Append to out. Errors: JM_E_NOMEM. */
int jm_complexity_table(const struct jm_complexity_view *v, struct jm_buffer *out);
int jm_complexity_csv(const struct jm_complexity_view *v, struct jm_buffer *out);
int jm_complexity_json(const struct jm_complexity_view *v, struct jm_buffer *out);

#endif
