/* The shared library is the static one, whole; CMake wants one source of its own. */
typedef int jm_empty;
