/* A trial: what one recording says of one run of one model, as comparisons need it. Made by the session. */
#ifndef COMPARE_TRIAL_H
#define COMPARE_TRIAL_H

#include "core/result.h"

/* What is compared. X(enumerator, key with its unit, heading, factor to what tables show, decimals or -1 for four digits) */
#define JM_FIGURE_LIST(X)                                                                                              \
	X(DURATION, "duration_s", "s", 1, -1)                                                                          \
	X(LATENCY, "latency_ms", "latency ms", 1, -1)                                                                  \
	X(THROUGHPUT, "throughput_items_s", "items/s", 1, -1)                                                          \
	X(SCORE, "score", "score", 1, -1)                                                                              \
	X(POWER, "mean_power_w", "power W", 1, -1)                                                                     \
	X(POWER_STD, "std_power_w", "std W", 1, -1)                                                                    \
	X(ENERGY, "energy_j", "J", 1, -1)                                                                              \
	X(ENERGY_ITERATION, "energy_per_iteration_mj", "mJ/iteration", 1, -1)                                          \
	X(ENERGY_ITEM, "energy_per_item_mj", "mJ/item", 1, -1)                                                         \
	X(MODEL_SIZE, "model_bytes", "model MB", 1e-6, -1)                                                             \
	X(PEAK_MEMORY, "peak_memory_bytes", "peak MB", 1e-6, 1)                                                        \
	X(READINGS, "readings", "readings", 1, 0)
#define JM_ENUM(name, key, heading, factor, decimals) JM_FIGURE_##name,
enum jm_figure { JM_FIGURE_LIST(JM_ENUM) JM_N_FIGURES };
#undef JM_ENUM

/* The name of a figure in JSON and CSV; above its column in tables. */
const char *jm_figure_key(enum jm_figure f);
const char *jm_figure_heading(enum jm_figure f);
/* Writes a value as tables show it, "-" for unknown. */
void jm_figure_text(enum jm_figure f, double value, char *out, size_t size);

/* A layer of a trial, in the order of execution. */
struct jm_trial_layer {
	char *name, *type;
	uint64_t count;
	double time_s, latency_ms, power_w;
	double latency_std_ms;    /* of single calls about their mean; NAN: unknown */
	double energy_mj;         /* an iteration; NAN: unknown */
	struct jm_interval ci_mj; /* of energy_mj; NAN: none */
	double share;             /* of all energy in the window */
	double energy_j;          /* in the window */
	enum jm_method method;
	char reason[160]; /* why there is no energy, or what is to be said of it */
};

/* How good the model's answers were. */
struct jm_score {
	char name[32];    /* "accuracy" (top-1, 0 to 1), "perplexity", or the user's; empty: not asked for */
	double value;     /* NAN: unknown, reason says why */
	uint64_t n_items; /* answers looked at */
	double *items;    /* one value an item, same order in all trials of the same data; NULL: none kept */
	size_t n_values;
	char data[64]; /* what tells data sets apart; empty: unknown */
	char reason[256];
};

/* Texts are empty, numbers NAN or 0 where the recording does not say. */
struct jm_trial {
	char path[1024], label[128]; /* label: of the variant it belongs to */
	bool is_named_by_file;       /* neither the user nor the recording names the variant */
	char model[512], precision[32], provider[32], quantization[32], inputs[512], data_path[512], timestamp[32];
	char machine_id[64], hostname[128], cpu[160], runtime[64], threads[32];
	char channels[512];       /* where the energy comes from: names, " + " between them */
	char bench[64];           /* trials of one bench and round belong together */
	uint64_t round, position; /* from 1; 0: none */
	uint64_t tokens_per_item; /* of a language model's labels */
	uint64_t batch, iterations, items_per_iteration, n_parameters, warmup;
	enum jm_state state; /* of the energy */
	double values[JM_N_FIGURES];
	struct jm_latency latency;
	struct jm_own_cost own_cost;
	double min_power_w, max_power_w, median_power_w, duration_s, coverage, dither_fraction;
	/* Stretches of the run, for intervals where there is one recording only: latency, power, energies. */
	double *blocks[JM_N_FIGURES];
	size_t n_blocks;
	double block_s; /* length of one; 0: none */
	struct jm_score score;
	struct jm_trial_layer *layers; /* where layers were asked for */
	size_t n_layers;
	size_t n_typed,
	    n_integer; /* layers whose type is known, asked for or not; of them those that compute with integers */
	enum jm_method method;
	char energy_reason[256]; /* why there is no energy */
	char rest[256];          /* what was said of the rest before the trial */
};

/* Frees what the trial holds. */
void jm_trial_finish(struct jm_trial *t);

/* Says whether the variant is called quantised (by name, model or precision) while its arithmetic was not: reason (size bytes) says
 * from what that is known. Gives 1: simulated, 0: not quantised, or by kernels on integers; -1: quantised, and how it was run is not
 * known. */
int jm_trial_simulates_integers(const struct jm_trial *t, char *reason, size_t size);
/* Says whether a layer of this type computes with integers. */
bool jm_layer_type_is_integer(const char *type, const char *name);

#endif
