/* A progress bar on stderr, drawn only where that is a terminal. */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include "joulemap/joulemap.h"

struct jm_progress {
	bool is_shown;
	int64_t drawn_ns;
	char what[32];
};

/* is_wanted: not --quiet. */
void jm_progress_init(struct jm_progress *p, bool is_wanted);
/* A jm_progress_fn; ctx: struct jm_progress. Gives non-zero once a signal asked to stop. */
int jm_progress_step(void *ctx, const char *what, uint64_t done, uint64_t total);
/* Prints a line between; ctx: struct jm_progress. */
void jm_progress_tell(void *ctx, const char *text);
/* Clears the line. */
void jm_progress_finish(struct jm_progress *p);

#endif
