/* Launch cost, time by FLOP and time by byte: what a layer's work alone says of its time, or its power. */
#ifndef PREDICT_PHYSICAL_H
#define PREDICT_PHYSICAL_H

#include "predict/regression.h"

#define JM_PHYSICAL_TERMS 3

/* Fits them to the rows outside of but_fold: none of them negative, least wrong in logarithms, without much regard for outliers. */
void jm_physical_fit(const struct jm_regression_data *q, unsigned but_fold, double physical[JM_PHYSICAL_TERMS]);
double jm_physical_value(const double physical[JM_PHYSICAL_TERMS], const struct jm_features *f);

#endif
