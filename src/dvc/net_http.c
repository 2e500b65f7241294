/* Remotes over HTTP(S): objects are files below a URL, asked for by HEAD, sent by POST or, where the settings say so, PUT. DagsHub's
 * https://dagshub.com/USER/REPOSITORY.dvc is one. Settings: DVC's documentation, "remote modify", HTTP. */
#define _GNU_SOURCE
#include "dvc/net_remote.h"

#include "core/error.h"
#include "core/text.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIMEOUT_S    60 /* as DVC */
#define ENV_USER     "JOULEMAP_REMOTE_USER"
#define ENV_PASSWORD "JOULEMAP_REMOTE_PASSWORD"
#define ENV_HOST     "JOULEMAP_REMOTE_HOST"

struct setup {
	struct jm_dvc_remote *remote;
	const struct jm_dvc_config *config;
	struct jm_net_access *access;
	struct jm_error *err;
};

static const char *setting(const struct setup *s, const char *key)
{
	const char *value = jm_dvc_config_get(s->config, s->remote->section, key);

	return value && *value ? value : NULL;
}

static int copy(const struct setup *s, const char *key, const char *value, char *out, size_t size)
{
	if ((size_t)snprintf(out, size, "%s", value) < size)
		return 0;
	return jm_error_set(s->err, JM_E_INVALID, "the setting %s of the remote '%s' is too long", key,
			    s->remote->name);
}

static int read_timeout(const struct setup *s, const char *key, long *out)
{
	const char *value = setting(s, key);
	double seconds = TIMEOUT_S;

	if (value && (jm_text_double(value, strlen(value), &seconds) || seconds <= 0 || seconds > 86400))
		return jm_error_set(s->err, JM_E_INVALID, "%s of the remote '%s' must be a number of seconds", key,
				    s->remote->name);
	*out = seconds < 1 ? 1 : (long)(seconds + 0.5);
	return 0;
}

/* ssl_verify: true, false, or a file of certificates. */
static int read_verify(const struct setup *s)
{
	const char *value = setting(s, "ssl_verify");

	if (!value || strcasecmp(value, "true") == 0)
		return 0;
	if (strcasecmp(value, "false") == 0) {
		s->access->no_verify = true;
		return 0;
	}
	return copy(s, "ssl_verify", value, s->access->ca, sizeof(s->access->ca));
}

static bool is_loopback(const char *host)
{
	struct in_addr address;

	return strcasecmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0 ||
	       (inet_pton(AF_INET, host, &address) == 1 && ntohl(address.s_addr) >> 24 == 127);
}

/* The environment's user and password are for one host. Where a remote lies is said by files that come with a repository, of whom
 * ever: without a name that the user gave they could be had by any. */
static bool is_environment_for(const char *remote_url)
{
	const char *meant = getenv(ENV_HOST);
	char *host = NULL, *scheme = NULL;
	CURLU *url = curl_url();
	bool is_for = meant && url && curl_url_set(url, CURLUPART_URL, remote_url, 0) == CURLUE_OK &&
		      curl_url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
		      curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK && strcasecmp(meant, host) == 0 &&
		      (strcasecmp(scheme, "https") == 0 || is_loopback(host));

	curl_free(host);
	curl_free(scheme);
	curl_url_cleanup(url);
	return is_for;
}

static bool has_environment(const char *name)
{
	const char *value = getenv(name);

	return value && *value;
}

/* The environment's user and password are not for this remote: why. */
static void say_kept(const struct setup *s, bool has_user, bool has_password)
{
	struct jm_net_access *a = s->access;

	snprintf(a->refused_remedy, sizeof(a->refused_remedy), "%s%s%s kept back: %s", has_user ? ENV_USER : "",
		 has_user && has_password ? " and " : "",
		 has_password ? ENV_PASSWORD : "",
		 !has_environment(ENV_HOST)
		     ? ENV_HOST " is not set; it names the one host that they are sent to, over https"
		     : ENV_HOST " does not name this remote's host, or its URL does not begin with https");
}

/* Sets what to try when the remote refuses. */
static void prepare_remedy(const struct setup *s)
{
	struct jm_net_access *a = s->access;
	const char *name = s->remote->name;
	bool is_for = is_environment_for(s->remote->url), env_user = has_environment(ENV_USER),
	     env_password = has_environment(ENV_PASSWORD);
	const char *auth = setting(s, "auth");
	/* A header of one's own has a password alone. */
	bool has_user = a->user[0] || setting(s, "user") || (is_for && env_user) || (auth && strcasecmp(auth, "custom") == 0);
	bool has_password = a->password[0] || setting(s, "password") || (is_for && env_password);
	size_t size = sizeof(a->refused_remedy);

	if (a->header[0])
		snprintf(a->refused_remedy, size, "check custom_auth_header and password of the remote");
	else if (has_user && has_password)
		snprintf(a->refused_remedy, size,
			 "check user and password: joulemap data remote modify --local %.64s user NAME, and password -", name);
	else if (!is_for && ((!has_user && env_user) || (!has_password && env_password)))
		say_kept(s, env_user, env_password);
	else if (!has_user && !has_password)
		snprintf(a->refused_remedy, size,
			 "no user and password were sent: joulemap data remote modify --local %.64s user NAME, and "
			 "password -; or set " ENV_USER ", " ENV_PASSWORD " and " ENV_HOST
			 ", the one host that they are sent to, over https",
			 name);
	else
		snprintf(a->refused_remedy, size,
			 "no %s was sent: joulemap data remote modify --local %.64s %s; or set %s and " ENV_HOST,
			 has_user ? "password" : "user", name, has_user ? "password -" : "user NAME",
			 has_user ? ENV_PASSWORD : ENV_USER);
}

static int no_header(const struct setup *s)
{
	jm_error_set(s->err, JM_E_INVALID, "auth of the remote '%s' is custom, and custom_auth_header is not set",
		     s->remote->name);
	return jm_error_remedy(s->err, "joulemap data remote modify %s custom_auth_header NAME-OF-THE-HEADER",
			       s->remote->name);
}

static int no_secret(const struct setup *s, const char *what)
{
	jm_error_set(s->err, JM_E_PERMISSION, "the remote '%s' wants %s", s->remote->name, what);
	return jm_error_remedy(s->err, "%s", s->access->refused_remedy);
}

/* The environment holds where the settings say nothing. */
static int read_credentials(const struct setup *s)
{
	const char *user = setting(s, "user"), *password = setting(s, "password"), *auth = setting(s, "auth");
	const char *header = setting(s, "custom_auth_header");
	bool is_for = is_environment_for(s->remote->url);
	int rc = 0;

	prepare_remedy(s);
	user = user || !is_for ? user : getenv(ENV_USER);
	password = password || !is_for ? password : getenv(ENV_PASSWORD);
	if (!auth && !(user && password))
		return 0;
	if (auth && strcasecmp(auth, "custom") == 0) {
		if (!header)
			return no_header(s);
		if (!password)
			return no_secret(s, "the password that its custom_auth_header holds, and there is none");
		s->access->no_redirects = true; /* nobody else is to get the header */
		if ((size_t)snprintf(s->access->header, sizeof(s->access->header), "%s: %s", header, password) >=
			sizeof(s->access->header) ||
		    strpbrk(s->access->header, "\r\n"))
			return jm_error_set(s->err, JM_E_INVALID,
					    "the header of the remote '%s' is too long, or no line", s->remote->name);
		return 0;
	}
	if (auth && strcasecmp(auth, "basic") != 0 && strcasecmp(auth, "digest") != 0)
		return jm_error_set(s->err, JM_E_INVALID, "auth of the remote '%s' must be basic, digest or custom",
				    s->remote->name);
	if (!user || !password)
		return no_secret(s, !user && !password ? "a user and a password, and there are none"
				    : user	       ? "a password, and there is none"
						       : "a user, and there is none");
	s->access->auth = auth && strcasecmp(auth, "digest") == 0 ? (long)CURLAUTH_DIGEST : (long)CURLAUTH_BASIC;
	rc = copy(s, "user", user, s->access->user, sizeof(s->access->user));
	return rc ? rc : copy(s, "password", password, s->access->password, sizeof(s->access->password));
}

static int read_method(const struct setup *s)
{
	const char *method = setting(s, "method");

	s->access->is_post = !method || strcasecmp(method, "POST") == 0;
	if (method && !s->access->is_post && strcasecmp(method, "PUT") != 0)
		return jm_error_set(s->err, JM_E_INVALID, "method of the remote '%s' must be POST or PUT",
				    s->remote->name);
	return 0;
}

/* Splits user and password off the URL: they must not be shown. */
static int read_url(const struct setup *s)
{
	struct jm_net_access *a = s->access;
	CURLU *url = curl_url();
	char *plain = NULL, *host = NULL, *path = NULL, *user = NULL, *password = NULL, *port = NULL;
	size_t n;
	int rc = 0;

	if (!url || curl_url_set(url, CURLUPART_URL, s->remote->url, 0) ||
	    curl_url_get(url, CURLUPART_HOST, &host, 0) || curl_url_get(url, CURLUPART_PATH, &path, 0)) {
		rc = jm_error_set(s->err, JM_E_INVALID, "the URL of the remote '%s' is none", s->remote->name);
	} else {
		curl_url_get(url, CURLUPART_PORT, &port, 0);
		curl_url_get(url, CURLUPART_USER, &user, CURLU_URLDECODE);
		curl_url_get(url, CURLUPART_PASSWORD, &password, CURLU_URLDECODE);
		curl_url_set(url, CURLUPART_USER, NULL, 0);
		curl_url_set(url, CURLUPART_PASSWORD, NULL, 0);
		curl_url_set(url, CURLUPART_QUERY, NULL, 0);
		curl_url_set(url, CURLUPART_FRAGMENT, NULL, 0);
		if (curl_url_get(url, CURLUPART_URL, &plain, 0))
			rc = jm_error_set(s->err, JM_E_NOMEM, "out of memory for the URL of the remote '%s'",
					  s->remote->name);
	}
	if (rc == 0)
		rc = copy(s, "url", plain, a->base, sizeof(a->base));
	if (rc == 0 && user && !a->user[0])
		rc = copy(s, "url", user, a->user, sizeof(a->user));
	if (rc == 0 && password && !a->password[0])
		rc = copy(s, "url", password, a->password, sizeof(a->password));
	if (rc == 0) {
		if (user && !a->auth)
			a->auth = (long)CURLAUTH_BASIC;
		for (n = strlen(a->base); n && a->base[n - 1] == '/'; n--)
			a->base[n - 1] = '\0';
		snprintf(a->shown, sizeof(a->shown), "%s%s%s%s", host, port ? ":" : "", port ? port : "", path);
	}
	curl_free(plain);
	curl_free(host);
	curl_free(port);
	curl_free(path);
	curl_free(user);
	curl_free(password);
	curl_url_cleanup(url);
	return rc;
}

/* What every remote over the network has. */
int jm_net_common(struct jm_dvc_remote *remote, const struct jm_dvc_config *config, struct jm_net_access *access,
		  struct jm_error *err)
{
	const struct setup s = {remote, config, access, err};
	int rc = read_verify(&s);

	rc = rc ? rc : read_timeout(&s, "connect_timeout", &access->connect_timeout_s);
	return rc ? rc : read_timeout(&s, "read_timeout", &access->read_timeout_s);
}

static int open_http(struct jm_dvc_remote *remote, const struct jm_dvc_config *config, struct jm_error *err)
{
	struct jm_net_access *access = calloc(1, sizeof(*access));
	const struct setup s = {remote, config, access, err};
	int rc;

	if (!access)
		return jm_error_set(err, JM_E_NOMEM, "out of memory");
	remote->state = access;
	rc = jm_net_common(remote, config, access, err);
	rc = rc ? rc : read_method(&s);
	rc = rc ? rc : read_credentials(&s);
	rc = rc ? rc : read_url(&s);
	prepare_remedy(&s); /* again: by now the URL's user is known */
	if (rc)
		jm_net_close(remote);
	return rc;
}

void jm_net_close(struct jm_dvc_remote *remote)
{
	if (remote->state)
		explicit_bzero(remote->state, sizeof(struct jm_net_access));
	free(remote->state);
	remote->state = NULL;
}

int jm_net_probe(struct jm_dvc_remote *remote, struct jm_dvc_transfer *t, struct jm_error *err)
{
	return jm_net_run(remote->state, JM_NET_HEAD, remote->name, t, err);
}

int jm_net_get(struct jm_dvc_remote *remote, struct jm_dvc_transfer *t, struct jm_error *err)
{
	return jm_net_run(remote->state, JM_NET_GET, remote->name, t, err);
}

int jm_net_put(struct jm_dvc_remote *remote, struct jm_dvc_transfer *t, struct jm_error *err)
{
	return jm_net_run(remote->state, JM_NET_SEND, remote->name, t, err);
}

const struct jm_dvc_remote_kind jm_dvc_remote_http = {.schemes = "http https",
						      .open = open_http,
						      .close = jm_net_close,
						      .probe = jm_net_probe,
						      .get = jm_net_get,
						      .put = jm_net_put};
