#include "session/report.h"

#include "attribution/baseline.h"
#include "core/error.h"
#include "core/file.h"
#include "session/session.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Makes the folder that path is in. */
static int make_folders(char *path, struct jm_error *err)
{
	char *slash = strrchr(path, '/');
	int rc;

	if (!slash || slash == path)
		return 0;
	*slash = '\0';
	rc = jm_file_make_folders(path, err);
	*slash = '/';
	return rc;
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

static bool is_same_machine(const char *id, struct jm_recording *idle)
{
	const char *other = jm_recording_meta(idle, "machine_id");

	return id && other && strcmp(id, other) == 0;
}

/* Fills in the levels that are not known yet. Gives how many it found. */
static size_t add_levels(const struct jm_channel *channels, size_t n, struct jm_recording *idle,
			 struct jm_baseline *levels)
{
	size_t n_found = 0, i;

	for (i = 0; i < n; i++) {
		if (levels[i].is_known)
			continue;
		measure(idle, channels[i].name, &levels[i]);
		n_found += levels[i].is_known;
	}
	return n_found;
}

static int levels_from_file(struct jm_recording *r, const char *path, struct jm_baseline *levels, char *note_out,
			    size_t size, struct jm_error *err)
{
	struct jm_recording *idle;
	size_t n;
	const struct jm_channel *channels = jm_recording_channels(r, &n);
	int rc = jm_recording_open(path, &idle, err);

	if (rc)
		return rc;
	if (add_levels(channels, n, idle, levels))
		snprintf(note_out, size, "idle level: from %s", path);
	else
		snprintf(note_out, size, "no idle level: %s has none of these channels", path);
	jm_recording_close(idle);
	return 0;
}

/* How busy the machine was while its idle level was measured, where that was too much; else 0. */
static double busy_while(struct jm_recording *idle)
{
	double busy;

	return jm_recording_meta_double(idle, "machine_busy_fraction", &busy) == 0 && busy > JM_IDLE_BUSY_MAX ? busy
													      : 0;
}

size_t jm_session_idle_levels(const char *machine_id, const struct jm_channel *channels, size_t n,
			      struct jm_baseline *levels, size_t *n_paths_out, size_t *n_ours_out, double *busy_out)
{
	char **paths;
	size_t n_paths = jm_session_idle_files(&paths), n_used = 0, n_ours = 0, i;
	double busy = 0;

	for (i = 0; i < n_paths; i++) {
		struct jm_recording *idle;

		if (jm_recording_open(paths[i], &idle, NULL) == 0) {
			if (is_same_machine(machine_id, idle)) {
				n_ours++;
				if (add_levels(channels, n, idle, levels)) {
					n_used++;
					busy = fmax(busy, busy_while(idle));
				}
			}
			jm_recording_close(idle);
		}
		free(paths[i]);
	}
	free(paths);
	*n_paths_out = n_paths;
	*n_ours_out = n_ours;
	*busy_out = busy;
	return n_used;
}

static void stored_levels(struct jm_recording *r, struct jm_baseline *levels, char *note_out, size_t size)
{
	size_t n, n_paths, n_ours, n_used;
	double busy;
	const struct jm_channel *channels = jm_recording_channels(r, &n);

	n_used =
	    jm_session_idle_levels(jm_recording_meta(r, "machine_id"), channels, n, levels, &n_paths, &n_ours, &busy);
	if (n_used > 0 && busy > 0)
		snprintf(note_out, size,
			 "idle level: from this machine's idle recording%s, measured while its processors were at work "
			 "%.0f %% of "
			 "the time: too high",
			 n_used > 1 ? "s" : "", busy * 100);
	else if (n_used > 0)
		snprintf(note_out, size, "idle level: from this machine's idle recording%s", n_used > 1 ? "s" : "");
	else if (n_ours > 0)
		snprintf(note_out, size, "no idle level: the idle recording has none of these channels");
	else if (n_paths > 0)
		snprintf(note_out, size, "no idle level: the stored idle recording is of another machine");
	else
		snprintf(note_out, size, "no idle level: `joulemap idle` measures it once for this machine");
}

int jm_session_baselines(struct jm_recording *r, const char *choice, struct jm_baseline **out, char *note_out,
			 size_t size, struct jm_error *err)
{
	struct jm_baseline *levels;
	size_t n;
	int rc = 0;

	*out = NULL;
	snprintf(note_out, size, "%s", "no idle level: --baseline none");
	if (choice && strcmp(choice, "none") == 0)
		return 0;
	jm_recording_channels(r, &n);
	levels = calloc(n + 1, sizeof(*levels));
	if (!levels)
		return jm_error_set(err, JM_E_NOMEM, "out of memory for the idle levels");
	if (choice)
		rc = levels_from_file(r, choice, levels, note_out, size, err);
	else
		stored_levels(r, levels, note_out, size);
	if (rc)
		free(levels);
	else
		*out = levels;
	return rc;
}
