/* What the kinds of remotes over the network share. */
#ifndef DVC_NET_REMOTE_H
#define DVC_NET_REMOTE_H

#include "dvc/net_queue.h"

/* Reads ssl_verify, connect_timeout and read_timeout. */
int jm_net_common(struct jm_dvc_remote *remote, const struct jm_dvc_config *config, struct jm_net_access *access,
		  struct jm_error *err);
/* state of the remote: a struct jm_net_access, wiped and freed. */
void jm_net_close(struct jm_dvc_remote *remote);
int jm_net_probe(struct jm_dvc_remote *remote, struct jm_dvc_transfer *t, struct jm_error *err);
int jm_net_get(struct jm_dvc_remote *remote, struct jm_dvc_transfer *t, struct jm_error *err);
int jm_net_put(struct jm_dvc_remote *remote, struct jm_dvc_transfer *t, struct jm_error *err);

#endif
