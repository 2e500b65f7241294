/* How every text of the session reaches its reader. */
#ifndef SESSION_WRITE_H
#define SESSION_WRITE_H

#include "core/text.h"
#include "joulemap/joulemap.h"

/* Gives a text that was made to write, and frees it. rc: of making it; what: it is, for messages ("the report"). Errors: rc, err
 * being filled unless it is JM_E_NOMEM; JM_E_NOMEM; JM_E_CANCELLED when write stops. */
int jm_session_write(struct jm_buffer *text, int rc, const char *what, jm_write_fn write, void *ctx,
		     struct jm_error *err);

#endif
