/* A .dvc file of any bytes: what is taken can be written again, or says that it cannot, and then says what it was told. */
#include "fuzz.h"

#include "core/text.h"
#include "dvc/outs.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct jm_dvc_out_facts facts = {.size = 7, .n_files = 3};
	struct jm_dvc_outs outs, again;
	struct jm_error err;
	size_t i;

	if (jm_dvc_outs_read("fuzz", (const char *)data, n, &outs, &err))
		return 0;
	if (jm_dvc_oid_parse("258622b1688250cb619f3c9ccaefb7eb.dir", 36, &facts.oid))
		abort();
	for (i = 0; i < outs.n; i++) {
		struct jm_buffer out = {0};

		facts.path = outs.outs[i].path;
		if (jm_dvc_outs_rewrite(&outs, i, &facts, &out, &err) == 0) {
			if (jm_dvc_outs_read("again", out.data, out.n, &again, &err))
				abort();
			if (again.n != outs.n || strcmp(again.outs[i].oid.text, facts.oid.text) != 0 ||
			    strcmp(again.outs[i].path, facts.path) != 0)
				abort();
			jm_dvc_outs_finish(&again);
		}
		jm_buffer_finish(&out);
	}
	jm_dvc_outs_finish(&outs);
	return 0;
}
