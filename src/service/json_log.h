/* A JSON file that grows and can be parsed at every moment: after a kill, with the disk full, while it is being read.
 *
 * There are two copies. The one that is not shown (".NAME.next") gets what it lacks and its closing bracket; then the two change
 * names, in one step. So a reader has a whole file before him, and one flush later still the same, and each entry is written twice
 * and no more. Where the file system cannot exchange names, the hidden copy replaces the shown one and is made anew. */
#ifndef SERVICE_JSON_LOG_H
#define SERVICE_JSON_LOG_H

#include "core/text.h"
#include "joulemap/joulemap.h"

struct jm_json_log {
	char path[1024], hidden_path[1024];
	char open, close; /* brackets */
	int fds[2];       /* the copies; -1: none */
	uint64_t done[2]; /* bytes of entries in each */
	int hidden;       /* which copy is not shown */
	uint64_t start;   /* entries' bytes before those in pending */
	struct jm_buffer pending;
	uint64_t n_lost; /* entries given up, as they could not be written for too long */
	bool is_changed, cannot_exchange;
};

/* Makes folder/name with nothing in it. open: '{' or '['. What is there already is kept under another name: NAME-TIME.
 * Errors: those of the system; JM_E_INVALID: the path is too long. */
int jm_json_log_open(struct jm_json_log *log, const char *folder, const char *name, char open, struct jm_error *err);
/* Adds an entry: an element, or key and value. */
void jm_json_log_add(struct jm_json_log *log, const struct jm_buffer *entry);
/* Brings to the file what was added. Errors: JM_E_FULL and others: the file stays as it was, and the next flush tries again. */
int jm_json_log_flush(struct jm_json_log *log, struct jm_error *err);
/* Does not flush. A zeroed one is allowed. */
void jm_json_log_finish(struct jm_json_log *log);

/* Replaces folder/name by text in one step. Errors: those of the system; the old file stays. */
int jm_json_replace(const char *folder, const char *name, const struct jm_buffer *text, struct jm_error *err);

#endif
