/* What goes in or out by one request: an object of the cache that is sent, or one that is received, hashed and put there. */
#ifndef DVC_NET_BODY_H
#define DVC_NET_BODY_H

#include "dvc/remote.h"

struct jm_net_body {
	struct jm_dvc_cache *cache;
	struct jm_dvc_move *move;
	struct jm_dvc_md5 *md5;
	struct jm_dvc_worker *worker; /* of all bodies of a queue */
	int fd;
	char path[JM_DVC_PATH_MAX]; /* of what is received */
	int64_t from, size;         /* bytes that were there before; now */
	bool is_too_large;
	int write_errno;
	char sha256[65]; /* of what is sent, for a signature */
};

/* Opens an object to be sent, and checks it against its name. Errors: JM_E_NOT_FOUND; JM_E_FORMAT: it is damaged. */
int jm_net_body_open_sent(struct jm_net_body *b, bool with_sha256, struct jm_error *err);
/* Opens the file for an object to be received; body->from: what of it is there from before, hashed already. */
int jm_net_body_open_received(struct jm_net_body *b, struct jm_error *err);
/* Throws away what was there before: the server sends all. */
int jm_net_body_restart(struct jm_net_body *b);
/* Takes n bytes. Gives n, or less: no room, or more than the object can have. */
size_t jm_net_body_take(struct jm_net_body *b, const void *data, size_t n);
/* Puts a whole object into the cache. Errors: JM_E_FORMAT: it is not what its name says, and has been thrown away. */
int jm_net_body_commit(struct jm_net_body *b, const char *remote_name, struct jm_error *err);
/* Closes the file. keep: leave what was received, to go on with it. */
void jm_net_body_close(struct jm_net_body *b, bool keep);

#endif
