#include "service/service.h"

#include "core/error.h"
#include "core/units.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Figures that are younger than this are good enough for a beginning or an end. */
#define FRESH_NS (20 * JM_NS_PER_MS)
#define LOOK_NS  (60 * JM_NS_PER_S)
#define POWER_NS JM_NS_PER_S

static int64_t realtime_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * JM_NS_PER_S + t.tv_nsec;
}

/* ---- The world of the measurements ---- */

static void refresh(void *ctx)
{
	struct jm_service *s = ctx;

	jm_live_pace(s->live, s->options.period_ns, NULL);
	jm_live_refresh(s->live, FRESH_NS, NULL);
}

static int watch(void *ctx, int64_t pid, uint32_t *id_out, struct jm_error *err)
{
	struct jm_service *s = ctx;

	return jm_live_add(s->live, pid, id_out, err);
}

static void begin(void *ctx)
{
	jm_live_begin(((struct jm_service *)ctx)->live);
}

static void unwatch(void *ctx, uint32_t id)
{
	struct jm_service *s = ctx;

	jm_live_unwatch(s->live, id);
}

/* Adds a channel to the sum of its device. */
static void add_channel(struct jm_device_sum *sum, const struct jm_live_channel *c)
{
	double low_j = NAN, high_j = NAN;

	if (!isnan(c->low_w)) {
		low_j = c->low_w * c->seen_s;
		high_j = c->high_w * c->seen_s;
	} else if (c->info.accuracy_fraction >= 0) {
		low_j = c->energy_j * (1 - c->info.accuracy_fraction);
		high_j = c->energy_j * (1 + c->info.accuracy_fraction);
	}
	sum->seen_s = sum->is_known ? fmin(sum->seen_s, c->seen_s) : c->seen_s;
	sum->is_known = true;
	sum->is_estimated = sum->is_estimated || !isnan(c->low_w);
	sum->machine_j += c->energy_j;
	sum->idle_j += c->idle_j;
	sum->low_j += low_j;
	sum->high_j += high_j;
}

/* Takes the figures of the last tick, once for all who ask. */
static void take_figures(struct jm_service *s)
{
	struct jm_live_state state;
	size_t i;

	jm_live_state(s->live, &state);
	if (s->state.n_ticks == state.n_ticks && s->state.period_ns == state.period_ns)
		return;
	s->state = state;
	memset(s->machine, 0, sizeof(s->machine));
	memset(s->split, 0, sizeof(s->split));
	for (i = 0; i < s->n_channels; i++) {
		enum jm_device device = s->device_of[i];

		jm_live_channel(s->live, i, &s->channels[i]);
		if (device == JM_N_DEVICES)
			continue;
		add_channel(&s->machine[device], &s->channels[i]);
		s->machine[device].energy_j = s->machine[device].machine_j;
		if (s->channels[i].is_split)
			add_channel(&s->split[device], &s->channels[i]);
	}
}

static void process_moment(void *ctx, uint32_t id, struct jm_moment *out)
{
	struct jm_service *s = ctx;
	struct jm_live_process p;
	size_t i;

	take_figures(s);
	*out = (struct jm_moment){.t_ns = s->state.t_ns, .realtime_ns = s->state.realtime_ns};
	memcpy(out->devices, s->split, sizeof(out->devices));
	if (jm_live_process(s->live, id, &p)) {
		out->is_gone = true;
		return;
	}
	out->is_gone = p.is_gone;
	out->cpu_s = p.tree_cpu_s;
	out->start_ticks = p.start_ticks;
	for (i = 0; i < s->n_channels; i++)
		if (s->device_of[i] != JM_N_DEVICES && s->channels[i].is_split)
			out->devices[s->device_of[i]].energy_j += p.tree_energy_j[i];
}

static void machine_moment(void *ctx, struct jm_moment *out)
{
	struct jm_service *s = ctx;
	int64_t own_cpu_ns, own_rss_bytes;

	take_figures(s);
	jm_own_cost(&own_cpu_ns, &own_rss_bytes);
	*out = (struct jm_moment){
	    .t_ns = s->state.t_ns, .realtime_ns = s->state.realtime_ns, .cpu_s = jm_s_from_ns(own_cpu_ns)};
	memcpy(out->devices, s->machine, sizeof(out->devices));
}

static const char *name_of(void *ctx, uint32_t id)
{
	struct jm_service *s = ctx;
	struct jm_live_process p;

	if (jm_live_process(s->live, id, &p))
		return "";
	return p.command[0] ? p.command : p.name;
}

/* ---- Channels ---- */

static bool is_processor(const char *domain)
{
	return strcmp(domain, "package") == 0 || strcmp(domain, "core") == 0 || strcmp(domain, "uncore") == 0;
}

static enum jm_device device_of_domain(const char *domain)
{
	if (is_processor(domain))
		return JM_DEVICE_CPU;
	if (strcmp(domain, "gpu") == 0 || strcmp(domain, "gpu memory") == 0)
		return JM_DEVICE_GPU;
	return strcmp(domain, "dram") == 0 ? JM_DEVICE_DRAM : JM_N_DEVICES;
}

/* A channel counts for its device unless one that contains it does already. */
static int init_channels(struct jm_service *s)
{
	size_t n = s->n_channels = jm_live_n_channels(s->live), i;

	s->channels = calloc(n + 1, sizeof(*s->channels));
	s->powers = calloc(n + 1, sizeof(*s->powers));
	s->device_of = calloc(n + 1, sizeof(*s->device_of));
	if (!s->channels || !s->powers || !s->device_of)
		return JM_E_NOMEM;
	for (i = 0; i < n; i++) {
		struct jm_live_channel c, whole;

		s->powers[i].power_w = NAN;
		s->device_of[i] = JM_N_DEVICES;
		if (jm_live_channel(s->live, i, &c) || !c.is_counted)
			continue;
		s->device_of[i] = device_of_domain(c.info.domain);
		while (c.part_of >= 0 && jm_live_channel(s->live, (size_t)c.part_of, &whole) == 0) {
			if (whole.is_counted && device_of_domain(whole.info.domain) == s->device_of[i])
				s->device_of[i] = JM_N_DEVICES;
			c.part_of = whole.part_of;
		}
	}
	return 0;
}

static void update_powers(struct jm_service *s, int64_t now_ns)
{
	size_t i;

	take_figures(s);
	if (now_ns - s->powers_ns < POWER_NS)
		return;
	s->powers_ns = now_ns;
	for (i = 0; i < s->n_channels; i++) {
		struct jm_service_power *p = &s->powers[i];
		const struct jm_live_channel *c = &s->channels[i];

		p->power_w = c->seen_s > p->seen_s ? (c->energy_j - p->energy_j) / (c->seen_s - p->seen_s) : NAN;
		p->energy_j = c->energy_j;
		p->seen_s = c->seen_s;
	}
}

/* ---- The loop ---- */

static int64_t due_ns(void *ctx)
{
	struct jm_service *s = ctx;
	int64_t live_ns = jm_live_due_ns(s->live), measure_ns = jm_measurements_due_ns(s->measurements);

	return live_ns < measure_ns ? live_ns : measure_ns;
}

static void follow(struct jm_service *s, int64_t now_ns)
{
	size_t i;

	update_powers(s, now_ns);
	jm_items_tidy(s->items);
	for (i = 0; i < s->n_followers; i++)
		s->followers[i].ticked(s->followers[i].ctx, now_ns);
}

static void tick(void *ctx)
{
	struct jm_service *s = ctx;
	int64_t now_ns = jm_now_ns();

	if (now_ns >= jm_live_due_ns(s->live))
		jm_live_tick(s->live, NULL);
	jm_measurements_tick(s->measurements, now_ns);
	follow(s, now_ns);
	jm_service_settle(s);
}

void jm_service_settle(struct jm_service *s)
{
	bool is_wanted = s->options.is_always || s->n_streams || jm_now_ns() < s->wanted_until_ns ||
			 jm_measurements_n_running(s->measurements);

	jm_live_pace(s->live, is_wanted ? s->options.period_ns : 0, NULL);
}

void jm_service_look(struct jm_service *s)
{
	int64_t now_ns = jm_now_ns();
	bool was_awake = now_ns < s->wanted_until_ns || s->state.period_ns;

	s->wanted_until_ns = now_ns + LOOK_NS;
	jm_service_settle(s);
	if (was_awake)
		return;
	jm_live_refresh(s->live, FRESH_NS, NULL);
	update_powers(s, now_ns);
}

static void count_begun(struct jm_service *s, int64_t took_ns)
{
	s->n_begun++;
	s->begun_ns += took_ns;
	s->begun_max_ns = took_ns > s->begun_max_ns ? took_ns : s->begun_max_ns;
}

int jm_service_measure(struct jm_service *s, const struct jm_measure_request *request, uint64_t *id_out,
		       struct jm_error *err)
{
	int64_t now_ns = jm_now_ns();
	int rc = jm_measurements_add(s->measurements, request, now_ns, realtime_ns(), id_out, err);

	if (rc == 0 && request->start_ns <= now_ns)
		count_begun(s, jm_now_ns() - now_ns);
	jm_service_settle(s);
	return rc;
}

int jm_service_follow(struct jm_service *s, const struct jm_service_follower *follower)
{
	if (s->n_followers == JM_SERVICE_FOLLOWERS_MAX)
		return JM_E_NOMEM;
	s->followers[s->n_followers++] = *follower;
	return 0;
}

int jm_service_add_metrics(struct jm_service *s, const struct jm_service_metrics *metrics)
{
	if (s->n_metrics == JM_SERVICE_METRICS_MAX)
		return JM_E_NOMEM;
	s->metrics[s->n_metrics++] = *metrics;
	return 0;
}

int jm_service_open(struct jm_service *s, const struct jm_service_options *options, struct jm_error *err)
{
	struct jm_live_options live = {
	    .size = sizeof(live), .sensors = options->sensors, .watches_all = options->with_all_processes};
	struct jm_measure_world world = {refresh, watch, unwatch, process_moment, machine_moment, name_of, s, begin};
	int rc;

	memset(s, 0, sizeof(*s));
	s->options = *options;
	s->options.period_ns = options->period_ns ? options->period_ns : JM_DEFAULT_LIVE_PERIOD_NS;
	s->start_realtime_ns = realtime_ns();
	s->state.n_ticks = UINT64_MAX;
	rc = jm_live_open(&live, &s->live, err);
	rc = rc ? rc : jm_measurements_create(&world, &options->limits, &s->measurements, err);
	rc = rc ? rc : jm_loop_create(&s->loop, err);
	if (rc == 0 &&
	    (init_channels(s) || jm_items_create(s->live, &s->items) || jm_loop_add_timed(s->loop, due_ns, tick, s)))
		rc = jm_error_set(err, JM_E_NOMEM, "out of memory for the service");
	if (rc) {
		jm_service_close(s);
		return rc;
	}
	jm_live_tick(s->live, NULL);
	take_figures(s);
	jm_service_settle(s);
	return 0;
}

void jm_service_close(struct jm_service *s)
{
	if (s->measurements)
		jm_measurements_stop_all(s->measurements, jm_now_ns());
	jm_measurements_destroy(s->measurements);
	jm_items_destroy(s->items);
	jm_loop_destroy(s->loop);
	jm_live_close(s->live);
	free(s->channels);
	free(s->powers);
	free(s->device_of);
	memset(s, 0, sizeof(*s));
}
