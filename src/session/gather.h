/* What importers found, in memory, until the clocks are tied and all can be written. */
#ifndef SESSION_GATHER_H
#define SESSION_GATHER_H

#include "recording/recording.h"
#include "trace/trace.h"

/* One imported file. */
struct jm_gathered {
	const char *path;
	enum jm_trace_clock clock;
	struct jm_span *spans;
	size_t n_spans, spans_capacity;
	struct jm_sample *samples; /* channel: index in the gathering */
	size_t n_samples, samples_capacity;
};

struct jm_gathering {
	struct jm_gathered *files;
	size_t n_files;
	struct jm_names names;
	struct jm_channel *channels;
	size_t n_channels;
	char **keys, **values; /* meta */
	size_t n_meta;
	uint32_t n_tracks;    /* numbers of tracks used so far */
	struct jm_process_log processes; /* of the first file that has any */
	const char *isolated;            /* name of phases in which layers were run alone; NULL: none */
	void (*tell)(void *ctx, const char *text);
	void *ctx;
};

/* Reads one file. Errors: no importer knows it (JM_E_UNSUPPORTED), those of the importer and the file. */
int jm_gather_file(struct jm_gathering *g, const char *path, struct jm_error *err);
/* Gives layers without a type that of the same name in another file (an engine's description), once all are read, and
 * tells of it. Errors: JM_E_NOMEM. */
int jm_gather_types(struct jm_gathering *g, struct jm_error *err);
/* Writes a process log. Errors: those of the writer. */
int jm_import_processes(struct jm_writer *w, const struct jm_process_log *log);
void jm_gathering_finish(struct jm_gathering *g);
void jm_gather_tell(const struct jm_gathering *g, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
