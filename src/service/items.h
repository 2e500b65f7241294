/* Items that programs say they did: inferences, tokens, images. What a joule is divided by. */
#ifndef SERVICE_ITEMS_H
#define SERVICE_ITEMS_H

#include "joulemap/live.h"

#define JM_ITEMS_NAME_MAX 64   /* bytes of a name, with its end */
#define JM_ITEMS_MAX      256  /* names */
#define JM_ITEMS_EACH_MAX 1024 /* names by process; by pod */

/* What somebody told: count items called item, done by process pid (0: not said), or in a Kubernetes pod (empty: not said). */
struct jm_items_told {
	char item[JM_ITEMS_NAME_MAX], pod[JM_ITEMS_NAME_MAX];
	uint64_t count;
	int64_t pid;
};

enum jm_items_scope { JM_ITEMS_OF_ALL, JM_ITEMS_OF_PROCESS, JM_ITEMS_OF_POD, JM_N_ITEMS_SCOPES };

/* Items so far: of all; of the process that jm_live knows as process; of a pod. */
struct jm_items_sum {
	enum jm_items_scope scope;
	const char *item, *pod;
	uint64_t count;
	uint32_t process;
};

struct jm_items;

/* Reads {"count": 32, "item": "inference", "pid": 4711}, or "pod": "UID" in place of pid; n bytes. Only count is needed; item is
 * "inference" unless said otherwise. Names have letters, digits and _ . : / - . Unknown keys are errors. Errors: JM_E_FORMAT, JM_E_INVALID, JM_E_NOMEM. */
int jm_items_read(const char *text, size_t n, struct jm_items_told *out, struct jm_error *err);

/* live is borrowed, until jm_items_destroy. Errors: JM_E_NOMEM. */
int jm_items_create(struct jm_live *live, struct jm_items **out);
void jm_items_destroy(struct jm_items *items);
/* Counts. A process that is named comes under watch until it ends. *total_out: of that name, of all processes. Errors: JM_E_FULL: too
 * many names; those of jm_live_watch. Nothing is counted then. */
int jm_items_add(struct jm_items *items, const struct jm_items_told *told, uint64_t *total_out, struct jm_error *err);
/* Forgets processes that have ended; what they did stays in the sum of all. Pods are forgotten where there are too many of them. */
void jm_items_tidy(struct jm_items *items);
/* Goes over all sums: *at is 0 before the first call. Gives false behind the last. Borrowed until the next change. */
bool jm_items_next(const struct jm_items *items, size_t *at, struct jm_items_sum *out);

#endif
