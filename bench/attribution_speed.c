/* Time and memory of the estimator: 1,000,000 spans of 60 layers, 100,000 readings. One solve with a fixed response, and the
 * whole estimate with intervals (regress and fused). Prints JSON. Usage: bench_attribution_speed [n_iterations] */
#include "../tests/support/emulator.h"
#include "attribution/fit.h"

#include <time.h>

/* Processor time: other work on the machine does not count. */
static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Highest resident size since the last reset, MiB; 0 where the kernel does not tell. */
static double peak_mib(void)
{
	char line[128];
	double kib = 0;
	FILE *f = fopen("/proc/self/status", "r");

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "VmHWM: %lf", &kib) == 1)
			break;
	}
	if (f)
		fclose(f);
	return kib / 1024;
}

static void reset_peak(void)
{
	FILE *f = fopen("/proc/self/clear_refs", "w");

	if (f) {
		fputs("5", f);
		fclose(f);
	}
}

/* One pass over the data at a given response, one linear solve. */
static double fixed_solve(const struct emu_world *w)
{
	size_t i, n = 0, n_spans = w->n_iterations * EMU_LAYERS;
	struct jm_segment *segments = malloc(n_spans * sizeof(*segments));
	struct jm_model_reading *readings = malloc(w->n_samples * sizeof(*readings));
	struct jm_fit_region regions[EMU_LAYERS];
	uint32_t classes[EMU_LAYERS] = {0};
	double priors[EMU_LAYERS], start;
	struct jm_fit_input in = {.segments = segments,
				  .n_segments = n_spans,
				  .regions = regions,
				  .n_regions = EMU_LAYERS,
				  .readings = readings,
				  .n_layers = EMU_LAYERS,
				  .n_classes = 1,
				  .prior_w = priors,
				  .layer_class = classes,
				  .idle_w = 120,
				  .idle_sd_w = 20,
				  .sd_eps = 0.4,
				  .is_eps_fixed = true,
				  .block_s = 1,
				  .n_iterations = 1};
	struct jm_fit fit;

	if (!segments || !readings)
		abort();
	for (i = 0; i < EMU_LAYERS; i++) {
		regions[i] = (struct jm_fit_region){(uint32_t)i, 0, 0};
		priors[i] = 400;
	}
	for (i = 0; i < n_spans; i++)
		segments[i] = (struct jm_segment){1e-9 * (double)w->layers[i].start_ns,
						  1e-9 * (double)w->layers[i].end_ns, w->layers[i].name, 1};
	for (i = 0; i < w->n_samples; i++) {
		if (w->samples[i].t_ns > w->window.start_ns + 100000000 && w->samples[i].t_ns < w->window.end_ns)
			readings[n++] = (struct jm_model_reading){1e-9 * (double)w->samples[i].t_ns, 0,
								  1e-6 * (double)w->samples[i].value};
	}
	in.n_readings = n;
	in.kernel = (struct jm_kernel){w->response.lag_s, w->response.box_s, w->response.tau_s};
	start = now_s();
	if (jm_fit(&in, &fit, NULL) < 0)
		abort();
	start = now_s() - start;
	jm_fit_finish(&fit);
	free(segments);
	free(readings);
	return start;
}

static double whole(const struct emu_world *w, enum jm_method method, double *error_out)
{
	struct jm_attribution_options opt = {.method = method, .skip_iterations = true, .target_fraction = 1e9};
	struct jm_result r = {0};
	struct jm_error err = {0};
	double start = now_s();

	if (jm_attribute(&w->in, &opt, &r, &err) < 0) {
		fprintf(stderr, "%s\n", err.message);
		exit(1);
	}
	start = now_s() - start;
	*error_out = emu_judge(w, &r).error;
	jm_result_finish(&r);
	return start;
}

int main(int argc, char **argv)
{
	size_t n_iterations = argc > 1 ? strtoull(argv[1], NULL, 10) : 14000;
	struct emu_sensor sensor = {"box-10", 10, 5, 12, -2, 0.02, 0.3, 0.01, 0, 0.3, 1.02, 1, 2, 0.1, 0.2, false};
	struct emu_options o = {0};
	struct emu_world *w;
	double solve, regress, fused, regress_error, fused_error, before;

	/* An iteration of seed 3 with its rest lasts about 62 ms: so many readings as asked for. */
	sensor.duration_s = 0.0625 * (double)n_iterations;
	w = emu_create(&sensor, &o, 3);
	free(w->pieces);
	w->pieces = NULL;
	solve = fixed_solve(w);
	solve = fmin(solve, fixed_solve(w));
	reset_peak();
	before = peak_mib();
	regress = whole(w, JM_METHOD_REGRESS, &regress_error);
	fused = whole(w, JM_METHOD_FUSED, &fused_error);
	printf("{\"spans\":%zu,\"readings\":%zu,\"fixed_solve_s\":%.3f,\"regress_s\":%.2f,\"fused_s\":%.2f,\"regress_"
	       "error_percent\":%.2f,"
	       "\"fused_error_percent\":%.2f,\"input_mib\":%.0f,\"peak_mib\":%.0f}\n",
	       w->n_iterations * EMU_LAYERS, w->n_samples, solve, regress, fused, 100 * regress_error,
	       100 * fused_error, before, peak_mib());
	emu_destroy(w);
	return 0;
}
