/* What a second of processor time was worth: weights from hardware counters. */
#include "attribution/split.h"

#include "core/error.h"
#include "core/units.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Below this part of the watched time, what was counted says too little of the rest. */
#define COUNTED_MIN 0.5

static const char *text_of(enum jm_count count)
{
#define TEXT(name, key, text) text,
	static const char *const texts[] = {JM_COUNT_LIST(TEXT)};
#undef TEXT

	return texts[count];
}

int jm_weighing_parse(const char *text, enum jm_weighing *out)
{
#define TEXT(name, text) text,
	static const char *const texts[] = {JM_WEIGHING_LIST(TEXT)};
#undef TEXT
	size_t i;

	for (i = 0; text && i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (strcmp(texts[i], text) == 0) {
			*out = (enum jm_weighing)i;
			return 0;
		}
	}
	*out = JM_WEIGH_AUTO;
	return text ? JM_E_NOT_FOUND : 0;
}

/* The walk over the steps: what each process had at its sample before. */
struct walk {
	const struct jm_process_log *log;
	int64_t *count_before, *reaped_before; /* by process; count < 0: none */
	double *delta;                         /* by process, in the step at hand; NAN: not counted */
	double *reaped_s;                      /* by sample: of its time that of children no snapshot saw */
	size_t next;                           /* row of counts */
};

static void begin_walk(struct walk *w)
{
	size_t i;

	w->next = 0;
	for (i = 0; i < w->log->n_processes; i++) {
		w->count_before[i] = -1;
		w->reaped_before[i] = 0;
		w->delta[i] = NAN;
	}
}

static double difference(int64_t *before, int64_t now)
{
	double delta = *before >= 0 && now >= *before ? (double)(now - *before) : NAN;

	*before = now;
	return delta;
}

/* Takes the rows of a step. Gives the machine's difference; NAN: unknown. */
static double take_step(struct walk *w, uint32_t step, enum jm_count which, int64_t *machine_before)
{
	int64_t machine = -1;

	for (; w->next < w->log->n_counts && w->log->count_steps[w->next] == step; w->next++) {
		const struct jm_process_count *row = &w->log->counts[w->next];

		if (row->process == JM_PROCESS_MACHINE)
			machine = row->counts[which];
		else
			w->delta[row->process] = difference(&w->count_before[row->process], row->counts[which]);
	}
	if (machine < 0) {
		*machine_before = -1;
		return NAN;
	}
	return difference(machine_before, machine);
}

/* Fills weights with what was counted, NAN where nothing was, and others with the machine's count. Gives counts by second of
 * counted time. */
static double fill_counted(struct walk *w, const struct jm_split *s, enum jm_count which, double *weights,
			   double *machine, double *fraction_out)
{
	double counts = 0, counted_s = 0, all_s = 0;
	int64_t machine_before = -1;
	size_t k, i;

	begin_walk(w);
	for (k = 0; k < w->log->n_steps; k++) {
		double of_machine = take_step(w, (uint32_t)k, which, &machine_before);

		if (k > 0)
			machine[k - 1] = of_machine;
		for (i = s->first_sample[k]; i < s->first_sample[k + 1]; i++) {
			const struct jm_process_sample *sample = &w->log->samples[i];
			int64_t *reaped = &w->reaped_before[sample->process];

			w->reaped_s[i] = fmin(s->done_s[i], fmax(0, jm_s_from_ns(sample->reaped_ns - *reaped)));
			*reaped = sample->reaped_ns;
			weights[i] = w->delta[sample->process];
			w->delta[sample->process] = NAN;
			all_s += k > 0 ? s->done_s[i] : 0;
			if (k == 0 || isnan(weights[i]))
				continue;
			counts += weights[i];
			counted_s += s->done_s[i] - w->reaped_s[i];
		}
	}
	*fraction_out = all_s > 0 ? counted_s / all_s : 0;
	return counted_s > 0 && counts > 0 ? counts / counted_s : NAN;
}

/* What was not counted weighs as the mean of what was. */
static void fill_rest(const struct walk *w, const struct jm_split *s, double rate, double *weights, double *others)
{
	size_t k, i;

	for (k = 0; k < s->n_intervals; k++) {
		double watched = 0;

		for (i = s->first_sample[k + 1]; i < s->first_sample[k + 2]; i++) {
			weights[i] = isnan(weights[i]) ? rate * s->done_s[i] : weights[i] + rate * w->reaped_s[i];
			watched += weights[i];
		}
		others[k] = isnan(others[k]) ? rate * s->others_s[k] : fmax(0, others[k] - watched);
	}
}

static int weigh_by(struct walk *w, struct jm_split *s, enum jm_count which)
{
	double *weights = calloc(w->log->n_samples + 1, sizeof(*weights));
	double *others = calloc(s->n_intervals + 1, sizeof(*others));
	double rate, fraction;

	if (!weights || !others) {
		free(weights);
		free(others);
		return JM_E_NOMEM;
	}
	rate = fill_counted(w, s, which, weights, others, &fraction);
	if (isnan(rate)) {
		free(weights);
		free(others);
		return 0;
	}
	fill_rest(w, s, rate, weights, others);
	s->weights[which] = weights;
	s->others_weight[which] = others;
	s->counted_fraction[which] = fraction;
	return 0;
}

int jm_split_weigh(struct jm_split *s)
{
	size_t n = s->log->n_processes + 1;
	struct walk w = {.log = s->log};
	int rc = 0, i;

	if (s->log->n_counts == 0)
		return 0;
	w.count_before = calloc(n, sizeof(*w.count_before));
	w.reaped_before = calloc(n, sizeof(*w.reaped_before));
	w.delta = calloc(n, sizeof(*w.delta));
	w.reaped_s = calloc(s->log->n_samples + 1, sizeof(*w.reaped_s));
	if (!w.count_before || !w.reaped_before || !w.delta || !w.reaped_s)
		rc = JM_E_NOMEM;
	for (i = 0; i < JM_N_COUNTS && rc == 0; i++)
		rc = weigh_by(&w, s, (enum jm_count)i);
	free(w.count_before);
	free(w.reaped_before);
	free(w.delta);
	free(w.reaped_s);
	return rc;
}

static bool is_usable(const struct jm_split *s, const struct jm_attribution_input *in, enum jm_count which,
		      bool is_asked_for)
{
	if (!s->weights[which] || s->counted_fraction[which] < COUNTED_MIN)
		return false;
	/* User mode alone leaves what the kernel does for a process without weight: not taken unless asked for. */
	return is_asked_for || (in->process_counts && strstr(in->process_counts, "kernel"));
}

/* Why processor time alone, in words. */
static void explain_time(const struct jm_split *s, const struct jm_attribution_input *in, enum jm_weighing weighing,
			 char *reason)
{
	const char *why = in->process_counts_why ? in->process_counts_why : "none is recorded";
	char text[160];

	if (weighing == JM_WEIGH_TIME) {
		snprintf(text, sizeof(text), "as asked for");
	} else if (!in->process_counts) {
		snprintf(text, sizeof(text), "no hardware counters of processes: %.110s", why);
	} else if (weighing == JM_WEIGH_AUTO && s->weights[JM_COUNT_CYCLES] &&
		   s->counted_fraction[JM_COUNT_CYCLES] >= COUNTED_MIN) {
		snprintf(text, sizeof(text),
			 "cycles were counted in %s only, where the kernel's work for a process would weigh nothing",
			 in->process_counts);
	} else {
		snprintf(text, sizeof(text), "too little of the processor time was counted");
	}
	snprintf(reason, JM_SPLIT_REASON, "by processor time alone, weighted by neither cycles nor instructions: %s",
		 text);
}

enum jm_split_basis jm_split_choose(const struct jm_split *s, const struct jm_attribution_input *in,
				    enum jm_weighing weighing, char *reason)
{
	static const enum jm_split_basis bases[] = {JM_SPLIT_CYCLES, JM_SPLIT_INSTRUCTIONS};
	static const enum jm_weighing asked[] = {JM_WEIGH_CYCLES, JM_WEIGH_INSTRUCTIONS};
	int i;

	for (i = 0; i < 2; i++) {
		const char *other = text_of(i ? JM_COUNT_CYCLES : JM_COUNT_INSTRUCTIONS);
		bool has_other = is_usable(s, in, i ? JM_COUNT_CYCLES : JM_COUNT_INSTRUCTIONS, true);

		if ((weighing != JM_WEIGH_AUTO && weighing != asked[i]) ||
		    !is_usable(s, in, (enum jm_count)i, weighing == asked[i]))
			continue;
		snprintf(reason, JM_SPLIT_REASON,
			 "by processor time weighted by %s (%s, %.1f %% of the time counted); not by %s: %s",
			 text_of((enum jm_count)i), in->process_counts ? in->process_counts : "of an unknown mode",
			 s->counted_fraction[i] * 100, other,
			 !has_other ? "they were not counted"
			 : weighing == JM_WEIGH_AUTO
			     ? "stalls take energy, too, and cycles count them (--weigh says otherwise)"
			     : "as asked for");
		return bases[i];
	}
	explain_time(s, in, weighing, reason);
	return JM_SPLIT_CPU_TIME;
}

bool jm_split_has_misses(const struct jm_split *s, const struct jm_attribution_input *in, enum jm_weighing weighing)
{
	return weighing != JM_WEIGH_TIME && is_usable(s, in, JM_COUNT_LLC_MISSES, weighing != JM_WEIGH_AUTO);
}
