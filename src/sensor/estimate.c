/* Device: any machine that has no power sensor; what is read is how busy its processors are.
 * Interface: /proc/stat, first line ("cpu"), in clock ticks (USER_HZ, 1/100 s) summed over all processors.
 * Value: P = idle + u * (max - idle), u = busy ticks / all ticks since the reading before; uW. An estimate, always
 * marked so: it knows nothing of frequency, vector units, memory or the voltage the machine runs at.
 * Step and period: one tick of 10 ms a processor. The window is the time since the reading before.
 * Wrap: none (64 bit). Permission: none.
 * Faults: iowait may go backwards (proc_stat(5)); a field that did counts as no time passed. Time stolen by the
 * hypervisor is time in which somebody else used the power: it is part of the whole, never of busy. guest and
 * guest_nice are contained in user and nice already and are not added again.
 * Source: kernel Documentation/filesystems/proc.rst, section 1.7; proc_stat(5).
 *
 * The range. A user who knows it gives idle and max (of the package, W). The default is deliberately wide, per logical
 * processor: 0.2 to 10 W. Vendors' figures at full load lie inside it: 1.9 W (EPYC 9654, 360 W, 192 threads), 3.1 W
 * (Xeon 8480+, 350 W, 112), 7.9 W (Core i9-13900K, 253 W, 32), 1.5 W (Raspberry Pi 4, about 6 W, 4 cores). Idle
 * packages draw 0.2 to 1 W a thread. The processor's name is not asked: in a virtual machine it says nothing. */
#define _GNU_SOURCE
#include "sensor/sensor.h"

#include "core/error.h"
#include "core/text.h"
#include "core/units.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STAT_PATH "/proc/stat"
/* USER_HZ, the unit of /proc/stat, is 100 on every architecture Linux still supports. */
#define TICK_NS (10 * JM_NS_PER_MS)
#define DEFAULT_IDLE_UW_PER_CPU INT64_C(200000)
#define DEFAULT_MAX_UW_PER_CPU INT64_C(10000000)
/* More than any machine; keeps the arithmetic far from overflow. */
#define POWER_MAX_W 1e6
/* The kernel makes all of /proc/stat for a read of its first line: tens of microseconds on few processors, longer than
 * 0.1 ms on many. */
#define QUICK_CPUS_MAX 16

extern const struct jm_sensor_driver jm_sensor_estimate;

enum { USER, NICE, SYSTEM, IDLE, IOWAIT, IRQ, SOFTIRQ, STEAL, N_FIELDS };

struct estimate {
	int fd;
	bool is_primed;
	uint64_t ticks[N_FIELDS];
	int64_t idle_uw, max_uw;
};

/* Reads "cpu  1 2 3 ..."; fields that old kernels lack stay 0. Errors: JM_E_FORMAT. */
static int parse_cpu_line(const char *text, size_t n, uint64_t ticks[N_FIELDS])
{
	const char *end = memchr(text, '\n', n);
	const char *at = text + 3;
	int n_fields = 0;

	memset(ticks, 0, N_FIELDS * sizeof(*ticks));
	if (!end || end - text < 4 || memcmp(text, "cpu", 3) || *at != ' ')
		return JM_E_FORMAT;
	while (n_fields < N_FIELDS) {
		const char *from;

		while (at < end && *at == ' ')
			at++;
		for (from = at; at < end && *at != ' ';)
			at++;
		if (from == at)
			break;
		if (jm_text_u64(from, (size_t)(at - from), &ticks[n_fields++]))
			return JM_E_FORMAT;
	}
	return n_fields > IDLE ? 0 : JM_E_FORMAT;
}

static uint64_t advance(const uint64_t now[N_FIELDS], const uint64_t before[N_FIELDS], int field)
{
	return now[field] > before[field] ? now[field] - before[field] : 0;
}

/* Counts the lines "cpuN". The file may be longer than the buffer on huge machines: then what is seen counts. */
static int count_cpus(const char *text)
{
	int n = 0;

	while ((text = strstr(text, "\ncpu"))) {
		text += 4;
		n += *text >= '0' && *text <= '9';
	}
	return n;
}

static int parse_watts(const char *text, size_t n, int64_t *out)
{
	double watts;

	if (n > 0 && text[n - 1] == 'W')
		n--;
	if (jm_text_double(text, n, &watts) || watts < 0 || watts > POWER_MAX_W)
		return JM_E_INVALID;
	*out = llround(watts * JM_UW_PER_W);
	return 0;
}

/* Parses "idle=W,max=W"; what is not given keeps its default. */
static int parse_argument(const char *argument, struct estimate *e, struct jm_error *err)
{
	while (*argument) {
		size_t n = strcspn(argument, ",");
		int rc = JM_E_INVALID;

		if (strncmp(argument, "idle=", 5) == 0)
			rc = parse_watts(argument + 5, n - 5, &e->idle_uw);
		else if (strncmp(argument, "max=", 4) == 0)
			rc = parse_watts(argument + 4, n - 4, &e->max_uw);
		if (rc) {
			jm_error_set(err, rc, "estimate: cannot understand \"%.*s\"", (int)n, argument);
			jm_error_remedy(err, "write estimate:idle=10,max=65 (watts of the whole package)");
			return rc;
		}
		argument += n + (argument[n] == ',');
	}
	if (e->max_uw > e->idle_uw)
		return 0;
	jm_error_set(err, JM_E_INVALID, "estimate: max (%.3g W) is not above idle (%.3g W)",
		     jm_si_from_micro(e->max_uw), jm_si_from_micro(e->idle_uw));
	jm_error_remedy(err, "give both: estimate:idle=10,max=65");
	return JM_E_INVALID;
}

static void describe(struct jm_channel *c, const struct estimate *e, int n_cpus, bool is_default)
{
	c->kind = JM_KIND_WINDOW_MEAN;
	c->state = JM_STATE_ESTIMATED;
	c->domain = JM_DOMAIN_PACKAGE;
	c->update_period_ns = TICK_NS;
	c->bound_low_uw = e->idle_uw;
	c->bound_high_uw = e->max_uw;
	snprintf(c->label, sizeof(c->label), "processors, %d logical", n_cpus);
	snprintf(c->reason, sizeof(c->reason),
		 "estimated from processor use in /proc/stat and a power range of %.4g to %.4g W%s, not measured",
		 jm_si_from_micro(e->idle_uw), jm_si_from_micro(e->max_uw),
		 is_default ? " (assumed: 0.2 to 10 W a logical processor)" : " (given)");
	if (is_default)
		snprintf(c->remedy, sizeof(c->remedy),
			 "give the range of this machine: -s estimate:idle=W,max=W, from its data sheet or a meter");
}

static int probe(const struct jm_env *env, const char *argument, struct jm_sensor_set *found, struct jm_error *why)
{
	static const size_t text_size = 1 << 18;
	bool is_default = !argument || !*argument;
	struct estimate range = {.fd = -1};
	struct estimate *e;
	struct jm_sensor *s;
	struct jm_channel *c;
	uint64_t ticks[N_FIELDS];
	char *text = malloc(text_size);
	int n_cpus, rc;

	if (!text)
		return jm_error_set(why, JM_E_NOMEM, "estimate: out of memory");
	rc = jm_env_read_text(env, STAT_PATH, text, text_size);
	if (!rc)
		rc = parse_cpu_line(text, strlen(text), ticks);
	n_cpus = rc ? 0 : count_cpus(text);
	free(text);
	if (rc || n_cpus == 0) {
		jm_error_set(why, rc ? rc : JM_E_FORMAT, "estimate: %s%s has no usable processor times: %s", env->root,
			     STAT_PATH, jm_error_text(rc ? rc : JM_E_FORMAT));
		jm_error_remedy(why, "mount /proc (in a container: do not mask /proc/stat)");
		return 0;
	}
	range.idle_uw = n_cpus * DEFAULT_IDLE_UW_PER_CPU;
	range.max_uw = n_cpus * DEFAULT_MAX_UW_PER_CPU;
	if (!is_default && (rc = parse_argument(argument, &range, why)))
		return rc;
	s = jm_sensor_set_append(found, &jm_sensor_estimate, env, "estimate");
	e = s ? malloc(sizeof(*e)) : NULL;
	if (s)
		s->state = e;
	c = e ? jm_sensor_set_channel(found, "estimate/cpu") : NULL;
	if (!c)
		return jm_error_set(why, JM_E_NOMEM, "estimate: out of memory");
	*e = range;
	s->min_period_ns = TICK_NS;
	s->may_block = n_cpus > QUICK_CPUS_MAX;
	describe(c, e, n_cpus, is_default);
	return 0;
}

static int open_stat(struct jm_sensor *s, struct jm_error *err)
{
	struct estimate *e = s->state;

	e->is_primed = false;
	e->fd = jm_env_open(s->env, STAT_PATH);
	if (e->fd < 0)
		return jm_error_set(err, e->fd, "estimate: cannot open %s%s: %s", s->env->root, STAT_PATH,
				    jm_error_text(e->fd));
	s->is_open = true;
	return 0;
}

static int read_stat(struct jm_sensor *s, struct jm_sample *out, size_t *n_out)
{
	struct estimate *e = s->state;
	uint64_t now[N_FIELDS], busy, total;
	char text[256];
	int64_t before_ns, after_ns;
	ssize_t n;
	int field, rc;

	before_ns = jm_env_now(s->env);
	n = pread(e->fd, text, sizeof(text), 0);
	after_ns = jm_env_now(s->env);
	if (n < 0)
		return JM_E_IO;
	rc = parse_cpu_line(text, (size_t)n, now);
	if (rc)
		return rc;
	busy = advance(now, e->ticks, USER) + advance(now, e->ticks, NICE) + advance(now, e->ticks, SYSTEM) +
	       advance(now, e->ticks, IRQ) + advance(now, e->ticks, SOFTIRQ);
	for (total = 0, field = 0; field < N_FIELDS; field++)
		total += advance(now, e->ticks, field);
	memcpy(e->ticks, now, sizeof(now));
	if (!e->is_primed || total == 0) {
		e->is_primed = true;
		return JM_E_AGAIN;
	}
	jm_sample_fill(out, s->first_channel, before_ns, after_ns,
		       e->idle_uw + llround((double)(e->max_uw - e->idle_uw) * ((double)busy / (double)total)));
	*n_out = 1;
	return 0;
}

static void close_stat(struct jm_sensor *s)
{
	struct estimate *e = s->state;

	if (e && e->fd >= 0)
		close(e->fd);
	if (e)
		e->fd = -1;
	s->is_open = false;
}

const struct jm_sensor_driver jm_sensor_estimate = {
    .name = "estimate",
    .summary = "processor power estimated from processor use and a power range; the fall-back without sensors",
    .argument_help = "idle=W,max=W",
    .is_fallback = true,
    .probe = probe,
    .open = open_stat,
    .read = read_stat,
    .close = close_stat,
};
