#include "cli/own_cost.h"

#include "joulemap/compare.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define FEWER        10 /* times fewer readings in the runs to compare with */
#define READINGS_MIN 10 /* of a run, below that its mean says little */
#define PATH_BYTES   640

struct inputs {
	char (*texts)[PATH_BYTES]; /* NAME=FILE */
	size_t n;
};

static const char *path_of(const char *input)
{
	return input + sizeof("few=") - 1;
}

/* One run. The first variant named is what the other is set against, so "few" comes first in the list. */
static int trial(const char *folder, const struct jm_own_cost_trials *t, size_t round, bool is_few,
		 struct inputs *inputs)
{
	char *input = inputs->texts[inputs->n];
	bool is_recorded;
	int rc;

	snprintf(input, PATH_BYTES, "%s=%s/own-%s-%zu.jmap", is_few ? "few" : "all", folder, is_few ? "few" : "all",
		 round);
	rc = t->record(t->ctx, path_of(input), is_few ? t->period_ns * FEWER : t->period_ns, &is_recorded);
	inputs->n += is_recorded;
	return rc ? rc : is_recorded ? JM_EXIT_OK : JM_EXIT_FAILURE;
}

/* Below a nanowatt is rounding. */
static double watts(double few_w, double ratio)
{
	double w = few_w * (double)FEWER / (FEWER - 1) * (ratio - 1);

	return fabs(w) < 1e-9 ? 0 : w;
}

/* What differs is measuring FEWER times as often: the whole is a little more. */
static void print_difference(const struct jm_own_cost_trials *t, double few_w, double run_s,
			     const struct jm_figure_info *power)
{
	double w = watts(few_w, power->against);
	double low = watts(few_w, power->ci_low), high = watts(few_w, power->ci_high);

	printf("own energy  %+.3g W [%.3g, %.3g], %+.3g J a run of %.3g s; %llu rounds, readings each %.3g ms and each "
	       "%.3g ms\n",
	       w, low, high, w * run_s, run_s, (unsigned long long)t->rounds, (double)t->period_ns * 1e-6,
	       (double)t->period_ns * FEWER * 1e-6);
	if (low <= 0 && high >= 0)
		printf("            no cost is shown: the interval holds zero\n");
}

static void print_unknown(const char *reason)
{
	jm_cli_line(stdout, "own energy  unknown: %s", reason);
}

static bool is_too_short(const struct jm_own_cost_trials *t, double run_s)
{
	return run_s < (double)t->period_ns * 1e-9 * FEWER * READINGS_MIN;
}

static int print_comparison(const struct jm_own_cost_trials *t, const struct inputs *inputs)
{
	struct jm_compare_options options = {.size = sizeof(options), .first = "few"};
	struct jm_figure_info few, all, time;
	const char **texts = calloc(inputs->n, sizeof(*texts));
	struct jm_comparison *c = NULL;
	struct jm_error err = {0};
	size_t i;
	int rc;

	for (i = 0; texts && i < inputs->n; i++)
		texts[i] = inputs->texts[i];
	rc = texts ? jm_comparison_open(texts, inputs->n, &options, &c, &err) : JM_E_NOMEM;
	free(texts);
	if (rc)
		return rc == JM_E_NOMEM ? JM_EXIT_FAILURE : jm_cli_fail(&err);
	if (jm_comparison_figure(c, 0, "mean_power_w", &few) || jm_comparison_figure(c, 1, "mean_power_w", &all) ||
	    jm_comparison_figure(c, 1, "duration_s", &time))
		print_unknown("the runs gave no power");
	else if (is_too_short(t, time.mean))
		print_unknown(
		    "a run is too short for ten readings at a tenth of the rate; -i PERIOD takes shorter ones");
	else if (!isfinite(few.mean) || !isfinite(all.against) || !isfinite(all.ci_low))
		print_unknown(*all.reason ? all.reason : "there is no power of both");
	else
		print_difference(t, few.mean, time.mean, &all);
	jm_comparison_destroy(c);
	return JM_EXIT_OK;
}

void jm_cli_print_own_cost(const struct jm_own_cost *cost, const char *behind)
{
	struct jm_buffer text = {0};

	jm_own_cost_text(cost, &text);
	if (jm_buffer_terminate(&text))
		jm_cli_line(stdout, "own cost    %s%s", text.data, behind);
	jm_buffer_finish(&text);
}

int jm_cli_own_cost(const char *folder, const struct jm_own_cost_trials *t)
{
	struct inputs inputs = {.texts = calloc(2 * (size_t)t->rounds, PATH_BYTES)};
	int rc = inputs.texts ? JM_EXIT_OK : JM_EXIT_FAILURE;
	size_t round, i;

	for (round = 0; round < t->rounds && rc == JM_EXIT_OK; round++) {
		/* In turn, so that a machine that warms up favours neither. */
		bool is_few = round % 2 == 0;

		if (!t->is_quiet)
			fprintf(stderr, "own cost: round %zu of %llu\n", round + 1, (unsigned long long)t->rounds);
		rc = trial(folder, t, round, is_few, &inputs);
		if (rc == JM_EXIT_OK)
			rc = trial(folder, t, round, !is_few, &inputs);
	}
	if (rc == JM_EXIT_OK)
		rc = print_comparison(t, &inputs);
	for (i = 0; i < inputs.n; i++)
		unlink(path_of(inputs.texts[i]));
	free(inputs.texts);
	return rc;
}
