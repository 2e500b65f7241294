/* The emulated sensor of emulator.h behind the real drivers, in virtual time. What the schedule's power makes the sensor show is
 * served where the drivers look: as a powercap counter file that wraps, as the voltage and current files of an INA3221, which
 * block until the chip's cycle ends, or through the stand-in NVML library: its sample buffer with stamps of its own, its
 * instant and average power, its energy counter. The production recorder reads them and writes a recording; the
 * schedule's spans go into it. What the truth is stands in the emulator's world, from the schedule alone. */
#ifndef SUPPORT_SENSOR_WORLD_H
#define SUPPORT_SENSOR_WORLD_H

#include "support/emulator.h"
#include "support/tree.h"
#include "support/virtual_time.h"

#include "core/text.h"
#include "core/units.h"
#include "fakes/fake_nvml.h"
#include "session/calibration.h"
#include "session/recorder.h"
#include "session/report.h"

#include <dlfcn.h>

/* Monotonic time of the emulator's 0. */
#define WORLD_ORIGIN_NS (INT64_C(1000) * JM_NS_PER_S)
#define WORLD_START_NS  (WORLD_ORIGIN_NS + 600 * JM_NS_PER_MS) /* recording begins */
#define WORLD_RING      120
#define WORLD_AVERAGE_S 1.0
#define WORLD_REFRESH_S 0.1 /* of NVML's energy counter and average */
#define WORLD_FILES_MAX 4
#define WORLD_VOLTS_MV  5000.0

enum world_kind { WORLD_POWERCAP, WORLD_INA3221, WORLD_NVML_BUFFER, WORLD_NVML_INSTANT, WORLD_NVML_USAGE };

/* How an emulated sensor is reached, and how the recorder is asked to read it. */
struct world_case {
	const char *sensor; /* of emu_sensors */
	enum world_kind kind;
	const char *choice, *channel;
	int64_t period_ns; /* asked of the recorder */
	bool is_oversampled;
	const char *gpu; /* name of the GPU */
	unsigned int architecture;
};

/* What goes wrong. All zero: nothing. */
struct world_faults {
	double stuck_from_s, stuck_to_s; /* the sensor keeps showing what it showed then */
	double missed_fraction;          /* of the updates never happen */
	double sensor_ppm, realtime_ppm; /* clocks that run fast against ours */
	double filter_fraction;          /* noise of each increment of a counter, of it (PLATYPUS) */
	double wrap_phase;               /* powercap: the counter begins at this part of its range */
	double range_j;                  /* powercap: of the counter; 0: 2^32 steps of 61 uJ */
};

struct world_update {
	int64_t shown_ns, stamp_ns; /* monotonic */
	int64_t value;              /* uW, uJ */
};

struct world_file {
	dev_t device;
	ino_t inode;
	int (*show)(void *world, char *out, size_t size);
};

struct sensor_world {
	struct virtual_time time; /* first: the environment's ctx */
	struct jm_env env;
	const struct world_case *what;
	struct world_faults faults;
	struct emu_sensor sensor;
	struct emu_world *emu;
	struct world_update *updates;
	size_t n_updates, cursor;
	struct tree tree;
	char recording[300];
	struct world_file files[WORLD_FILES_MAX];
	size_t n_files;
	int64_t range_uj, ready_ns; /* ready_ns: end of the chip's cycle that was last waited for */
	void *library;
	struct fake_nvml *script, original;
	struct fake_nvml_source source;
};

static inline void world_require(bool is_true, const char *what)
{
	if (is_true)
		return;
	fprintf(stderr, "sensor_world: %s\n", what);
	abort();
}

static inline double world_seconds(int64_t t_ns)
{
	return 1e-9 * (double)(t_ns - WORLD_ORIGIN_NS);
}

/* What the sensor shows at t: its last update, or the first before there was one. */
static inline size_t world_update_at(struct sensor_world *w, int64_t t_ns)
{
	if (w->cursor >= w->n_updates || w->updates[w->cursor].shown_ns > t_ns)
		w->cursor = 0;
	while (w->cursor + 1 < w->n_updates && w->updates[w->cursor + 1].shown_ns <= t_ns)
		w->cursor++;
	return w->cursor;
}

static inline void world_make_updates(struct sensor_world *w, struct emu_rng *r)
{
	const struct world_faults *f = &w->faults;
	double counted = 0, lag_s = 1e-3 * w->sensor.lag_ms;
	size_t i;

	w->updates = calloc(w->emu->n_samples + 1, sizeof(*w->updates));
	world_require(w->updates != NULL, "out of memory");
	for (i = 0; i < w->emu->n_samples; i++) {
		const struct jm_sample *s = &w->emu->samples[i];
		struct world_update *u = &w->updates[w->n_updates], *before = u - (w->n_updates > 0);
		double t_s = 1e-9 * (double)s->t_ns;

		*u = (struct world_update){.stamp_ns = WORLD_ORIGIN_NS + s->t_ns, .value = s->value};
		/* A stamp that lies before what it speaks of: the value is there no sooner. */
		u->shown_ns = u->stamp_ns + (lag_s < 0 ? llround(-1e9 * lag_s) : 0);
		if (w->sensor.is_counter && f->filter_fraction > 0) {
			double step = i ? (double)(s->value - w->emu->samples[i - 1].value) : 0;

			counted += i ? step * (1 + f->filter_fraction * emu_normal(r)) : (double)s->value;
			u->value = llround(counted);
		}
		if (f->missed_fraction > 0 && emu_uniform(r) < f->missed_fraction)
			continue;
		if (t_s >= f->stuck_from_s && t_s < f->stuck_to_s) {
			/* A counter and a polled power stand; a buffer goes on giving entries of the same power. */
			if (w->what->kind != WORLD_NVML_BUFFER)
				continue;
			u->value = before->value;
		}
		w->n_updates++;
	}
}

/* ---- Files -------------------------------------------------------------------------------------------------- */

static inline int world_show_energy(void *world, char *out, size_t size)
{
	struct sensor_world *w = world;
	int64_t uj = w->updates[world_update_at(w, w->time.now_ns)].value - w->updates[0].value +
		     (int64_t)(w->faults.wrap_phase * (double)w->range_uj);

	return snprintf(out, size, "%lld\n", (long long)(uj % w->range_uj));
}

/* A read waits until the chip has finished a cycle that nobody has seen yet (Linux, drivers/hwmon/ina3221.c,
 * ina3221_wait_for_data). Gives that cycle's update. */
static inline const struct world_update *world_wait_for_cycle(struct sensor_world *w)
{
	size_t i = world_update_at(w, w->time.now_ns);

	if (w->updates[i].shown_ns <= w->ready_ns && i + 1 < w->n_updates) {
		virtual_sleep_until(w, w->updates[i + 1].shown_ns);
		i = world_update_at(w, w->time.now_ns);
	}
	w->ready_ns = w->updates[i].shown_ns;
	return &w->updates[i];
}

/* The rail sags by 1 % at 650 W; in steps of 8 mV. */
static inline double world_rail_mv(double power_w)
{
	return WORLD_VOLTS_MV * (1 - 0.01 * power_w / 650);
}

static inline int world_show_voltage(void *world, char *out, size_t size)
{
	const struct world_update *u = world_wait_for_cycle(world);

	return snprintf(out, size, "%lld\n", 8 * llround(world_rail_mv(1e-6 * (double)u->value) / 8));
}

static inline int world_show_current(void *world, char *out, size_t size)
{
	const struct world_update *u = world_wait_for_cycle(world);

	return snprintf(out, size, "%lld\n",
			llround(1e-3 * (double)u->value / world_rail_mv(1e-6 * (double)u->value) * 1e3));
}

static inline ssize_t world_read_file(void *ctx, int fd, void *out, size_t size)
{
	struct sensor_world *w = ctx;
	struct stat st;
	size_t i;

	world_require(fstat(fd, &st) == 0, "fstat");
	for (i = 0; i < w->n_files; i++)
		if (w->files[i].device == st.st_dev && w->files[i].inode == st.st_ino)
			return w->files[i].show(w, out, size);
	return pread(fd, out, size, 0);
}

static inline void world_serve(struct sensor_world *w, const char *path, const char *text,
			       int (*show)(void *world, char *out, size_t size))
{
	struct world_file *f = &w->files[w->n_files++];
	struct stat st;
	char full[400];

	tree_write(&w->tree, path, text);
	tree_path(&w->tree, path, full, sizeof(full));
	world_require(stat(full, &st) == 0, path);
	*f = (struct world_file){.device = st.st_dev, .inode = st.st_ino, .show = show};
}

static inline void world_put_powercap(struct sensor_world *w)
{
	static const char zone[] = "/sys/class/powercap/intel-rapl:0";
	char path[128];

	w->range_uj = w->faults.range_j > 0 ? (int64_t)(1e6 * w->faults.range_j) : INT64_C(262143328850);
	snprintf(path, sizeof(path), "%s/name", zone);
	tree_write(&w->tree, path, "package-0\n");
	snprintf(path, sizeof(path), "%s/max_energy_range_uj", zone);
	tree_printf(&w->tree, path, "%lld\n", (long long)w->range_uj);
	snprintf(path, sizeof(path), "%s/energy_uj", zone);
	world_serve(w, path, "1\n", world_show_energy);
}

static inline void world_put_ina3221(struct sensor_world *w)
{
	static const char chip[] = "/sys/class/hwmon/hwmon0";
	char path[128];

	tree_write(&w->tree, "/proc/device-tree/model", "NVIDIA Jetson Orin Nano Developer Kit");
	snprintf(path, sizeof(path), "%s/name", chip);
	tree_write(&w->tree, path, "ina3221\n");
	snprintf(path, sizeof(path), "%s/update_interval", chip);
	tree_write(&w->tree, path, "7\n");
	snprintf(path, sizeof(path), "%s/samples", chip);
	tree_write(&w->tree, path, "1\n");
	snprintf(path, sizeof(path), "%s/shunt1_resistor", chip);
	tree_write(&w->tree, path, "5000\n");
	snprintf(path, sizeof(path), "%s/in1_label", chip);
	tree_write(&w->tree, path, "VDD_IN\n");
	snprintf(path, sizeof(path), "%s/in1_input", chip);
	world_serve(w, path, "5000\n", world_show_voltage);
	snprintf(path, sizeof(path), "%s/curr1_input", chip);
	world_serve(w, path, "24000\n", world_show_current);
}

/* ---- NVML --------------------------------------------------------------------------------------------------- */

static inline uint64_t world_now_us(void *ctx)
{
	return (uint64_t)virtual_realtime(ctx) / 1000;
}

static inline uint64_t world_power_mw(void *ctx, unsigned int field)
{
	struct sensor_world *w = ctx;
	double refreshed = WORLD_REFRESH_S * floor(world_seconds(w->time.now_ns) / WORLD_REFRESH_S);

	if (field == 185)
		return (uint64_t)llround(1e3 * emu_reading(w->emu, refreshed, WORLD_AVERAGE_S, 0));
	return (uint64_t)(w->updates[world_update_at(w, w->time.now_ns)].value / 1000);
}

static inline uint64_t world_energy_mj(void *ctx)
{
	struct sensor_world *w = ctx;
	double refreshed = WORLD_REFRESH_S * floor(world_seconds(w->time.now_ns) / WORLD_REFRESH_S);

	return 1000000 +
	       (uint64_t)(1e3 * (emu_energy(w->emu, refreshed, NULL, NULL, 0) - emu_energy(w->emu, 0, NULL, NULL, 0)));
}

static inline unsigned int world_entries(void *ctx, struct fake_nvml_entry *out, unsigned int max)
{
	struct sensor_world *w = ctx;
	size_t last = world_update_at(w, w->time.now_ns), first = last + 1 > max ? last + 1 - max : 0, i;

	for (i = first; i <= last; i++)
		out[i - first] =
		    (struct fake_nvml_entry){(uint64_t)virtual_to_realtime(&w->time, w->updates[i].stamp_ns) / 1000,
					     (uint64_t)(w->updates[i].value / 1000)};
	return (unsigned int)(last + 1 - first);
}

static inline void world_put_gpu(struct sensor_world *w)
{
	fake_nvml_script_function get;
	void *symbol;

	snprintf(w->env.nvml, sizeof(w->env.nvml), "%s", JM_BUILD_DIR "/fakes/fake_nvml.so");
	w->library = dlopen(w->env.nvml, RTLD_NOW);
	world_require(w->library != NULL, "no stand-in NVML library");
	symbol = dlsym(w->library, "fake_nvml_script");
	world_require(symbol != NULL, "no fake_nvml_script");
	memcpy(&get, &symbol, sizeof(get));
	w->script = get();
	w->original = *w->script;
	w->source = (struct fake_nvml_source){w, world_now_us, world_power_mw, world_energy_mj, world_entries};
	w->script->source = &w->source;
	w->script->architecture = w->what->architecture;
	snprintf(w->script->name, sizeof(w->script->name), "%s", w->what->gpu);
	w->script->buffer = w->what->kind == WORLD_NVML_BUFFER ? WORLD_RING : 0;
	if (w->what->kind == WORLD_NVML_USAGE)
		snprintf(w->script->unsupported, sizeof(w->script->unsupported), ",185:0,186:0,");
	if (w->what->kind != WORLD_NVML_BUFFER)
		snprintf(w->script->unsupported + strlen(w->script->unsupported),
			 sizeof(w->script->unsupported) - strlen(w->script->unsupported), ",nvmlDeviceGetSamples,");
}

/* ---- The world ---------------------------------------------------------------------------------------------- */

static inline struct sensor_world *world_create(const struct world_case *what, const struct emu_options *o,
						const struct world_faults *faults, uint64_t seed)
{
	struct sensor_world *w = calloc(1, sizeof(*w));
	struct emu_rng r = {seed + 99};
	size_t i;

	world_require(w != NULL, "out of memory");
	w->what = what;
	w->faults = faults ? *faults : (struct world_faults){0};
	for (i = 0; i < EMU_SENSORS; i++)
		if (strcmp(emu_sensors[i].name, what->sensor) == 0)
			w->sensor = emu_sensors[i];
	world_require(w->sensor.name != NULL, what->sensor);
	w->sensor.period_ms *= 1 - 1e-6 * w->faults.sensor_ppm;
	w->emu = emu_create(&w->sensor, o, seed);
	jm_env_init(&w->env);
	virtual_time_init(&w->time, WORLD_START_NS, &w->env);
	w->time.realtime_ppm = w->faults.realtime_ppm;
	w->env.read_file = world_read_file;
	w->env.is_live = false;
	world_make_updates(w, &r);
	tree_create(&w->tree);
	snprintf(w->env.root, sizeof(w->env.root), "%s", w->tree.root);
	snprintf(w->recording, sizeof(w->recording), "%s/truth.jmap", w->tree.root);
	if (what->kind == WORLD_POWERCAP)
		world_put_powercap(w);
	else if (what->kind == WORLD_INA3221)
		world_put_ina3221(w);
	else
		world_put_gpu(w);
	return w;
}

static inline void world_destroy(struct sensor_world *w)
{
	if (w->script)
		*w->script = w->original;
	if (w->library)
		dlclose(w->library);
	tree_remove(&w->tree);
	virtual_time_finish(&w->time);
	emu_destroy(w->emu);
	free(w->updates);
	free(w);
}

/* The calibration that the recording carries: the sensor's response with the errors that emulator.h gives it. */
static inline void world_write_calibration(const struct sensor_world *w, struct jm_recorder *r)
{
	struct jm_calibration c;
	struct jm_buffer b = {0};
	char key[160];

	jm_calibration_init(&c);
	snprintf(c.channel, sizeof(c.channel), "%s", w->what->channel);
	c.response = w->emu->response;
	c.is_accepted = 1;
	jm_calibration_write(&c, &b);
	world_require(jm_buffer_terminate(&b) != NULL, "out of memory");
	snprintf(key, sizeof(key), "response:%s", w->what->channel);
	world_require(jm_recorder_meta(r, key, b.data) == 0, "the calibration is not taken");
	jm_buffer_finish(&b);
}

static inline void world_write_spans(const struct sensor_world *w, struct jm_recorder *r)
{
	const struct jm_span_sink sink = jm_recorder_span_sink(r);
	const struct emu_world *e = w->emu;
	uint32_t names[EMU_LAYERS + 1], measured;
	struct jm_span span;
	size_t i;
	int rc = sink.name(sink.ctx, "measured", 8, NULL, 0, &measured);

	for (i = 0; i <= EMU_LAYERS; i++)
		rc = rc ? rc
			: sink.name(sink.ctx, e->names[i].text, strlen(e->names[i].text), e->names[i].type,
				    strlen(e->names[i].type), &names[i]);
	span = (struct jm_span){e->window.start_ns + WORLD_ORIGIN_NS,
				e->window.end_ns + WORLD_ORIGIN_NS,
				measured,
				0,
				JM_NO_ITERATION,
				JM_SPAN_PHASE,
				0,
				0};
	rc = rc ? rc : sink.write(sink.ctx, &span, 1);
	for (i = 0; i < e->n_iterations + e->n_layers && rc == 0; i++) {
		span = i < e->n_iterations ? e->iterations[i] : e->layers[i - e->n_iterations];
		span.start_ns += WORLD_ORIGIN_NS;
		span.end_ns += WORLD_ORIGIN_NS;
		span.name = names[span.name];
		rc = sink.write(sink.ctx, &span, 1);
	}
	world_require(rc == 0, "the spans are not taken");
}

/* Plays the whole schedule under the recorder. Gives 0, or what the recorder failed with. */
static inline int world_record(struct sensor_world *w, struct jm_error *err)
{
	const struct emu_world *e = w->emu;
	struct jm_record_options options = {.size = sizeof(options),
					    .path = w->recording,
					    .overwrite = true,
					    .sensors = w->what->choice,
					    .period_ns = w->what->period_ns,
					    .kind = "record",
					    .is_oversampled = w->what->is_oversampled};
	struct jm_recorder *r;
	int rc = jm_recorder_start_env(&w->env, &options, &r, err);

	if (rc)
		return rc;
	virtual_time_pass(&w->time, WORLD_ORIGIN_NS + llround(1e9 * (e->pieces[e->n_pieces - 1].end_s - 0.3)));
	world_write_calibration(w, r);
	world_write_spans(w, r);
	virtual_time_release(&w->time);
	rc = jm_recorder_stop(r, err);
	jm_recorder_destroy(r);
	return rc;
}

#define WORLD_EVERY_LAYER 1e9 /* of a group's relative sd: no layer is merged into one */

/* Explains the recording. target: as jm_report_open_target. */
static inline struct jm_report *world_report(const struct sensor_world *w, const char *method, double target)
{
	struct jm_report_options options = {.size = sizeof(options), .method = method, .baseline = "none"};
	struct jm_report *report = NULL;
	struct jm_error err = {0};

	if (jm_report_open_target(w->recording, &options, target, &report, &err)) {
		fprintf(stderr, "%s: %s\n", method, err.message);
		abort();
	}
	return report;
}

static inline const struct jm_channel_result *world_channel(const struct sensor_world *w, const struct jm_result *r)
{
	size_t i;

	for (i = 0; i < r->n_channels; i++)
		if (strcmp(r->channels[i].channel->name, w->what->channel) == 0)
			return &r->channels[i];
	return NULL;
}

/* Energy of the measured window, in closed form, J. */
static inline double world_true_j(const struct sensor_world *w)
{
	return emu_energy(w->emu, 1e-9 * (double)w->emu->window.end_ns, NULL, NULL, 0) -
	       emu_energy(w->emu, 1e-9 * (double)w->emu->window.start_ns, NULL, NULL, 0);
}

static const struct world_case world_cases[] = {
    {"a100-like", WORLD_NVML_INSTANT, "nvml/gpu0/power_instant", "nvml/gpu0/power_instant", 0, true,
     "NVIDIA A100-SXM4-80GB", 7},
    {"rc-12", WORLD_NVML_INSTANT, "nvml/gpu0/power_instant", "nvml/gpu0/power_instant", 0, true,
     "NVIDIA A100-PCIE-40GB", 7},
    {"h200-like", WORLD_NVML_BUFFER, "nvml/gpu0", "nvml/gpu0/power", JM_DEFAULT_PERIOD_NS, false, "NVIDIA H200", 9},
    {"h200-like-2w", WORLD_NVML_BUFFER, "nvml/gpu0", "nvml/gpu0/power", JM_DEFAULT_PERIOD_NS, false, "NVIDIA H200", 9},
    {"3090-like", WORLD_NVML_INSTANT, "nvml/gpu0/power_instant", "nvml/gpu0/power_instant", 0, true,
     "NVIDIA GeForce RTX 3090", 7},
    {"v100-like", WORLD_NVML_USAGE, "nvml/gpu0/power_usage", "nvml/gpu0/power_usage", 0, true, "Tesla V100-SXM2-16GB",
     5},
    {"rapl-1ms", WORLD_POWERCAP, "rapl_powercap", "rapl_powercap/package-0", 0, true, "", 0},
    {"ina3221", WORLD_INA3221, "jetson", "jetson/VDD_IN", 0, true, "", 0},
};
#define WORLD_CASES (sizeof(world_cases) / sizeof(world_cases[0]))

#endif
