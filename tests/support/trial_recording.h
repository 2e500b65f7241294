/* Writes recordings of runs whose energy is known. */
#ifndef TESTS_TRIAL_RECORDING_H
#define TESTS_TRIAL_RECORDING_H

#include "core/units.h"
#include "recording/recording.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

struct trial_recording {
	const char *path, *variant, *machine, *precision; /* variant: NULL for none */
	double seconds, rate_hz, power_w, latency_ms;
	double ripple; /* of the power, of one, over 3 s */
	int n_layers;  /* in each 10th call, which is then a profiled one; 0: none */
	int round;     /* 0: none */
	int is_estimated;
	const char *quiet_busy; /* with a quiet stretch behind it, in which so much was at work; NULL: without */
};

#define TRIAL_T0 INT64_C(5000000000000)

static inline int trial_sample(const struct trial_recording *t, struct jm_sample_sink *sink, int64_t i,
			       double *energy_j)
{
	struct jm_sample s = {.t_ns = TRIAL_T0 + (int64_t)((double)i * 1e9 / t->rate_hz), .half_width_ns = 1000};

	s.value = (int64_t)(*energy_j * 1e6);
	*energy_j += t->power_w * (1 + t->ripple * sin(2.1 * (double)i / t->rate_hz)) / t->rate_hz;
	return sink->write(sink->ctx, &s, 1);
}

/* Calls follow each other; profiled ones lie outside of the measured windows. */
static inline int trial_spans(const struct trial_recording *t, struct jm_span_sink *sink)
{
	static const char *const types[] = {"Conv", "MatMul", "Relu", "Add"};
	int64_t call_ns = (int64_t)(t->latency_ms * 1e6), now = TRIAL_T0, end = TRIAL_T0 + (int64_t)(t->seconds * 1e9);
	uint32_t iteration_name, measured, profiled, layer, iteration = 0;
	int64_t window = now, k;
	int rc = 0;

	sink->name(sink->ctx, "iteration", 9, NULL, 0, &iteration_name);
	sink->name(sink->ctx, "measured", 8, NULL, 0, &measured);
	sink->name(sink->ctx, "profiled", 8, NULL, 0, &profiled);
	for (; now + call_ns <= end && rc == 0; now += call_ns, iteration++) {
		int is_profiled = t->n_layers && iteration % 200 >= 190;
		struct jm_span s = {.start_ns = now,
				    .end_ns = now + call_ns,
				    .iteration = iteration,
				    .name = iteration_name,
				    .kind = JM_SPAN_ITERATION,
				    .flags = is_profiled ? JM_SPAN_PROFILED : 0};

		if (is_profiled && iteration % 200 == 190) {
			struct jm_span w = {.start_ns = window,
					    .end_ns = now,
					    .iteration = JM_NO_ITERATION,
					    .name = measured,
					    .kind = JM_SPAN_PHASE};
			rc = sink->write(sink->ctx, &w, 1);
			w = (struct jm_span){.start_ns = now,
					     .end_ns = now + 10 * call_ns,
					     .iteration = JM_NO_ITERATION,
					     .name = profiled,
					     .kind = JM_SPAN_PHASE,
					     .flags = JM_SPAN_PROFILED};
			rc = rc ? rc : sink->write(sink->ctx, &w, 1);
			window = now + 10 * call_ns;
		}
		rc = rc ? rc : sink->write(sink->ctx, &s, 1);
		for (k = 0; is_profiled && k < t->n_layers; k++) {
			char name[32];

			snprintf(name, sizeof(name), "layer%d", (int)k);
			sink->name(sink->ctx, name, strlen(name), types[k % 4], strlen(types[k % 4]), &layer);
			s = (struct jm_span){.start_ns = now + call_ns * k / t->n_layers,
					     .end_ns = now + call_ns * (k + 1) / t->n_layers,
					     .iteration = iteration,
					     .name = layer,
					     .kind = JM_SPAN_LAYER,
					     .flags = JM_SPAN_PROFILED};
			rc = rc ? rc : sink->write(sink->ctx, &s, 1);
		}
	}
	if (rc == 0 && window < now) {
		struct jm_span w = {.start_ns = window,
				    .end_ns = now,
				    .iteration = JM_NO_ITERATION,
				    .name = measured,
				    .kind = JM_SPAN_PHASE};

		rc = sink->write(sink->ctx, &w, 1);
	}
	if (rc == 0 && t->quiet_busy) {
		struct jm_span w = {
		    .start_ns = end, .end_ns = end + 150000000, .iteration = JM_NO_ITERATION, .kind = JM_SPAN_PHASE};

		sink->name(sink->ctx, "idle", 4, NULL, 0, &w.name);
		rc = sink->write(sink->ctx, &w, 1);
	}
	return rc;
}

static inline int trial_write(const struct trial_recording *t)
{
	struct jm_recording_sensor sensor = {.name = "rapl/package-0", .driver = "rapl", .n_channels = 1};
	struct jm_sample_sink samples;
	struct jm_span_sink spans;
	struct jm_channel channel;
	struct jm_error err;
	struct jm_writer *w;
	double energy_j = 100;
	int64_t i, n = (int64_t)((t->seconds + 0.2) * t->rate_hz);
	int rc = jm_writer_create(t->path, true, &w, &err);

	if (rc)
		return rc;
	jm_channel_init(&channel, t->is_estimated ? "estimate/cpu" : "rapl/package-0");
	channel.quantity = JM_QUANTITY_ENERGY;
	channel.kind = JM_KIND_COUNTER;
	channel.step = 15;
	channel.state = t->is_estimated ? JM_STATE_ESTIMATED : JM_STATE_MEASURED;
	rc = jm_writer_sensors(w, &sensor, 1, &channel, 1);
	samples = jm_writer_sample_sink(w);
	spans = jm_writer_span_sink(w);
	for (i = 0; i < n && rc == 0; i++)
		rc = trial_sample(t, &samples, i, &energy_j);
	rc = rc ? rc : trial_spans(t, &spans);
	jm_writer_meta(w, "kind", "run");
	jm_writer_meta(w, "machine_id", t->machine ? t->machine : "m1");
	jm_writer_meta(w, "precision", t->precision ? t->precision : "fp32");
	if (t->variant)
		jm_writer_meta(w, "variant", t->variant);
	if (t->quiet_busy)
		jm_writer_meta(w, "quiet_busy_fraction", t->quiet_busy);
	if (t->round) {
		jm_writer_meta(w, "bench", "b1");
		jm_writer_meta_i64(w, "round", t->round);
	}
	jm_writer_meta_i64(w, "items_per_iteration", 1);
	jm_writer_meta_i64(w, "model_bytes", 1000000);
	jm_writer_meta_i64(w, "peak_memory_bytes", 50000000);
	jm_writer_meta_i64(w, "end_monotonic_ns", TRIAL_T0 + (int64_t)(t->seconds * 1e9));
	rc = rc ? rc : jm_writer_status(w, &err);
	return jm_writer_close(w, &err) ? JM_E_IO : rc;
}

#endif
