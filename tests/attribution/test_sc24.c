/* Kernel selection on real sensors with an external meter beside them (SC24 study, one RTX 3090 and one A100): the 3090 is a
 * boxcar of 100 ms, the A100 a low-pass of 12 to 13 ms. */
#include "attribution/calibrate.h"
#include "support/h200.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <time.h>

#define MAX_POINTS 200000
#define COUNTER_HZ 2934500.0 /* of the meter's 16-bit time stamps */

struct board {
	struct jm_segment *segments; /* the meter: power as weight */
	size_t n_segments;
	double after[2000], before[2000], power[2000], regular[2000];
	size_t n_updates;
	struct jm_sensor_clock clock;
};

static double field(int value)
{
	int v = (value >> 4) & 0xfff;

	return v & (1 << 11) ? 0 : v; /* negative currents and voltages are noise of an idle rail */
}

/* 18 bytes a sample: time stamp, then four pairs of voltage and current; 12 bits in the upper part of 16. */
static void load_meter(struct board *b, const char *folder)
{
	static const double volt[4] = {0.007568, 0.007568, 0.0075, 0.007568}, ampere = 0.0488;
	unsigned char raw[18];
	char path[600], text[64] = "";
	double t = 0, start = 0, last_t = 0, last_w = 0;
	int previous = 0, is_first = 1;
	FILE *f;

	snprintf(path, sizeof(path), "%s/PMD_start_ts.txt", folder);
	f = fopen(path, "r");
	assert_non_null(f);
	if (fgets(text, sizeof(text), f))
		start = (strtod(text, NULL) - 50000) * 1e-6;
	fclose(f);
	snprintf(path, sizeof(path), "%s/PMD_data.bin", folder);
	f = fopen(path, "rb");
	assert_non_null(f);
	b->segments = calloc(MAX_POINTS, sizeof(*b->segments));
	while (fread(raw, 18, 1, f) == 1 && b->n_segments < MAX_POINTS) {
		int stamp = raw[0] | raw[1] << 8, k;
		double w = 0;

		for (k = 0; k < 4; k++)
			w += field(raw[2 + 4 * k] | raw[3 + 4 * k] << 8) * volt[k] *
			     field(raw[4 + 4 * k] | raw[5 + 4 * k] << 8) * ampere;
		if (!is_first)
			t += (double)((stamp - previous + 65536) % 65536) / COUNTER_HZ;
		if (!is_first && t > last_t)
			b->segments[b->n_segments++] = (struct jm_segment){
			    fmod(start, 86400) + last_t, fmod(start, 86400) + t, 0, (float)(0.5 * (w + last_w))};
		previous = stamp;
		last_t = t;
		last_w = w;
		is_first = 0;
	}
	fclose(f);
}

static double seconds_of_day(const char *text)
{
	int y, mo, d, h, mi;
	double s;

	if (sscanf(text, "%d/%d/%d %d:%d:%lf", &y, &mo, &d, &h, &mi, &s) != 6)
		return -1;
	return h * 3600 + mi * 60 + s;
}

/* Updates of the last column, power.draw.instant: when the value changed, between which readings. */
static void load_log(struct board *b, const char *folder)
{
	double first = b->segments[0].start_s, last = b->segments[b->n_segments - 1].end_s, previous_t = 0,
	       previous_w = -1;
	char path[600], line[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/gpudata.csv", folder);
	f = fopen(path, "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		double t = seconds_of_day(line), w;
		char *comma = strrchr(line, ',');

		if (t < 0 || !comma)
			continue;
		w = strtod(comma + 1, NULL);
		/* The log is in the zone of its machine: whole hours off the meter. */
		t += 3600 * round((first - t) / 3600);
		if (previous_w >= 0 && w != previous_w && t > first + 1.5 && t < last - 0.5 && b->n_updates < 2000) {
			b->after[b->n_updates] = previous_t;
			b->before[b->n_updates] = t;
			b->power[b->n_updates++] = w;
		}
		previous_t = t;
		previous_w = w;
	}
	fclose(f);
}

static struct jm_response calibrate(const char *name, struct jm_calibration_score *scores)
{
	struct board *b = calloc(1, sizeof(*b));
	struct jm_model_reading *readings = calloc(2000, sizeof(*readings));
	struct jm_response r = {0};
	double gain = 0, offset = 0;
	char folder[512];
	size_t i;

	assert_non_null(shared_data(folder, sizeof(folder), name));
	load_meter(b, folder);
	load_log(b, folder);
	assert_int_equal(jm_sensor_clock_fit(b->after, b->before, b->n_updates, &b->clock, b->regular), 0);
	for (i = 0; i < b->n_updates; i++)
		readings[i] = (struct jm_model_reading){b->regular[i], 0, b->power[i]};
	assert_int_equal(
	    jm_calibrate_waveform(b->segments, b->n_segments, readings, b->n_updates, &r, scores, &gain, &offset), 0);
	print_message("%s: %zu updates, period %.3f ms, slack %.2f ms; %s: lag %.2f, box %.2f, low-pass %.2f ms; noise "
		      "%.3f W; gain %.4f, "
		      "offset %.2f W\n",
		      name, b->n_updates, 1e3 * b->clock.period_s, 1e3 * b->clock.slack_s, jm_response_text(r.family),
		      1e3 * r.lag_s, 1e3 * r.box_s, 1e3 * r.tau_s, r.noise_w, gain, offset);
	for (i = 0; i < 4; i++)
		print_message("   %s: lag %.2f, box %.2f, low-pass %.2f ms, residual %.3f W, hold-out %.3f W\n",
			      jm_response_text(scores[i].family), 1e3 * scores[i].kernel.lag_s,
			      1e3 * scores[i].kernel.box_s, 1e3 * scores[i].kernel.tau_s, scores[i].residual_w,
			      scores[i].hold_out_w);
	free(b->segments);
	free(b);
	free(readings);
	return r;
}

static void the_3090_is_a_boxcar_of_100_ms(void **state)
{
	struct jm_calibration_score scores[4];
	struct jm_response r = calibrate("sc24/3090", scores);

	(void)state;
	assert_int_equal(r.family, JM_RESPONSE_BOX);
	assert_true(fabs(r.box_s - 0.1) < 0.002);
	assert_true(r.noise_w < 0.5);
}

static void the_a100_is_a_low_pass_of_12_to_13_ms(void **state)
{
	struct jm_calibration_score scores[4];
	struct jm_response r = calibrate("sc24/A100", scores);

	(void)state;
	assert_true(r.family == JM_RESPONSE_RC || r.family == JM_RESPONSE_RC_BOX);
	assert_true(scores[1].kernel.tau_s > 0.0115 && scores[1].kernel.tau_s < 0.0135);
	assert_true(scores[1].residual_w < 2.3);
	assert_true(scores[0].residual_w > 2 * scores[1].residual_w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_3090_is_a_boxcar_of_100_ms),
	    cmocka_unit_test(the_a100_is_a_low_pass_of_12_to_13_ms),
	};
	char folder[512];

	if (!shared_data(folder, sizeof(folder), "sc24")) {
		printf("skipped: the shared data (sc24) is not here\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
