/* What outputs keep of each process, and the reports made of it. */
#ifndef SERVICE_OUTPUTS_ROW_H
#define SERVICE_OUTPUTS_ROW_H

#include "core/text.h"
#include "service/measurement.h"

struct jm_output_row {
	int64_t pid;
	char command[128];
	unsigned devices; /* asked for */
	int64_t first_realtime_ns, last_realtime_ns, last_t_ns;
	uint64_t n_samples;
	bool is_known[JM_N_DEVICES], is_estimated[JM_N_DEVICES];
	double energy_j[JM_N_DEVICES], seen_s[JM_N_DEVICES];
	size_t next; /* row of the same bucket, + 1; 0: none */
};

#define JM_OUTPUT_BUCKETS  1024
#define JM_OUTPUT_ROWS_MAX 16384

struct jm_output_rows {
	struct jm_output_row *items;
	size_t n, capacity;
	size_t buckets[JM_OUTPUT_BUCKETS]; /* row + 1 */
	uint64_t n_lost;                   /* processes beyond JM_OUTPUT_ROWS_MAX */
};

#define JM_OUTPUT_TIME_SIZE 48
/* "2030-01-02 03:04:05.000006". Gives out. */
char *jm_output_time(int64_t realtime_ns, char *out);

/* Gives the row of a process, a new one where there is none; NULL: there is no room. */
struct jm_output_row *jm_output_rows_get(struct jm_output_rows *rows, int64_t pid, const char *command);
void jm_output_rows_finish(struct jm_output_rows *rows);

/* Appends power_summary_report.json: as the original's, with energies beside the means. */
void jm_output_summary(const struct jm_output_rows *rows, struct jm_buffer *out);
/* Appends metadata_START.json. */
void jm_output_metadata(const struct jm_output_rows *rows, const char *folder, int64_t start_realtime_ns,
			int64_t realtime_ns, struct jm_buffer *out);

#endif
