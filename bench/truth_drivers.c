/* Accuracy against known truth with the real drivers, recorder, file and report in between: emulated sensors behind them, in
 * virtual time. Prints JSON: for each sensor the energy-weighted error and the coverage of the 95 % intervals of time share,
 * passive regression and fused, over seeds; how far the channel's energy is from the truth; the ledger's coverage.
 * Usage: bench_truth_drivers [n_seeds [sensor]] */
#include "../tests/support/sensor_world.h"

#include <time.h>

static const char *const methods[] = {"share", "regress", "fused"};
#define N_METHODS (sizeof(methods) / sizeof(methods[0]))

struct sum {
	double error, worst, held;
	size_t n, n_held, n_figures, n_rows;
};

struct tally {
	struct sum sums[N_METHODS];
	double energy_error, worst_energy_error, coverage, record_s, report_s;
};

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void add(struct sum *sum, struct emu_verdict v)
{
	if (!isnan(v.error)) {
		sum->error += v.error;
		sum->worst = fmax(sum->worst, v.error);
		sum->n++;
	}
	if (!isnan(v.coverage)) {
		sum->held += v.coverage;
		sum->n_held++;
	}
	sum->n_figures += v.n_figures;
	sum->n_rows += v.n_rows;
}

static void run(const struct world_case *what, uint64_t seed, struct tally *t)
{
	struct emu_options o = {0};
	struct sensor_world *w = world_create(what, &o, NULL, seed);
	double started = now_s();
	struct jm_error err = {0};
	size_t m;

	if (world_record(w, &err)) {
		fprintf(stderr, "%s\n", err.message);
		exit(1);
	}
	t->record_s += now_s() - started;
	started = now_s();
	for (m = 0; m < N_METHODS; m++) {
		struct jm_report *report = world_report(w, methods[m], WORLD_EVERY_LAYER);
		const struct jm_channel_result *c = world_channel(w, &report->result);

		add(&t->sums[m], emu_judge(w->emu, &report->result));
		if (getenv("VERBOSE")) {
			size_t i;

			for (i = 0; i < report->result.n_warnings; i++)
				fprintf(stderr, "  %s: %s\n", methods[m], report->result.warnings[i]);
			if (report->result.n_layers)
				fprintf(stderr, "  %s: %s\n", methods[m], report->result.layers[0].reason);
		}
		if (m == 0) {
			double error = c->energy_j / world_true_j(w) - 1;

			t->energy_error += fabs(error);
			t->worst_energy_error = fmax(t->worst_energy_error, fabs(error));
			t->coverage += jm_ledger_coverage(&c->ledger);
		}
		jm_report_destroy(report);
	}
	t->report_s += now_s() - started;
	if (getenv("KEEP")) {
		char command[700];

		snprintf(command, sizeof(command), "cp %s %s", w->recording, getenv("KEEP"));
		if (system(command))
			fprintf(stderr, "not kept\n");
	}
	world_destroy(w);
}

int main(int argc, char **argv)
{
	uint64_t seed, n_seeds = argc > 1 ? strtoull(argv[1], NULL, 10) : 8;
	const char *separator = "";
	size_t i, m;

	printf("[");
	for (i = 0; i < WORLD_CASES; i++) {
		struct tally t = {0};
		double n = (double)n_seeds;

		if (argc > 2 && strcmp(argv[2], world_cases[i].sensor) != 0)
			continue;
		for (seed = 0; seed < n_seeds; seed++)
			run(&world_cases[i], seed, &t);
		printf(
		    "%s\n{\"sensor\":\"%s\",\"channel\":\"%s\",\"seeds\":%llu,\"energy_error_percent\":%.4f,"
		    "\"worst_energy_error_percent\":%.4f,\"ledger_coverage\":%.4f,\"record_s\":%.3f,\"report_s\":%.3f",
		    separator, world_cases[i].sensor, world_cases[i].channel, (unsigned long long)n_seeds,
		    100 * t.energy_error / n, 100 * t.worst_energy_error, t.coverage / n, t.record_s / n,
		    t.report_s / n);
		for (m = 0; m < N_METHODS; m++) {
			const struct sum *s = &t.sums[m];

			printf(",\n \"%s\":{\"figures\":%zu,\"rows\":%zu", methods[m], s->n_figures, s->n_rows);
			if (s->n)
				printf(",\"error_percent\":%.3f,\"worst_percent\":%.3f", 100 * s->error / (double)s->n,
				       100 * s->worst);
			if (s->n_held)
				printf(",\"coverage_percent\":%.1f", 100 * s->held / (double)s->n_held);
			printf("}");
		}
		printf("}");
		separator = ",";
		fflush(stdout);
	}
	printf("\n]\n");
	return 0;
}
