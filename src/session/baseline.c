#include "session/report.h"

#include "attribution/baseline.h"
#include "core/error.h"
#include "session/session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Makes each folder of path up to its last slash; those that exist are fine. */
static int make_folders(char *path, struct jm_error *err)
{
	char *slash = path;

	while ((slash = strchr(slash + 1, '/'))) {
		*slash = '\0';
		if (mkdir(path, 0755) && errno != EEXIST) {
			int rc = jm_error_errno(err, errno, "cannot make the folder %s", path);

			*slash = '/';
			return rc;
		}
		*slash = '/';
	}
	return 0;
}

int jm_session_data_path(const char *name, bool make_folder, char *out, size_t size, struct jm_error *err)
{
	const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
	int n;

	if (data && *data)
		n = snprintf(out, size, "%s/joulemap/%s", data, name);
	else
		n = snprintf(out, size, "%s/.local/share/joulemap/%s", home && *home ? home : "/root", name);
	if (n < 0 || (size_t)n >= size)
		return jm_error_set(err, JM_E_INVALID, "the path of %s is too long", name);
	return make_folder ? make_folders(out, err) : 0;
}

int jm_idle_path(bool make_folder, char *out, size_t size, struct jm_error *err)
{
	struct jm_env env;
	char machine[32], name[64];

	jm_env_init(&env);
	jm_session_machine_id(&env, machine, sizeof(machine));
	snprintf(name, sizeof(name), "idle-%s.jmap", machine);
	return jm_session_data_path(name, make_folder, out, size, err);
}

static const struct jm_channel *find_channel(const struct jm_recording *r, const char *name, uint16_t *index_out)
{
	size_t n, i;
	const struct jm_channel *channels = jm_recording_channels(r, &n);

	for (i = 0; i < n; i++) {
		if (strcmp(channels[i].name, name) == 0) {
			*index_out = (uint16_t)i;
			return &channels[i];
		}
	}
	return NULL;
}

static void measure(struct jm_recording *idle, const char *name, struct jm_baseline *out)
{
	uint16_t index;
	const struct jm_channel *channel = find_channel(idle, name, &index);
	struct jm_sample *samples = NULL;
	struct jm_series series = {0};
	size_t n;

	if (!channel || !jm_channel_has_energy(channel) ||
	    jm_recording_samples(idle, index, INT64_MIN, INT64_MAX, &samples, &n, NULL))
		return;
	if (jm_series_init(&series, channel, samples, n, 0, NULL) == 0) {
		if (series.n_pieces)
			jm_baseline_measure(&series, series.pieces[0].start_ns,
					    series.pieces[series.n_pieces - 1].end_ns, out, NULL);
		jm_series_finish(&series);
	}
	free(samples);
}

static bool is_same_machine(struct jm_recording *a, struct jm_recording *b)
{
	const char *x = jm_recording_meta(a, "machine_id"), *y = jm_recording_meta(b, "machine_id");

	return x && y && strcmp(x, y) == 0;
}

static int load(struct jm_recording *r, struct jm_recording *idle, struct jm_baseline **out, size_t *n_known_out)
{
	size_t n, i;
	const struct jm_channel *channels = jm_recording_channels(r, &n);
	struct jm_baseline *levels = calloc(n + 1, sizeof(*levels));

	if (!levels)
		return JM_E_NOMEM;
	*n_known_out = 0;
	for (i = 0; i < n; i++) {
		measure(idle, channels[i].name, &levels[i]);
		*n_known_out += levels[i].is_known;
	}
	*out = levels;
	return 0;
}

int jm_session_baselines(struct jm_recording *r, const char *choice, struct jm_baseline **out, char *note_out,
			 size_t size, struct jm_error *err)
{
	struct jm_recording *idle = NULL;
	size_t n_known = 0;
	char stored[1024];
	int rc;

	*out = NULL;
	snprintf(note_out, size, "%s", "no idle level: --baseline none");
	if (choice && strcmp(choice, "none") == 0)
		return 0;
	if (!choice && jm_idle_path(false, stored, sizeof(stored), NULL))
		return 0;
	rc = jm_recording_open(choice ? choice : stored, &idle, err);
	if (rc && choice)
		return rc;
	snprintf(note_out, size, "no idle level: `joulemap idle` measures it once for this machine");
	if (rc)
		return 0;
	if (!choice && !is_same_machine(r, idle)) {
		snprintf(note_out, size, "no idle level: the stored idle recording is of another machine");
		jm_recording_close(idle);
		return 0;
	}
	rc = load(r, idle, out, &n_known);
	if (rc == 0 && n_known == 0)
		snprintf(note_out, size, "no idle level: %s has none of these channels",
			 choice ? choice : "the idle recording");
	else if (rc == 0)
		snprintf(note_out, size, "idle level: from %s", choice ? choice : "this machine's idle recording");
	jm_recording_close(idle);
	return rc ? jm_error_set(err, rc, "out of memory for the idle levels") : 0;
}
