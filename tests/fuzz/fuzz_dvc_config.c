/* DVC's settings, and patterns of .dvcignore, of any bytes. */
#include "fuzz.h"

#include "dvc/config.h"
#include "dvc/ignore.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct jm_dvc_config config = {0};
	struct jm_dvc_ignore ignore = {0};
	struct jm_error err;
	size_t first = n && memchr(data, '\n', n) ? (size_t)((const uint8_t *)memchr(data, '\n', n) - data) : n;

	if (jm_dvc_config_read(&config, JM_DVC_REPO, "fuzz", (const char *)data, n, &err) == 0)
		(void)jm_dvc_config_flag(&config, "core", "autostage", false);
	jm_dvc_config_finish(&config);
	/* Lines of a .dvcignore have no NUL that would count, and stars beyond measure only cost their writer time. */
	if (first < 64 && !memchr(data, '\0', first) && jm_dvc_ignore_add(&ignore, "", (const char *)data, first) == 0)
		(void)jm_dvc_ignore_covers(&ignore, "some/path/of/a file.bin", false);
	jm_dvc_ignore_finish(&ignore);
	return 0;
}
