#define _GNU_SOURCE
#include "dvc/net_hub.h"

#include "core/error.h"
#include "core/units.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define HOST      "https://dagshub.com"
#define PAUSE_NS  (500 * JM_NS_PER_MS) /* before the second attempt; doubled before each further one */
#define TIMEOUT_S 60

static bool is_name(const char *name)
{
	return name && *name && strlen(name) < 200 &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") == strlen(name) &&
	       strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

static int read_credentials(struct jm_net_access *a, struct jm_error *err)
{
	const char *user = getenv("DAGSHUB_USERNAME"), *password = getenv("DAGSHUB_PASSWORD"),
		   *token = getenv("DAGSHUB_USER_TOKEN");
	bool fits;

	if (user && *user && password && *password) {
		a->auth = (long)CURLAUTH_BASIC;
		fits = (size_t)snprintf(a->user, sizeof(a->user), "%s", user) < sizeof(a->user) &&
		       (size_t)snprintf(a->password, sizeof(a->password), "%s", password) < sizeof(a->password);
	} else if (token && *token) {
		fits = (size_t)snprintf(a->header, sizeof(a->header), "Authorization: Bearer %s", token) <
		       sizeof(a->header);
	} else {
		bool has_user = user && *user, has_password = password && *password;

		jm_error_set(err, JM_E_PERMISSION, "the environment has no token of DagsHub%s",
			     has_user	    ? ", and of DAGSHUB_USERNAME and DAGSHUB_PASSWORD the first alone"
			     : has_password ? ", and of DAGSHUB_USERNAME and DAGSHUB_PASSWORD the second alone"
					    : "");
		return jm_error_remedy(err, "set DAGSHUB_USER_TOKEN, or DAGSHUB_USERNAME and DAGSHUB_PASSWORD");
	}
	if (!fits || strpbrk(a->header, "\r\n"))
		return jm_error_set(err, JM_E_INVALID,
				    "the token of DagsHub in the environment is too long, or no line");
	return 0;
}

int jm_hub_open(struct jm_hub *hub, const struct jm_hub_request *r, struct jm_error *err)
{
	const char *host = getenv("DAGSHUB_CLIENT_HOST");
	struct jm_net_access *a = &hub->access;
	size_t n;

	memset(hub, 0, sizeof(*hub));
	hub->request = r;
	host = host && *host ? host : HOST;
	if (!is_name(r->owner) || !is_name(r->name))
		return jm_error_set(err, JM_E_INVALID, "--owner and --name must name a repository of DagsHub");
	if (!r->branch || !*r->branch || !r->remote_folder || !r->local_folder)
		return jm_error_set(err, JM_E_INVALID, "branch, local and remote folder must be given");
	if ((strncmp(host, "http://", 7) != 0 && strncmp(host, "https://", 8) != 0) || strchr(host, '@'))
		return jm_error_set(err, JM_E_INVALID, "DAGSHUB_CLIENT_HOST must be a URL without user and password");
	for (n = strlen(host); n && host[n - 1] == '/'; n--)
		;
	if ((size_t)snprintf(a->base, sizeof(a->base), "%.*s/api/v1/repos/%s/%s", (int)n, host, r->owner, r->name) >=
	    sizeof(a->base))
		return jm_error_set(err, JM_E_INVALID, "DAGSHUB_CLIENT_HOST is too long");
	snprintf(a->shown, sizeof(a->shown), "%s", strstr(a->base, "://") + 3);
	a->connect_timeout_s = a->read_timeout_s = TIMEOUT_S;
	return read_credentials(a, err);
}

void jm_hub_close(struct jm_hub *hub)
{
	explicit_bzero(&hub->access, sizeof(hub->access));
}

int jm_hub_url(const struct jm_hub *hub, const char *verb, const char *path, char *out, size_t size,
	       struct jm_error *err)
{
	char *branch = curl_easy_escape(NULL, hub->request->branch, 0), *escaped = curl_easy_escape(NULL, path, 0);
	int n = -1;

	if (branch && escaped)
		n = snprintf(out, size, "%s/%s/%s%s%s", hub->access.base, verb, branch, *escaped ? "/" : "", escaped);
	curl_free(branch);
	curl_free(escaped);
	return n >= 0 && (size_t)n < size ? 0 : jm_error_set(err, JM_E_INVALID, "the path %s is too long", path);
}

static void pause_before(int attempt)
{
	int64_t wait = PAUSE_NS << (attempt - 1);
	const struct timespec pause = {(time_t)(wait / JM_NS_PER_S), (long)(wait % JM_NS_PER_S)};

	nanosleep(&pause, NULL);
}

static int ask_to_stop(const struct jm_hub *hub)
{
	const struct jm_hub_request *r = hub->request;

	return r->progress && r->progress(r->ctx, "waiting", 0, 0);
}

int jm_hub_perform(const struct jm_hub *hub, CURL *easy, const char *what, int (*reset)(void *ctx), void *ctx,
		   long *status_out, struct jm_error *err)
{
	struct curl_slist *headers = NULL;
	CURLcode code = CURLE_OK;
	long status = 0;
	int attempt, rc = jm_net_prepare(easy, &hub->access, "", &headers);

	if (rc)
		rc = jm_error_set(err, rc, "out of memory for a request");
	for (attempt = 1; rc == 0; attempt++) {
		if (reset && (rc = reset(ctx))) {
			jm_error_set(err, JM_E_IO, "cannot begin again with %s", what);
			break;
		}
		code = curl_easy_perform(easy);
		status = 0;
		curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
		if (!jm_net_is_transient(code, code == CURLE_OK ? status : 0) || attempt == JM_NET_ATTEMPTS)
			break;
		if (ask_to_stop(hub))
			rc = jm_error_set(err, JM_E_CANCELLED, "stopped at %s", what);
		else
			pause_before(attempt);
	}
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, NULL);
	curl_slist_free_all(headers);
	if (rc)
		return rc;
	*status_out = status;
	if (code == CURLE_OK && status >= 200 && status < 300)
		return 0;
	rc = jm_net_error(&hub->access, "DagsHub", what, false, code, status, "", err);
	if (rc == JM_E_PERMISSION)
		jm_error_remedy(err, "%s sent: check %s",
				hub->access.header[0] ? "DAGSHUB_USER_TOKEN was"
						      : "DAGSHUB_USERNAME and DAGSHUB_PASSWORD were",
				hub->access.header[0] ? "it" : "them");
	return rc;
}

static size_t on_text(char *data, size_t size, size_t n, void *ctx)
{
	struct jm_buffer *out = ctx;

	if (out->n + size * n > JM_HUB_ANSWER_MAX)
		return 0;
	jm_buffer_append(out, data, size * n);
	return out->is_failed ? 0 : size * n;
}

static int empty(void *ctx)
{
	struct jm_buffer *out = ctx;

	out->n = 0;
	return 0;
}

int jm_hub_get_text(const struct jm_hub *hub, CURL *easy, const char *url, const char *what, struct jm_buffer *out,
		    struct jm_error *err)
{
	long status;

	curl_easy_reset(easy);
	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_text);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, out);
	return jm_hub_perform(hub, easy, what, empty, out, &status, err);
}
