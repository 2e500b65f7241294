#include "session/write.h"

#include "core/error.h"

int jm_session_write(struct jm_buffer *text, int rc, const char *what, jm_write_fn write, void *ctx,
		     struct jm_error *err)
{
	if (rc == 0 && text->is_failed)
		rc = JM_E_NOMEM;
	if (rc == JM_E_NOMEM)
		jm_error_set(err, rc, "out of memory for %s", what);
	else if (rc == 0 && write(ctx, text->data, text->n))
		rc = jm_error_set(err, JM_E_CANCELLED, "writing %s was stopped", what);
	jm_buffer_finish(text);
	return rc;
}
