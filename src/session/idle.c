/* Where the recordings of the idle machine lie: one for each choice of sensors, so that none overwrites another's. */
#define _GNU_SOURCE
#include "core/error.h"
#include "core/hash.h"
#include "core/units.h"
#include "recording/recording.h"
#include "session/session.h"

#include <ctype.h>
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What a killed run left has not been written to for so long; a live one writes every half second. */
#define STALE_S 60

/* The names of this machine's files begin with it. */
static void prefix(char *out, size_t size)
{
	struct jm_env env;
	char machine[32];

	jm_env_init(&env);
	jm_session_machine_id(&env, machine, sizeof(machine));
	snprintf(out, size, "idle-%s", machine);
}

/* A list of sensors as part of a file's name: its letters, and a hash of all of it where they do not say all. */
static void append_sensors(char *name, size_t size, const char *sensors)
{
	size_t n = strlen(name), i;
	bool is_plain = true;

	snprintf(name + n, size - n, "-");
	n++;
	for (i = 0; sensors[i] && i < 48 && n + 1 < size; i++) {
		bool is_kept = isalnum((unsigned char)sensors[i]) || sensors[i] == '_';

		is_plain = is_plain && is_kept;
		name[n++] = is_kept ? sensors[i] : '-';
	}
	name[n] = '\0';
	if (!is_plain || sensors[i])
		snprintf(name + n, size - n, "-%08x",
			 (unsigned)(jm_hash(JM_HASH_BEGIN, sensors, strlen(sensors)) & 0xffffffffu));
}

static bool has_replay(const char *sensors)
{
	const char *item;

	for (item = sensors; item; item = strchr(item, ',')) {
		item += *item == ',';
		item += strspn(item, " ");
		if (strncmp(item, "replay", 6) == 0)
			return true;
	}
	return false;
}

/* Calls take with each file of the folder of path whose name begins like that of this machine's idle recordings. */
static void each_file(void (*take)(void *ctx, const char *path, const struct stat *st), void *ctx)
{
	char folder[JM_PATH_MAX], path[JM_PATH_MAX + 300], begin[64];
	struct dirent *entry;
	struct stat st;
	DIR *dir;

	if (jm_session_data_path("", false, folder, sizeof(folder), NULL))
		return;
	prefix(begin, sizeof(begin));
	dir = opendir(folder);
	while (dir && (entry = readdir(dir))) {
		if (strncmp(entry->d_name, begin, strlen(begin)) != 0)
			continue;
		snprintf(path, sizeof(path), "%s%s", folder, entry->d_name);
		if (stat(path, &st) == 0 && S_ISREG(st.st_mode))
			take(ctx, path, &st);
	}
	if (dir)
		closedir(dir);
}

static void remove_stale(void *ctx, const char *path, const struct stat *st)
{
	const struct timespec *now = ctx;

	if (strstr(path, ".jmap.partial") && st->st_mtim.tv_sec + STALE_S < now->tv_sec)
		unlink(path);
}

int jm_idle_prepare(const char *sensors, char *out, size_t size, struct jm_error *err)
{
	struct timespec now = {0};
	struct jm_env env;
	char name[160];
	int rc;

	if (sensors && has_replay(sensors)) {
		jm_error_set(err, JM_E_INVALID, "replayed sensors say nothing of how this machine idles");
		return jm_error_remedy(err, "record them, and give that to --baseline: joulemap record -s %s", sensors);
	}
	prefix(name, sizeof(name));
	if (sensors)
		append_sensors(name, sizeof(name) - sizeof(".jmap"), sensors);
	strcat(name, ".jmap");
	rc = jm_session_data_path(name, true, out, size, err);
	if (rc)
		return rc;
	jm_env_init(&env);
	now.tv_sec = jm_env_realtime(&env) / JM_NS_PER_S;
	each_file(remove_stale, &now);
	return 0;
}

int jm_idle_judge(const char *path, double *busy_out, struct jm_error *err)
{
	struct jm_recording *r;
	double busy = NAN;
	int rc = jm_recording_open(path, &r, err);

	if (rc)
		return rc;
	jm_recording_meta_double(r, "machine_busy_fraction", &busy);
	jm_recording_close(r);
	*busy_out = busy;
	if (!(busy > JM_IDLE_BUSY_MAX))
		return 0;
	jm_error_set(err, JM_E_INVALID,
		     "the machine was not idle: its processors were at work %.0f %% of the time (at most %.0f %%)",
		     busy * 100, JM_IDLE_BUSY_MAX * 100);
	jm_error_remedy(
	    err, "stop what runs (top shows it) and measure again; --force keeps the level all the same, marked");
	return JM_E_INVALID;
}

struct file {
	char *path;
	struct timespec changed;
};

struct files {
	struct file *items;
	size_t n;
};

static void add_file(void *ctx, const char *path, const struct stat *st)
{
	struct files *f = ctx;
	size_t n = strlen(path);
	struct file *items;

	if (n < 5 || strcmp(path + n - 5, ".jmap") != 0)
		return;
	items = realloc(f->items, (f->n + 1) * sizeof(*items));
	if (!items)
		return;
	f->items = items;
	items[f->n].changed = st->st_mtim;
	items[f->n].path = strdup(path);
	f->n += items[f->n].path != NULL;
}

static int newest_first(const void *a, const void *b)
{
	const struct timespec *x = &((const struct file *)a)->changed, *y = &((const struct file *)b)->changed;

	if (x->tv_sec != y->tv_sec)
		return x->tv_sec > y->tv_sec ? -1 : 1;
	return x->tv_nsec > y->tv_nsec ? -1 : x->tv_nsec < y->tv_nsec;
}

size_t jm_session_idle_files(char ***out)
{
	struct files f = {0};
	size_t i;

	each_file(add_file, &f);
	if (f.n)
		qsort(f.items, f.n, sizeof(*f.items), newest_first);
	*out = malloc((f.n + 1) * sizeof(**out));
	for (i = 0; i < f.n; i++) {
		if (*out)
			(*out)[i] = f.items[i].path;
		else
			free(f.items[i].path);
	}
	free(f.items);
	return *out ? f.n : 0;
}
