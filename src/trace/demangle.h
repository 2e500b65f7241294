/* C++ names as a person writes them: the compiler's own demangler (__cxa_demangle), which speaks C++. */
#ifndef TRACE_DEMANGLE_H
#define TRACE_DEMANGLE_H

#ifdef __cplusplus
extern "C" {
#endif

/* Gives the demangled name, free(); NULL when it is no mangled C++ name, or there is no memory. */
char *jm_demangle(const char *mangled);

#ifdef __cplusplus
}
#endif
#endif
