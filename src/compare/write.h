/* A comparison as text: tables for people, JSON, CSV, and the layouts of the programs that joulemap replaces. */
#ifndef COMPARE_WRITE_H
#define COMPARE_WRITE_H

#include "compare/amounts.h"

struct jm_compare_view {
	size_t limit; /* rows of layers; 0: all */
	bool is_colour;
	int width; /* of the terminal; 0: unlimited */
	struct jm_tariff tariff; /* what the user says energy comes to */
};

/* All append; errors: JM_E_NOMEM, or out->is_failed. */
int jm_compare_table(const struct jm_comparison_data *c, const struct jm_compare_view *view, struct jm_buffer *out);
/* Appends a line, broken at spaces where the terminal (0: unlimited) is narrower. */
void jm_compare_line(const char *line, size_t n, int width, struct jm_buffer *out);
void jm_compare_say(int width, struct jm_buffer *out, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Writes a ratio with two or three digits; what is beyond 999, or rounds to 0, is ">999", "<0.001". */
void jm_compare_ratio_text(double ratio, char *out, size_t size);
/* "joulemap-compare/1": docs/compare.md. Layers, and which of them come first, where they were matched. */
void jm_compare_json(const struct jm_comparison_data *c, const struct jm_tariff *tariff, struct jm_buffer *out);
/* One row a variant and figure; behind them what the user's figures make of its energies. */
void jm_compare_csv(const struct jm_comparison_data *c, const struct jm_tariff *tariff, struct jm_buffer *out);

/* The columns of energy_aware_quantization (docs/compare.md), unknown cells empty. trial: one row a trial; aggregated: mean and
 * standard deviation (of a sample) a variant; benchmark_results: one row a variant against the first. */
void jm_compare_trial_csv(const struct jm_comparison_data *c, struct jm_buffer *out);
void jm_compare_aggregated_csv(const struct jm_comparison_data *c, struct jm_buffer *out);
void jm_compare_benchmark_csv(const struct jm_comparison_data *c, struct jm_buffer *out);
/* Those of its notebooks: energy_results_aggregated, one row (one object) a variant, with mean, deviation (of a population), least and
 * greatest of its trials. */
void jm_compare_energy_results_csv(const struct jm_comparison_data *c, struct jm_buffer *out);
void jm_compare_energy_results_json(const struct jm_comparison_data *c, struct jm_buffer *out);
/* Gives "fp32" where precisions tell the variants apart, else the variant's name. */
const char *jm_compare_precision_name(const struct jm_comparison_data *c, const struct jm_variant *v);

/* Layers of each variant against the first; needs c->layers. */
int jm_compare_layers_table(const struct jm_comparison_data *c, const struct jm_compare_view *view,
			    struct jm_buffer *out);
/* Says what their energies are worth. */
void jm_compare_explain_layers(const struct jm_comparison_data *c, int width, struct jm_buffer *out);
void jm_compare_layers_csv(const struct jm_comparison_data *c, struct jm_buffer *out);
/* The layers of a comparison's JSON, behind a comma. */
void jm_compare_layers_json(const struct jm_comparison_data *c, struct jm_buffer *out);

/* A CSV cell and the comma behind it; nothing for what is not finite. */
void jm_compare_cell(struct jm_buffer *out, double value);
void jm_compare_text_cell(struct jm_buffer *out, const char *text);
void jm_compare_count_cell(struct jm_buffer *out, uint64_t value, bool is_known);
/* Ends a row: the last comma becomes the end of the line. */
void jm_compare_end_row(struct jm_buffer *out);

#endif
