/* What measuring itself takes, by comparison: a command run in turn with all readings and with a tenth of them. */
#ifndef CLI_OWN_COST_H
#define CLI_OWN_COST_H

#include "cli/cli.h"
#include "core/own_cost.h"

struct jm_own_cost_trials {
	uint64_t rounds;   /* two runs each */
	int64_t period_ns; /* between readings */
	/* Records a run into path, with a reading each period_ns. Gives the command's exit code; *is_recorded_out: whether there is a
	 * recording. */
	int (*record)(void *ctx, const char *path, int64_t period_ns, bool *is_recorded_out);
	void *ctx;
	bool is_quiet;
};

/* Runs the trials, recordings in folder, and prints the difference in power and in energy a run, with its interval; or why there is
 * none. Ends with the first run that fails. Gives its exit code, else JM_EXIT_OK. All recordings are removed. */
int jm_cli_own_cost(const char *folder, const struct jm_own_cost_trials *trials);

/* Prints what a command's measuring took to stdout, as a line like those of reports; behind: what is to be said of it. */
void jm_cli_print_own_cost(const struct jm_own_cost *cost, const char *behind);

#endif
