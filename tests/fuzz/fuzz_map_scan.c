/* The quick reader of layer latencies: what it takes, the JSON reader takes with as many entries. */
#define _GNU_SOURCE
#include "fuzz.h"

#include "trace/map_internal.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static size_t count(const struct jm_map_layers *layers)
{
	size_t n = 0, i;

	for (i = 0; i < layers->n; i++)
		n += layers->items[i].n;
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct jm_map_layers quick = {0}, general = {0};
	int fd = memfd_create("latency", MFD_CLOEXEC);
	struct jm_json *json = NULL;

	if (fd < 0 || write(fd, data, n) != (ssize_t)n)
		abort();
	if (jm_map_scan(fd, 0, UINT64_MAX, true, true, &quick) == 0) {
		if (jm_json_open_fd("input", fd, &json, NULL) || jm_map_latency_read(json, &general, NULL) ||
		    quick.n != general.n || count(&quick) != count(&general))
			abort();
	}
	jm_json_close(json);
	jm_map_layers_finish(&quick);
	jm_map_layers_finish(&general);
	close(fd);
	return 0;
}
