/* Where calibrations live: the machine's store, and recordings. */
#define _GNU_SOURCE
#include "session/calibration.h"

#include "core/error.h"
#include "core/file.h"
#include "core/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_SIZE_MAX 65536
#define META_KEY      "response:"

int jm_calibration_path(const struct jm_env *env, const char *channel, bool make_folder, char *out, size_t size,
			struct jm_error *err)
{
	char machine[32], name[96], rest[160];
	size_t i;

	jm_session_machine_id(env, machine, sizeof(machine));
	snprintf(name, sizeof(name), "%s", channel);
	/* A name may hold what a file's name may not, or should not. */
	for (i = 0; name[i]; i++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+", name[i]) &&
		    !(name[i] == '.' && i > 0 && name[i - 1] != '.'))
			name[i] = '=';
	snprintf(rest, sizeof(rest), "calibration/%s/%s.json", machine, name);
	return jm_session_data_path(rest, make_folder, out, size, err);
}

static int replace(const char *path, const char *text, size_t n, struct jm_error *err)
{
	char partial[JM_PATH_MAX + 16];
	int fd, saved;

	snprintf(partial, sizeof(partial), "%s.XXXXXX", path);
	fd = mkostemp(partial, O_CLOEXEC);
	if (fd < 0)
		return jm_error_errno(err, errno, "cannot write beside %s", path);
	if ((jm_file_put(fd, text, n) || fsync(fd)) || fchmod(fd, 0644)) {
		saved = errno;
		close(fd);
		unlink(partial);
		return jm_error_errno(err, saved, "cannot write %s", partial);
	}
	close(fd);
	if (rename(partial, path) == 0)
		return 0;
	saved = errno;
	unlink(partial);
	return jm_error_errno(err, saved, "cannot keep the calibration as %s", path);
}

int jm_calibration_store(const struct jm_env *env, const struct jm_calibration *c, struct jm_error *err)
{
	char path[JM_PATH_MAX];
	struct jm_buffer b = {0};
	int rc = jm_calibration_path(env, c->channel, true, path, sizeof(path), err);

	if (rc)
		return rc;
	jm_calibration_write(c, &b);
	jm_buffer_puts(&b, "\n");
	rc = b.is_failed ? jm_error_set(err, JM_E_NOMEM, "out of memory for a calibration")
			 : replace(path, b.data, b.n, err);
	jm_buffer_finish(&b);
	return rc;
}

/* Reads a file whole. *out: FILE_SIZE_MAX bytes. */
static int slurp(const char *path, char *out, size_t *n_out, struct jm_error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t n = 0;
	size_t used = 0;

	if (fd < 0)
		return jm_error_errno(err, errno, "cannot read %s", path);
	while (used < FILE_SIZE_MAX && (n = read(fd, out + used, FILE_SIZE_MAX - used)) > 0)
		used += (size_t)n;
	if (n < 0) {
		int saved = errno;

		close(fd);
		return jm_error_errno(err, saved, "cannot read %s", path);
	}
	close(fd);
	if (used == FILE_SIZE_MAX)
		return jm_error_set(err, JM_E_FORMAT, "%s is too long for a calibration", path);
	*n_out = used;
	return 0;
}

static int refuse(struct jm_error *err, const char *channel, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static int refuse(struct jm_error *err, const char *channel, const char *format, ...)
{
	char text[300];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	jm_error_set(err, JM_E_VERSION, "%s", text);
	jm_error_remedy(err, "joulemap calibrate %s", channel);
	return JM_E_VERSION;
}

/* Says whether c, read from the store, is about this channel as it is now. */
static int check(const struct jm_env *env, const char *driver, const struct jm_channel *channel,
		 const struct jm_calibration *c, struct jm_error *err)
{
	struct jm_calibration now;

	jm_calibration_init(&now);
	jm_calibration_identify(&now, env, driver, channel);
	if (strcmp(c->channel, now.channel) != 0 || strcmp(c->driver, now.driver) != 0)
		return refuse(err, channel->name, "the calibration is of %s (%s), not of %s (%s)", c->channel,
			      c->driver, now.channel, now.driver);
	if (strcmp(c->machine, now.machine) != 0)
		return refuse(err, channel->name, "the calibration is of machine %s, this is %s", c->machine,
			      now.machine);
	if (strcmp(c->driver_version, now.driver_version) != 0)
		return refuse(err, channel->name, "calibrated under driver %s, now %s", c->driver_version,
			      now.driver_version);
	if (strcmp(c->device, now.device) != 0)
		return refuse(err, channel->name, "calibrated for %s, now %s", c->device, now.device);
	return 0;
}

int jm_calibration_load(const struct jm_env *env, const char *driver, const struct jm_channel *channel,
			struct jm_calibration *out, struct jm_error *err)
{
	struct jm_calibration c;
	char path[JM_PATH_MAX], *text;
	size_t n = 0;
	int rc = jm_calibration_path(env, channel->name, false, path, sizeof(path), err);

	if (rc)
		return rc;
	text = malloc(FILE_SIZE_MAX);
	if (!text)
		return jm_error_set(err, JM_E_NOMEM, "out of memory for a calibration");
	rc = slurp(path, text, &n, err);
	rc = rc ? rc : jm_calibration_read(path, text, n, &c, err);
	free(text);
	rc = rc ? rc : check(env, driver, channel, &c, err);
	if (rc == 0)
		*out = c;
	return rc;
}

void jm_calibration_into_recording(const struct jm_sensors *s, struct jm_writer *w)
{
	size_t i, k;

	for (i = 0; i < s->set.n_sensors; i++) {
		const struct jm_sensor *sensor = &s->set.sensors[i];

		for (k = sensor->first_channel; k < (size_t)sensor->first_channel + sensor->n_channels; k++) {
			const struct jm_channel *channel = &s->set.channels[k];
			struct jm_calibration c;
			struct jm_buffer b = {0};
			char key[128];

			if (!jm_channel_has_energy(channel) ||
			    jm_calibration_load(&s->env, sensor->driver->name, channel, &c, NULL))
				continue;
			snprintf(key, sizeof(key), META_KEY "%s", channel->name);
			jm_calibration_write(&c, &b);
			if (jm_buffer_terminate(&b))
				jm_writer_meta(w, key, b.data);
			jm_buffer_finish(&b);
		}
	}
}

static const char *driver_of(const struct jm_recording *r, size_t channel)
{
	size_t n, i;
	const struct jm_recording_sensor *sensors = jm_recording_sensors(r, &n);

	for (i = 0; i < n; i++)
		if (channel >= sensors[i].first_channel &&
		    channel < (size_t)sensors[i].first_channel + sensors[i].n_channels)
			return sensors[i].driver;
	return "";
}

/* Says whether the recording was made on this machine under the kernel that runs now. */
static bool is_here(struct jm_recording *r, const struct jm_env *env)
{
	const char *machine = jm_recording_meta(r, "machine_id"), *kernel = jm_recording_meta(r, "kernel");
	char here[32], release[96];

	jm_session_machine_id(env, here, sizeof(here));
	jm_calibration_driver_version(env, "", release, sizeof(release));
	return machine && kernel && strcmp(machine, here) == 0 && strncmp(kernel, release, strlen(release)) == 0;
}

/* Gives one channel's. */
static int find(struct jm_recording *r, const struct jm_channel *channel, const char *driver, const struct jm_env *env,
		struct jm_calibration *out, struct jm_error *err)
{
	char key[128];
	const char *text;

	snprintf(key, sizeof(key), META_KEY "%s", channel->name);
	text = jm_recording_meta(r, key);
	if (text)
		return jm_calibration_read(key, text, strlen(text), out, err);
	return env ? jm_calibration_load(env, driver, channel, out, err) : JM_E_NOT_FOUND;
}

int jm_calibration_responses(struct jm_recording *r, struct jm_response **out,
			     void (*tell)(void *ctx, const char *text), void *ctx)
{
	size_t n, i, n_known = 0;
	const struct jm_channel *channels = jm_recording_channels(r, &n);
	struct jm_response *responses = calloc(n + 1, sizeof(*responses));
	struct jm_env env;
	bool is_same;

	if (!responses)
		return JM_E_NOMEM;
	jm_env_init(&env);
	is_same = is_here(r, &env);
	for (i = 0; i < n; i++) {
		struct jm_calibration c;
		struct jm_error err = {0};
		char text[512];
		int rc;

		if (!jm_channel_has_energy(&channels[i]))
			continue;
		rc = find(r, &channels[i], driver_of(r, i), is_same ? &env : NULL, &c, &err);
		if (rc == 0 && c.is_accepted > 0) {
			responses[i] = c.response;
			n_known++;
		} else if (rc == JM_E_FORMAT && tell) {
			snprintf(text, sizeof(text), "%s: its calibration is left out: %.380s", channels[i].name,
				 err.message);
			tell(ctx, text);
		}
	}
	if (n_known == 0) {
		free(responses);
		responses = NULL;
	}
	*out = responses;
	return 0;
}
