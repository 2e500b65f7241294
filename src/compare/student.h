/* Quantiles of the normal and of Student's t distribution. */
#ifndef COMPARE_STUDENT_H
#define COMPARE_STUDENT_H

/* Gives P(T <= t) with freedom > 0 degrees of freedom. */
double jm_student_cdf(double t, double freedom);
/* Gives t with P(|T| > t) = alpha, 0 < alpha < 1. */
double jm_student_two_sided(double alpha, double freedom);
/* The same of the normal distribution. */
double jm_normal_two_sided(double alpha);

#endif
