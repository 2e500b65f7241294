/* joulemap, compare: recordings side by side. Part of the public interface; the conventions are those of joulemap.h. */
#ifndef JOULEMAP_COMPARE_H
#define JOULEMAP_COMPARE_H

#include "joulemap/joulemap.h"

#ifdef __cplusplus
extern "C" {
#endif

struct jm_compare_options {
	size_t size; /* sizeof(struct jm_compare_options) */
	const char
	    *channels; /* names of channels, comma between them, whose energies are added up; NULL: all that count */
	const char *method; /* as in jm_report_options, for layers; NULL: "auto" */
	bool with_layers;   /* match the layers of the variants, too: takes as long as a report each */
	uint64_t seed;      /* of the resampling */
};

struct jm_comparison;

/* Reads recordings and compares them. inputs: n texts "FILE", "NAME=FILE" or a folder, whose *.jmap are taken. Recordings of one name are
 * trials of one variant: NAME, else the variant that a bench kept, else the file's own name. The first one's variant is what the others
 * are set against; a single variant is allowed. Errors: those of jm_report_open, err names the file; JM_E_INVALID for no input;
 * JM_E_NOT_FOUND for a folder without recordings, or a channel that is not there. */
JM_API int jm_comparison_open(const char *const *inputs, size_t n, const struct jm_compare_options *options,
			      struct jm_comparison **out, struct jm_error *err);

/* Writes it. view->format: "table", "json", "csv"; "trial", "aggregated" or "benchmark_results": columns of energy_aware_quantization.
 * view->by: "variant" (NULL), or "layer" where layers were matched (table and csv). limit, is_colour, width count.
 * Errors: JM_E_INVALID, JM_E_NOMEM, JM_E_CANCELLED when write stops. */
JM_API int jm_comparison_write(const struct jm_comparison *c, const struct jm_view_options *view, jm_write_fn write,
			       void *ctx, struct jm_error *err);

/* A figure of a variant, and against the first. Numbers: NAN is unknown. */
struct jm_figure_info {
	double mean, std; /* over its trials, in the unit of the key */
	double against;   /* ratio to the first variant's; of "score" the difference (of a perplexity the ratio) */
	double ci_low, ci_high, p;
	const char *basis;  /* of the interval: "paired trials", "trials", "stretches of one run", "items", "none" */
	const char *reason; /* why there is no ratio, or empty */
};

struct jm_variant_info {
	const char *name, *model, *precision, *state; /* state: of the energy, "measured", "estimated", "unavailable" */
	const char *score;                            /* "accuracy", "perplexity", ..., or empty */
	size_t n_trials;
	int simulates_integers; /* 1: called quantised, but computed as floating point; 0: no; -1: not known */
};

JM_API size_t jm_comparison_n_variants(const struct jm_comparison *c);
/* Texts are borrowed from c. Errors: JM_E_INVALID for an index out of range or a key that is none (docs/compare.md). */
JM_API int jm_comparison_variant(const struct jm_comparison *c, size_t i, struct jm_variant_info *out);
JM_API int jm_comparison_figure(const struct jm_comparison *c, size_t i, const char *key, struct jm_figure_info *out);
/* Gives all notes, and all verdicts, a line each; empty where there are none. Borrowed. */
JM_API const char *jm_comparison_notes(const struct jm_comparison *c);
JM_API const char *jm_comparison_verdicts(const struct jm_comparison *c);
JM_API void jm_comparison_destroy(struct jm_comparison *c);

#ifdef __cplusplus
}
#endif
#endif
