/* What DagsHub's interface answers, of any bytes: what is taken of a list lies inside of the folder that was asked for. */
#include "fuzz.h"

#include "dvc/net_hub_list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void check_list(const char *top, const char *text, size_t n)
{
	struct jm_hub_list list = {.n = 0};
	struct jm_error err = {0};
	const char *inside;
	size_t i;
	int rc;

	snprintf(list.top, sizeof(list.top), "%s", top);
	rc = jm_hub_list_read(&list, text, n, &err);
	if (rc && !err.message[0])
		abort();
	for (i = 0; i < list.n; i++) {
		const struct jm_hub_entry *e = &list.entries[i];

		if (!e->path || (!e->is_folder && !e->url) || jm_hub_path_inside(top, e->path, &inside) ||
		    !jm_dvc_path_is_safe(inside))
			abort();
	}
	jm_hub_list_finish(&list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct jm_error err = {0};
	char commit[16];

	check_list("", (const char *)data, n);
	check_list("raw_data", (const char *)data, n);
	if (jm_hub_branch_read((const char *)data, n, commit, sizeof(commit), &err)
		? !err.message[0]
		: !memchr(commit, '\0', sizeof(commit)))
		abort();
	return 0;
}
