/* A folder's listing (.dir) of any bytes: what is taken holds only safe paths, in order, and reads back as itself. */
#include "fuzz.h"

#include "core/text.h"
#include "dvc/files.h"
#include "dvc/path.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct jm_dvc_files files, again;
	struct jm_buffer out = {0};
	struct jm_error err;
	size_t i;

	if (jm_dvc_listing_read("fuzz", (const char *)data, n, &files, &err))
		return 0;
	for (i = 0; i < files.n; i++)
		if (!jm_dvc_path_is_safe(files.entries[i].path) ||
		    (i && strcmp(files.entries[i - 1].path, files.entries[i].path) >= 0))
			abort();
	jm_dvc_listing_write(&files, &out);
	if (jm_dvc_listing_read("again", out.data, out.n, &again, &err) || again.n != files.n)
		abort();
	jm_buffer_finish(&out);
	jm_dvc_files_finish(&again);
	jm_dvc_files_finish(&files);
	return 0;
}
