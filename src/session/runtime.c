#include "session/runtime.h"

struct jm_ort_search jm_session_runtime(const char *library)
{
	static const char *const folders[] = {JM_ONNXRUNTIME_FOLDER};

	return (struct jm_ort_search){.library = library, .folders = folders, .n_folders = *folders[0] ? 1 : 0};
}
