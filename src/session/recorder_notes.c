/* What a recorder says of its readings once they are all there, and how busy the machine was meanwhile. */
#include "session/recorder_internal.h"

#include "core/units.h"
#include "process/parse.h"
#include "sampler/sampler.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <unistd.h>

/* Says in the recording, and to the user, which readings were taken for nonsense. */
static void note_implausible(struct jm_recorder *r)
{
	uint16_t c;

	for (c = 0; c < r->sensors->set.n_channels; c++) {
		const struct jm_channel *channel = &r->sensors->set.channels[c];
		char text[256];
		struct jm_event event = {.t_ns = r->started_ns, .channel = c, .kind = "implausible", .text = text};
		int64_t first = 0;
		uint64_t n = jm_sampler_implausible(r->sampler, c, &first);

		if (n == 0)
			continue;
		snprintf(text, sizeof(text),
			 "%s: %llu readings are beyond what there is and were left as gaps, the first was %lld %s",
			 channel->name, (unsigned long long)n, (long long)first, jm_quantity_unit(channel->quantity));
		jm_writer_event(r->writer, &event);
		jm_recorder_add_warning(r, text);
	}
}

/* What drivers found odd. */
static void note_remarks(struct jm_recorder *r)
{
	size_t i;

	for (i = 0; i < r->sensors->set.n_sensors; i++) {
		const struct jm_sensor *s = &r->sensors->set.sensors[i];
		struct jm_event event = {.t_ns = r->started_ns, .channel = s->first_channel, .kind = "remark"};
		char text[400];

		if (!s->driver->remark || !s->driver->remark(s, text, sizeof(text)))
			continue;
		event.text = text;
		jm_writer_event(r->writer, &event);
		jm_recorder_add_warning(r, text);
	}
}

void jm_recorder_note_readings(struct jm_recorder *r)
{
	note_implausible(r);
	note_remarks(r);
}

void jm_recorder_look_at_load(const struct jm_env *env, struct jm_load *out)
{
	char path[JM_PATH_MAX], text[65536];
	struct jm_proc_machine m;
	ssize_t n = -1;
	int fd;

	*out = (struct jm_load){0};
	if (jm_env_path(env, "/proc/stat", path, sizeof(path)))
		return;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, text, sizeof(text));
		close(fd);
	}
	if (n <= 0 || jm_proc_parse_machine(text, (size_t)n, &m) || m.n_cpus == 0)
		return;
	*out = (struct jm_load){
	    .is_known = true,
	    .t_ns = jm_env_now(env),
	    .idle_ns = (int64_t)m.idle_ticks * (JM_NS_PER_S / sysconf(_SC_CLK_TCK)),
	    .n_cpus = m.n_cpus,
	};
}

double jm_recorder_busy(const struct jm_load *before, const struct jm_load *after)
{
	int64_t passed_ns = after->t_ns - before->t_ns;
	double busy;

	if (!before->is_known || !after->is_known || before->n_cpus != after->n_cpus || passed_ns < JM_LOAD_MIN_NS)
		return NAN;
	busy = 1 - (double)(after->idle_ns - before->idle_ns) / ((double)passed_ns * after->n_cpus);
	return busy < 0 ? 0 : busy > 1 ? 1 : busy;
}

void jm_recorder_note_load(struct jm_recorder *r)
{
	struct jm_load now;
	double busy;

	jm_recorder_look_at_load(&r->sensors->env, &now);
	busy = jm_recorder_busy(&r->load, &now);
	if (!isnan(busy))
		jm_writer_meta_double(r->writer, "machine_busy_fraction", busy);
}
