/* Many HTTP requests at a time over libcurl's multi interface, each tried again when the server or the network fails. One thread. */
#ifndef DVC_NET_QUEUE_H
#define DVC_NET_QUEUE_H

#include "dvc/remote.h"

#include <curl/curl.h>

#define JM_NET_ATTEMPTS 5

enum jm_net_method { JM_NET_HEAD, JM_NET_GET, JM_NET_SEND };

/* What holds for all requests to a remote. Texts are the remote's own. */
struct jm_net_access {
	char user[512], password[2048]; /* empty: none */
	long auth;                      /* CURLAUTH_*; 0: none */
	char sigv4[128];                /* "aws:amz:REGION:s3"; empty: requests are not signed */
	char token[4096];               /* x-amz-security-token; empty: none */
	char header[2200];              /* a further header; empty: none */
	char ca[JM_DVC_PATH_MAX];       /* file of certificates; empty: the system's */
	bool no_verify;                 /* of certificates */
	bool no_redirects;
	char refused_remedy[384]; /* what to try when the remote refuses: which name has what is missing; never a secret */
	bool is_post;             /* objects are sent by POST, as DVC does unless it is told otherwise */
	long connect_timeout_s, read_timeout_s;
	char base[JM_DVC_PATH_MAX + 512]; /* URL in front of "files/md5/..." or of "XX/...", without the last slash */
	char shown[512];                  /* host and path, without user and password */
};

/* Runs method for all moves of t. remote_name: for messages. Errors: JM_E_PERMISSION: 401, 403; JM_E_NOT_FOUND: an object to get
 * is not there; JM_E_FORMAT: an object that is not what its name says, thrice; JM_E_AGAIN, JM_E_IO: the server or the network
 * failed JM_NET_ATTEMPTS times; JM_E_CANCELLED: progress asked to stop. What was half received stays, and is gone on with. */
int jm_net_run(const struct jm_net_access *access, enum jm_net_method method, const char *remote_name,
	       struct jm_dvc_transfer *t, struct jm_error *err);

/* Sets what access says on a handle; headers: a list to add to, freed by the caller after the transfer. payload_sha256: hexadecimal,
 * for signed requests. Errors: JM_E_NOMEM. */
int jm_net_prepare(CURL *easy, const struct jm_net_access *access, const char *payload_sha256,
		   struct curl_slist **headers);

/* Says whether it may help to try again: status of HTTP, or 0 and what curl says. */
bool jm_net_is_transient(CURLcode code, long status);
/* Puts into err what a failed request means. what: "the object X (of Y)". */
int jm_net_error(const struct jm_net_access *access, const char *remote_name, const char *what, bool is_send,
		 CURLcode code, long status, const char *server_says, struct jm_error *err);

#endif
