/* Rests between trials, by the live sensors. */
#include "core/env.h"
#include "core/error.h"
#include "core/units.h"
#include "joulemap/live.h"
#include "session/bench.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define TICK_NS      (100 * JM_NS_PER_MS)
#define TICKS        10 /* of which a mean is taken */
#define ZONES_MAX    64
#define POWER_MARGIN 0.05
#define POWER_SDS    3.0
#define WARMER_K     2.0

struct watcher {
	struct jm_live *live;
	struct jm_env env;
	double powers[TICKS];
	size_t n;
};

static double larger(double a, double b)
{
	return isnan(a) || b > a ? b : a;
}

/* The warmest zone of the machine; NAN: it has none. */
static double zone_temperature(const struct jm_env *env)
{
	double warmest = NAN;
	char path[64];
	int64_t mc;
	int i;

	for (i = 0; i < ZONES_MAX; i++) {
		snprintf(path, sizeof(path), "/sys/class/thermal/thermal_zone%d/temp", i);
		if (jm_env_read_i64(env, path, &mc) == 0 && mc > -100000 && mc < 300000)
			warmest = larger(warmest, 1e-3 * (double)mc);
	}
	return warmest;
}

static double temperature(const struct watcher *w)
{
	double warmest = zone_temperature(&w->env);
	struct jm_live_channel c;
	size_t i;

	for (i = 0; jm_live_channel(w->live, i, &c) == 0; i++)
		if (isfinite(c.temperature_c))
			warmest = larger(warmest, c.temperature_c);
	return warmest;
}

static int begin(struct watcher *w, const char *sensors, struct jm_error *err)
{
	struct jm_live_options options = {.size = sizeof(options), .sensors = sensors};
	int rc;

	memset(w, 0, sizeof(*w));
	jm_env_init(&w->env);
	rc = jm_live_open(&options, &w->live, err);
	return rc ? rc : jm_live_pace(w->live, TICK_NS, err);
}

/* Waits for the next tick. *power_w: of all channels that are in no other; NAN: nothing was read. */
static int tick(struct watcher *w, double *power_w, struct jm_error *err)
{
	struct jm_live_channel c;
	size_t i;
	int rc;

	w->env.sleep_until_ns(w->env.ctx, jm_live_due_ns(w->live));
	rc = jm_live_tick(w->live, err);
	*power_w = NAN;
	for (i = 0; rc == 0 && i < jm_live_n_channels(w->live); i++)
		if (jm_live_channel(w->live, i, &c) == 0 && c.is_counted && c.part_of < 0 && isfinite(c.power_w))
			*power_w = isnan(*power_w) ? c.power_w : *power_w + c.power_w;
	return rc;
}

/* Mean of the last second; NAN before there is one. */
static double second(struct watcher *w, double power_w)
{
	double sum = 0;
	size_t i;

	if (isnan(power_w))
		return NAN;
	w->powers[w->n++ % TICKS] = power_w;
	for (i = 0; i < TICKS; i++)
		sum += w->powers[i];
	return w->n < TICKS ? NAN : sum / TICKS;
}

int jm_bench_baseline(const char *sensors, int64_t duration_ns, struct jm_bench_baseline *out, struct jm_error *err)
{
	double sum = 0, squares = 0, power_w, n = 0;
	struct watcher w;
	int64_t end_ns;
	int rc = begin(&w, sensors, err);

	*out = (struct jm_bench_baseline){NAN, NAN, NAN};
	end_ns = rc ? 0 : jm_env_now(&w.env) + duration_ns;
	while (rc == 0 && jm_env_now(&w.env) < end_ns) {
		rc = tick(&w, &power_w, err);
		if (rc == 0 && isfinite(power_w)) {
			sum += power_w;
			squares += power_w * power_w;
			n++;
		}
	}
	if (rc == 0 && n >= 2) {
		out->power_w = sum / n;
		out->power_sd_w = sqrt(fmax(0, squares / n - out->power_w * out->power_w) / TICKS);
	}
	if (rc == 0)
		out->temperature_c = temperature(&w);
	jm_live_close(w.live);
	return rc;
}

bool jm_bench_is_at_rest(const struct jm_bench_baseline *b, double power_w, double temperature_c)
{
	double margin_w = fmax(POWER_SDS * b->power_sd_w, POWER_MARGIN * b->power_w);

	if (isfinite(b->power_w) && !(power_w <= b->power_w + margin_w))
		return false;
	return !isfinite(b->temperature_c) || !isfinite(temperature_c) || temperature_c <= b->temperature_c + WARMER_K;
}

static void say_limit(const struct jm_bench_baseline *b, int64_t limit_ns, double power_w, double temperature_c,
		      char *text, size_t size)
{
	size_t used = (size_t)snprintf(
	    text, size, "the rest ended by its limit of %.3g s at %.3g W (%.3g W before the first trial)",
	    jm_s_from_ns(limit_ns), power_w, b->power_w);

	if (isfinite(temperature_c) && used < size)
		snprintf(text + used, size - used, ", %.1f degC (%.1f)", temperature_c, b->temperature_c);
}

int jm_bench_rest(const char *sensors, const struct jm_bench_baseline *b, int64_t limit_ns, jm_progress_fn progress,
		  void *ctx, char *text, size_t size, struct jm_error *err)
{
	double power_w = NAN, mean_w = NAN, now_c = NAN;
	struct watcher w;
	int64_t start_ns, now_ns;
	int rc = begin(&w, sensors, err);

	text[0] = '\0';
	start_ns = now_ns = rc ? 0 : jm_env_now(&w.env);
	while (rc == 0 && now_ns - start_ns < limit_ns) {
		rc = tick(&w, &power_w, err);
		mean_w = rc ? NAN : second(&w, power_w);
		now_c = rc ? NAN : temperature(&w);
		if (rc || (isfinite(mean_w) && jm_bench_is_at_rest(b, mean_w, now_c)))
			break;
		now_ns = jm_env_now(&w.env);
		if (progress &&
		    progress(ctx, "rest", (uint64_t)(now_ns - start_ns) / 1000000, (uint64_t)limit_ns / 1000000))
			rc = jm_error_set(err, JM_E_CANCELLED, "stopped by a signal");
	}
	if (rc == 0 && now_ns - start_ns >= limit_ns)
		say_limit(b, limit_ns, mean_w, now_c, text, size);
	jm_live_close(w.live);
	return rc;
}
