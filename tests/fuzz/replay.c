/* Runs a fuzz target on files, and on the files of folders, that are named on the command line: what any compiler can
 * build, and what ctest runs. Exit code 77 when there is nothing to run. */
#define _GNU_SOURCE
#include "fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int replay_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	struct stat st;
	uint8_t *data;
	size_t n;

	if (!f || fstat(fileno(f), &st) != 0) {
		fprintf(stderr, "cannot read %s\n", path);
		exit(1);
	}
	/* Exactly as long as the file, so that a sanitizer sees a read beyond its end. */
	data = malloc(st.st_size ? (size_t)st.st_size : 1);
	n = data ? fread(data, 1, (size_t)st.st_size, f) : 0;
	fclose(f);
	printf("%s: %zu bytes\n", path, n);
	fflush(stdout);
	LLVMFuzzerTestOneInput(data, n);
	free(data);
	return 1;
}

static int replay(const char *path)
{
	struct dirent **entries;
	struct stat st;
	int n, i, n_files = 0;
	char *file;

	if (stat(path, &st) != 0)
		return 0;
	if (!S_ISDIR(st.st_mode))
		return replay_file(path);
	n = scandir(path, &entries, NULL, alphasort);
	for (i = 0; i < n; i++) {
		if (entries[i]->d_name[0] != '.' && asprintf(&file, "%s/%s", path, entries[i]->d_name) > 0) {
			n_files += replay(file);
			free(file);
		}
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
	return n_files;
}

int main(int argc, char **argv)
{
	int i, n_files = 0;

	for (i = 1; i < argc; i++)
		n_files += replay(argv[i]);
	printf("%d inputs\n", n_files);
	return n_files ? 0 : 77;
}
