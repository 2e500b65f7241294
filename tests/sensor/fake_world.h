/* A world for driver tests: a clock that the test moves, and a root folder that the test fills. */
#ifndef TESTS_SENSOR_FAKE_WORLD_H
#define TESTS_SENSOR_FAKE_WORLD_H

#include "core/env.h"
#include "core/error.h"
#include "sensor/sensor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct fake_world {
	struct jm_env env;
	int64_t now_ns, realtime_ns;
	int64_t slept_ns;
	struct jm_sensor_set set;
	struct jm_error why;
	char folder[64];
	char paths[16][160]; /* files written, to be removed */
	int n_paths;
};

static inline int64_t fake_world_now(void *ctx)
{
	return ((struct fake_world *)ctx)->now_ns;
}

static inline int64_t fake_world_realtime(void *ctx)
{
	return ((struct fake_world *)ctx)->realtime_ns;
}

static inline int fake_world_sleep_until(void *ctx, int64_t t_ns)
{
	struct fake_world *w = ctx;

	if (t_ns > w->now_ns) {
		w->slept_ns += t_ns - w->now_ns;
		w->now_ns = t_ns;
	}
	return 0;
}

static inline void fake_world_init(struct fake_world *w)
{
	memset(w, 0, sizeof(*w));
	w->now_ns = INT64_C(1000000000000);
	w->realtime_ns = INT64_C(1700000000000000000);
	strcpy(w->folder, "/tmp/jm-sensor-XXXXXX");
	assert_non_null(mkdtemp(w->folder));
	snprintf(w->env.root, sizeof(w->env.root), "%s", w->folder);
	w->env.now_ns = fake_world_now;
	w->env.realtime_ns = fake_world_realtime;
	w->env.sleep_until_ns = fake_world_sleep_until;
	w->env.ctx = w;
}

/* Writes a file in the root folder; missing folders are made. path begins with '/'. */
static inline const char *fake_world_write(struct fake_world *w, const char *path, const void *data, size_t n)
{
	char full[160], *slash;
	FILE *f;
	int i;

	snprintf(full, sizeof(full), "%s%s", w->folder, path);
	for (slash = strchr(full + strlen(w->folder) + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(full, 0755);
		*slash = '/';
	}
	f = fopen(full, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
	for (i = 0; i < w->n_paths; i++)
		if (strcmp(w->paths[i], full) == 0)
			return w->paths[i];
	assert_true(w->n_paths < 16);
	strcpy(w->paths[w->n_paths], full);
	return w->paths[w->n_paths++];
}

static inline const char *fake_world_text(struct fake_world *w, const char *path, const char *text)
{
	return fake_world_write(w, path, text, strlen(text));
}

static inline void fake_world_finish(struct fake_world *w)
{
	int i;

	jm_sensor_set_finish(&w->set);
	for (i = w->n_paths - 1; i >= 0; i--) {
		char *slash;

		unlink(w->paths[i]);
		while ((slash = strrchr(w->paths[i], '/')) && (size_t)(slash - w->paths[i]) > strlen(w->folder)) {
			*slash = '\0';
			rmdir(w->paths[i]);
		}
	}
	rmdir(w->folder);
}

#endif
