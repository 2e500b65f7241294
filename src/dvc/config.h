/* DVC's settings: INI files, the later over the earlier: the system's, the user's, .dvc/config, .dvc/config.local. */
#ifndef DVC_CONFIG_H
#define DVC_CONFIG_H

#include "joulemap/joulemap.h"

enum jm_dvc_level { JM_DVC_SYSTEM, JM_DVC_GLOBAL, JM_DVC_REPO, JM_DVC_LOCAL, JM_DVC_N_LEVELS };

struct jm_dvc_setting {
	char *section; /* "core", "cache", "remote/NAME"; lower case */
	char *key, *value;
	enum jm_dvc_level level;
};

struct jm_dvc_config {
	struct jm_dvc_setting *settings;
	size_t n, capacity;
	char *folders[JM_DVC_N_LEVELS]; /* of the files */
};

/* Loads all levels; files that are not there say nothing. dvc_folder: ".dvc" with its path. Errors: JM_E_FORMAT with file and
 * line; JM_E_PERMISSION, ... */
int jm_dvc_config_load(const char *dvc_folder, struct jm_dvc_config *out, struct jm_error *err);
void jm_dvc_config_finish(struct jm_dvc_config *config);
/* Reads the lines of one file into config. name: for messages. */
int jm_dvc_config_read(struct jm_dvc_config *config, enum jm_dvc_level level, const char *name, const char *text,
		       size_t n, struct jm_error *err);

/* Gives the setting that holds, or NULL. */
const struct jm_dvc_setting *jm_dvc_config_find(const struct jm_dvc_config *config, const char *section,
						const char *key);
/* Gives its value, or NULL. */
const char *jm_dvc_config_get(const struct jm_dvc_config *config, const char *section, const char *key);
/* Gives true or false; missing or strange: otherwise. */
bool jm_dvc_config_flag(const struct jm_dvc_config *config, const char *section, const char *key, bool otherwise);
/* Gives a path: "~" and what is relative to the file that says it become absolute; URLs stay. Errors: JM_E_NOT_FOUND,
 * JM_E_INVALID: too long. */
int jm_dvc_config_path(const struct jm_dvc_config *config, const char *section, const char *key, char *out,
		       size_t size);

/* Says whether a key of a remote is a secret: such go into .dvc/config.local alone, and are never printed. */
bool jm_dvc_config_is_secret(const char *key);

/* Sets (value) or removes (NULL) a key in a file of settings, laid out as DVC does; comments stay. key NULL: removes the whole
 * section. section as above. The file is made when missing; a file of secrets is made for its owner alone.
 * Errors: JM_E_NOT_FOUND: there is nothing to remove. */
int jm_dvc_config_edit(const char *path, const char *section, const char *key, const char *value, bool is_private,
		       struct jm_error *err);

#endif
