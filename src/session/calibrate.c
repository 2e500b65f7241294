#define _GNU_SOURCE
#include "session/calibrate.h"

#include "core/error.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Says why there is nothing to calibrate. */
static int refuse(const struct jm_sensors *s, struct jm_error *err)
{
	size_t i;

	for (i = 0; i < s->set.n_channels; i++) {
		const struct jm_channel *c = &s->set.channels[i];

		if (c->state == JM_STATE_UNAVAILABLE && *c->remedy) {
			jm_error_set(err, JM_E_NOT_FOUND, "no sensor can be calibrated; %s: %s", c->name, c->reason);
			jm_error_remedy(err, "%s", c->remedy);
			return JM_E_NOT_FOUND;
		}
	}
	for (i = 0; i < s->set.n_channels; i++) {
		if (s->set.channels[i].state == JM_STATE_ESTIMATED && jm_channel_has_energy(&s->set.channels[i])) {
			jm_error_set(err, JM_E_UNSUPPORTED,
				     "%s is an estimate: no sensor reads it, so it has nothing to calibrate",
				     s->set.channels[i].name);
			jm_error_remedy(err, "`joulemap sensors` says why there is no sensor, and what would mend it");
			return JM_E_UNSUPPORTED;
		}
	}
	jm_error_set(err, JM_E_NOT_FOUND, "there is no sensor of power or energy to calibrate");
	jm_error_remedy(err, "`joulemap sensors` says why, and what would mend it");
	return JM_E_NOT_FOUND;
}

static bool has_any(const struct jm_calibrate_run *run)
{
	size_t i;

	for (i = 0; i < run->sensors->set.n_channels; i++)
		if (jm_calibrate_covers(run, &run->sensors->set.channels[i]))
			return true;
	return false;
}

/* Gives the UUID of a GPU as the nvml driver knows it; NULL: unknown, the first one is taken. */
static const char *gpu_uuid(const struct jm_calibrate_run *run, char *out, size_t size)
{
	size_t i, k;

	for (i = 0; i < run->sensors->set.n_sensors; i++) {
		const struct jm_sensor *s = &run->sensors->set.sensors[i];

		for (k = s->first_channel; k < (size_t)s->first_channel + s->n_channels; k++) {
			if (!jm_calibrate_covers(run, &run->sensors->set.channels[k]))
				continue;
			jm_calibration_device(run->env, s->driver->name, &run->sensors->set.channels[k], out, size);
			return strncmp(out, "GPU-", 4) == 0 ? out : NULL;
		}
	}
	return NULL;
}

static int play_own(struct jm_calibrate_run *run, struct jm_error *err)
{
	struct jm_player player = {0};
	char uuid[96];
	int rc;

	if (run->options->load)
		rc = jm_player_command(run->env, run->options->load, run->options->load_is_told, &player, err);
	else if (run->gpu >= 0)
		rc = jm_player_gpu(run->env, gpu_uuid(run, uuid, sizeof(uuid)), &player, err);
	else
		rc = jm_player_cpu(run->env, (unsigned)run->options->threads, &player, err);
	if (rc)
		return rc;
	run->player = &player;
	rc = jm_calibrate_play(run, err);
	run->player = NULL;
	jm_player_finish(&player);
	return rc;
}

/* Plays one load after the other: the processors', then each GPU's. A GPU without a load leaves the others theirs. */
static int play_all(struct jm_calibrate_run *run, struct jm_error *err)
{
	struct jm_error why = {0};
	size_t n_played = 0;
	int rc = 0;

	if (run->options->load) {
		run->gpu = -2;
		return play_own(run, err);
	}
	for (run->gpu = -1; run->gpu < 64 && rc == 0; run->gpu++) {
		struct jm_error failed = {0};

		if (!has_any(run))
			continue;
		rc = play_own(run, &failed);
		n_played += rc == 0;
		if (rc == 0 || rc == JM_E_CANCELLED) {
			why = rc ? failed : why;
			continue;
		}
		jm_calibrate_note(run->out, "%s", failed.message);
		why = why.code ? why : failed;
		rc = run->gpu >= 0 && (failed.code == JM_E_NOT_FOUND || failed.code == JM_E_UNSUPPORTED) ? 0 : rc;
	}
	if (rc == 0 && n_played)
		return 0;
	if (err)
		*err = why;
	return why.code;
}

static int keep(const struct jm_calibrate_run *run, struct jm_error *err)
{
	size_t i;
	int rc = 0;

	for (i = 0; i < run->out->n && rc == 0; i++) {
		rc = jm_stored_calibration_fill(&run->out->items[i]);
		if (rc)
			return jm_error_set(err, rc, "out of memory for the calibrations");
		if (!run->options->is_not_kept && run->out->items[i].c.response.family != JM_RESPONSE_UNKNOWN)
			rc = jm_calibration_store(run->env, &run->out->items[i].c, err);
	}
	return rc;
}

static int calibrate(struct jm_calibrate_run *run, struct jm_error *err)
{
	struct jm_sensors *sensors;
	const char *folder = getenv("TMPDIR");
	int rc = jm_session_probe(run->env, run->options->sensors, true, &sensors, err);

	if (rc)
		return rc;
	run->sensors = sensors;
	run->gpu = -2;
	if (!has_any(run)) {
		rc = refuse(sensors, err);
		jm_sensors_destroy(sensors);
		return rc;
	}
	snprintf(run->folder, sizeof(run->folder), "%s/joulemap-XXXXXX", folder && *folder ? folder : "/tmp");
	if (mkdtemp(run->folder)) {
		rc = run->player ? jm_calibrate_play(run, err) : play_all(run, err);
		rmdir(run->folder);
	} else {
		rc = jm_error_set(err, JM_E_IO, "cannot make a folder for the readings in %s", run->folder);
		jm_error_remedy(err, "TMPDIR=FOLDER");
	}
	rc = rc ? rc : keep(run, err);
	jm_sensors_destroy(sensors);
	return rc;
}

int jm_calibrate_env(const struct jm_env *env, const struct jm_calibrate_options *options, struct jm_player *player,
		     jm_progress_fn progress, void *ctx, struct jm_calibrations **out, struct jm_error *err)
{
	struct jm_calibrations *list = calloc(1, sizeof(*list));
	struct jm_calibrate_run run = {
	    .env = env, .options = options, .player = player, .progress = progress, .ctx = ctx, .out = list};
	int rc;

	if (!list)
		return jm_error_set(err, JM_E_NOMEM, "out of memory for the calibrations");
	rc = calibrate(&run, err);
	if (rc)
		jm_calibrations_destroy(list);
	else
		*out = list;
	return rc;
}

int jm_calibrate(const struct jm_calibrate_options *options, jm_progress_fn progress, void *ctx,
		 struct jm_calibrations **out, struct jm_error *err)
{
	struct jm_env env;

	if (!options || options->size < sizeof(*options) || options->duration_ns < 0 || options->steady_ns < 0)
		return jm_error_set(err, JM_E_INVALID,
				    "a calibration needs options of this version and times above zero");
	jm_env_init(&env);
	return jm_calibrate_env(&env, options, NULL, progress, ctx, out, err);
}

size_t jm_calibrations_n(const struct jm_calibrations *list)
{
	return list->n;
}

int jm_calibrations_get(const struct jm_calibrations *list, size_t i, struct jm_calibration_info *out)
{
	if (i >= list->n)
		return JM_E_INVALID;
	jm_stored_calibration_info(&list->items[i], out);
	return 0;
}

const char *jm_calibrations_note(const struct jm_calibrations *list, size_t i)
{
	return i < list->n_notes ? list->notes[i] : NULL;
}

void jm_calibrations_cost(const struct jm_calibrations *list, double *cpu_s, double *wall_s, int64_t *rss_bytes)
{
	const struct jm_own_cost *cost = &list->own_cost;

	*cpu_s = cost->wall_s > 0 ? cost->cpu_s : NAN;
	*wall_s = cost->wall_s > 0 ? cost->wall_s : NAN;
	*rss_bytes = cost->rss_bytes ? (int64_t)cost->rss_bytes : -1;
}

void jm_calibrations_destroy(struct jm_calibrations *list)
{
	size_t i;

	if (!list)
		return;
	for (i = 0; i < list->n; i++)
		free(list->items[i].json);
	for (i = 0; i < list->n_notes; i++)
		free(list->notes[i]);
	free(list->items);
	free(list->notes);
	free(list);
}
