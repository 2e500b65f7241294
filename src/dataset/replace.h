/* Many tables replaced at once: the new ones are written beside the old ones, and take their places when all are whole on the disk. What
 * fails before or in between leaves the old ones as they were. A process that is killed while they take their places leaves
 * some old and some new, each of them whole. */
#ifndef DATASET_REPLACE_H
#define DATASET_REPLACE_H

#include "joulemap/joulemap.h"

struct jm_replacing {
	char *folder; /* entered last */
	struct jm_replacement *items;
	size_t n, capacity;
	char **made; /* folders that were not there before, outermost first */
	size_t n_made;
	bool is_committed;
};

/* Enters parent/name, or parent where name is NULL; made if need be. A link in its place is not followed. Errors: JM_E_INVALID, those
 * of the system calls, JM_E_NOMEM. */
int jm_replacing_enter(struct jm_replacing *r, const char *parent, const char *name, struct jm_error *err);

/* Writes n bytes that become NAME.csv of the folder entered. Errors: JM_E_INVALID (a link or no file stands there), those of the system
 * calls, JM_E_NOMEM. */
int jm_replacing_stage(struct jm_replacing *r, const char *name, const void *data, size_t n, struct jm_error *err);
/* NAME.csv of the folder entered, where there is such a file, goes. Errors: as above. */
int jm_replacing_remove(struct jm_replacing *r, const char *name, struct jm_error *err);

/* Puts all in place. Errors: of the system calls; everything is then as it was, or the message says what is not. */
int jm_replacing_commit(struct jm_replacing *r, struct jm_error *err);
/* Without a commit, nothing that was written is left. */
void jm_replacing_finish(struct jm_replacing *r);

#endif
