#define _GNU_SOURCE
#include "dvc/config.h"

#include "core/error.h"
#include "core/grow.h"
#include "dvc/path.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONFIG_MAX ((size_t)1 << 20)

/* Text without the white space around it. */
struct span {
	const char *text;
	size_t n;
};

static struct span trim(const char *text, size_t n)
{
	while (n && isspace((unsigned char)*text)) {
		text++;
		n--;
	}
	while (n && isspace((unsigned char)text[n - 1]))
		n--;
	return (struct span){text, n};
}

/* Takes the quotes off, or a comment behind it. Gives false for quotes that do not close. */
static bool unquote(struct span *s)
{
	const char *close;

	if (s->n && (*s->text == '"' || *s->text == '\'')) {
		close = memchr(s->text + 1, *s->text, s->n - 1);
		if (!close)
			return false;
		if (trim(close + 1, s->n - (size_t)(close + 1 - s->text)).n &&
		    trim(close + 1, s->n - (size_t)(close + 1 - s->text)).text[0] != '#')
			return true; /* a list: "a", "b" */
		s->n = (size_t)(close - s->text) - 1;
		s->text++;
		return true;
	}
	close = memchr(s->text, '#', s->n);
	if (close)
		*s = trim(s->text, (size_t)(close - s->text));
	return true;
}

static char *copy_span(struct span s, bool is_lower)
{
	char *copy = malloc(s.n + 1);
	size_t i;

	if (!copy)
		return NULL;
	for (i = 0; i < s.n; i++)
		copy[i] = (char)(is_lower ? tolower((unsigned char)s.text[i]) : s.text[i]);
	copy[s.n] = '\0';
	return copy;
}

/* 'remote "NAME"' becomes remote/NAME. */
static char *section_name(struct span s)
{
	static const char *const named[] = {"remote", "machine", "db"};
	char *name = copy_span(s, true), *open, *close;
	size_t i;

	for (i = 0; name && i < sizeof(named) / sizeof(named[0]); i++) {
		size_t n = strlen(named[i]);

		if (strncmp(name, named[i], n) != 0)
			continue;
		open = name + n + strspn(name + n, " \t");
		close = strrchr(name, '"');
		if (*open != '"' || close <= open)
			continue;
		*close = '\0';
		name[n] = '/';
		memmove(name + n + 1, open + 1, strlen(open + 1) + 1);
		break;
	}
	return name;
}

static int add_setting(struct jm_dvc_config *config, enum jm_dvc_level level, const char *section, struct span key,
		       struct span value)
{
	struct jm_dvc_setting s = {strdup(section), copy_span(key, true), copy_span(value, false), level};

	if (!s.section || !s.key || !s.value ||
	    !jm_grow(&config->settings, &config->capacity, config->n, sizeof(*config->settings))) {
		free(s.section);
		free(s.key);
		free(s.value);
		return JM_E_NOMEM;
	}
	config->settings[config->n++] = s;
	return 0;
}

static int bad_line(struct jm_error *err, const char *name, int number, const char *what)
{
	/* The line itself may hold a secret: it is not shown. */
	return jm_error_set(err, JM_E_FORMAT, "%s:%d: %s", name, number, what);
}

static int read_section(struct span line, char **section, const char *name, int number, struct jm_error *err)
{
	const char *close = memrchr(line.text, ']', line.n);
	struct span s;

	if (!close || (line.n > 1 && line.text[1] == '['))
		return bad_line(err, name, number, "a section must be [name]");
	s = trim(line.text + 1, (size_t)(close - line.text) - 1);
	if (s.n == 0 || !unquote(&s))
		return bad_line(err, name, number, "a section must be [name]");
	free(*section);
	*section = section_name(s);
	return *section ? 0 : jm_error_set(err, JM_E_NOMEM, "out of memory for %s", name);
}

static int read_setting(struct jm_dvc_config *config, enum jm_dvc_level level, struct span line, const char *section,
			const char *name, int number, struct jm_error *err)
{
	const char *equals = memchr(line.text, '=', line.n);
	struct span key, value;

	if (!equals || !section)
		return bad_line(err, name, number,
				section ? "a setting must be key = value" : "a setting outside of a section");
	key = trim(line.text, (size_t)(equals - line.text));
	value = trim(equals + 1, line.n - (size_t)(equals + 1 - line.text));
	if (key.n == 0 || !unquote(&key) || !unquote(&value) || (value.n >= 3 && strncmp(value.text, "'''", 3) == 0) ||
	    (value.n >= 3 && strncmp(value.text, "\"\"\"", 3) == 0))
		return bad_line(err, name, number, "quotes that are not closed on their line");
	if (add_setting(config, level, section, key, value))
		return jm_error_set(err, JM_E_NOMEM, "out of memory for %s", name);
	return 0;
}

int jm_dvc_config_read(struct jm_dvc_config *config, enum jm_dvc_level level, const char *name, const char *text,
		       size_t n, struct jm_error *err)
{
	const char *line = text, *end = text + n;
	char *section = NULL;
	int number, rc = 0;

	for (number = 1; rc == 0 && line < end; number++) {
		const char *stop = memchr(line, '\n', (size_t)(end - line));
		struct span s = trim(line, (size_t)((stop ? stop : end) - line));

		if (s.n && *s.text == '[')
			rc = read_section(s, &section, name, number, err);
		else if (s.n && *s.text != '#')
			rc = read_setting(config, level, s, section, name, number, err);
		line = stop ? stop + 1 : end;
	}
	free(section);
	return rc;
}

/* The folder of a level's file: what DVC's environment says, or where the XDG base directory specification has it. */
static void folder_of(enum jm_dvc_level level, const char *dvc_folder, char *out, size_t size)
{
	const char *given = getenv(level == JM_DVC_SYSTEM ? "DVC_SYSTEM_CONFIG_DIR" : "DVC_GLOBAL_CONFIG_DIR");
	const char *xdg = getenv(level == JM_DVC_SYSTEM ? "XDG_CONFIG_DIRS" : "XDG_CONFIG_HOME"),
		   *home = getenv("HOME");

	if (level >= JM_DVC_REPO)
		snprintf(out, size, "%s", dvc_folder);
	else if (given && *given)
		snprintf(out, size, "%s", given);
	else if (xdg && *xdg)
		snprintf(out, size, "%.*s/dvc", (int)strcspn(xdg, ":"), xdg);
	else if (level == JM_DVC_SYSTEM)
		snprintf(out, size, "/etc/xdg/dvc");
	else
		snprintf(out, size, "%s/.config/dvc", home ? home : "/nonexistent");
}

static int load_level(struct jm_dvc_config *config, enum jm_dvc_level level, const char *dvc_folder,
		      struct jm_error *err)
{
	char folder[JM_DVC_PATH_MAX], path[JM_DVC_PATH_MAX];
	char *text;
	size_t n;
	int rc;

	folder_of(level, dvc_folder, folder, sizeof(folder));
	config->folders[level] = strdup(folder);
	if (!config->folders[level] ||
	    jm_dvc_path_join(folder, level == JM_DVC_LOCAL ? "config.local" : "config", path, sizeof(path)))
		return jm_error_set(err, JM_E_NOMEM, "no room for the path of DVC's settings");
	rc = jm_dvc_read_file(path, CONFIG_MAX, &text, &n, err);
	if (rc)
		return rc == JM_E_NOT_FOUND ? 0 : rc;
	rc = jm_dvc_config_read(config, level, path, text, n, err);
	free(text);
	return rc;
}

int jm_dvc_config_load(const char *dvc_folder, struct jm_dvc_config *out, struct jm_error *err)
{
	struct jm_dvc_config config = {0};
	int level, rc = 0;

	for (level = 0; rc == 0 && level < JM_DVC_N_LEVELS; level++)
		rc = load_level(&config, (enum jm_dvc_level)level, dvc_folder, err);
	if (rc) {
		jm_dvc_config_finish(&config);
		return rc;
	}
	*out = config;
	return 0;
}

void jm_dvc_config_finish(struct jm_dvc_config *config)
{
	size_t i;

	for (i = 0; i < config->n; i++) {
		free(config->settings[i].section);
		free(config->settings[i].key);
		if (config->settings[i].value)
			explicit_bzero(config->settings[i].value, strlen(config->settings[i].value));
		free(config->settings[i].value);
	}
	for (i = 0; i < JM_DVC_N_LEVELS; i++)
		free(config->folders[i]);
	free(config->settings);
	memset(config, 0, sizeof(*config));
}

const struct jm_dvc_setting *jm_dvc_config_find(const struct jm_dvc_config *config, const char *section,
						const char *key)
{
	size_t i;

	/* Levels were read in order: the last one holds. */
	for (i = config->n; i-- > 0;)
		if (strcasecmp(config->settings[i].section, section) == 0 && strcmp(config->settings[i].key, key) == 0)
			return &config->settings[i];
	return NULL;
}

const char *jm_dvc_config_get(const struct jm_dvc_config *config, const char *section, const char *key)
{
	const struct jm_dvc_setting *setting = jm_dvc_config_find(config, section, key);

	return setting ? setting->value : NULL;
}

bool jm_dvc_config_flag(const struct jm_dvc_config *config, const char *section, const char *key, bool otherwise)
{
	const char *value = jm_dvc_config_get(config, section, key);

	if (value && strcasecmp(value, "true") == 0)
		return true;
	return value && strcasecmp(value, "false") == 0 ? false : otherwise;
}

int jm_dvc_config_path(const struct jm_dvc_config *config, const char *section, const char *key, char *out, size_t size)
{
	const struct jm_dvc_setting *s = jm_dvc_config_find(config, section, key);
	const char *home = getenv("HOME");

	if (!s)
		return JM_E_NOT_FOUND;
	if (strstr(s->value, "://") || s->value[0] == '/')
		return (size_t)snprintf(out, size, "%s", s->value) < size ? 0 : JM_E_INVALID;
	if (home && s->value[0] == '~' && (s->value[1] == '/' || !s->value[1]))
		return (size_t)snprintf(out, size, "%s%s", home, s->value + 1) < size ? 0 : JM_E_INVALID;
	return jm_dvc_path_join(config->folders[s->level], s->value, out, size);
}

bool jm_dvc_config_is_secret(const char *key)
{
	static const char *const secrets[] = {"password",          "token",         "access_key_id",
					      "secret_access_key", "session_token", "passphrase",
					      "sse_customer_key",  "account_key",   "client_secret",
					      "oss_key_secret",    "sas_token",     "connection_string"};
	size_t i;

	for (i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++)
		if (strcasecmp(key, secrets[i]) == 0)
			return true;
	return false;
}
