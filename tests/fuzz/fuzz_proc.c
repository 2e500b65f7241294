/* Files of /proc/PID of any bytes, and paths of cgroups. */
#include "fuzz.h"

#include "process/container.h"
#include "process/parse.h"

#include <stdlib.h>
#include <string.h>

static void check_cgroup(const char *text, size_t n)
{
	const char *path = NULL;
	struct jm_container container;
	size_t length = jm_proc_cgroup(text, n, &path);
	char *whole;

	if (length == 0)
		return;
	if (path < text || length > n || path + length > text + n)
		abort();
	whole = malloc(length + 1);
	if (!whole)
		return;
	memcpy(whole, path, length);
	whole[length] = '\0';
	jm_container_find(whole, &container);
	free(whole);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const char *text = (const char *)data;
	struct jm_proc_stat stat;
	struct jm_proc_machine machine;
	int64_t numbers[4], kilobytes;

	if (jm_proc_parse_stat(text, n, &stat) == 0 && !memchr(stat.comm, '\0', sizeof(stat.comm)))
		abort();
	jm_proc_parse_machine(text, n, &machine);
	if (jm_proc_status_numbers(text, n, "NSpid:", numbers, 4) > 4)
		abort();
	jm_proc_kilobytes(text, n, "Private_", &kilobytes);
	check_cgroup(text, n);
	return 0;
}
