#define _GNU_SOURCE
#include "core/place.h"

#include "joulemap/joulemap.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Seen from the folder of the code at hand: as built, or a Python package's; from an installed library; from an installed program
 * (JM_MODULES_FROM_PROGRAM: CMakeLists.txt). */
static const char *const beside[] = {".", "joulemap", JM_MODULES_FROM_PROGRAM};

/* The folder of the program or library that this code is part of; to be freed. NULL: not known. */
static char *own_folder(void)
{
	char *own = NULL, *slash;
	Dl_info info;

	/* The main program is called by the name it was started with, which need not be a path. */
	if (dladdr((void *)(uintptr_t)jm_place_module, &info) && info.dli_fname && strchr(info.dli_fname, '/'))
		own = realpath(info.dli_fname, NULL);
	if (!own)
		own = realpath("/proc/self/exe", NULL);
	slash = own ? strrchr(own, '/') : NULL;
	if (slash)
		*slash = '\0';
	return own;
}

int jm_place_module(const char *name, char *out, size_t size)
{
	char *folder = own_folder(), *found = NULL;
	char path[PATH_MAX];
	size_t i;
	int rc;

	for (i = 0; folder && !found && i < sizeof(beside) / sizeof(beside[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s/%s", folder, beside[i], name);
		if (access(path, R_OK) == 0)
			found = realpath(path, NULL);
	}
	rc = !found ? JM_E_NOT_FOUND : strlen(found) >= size ? JM_E_INVALID : 0;
	if (rc == 0)
		strcpy(out, found);
	free(found);
	free(folder);
	return rc;
}
