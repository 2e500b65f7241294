/* The parts of a bench. */
#ifndef SESSION_BENCH_H
#define SESSION_BENCH_H

#include "joulemap/compare.h"

#include <stdbool.h>

/* What the machine was like before the first trial. Unknown: NAN. */
struct jm_bench_baseline {
	double power_w, power_sd_w; /* of a second's mean */
	double temperature_c;
};

/* Watches the sensors for a while. Errors: those of jm_live_open. */
int jm_bench_baseline(const char *sensors, int64_t duration_ns, struct jm_bench_baseline *out, struct jm_error *err);
/* Says whether a second's mean power and a temperature are back at the baseline: within three sd or 5 %, and 2 K. */
bool jm_bench_is_at_rest(const struct jm_bench_baseline *b, double power_w, double temperature_c);
/* Waits until they are, at most limit_ns. text (size bytes): empty, or that the limit ended it, and at what. progress may be NULL. Errors:
 * JM_E_CANCELLED; those of jm_live_open. */
int jm_bench_rest(const char *sensors, const struct jm_bench_baseline *b, int64_t limit_ns, jm_progress_fn progress,
		  void *ctx, char *text, size_t size, struct jm_error *err);

struct jm_bench_trial {
	const struct jm_bench_options *options;
	const struct jm_bench_baseline *baseline;
	const char *model, *variant, *bench, *path;
	uint64_t round, position; /* from 1 */
};

/* Rests and runs one trial in this process. Errors: those of both. */
int jm_bench_trial_here(const struct jm_bench_trial *t, jm_progress_fn progress, void *ctx, struct jm_error *err);
/* The same in a child of this process, whose memory is then that of the trial, and which may crash. A signal that asks this process to stop
 * is passed on to it. A recording that came to nothing is removed, unless it was there before. */
int jm_bench_trial(const struct jm_bench_trial *t, jm_progress_fn progress, void *ctx, struct jm_error *err);

/* Says whether a blocked SIGINT, SIGTERM or SIGHUP waits; it goes on waiting. */
bool jm_bench_is_stop_asked(void);

/* Puts 0 to n - 1 in random order. */
void jm_bench_shuffle(size_t *order, size_t n, uint64_t *seed);

#endif
