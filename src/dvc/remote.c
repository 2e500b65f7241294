#define _GNU_SOURCE
#include "dvc/remote.h"

#include "core/error.h"
#include "dvc/repo.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct jm_dvc_remote_kind *const kinds[] = {&jm_dvc_remote_folder, &jm_dvc_remote_http, &jm_dvc_remote_s3};

static const struct jm_dvc_remote_kind *kind_of(const char *url)
{
	const char *colon = strstr(url, "://");
	size_t n = colon ? (size_t)(colon - url) : 0, i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		const char *scheme = kinds[i]->schemes;

		if (n == 0 && !*scheme)
			return kinds[i];
		for (; n && *scheme; scheme += strcspn(scheme, " "), scheme += *scheme == ' ')
			if (strcspn(scheme, " ") == n && strncasecmp(scheme, url, n) == 0)
				return kinds[i];
	}
	return NULL;
}

int jm_dvc_remote_open(const struct jm_dvc_config *config, const char *name, struct jm_dvc_remote *out,
		       struct jm_error *err)
{
	struct jm_dvc_remote remote = {0};
	size_t i;
	int rc;

	name = name ? name : jm_dvc_config_get(config, "core", "remote");
	if (!name || !*name) {
		jm_error_set(err, JM_E_NOT_FOUND, "there is no default remote");
		return jm_error_remedy(err, "joulemap data remote add -d NAME URL, or name one with -r");
	}
	if (strlen(name) >= sizeof(remote.name))
		return jm_error_set(err, JM_E_INVALID, "the name of the remote is too long");
	for (i = 0; name[i]; i++)
		remote.name[i] = (char)tolower((unsigned char)name[i]);
	snprintf(remote.section, sizeof(remote.section), "remote/%s", remote.name);
	rc = jm_dvc_config_path(config, remote.section, "url", remote.url, sizeof(remote.url));
	if (rc) {
		jm_error_set(err, JM_E_NOT_FOUND, "there is no remote '%s'", name);
		return jm_error_remedy(err, "joulemap data remote list; joulemap data remote add %s URL", name);
	}
	remote.kind = kind_of(remote.url);
	if (!remote.kind) {
		jm_error_set(err, JM_E_UNSUPPORTED, "the remote '%s' is of a kind that joulemap does not know: %.*s://",
			     name, (int)(strstr(remote.url, "://") - remote.url), remote.url);
		return jm_error_remedy(err, "use dvc for it; joulemap knows folders, http, https and s3");
	}
	rc = remote.kind->open(&remote, config, err);
	if (rc)
		return rc;
	*out = remote;
	return 0;
}

void jm_dvc_remote_close(struct jm_dvc_remote *remote)
{
	if (remote->kind)
		remote->kind->close(remote);
	memset(remote, 0, sizeof(*remote));
}

static int check_name(const char *name, struct jm_error *err)
{
	const char *c;

	for (c = name; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr("-_.+", *c))
			break;
	if (!*name || *c)
		return jm_error_set(err, JM_E_INVALID, "a remote's name has letters, digits and - _ . +; '%s' has not",
				    name);
	return 0;
}

/* Out of both files: what is left of it in the other one would make the settings invalid. */
static int remove_remote(struct jm_dvc *d, const char *section, const char *name, struct jm_error *err)
{
	const char *standard = jm_dvc_config_get(&d->config, "core", "remote");
	char path[JM_DVC_PATH_MAX + 32], local[JM_DVC_PATH_MAX + 32];
	int rc, rc_local;

	snprintf(path, sizeof(path), "%s/config", d->dvc_folder);
	snprintf(local, sizeof(local), "%s/config.local", d->dvc_folder);
	rc_local = jm_dvc_config_edit(local, section, NULL, NULL, true, NULL);
	rc = jm_dvc_config_edit(path, section, NULL, NULL, false, err);
	rc = rc == JM_E_NOT_FOUND ? rc_local : rc;
	if (rc == JM_E_NOT_FOUND)
		return jm_error_set(err, rc, "there is no remote '%s' in .dvc/config or .dvc/config.local", name);
	if (rc == 0 && standard && strcasecmp(standard, name) == 0)
		rc = jm_dvc_config_edit(path, "core", "remote", NULL, false, err);
	return rc == JM_E_NOT_FOUND ? 0 : rc;
}

/* Finds user and password in a URL, "user:password@"; length_out: without the @. NULL: there are none. */
static const char *find_userinfo(const char *url, size_t *length_out)
{
	const char *scheme = strstr(url, "://"), *start = scheme ? scheme + 3 : url;
	const char *at = scheme ? memrchr(start, '@', strcspn(start, "/")) : NULL;

	*length_out = at ? (size_t)(at - start) : 0;
	return at ? start : NULL;
}

static int refuse_userinfo(const char *name, const char *url, struct jm_error *err)
{
	size_t n;

	if (!find_userinfo(url, &n))
		return 0;
	jm_error_set(err, JM_E_INVALID,
		     "the URL holds a user or a password, which would be committed with .dvc/config");
	return jm_error_remedy(err, "leave it out; joulemap data remote modify %s user NAME, and password -", name);
}

int jm_dvc_remote_set(struct jm_dvc *d, const char *name, const char *key, const char *value, bool is_local,
		      struct jm_error *err)
{
	char section[300], path[JM_DVC_PATH_MAX + 32];
	bool is_secret = key && jm_dvc_config_is_secret(key);
	int rc = check_name(name, err);

	if (rc)
		return rc;
	snprintf(section, sizeof(section), "remote/%.250s", name);
	if (!key)
		return remove_remote(d, section, name, err);
	if (value && strcmp(key, "url") != 0 && !jm_dvc_config_find(&d->config, section, "url")) {
		jm_error_set(err, JM_E_NOT_FOUND, "there is no remote '%s'", name);
		return jm_error_remedy(err, "joulemap data remote add %s URL", name);
	}
	is_local = is_local || is_secret;
	rc = value && !is_local ? refuse_userinfo(name, value, err) : 0;
	if (rc)
		return rc;
	snprintf(path, sizeof(path), "%s/config%s", d->dvc_folder, is_local ? ".local" : "");
	return jm_dvc_config_edit(path, section, key, value, is_local, err);
}

/* Writes where to is, seen from the folder from; both absolute and without dots. */
static int relative_path(const char *from, const char *to, char *out, size_t size)
{
	size_t common = 0, i, used = 0;

	for (i = 0; from[i] && from[i] == to[i]; i++)
		if (from[i] == '/')
			common = i + 1;
	if (!from[i] && (to[i] == '/' || !to[i]))
		common = i + (to[i] == '/');
	for (i = common; i < strlen(from); i++) {
		if (i > common && from[i] != '/')
			continue;
		if (used + 4 > size)
			return JM_E_INVALID;
		memcpy(out + used, "../", 4);
		used += 3;
	}
	return (size_t)snprintf(out + used, size - used, "%s", to + common) < size - used ? 0 : JM_E_INVALID;
}

/* A relative path is kept relative to .dvc, as DVC does. */
static int stored_url(const struct jm_dvc *d, const char *url, char *out, size_t size, struct jm_error *err)
{
	char here[JM_DVC_PATH_MAX], joined[2 * JM_DVC_PATH_MAX + 2], clean[2 * JM_DVC_PATH_MAX + 2] = "/";
	bool is_kept = strstr(url, "://") || url[0] == '/' || url[0] == '~';

	if (is_kept && (size_t)snprintf(out, size, "%s", url) < size)
		return 0;
	if (is_kept || !realpath(".", here) ||
	    (size_t)snprintf(joined, sizeof(joined), "%s/%s", here + 1, url) >= sizeof(joined) ||
	    jm_dvc_path_normalise(joined, clean + 1, sizeof(clean) - 1) ||
	    relative_path(d->dvc_folder, clean, out, size))
		return jm_error_set(err, JM_E_INVALID, "the path of the remote cannot be: %s", url);
	return 0;
}

/* Takes a remote out of the file that its new settings go into, and says if the other one has some, too: they still hold. */
static int clear_remote(struct jm_dvc *d, const struct jm_dvc_request *r, const char *name, bool is_local,
			struct jm_error *err)
{
	const enum jm_dvc_level other = is_local ? JM_DVC_REPO : JM_DVC_LOCAL;
	char section[300], path[JM_DVC_PATH_MAX + 32];
	size_t i;
	int rc;

	snprintf(section, sizeof(section), "remote/%.250s", name);
	snprintf(path, sizeof(path), "%s/config%s", d->dvc_folder, is_local ? ".local" : "");
	rc = jm_dvc_config_edit(path, section, NULL, NULL, is_local, err);
	if (rc && rc != JM_E_NOT_FOUND)
		return rc;
	for (i = 0; i < d->config.n; i++)
		if (d->config.settings[i].level == other && strcasecmp(d->config.settings[i].section, section) == 0)
			break;
	if (i < d->config.n)
		jm_dvc_say(r,
			   "settings of '%s' in .dvc/config%s are kept: joulemap data remote remove %s takes them away",
			   name, is_local ? "" : ".local", name);
	return 0;
}

int jm_dvc_remote_add(struct jm_dvc *d, const struct jm_dvc_request *r, const char *name, const char *url,
		      bool is_default, bool is_local, struct jm_error *err)
{
	char section[300], stored[JM_DVC_PATH_MAX];
	int rc = check_name(name, err);

	rc = rc || is_local ? rc : refuse_userinfo(name, url, err);
	if (rc)
		return rc;
	snprintf(section, sizeof(section), "remote/%.250s", name);
	if (!r->force && jm_dvc_config_find(&d->config, section, "url")) {
		jm_error_set(err, JM_E_EXISTS, "there is a remote '%s' already", name);
		return jm_error_remedy(err, "joulemap data remote modify %s url URL, or --force", name);
	}
	rc = stored_url(d, url, stored, sizeof(stored), err);
	rc = rc || !r->force ? rc : clear_remote(d, r, name, is_local, err);
	rc = rc ? rc : jm_dvc_remote_set(d, name, "url", stored, is_local, err);
	return rc || !is_default ? rc : jm_dvc_remote_default(d, name, err);
}

int jm_dvc_remote_default(struct jm_dvc *d, const char *name, struct jm_error *err)
{
	char path[JM_DVC_PATH_MAX + 32];
	int rc = check_name(name, err);

	snprintf(path, sizeof(path), "%s/config", d->dvc_folder);
	return rc ? rc : jm_dvc_config_edit(path, "core", "remote", name, false, err);
}

int jm_dvc_remote_list(struct jm_dvc *d, const struct jm_dvc_request *r, struct jm_error *err)
{
	const char *standard = jm_dvc_config_get(&d->config, "core", "remote");
	size_t i;

	(void)err;
	for (i = 0; i < d->config.n; i++) {
		const struct jm_dvc_setting *s = &d->config.settings[i];
		const char *name = strncmp(s->section, "remote/", 7) == 0 ? s->section + 7 : NULL, *hidden;
		size_t n_hidden;

		if (!name || strcmp(s->key, "url") != 0 || jm_dvc_config_find(&d->config, s->section, "url") != s)
			continue;
		hidden = find_userinfo(s->value, &n_hidden);
		jm_dvc_say(r, "%s\t%.*s%s%s%s", name, hidden ? (int)(hidden - s->value) : 0, s->value,
			   hidden ? "***" : "", hidden ? hidden + n_hidden : s->value,
			   standard && strcasecmp(standard, name) == 0 ? "\t(default)" : "");
	}
	return 0;
}
