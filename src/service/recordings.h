/* A recording of each measurement (FOLDER/measurement-START-NUMBER.jmap), which `joulemap report` opens: all channels, and the processes
 * of the measurement. A listener to measurements; files are opened and closed one at a time, so that others get their turn. */
#ifndef SERVICE_RECORDINGS_H
#define SERVICE_RECORDINGS_H

#include "service/metrics_page.h"
#include "service/service.h"

struct jm_recordings;

/* Joins s. folder: there, and borrowed. log is told of what cannot be written. Errors: JM_E_NOMEM. */
int jm_recordings_open(struct jm_service *s, const char *folder, void (*log)(void *ctx, const char *text), void *ctx,
		       struct jm_recordings **out, struct jm_error *err);
void jm_recordings_metrics(const struct jm_recordings *rs, struct jm_metrics_page *page);
/* Finishes all files. After the measurements have ended. NULL is allowed. */
void jm_recordings_close(struct jm_recordings *rs);

#endif
