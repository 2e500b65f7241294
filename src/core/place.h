/* Where joulemap's own modules are: libraries that are loaded only when they are needed. */
#ifndef CORE_PLACE_H
#define CORE_PLACE_H

#include <stddef.h>

/* Finds a module by the name of its file: beside the program or library that this code is part of, or where an installation puts
 * it, seen from there. out: its path without links, size bytes. Errors: JM_E_NOT_FOUND; JM_E_INVALID when the path does not fit.
 * From any thread. */
int jm_place_module(const char *name, char *out, size_t size);

#endif
