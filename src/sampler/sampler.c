#define _GNU_SOURCE
#include "sampler/sampler.h"

#include "core/error.h"
#include "core/ring.h"
#include "core/units.h"
#include "sampler/slot.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* The ring must hold what comes between two drains, and some delay of the drain. */
#define RING_SECONDS     2
#define RING_SAMPLES_MIN 1024
#define RING_SAMPLES_MAX (1 << 17)
/* How often a thread hands its ledgers over. */
#define LEDGER_PERIOD_NS (500 * JM_NS_PER_MS)
#define DRAIN_SAMPLES    4096
/* The shortest slice the kernel takes. */
#define SLICE_NS 100000

struct ledger_record {
	uint16_t channel;
	struct jm_ledger ledger;
};

/* One sampling thread and the sensors it reads. */
struct worker {
	struct jm_sampler *sampler;
	struct jm_slot *slots;
	size_t n_slots, n_channels;
	struct jm_sample *batch; /* room for one read of any slot */
	struct jm_ring samples, ledgers;
	int64_t next_ledger_ns;
	pthread_t thread;
	bool is_running;
	sem_t cancel;
};

struct jm_sampler {
	const struct jm_env *env;
	struct jm_sensor_set *set;
	struct jm_sampler_options options;
	struct worker *workers;
	size_t n_workers;
	struct jm_slot *slots;
	size_t n_slots;
	_Atomic int64_t *gone_ns; /* per sensor: time it was lost, 0: not; written by its sampling thread */
	bool *is_gone_told;
	struct jm_ledger *ledgers; /* per channel, as last drained */
	struct jm_sample *drained; /* room for one take */
};

static void read_slot(struct worker *w, struct jm_slot *slot, bool is_late, bool is_last)
{
	size_t n = is_last ? jm_slot_read_last(slot, w->batch) : jm_slot_read(slot, w->batch, is_late);

	/* The last reading of a period is none of the expected: it was not booked. */
	if (n && jm_ring_put(&w->samples, w->batch, n) && !(is_last && !slot->is_own_pace))
		jm_slot_lose(slot, w->batch, n);
	if (slot->is_gone)
		atomic_store(&w->sampler->gone_ns[slot->sensor - w->sampler->set->sensors],
			     jm_env_now(w->sampler->env));
}

/* The thread's processor time is shared out evenly over its channels. */
static void settle(struct worker *w, int64_t now)
{
	int64_t cpu_ns = jm_env_thread_cpu_ns() / (int64_t)(w->n_channels ? w->n_channels : 1);
	size_t i;
	uint16_t c;

	for (i = 0; i < w->n_slots; i++) {
		jm_slot_settle(&w->slots[i], now);
		for (c = 0; c < w->slots[i].sensor->n_channels; c++)
			w->slots[i].ledgers[c].cpu_ns = cpu_ns;
	}
	w->next_ledger_ns = now + LEDGER_PERIOD_NS;
}

static void hand_over_ledgers(struct worker *w)
{
	struct ledger_record record;
	size_t i;
	uint16_t c;

	memset(&record, 0, sizeof(record));
	for (i = 0; i < w->n_slots; i++) {
		for (c = 0; c < w->slots[i].sensor->n_channels; c++) {
			record.channel = (uint16_t)(w->slots[i].sensor->first_channel + c);
			record.ledger = w->slots[i].ledgers[c];
			/* A full ring only delays the news: the next round carries the sums again. */
			jm_ring_put(&w->ledgers, &record, 1);
		}
	}
}

static int64_t next_deadline(const struct worker *w)
{
	int64_t t = INT64_MAX;
	size_t i;

	for (i = 0; i < w->n_slots; i++)
		if (w->slots[i].deadline_ns < t)
			t = w->slots[i].deadline_ns;
	return t;
}

/* struct sched_attr of sched_setattr(2), its first version. */
struct scheduling {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime_ns, deadline_ns, period_ns;
};

/* A load that takes every processor would make readings late. A short slice lets a thread that has slept run at once
 * (Linux 6.12 and later take it from anybody), a high weight does so where it is allowed (root, CAP_SYS_NICE). Real-time
 * scheduling would do more, and costs a third more processor time a reading. Where nothing is allowed the ledger shows
 * what that costs. */
static void go_first(void)
{
	struct scheduling wanted = {.size = sizeof(wanted), .nice = -20, .runtime_ns = SLICE_NS};

	if (syscall(SYS_sched_setattr, 0, &wanted, 0) == 0)
		return;
	wanted.nice = 0;
	syscall(SYS_sched_setattr, 0, &wanted, 0);
}

static void *work(void *arg)
{
	struct worker *w = arg;
	const struct jm_env *env = w->sampler->env;
	bool is_cancelled, is_late;
	int64_t now;
	size_t i;

	/* The kernel may delay a sleeper by 50 us to save wake-ups; here the deadline is the point. */
	prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
	prctl(PR_SET_NAME, "jm-sampler", 0UL, 0UL, 0UL);
	go_first();
	do {
		is_cancelled = env->wait_until_ns(env->ctx, next_deadline(w), &w->cancel) != 0;
		now = jm_env_now(env);
		for (i = 0; i < w->n_slots; i++)
			if (jm_slot_is_due(&w->slots[i], now, &is_late))
				read_slot(w, &w->slots[i], is_late, false);
		if (now >= w->next_ledger_ns) {
			settle(w, now);
			hand_over_ledgers(w);
		}
	} while (!is_cancelled);
	for (i = 0; i < w->n_slots; i++)
		read_slot(w, &w->slots[i], false, true);
	settle(w, jm_env_now(env));
	return NULL;
}

static size_t ring_samples(const struct worker *w)
{
	double n = 0;
	size_t i;

	for (i = 0; i < w->n_slots; i++)
		n += (double)w->slots[i].sensor->max_samples * RING_SECONDS * 1e9 / (double)w->slots[i].period_ns;
	if (n < RING_SAMPLES_MIN)
		return RING_SAMPLES_MIN;
	return n > RING_SAMPLES_MAX ? RING_SAMPLES_MAX : (size_t)n;
}

static int init_worker(struct jm_sampler *s, struct worker *w, struct jm_slot *slots, size_t n_slots)
{
	size_t max_samples = JM_SENSOR_CHANNELS_MAX, i;
	int rc;

	w->sampler = s;
	w->slots = slots;
	w->n_slots = n_slots;
	sem_init(&w->cancel, 0, 0);
	for (i = 0; i < n_slots; i++) {
		if (slots[i].sensor->max_samples > max_samples)
			max_samples = slots[i].sensor->max_samples;
		w->n_channels += slots[i].sensor->n_channels;
	}
	w->batch = calloc(max_samples, sizeof(*w->batch));
	if (!w->batch)
		return JM_E_NOMEM;
	rc = jm_ring_init(&w->samples, sizeof(struct jm_sample), ring_samples(w));
	return rc ? rc : jm_ring_init(&w->ledgers, sizeof(struct ledger_record), w->n_channels * 4 + 1);
}

static int init_slots(struct jm_sampler *s, bool may_block)
{
	size_t i;
	int rc;

	for (i = 0; i < s->set->n_sensors; i++) {
		struct jm_sensor *sensor = &s->set->sensors[i];

		if (!sensor->is_open || sensor->may_block != may_block)
			continue;
		rc = jm_slot_init(&s->slots[s->n_slots++], sensor, s->set->channels, s->options.period_ns);
		if (rc)
			return rc;
	}
	return 0;
}

/* Sensors that never block share the first worker; the others have one each. */
static int init_workers(struct jm_sampler *s)
{
	size_t n_shared, i;
	int rc = init_slots(s, false);

	n_shared = s->n_slots;
	if (rc == 0)
		rc = init_slots(s, true);
	if (rc == 0 && n_shared)
		rc = init_worker(s, &s->workers[s->n_workers++], s->slots, n_shared);
	for (i = n_shared; i < s->n_slots && rc == 0; i++)
		rc = init_worker(s, &s->workers[s->n_workers++], &s->slots[i], 1);
	return rc;
}

static bool allocate(struct jm_sampler *s)
{
	size_t n_sensors = s->set->n_sensors + 1;

	s->slots = calloc(n_sensors, sizeof(*s->slots));
	s->workers = calloc(n_sensors, sizeof(*s->workers));
	s->gone_ns = calloc(n_sensors, sizeof(*s->gone_ns));
	s->is_gone_told = calloc(n_sensors, sizeof(*s->is_gone_told));
	s->ledgers = calloc(s->set->n_channels + 1, sizeof(*s->ledgers));
	s->drained = calloc(DRAIN_SAMPLES, sizeof(*s->drained));
	return s->slots && s->workers && s->gone_ns && s->is_gone_told && s->ledgers && s->drained;
}

int jm_sampler_create(const struct jm_env *env, struct jm_sensor_set *set, const struct jm_sampler_options *options,
		      struct jm_sampler **out, struct jm_error *err)
{
	struct jm_sampler *s;

	if (options->period_ns <= 0)
		return jm_error_set(err, JM_E_INVALID, "the sampling period must be above zero");
	s = calloc(1, sizeof(*s));
	if (!s)
		return jm_error_set(err, JM_E_NOMEM, "out of memory for the sampler");
	s->env = env;
	s->set = set;
	s->options = *options;
	if (!allocate(s) || init_workers(s)) {
		jm_sampler_destroy(s);
		return jm_error_set(err, JM_E_NOMEM, "out of memory for the sampler");
	}
	*out = s;
	return 0;
}

int jm_sampler_start(struct jm_sampler *s, struct jm_error *err)
{
	int64_t now = jm_env_now(s->env);
	size_t i, k;

	for (i = 0; i < s->n_workers; i++) {
		struct worker *w = &s->workers[i];

		for (k = 0; k < w->n_slots; k++)
			w->slots[k].started_ns = w->slots[k].deadline_ns = now;
		w->next_ledger_ns = now + LEDGER_PERIOD_NS;
		if (pthread_create(&w->thread, NULL, work, w)) {
			jm_sampler_stop(s);
			return jm_error_set(err, JM_E_NOMEM, "cannot start a sampling thread");
		}
		w->is_running = true;
	}
	return 0;
}

static void tell_lost(struct jm_sampler *s)
{
	size_t i;

	for (i = 0; i < s->set->n_sensors; i++) {
		int64_t t_ns = atomic_load(&s->gone_ns[i]);

		if (!t_ns || s->is_gone_told[i])
			continue;
		s->is_gone_told[i] = true;
		if (s->options.lost)
			s->options.lost(s->options.lost_ctx, &s->set->sensors[i], t_ns);
	}
}

int jm_sampler_drain(struct jm_sampler *s)
{
	struct ledger_record record;
	size_t i, n;
	int rc = 0;

	for (i = 0; i < s->n_workers; i++) {
		struct worker *w = &s->workers[i];

		/* After a failed write the rest is still taken, so that the threads do not find their rings full. */
		while ((n = jm_ring_take(&w->samples, s->drained, DRAIN_SAMPLES)) > 0)
			if (rc == 0)
				rc = s->options.sink.write(s->options.sink.ctx, s->drained, n);
		while (jm_ring_take(&w->ledgers, &record, 1))
			s->ledgers[record.channel] = record.ledger;
	}
	tell_lost(s);
	return rc;
}

/* The threads have ended: their ledgers are ours to read. */
static void copy_final_ledgers(struct jm_sampler *s)
{
	size_t i;
	uint16_t c;

	for (i = 0; i < s->n_slots; i++)
		for (c = 0; c < s->slots[i].sensor->n_channels; c++)
			s->ledgers[s->slots[i].sensor->first_channel + c] = s->slots[i].ledgers[c];
}

int jm_sampler_stop(struct jm_sampler *s)
{
	bool was_running = false;
	size_t i;
	int rc;

	for (i = 0; i < s->n_workers; i++)
		if (s->workers[i].is_running)
			sem_post(&s->workers[i].cancel);
	for (i = 0; i < s->n_workers; i++) {
		if (!s->workers[i].is_running)
			continue;
		pthread_join(s->workers[i].thread, NULL);
		s->workers[i].is_running = false;
		was_running = true;
	}
	if (!was_running)
		return 0;
	rc = jm_sampler_drain(s);
	copy_final_ledgers(s);
	return rc;
}

const struct jm_ledger *jm_sampler_ledger(const struct jm_sampler *s, uint16_t channel)
{
	return &s->ledgers[channel];
}

uint64_t jm_sampler_implausible(const struct jm_sampler *s, uint16_t channel, int64_t *first_out)
{
	size_t i;

	for (i = 0; i < s->n_slots; i++) {
		const struct jm_sensor *sensor = s->slots[i].sensor;

		if (channel < sensor->first_channel || channel >= sensor->first_channel + sensor->n_channels)
			continue;
		*first_out = s->slots[i].channels[channel - sensor->first_channel].implausible;
		return s->slots[i].channels[channel - sensor->first_channel].n_implausible;
	}
	return 0;
}

void jm_sampler_destroy(struct jm_sampler *s)
{
	size_t i;

	if (!s)
		return;
	jm_sampler_stop(s);
	for (i = 0; i < s->n_workers; i++) {
		jm_ring_finish(&s->workers[i].samples);
		jm_ring_finish(&s->workers[i].ledgers);
		sem_destroy(&s->workers[i].cancel);
		free(s->workers[i].batch);
	}
	for (i = 0; i < s->n_slots; i++)
		jm_slot_finish(&s->slots[i]);
	free(s->slots);
	free(s->workers);
	free(s->gone_ns);
	free(s->is_gone_told);
	free(s->ledgers);
	free(s->drained);
	free(s);
}
