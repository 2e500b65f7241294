/* Names of GPU kernels, short enough to read: "at::native::vectorized_elementwise_kernel<4, GeluCUDAKernelImpl, ...>". */
#ifndef TRACE_KERNEL_NAME_H
#define TRACE_KERNEL_NAME_H

#include <stddef.h>

#define JM_KERNEL_NAME_SIZE 160

/* Demangles; leaves out the return type, the parameters and anonymous namespaces; of template arguments it keeps the
 * first few that tell kernels apart, without their namespaces, and of lambdas the function they are in. What is left out
 * becomes "...". A name that is long all the same loses its namespaces and inner arguments; one of words its last words. Two
 * different kernels can come out alike: the caller tells them apart. A short name that is no C++ stays.
 * out: size bytes, at least 16, terminated. */
void jm_kernel_name(const char *mangled, char *out, size_t size);

#endif
