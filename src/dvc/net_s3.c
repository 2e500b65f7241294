/* Remotes on S3 and what speaks its protocol (endpointurl): DagsHub's .s3 form, MinIO, ... Requests are signed (version 4) by libcurl.
 * Settings: DVC's documentation, "remote modify", S3; where they say nothing, AWS's own environment and files do. */
#define _GNU_SOURCE
#include "dvc/net_remote.h"

#include "core/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AWS_FILE_MAX ((size_t)1 << 20)

/* Unknown to us, and leaving them out would do something else than was asked for. */
static const char *const refused[] = {
    "sse",        "sse_kms_key_id", "sse_customer_algorithm", "sse_customer_key",  "acl",
    "grant_read", "grant_read_acp", "grant_write_acp",        "grant_full_control"};

struct keys {
	char id[512], secret[2048], token[4096];
	const char *from; /* where they were found; NULL: nowhere */
};

static const char *first_of(const char *a, const char *b, const char *c)
{
	return a && *a ? a : b && *b ? b : c && *c ? c : NULL;
}

static bool take(const char *value, char *out, size_t size)
{
	return value && *value && (size_t)snprintf(out, size, "%s", value) < size;
}

/* ~/.aws/credentials and ~/.aws/config; "profile NAME" is how the latter calls a section. */
static bool keys_of_file(const char *path, const char *profile, struct keys *keys, char *region, size_t region_size)
{
	struct jm_dvc_config file = {0};
	char section[300];
	char *text = NULL;
	size_t n;
	bool found;

	if (jm_dvc_read_file(path, AWS_FILE_MAX, &text, &n, NULL))
		return false;
	/* Nested settings of AWS's config are no lines that we know: what was read before them holds. */
	(void)jm_dvc_config_read(&file, JM_DVC_GLOBAL, path, text, n, NULL);
	snprintf(section, sizeof(section), "%.250s", profile);
	if (!jm_dvc_config_get(&file, section, "aws_access_key_id") && !jm_dvc_config_get(&file, section, "region"))
		snprintf(section, sizeof(section), "profile %.250s", profile);
	found = take(jm_dvc_config_get(&file, section, "aws_access_key_id"), keys->id, sizeof(keys->id)) &&
		take(jm_dvc_config_get(&file, section, "aws_secret_access_key"), keys->secret, sizeof(keys->secret));
	if (found)
		take(jm_dvc_config_get(&file, section, "aws_session_token"), keys->token, sizeof(keys->token));
	if (!region[0])
		take(jm_dvc_config_get(&file, section, "region"), region, region_size);
	jm_dvc_config_finish(&file);
	explicit_bzero(text, n);
	free(text);
	return found;
}

static bool keys_of_files(const struct jm_dvc_config *config, const char *section, const char *profile,
			  struct keys *keys, char *region, size_t region_size)
{
	static const struct {
		const char *setting, *environment, *file;
	} places[] = {{"credentialpath", "AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials"},
		      {"configpath", "AWS_CONFIG_FILE", ".aws/config"}};
	const char *home = getenv("HOME");
	char path[JM_DVC_PATH_MAX];
	bool found = false;
	size_t i;

	for (i = 0; i < 2; i++) {
		const char *given = getenv(places[i].environment);

		if (jm_dvc_config_path(config, section, places[i].setting, path, sizeof(path)) &&
		    (size_t)snprintf(path, sizeof(path), "%s%s%s",
				     given  ? given
				     : home ? home
					    : "",
				     given ? "" : "/", given ? "" : places[i].file) >= sizeof(path))
			continue;
		found =
		    keys_of_file(path, profile, found ? &(struct keys){{0}, {0}, {0}, NULL} : keys, region, region_size) ||
		    found;
	}
	return found;
}

/* Says which of the two is missing where there is half of a pair. */
static int no_keys(const struct jm_dvc_remote *remote, const char *id, const char *secret, struct jm_error *err)
{
	bool has_id = id && *id, has_secret = secret && *secret, env_id = getenv("AWS_ACCESS_KEY_ID") != NULL,
	     env_secret = getenv("AWS_SECRET_ACCESS_KEY") != NULL;

	jm_error_set(err, JM_E_PERMISSION,
		     "there are no keys for the remote '%s': not in the settings, the environment or ~/.aws",
		     remote->name);
	if (has_id != has_secret)
		return jm_error_remedy(err, "%s is missing in the settings: joulemap data remote modify %s %s -",
				       has_id ? "secret_access_key" : "access_key_id", remote->name,
				       has_id ? "secret_access_key" : "access_key_id");
	if (env_id != env_secret)
		return jm_error_remedy(err, "%s is not set", env_id ? "AWS_SECRET_ACCESS_KEY" : "AWS_ACCESS_KEY_ID");
	return jm_error_remedy(
	    err,
	    "joulemap data remote modify %s access_key_id -, and secret_access_key -; or AWS_ACCESS_KEY_ID and "
	    "AWS_SECRET_ACCESS_KEY",
	    remote->name);
}

/* The settings, then the environment, then AWS's files. */
static int find_keys(const struct jm_dvc_remote *remote, const struct jm_dvc_config *config, struct keys *keys,
		     char *region, size_t region_size, struct jm_error *err)
{
	const char *id = jm_dvc_config_get(config, remote->section, "access_key_id"),
		   *secret = jm_dvc_config_get(config, remote->section, "secret_access_key"),
		   *profile = jm_dvc_config_get(config, remote->section, "profile");
	bool from_files;

	take(first_of(jm_dvc_config_get(config, remote->section, "region"), getenv("AWS_REGION"),
		      getenv("AWS_DEFAULT_REGION")),
	     region, region_size);
	if (take(id, keys->id, sizeof(keys->id)) && take(secret, keys->secret, sizeof(keys->secret))) {
		take(jm_dvc_config_get(config, remote->section, "session_token"), keys->token, sizeof(keys->token));
		keys->from = "access_key_id and secret_access_key of the settings";
		return 0;
	}
	if (!profile && take(getenv("AWS_ACCESS_KEY_ID"), keys->id, sizeof(keys->id)) &&
	    take(getenv("AWS_SECRET_ACCESS_KEY"), keys->secret, sizeof(keys->secret))) {
		take(getenv("AWS_SESSION_TOKEN"), keys->token, sizeof(keys->token));
		keys->from = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";
		return 0;
	}
	explicit_bzero(keys, sizeof(*keys)); /* half of a pair is none */
	from_files = keys_of_files(config, remote->section, first_of(profile, getenv("AWS_PROFILE"), "default"), keys,
				   region, region_size);
	if (!from_files)
		explicit_bzero(keys, sizeof(*keys));
	keys->from = from_files ? "the keys of ~/.aws (of AWS_PROFILE, or of the remote's profile)" : NULL;
	if (from_files || jm_dvc_config_flag(config, remote->section, "allow_anonymous_login", false))
		return 0;
	return no_keys(remote, id, secret, err);
}

/* Writes path with everything but unreserved characters and '/' encoded, as a signature counts it. */
static bool put_path(const char *path, char *out, size_t size)
{
	size_t used = strlen(out);

	for (; *path; path++) {
		unsigned char c = (unsigned char)*path;
		bool is_kept =
		    (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || strchr("-._~/", c);

		if (used + 4 > size)
			return false;
		used += (size_t)snprintf(out + used, size - used, is_kept ? "%c" : "%%%02X", c);
	}
	return true;
}

/* s3://BUCKET/PREFIX: with an endpoint BUCKET is part of the path; else of the host's name, unless it has dots, which a certificate
 * would not cover. */
static int find_base(const struct jm_dvc_remote *remote, const struct jm_dvc_config *config, const char *region,
		     struct jm_net_access *a, struct jm_error *err)
{
	const char *endpoint = jm_dvc_config_get(config, remote->section, "endpointurl"),
		   *bucket = strstr(remote->url, "://") + 3;
	const char *scheme = jm_dvc_config_flag(config, remote->section, "use_ssl", true) ? "https" : "http";
	size_t n = strcspn(bucket, "/"), end;
	const char *prefix = bucket[n] ? bucket + n + 1 : "";
	bool fits;

	endpoint = first_of(endpoint, getenv("AWS_ENDPOINT_URL_S3"), getenv("AWS_ENDPOINT_URL"));
	if (n == 0 || n > 255 ||
	    strspn(bucket, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") < n)
		return jm_error_set(err, JM_E_INVALID, "the URL of the remote '%s' must be s3://BUCKET/PREFIX",
				    remote->name);
	if (endpoint && (strncmp(endpoint, "http://", 7) != 0 && strncmp(endpoint, "https://", 8) != 0))
		return jm_error_set(err, JM_E_INVALID,
				    "endpointurl of the remote '%s' must begin with http:// or https://", remote->name);
	if (endpoint && strchr(endpoint, '@'))
		return jm_error_set(err, JM_E_INVALID,
				    "endpointurl of the remote '%s' must not hold a user or a password", remote->name);
	if (endpoint)
		fits = (size_t)snprintf(a->base, sizeof(a->base), "%.*s/%.*s/",
					(int)(strlen(endpoint) - (endpoint[strlen(endpoint) - 1] == '/')), endpoint,
					(int)n, bucket) < sizeof(a->base);
	else if (memchr(bucket, '.', n))
		fits = snprintf(a->base, sizeof(a->base), "%s://s3.%s.amazonaws.com/%.*s/", scheme, region, (int)n,
				bucket) > 0;
	else
		fits = snprintf(a->base, sizeof(a->base), "%s://%.*s.s3.%s.amazonaws.com/", scheme, (int)n, bucket,
				region) > 0;
	if (!fits || !put_path(prefix, a->base, sizeof(a->base)))
		return jm_error_set(err, JM_E_INVALID, "the URL of the remote '%s' is too long", remote->name);
	for (end = strlen(a->base); end && a->base[end - 1] == '/'; end--)
		a->base[end - 1] = '\0';
	snprintf(a->shown, sizeof(a->shown), "%s", strstr(a->base, "://") + 3);
	return 0;
}

static int check_settings(const struct jm_dvc_remote *remote, const struct jm_dvc_config *config, struct jm_error *err)
{
	size_t i;

	for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		if (!jm_dvc_config_get(config, remote->section, refused[i]))
			continue;
		jm_error_set(err, JM_E_UNSUPPORTED, "the setting %s of the remote '%s' is not known to joulemap",
			     refused[i], remote->name);
		return jm_error_remedy(err, "use dvc for this remote");
	}
	return 0;
}

static int set_access(const struct jm_dvc_remote *remote, const struct keys *keys, const char *region,
		      struct jm_net_access *a, struct jm_error *err)
{
	if (strspn(region, "abcdefghijklmnopqrstuvwxyz0123456789-") != strlen(region))
		return jm_error_set(err, JM_E_INVALID,
				    "region of the remote '%s' must have lower-case letters, digits and -",
				    remote->name);
	if (strpbrk(keys->token, "\r\n"))
		return jm_error_set(err, JM_E_INVALID, "session_token of the remote '%s' has a line break",
				    remote->name);
	a->no_redirects = true; /* a signature holds for one host */
	snprintf(a->refused_remedy, sizeof(a->refused_remedy),
		 "%s%s; joulemap data remote modify %.64s access_key_id -, and secret_access_key -",
		 keys->from ? "check " : "no keys were sent (allow_anonymous_login)", keys->from ? keys->from : "",
		 remote->name);
	if (!keys->from)
		return 0;
	snprintf(a->sigv4, sizeof(a->sigv4), "aws:amz:%s:s3", region);
	memcpy(a->user, keys->id, sizeof(keys->id));
	memcpy(a->password, keys->secret, sizeof(keys->secret));
	memcpy(a->token, keys->token, sizeof(keys->token));
	return 0;
}

static int open_s3(struct jm_dvc_remote *remote, const struct jm_dvc_config *config, struct jm_error *err)
{
	struct jm_net_access *a = calloc(1, sizeof(*a));
	char region[64] = "";
	struct keys keys = {{0}, {0}, {0}, NULL};
	int rc;

	if (!a)
		return jm_error_set(err, JM_E_NOMEM, "out of memory");
	remote->state = a;
	rc = check_settings(remote, config, err);
	rc = rc ? rc : find_keys(remote, config, &keys, region, sizeof(region), err);
	if (!region[0])
		strcpy(region, "us-east-1");
	rc = rc ? rc : set_access(remote, &keys, region, a, err);
	rc = rc ? rc : find_base(remote, config, region, a, err);
	rc = rc ? rc : jm_net_common(remote, config, a, err);
	explicit_bzero(&keys, sizeof(keys));
	if (rc)
		jm_net_close(remote);
	return rc;
}

const struct jm_dvc_remote_kind jm_dvc_remote_s3 = {.schemes = "s3",
						    .open = open_s3,
						    .close = jm_net_close,
						    .probe = jm_net_probe,
						    .get = jm_net_get,
						    .put = jm_net_put};
