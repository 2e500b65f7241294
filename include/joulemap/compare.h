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
	const char *first;    /* model, or name of a variant, that the others are set against; NULL: that of the first recording */
};

struct jm_comparison;

/* Reads recordings and compares them. inputs: n texts "FILE", "NAME=FILE" or a folder, whose *.jmap are taken. Recordings of one name are
 * trials of one variant: NAME, else the variant that a bench kept, else the file's own name. The first one's variant is what the others
 * are set against; a single variant is allowed. Errors: those of jm_report_open, err names the file; JM_E_INVALID for no input;
 * JM_E_NOT_FOUND for a folder without recordings, a channel that is not there, or a first that none is called. */
JM_API int jm_comparison_open(const char *const *inputs, size_t n, const struct jm_compare_options *options,
			      struct jm_comparison **out, struct jm_error *err);

/* Writes it. view->format: "table", "json", "csv"; "html": one page with charts, for which the first recording of each variant (of
 * eight) is read again; "trial", "aggregated", "benchmark_results", "energy_results_aggregated", and where layers were matched
 * "per_layer_energy" of the first variant: columns of energy_aware_quantization.
 * view->by: "variant" (NULL); where layers were matched (table and csv) "layer", and which layers to quantise first: "hotspot", or
 * summed up by "type" or "part" (attention, feed-forward, ...). limit, is_colour, width count, and in the first four formats carbon and
 * price.
 * Errors: JM_E_INVALID, JM_E_NOMEM, JM_E_CANCELLED when write stops. */
JM_API int jm_comparison_write(const struct jm_comparison *c, const struct jm_view_options *view, jm_write_fn write,
			       void *ctx, struct jm_error *err);

/* Writes files named and shaped as those of energy_aware_quantization into a folder, made if need be: trial_results.csv,
 * aggregated_comparison.csv, benchmark_results.csv, energy_results_aggregated.csv and .json; where layers were matched
 * PRECISION_per_layer_energy.csv for each variant, per_layer_energy.csv of the first, and joulemap's own hotspots.csv. None is written
 * where one could not be. Errors: JM_E_EXISTS unless overwrite; JM_E_INVALID for a link or what is no file; those of writing. */
JM_API int jm_comparison_write_folder(const struct jm_comparison *c, const char *folder, bool overwrite, struct jm_error *err);

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

/* Gives how many variants are compared: at least 1. */
JM_API size_t jm_comparison_n_variants(const struct jm_comparison *c);
/* Texts are borrowed from c. Errors: JM_E_INVALID for an index out of range or a key that is none (docs/compare.md). */
JM_API int jm_comparison_variant(const struct jm_comparison *c, size_t i, struct jm_variant_info *out);
JM_API int jm_comparison_figure(const struct jm_comparison *c, size_t i, const char *key, struct jm_figure_info *out);
/* Gives all notes, and all verdicts, a line each; empty where there are none. Borrowed. */
JM_API const char *jm_comparison_notes(const struct jm_comparison *c);
JM_API const char *jm_comparison_verdicts(const struct jm_comparison *c);
JM_API void jm_comparison_destroy(struct jm_comparison *c);

/* ---- Running models against each other --------------------------------------------------------------------------- */

struct jm_bench_options {
	size_t size;               /* sizeof(struct jm_bench_options) */
	const char *const *models; /* ONNX files; the first is what the others are set against */
	size_t n_models;
	const char *folder;        /* of the recordings, one a trial: VARIANT-ROUND.jmap; made, and must not hold any yet */
	struct jm_run_options run; /* of each trial; its model, runs, tell and idle_ns do not count */
	const char *sensors;       /* as in struct jm_record_options */
	int64_t period_ns;
	const char *command;       /* kept in the recordings; NULL: none */
	uint64_t rounds;           /* at most, each model once a round; 0: JM_DEFAULT_BENCH_ROUNDS */
	double until_fraction;     /* from three rounds on, stop where every energy ratio (without energy: latency) is known within this
				      fraction, half of its interval; 0: all rounds */
	int64_t budget_ns;         /* begin no round behind this; 0: JM_DEFAULT_BENCH_BUDGET_NS */
	int64_t rest_limit_ns;     /* longest rest before a trial; < 0: no rests; 0: JM_DEFAULT_REST_LIMIT_NS */
	/* Told what happens, a line each; ctx: that of progress; may be NULL. */
	void (*tell)(void *ctx, const char *text);
};

#define JM_DEFAULT_BENCH_ROUNDS    5
#define JM_DEFAULT_BENCH_BUDGET_NS INT64_C(900000000000)
#define JM_DEFAULT_BENCH_TRIAL_NS  INT64_C(5000000000)
#define JM_DEFAULT_REST_LIMIT_NS   INT64_C(30000000000)

struct jm_bench_summary {
	uint64_t n_rounds, n_trials, n_failed; /* n_failed: models that failed; their earlier trials are kept */
};

/* Runs models against each other: in each round every model once, in random order (seed: that of run), each in a process of its own, after
 * a rest until power and temperature are back at what they were before the first; a rest that ends by its limit is told and kept. A model
 * that fails is left out of later rounds. Compare the folder then. This process must have no other threads that hold locks: it forks.
 * Errors: JM_E_INVALID (models, data or labels that do not fit each other, two models of one name), JM_E_EXISTS (the folder holds
 * recordings), JM_E_CANCELLED (what was measured is kept), and the first failure when no trial succeeded. out: also on errors. */
JM_API int jm_bench(const struct jm_bench_options *options, jm_progress_fn progress, void *ctx, struct jm_bench_summary *out,
		    struct jm_error *err);

#ifdef __cplusplus
}
#endif
#endif
