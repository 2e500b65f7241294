/* The columns of a regression, made from a layer's features. */
#ifndef PREDICT_TERMS_H
#define PREDICT_TERMS_H

#include "dataset/features.h"

/* X(enumerator, text) */
#define JM_APPROACH_LIST(X)                                                                                            \
	X(POLYNOMIAL, "polynomial") /* NeuralPower: monomials up to the third degree with special terms, L1 penalty */ \
	X(ROOFLINE, "roofline")     /* work over speed plus traffic over bandwidth, corrected in logarithms */
#define JM_ENUM(name, text) JM_APPROACH_##name,
enum jm_approach { JM_APPROACH_LIST(JM_ENUM) JM_APPROACHES };
#undef JM_ENUM

#define JM_TARGET_LIST(X)                                                                                              \
	X(RUNTIME, "runtime") /* ms */                                                                                 \
	X(POWER, "power")     /* W above idle */
#define JM_ENUM(name, text) JM_TARGET_##name,
enum jm_target { JM_TARGET_LIST(JM_ENUM) JM_TARGETS };
#undef JM_ENUM

const char *jm_approach_text(enum jm_approach approach);
int jm_approach_parse(const char *text, enum jm_approach *out);
const char *jm_target_text(enum jm_target target);

/* How many terms there are. */
size_t jm_terms_count(enum jm_approach approach, enum jm_layer_kind kind);
/* Writes the terms of one layer. physical: what the layer's work alone says of it, > 0; only JM_APPROACH_ROOFLINE takes it. */
void jm_terms(enum jm_approach approach, enum jm_target target, const struct jm_features *f, double physical, double *out);

#endif
