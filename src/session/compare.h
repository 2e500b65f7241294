/* From recordings to trials. */
#ifndef SESSION_COMPARE_H
#define SESSION_COMPARE_H

#include "compare/compare.h"
#include "joulemap/compare.h"
#include "session/report.h"

/* Reads a recording as a trial. label: of its variant; NULL: what a bench kept, else the file's name. out: jm_trial_finish.
 * Errors: those of jm_report_open; JM_E_NOT_FOUND for a channel that is not there. */
int jm_session_trial(const char *path, const char *label, const struct jm_compare_options *options,
		     struct jm_trial *out, struct jm_error *err);

/* What a comparison holds. Borrowed. */
const struct jm_comparison_data *jm_comparison_data_of(const struct jm_comparison *c);

/* The channels whose energies are a trial's energy, ready for sums over stretches. */
struct jm_trial_source {
	const struct jm_report *report;
	struct jm_series *series; /* n_channels */
	int *channels;            /* indices */
	size_t n_channels;
};
/* Picks the channels, says which in out, and loads them. source: jm_trial_source_finish, also after errors. */
int jm_trial_source_init(struct jm_trial_source *source, const struct jm_report *report, const char *choice,
			 struct jm_trial *out, struct jm_error *err);
void jm_trial_source_finish(struct jm_trial_source *source);
/* Fills power, energy and readings of the whole window, and of stretches of the run. Errors: JM_E_NOMEM. */
int jm_trial_fill_energy(const struct jm_trial_source *source, struct jm_trial *out);
int jm_trial_fill_blocks(const struct jm_trial_source *source, struct jm_trial *out);

/* As jm_comparison_write_folder. */
int jm_session_write_folder(const struct jm_comparison_data *c, const char *folder, bool overwrite, struct jm_error *err);

#endif
