/* Trials side by side: variants, ratios against the first with intervals, what may not be compared, and verdicts. */
#ifndef COMPARE_COMPARE_H
#define COMPARE_COMPARE_H

#include "compare/trial.h"
#include "core/text.h"

/* Where an interval comes from. ROUNDS: trials that belong together in pairs. TRIALS: several, not paired. BLOCKS: stretches inside
 * one run each, which do not know what differs from run to run. ITEMS: the same inputs answered by both. */
#define JM_BASIS_LIST(X)                                                                                               \
	X(NONE, "none")                                                                                                \
	X(ROUNDS, "paired trials")                                                                                     \
	X(TRIALS, "trials")                                                                                            \
	X(BLOCKS, "stretches of one run")                                                                              \
	X(ITEMS, "items")
#define JM_ENUM(name, text) JM_BASIS_##name,
enum jm_basis { JM_BASIS_LIST(JM_ENUM) };
#undef JM_ENUM
const char *jm_basis_text(enum jm_basis basis);

/* A figure of a variant against that of the first: ratio, or for the score the difference. */
struct jm_against {
	double value;          /* NAN: why says why not */
	struct jm_interval ci; /* 95 %; NAN: none */
	double p;              /* of no difference; NAN: not tested */
	enum jm_basis basis;
	size_t n; /* pairs, trials of the fewer, or blocks */
	char why[256];
};

struct jm_variant {
	const char *name;         /* of its first trial */
	struct jm_trial **trials; /* borrowed */
	size_t n_trials;
	double mean[JM_N_FIGURES], std[JM_N_FIGURES]; /* over trials; std: of a sample; NAN where unknown */
	enum jm_state state;                          /* of the energy: the worst of its trials */
	int is_simulated;                             /* as jm_trial_simulates_integers */
	char simulated_reason[200];
	struct jm_against against[JM_N_FIGURES]; /* all unknown for the first */
};

struct jm_layer_groups;

struct jm_comparison_data {
	struct jm_trial *trials; /* owned */
	size_t n_trials;
	struct jm_variant *variants;
	size_t n_variants;
	struct jm_buffer notes, verdicts; /* lines */
	struct jm_layer_groups *layers;   /* one a variant after the first; NULL: not asked for */
};

/* Groups trials by label, in order of appearance, and compares each variant with the first. trials, with n > 0: taken over, also on
 * errors. seed: of the resampling. out: jm_comparison_finish. Errors: JM_E_NOMEM. */
int jm_comparison_make(struct jm_trial *trials, size_t n, uint64_t seed, struct jm_comparison_data *out);
void jm_comparison_finish(struct jm_comparison_data *c);
/* Gives what taking these trials took of the machine, together; of memory the largest. */
struct jm_own_cost jm_comparison_own_cost(struct jm_trial *const *trials, size_t n);

/* Why figures of two variants may not be set against each other; what differs besides is noted. Part of jm_comparison_make. */
struct jm_refusals {
	char why[JM_N_FIGURES][256]; /* empty: they may */
};
void jm_comparison_check(const struct jm_variant *first, const struct jm_variant *other, struct jm_refusals *out,
			 struct jm_buffer *notes);
/* What is to be said of the trials of one variant. */
void jm_comparison_check_variant(const struct jm_variant *v, struct jm_buffer *notes);
/* Appends the line on a variant. */
void jm_comparison_verdict(const struct jm_variant *first, const struct jm_variant *v, struct jm_buffer *out);

/* Sets values of v's trials against those of the first's (NAN: not known of that trial): the ratio of their means, with an interval from
 * pairs of rounds, or from trials where there are several; one each: without. seed: of the resampling. Errors: JM_E_NOMEM. */
int jm_comparison_ratio(const struct jm_variant *first, const struct jm_variant *v, const double *first_values,
			const double *values, uint64_t seed, struct jm_against *out);

/* The energy figure that a verdict speaks of: an item's, else an iteration's, else the whole. */
enum jm_figure jm_comparison_energy_figure(const struct jm_variant *v);

#endif
