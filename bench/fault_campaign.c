/* Runs in which sensors stall, lie, vanish and wrap, the disk fills, the recorder is killed and clocks step, by seed. Prints JSON; exit
 * code 1 when a recording did not open, had a sample that nobody showed, or did not add up.
 *
 * usage: fault_campaign [RUNS [FIRST-SEED]] */
#define _GNU_SOURCE
#include "support/fault_verdict.h"

int main(int argc, char **argv)
{
	uint64_t n = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000, first = argc > 2 ? strtoull(argv[2], NULL, 10) : 1,
		 seed;
	uint64_t n_killed = 0, n_full = 0, n_not_started = 0, n_closed = 0, n_samples = 0, n_gaps = 0, n_shown = 0,
		 n_bad = 0;
	uint64_t n_faults[FAULT_KINDS] = {0};
	static const char *const texts[] = {
#define FAULT_TEXT(name, text) text,
	    FAULT_LIST(FAULT_TEXT)
#undef FAULT_TEXT
	};
	struct fault_verdict v;
	struct fault_plan plan;
	size_t i;

	for (seed = first; seed < first + n; seed++) {
		fault_run(seed, &v);
		fault_plan_make(&plan, seed);
		for (i = 0; i < plan.n_faults; i++)
			n_faults[plan.faults[i].kind]++;
		n_killed += v.was_killed;
		n_full += v.was_full;
		n_not_started += v.was_not_started;
		n_closed += v.was_closed;
		n_samples += v.n_samples;
		n_gaps += v.n_gaps;
		n_shown += v.n_shown;
		n_bad += v.what[0] != '\0';
		if (v.what[0])
			fprintf(stderr, "seed %llu: %s\n", (unsigned long long)seed, v.what);
	}
	printf(
	    "{\"runs\": %llu, \"first_seed\": %llu, \"failed\": %llu, \"killed\": %llu, \"disk_full\": %llu, "
	    "\"not_started\": %llu,\n"
	    " \"closed\": %llu, \"readings_shown\": %llu, \"readings_recorded\": %llu, \"gaps\": %llu,\n \"faults\": {",
	    (unsigned long long)n, (unsigned long long)first, (unsigned long long)n_bad, (unsigned long long)n_killed,
	    (unsigned long long)n_full, (unsigned long long)n_not_started, (unsigned long long)n_closed,
	    (unsigned long long)n_shown, (unsigned long long)n_samples, (unsigned long long)n_gaps);
	for (i = 0; i < FAULT_KINDS; i++)
		printf("%s\"%s\": %llu", i ? ", " : "", texts[i], (unsigned long long)n_faults[i]);
	printf("}}\n");
	return n_bad != 0;
}
