#include "service/state.h"

#include "core/error.h"
#include "core/json.h"
#include "core/text.h"
#include "core/units.h"
#include "service/json_log.h"
#include "service/state_format.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAME "state.json"
/* What begins or ends is kept soon; sums now and then, as they are written whole. */
#define SOON_NS (200 * JM_NS_PER_MS)
#define SUMS_NS (5 * JM_NS_PER_S)

struct jm_state {
	char folder[900], boot[64];
	struct jm_measurements *all;
	void (*log)(void *ctx, const char *text);
	void *ctx;
	int64_t written_ns;
	bool is_changed, is_failing;
};

static void say(struct jm_state *state, const char *text)
{
	if (state->log)
		state->log(state->ctx, text);
}

/* Clocks and numbers of processes mean something within one boot. */
static void read_boot(char *out, size_t size)
{
	FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");

	if (!f || !fgets(out, (int)size, f))
		out[0] = '\0';
	if (f)
		fclose(f);
	out[strcspn(out, "\n")] = '\0';
}

/* Since boot, in clock ticks: field 22 of stat, proc(5). < 0: there is no such process. */
static int64_t start_ticks_of(int64_t pid)
{
	char path[64], text[1024];
	const char *at;
	int64_t ticks;
	ssize_t n;
	int fd, i;

	snprintf(path, sizeof(path), "/proc/%lld/stat", (long long)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	at = strrchr(text, ')');
	for (i = 2; at && i < 22; i++)
		at = strchr(at + 1, ' ');
	if (!at || jm_text_i64(at + 1, strcspn(at + 1, " "), &ticks))
		return -1;
	return ticks;
}

/* A number may be another process's by now. */
static bool is_there(const struct jm_measure_part *part)
{
	int64_t ticks = start_ticks_of(part->pid);

	return ticks >= 0 && (!part->last.start_ticks || (uint64_t)ticks == part->last.start_ticks);
}

static void resume_one(struct jm_state *state, struct jm_measurement *m, int64_t now_ns)
{
	char text[300], recording[sizeof(m->recording)];
	uint64_t id = m->id;
	size_t i, n_gone = 0;
	bool is_over = m->end_ns <= now_ns;

	memcpy(recording, m->recording, sizeof(recording));
	for (i = 0; i < m->n_parts; i++) {
		struct jm_measure_part *part = &m->parts[i];

		if (part->state > JM_MEASURE_RUNNING)
			continue;
		if (!is_there(part)) {
			part->state = JM_MEASURE_GONE;
			snprintf(part->reason, sizeof(part->reason), "the process ended while the service was down");
			n_gone++;
		} else if (is_over) {
			part->state = JM_MEASURE_DONE;
			snprintf(part->reason, sizeof(part->reason), "its time was over before the service was back");
		}
	}
	snprintf(text, sizeof(text), "measurement %llu %s%s%s%.60s", (unsigned long long)id,
		 is_over ? "ended while the service was down" : "goes on where it was before the service ended",
		 n_gone ? "; processes of it have ended meanwhile" : "",
		 recording[0] ? "; what was recorded by then is in " : "", recording);
	if (jm_measurements_resume(state->all, m, now_ns))
		snprintf(text, sizeof(text), "no memory to go on with measurement %llu", (unsigned long long)id);
	say(state, text);
}

static void resume_all(struct jm_state *state, struct jm_json *json, int64_t now_ns)
{
	struct jm_state_reader r = {.json = json};
	struct jm_measurement *m;
	char boot[sizeof(state->boot)];
	uint64_t next_id = 0;
	size_t n_lost = 0;
	char text[200];

	jm_state_read_head(&r, boot, sizeof(boot), &next_id);
	while ((m = jm_state_read_measurement(&r))) {
		if (boot[0] && strcmp(boot, state->boot) == 0) {
			resume_one(state, m, now_ns);
			continue;
		}
		n_lost++;
		jm_measurement_free(m);
	}
	if (r.rc == 0)
		jm_measurements_number_from(state->all, next_id);
	else
		say(state, "the state of an earlier service cannot be read (" NAME "): nothing goes on from there");
	if (!n_lost)
		return;
	snprintf(text, sizeof(text), "%zu measurements were under way when the machine went down, and do not go on",
		 n_lost);
	say(state, text);
}

static int resume(struct jm_state *state, int64_t now_ns, struct jm_error *err)
{
	char path[1024];
	struct jm_json *json;
	int fd, rc;

	snprintf(path, sizeof(path), "%s/" NAME, state->folder);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	rc = jm_json_open_fd(path, fd, &json, err);
	if (rc == 0) {
		resume_all(state, json, now_ns);
		jm_json_close(json);
	}
	close(fd);
	return rc;
}

static void tell(void *ctx, enum jm_measure_event event, const struct jm_measurement *m,
		 const struct jm_measure_part *part)
{
	struct jm_state *state = ctx;

	(void)m;
	(void)part;
	if (event != JM_MEASURE_SAMPLED)
		state->is_changed = true;
}

static void write_state(struct jm_state *state)
{
	struct jm_buffer b = {0};
	struct jm_error err;
	int rc;

	jm_state_write(&b, state->boot, state->all);
	rc = jm_json_replace(state->folder, NAME, &b, &err);
	jm_buffer_finish(&b);
	if (rc && !state->is_failing)
		say(state, err.message);
	state->is_failing = rc != 0;
	state->is_changed = state->is_changed && rc != 0;
}

int64_t jm_state_due_ns(const struct jm_state *state)
{
	if (state->is_changed)
		return state->written_ns + (state->is_failing ? SUMS_NS : SOON_NS);
	return jm_measurements_n_running(state->all) ? state->written_ns + SUMS_NS : INT64_MAX;
}

void jm_state_work(struct jm_state *state, int64_t now_ns)
{
	if (now_ns < jm_state_due_ns(state))
		return;
	state->written_ns = now_ns;
	write_state(state);
}

int jm_state_open(const char *folder, struct jm_measurements *all, int64_t now_ns,
		  void (*log)(void *ctx, const char *text), void *ctx, struct jm_state **out, struct jm_error *err)
{
	struct jm_state *state = calloc(1, sizeof(*state));
	struct jm_measure_listener listener = {tell, state};
	int rc;

	if (!state)
		return jm_error_set(err, JM_E_NOMEM, "out of memory for the state");
	snprintf(state->folder, sizeof(state->folder), "%s", folder);
	state->all = all;
	state->log = log;
	state->ctx = ctx;
	read_boot(state->boot, sizeof(state->boot));
	rc = resume(state, now_ns, err);
	if (rc == 0 && jm_measurements_listen(all, &listener))
		rc = jm_error_set(err, JM_E_NOMEM, "out of memory for the state");
	if (rc) {
		free(state);
		return rc;
	}
	write_state(state);
	*out = state;
	return 0;
}

void jm_state_close(struct jm_state *state)
{
	if (!state)
		return;
	write_state(state);
	free(state);
}
