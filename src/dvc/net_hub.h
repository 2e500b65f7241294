/* DagsHub's interface: one request after the other over one handle. */
#ifndef DVC_NET_HUB_H
#define DVC_NET_HUB_H

#include "dvc/hub.h"
#include "dvc/net_queue.h"

#include "core/text.h"

#define JM_HUB_ANSWER_MAX ((size_t)64 << 20) /* bytes of a list */

struct jm_hub {
	const struct jm_hub_request *request;
	struct jm_net_access access; /* base: https://HOST/api/v1/repos/OWNER/NAME */
};

/* Reads the environment. Errors: JM_E_PERMISSION: it has no token; JM_E_INVALID. */
int jm_hub_open(struct jm_hub *hub, const struct jm_hub_request *r, struct jm_error *err);
void jm_hub_close(struct jm_hub *hub);

/* Writes base/verb/branch/path; the path's slashes are encoded, too. size bytes. */
int jm_hub_url(const struct jm_hub *hub, const char *verb, const char *path, char *out, size_t size,
	       struct jm_error *err);
/* Runs the request prepared on easy (URL, method, body) as often as it takes. reset, which may be NULL, is called before each attempt:
 * it takes back what came of the last one. what: for messages. status_out: of HTTP, 200 to 299. Errors: as of jm_net_error. */
int jm_hub_perform(const struct jm_hub *hub, CURL *easy, const char *what, int (*reset)(void *ctx), void *ctx,
		   long *status_out, struct jm_error *err);
/* Gets a text of at most JM_HUB_ANSWER_MAX bytes. */
int jm_hub_get_text(const struct jm_hub *hub, CURL *easy, const char *url, const char *what, struct jm_buffer *out,
		    struct jm_error *err);

#endif
