/* What the name and type of a layer tell: what it was before a converter or an optimiser rewrote it, what it is part of. */
#ifndef COMPARE_LAYER_NAMES_H
#define COMPARE_LAYER_NAMES_H

#include <stdbool.h>
#include <stddef.h>

/* Writes the name without what converters and optimisers add to it ("_quant", "_nchwc", "_token_17", ...). */
void jm_layer_plain_name(const char *name, char *out, size_t size);

/* Gives what kind of work a type does, alike for its rewritten forms: "matmul" for MatMul, Gemm, MatMulInteger, QLinearMatMul, ...;
 * the type itself where it has no rewritten forms. */
const char *jm_layer_family(const char *type);

/* Says whether converters insert such a layer to change between number formats. */
bool jm_layer_is_conversion(const char *name, const char *type);

/* Says whether runtimes fold such a layer into the one before it. */
bool jm_layer_is_foldable(const char *type);

/* Gives 0 to 1: how much of the two plain names is equal from their ends. */
double jm_layer_name_likeness(const char *a, const char *b);

/* Gives the part of a network that a layer belongs to: "attention", "feed-forward", "embeddings", "normalisation", "head",
 * "convolution", "conversion" or "other". From path names as PyTorch and ONNX exporters give them; where there are none, from the
 * type. */
const char *jm_layer_role(const char *name, const char *type);

#endif
