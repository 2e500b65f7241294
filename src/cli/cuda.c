/* record --cuda: the library that a CUDA program is told to load, and the folder that it writes into. */
#define _GNU_SOURCE
#include "cli/cli.h"

#include "core/error.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const loaders[] = {"CUDA_INJECTION64_PATH", "NVTX_INJECTION64_PATH"};

int jm_cli_cuda_begin(char *folder, size_t size, struct jm_error *err)
{
	const char *parent = getenv("TMPDIR");
	char library[4096];
	size_t i;
	int rc = jm_cuda_library(library, sizeof(library), err);

	if (rc)
		return rc;
	snprintf(folder, size, "%s/joulemap-cuda-XXXXXX", parent && *parent ? parent : "/tmp");
	if (!mkdtemp(folder)) {
		jm_error_errno(err, errno, "cannot make a folder for CUDA's activity: '%s'", folder);
		return jm_error_remedy(err, "TMPDIR=FOLDER");
	}
	for (i = 0; i < sizeof(loaders) / sizeof(loaders[0]); i++) {
		const char *before = getenv(loaders[i]);

		if (before && *before && strcmp(before, library) != 0)
			jm_cli_line(stderr, "joulemap: warning: %s named another library, %s: it is not loaded",
				loaders[i], before);
		setenv(loaders[i], library, 1);
	}
	setenv("JOULEMAP_CUDA_FOLDER", folder, 1);
	return 0;
}

void jm_cli_cuda_end(const char *folder)
{
	DIR *entries = opendir(folder);
	struct dirent *entry;

	while (entries && (entry = readdir(entries))) {
		const char *dot = strrchr(entry->d_name, '.');

		if (dot && strcmp(dot, ".jmca") == 0)
			unlinkat(dirfd(entries), entry->d_name, 0);
	}
	if (entries)
		closedir(entries);
	rmdir(folder);
}
