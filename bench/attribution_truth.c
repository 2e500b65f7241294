/* Accuracy against known truth: for every emulated sensor the energy-weighted error and the coverage of the 95 % intervals of
 * time share, passive regression and fused, over seeds. Prints JSON. Usage: bench_attribution_truth [n_seeds [sensor [twin]]];
 * twin: an energy counter that changes every 100 ms beside it. */
#include "../tests/support/emulator.h"

#include <time.h>

struct sum {
	double error, held, n_held, seconds, worst;
	size_t n, n_figures, n_rows;
};

static void run(struct emu_world *w, enum jm_method method, struct sum *sum)
{
	struct jm_attribution_options opt = {.method = method, .skip_iterations = true, .target_fraction = 1e9};
	struct jm_result r = {0};
	struct jm_error err = {0};
	struct emu_verdict v;
	clock_t start = clock();

	if (jm_attribute(&w->in, &opt, &r, &err) < 0) {
		fprintf(stderr, "%s\n", err.message);
		exit(1);
	}
	sum->seconds += (double)(clock() - start) / CLOCKS_PER_SEC;
	v = emu_judge(w, &r);
	if (getenv("VERBOSE") && r.n_notes)
		fprintf(stderr, "  err %.2f%% cov %.0f%% %s\n", 100 * v.error, 100 * v.coverage,
			r.notes[r.n_notes - 1]);
	if (getenv("ROWS") && method == JM_METHOD_REGRESS) {
		size_t i;

		for (i = 0; i < r.n_layers; i++) {
			size_t l = (size_t)atoi(r.layers[i].name + 5);
			double sd = (r.layers[i].mean_power_ci_w.high - r.layers[i].mean_power_ci_w.low) / 3.92;

			fprintf(stderr, "%.3f ms  true %.1f est %.1f sd %.2f z %.2f\n", 1e3 * w->duration_s[l],
				w->true_w[l], r.layers[i].mean_power_w, sd,
				(r.layers[i].mean_power_w - w->true_w[l]) / sd);
		}
	}
	if (!isnan(v.error)) {
		sum->error += v.error;
		sum->n++;
		sum->worst = fmax(sum->worst, v.error);
	}
	if (!isnan(v.coverage)) {
		sum->held += v.coverage;
		sum->n_held++;
	}
	sum->n_figures += v.n_figures;
	sum->n_rows += v.n_rows;
	jm_result_finish(&r);
}

int main(int argc, char **argv)
{
	static const enum jm_method methods[] = {JM_METHOD_SHARE, JM_METHOD_REGRESS, JM_METHOD_FUSED,
						 JM_METHOD_ISOLATE};
	uint64_t seed, n_seeds = argc > 1 ? strtoull(argv[1], NULL, 10) : 8;
	const char *separator = "";
	size_t s, m;

	printf("[");
	for (s = 0; s < EMU_SENSORS; s++) {
		struct sum sums[4] = {{0}};
		struct emu_options o = {.no_jitter = getenv("NO_JITTER") != NULL,
					.no_wobble = getenv("NO_WOBBLE") != NULL,
					.no_ramp = getenv("NO_RAMP") != NULL,
					.has_twin = argc > 3};

		if (argc > 2 && strcmp(argv[2], emu_sensors[s].name) != 0)
			continue;
		for (seed = 0; seed < n_seeds; seed++) {
			struct emu_world *w = emu_create(&emu_sensors[s], &o, seed);

			for (m = 0; m < 4; m++)
				run(w, methods[m], &sums[m]);
			emu_destroy(w);
		}
		for (m = 0; m < 4; m++) {
			printf(
			    "%s\n{\"sensor\":\"%s%s\",\"method\":\"%s\",\"error_percent\":%.3f,\"worst_percent\":%.3f,"
			    "\"coverage_percent\":%.1f,"
			    "\"figures\":%zu,\"rows\":%zu,\"seconds\":%.3f}",
			    separator, emu_sensors[s].name, argc > 3 ? " and counter" : "", jm_method_text(methods[m]),
			    100 * sums[m].error / (double)sums[m].n, 100 * sums[m].worst,
			    100 * sums[m].held / sums[m].n_held, sums[m].n_figures, sums[m].n_rows,
			    sums[m].seconds / (double)n_seeds);
			separator = ",";
		}
		fflush(stdout);
	}
	printf("\n]\n");
	return 0;
}
