/* Dense symmetric systems of up to some thousand unknowns, row-major. Small enough that a library would cost more in set-up
 * than it saves: one Cholesky factor of 500 x 500 takes 15 ms, and the estimator's time goes into summing up the matrix. */
#ifndef CORE_LINALG_H
#define CORE_LINALG_H

#include "joulemap/joulemap.h"

/* Factors the symmetric positive definite a (n x n, lower triangle read) into L L', in place, lower triangle; the rest is
 * left alone. Errors: JM_E_UNIDENTIFIABLE when it is not positive definite to working precision. */
int jm_cholesky(double *a, size_t n);
/* Solves L L' x = b in place. */
void jm_cholesky_solve(const double *l, size_t n, double *b);
/* Gives the inverse of L L' in out (n x n, both triangles). */
void jm_cholesky_inverse(const double *l, size_t n, double *out);

#endif
