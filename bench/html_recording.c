/* Writes a recording to make a report page of: ten minutes of six channels at 1 kHz and a million spans, of a network of 235
 * layers whose powers differ. usage: html_recording FILE [SECONDS [SPANS]] */
#include "core/units.h"
#include "recording/recording.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define N_CHANNELS 6
#define N_LAYERS   235
#define RATE_HZ    1000
#define ORIGIN_NS  INT64_C(1700000000000000)
#define MARGIN_NS  (2 * JM_NS_PER_S)

/* Park and Miller's minimal generator: the same recording each time. */
static uint32_t next_random(uint32_t *state)
{
	*state = (uint32_t)((uint64_t)*state * 48271 % 2147483647);
	return *state;
}

static int fill_channels(struct jm_writer *w)
{
	static const char *const names[N_CHANNELS] = {"rapl/package-0", "rapl/package-0/core", "rapl/package-0/dram",
						      "rapl/package-1", "ina/board",           "ina/gpu"};
	struct jm_recording_sensor sensor = {.name = "bench/0", .driver = "bench", .n_channels = N_CHANNELS};
	struct jm_channel channels[N_CHANNELS];
	int c;

	for (c = 0; c < N_CHANNELS; c++) {
		jm_channel_init(&channels[c], names[c]);
		channels[c].update_period_ns = JM_NS_PER_S / RATE_HZ;
		channels[c].step = c < 4 ? 61 : 1000;
		if (c < 4) {
			channels[c].quantity = JM_QUANTITY_ENERGY;
			channels[c].kind = JM_KIND_COUNTER;
			channels[c].domain = c == 3 || c == 0 ? JM_DOMAIN_PACKAGE
					     : c == 1         ? JM_DOMAIN_CORE
							      : JM_DOMAIN_DRAM;
		}
	}
	channels[1].part_of = 0;
	return jm_writer_sensors(w, &sensor, 1, channels, N_CHANNELS);
}

static int64_t power_uw(int channel, int64_t second, uint32_t noise)
{
	static const int64_t level_w[N_CHANNELS] = {62, 41, 8, 35, 55, 210};

	return level_w[channel] * (900000 + (int64_t)(noise % 200000)) +
	       (second % 60 < 5 ? 0 : level_w[channel] * 250000);
}

static int write_samples(struct jm_writer *w, int64_t seconds)
{
	struct jm_sample_sink sink = jm_writer_sample_sink(w);
	struct jm_sample samples[N_CHANNELS] = {0};
	struct jm_ledger ledger = {.period_ns = JM_NS_PER_S / RATE_HZ};
	int64_t energy_nj[N_CHANNELS] = {0}, i, n = seconds * RATE_HZ;
	uint32_t random = 1;
	int rc = 0, c;

	for (i = 0; rc == 0 && i < n; i++) {
		for (c = 0; c < N_CHANNELS; c++) {
			int64_t p = power_uw(c, i / RATE_HZ, next_random(&random));

			energy_nj[c] += p;
			samples[c].channel = (uint16_t)c;
			samples[c].t_ns = ORIGIN_NS + i * (JM_NS_PER_S / RATE_HZ) + i % 977;
			samples[c].half_width_ns = 400 + (uint32_t)(i % 700);
			samples[c].value = c < 4 ? 100000000 + energy_nj[c] / 1000 / 61 * 61 : p / 1000 * 1000;
		}
		rc = sink.write(sink.ctx, samples, N_CHANNELS);
		if (rc == 0 && i % 5000 == 4999)
			rc = jm_writer_commit(w);
	}
	ledger.expected = ledger.taken = (uint64_t)n;
	ledger.longest_gap_ns = ledger.period_ns + 977;
	ledger.first_ns = ORIGIN_NS;
	ledger.last_ns = ORIGIN_NS + n * ledger.period_ns;
	for (c = 0; rc == 0 && c < N_CHANNELS; c++)
		rc = jm_writer_ledger(w, (uint16_t)c, &ledger);
	return rc;
}

static int add_name(struct jm_span_sink *sink, const char *text, const char *type, uint32_t *out)
{
	return sink->name(sink->ctx, text, strlen(text), type, strlen(type), out);
}

static int add_names(struct jm_span_sink *sink, uint32_t *layers, uint32_t *iteration, uint32_t *measured)
{
	static const char *const types[] = {"MatMul", "Conv", "Add", "LayerNormalization", "Softmax"};
	char text[64];
	int rc = add_name(sink, "inference", "", iteration), i;

	rc = rc ? rc : add_name(sink, "measured", "", measured);
	for (i = 0; rc == 0 && i < N_LAYERS; i++) {
		snprintf(text, sizeof(text), "/encoder/layer.%d/%s_%d", i / 20, types[i % 5], i % 20);
		rc = add_name(sink, text, types[i % 5], &layers[i]);
	}
	return rc;
}

/* One inference: its layers back to back, their times by a fixed pattern and a little chance. */
static int write_iteration(struct jm_span_sink *sink, const uint32_t *layers, struct jm_span *whole, uint32_t *random)
{
	struct jm_span spans[N_LAYERS] = {0};
	int64_t t = whole->start_ns, step = (whole->end_ns - whole->start_ns) / N_LAYERS;
	int i, rc;

	for (i = 0; i < N_LAYERS; i++) {
		int64_t length = step * (1 + i * 7 % 11) / 6;

		length -= (int64_t)(next_random(random) % (uint32_t)(length / 20 + 1));
		if (t + length > whole->end_ns)
			length = whole->end_ns - t;
		spans[i].start_ns = t;
		spans[i].end_ns = t += length;
		spans[i].name = layers[i];
		spans[i].kind = JM_SPAN_LAYER;
		spans[i].iteration = whole->iteration;
	}
	rc = sink->write(sink->ctx, whole, 1);
	return rc ? rc : sink->write(sink->ctx, spans, N_LAYERS);
}

static int write_spans(struct jm_writer *w, int64_t seconds, int64_t n_spans)
{
	struct jm_span_sink sink = jm_writer_span_sink(w);
	int64_t n = n_spans / (N_LAYERS + 1), i, length_ns = seconds * JM_NS_PER_S - 2 * MARGIN_NS, each_ns;
	struct jm_span phase = {.start_ns = ORIGIN_NS + MARGIN_NS, .kind = JM_SPAN_PHASE, .iteration = JM_NO_ITERATION};
	uint32_t layers[N_LAYERS], random = 7, iteration;
	int rc = add_names(&sink, layers, &iteration, &phase.name);

	n = n > 0 ? n : 1;
	each_ns = length_ns / n;
	phase.end_ns = phase.start_ns + n * each_ns;
	rc = rc ? rc : sink.write(sink.ctx, &phase, 1);
	for (i = 0; rc == 0 && i < n; i++) {
		struct jm_span whole = {.start_ns = phase.start_ns + i * each_ns,
					.name = iteration,
					.kind = JM_SPAN_ITERATION,
					.iteration = (uint32_t)i};

		whole.end_ns = whole.start_ns + each_ns - (int64_t)(next_random(&random) % (uint32_t)(each_ns / 8 + 1));
		rc = write_iteration(&sink, layers, &whole, &random);
		if (rc == 0 && i % 100 == 99)
			rc = jm_writer_commit(w);
	}
	return rc;
}

int main(int argc, char **argv)
{
	int64_t seconds = argc > 2 ? atoll(argv[2]) : 600, n_spans = argc > 3 ? atoll(argv[3]) : 1000000;
	struct jm_error err = {0};
	struct jm_writer *w;
	int rc;

	if (argc < 2 || seconds < 5) {
		fprintf(stderr, "usage: html_recording FILE [SECONDS (5 or more) [SPANS]]\n");
		return 2;
	}
	rc = jm_writer_create(argv[1], true, &w, &err);
	if (rc == 0) {
		rc = fill_channels(w);
		rc = rc ? rc : write_samples(w, seconds);
		rc = rc ? rc : write_spans(w, seconds, n_spans);
		if (rc == 0) {
			jm_writer_meta(w, "command", "bench html_recording");
			jm_writer_meta(w, "model", "a network of 235 layers");
			jm_writer_meta_i64(w, "items_per_iteration", 1);
			jm_writer_meta_i64(w, "end_monotonic_ns", ORIGIN_NS + seconds * JM_NS_PER_S);
		}
		rc = jm_writer_close(w, &err) ? -1 : rc;
	}
	if (rc)
		fprintf(stderr, "html_recording: %s\n", err.message);
	return rc ? 1 : 0;
}
