/* A remote: where objects are pushed to and pulled from. One file a kind; the kinds are listed in remote.c. */
#ifndef DVC_REMOTE_H
#define DVC_REMOTE_H

#include "dvc/cache.h"
#include "dvc/config.h"
#include "dvc/pool.h"

/* One object on its way. */
struct jm_dvc_move {
	struct jm_dvc_oid oid;
	bool is_legacy;
	int64_t size_max;  /* bytes that it can have at most; -1: unknown */
	const char *shown; /* what it is of, for messages */
	bool is_there;     /* probe: the remote has it */
	bool is_done;      /* get, put: it has been transferred */
	int64_t size;      /* of what was transferred */
};

/* How a transfer goes on. */
struct jm_dvc_transfer {
	struct jm_dvc_cache *cache; /* of the repository */
	struct jm_dvc_move *moves;
	size_t n;
	unsigned jobs;
	struct jm_dvc_progress progress;
};

struct jm_dvc_remote;

/* Each works on all moves and ends at the first one that fails for good: err names object and remote. What was moved by then stays
 * moved. */
struct jm_dvc_remote_kind {
	const char *schemes; /* of its URLs, "http https"; "": a folder */
	int (*open)(struct jm_dvc_remote *remote, const struct jm_dvc_config *config, struct jm_error *err);
	void (*close)(struct jm_dvc_remote *remote);
	/* Sets is_there. */
	int (*probe)(struct jm_dvc_remote *remote, struct jm_dvc_transfer *t, struct jm_error *err);
	/* Into the cache, checked against the hash. */
	int (*get)(struct jm_dvc_remote *remote, struct jm_dvc_transfer *t, struct jm_error *err);
	/* Out of the cache. */
	int (*put)(struct jm_dvc_remote *remote, struct jm_dvc_transfer *t, struct jm_error *err);
};

struct jm_dvc_remote {
	const struct jm_dvc_remote_kind *kind;
	char name[256], section[300]; /* of the settings: "remote/NAME" */
	char url[JM_DVC_PATH_MAX];
	void *state; /* the kind's own */
};

extern const struct jm_dvc_remote_kind jm_dvc_remote_folder, jm_dvc_remote_http, jm_dvc_remote_s3;

/* Opens the remote of that name; NULL: the default one (core.remote). Errors: JM_E_NOT_FOUND: there is none; JM_E_UNSUPPORTED:
 * a kind of URL that is not known here. */
int jm_dvc_remote_open(const struct jm_dvc_config *config, const char *name, struct jm_dvc_remote *out,
		       struct jm_error *err);
void jm_dvc_remote_close(struct jm_dvc_remote *remote);

#endif
