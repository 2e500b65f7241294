/* One request: what is set on its handle, and what its failure means. */
#define _GNU_SOURCE
#include "dvc/net_queue.h"

#include "core/error.h"

#include <stdio.h>
#include <string.h>

#define REDIRECTS_MAX 5L

static int add_header(struct curl_slist **headers, const char *line)
{
	struct curl_slist *grown = curl_slist_append(*headers, line);

	if (!grown)
		return JM_E_NOMEM;
	*headers = grown;
	return 0;
}

static int sign(CURL *easy, const struct jm_net_access *access, const char *payload_sha256, struct curl_slist **headers)
{
	char line[sizeof(access->token) + 64];
	int rc;

	curl_easy_setopt(easy, CURLOPT_AWS_SIGV4, access->sigv4);
	snprintf(line, sizeof(line), "x-amz-content-sha256: %s", payload_sha256);
	rc = add_header(headers, line);
	if (access->token[0]) {
		snprintf(line, sizeof(line), "x-amz-security-token: %s", access->token);
		rc = rc ? rc : add_header(headers, line);
		explicit_bzero(line, sizeof(line));
	}
	return rc;
}

int jm_net_prepare(CURL *easy, const struct jm_net_access *access, const char *payload_sha256,
		   struct curl_slist **headers)
{
	int rc = 0;

	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	/* From https there is no way back to http, where the password would be read by all. */
	curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR,
			 strncmp(access->base, "https", 5) == 0 ? "https" : "http,https");
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, access->no_redirects ? 0L : 1L);
	curl_easy_setopt(easy, CURLOPT_MAXREDIRS, REDIRECTS_MAX);
	curl_easy_setopt(easy, CURLOPT_POSTREDIR, (long)CURL_REDIR_POST_ALL);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, access->connect_timeout_s);
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, access->read_timeout_s);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "joulemap");
	if (access->no_verify) {
		curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
		curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
	}
	if (access->ca[0])
		curl_easy_setopt(easy, CURLOPT_CAINFO, access->ca);
	if (access->auth)
		curl_easy_setopt(easy, CURLOPT_HTTPAUTH, access->auth);
	if (access->user[0] || access->password[0]) {
		curl_easy_setopt(easy, CURLOPT_USERNAME, access->user);
		curl_easy_setopt(easy, CURLOPT_PASSWORD, access->password);
	}
	/* Signed, too, would be the empty header, by libcurl 7.88, which does not send it. */
	if (!access->sigv4[0])
		rc = add_header(headers, "Expect:");
	if (access->header[0])
		rc = rc ? rc : add_header(headers, access->header);
	if (access->sigv4[0])
		rc = rc ? rc : sign(easy, access, payload_sha256, headers);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, *headers);
	return rc;
}

bool jm_net_is_transient(CURLcode code, long status)
{
	switch (code) {
	case CURLE_OK:
		return status == 408 || status == 425 || status == 429 ||
		       (status >= 500 && status != 501 && status != 505);
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
	case CURLE_COULDNT_CONNECT:
	case CURLE_OPERATION_TIMEDOUT:
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
	case CURLE_PARTIAL_FILE:
	case CURLE_GOT_NOTHING:
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_HTTP2:
	case CURLE_HTTP2_STREAM:
	case CURLE_WEIRD_SERVER_REPLY:
		return true;
	default:
		return false;
	}
}

static int status_error(const struct jm_net_access *access, const char *remote_name, const char *what, bool is_send,
			long status, const char *server_says, struct jm_error *err)
{
	const char *dash = server_says[0] ? ", " : "";

	if (status == 401 || status == 403) {
		jm_error_set(err, JM_E_PERMISSION, "the remote '%s' (%.120s) refuses %s: status %ld%s%s", remote_name,
			     access->shown, what, status, dash, server_says);
		return jm_error_remedy(err, "%s", access->refused_remedy);
	}
	if (status == 404 && !is_send) {
		jm_error_set(err, JM_E_NOT_FOUND, "%s is not on the remote '%s' (%.120s)%s%s", what, remote_name,
			     access->shown, dash, server_says);
		return jm_error_remedy(err, "push it from where the data is; or the URL is wrong");
	}
	if (status == 404 || status == 405 || status == 501) {
		jm_error_set(err, JM_E_UNSUPPORTED, "the remote '%s' (%.120s) does not take %s this way: status %ld",
			     remote_name, access->shown, what, status);
		return jm_error_remedy(
		    err, "a WebDAV server wants: joulemap data remote modify %s method PUT; or the URL is wrong",
		    remote_name);
	}
	jm_error_set(err, jm_net_is_transient(CURLE_OK, status) ? JM_E_AGAIN : JM_E_IO,
		     "the remote '%s' (%.120s) fails with %s: status %ld%s%s", remote_name, access->shown, what, status,
		     dash, server_says);
	if (status == 507 || status == 413)
		return jm_error_remedy(err, "there is no room on the remote, or it takes no files of this size");
	return jm_error_remedy(err, "run this again: what was moved stays moved");
}

int jm_net_error(const struct jm_net_access *access, const char *remote_name, const char *what, bool is_send,
		 CURLcode code, long status, const char *server_says, struct jm_error *err)
{
	if (code == CURLE_OK)
		return status_error(access, remote_name, what, is_send, status, server_says, err);
	/* curl_easy_strerror names neither URL nor user: nothing secret can come of it. */
	jm_error_set(err, jm_net_is_transient(code, 0) ? JM_E_AGAIN : JM_E_IO,
		     "the remote '%s' (%.120s) fails with %s: %s", remote_name, access->shown, what,
		     curl_easy_strerror(code));
	switch (code) {
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
		return jm_error_remedy(err, "joulemap data remote modify %s ssl_verify FILE-OF-CERTIFICATES",
				       remote_name);
	case CURLE_COULDNT_CONNECT:
	case CURLE_COULDNT_RESOLVE_HOST:
		return jm_error_remedy(err, "is the server up, and the URL right? joulemap data remote list");
	default:
		return jm_error_remedy(err, "run this again: what was moved stays moved");
	}
}
