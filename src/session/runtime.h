/* Where ONNX Runtime is looked for. */
#ifndef SESSION_RUNTIME_H
#define SESSION_RUNTIME_H

#include "runner/ort.h"

/* The set-up script puts the library beside the sources; an installed joulemap finds the system's. library: the user's
 * choice; NULL: search. */
struct jm_ort_search jm_session_runtime(const char *library);

#endif
